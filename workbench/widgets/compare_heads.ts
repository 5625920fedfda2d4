// The heads of the columns, and the summary below them: model, options, state, and the middle of what was measured.
import type { CellView, ColumnView } from "./compare_protocol";
import { bests, isLive, summary, SUMMARY, type Summary } from "./compare_words";
import { h, iconButton, setAttribute, setText } from "./dom";
import { plural } from "./format";

export interface ColumnFacts {
  column: ColumnView;
  cells: CellView[];
  scorer: string | null;
}

export class ColumnHead {
  readonly element = h("div", { class: "wb-ch", role: "columnheader" });
  private readonly dot = h("span", { class: "wb-dot", role: "img" });
  private readonly title = h("b", { class: "wb-b wb-cut" });
  private readonly words = h("span");
  private readonly ignored = h("span", { class: "wb-warn" });
  private readonly middle = h("div", { class: "wb-l2 wb-cut wb-mid" });
  private readonly more: HTMLButtonElement;
  private column: ColumnView | null = null;

  constructor(menu: (column: ColumnView, opener: HTMLElement) => void) {
    this.more = iconButton("more", "Column options", () => this.column && menu(this.column, this.more), true);
    this.element.append(
      h("div", { class: "wb-l1" }, this.dot, this.title, this.more),
      h("div", { class: "wb-l2 wb-cut" }, this.words, this.ignored),
      this.middle,
    );
  }

  update({ column, cells, scorer }: ColumnFacts, place: number): void {
    this.column = column;
    setAttribute(this.element, "aria-colindex", place + 2);
    setText(this.title, column.title);
    setAttribute(this.title, "title", column.model);
    setAttribute(this.more, "aria-label", `Options of ${column.title}`);
    const [shape, state] = stateOf(cells);
    this.dot.className = `wb-dot ${shape}`;
    setAttribute(this.dot, "aria-label", state);
    setAttribute(this.dot, "title", state);
    const system = column.system ? "own system prompt" : "";
    setText(this.words, [column.words, system].filter(Boolean).join(", ") || "default options");
    setAttribute(this.words, "title", column.system ? `System prompt: ${column.system.slice(0, 600)}` : column.words || null);
    const note = cells.flatMap((cell) => cell.notes).find(({ code }) => code === "option_ignored");
    setText(this.ignored, note ? ", an option ignored" : "");
    setAttribute(this.ignored, "title", note?.message ?? null);
    const made = summary(cells, scorer);
    const middle = SUMMARY.slice(0, 3).flatMap(({ key, label, words }) => (made[key] === null ? [] : [key === "score" ? `${label} ${words(made[key])}` : words(made[key])]));
    setText(this.middle, middle.join(" · ") || "–");
    setAttribute(this.middle, "title", "Mean score, median first token and speed so far");
  }
}

function stateOf(cells: CellView[]): [string, string] {
  const live = cells.filter(isLive).length;
  if (live) return ["wb-loaded", `${plural(live, "answer")} on the way`];
  const failed = cells.filter((cell) => cell.status === "failed");
  if (failed.length && failed.length === cells.length) {
    return failed.some((cell) => cell.error?.kind === "ConnectionFailedError") ? ["wb-down", "Not reachable"] : ["wb-fail", "Every answer failed"];
  }
  if (cells.some((cell) => cell.status === "done")) return ["wb-ready", failed.length ? `${plural(failed.length, "answer")} failed` : "Answered"];
  return ["wb-away", "Waits"];
}

/** The last line of the grid: what each column came to. Bold is the best of a line. */
export class SummaryRow {
  readonly element = h("div", { class: "wb-gsum", role: "row" });
  private readonly head = h("div", { class: "wb-rh", role: "rowheader" }, h("b", { class: "wb-b" }, ""), h("div", { class: "wb-t3" }, "Medians; the score is a mean, the cost a sum. Bold is the best of a line."));
  private key = "";

  constructor() {
    this.element.append(this.head);
  }

  update(columns: ColumnFacts[], running: boolean): void {
    const made = columns.map(({ cells, scorer }) => summary(cells, scorer));
    const key = JSON.stringify([made, running]);
    if (key === this.key) return;
    this.key = key;
    setText(this.head.firstElementChild!, running ? "So far" : "In all");
    const best = bests(made);
    this.element.replaceChildren(this.head, ...made.map((each) => figures(each, best)));
  }
}

function figures(made: Summary, best: Set<Summary>[]): HTMLElement {
  const lines = SUMMARY.flatMap(({ key, label, words }, line) => [
    h("dt", {}, label),
    h("dd", { class: best[line]!.has(made) ? "wb-w" : made[key] === null ? "wb-t3" : null }, made[key] === null ? "–" : words(made[key])),
  ]);
  return h("div", { role: "gridcell" }, h("dl", { class: "wb-mt" }, ...lines));
}
