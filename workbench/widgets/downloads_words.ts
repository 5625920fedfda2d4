// What a download's numbers are called. Pure: rows in, words out.
import { duration, plural, size, sizeOf } from "./format";
import type { DownloadsView, DownloadView, FileView } from "./downloads_protocol";

/** Files below this many bytes share one line: a model has a dozen of them. */
const SMALL = 1_000_000;
const FORMATS: Record<string, string> = { safetensors: "safetensors", mlx: "MLX", gguf: "GGUF", onnx: "ONNX" };

/** The words of a row: what it is doing, and beside it how much is here. */
export interface StatusWords {
  word: string;
  /** Behind the word, in plain weight: "at 18 %". */
  at: string;
  aside: string;
  /** Colour of bar and word: one of the tones in wb.css, or none. */
  tone: "" | "wb-ok" | "wb-hold" | "wb-err";
}

/** Percent as a whole number: 100 only when it is whole. */
export function wholePercent(percent: number | null): string {
  return percent === null ? "–" : `${Math.floor(percent)} %`;
}

export function statusWords(row: DownloadView): StatusWords {
  const amount = row.total === null ? (row.done ? size(row.done) : "") : sizeOf(row.done, row.total);
  const aside = row.note || amount;
  const at = row.percent ? `at ${wholePercent(row.percent)}` : "";
  switch (row.status) {
    case "queued":
      return { word: "Waiting", at: "", aside: row.note || placeInLine(row.position), tone: "" };
    case "starting":
      return { word: "Starting", at: "", aside: row.note || "asking the hub", tone: "" };
    case "downloading":
      return { word: wholePercent(row.percent), at: row.shared ? "in another process" : "", aside, tone: "" };
    case "verifying":
      return { word: "Verifying", at: "", aside, tone: "wb-ok" };
    case "paused":
      return { word: "Paused", at, aside, tone: "wb-hold" };
    case "failed":
      return { word: "Failed", at, aside: row.done ? `${amount} kept` : "", tone: "wb-err" };
    case "cancelled":
      return { word: "Cancelled", at, aside: row.done ? `${amount} kept` : "", tone: "wb-hold" };
    case "done":
      return { word: "Done and verified", at: "", aside: "", tone: "wb-ok" };
  }
}

function placeInLine(position: number | null): string {
  if (position === null) return "";
  return position === 0 ? "first in line" : `${plural(position, "download")} before it`;
}

/** What stands under the name: who made it, how large, which format. */
export function aboutRow(row: DownloadView): string {
  const format = row.format === null ? null : (FORMATS[row.format.toLowerCase()] ?? row.format);
  return [row.author, row.total === null ? null : size(row.total), format].filter(Boolean).join(" · ");
}

/** Bytes a second: now while it comes, on the whole when it is done; null when nothing comes. */
export function speedOf(row: DownloadView): number | null {
  if (row.status !== "done") return row.speed;
  const fetched = row.done - row.kept;
  return fetched > 0 && row.elapsed > 0 ? fetched / row.elapsed : null;
}

/** "1 min 9 s left"; "in 1 min 4 s" when it is done; a dash when unknown. */
export function timeOf(row: DownloadView): string {
  if (row.status === "done") return row.elapsed > 0 ? `in ${duration(row.elapsed)}` : "was here";
  return row.seconds_left === null ? "–" : `${duration(row.seconds_left)} left`;
}

/** "2 running, 1 waiting, 1 paused, 1 failed." and what is free, now and afterwards. */
export function countsWords(view: DownloadsView): string {
  const { counts, disk } = view;
  const parts = [
    [counts.running, "running"], [counts.waiting, "waiting"], [counts.paused, "paused"], [counts.failed, "failed"], [counts.done, "done"],
  ].filter(([n]) => n !== 0);
  const states = parts.length ? `${parts.map(([n, word]) => `${n} ${word}`).join(", ")}. ` : "";
  if (disk.free === null) return states.trim();
  if (disk.after !== null && disk.after < 0) return `${states}${size(disk.free)} free, ${size(-disk.after)} too little.`;
  return `${states}${size(disk.free)} free${disk.after === null ? "" : `, ${size(disk.after)} afterwards`}.`;
}

/** The files as lines: each large one, and the small ones together, as one file of their sum. */
export function fileLines(files: FileView[]): FileView[] {
  const small = files.filter((file) => file.size < SMALL);
  if (small.length < 2) return files;
  const unlike = small.find((file) => file.status !== "done");
  const sum = (field: "size" | "done"): number => small.reduce((total, file) => total + file[field], 0);
  const path = `${small[0]!.path} and ${small.length - 1} more`;
  const together: FileView = { path, size: sum("size"), done: sum("done"), status: unlike?.status ?? "done", speed: null, parts: 1 };
  return [...files.filter((file) => file.size >= SMALL), together];
}

/** What a screen reader hears of a row that changed: its beginning and its end, never a percentage. */
export function spoken(before: DownloadView | undefined, row: DownloadView): string {
  if (!before || before.status === row.status) return "";
  switch (row.status) {
    case "downloading":
      return before.status === "verifying" ? "" : `${row.name}: download started`;
    case "paused":
      return `${row.name}: paused`;
    case "done":
      return `${row.name}: downloaded and verified`;
    case "failed":
      return `${row.name}: download failed. ${row.error?.message ?? ""}`.trim();
    case "cancelled":
      return `${row.name}: cancelled`;
    default:
      return "";
  }
}
