// One cell opened under its row: all of its text, what it thought, its scores and rating, what was measured, its receipt.
import type { CellView, ColumnView, RowView, Score, WholeCell } from "./compare_protocol";
import { factsOf, hasEnded, scoreOf, scoreWords, stateWords, tone } from "./compare_words";
import { h, iconButton, prose, setAttribute, setText, show, textButton } from "./dom";
import { GrowingMarkdown } from "./growing";
import { icon } from "./icons";

export interface OpenEvents {
  step(by: 1 | -1): void;
  diff(opener: HTMLElement): void;
  again(): void;
  copy(button: HTMLElement): void;
  rate(cell: string, rating: number | null): void;
  close(): void;
  /** All of a cell; null when it cannot be had. */
  whole(cell: string): Promise<WholeCell | null>;
}

export class OpenPanel {
  readonly element: HTMLElement;
  /** Id of the cell that is shown; null while closed. */
  cell: string | null = null;
  private readonly number = h("span", { class: "wb-t3" });
  private readonly title = h("b", { class: "wb-b wb-cut" });
  private readonly badges = h("span", { class: "wb-fx wb-gap1 wb-cbadges" });
  private readonly again: HTMLButtonElement;
  private readonly thinking = h("details", { class: "wb-think" });
  private readonly thought = new GrowingMarkdown();
  private readonly error = h("div", { class: "wb-note wb-err", role: "note" });
  private readonly notes = h("div", { class: "wb-cnotes" });
  private readonly text = h("div");
  private markdown = new GrowingMarkdown();
  private readonly rating: Rating;
  private readonly facts = h("dl", { class: "wb-kv" });
  private readonly receipt = h("details", { class: "wb-creceipt" }, h("summary", {}, icon("right"), "Full receipt"));
  private readonly json = h("pre", { class: "wb-pdetails", tabindex: 0 });
  private drawn: CellView | undefined;
  private whole: WholeCell | null = null;

  constructor(private readonly events: OpenEvents) {
    const diff = textButton("Diff with…", "wb-gh wb-sm", () => events.diff(diff), "diff");
    const copy = textButton("Copy", "wb-gh wb-sm", () => events.copy(copy), "copy");
    this.again = textButton("Run again", "wb-gh wb-sm wb-pgone", () => events.again(), "retry");
    const acts = [
      iconButton("left", "Previous cell", () => events.step(-1)), iconButton("right", "Next cell", () => events.step(1)),
      h("span", { class: "wb-vr" }), diff, this.again, copy, iconButton("x", "Close", () => events.close()),
    ];
    const head = h("div", { class: "wb-ph" }, this.number, this.title, this.badges, h("span", { class: "wb-end wb-fx wb-gap1 wb-cacts" }, ...acts));
    this.thinking.append(h("summary", {}, icon("right"), "Thoughts"), h("div", {}, this.thought.element));
    this.rating = new Rating((rating) => this.cell && events.rate(this.cell, rating));
    this.receipt.append(this.json);
    const left = h("div", { class: "wb-cmain" }, this.thinking, this.notes, this.error, this.text, this.rating.element);
    this.element = h("div", { class: "wb-cbelow", role: "region" }, h("div", { class: "wb-csee" }, head, h("div", { class: "wb-exp" }, left, h("div", {}, this.facts, this.receipt))));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      events.close();
    });
  }

  open(row: RowView, column: ColumnView, cell: CellView): void {
    const other = this.cell !== cell.id;
    this.cell = cell.id;
    setText(this.number, String(row.index + 1));
    setText(this.title, column.title);
    setAttribute(this.element, "aria-label", `Prompt ${row.index + 1}, ${column.title}`);
    if (other) {
      this.whole = null;
      this.drawn = undefined;
      this.markdown = new GrowingMarkdown();
      this.text.replaceChildren(this.markdown.element);
    }
    this.refresh(cell);
  }

  close(): void {
    this.cell = null;
    this.drawn = undefined;
  }

  /** Draws what changed; asks for the whole of a cell that has ended, as the view may hold its beginning only. */
  refresh(cell: CellView | undefined): void {
    if (!cell || this.cell !== cell.id || cell === this.drawn) return;
    const ended = hasEnded(cell);
    if (!ended) this.whole = null;
    const fresh = ended && (this.whole === null || this.drawn?.status !== cell.status);
    this.drawn = cell;
    this.draw(cell);
    if (fresh) void this.events.whole(cell.id).then((whole) => this.arrived(cell.id, whole));
  }

  private arrived(id: string, whole: WholeCell | null): void {
    if (this.cell !== id || !whole || !this.drawn || !hasEnded(this.drawn)) return;
    this.whole = whole;
    this.draw(this.drawn);
  }

  private draw(cell: CellView): void {
    const all = this.whole ?? cell;
    const writing = cell.status === "writing";
    this.badges.replaceChildren(...badges(cell));
    setText(this.again.lastElementChild!, hasEnded(cell) ? "Run again" : "Stop");
    show(this.thinking, all.reasoning !== "");
    if (all.reasoning) this.thought.update(all.reasoning, cell.status === "thinking");
    show(this.text, all.text !== "" || writing);
    this.markdown.update(all.text, writing);
    show(this.error, cell.error !== null);
    if (cell.error) this.error.replaceChildren(icon("alert"), h("div", { class: "wb-grow" }, h("b", { class: "wb-b" }, cell.error.message), " ", ...prose(cell.error.next_step)));
    this.notes.replaceChildren(...cell.notes.map((note) => h("div", { class: "wb-note", role: "note" }, icon("info"), h("div", { class: "wb-grow" }, note.message))));
    this.rating.update(cell.rating, hasEnded(cell));
    this.drawFacts(cell);
  }

  private drawFacts(cell: CellView): void {
    const { whole } = this;
    const facts = whole ? factsOf(whole) : [];
    this.facts.replaceChildren(...[...facts, ...timesOf(cell)].flatMap(([name, value]) => [
      h("dt", {}, name), h("dd", { class: name === "Revision" ? "wb-mono" : null }, value),
    ]));
    show(this.receipt, Boolean(whole?.receipt));
    if (whole?.receipt) setText(this.json, JSON.stringify(whole.receipt, null, 1));
  }
}

/** What is to be known of its times, when it was not answered alone. */
function timesOf({ batched, metrics }: CellView): [string, string][] {
  if (!batched) return [];
  return [["Times", metrics.batch ? `${metrics.batch} answered together: no fair measure` : "batched: no fair measure"]];
}

function badges(cell: CellView): HTMLElement[] {
  const state = stateWords(cell, false);
  const out = state ? [h("span", { class: `wb-bdg ${cell.status === "failed" ? "wb-err" : ""}` }, state)] : [];
  for (const [name, score] of Object.entries(cell.scores)) out.push(scoreBadge(name, score));
  for (const [name, why] of Object.entries(cell.score_errors)) {
    out.push(h("span", { class: "wb-bdg wb-err", title: why }, icon("alert"), `${name} could not score it`));
  }
  return out;
}

function scoreBadge(name: string, score: Score): HTMLElement {
  const value = scoreOf(score);
  const style = value === null ? "" : tone(value);
  const sign = style === "wb-ok" ? icon("check") : style === "wb-err" ? icon("x") : null;
  const details = typeof score === "object" && score !== null ? JSON.stringify(score, null, 1) : null;
  return h("span", { class: `wb-bdg ${style}`, title: details }, sign, value === null ? name : `${name} ${scoreWords(value)}`);
}

/** Your rating, 1 to 5; the chosen one pressed again takes it back. */
class Rating {
  readonly element: HTMLElement;
  private readonly buttons: HTMLButtonElement[];
  private chosen: number | null = null;

  constructor(private readonly rate: (rating: number | null) => void) {
    this.buttons = [1, 2, 3, 4, 5].map((n) => {
      const button = h("button", { type: "button", role: "radio" }, String(n));
      button.addEventListener("click", () => this.rate(n === this.chosen ? null : n));
      return button;
    });
    const group = h("div", { class: "wb-seg", role: "radiogroup", "aria-label": "Your rating, 1 to 5" }, ...this.buttons);
    group.addEventListener("keydown", (event) => this.key(event));
    this.element = h("div", { class: "wb-fx wb-crate" }, h("span", { class: "wb-lbl" }, "Your rating"), group);
  }

  update(rating: number | null, usable: boolean): void {
    this.chosen = rating;
    show(this.element, usable);
    this.buttons.forEach((button, i) => {
      setAttribute(button, "aria-checked", String(i + 1 === rating));
      setAttribute(button, "tabindex", i + 1 === (rating ?? 1) ? 0 : -1);
    });
  }

  private key(event: KeyboardEvent): void {
    const at = this.buttons.indexOf(document.activeElement as HTMLButtonElement);
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const to = by ? at + by : Number(event.key) - 1;
    const button = this.buttons[to];
    if (!button || at < 0) return;
    event.preventDefault();
    button.focus();
    this.rate(to + 1);
  }
}
