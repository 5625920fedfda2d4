// One view of a chat: puts the parts together, and paints what changed at most once a frame.
import { Composer } from "./composer";
import { ConsentBar } from "./consent";
import { h, iconButton, prose, setAttribute, setText, show, textButton } from "./dom";
import { Empty } from "./empty";
import { Foot, spokenState } from "./foot";
import { Head } from "./head";
import { icon } from "./icons";
import type { Ack, Consent, ErrorInfo, MessageView, Request } from "./protocol";
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

export class ChatWidget {
  readonly element: HTMLElement;
  private readonly head: Head;
  private readonly empty: Empty;
  private readonly transcript: Transcript;
  private readonly notice: Notice;
  private readonly consent: ConsentBar;
  private readonly noKernel = h(
    "div",
    { class: "wb-note wb-nokernel", role: "status" },
    icon("plug"),
    h("div", { class: "wb-grow" }, "No kernel. The conversation is shown as it was saved; run the cell to go on."),
  );
  private readonly composer: Composer;
  private readonly foot = new Foot();
  private readonly spoken = h("div", { class: "wb-sr", role: "status", "aria-live": "polite" });

  private frame = 0;
  private dirty = { all: true, state: true, messages: new Set<string>() };
  private textNotBefore = 0;
  private numbersDrawn = 0;
  private waitingSince: number | null = null;
  private copyHidden = false;
  /** The message that waited for leave when it was last looked, and how many messages there were then. */
  private waited: { consent: Consent; messages: number } | null = null;

  constructor(
    private readonly store: ChatStore,
    private readonly signal: AbortSignal,
  ) {
    const ask = (request: Request): void => void this.ask(request);
    this.head = new Head(store, ask, signal);
    this.empty = new Empty((text) => this.send(text));
    this.transcript = new Transcript(ask, signal);
    this.notice = new Notice((model) => ask({ kind: "choose_model", model, force: true }));
    this.consent = new ConsentBar({
      allow: (always) => ask({ kind: "allow", always }),
      keep: () => ask({ kind: "refuse" }),
    });
    this.composer = new Composer({ send: (text) => this.send(text), stop: () => this.stop() }, signal);
    this.element = h(
      "div",
      { class: "wb wb-chat", role: "region", "aria-label": "Chat", tabindex: -1 },
      this.head.element,
      this.empty.element,
      this.transcript.element,
      this.notice.element,
      this.consent.element,
      this.noKernel,
      this.composer.element,
      this.spoken,
      this.foot.element,
    );
    for (const kind of KEPT_IN) this.element.addEventListener(kind, (event) => event.stopPropagation(), { signal });
    store.subscribe((change) => this.changed(change), signal);
    signal.addEventListener("abort", () => cancelAnimationFrame(this.frame));
    this.paint();
  }

  private send(text: string): void {
    this.transcript.follow();
    void this.ask({ kind: "send", text }).then((ack) => {
      if (!ack.ok) this.composer.restore(text);
    });
  }

  private stop(): void {
    const run = this.store.view?.run;
    if (run) void this.ask({ kind: "stop", run });
  }

  private async ask(request: Request): Promise<Ack> {
    const ack = await this.store.request(request);
    if (request.kind !== "list_models" || !ack.ok) this.notice.own(ack.ok ? null : ack.error);
    this.schedule();
    return ack;
  }

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
    show(this.composer.element, live);
    this.element.classList.toggle("wb-connecting", !view);
    this.element.classList.toggle("wb-gone", !live);
    if (!view) return;
    if (!this.copyHidden) {
      this.copyHidden = true;
      hideCopy(view.chat, this.signal);
    }
    const all = this.dirty.all;
    if (all || now >= this.textNotBefore) this.paintMessages(all, now);
    if (all || this.dirty.state || this.dirty.messages.size > 0 || now - this.numbersDrawn >= NUMBERS_MS) {
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
    const running = view.run !== null;
    setAttribute(this.element, "aria-label", view.model ? `Chat with ${view.model.name}` : "Chat");
    this.head.update(view, live);
    this.empty.update(view.model);
    this.notice.update(view.notice, view.too_big);
    this.consent.update(live ? view.consent : null);
    this.giveBack(view.consent, view.messages.length);
    this.composer.update({
      running,
      usable: live,
      placeholder: running ? "Write the next message; it waits its turn" : `Message ${view.model?.name ?? ""}`.trim(),
      first: view.messages.length === 0,
    });
    this.foot.update(view, message, live, late);
    setText(this.spoken, spokenState(message));
  }

  /** A message that waited for leave and was not sent goes back where it was written. */
  private giveBack(consent: Consent | null, messages: number): void {
    if (this.waited && !consent && messages <= this.waited.messages) this.composer.restore(this.waited.consent.text);
    if (!consent) this.waited = null;
    else if (this.waited?.consent !== consent) this.waited = { consent, messages };
  }
}

/** The answer whose numbers are shown: the one being written, else the newest. */
function answerAtHand(messages: MessageView[], running: string | null, store: ChatStore): MessageView | null {
  const at = running === null ? undefined : store.message(running);
  return at ?? messages.findLast((message) => message.role === "assistant") ?? null;
}

/** A line above the composer: what a command was refused for, or what the chat has to say. */
class Notice {
  readonly element: HTMLElement;
  private readonly words = h("div", { class: "wb-grow" });
  private readonly force: HTMLButtonElement;
  private mine: ErrorInfo | null = null;
  private theirs: ErrorInfo | null = null;
  private closed: ErrorInfo | null = null;
  private tooBig: string | null = null;

  constructor(force: (model: string) => void) {
    this.force = textButton("Load anyway", "wb-sm wb-asks", () => {
      if (this.tooBig) force(this.tooBig);
    });
    const close = iconButton("x", "Dismiss", () => this.close(), true);
    const attributes = { class: "wb-note wb-err wb-notice", role: "alert" };
    this.element = h("div", attributes, icon("alert"), this.words, h("span", { class: "wb-acts" }, this.force, close));
    this.draw();
  }

  /** What this view's own last command was refused for. */
  own(error: ErrorInfo | null): void {
    this.mine = error;
    this.draw();
  }

  /** What the chat has to say, and the model it could load anyway. */
  update(error: ErrorInfo | null, tooBig: string | null): void {
    this.theirs = error;
    this.tooBig = tooBig;
    this.draw();
  }

  private close(): void {
    this.closed = this.theirs;
    this.mine = null;
    this.draw();
  }

  private draw(): void {
    const theirs = this.theirs?.message === this.closed?.message ? null : this.theirs;
    const error = this.mine ?? theirs;
    show(this.element, error !== null);
    show(this.force, error !== null && error === theirs && this.tooBig !== null);
    if (error) this.words.replaceChildren(...prose([error.message, error.next_step].filter(Boolean).join(" ")));
  }
}
