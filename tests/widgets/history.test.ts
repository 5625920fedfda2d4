import history from "../../workbench/widgets/history";
import { HISTORY_KINDS } from "../../workbench/widgets/history_protocol";
import type { ChatRow, FoundView, HistoryRequest, HistoryView } from "../../workbench/widgets/history_protocol";
import { found, group, listed, when } from "../../workbench/widgets/history_words";
import { until } from "./fixtures";
import { ERROR, mountPanel, notebook } from "./panels";

const NOON = new Date("2026-11-21T12:00:00").getTime() / 1000;
const DAY = 86_400;

function row(id: string, changes: Partial<ChatRow> = {}): ChatRow {
  return { id, title: `Chat ${id}`, model: "builtin", messages: 2, created: NOON, updated: NOON, pinned: false, tags: [], open: false, ...changes };
}

function view(changes: Partial<HistoryView> = {}): HistoryView {
  return {
    id: "h", rows: [row("a"), row("b", { updated: NOON - 60, tags: ["work"] }), row("c", { pinned: true, updated: NOON - 40 * DAY })],
    more: false, words: "", tags: [{ name: "work", count: 1 }], path: "/data/history.sqlite3", size: 4096, keep: true,
    keep_decided: null, problem: null, plan: null, changes: 1, notice: null, ...changes,
  };
}

const FOUND: FoundView[] = [
  { chat: row("b"), hits: [{ message: "m1", role: "assistant", at: NOON, snippet: [["a ", false], ["delta", true], [" <b>", false]] }], more: 3 },
];

async function mounted(state = view(), options = {}) {
  // jsdom lays nothing out: give the list a height, so that rows are drawn
  Object.defineProperty(HTMLElement.prototype, "clientHeight", { get: () => 600, configurable: true });
  const panel = await mountPanel(history(), state, options);
  const lines = (): HTMLElement[] =>
    [...panel.el.querySelectorAll<HTMLElement>(".wb-hr")].filter((each) => !each.hidden).sort((a, b) => Number(a.ariaRowIndex ?? a.getAttribute("aria-rowindex")) - Number(b.ariaRowIndex ?? b.getAttribute("aria-rowindex")));
  const chats = (): HTMLElement[] => lines().filter((each) => each.classList.contains("wb-h-chat"));
  const titles = (): string[] => chats().map((each) => each.querySelector(".wb-htitle")!.textContent!);
  const line = (title: string): HTMLElement => chats().find((each) => each.querySelector(".wb-htitle")!.textContent === title)!;
  const field = panel.el.querySelector<HTMLInputElement>('input[type="search"]')!;
  const type = (words: string): void => {
    field.value = words;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const menu = (title: string): HTMLElement => {
    line(title).querySelector<HTMLElement>('[data-act="more"]')!.click();
    return panel.el.querySelector<HTMLElement>("[role=menu]")!;
  };
  const item = (words: string): HTMLElement => [...panel.el.querySelectorAll<HTMLElement>("[role=menu] button")].find((each) => each.textContent!.startsWith(words))!;
  return { ...panel, lines, chats, titles, line, field, type, menu, item };
}

test("the tags are those of the types", () => {
  expectTypeOf<(typeof HISTORY_KINDS)[number]>().toEqualTypeOf<HistoryRequest["kind"]>();
});

test.each([
  [group(row("x", { pinned: true }), NOON), "Pinned"],
  [group(row("x"), NOON), "Today"],
  [group(row("x", { updated: NOON - DAY }), NOON), "Yesterday"],
  [group(row("x", { updated: NOON - 6 * DAY }), NOON), "Last 7 days"],
  [group(row("x", { updated: NOON - 7 * DAY }), NOON), "November 2026"],
  [group(row("x", { updated: NOON - 40 * DAY }), NOON), "October 2026"],
  [when(NOON, NOON + 60), "12:00"],
  [when(NOON - DAY, NOON), "yesterday"],
  [when(NOON - 9 * DAY, NOON), "12 Nov"],
])("%s is %s", (made, wanted) => expect(made).toBe(wanted));

test("chats stand under their groups, pinned ones first, narrowed by a tag", () => {
  const kinds = listed(view().rows, null, NOON).map((each) => (each.kind === "head" ? each.words : each.kind === "chat" ? each.row.id : ""));
  expect(kinds).toEqual(["Pinned", "c", "Today", "a", "b"]);
  expect(listed(view().rows, "work", NOON)).toHaveLength(2);
  expect(found(FOUND, () => undefined).map((each) => each.kind)).toEqual(["chat", "hit", "more"]);
});

test("a search shows what was found, marked, and text as text", async () => {
  const panel = await mounted();
  expect(panel.titles()).toEqual(["Chat c", "Chat a", "Chat b"]);
  panel.type("delta");
  await until(() => panel.asked().length === 1, "the search");
  expect(panel.asked()).toEqual([{ kind: "search_chats", words: "delta", tag: null }]);
  panel.answer("search_chats", FOUND);
  await until(() => panel.titles().length === 1, "the results");
  const hit = panel.el.querySelector(".wb-h-hit .wb-hsnip")!;
  expect(hit.querySelector("mark")!.textContent).toBe("delta");
  expect(hit.textContent).toBe("a delta <b>");
  expect(panel.el.querySelector(".wb-hft")!.textContent).toContain("1 chat, 4 messages found");
  panel.ops(["state", { changes: 2 }]);
  await until(() => panel.asked().length === 2, "the search again, when something was written");
  panel.answer("search_chats", []);
  await until(() => panel.el.querySelector<HTMLElement>(".wb-pempty")!.hidden === false, "nothing found");
  panel.type("");
  await until(() => panel.titles().length === 3, "all again");
});

test("a search that is refused says why", async () => {
  const panel = await mounted();
  panel.type("x");
  await until(() => panel.asked().length === 1, "the search");
  panel.answer("search_chats", null, ERROR);
  await until(() => panel.el.textContent!.includes("It broke. Try again."), "the refusal");
});

test("open puts a cell below, by button, by key and from a hit", async () => {
  const { inserted, manager } = notebook(3);
  const panel = await mounted(view(), { manager });
  panel.line("Chat b").querySelector<HTMLElement>(".wb-hopen")!.click();
  panel.line("Chat a").focus();
  panel.press("Enter");
  expect(inserted.map(([, cell]) => cell.source)).toEqual(['wb.reopen("b")', 'wb.reopen("a")']);
});

test("keys walk the chats, skip the groups, select, rename, pin and plan", async () => {
  const panel = await mounted();
  const tabbable = (): HTMLElement[] => panel.lines().filter((each) => each.tabIndex === 0);
  expect(tabbable()).toEqual([panel.line("Chat c")]);
  panel.field.focus();
  panel.press("ArrowDown");
  expect(document.activeElement).toBe(panel.line("Chat c"));
  panel.press("ArrowDown");
  expect(document.activeElement).toBe(panel.line("Chat a"));
  panel.press(" ");
  panel.press("ArrowDown", { shiftKey: true });
  expect(panel.el.querySelector("[role=toolbar]")!.textContent).toContain("2 selected");
  panel.press("Delete");
  panel.press("p");
  panel.press("Escape");
  panel.press("F2");
  const field = document.activeElement as HTMLInputElement;
  expect(field.value).toBe("Chat b");
  field.value = "Better";
  panel.press("Enter");
  expect(document.activeElement).toBe(panel.line("Chat b"));
  panel.press("F2");
  (document.activeElement as HTMLInputElement).value = "Not this";
  panel.press("Escape");
  panel.press("/");
  expect(document.activeElement).toBe(panel.field);
  expect(panel.asked()).toEqual([
    { kind: "plan_delete_chats", chats: ["a", "b"] },
    { kind: "pin_chat", chat: "b", pinned: true },
    { kind: "rename_chat", chat: "b", title: "Better" },
  ]);
});

test("tags are checked, typed and taken off", async () => {
  const panel = await mounted();
  panel.menu("Chat b");
  panel.item("Tags").click();
  const box = panel.el.querySelector<HTMLElement>("[role=dialog]")!;
  const field = box.querySelector<HTMLInputElement>('input[type="text"]')!;
  expect(box.querySelector<HTMLInputElement>('[data-tag="work"]')!.checked).toBe(true);
  field.value = "home";
  field.dispatchEvent(new Event("input"));
  expect(box.textContent).toContain("Add “home”");
  field.focus();
  panel.press("Enter");
  box.querySelector<HTMLElement>('[data-tag="work"]')!.click();
  expect(panel.asked()).toEqual([
    { kind: "tag_chat", chat: "b", tags: ["work", "home"] },
    { kind: "tag_chat", chat: "b", tags: ["home"] },
  ]);
});

test("an export is downloaded under its name", async () => {
  const panel = await mounted();
  const saved: string[] = [];
  URL.createObjectURL = () => "blob:x";
  URL.revokeObjectURL = () => {};
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  panel.menu("Chat a");
  panel.item("Export: Notebook").click();
  expect(panel.asked()).toEqual([{ kind: "export_chat", chat: "a", format: "notebook" }]);
  panel.answer("export_chat", { name: "chat-a.ipynb", text: "{}", media_type: "application/json" });
  await until(() => saved.length === 1, "the download");
  expect(saved).toEqual(["chat-a.ipynb"]);
});

test("a plan says what goes; focus stands on Keep", async () => {
  const panel = await mounted();
  panel.line("Chat a").focus();
  panel.ops(["state", { plan: { id: "p", frees: 2048, chats: [{ id: "a", title: "Chat a", messages: 2, frees: 2048, why: "It is open." }] } }]);
  await until(() => document.activeElement?.textContent === "Keep", "the plan");
  const plan = panel.el.querySelector("[role=alertdialog]")!;
  expect(plan.textContent).toContain("Delete 1 chat");
  expect(plan.textContent).toContain("2 messages. It is open.");
  panel.button("Delete, free 2 kB").click();
  expect(panel.asked()).toEqual([{ kind: "execute_plan", plan: "p" }]);
});

test("the switch keeps no chats; a problem and an empty history are said", async () => {
  const panel = await mounted(view({ rows: [], tags: [], problem: ERROR }));
  expect(panel.el.textContent).toContain("No chats yet");
  expect(panel.el.querySelector(".wb-warn")!.textContent).toBe("It broke. Try again.");
  const keep = panel.el.querySelector<HTMLInputElement>("[role=switch]")!;
  keep.click();
  expect(panel.asked()).toEqual([{ kind: "keep_chats", keep: false }]);
  panel.ops(["state", { keep: false, keep_decided: "WORKBENCH_KEEP_HISTORY" }]);
  await until(() => panel.el.textContent!.includes("Chats are not kept"), "what is set");
  expect(keep.disabled).toBe(true);
});

test("of thousands only those in sight are drawn", async () => {
  const rows = Array.from({ length: 3000 }, (_, i) => row(`r${i}`, { updated: NOON - i }));
  const panel = await mounted(view({ rows, more: true }));
  expect(panel.lines().length).toBeLessThan(60);
  expect(panel.el.querySelector(".wb-hft")!.textContent).toContain("The newest 3000 chats");
});
