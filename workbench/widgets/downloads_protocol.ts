// What the downloads panel exchanges with the kernel: types and tags only. Times are seconds, sizes bytes.
import { Channel } from "./channel";
import type { ErrorInfo } from "./protocol";

/** Tags of what the panel may ask, in the order of `DownloadsCommand` in workbench/commands.py. */
export const DOWNLOADS_KINDS = [
  "hello", "pause_download", "resume_download", "cancel_download", "clear_finished", "chat_with",
] as const;

/** `download: null` means all of them. */
export type DownloadsRequest =
  | { kind: "hello" }
  | { kind: "pause_download"; download: string | null }
  | { kind: "resume_download"; download: string | null }
  | { kind: "cancel_download"; download: string }
  | { kind: "clear_finished" }
  | { kind: "chat_with"; model: string };

/** Where a download is, as workbench/transfer.py names it. */
export const DOWNLOAD_STATUSES = [
  "queued", "starting", "downloading", "verifying", "paused", "done", "failed", "cancelled",
] as const;
export type DownloadStatus = (typeof DOWNLOAD_STATUSES)[number];

export interface FileView {
  /** In the repository. */
  path: string;
  size: number;
  done: number;
  status: "waiting" | "downloading" | "verifying" | "done" | "failed";
  speed: number | null;
  /** Ranges fetched at once. */
  parts: number;
}

export interface DownloadView {
  id: string;
  /** The model id it was asked for. */
  model: string;
  name: string;
  author: string | null;
  format: string | null;
  status: DownloadStatus;
  done: number;
  /** null until the hub has said. */
  total: number | null;
  /** Bytes that were here before it began. */
  kept: number;
  percent: number | null;
  speed: number | null;
  seconds_left: number | null;
  elapsed: number;
  /** Downloads before it, while it waits. */
  position: number | null;
  /** Whether another process fetches it. */
  shared: boolean;
  /** A few words while it waits. */
  note: string;
  error: ErrorInfo | null;
  path: string | null;
  files: FileView[];
}

export interface DownloadsView {
  id: string;
  rows: DownloadView[];
  total: { done: number; total: number | null; percent: number | null; speed: number | null; seconds_left: number | null };
  counts: { running: number; waiting: number; paused: number; failed: number; done: number };
  disk: { free: number | null; after: number | null };
  notice: ErrorInfo | null;
}

/** The browser's copy of the downloads. */
export class DownloadsStore extends Channel<DownloadsView, DownloadView, DownloadsRequest> {}
