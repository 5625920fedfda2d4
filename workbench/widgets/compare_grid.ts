// The grid: heads, virtual rows, the summary, and what stands below one row. It is walked by arrows, cell by cell.
import { CellTools, type CellBox } from "./compare_cell";
import { ColumnHead, SummaryRow } from "./compare_heads";
import type { CellView, ColumnView, CompareStore, RowView } from "./compare_protocol";
import { GridRow, type Shown } from "./compare_row";
import { h, setAttribute, show } from "./dom";
import { VirtualList } from "./virtual";

export const ROW_HEIGHT = 140;
/** Of a column until it is measured, in pixels. */
const WIDTH = 200;
/** Rows up to which the summary is in sight, so that the heads need not say the same. */
const FEW = 3;

export type CellAct = "open" | "diff" | "copy" | "again";

export interface GridEvents {
  act(act: CellAct, at: Place, control: HTMLElement): void;
  /** Another cell is in hand. */
  moved(at: Place): void;
  menu(column: ColumnView, opener: HTMLElement): void;
  /** An arrow to the side in a grid of one column. */
  side(by: 1 | -1): void;
  /** Escape was pressed. */
  leave(): void;
}

/** A cell by what it stands for. */
export interface Place {
  row: RowView;
  column: ColumnView;
  cell: CellView | undefined;
}

export class Grid {
  readonly element: HTMLElement;
  private readonly list: VirtualList;
  private readonly rows = new Map<HTMLElement, GridRow>();
  private readonly corner = h("div", { class: "wb-ch wb-corner", role: "columnheader" }, h("span", { class: "wb-fs-xs wb-t3 wb-b" }, "Prompt"));
  private readonly head = h("div", { class: "wb-gh0", role: "row" }, this.corner);
  private readonly heads: ColumnHead[] = [];
  private readonly sum = new SummaryRow();
  private readonly tools = new CellTools();
  private shown: Shown = { rows: [], columns: [], sample: 0, scorer: null, stopped: false, width: WIDTH, row: 0, column: 0 };
  private hovered: Element | null = null;

  constructor(private readonly store: CompareStore, private readonly events: GridEvents, signal: AbortSignal) {
    this.list = new VirtualList(ROW_HEIGHT, () => this.made(), "Comparison", this.head, () => this.place(), signal);
    this.element = this.list.element;
    this.element.append(this.sum.element);
    const resized = new ResizeObserver(() => this.resized());
    resized.observe(this.element);
    signal.addEventListener("abort", () => resized.disconnect());
    const aside = (): void => void this.element.classList.toggle("wb-aside", this.element.scrollLeft > 0);
    this.element.addEventListener("scroll", aside, { signal, passive: true });
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
    this.element.addEventListener("click", (event) => this.clicked(event), { signal });
    this.element.addEventListener("dblclick", (event) => this.doubled(event), { signal });
    this.element.addEventListener("focusin", (event) => this.focused(event.target), { signal });
    this.element.addEventListener("focusout", () => requestAnimationFrame(() => this.place()), { signal });
    this.element.addEventListener("pointerover", (event) => this.hover(event.target), { signal });
    this.element.addEventListener("pointerleave", () => this.hover(null), { signal });
  }

  /** The cell in hand; null in an empty grid. */
  get current(): Place | null {
    return this.placeAt(this.shown.row, this.shown.column);
  }

  /** Shows these rows and columns; the cell in hand stays the same where it is still there. */
  update(shown: Omit<Shown, "row" | "column" | "width">, cells: (column: ColumnView) => CellView[], running: boolean): void {
    const before = this.current;
    const same = this.shown.columns === shown.columns;
    const row = before ? shown.rows.findIndex(({ id }) => id === before.row.id) : 0;
    const column = before ? shown.columns.findIndex(({ id }) => id === before.column.id) : 0;
    this.shown = { ...shown, row: Math.max(0, row), column: Math.max(0, column), width: this.shown.width };
    this.list.current = this.shown.row;
    if (!same) this.element.style.setProperty("--wb-n", String(shown.columns.length));
    setAttribute(this.element, "aria-colcount", shown.columns.length + 1);
    this.drawHeads(cells, running);
    if (!same) this.measure();
    this.element.classList.toggle("wb-tall", shown.rows.length > FEW);
    this.list.setLength(shown.rows.length);
    setAttribute(this.element, "aria-rowcount", shown.rows.length + 2);
    this.place();
  }

  drawHeads(cells: (column: ColumnView) => CellView[], running: boolean): void {
    const { columns, scorer } = this.shown;
    while (this.heads.length < columns.length) {
      const made = new ColumnHead((column, opener) => this.events.menu(column, opener));
      this.heads.push(made);
      this.head.append(made.element);
    }
    while (this.heads.length > columns.length) this.heads.pop()!.element.remove();
    const facts = columns.map((column) => ({ column, scorer, cells: cells(column) }));
    facts.forEach((each, i) => this.heads[i]!.update(each, i));
    this.sum.update(facts, running);
    show(this.sum.element, columns.length > 0);
  }

  /** Draws the rows with these ids again, where they are in sight. */
  drawRows(ids: Set<string>): void {
    this.shown.rows.forEach((row, index) => ids.has(row.id) && this.list.drawOne(index));
    this.place();
  }

  /** Puts something below a row; null takes it away. */
  below(row: string | null, element: HTMLElement | null): void {
    const index = this.shown.rows.findIndex(({ id }) => id === row);
    const is = index >= 0 && element ? { index, element } : null;
    this.list.setBelow(is);
    if (!is) return;
    const end = (index + 1) * ROW_HEIGHT + is.element.offsetHeight + this.head.offsetHeight;
    const { scrollTop, clientHeight } = this.element;
    if (end > scrollTop + clientHeight) this.element.scrollTop = Math.min(index * ROW_HEIGHT, end - clientHeight);
  }

  /** Focuses the cell in hand, scrolled into sight. */
  focus(): void {
    this.to(this.shown.row, this.shown.column);
  }

  /** One cell to the side, through the rows. */
  step(by: 1 | -1): void {
    const { columns, rows, row, column } = this.shown;
    const at = row * columns.length + column + by;
    if (at < 0 || at >= rows.length * columns.length) return;
    this.to(Math.floor(at / columns.length), at % columns.length, false);
  }

  private resized(): void {
    this.element.style.setProperty("--wb-see", `${this.element.clientWidth}px`);
    const before = this.shown.width;
    this.measure();
    if (this.shown.width !== before) this.list.draw();
  }

  /** How wide the columns are: cells write no more than has room. */
  private measure(): void {
    this.shown.width = this.heads[0]?.element.offsetWidth || WIDTH;
  }

  private made(): GridRow {
    const row = new GridRow(this.store, () => this.shown);
    this.rows.set(row.element, row);
    return row;
  }

  private placeAt(row: number, column: number): Place | null {
    const [of, by] = [this.shown.rows[row], this.shown.columns[column]];
    return of && by ? { row: of, column: by, cell: this.store.cell(of.id, by.id, this.shown.sample) } : null;
  }

  private boxAt(row: number, column: number): CellBox | undefined {
    const element = this.list.rowAt(row);
    return element && this.rows.get(element)?.boxes[column];
  }

  /** The place of an element in the grid; null for a head, or what stands below a row. */
  private find(target: EventTarget | null): { row: number; column: number } | null {
    const row = this.list.indexOf(target);
    const cell = target instanceof Element ? target.closest(".wb-c") : null;
    if (row === null || !cell) return null;
    const column = this.rows.get(this.list.rowAt(row)!)!.boxes.findIndex((box) => box.element === cell);
    return column < 0 ? null : { row, column };
  }

  /** Takes a cell in hand and into sight. */
  private to(row: number, column: number, focus = true): void {
    const { rows, columns } = this.shown;
    if (!rows.length || !columns.length) return;
    const before = this.shown.row;
    this.shown.row = Math.max(0, Math.min(rows.length - 1, row));
    this.shown.column = Math.max(0, Math.min(columns.length - 1, column));
    this.list.focusRow(this.shown.row);
    this.list.drawOne(before);
    this.list.drawOne(this.shown.row);
    const box = this.boxAt(this.shown.row, this.shown.column);
    if (!box) return;
    this.intoSight(box.element);
    if (focus) box.element.focus({ preventScroll: true });
    else this.taken();
  }

  private intoSight(cell: HTMLElement): void {
    const [left, right] = [cell.offsetLeft - this.corner.offsetWidth, cell.offsetLeft + cell.offsetWidth];
    const { scrollLeft, clientWidth } = this.element;
    if (left < scrollLeft) this.element.scrollLeft = left;
    else if (right > scrollLeft + clientWidth) this.element.scrollLeft = right - clientWidth;
  }

  private focused(target: EventTarget | null): void {
    const at = this.find(target);
    if (!at) return;
    const before = this.shown.row;
    this.shown.row = at.row;
    this.shown.column = at.column;
    this.list.current = at.row;
    this.list.drawOne(before);
    this.list.drawOne(at.row);
    this.taken();
  }

  private taken(): void {
    this.place();
    const at = this.current;
    if (at) this.events.moved(at);
  }

  /** Puts the actions into the cell under the pointer, else into the focused one. */
  private place(): void {
    const at = this.find(this.hovered?.isConnected ? this.hovered : null) ?? this.find(document.activeElement);
    const box = at && this.boxAt(at.row, at.column);
    this.tools.put(box ?? null, at ? this.placeAt(at.row, at.column)?.cell : undefined);
  }

  private hover(target: EventTarget | null): void {
    const cell = target instanceof Element ? target.closest(".wb-c") : null;
    if (cell === this.hovered) return;
    this.hovered = cell;
    this.place();
  }

  private clicked(event: MouseEvent): void {
    const at = this.find(event.target);
    if (!at) return;
    const control = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-act]") : null;
    if (!control && getSelection()?.type === "Range") return;
    this.to(at.row, at.column);
    const place = this.current;
    if (control && place) this.events.act(control.dataset.act as CellAct, place, control);
  }

  private doubled(event: MouseEvent): void {
    const at = this.find(event.target);
    const place = at && this.placeAt(at.row, at.column);
    if (place && !(event.target instanceof Element && event.target.closest("[data-act]"))) this.events.act("open", place, this.element);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.find(event.target)) return;
    const { row, column, rows, columns } = this.shown;
    const moves: Record<string, [number, number]> = {
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
      Home: [row, 0], End: [row, columns.length - 1], PageDown: [row + this.list.page, column], PageUp: [row - this.list.page, column],
    };
    const acts: Record<string, CellAct> = { Enter: "open", d: "diff", c: "copy", r: "again" };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const place = this.current;
    const pressed = event.target instanceof HTMLButtonElement && (key === "Enter" || key === " ");
    if (pressed || !place || !rows.length) return;
    if (columns.length === 1 && (key === "ArrowLeft" || key === "ArrowRight")) this.events.side(key === "ArrowLeft" ? -1 : 1);
    else if (key in moves) this.to(...moves[key]!);
    else if (key in acts) this.events.act(acts[key]!, place, this.boxAt(row, column)?.element ?? this.element);
    else if (key === "Escape") this.events.leave();
    else return;
    event.preventDefault();
  }
}
