// Which columns are shown, and in what order: a popover with a box and two arrows for each.
import type { ColumnView } from "./compare_protocol";
import { h, iconButton } from "./dom";
import { Popover } from "./popover";

/** The columns of one view: those hidden, and their order. They belong to the view. */
export class ColumnChoice {
  private readonly hidden = new Set<string>();
  private order: string[] = [];
  private made: ColumnView[] = [];
  private from: ColumnView[] = [];
  private stale = true;

  /** All of them, in the order of this view; new ones go to the end. */
  all(columns: ColumnView[]): ColumnView[] {
    const place = (column: ColumnView): number => (this.order.includes(column.id) ? this.order.indexOf(column.id) : Infinity);
    return columns.toSorted((a, b) => place(a) - place(b) || a.index - b.index);
  }

  /** Those shown; the same list as long as nothing changed. */
  shown(columns: ColumnView[]): ColumnView[] {
    if (this.stale || this.from !== columns) {
      this.made = this.all(columns).filter(({ id }) => !this.hidden.has(id));
      this.from = columns;
      this.stale = false;
    }
    return this.made;
  }

  isHidden(id: string): boolean {
    return this.hidden.has(id);
  }

  toggle(id: string): void {
    if (!this.hidden.delete(id)) this.hidden.add(id);
    this.stale = true;
  }

  /** One place to the left or right. */
  move(columns: ColumnView[], id: string, by: 1 | -1): void {
    const order = this.all(columns).map((column) => column.id);
    const at = order.indexOf(id);
    if (at < 0 || at + by < 0 || at + by >= order.length) return;
    order.splice(at + by, 0, ...order.splice(at, 1));
    this.order = order;
    this.stale = true;
  }
}

export class ColumnsPopover {
  readonly element = h("div", { class: "wb-ccols", role: "dialog", "aria-label": "Columns" });
  private readonly popover: Popover;

  constructor(
    button: HTMLElement,
    private readonly choice: ColumnChoice,
    private readonly columns: () => ColumnView[],
    private readonly changed: () => void,
    signal: AbortSignal,
  ) {
    this.popover = new Popover(button, this.element, () => this.draw(), signal);
  }

  openAt(button: HTMLElement): void {
    this.popover.openAt(button);
  }

  private draw(): void {
    const columns = this.columns();
    const all = this.choice.all(columns);
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    this.element.replaceChildren(...all.map((column, i) => this.line(column, i, all.length)));
    if (focused) this.element.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]:not(:disabled)`)?.focus({ preventScroll: true });
  }

  private line(column: ColumnView, place: number, count: number): HTMLElement {
    const box = h("input", { type: "checkbox", class: "wb-cb", "data-key": `box ${column.id}` });
    box.checked = !this.choice.isHidden(column.id);
    box.addEventListener("change", () => this.does(() => this.choice.toggle(column.id)));
    const move = (by: 1 | -1): HTMLButtonElement => {
      const words = `Move ${column.title} ${by < 0 ? "left" : "right"}`;
      const button = iconButton(by < 0 ? "up" : "down", words, () => this.does(() => this.choice.move(this.columns(), column.id, by)), true);
      button.dataset.key = `${by} ${column.id}`;
      button.disabled = place + by < 0 || place + by >= count;
      return button;
    };
    const label = h("label", { class: "wb-fx wb-grow" }, box, h("span", { class: "wb-cut", title: column.title }, column.title));
    return h("div", { class: "wb-opt" }, label, move(-1), move(1));
  }

  private does(change: () => void): void {
    change();
    this.changed();
    this.draw();
  }
}
