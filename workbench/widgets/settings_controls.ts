// The controls of the settings: a row with words, a switch, a number with its unit. They know no store.
import { h, setAttribute, setText, show } from "./dom";
import { icon } from "./icons";

/** A part of a section: its title, words and buttons at the right, and what stands below. */
export function part(title: string, below: HTMLElement[], acts: HTMLElement[] = [], words: HTMLElement | null = null): HTMLElement {
  const right = acts.length ? h("span", { class: "wb-end wb-fx wb-gap1 wb-pgone" }, ...acts) : null;
  return h("section", { class: "wb-sec" }, h("header", {}, h("h3", {}, title), words, right), ...below);
}

export function box(...children: HTMLElement[]): HTMLElement {
  return h("div", { class: "wb-box" }, ...children);
}

/** Something that can be set: its name, what it does, its control; and the variable that decides it, where one does. */
export class Setting {
  readonly element: HTMLElement;
  private readonly decided = h("div", { class: "wb-n2 wb-warn" });

  constructor(title: string, words: string, private readonly control: Control, wide = true) {
    const text = h("div", {}, h("div", { class: "wb-b" }, title), h("div", { class: "wb-n2" }, words), this.decided);
    this.element = h("div", { class: wide ? "wb-set" : "wb-set wb-short" }, text, control.element);
    show(this.decided, false);
  }

  /** `variable` of the environment decides, when there is one: nothing can be set here then. */
  decidedBy(variable: string | undefined): void {
    show(this.decided, variable !== undefined);
    setText(this.decided, variable ? `${variable} of the environment decides.` : "");
    this.control.setDisabled(variable !== undefined);
  }
}

/** What a `Setting` holds. */
export interface Control {
  readonly element: HTMLElement;
  setDisabled(disabled: boolean): void;
}

/** One that shows at once what was chosen, and goes back to what is set when that is refused. */
export interface Restorable {
  restore(): void;
}

export class Switch implements Control {
  readonly element: HTMLInputElement;
  private on = false;
  /** Whether a press is on its way to the kernel: what the view still says is old. */
  private sent = false;

  constructor(label: string, changed: (on: boolean) => void) {
    this.element = h("input", { type: "checkbox", role: "switch", class: "wb-sw", "aria-label": label });
    this.element.addEventListener("change", () => {
      this.sent = this.element.checked !== this.on;
      changed(this.element.checked);
    });
  }

  update(on: boolean): void {
    if (this.sent && on === this.on) return;
    this.on = on;
    this.restore();
  }

  /** Shows again what is set. */
  restore(): void {
    this.sent = false;
    if (this.element.checked !== this.on) this.element.checked = this.on;
  }

  setDisabled(disabled: boolean): void {
    this.element.disabled = disabled;
  }
}

export interface NumberKind {
  unit: string;
  /** What one of the unit is, in the setting's own unit: 1e9 for a budget in GB. */
  one?: number;
  /** Shown while nothing is set; without it something must be. */
  none?: string;
  step?: number;
}

/** A number that counts when Enter is pressed or the field is left; what is no number goes back to what was. */
export class NumberField implements Control {
  readonly element: HTMLElement;
  private readonly field: HTMLInputElement;
  private readonly one: number;
  private value: number | null = null;
  /** Whether a number is on its way to the kernel: what the view still says is old. */
  private sent = false;

  constructor(label: string, private readonly kind: NumberKind, private readonly changed: (value: number | null) => void) {
    this.one = kind.one ?? 1;
    this.field = h("input", {
      type: "number", min: 0, step: kind.step ?? 1, "aria-label": `${label}, ${kind.unit}`, placeholder: kind.none ?? null,
      autocomplete: "off",
    });
    this.element = h("div", { class: "wb-field wb-sm wb-nfield" }, this.field, h("span", { class: "wb-t2" }, kind.unit));
    this.field.addEventListener("change", () => this.take());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.restore();
    });
  }

  /** What is set; `none` is the placeholder where it depends on the machine. */
  update(value: number | null, none = this.kind.none): void {
    setAttribute(this.field, "placeholder", none ?? null);
    if (this.sent && value === this.value) return;
    this.value = value;
    if (document.activeElement !== this.field) this.restore();
  }

  setDisabled(disabled: boolean): void {
    this.field.disabled = disabled;
  }

  /** Shows again what is set. */
  restore(): void {
    this.sent = false;
    this.field.value = this.value === null ? "" : String(Math.round((this.value / this.one) * 100) / 100);
  }

  private take(): void {
    const text = this.field.value.trim();
    const value = text === "" ? null : Number(text) * this.one;
    if (value === null ? this.kind.none === undefined || !this.field.validity.valid : !Number.isFinite(value)) return this.restore();
    if (value === this.value) return;
    this.sent = true;
    this.changed(value);
  }
}

/** Lines that can be taken away: folders, allowed servers. */
export function removable(words: string, label: string, remove: () => void, sign: "folder" | "cloud"): HTMLElement {
  const button = h("button", { type: "button", class: "wb-btn wb-gh wb-sm wb-pgone", "aria-label": label }, h("span", {}, "Remove"));
  button.addEventListener("click", remove);
  return h("div", { class: "wb-srow" }, icon(sign, true), h("span", { class: "wb-cut wb-grow wb-mono", title: words }, words), button);
}

/** A field with a button: Enter presses it. `done` tells whether it was taken; the field is empty then. */
export class FieldButton {
  readonly element: HTMLElement;
  readonly field: HTMLInputElement;
  readonly button: HTMLButtonElement;

  constructor(label: string, placeholder: string, words: string, private readonly press: (text: string) => Promise<boolean>, private readonly keep = false) {
    this.field = h("input", { type: "text", class: "wb-mono", "aria-label": label, placeholder, spellcheck: "false", autocomplete: "off" });
    this.button = h("button", { type: "button", class: "wb-btn wb-pgone" }, h("span", {}, words));
    this.element = h("div", { class: "wb-srow wb-sadd" }, h("div", { class: "wb-field wb-sm wb-grow" }, this.field), this.button);
    this.button.addEventListener("click", () => void this.take());
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      void this.take();
    });
  }

  private async take(): Promise<void> {
    const text = this.field.value.trim();
    if (!text) return this.field.focus();
    if ((await this.press(text)) && !this.keep) this.field.value = "";
  }
}
