import library from "../../workbench/widgets/library";
import { LIBRARY_KINDS } from "../../workbench/widgets/library_protocol";
import type { JobView, LibraryRequest, LibraryRow, LibraryView, PlanView } from "../../workbench/widgets/library_protocol";
import {
  aboutModel, ago, day, marks, matches, parameters, readWords, savingWords, sorted,
} from "../../workbench/widgets/library_words";
import { until } from "./fixtures";
import { ERROR, mountPanel, notebook } from "./panels";

const NOW = new Date("2026-11-21T12:00:00").getTime() / 1000;
const DAY = 86_400;
const NEVER = { state: "never", at: null, percent: null, message: "" } as const;

function row(id: string, changes: Partial<LibraryRow> = {}): LibraryRow {
  return {
    id, name: id, source: "Hugging Face cache", path: `/cache/${id}`, size: 4e9, format: "mlx", parameters: 8.2e9,
    quantization: "4bit", last_used: null, runs: 0, verified: NEVER, status: "ready", also_in: [], twice: 0, update: null,
    current: false, note: "", ...changes,
  };
}

const ROWS = [
  row("big", { size: 8e9, runs: 1 }),
  row("middle", { size: 4e9, source: "Ollama", also_in: ["LM Studio"], twice: 4e9, runs: 7 }),
  row("small", { size: 1e9, update: true, verified: { ...NEVER, state: "ok", at: NOW } }),
];

function view(changes: Partial<LibraryView> = {}): LibraryView {
  return {
    id: "l", rows: ROWS, sources: [
      { name: "Hugging Face cache", path: "/cache", bytes: 9e9, models: 2, note: "" },
      { name: "Ollama", path: "/ollama", bytes: 4e9, models: 1, note: "" },
    ],
    total: 13e9, twice: 4e9, disk: { free: 214e9, total: 494e9 }, read_at: NOW, reading: false, folders: [], plan: null,
    jobs: [], notice: null, ...changes,
  };
}

async function mounted(state = view(), options = {}) {
  const panel = await mountPanel(library(), state, options);
  const table = (): string[] => [...panel.el.querySelectorAll<HTMLElement>("tbody tr")].map((each) => each.dataset.model!);
  const box = (id: string): HTMLInputElement => panel.el.querySelector<HTMLInputElement>(`tr[data-model="${id}"] input`)!;
  const chosen = (): string[] => table().filter((id) => box(id).checked);
  const menu = (id: string): HTMLElement => {
    panel.button(`More for ${id}`).click();
    return panel.el.querySelector<HTMLElement>("[role=menu]")!;
  };
  return { ...panel, table, box, chosen, menu };
}

const PLAN: PlanView = {
  id: "p", frees: 5e9, models: [{ id: "middle", name: "middle", size: 4e9, frees: 4e9, why: "Ollama" }],
  refused: [{ id: "big", why: "It is loaded." }],
};

test("the tags are those of the types", () => {
  expectTypeOf<(typeof LIBRARY_KINDS)[number]>().toEqualTypeOf<LibraryRequest["kind"]>();
});

test.each([
  [ago(null, NOW), "never here"],
  [ago(NOW - 3600, NOW), "today"],
  [ago(NOW - DAY, NOW), "yesterday"],
  [ago(NOW - 3 * DAY, NOW), "3 days ago"],
  [ago(NOW - 9 * DAY, NOW), "last week"],
  [ago(NOW - 36 * DAY, NOW), "5 weeks ago"],
  [ago(NOW - 64 * DAY, NOW), "2 months ago"],
  [day(NOW, NOW), "today"],
  [day(NOW - 9 * DAY, NOW), "12 Nov"],
  [day(NOW - 365 * DAY, NOW), "21 Nov 2025"],
  [String(parameters(null)), "null"],
  [String(parameters(14.77e9)), "14.8B"],
  [String(parameters(999.7e6)), "1.0B"],
  [String(parameters(135e6)), "135M"],
  [aboutModel(row("m")), "8.2B · 4-bit · MLX"],
  [aboutModel(row("m", { parameters: null, quantization: null, format: "gguf" })), "GGUF"],
  [readWords(view(), NOW + 5), "Read just now from 2 folders"],
  [savingWords(row("m", { size: 16.4e9 }), 4), "about 4.6 GB, saves 11.8 GB"],
  [savingWords(row("m", { parameters: null }), 4), ""],
])("%s is %s", (made, wanted) => expect(made).toBe(wanted));

test("the weightiest mark comes first", () => {
  const all = row("m", { status: "loaded", update: true, also_in: ["Ollama", "Downloads folder"] });
  expect(marks(all).map((mark) => mark.words)).toEqual(["loaded", "update", "also in Ollama, Downloads"]);
  expect(marks(row("m", { status: "failed", note: "config.json is missing" }))).toEqual([
    { tone: "wb-err", icon: "alert", words: "config.json is missing" },
  ]);
});

test("sorting and filtering", () => {
  expect(sorted(ROWS, { column: "runs", descending: true })).toEqual(["middle", "big", "small"]);
  expect(sorted(ROWS, { column: "verified", descending: false })).toEqual(["big", "middle", "small"]);
  const filter = { text: "", source: null, twice: false, updates: false };
  expect(ROWS.filter((each) => matches(each, { ...filter, twice: true })).map((each) => each.id)).toEqual(["middle"]);
  expect(ROWS.filter((each) => matches(each, { ...filter, text: "ollama MID" })).map((each) => each.id)).toEqual(["middle"]);
});

test("rows stand largest first; a change never sorts, a new row goes to the end, a header sorts", async () => {
  const { el, table, ops, button } = await mounted();
  expect(table()).toEqual(["big", "middle", "small"]);
  ops(["row", row("small", { size: 20e9 })], ["row", row("new", { size: 30e9 })]);
  await until(() => table().length === 4, "the new row");
  expect(table()).toEqual(["big", "middle", "small", "new"]);
  button("Size").click();
  expect(table()).toEqual(["middle", "big", "small", "new"]);
  expect(el.querySelector("[aria-sort=ascending]")!.textContent).toBe("Size");
  ops(["drop", "big"]);
  await until(() => table().length === 3, "a row less");
});

test("the picture: totals, a bar by source and one by model; pressing a part finds its row", async () => {
  const { el, box } = await mounted();
  const text = el.querySelector(".wb-ltop")!.textContent;
  expect(text).toBe("13.0 GBin 3 models4.0 GB stored twice214 of 494 GB free");
  expect(el.querySelector("[role=img]")!.getAttribute("aria-label")).toBe("Hugging Face cache 9.0 GB, Ollama 4.0 GB");
  const parts = [...el.querySelectorAll<HTMLElement>("[data-part]")];
  expect(parts.map((part) => [part.dataset.part, part.classList.contains("wb-hatch")])).toEqual([
    ["big", false], ["middle", true], ["small", false],
  ]);
  parts[1]!.click();
  expect(document.activeElement).toBe(box("middle"));
});

test("a folder that could not be read says so under the picture, and is no part of it", async () => {
  const refused = { name: "Downloads folder", path: "/dl", bytes: 0, models: 0, note: "macOS refused. Allow it in Settings." };
  const { el } = await mounted(view({ sources: [...view().sources, refused] }));
  expect(el.querySelector(".wb-lnotes")!.textContent).toBe("Downloads folder: macOS refused. Allow it in Settings.");
  expect(el.querySelector(".wb-lgd")!.textContent).toBe("Hugging Face cache9.0 GBOllama4.0 GB");
});

test("selection by keys: Space, Shift and arrows, all, Escape; the bar takes the place of the search", async () => {
  const { el, box, chosen, press, asked, button } = await mounted();
  box("big").click();
  expect(chosen()).toEqual(["big"]);
  box("big").focus();
  press("ArrowDown", { shiftKey: true });
  press("ArrowDown", { shiftKey: true });
  expect(chosen()).toEqual(["big", "middle", "small"]);
  press("ArrowUp", { shiftKey: true });
  expect(chosen()).toEqual(["big", "middle"]);
  const [search, bar] = [el.querySelector<HTMLElement>("[role=search]")!, el.querySelector<HTMLElement>("[role=toolbar]")!];
  expect([search.hidden, bar.hidden, bar.textContent]).toEqual([true, false, "2 selected12.0 GBVerifyUpdateDelete"]);
  button("Verify").click();
  press("a", { ctrlKey: true });
  button("Update").click();
  press("Escape");
  expect([chosen(), search.hidden, bar.hidden]).toEqual([[], false, true]);
  expect(asked()).toEqual([
    { kind: "verify_models", models: ["big", "middle"] },
    { kind: "update_models", models: ["small"] }, // the one that has an update
  ]);
});

test("Tab stops at one row, and no key reaches the notebook", async () => {
  const { el, box, press, asked } = await mounted();
  let heard = 0;
  document.body.addEventListener("keydown", () => (heard += 1));
  box("big").focus();
  press("End");
  expect([...el.querySelectorAll<HTMLInputElement>("tbody input")].map((each) => each.tabIndex)).toEqual([-1, -1, 0]);
  press("Delete");
  press("x");
  expect(asked()).toEqual([{ kind: "plan_delete", models: ["small"] }]);
  expect(heard).toBe(0);
});

test("the filter narrows, says how many are shown, and says when nothing fits", async () => {
  const { el, table } = await mounted();
  const field = el.querySelector<HTMLInputElement>("input[type=search]")!;
  const type = (text: string): void => {
    field.value = text;
    field.dispatchEvent(new Event("input"));
  };
  type("small");
  expect(table()).toEqual(["small"]);
  await until(() => el.querySelector(".wb-ft")!.textContent!.includes("1 of 3 models shown"), "the count");
  type("nothing like it");
  expect(el.querySelector<HTMLElement>(".wb-lnothing")!.hidden).toBe(false);
});

test("a plan says what it frees and what stays, with the focus on Keep; Escape keeps, the red button deletes", async () => {
  const { el, box, ops, press, asked } = await mounted();
  box("middle").focus();
  ops(["state", { plan: PLAN }]);
  const dialog = el.querySelector<HTMLElement>("[role=alertdialog]")!;
  await until(() => document.activeElement?.textContent === "Keep", "the focus on Keep");
  expect(dialog.textContent).toContain("Delete 1 model");
  expect(dialog.textContent).toContain("big stays. It is loaded.");
  press("Escape");
  expect(dialog.closest<HTMLElement>(".wb-veil")!.hidden).toBe(true);
  expect(document.activeElement).toBe(box("middle"));
  ops(["state", { plan: { ...PLAN, id: "q" } }]);
  await until(() => document.activeElement?.textContent === "Keep", "the second plan");
  [...dialog.querySelectorAll("button")].find((each) => each.textContent === "Delete, free 5.0 GB")!.click();
  expect(asked()).toEqual([{ kind: "drop_plan" }, { kind: "execute_plan", plan: "q" }]);
});

test("a plan made in a cell takes the focus from nobody", async () => {
  const { el, ops } = await mounted();
  ops(["state", { plan: PLAN }]);
  await until(() => !el.querySelector<HTMLElement>(".wb-veil")!.hidden, "the plan");
  expect(document.activeElement).toBe(document.body);
});

test("the menu of a row offers what fits it", async () => {
  const full = row("full", { quantization: "bf16", format: "safetensors", size: 16.4e9, current: true, path: null });
  const { menu, asked, button, press } = await mounted(view({ rows: [full, ...ROWS] }));
  const words = (id: string) => [...menu(id).querySelectorAll("button")].map((each) => each.textContent);
  expect(words("full")).toEqual([
    "Chat", "Verify", "Quantize to 4 bitsabout 4.6 GB, saves 11.8 GB", "Quantize to 8 bitsabout 8.7 GB, saves 7.7 GB", "Delete…",
  ]);
  button("Quantize to 4 bitsabout 4.6 GB, saves 11.8 GB").click();
  expect(words("small")).toEqual(["Chat", "Use for new chats", "Verify", "Update", "Copy path/cache/small", "Delete…"]);
  press("ArrowDown");
  expect(document.activeElement!.textContent).toBe("Use for new chats");
  (document.activeElement as HTMLElement).click();
  expect(document.activeElement).toBe(button("More for small"));
  expect(asked()).toEqual([{ kind: "quantize", model: "full", bits: 4 }, { kind: "chat_with", model: "small" }]);
});

test("Chat from the menu puts a cell below", async () => {
  const { inserted, manager } = notebook(2);
  const { menu } = await mounted(view(), { manager });
  menu("big").querySelector("button")!.click();
  expect(inserted).toEqual([[2, { cell_type: "code", source: 'wb.chat("big")' }]]);
});

test("what differs can be repaired; what is verified shows how far it is", async () => {
  const rows = [
    row("bad", { verified: { ...NEVER, state: "differs", message: "1 file differs" } }),
    row("going", { verified: { ...NEVER, state: "running", percent: 38.9 } }),
  ];
  const { el, button, asked } = await mounted(view({ rows }));
  button("Repair").click();
  expect(asked()).toEqual([{ kind: "update_models", models: ["bad"] }]);
  expect(el.querySelector('[data-model="bad"]')!.textContent).toContain("1 file differs");
  const bar = el.querySelector('[data-model="going"] [role=progressbar]')!;
  expect([bar.getAttribute("aria-valuenow"), bar.getAttribute("aria-label")]).toEqual(["38", "Verifying going"]);
});

test("a job shows its progress and stops; a failed one stays until it is dismissed; ends are spoken", async () => {
  const job: JobView = {
    id: "j", kind: "quantize", model: "big", done: 21, total: null, percent: 58, message: "layer 21 of 36", status: "running", error: null,
  };
  const { el, ops, button, asked } = await mounted(view({ jobs: [job] }));
  const jobs = el.querySelector<HTMLElement>(".wb-ljobs")!;
  expect(jobs.textContent).toContain("Quantizing biglayer 21 of 36");
  button("Stop").click();
  expect(asked()).toEqual([{ kind: "stop_job", job: "j" }]);
  ops(["state", { jobs: [{ ...job, status: "failed", error: ERROR }] }]);
  await until(() => jobs.textContent!.includes("big was not quantized. It broke. Try again."), "why");
  expect(el.querySelector(".wb-sr[aria-live=polite]")!.textContent).toBe("big was not quantized");
  button("Dismiss", jobs).click();
  expect(jobs.hidden).toBe(true);
});

const FOLDER = {
  path: "/home/ada", parent: "/home", model: false, folders: [{ name: "Models", path: "/home/ada/Models", model: false }],
  files: [{ name: "a.gguf", path: "/home/ada/a.gguf", size: 2.4e9 }],
};

test("the picker walks folders, takes a file in, and shows a refusal in its place", async () => {
  const { el, button, asked, answer, press } = await mounted();
  button("Import").focus();
  button("Import").click();
  answer("look_into", FOLDER);
  const list = el.querySelector<HTMLElement>("[role=listbox]")!;
  await until(() => list.textContent === "Modelsa.gguf2.4 GB", "the folder");
  expect(document.activeElement).toBe(list);
  expect(button("Import this folder").disabled).toBe(true); // it is no model
  press("ArrowDown");
  press("Enter");
  expect(asked().at(-1)).toEqual({ kind: "look_into", path: "/home/ada/Models" });
  answer("look_into", { ...FOLDER, path: "/home/ada/Models", parent: "/home/ada", folders: [] });
  await until(() => list.textContent === "a.gguf2.4 GB", "the folder below");
  press("ArrowDown");
  press("Enter");
  [...el.querySelectorAll<HTMLElement>("[role=radio]")].find((each) => each.textContent === "Copy")!.click();
  button("Import this file").click();
  expect(asked().at(-1)).toEqual({ kind: "import_model", path: "/home/ada/a.gguf", mode: "copy" });
  answer("import_model", null, ERROR);
  await until(() => el.querySelector(".wb-dlg [role=alert]:not([hidden])")?.textContent === "It broke. Try again.", "the refusal");
  button("Import this file").click();
  answer("import_model", null);
  await until(() => list.closest<HTMLElement>(".wb-veil")!.hidden, "it closed");
});

test("an added folder can be taken away where folders are added", async () => {
  const { el, button, asked, answer } = await mounted(view({ folders: ["/models"] }));
  button("Add a folder").focus();
  button("Add a folder").click();
  answer("look_into", FOLDER);
  await until(() => el.querySelector("[role=listbox]")!.textContent === "Models", "folders only");
  button("Look in /models no longer").click();
  button("Add this folder").click();
  expect(asked().slice(1)).toEqual([{ kind: "remove_folder", path: "/models" }, { kind: "add_folder", path: "/home/ada" }]);
});

test("an empty library says what to do; the Downloads folder is looked into when asked, and that it held nothing is said", async () => {
  const { el, ops, button, asked } = await mounted(view({ rows: [], sources: [], total: 0 }));
  expect(el.querySelector(".wb-pempty")!.textContent).toContain("No models on this machine yet");
  button("Look in Downloads").click();
  expect(asked()).toEqual([{ kind: "read_downloads_folder" }]);
  ops(["state", { read_at: Date.now() / 1000 + 1 }]);
  await until(() => el.textContent!.includes("No models in the Downloads folder."), "the answer");
});
