// A call of a function in an answer: asked for, changed, run, and what came of it; and the mode of the chat.
import { button, key, shown, visible, write } from "./chat_fixture";
import { fakeLayout, message } from "./fixtures";
import type { CallView } from "../../workbench/widgets/protocol";

beforeAll(fakeLayout);

function call(changes: Partial<CallView> = {}): CallView {
  return { id: "c1", name: "add", arguments: { a: 3, b: "four" }, status: "asking", result: null, seconds: null, at: 0, ...changes };
}

const asking = (changes: Partial<CallView> = {}, text = "") =>
  shown({ messages: [message("m1", { status: "asking", text, run: "r", tools: [call(changes)] })], run: "r", run_message: "m1" });

test("a call that waits can be run once, always, or never", async () => {
  const { find, last, answer } = await asking();
  const card = find("details.wb-toolc");
  expect(card.getAttribute("aria-label")).toBe("add, waits for you");
  expect(card.querySelector("pre")!.textContent).toBe('a = 3\nb = "four"');
  for (const [words, how] of [["Run once", "once"], ["Always in this chat", "always"], ["Never", "never"]]) {
    button(card, words!).click();
    expect(last()).toMatchObject({ kind: "answer_call", call: "c1", how });
    await answer();
  }
  expect(find(".wb-state").textContent).toBe("Waiting for you");
  find(".wb-toolc summary").click();
  expect((card as HTMLDetailsElement).open).toBe(true);
});

test("arguments are changed: text as it is, the rest as JSON; what does not fit is said", async () => {
  const { find, fake, last, answer } = await asking();
  const card = find("details.wb-toolc");
  button(card, "Edit arguments").click();
  const [a, b] = [...card.querySelectorAll("textarea")] as [HTMLTextAreaElement, HTMLTextAreaElement];
  expect(document.activeElement).toBe(a);
  write(a, "much");
  const before = fake.sent.length;
  button(card, "Run once").click();
  expect(fake.sent.length).toBe(before);
  expect(find(".wb-wrong").textContent).toContain("a is not JSON");
  expect(a.getAttribute("aria-invalid")).toBe("true");
  write(a, "40");
  write(b, "two\nlines");
  button(card, "Run once").click();
  expect(last()).toMatchObject({ arguments: { a: 40, b: "two\nlines" }, how: "once" });
  await answer(null, "add was not called: b: expected int, got str.");
  expect(find(".wb-wrong").textContent).toContain("expected int");
  key(b, "Escape");
  expect(card.querySelectorAll("textarea")).toHaveLength(0);
  expect(visible(find(".wb-wrong"))).toBe(false);
});

test("a call that ended folds into one line; the text after it follows it", async () => {
  const { find, el, delta } = await asking({ at: 3 }, "Let");
  button(find(".wb-toolc"), "Run once").focus();
  const tools = [call({ status: "done", result: "7", seconds: 1.5, at: 3 })];
  await delta(["patch", "m1", { tools, status: "writing" }], ["text", "m1", "\n\nIt is 7."]);
  const card = find<HTMLDetailsElement>("details.wb-toolc");
  await vi.waitFor(() => expect(card.getAttribute("aria-label")).toBe("add, done"), 15_000);
  expect(card.open).toBe(false);
  expect(find(".wb-toolc summary .wb-end").textContent).toBe("7 · 1.5 s");
  expect(document.activeElement).toBe(find(".wb-toolc summary"));
  const texts = [...el.querySelectorAll(".wb-answer > .wb-md, .wb-tools > .wb-md")];
  expect(texts.map((each) => each.textContent)).toEqual(["Let", "It is 7."]);
  expect(card.compareDocumentPosition(texts[1]!)).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
});

test.each([
  ["failed", "KeyError: 'arm'\n  a.py, line 3", "failed", "KeyError: 'arm'"],
  ["timeout", "No result after 60 s", "timed out", "No result after 60 s · 60 s"],
  ["refused", "The person did not allow this call.", "not allowed", ""],
  ["done", "1\n2\n3", "done", "3 lines · 60 s"],
] as const)("a call that %s says so", async (status, result, words, aside) => {
  const { find } = await asking({ status, result, seconds: status === "failed" ? null : 60 });
  expect(find(".wb-toolc .wb-bdg").textContent).toBe(words);
  expect(find(".wb-toolc summary .wb-end").textContent).toBe(aside);
  expect(visible(find(".wb-toolc footer"))).toBe(false);
});

test("the mode is chosen where messages are written, once there is something to choose", async () => {
  const { find, el, delta, last } = await shown();
  expect(visible(find(".wb-mode"))).toBe(false);
  await delta(["state", { tools: [{ name: "add", description: "", allowed: "never" }] }]);
  expect(find(".wb-mode").textContent).toBe("1 tool");
  find(".wb-mode").click();
  const items = [...el.querySelectorAll<HTMLElement>('[role="menuitemradio"]')];
  expect(items.map((item) => item.getAttribute("aria-checked"))).toEqual(["false", "true", "false"]);
  items[2]!.click();
  expect(last()).toMatchObject({ kind: "set_mode", mode: "edit" });
  find(".wb-mode").click();
  [...el.querySelectorAll<HTMLElement>('[role="menuitem"]')].at(-1)!.click();
  expect(last()).toMatchObject({ kind: "allow_tool", tool: "add", how: "once" });
});
