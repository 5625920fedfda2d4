// What the history exchanges with the kernel: types and tags only. Times are Unix seconds, sizes bytes.
import { Channel } from "./channel";
import type { ErrorInfo } from "./protocol";

/** Tags of what the history may ask, in the order of `HistoryCommand` in workbench/commands.py. */
export const HISTORY_KINDS = [
  "hello", "read_history", "search_chats", "rename_chat", "pin_chat", "tag_chat", "plan_delete_chats", "drop_plan",
  "execute_plan", "export_chat", "keep_chats",
] as const;

export type ExportFormat = "markdown" | "json" | "html" | "notebook" | "python";

export type HistoryRequest =
  | { kind: "hello" | "read_history" | "drop_plan" }
  | { kind: "search_chats"; words: string; tag: string | null }
  | { kind: "rename_chat"; chat: string; title: string }
  | { kind: "pin_chat"; chat: string; pinned: boolean }
  | { kind: "tag_chat"; chat: string; tags: string[] }
  | { kind: "plan_delete_chats"; chats: string[] }
  | { kind: "execute_plan"; plan: string }
  | { kind: "export_chat"; chat: string; format: ExportFormat }
  | { kind: "keep_chats"; keep: boolean };

export interface ChatRow {
  id: string;
  title: string;
  /** null: the one of the settings. */
  model: string | null;
  messages: number;
  created: number;
  updated: number;
  pinned: boolean;
  tags: string[];
  /** Whether it is open in this notebook's kernel. */
  open: boolean;
}

/** A message that a search found; its text in pieces, each with whether it matched. */
export interface HitView {
  message: string;
  role: "user" | "assistant" | "system" | "tool";
  at: number;
  snippet: [string, boolean][];
}

/** A chat that a search found: by its messages, or by its title alone. */
export interface FoundView {
  chat: ChatRow;
  hits: HitView[];
  /** Messages found beside those. */
  more: number;
}

export interface PlanView {
  id: string;
  frees: number;
  chats: { id: string; title: string; messages: number; frees: number; why: string }[];
}

export interface HistoryView {
  id: string;
  rows: ChatRow[];
  /** Whether there are older chats than those listed. */
  more: boolean;
  /** What the session itself is narrowed to; empty: every chat. */
  words: string;
  tags: { name: string; count: number }[];
  /** The database, and the bytes it takes. */
  path: string;
  size: number;
  /** Whether chats are kept from now on. */
  keep: boolean;
  /** The variable of the environment that decides that; null: it can be set here. */
  keep_decided: string | null;
  problem: ErrorInfo | null;
  plan: PlanView | null;
  /** Another number whenever any kernel wrote. */
  changes: number;
  notice: ErrorInfo | null;
}

/** The answer to `export_chat`. */
export interface ExportedView {
  name: string;
  text: string;
  media_type: string;
}

/** The browser's copy of the history. */
export class HistoryStore extends Channel<HistoryView, ChatRow, HistoryRequest> {}
