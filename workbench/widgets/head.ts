// The head of a chat: Local/Remote switch, picker, title, new chat, history, options, and a menu of the rest.
import { Choice } from "./choice";
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { icon } from "./icons";
import type { MenuGroups, MenuItem } from "./menu";
import type { ChatView, ExportFormat, Request } from "./protocol";
import type { ChatStore } from "./store";

export interface HeadEvents {
  ask(request: Request): void;
  menu(opener: HTMLElement, label: string, groups: MenuGroups): void;
  /** Opens the options, or closes them; `opener` gets the focus back. */
  options(opener: HTMLElement): void;
  history(): void;
  rename(): void;
  preview(): void;
  download(format: ExportFormat): void;
}

/** What stands around a chat that is one of several panes. */
export interface Beside {
  /** Tells it from another of the same model; stands behind the model's name. */
  number: HTMLElement;
  /** Closes the others and goes on with this one. */
  keep(): void;
  close(): void;
}

const FORMATS: [ExportFormat, string][] = [
  ["markdown", "Export as Markdown"],
  ["notebook", "Export as a notebook"],
  ["python", "Export as Python"],
  ["html", "Export as a web page"],
  ["json", "Export as JSON"],
];

export class Head {
  readonly element: HTMLElement;
  private readonly choice: Choice;
  private readonly title: HTMLButtonElement;
  private readonly badge = h("span", { class: "wb-bdg", title: "Private: not kept" }, icon("lock"), "Private");
  private readonly newChat: HTMLButtonElement;
  private readonly options: HTMLButtonElement;
  private readonly more: HTMLButtonElement;
  /** Only in a pane; it keeps its place. */
  private readonly stop: HTMLButtonElement;
  private readonly end: HTMLElement;
  private view: ChatView | null = null;

  /** `beside` makes it the head of a pane. */
  constructor(store: ChatStore, private readonly events: HeadEvents, signal: AbortSignal, private readonly beside: Beside | null = null) {
    const choosing = {
      choose: (model: string): void => events.ask({ kind: "choose_model", model }),
      refresh: (): void => events.ask({ kind: "list_models" }),
    };
    this.choice = new Choice(store.lastUsed, choosing, signal);
    this.title = h("button", { type: "button", class: "wb-btn wb-gh wb-sm wb-ctitle wb-hide-n" }, h("span", { class: "wb-cut" }));
    this.title.addEventListener("click", () => events.rename());
    this.newChat = iconButton("plus", "New chat", () => events.ask({ kind: "new_chat" }));
    const history = iconButton("history", "History", () => events.history());
    this.options = iconButton("sliders", "Options", () => events.options(this.options));
    this.more = iconButton("more", "More", () => this.openMore());
    setAttribute(this.more, "aria-haspopup", "menu");
    this.end = h("span", { class: "wb-end wb-fx wb-gap1" }, ...(beside ? [] : [this.newChat, history]), this.options, this.more);
    this.stop = iconButton("stop", "Stop this one", () => this.view?.run && events.ask({ kind: "stop", run: this.view.run }));
    if (beside) {
      const keep = textButton("Keep this one", "wb-gh wb-sm wb-pkeep wb-others", () => beside.keep());
      this.end.prepend(keep, this.stop);
      const close = iconButton("x", "Close this chat", () => beside.close());
      close.classList.add("wb-others");
      this.end.append(close);
    }
    const { button, picker } = this.choice;
    this.element = h("div", { class: "wb-hd" }, this.choice.switch, button.element, beside?.number ?? null, this.title, this.badge, this.end, picker.element);
  }

  /** Without a kernel (`live` false) it only tells which model answered. */
  update(view: ChatView, live: boolean): void {
    this.view = view;
    this.choice.update(view, live);
    show(this.newChat, live && view.messages.length > 0);
    show(this.end, live);
    this.stop.style.visibility = view.run === null ? "hidden" : "";
    show(this.badge, view.private);
    show(this.title, view.title !== "" && view.messages.length > 0);
    this.title.disabled = !live;
    setText(this.title.firstElementChild!, view.title);
    setAttribute(this.title, "title", `${view.title}: rename`);
  }

  /** Whether the options are open. */
  setOptionsOpen(open: boolean): void {
    setAttribute(this.options, "aria-expanded", String(open));
    setAttribute(this.options, "aria-pressed", String(open));
  }

  private openMore(): void {
    const { view, events } = this;
    if (!view) return;
    const said = view.messages.length > 0;
    const privacy: MenuItem = view.private || !view.kept
      ? { label: "Keep this chat", detail: "in the history", icon: "disk", press: () => events.ask({ kind: "set_private", private: false }) }
      : { label: "Make it private", detail: "deletes what is kept", icon: "lock", press: () => events.ask({ kind: "set_private", private: true }) };
    const makePrivate: MenuItem = { label: "Make it private", detail: "never kept", icon: "lock", press: () => events.ask({ kind: "set_private", private: true }) };
    const keeping = said || view.private ? privacy : makePrivate;
    const rename: MenuItem = { label: "Rename…", icon: "edit", press: () => events.rename() };
    const preview: MenuItem = { label: "What the model reads", icon: "eye", press: () => events.preview() };
    const exports = FORMATS.map(([format, label]): MenuItem => ({ label, icon: "download", press: () => events.download(format) }));
    events.menu(this.more, "More", [this.besideItems(said), [...(said ? [rename] : []), keeping, preview], said ? exports : []]);
  }

  /** What a pane's menu has first. */
  private besideItems(said: boolean): MenuItem[] {
    const { beside, events } = this;
    if (!beside) return [];
    const anew: MenuItem = { label: "New chat here", icon: "plus", press: () => events.ask({ kind: "new_chat" }) };
    return [{ label: "Keep only this one", icon: "check", press: () => beside.keep() }, ...(said ? [anew] : [])];
  }
}
