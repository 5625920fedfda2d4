// The conversation as a tree: versions, editing, asking again, deleting, forking; queueing and interrupting.
import { planWords } from "../../workbench/widgets/chat_delete";
import type { MessageView } from "../../workbench/widgets/protocol";
import { button, key, shown, visible, write } from "./chat_fixture";
import { fakeLayout, message, model, until } from "./fixtures";

fakeLayout();

const question = message("u1", { role: "user", model: null, text: "Hello?" });
const answer = message("a1", { text: "Hi", parent: "u1", place: { index: 2, count: 3, previous: "a0", next: "a2" } });
const article = (el: ParentNode, id: string): HTMLElement => el.querySelector<HTMLElement>(`[data-message="${id}"]`)!;

test("a message said once shows no versions; one of three shows which, with a way back and forth", async () => {
  const { el, find, last } = await shown({ messages: [question, answer] });
  expect(visible(article(el, "u1").querySelector<HTMLElement>(".wb-sib")!)).toBe(false);
  const versions = article(el, "a1").querySelector<HTMLElement>(".wb-sib")!;
  expect([versions.textContent, versions.getAttribute("aria-label")]).toEqual(["2 / 3", "Version 2 of 3"]);
  button(versions, "Previous version").click();
  expect(last()).toMatchObject({ kind: "show", message: "a0" });
  article(el, "a1").focus();
  key(find(".wb-answer"), "ArrowRight");
  expect(last()).toMatchObject({ kind: "show", message: "a2" });
});

test("the other version comes in the same place and has the focus", async () => {
  const { el, delta } = await shown({ messages: [question, answer] });
  article(el, "a1").focus();
  const other = message("a2", { text: "Hello!", parent: "u1", place: { index: 3, count: 3, previous: "a1", next: null } });
  await delta(["cut", "u1"], ["message", other]);
  expect([...el.querySelectorAll("article")].map((each) => each.dataset.message)).toEqual(["u1", "a2"]);
  expect(document.activeElement).toBe(article(el, "a2"));
  const next = [...article(el, "a2").querySelectorAll<HTMLButtonElement>(".wb-sib button")].at(-1)!;
  expect(next.disabled).toBe(true);
});

test("cutting to nothing empties the transcript", async () => {
  const { el, delta, find } = await shown({ messages: [question, answer] });
  await delta(["cut", null]);
  expect(el.querySelectorAll("article")).toHaveLength(0);
  expect(visible(find(".wb-empty"))).toBe(true);
});

test("E opens a message in its place; Enter saves, Shift-Enter and a composition do not, Escape leaves it", async () => {
  const { el, last, fake, answer: reply } = await shown({ messages: [question, answer] });
  const mine = article(el, "u1");
  mine.focus();
  key(mine, "e");
  const box = mine.querySelector("textarea")!;
  expect([box.value, document.activeElement === box]).toEqual(["Hello?", true]);
  const sent = fake.sent.length;
  key(box, "Enter", { shiftKey: true });
  key(box, "Enter", { isComposing: true });
  key(box, "c"); // a letter, not a command
  expect(fake.sent).toHaveLength(sent);
  key(box, "Escape");
  expect([mine.querySelector("textarea"), document.activeElement === mine]).toEqual([null, true]);
  key(mine, "E");
  write(mine.querySelector("textarea")!, "Good day?");
  key(mine.querySelector("textarea")!, "Enter");
  expect(last()).toMatchObject({ kind: "edit", message: "u1", text: "Good day?" });
  await reply(null, "No model.");
  expect(mine.querySelector("textarea")!.value).toBe("Good day?"); // refused: nothing is lost
  button(mine, "Save").click();
  await reply();
  await until(() => mine.querySelector("textarea") === null, "the editor closed");
});

test("an answer can be edited too; nothing runs", async () => {
  const { el, last } = await shown({ messages: [question, answer] });
  button(article(el, "a1"), "Edit").click();
  write(article(el, "a1").querySelector("textarea")!, "Hi there");
  button(article(el, "a1"), "Save").click();
  expect(last()).toMatchObject({ kind: "edit", message: "a1", text: "Hi there" });
});

test("Up in an empty composer edits what was said last; in a written one it moves the caret", async () => {
  const { el, find } = await shown({ messages: [question, answer] });
  const box = find<HTMLTextAreaElement>(".wb-comp textarea");
  write(box, "x");
  expect(key(box, "ArrowUp").defaultPrevented).toBe(false);
  write(box, "");
  expect(key(box, "ArrowUp").defaultPrevented).toBe(true);
  expect(article(el, "u1").querySelector("textarea")!.value).toBe("Hello?");
});

test("Regenerate asks again; with another model by name", async () => {
  const models = [model("builtin"), model("org/b"), model("ollama:a", { status: "down" })];
  const { el, find, last } = await shown({ messages: [question, answer], models });
  button(article(el, "a1"), "Regenerate").click();
  expect(last()).toMatchObject({ kind: "regenerate", message: "a1" });
  button(article(el, "a1"), "More").click();
  button(find(".wb-menu"), "Regenerate with another model…").click();
  expect(find(".wb-menu").textContent).toBe("b"); // not itself, and not one whose server is down
  button(find(".wb-menu"), "b").click();
  expect(last()).toMatchObject({ kind: "regenerate", message: "a1", model: "org/b" });
});

test("an answer that stopped early offers to go on", async () => {
  const cut = message("a1", { text: "The three", finish: "length", parent: "u1" });
  const { el, last } = await shown({ messages: [question, cut] });
  button(article(el, "a1"), "Go on").click();
  expect(last()).toMatchObject({ kind: "go_on", message: "a1" });
});

test("deleting shows what goes, with the focus on Keep", async () => {
  const later = message("u2", { role: "user", model: null, text: "And?", parent: "a1" });
  const { el, find, last, fake } = await shown({ messages: [question, answer, later] });
  const more = button(article(el, "a1"), "More");
  more.focus();
  more.click();
  button(find(".wb-menu"), "Delete from here…").click();
  const plan = find("[role=alertdialog]:not(.wb-notice)");
  expect(plan.textContent).toContain("Deletes this message and the one below. Its other 2 versions stay.");
  expect(document.activeElement!.textContent).toBe("Keep");
  const sent = fake.sent.length;
  button(plan, "Keep").click();
  expect(fake.sent).toHaveLength(sent);
  more.click();
  button(find(".wb-menu"), "Delete from here…").click();
  button(plan, "Delete 2 messages").click();
  expect(last()).toMatchObject({ kind: "delete", message: "a1" });
});

test("a plan counts what is below and tells what stays", () => {
  const below = (count: number, versions = 1): MessageView[] =>
    Array.from({ length: count }, (_, i) => message(`m${i}`, { place: { index: 1, count: versions, previous: null, next: null } }));
  expect(planWords(question, [])).toBe("Deletes this message. This cannot be undone.");
  expect(planWords(question, below(5))).toBe("Deletes this message and the 5 below. This cannot be undone.");
  expect(planWords(question, below(2, 2))).toContain("the 2 below, with their other versions.");
});

test("a fork goes into a cell below; where there is no notebook, its line is said", async () => {
  const { el, find, last, answer: reply, fake } = await shown({ messages: [question, answer] });
  const fork = async (): Promise<void> => {
    button(article(el, "a1"), "More").click();
    button(find(".wb-menu"), "Fork the chat here").click();
    expect(last()).toMatchObject({ kind: "fork", message: "a1" });
    await reply({ chat: "c9" });
    await until(() => visible(find(".wb-notice")), "it was said");
  };
  await fork();
  expect(find(".wb-notice").textContent).toContain('In a cell: wb.reopen("c9")');
  const cells: string[] = [];
  const sharedModel = { cells: [1], insertCell: (_at: number, cell: { source: string }) => cells.push(cell.source) };
  fake.widget_manager = { context: { model: { sharedModel } } };
  await fork();
  expect(cells).toEqual(['wb.reopen("c9")']);
  expect(find(".wb-notice").classList.contains("wb-err")).toBe(false);
});

test("while an answer is written Enter queues and Alt-Enter interrupts; a menu says both", async () => {
  const running = message("a3", { status: "writing", run: "r7" });
  const { find, last, el } = await shown({ messages: [question, running], run: "r7", run_message: "a3" });
  const box = find<HTMLTextAreaElement>(".wb-comp textarea");
  write(box, "next");
  key(box, "Enter");
  expect(last()).toMatchObject({ kind: "send", text: "next" });
  expect(last()).not.toHaveProperty("interrupt");
  write(box, "now");
  key(box, "Enter", { altKey: true });
  expect(last()).toMatchObject({ kind: "send", text: "now", interrupt: true });
  write(box, "later");
  button(find(".wb-comp"), "Send while it writes").click();
  expect(el.querySelectorAll(".wb-menu [role=menuitem]")).toHaveLength(2);
  button(find(".wb-menu"), "Stop it and send nowAlt Enter").click();
  expect(last()).toMatchObject({ kind: "send", text: "later", interrupt: true });
});

test("of a long conversation only the newest messages are drawn at first; the rest keeps its words", async () => {
  const messages = Array.from({ length: 300 }, (_, i) => message(`m${i}`, { role: i % 2 ? "assistant" : "user", text: `word **${i}**` }));
  const { el, find } = await shown({ messages });
  expect(el.querySelectorAll("article")).toHaveLength(300);
  expect(el.querySelectorAll("article:not(.wb-bare)").length).toBeLessThan(20);
  expect(article(el, "m3").textContent).toBe("word **3**");
  article(el, "m299").focus();
  key(find("article:last-child"), "Home"); // what gets the focus is drawn
  expect([document.activeElement, article(el, "m0").classList.contains("wb-bare")]).toEqual([article(el, "m0"), false]);
  key(article(el, "m0"), "ArrowDown");
  expect(article(el, "m1").querySelector("strong")!.textContent).toBe("1");
});
