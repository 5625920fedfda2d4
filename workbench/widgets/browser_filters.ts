// The filters of the model browser: a row of chips, each with what it can be set to. Owns nothing: it draws a query
// and says how it should change.
import type { Query } from "./browser_protocol";
import { quantizationName } from "./browser_rows";
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { count, size, tokensShort } from "./format";
import { icon } from "./icons";
import { Popover } from "./popover";

/** A value a filter can have, and how many models of the present query have it. */
export interface Choice {
  value: string;
  count: number | null;
}

export interface FilterEvents {
  /** Changes the query: null takes a field away. */
  change(fields: Record<string, unknown>): void;
  /** What a field can be set to. */
  choices(field: string): Promise<Choice[]>;
}

interface Field {
  field: string;
  label: string;
  /** Values can also be left out, in this field. */
  not?: string;
  name(value: string): string;
}

const same = (value: string): string => value;
const FORMATS: Record<string, string> = {
  mlx: "MLX", gguf: "GGUF", safetensors: "Safetensors", onnx: "ONNX", coreml: "Core ML", tflite: "LiteRT",
  executorch: "ExecuTorch", pytorch: "PyTorch",
};
const FIELDS: Field[] = [
  { field: "format", label: "Format", name: (value) => FORMATS[value] ?? value },
  { field: "quantization", label: "Quantization", name: quantizationName },
  { field: "size_class", label: "Size class", name: sizeClass },
  { field: "architecture", label: "Architecture", not: "exclude_architectures", name: same },
  { field: "task", label: "Task", name: (value) => sentence(value.replaceAll("-", " ")) },
  { field: "licence", label: "Licence", name: same },
];
/** Contexts one can count the memory for, in tokens. */
export const CONTEXTS = [2048, 4096, 8192, 16384, 32768, 65536, 131072];
/** The filters of the last chip. */
const MORE = ["author", "tags", "gated", "max_size", "min_downloads", "min_likes"];

function sizeClass(value: string): string {
  const bounds: Record<string, string> = {
    tiny: "under 100M", small: "100M to 1B", medium: "1B to 7B", large: "7B to 13B", xlarge: "13B and more",
  };
  return bounds[value] ? `${sentence(value)}, ${bounds[value]}` : sentence(value);
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A field's value as a list: absent is empty, one is a list of one. */
export function listOf(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

/** A filter as the reader knows it: "Format: MLX". */
export function filterName(field: string, query: Query): string {
  const known = FIELDS.find((each) => each.field === field || each.not === field);
  if (!known) return { fits: "Fits this machine", max_size: "Largest size", min_downloads: "Downloads",
    min_likes: "Likes" }[field] ?? sentence(field.replaceAll("_", " "));
  const values = listOf(query[field]).map(known.name);
  return `${known.label}: ${field === known.not ? "not " : ""}${values.join(", ")}`;
}

export class Filters {
  readonly element = h("div", { class: "wb-chips", role: "toolbar", "aria-label": "Filters" });
  private readonly chips: ChoiceChip[];
  private readonly fits: FitsChip;
  private readonly more: MoreChip;
  private readonly clear: HTMLElement;

  constructor(events: FilterEvents, signal: AbortSignal) {
    this.fits = new FitsChip(events, signal);
    this.chips = FIELDS.map((field) => new ChoiceChip(field, events, signal));
    this.more = new MoreChip(events, signal);
    const none = Object.fromEntries([...ALL].map((field) => [field, null]));
    this.clear = textButton("Clear", "wb-gh wb-sm wb-end", () => events.change(none));
    this.element.append(
      this.fits.element, h("span", { class: "wb-vr" }), ...this.chips.map((chip) => chip.element), this.more.element,
      this.clear,
    );
  }

  update(query: Query, context: number): void {
    this.fits.update(query, context);
    for (const chip of this.chips) chip.update(query);
    this.more.update(query);
    show(this.clear, [...ALL].some((field) => query[field] !== undefined && query[field] !== null && query[field] !== false));
  }
}

/** Every field that "Clear" takes away: all but the words, the order and the context. */
const ALL = new Set([
  "fits", ...MORE, ...FIELDS.flatMap(({ field, not }) => (not ? [field, not] : [field])), "min_parameters",
  "max_parameters", "bits", "engine",
]);

/** A chip that opens something; set, it says its value and can be taken away. */
class Chip {
  readonly element = h("span", { class: "wb-chipset", role: "presentation" });
  readonly button: HTMLButtonElement;
  private readonly words = h("span", { class: "wb-cut" });
  private readonly takeAway: HTMLButtonElement;

  constructor(
    private readonly label: string,
    clear: () => void,
  ) {
    this.button = h("button", { type: "button", class: "wb-chip", "aria-haspopup": "dialog" }, this.words, icon("down"));
    this.takeAway = iconButton("x", `Any ${label.toLowerCase()}`, () => {
      clear();
      this.button.focus();
    });
    this.takeAway.className = "wb-chip wb-on wb-chipx";
    this.element.append(this.button, this.takeAway);
    this.set(null);
  }

  set(value: string | null): void {
    setText(this.words, value ?? this.label);
    this.button.classList.toggle("wb-on", value !== null);
    setAttribute(this.button.lastElementChild!, "hidden", value !== null);
    show(this.takeAway, value !== null);
    setAttribute(this.button, "title", value);
  }
}

/** A list of values of which any number may be chosen. */
class ChoiceChip {
  readonly element: HTMLElement;
  private readonly chip: Chip;
  private readonly popover: Popover;
  private readonly list = h("div", { class: "wb-list", role: "group" });
  private query: Query = {};
  private choices: Choice[] = [];

  constructor(
    private readonly field: Field,
    private readonly events: FilterEvents,
    signal: AbortSignal,
  ) {
    const none = { [field.field]: null, ...(field.not ? { [field.not]: null } : {}) };
    this.chip = new Chip(field.label, () => events.change(none));
    setAttribute(this.list, "aria-label", field.label);
    const box = h("div", { class: "wb-fpop", role: "dialog", "aria-label": field.label }, this.list);
    this.element = this.chip.element;
    this.element.append(box);
    this.popover = new Popover(this.chip.button, box, () => this.opened(), signal);
    this.list.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  update(query: Query): void {
    this.query = query;
    const { field, not, label, name } = this.field;
    const values = listOf(query[field]);
    const without = not ? listOf(query[not]) : [];
    const words = [...values.map(name), ...without.map((value) => `not ${name(value)}`)];
    const plain = field === "quantization" || field === "size_class";
    const said = words.length > 2 ? `${words.slice(0, 2).join(", ")} +${words.length - 2}` : words.join(", ");
    this.chip.set(words.length === 0 ? null : plain ? said.replace(/, (under|\d).*$/, "") : `${label}: ${said}`);
    if (this.popover.isOpen) this.draw();
  }

  private opened(): void {
    this.draw();
    void this.events.choices(this.field.field).then((choices) => {
      this.choices = choices;
      if (!this.popover.isOpen) return;
      const focused = this.list.contains(document.activeElement);
      this.draw();
      this.popover.place();
      if (!focused && document.activeElement === this.chip.button) this.list.querySelector("input")?.focus();
    });
  }

  private draw(): void {
    const { field, not, name } = this.field;
    const chosen = listOf(this.query[field]);
    const without = not ? listOf(this.query[not]) : [];
    const known = new Set(this.choices.map(({ value }) => value));
    const extra = [...chosen, ...without].filter((value) => !known.has(value)).map((value) => ({ value, count: null }));
    const focus = (document.activeElement as HTMLElement | null)?.dataset?.value;
    this.list.replaceChildren(
      ...[...this.choices, ...extra].map(({ value, count: models }) => {
        const box = h("input", { type: "checkbox", class: "wb-cb", "data-value": value });
        box.checked = chosen.includes(value);
        box.addEventListener("change", () => this.toggle(field, chosen, value, not, without));
        const words = h("span", { class: "wb-cut" }, name(value));
        const number = h("span", { class: "wb-num" }, models === null ? "" : count(models));
        const faint = models === 0 ? " wb-t3" : "";
        const label = h("label", { class: `wb-opt${faint}` }, box, words, number);
        if (!not) return label;
        const off = h("button", { type: "button", class: "wb-btn wb-gh wb-sm wb-not", title: `Leave out ${name(value)}`,
          "aria-label": `Leave out ${name(value)}`, "aria-pressed": without.includes(value) ? "true" : "false",
          "data-value": `not ${value}` }, "not");
        off.addEventListener("click", () => this.toggle(not, without, value, field, chosen));
        return h("div", { class: "wb-optrow" }, label, off);
      }),
    );
    if (this.choices.length === 0 && extra.length === 0) this.list.append(h("p", { class: "wb-opt wb-t3" }, "Counting…"));
    if (focus) this.list.querySelector<HTMLElement>(`[data-value="${CSS.escape(focus)}"]`)?.focus();
  }

  /** Puts a value into one list, or takes it out; it is never in the other. */
  private toggle(field: string, values: string[], value: string, other?: string, others: string[] = []): void {
    const next = values.includes(value) ? values.filter((each) => each !== value) : [...values, value];
    const rest = others.filter((each) => each !== value);
    this.events.change({ [field]: next.length ? next : null, ...(other ? { [other]: rest.length ? rest : null } : {}) });
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const boxes = [...this.list.querySelectorAll<HTMLElement>("input")];
    const at = boxes.findIndex((box) => box === document.activeElement);
    boxes[Math.max(0, Math.min(boxes.length - 1, at + step))]?.focus();
  }
}

/** "Fits this machine at 8k": pressed or not, with a menu of contexts. */
class FitsChip {
  readonly element: HTMLElement;
  private readonly toggle: HTMLButtonElement;
  private readonly words = h("span");
  private readonly check = icon("check");
  private on = false;
  private context = 0;

  constructor(
    private readonly events: FilterEvents,
    signal: AbortSignal,
  ) {
    this.toggle = h("button", { type: "button", class: "wb-chip", "aria-pressed": "false" }, this.check, this.words);
    this.toggle.addEventListener("click", () => events.change({ fits: this.on ? null : true }));
    const open = h("button", { type: "button", class: "wb-chip wb-chipx", "aria-label": "Context length", title: "Context length" }, icon("down"));
    const list = h("div", { class: "wb-fpop wb-narrowpop", role: "radiogroup", "aria-label": "Context length" });
    this.element = h("span", { class: "wb-chipset", role: "presentation" }, this.toggle, open, list);
    const popover = new Popover(open, list, () => {
      const radios = CONTEXTS.map((tokens) => {
        const radio = h("input", { type: "radio", name: "wb-context", value: tokens });
        radio.checked = tokens === this.context;
        radio.addEventListener("change", () => this.events.change({ context: tokens }));
        return h("label", { class: "wb-opt" }, radio, `${tokensShort(tokens)} tokens`);
      });
      list.replaceChildren(h("p", { class: "wb-lbl wb-poph" }, "Memory counted for"), ...radios);
    }, signal);
    list.addEventListener("click", (event) => event.detail > 0 && event.target instanceof HTMLInputElement && popover.close(), { signal });
  }

  update(query: Query, context: number): void {
    this.on = query.fits === true;
    this.context = context;
    this.toggle.classList.toggle("wb-on", this.on);
    this.element.classList.toggle("wb-set", this.on);
    setAttribute(this.toggle, "aria-pressed", String(this.on));
    setAttribute(this.check, "hidden", !this.on);
    this.words.replaceChildren("Fits ", h("span", { class: "wb-hn2" }, "this machine "), `at ${tokensShort(context)}`);
  }
}

/** Author, tags, access, largest size, least downloads and likes. */
class MoreChip {
  readonly element: HTMLElement;
  private readonly chip: Chip;
  private readonly fields = new Map<string, HTMLInputElement | HTMLSelectElement>();
  private timer = 0;

  constructor(
    private readonly events: FilterEvents,
    signal: AbortSignal,
  ) {
    const none = Object.fromEntries(MORE.map((field) => [field, null]));
    this.chip = new Chip("More", () => events.change(none));
    const access = h("select", {},
      h("option", { value: "" }, "Open and gated"), h("option", { value: "false" }, "Open only"), h("option", { value: "true" }, "Gated only"));
    const box = h("div", { class: "wb-fpop wb-more", role: "dialog", "aria-label": "More filters" },
      this.line("author", "Author", h("input", { type: "text", placeholder: "mlx-community", spellcheck: "false" })),
      this.line("tags", "Tags", h("input", { type: "text", placeholder: "chat, code", spellcheck: "false" })),
      this.line("gated", "Access", access),
      this.line("max_size", "Largest size, GB", h("input", { type: "number", min: 0, step: "any", placeholder: "any" })),
      this.line("min_downloads", "Least downloads", h("input", { type: "number", min: 0, placeholder: "any" })),
      this.line("min_likes", "Least likes", h("input", { type: "number", min: 0, placeholder: "any" })),
    );
    this.element = this.chip.element;
    this.element.append(box);
    new Popover(this.chip.button, box, () => undefined, signal);
    box.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.changed(), 250);
    }, { signal });
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  update(query: Query): void {
    const said: string[] = [];
    const say = (field: string, words: (value: unknown) => string): void => {
      if (query[field] !== undefined && query[field] !== null) said.push(words(query[field]));
    };
    say("author", (value) => `by ${listOf(value).join(", ")}`);
    say("tags", (value) => listOf(value).join(", "));
    say("gated", (value) => (value === true ? "gated" : "open"));
    say("max_size", (value) => `up to ${size(Number(value))}`);
    say("min_downloads", (value) => `${count(Number(value))} downloads`);
    say("min_likes", (value) => `${count(Number(value))} likes`);
    this.chip.set(said.length ? said.join(", ") : null);
    for (const [field, input] of this.fields) if (document.activeElement !== input) input.value = this.text(field, query[field]);
  }

  private text(field: string, value: unknown): string {
    if (value === undefined || value === null) return "";
    return field === "max_size" ? String(Number(value) / 1e9) : listOf(value).join(", ");
  }

  private line(field: string, label: string, input: HTMLInputElement | HTMLSelectElement): HTMLElement {
    this.fields.set(field, input);
    return h("label", { class: "wb-line2" }, h("span", { class: "wb-t2" }, label), h("span", { class: "wb-field wb-sm" }, input));
  }

  private changed(): void {
    const value = (field: string): string => this.fields.get(field)!.value.trim();
    const number = (field: string, scale = 1): number | null => {
      const read = Number(value(field));
      return value(field) === "" || !(read > 0) ? null : Math.round(read * scale);
    };
    const words = value("tags").split(/[\s,]+/).filter(Boolean);
    this.events.change({
      author: value("author") ? value("author").split(/[\s,]+/).filter(Boolean) : null,
      tags: words.length ? words : null,
      gated: value("gated") === "" ? null : value("gated") === "true",
      max_size: number("max_size", 1e9),
      min_downloads: number("min_downloads"),
      min_likes: number("min_likes"),
    });
  }
}
