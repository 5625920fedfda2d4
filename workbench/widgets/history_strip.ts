// The strip above the chats: search and tags; with something selected, what can be done to it. One height.
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { count, plural } from "./format";
import type { HistoryView } from "./history_protocol";
import { icon } from "./icons";
import type { Menu, MenuItem } from "./menu";

export interface StripEvents {
  search(words: string): void;
  tag(name: string | null): void;
  all(selected: boolean): void;
  clear(): void;
  remove(): void;
  usage(): void;
  /** From the field into the list. */
  down(): void;
}

export class Strip {
  readonly element: HTMLElement;
  readonly field = h("input", { type: "search", "aria-label": "Search all chats", spellcheck: "false", autocomplete: "off" });
  private readonly all = h("input", { type: "checkbox", class: "wb-cb", "aria-label": "Select all" });
  private readonly search: HTMLElement;
  private readonly selection: HTMLElement;
  private readonly selected = h("b", { class: "wb-b" });
  private readonly chip = h("button", { type: "button", class: "wb-chip", "aria-haspopup": "menu", "aria-expanded": "false" });
  private readonly chipWords = h("span", { class: "wb-cut" });
  private tags: HistoryView["tags"] = [];

  constructor(private readonly events: StripEvents, menu: Menu) {
    this.all.addEventListener("change", () => events.all(this.all.checked));
    this.field.addEventListener("input", () => events.search(this.field.value));
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.chip.append(icon("tag", true), this.chipWords, icon("down", true));
    let tag: string | null = null;
    const set = (name: string | null): void => events.tag((tag = name));
    this.chip.addEventListener("click", () => menu.open(this.chip, "Tag", this.choices(tag, set)));
    const usage = textButton("Usage", "wb-sm wb-word", () => events.usage(), "chart");
    setAttribute(usage, "title", "Tokens, time and speed by day, in a cell below");
    const find = h("div", { class: "wb-field wb-sm wb-hfind" }, icon("search", true), this.field, h("span", { class: "wb-kbd", "aria-hidden": "true" }, "/"));
    this.search = h("div", { class: "wb-hside", role: "search" }, find, this.chip, h("span", { class: "wb-end wb-pgone" }, usage));
    const remove = textButton("Delete", "wb-sm wb-err", () => events.remove(), "trash");
    const clear = iconButton("x", "Clear selection", () => events.clear(), true);
    this.selection = h("div", { class: "wb-hside", role: "toolbar" }, this.selected, h("span", { class: "wb-end wb-fx wb-gap1 wb-pgone" }, remove, clear));
    this.element = h("div", { class: "wb-hstrip" }, this.all, this.search, this.selection);
  }

  /** `selected` of `shown` chats; `tag` is the one they are narrowed to. */
  update(view: HistoryView, tag: string | null, selected: number, shown: number): void {
    this.tags = view.tags;
    setAttribute(this.field, "placeholder", `Search ${view.more ? "all chats" : plural(view.rows.length, "chat")}`);
    show(this.chip, view.tags.length > 0 || tag !== null);
    setText(this.chipWords, tag ?? "Tags");
    this.chip.classList.toggle("wb-on", tag !== null);
    this.all.checked = shown > 0 && selected === shown;
    this.all.indeterminate = selected > 0 && selected < shown;
    this.all.disabled = shown === 0;
    show(this.search, selected === 0);
    show(this.selection, selected > 0);
    setText(this.selected, `${count(selected)} selected`);
    setAttribute(this.selection, "aria-label", `${count(selected)} selected`);
    this.element.classList.toggle("wb-on", selected > 0);
  }

  private choices(tag: string | null, set: (name: string | null) => void): MenuItem[][] {
    const all = { label: "All chats", checked: tag === null, press: () => set(null) };
    const each = this.tags.map(({ name, count: chats }) => ({ label: name, detail: count(chats), checked: name === tag, press: () => set(name) }));
    return [[all], each];
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "ArrowDown" || event.key === "Enter") this.events.down();
    else if (event.key === "Escape" && this.field.value) {
      this.field.value = "";
      this.events.search("");
    } else return;
    event.preventDefault();
  }
}
