// A list of rows of one height, of which only those in sight exist: elements are used again as one scrolls.
// One more element, of any height, may stand below one row. It knows nothing of what the rows show.
import { h, setAttribute } from "./dom";

/** Rows kept above and below those in sight, at most; of high rows only as many as this many pixels hold. */
const SPARE = 8;
const SPARE_PX = 420;
/** Rows that move further than this part of their height from frame to frame go by too fast to be read. */
const TOO_FAST = 0.5;
/** How fast a row goes by: slowly enough to be read, too fast for that, further than the height in sight at once. */
export const [STILL, PASSING, FLYING] = [0, 1, 2] as const;
export type Pace = typeof STILL | typeof PASSING | typeof FLYING;
/** When nothing has moved for so many milliseconds, what went by is drawn whole. */
const REST_MS = 120;
/** Browsers draw no element higher than this, in pixels; rows below it cannot be scrolled to. */
const HIGHEST = 16_000_000;

/** One element that draws whichever row it is given. */
export interface RowElement {
  readonly element: HTMLElement;
  /** The faster it goes by, the less of it will do; at rest it is drawn again. */
  draw(index: number, pace: Pace): void;
}

/** A row's element and what was last written to it, so that nothing is written twice. */
interface Placed {
  row: RowElement;
  top: number;
  index: number;
  tab: number;
  pace: Pace;
}

export class VirtualList {
  readonly element: HTMLElement;
  /** The row that is in the tab order. */
  current = 0;
  private readonly space = h("div", { class: "wb-vspace", role: "presentation" });
  private readonly rows = new Map<number, Placed>();
  private readonly spare: Placed[] = [];
  private readonly beyond: number;
  private total = 0;
  private below: { index: number; element: HTMLElement } | null = null;
  private belowHeight = 0;
  private height = -1;
  private frame = 0;
  private rest = 0;
  /** Where it was when it was last drawn, and when. */
  private drawn = { top: 0, at: 0 };
  private readonly grown: ResizeObserver;

  /** `rowHeight` in pixels; `make` builds one element; `head` stays above the rows; `seen` hears what is in sight. */
  constructor(
    private readonly rowHeight: number,
    private readonly make: () => RowElement,
    label: string,
    private readonly head: HTMLElement,
    private readonly seen: (first: number, last: number) => void,
    private readonly signal: AbortSignal,
  ) {
    this.beyond = Math.min(SPARE, Math.ceil(SPARE_PX / rowHeight));
    this.element = h("div", { class: "wb-vlist", role: "grid", "aria-label": label }, head, this.space);
    this.element.addEventListener("scroll", () => this.schedule(), { signal, passive: true });
    this.grown = new ResizeObserver(() => this.resized());
    this.grown.observe(this.element);
    signal.addEventListener("abort", () => {
      this.grown.disconnect();
      cancelAnimationFrame(this.frame);
      clearTimeout(this.rest);
    });
  }

  get length(): number {
    return this.total;
  }

  /** Sets how many rows there are, and draws those in sight again. */
  setLength(total: number): void {
    this.total = total;
    this.current = Math.max(0, Math.min(this.current, total - 1));
    setAttribute(this.element, "aria-rowcount", total);
    for (const [index, placed] of this.rows) if (index >= total) this.putAway(index, placed);
    this.draw();
  }

  /** Puts an element below a row; null takes it away. */
  setBelow(below: { index: number; element: HTMLElement } | null): void {
    if (this.below?.index === below?.index && this.below?.element === below?.element) return;
    if (this.below && this.below.element !== below?.element) {
      this.grown.unobserve(this.below.element);
      this.below.element.remove();
    }
    const isNew = below !== null && below.element !== this.below?.element;
    this.below = below;
    if (isNew) {
      this.space.append(below.element);
      this.grown.observe(below.element);
    }
    this.belowHeight = below?.element.offsetHeight ?? 0;
    this.draw();
  }

  /** Draws the rows in sight again, at once. */
  draw(): void {
    const [first, last] = this.place();
    for (const [index, placed] of this.rows) this.drawRow(index, placed, STILL);
    if (last >= first) this.seen(first, last);
  }

  /** After scrolling: draws only rows that came, and those that passed before. */
  private scrolled(): void {
    const { top, at } = this.drawn;
    const [first, last] = this.place();
    const moved = Math.abs(this.drawn.top - top);
    const fast = moved > this.rowHeight * TOO_FAST && this.drawn.at - at < REST_MS;
    const pace = !fast ? STILL : moved < this.element.clientHeight ? PASSING : FLYING;
    for (const [index, placed] of this.rows) {
      if (index !== placed.index || placed.pace > pace) this.drawRow(index, placed, pace);
    }
    clearTimeout(this.rest);
    if (fast) this.rest = window.setTimeout(() => this.scrolled(), REST_MS);
    if (last >= first) this.seen(first, last);
  }

  /** Gives each row in sight, and some beyond, an element; tells the first and the last of them. */
  private place(): [number, number] {
    const { scrollTop, clientHeight } = this.element;
    const height = this.total * this.rowHeight + (this.below ? this.belowHeight : 0);
    if (height !== this.height) this.space.style.height = `${Math.min(HIGHEST, (this.height = height))}px`;
    this.drawn = { top: scrollTop, at: performance.now() };
    const first = Math.max(0, this.at(scrollTop) - this.beyond);
    const last = Math.min(this.total - 1, this.at(scrollTop + clientHeight) + this.beyond);
    for (const [index, placed] of this.rows) {
      if (index >= first && index <= last) continue;
      if (!placed.row.element.contains(document.activeElement)) this.putAway(index, placed);
    }
    for (let index = first; index <= last; index++) if (!this.rows.has(index)) this.take(index);
    for (const { row } of this.spare) row.element.hidden = true;
    if (this.below) this.below.element.style.transform = `translateY(${(this.below.index + 1) * this.rowHeight}px)`;
    return [first, last];
  }

  /** Draws one row again, if it is there. */
  drawOne(index: number): void {
    const placed = this.rows.get(index);
    if (placed) this.drawRow(index, placed, STILL);
  }

  /** Goes back to the first row. */
  toStart(): void {
    this.element.scrollTop = 0;
    this.current = 0;
  }

  /** Makes a row the one in the tab order, brings it into sight and focuses it. */
  focusRow(index: number): void {
    if (this.total === 0) return;
    const before = this.current;
    this.current = Math.max(0, Math.min(this.total - 1, index));
    const top = this.topOf(this.current);
    const head = this.head.offsetHeight;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.rowHeight > scrollTop + clientHeight - head) {
      this.element.scrollTop = top + this.rowHeight - clientHeight + head;
    }
    this.draw();
    this.drawOne(before);
    this.rows.get(this.current)?.row.element.focus({ preventScroll: true });
  }

  /** Makes a row the one in the tab order, as it was focused by other means. */
  setCurrent(index: number): void {
    if (index === this.current) return;
    const before = this.current;
    this.current = index;
    this.drawOne(before);
    this.drawOne(index);
  }

  /** The row that an element is in; null when in none. */
  indexOf(target: EventTarget | null): number | null {
    for (const [index, { row }] of this.rows) if (target instanceof Node && row.element.contains(target)) return index;
    return null;
  }

  rowAt(index: number): HTMLElement | undefined {
    return this.rows.get(index)?.row.element;
  }

  /** Rows that fit into sight. */
  get page(): number {
    return Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight) - 1);
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.signal.aborted) this.scrolled();
    });
  }

  private resized(): void {
    this.belowHeight = this.below?.element.offsetHeight ?? 0;
    this.draw();
  }

  private topOf(index: number): number {
    return index * this.rowHeight + (this.below && index > this.below.index ? this.belowHeight : 0);
  }

  /** The row at so many pixels from the top. */
  private at(y: number): number {
    const row = Math.floor(y / this.rowHeight);
    if (!this.below || row <= this.below.index) return row;
    return Math.max(this.below.index, Math.floor((y - this.belowHeight) / this.rowHeight));
  }

  private take(index: number): void {
    let placed = this.spare.pop();
    if (!placed) {
      placed = { row: this.make(), top: -1, index: -1, tab: -1, pace: STILL };
      this.space.append(placed.row.element);
    }
    placed.row.element.hidden = false;
    placed.index = -1;
    this.rows.set(index, placed);
  }

  private putAway(index: number, placed: Placed): void {
    this.rows.delete(index);
    this.spare.push(placed);
  }

  private drawRow(index: number, placed: Placed, pace: Pace): void {
    const { element } = placed.row;
    const top = this.topOf(index);
    if (top !== placed.top) element.style.transform = `translateY(${(placed.top = top)}px)`;
    if (index !== placed.index) element.setAttribute("aria-rowindex", String((placed.index = index) + 1));
    const tab = index === this.current ? 0 : -1;
    if (tab !== placed.tab) element.tabIndex = placed.tab = tab;
    placed.pace = pace;
    placed.row.draw(index, pace);
  }
}
