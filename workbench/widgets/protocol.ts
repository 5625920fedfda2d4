// The words the kernel and the browser exchange: types and tags only. Times are seconds, sizes bytes.

/** Tags of what the browser may ask, in the order of workbench/commands.py. */
export const COMMAND_KINDS = [
  "hello", "send", "stop", "retry", "choose_model", "list_models", "new_chat", "allow", "refuse",
] as const;
/** Tags of what the kernel sends. */
export const MESSAGE_KINDS = ["snap", "delta", "ack"] as const;
/** Tags of the changes a delta holds. */
export const OP_KINDS = ["text", "reasoning", "message", "patch", "remove", "state"] as const;
/** Where a message is; a person's own message is always "done". */
export const STATUSES = [
  "queued", "loading", "prefill", "thinking", "writing", "done", "cancelled", "failed",
] as const;

export type MessageStatus = (typeof STATUSES)[number];

/** A command without the number that the store gives it. */
export type Request =
  | { kind: "hello" }
  | { kind: "send"; text: string }
  | { kind: "stop"; run: string }
  | { kind: "retry"; message: string }
  | { kind: "choose_model"; model: string; force?: boolean }
  | { kind: "list_models" }
  | { kind: "new_chat" }
  | { kind: "allow"; always: boolean }
  | { kind: "refuse" };
/** A command as it travels: with the number its answer carries. */
export type Command<R = Request> = R & { id: number };

export interface ErrorInfo {
  kind: string;
  message: string;
  next_step: string;
  details: string;
  retryable: boolean;
}

/** A model as the picker shows it; null is unknown, never zero. */
export interface ModelView {
  id: string;
  name: string;
  provider: string;
  engine: string | null;
  size: number | null;
  context_length: number | null;
  status: "hub" | "ready" | "loading" | "loaded" | "failed" | "down";
  /** A few words beside the status. */
  note: string;
  local: boolean;
  /** How much of it is loaded, 0 to 100; null when it is not loading. */
  percent: number | null;
}

/** A server that did not answer when it was asked for its models. */
export interface ServerView {
  name: string;
  message: string;
  next_step: string;
}

export interface Note {
  code: "option_ignored" | "fallback" | "evicted" | "retry" | "note";
  message: string;
  model: string | null;
}

export interface Progress {
  done: number;
  /** null while unknown. */
  total: number | null;
}

export interface Usage {
  prompt_tokens: number | null;
  cached_tokens: number | null;
  completion_tokens: number | null;
  reasoning_tokens: number | null;
}

export interface Metrics {
  load_s: number | null;
  ttft_s: number | null;
  prefill_tps: number | null;
  decode_tps: number | null;
  total_s: number | null;
  peak_memory: number | null;
}

export interface MessageView {
  id: string;
  role: "user" | "assistant" | "system";
  /** The model that answers; null for what a person wrote. */
  model: string | null;
  text: string;
  reasoning: string;
  /** How long it thought; null while thinking, or when it did not. */
  reasoning_s: number | null;
  status: MessageStatus;
  run: string | null;
  /** Runs before this one, while it is queued. */
  position: number | null;
  /** Bytes of weights read, while its model loads. */
  load: Progress | null;
  /** Prompt tokens read. */
  prefill: Progress | null;
  notes: Note[];
  error: ErrorInfo | null;
  tools: { name: string; arguments: unknown }[];
  usage: Usage | null;
  metrics: Metrics | null;
  /** Tokens a second over the last second, while writing. */
  live_tps: number | null;
  /** Tokens generated so far. */
  tokens: number;
  finish: "stop" | "length" | "tool_calls" | "cancelled" | null;
}

/** What every session with a model to choose shows of it. */
export interface ChoiceView {
  model: ModelView | null;
  models: ModelView[];
  servers: ServerView[];
  /** Whether the list of models is being asked for. */
  listing: boolean;
  notice: ErrorInfo | null;
  /** The model the notice is about, when it did not fit and can be loaded anyway. */
  too_big: string | null;
}

/** A message that waits for leave to leave this machine; its text is empty for an answer asked for again. */
export interface Consent {
  /** Host and port it would go to. */
  place: string;
  model: string;
  text: string;
}

export interface ChatView extends ChoiceView {
  chat: string;
  messages: MessageView[];
  /** The run being answered; null when none is. */
  run: string | null;
  run_message: string | null;
  /** Tokens of the context in use, and how many there are. */
  context: { used: number | null; limit: number | null };
  consent: Consent | null;
}

/** Changes of a chat. */
export type Op =
  | ["text" | "reasoning", string, string]
  | ["message", MessageView]
  | ["patch", string, Partial<MessageView>]
  | ["remove", string]
  | ["state", Partial<ChatView>];

/** Tags of the changes of a session that is fields and rows. */
export const ROW_OP_KINDS = ["state", "row", "drop"] as const;

/** Changes of such a session: fields; a row, whole, at the end when it is new; a row that is gone. */
export type RowOp<View, Row> = ["state", Partial<View>] | ["row", Row] | ["drop", string];

export interface Snap<View = ChatView> {
  kind: "snap";
  /** Number of the last delta it includes. */
  seq: number;
  state: View;
}
export interface Delta<O = Op> {
  kind: "delta";
  seq: number;
  /** When it was sent, Unix time. */
  t: number;
  ops: O[];
}
export interface Ack {
  kind: "ack";
  id: number;
  ok: boolean;
  error: ErrorInfo | null;
  /** What was asked for, where the command asks for something. */
  data?: unknown;
}
export type Message = Snap | Delta | Ack;

/** What anywidget hands to a widget: the part used here. */
export interface Model {
  get(name: string): unknown;
  send(content: unknown): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  /** The host's own manager; its shape differs between hosts, so every look inside is guarded. */
  widget_manager?: unknown;
}
