// A comparison's cells and columns as words and numbers. Pure.
import type { CellView, ColumnView, CompareView, RowView, Score, WholeCell } from "./compare_protocol";
import { count, percent, plural, rate, seconds, size } from "./format";

const LIVE = new Set(["queued", "loading", "prefill", "thinking", "writing"]);
const ENDED = new Set(["done", "failed", "cancelled"]);

export function isLive(cell: CellView | undefined): boolean {
  return cell !== undefined && LIVE.has(cell.status);
}

export function hasEnded(cell: CellView | undefined): boolean {
  return cell !== undefined && ENDED.has(cell.status);
}

/** A score as a number: a truth value is 1 or 0, that of a dict its `score`; null where there is none. */
export function scoreOf(score: Score | undefined): number | null {
  const plain = typeof score === "object" && score !== null ? score.score : score;
  if (typeof plain === "boolean") return plain ? 1 : 0;
  return typeof plain === "number" && Number.isFinite(plain) ? plain : null;
}

/** 0, 0.5, 0.667, 3. */
export function scoreWords(score: number): string {
  return String(Math.round(score * 1000) / 1000);
}

/** How good a score is for the eye: all, none, or something between; null where it is no share. */
export function tone(score: number): "wb-ok" | "wb-err" | "wb-warn" | "" {
  if (score === 1) return "wb-ok";
  if (score === 0) return "wb-err";
  return score > 0 && score < 1 ? "wb-warn" : "";
}

/** What a cell is doing, in words; empty for one that ended well. */
export function stateWords(cell: CellView | undefined, stopped: boolean): string {
  if (!cell || cell.status === "waiting") return cell?.notes.length ? cell.notes.at(-1)!.message : stopped ? "not run" : "waits";
  switch (cell.status) {
    case "queued":
      return cell.position ? `waits, ${plural(cell.position, "answer")} before it` : "waits";
    case "loading": {
      const share = cell.load?.total ? ` ${percent(cell.load.done, cell.load.total)} %` : "";
      return `loading${share}`;
    }
    case "prefill":
      return "reading";
    case "thinking":
      return "thinking";
    case "writing":
      return "writing";
    case "cancelled":
      return "stopped";
    case "failed":
      return "failed";
    default:
      return "";
  }
}

/** First token, speed and tokens of a cell; of a batched one the word instead of a time that is no fair measure. */
export function numbers(cell: CellView): string[] {
  const { metrics, usage } = cell;
  const speed = isLive(cell) ? cell.live_tps : metrics.decode_tps;
  const tokens = usage.completion_tokens ?? (cell.tokens || null);
  const words: string[] = [];
  if (cell.batched) words.push("batched");
  else if (metrics.ttft_s != null) words.push(seconds(metrics.ttft_s));
  if (speed != null) words.push(`${short(speed)} tok/s`);
  if (tokens != null) words.push(`${count(tokens)} tok`);
  return words;
}

function short(speed: number): string {
  return speed >= 100 ? count(speed) : rate(speed);
}

export function money(cost: number): string {
  return `$${cost === 0 ? "0" : cost < 0.01 ? cost.toPrecision(2) : cost.toFixed(2)}`;
}

/** The middle value; null without one. */
export function median(values: (number | null | undefined)[]): number | null {
  const known = values.filter((value): value is number => value != null).sort((a, b) => a - b);
  if (known.length === 0) return null;
  const half = known.length >> 1;
  return known.length % 2 ? known[half]! : (known[half - 1]! + known[half]!) / 2;
}

/** The lines below a column: the middle of what was measured so far. */
export interface Summary {
  score: number | null;
  first: number | null;
  speed: number | null;
  memory: number | null;
  cost: number | null;
}

export const SUMMARY: { key: keyof Summary; label: string; least: boolean; words(value: number): string }[] = [
  { key: "score", label: "score", least: false, words: (value) => value.toFixed(2) },
  { key: "first", label: "first token", least: true, words: seconds },
  { key: "speed", label: "speed", least: false, words: (value) => `${short(value)} tok/s` },
  { key: "memory", label: "memory", least: true, words: size },
  { key: "cost", label: "cost", least: true, words: money },
];

/** Medians of a column's cells; the score is the mean, as medians of yes and no say little. Costs are summed up. */
export function summary(cells: CellView[], scorer: string | null): Summary {
  const done = cells.filter((cell) => cell.status === "done");
  const scores = scorer === null ? [] : done.map((cell) => scoreOf(cell.scores[scorer])).filter((score) => score !== null);
  const costs = done.map((cell) => cell.cost).filter((cost) => cost !== null);
  return {
    score: scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null,
    first: median(done.filter((cell) => !cell.batched).map((cell) => cell.metrics.ttft_s)),
    speed: median(done.map((cell) => cell.metrics.decode_tps)),
    memory: median(done.map((cell) => cell.metrics.peak_memory)),
    cost: costs.length ? costs.reduce((sum, cost) => sum + cost, 0) : null,
  };
}

/** Which columns are the best of each line; where all are equal none is. */
export function bests(summaries: Summary[]): Set<Summary>[] {
  return SUMMARY.map(({ key, least }) => {
    const known = summaries.filter((each) => each[key] !== null);
    const values = known.map((each) => each[key]!);
    const top = least ? Math.min(...values) : Math.max(...values);
    const winners = known.filter((each) => each[key] === top);
    return new Set(known.length > 1 && winners.length < known.length ? winners : []);
  });
}

/** The one cell of a row with the highest score; null for a tie, or where fewer than two are scored. */
export function bestOf(cells: (CellView | undefined)[], scorer: string | null): string | null {
  if (scorer === null) return null;
  const scored = cells.flatMap((cell) => {
    const score = cell && scoreOf(cell.scores[scorer]);
    return cell && score !== null && score !== undefined ? [{ id: cell.id, score }] : [];
  });
  if (scored.length < 2) return null;
  const top = Math.max(...scored.map(({ score }) => score));
  const winners = scored.filter(({ score }) => score === top);
  return winners.length === 1 && top > 0 ? winners[0]!.id : null;
}

/** What rows are shown: those with a cell that this is true of. */
export type Filter =
  | { by: "all" | "failed" | "open" | "done" | "rated" }
  | { by: "score"; scorer: string; least: boolean };

export function filterWords(filter: Filter): string {
  switch (filter.by) {
    case "all":
      return "All prompts";
    case "failed":
      return "An answer failed";
    case "open":
      return "Not through yet";
    case "done":
      return "All answered";
    case "rated":
      return "An answer is rated";
    case "score":
      return filter.least ? `${filter.scorer}: none reaches 1` : `${filter.scorer}: some below 1`;
  }
}

/** Whether a row passes, by the cells of the columns shown. */
export function passes(filter: Filter, cells: (CellView | undefined)[]): boolean {
  switch (filter.by) {
    case "all":
      return true;
    case "failed":
      return cells.some((cell) => cell?.status === "failed");
    case "open":
      return cells.some((cell) => !hasEnded(cell));
    case "done":
      return cells.every((cell) => cell?.status === "done");
    case "rated":
      return cells.some((cell) => cell != null && cell.rating !== null);
    case "score": {
      const scores = cells.map((cell) => scoreOf(cell?.scores[filter.scorer])).filter((score) => score !== null);
      if (scores.length === 0) return false;
      return filter.least ? scores.every((score) => score < 1) : scores.some((score) => score < 1);
    }
  }
}

/** What a person hears of a cell. */
export function cellLabel(row: RowView, column: ColumnView, cell: CellView | undefined, stopped: boolean): string {
  return `Prompt ${row.index + 1}, ${column.title}, ${stateWords(cell, stopped) || "done"}`;
}

/** What is said once below the grid. */
export function footWords(view: CompareView, cells: Iterable<CellView>): string {
  if (view.replayed) return "This is a replay: it answers from the record, and no model is asked.";
  if (view.strict) return "Answered one by one, so the times are a fair measure.";
  for (const cell of cells) {
    if (cell.batched) return "Cells marked “batched” were answered together with others, so their times are no fair measure.";
  }
  return "";
}

/** The facts beside an opened cell. */
export function factsOf(cell: WholeCell): [string, string][] {
  const { metrics, usage, receipt } = cell;
  const pair = (one: number | null | undefined, two: number | null | undefined): string | null =>
    one == null ? null : two == null ? count(one) : `${count(one)}, ${count(two)}`;
  const engine = receipt?.engine ?? receipt?.provider;
  const version = Object.entries(receipt?.versions ?? {}).find(([name]) => !["python", "workbench", "mlx"].includes(name));
  const facts: [string, string | null | undefined][] = [
    ["First token", metrics.ttft_s == null ? null : seconds(metrics.ttft_s)],
    ["Speed", metrics.decode_tps == null ? null : `${rate(metrics.decode_tps)} tok/s`],
    ["Total", metrics.total_s == null ? null : seconds(metrics.total_s)],
    [usage.cached_tokens == null ? "Tokens in" : "Tokens in, cached", pair(usage.prompt_tokens, usage.cached_tokens)],
    [usage.reasoning_tokens == null ? "Tokens out" : "Tokens out, thinking", pair(usage.completion_tokens, usage.reasoning_tokens)],
    ["Peak memory", metrics.peak_memory == null ? null : size(metrics.peak_memory)],
    ["Cost", cell.cost === null ? null : money(cell.cost)],
    ["Ended", cell.finish && cell.finish !== "stop" ? (cell.finish === "length" ? "at its length" : cell.finish) : null],
    ["Options", cell.ignored.length ? `without ${cell.ignored.join(", ")}` : receipt ? "applied as asked" : null],
    ["Revision", receipt?.revision?.slice(0, 7)],
    ["Engine", version ? version.join(" ") : engine],
  ];
  return facts.filter((fact): fact is [string, string] => Boolean(fact[1]));
}
