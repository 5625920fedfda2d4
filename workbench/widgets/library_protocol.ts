// What the library exchanges with the kernel: types and tags only. Times are Unix seconds, sizes bytes.
import { Channel } from "./channel";
import type { ErrorInfo } from "./protocol";

/** Tags of what the library may ask, in the order of `LibraryCommand` in workbench/commands.py. */
export const LIBRARY_KINDS = [
  "hello", "read_library", "verify_models", "update_models", "plan_delete", "drop_plan", "execute_plan", "look_into",
  "import_model", "add_folder", "remove_folder", "read_downloads_folder", "quantize", "stop_job", "chat_with",
] as const;

export type ImportMode = "link" | "copy" | "move";

export type LibraryRequest =
  | { kind: "hello" | "read_library" | "drop_plan" | "read_downloads_folder" }
  | { kind: "verify_models" | "update_models" | "plan_delete"; models: string[] }
  | { kind: "execute_plan"; plan: string }
  | { kind: "look_into"; path: string | null }
  | { kind: "import_model"; path: string; mode: ImportMode }
  | { kind: "add_folder" | "remove_folder"; path: string }
  | { kind: "quantize"; model: string; bits: number }
  | { kind: "stop_job"; job: string }
  | { kind: "chat_with"; model: string };

export interface VerifiedView {
  state: "never" | "ok" | "differs" | "running" | "failed";
  at: number | null;
  /** While it runs. */
  percent: number | null;
  /** What differs, or why it could not be told. */
  message: string;
}

export interface LibraryRow {
  id: string;
  name: string;
  source: string;
  path: string | null;
  size: number | null;
  format: string | null;
  parameters: number | null;
  quantization: string | null;
  /** null: never on this machine. */
  last_used: number | null;
  runs: number;
  verified: VerifiedView;
  status: "ready" | "loaded" | "loading" | "failed" | "downloading";
  /** Other sources that hold the same files. */
  also_in: string[];
  /** Bytes that lie elsewhere too. */
  twice: number;
  /** Whether the hub has a newer revision; null: not asked. */
  update: boolean | null;
  /** Whether new chats begin with it. */
  current: boolean;
  /** A few words beside the state. */
  note: string;
}

export interface SourceView {
  name: string;
  path: string | null;
  bytes: number;
  models: number;
  /** Why it could not be read, say. */
  note: string;
}

export interface PlanView {
  id: string;
  frees: number;
  models: { id: string; name: string; size: number; frees: number; why: string }[];
  /** Models that stay, and why. */
  refused: { id: string; why: string }[];
}

export interface JobView {
  id: string;
  kind: "verify" | "import" | "quantize" | "update";
  model: string;
  done: number;
  total: number | null;
  percent: number | null;
  message: string;
  status: "running" | "done" | "failed" | "cancelled";
  error: ErrorInfo | null;
}

export interface LibraryView {
  id: string;
  rows: LibraryRow[];
  sources: SourceView[];
  total: number;
  twice: number;
  disk: { free: number | null; total: number | null };
  read_at: number | null;
  /** Whether the folders are being read. */
  reading: boolean;
  /** Folders a person added. */
  folders: string[];
  plan: PlanView | null;
  jobs: JobView[];
  notice: ErrorInfo | null;
}

/** What a folder holds: the answer to `look_into`. */
export interface FolderView {
  path: string;
  parent: string | null;
  /** Whether the folder as a whole looks like a model. */
  model: boolean;
  folders: { name: string; path: string; model: boolean }[];
  files: { name: string; path: string; size: number | null }[];
}

/** The browser's copy of the library. */
export class LibraryStore extends Channel<LibraryView, LibraryRow, LibraryRequest> {}
