// One view of a comparison: the bar, the grid, the foot, and what opens over it. Cells belong to the kernel; columns
// hidden, filter, sample, the cell in hand and what is opened belong to a view.
import { CompareBar } from "./compare_bar";
import type { CellAct, Place } from "./compare_grid";
import { Grid } from "./compare_grid";
import { ColumnChoice, ColumnsPopover } from "./compare_columns";
import { DiffPanel } from "./compare_diff";
import { columnMenu, exportMenu, filterMenu } from "./compare_menus";
import { OpenPanel } from "./compare_open";
import type {
  CellView, Change, ColumnView, CompareRequest, CompareStore, CompareView, DiffView, FileFormat, FileView, RowView, WholeCell,
} from "./compare_protocol";
import { VotePanel } from "./compare_vote";
import { filterWords, footWords, isLive, passes, type Filter } from "./compare_words";
import { confirmCopy, copyText, h, setAttribute, setText, show, textButton } from "./dom";
import { download } from "./files";
import { plural } from "./format";
import { icon } from "./icons";
import { Menu, type MenuGroups } from "./menu";
import { Panel } from "./panel";
import type { Ack } from "./protocol";

/** Below this width, in pixels, one column is shown at a time. */
const NARROW = 560;

export class ComparePanel {
  readonly element: HTMLElement;
  private readonly panel: Panel;
  private readonly bar: CompareBar;
  private readonly strip = h("div", { class: "wb-seg wb-cstrip", role: "tablist", "aria-label": "Column" });
  private readonly grid: Grid;
  private readonly empty = h("div", { class: "wb-pempty" });
  private readonly foot = h("div", { class: "wb-ft wb-cft" });
  private readonly footWords = h("span", { class: "wb-cut" });
  private readonly footRows = h("span", { class: "wb-end" });
  private readonly alone: HTMLButtonElement;
  private readonly menu: Menu;
  private readonly choice = new ColumnChoice();
  private readonly columnsPopover: ColumnsPopover;
  private readonly opened: OpenPanel;
  private readonly diff: DiffPanel;
  private readonly vote: VotePanel;
  private filter: Filter = { by: "all" };
  private sample = 0;
  private narrow = false;
  /** The column that a narrow grid shows. */
  private only: string | null = null;
  /** The cell that a difference is to be shown from. */
  private kept: string | null = null;
  private dirtyRows = new Set<string>();
  private dirty = true;
  private rows: RowView[] = [];
  private narrowed: { from: ColumnView[]; id: string; columns: ColumnView[] } | null = null;

  constructor(private readonly store: CompareStore, signal: AbortSignal) {
    this.menu = new Menu(signal);
    this.bar = new CompareBar({
      filter: (opener) => this.menu.open(opener, "Filter", this.filters()),
      vote: () => this.vote.open(),
      export: (opener) => this.menu.open(opener, "Export", this.exports()),
      more: (opener) => this.menu.open(opener, "More", this.everything(opener)),
      sample: (sample) => this.chooseSample(sample),
      rerun: () => void this.ask({ kind: "rerun_cells", cells: null }),
      stop: () => void this.ask({ kind: "stop_cells" }),
    });
    this.grid = new Grid(
      store,
      {
        act: (act, at, control) => this.act(act, at, control),
        moved: (at) => this.moved(at),
        menu: (column, opener) => this.menu.open(opener, column.title, this.columnActions(column)),
        side: (by) => this.side(by),
        leave: () => this.closeBelow(),
      },
      signal,
    );
    this.columnsPopover = new ColumnsPopover(this.bar.columns, this.choice, () => store.view?.columns ?? [], () => this.redraw(), signal);
    this.opened = new OpenPanel({
      step: (by) => this.grid.step(by),
      diff: (opener) => this.withCurrent((at) => this.act("diff", at, opener)),
      again: () => this.withCurrent((at) => this.again(at)),
      copy: (button) => this.withCurrent((at) => void this.copy(at, button)),
      rate: (cell, rating) => void this.ask({ kind: "rate_cell", cell, rating }),
      close: () => this.closeBelow(),
      whole: (cell) => this.whole(cell),
    });
    this.diff = new DiffPanel(() => this.closeBelow());
    this.vote = new VotePanel({ ask: (request) => this.ask(request), voting: (on) => this.voting(on) }, signal);
    this.alone = textButton("Run one by one", "wb-sm wb-pgone", () => void this.ask({ kind: "rerun_cells", cells: null, strict: true }), "retry");
    this.foot.append(icon("info", true), this.footWords, this.alone, this.footRows);
    const parts = [this.bar.element, this.strip, this.grid.element, this.empty, this.vote.element, this.menu.element, this.columnsPopover.element, this.foot];
    this.panel = new Panel("Comparison", "wb-compare", parts, () => this.paint(), signal);
    this.element = this.panel.element;
    this.strip.addEventListener("click", (event) => this.pickColumn(event.target), { signal });
    const resized = new ResizeObserver(([entry]) => this.setNarrow((entry?.contentRect.width ?? 0) < NARROW));
    resized.observe(this.element);
    signal.addEventListener("abort", () => resized.disconnect());
    store.subscribe((change) => this.changed(change), signal);
    this.paint();
  }

  private async ask(request: CompareRequest): Promise<Ack> {
    const ack = await this.store.request(request);
    this.panel.notice.refusal(ack.ok ? null : ack.error);
    return ack;
  }

  // What is painted

  private changed(change: Change): void {
    if (change.what === "cell") this.dirtyRows.add(change.row);
    else this.dirty = true;
    this.panel.schedule();
  }

  private redraw(): void {
    this.dirty = true;
    this.paint();
  }

  private paint(): void {
    const { view, live } = this.store;
    this.panel.setLive(live);
    this.element.classList.toggle("wb-connecting", !view);
    if (!view) return;
    this.panel.setSession(view.id);
    setAttribute(this.element, "aria-label", view.name ? `Comparison ${view.name}` : "Comparison");
    const columns = this.shownColumns(view);
    const { running } = view.progress;
    if (this.dirty || this.filter.by !== "all") {
      this.rows = view.rows.filter((row) => passes(this.filter, columns.map((column) => this.store.cell(row.id, column.id, this.sample))));
      const shown = { rows: this.rows, columns, sample: this.sample, scorer: view.scorers[0] ?? null, stopped: !running };
      this.grid.update(shown, this.cellsByColumn(), running);
      this.drawStrip(view, columns);
    } else if (this.dirtyRows.size) {
      this.grid.drawHeads(this.cellsByColumn(), running);
      this.grid.drawRows(this.dirtyRows);
    }
    if (this.dirty) this.panel.say(running ? "" : `${plural(view.progress.finished, "cell")} done`);
    this.bar.update(view, this.sample, this.filter.by !== "all");
    this.drawEmpty(view, columns);
    this.drawFoot(view);
    this.vote.update(view);
    this.opened.refresh(this.opened.cell === null ? undefined : this.store.cellAt(this.opened.cell));
    this.panel.notice.session(view.notice);
    this.dirty = false;
    this.dirtyRows.clear();
  }

  /** The columns shown, in the order of this view; of a narrow grid only one. */
  private shownColumns(view: CompareView): ColumnView[] {
    const columns = this.choice.shown(view.columns);
    if (!this.narrow || !columns.length) return columns;
    const one = columns.find(({ id }) => id === this.only) ?? columns[0]!;
    this.only = one.id;
    if (this.narrowed?.from !== columns || this.narrowed.id !== one.id) this.narrowed = { from: columns, id: one.id, columns: [one] };
    return this.narrowed.columns;
  }

  private cellsByColumn(): (column: ColumnView) => CellView[] {
    const by = new Map<string, CellView[]>();
    for (const cell of this.store.cells) {
      const cells = by.get(cell.column);
      if (cells) cells.push(cell);
      else by.set(cell.column, [cell]);
    }
    return (column) => by.get(column.id) ?? [];
  }

  private drawStrip(view: CompareView, shown: ColumnView[]): void {
    const columns = this.choice.shown(view.columns);
    show(this.strip, this.narrow && columns.length > 1 && !this.vote.isOpen);
    if (this.strip.hidden) return;
    const key = JSON.stringify(columns.map(({ id, title }) => [id, title]));
    if (this.strip.dataset.key !== key) {
      this.strip.dataset.key = key;
      this.strip.replaceChildren(...columns.map(({ id, title }) => h("button", { type: "button", role: "tab", "data-column": id }, title)));
    }
    for (const tab of this.strip.children) {
      const chosen = (tab as HTMLElement).dataset.column === shown[0]?.id;
      setAttribute(tab, "aria-selected", String(chosen));
      if (chosen && tab.getAttribute("data-seen") !== "yes") (tab as HTMLElement).scrollIntoView?.({ block: "nearest", inline: "nearest" });
      setAttribute(tab, "data-seen", chosen ? "yes" : null);
    }
  }

  private drawEmpty(view: CompareView, columns: ColumnView[]): void {
    const some = this.rows.length > 0 && columns.length > 0;
    show(this.grid.element, some && !this.vote.isOpen);
    show(this.empty, !some && !this.vote.isOpen);
    if (some) return;
    const [title, words] =
      !view.rows.length ? ["No prompts yet", "Add some in a cell: cmp.add_prompts([...])"]
      : !columns.length ? ["Every column is hidden", "Choose some under Columns."]
      : ["No prompt passes the filter", `It shows: ${filterWords(this.filter)}.`];
    this.empty.replaceChildren(h("b", { class: "wb-b" }, title!), h("span", { class: "wb-t2" }, words!));
  }

  private drawFoot(view: CompareView): void {
    const words = this.kept ? "Press D on another cell to see the difference; Escape leaves." : footWords(view, this.store.cells);
    const rows = this.filter.by === "all" ? "" : `${this.rows.length} of ${plural(view.rows.length, "prompt")} shown`;
    setText(this.footWords, words);
    setText(this.footRows, rows);
    show(this.foot, Boolean(words || rows) && !this.vote.isOpen);
    show(this.footWords, words !== "");
    show(this.alone, !this.kept && !view.progress.running && !view.replayed && [...this.store.cells].some(({ batched }) => batched));
  }

  private setNarrow(narrow: boolean): void {
    if (narrow === this.narrow) return;
    this.narrow = narrow;
    this.element.classList.toggle("wb-cnarrow", narrow);
    this.redraw();
  }

  private pickColumn(target: EventTarget | null): void {
    const tab = target instanceof Element ? target.closest<HTMLElement>("[data-column]") : null;
    if (!tab) return;
    this.only = tab.dataset.column!;
    this.redraw();
  }

  /** The neighbouring column of a narrow grid. */
  private side(by: 1 | -1): void {
    const columns = this.choice.shown(this.store.view!.columns);
    const next = columns[columns.findIndex(({ id }) => id === this.only) + by];
    if (!next) return;
    this.only = next.id;
    this.redraw();
    this.grid.focus();
  }

  private voting(on: boolean): void {
    this.element.classList.toggle("wb-voting", on);
    show(this.bar.element, !on);
    this.redraw();
    if (!on) this.grid.focus();
  }

  private chooseSample(sample: number): void {
    this.sample = sample;
    this.closeBelow(false);
    this.redraw();
  }

  // Cells

  private withCurrent(does: (at: Place) => void): void {
    const at = this.grid.current;
    if (at) does(at);
  }

  private act(act: CellAct, at: Place, control: HTMLElement): void {
    if (act === "open") this.toggleOpen(at);
    else if (act === "copy") void this.copy(at, control);
    else if (act === "again") this.again(at);
    else this.askDiff(at, control);
  }

  private moved(at: Place): void {
    if (this.opened.cell !== null && at.cell && at.cell.id !== this.opened.cell) this.open(at);
    else if (this.narrow && this.only !== at.column.id) this.only = at.column.id;
  }

  private toggleOpen(at: Place): void {
    if (!at.cell || this.opened.cell === at.cell.id) this.closeBelow();
    else this.open(at);
  }

  private open(at: Place): void {
    if (!at.cell) return;
    this.opened.open(at.row, at.column, at.cell);
    this.grid.below(at.row.id, this.opened.element);
  }

  private closeBelow(focus = true): void {
    this.kept = null;
    const inside = this.opened.element.contains(document.activeElement) || this.diff.element.contains(document.activeElement);
    this.opened.close();
    this.grid.below(null, null);
    if (focus && inside) this.grid.focus();
    if (this.store.view) this.drawFoot(this.store.view);
  }

  private async whole(id: string): Promise<WholeCell | null> {
    const ack = await this.ask({ kind: "open_cell", cell: id });
    return ack.ok ? (ack.data as WholeCell) : null;
  }

  private async copy({ cell }: Place, control: HTMLElement): Promise<void> {
    if (!cell) return;
    const text = cell.cut ? (await this.whole(cell.id))?.text : cell.text;
    if (text === undefined || !(await copyText(text))) return;
    const button = control.closest("button");
    if (button) confirmCopy(button);
    this.panel.say("Copied");
  }

  private again({ cell }: Place): void {
    if (cell) void this.ask(isLive(cell) ? { kind: "stop_cells", cell: cell.id } : { kind: "rerun_cells", cells: [cell.id] });
  }

  // Differences

  private askDiff(at: Place, control: HTMLElement): void {
    const { view } = this.store;
    if (!at.cell || !view) return;
    if (this.kept && this.kept !== at.cell.id) return void this.showDiff(this.kept, at.cell.id);
    const others = this.others(at, view);
    if (others.length === 1) return void this.showDiff(at.cell.id, others[0]!.cell.id);
    const items = others.map(({ title, cell }) => ({ label: title, press: () => void this.showDiff(at.cell!.id, cell.id) }));
    const keep = { label: "Another cell…", detail: "D on it", press: () => this.keep(at.cell!.id) };
    this.menu.open(control, "Difference with", [items, [keep]]);
  }

  /** What else was answered to the same prompt. */
  private others(at: Place, view: CompareView): { title: string; cell: CellView }[] {
    return this.choice.all(view.columns).flatMap((column) =>
      Array.from({ length: view.samples }, (_, sample) => this.store.cell(at.row.id, column.id, sample)).flatMap((cell) =>
        cell?.text && cell.id !== at.cell!.id ? [{ title: this.title(cell), cell }] : [],
      ),
    );
  }

  private title(cell: CellView): string {
    const view = this.store.view!;
    const column = view.columns.find(({ id }) => id === cell.column)?.title ?? cell.column;
    return view.samples > 1 ? `${column}, sample ${cell.sample + 1}` : column;
  }

  private keep(cell: string): void {
    this.kept = cell;
    if (this.store.view) this.drawFoot(this.store.view);
    this.grid.focus();
  }

  private async showDiff(first: string, second: string): Promise<void> {
    this.kept = null;
    const ack = await this.ask({ kind: "diff_cells", first, second });
    const [a, b] = [this.store.cellAt(first), this.store.cellAt(second)];
    if (!ack.ok || !a || !b) return;
    this.opened.close();
    const number = (cell: CellView): string => `Prompt ${(this.store.view!.rows.find(({ id }) => id === cell.row)?.index ?? 0) + 1}`;
    const label = (cell: CellView): string => (a.row === b.row ? this.title(cell) : `${number(cell)}, ${this.title(cell)}`);
    this.diff.show(a.row === b.row ? number(a) : "Two prompts", label(a), label(b), ack.data as DiffView);
    this.grid.below(b.row, this.diff.element);
    this.redraw();
  }

  // Menus

  private filters(): MenuGroups {
    return filterMenu(this.store.view!.scorers, this.filter, (filter) => {
      this.filter = filter;
      this.redraw();
    });
  }

  private exports(): MenuGroups {
    return exportMenu({ file: (format) => void this.export(format), copy: () => void this.copyMarkdown() });
  }

  /** All of the bar in one menu, for a narrow widget. */
  private everything(opener: HTMLElement): MenuGroups {
    return [
      [
        { label: "Filter…", icon: "filter", press: () => this.menu.open(opener, "Filter", this.filters()) },
        { label: "Columns…", icon: "columns", press: () => this.columnsPopover.openAt(opener) },
        { label: "Blind vote", icon: "eyeoff", press: () => this.vote.open() },
        { label: "Export…", icon: "download", press: () => this.menu.open(opener, "Export", this.exports()) },
      ],
    ];
  }

  private columnActions(column: ColumnView): MenuGroups {
    const view = this.store.view!;
    const columns = this.choice.all(view.columns);
    const cells = [...this.store.cells].filter((cell) => cell.column === column.id);
    return columnMenu({ view, column, columns, cells }, {
      ask: (request) => void this.ask(request),
      move: (by) => {
        this.choice.move(view.columns, column.id, by);
        this.redraw();
      },
      hide: () => {
        this.choice.toggle(column.id);
        this.redraw();
      },
    });
  }

  // Files

  private async made(format: FileFormat): Promise<FileView | null> {
    const columns = this.choice.shown(this.store.view?.columns ?? []).map(({ id }) => id);
    const ack = await this.ask({ kind: "export_cells", format, rows: this.rows.map(({ id }) => id), columns });
    return ack.ok ? (ack.data as FileView) : null;
  }

  private async export(format: FileFormat): Promise<void> {
    const file = await this.made(format);
    if (!file) return;
    download(file);
    this.panel.notice.word(`Downloaded: \`${file.name}\``);
  }

  private async copyMarkdown(): Promise<void> {
    const file = await this.made("markdown");
    if (file && (await copyText(file.text))) this.panel.notice.word(`Copied ${plural(this.rows.length, "prompt")} as Markdown.`);
  }
}
