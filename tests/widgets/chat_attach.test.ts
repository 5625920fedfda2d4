// Attachments as a person meets them: dropped, pasted, chosen, taken away, and shown above the message they went with.
import type { AttachmentView, FileView } from "../../workbench/widgets/protocol";
import { copyOf } from "../../workbench/widgets/saved";
import { button, shown, visible, write } from "./chat_fixture";
import { chatView, fakeLayout, frame, message, until } from "./fixtures";

fakeLayout();

const table: FileView = { id: "a1", kind: "table", name: "weather", tokens: 1234, about: false, note: "2 rows", thumb: null };
const picture: FileView = {
  id: "a2", kind: "image", name: "plot.png", tokens: null, about: false, note: "shrunk from 3,000 by 2,000 pixels", thumb: "data:image/png;base64,AA==",
};
const beside = (file: FileView, changes: Partial<AttachmentView> = {}): AttachmentView => ({ ...file, problem: "", busy: false, ...changes });

function dropped(target: Element, kind: "drop" | "dragover", files: File[]): Event {
  const event = new Event(kind, { bubbles: true, cancelable: true });
  Object.assign(event, { dataTransfer: { types: ["Files"], files, dropEffect: "none" }, relatedTarget: null });
  target.dispatchEvent(event);
  return event;
}

function pasted(target: Element, text: string, files: File[] = []): Event {
  const event = new Event("paste", { bubbles: true, cancelable: true });
  Object.assign(event, { clipboardData: { getData: () => text, files } });
  target.dispatchEvent(event);
  return event;
}

test("chips say what goes with the next message, and can be taken away", async () => {
  const { find, el, last, delta } = await shown({ attachments: [beside(table), beside(picture)] });
  const chips = [...el.querySelectorAll(".wb-tray .wb-att")];
  expect(chips.map((chip) => chip.textContent)).toEqual(["weather1,234 tokens", "plot.pngshrunk"]);
  expect(chips[1]!.querySelector("img")!.getAttribute("src")).toBe(picture.thumb);
  expect(chips[0]!.getAttribute("title")).toBe("weather: 2 rows");
  button(el, "Remove weather").focus();
  button(el, "Remove weather").click();
  expect(last()).toMatchObject({ kind: "detach", attachment: "a1" });
  await delta(["state", { attachments: [beside(picture)] }]);
  expect(document.activeElement).toBe(button(el, "Remove plot.png"));
  await delta(["state", { attachments: [] }]);
  expect(document.activeElement).toBe(find("textarea"));
  expect(visible(find(".wb-chips"))).toBe(false);
});

test("estimated tokens say so, and what is still read has none", async () => {
  const { el } = await shown({ attachments: [beside({ ...table, about: true }), beside({ ...table, tokens: null }, { busy: true })] });
  const words = [...el.querySelectorAll(".wb-tray .wb-att")].map((chip) => chip.textContent);
  expect(words).toEqual(["weatherabout 1,234 tokens", "weatherreading…"]);
});

test("a model that cannot take it is named before anything is sent", async () => {
  const problem = "builtin cannot see pictures.";
  const { find } = await shown({ attachments: [beside(picture, { problem })] });
  expect(find(".wb-traynote").textContent).toBe(problem);
  expect(find(".wb-tray .wb-att").classList.contains("wb-bad")).toBe(true);
  expect(find(".wb-tray .wb-att").title).toContain(problem);
});

test("a dropped file goes to the kernel in pieces, each after the one before", async () => {
  const { find, fake, last, answer } = await shown();
  const file = new File([new Uint8Array(800 * 1024).fill(65)], "data.bin");
  expect(dropped(find(".wb-scroll"), "dragover", [file]).defaultPrevented).toBe(true);
  expect(find(".wb-chat").classList.contains("wb-dropping")).toBe(true);
  expect(dropped(find(".wb-scroll"), "drop", [file]).defaultPrevented).toBe(true);
  expect(find(".wb-chat").classList.contains("wb-dropping")).toBe(false);
  await until(() => last().kind === "attach", "a piece");
  const first = last() as unknown as { attachment: string; data: string; more: boolean };
  expect(first).toMatchObject({ name: "data.bin", more: true });
  expect(atob(first.data).length).toBe(768 * 1024);
  const before = fake.sent.length;
  await answer();
  await until(() => fake.sent.length > before, "the next piece");
  const second = last() as unknown as typeof first;
  expect(second).toMatchObject({ attachment: first.attachment, more: false });
  expect(atob(second.data)).toBe("A".repeat(32 * 1024));
});

test("a refused piece ends the upload, and what is too large is never sent", async () => {
  const { find, fake, last, answer } = await shown();
  dropped(find(".wb-chat"), "drop", [new File([new Uint8Array(800 * 1024)], "a.bin")]);
  await until(() => last().kind === "attach", "a piece");
  const before = fake.sent.length;
  await answer(null, "a.bin arrived damaged.");
  await frame();
  expect(find(".wb-notice").textContent).toContain("arrived damaged");
  const huge = new File(["x"], "huge.png");
  Object.defineProperty(huge, "size", { value: 200 * 2 ** 20 });
  dropped(find(".wb-chat"), "drop", [huge]);
  await frame();
  expect(fake.sent.length).toBe(before);
  expect(find(".wb-notice").textContent).toContain("huge.png is too large: more than 20 MB.");
});

test("a pasted picture and a long text become attachments, short text stays text", async () => {
  const { find, last, fake } = await shown();
  const box = find("textarea");
  const before = fake.sent.length;
  expect(pasted(box, "a few words").defaultPrevented).toBe(false);
  expect(pasted(box, "1\t2", [new File(["x"], "cells.png")]).defaultPrevented).toBe(false);
  expect(fake.sent.length).toBe(before);
  expect(pasted(box, "long ".repeat(1000)).defaultPrevented).toBe(true);
  expect(last()).toMatchObject({ kind: "attach", name: "Pasted text", content: "long ".repeat(1000) });
  expect(pasted(box, "", [new File(["x"], "image.png")]).defaultPrevented).toBe(true);
  await until(() => (last() as { name?: string }).name === "image.png", "the picture");
});

test("the paperclip offers a file, the last output and the last error", async () => {
  const { el, last } = await shown();
  const press = (label: string): void => {
    button(el, "Attach").click();
    const items = [...el.querySelectorAll<HTMLElement>(".wb-menu [role=menuitem]")];
    items.find((item) => item.textContent!.startsWith(label))!.click();
  };
  press("Last output");
  expect(last()).toMatchObject({ kind: "attach_last", what: "output" });
  press("Last error");
  expect(last()).toMatchObject({ kind: "attach_last", what: "error" });
  let chosen = 0;
  el.querySelector("input[type=file]")!.addEventListener("click", () => chosen++);
  press("File or picture");
  expect(chosen).toBe(1);
});

test("a message that was sent shows what went with it, and keeps it while it is edited", async () => {
  const question = message("u1", { role: "user", model: null, text: "What is this?", files: [table, picture] });
  const { el, find } = await shown({ messages: [question, message("m1", { text: "A table." })] });
  expect(find(".wb-files .wb-att").textContent).toBe("weather1,234 tokens");
  expect(find<HTMLImageElement>(".wb-files img").alt).toBe("plot.png");
  button(find(".wb-usr"), "Edit").click();
  write(find<HTMLTextAreaElement>(".wb-edit textarea"), "And this?");
  expect(el.querySelector(".wb-files .wb-att")).not.toBeNull();
});

test("the saved copy has the names only", () => {
  const question = message("u1", { role: "user", model: null, text: "What?", files: [table, { ...picture, name: "<b>.png" }] });
  const copy = copyOf(chatView({ messages: [question] }));
  expect(copy.html).toContain("<em>Attached: weather (table), &lt;b&gt;.png (image)</em>");
  expect(copy.html).not.toContain("base64");
  expect(copy.text).toContain("Attached: weather (table), <b>.png (image)");
});
