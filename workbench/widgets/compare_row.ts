// One row of the grid: its prompt, and a cell for each column shown.
import { CellBox, glimpse } from "./compare_cell";
import type { ColumnView, CompareStore, RowView } from "./compare_protocol";
import { bestOf, cellLabel } from "./compare_words";
import { h, setAttribute, setText } from "./dom";
import { plural } from "./format";
import { FLYING, STILL, type Pace, type RowElement } from "./virtual";

/** Characters of a prompt that can be seen at most: six lines of the row's head. */
const PROMPT = 240;

/** What the grid shows now. */
export interface Shown {
  rows: RowView[];
  columns: ColumnView[];
  sample: number;
  scorer: string | null;
  stopped: boolean;
  /** Width of a column, in pixels. */
  width: number;
  /** Place of the cell that is in the tab order. */
  row: number;
  column: number;
}

export class GridRow implements RowElement {
  readonly element = h("div", { class: "wb-gr", role: "row" });
  readonly boxes: CellBox[] = [];
  private readonly number = h("span");
  private readonly before = h("span");
  private readonly prompt = h("p", { dir: "auto" });
  private readonly head = h("div", { class: "wb-rh", role: "rowheader" }, h("div", { class: "wb-id" }, this.number, this.before), this.prompt);

  constructor(private readonly store: CompareStore, private readonly shown: () => Shown) {
    this.element.append(this.head);
  }

  draw(index: number, pace: Pace): void {
    const { rows, columns } = this.shown();
    const row = rows[index];
    if (!row) return;
    this.element.removeAttribute("tabindex"); // the tab stop is the cell
    this.element.classList.toggle("wb-passing", pace !== STILL);
    this.element.classList.toggle("wb-flying", pace === FLYING);
    while (this.boxes.length < columns.length) {
      const box = new CellBox();
      this.boxes.push(box);
      this.element.append(box.element);
    }
    while (this.boxes.length > columns.length) this.boxes.pop()!.element.remove();
    setText(this.number, String(row.index + 1));
    if (pace === STILL) this.drawWhole(row, index);
    else this.pass(row, pace);
  }

  /** The beginning of its prompt; of its answers too, unless all in sight is new with each frame. */
  private pass(row: RowView, pace: Pace): void {
    const { columns, sample } = this.shown();
    setText(this.prompt, glimpse(row.prompt));
    if (pace === FLYING) return;
    columns.forEach((column, i) => this.boxes[i]!.pass(this.store.cell(row.id, column.id, sample)));
  }

  private drawWhole(row: RowView, index: number): void {
    const { columns, sample, scorer, stopped, width, row: atRow, column: atColumn } = this.shown();
    setText(this.before, row.before ? `after ${plural(row.before, "message")}` : "");
    setText(this.prompt, row.prompt.slice(0, PROMPT));
    setAttribute(this.head, "title", row.prompt.slice(0, 600));
    const cells = columns.map((column) => this.store.cell(row.id, column.id, sample));
    const best = bestOf(cells, scorer);
    columns.forEach((column, i) => {
      const box = this.boxes[i]!;
      const cell = cells[i];
      const label = cellLabel(row, column, cell, stopped);
      box.update({ cell, scorer, stopped, width, best: cell !== undefined && cell.id === best, label });
      setAttribute(box.element, "tabindex", index === atRow && i === atColumn ? 0 : -1);
      setAttribute(box.element, "aria-colindex", i + 2);
    });
  }
}
