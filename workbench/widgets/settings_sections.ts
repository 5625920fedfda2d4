// The sections beside the servers: who answers, memory, downloads, privacy, the file. Each draws its part of the view.
import { h, setText, show, textButton } from "./dom";
import { icon } from "./icons";
import type { Ack } from "./protocol";
import { ModelChoice } from "./settings_choice";
import { box, FieldButton, NumberField, part, removable, Setting, Switch, type Restorable } from "./settings_controls";
import type { ChoiceView, Fields, SettingsRequest, SettingsView } from "./settings_protocol";

/** What a section may do; `ask` says a refusal at the top of the panel, unless it is to be quiet. */
export interface Doing {
  ask(request: SettingsRequest, quiet?: boolean): Promise<Ack>;
  models(text: string, server: string | null): Promise<ChoiceView[]>;
  say(words: string): void;
}

export interface Section {
  readonly element: HTMLElement;
  update(view: SettingsView): void;
}

const GB = 1e9;

/** Sets one field; a control that shows it already goes back when it is refused. */
function change(doing: Doing, fields: Fields, control?: Restorable): void {
  void doing.ask({ kind: "change_settings", fields }).then((ack) => !ack.ok && control?.restore());
}

export class WhoAnswers implements Section {
  readonly element: HTMLElement;
  private readonly model: ModelChoice;
  private readonly fallback: ModelChoice;
  private readonly use: Switch;
  private readonly settings: [keyof Fields, Setting][];
  private readonly file = h("p", { class: "wb-fs-s wb-t3 wb-sfile" });

  constructor(doing: Doing, signal: AbortSignal) {
    const find = (text: string): Promise<ChoiceView[]> => doing.models(text, null);
    this.model = new ModelChoice("Default model", "the one that ships", find, (model) => change(doing, { default_model: model }), signal);
    this.fallback = new ModelChoice("Fallback", null, find, (model) => change(doing, { fallback: model }), signal);
    this.use = new Switch("Use the fallback", (on) => change(doing, { use_fallback: on }, this.use));
    const model = new Setting("Default model", "For a new chat, and for wb.ask without a model", this.model);
    const fallback = new Setting("Fallback", "Answers when the chosen model cannot, and says so each time", this.fallback);
    const use = new Setting("Use the fallback", "Off: an error with Retry instead", this.use, false);
    this.settings = [["default_model", model], ["fallback", fallback], ["use_fallback", use]];
    this.element = part("Who answers", [box(...this.settings.map(([, each]) => each.element)), this.file]);
  }

  update(view: SettingsView): void {
    this.model.update(view.values.default_model, view.statuses.default_model);
    this.fallback.update(view.values.fallback, view.statuses.fallback);
    this.use.update(view.values.use_fallback);
    for (const [field, setting] of this.settings) setting.decidedBy(view.environment[field]);
    setText(this.file, `Saved in ${view.file_name}, which may be edited by hand.`);
    this.file.title = view.file;
  }
}

export class Memory implements Section {
  readonly element: HTMLElement;
  private readonly budget: NumberField;
  private readonly idle: NumberField;
  private readonly settings: [keyof Fields, Setting][];
  private readonly folders = h("div", {});

  constructor(private readonly doing: Doing) {
    this.budget = new NumberField("Memory for models", { unit: "GB", one: GB, none: "automatic", step: 0.5 }, (value) => change(doing, { memory_budget: value === null ? null : Math.round(value) }, this.budget));
    this.idle = new NumberField("Let go of an idle model after", { unit: "min", one: 60, none: "never" }, (value) => change(doing, { idle_timeout: value }, this.idle));
    const budget = new Setting("Memory for models", "All models loaded here at a time, in every notebook; empty: what this machine can spare", this.budget, false);
    const idle = new Setting("Let go of an idle model after", "The next message loads it again; empty: never", this.idle, false);
    this.settings = [["memory_budget", budget], ["idle_timeout", idle]];
    const add = new FieldButton("Folder to add", "/path/to/models", "Add a folder", async (path) => (await doing.ask({ kind: "add_folder", path })).ok);
    const words = h("p", { class: "wb-fs-s wb-t2 wb-swords" }, "Looked into beside the Hugging Face cache, LM Studio's and Ollama's folders. Removing one leaves its files alone.");
    this.element = h(
      "div", {},
      part("Memory", [box(...this.settings.map(([, each]) => each.element))]),
      part("Model folders", [words, box(this.folders, add.element)]),
    );
  }

  update(view: SettingsView): void {
    this.budget.update(view.values.memory_budget, view.memory_usual === null ? "automatic" : `auto: ${(view.memory_usual / GB).toFixed(1)}`);
    this.idle.update(view.values.idle_timeout);
    for (const [field, setting] of this.settings) setting.decidedBy(view.environment[field]);
    const remove = (path: string) => (): void => void this.doing.ask({ kind: "remove_folder", path });
    redraw(this.folders, view.folders, (path) => removable(path, `Look in ${path} no longer`, remove(path), "folder"));
  }
}

export class DownloadLimits implements Section {
  readonly element: HTMLElement;
  private readonly atOnce: NumberField;
  private readonly connections: NumberField;
  private readonly settings: [keyof Fields, Setting][];

  constructor(doing: Doing) {
    this.atOnce = new NumberField("Models at a time", { unit: "models" }, (value) => change(doing, { at_once: value ?? 1 }, this.atOnce));
    this.connections = new NumberField("Connections", { unit: "at most" }, (value) => change(doing, { connections: value ?? 1 }, this.connections));
    const atOnce = new Setting("Models at a time", "The others wait their turn", this.atOnce, false);
    const connections = new Setting("Connections", "For all downloads together; fewer leave more of the line to others", this.connections, false);
    this.settings = [["at_once", atOnce], ["connections", connections]];
    this.element = part("Downloads", [box(...this.settings.map(([, each]) => each.element))]);
  }

  update(view: SettingsView): void {
    this.atOnce.update(view.values.at_once);
    this.connections.update(view.values.connections);
    for (const [field, setting] of this.settings) setting.decidedBy(view.environment[field]);
  }
}

export class Privacy implements Section {
  readonly element: HTMLElement;
  private readonly ask: Switch;
  private readonly setting: Setting;
  private readonly keep: Switch;
  private readonly kept: Setting;
  private readonly allowed = h("div", {});
  private readonly none = h("div", { class: "wb-srow wb-t2" }, "No server yet. The first prompt to one asks.");

  constructor(private readonly doing: Doing) {
    this.ask = new Switch("Ask before sending", (on) => change(doing, { ask_before_sending: on }, this.ask));
    this.setting = new Setting("Ask before sending", "Before the first prompt to a server that is not this machine", this.ask, false);
    this.keep = new Switch("Keep chats", (on) => change(doing, { keep_history: on }, this.keep));
    this.kept = new Setting("Keep chats", "New chats go into the history on this machine; private ones never", this.keep, false);
    const keys = h("p", { class: "wb-fs-s wb-t3 wb-sfile" }, "Keys are kept in the system keyring or come from the environment; no file and no notebook holds one.");
    this.element = h(
      "div", {},
      part("Privacy", [box(this.setting.element, this.kept.element)]),
      part("Servers that prompts may go to", [box(this.allowed, this.none), keys]),
    );
  }

  update(view: SettingsView): void {
    this.ask.update(view.values.ask_before_sending);
    this.setting.decidedBy(view.environment.ask_before_sending);
    this.keep.update(view.values.keep_history);
    this.kept.decidedBy(view.environment.keep_history);
    const forget = (origin: string) => (): void => void this.doing.ask({ kind: "forget_allowed", origin });
    redraw(this.allowed, view.allowed, (origin) => removable(origin, `Ask again before sending to ${origin}`, forget(origin), "cloud"));
    show(this.none, view.allowed.length === 0);
  }
}

export class Carrying implements Section {
  readonly element: HTMLElement;
  private readonly out: FieldButton;
  private readonly file = h("span", { class: "wb-mono wb-cut wb-grow" });
  private readonly notes = h("div", {});
  private merge = true;

  constructor(doing: Doing) {
    this.out = new FieldButton("File to write", "", "Export", async (path) => {
      const ack = await doing.ask({ kind: "export_settings", path });
      if (ack.ok) doing.say(`Written: \`${String(ack.data)}\``);
      return ack.ok;
    }, true);
    const take = new FieldButton("File to read", "workbench-settings.toml", "Import", async (path) => {
      const ack = await doing.ask({ kind: "import_settings", path, merge: this.merge });
      if (ack.ok) doing.say(String(ack.data));
      return ack.ok;
    });
    const keep = h("input", { type: "checkbox", class: "wb-cb" });
    keep.checked = true;
    keep.addEventListener("change", () => (this.merge = keep.checked));
    const merge = h("label", { class: "wb-srow" }, keep, h("span", {}, "Keep servers and presets that are here and not in the file"));
    const words = (text: string): HTMLElement => h("p", { class: "wb-fs-s wb-t2 wb-swords" }, text);
    this.element = h(
      "div", {},
      part("Export", [words("Servers, presets and limits, without any key, to carry to another machine."), box(this.out.element)]),
      part("Import", [words("A file that was exported. Keys are typed again, or come from that machine's keyring."), box(take.element, merge)]),
      part("Settings file", [box(h("div", { class: "wb-srow" }, icon("file", true), this.file, textButton("Read again", "wb-gh wb-sm wb-pgone", () => void doing.ask({ kind: "read_settings" }))), this.notes)]),
    );
  }

  update(view: SettingsView): void {
    setText(this.file, view.file);
    this.file.title = view.file;
    redraw(this.notes, view.notes, (note) => h("div", { class: "wb-srow wb-fs-s wb-t2" }, icon("info", true), h("span", {}, note)));
    if (!this.out.field.value) this.out.field.value = view.export_path;
  }
}

/** The settings file is broken: where, and what holds meanwhile. */
export class Problem implements Section {
  readonly element = h("div", { class: "wb-note wb-warn wb-pnote", role: "alert" });
  private readonly words = h("div", { class: "wb-grow" });

  constructor(doing: Doing) {
    const again = textButton("Read again", "wb-sm", () => void doing.ask({ kind: "read_settings" }));
    this.element.append(icon("warn"), this.words, h("span", { class: "wb-acts wb-pgone" }, again));
    show(this.element, false);
  }

  update({ problem, file_name }: SettingsView): void {
    show(this.element, problem !== null);
    if (!problem) return;
    const place = problem.line === null ? file_name : `${file_name}, line ${problem.line}`;
    this.words.replaceChildren(h("b", { class: "wb-b" }, `${place}: `), problem.message, " The last good values hold; nothing is saved until the file is mended.");
  }
}

/** Draws a list again, only when it changed. */
function redraw(element: HTMLElement, items: string[], line: (item: string) => HTMLElement): void {
  const stamp = JSON.stringify(items);
  if (element.dataset.drawn === stamp) return;
  element.dataset.drawn = stamp;
  element.replaceChildren(...items.map(line));
}
