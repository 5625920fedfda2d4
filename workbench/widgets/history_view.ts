// One view of the history: search and tags, the list, the foot, and the dialogs over them. The chats belong to the
// kernel; the words being typed, the tag, the selection and the scroll belong to a view.
import { insertBelow } from "./cells";
import { h, setAttribute, setText, show, textButton } from "./dom";
import { download } from "./files";
import { plural, size } from "./format";
import { ChatList } from "./history_list";
import type { ChatRow, ExportedView, ExportFormat, FoundView, HistoryRequest, HistoryStore, HistoryView, PlanView } from "./history_protocol";
import { Strip } from "./history_strip";
import { TagsPopover } from "./history_tags";
import { found, listed } from "./history_words";
import { icon } from "./icons";
import { Menu, type MenuGroups } from "./menu";
import { Panel, sentences } from "./panel";
import { PlanDialog } from "./plan";
import type { Ack, Model } from "./protocol";
import { Switch } from "./settings_controls";

/** How long after a key the search begins, in milliseconds. */
const TYPING_MS = 120;
const FORMATS: [ExportFormat, string, string][] = [
  ["markdown", "Markdown", ".md"], ["json", "JSON", ".json"], ["html", "HTML page", ".html"], ["notebook", "Notebook", ".ipynb"],
  ["python", "Python", ".py"],
];
const DELETION = { one: "chat", bounds: "A chat that is open in a notebook stays there. Exported files stay." };

export class HistoryPanel {
  readonly element: HTMLElement;
  private readonly panel: Panel;
  private readonly strip: Strip;
  private readonly list: ChatList;
  private readonly foot: Foot;
  private readonly problem = new Problem();
  private readonly empty: Empty;
  private readonly menu: Menu;
  private readonly tags: TagsPopover;
  private readonly plan: PlanDialog;
  private words = "";
  private tag: string | null = null;
  /** What the last search found; null while nothing is searched for. */
  private groups: FoundView[] | null = null;
  private searching = false;
  private again = false;
  private timer = 0;
  private searchedAt = -1;

  constructor(private readonly store: HistoryStore, private readonly model: Model, signal: AbortSignal) {
    const ask = (request: HistoryRequest): Promise<Ack> => this.ask(request);
    this.menu = new Menu(signal);
    this.strip = new Strip(
      {
        search: (words) => this.typed(words),
        tag: (tag) => this.narrow(tag),
        all: (selected) => this.list.selectAll(selected),
        clear: () => this.list.selectAll(false),
        remove: () => this.remove([...this.list.selection]),
        usage: () => this.insert("wb.usage()", "see what was used"),
        down: () => this.list.enter(),
      },
      this.menu,
    );
    this.list = new ChatList(
      {
        open: (row) => this.open(row),
        rename: (row, title) => void ask({ kind: "rename_chat", chat: row.id, title }),
        pin: (row) => void ask({ kind: "pin_chat", chat: row.id, pinned: !row.pinned }),
        tags: (row, beside) => this.openTags(row, beside),
        menu: (row, beside) => this.menu.open(beside, row.title, this.actions(row, beside)),
        remove: (chats) => this.remove(chats),
        selected: () => this.drawStrip(),
        search: () => this.strip.field.focus(),
      },
      signal,
    );
    this.tags = new TagsPopover((row, tags) => void ask({ kind: "tag_chat", chat: row.id, tags }), signal);
    this.foot = new Foot((keep) => void this.keep(keep));
    this.empty = new Empty(() => this.insert("wb.chat()", "chat"));
    this.plan = new PlanDialog({ keep: () => void ask({ kind: "drop_plan" }), execute: (plan) => void ask({ kind: "execute_plan", plan }) }, signal, DELETION);
    const parts = [
      this.problem.element, this.strip.element, this.list.element, this.empty.element, this.foot.element, this.menu.element,
      this.tags.element, this.plan.element,
    ];
    this.panel = new Panel("History of chats", "wb-history", parts, () => this.paint(), signal);
    this.element = this.panel.element;
    this.element.addEventListener("keydown", (event) => this.slash(event), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.timer));
    store.subscribe(() => this.panel.schedule(), signal);
    this.paint();
  }

  private async ask(request: HistoryRequest): Promise<Ack> {
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
    const items = this.groups === null ? listed(view.rows, this.tag, now) : found(this.groups, (id) => this.store.row(id));
    this.list.update(items, now);
    this.drawStrip();
    show(this.strip.element, view.rows.length > 0 || this.words !== "");
    show(this.list.element, items.length > 0);
    this.empty.update(items.length > 0, view, this.words.trim() !== "", this.tag);
    this.foot.update(view, this.groups, this.list.shown.length);
    this.problem.update(view);
    this.tags.update((id) => this.store.row(id), view.tags);
    this.plan.update(view.plan && planned(view.plan));
    this.panel.notice.session(view.notice);
    if (this.words.trim() && view.changes !== this.searchedAt && !this.searching) this.search();
  }

  private drawStrip(): void {
    const { view } = this.store;
    if (view) this.strip.update(view, this.tag, this.list.selection.size, this.list.shown.length);
  }

  // Searching

  private typed(words: string): void {
    this.words = words;
    clearTimeout(this.timer);
    if (words.trim()) this.timer = window.setTimeout(() => this.search(), TYPING_MS);
    else {
      this.groups = null;
      this.paint();
      this.list.toStart();
    }
  }

  private narrow(tag: string | null): void {
    this.tag = tag;
    if (this.words.trim()) this.search();
    this.paint();
    this.list.toStart();
  }

  /** Searches for the words as they stand; while an answer is awaited only the newest words wait. */
  private search(): void {
    if (this.searching) {
      this.again = true;
      return;
    }
    this.searching = true;
    this.searchedAt = this.store.view?.changes ?? -1;
    const words = this.words;
    void this.ask({ kind: "search_chats", words, tag: this.tag }).then((ack) => {
      this.searching = false;
      if (this.again) {
        this.again = false;
        if (this.words.trim()) return this.search();
      }
      if (!ack.ok || !this.words.trim()) return;
      const first = this.groups === null;
      this.groups = ack.data as FoundView[];
      this.paint();
      if (first || words !== this.words) this.list.toStart();
      this.panel.say(`${plural(this.groups.length, "chat")} found`);
    });
  }

  private slash(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea");
    if (event.key !== "/" || typing || event.defaultPrevented) return;
    event.preventDefault();
    this.strip.field.focus();
  }

  // What is done with chats

  private open(row: ChatRow): void {
    this.insert(`wb.reopen(${JSON.stringify(row.id)})`, `go on with “${row.title}”`);
  }

  private insert(line: string, purpose: string): void {
    const done = insertBelow(this.model, this.element, line);
    this.panel.notice.word(done ? `Run the new cell below to ${purpose.replaceAll("`", "'")}: \`${line}\`` : `In a cell: \`${line}\``);
  }

  private openTags(row: ChatRow, beside: HTMLElement): void {
    this.tags.open(row, beside, this.store.view?.tags ?? []);
  }

  private remove(chats: string[]): void {
    if (chats.length) void this.ask({ kind: "plan_delete_chats", chats });
  }

  private async keep(keep: boolean): Promise<void> {
    const ack = await this.ask({ kind: "keep_chats", keep });
    if (!ack.ok) this.foot.restore();
    else if (!keep) this.panel.notice.word("New chats are not kept from now on. Those in the list stay until you delete them.");
  }

  private actions(row: ChatRow, beside: HTMLElement): MenuGroups {
    const pinned = row.pinned ? "Let go from the top" : "Pin to the top";
    return [
      [{ label: "Open in a cell", icon: "tocell", press: () => this.open(row) }],
      [
        { label: "Rename", icon: "edit", detail: "F2", press: () => this.list.edit(row.id) },
        { label: pinned, icon: "pin", detail: "P", press: () => void this.ask({ kind: "pin_chat", chat: row.id, pinned: !row.pinned }) },
        { label: "Tags…", icon: "tag", detail: "T", press: () => this.openTags(row, beside) },
      ],
      FORMATS.map(([format, name, suffix]) => ({
        label: `Export: ${name}`, icon: "download" as const, detail: suffix, press: () => void this.export(row, format),
      })),
      [{ label: "Delete…", icon: "trash", danger: true, press: () => this.remove([row.id]) }],
    ];
  }

  private async export(row: ChatRow, format: ExportFormat): Promise<void> {
    const ack = await this.ask({ kind: "export_chat", chat: row.id, format });
    if (!ack.ok) return;
    const file = ack.data as ExportedView;
    download(file);
    this.panel.notice.word(`Downloaded: \`${file.name}\``);
  }
}

/** A plan as the dialog reads it. */
function planned({ id, frees, chats }: PlanView) {
  const models = chats.map((chat) => ({
    id: chat.id, name: chat.title, size: chat.frees, frees: chat.frees,
    why: [plural(chat.messages, "message"), chat.why].filter(Boolean).join(". "),
  }));
  return { id, frees, models, refused: [] };
}

/** Why chats cannot be kept, or what became of a damaged file. */
class Problem {
  readonly element: HTMLElement;
  private readonly words = h("div", { class: "wb-grow" });

  constructor() {
    this.element = h("div", { class: "wb-note wb-pnote wb-warn", role: "status" }, icon("warn"), this.words);
    show(this.element, false);
  }

  update(view: HistoryView): void {
    show(this.element, view.problem !== null);
    setText(this.words, view.problem ? sentences(view.problem) : "");
  }
}

/** What stands where the list would: nothing there yet, nothing found. */
class Empty {
  readonly element: HTMLElement;
  private readonly title = h("b", { class: "wb-b" });
  private readonly words = h("span", { class: "wb-t2" });
  private readonly begin: HTMLElement;

  constructor(begin: () => void) {
    this.begin = textButton("New chat", "wb-sm", begin, "chat");
    this.element = h("div", { class: "wb-pempty" }, this.title, this.words, this.begin);
  }

  update(some: boolean, view: HistoryView, searching: boolean, tag: string | null): void {
    show(this.element, !some);
    if (some) return;
    const within = tag === null ? "" : ` tagged ${tag}`;
    show(this.begin, !searching && view.rows.length === 0);
    if (searching) {
      setText(this.title, `No chat${within} has these words`);
      setText(this.words, "The last word may be a beginning; a phrase stands in quotation marks.");
    } else if (view.rows.length) {
      setText(this.title, `No chat is${within}`);
      setText(this.words, "Choose another tag above.");
    } else {
      setText(this.title, view.keep ? "No chats yet" : "Chats are not kept");
      setText(this.words, view.keep ? "What is said in a chat is kept here, on this machine." : "Switch it on below, and chats from then on are kept here, on this machine.");
    }
  }
}

/** How many are shown, where they are kept, and whether. */
class Foot {
  readonly element: HTMLElement;
  private readonly count = h("span");
  private readonly place = h("span", { class: "wb-t3 wb-cut wb-grow" });
  private readonly words = h("span", {}, "Keep chats");
  private readonly keep: Switch;

  constructor(changed: (keep: boolean) => void) {
    this.keep = new Switch("Keep chats", changed);
    this.element = h("div", { class: "wb-ft wb-hft" }, this.count, this.place, h("label", { class: "wb-fx wb-pgone" }, this.words, this.keep.element));
  }

  restore(): void {
    this.keep.restore();
  }

  update(view: HistoryView, groups: FoundView[] | null, shown: number): void {
    const all = view.rows.length;
    const hits = groups?.reduce((sum, group) => sum + group.hits.length + group.more, 0) ?? 0;
    const counted = shown === all ? plural(all, "chat") : `${shown} of ${plural(all, "chat")} shown`;
    setText(this.count, groups ? `${plural(groups.length, "chat")}, ${plural(hits, "message")} found` : view.more ? `The newest ${all} chats; a search finds all` : counted);
    setText(this.place, `${size(view.size)} in ${view.path}`);
    setAttribute(this.place, "title", view.path);
    this.keep.update(view.keep);
    this.keep.setDisabled(view.keep_decided !== null);
    setAttribute(this.words, "title", view.keep_decided && `${view.keep_decided} of the environment decides.`);
  }
}
