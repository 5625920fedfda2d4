// The strip above the table: search, filter and import; with something selected, what can be done to it. One height.
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { plural, size } from "./format";
import { icon } from "./icons";
import type { LibraryView } from "./library_protocol";
import { isTwice, shortSource, type Filter } from "./library_words";
import type { Menu, MenuItem } from "./menu";

export interface StripEvents {
  filter(filter: Filter): void;
  all(selected: boolean): void;
  clear(): void;
  verify(): void;
  update(): void;
  remove(): void;
  folder(): void;
  import(): void;
  /** From the field into the table. */
  down(): void;
}

/** What is selected, of what is shown. */
export interface Selected {
  count: number;
  shown: number;
  bytes: number;
  updates: number;
}

export class Strip {
  readonly element: HTMLElement;
  readonly field: HTMLInputElement;
  readonly filter: Filter = { text: "", source: null, twice: false, updates: false };
  private readonly all: HTMLInputElement;
  private readonly search: HTMLElement;
  private readonly selection: HTMLElement;
  private readonly count = h("b", { class: "wb-b" });
  private readonly bytes = h("span", { class: "wb-t2" });
  private readonly newer: HTMLButtonElement;
  private readonly chip = h("button", { type: "button", class: "wb-chip", "aria-haspopup": "menu", "aria-expanded": "false" });
  private readonly chipWords = h("span", {}, "Filter");
  private readonly twice = chip("Duplicates");
  private readonly updates = chip("Updates");
  private view: LibraryView | null = null;

  constructor(private readonly events: StripEvents, menu: Menu) {
    this.all = h("input", { type: "checkbox", class: "wb-cb", "aria-label": "Select all" });
    this.all.addEventListener("change", () => events.all(this.all.checked));
    this.field = h("input", { type: "search", "aria-label": "Find a model", spellcheck: "false", autocomplete: "off" });
    this.field.addEventListener("input", () => this.set({ text: this.field.value.trim() }));
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.chip.append(this.chipWords, icon("down", true));
    this.chip.addEventListener("click", () => menu.open(this.chip, "Filter", this.choices()));
    this.twice.addEventListener("click", () => this.set({ twice: !this.filter.twice }));
    this.updates.addEventListener("click", () => this.set({ updates: !this.filter.updates }));
    const buttons = [
      textButton("Add a folder", "wb-sm wb-word", () => events.folder(), "folder"),
      textButton("Import", "wb-sm wb-word", () => events.import(), "plus"),
    ];
    for (const button of buttons) setAttribute(button, "title", button.textContent);
    this.search = h(
      "div",
      { class: "wb-lside", role: "search" },
      h("div", { class: "wb-field wb-sm wb-lfind" }, icon("search", true), this.field),
      this.chip,
      this.twice,
      this.updates,
      h("span", { class: "wb-end wb-fx wb-gap1 wb-pgone" }, ...buttons),
    );
    this.newer = textButton("Update", "wb-sm wb-word", () => events.update(), "update");
    const verify = textButton("Verify", "wb-sm wb-word", () => events.verify(), "shield");
    for (const button of [verify, this.newer]) setAttribute(button, "title", button.textContent);
    const remove = textButton("Delete", "wb-sm wb-err", () => events.remove(), "trash");
    const clear = iconButton("x", "Clear selection", () => events.clear(), true);
    const acts = h("span", { class: "wb-end wb-fx wb-gap1 wb-pgone" }, verify, this.newer, remove, clear);
    this.selection = h("div", { class: "wb-lside", role: "toolbar" }, this.count, this.bytes, acts);
    this.element = h("div", { class: "wb-bulk" }, this.all, this.search, this.selection);
  }

  update(view: LibraryView, selected: Selected): void {
    this.view = view;
    const on = selected.count > 0;
    const hadFocus = (on ? this.search : this.selection).contains(document.activeElement);
    this.element.classList.toggle("wb-on", on);
    show(this.search, !on);
    show(this.selection, on);
    if (hadFocus) (on ? this.all : this.field).focus({ preventScroll: true });
    this.all.checked = on && selected.count >= selected.shown;
    this.all.classList.toggle("wb-mixed", on && !this.all.checked);
    this.all.indeterminate = on && !this.all.checked;
    setText(this.count, `${selected.count} selected`);
    setText(this.bytes, size(selected.bytes));
    setAttribute(this.selection, "aria-label", `${selected.count} selected`);
    this.newer.disabled = selected.updates === 0;
    setAttribute(this.field, "placeholder", `Find in ${plural(view.rows.length, "model")}`);
    this.drawChips(view);
  }

  private drawChips(view: LibraryView): void {
    const { source, twice, updates } = this.filter;
    const counts: [HTMLElement, string, number, boolean][] = [
      [this.twice, "Duplicates", view.rows.filter(isTwice).length, twice],
      [this.updates, "Updates", view.rows.filter((row) => row.update).length, updates],
    ];
    for (const [element, word, count, on] of counts) {
      setText(element, `${word} ${count}`);
      setAttribute(element, "aria-pressed", String(on));
      element.classList.toggle("wb-on", on);
      element.classList.toggle("wb-hidden", count === 0 && !on);
    }
    const on = source !== null;
    setText(this.chipWords, on ? shortSource(source) : "Filter");
    this.chip.classList.toggle("wb-on", on || twice || updates);
  }

  private choices(): MenuItem[][] {
    const view = this.view;
    if (!view) return [];
    const { source, twice, updates } = this.filter;
    const all = { label: "All sources", detail: size(view.total), checked: source === null, press: () => this.set({ source: null }) };
    const sources = view.sources.map(({ name, bytes }) => ({
      label: name, detail: size(bytes), checked: source === name, press: () => this.set({ source: name }),
    }));
    const only = [
      { label: "Stored twice", detail: String(view.rows.filter(isTwice).length), checked: twice, press: () => this.set({ twice: !twice }) },
      { label: "With an update", detail: String(view.rows.filter((row) => row.update).length), checked: updates, press: () => this.set({ updates: !updates }) },
    ];
    return [[all, ...sources], only];
  }

  private set(change: Partial<Filter>): void {
    Object.assign(this.filter, change);
    if (this.view) this.drawChips(this.view);
    this.events.filter(this.filter);
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "ArrowDown") this.events.down();
    else if (event.key === "Escape" && this.field.value) {
      this.field.value = "";
      this.set({ text: "" });
    } else return;
    event.preventDefault();
  }
}

function chip(word: string): HTMLButtonElement {
  return h("button", { type: "button", class: "wb-chip wb-hl", "aria-pressed": "false" }, word);
}
