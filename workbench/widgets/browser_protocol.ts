// What the model browser exchanges with the kernel: types and tags only. Times are seconds, sizes bytes.
import { Channel } from "./channel";
import type { DownloadStatus } from "./downloads_protocol";
import type { ErrorInfo } from "./protocol";

/** Tags of what the browser may ask, in the order of `BrowserCommand` in workbench/commands.py. */
export const BROWSER_KINDS = [
  "hello", "search_models", "rows", "count_choices", "open_model", "start_download", "pause_download",
  "resume_download", "cancel_download", "plan_delete", "drop_plan", "execute_plan", "chat_with", "refresh_catalogue",
  "stop_refresh",
] as const;

/** Words and filters, as `SearchQuery` of workbench/manager/query.py names them; what is not set is absent. */
export type Query = Record<string, unknown> & { text?: string; sort?: string; fits?: boolean; context?: number };

export type BrowserRequest =
  | { kind: "hello" }
  | { kind: "search_models"; query: Query }
  | { kind: "rows"; first: number; count: number }
  | { kind: "count_choices"; field: string }
  /** An empty id closes the card. */
  | { kind: "open_model"; model: string; context: number | null }
  | { kind: "start_download"; models: string[] }
  | { kind: "pause_download"; download: string }
  | { kind: "resume_download"; download: string }
  | { kind: "cancel_download"; download: string }
  | { kind: "plan_delete"; models: string[] }
  | { kind: "drop_plan" }
  | { kind: "execute_plan"; plan: string }
  | { kind: "chat_with"; model: string }
  | { kind: "refresh_catalogue" }
  | { kind: "stop_refresh" };

export type Verdict = "fits" | "tight" | "too big" | "unknown";

/** hub: not on this machine; ready: usable; then how loading it went; or how far its download is. */
export type RowStatus = "hub" | "ready" | "loading" | "loaded" | "broken" | DownloadStatus;

/** Where a model is between hub and memory. */
export interface RowState {
  status: RowStatus;
  /** Of a download, or of loading. */
  percent: number | null;
  done: number;
  total: number | null;
  /** Bytes per second. */
  speed: number | null;
  seconds_left: number | null;
  error: ErrorInfo | null;
  /** Number of its download, for pause and cancel; null when there is none. */
  download: string | null;
  /** Whether the hub has a newer revision. */
  update: boolean;
  /** A few words while it waits. */
  note: string;
}

/** A model of the result; null is unknown, never zero. */
export interface RowView {
  id: string;
  name: string;
  author: string | null;
  size: number | null;
  /** Whether the size was computed, not read. */
  estimated: boolean;
  parameters: number | null;
  active_parameters: number | null;
  quantization: string | null;
  format: string | null;
  architecture: string | null;
  capabilities: string[];
  downloads: number | null;
  likes: number | null;
  gated: boolean;
  fit: { verdict: Verdict; total: number | null; share: number | null };
  /** Tokens a second, as measured here. */
  speed: number | null;
  state: RowState;
}

/** Rows of a result, as an answer's data. */
export interface RowsData {
  /** Number of the result they belong to. */
  result: number;
  total: number;
  rows: RowView[];
}

export interface CardView {
  model: string;
  /** What the button downloads: the id with the chosen quantization. */
  download: string;
  loading: boolean;
  description: string | null;
  url: string;
  context_length: number | null;
  licence: string | null;
  base_models: string[];
  updated: string | null;
  revision: string | null;
  quality: number | null;
  /** How the quality is counted. */
  formula: string;
  /** What is needed, largest first; null while unknown. */
  files: { path: string; size: number }[] | null;
  /** How many files the repository has. */
  files_total: number | null;
  size: number | null;
  /** Quantizations in the repository, of which one is downloaded. */
  quantizations: { name: string; size: number; chosen: boolean }[];
  fit: {
    verdict: Verdict;
    weights: number | null;
    kv_cache: number | null;
    overhead: number | null;
    total: number | null;
    usable: number;
    estimated: boolean;
    /** What a run here took at its peak; null before the first. */
    measured: number | null;
  } | null;
  context: number;
  contexts: number[];
  free: number | null;
  /** Why something above is missing. */
  error: ErrorInfo | null;
}

export interface PlanView {
  id: string;
  frees: number;
  models: { id: string; name: string; size: number; frees: number; why: string }[];
  refused: { id: string; why: string }[];
}

export interface BrowserView {
  id: string;
  query: Query;
  /** Number of the result shown; rows of another are not of it. */
  result: number;
  total: number;
  /** Whether the hub is being asked. */
  asking: boolean;
  /** Models the hub has beyond those shown; the reader takes them in when it suits. */
  more: number;
  /** Why the hub does not answer; null when it does. */
  offline: ErrorInfo | null;
  index: { models: number; as_of: number | null };
  refresh: { done: number; total: number | null } | null;
  /** Address of the hub. */
  hub: string;
  machine: { chip: string; memory: number; usable: number };
  /** Tokens the memory is counted for. */
  context: number;
  /** Whether there is a key for gated models. */
  token: boolean;
  /** What of the models changed since their rows were read. */
  states: Record<string, RowState>;
  /** With nothing found: how many there were without one filter, or without one word. */
  loosen: { field: string; word: string | null; count: number }[];
  card: CardView | null;
  plan: PlanView | null;
  notice: ErrorInfo | null;
}

/** The browser's copy of the model browser. */
export class BrowserStore extends Channel<BrowserView & { rows?: never[] }, never, BrowserRequest> {}
