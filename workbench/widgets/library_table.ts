// The table of models: sorted only when asked, filtered, selected by mouse and keyboard. A new row goes to the end.
import { h, setAttribute, show } from "./dom";
import { icon } from "./icons";
import type { LibraryRow, LibraryView } from "./library_protocol";
import { RowView, type RowEvents } from "./library_row";
import { matches, sorted, type Column, type Filter, type Sort } from "./library_words";

export interface TableEvents extends Omit<RowEvents, "select"> {
  selected(): void;
  remove(ids: string[]): void;
  search(): void;
}

const HEADS: { column: Column; label: string; style: string; descending: boolean }[] = [
  { column: "name", label: "Model", style: "wb-lname", descending: false },
  { column: "source", label: "Source", style: "wb-hl", descending: false },
  { column: "size", label: "Size", style: "wb-num", descending: true },
  { column: "last_used", label: "Last used", style: "wb-hl", descending: true },
  { column: "runs", label: "Runs", style: "wb-num wb-hl", descending: true },
  { column: "verified", label: "Verified", style: "wb-hl", descending: false },
];

export class Table {
  readonly element: HTMLElement;
  /** Ids in the order shown, those that the filter hides left out. */
  shown: string[] = [];
  readonly selection = new Set<string>();
  private readonly body = h("tbody");
  private readonly nothing = h("div", { class: "wb-lnothing wb-t2" }, "Nothing here fits that filter.");
  private readonly heads = new Map<Column, HTMLElement>();
  private readonly rows = new Map<string, RowView>();
  private order: string[] = [];
  private sort: Sort = { column: "size", descending: true };
  private filter: Filter = { text: "", source: null, twice: false, updates: false };
  private active: string | null = null;
  /** Where a selection with Shift begins. */
  private anchor: string | null = null;
  private view: LibraryView | null = null;

  constructor(private readonly events: TableEvents, signal: AbortSignal) {
    const heads = HEADS.map(({ column, label, style, descending }) => {
      const button = h("button", { type: "button" }, label);
      button.addEventListener("click", () => this.sortBy(column, descending));
      const head = h("th", { class: style, scope: "col" }, button);
      this.heads.set(column, head);
      return head;
    });
    const blank = (words: string) => h("th", { scope: "col" }, h("span", { class: "wb-sr" }, words));
    const state = h("th", { class: "wb-lstate", scope: "col" }, "State");
    const head = h("thead", {}, h("tr", {}, blank("Selected"), ...heads, state, blank("More")));
    const table = h("table", { class: "wb-tb wb-lib", "aria-label": "Models" }, head, this.body);
    this.element = h("div", { class: "wb-lscroll" }, table, this.nothing);
    this.body.addEventListener("keydown", (event) => this.key(event), { signal });
    this.body.addEventListener("focusin", (event) => this.focused(event), { signal });
    this.drawHeads();
  }

  get selected(): LibraryRow[] {
    return [...this.selection].flatMap((id) => this.rows.get(id)?.row ?? []);
  }

  update(view: LibraryView, now: number): void {
    const first = this.view === null || this.order.length === 0;
    this.view = view;
    const ids = new Set(view.rows.map((row) => row.id));
    for (const [id, row] of this.rows) if (!ids.has(id)) this.drop(id, row);
    if (first) this.order = sorted(view.rows, this.sort);
    else this.order = [...this.order.filter((id) => ids.has(id)), ...[...ids].filter((id) => !this.rows.has(id))];
    for (const row of view.rows) this.rowView(row).update(row, view, now);
    this.arrange();
  }

  setFilter(filter: Filter): void {
    this.filter = { ...filter };
    this.arrange();
  }

  selectAll(selected: boolean): void {
    this.selection.clear();
    if (selected) for (const id of this.shown) this.selection.add(id);
    this.drawSelection();
  }

  /** Shows a model's row and puts the focus on it. */
  find(id: string): boolean {
    if (!this.shown.includes(id)) return false;
    this.focus(id);
    this.rows.get(id)!.element.scrollIntoView?.({ block: "nearest" });
    return true;
  }

  /** Into the table, where it was left. */
  enter(): void {
    if (this.active) this.focus(this.active);
  }

  private rowView(row: LibraryRow): RowView {
    let drawn = this.rows.get(row.id);
    if (!drawn) {
      drawn = new RowView(row, { ...this.events, select: (id, extend) => this.press(id, extend) });
      this.rows.set(row.id, drawn);
    }
    return drawn;
  }

  private drop(id: string, row: RowView): void {
    if (row.element.contains(document.activeElement)) {
      const at = this.shown.indexOf(id);
      const next = this.shown[at + 1] ?? this.shown[at - 1];
      if (next) this.focus(next);
    }
    row.element.remove();
    this.rows.delete(id);
    if (this.selection.delete(id)) this.events.selected();
    if (this.active === id) this.active = null;
  }

  /** Puts the rows where order and filter say; those that stand right are not touched. */
  private arrange(): void {
    this.shown = this.order.filter((id) => this.rows.has(id) && matches(this.rows.get(id)!.row, this.filter));
    const wanted = new Set(this.shown);
    for (const [id, row] of this.rows) if (!wanted.has(id)) row.element.remove();
    let at: Element | null = this.body.firstElementChild;
    for (const id of this.shown) {
      const element = this.rows.get(id)!.element;
      if (element === at) at = at.nextElementSibling;
      else this.body.insertBefore(element, at);
    }
    show(this.nothing, this.shown.length === 0 && this.order.length > 0);
    if (this.active === null || !wanted.has(this.active)) this.setActive(this.shown[0] ?? null);
  }

  private sortBy(column: Column, descending: boolean): void {
    const same = this.sort.column === column;
    this.sort = { column, descending: same ? !this.sort.descending : descending };
    this.order = sorted(this.view?.rows ?? [], this.sort);
    this.drawHeads();
    this.arrange();
  }

  private drawHeads(): void {
    for (const [column, head] of this.heads) {
      const on = column === this.sort.column;
      setAttribute(head, "aria-sort", on ? (this.sort.descending ? "descending" : "ascending") : "none");
      head.querySelector("svg")?.remove();
      if (on) head.querySelector("button")!.append(icon(this.sort.descending ? "down" : "up"));
    }
  }

  private press(id: string, extend: boolean): void {
    if (extend && this.anchor !== null) this.selectRange(id);
    else {
      this.anchor = id;
      if (!this.selection.delete(id)) this.selection.add(id);
    }
    this.drawSelection();
  }

  /** From the anchor to this row, and nothing else. */
  private selectRange(id: string): void {
    const [a, b] = [this.shown.indexOf(this.anchor ?? id), this.shown.indexOf(id)];
    this.selection.clear();
    for (const each of this.shown.slice(Math.min(a, b), Math.max(a, b) + 1)) this.selection.add(each);
  }

  private drawSelection(): void {
    for (const [id, row] of this.rows) row.setSelected(this.selection.has(id));
    this.events.selected();
  }

  private setActive(id: string | null): void {
    if (this.active !== null) this.rows.get(this.active)?.setTabbable(false);
    this.active = id;
    if (id !== null) this.rows.get(id)?.setTabbable(true);
  }

  private focus(id: string): void {
    this.setActive(id);
    this.rows.get(id)?.box.focus();
  }

  private focused(event: FocusEvent): void {
    const id = event.target instanceof Element && event.target.closest<HTMLElement>("[data-model]")?.dataset.model;
    if (id) this.setActive(id);
  }

  private key(event: KeyboardEvent): void {
    if (this.active === null || event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    const at = this.shown.indexOf(this.active);
    const last = this.shown.length - 1;
    const to: Record<string, number> = { ArrowDown: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), Home: 0, End: last };
    if (event.key in to && !command) this.move(this.shown[to[event.key]!]!, event.shiftKey);
    else if (command && event.key.toLowerCase() === "a") this.selectAll(true);
    else if (command) return;
    else if (event.key === "Delete" || event.key === "Backspace") this.remove();
    else if (event.key === "Escape" && this.selection.size) this.selectAll(false);
    else if (event.key === "Enter" && !event.shiftKey && event.target instanceof HTMLInputElement) this.rows.get(this.active)?.more.click();
    else if (event.key === "/") this.events.search();
    else return;
    event.preventDefault();
  }

  private move(id: string, extend: boolean): void {
    if (extend) {
      this.anchor ??= this.active;
      this.selectRange(id);
      this.drawSelection();
    } else this.anchor = id;
    this.focus(id);
  }

  private remove(): void {
    this.events.remove(this.selection.size ? [...this.selection] : [this.active!]);
  }
}
