// One generation option in the options panel: its slider and number, its strings or its switch. Not set is a state of its
// own, never 0. It knows no chat.
import { h, iconButton, setAttribute, setText, show } from "./dom";
import { icon } from "./icons";
import { labelOf, NUMBERS } from "./option_words";
import type { RangeView } from "./protocol";

/** A range wider than this many steps gets a slider that is finer at its low end. */
const WIDE = 1000;
/** A range wider than this gets no slider: one pixel would be too much. */
const WIDEST = 10_000_000;
const POSITIONS = 1000;

/** `value` is undefined when the option goes back to the model's own default. */
export type Changed = (name: string, value: unknown) => void;

interface Control {
  readonly element: HTMLElement;
  update(range: RangeView, value: unknown): void;
  setDisabled(disabled: boolean): void;
}

export class OptionRow {
  readonly element: HTMLElement;
  private readonly control: Control;
  private readonly reset: HTMLButtonElement;
  private readonly words = h("div", { class: "wb-n2" });
  private readonly wrong = h("div", { class: "wb-n2 wb-err", role: "alert" });

  constructor(range: RangeView, changed: Changed) {
    const { name } = range;
    const label = labelOf(name);
    this.control = make(range, label, (value) => changed(name, value));
    this.reset = iconButton("x", `${label}: back to the default`, () => changed(name, undefined), true);
    const title = h("span", { class: "wb-grow wb-b" }, label);
    const head = h("div", { class: "wb-ohead" }, title, this.reset);
    if (this.control instanceof NumberControl) head.append(this.control.field);
    show(this.wrong, false);
    this.element = h("div", { class: "wb-orow", "data-option": name }, head, this.control.element, this.words, this.wrong);
  }

  update(range: RangeView, value: unknown, live: boolean): void {
    const able = range.supported !== false && live;
    this.control.setDisabled(!able);
    this.control.update(range, value);
    this.element.classList.toggle("wb-unset", value === undefined);
    this.element.classList.toggle("wb-nowhere", value === undefined && range.default === null);
    this.element.classList.toggle("wb-unable", range.supported === false);
    this.reset.style.visibility = value === undefined || !live ? "hidden" : "";
    const about = range.note || (NUMBERS.find(([name]) => name === range.name)?.[2] ?? "");
    setText(this.words, about);
    show(this.words, about !== "");
  }

  /** Why what was set was not taken; null takes that away. */
  refuse(words: string | null): void {
    setText(this.wrong, words ?? "");
    show(this.wrong, words !== null);
  }
}

function make(range: RangeView, label: string, changed: (value: unknown) => void): Control {
  if (range.kind === "strings") return new StringsControl(label, changed);
  if (range.kind === "flag") return new FlagControl(label, changed);
  return new NumberControl(label, changed);
}

/** A slider with a number beside it; the number can be typed. */
class NumberControl implements Control {
  readonly element = h("div", { class: "wb-oslide" });
  readonly field: HTMLElement;
  private readonly number: HTMLInputElement;
  private readonly slider: HTMLInputElement;
  private range: RangeView | null = null;
  private value: number | undefined;

  constructor(label: string, private readonly changed: (value: number | undefined) => void) {
    this.number = h("input", { type: "number", step: "any", "aria-label": label, autocomplete: "off" });
    this.field = h("div", { class: "wb-field wb-sm wb-onumber" }, this.number);
    this.slider = h("input", { type: "range", class: "wb-slider", "aria-label": `${label}, slider`, min: 0, max: POSITIONS });
    this.element.append(this.slider);
    this.number.addEventListener("change", () => this.typed());
    this.number.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.number.value === this.shown()) return;
      event.stopPropagation(); // the panel stays open: only the typing is taken back
      this.number.value = this.shown();
    });
    this.slider.addEventListener("input", () => {
      this.number.value = String(this.slid());
      this.drawFill();
    });
    this.slider.addEventListener("change", () => this.changed(this.slid()));
  }

  update(range: RangeView, value: unknown): void {
    this.range = range;
    this.value = typeof value === "number" ? value : undefined;
    const own = typeof range.default === "number" ? String(range.default) : "default";
    setAttribute(this.number, "placeholder", own);
    setAttribute(this.number, "min", range.min);
    setAttribute(this.number, "max", range.max);
    const slides = range.min !== null && range.max !== null && range.max > range.min && range.max - range.min <= WIDEST;
    show(this.element, slides);
    if (document.activeElement !== this.number) this.number.value = this.shown();
    if (!slides || document.activeElement === this.slider && this.slider.matches(":active")) return;
    const at = this.value ?? (typeof range.default === "number" ? range.default : (range.off ?? range.min!));
    this.slider.value = String(positionOf(range, at));
    setAttribute(this.slider, "aria-valuetext", this.value === undefined ? `default${own === "default" ? "" : `, ${own}`}` : String(this.value));
    this.drawFill();
  }

  setDisabled(disabled: boolean): void {
    this.number.disabled = this.slider.disabled = disabled;
  }

  private drawFill(): void {
    this.slider.style.setProperty("--p", String(Number(this.slider.value) / (POSITIONS / 100)));
  }

  private shown(): string {
    return this.value === undefined ? "" : String(this.value);
  }

  private slid(): number {
    return valueAt(this.range!, Number(this.slider.value));
  }

  private typed(): void {
    const text = this.number.value.trim();
    if (!this.number.validity.badInput && text === this.shown()) return;
    if (text === "" && this.number.validity.badInput) this.number.value = this.shown();
    else this.changed(text === "" ? undefined : Number(text));
  }
}

function isWide(range: RangeView): boolean {
  return range.kind === "integer" && range.max! - range.min! > WIDE;
}

/** Where a value stands on a slider, 0 to 1,000. */
export function positionOf(range: RangeView, value: number): number {
  const part = (value - range.min!) / (range.max! - range.min!);
  const scaled = isWide(range) ? Math.log1p(value - range.min!) / Math.log1p(range.max! - range.min!) : part;
  return Math.round(Math.min(1, Math.max(0, scaled)) * POSITIONS);
}

/** The value at a place of the slider: a whole step, and in a wide range a round number. */
export function valueAt(range: RangeView, position: number): number {
  const [min, max] = [range.min!, range.max!];
  const part = position / POSITIONS;
  if (part >= 1) return max;
  if (isWide(range)) {
    const value = min + Math.expm1(part * Math.log1p(max - min));
    const digits = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1);
    return Math.max(min, Math.min(max, Math.round(value / digits) * digits));
  }
  const step = range.step ?? (range.kind === "integer" ? 1 : (max - min) / 100);
  const value = Math.min(max, min + Math.round((part * (max - min)) / step) * step);
  return Number(value.toFixed(6));
}

/** On, off, or as the model has it. */
class FlagControl implements Control {
  readonly element: HTMLElement;
  private readonly buttons: [boolean | undefined, HTMLButtonElement][];

  constructor(label: string, changed: (value: boolean | undefined) => void) {
    const button = (words: string, value: boolean | undefined): [boolean | undefined, HTMLButtonElement] => {
      const made = h("button", { type: "button", role: "radio" }, words);
      made.addEventListener("click", () => changed(value));
      return [value, made];
    };
    this.buttons = [button("Default", undefined), button("On", true), button("Off", false)];
    const attributes = { class: "wb-seg", role: "radiogroup", "aria-label": label };
    this.element = h("div", attributes, ...this.buttons.map(([, each]) => each));
    this.element.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const at = this.buttons.findIndex(([, each]) => each === document.activeElement);
      const [value, next] = this.buttons[(at + way + this.buttons.length) % this.buttons.length]!;
      next.focus();
      changed(value);
    });
  }

  update(_range: RangeView, value: unknown): void {
    for (const [each, button] of this.buttons) {
      setAttribute(button, "aria-checked", String(each === value));
      button.tabIndex = each === value ? 0 : -1;
    }
  }

  setDisabled(disabled: boolean): void {
    for (const [, button] of this.buttons) button.disabled = disabled;
  }
}

/** Strings, each in a chip of its own; Enter adds one. */
class StringsControl implements Control {
  readonly element: HTMLElement;
  private readonly chips = h("span", { class: "wb-ochips" });
  private readonly input: HTMLInputElement;
  private strings: string[] = [];
  private disabled = false;

  constructor(label: string, private readonly changed: (value: string[] | undefined) => void) {
    this.input = h("input", { type: "text", class: "wb-mono", "aria-label": label, placeholder: "a text, then Enter", autocomplete: "off", spellcheck: "false" });
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.add();
    });
    this.input.addEventListener("change", () => this.add());
    this.element = h("div", { class: "wb-ostrings" }, this.chips, h("div", { class: "wb-field wb-sm" }, this.input));
  }

  update(_range: RangeView, value: unknown): void {
    const strings = Array.isArray(value) ? value.map(String) : [];
    if (JSON.stringify(strings) === JSON.stringify(this.strings) && this.chips.childElementCount === strings.length) return;
    this.strings = strings;
    this.chips.replaceChildren(...strings.map((each) => this.chip(each)));
  }

  setDisabled(disabled: boolean): void {
    this.disabled = this.input.disabled = disabled;
  }

  private chip(text: string): HTMLElement {
    const shown = JSON.stringify(text).slice(1, -1); // "\n" as it is written
    const button = h("button", { type: "button", class: "wb-chip", "aria-label": `Remove ${shown}` }, h("span", { class: "wb-mono" }, shown), icon("x", true));
    button.addEventListener("click", () => this.send(this.strings.filter((each) => each !== text)));
    return button;
  }

  private add(): void {
    const text = this.input.value.replaceAll("\\n", "\n");
    this.input.value = "";
    if (text && !this.strings.includes(text)) this.send([...this.strings, text]);
  }

  private send(strings: string[]): void {
    if (!this.disabled) this.changed(strings.length ? strings : undefined);
  }
}
