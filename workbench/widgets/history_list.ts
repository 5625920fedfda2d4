// The list of the history: chats in their groups, or what a search found; selected, renamed and opened by mouse and keys.
import { setAttribute } from "./dom";
import type { ChatRow } from "./history_protocol";
import { columnHeads, Line, type LineAct } from "./history_row";
import { keyOf, type Item } from "./history_words";
import { VirtualList } from "./virtual";

export const LINE_HEIGHT = 44;

export interface ListEvents {
  open(row: ChatRow): void;
  rename(row: ChatRow, title: string): void;
  pin(row: ChatRow): void;
  tags(row: ChatRow, beside: HTMLElement): void;
  menu(row: ChatRow, beside: HTMLElement): void;
  remove(chats: string[]): void;
  selected(): void;
  /** Back to the search field. */
  search(): void;
}

export class ChatList {
  readonly element: HTMLElement;
  readonly selection = new Set<string>();
  private readonly list: VirtualList;
  private readonly lines = new Map<HTMLElement, Line>();
  private items: Item[] = [];
  private now = 0;
  private editing: string | null = null;
  /** Where a selection with Shift begins. */
  private anchor: string | null = null;

  constructor(private readonly events: ListEvents, signal: AbortSignal) {
    this.list = new VirtualList(LINE_HEIGHT, () => this.made(), "Chats", columnHeads(), () => {}, signal);
    this.element = this.list.element;
    setAttribute(this.element, "aria-multiselectable", "true");
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
    this.element.addEventListener("click", (event) => this.clicked(event), { signal });
    this.element.addEventListener("dblclick", (event) => this.doubled(event), { signal });
    this.element.addEventListener("focusin", (event) => {
      const index = this.list.indexOf(event.target);
      if (index !== null && this.items[index]?.kind !== "head") this.list.setCurrent(index);
    }, { signal });
  }

  /** Ids of the chats there are, in their order. */
  get shown(): string[] {
    return this.items.flatMap((item) => (item.kind === "chat" ? item.row.id : []));
  }

  update(items: Item[], now: number): void {
    const key = keyOf(this.items[this.list.current]);
    this.items = items;
    this.now = now;
    const chats = new Set(this.shown);
    for (const id of this.selection) if (!chats.has(id)) this.selection.delete(id);
    const at = items.findIndex((item) => keyOf(item) === key && item.kind !== "head");
    this.list.current = at >= 0 ? at : Math.max(0, items.findIndex((item) => item.kind !== "head"));
    this.list.setLength(items.length);
  }

  toStart(): void {
    this.list.toStart();
    this.list.current = Math.max(0, this.items.findIndex((item) => item.kind !== "head"));
    this.list.draw();
  }

  /** Into the list, where it was left. */
  enter(): void {
    if (this.items.length) this.list.focusRow(this.list.current);
  }

  selectAll(selected: boolean): void {
    this.selection.clear();
    if (selected) for (const id of this.shown) this.selection.add(id);
    this.redraw();
  }

  /** Types a new title where the old one stands. */
  edit(id: string): void {
    const index = this.items.findIndex((item) => item.kind === "chat" && item.row.id === id);
    const item = this.items[index];
    if (item?.kind !== "chat") return;
    this.list.focusRow(index);
    this.editing = id;
    this.list.drawOne(index);
    const field = this.lineAt(index)?.field;
    if (!field) return;
    field.value = item.row.title;
    field.focus({ preventScroll: true });
    field.select();
  }

  private made(): Line {
    const line = new Line((index) => this.facts(index));
    this.lines.set(line.element, line);
    line.field.addEventListener("blur", () => this.endEdit(line.field.value, false));
    line.field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      this.endEdit(event.key === "Enter" ? line.field.value : null, true);
    });
    return line;
  }

  private facts(index: number) {
    const item = this.items[index];
    const id = item?.kind === "chat" ? item.row.id : null;
    return { item, selected: id !== null && this.selection.has(id), editing: id !== null && id === this.editing, now: this.now };
  }

  private lineAt(index: number): Line | undefined {
    const element = this.list.rowAt(index);
    return element && this.lines.get(element);
  }

  private endEdit(title: string | null, refocus: boolean): void {
    const id = this.editing;
    if (id === null) return;
    this.editing = null;
    const index = this.items.findIndex((item) => item.kind === "chat" && item.row.id === id);
    const item = this.items[index];
    this.list.drawOne(index);
    if (refocus) this.list.focusRow(index);
    if (item?.kind === "chat" && title?.trim() && title.trim() !== item.row.title) this.events.rename(item.row, title);
  }

  private clicked(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const index = this.list.indexOf(target);
    const item = index === null ? undefined : this.items[index];
    if (!target || index === null || !item || item.kind === "head") return;
    const control = target.closest<HTMLElement>("[data-act]");
    if (control) this.act(control.dataset.act as LineAct, index, control, event.shiftKey);
    else if (!target.closest("input") && getSelection()?.type !== "Range") this.list.focusRow(index);
  }

  private doubled(event: MouseEvent): void {
    const index = this.list.indexOf(event.target);
    const item = index === null ? undefined : this.items[index];
    const pressed = event.target instanceof Element && event.target.closest("[data-act], input");
    if (item && item.kind !== "head" && !pressed) this.events.open(item.row);
  }

  private act(act: LineAct, index: number, control: HTMLElement, extend: boolean): void {
    const item = this.items[index]!;
    if (item.kind === "head") return;
    if (act === "select") this.press(item.row.id, extend);
    else if (act === "open") this.events.open(item.row);
    else if (act === "unpin") this.events.pin(item.row);
    else if (act === "tags") this.events.tags(item.row, control);
    else this.events.menu(item.row, control);
  }

  private press(id: string, extend: boolean): void {
    if (extend && this.anchor !== null) this.selectRange(id);
    else {
      this.anchor = id;
      if (!this.selection.delete(id)) this.selection.add(id);
    }
    this.redraw();
  }

  /** From the anchor to this chat, and nothing else. */
  private selectRange(id: string): void {
    const { shown } = this;
    const [a, b] = [shown.indexOf(this.anchor ?? id), shown.indexOf(id)];
    this.selection.clear();
    for (const each of shown.slice(Math.min(a, b), Math.max(a, b) + 1)) this.selection.add(each);
  }

  private redraw(): void {
    this.list.draw();
    this.events.selected();
  }

  private key(event: KeyboardEvent): void {
    const index = this.list.current;
    const item = this.items[index];
    if (!item || item.kind === "head" || event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    const { key } = event;
    if (command && key.toLowerCase() === "a") this.selectAll(true);
    else if (command) return;
    else if (key === "ArrowDown" || key === "ArrowUp") this.move(index, key === "ArrowDown" ? 1 : -1, event.shiftKey);
    else if (key === "Home" || key === "End") this.move(key === "Home" ? -1 : this.items.length, key === "Home" ? 1 : -1, event.shiftKey);
    else if (key === "PageDown" || key === "PageUp") this.page(index, key === "PageDown" ? 1 : -1);
    else if (event.target instanceof HTMLButtonElement && (key === "Enter" || key === " ")) return; // it is pressed
    else if (key === "Enter") this.events.open(item.row);
    else if (key === " ") this.press(item.row.id, event.shiftKey);
    else if (key === "F2") this.edit(item.row.id);
    else if (key.toLowerCase() === "p") this.events.pin(item.row);
    else if (key.toLowerCase() === "t") this.events.tags(item.row, this.list.rowAt(index)!);
    else if (key.toLowerCase() === "m" || key === "ContextMenu") this.events.menu(item.row, this.list.rowAt(index)!);
    else if (key === "Delete" || key === "Backspace") this.events.remove(this.selection.size ? [...this.selection] : [item.row.id]);
    else if (key === "Escape" && this.selection.size) this.selectAll(false);
    else if (key === "/") this.events.search();
    else return;
    event.preventDefault();
  }

  /** To the next line that is no group's name, or stays. */
  private move(from: number, step: 1 | -1, extend: boolean): void {
    let to = from + step;
    while (this.items[to]?.kind === "head") to += step;
    const item = this.items[to];
    if (!item || item.kind === "head") return;
    if (extend && item.kind === "chat") {
      const here = this.items[from];
      this.anchor ??= here?.kind === "chat" ? here.row.id : item.row.id;
      this.selectRange(item.row.id);
      this.redraw();
    } else if (item.kind === "chat") this.anchor = item.row.id;
    this.list.focusRow(to);
  }

  private page(index: number, step: 1 | -1): void {
    const to = Math.max(-1, Math.min(this.items.length, index + step * this.list.page));
    this.move(to, step === 1 && to < this.items.length ? 1 : -1, false);
  }
}
