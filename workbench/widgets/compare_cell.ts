// One cell of the grid: the beginning of an answer, its score, its numbers. Of one height, whatever it holds.
import type { CellView } from "./compare_protocol";
import { isLive, numbers, scoreOf, scoreWords, stateWords, tone } from "./compare_words";
import { h, setAttribute, setText, show, textButton } from "./dom";
import { icon, type IconName } from "./icons";

/** Lines of a cell, and the pixels that a narrow letter and the cell's own space at its sides take. */
const LINES = 5;
const LETTER = 4.4;
const SIDES = 21;
/** Columns at least this wide, in pixels, have room for three numbers. */
const WIDE = 230;
/** Characters that are shown of what goes by too fast to be read. */
const GLIMPSE = 48;
const INLINE = /\*\*(?=\S)([^*\n]+?)\*\*|`([^`\n]+)`/g;
const MARKS = /\*\*|`/;
/** Between two numbers. */
const SPACE = "\u2002";
const CODE = /^\s*[{[]/;

export interface CellFacts {
  cell: CellView | undefined;
  label: string;
  scorer: string | null;
  /** The single best of its row. */
  best: boolean;
  /** Nothing runs any more: what waits was not run. */
  stopped: boolean;
  /** Width of its column, in pixels. */
  width: number;
}

export class CellBox {
  readonly element = h("div", { class: "wb-c", role: "gridcell", tabindex: -1 });
  private readonly text = h("div", { class: "wb-x", dir: "auto" });
  private readonly badge = h("span", { class: "wb-bdg" });
  private readonly words = document.createTextNode("");
  private sign: IconName | null = null;
  private readonly state = h("span", { class: "wb-cut" });
  private readonly numbers = h("span", { class: "wb-end wb-nums" });
  private retry: HTMLElement | null = null;
  private readonly caret = h("span", { class: "wb-caret" });
  private readonly meta = h("div", { class: "wb-m" });
  private drawn: CellFacts | null = null;
  private written = "";

  constructor() {
    this.badge.append(this.words);
    this.meta.append(this.badge, this.state, this.numbers);
    this.element.append(this.text, this.meta);
  }

  /** Where the actions of the cell in hand are put. */
  get line(): HTMLElement {
    return this.meta;
  }

  update(facts: CellFacts): void {
    const { drawn } = this;
    if (
      drawn && drawn.cell === facts.cell && drawn.label === facts.label && drawn.best === facts.best &&
      drawn.scorer === facts.scorer && drawn.stopped === facts.stopped && drawn.width === facts.width
    ) return;
    this.drawn = facts;
    const { cell } = facts;
    setAttribute(this.element, "aria-label", facts.label);
    setAttribute(this.element, "data-status", cell?.status ?? "waiting");
    this.drawText(cell, Math.ceil((LINES * (facts.width - SIDES)) / LETTER));
    const score = cell && facts.scorer !== null ? scoreOf(cell.scores[facts.scorer]) : null;
    this.drawBadge(facts, score);
    const words = stateWords(cell, facts.stopped);
    setText(this.state, cell?.status === "failed" ? "" : words);
    setAttribute(this.state, "title", words || null);
    const failed = cell?.status === "failed" || cell?.status === "cancelled";
    this.drawRetry(failed);
    const figures = cell && !failed ? numbers(cell).slice(0, facts.width < WIDE ? 2 : 3) : [];
    setText(this.numbers, figures.join(SPACE));
  }

  /** While it goes by too fast to be read: the beginning of its text, plain. */
  pass(cell: CellView | undefined): void {
    this.drawn = null;
    const text = glimpse(cell?.text ?? "");
    if (text === this.written) return;
    this.written = text;
    this.text.textContent = text;
  }

  private drawRetry(failed: boolean): void {
    if (failed && !this.retry) {
      this.retry = textButton("Retry", "wb-sm wb-end wb-pgone", () => {}, "retry");
      this.retry.tabIndex = -1;
      this.retry.dataset.act = "again";
      this.meta.append(this.retry);
    }
    if (this.retry) show(this.retry, failed);
  }

  private drawText(cell: CellView | undefined, room: number): void {
    const text = beginning(cell?.text ?? "", room);
    const writing = cell?.status === "writing";
    const error = cell?.status === "failed" ? cell.error : null;
    const key = `${writing}|${error?.message ?? ""}|${text}`;
    if (key === this.written) return;
    this.written = key;
    const code = CODE.test(text) || /^\s*```/.test(cell?.text ?? "");
    this.text.classList.toggle("wb-mono", code);
    if (error) {
      const [what, ...why] = error.message.split(/(?<=\.)\s/);
      const rest = [...why, error.next_step].filter(Boolean).join(" ");
      const came = text ? [h("br"), text] : [];
      this.text.replaceChildren(h("span", { class: "wb-err wb-b" }, what!), " ", h("span", { class: "wb-t2" }, rest), ...came);
      return;
    }
    if (!text && cell?.status === "thinking") {
      this.text.replaceChildren(h("span", { class: "wb-t3" }, cell.reasoning.slice(-room / 2)));
      return;
    }
    if (code || !MARKS.test(text)) this.text.textContent = text;
    else this.text.replaceChildren(...inline(text));
    if (writing) this.text.append(this.caret);
  }

  private drawBadge({ cell, scorer, best }: CellFacts, score: number | null): void {
    const failed = cell?.status === "failed";
    const broken = !failed && scorer !== null && cell?.score_errors[scorer];
    show(this.badge, failed || score !== null || Boolean(broken) || (cell?.rating ?? null) !== null);
    const style = failed || broken ? "wb-err" : best ? "wb-best" : score === null ? "" : tone(score);
    this.badge.className = `wb-bdg ${style}`;
    const sign: IconName | null = failed || broken ? "alert" : best ? "best" : style === "wb-ok" ? "check" : style === "wb-err" ? "x" : null;
    const words = failed ? "failed" : broken ? "no score" : score !== null ? `${best ? "best " : ""}${scoreWords(score)}` : `rated ${cell?.rating}`;
    setAttribute(this.badge, "title", failed ? cell.error?.message ?? null : broken || (score === null ? null : `${scorer}: ${scoreWords(score)}`));
    if (this.words.data !== words) this.words.data = words;
    if (sign === this.sign) return;
    this.sign = sign;
    this.badge.replaceChildren(...(sign ? [icon(sign)] : []), this.words);
  }
}

/** The beginning of a text without its blank lines, and without the fence of a block of code. */
function beginning(text: string, room: number): string {
  const clean = text.slice(0, room * 2).replace(/^\s*```\w*\n/, "").replace(/\n```\s*$/, "").replace(/\n\s*\n/g, "\n");
  return clean.length > room ? `${clean.slice(0, room)}…` : clean;
}

/** What the eye can catch of a text that goes by. */
export function glimpse(text: string): string {
  return text.slice(0, GLIMPSE).replaceAll("**", "");
}

/** Bold and code of a line are drawn; all other marks stay as they are: the opened cell draws the whole of it. */
function inline(text: string): (Node | string)[] {
  const out: (Node | string)[] = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    out.push(text.slice(end, match.index));
    out.push(match[1] !== undefined ? h("b", { class: "wb-b" }, match[1]) : h("span", { class: "wb-mono" }, match[2]!));
    end = match.index + match[0].length;
  }
  return [...out, text.slice(end)];
}

/** The actions of the one cell in hand, in the place of its numbers; there is one such line in the grid. */
export class CellTools {
  readonly element = h("span", { class: "wb-end wb-tools" });
  private readonly again: HTMLButtonElement;
  private at: CellBox | null = null;
  private live = false;

  constructor() {
    const make = (name: "expand" | "diff" | "copy" | "retry", act: string, words: string): HTMLButtonElement => {
      const attributes = { type: "button", class: "wb-ib wb-sm", tabindex: -1, "data-act": act, "aria-label": words, title: words };
      return h("button", attributes, icon(name, true));
    };
    this.again = make("retry", "again", "Run again (R)");
    this.element.append(make("expand", "open", "Open (Enter)"), make("diff", "diff", "Diff (D)"), make("copy", "copy", "Copy (C)"), this.again);
  }

  /** Puts them into a cell; null takes them out of the grid. */
  put(box: CellBox | null, cell: CellView | undefined): void {
    const target = cell ? box : null;
    if (target !== this.at) {
      this.at?.element.classList.remove("wb-inhand");
      this.at = target;
      if (target) {
        target.line.append(this.element);
        target.element.classList.add("wb-inhand");
      } else this.element.remove();
    }
    if (cell && isLive(cell) !== this.live) {
      this.live = isLive(cell);
      const words = this.live ? "Stop (R)" : "Run again (R)";
      setAttribute(this.again, "aria-label", words);
      setAttribute(this.again, "title", words);
      this.again.replaceChildren(icon(this.live ? "stop" : "retry", true));
    }
  }
}
