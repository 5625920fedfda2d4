// What the settings exchange with the kernel: types and tags only. Times are seconds, sizes bytes. A key goes one way.
import { Channel } from "./channel";
import type { ErrorInfo } from "./protocol";

/** Tags of what the settings may ask, in the order of `SettingsCommand` in workbench/commands.py. */
export const SETTINGS_KINDS = [
  "hello", "read_settings", "look_for_servers", "check_address", "save_server", "remove_server", "test_server",
  "stop_test", "close_test", "find_models", "change_settings", "add_folder", "remove_folder", "save_preset",
  "remove_preset", "forget_allowed", "export_settings", "import_settings",
] as const;

export type SettingsRequest =
  | { kind: "hello" | "read_settings" | "look_for_servers" }
  | { kind: "check_address"; url: string; name: string; replaces: string | null }
  | { kind: "save_server"; url: string; name: string; key: string | null; model: string | null; replaces: string | null }
  | { kind: "remove_server" | "test_server" | "stop_test" | "close_test" | "remove_preset"; name: string }
  | { kind: "find_models"; text: string; server: string | null }
  | { kind: "change_settings"; fields: Fields }
  | { kind: "add_folder" | "remove_folder"; path: string }
  | { kind: "save_preset"; name: string; options: Options; replaces: string | null }
  | { kind: "forget_allowed"; origin: string }
  | { kind: "export_settings"; path: string }
  | { kind: "import_settings"; path: string; merge: boolean };

/** What can be set as it is; `null` is "nothing chosen" or "no limit". */
export interface Values {
  default_model: string | null;
  fallback: string | null;
  use_fallback: boolean;
  ask_before_sending: boolean;
  keep_history: boolean;
  at_once: number;
  connections: number;
  memory_budget: number | null;
  idle_timeout: number | null;
}
export type Fields = Partial<Values>;

/** Generation options by name; absent ones are the model's own. */
export type Options = Record<string, number | boolean | string[]>;

export interface StepView {
  name: string;
  /** null: it could not be told. */
  ok: boolean | null;
  message: string;
  next_step: string;
}

export interface TestView {
  running: boolean;
  steps: StepView[];
  /** Names of the steps that were not tried; while it runs the first of them is being tried. */
  left: string[];
  /** "Answers in 31 ms, 2 models, streams", when all went well. */
  summary: string;
}

export interface ServerRow {
  /** Its name. */
  id: string;
  /** What it is, as far as the address tells: "Ollama"; may be empty. */
  title: string;
  url: string;
  model: string | null;
  state: "up" | "down" | "asking" | "unasked";
  /** Its state in a few words: "6 models, 4 ms". */
  words: string;
  /** Where its key is kept: "system keyring", "LOCALAI_API_KEY", "this session only"; empty without one. */
  key: string;
  /** Whether that key can be forgotten from here. */
  own_key: boolean;
  /** What a person should know: "key over plain HTTP". */
  warning: string;
  test: TestView | null;
}

/** A kind of server that the form can be filled for. */
export interface Kind {
  name: string;
  title: string;
  url: string;
  /** Variable that may hold its key. */
  key_env: string;
  key_needed: boolean;
  hint: string;
}

export interface FoundView {
  name: string;
  title: string;
  url: string;
  words: string;
}

/** Where a model is: it is shown beside a chosen one. */
export type ModelStatus = "loaded" | "ready" | "loading" | "down" | "unknown";

export interface ChoiceView {
  id: string;
  name: string;
  provider: string;
  status: ModelStatus;
}

/** What a typed address would be saved as: the answer to `check_address`. */
export interface CheckedView {
  /** Empty when the address cannot be used. */
  url: string;
  name: string;
  /** What is wrong with the address, and with the name. */
  url_problem: string;
  name_problem: string;
  warning: string;
  /** The kind of server that usually has this address. */
  preset: string | null;
}

export interface SettingsView {
  id: string;
  rows: ServerRow[];
  kinds: Kind[];
  values: Values;
  /** Fields that a variable of the environment decides: its name by field. */
  environment: Partial<Record<keyof Values, string>>;
  statuses: { default_model: ModelStatus; fallback: ModelStatus };
  /** Bytes the budget is when none is set; null while unknown. */
  memory_usual: number | null;
  folders: string[];
  presets: { name: string; options: Options; words: string }[];
  /** Origins that prompts may go to without asking. */
  allowed: string[];
  /** What was found on this machine and is not connected; null before the first look. */
  found: FoundView[] | null;
  looking: boolean;
  /** Where a key that is typed goes. */
  keys_go: string;
  /** The settings file, and what is wrong with it. */
  file: string;
  /** Its last part, for a sentence. */
  file_name: string;
  problem: { line: number | null; message: string } | null;
  /** What the file or the environment says and is not used. */
  notes: string[];
  /** Where an export goes when nothing else is said. */
  export_path: string;
  notice: ErrorInfo | null;
}

/** The browser's copy of the settings. */
export class SettingsStore extends Channel<SettingsView, ServerRow, SettingsRequest> {}
