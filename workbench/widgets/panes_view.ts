// One view of chats side by side: a chat's own view for each, and one composer below all. Where there is room for one
// only, the strip of names says which.
import { insertBelow } from "./cells";
import { Attachments } from "./chat_attach";
import { Composer } from "./composer";
import { h, setAttribute, setText, show, textButton } from "./dom";
import { stateWord } from "./foot";
import { Menu } from "./menu";
import { Panel } from "./panel";
import type { PanesRequest, PanesStore } from "./panes_protocol";
import { dot, Picker } from "./picker";
import type { Ack, ChatView, Model, Request } from "./protocol";
import { ChatWidget } from "./view";

const ALL = ["", "", "both", "all three", "all four"];
let numbered = 0;

/** A pane as it is drawn: the chat, its tab, and what ends both. */
interface Pane {
  chat: ChatWidget;
  /** Which of several of the same model it is. */
  number: HTMLElement;
  tab: HTMLButtonElement;
  life: AbortController;
}

export class PanesPanel {
  readonly element: HTMLElement;
  private readonly panel: Panel;
  private readonly tabs = h("div", { class: "wb-seg", role: "tablist", "aria-label": "Chats" });
  private readonly grid = h("div", { class: "wb-pgrid" });
  private readonly add = textButton("Add a model", "wb-gh wb-sm wb-padd", () => undefined, "plus");
  private readonly picker: Picker;
  private readonly composer: Composer;
  /** They stand beside the composer; the first chat holds them for all. */
  private readonly attachments: Attachments;
  private readonly panes = new Map<string, Pane>();
  private shown: string | null = null;
  private wasBusy = false;

  constructor(
    private readonly store: PanesStore,
    private readonly signal: AbortSignal,
    private readonly model: Model,
  ) {
    const menu = new Menu(signal);
    this.picker = new Picker(
      this.add,
      { choose: (model) => void this.ask({ kind: "add_pane", model }), refresh: () => void this.askFirst({ kind: "list_models" }) },
      signal,
    );
    this.composer = new Composer(
      {
        menu: (opener, label, groups) => menu.open(opener, label, groups),
        send: (text, interrupt) => void this.send(text, interrupt),
        stop: () => void this.ask({ kind: "stop_all" }),
        editLast: () => false,
      },
      this.add,
      signal,
    );
    this.attachments = new Attachments({
      ask: (request) => this.askFirst(request),
      menu: (opener, label, groups) => menu.open(opener, label, groups),
      refuse: (error) => this.panel.notice.refusal(error),
      focus: () => this.composer.focus(),
    });
    this.attachments.listen(this.composer.element, this.composer.element, signal);
    this.composer.element.firstElementChild!.prepend(this.attachments.tray);
    this.add.before(this.attachments.button);
    const strip = h("div", { class: "wb-ptabs" }, this.tabs);
    const parts = [strip, this.grid, this.composer.element, this.picker.element, menu.element];
    this.panel = new Panel("Chats side by side", "wb-panes", parts, () => this.paint(), signal);
    this.element = this.panel.element;
    this.element.classList.add("wb-connecting");
    this.tabs.addEventListener("keydown", (event) => this.key(event), { signal });
    signal.addEventListener("abort", () => this.panes.forEach(({ life }) => life.abort()));
    store.subscribe(() => this.panel.schedule(), signal);
    this.panel.schedule();
  }

  // What a person asks for

  private async ask(request: PanesRequest): Promise<Ack> {
    const ack = await this.store.request(request);
    if (!this.signal.aborted) this.panel.notice.refusal(ack.ok ? null : ack.error);
    return ack;
  }

  private async send(text: string, interrupt: boolean): Promise<void> {
    for (const { chat } of this.panes.values()) chat.follow();
    const ack = await this.ask({ kind: "send_all", text, ...(interrupt ? { interrupt } : {}) });
    if (!ack.ok) this.composer.restore(text);
  }

  private async keep(pane: string): Promise<void> {
    const ack = await this.ask({ kind: "keep_pane", pane });
    const chat = (ack.data as { chat?: string } | undefined)?.chat;
    if (!ack.ok || !chat) return;
    const line = `wb.reopen(${JSON.stringify(chat)})`;
    const done = insertBelow(this.model, this.element, line);
    this.panel.notice.word(done ? `Go on here, or run the new cell below to show it by itself: \`${line}\`` : `Go on here, or in a cell: \`${line}\``);
  }

  /** What is one for all is asked through the first chat: the models to choose from, what goes with the next message. */
  private async askFirst(request: Request): Promise<Ack> {
    const ack = await this.store.pane(this.store.view!.rows[0]!.id).request(request);
    if (!this.signal.aborted) this.panel.notice.refusal(ack.ok ? null : ack.error);
    return ack;
  }

  private show(pane: string): void {
    this.shown = pane;
    this.paint();
  }

  private key(event: KeyboardEvent): void {
    const ids = [...this.panes.keys()];
    const at = ids.indexOf(this.shown ?? "");
    const to: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: ids.length - 1 };
    if (!(event.key in to)) return;
    event.preventDefault();
    const id = ids[(to[event.key]! + ids.length) % ids.length]!;
    this.show(id);
    this.panes.get(id)?.tab.focus();
  }

  // What is painted

  private paint(): void {
    const { view, live } = this.store;
    this.panel.setLive(live);
    show(this.composer.element, live);
    if (!view) return;
    this.element.classList.remove("wb-connecting");
    this.panel.setSession(view.panes);
    const ids = view.rows.map(({ id }) => id);
    for (const [id, pane] of this.panes) if (!ids.includes(id)) this.takeAway(id, pane);
    for (const id of ids) if (!this.panes.has(id)) this.put(id);
    if (!this.shown || !this.panes.has(this.shown)) this.shown = ids[0] ?? null;
    this.element.dataset.count = String(ids.length);
    const chats = this.store.views();
    for (const [id, pane] of this.panes) this.paintTab(id, pane, view.names[id] ?? "");
    const busy = chats.some((chat) => chat.run !== null);
    const all = ALL[ids.length] ?? "";
    this.composer.update({
      running: busy,
      usable: live,
      placeholder: busy ? "Write the next message; it waits its turn" : `Message ${all || (chats[0]?.model?.name ?? "")}`.trim(),
      first: chats.every((chat) => chat.messages.length === 0),
      options: "",
      stop: all ? `Stop ${ids.length > 2 ? "all" : all}` : "Stop",
    });
    show(this.add, ids.length < view.most);
    if (chats[0]) {
      this.picker.update({ ...chats[0], model: null });
      this.attachments.update(chats[0].attachments);
    }
    if (this.wasBusy && !busy) this.panel.say(ids.length > 1 ? `${all} have ended` : "");
    this.wasBusy = busy;
  }

  private paintTab(id: string, pane: Pane, name: string): void {
    const on = id === this.shown;
    const chat = this.store.pane(id).view;
    pane.chat.element.classList.toggle("wb-on", on);
    setAttribute(pane.tab, "aria-selected", String(on));
    setAttribute(pane.tab, "tabindex", on ? 0 : -1);
    if (!chat) return;
    const number = numberOf(name, chat);
    setText(pane.number, number);
    show(pane.number, number !== "");
    const state = chat.run === null ? "" : stateWord(chat, chat.messages.findLast(({ role }) => role === "assistant") ?? null);
    const stamp = `${name} ${state} ${chat.model?.status}`;
    if (pane.tab.dataset.drawn === stamp) return;
    pane.tab.dataset.drawn = stamp;
    const words = h("span", { class: "wb-cut" }, [chat.model?.name ?? name, number].filter(Boolean).join(" "));
    pane.tab.replaceChildren(...(chat.model ? [dot(chat.model)] : []), words);
    setAttribute(pane.tab, "title", [name, state].filter(Boolean).join(": "));
    pane.tab.classList.toggle("wb-pbusy", state !== "");
  }

  private put(id: string): void {
    const life = new AbortController();
    const number = h("span", { class: "wb-bdg wb-pnum" });
    const beside = { number, keep: () => void this.keep(id), close: () => void this.ask({ kind: "remove_pane", pane: id }) };
    const store = this.store.pane(id);
    const chat = new ChatWidget(store, life.signal, this.model, beside);
    chat.element.classList.add("wb-pane");
    chat.element.id = `wb-pane-${++numbered}`;
    const tab = h("button", { type: "button", role: "tab", "aria-controls": chat.element.id });
    tab.addEventListener("click", () => this.show(id), { signal: life.signal });
    this.panes.set(id, { chat, number, tab, life });
    this.grid.append(chat.element);
    this.tabs.append(tab);
  }

  private takeAway(id: string, { chat, tab, life }: Pane): void {
    const inside = chat.element.contains(document.activeElement);
    life.abort();
    chat.element.remove();
    tab.remove();
    this.panes.delete(id);
    if (inside) this.composer.focus();
  }
}

/** What a pane's name has beside the model's; empty where the model is there once. */
function numberOf(name: string, chat: ChatView): string {
  const model = chat.model?.id ?? "";
  return name.startsWith(model) ? name.slice(model.length).trim() : "";
}
