// The scrolling list of messages: follows the end while the reader is there, and never moves once they scrolled up.
// Only what is near the view is drawn.
import { cellOf } from "./cells";
import { LazyMessage } from "./chat_lazy";
import { CodeBlock } from "./codeblock";
import { confirmCopy, h, setText, show, textButton } from "./dom";
import { plural } from "./format";
import { loadImage } from "./growing";
import { canRegenerate, type Doing } from "./message";
import type { MessageView } from "./protocol";

/** Closer to the end than this counts as being there, in pixels. */
const NEAR = 24;
/** Messages this far from the view, in pixels, are drawn before they come into it. */
const AHEAD = 1200;
/** The newest messages are drawn at once. */
const AT_ONCE = 8;
const CONTROLS = "button, summary, a[href], pre";
/** Browsers that keep the place by themselves, when something above it grows. */
const KEEPS_PLACE = globalThis.CSS?.supports?.("overflow-anchor: auto") ?? false;

export class Transcript {
  readonly element: HTMLElement;
  private readonly scroller = h("div", { class: "wb-scroll", tabindex: -1 });
  private readonly column = h("div", { class: "wb-col", role: "log", "aria-live": "off", "aria-label": "Conversation" });
  private readonly jump: HTMLButtonElement;
  private readonly rows = new Map<string, LazyMessage>();
  private messages: MessageView[] = [];
  private atEnd = true;
  /** Tokens there were when the reader left the end. */
  private tokensSeen = 0;
  private current: HTMLElement | null = null;

  constructor(
    private readonly doing: Doing,
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
    this.column.addEventListener("beforematch", (event) => this.found(event), { signal });
    const resized = new ResizeObserver(() => this.keepEnd());
    resized.observe(this.column);
    signal.addEventListener("abort", () => resized.disconnect());
  }

  /** Draws the whole list; elements of messages that stay are kept. */
  reconcile(messages: MessageView[]): void {
    this.messages = messages;
    const focused = this.takeAwayAllBut(new Set(messages.map((message) => message.id)));
    let at = this.column.firstElementChild;
    messages.forEach((message, i) => {
      const row = this.rowOf(message);
      if (row.element === at) at = at.nextElementSibling;
      else this.column.insertBefore(row.element, at);
      row.update(message, this.isLast(message));
      if (i >= messages.length - AT_ONCE) this.drawRow(row);
    });
    if (!this.current?.isConnected) this.setCurrent(this.column.lastElementChild);
    if (focused !== null) this.focus(this.column.children[Math.min(focused, messages.length - 1)]);
    if (this.tokensSeen === Infinity) this.tokensSeen = this.tokens();
    this.keepEnd();
  }

  /** Draws one message that changed. */
  update(message: MessageView): void {
    this.rows.get(message.id)?.update(message, this.isLast(message));
    this.keepEnd();
  }

  /** Goes to the end and stays there. */
  follow(): void {
    this.atEnd = true;
    this.keepEnd();
  }

  /** Opens what the person said last to be written anew; whether there is anything. */
  editLast(): boolean {
    const message = this.messages.findLast(({ role }) => role === "user");
    if (!message) return false;
    this.drawRow(this.rows.get(message.id)!).edit();
    return true;
  }

  /** Stays here: another version of a message comes in its place, not a longer end. */
  stay(): void {
    this.atEnd = false;
    this.tokensSeen = Infinity;
  }

  private rowOf(message: MessageView): LazyMessage {
    let row = this.rows.get(message.id);
    if (!row) {
      row = new LazyMessage(message, this.doing);
      this.rows.set(message.id, row);
    }
    return row;
  }

  private drawRow(row: LazyMessage): ReturnType<LazyMessage["draw"]> {
    const before = row.element;
    const drawn = row.draw();
    if (this.current === before) this.current = drawn.element;
    return drawn;
  }

  /** Removes the messages that are gone; the place of the one that had the focus, null when none had it. */
  private takeAwayAllBut(ids: Set<string>): number | null {
    let focused: number | null = null;
    for (const [id, { element }] of this.rows) {
      if (ids.has(id)) continue;
      if (element.contains(document.activeElement)) focused = [...this.column.children].indexOf(element);
      element.remove();
      this.rows.delete(id);
    }
    return focused;
  }

  /** Draws the messages that came near the view. */
  private drawNear(): void {
    const { scrollTop, clientHeight } = this.scroller;
    const children = this.column.children as HTMLCollectionOf<HTMLElement>;
    const bare: LazyMessage[] = [];
    for (let i = this.firstBelow(scrollTop - AHEAD); i < children.length; i++) {
      const element = children[i]!;
      if (element.offsetTop > scrollTop + clientHeight + AHEAD) break;
      const row = this.rows.get(element.dataset.message!);
      if (row && !row.isDrawn) bare.push(row);
    }
    if (bare.length === 0) return;
    const inSight = this.atEnd || KEEPS_PLACE ? undefined : this.firstBelow(scrollTop);
    const before = inSight === undefined ? 0 : (children[inSight]?.offsetTop ?? 0);
    for (const row of bare) this.drawRow(row);
    if (inSight !== undefined) this.scroller.scrollTop += (children[inSight]?.offsetTop ?? 0) - before;
  }

  /** Place of the first message that ends below that height. */
  private firstBelow(height: number): number {
    const children = this.column.children as HTMLCollectionOf<HTMLElement>;
    let [low, high] = [0, children.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (children[middle]!.offsetTop + children[middle]!.offsetHeight < height) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The browser's search found words of a message that is not drawn. */
  private found(event: Event): void {
    const article = event.target instanceof Element ? event.target.closest("article") : null;
    const row = this.rows.get(article?.dataset.message ?? "");
    if (row) this.drawRow(row);
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
    this.drawNear();
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

  /** Focuses a message, drawn. */
  private focus(article: Element | null | undefined): void {
    const row = article instanceof HTMLElement ? this.rows.get(article.dataset.message ?? "") : undefined;
    if (row) this.drawRow(row).element.focus();
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
    const row = message && this.rows.get(message.id);
    const moves: Record<string, Element | null> = {
      ArrowUp: article.previousElementSibling,
      ArrowDown: article.nextElementSibling,
      Home: this.column.firstElementChild,
      End: this.column.lastElementChild,
    };
    const versions: Record<string, string | null | undefined> = {
      ArrowLeft: message?.place.previous,
      ArrowRight: message?.place.next,
    };
    const letter = event.key.toLowerCase();
    if (event.key in moves) {
      this.focus(moves[event.key]);
    } else if (event.key in versions) {
      const other = versions[event.key];
      if (other) void this.doing.ask({ kind: "show", message: other });
    } else if (letter === "c" && row) {
      void this.drawRow(row).copy();
    } else if (letter === "e" && row) {
      this.drawRow(row).edit();
    } else if (letter === "r" && message && canRegenerate(message)) {
      void this.doing.ask({ kind: "regenerate", message: message.id });
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Controls that Markdown brings along. */
  private pressed(event: MouseEvent): void {
    const control = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-act]") : null;
    const element = control?.closest(".wb-code");
    const block = element ? CodeBlock.of(element) : undefined;
    if (control?.dataset.act === "new-cell" && block) {
      confirmCopy(control, "tocell");
      this.doing.newCell(cellOf(block.text, block.language));
    } else if (control?.dataset.act === "load-image") {
      const box = control.closest<HTMLElement>(".wb-img");
      if (box) loadImage(box);
    }
  }
}
