// One row of the grid: its prompt, and a cell for each column shown.
import { CellBox } from "./compare_cell";
import type { ColumnView, CompareStore, RowView } from "./compare_protocol";
import { bestOf, cellLabel } from "./compare_words";
import { h, setAttribute, setText } from "./dom";
import { plural } from "./format";
import type { RowElement } from "./virtual";

/** What the grid shows now. */
export interface Shown {
  rows: RowView[];
  columns: ColumnView[];
  sample: number;
  scorer: string | null;
  stopped: boolean;
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

  draw(index: number): void {
    const { rows, columns, sample, scorer, stopped, row: atRow, column: atColumn } = this.shown();
    const row = rows[index];
    if (!row) return;
    this.element.removeAttribute("tabindex"); // the tab stop is the cell
    setText(this.number, String(row.index + 1));
    setText(this.before, row.before ? `after ${plural(row.before, "message")}` : "");
    setText(this.prompt, row.prompt);
    setAttribute(this.head, "title", row.prompt.slice(0, 600));
    while (this.boxes.length < columns.length) {
      const box = new CellBox();
      this.boxes.push(box);
      this.element.append(box.element);
    }
    while (this.boxes.length > columns.length) this.boxes.pop()!.element.remove();
    const cells = columns.map((column) => this.store.cell(row.id, column.id, sample));
    const best = bestOf(cells, scorer);
    columns.forEach((column, i) => {
      const box = this.boxes[i]!;
      const cell = cells[i];
      box.update({ cell, scorer, stopped, best: cell !== undefined && cell.id === best, label: cellLabel(row, column, cell, stopped) });
      setAttribute(box.element, "tabindex", index === atRow && i === atColumn ? 0 : -1);
      setAttribute(box.element, "aria-colindex", i + 2);
    });
  }
}
