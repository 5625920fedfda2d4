// The tags of one chat, in a popover: those there are, to check; a new one, to type.
import { h, setAttribute, show } from "./dom";
import type { ChatRow, HistoryView } from "./history_protocol";
import { icon } from "./icons";
import { Popover } from "./popover";

const LONGEST = 40;

export class TagsPopover {
  readonly element: HTMLElement;
  private readonly field = h("input", { type: "text", "aria-label": "New tag", placeholder: "Find or add a tag", maxlength: LONGEST, spellcheck: "false", autocomplete: "off" });
  private readonly list = h("div", { class: "wb-htlist", role: "group" });
  private readonly popover: Popover;
  private row: ChatRow | null = null;
  private tags: HistoryView["tags"] = [];

  /** `set` is told all the tags that a chat is to have. */
  constructor(private readonly set: (row: ChatRow, tags: string[]) => void, signal: AbortSignal) {
    this.element = h("div", { class: "wb-htpop", role: "dialog" }, h("div", { class: "wb-field wb-sm" }, icon("tag", true), this.field), this.list);
    const nowhere = h("button", { type: "button" });
    this.popover = new Popover(nowhere, this.element, () => this.draw(), signal);
    this.field.addEventListener("input", () => this.draw());
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  open(row: ChatRow, beside: HTMLElement, tags: HistoryView["tags"]): void {
    this.row = row;
    this.tags = tags;
    this.field.value = "";
    setAttribute(this.element, "aria-label", `Tags of ${row.title}`);
    this.popover.openAt(beside as HTMLButtonElement);
  }

  /** What is known now, while it is open. */
  update(rowOf: (id: string) => ChatRow | undefined, tags: HistoryView["tags"]): void {
    const row = this.row && rowOf(this.row.id);
    if (!this.popover.isOpen || !row) return;
    const same = JSON.stringify([row.tags, tags]) === JSON.stringify([this.row!.tags, this.tags]);
    this.row = row;
    this.tags = tags;
    if (!same) this.draw();
  }

  private draw(): void {
    const typed = this.field.value.trim().toLowerCase();
    const own = this.row?.tags ?? [];
    const names = [...new Set([...own, ...this.tags.map((tag) => tag.name)])];
    const focused = (document.activeElement as HTMLElement | null)?.dataset?.tag;
    const fitting = names.filter((name) => name.toLowerCase().includes(typed));
    const lines = fitting.map((name) => this.line(name, own.includes(name)));
    if (typed && !names.some((name) => name.toLowerCase() === typed)) lines.push(this.adding(this.field.value.trim()));
    show(this.list, lines.length > 0);
    this.list.replaceChildren(...lines);
    if (focused) [...this.list.querySelectorAll<HTMLElement>("[data-tag]")].find((each) => each.dataset.tag === focused)?.focus();
    this.popover.place();
  }

  private line(name: string, checked: boolean): HTMLElement {
    const box = h("input", { type: "checkbox", class: "wb-cb", "data-tag": name });
    box.checked = checked;
    box.addEventListener("change", () => this.toggle(name));
    return h("label", { class: "wb-opt" }, box, h("span", { class: "wb-cut" }, name));
  }

  private adding(name: string): HTMLElement {
    const button = h("button", { type: "button", class: "wb-opt" }, icon("plus", true), h("span", { class: "wb-cut" }, `Add “${name}”`));
    button.addEventListener("click", () => this.add());
    return button;
  }

  private toggle(name: string): void {
    if (!this.row) return;
    const tags = this.row.tags.includes(name) ? this.row.tags.filter((tag) => tag !== name) : [...this.row.tags, name];
    this.row = { ...this.row, tags };
    this.set(this.row, tags);
    this.draw();
  }

  private add(): void {
    const typed = this.field.value.trim();
    const known = this.tags.find((tag) => tag.name.toLowerCase() === typed.toLowerCase())?.name ?? typed;
    this.field.value = "";
    if (typed && !this.row?.tags.includes(known)) this.toggle(known);
    else this.draw();
    this.field.focus();
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter" && event.target === this.field) this.add();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.move(event.key === "ArrowDown" ? 1 : -1);
    else return;
    event.preventDefault();
  }

  private move(step: number): void {
    const stops = [this.field, ...this.list.querySelectorAll<HTMLElement>("input, button")];
    const at = stops.indexOf(document.activeElement as HTMLElement);
    stops[(at + step + stops.length) % stops.length]?.focus();
  }
}
