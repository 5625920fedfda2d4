// What a comparison exchanges with the kernel: types, tags, and how its changes alter the view. Times are seconds,
// rates tokens a second, memory bytes, costs US dollars; null is unknown, never zero.
import { Link, type Change as AnyChange } from "./channel";
import type { ErrorInfo, Metrics, Note, Progress, Usage } from "./protocol";

/** Tags of what a comparison may be asked, in the order of `ComparisonCommand` in workbench/commands.py. */
export const COMPARE_KINDS = [
  "hello", "stop_cells", "rerun_cells", "open_cell", "rate_cell", "add_prompts", "add_models", "remove_row",
  "remove_column", "diff_cells", "begin_vote", "cast_vote", "undo_vote", "export_cells", "read_copy",
] as const;

export type FileFormat = "csv" | "json" | "html" | "markdown";

export type CompareRequest =
  | { kind: "hello" | "begin_vote" | "undo_vote" | "read_copy" }
  | { kind: "stop_cells"; row?: string; column?: string; cell?: string }
  | { kind: "rerun_cells"; cells: string[] | null; column?: string; strict?: boolean }
  | { kind: "open_cell"; cell: string }
  | { kind: "rate_cell"; cell: string; rating: number | null }
  | { kind: "add_prompts"; prompts: string[] }
  | { kind: "add_models"; models: string[] }
  | { kind: "remove_row"; row: string }
  | { kind: "remove_column"; column: string }
  | { kind: "diff_cells"; first: string; second: string }
  | { kind: "cast_vote"; choice: number | "tie" | "bad" | "skip" }
  | { kind: "export_cells"; format: FileFormat; rows: string[] | null; columns: string[] | null };

export interface RowView {
  id: string;
  index: number;
  prompt: string;
  /** Messages that stand before the prompt. */
  before: number;
}

export interface ColumnView {
  id: string;
  index: number;
  model: string;
  title: string;
  /** Its options in a line. */
  words: string;
  system: string | null;
}

export type Score = number | boolean | { score?: number | boolean } | null;
export type CellStatus =
  | "waiting" | "queued" | "loading" | "prefill" | "thinking" | "writing" | "done" | "failed" | "cancelled";

/** A cell on the screen; one that waits is not sent until something is known of it. */
export interface CellView {
  id: string;
  row: string;
  column: string;
  sample: number;
  status: CellStatus;
  text: string;
  reasoning: string;
  /** Whether text or thinking are longer than what is here. */
  cut: boolean;
  error: ErrorInfo | null;
  usage: Partial<Usage>;
  metrics: Partial<Metrics>;
  notes: Note[];
  cost: number | null;
  scores: Record<string, Score>;
  score_errors: Record<string, string>;
  rating: number | null;
  /** Answered together with others: its times are no fair measure. */
  batched: boolean;
  /** Only while it is answered. */
  live_tps?: number | null;
  tokens?: number;
  position?: number | null;
  load?: Progress | null;
  prefill?: Progress | null;
}

export interface CountView {
  column: string;
  wins: number;
  ties: number;
  losses: number;
  rate: number | null;
  low: number | null;
  high: number | null;
}

export interface VoteView {
  done: number;
  total: number;
  /** Choices that were not skipped. */
  counted: number;
  /** The answers to choose from now; null when all are done. */
  ballot: { row: string; texts: string[] } | null;
  counts: CountView[];
}

export interface CompareView {
  id: string;
  name: string | null;
  rows: RowView[];
  columns: ColumnView[];
  samples: number;
  cells: CellView[];
  progress: { finished: number; total: number; seconds_left: number | null; failed: number; running: boolean };
  scorers: string[];
  strict: boolean;
  /** Whether it answers from a record; no model is asked. */
  replayed: boolean;
  vote: VoteView | null;
  notice: ErrorInfo | null;
}

export type CompareOp =
  | ["cell", CellView]
  | ["patch", string, Partial<CellView>]
  | ["text" | "reasoning", string, string]
  | ["row", RowView]
  | ["drop", string]
  | ["state", Partial<CompareView>];

/** What a view has to draw again. */
export type Change = AnyChange | { what: "cell"; id: string; row: string };

/** All of one cell, as `open_cell` answers. */
export interface WholeCell extends Omit<CellView, "id" | "row" | "column" | "sample" | "cut"> {
  key: [string, string, number];
  finish: string | null;
  applied: Record<string, unknown>;
  ignored: string[];
  receipt: ReceiptView | null;
}

export interface ReceiptView {
  model: string;
  provider: string;
  url?: string;
  revision?: string;
  format?: string;
  engine?: string;
  quantization?: string;
  versions?: Record<string, string>;
  machine?: string;
  [more: string]: unknown;
}

/** The answer to `diff_cells`. */
export interface DiffView {
  pieces: ["=" | "-" | "+", string][];
  /** Which part of the words is in both, 0 to 1. */
  shared: number;
}

/** The answer to `export_cells`. */
export interface FileView {
  name: string;
  text: string;
  media_type: string;
}

/** The browser's copy of a comparison: one a model, shared by its views. */
export class CompareStore extends Link<CompareView, CompareRequest, CompareOp, Change> {
  private readonly byId = new Map<string, CellView>();

  /** A cell; undefined while nothing is known of it: it waits. */
  cell(row: string, column: string, sample: number): CellView | undefined {
    return this.byId.get(`${row}:${column}:${sample}`);
  }

  cellAt(id: string): CellView | undefined {
    return this.byId.get(id);
  }

  get cells(): Iterable<CellView> {
    return this.byId.values();
  }

  protected override replace(state: CompareView): void {
    this.view = state;
    this.byId.clear();
    for (const cell of state.cells) this.byId.set(cell.id, cell);
    this.emit({ what: "all" });
  }

  protected override fold(op: CompareOp): void {
    const view = this.view;
    if (!view) return;
    switch (op[0]) {
      case "cell":
        this.byId.set(op[1].id, op[1]);
        return this.emit({ what: "cell", id: op[1].id, row: op[1].row });
      case "patch":
        return this.change(op[1], (cell) => ({ ...cell, ...op[2] }));
      case "text":
      case "reasoning":
        return this.change(op[1], (cell) => ({ ...cell, [op[0]]: cell[op[0]] + op[2] }));
      case "row": {
        const at = view.rows.findIndex((row) => row.id === op[1].id);
        if (at < 0) view.rows.push(op[1]);
        else view.rows[at] = op[1];
        return this.emit({ what: "all" });
      }
      case "drop":
        view.rows = view.rows.filter((row) => row.id !== op[1]);
        for (const cell of this.byId.values()) if (cell.row === op[1]) this.byId.delete(cell.id);
        return this.emit({ what: "all" });
      case "state":
        Object.assign(view, op[1]);
        return this.emit({ what: op[1].columns ? "all" : "state" });
    }
  }

  /** A changed cell is another value: whoever drew the old one sees that it is not the same. */
  private change(id: string, made: (cell: CellView) => CellView): void {
    const cell = this.byId.get(id);
    if (!cell) return;
    this.byId.set(id, made(cell));
    this.emit({ what: "cell", id, row: cell.row });
  }
}
