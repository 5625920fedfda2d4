// One view of the model browser: puts the parts together and turns keys and clicks into commands. The query and the
// result belong to the kernel; the scroll, the focus and the words being typed belong to the view.
import { RowCache } from "./browser_cache";
import { Card } from "./browser_card";
import { filterName, Filters, type Choice } from "./browser_filters";
import { Menu, SortButton, type MenuItem } from "./browser_menu";
import { PlanDialog } from "./browser_plan";
import type { BrowserRequest, BrowserStore, BrowserView, Query, RowsData, RowState } from "./browser_protocol";
import { isHere, isRunning, ModelRow, type RowAct, type RowFacts } from "./browser_rows";
import { chatLine, insertBelow } from "./cells";
import { copyText, h, prose, setText, show, textButton } from "./dom";
import { count, plural, size, tokensShort } from "./format";
import { icon } from "./icons";
import { Panel } from "./panel";
import type { Ack, Model } from "./protocol";
import { VirtualList } from "./virtual";

const ROW_HEIGHT = 56;

export class BrowserPanel {
  readonly element: HTMLElement;
  private readonly panel: Panel;
  private readonly box = h("input", {
    role: "searchbox", "aria-label": "Search models", placeholder: "Name, author, or an address of the hub", spellcheck: "false", autocomplete: "off",
  });
  private readonly sort: SortButton;
  private readonly filters: Filters;
  private readonly offline: HTMLElement;
  private readonly offlineWords = h("div", { class: "wb-grow" });
  private readonly sum = new Summary();
  private readonly memoryHead = h("span", { class: "wb-hn2", role: "columnheader" });
  private readonly list: VirtualList;
  private readonly empty = h("div", { class: "wb-none" });
  private readonly cache: RowCache;
  private readonly card: Card;
  private readonly plan: PlanDialog;
  private readonly menu: Menu;
  private menuRow = "";

  private query: Query = {};
  private searching = false;
  private again = false;

  constructor(
    private readonly store: BrowserStore,
    private readonly model: Model,
    private readonly signal: AbortSignal,
  ) {
    const search = (fields: Record<string, unknown>): void => this.change(fields);
    this.sort = new SortButton((sort) => search({ sort }), signal);
    this.filters = new Filters({ change: search, choices: (field) => this.choices(field) }, signal);
    this.cache = new RowCache((first, n) => this.read(first, n), () => this.list.draw());
    const seen = (first: number, last: number): void => void (this.searching || this.cache.want(first, last));
    this.list = new VirtualList(ROW_HEIGHT, () => new ModelRow((i) => this.facts(i)), "Models", this.heads(), seen, signal);
    this.card = new Card({
      context: (tokens) => this.openModel(this.store.view?.card?.download ?? "", tokens),
      quantization: (name) => this.openModel(`${this.store.view?.card?.model ?? ""}:${name}`),
    });
    this.plan = new PlanDialog(() => void this.ask({ kind: "drop_plan" }), (plan) => void this.ask({ kind: "execute_plan", plan }), signal);
    const anchor = h("button", { type: "button" });
    this.menu = new Menu(anchor, () => this.menuItems(), signal);
    this.offline = h("div", { class: "wb-note wb-warn wb-off", role: "status" }, icon("offline"), this.offlineWords,
      h("span", { class: "wb-acts" }, textButton("Try again", "wb-gh wb-sm", () => this.search())));
    const field = h("div", { class: "wb-field wb-grow" }, icon("search"), this.box, h("span", { class: "wb-kbd", "aria-hidden": "true" }, "/"));
    const tools = h("div", { class: "wb-tools" }, h("div", { class: "wb-fx wb-find" }, field, this.sort.element), this.filters.element);
    const parts = [tools, this.offline, this.sum.element, this.list.element, this.empty, this.menu.element, this.plan.element];
    this.panel = new Panel("Model browser", "wb-browser", parts, () => this.paint(), signal);
    this.element = this.panel.element;
    this.listen();
    store.subscribe(() => this.panel.schedule(), signal);
    this.paint();
  }

  private heads(): HTMLElement {
    const head = (words: string, style = ""): HTMLElement => h("span", { class: style, role: "columnheader" }, words);
    return h("div", { class: "wb-g wb-gh2", role: "row" }, h("span", { class: "wb-hn2", role: "presentation" }), head("Model"),
      head("Size", "wb-num wb-hn"), this.memoryHead, head("Speed here", "wb-num wb-hn"), head("Downloads", "wb-num wb-hn"),
      h("span", { role: "columnheader", "aria-label": "What can be done" }));
  }

  private listen(): void {
    const { signal } = this;
    this.box.addEventListener("input", () => this.change({ text: this.box.value }), { signal });
    this.box.addEventListener("keydown", (event) => this.boxKey(event), { signal });
    this.element.addEventListener("keydown", (event) => this.anyKey(event), { signal });
    this.list.element.addEventListener("keydown", (event) => this.listKey(event), { signal });
    this.list.element.addEventListener("click", (event) => this.clicked(event), { signal });
    this.list.element.addEventListener("focusin", (event) => {
      const index = this.list.indexOf(event.target);
      if (index !== null) this.list.setCurrent(index);
    }, { signal });
    this.list.element.addEventListener("scroll", () => this.menu.popover.close(false), { signal, passive: true });
    this.sum.refresh.addEventListener("click", () => void this.ask({ kind: "refresh_catalogue" }), { signal });
    this.sum.stop.addEventListener("click", () => void this.ask({ kind: "stop_refresh" }), { signal });
    this.sum.more.addEventListener("click", () => this.search(), { signal });
  }

  // Asking

  private async ask(request: BrowserRequest): Promise<Ack> {
    const ack = await this.store.request(request);
    if (request.kind !== "rows" && request.kind !== "count_choices") this.panel.notice.refusal(ack.ok ? null : ack.error);
    return ack;
  }

  /** Changes the query: null takes a field away. */
  private change(fields: Record<string, unknown>): void {
    const next: Query = { ...this.query, ...fields };
    if ("text" in fields) for (const field of ["exact", "revision"]) delete next[field]; // of an address that was pasted
    for (const [field, value] of Object.entries(next)) {
      if (value === null || value === false && field === "fits" || value === "") delete next[field];
    }
    this.query = next;
    this.drawQuery();
    this.search();
  }

  /** Searches as the query now stands; while an answer is awaited only the newest query waits. */
  private search(): void {
    if (this.searching) {
      this.again = true;
      return;
    }
    this.searching = true;
    void this.ask({ kind: "search_models", query: this.query }).then((ack) => {
      this.searching = false;
      if (this.again) {
        this.again = false;
        this.search();
        return;
      }
      const data = ack.data as RowsData | undefined;
      if (ack.ok && data) {
        this.cache.reset(data.result, data.total, data.rows);
        this.list.toStart();
      }
      this.paint();
    });
  }

  private async read(first: number, n: number): Promise<RowsData | null> {
    const ack = await this.ask({ kind: "rows", first, count: n });
    return ack.ok ? (ack.data as RowsData) : null;
  }

  private async choices(field: string): Promise<Choice[]> {
    const ack = await this.ask({ kind: "count_choices", field });
    return ack.ok ? (ack.data as Choice[]) : [];
  }

  private openModel(model: string, context: number | null = null): void {
    void this.ask({ kind: "open_model", model, context });
  }

  private chat(id: string): void {
    void this.ask({ kind: "chat_with", model: id }).then((ack) => {
      if (!ack.ok) return;
      const line = chatLine((ack.data as { model: string }).model);
      if (insertBelow(this.model, this.element, line)) this.panel.notice.word(`The cell below opens a chat with it: run \`${line}\`.`);
      else this.panel.notice.word(`It is the current model now. \`${line}\` opens a chat with it.`);
    });
  }

  // Drawing

  private paint(): void {
    const { view, live } = this.store;
    this.panel.setLive(live);
    this.element.classList.toggle("wb-connecting", !view);
    if (!view) return;
    this.panel.setSession(view.id);
    if (!this.searching) {
      this.query = { ...view.query };
      if (this.cache.result !== view.result) this.cache.reset(view.result, view.total);
      this.cache.total = view.total;
    }
    this.drawQuery();
    show(this.offline, view.offline !== null);
    if (view.offline) this.offlineWords.replaceChildren(...prose(offlineWords(view)));
    this.sum.update(view);
    setText(this.memoryHead, `Memory at ${tokensShort(view.context)} context`);
    const none = this.cache.total === 0 && !this.searching;
    show(this.list.element, !none);
    show(this.empty, none);
    if (none) this.drawEmpty(view);
    this.drawCard(view);
    this.list.setLength(this.cache.total);
    this.plan.update(view.plan);
    this.panel.notice.session(view.notice);
    if (!this.searching) this.panel.say(`${plural(view.total, "model")}${view.asking ? ", asking the hub" : ""}`);
  }

  private drawQuery(): void {
    const text = this.query.text ?? "";
    if (document.activeElement !== this.box && this.box.value !== text) this.box.value = text;
    this.sort.update(String(this.query.sort ?? "quality"));
    this.filters.update(this.query, this.query.context ?? this.store.view?.context ?? 8192);
  }

  private drawCard(view: BrowserView): void {
    const { card } = view;
    if (card) {
      this.card.update(card);
      this.list.setBelow({ index: this.cache.placeOf(card.model) ?? -1, element: this.card.element });
    } else {
      this.list.setBelow(null);
    }
  }

  private drawEmpty(view: BrowserView): void {
    const asked = Object.keys(view.query).some((field) => field !== "sort" && field !== "context");
    if (view.asking) {
      this.empty.replaceChildren(h("b", { class: "wb-b" }, "Asking the hub…"));
    } else if (!asked && view.index.models === 0) {
      const fetch = textButton("Fetch the hub's list", "wb-sm", () => void this.ask({ kind: "refresh_catalogue" }), "download");
      const words = "No model was seen yet. Search, or fetch the list once to search as you type, also offline.";
      this.empty.replaceChildren(h("b", { class: "wb-b" }, "An empty index"), h("span", { class: "wb-t2" }, words), h("div", { class: "wb-fx wb-offers" }, fetch));
    } else {
      const ways = view.loosen.filter((way) => way.count > 0).slice(0, 3);
      const said = ways.map((way, i) => [i ? ", without " : "Without ", h("b", { class: "wb-b" }, wayName(way, view.query)), i ? ` ${count(way.count)}` : ` there are ${count(way.count)}`]);
      const offers = ways.map((way, i) => textButton(way.word ? `Drop “${way.word}”` : `Drop ${wayName(way, view.query)}`, i ? "wb-gh wb-sm" : "wb-sm", () => this.loosen(way)));
      const words = ways.length ? [...said.flat(), "."] : ["Try fewer words, or the name of an author."];
      this.empty.replaceChildren(h("b", { class: "wb-b" }, "No model passes all of this"), h("span", { class: "wb-t2" }, ...words), h("div", { class: "wb-fx wb-offers" }, ...offers));
    }
  }

  private loosen(way: { field: string; word: string | null }): void {
    if (way.word === null) return this.change({ [way.field]: null });
    const words = String(this.query.text ?? "").split(/\s+/).filter((word) => word !== way.word);
    this.box.value = words.join(" ");
    this.change({ text: this.box.value });
  }

  private facts(index: number): RowFacts {
    const { view, live } = this.store;
    const row = this.cache.get(index);
    const state = row ? (view?.states[row.id] ?? row.state) : null;
    return { row, state, open: row !== null && view?.card?.model === row.id, offline: !live || view?.offline != null, token: view?.token ?? false };
  }

  // Keys and clicks

  private boxKey(event: KeyboardEvent): void {
    if (event.key === "ArrowDown" && this.cache.total > 0) {
      event.preventDefault();
      this.list.focusRow(this.list.current);
    } else if (event.key === "Escape" && this.box.value) {
      event.preventDefault();
      this.box.value = "";
      this.change({ text: null });
    }
  }

  private anyKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const typing = target.matches("input:not([type=checkbox], [type=radio], [type=range]), select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.box.focus();
      this.box.select();
    }
  }

  private listKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const index = this.list.indexOf(target);
    if (index === null) {
      if (event.key === "Escape") this.closeCard(event);
      return;
    }
    const { row, state } = this.facts(index);
    const onRow = target === this.list.rowAt(index);
    const moves: Record<string, number> = {
      ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: this.list.length - 1,
      PageDown: index + this.list.page, PageUp: index - this.list.page,
    };
    if (event.key in moves) {
      if (event.key === "ArrowUp" && index === 0) this.box.focus();
      else this.list.focusRow(moves[event.key]!);
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      this.sideways(index, event.key === "ArrowRight" ? 1 : -1);
    } else if (event.key === "Escape") {
      if (onRow) return this.closeCard(event);
      this.list.focusRow(index);
    } else if (!onRow || !row || !state) {
      return;
    } else if (event.key === "Enter") {
      this.toggle(row.id);
    } else if (event.key === " ") {
      if (isRunning(state)) this.act(state.status === "paused" ? "resume" : "pause", row.id, state);
    } else if (event.key.toLowerCase() === "d") {
      if (!isHere(state) && !isRunning(state)) this.act(state.status === "failed" ? "resume" : "download", row.id, state);
    } else if (event.key.toLowerCase() === "c") {
      if (isHere(state)) this.chat(row.id);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (isHere(state)) void this.ask({ kind: "plan_delete", models: [row.id] });
    } else {
      return;
    }
    event.preventDefault();
  }

  /** From the row to its buttons and back. */
  private sideways(index: number, step: number): void {
    const row = this.list.rowAt(index);
    if (!row) return;
    const stops = [row, ...[...row.querySelectorAll<HTMLButtonElement>("button")].filter((b) => !b.hidden && !b.disabled)];
    const at = stops.indexOf(document.activeElement as HTMLElement);
    stops[Math.max(0, Math.min(stops.length - 1, at + step))]?.focus({ preventScroll: true });
  }

  private closeCard(event: KeyboardEvent): void {
    const card = this.store.view?.card;
    if (!card) return;
    event.preventDefault();
    this.openModel("");
    this.list.focusRow(this.cache.placeOf(card.model) ?? this.list.current);
  }

  private clicked(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const index = this.list.indexOf(target);
    const control = target?.closest<HTMLElement>("[data-act]");
    if (index === null || !target) return;
    const { row, state } = this.facts(index);
    if (!row || !state) return;
    if (control) this.act(control.dataset.act as RowAct, row.id, state, control);
    else if (!target.closest("a, button") && !window.getSelection()?.toString()) this.toggle(row.id);
  }

  private toggle(id: string): void {
    this.openModel(this.store.view?.card?.model === id ? "" : id);
  }

  private act(act: RowAct, id: string, state: RowState, control?: HTMLElement): void {
    const { view } = this.store;
    const download = state.download;
    if (act === "download") {
      const chosen = view?.card?.model === id ? view.card.download : id;
      void this.ask({ kind: "start_download", models: [chosen] });
    } else if (act === "chat") {
      this.chat(id);
    } else if (act === "access") {
      this.openOnHub(id);
    } else if (act === "more" && control) {
      this.menuRow = id;
      this.menu.popover.openAt(control);
    } else if (download !== null && act === "pause") {
      void this.ask({ kind: "pause_download", download });
    } else if (download !== null && act === "resume") {
      void this.ask({ kind: "resume_download", download });
    } else if (download !== null && act === "cancel") {
      void this.ask({ kind: "cancel_download", download });
    }
  }

  private menuItems(): MenuItem[] {
    const id = this.menuRow;
    const index = this.cache.placeOf(id);
    const { row, state } = index === null ? { row: null, state: null } : this.facts(index);
    const items: MenuItem[] = [
      { label: "Copy the id", icon: "copy", do: () => void copyText(id) },
      { label: "Open on the hub", icon: "external", do: () => this.openOnHub(id) },
    ];
    if (!row || !state) return items;
    if (isHere(state)) {
      items.unshift({ label: "Chat with it", icon: "chat", do: () => this.chat(id) });
      if (state.update) items.push({ label: "Download the update", icon: "update", do: () => this.act("download", id, state) });
      items.push({ label: "Delete…", icon: "trash", danger: true, do: () => void this.ask({ kind: "plan_delete", models: [id] }) });
    } else if (row.gated) {
      items.unshift({ label: "Download", icon: "download", do: () => this.act("download", id, state) });
    }
    return items;
  }

  private openOnHub(id: string): void {
    const url = `${this.store.view?.hub ?? "https://huggingface.co"}/${id.split(/[@:]/)[0]!}`;
    window.open(url, "_blank", "noopener,noreferrer");
  }
}

/** The line above the list: how many, from where, on which machine. */
class Summary {
  readonly element: HTMLElement;
  readonly more = h("button", { type: "button", class: "wb-link" });
  readonly refresh = h("button", { type: "button", class: "wb-ib wb-sm", "aria-label": "Fetch the hub's list", title: "Fetch the hub's list" }, icon("retry", true));
  readonly stop = h("button", { type: "button", class: "wb-link" }, "Stop");
  private readonly total = h("b", { class: "wb-b" });
  private readonly word = h("span");
  private readonly source = h("span", { class: "wb-t3 wb-cut" });
  private readonly machine = h("span", { class: "wb-end wb-t3 wb-cut" });

  constructor() {
    const number = h("span", {}, this.total, " ", this.word);
    this.element = h("div", { class: "wb-sum" }, number, this.more, this.source, this.stop, this.refresh, this.machine);
  }

  update(view: BrowserView): void {
    setText(this.total, count(view.total));
    setText(this.word, view.total === 1 ? "model" : "models");
    show(this.more, view.more > 0);
    setText(this.more, `${count(view.more)} more from the hub`);
    show(this.stop, view.refresh !== null);
    show(this.refresh, view.refresh === null && view.offline === null);
    setText(this.source, sourceWords(view));
    const { chip, memory, usable } = view.machine;
    const words = `${chip}, ${size(memory)}, ${size(usable)} usable by models`;
    if (this.machine.title === words) return;
    this.machine.title = words;
    this.machine.replaceChildren(h("span", { class: "wb-this" }, "This machine: "), words);
  }
}

/** "just now", "12 minutes ago", "3 hours ago", "yesterday", "5 days ago". */
export function since(at: number, now = Date.now() / 1000): string {
  const minutes = Math.floor((now - at) / 60);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${plural(minutes, "minute")} ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${plural(hours, "hour")} ago`;
  return hours < 48 ? "yesterday" : `${Math.floor(hours / 24)} days ago`;
}

function sourceWords(view: BrowserView): string {
  if (view.refresh) {
    const { done, total } = view.refresh;
    return total === null ? `fetching the hub's list, ${count(done)} so far` : `fetching the hub's list, ${count(done)} of ${count(total)}`;
  }
  if (view.asking) return "asking the hub…";
  const { models, as_of: at } = view.index;
  return at === null ? `of ${plural(models, "model")} seen` : `of ${plural(models, "model")}, read from the hub ${since(at)}`;
}

function offlineWords(view: BrowserView): string {
  const { models, as_of: at } = view.index;
  const seen = at === null ? "" : ` seen up to ${since(at)}`;
  return `No network. Searching the ${plural(models, "model")}${seen}; what is on this disk works as ever.`;
}

function wayName(way: { field: string; word: string | null }, query: Query): string {
  return way.word ?? filterName(way.field, query);
}
