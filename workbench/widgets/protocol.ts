// The words the kernel and the browser exchange: types and tags only. Times are seconds, sizes bytes.

/** Tags of what the browser may ask, in the order of workbench/commands.py. */
export const COMMAND_KINDS = [
  "hello", "send", "stop", "choose_model", "list_models", "new_chat", "allow", "refuse",
  "edit", "regenerate", "go_on", "read_tokens", "branch_at", "show", "delete", "fork", "set_options", "set_system",
  "set_title", "set_private", "use_preset", "save_preset", "drop_preset", "save_prompt", "drop_prompt", "fill_prompt",
  "preview", "close_preview",
  "answer_call", "allow_tool", "set_mode", "overflow", "export", "attach", "attach_last", "detach",
] as const;
/** Tags of what the kernel sends. */
export const MESSAGE_KINDS = ["snap", "delta", "ack"] as const;
/** Tags of the changes a delta holds. */
export const OP_KINDS = ["text", "reasoning", "message", "patch", "cut", "state"] as const;
/** Where a message is; a person's own message is always "done". */
export const STATUSES = [
  "queued", "loading", "prefill", "thinking", "writing", "asking", "calling", "done", "cancelled", "failed",
] as const;

export type MessageStatus = (typeof STATUSES)[number];

/** A command without the number that the store gives it. */
export type Request =
  | { kind: "hello" }
  | { kind: "send"; text: string; interrupt?: boolean; variables?: Record<string, string> }
  | { kind: "stop"; run: string }
  | { kind: "choose_model"; model: string; force?: boolean }
  | { kind: "list_models" }
  | { kind: "new_chat" }
  | { kind: "allow"; always: boolean }
  | { kind: "refuse" }
  | { kind: "edit"; message: string; text: string }
  | { kind: "regenerate"; message: string; model?: string; logprobs?: number }
  | { kind: "go_on" | "read_tokens" | "show" | "delete" | "fork"; message: string }
  | { kind: "branch_at"; message: string; token: number; alternative: number }
  | { kind: "set_options"; options: Options }
  | { kind: "set_system"; text: string }
  | { kind: "set_title"; title: string }
  | { kind: "set_private"; private: boolean }
  | { kind: "use_preset" | "save_preset" | "drop_preset"; name: string }
  | { kind: "save_prompt"; name: string; text: string }
  | { kind: "drop_prompt"; name: string }
  | { kind: "fill_prompt" | "preview"; text: string }
  | { kind: "close_preview" }
  | { kind: "answer_call"; call: string; how: AllowHow; arguments?: Record<string, unknown> }
  | { kind: "allow_tool"; tool: string; how: AllowHow }
  | { kind: "set_mode"; mode: Mode }
  | { kind: "overflow"; choice: OverflowChoice["choice"] | "cancel" }
  | { kind: "export"; format: ExportFormat }
  | { kind: "attach"; attachment: string; name: string; content?: string; data?: string; more?: boolean }
  | { kind: "attach_last"; what: "output" | "error" }
  | { kind: "detach"; attachment: string };
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
  /** Answers made together, this one among them; null for one made alone. */
  batch: number | null;
}

/** Run it this once; always in this chat; never here. */
export type AllowHow = "once" | "always" | "never";
/** Talk only; tools may be called; answers are code for cells. */
export type Mode = "ask" | "act" | "edit";

/** A call of a function in an answer. */
export interface CallView {
  id: string;
  name: string;
  /** By name; the text itself where the model wrote no JSON object. */
  arguments: Record<string, unknown> | string;
  status: "called" | "asking" | "running" | "done" | "failed" | "refused" | "timeout";
  /** What the model was sent; null before the end. */
  result: string | null;
  /** How long it ran. */
  seconds: number | null;
  /** Characters of the answer's text before it. */
  at: number;
}

/** A function that the model may call. */
export interface ToolView {
  name: string;
  description: string;
  /** Whether it runs unasked in this chat; null: the person is asked each time. */
  allowed: "always" | "never" | null;
}

/** What came with a message: never its content, which stays with the kernel. */
export interface FileView {
  id: string;
  kind: "table" | "image" | "file" | "output" | "error";
  name: string;
  /** null for a picture: each model takes another number. */
  tokens: number | null;
  /** Whether the tokens are estimated. */
  about: boolean;
  /** What a person should know of it: that it was shrunk, or is not whole. */
  note: string;
  /** A small picture of a picture, as a data URL. */
  thumb: string | null;
}

/** What stands beside the composer, for the next message. */
export interface AttachmentView extends FileView {
  /** Why the model chosen cannot take it; empty when it can, as far as is known. */
  problem: string;
  /** Still being read. */
  busy: boolean;
}

/** The shape that an answer was asked in. */
export interface SchemaView {
  /** Of the type or the schema; empty where it has none. */
  name: string;
  /** What held it: the engine's grammar, or a look at it afterwards; null before the end. */
  enforced: "grammar" | "checked" | null;
  /** null where nobody looked: it is being written, was stopped, or failed. */
  valid: boolean | null;
  /** What does not fit. */
  error: string;
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
  tools: CallView[];
  usage: Usage | null;
  metrics: Metrics | null;
  /** Tokens a second over the last second, while writing. */
  live_tps: number | null;
  /** Tokens generated so far. */
  tokens: number;
  finish: "stop" | "length" | "tool_calls" | "cancelled" | null;
  /** The shape that it was asked in, and whether it fits; null for free text. */
  schema: SchemaView | null;
  /** Whether it has tokens with probabilities, which `read_tokens` gives. */
  scored: boolean;
  /** Why it cannot go another way at a token; empty: it can, or nobody has looked. */
  no_branch: string;
  parent: string | null;
  /** Unix time. */
  created: number;
  edited: boolean;
  place: Place;
  files: FileView[];
}

/** A token of an answer; probabilities are 0 to 1. */
export interface TokenInfo {
  text: string;
  /** null where the engine did not tell. */
  p: number | null;
  thinking: boolean;
  /** Which of the others it is; -1 for none of them. */
  chosen: number;
  /** The likeliest in its place: text and probability. */
  others: [string, number][];
}

/** What `read_tokens` answers with. */
export interface TokensData {
  tokens: TokenInfo[];
  perplexity: number | null;
}

/** Generation options that are set, by name; what is absent is the model's own default. */
export type Options = Record<string, unknown>;

/** One generation option and what it may be for the model chosen. */
export interface RangeView {
  name: string;
  kind: "integer" | "number" | "strings" | "flag";
  min: number | null;
  max: number | null;
  step: number | null;
  /** What is used when it is not set; null is unknown. */
  default: number | boolean | string[] | null;
  /** The value that turns it off; null when there is none. */
  off: number | null;
  /** Whether the model heeds it; null is unknown. */
  supported: boolean | null;
  /** Why not, or what else there is to know. */
  note: string;
}

/** A prompt kept by name, with the names of what is to be filled in. */
export interface PromptView {
  name: string;
  text: string;
  variables: string[];
}

/** What `fill_prompt` answers with: a variable, and its value where the notebook has one. */
export interface FoundValue {
  name: string;
  value: string | null;
}

/** What the model would read: the exact prompt of a local model, the request of a remote one. */
export interface PreviewView {
  busy: boolean;
  prompt: string | null;
  /** JSON. */
  request: string | null;
  tokens: number | null;
  limit: number | null;
  /** Tokens kept free for the answer. */
  reserved: number | null;
  note: string;
}

export interface OverflowChoice {
  choice: "drop" | "summarise" | "new" | "raise";
  words: string;
  able: boolean;
}

/** A message that would not fit the context: nothing is sent or cut until somebody chose. */
export interface OverflowView {
  text: string;
  tokens: number | null;
  limit: number | null;
  reserved: number | null;
  choices: OverflowChoice[];
}

/** Where a message stands among its siblings: what was said in its place, in order of making. */
export interface Place {
  /** From 1. */
  index: number;
  count: number;
  previous: string | null;
  next: string | null;
}

export type ExportFormat = "markdown" | "json" | "html" | "notebook" | "python";

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
  /** Tokens of the context: in use, kept free for the answer, and how many there are. */
  context: { used: number | null; reserved: number | null; limit: number | null };
  consent: Consent | null;
  attachments: AttachmentView[];
  mode: Mode;
  tools: ToolView[];
  title: string;
  /** Never kept. */
  private: boolean;
  /** Whether it is in the history. */
  kept: boolean;
  history_problem: ErrorInfo | null;
  system: string;
  options: Options;
  ranges: RangeView[];
  presets: { name: string; options: Options }[];
  /** The preset that the options equal. */
  preset: string | null;
  prompts: PromptView[];
  preview: PreviewView | null;
  overflow: OverflowView | null;
}

/** Changes of a chat. */
export type Op =
  | ["text" | "reasoning", string, string]
  | ["message", MessageView]
  | ["patch", string, Partial<MessageView>]
  | ["cut", string | null]
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
