import downloads from "../../workbench/widgets/downloads";
import { DOWNLOAD_STATUSES, DOWNLOADS_KINDS } from "../../workbench/widgets/downloads_protocol";
import type {
  DownloadsRequest, DownloadStatus, DownloadsView, DownloadView, FileView,
} from "../../workbench/widgets/downloads_protocol";
import { countsWords, fileLines, spoken, speedOf, statusWords, timeOf } from "../../workbench/widgets/downloads_words";
import { until } from "./fixtures";
import { ERROR, mountPanel, notebook } from "./panels";

function file(path: string, size: number, changes: Partial<FileView> = {}): FileView {
  return { path, size, done: 0, status: "waiting", speed: null, parts: 1, ...changes };
}

function row(id: string, changes: Partial<DownloadView> = {}): DownloadView {
  return {
    id, model: `mlx-community/${id}`, name: id, author: "mlx-community", format: "mlx", status: "downloading", done: 2e9, total: 4.6e9,
    kept: 0, percent: 43.48, speed: 38e6, seconds_left: 69, elapsed: 52, position: null, shared: false, note: "", error: null,
    path: null, files: [file("model.safetensors", 4.6e9, { done: 2e9, status: "downloading", speed: 38e6, parts: 8 })], ...changes,
  };
}

function view(rows: DownloadView[], changes: Partial<DownloadsView> = {}): DownloadsView {
  return {
    id: "d", rows, total: { done: 9.1e9, total: 18.5e9, percent: 49.2, speed: 38e6, seconds_left: 77 },
    counts: { running: 2, waiting: 1, paused: 1, failed: 1, done: 0 }, disk: { free: 214e9, after: 204e9 }, notice: null, ...changes,
  };
}

async function mounted(state: DownloadsView, options: Parameters<typeof mountPanel>[2] = {}) {
  const panel = await mountPanel(downloads(), state, options);
  const item = (id: string): HTMLElement => panel.el.querySelector<HTMLElement>(`[data-download="${id}"]`)!;
  return { ...panel, item, button: (label: string, id?: string) => panel.button(label, id ? item(id) : undefined) };
}

test("the tags are those of the types", () => {
  expectTypeOf<(typeof DOWNLOADS_KINDS)[number]>().toEqualTypeOf<DownloadsRequest["kind"]>();
  expectTypeOf<(typeof DOWNLOAD_STATUSES)[number]>().toEqualTypeOf<DownloadStatus>();
});

test.each([
  ["queued", { position: 0 }, "Waiting", "first in line"],
  ["queued", { position: 2 }, "Waiting", "2 downloads before it"],
  ["starting", {}, "Starting", "asking the hub"],
  ["downloading", {}, "43 %", "2.0 of 4.6 GB"],
  ["downloading", { percent: 99.99 }, "99 %", "2.0 of 4.6 GB"],
  ["downloading", { percent: null, total: null }, "–", "2.0 GB"],
  ["downloading", { note: "the server asks to wait 30 s" }, "43 %", "the server asks to wait 30 s"],
  ["verifying", {}, "Verifying", "2.0 of 4.6 GB"],
  ["paused", {}, "Paused at 43 %", "2.0 of 4.6 GB"],
  ["failed", {}, "Failed at 43 %", "2.0 of 4.6 GB kept"],
  ["cancelled", { done: 0, percent: 0 }, "Cancelled", ""],
  ["done", { percent: 100 }, "Done and verified", ""],
])("%s with %o is said to be %s, %s", (status, changes, words, aside) => {
  const made = statusWords(row("m", { status: status as DownloadStatus, ...changes }));
  expect([`${made.word} ${made.at}`.trim(), made.aside]).toEqual([words, aside]);
});

test("what is done says its mean speed and how long it took; what was here fetched nothing", () => {
  const done = row("m", { status: "done", done: 2.3e9, kept: 0.3e9, elapsed: 50, speed: null });
  expect([speedOf(done), timeOf(done)]).toEqual([40e6, "in 50 s"]);
  const here = row("m", { status: "done", done: 2.3e9, kept: 2.3e9, elapsed: 0 });
  expect([speedOf(here), timeOf(here)]).toEqual([null, "was here"]);
});

test("the counts name what there is, and a disk too small is said", () => {
  expect(countsWords(view([]))).toBe("2 running, 1 waiting, 1 paused, 1 failed. 214 GB free, 204 GB afterwards.");
  expect(countsWords(view([], { disk: { free: 3e9, after: -1.2e9 } }))).toContain("3.0 GB free, 1.2 GB too little.");
});

test("small files share a line, which is verified only when all are", () => {
  const small = [file("config.json", 900, { done: 900, status: "done" }), file("merges.txt", 25e3)];
  const lines = fileLines([...small, file("model.safetensors", 4e9)]);
  expect(lines.map((line) => [line.path, line.status])).toEqual([["model.safetensors", "waiting"], ["config.json and 1 more", "waiting"]]);
  expect(lines[1]!.done).toBe(900);
});

test("a screen reader hears beginnings and ends, never a percentage", () => {
  expect(spoken(row("m"), row("m", { percent: 80 }))).toBe("");
  expect(spoken(row("m", { status: "starting" }), row("m"))).toBe("m: download started");
  expect(spoken(row("m"), row("m", { status: "done" }))).toBe("m: downloaded and verified");
  expect(spoken(row("m"), row("m", { status: "failed", error: ERROR }))).toContain("failed. It broke");
});

test("progress changes numbers in place: the same elements, the order kept, the bar says its value", async () => {
  const { el, ops, item } = await mounted(view([row("a"), row("b", { status: "queued", position: 0 })]));
  const before = item("a");
  ops(["row", row("b", { status: "done" })], ["row", row("a", { percent: 61.7, done: 2.8e9 })], ["row", row("c")]);
  await until(() => item("a").textContent!.includes("61 %"), "the new number");
  expect(item("a")).toBe(before);
  expect([...el.querySelectorAll<HTMLElement>("[data-download]")].map((each) => each.dataset.download)).toEqual(["a", "b", "c"]);
  const bar = item("a").querySelector('[role="progressbar"]')!;
  expect([bar.getAttribute("aria-valuenow"), bar.getAttribute("aria-label")]).toEqual(["61", "a, 61 %"]);
  expect(el.querySelector(".wb-sr[role=status]")!.textContent).toBe("b: downloaded and verified");
});

test("the buttons ask for what they say, and each state has its own", async () => {
  const rows = [row("a"), row("p", { status: "paused" }), row("f", { status: "failed", error: ERROR }), row("v", { status: "verifying" })];
  const { asked, button } = await mounted(view(rows));
  button("Pause", "a").click();
  button("Cancel", "a").click();
  button("Resume", "p").click();
  button("Retry", "f").click();
  expect(button("Pause", "v")).toBeUndefined();
  button("Pause all").click();
  button("Clear finished").click();
  expect(asked()).toEqual([
    { kind: "pause_download", download: "a" },
    { kind: "cancel_download", download: "a" },
    { kind: "resume_download", download: "p" },
    { kind: "resume_download", download: "f" },
    { kind: "pause_download", download: null },
    { kind: "clear_finished" },
  ]);
});

test("a failed one says why, what to do, and more when asked; a next try takes that away", async () => {
  const { item, button, ops } = await mounted(view([row("f", { status: "failed", error: ERROR })]));
  const why = item("f").querySelector<HTMLElement>(".wb-dwhy")!;
  expect(why.textContent).toContain("It broke. Try again.");
  expect(why.querySelector("pre")!.hidden).toBe(true);
  button("Details", "f").click();
  expect([why.querySelector("pre")!.hidden, why.querySelector("pre")!.textContent]).toEqual([false, "a log"]);
  button("Retry", "f").focus();
  ops(["row", row("f")]);
  await until(() => why.hidden, "the next try");
  expect(document.activeElement).toBe(button("Pause", "f")); // the focus stays in the row
});

test("keys: arrows between rows, P pauses, Delete cancels, Tab stops at one row, none reaches the notebook", async () => {
  const { el, asked, item, press } = await mounted(view([row("a"), row("b")]));
  const toggle = (id: string): HTMLElement => item(id).querySelector<HTMLElement>("[aria-expanded]")!;
  let heard = 0;
  document.body.addEventListener("keydown", () => (heard += 1));
  toggle("a").focus();
  press("ArrowDown");
  expect(document.activeElement).toBe(toggle("b"));
  expect([...el.querySelectorAll<HTMLElement>(".wb-dtoggle")].map((each) => each.tabIndex)).toEqual([-1, 0]);
  press("p");
  press("Delete");
  expect(asked()).toEqual([{ kind: "pause_download", download: "b" }, { kind: "cancel_download", download: "b" }]);
  expect(heard).toBe(0);
});

test("Chat makes the model current and puts a cell below; where there is no notebook the line is shown", async () => {
  const { inserted, manager } = notebook(3);
  const done = view([row("a", { status: "done", model: 'org/a"b' })]);
  const lab = await mounted(done, { manager });
  lab.button("Chat", "a").click();
  expect(lab.asked()).toEqual([{ kind: "chat_with", model: 'org/a"b' }]);
  expect(inserted).toEqual([[3, { cell_type: "code", source: 'wb.chat("org/a\\"b")' }]]);
  lab.answer("chat_with", null);
  await until(() => lab.el.textContent!.includes("Run the new cell below to chat"), "a word about the cell");
  const bare = await mounted(done);
  bare.button("Chat", "a").click();
  await until(() => bare.el.textContent!.includes('In a cell: wb.chat("org/a\\"b")'), "the line to copy");
});

test("a single download is its row with the files open, without a sum", async () => {
  const { el, item } = await mounted(view([row("a")]), { traits: { single: true } });
  expect(el.querySelector(".wb-dtot")).toBeNull();
  expect(item("a").querySelector<HTMLElement>(".wb-dfiles")!.hidden).toBe(false);
  expect(item("a").querySelector(".wb-dfile")!.textContent).toContain("model.safetensors43 %38 MB/s2.0 of 4.6 GB8 parts");
});

test("nothing to do says so and what is free; a refusal is shown, and that the kernel is gone", async () => {
  const none = view([], { counts: { running: 0, waiting: 0, paused: 0, failed: 0, done: 0 } });
  const { el, ops, button, answer, model } = await mounted(none);
  expect(el.querySelector(".wb-pempty")!.textContent).toContain("Nothing is being downloaded214 GB free on this disk");
  ops(["row", row("a")]);
  await until(() => el.querySelector("[data-download]") !== null, "a row");
  button("Cancel", "a").click();
  answer("cancel_download", null, ERROR);
  await until(() => el.querySelector('[role="alert"]:not([hidden])')?.textContent === "It broke. Try again.", "the refusal");
  model.emit("comm:close");
  await until(() => el.querySelector(".wb-gone") !== null && el.textContent!.includes("No kernel."), "no kernel");
});
