// The scrolling list of messages: follows the end while the reader is there, and never moves once they scrolled up.
import { confirmCopy, copyText, h, setText, show, textButton } from "./dom";
import { plural } from "./format";
import { CodeBlock } from "./codeblock";
import { loadImage } from "./growing";
import { canRetry, createMessage, type MessageElement } from "./message";
import type { MessageView, Request } from "./protocol";

/** Closer to the end than this counts as being there, in pixels. */
const NEAR = 24;
const CONTROLS = "button, summary, a[href], pre";

export class Transcript {
  readonly element: HTMLElement;
  private readonly scroller = h("div", { class: "wb-scroll", tabindex: -1 });
  private readonly column = h("div", { class: "wb-col", role: "log", "aria-live": "off", "aria-label": "Conversation" });
  private readonly jump: HTMLButtonElement;
  private readonly drawn = new Map<string, MessageElement>();
  private messages: MessageView[] = [];
  private atEnd = true;
  /** Tokens there were when the reader left the end. */
  private tokensSeen = 0;
  private current: HTMLElement | null = null;

  constructor(
    private readonly ask: (request: Request) => void,
    signal: AbortSignal,
  ) {
    this.jump = textButton("", "wb-sm wb-jump", () => this.follow(), "down");
    this.jump.hidden = true;
    this.scroller.append(this.column);
    this.element = h("div", { class: "wb-transcript" }, this.scroller, this.jump);
    this.scroller.addEventListener("scroll", () => this.scrolled(), { signal, passive: true });
    this.column.addEventListener("keydown", (event) => this.key(event), { signal });
    this.column.addEventListener("focusin", (event) => this.focused(event), { signal });
    this.column.addEventListener("click", (event) => this.pressed(event), { signal });
    const resized = new ResizeObserver(() => this.keepEnd());
    resized.observe(this.column);
    signal.addEventListener("abort", () => resized.disconnect());
  }

  /** Draws the whole list; elements of messages that stay are kept. */
  reconcile(messages: MessageView[]): void {
    this.messages = messages;
    const ids = new Set(messages.map((message) => message.id));
    for (const [id, { element }] of this.drawn) {
      if (ids.has(id)) continue;
      element.remove();
      this.drawn.delete(id);
    }
    messages.forEach((message, i) => {
      const element = this.elementOf(message).element;
      if (this.column.children[i] !== element) this.column.insertBefore(element, this.column.children[i] ?? null);
      this.draw(message);
    });
    if (!this.current?.isConnected) this.setCurrent(this.column.lastElementChild);
    this.keepEnd();
  }

  /** Draws one message that changed. */
  update(message: MessageView): void {
    this.draw(message);
    this.keepEnd();
  }

  /** Goes to the end and stays there. */
  follow(): void {
    this.atEnd = true;
    this.keepEnd();
  }

  private elementOf(message: MessageView): MessageElement {
    let drawn = this.drawn.get(message.id);
    if (!drawn) {
      drawn = createMessage(message, this.ask);
      drawn.element.dataset.message = message.id;
      this.drawn.set(message.id, drawn);
    }
    return drawn;
  }

  private draw(message: MessageView): void {
    this.drawn.get(message.id)?.update(message, this.isLast(message));
  }

  private isLast(message: MessageView): boolean {
    return this.messages[this.messages.length - 1] === message;
  }

  private keepEnd(): void {
    if (this.atEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
    const below = this.tokens() - this.tokensSeen;
    show(this.jump, !this.atEnd && below > 0);
    if (!this.atEnd && below > 0) setText(this.jump.lastElementChild!, `Newest, ${plural(below, "token")} below`);
  }

  private scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.atEnd && !atEnd) this.tokensSeen = this.tokens();
    this.atEnd = atEnd;
    if (atEnd) show(this.jump, false);
  }

  private tokens(): number {
    return this.messages.reduce((sum, message) => sum + message.tokens, 0);
  }

  /** One message is in the tab order, and its controls with it; arrows move between messages. */
  private setCurrent(next: Element | null): void {
    if (!(next instanceof HTMLElement) || next === this.current) return;
    if (this.current) {
      this.current.tabIndex = -1;
      for (const control of this.current.querySelectorAll<HTMLElement>(CONTROLS)) control.tabIndex = -1;
    }
    this.current = next;
    next.tabIndex = 0;
  }

  private focused(event: FocusEvent): void {
    const article = event.target instanceof Element ? event.target.closest("article") : null;
    this.setCurrent(article);
    for (const control of article?.querySelectorAll<HTMLElement>(CONTROLS) ?? []) control.tabIndex = 0;
  }

  private key(event: KeyboardEvent): void {
    if (!(event.target instanceof HTMLElement) || event.target.tagName !== "ARTICLE") return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const article = event.target;
    const message = this.messages.find(({ id }) => id === article.dataset.message);
    const moves: Record<string, Element | null> = {
      ArrowUp: article.previousElementSibling,
      ArrowDown: article.nextElementSibling,
      Home: this.column.firstElementChild,
      End: this.column.lastElementChild,
    };
    if (event.key in moves) {
      const next = moves[event.key];
      if (next instanceof HTMLElement) next.focus();
    } else if (event.key.toLowerCase() === "c" && message) {
      const button = article.querySelector<HTMLElement>(":scope > .wb-acts .wb-ib");
      void copyText(message.text).then(() => button && confirmCopy(button));
    } else if (event.key.toLowerCase() === "r" && message && canRetry(message, this.isLast(message))) {
      this.ask({ kind: "retry", message: message.id });
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Controls that Markdown brings along. */
  private pressed(event: MouseEvent): void {
    const control = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-act]") : null;
    if (control?.dataset.act === "copy-code") {
      const block = control.closest(".wb-code");
      const text = block ? CodeBlock.of(block)?.text : undefined;
      if (text !== undefined) void copyText(text.replace(/\n$/, "")).then(() => confirmCopy(control));
    } else if (control?.dataset.act === "load-image") {
      const box = control.closest<HTMLElement>(".wb-img");
      if (box) loadImage(box);
    }
  }
}
