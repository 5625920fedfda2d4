import browser from "../../workbench/widgets/browser";
import type { BrowserView, CardView, RowState, RowView } from "../../workbench/widgets/browser_protocol";
import { BROWSER_KINDS, type BrowserRequest } from "../../workbench/widgets/browser_protocol";
import { RowCache } from "../../workbench/widgets/browser_cache";
import { parameters, quantizationName, short } from "../../workbench/widgets/browser_rows";
import { since } from "../../workbench/widgets/browser_view";
import { fakeLayout, FakeModel, frame, until } from "./fixtures";

fakeLayout();
Object.defineProperty(HTMLElement.prototype, "clientHeight", { get: () => 560, configurable: true });

const NOWHERE: RowState = {
  status: "hub", percent: null, done: 0, total: null, speed: null, seconds_left: null, error: null, download: null,
  update: false, note: "",
};

function row(id: string, changes: Partial<RowView> = {}): RowView {
  const [author, name] = id.split("/") as [string, string];
  return {
    id, name, author, size: 2_300_000_000, estimated: false, parameters: 4e9, active_parameters: null,
    quantization: "4bit", format: "safetensors", architecture: "qwen3", capabilities: ["tools"], downloads: 48_700,
    likes: 312, gated: false, fit: { verdict: "fits", total: 3_900_000_000, share: 0.34 }, speed: null,
    state: NOWHERE, ...changes,
  };
}

function view(changes: Partial<BrowserView> = {}): BrowserView {
  return {
    id: "b1", query: {}, result: 1, total: 2, asking: false, more: 0, offline: null, hub: "https://hub.test",
    index: { models: 1284, as_of: null }, refresh: null, machine: { chip: "M3", memory: 16e9, usable: 11.5e9 },
    context: 8192, token: false, states: {}, loosen: [], card: null, plan: null, notice: null, ...changes,
  };
}

const ROWS = [row("acme/One-4bit"), row("acme/Two-4bit")];

/** The widget as anywidget runs it; the kernel answers for `rows` by itself, and keeps what else was asked. */
async function shown(state: Partial<BrowserView> = {}, rows: RowView[] = ROWS) {
  document.body.replaceChildren();
  const fake = new FakeModel();
  const asked: (BrowserRequest & { id: number })[] = [];
  let result = 1;
  fake.send = (content: unknown): void => {
    const command = content as BrowserRequest & { id: number };
    asked.push(command);
    let data: unknown = null;
    if (command.kind === "rows") data = { result, total: rows.length, rows: rows.slice(command.first, command.first + command.count) };
    if (command.kind === "search_models") data = { result: ++result, total: rows.length, rows };
    if (command.kind === "count_choices") data = [{ value: "4bit", count: 12 }, { value: "8bit", count: 0 }];
    if (command.kind === "chat_with") data = { model: command.model };
    queueMicrotask(() => fake.emit("msg:custom", { kind: "ack", id: command.id, ok: true, error: null, data }));
  };
  const widget = browser();
  const life = new AbortController();
  onTestFinished(() => life.abort()); // a panel that paints later finds no page
  widget.initialize({ model: fake, signal: life.signal });
  const el = document.body.appendChild(document.createElement("div"));
  widget.render({ model: fake, el, signal: life.signal });
  fake.emit("msg:custom", { kind: "snap", seq: 0, state: view({ total: rows.length, ...state }) });
  let seq = 0;
  const change = async (fields: Partial<BrowserView>): Promise<void> => {
    fake.emit("msg:custom", { kind: "delta", seq: ++seq, t: 0, ops: [["state", fields]] });
    await new Promise((resolve) => setTimeout(resolve, 130)); // it paints ten times a second
    await frame();
  };
  const drawn = (): HTMLElement[] => [...el.querySelectorAll<HTMLElement>(".wb-r:not([hidden])")];
  const find = (selector: string): HTMLElement => {
    const found = el.querySelector<HTMLElement>(selector);
    if (!found) throw new Error(`no ${selector}`);
    return found;
  };
  const last = (): BrowserRequest & { id: number } => asked[asked.length - 1]!;
  if (rows.length > 0) await until(() => drawn().length > 0 && !drawn()[0]!.classList.contains("wb-unread"), "rows");
  else await change({});
  return { fake, el, asked, change, drawn, find, last, life };
}

function press(target: Element, key: string, more: KeyboardEventInit = {}): boolean {
  return target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
}

function buttons(row: HTMLElement): string[] {
  const shown = [...row.querySelectorAll<HTMLButtonElement>("button")].filter((button) => !button.hidden);
  return shown.map((button) => button.getAttribute("aria-label") ?? button.textContent!);
}

test("the list of tags, which Python's tests read, is the tags of the type", () => {
  expectTypeOf<(typeof BROWSER_KINDS)[number]>().toEqualTypeOf<BrowserRequest["kind"]>();
});

test("numbers and names read as people write them", () => {
  expect([parameters(30.5e9, 3.3e9), parameters(135e6, null), parameters(null, null)]).toEqual(["30.5B, 3.3B active", "135M", null]);
  expect([short(312), short(48_700), short(1_200_000), short(null)]).toEqual(["312", "48.7k", "1.2M", "–"]);
  expect(["4bit", "q4_k_m", "bf16"].map(quantizationName)).toEqual(["4-bit", "Q4_K_M", "bf16"]);
  expect([since(1000, 1030), since(0, 7200), since(0, 90_000)]).toEqual(["just now", "2 hours ago", "yesterday"]);
});

test("a row says what it is and whether it fits; unknown is a dash, never zero", async () => {
  const unknown = row("acme/Who", { size: null, parameters: null, fit: { verdict: "unknown", total: null, share: null }, downloads: null, likes: null });
  const big = row("acme/Big", { fit: { verdict: "too big", total: 18.3e9, share: 1.6 }, active_parameters: 3.3e9 });
  const { drawn } = await shown({}, [ROWS[0]!, unknown, big]);
  expect(drawn()[0]!.textContent).toContain("acme / One-4bit");
  expect(drawn()[0]!.textContent).toContain("4.0B · 4-bit · qwen3 · tools");
  expect(drawn()[0]!.textContent).toContain("48.7k312 likes");
  expect(drawn()[0]!.querySelector(".wb-fit")!.textContent).toBe("Fits3.9 GB");
  expect(drawn()[1]!.querySelector(".wb-fit")!.textContent).toBe("–");
  expect(drawn()[1]!.textContent).not.toMatch(/\b0\b/);
  expect(buttons(drawn()[2]!)).toEqual(["Download anyway", "More"]);
  expect(drawn()[2]!.getAttribute("aria-rowindex")).toBe("3");
});

test.each<[string, Partial<RowState>, string[], string]>([
  ["available", {}, ["Download", "More"], ""],
  ["downloading", { status: "downloading", percent: 43.7, total: 4.6e9, speed: 38e6, seconds_left: 69, download: "d" }, ["Pause", "Cancel"], "43 % of 4.6 GB38 MB/s1 min 9 s left"],
  ["paused", { status: "paused", percent: 43, total: 4.6e9, download: "d" }, ["Resume", "Cancel"], "Paused"],
  ["downloaded", { status: "ready" }, ["Chat", "More"], "downloaded"],
  ["loaded", { status: "loaded" }, ["Chat", "More"], "loaded"],
  ["update available", { status: "ready", update: true }, ["Chat", "More"], "update"],
  ["failed", { status: "failed", percent: 71, error: { kind: "DownloadError", message: "The connection was lost.", next_step: "", details: "", retryable: true }, download: "d" }, ["Try again", "More"], "Failed at 71 %"],
])("a model that is %s says so and offers what can be done", async (_, state, offers, words) => {
  const { drawn } = await shown({ states: { "acme/One-4bit": { ...NOWHERE, ...state } } });
  const act = drawn()[0]!.querySelector<HTMLElement>(".wb-act")!;
  expect(buttons(drawn()[0]!)).toEqual(offers);
  const text = [...act.querySelectorAll<HTMLElement>(".wb-prog:not([hidden]), .wb-bdg:not([hidden])")].map((part) => part.textContent).join("");
  expect(text).toContain(words);
  const bar = act.querySelector("[role=progressbar]")!;
  if (state.percent) expect(bar.getAttribute("aria-valuenow")).toBe(String(Math.floor(state.percent)));
});

test("a gated model without a key leads to the hub, with one it is downloaded", async () => {
  const gated = [row("acme/Locked", { gated: true })];
  expect(buttons((await shown({}, gated)).drawn()[0]!)).toEqual(["Ask for access", "More"]);
  expect(buttons((await shown({ token: true }, gated)).drawn()[0]!)).toEqual(["Download", "More"]);
});

test("what is typed is searched at once; of what comes while an answer is awaited only the newest is sent", async () => {
  const { find, asked } = await shown();
  const box = find("input[role=searchbox]") as HTMLInputElement;
  const before = asked.length;
  for (const text of ["q", "qw", "qwe", "qwen"]) {
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
  await until(() => asked.length >= before + 2, "two searches");
  await frame();
  const searched = asked.slice(before).filter((command) => command.kind === "search_models");
  expect(searched.map((command) => command.query)).toEqual([{ text: "q" }, { text: "qwen" }]);
});

test("a filter says its value, keeps the others, and is taken away again", async () => {
  const { find, el, last, change } = await shown({ query: { text: "qwen", quantization: ["4bit"] } });
  const chip = [...el.querySelectorAll<HTMLElement>(".wb-chip")].find((each) => each.textContent === "4-bit")!;
  expect(chip.classList.contains("wb-on")).toBe(true);
  chip.click();
  await until(() => el.querySelectorAll(".wb-fpop:not([hidden]) input").length === 2, "choices");
  const [four, eight] = el.querySelectorAll<HTMLInputElement>(".wb-fpop:not([hidden]) input");
  expect([four!.checked, eight!.checked]).toEqual([true, false]);
  expect(eight!.closest("label")!.classList.contains("wb-t3")).toBe(true);
  eight!.click();
  expect(last()).toMatchObject({ kind: "search_models", query: { text: "qwen", quantization: ["4bit", "8bit"] } });
  await change({ query: { text: "qwen", quantization: ["4bit", "8bit"] }, result: 2 });
  find("[aria-label='Any quantization']").click();
  expect(last()).toMatchObject({ kind: "search_models", query: { text: "qwen" } });
  expect((last() as { query: object }).query).not.toHaveProperty("quantization");
});

test("an architecture can be left out", async () => {
  const { el, last } = await shown();
  [...el.querySelectorAll<HTMLElement>(".wb-chip")].find((each) => each.textContent === "Architecture")!.click();
  await until(() => el.querySelector(".wb-fpop:not([hidden]) .wb-not") !== null, "choices");
  el.querySelector<HTMLElement>(".wb-fpop:not([hidden]) .wb-not")!.click();
  expect(last()).toMatchObject({ query: { exclude_architectures: ["4bit"] } });
});

test("keys: arrows move, Enter opens, D downloads, Space pauses, / searches; none reaches the notebook", async () => {
  const { drawn, find, last, change } = await shown();
  const heard = vi.fn();
  document.body.addEventListener("keydown", heard);
  drawn()[0]!.focus();
  press(drawn()[0]!, "ArrowDown");
  expect(document.activeElement!.textContent).toContain("Two-4bit");
  expect(drawn().map((each) => each.tabIndex)).toEqual([-1, 0]);
  press(document.activeElement!, "Enter");
  expect(last()).toMatchObject({ kind: "open_model", model: "acme/Two-4bit" });
  press(document.activeElement!, "d");
  expect(last()).toMatchObject({ kind: "start_download", models: ["acme/Two-4bit"] });
  await change({ states: { "acme/Two-4bit": { ...NOWHERE, status: "downloading", percent: 3, download: "d7" } } });
  press(document.activeElement!, " ");
  expect(last()).toMatchObject({ kind: "pause_download", download: "d7" });
  press(document.activeElement!, "ArrowRight");
  expect(document.activeElement!.getAttribute("aria-label")).toBe("Pause");
  press(document.activeElement!, "/");
  expect(document.activeElement).toBe(find("input[role=searchbox]"));
  expect(heard).not.toHaveBeenCalled();
  document.body.removeEventListener("keydown", heard);
});

test("of a long list only what is in sight is drawn and read; what comes into sight is read then", async () => {
  const many = Array.from({ length: 10_000 }, (_, n) => row(`many/Model-${n}`));
  const { drawn, find, asked } = await shown({}, many);
  expect(drawn().length).toBeLessThan(40);
  expect(find("[role=grid]").getAttribute("aria-rowcount")).toBe("10000");
  const list = find(".wb-vlist");
  list.scrollTop = 56 * 5000;
  list.dispatchEvent(new Event("scroll"));
  await until(() => drawn().some((each) => each.textContent!.includes("Model-5003")), "the row in the middle");
  expect(asked.filter((command) => command.kind === "rows").length).toBeLessThan(4);
  expect(drawn().length).toBeLessThan(40);
});

test("what was passed by is not read, and rows of another result are not shown", async () => {
  const asked: number[] = [];
  let answer: (rows: { result: number; total: number; rows: RowView[] }) => void = () => undefined;
  const cache = new RowCache((first) => new Promise((resolve) => (asked.push(first), (answer = resolve))), () => undefined);
  cache.reset(1, 10_000);
  cache.want(0, 20);
  cache.want(5000, 5020);
  cache.want(9000, 9020);
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(asked).toEqual([0, 9000]);
  cache.reset(2, 1, [row("new/Row")]);
  answer({ result: 1, total: 10_000, rows: [row("old/Row")] });
  await frame();
  expect(cache.get(0)!.id).toBe("new/Row");
  expect(cache.placeOf("old/Row")).toBeNull();
});

const CARD: CardView = {
  model: "acme/One-4bit", download: "acme/One-4bit", loading: false, description: "One <b>model</b>.",
  url: "https://hub.test/acme/One-4bit", context_length: 32_768, licence: "apache-2.0", base_models: ["acme/One"],
  updated: "2025-04-28T00:00:00Z", revision: "4dcb3d1aaaa", quality: 82.4, formula: "30 for downloads",
  files: [{ path: "model.safetensors", size: 2.26e9 }, { path: "config.json", size: 938 }], files_total: 9, size: 2.26e9,
  quantizations: [], fit: { verdict: "fits", weights: 2.26e9, kv_cache: 1.21e9, overhead: 0.4e9, total: 3.87e9, usable: 11.5e9, estimated: false, measured: null },
  context: 8192, contexts: [2048, 4096, 8192, 16_384, 32_768], free: 214e9, error: null,
};

test("an opened model says what it is, what is needed and how its memory adds up", async () => {
  const { find, last, drawn } = await shown({ card: CARD });
  const text = find(".wb-card").textContent!;
  for (const words of ["One <b>model</b>.", "32,768 tokens", "Apache 2.0", "28 April 2025, revision 4dcb3d1", "82 of 100", "Files, 2 of 9 needed", "2.26 GB", "938 B", "214 GB free", "KV cache for 8,192 tokens", "1.21 GB", "3.9 GB of 11.5 GB"]) {
    expect(text).toContain(words);
  }
  expect(find(".wb-card a").getAttribute("href")).toBe("https://hub.test/acme/One");
  expect(drawn()[0]!.getAttribute("aria-expanded")).toBe("true");
  expect(drawn()[0]!.querySelector(".wb-pri")!.textContent).toBe("Download 2.3 GB");
  const slider = find("input[type=range]") as HTMLInputElement;
  expect(slider.getAttribute("aria-valuetext")).toBe("8,192 tokens");
  slider.value = "4";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  expect(last()).toMatchObject({ kind: "open_model", model: "acme/One-4bit", context: 32_768 });
});

test("of several quantizations one is chosen, and that one is downloaded", async () => {
  const quantizations = [{ name: "Q4_K_M", size: 2e9, chosen: true }, { name: "Q8_0", size: 4e9, chosen: false }];
  const { find, last, drawn } = await shown({ card: { ...CARD, download: "acme/One-4bit:Q4_K_M", quantizations } });
  drawn()[0]!.querySelector<HTMLElement>("[data-act=download]")!.click();
  expect(last()).toMatchObject({ kind: "start_download", models: ["acme/One-4bit:Q4_K_M"] });
  const select = find(".wb-card select") as HTMLSelectElement;
  select.value = "Q8_0";
  select.dispatchEvent(new Event("change", { bubbles: true }));
  expect(last()).toMatchObject({ kind: "open_model", model: "acme/One-4bit:Q8_0" });
});

test("a deletion is asked for with what it frees; Escape keeps", async () => {
  const plan = { id: "p1", frees: 4.6e9, models: [{ id: "acme/One-4bit", name: "One-4bit", size: 4.6e9, frees: 4.6e9, why: "" }], refused: [] };
  const { find, last, change } = await shown({ plan });
  const dialog = find("[role=alertdialog]");
  expect(dialog.hidden).toBe(false);
  expect(dialog.textContent).toContain("Delete, free 4.6 GB");
  expect(document.activeElement!.textContent).toBe("Keep");
  press(document.activeElement!, "Escape");
  expect(last()).toMatchObject({ kind: "drop_plan" });
  dialog.querySelector<HTMLElement>(".wb-dan")!.click();
  expect(last()).toMatchObject({ kind: "execute_plan", plan: "p1" });
  await change({ plan: null });
  expect(dialog.hidden).toBe(true);
});

test("nothing found names what to loosen; offline says what still works", async () => {
  const offline = { kind: "OfflineError", message: "x", next_step: "", details: "", retryable: true };
  const loosen = [{ field: "text", word: "1bit", count: 58 }, { field: "format", word: null, count: 3 }];
  const { find, el, last } = await shown({ total: 0, query: { text: "qwen 1bit", format: ["mlx"] }, loosen, offline }, []);
  expect(find(".wb-none").textContent).toContain("Without 1bit there are 58, without Format: MLX 3.");
  expect(find(".wb-off").textContent).toContain("No network. Searching the 1,284 models");
  [...el.querySelectorAll<HTMLElement>(".wb-none button")].find((button) => button.textContent!.includes("Format"))!.click();
  expect(last()).toMatchObject({ kind: "search_models", query: { text: "qwen 1bit" } });
});

test("chat from the row: where no cell can be made, the line to copy is shown", async () => {
  const { drawn, find } = await shown({ states: { "acme/One-4bit": { ...NOWHERE, status: "ready" } } });
  drawn()[0]!.querySelector<HTMLElement>("[data-act=chat]")!.click();
  await until(() => find(".wb-note[role=alert]").textContent!.includes("wb.chat"), "the line");
  expect(find(".wb-note[role=alert]").textContent).toContain('wb.chat("acme/One-4bit")');
});

test("without a kernel nothing is sent, and a line says so", async () => {
  const { fake, find, asked } = await shown();
  fake.emit("comm:close");
  await new Promise((resolve) => setTimeout(resolve, 130));
  expect(find(".wb-browser").classList.contains("wb-gone")).toBe(true);
  const before = asked.length;
  find(".wb-r .wb-act button:not([hidden])").click();
  expect(asked).toHaveLength(before);
});
