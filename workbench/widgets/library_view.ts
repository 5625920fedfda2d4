// One view of the library: the storage picture, the strip, the jobs, the table, and the dialogs over them.
import { chatLine, insertBelow } from "./cells";
import { copyText, h, setText, show, textButton } from "./dom";
import { plural } from "./format";
import { ImportDialog } from "./library_import";
import { Jobs } from "./library_jobs";
import { Overview } from "./library_overview";
import type { JobView, LibraryRequest, LibraryRow, LibraryStore, LibraryView } from "./library_protocol";
import { Strip } from "./library_strip";
import { Table } from "./library_table";
import { jobTitle, readWords, savingWords } from "./library_words";
import { Menu, type MenuGroups, type MenuItem } from "./menu";
import { Panel } from "./panel";
import { PlanDialog } from "./plan";
import type { Ack, Model } from "./protocol";

/** Formats that can be quantized, while they are not yet. */
const QUANTIZABLE = new Set(["mlx", "safetensors"]);
const FULL = new Set(["", "bf16", "fp16", "f16", "fp32", "f32"]);
const DOWNLOADS = "Downloads folder";

export class LibraryPanel {
  readonly element: HTMLElement;
  private readonly panel: Panel;
  private readonly overview: Overview;
  private readonly strip: Strip;
  private readonly jobs: Jobs;
  private readonly table: Table;
  private readonly foot: Foot;
  private readonly empty: HTMLElement;
  private readonly plan: PlanDialog;
  private readonly picker: ImportDialog;
  private readonly menu: Menu;
  private readonly running = new Map<string, JobView>();

  constructor(
    private readonly store: LibraryStore,
    private readonly model: Model,
    signal: AbortSignal,
  ) {
    const ask = (request: LibraryRequest): Promise<Ack> => this.ask(request);
    const ids = (): string[] => this.table.selected.map((row) => row.id);
    this.menu = new Menu(signal);
    this.overview = new Overview((id) => this.find(id));
    this.strip = new Strip(
      {
        filter: (filter) => {
          this.table.setFilter(filter);
          this.panel.schedule();
        },
        all: (selected) => this.table.selectAll(selected),
        clear: () => this.table.selectAll(false),
        verify: () => void ask({ kind: "verify_models", models: ids() }),
        update: () => void ask({ kind: "update_models", models: this.newer().map((row) => row.id) }),
        remove: () => void ask({ kind: "plan_delete", models: ids() }),
        folder: () => this.picker.open("folder"),
        import: () => this.picker.open("import"),
        down: () => this.table.enter(),
      },
      this.menu,
    );
    this.jobs = new Jobs((job) => void ask({ kind: "stop_job", job }));
    this.table = new Table(
      {
        menu: (row, button) => this.menu.open(button, row.name, this.actions(row)),
        repair: (row) => void ask({ kind: "update_models", models: [row.id] }),
        selected: () => this.store.view && this.drawStrip(this.store.view),
        remove: (models) => void ask({ kind: "plan_delete", models }),
        search: () => this.strip.field.focus(),
      },
      signal,
    );
    this.foot = new Foot(ask, (words) => this.panel.notice.word(words));
    this.empty = h(
      "div",
      { class: "wb-pempty" },
      h("b", { class: "wb-b" }, "No models on this machine yet"),
      h("span", { class: "wb-t2" }, "Find one to download, or import a file you have."),
      h("span", { class: "wb-fx" }, textButton("Browse models", "wb-sm", () => this.insert("wb.browse()", "find a model"), "search"), textButton("Import", "wb-sm", () => this.picker.open("import"), "plus")),
    );
    this.plan = new PlanDialog({ keep: () => void ask({ kind: "drop_plan" }), execute: (plan) => void ask({ kind: "execute_plan", plan }) }, signal);
    this.picker = new ImportDialog(
      {
        look: (path) => store.request({ kind: "look_into", path }),
        import: (path, mode) => store.request({ kind: "import_model", path, mode }),
        add: (path) => store.request({ kind: "add_folder", path }),
        remove: (path) => void ask({ kind: "remove_folder", path }),
      },
      signal,
    );
    const parts = [
      this.overview.element, this.strip.element, this.jobs.element, this.table.element, this.empty, this.foot.element,
      this.menu.element, this.plan.element, this.picker.element,
    ];
    this.panel = new Panel("Model library", "wb-library", parts, () => this.paint(), signal);
    this.element = this.panel.element;
    store.subscribe(() => this.panel.schedule(), signal);
    this.paint();
  }

  private async ask(request: LibraryRequest): Promise<Ack> {
    const ack = await this.store.request(request);
    this.panel.notice.refusal(ack.ok ? null : ack.error);
    return ack;
  }

  private paint(): void {
    const { view, live } = this.store;
    this.panel.setLive(live);
    this.element.classList.toggle("wb-connecting", !view);
    if (!view) return;
    this.panel.setSession(view.id);
    const now = Date.now() / 1000;
    const some = view.rows.length > 0;
    this.overview.update(view);
    this.table.update(view, now);
    this.drawStrip(view);
    this.jobs.update(view);
    this.foot.update(view, this.table.shown.length, now);
    this.picker.update(view.folders);
    this.plan.update(view.plan);
    this.panel.notice.session(view.notice);
    show(this.overview.element, some);
    show(this.strip.element, some);
    show(this.table.element, some);
    show(this.empty, !some && !view.reading);
    this.announce(view);
  }

  private drawStrip(view: LibraryView): void {
    const rows = this.table.selected;
    const bytes = rows.reduce((sum, row) => sum + (row.size ?? 0), 0);
    this.strip.update(view, { count: rows.length, shown: this.table.shown.length, bytes, updates: this.newer().length });
  }

  private newer(): LibraryRow[] {
    return this.table.selected.filter((row) => row.update);
  }

  /** Beginnings and ends of jobs, never their percentages. */
  private announce(view: LibraryView): void {
    const names = new Map(view.rows.map((row) => [row.id, row.name]));
    const news = view.jobs.flatMap((job) => {
      const before = this.running.get(job.id)?.status;
      const name = names.get(job.model) ?? this.running.get(job.id)?.model ?? job.model;
      this.running.set(job.id, job);
      return before === undefined ? (job.status === "running" ? jobTitle(job, name) : []) : before === job.status ? [] : jobTitle(job, name);
    });
    if (news.length) this.panel.say(news.join(". "));
  }

  private find(id: string): void {
    if (this.table.find(id)) return;
    Object.assign(this.strip.filter, { text: "", source: null, twice: false, updates: false });
    this.strip.field.value = "";
    this.table.setFilter(this.strip.filter);
    this.paint();
    this.table.find(id);
  }

  private chat(row: LibraryRow): void {
    void this.ask({ kind: "chat_with", model: row.id });
    this.insert(chatLine(row.id), "chat");
  }

  private insert(line: string, purpose: string): void {
    const done = insertBelow(this.model, this.element, line);
    this.panel.notice.word(done ? `Run the new cell below to ${purpose}: \`${line}\`` : `In a cell: \`${line}\``);
  }

  /** What can be done with one model. */
  private actions(row: LibraryRow): MenuGroups {
    const ask = (request: LibraryRequest) => () => void this.ask(request);
    const one = [row.id];
    const talk: MenuItem[] = [{ label: "Chat", icon: "chat", press: () => this.chat(row) }];
    if (!row.current) talk.push({ label: "Use for new chats", icon: "check", press: ask({ kind: "chat_with", model: row.id }) });
    const keep: MenuItem[] = [{ label: "Verify", icon: "shield", press: ask({ kind: "verify_models", models: one }) }];
    if (row.update) keep.push({ label: "Update", icon: "update", press: ask({ kind: "update_models", models: one }) });
    if (row.path) {
      const { path } = row;
      keep.push({ label: "Copy path", icon: "copy", detail: path, press: () => void this.copyPath(path) });
    }
    const remove: MenuItem = { label: "Delete…", icon: "trash", danger: true, press: ask({ kind: "plan_delete", models: one }) };
    return [talk, keep, this.quantizing(row), [remove]];
  }

  private quantizing(row: LibraryRow): MenuItem[] {
    const full = FULL.has((row.quantization ?? "").toLowerCase()) && QUANTIZABLE.has((row.format ?? "").toLowerCase());
    if (!full || row.source === "built in") return [];
    return [4, 8].map((bits) => ({
      label: `Quantize to ${bits} bits`,
      icon: "chip",
      detail: savingWords(row, bits),
      press: () => void this.ask({ kind: "quantize", model: row.id, bits }),
    }));
  }

  private async copyPath(path: string): Promise<void> {
    const done = await copyText(path);
    this.panel.notice.word(done ? `Copied: \`${path}\`` : `\`${path}\``);
  }
}

/** How many are shown, when it was read, and the folders to read again. */
class Foot {
  readonly element: HTMLElement;
  private readonly count = h("span", { class: "wb-cut" });
  private readonly read = h("span", { class: "wb-t3 wb-cut" });
  private readonly downloads: HTMLButtonElement;
  private readonly again: HTMLButtonElement;
  /** `read_at` when the Downloads folder was asked for; null when it was not. */
  private asked: number | null = null;

  constructor(ask: (request: LibraryRequest) => Promise<Ack>, private readonly tell: (words: string) => void) {
    this.downloads = textButton("Look in Downloads", "wb-gh wb-sm", () => {
      this.asked = Date.now() / 1000;
      void ask({ kind: "read_downloads_folder" });
    });
    this.again = textButton("Read again", "wb-gh wb-sm", () => void ask({ kind: "read_library" }));
    this.again.title = "Reads the folders and asks the hub for updates";
    const acts = h("span", { class: "wb-end wb-fx wb-gap1 wb-pgone" }, this.downloads, this.again);
    this.element = h("div", { class: "wb-ft wb-lft" }, this.count, this.read, acts);
  }

  update(view: LibraryView, shown: number, now: number): void {
    const all = view.rows.length;
    const downloads = view.sources.find((source) => source.name === DOWNLOADS);
    setText(this.count, shown === all ? plural(all, "model") : `${shown} of ${plural(all, "model")} shown`);
    setText(this.read, readWords(view, now));
    show(this.downloads, !downloads || downloads.note !== "");
    this.again.disabled = view.reading;
    if (this.asked === null || view.reading || (view.read_at ?? 0) < this.asked) return;
    this.asked = null;
    if (!downloads) this.tell("No models in the Downloads folder.");
    else if (downloads.note) this.tell(downloads.note);
  }
}
