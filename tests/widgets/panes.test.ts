// Chats side by side, with a kernel that the test plays: one channel for all, one composer, each pane a chat's view.
import panes from "../../workbench/widgets/panes";
import { PANES_KINDS, PANES_OP_KINDS, PanesStore, type PanesOp, type PanesRequest } from "../../workbench/widgets/panes_protocol";
import type { ChatView } from "../../workbench/widgets/protocol";
import { copyOfPanes } from "../../workbench/widgets/saved";
import { button, key, visible, write } from "./chat_fixture";
import { chatView, message, model, until } from "./fixtures";
import { ERROR, mountPanel } from "./panels";

const view = (...rows: Partial<ChatView>[]) => ({
  panes: "p",
  most: 4,
  names: Object.fromEntries(rows.map((row, i) => [`c${i}`, rows.length > 1 && !row.model ? `builtin ${i + 1}` : (row.model?.id ?? "builtin")])),
  rows: rows.map((row, i) => ({ id: `c${i}`, view: chatView({ chat: `c${i}`, ...row }) })),
});
const two = () => view({}, {});
const question = (id: string) => message(id, { role: "user", model: null, text: "Hi" });
const shown = (state: object = two(), manager?: unknown) => mountPanel(panes() as never, state, { manager });
const pane = (el: Element, at: number): HTMLElement => el.querySelectorAll<HTMLElement>(".wb-pane")[at]!;
const box = (el: Element): HTMLTextAreaElement => el.querySelector<HTMLTextAreaElement>(".wb-panes > .wb-comp textarea")!;

test("the lists of tags, which Python's tests read, are the tags of the types", () => {
  expectTypeOf<(typeof PANES_KINDS)[number]>().toEqualTypeOf<PanesRequest["kind"]>();
  expectTypeOf<(typeof PANES_OP_KINDS)[number]>().toEqualTypeOf<Exclude<PanesOp[0], "state" | "row" | "drop">>();
});

test("one composer below all: what is written goes to every chat, once", async () => {
  const { el, asked } = await shown();
  expect(el.querySelectorAll("textarea:not(.wb-pane textarea)").length).toBe(1);
  expect(pane(el, 0).querySelector(".wb-comp")).toBeNull();
  expect(box(el).placeholder).toBe("Message both");
  write(box(el), "Hello");
  key(box(el), "Enter");
  expect(asked()).toEqual([{ kind: "send_all", text: "Hello" }]);
});

test("a refused message comes back where it was written, and says why", async () => {
  const { el, answer } = await shown();
  write(box(el), "Hello");
  key(box(el), "Enter");
  expect(box(el).value).toBe("");
  answer("send_all", null, ERROR);
  await until(() => box(el).value === "Hello", "the words are back");
  expect(el.querySelector(".wb-panes > .wb-pnote.wb-err")!.textContent).toContain("It broke.");
});

test("changes go to the pane that they are tagged with", async () => {
  const { el, ops } = await shown();
  const answer = (id: string) => message(id, { text: "", status: "writing", run: id });
  ops(["pane", "c0", ["message", answer("a")]], ["pane", "c1", ["message", answer("b")]], ["pane", "c1", ["text", "b", "Only here"]]);
  await until(() => pane(el, 1).textContent!.includes("Only here"), "its text");
  expect(pane(el, 0).textContent).not.toContain("Only here");
});

test("what is pressed in a pane travels tagged, and its answer finds the way back", async () => {
  const state = two();
  state.rows[1]!.view.messages = [question("u"), message("a", { text: "Hi" })];
  const { el, asked, answer } = await shown(state);
  button(pane(el, 1), "Regenerate").click();
  expect(asked()).toEqual([{ kind: "in_pane", pane: "c1", command: { kind: "regenerate", message: "a", id: 1 } }]);
  answer("in_pane", null, ERROR);
  await until(() => pane(el, 1).textContent!.includes("It broke."), "the refusal, in its pane");
  expect(pane(el, 0).textContent).not.toContain("It broke.");
});

test("while any chat answers, one button stops both, and Escape too", async () => {
  const { el, ops, asked, button: press } = await shown();
  ops(["pane", "c1", ["state", { run: "r", run_message: null }]]);
  await until(() => visible(el.querySelector<HTMLElement>(".wb-panes > .wb-comp .wb-stopb")!), "the stop button");
  press("Stop both").click();
  key(box(el), "Escape");
  expect(asked()).toEqual([{ kind: "stop_all" }, { kind: "stop_all" }]);
});

test("one is stopped alone from its head", async () => {
  const { el, ops, asked } = await shown();
  const stop = () => pane(el, 1).querySelector<HTMLElement>("[aria-label='Stop this one']")!;
  expect(stop().style.visibility).toBe("hidden");
  ops(["pane", "c1", ["state", { run: "r", run_message: null }]]);
  await until(() => stop().style.visibility === "", "its stop button");
  stop().click();
  expect(asked()).toEqual([{ kind: "in_pane", pane: "c1", command: { kind: "stop", run: "r", id: 1 } }]);
});

test("the same model twice is numbered; one that changes is not", async () => {
  const { el, ops } = await shown();
  const badge = (at: number) => pane(el, at).querySelector<HTMLElement>(".wb-pnum")!;
  expect([badge(0).textContent, badge(1).textContent]).toEqual(["1", "2"]);
  ops(["pane", "c1", ["state", { model: model("ollama:llama") }]], ["state", { names: { c0: "builtin", c1: "ollama:llama" } }]);
  await until(() => badge(0).hidden, "no number");
  expect(badge(1).hidden).toBe(true);
  expect([...el.querySelectorAll("[role=tab]")].map((tab) => tab.textContent)).toEqual(["builtin", "llama"]);
});

test("panes come and go, and the last one cannot be closed from its head", async () => {
  const { el, ops, asked, button: press } = await shown();
  button(pane(el, 0), "Close this chat").click();
  expect(asked()).toEqual([{ kind: "remove_pane", pane: "c0" }]);
  ops(["row", { id: "c9", view: chatView({ chat: "c9" }) }], ["drop", "c0"]);
  await until(() => el.querySelectorAll(".wb-pane").length === 2, "two again");
  ops(["drop", "c1"], ["state", { names: { c9: "builtin" } }]);
  await until(() => el.querySelector<HTMLElement>(".wb-panes")!.dataset.count === "1", "one is left");
  expect(box(el).placeholder).toBe("Message builtin");
  expect(press("Add a model")).toBeDefined();
});

test("four are enough", async () => {
  const { el } = await shown(view({}, {}, {}, {}));
  expect(el.querySelector<HTMLElement>(".wb-padd")!.hidden).toBe(true);
  expect(box(el).placeholder).toBe("Message all four");
});

test("a model is added from the one list, asked for through the first chat", async () => {
  const { el, asked, button: press } = await shown();
  press("Add a model").click();
  expect(asked()).toEqual([{ kind: "in_pane", pane: "c0", command: { kind: "list_models", id: 1 } }]);
  el.querySelector<HTMLElement>(".wb-panes > .wb-picker .wb-opt")!.click();
  expect(asked().at(-1)).toEqual({ kind: "add_pane", model: "builtin" });
});

test("the one that is kept goes on here, and in a new cell by itself", async () => {
  const inserted: string[] = [];
  const insertCell = (_: number, cell: { source: string }) => inserted.push(cell.source);
  const { el, asked, answer } = await shown(two(), { context: { model: { sharedModel: { cells: [], insertCell } } } });
  button(pane(el, 1), "Keep this one").click();
  expect(asked()).toEqual([{ kind: "keep_pane", pane: "c1" }]);
  answer("keep_pane", { chat: "h1" });
  await until(() => inserted.length === 1, "the cell");
  expect(inserted).toEqual(['wb.reopen("h1")']);
  expect(el.querySelector(".wb-pnote .wb-mono")!.textContent).toBe('wb.reopen("h1")');
});

test("tabs say which chat is shown where there is room for one; arrows move between them", async () => {
  const { el } = await shown();
  const tabs = [...el.querySelectorAll<HTMLElement>("[role=tab]")];
  expect(tabs.map((tab) => tab.getAttribute("aria-selected"))).toEqual(["true", "false"]);
  expect(tabs[1]!.getAttribute("aria-controls")).toBe(pane(el, 1).id);
  tabs[0]!.focus();
  key(tabs[0]!, "ArrowRight");
  expect(document.activeElement).toBe(tabs[1]);
  expect([pane(el, 0), pane(el, 1)].map((each) => each.classList.contains("wb-on"))).toEqual([false, true]);
  key(tabs[1]!, "ArrowRight");
  expect(document.activeElement).toBe(tabs[0]);
});

test("without a kernel nothing can be written or pressed, and it is said once", async () => {
  const { el, model: fake } = await shown();
  fake.emit("comm:close");
  await until(() => el.querySelector<HTMLElement>(".wb-panes > .wb-comp")!.hidden, "no composer");
  expect(pane(el, 0).classList.contains("wb-gone")).toBe(true);
});

test("a lost change of one pane is mended by the whole state", () => {
  const sent: { kind: string }[] = [];
  const store = new PanesStore((command) => sent.push(command));
  store.receive({ kind: "snap", seq: 0, state: two() } as never);
  store.receive({ kind: "delta", seq: 1, t: 0, ops: [["pane", "c0", ["cut", "not here"]]] } as never);
  expect(sent.map(({ kind }) => kind)).toEqual(["hello"]);
  store.receive({ kind: "snap", seq: 1, state: view({ title: "Now" }, {}) } as never);
  expect(store.pane("c0").view!.title).toBe("Now");
});

test("the saved copy has each chat under its name, escaped", () => {
  const said = (text: string) => chatView({ messages: [question("u"), message("a", { text })] });
  const { html, text } = copyOfPanes("p", [["<one>", said("**first**")], ["two", said("second")]]);
  expect(html).toContain('data-wb-panes="p"');
  expect(html).toContain("<h4>&lt;one&gt;</h4>");
  expect(html).toContain("<strong>first</strong>");
  expect(html).not.toContain("data-wb-chat");
  expect(text).toMatch(/<one>[^]*first[^]*two[^]*second/);
});
