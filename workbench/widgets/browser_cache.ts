// The rows of one result that were read so far: asks for pages as they come into sight. Knows no DOM.
import type { RowView, RowsData } from "./browser_protocol";

/** Rows asked for at once. */
const PAGE = 50;
/** Pages asked for at a time, and least milliseconds between two: what a fast scroll passes by is not read. */
const AT_ONCE = 2;
const PACE_MS = 60;

export class RowCache {
  /** Number of the result the rows belong to. */
  result = -1;
  total = 0;
  private readonly rows = new Map<number, RowView>();
  private readonly places = new Map<string, number>();
  private readonly asked = new Set<number>();
  private wanted: [number, number] = [0, -1];
  private notBefore = 0;
  private later = 0;

  /** `read` asks for rows; `arrived` is told when some came. */
  constructor(
    private readonly read: (first: number, count: number) => Promise<RowsData | null>,
    private readonly arrived: () => void,
  ) {}

  get(index: number): RowView | null {
    return this.rows.get(index) ?? null;
  }

  /** Where a model stands in the result, as far as was read; null when unknown. */
  placeOf(id: string): number | null {
    return this.places.get(id) ?? null;
  }

  /** Begins a new result; `rows` are its first. */
  reset(result: number, total: number, rows: RowView[] = []): void {
    this.result = result;
    this.total = total;
    this.rows.clear();
    this.places.clear();
    this.asked.clear();
    this.wanted = [0, -1];
    this.keep(0, rows);
  }

  /** These rows are in sight: asks for those that are missing. */
  want(first: number, last: number): void {
    this.wanted = [first, last];
    if (this.later) return;
    const wait = this.notBefore - performance.now();
    if (wait > 0) {
      this.later = window.setTimeout(() => {
        this.later = 0;
        this.want(...this.wanted);
      }, wait);
      return;
    }
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) {
      if (this.asked.size >= AT_ONCE) return;
      if (!this.asked.has(page) && !this.isRead(page)) void this.ask(page);
    }
  }

  private isRead(page: number): boolean {
    const from = Math.max(page * PAGE, this.wanted[0]);
    const to = Math.min((page + 1) * PAGE - 1, this.wanted[1], this.total - 1);
    for (let index = from; index <= to; index++) if (!this.rows.has(index)) return false;
    return true;
  }

  private async ask(page: number): Promise<void> {
    const result = this.result;
    this.asked.add(page);
    this.notBefore = performance.now() + PACE_MS;
    const data = await this.read(page * PAGE, PAGE);
    if (result !== this.result) return;
    this.asked.delete(page);
    if (data?.result !== result) return; // another result is on its way
    this.keep(page * PAGE, data.rows);
    this.arrived();
    this.want(...this.wanted);
  }

  private keep(first: number, rows: RowView[]): void {
    rows.forEach((row, i) => {
      this.rows.set(first + i, row);
      this.places.set(row.id, first + i);
    });
  }
}
