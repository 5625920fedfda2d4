// One view of a chat: puts the parts together, and paints what changed at most once a frame.
import { editCell, insertBelow, insertCell, type NewCell } from "./cells";
import { BranchPlan } from "./chat_delete";
import { NameDialog } from "./chat_name";
import { KeptNote, Notice } from "./chat_notice";
import { OptionsPanel } from "./chat_options";
import { OverflowBar } from "./chat_overflow";
import { PreviewDialog } from "./chat_preview";
import { Writing } from "./chat_writing";
import { ConsentBar } from "./consent";
import { copyText, h, setAttribute, setText, show } from "./dom";
import { Empty } from "./empty";
import { Foot, spokenState } from "./foot";
import { Head, type Beside } from "./head";
import { icon } from "./icons";
import { Menu, type MenuGroups } from "./menu";
import { optionsLine } from "./option_words";
import type { Ack, Consent, ExportFormat, MessageView, Model, Request } from "./protocol";
import { hideCopy } from "./saved";
import type { Change, ChatStore } from "./store";
import { Transcript } from "./transcript";

/** Numbers and bars change at most this often, in milliseconds. */
const NUMBERS_MS = 100;
/** Text may take one part in this many of the time; when painting gets slow it is done less often. */
const SHARE = 4;
/** A command that waits this long, in milliseconds, is said to wait. */
const PATIENCE_MS = 1500;
/** Nothing pressed or pasted in the widget is for the notebook around it. */
const KEPT_IN = ["keydown", "keypress", "keyup", "beforeinput", "input", "paste", "copy", "cut", "dragover", "drop"];
/** Commands whose refusal stands beside the field that it is about. */
const TOLD_ELSEWHERE = new Set<Request["kind"]>(["set_options", "set_system", "set_title", "save_preset", "save_prompt"]);

export class ChatWidget {
  readonly element: HTMLElement;
  private readonly menu: Menu;
  private readonly head: Head;
  private readonly empty: Empty;
  private readonly transcript: Transcript;
  private readonly options: OptionsPanel;
  private readonly notice: Notice;
  private readonly kept = new KeptNote();
  private readonly consent: ConsentBar;
  private readonly overflow: OverflowBar;
  private readonly noKernel = h(
    "div",
    { class: "wb-note wb-nokernel", role: "status" },
    icon("plug"),
    h("div", { class: "wb-grow" }, "No kernel. The conversation is shown as it was saved; run the cell to go on."),
  );
  /** None in a pane, where one composer is for all. */
  private readonly writing: Writing | null;
  private readonly foot = new Foot();
  private readonly spoken = h("div", { class: "wb-sr", role: "status", "aria-live": "polite" });
  private readonly plan: BranchPlan;
  private readonly name: NameDialog;
  private readonly preview: PreviewDialog;

  private frame = 0;
  private dirty = { all: true, state: true, messages: new Set<string>() };
  private textNotBefore = 0;
  private numbersDrawn = 0;
  private waitingSince: number | null = null;
  private copyHidden = false;
  /** The message that waited for leave when it was last looked, and how many messages there were then. */
  private waited: { consent: Consent; messages: number } | null = null;

  /** `beside` makes it a pane. */
  constructor(
    private readonly store: ChatStore,
    private readonly signal: AbortSignal,
    private readonly model: Model,
    beside: Beside | null = null,
  ) {
    const ask = (request: Request): Promise<Ack> => this.ask(request);
    const menu = (opener: HTMLElement, label: string, groups: MenuGroups): void => this.menu.open(opener, label, groups);
    const options = (opener: HTMLElement): void => this.options.toggle(opener);
    this.menu = new Menu(signal);
    this.head = new Head(
      store,
      {
        ask, menu, options,
        history: () => this.insert("wb.history()", "see all chats"),
        rename: () => this.rename(),
        preview: () => this.openPreview(""),
        download: (format) => void this.download(format),
      },
      signal,
      beside,
    );
    this.empty = new Empty(beside ? null : (text) => this.send(text));
    this.transcript = new Transcript(
      {
        ask, menu,
        planDelete: (message) => this.planDelete(message),
        fork: (message) => void this.fork(message),
        models: () => store.view?.models ?? [],
        newCell: (cell) => this.newCell(cell),
      },
      signal,
    );
    const main = h("div", { class: "wb-main" }, this.empty.element, this.transcript.element);
    this.options = new OptionsPanel(main, { ask, menu, savePreset: () => this.savePreset() }, (open) => this.optionsToggled(open));
    this.notice = new Notice(
      (model) => void ask({ kind: "choose_model", model, force: true }),
      () => void ask({ kind: "set_private", private: false }),
    );
    this.consent = new ConsentBar({
      allow: (always) => void ask({ kind: "allow", always }),
      keep: () => void ask({ kind: "refuse" }),
    });
    this.overflow = new OverflowBar((choice) => void ask({ kind: "overflow", choice }));
    this.writing = beside
      ? null
      : new Writing(
          {
            ask, menu, options,
            send: (text, interrupt, variables) => this.send(text, interrupt, variables),
            stop: () => this.stop(),
            editLast: () => this.transcript.editLast(),
            preview: (text) => this.openPreview(text),
            savePrompt: (text) => this.savePrompt(text),
            refuse: (error) => this.notice.refusal(error),
          },
          signal,
        );
    this.plan = new BranchPlan((message) => void ask({ kind: "delete", message }), signal);
    this.name = new NameDialog(signal);
    this.preview = new PreviewDialog(() => void ask({ kind: "close_preview" }), signal);
    this.element = h(
      "div",
      { class: "wb wb-chat", role: "region", "aria-label": "Chat", tabindex: -1 },
      this.head.element,
      main,
      this.notice.element,
      this.kept.element,
      this.consent.element,
      this.overflow.element,
      this.noKernel,
      ...(this.writing?.elements ?? []),
      this.spoken,
      ...[this.plan, this.name, this.preview, this.menu].map(({ element }) => element),
      this.foot.element,
    );
    this.writing?.takeFiles(this.element, signal);
    for (const kind of KEPT_IN) this.element.addEventListener(kind, (event) => event.stopPropagation(), { signal });
    store.subscribe((change) => this.changed(change), signal);
    signal.addEventListener("abort", () => cancelAnimationFrame(this.frame));
    this.paint();
  }

  /** Shows the newest end, and goes on with it. */
  follow(): void {
    this.transcript.follow();
  }

  // What a person asks for

  private send(text: string, interrupt = false, variables?: Record<string, string>): void {
    this.follow();
    const request: Request = { kind: "send", text, ...(interrupt ? { interrupt } : {}), ...(variables ? { variables } : {}) };
    void this.ask(request).then((ack) => {
      if (!ack.ok) this.writing?.restore(text);
    });
  }

  private stop(): void {
    const run = this.store.view?.run;
    if (run) void this.ask({ kind: "stop", run });
  }

  private async ask(request: Request): Promise<Ack> {
    if (request.kind === "show" || request.kind === "delete") this.transcript.stay();
    const ack = await this.store.request(request);
    if (!TOLD_ELSEWHERE.has(request.kind) && (request.kind !== "list_models" || !ack.ok)) this.notice.refusal(ack.ok ? null : ack.error);
    this.schedule();
    return ack;
  }

  private rename(): void {
    const words = "An empty name is taken from the first question again.";
    this.name.open("Rename this chat", this.store.view?.title ?? "", words, (title) => this.ask({ kind: "set_title", title }));
  }

  private savePreset(): void {
    const words = optionsLine(this.store.view?.options ?? {});
    this.name.open("Save as a preset", "", words, (name) => this.ask({ kind: "save_preset", name }));
  }

  private savePrompt(text: string): void {
    const words = "What stands in {braces} is asked for, or taken from the notebook, each time.";
    this.name.open("Save as a prompt", "", words, (name) => this.ask({ kind: "save_prompt", name, text }));
  }

  private openPreview(text: string): void {
    this.preview.open();
    void this.ask({ kind: "preview", text: text || (this.writing?.draft ?? "") });
  }

  private planDelete(message: MessageView): void {
    const messages = this.store.view?.messages ?? [];
    this.plan.open(message, messages.slice(messages.findIndex(({ id }) => id === message.id) + 1));
  }

  private async fork(message: MessageView): Promise<void> {
    const ack = await this.ask({ kind: "fork", message: message.id });
    const chat = (ack.data as { chat?: string } | undefined)?.chat;
    if (ack.ok && chat) this.insert(`wb.reopen(${JSON.stringify(chat)})`, "go on in the fork");
  }

  private async download(format: ExportFormat): Promise<void> {
    const ack = await this.ask({ kind: "export", format });
    const file = ack.data as { name: string; text: string; media_type?: string } | undefined;
    if (!ack.ok || !file) return;
    const url = URL.createObjectURL(new Blob([file.text], { type: file.media_type ?? "text/plain" }));
    h("a", { href: url, download: file.name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  private insert(line: string, purpose: string): void {
    const done = insertBelow(this.model, this.element, line);
    this.notice.word(done ? `Run the new cell below to ${purpose}: \`${line}\`` : `In a cell: \`${line}\``);
  }

  /** Where the host takes no cell, the code is copied. */
  private newCell(cell: NewCell): void {
    const at = insertCell(this.model, this.element, cell);
    if (at === null) {
      void copyText(cell.source).then(() => this.notice.word("Copied: here only you can add a cell. Paste the code into a new one."));
    } else if (cell.type === "code") {
      editCell(this.element, at);
    }
  }

  private optionsToggled(open: boolean): void {
    this.head.setOptionsOpen(open);
    this.element.classList.toggle("wb-drawered", open);
  }

  // What is painted

  private changed(change: Change): void {
    if (change.what === "message") this.dirty.messages.add(change.id);
    else this.dirty[change.what] = true;
    this.schedule();
  }

  private schedule(): void {
    if (!this.frame && !this.signal.aborted) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    const { view, live } = this.store;
    const now = performance.now();
    show(this.noKernel, !live);
    this.writing?.setLive(live);
    this.element.classList.toggle("wb-connecting", !view);
    this.element.classList.toggle("wb-gone", !live);
    if (!view) return;
    if (!this.copyHidden) {
      this.copyHidden = true;
      hideCopy(view.chat, this.signal);
    }
    const all = this.dirty.all;
    this.dirty.state ||= this.dirty.messages.size > 0; // its numbers, in their own time
    if (all || now >= this.textNotBefore) this.paintMessages(all, now);
    if (all || this.dirty.state || now - this.numbersDrawn >= NUMBERS_MS) {
      if (all || now - this.numbersDrawn >= NUMBERS_MS) this.paintState(now);
      else this.schedule();
    }
    if (this.dirty.messages.size > 0) this.schedule();
  }

  private paintMessages(all: boolean, now: number): void {
    const view = this.store.view!;
    show(this.empty.element, view.messages.length === 0);
    show(this.transcript.element, view.messages.length > 0);
    if (all) {
      this.transcript.reconcile(view.messages);
    } else {
      for (const id of this.dirty.messages) {
        const message = this.store.message(id);
        if (message) this.transcript.update(message);
      }
    }
    this.dirty.all = false;
    this.dirty.state ||= all;
    this.dirty.messages.clear();
    const took = performance.now() - now;
    this.textNotBefore = took > 4 ? performance.now() + took * (SHARE - 1) : 0;
    this.element.dispatchEvent(new CustomEvent("wb:painted", { bubbles: true }));
  }

  private paintState(now: number): void {
    const { view, live, waiting } = this.store;
    if (!view) return;
    this.dirty.state = false;
    this.numbersDrawn = now;
    if (waiting === 0) this.waitingSince = null;
    else this.waitingSince ??= now;
    const late = this.waitingSince !== null && now - this.waitingSince > PATIENCE_MS;
    if (waiting > 0 && !late) setTimeout(() => this.changed({ what: "state" }), PATIENCE_MS);

    const message = answerAtHand(view.messages, view.run_message, this.store);
    setAttribute(this.element, "aria-label", view.model ? `Chat with ${view.model.name}` : "Chat");
    this.head.update(view, live);
    this.empty.update(view.model);
    this.options.update(view, live);
    this.notice.update(view.notice, view.too_big);
    this.kept.update(view.history_problem);
    this.consent.update(live ? view.consent : null);
    this.overflow.update(live ? view.overflow : null);
    this.element.classList.toggle("wb-deciding", live && view.overflow !== null);
    this.giveBack(view.consent, view.messages.length);
    this.preview.update(view.preview);
    this.writing?.update(view, live);
    this.foot.update(view, message, live, late);
    setText(this.spoken, spokenState(message));
  }

  /** A message that waited for leave and was not sent goes back where it was written. */
  private giveBack(consent: Consent | null, messages: number): void {
    if (this.waited && !consent && messages <= this.waited.messages) this.writing?.restore(this.waited.consent.text);
    if (!consent) this.waited = null;
    else if (this.waited?.consent !== consent) this.waited = { consent, messages };
  }
}

/** The answer whose numbers are shown: the one being written, else the newest. */
function answerAtHand(messages: MessageView[], running: string | null, store: ChatStore): MessageView | null {
  const at = running === null ? undefined : store.message(running);
  return at ?? messages.findLast((message) => message.role === "assistant") ?? null;
}
