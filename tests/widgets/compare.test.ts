import compare from "../../workbench/widgets/compare";
import { sharedWords } from "../../workbench/widgets/compare_diff";
import { COMPARE_KINDS, type CellView, type CompareRequest, type CompareView } from "../../workbench/widgets/compare_protocol";
import { bestOf, bests, median, numbers, passes, scoreOf, stateWords, summary } from "../../workbench/widgets/compare_words";
import { until } from "./fixtures";
import { ERROR, mountPanel } from "./panels";

const MODELS = ["tiny", "other", "third"];

function cell(row: string, column: string, changes: Partial<CellView> = {}): CellView {
  return {
    id: `${row}:${column}:0`, row, column, sample: 0, status: "done", text: `${column} on ${row}`, reasoning: "", cut: false, error: null,
    usage: { completion_tokens: 12 }, metrics: { ttft_s: 0.21, decode_tps: 61.3 }, notes: [], cost: null, scores: {}, score_errors: {},
    rating: null, batched: false, ...changes,
  };
}

function view(changes: Partial<CompareView> = {}, rows = 3): CompareView {
  const ids = Array.from({ length: rows }, (_, i) => `r${i}`);
  return {
    id: "c1", name: null, samples: 1, scorers: ["right"], strict: false, replayed: false, vote: null, notice: null,
    rows: ids.map((id, index) => ({ id, index, prompt: `Question ${index}`, before: 0 })),
    columns: MODELS.map((model, index) => ({ id: model, index, model, title: model, words: "temperature 0", system: null })),
    cells: ids.flatMap((row) => MODELS.slice(0, 2).map((model, i) => cell(row, model, { scores: { right: i } }))),
    progress: { finished: rows * 2, total: rows * 3, seconds_left: 41, failed: 0, running: true },
    ...changes,
  };
}

async function mounted(state = view(), manager?: unknown) {
  const panel = await mountPanel(compare() as never, state, { manager });
  const asked = (): unknown[] => panel.asked().filter((each) => (each as CompareRequest).kind !== "read_copy");
  const boxes = (): HTMLElement[] => [...panel.el.querySelectorAll<HTMLElement>(".wb-gr:not([hidden]) .wb-c")];
  const box = (row: number, column: number): HTMLElement => {
    const element = [...panel.el.querySelectorAll<HTMLElement>(".wb-gr:not([hidden])")].find((each) => each.getAttribute("aria-rowindex") === String(row + 1))!;
    return element.querySelectorAll<HTMLElement>(".wb-c")[column]!;
  };
  const item = (words: string): HTMLElement => [...panel.el.querySelectorAll<HTMLElement>("[role=menu] button")].find((each) => each.textContent!.startsWith(words))!;
  return { ...panel, asked, boxes, box, item };
}

test("the tags are those of the types", () => {
  expectTypeOf<(typeof COMPARE_KINDS)[number]>().toEqualTypeOf<CompareRequest["kind"]>();
});

test.each([
  [scoreOf(true), 1], [scoreOf({ score: 0.5 }), 0.5], [scoreOf(null), null], [scoreOf(NaN), null],
  [median([3, null, 1, 2]), 2], [median([]), null],
  [stateWords(undefined, false), "waits"], [stateWords(undefined, true), "not run"],
  [stateWords(cell("r", "c", { status: "loading", load: { done: 1, total: 4 } }), false), "loading 25 %"],
  [numbers(cell("r", "c", { batched: true }))[0], "batched"],
  [sharedWords(0.25), "a quarter of the words are shared"], [sharedWords(1), "the same words"],
])("%s is %s", (made, wanted) => expect(made).toBe(wanted));

test("the single best of a row has a star; a tie and a lone score have none", () => {
  const scored = (column: string, right: number) => cell("r", column, { scores: { right } });
  expect(bestOf([scored("a", 0), scored("b", 1)], "right")).toBe("r:b:0");
  expect(bestOf([scored("a", 1), scored("b", 1)], "right")).toBeNull();
  expect(bestOf([scored("a", 1), undefined], "right")).toBeNull();
});

test("medians leave out the times of batched cells; bold is the best of a line", () => {
  const one = summary([cell("a", "x", { batched: true, metrics: { ttft_s: 9, decode_tps: 10 } })], null);
  const two = summary([cell("a", "y", { metrics: { ttft_s: 1, decode_tps: 20 } })], null);
  expect([one.first, two.first]).toEqual([null, 1]);
  expect(bests([one, two])[2]).toEqual(new Set([two]));
});

test("filters look at the cells shown", () => {
  const low = cell("r", "c", { scores: { right: 0 } });
  expect(passes({ by: "score", scorer: "right", least: false }, [low, cell("r", "d", { scores: { right: 1 } })])).toBe(true);
  expect(passes({ by: "score", scorer: "right", least: true }, [low, cell("r", "d", { scores: { right: 1 } })])).toBe(false);
  expect(passes({ by: "open" }, [low, undefined])).toBe(true);
  expect(passes({ by: "failed" }, [low])).toBe(false);
});

test("the grid shows prompts, answers, scores, and what waits", async () => {
  const panel = await mounted();
  const grid = panel.el.querySelector("[role=grid]")!;
  expect(grid.getAttribute("aria-rowcount")).toBe("5");
  expect(grid.getAttribute("aria-colcount")).toBe("4");
  expect(panel.box(0, 1).textContent).toContain("other on r0");
  expect(panel.box(0, 1).textContent).toContain("best 1");
  expect(panel.box(0, 2).textContent).toContain("waits");
  expect(panel.box(0, 2).getAttribute("aria-label")).toBe("Prompt 1, third, waits");
  expect(panel.el.querySelector(".wb-bar1")!.textContent).toContain("6 of 9");
  expect(panel.el.querySelector(".wb-bar1")!.textContent).toContain("41 s left");
});

test("a cell fills while it streams; markup of a model stays text", async () => {
  const panel = await mounted();
  panel.ops(["cell", cell("r0", "third", { status: "writing", text: "", metrics: {}, usage: {} })]);
  panel.ops(["text", "r0:third:0", "<img src=x> **eight** "], ["text", "r0:third:0", "legs"]);
  await until(() => panel.box(0, 2).textContent!.includes("legs"), "the text");
  expect(panel.box(0, 2).querySelector("img")).toBeNull();
  expect(panel.box(0, 2).querySelector("b")!.textContent).toBe("eight");
  expect(panel.box(0, 2).querySelector(".wb-caret")).not.toBeNull();
  panel.ops(["patch", "r0:third:0", { status: "done", metrics: { ttft_s: 0.5, decode_tps: 10 }, usage: { completion_tokens: 3 } }]);
  await until(() => panel.box(0, 2).textContent!.includes("0.50 s"), "the numbers");
  expect(panel.box(0, 2).querySelector(".wb-caret")).toBeNull();
});

test("arrows walk the cells; R asks again, and stops what runs", async () => {
  const panel = await mounted();
  expect(panel.boxes().filter((each) => each.tabIndex === 0)).toEqual([panel.box(0, 0)]);
  panel.box(0, 0).focus();
  panel.press("ArrowRight");
  panel.press("ArrowDown");
  expect(document.activeElement).toBe(panel.box(1, 1));
  panel.press("r");
  panel.ops(["patch", "r1:other:0", { status: "writing" }]);
  await until(() => panel.box(1, 1).dataset.status === "writing", "the cell to run");
  panel.press("r");
  expect(panel.asked()).toEqual([{ kind: "rerun_cells", cells: ["r1:other:0"] }, { kind: "stop_cells", cell: "r1:other:0" }]);
});

test("Enter opens a cell with its receipt, arrows take the panel along, Escape closes it", async () => {
  const panel = await mounted();
  panel.box(0, 0).focus();
  panel.press("Enter");
  expect(panel.asked()).toEqual([{ kind: "open_cell", cell: "r0:tiny:0" }]);
  const whole = {
    ...cell("r0", "tiny"), key: ["r0", "tiny", 0], finish: "stop", applied: {}, ignored: ["seed"], text: "# All of it",
    receipt: { model: "tiny", provider: "local", revision: "4dcb3d1aaaa", engine: "mlx", versions: { python: "3.11", "mlx-lm": "0.32.2" } },
  };
  panel.answer("open_cell", whole);
  await until(() => panel.el.querySelector(".wb-exp h1") !== null, "the whole text");
  const below = panel.el.querySelector(".wb-cbelow")!;
  expect(below.textContent).toContain("without seed");
  expect(below.textContent).toContain("mlx-lm 0.32.2");
  expect(below.textContent).toContain("4dcb3d1");
  below.querySelectorAll<HTMLElement>("[role=radio]")[3]!.click();
  expect(panel.asked()).toContainEqual({ kind: "rate_cell", cell: "r0:tiny:0", rating: 4 });
  panel.press("ArrowRight");
  expect(below.textContent).toContain("other");
  panel.press("Escape");
  expect(panel.el.querySelector(".wb-cbelow")).toBeNull();
});

test("D shows the difference to the other answer, word by word", async () => {
  const panel = await mounted();
  panel.box(0, 0).focus();
  panel.press("d");
  expect(panel.asked()).toEqual([{ kind: "diff_cells", first: "r0:tiny:0", second: "r0:other:0" }]);
  panel.answer("diff_cells", { pieces: [["-", "six"], ["+", "eight"], ["=", " legs"]], shared: 0.5 });
  await until(() => panel.el.querySelector(".wb-df") !== null, "the difference");
  expect([...panel.el.querySelectorAll(".wb-dtext")].map((each) => each.textContent)).toEqual(["six legs", "eight legs"]);
  panel.button("In one").click();
  expect(panel.el.querySelector(".wb-dtext")!.innerHTML).toBe("<del>six</del><ins>eight</ins> legs");
});

test("columns are hidden and moved in this view alone", async () => {
  const panel = await mounted();
  const titles = (): string[] => [...panel.el.querySelectorAll(".wb-ch .wb-l1 b")].map((each) => each.textContent!);
  panel.button("Options of tiny").click();
  panel.item("Move right").click();
  expect(titles()).toEqual(["other", "tiny", "third"]);
  panel.button("Options of third").click();
  panel.item("Hide").click();
  expect(titles()).toEqual(["other", "tiny"]);
  expect(panel.box(0, 0).textContent).toContain("other on r0");
  panel.button("Columns").click();
  const box = panel.el.querySelector<HTMLInputElement>('[data-key="box third"]')!;
  expect(box.checked).toBe(false);
  box.click();
  expect(titles()).toEqual(["other", "tiny", "third"]);
  expect(panel.asked()).toEqual([]);
});

test("a filter keeps the prompts that it is true of, and says how many", async () => {
  const state = view();
  state.cells[0]!.status = "failed";
  state.cells[0]!.error = ERROR;
  const panel = await mounted(state);
  expect(panel.box(0, 0).textContent).toContain("It broke. Try again.");
  panel.button("Filter").click();
  panel.item("An answer failed").click();
  expect(panel.boxes()).toHaveLength(3);
  expect(panel.el.querySelector(".wb-cft")!.textContent).toContain("1 of 3 prompts shown");
  panel.button("Filter").click();
  panel.item("An answer is rated").click();
  expect(panel.el.querySelector(".wb-pempty")!.textContent).toContain("No prompt passes the filter");
});

test("a blind vote shows two answers without names, takes keys, and names them at the end", async () => {
  const panel = await mounted();
  panel.button("Blind vote").click();
  panel.answer("begin_vote", null);
  const counts = [{ column: "other", wins: 1, ties: 0, losses: 0, rate: 1, low: 0.2, high: 1, chance: 0.5 }, { column: "tiny", wins: 0, ties: 0, losses: 1, rate: 0, low: 0, high: 0.8, chance: 0.5 }];
  panel.ops(["state", { vote: { done: 0, total: 2, counted: 0, ballot: { row: "r1", texts: ["*first*", "second"] }, counts: [] } }]);
  const vote = (): HTMLElement => panel.el.querySelector<HTMLElement>(".wb-cvote")!;
  await until(() => vote().textContent!.includes("second"), "the ballot");
  expect(vote().textContent).not.toContain("tiny");
  expect(panel.el.querySelector<HTMLElement>("[role=grid]")!.hidden).toBe(true);
  vote().focus();
  for (const key of ["3", "2", "4", "Backspace"]) panel.press(key);
  expect(panel.asked().slice(1)).toEqual([
    { kind: "cast_vote", choice: 1 }, { kind: "cast_vote", choice: "tie" }, { kind: "cast_vote", choice: "bad" }, { kind: "undo_vote" },
  ]);
  panel.ops(["state", { vote: { done: 2, total: 2, counted: 1, ballot: null, counts } }]);
  await until(() => vote().textContent!.includes("names shown"), "the result");
  expect(vote().textContent).toContain("1 vote, 1 skipped");
  expect(vote().textContent).toContain("100 %, 20 to 100");
  expect(vote().textContent).toContain("other and tiny cannot be told apart with 1 vote.");
  panel.button("Back to the grid").click();
  expect(panel.el.querySelector<HTMLElement>("[role=grid]")!.hidden).toBe(false);
});

test("an export asks for what is shown and is downloaded", async () => {
  const panel = await mounted();
  const saved: string[] = [];
  URL.createObjectURL = () => "blob:x";
  URL.revokeObjectURL = () => {};
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  panel.button("Export").click();
  panel.item("CSV").click();
  expect(panel.asked()).toEqual([{ kind: "export_cells", format: "csv", rows: ["r0", "r1", "r2"], columns: MODELS }]);
  panel.answer("export_cells", { name: "comparison.csv", text: "a", media_type: "text/csv" });
  await until(() => saved.length === 1, "the download");
  expect(saved).toEqual(["comparison.csv"]);
});

test("a replay and batched cells are said in words; failed cells can be run again", async () => {
  const progress = { finished: 9, total: 9, seconds_left: null, failed: 2, running: false };
  const panel = await mounted(view({ progress }));
  panel.button("Rerun failed").click();
  expect(panel.asked()).toEqual([{ kind: "rerun_cells", cells: null }]);
  panel.ops(["patch", "r0:tiny:0", { batched: true }]);
  await until(() => panel.el.querySelector(".wb-cft")!.textContent!.includes("answered together"), "the word on batches");
  panel.ops(["state", { replayed: true }]);
  await until(() => panel.el.querySelector(".wb-cft")!.textContent!.includes("This is a replay"), "the word on replays");
});

test("cells answered together are run one by one: all from the foot, a column from its menu", async () => {
  const progress = { finished: 9, total: 9, seconds_left: null, failed: 0, running: false };
  const panel = await mounted(view({ progress }));
  const button = (): HTMLElement => panel.el.querySelector<HTMLElement>(".wb-cft .wb-btn")!;
  expect(button().hidden).toBe(true);
  panel.ops(["patch", "r0:tiny:0", { batched: true }]);
  await until(() => !button().hidden, "the button");
  button().click();
  panel.button("Options of tiny").click();
  panel.item("Run one by one").click();
  expect(panel.asked()).toEqual([
    { kind: "rerun_cells", cells: null, strict: true }, { kind: "rerun_cells", cells: null, column: "tiny", strict: true },
  ]);
  panel.ops(["state", { progress: { ...progress, finished: 8, running: true } }]);
  await until(() => button().hidden, "no button while cells are asked");
});

test("once all has ended the copy in the notebook is written, by what the kernel makes of it", async () => {
  const mark = '<div data-wb-comparison="c1">';
  const written: unknown[] = [];
  const outputs = [`${mark}before</div>`, "<div>another</div>"].map((html) => ({
    data: { "text/html": html },
    setData: ({ data }: { data: unknown }) => void written.push(data),
  }));
  const list = <T>(items: T[]) => ({ length: items.length, get: (i: number) => items[i]! });
  const manager = { context: { model: { cells: list([{ outputs: list(outputs) }]) } } };
  const panel = await mounted(view(), manager);
  const copies = (): number => panel.model.sent.filter(({ kind }) => (kind as string) === "read_copy").length;
  panel.ops(["cell", cell("r0", "tiny", { text: "more" })]);
  panel.ops(["state", { progress: { finished: 9, total: 9, seconds_left: null, failed: 0, running: false } }]);
  await until(() => copies() === 1, "the question for the copy");
  panel.answer("read_copy", { html: `${mark}after</div>`, text: "after" });
  await until(() => written.length > 0, "the copy");
  expect(written).toEqual([{ "text/html": `${mark}after</div>`, "text/plain": "after" }]);
});

test("of two hundred prompts only those in sight are drawn", async () => {
  const panel = await mounted(view({}, 200));
  expect(panel.boxes().length).toBeLessThan(3 * 60);
  panel.ops(["drop", "r0"]);
  await until(() => panel.el.querySelector("[role=grid]")!.getAttribute("aria-rowcount") === "201", "a row less");
});

test("what goes by too fast is drawn plainly, and whole at rest", async () => {
  const panel = await mounted(view({}, 200));
  const list = panel.el.querySelector<HTMLElement>(".wb-vlist")!;
  Object.defineProperty(list, "clientHeight", { value: 560 });
  const passing = (): number => panel.el.querySelectorAll(".wb-gr.wb-passing:not([hidden])").length;
  const scroll = async (by: number): Promise<void> => {
    list.scrollTop += by;
    list.dispatchEvent(new Event("scroll"));
    await new Promise((resolve) => requestAnimationFrame(resolve));
  };
  await scroll(20);
  expect(passing()).toBe(0);
  for (let i = 0; i < 10; i++) await scroll(700);
  expect(passing()).toBeGreaterThan(0);
  expect(panel.el.querySelectorAll(".wb-gr.wb-flying:not([hidden])").length).toBe(passing()); // all in sight is new each time
  await scroll(100);
  expect(panel.el.querySelectorAll(".wb-gr.wb-flying:not([hidden])").length).toBe(0);
  await until(() => passing() === 0, "a list at rest");
  const row = Math.floor(list.scrollTop / 140);
  expect(panel.box(row, 0).textContent).toBe(`tiny on r${row}00.21 s\u200261.3 tok/s`);
});
