// What the library's facts are called, and in which order rows stand. Pure: rows in, words out.
import { plural, size } from "./format";
import type { JobView, LibraryRow, LibraryView, SourceView } from "./library_protocol";

const DAY_S = 86_400;
const SHORT: Record<string, string> = { "Hugging Face cache": "HF cache", "Downloads folder": "Downloads" };
const FORMATS: Record<string, string> = { mlx: "MLX", gguf: "GGUF", onnx: "ONNX", coreml: "Core ML", safetensors: "safetensors" };

/** A source's name where there is little room. */
export function shortSource(name: string): string {
  return SHORT[name] ?? name;
}

/** today, yesterday, 3 days ago, 5 weeks ago, 2 months ago; null is "never here". */
export function ago(at: number | null, now: number): string {
  if (at === null) return "never here";
  const days = Math.max(0, Math.round((midnight(now) - midnight(at)) / DAY_S));
  if (days === 0) return "today";
  if (days === 1) return "yesterday";
  if (days < 7) return `${days} days ago`;
  if (days < 14) return "last week";
  if (days < 60) return `${Math.floor(days / 7)} weeks ago`;
  if (days < 730) return `${Math.floor(days / 30)} months ago`;
  return `${Math.floor(days / 365)} years ago`;
}

/** today, yesterday, 12 Nov, 12 Nov 2025. */
export function day(at: number, now: number): string {
  const days = Math.round((midnight(now) - midnight(at)) / DAY_S);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  const date = new Date(at * 1000);
  const sameYear = date.getFullYear() === new Date(now * 1000).getFullYear();
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) });
}

/** The beginning of that day, by this browser's clock. */
export function midnight(at: number): number {
  return new Date(at * 1000).setHours(0, 0, 0, 0) / 1000;
}

/** 14.8B, 0.6B, 135M; null when unknown. */
export function parameters(value: number | null): string | null {
  if (value === null) return null;
  if (value >= 1e9 || Math.round(value / 1e6) >= 1000) return `${(value / 1e9).toFixed(1)}B`;
  return value >= 1e6 ? `${Math.round(value / 1e6)}M` : `${(value / 1e6).toFixed(1)}M`;
}

/** "4-bit" for "4bit"; other names stay. */
export function quantization(name: string | null): string | null {
  return name === null ? null : name.replace(/^(\d+)bit$/i, "$1-bit");
}

/** Under the name: 8.2B · 4-bit · MLX. */
export function aboutModel(row: LibraryRow): string {
  const format = row.format === null ? null : (FORMATS[row.format.toLowerCase()] ?? row.format);
  return [parameters(row.parameters), quantization(row.quantization), format].filter(Boolean).join(" · ");
}

/** One mark in the State column. */
export interface Mark {
  tone: "" | "wb-ok" | "wb-warn" | "wb-err" | "wb-acc";
  icon: "" | "dot" | "layers" | "update" | "alert";
  words: string;
}

/** The marks of a row, the weightiest first. */
export function marks(row: LibraryRow): Mark[] {
  const all: Mark[] = [];
  if (row.status === "failed") all.push({ tone: "wb-err", icon: "alert", words: row.note || "does not load" });
  if (row.status === "loaded") all.push({ tone: "wb-ok", icon: "dot", words: "loaded" });
  if (row.status === "loading") all.push({ tone: "", icon: "", words: "loading" });
  if (row.status === "downloading") all.push({ tone: "", icon: "", words: row.note || "downloading" });
  if (row.verified.state === "running") all.push({ tone: "", icon: "", words: "verifying" });
  if (row.update) all.push({ tone: "wb-acc", icon: "update", words: "update" });
  if (row.also_in.length) all.push({ tone: "wb-warn", icon: "layers", words: `also in ${row.also_in.map(shortSource).join(", ")}` });
  if (row.note && row.status !== "failed" && row.status !== "downloading") all.push({ tone: "", icon: "", words: row.note });
  return all;
}

/** Whether its files are not those of the hub: it can be repaired by fetching them again. */
export function needsRepair(row: LibraryRow): boolean {
  return row.verified.state === "differs" && row.status !== "downloading";
}

export const COLUMNS = ["name", "source", "size", "last_used", "runs", "verified"] as const;
export type Column = (typeof COLUMNS)[number];
export interface Sort {
  column: Column;
  descending: boolean;
}

const VERIFIED_ORDER = { differs: 0, failed: 1, never: 2, running: 3, ok: 4 };

/** Ids in the order asked for; equal ones by name. */
export function sorted(rows: LibraryRow[], { column, descending }: Sort): string[] {
  const sign = descending ? -1 : 1;
  const value = (row: LibraryRow): string | number => {
    if (column === "verified") return VERIFIED_ORDER[row.verified.state] * 1e11 + (row.verified.at ?? 0);
    if (column === "name" || column === "source") return row[column].toLowerCase();
    return row[column] ?? -1;
  };
  const compare = (a: LibraryRow, b: LibraryRow): number => {
    const [x, y] = [value(a), value(b)];
    const order = typeof x === "string" ? x.localeCompare(String(y)) : x - Number(y);
    return sign * order || a.name.localeCompare(b.name) || a.id.localeCompare(b.id);
  };
  return [...rows].sort(compare).map((row) => row.id);
}

/** What narrows the table. */
export interface Filter {
  text: string;
  source: string | null;
  twice: boolean;
  updates: boolean;
}

export function matches(row: LibraryRow, filter: Filter): boolean {
  if (filter.source !== null && row.source !== filter.source) return false;
  if (filter.twice && !isTwice(row)) return false;
  if (filter.updates && !row.update) return false;
  const text = [row.name, row.id, row.source, row.format, row.quantization].join(" ").toLowerCase();
  return filter.text.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export function isTwice(row: LibraryRow): boolean {
  return row.twice > 0 || row.also_in.length > 0;
}

/** Category colour of a source: 1 to 6, by its place. */
export function category(sources: SourceView[], name: string): string {
  const at = sources.findIndex((source) => source.name === name);
  return `var(--wb-cat-${Math.min(6, (at < 0 ? 5 : at) + 1)})`;
}

/** "Read just now from 4 folders". */
export function readWords(view: LibraryView, now: number): string {
  if (view.reading) return "Reading the folders…";
  if (view.read_at === null) return "Not read yet";
  const from = `from ${plural(view.sources.length, "folder")}`;
  const minutes = Math.floor((now - view.read_at) / 60);
  if (minutes < 1) return `Read just now ${from}`;
  return minutes < 60 ? `Read ${minutes} min ago ${from}` : `Read ${ago(view.read_at, now)} ${from}`;
}

const JOBS = { verify: "Verifying", import: "Importing", quantize: "Quantizing", update: "Updating" };

/** "Quantizing Qwen3-8B"; what happened when it ended. */
export function jobTitle(job: JobView, name: string): string {
  const failed = { verify: "could not be verified", import: "was not imported", quantize: "was not quantized", update: "was not updated" };
  const done = { verify: "verified", import: "imported", quantize: "quantized", update: "updated" };
  if (job.status === "running") return `${JOBS[job.kind]} ${name}`;
  if (job.status === "failed") return `${name} ${failed[job.kind]}`;
  return job.status === "done" ? `${name} is ${done[job.kind]}` : `${name}: stopped`;
}

/** Bytes a model would have at so many bits a weight, about; null when its parameters are unknown. */
export function sizeAtBits(row: LibraryRow, bits: number): number | null {
  // groups of 64 weights carry a scale and a bias of 16 bits each: half a bit a weight
  return row.parameters === null ? null : (row.parameters * (bits + 0.5)) / 8;
}

/** "about 4.6 GB, saves 11.8 GB"; nothing when it would not get smaller or is not known. */
export function savingWords(row: LibraryRow, bits: number): string {
  const after = sizeAtBits(row, bits);
  if (after === null) return "";
  return row.size !== null && row.size > after ? `about ${size(after)}, saves ${size(row.size - after)}` : `about ${size(after)}`;
}
