// An answer drawn as its tokens: how likely each was, what else might have stood there, and another answer from there on.
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { plural } from "./format";
import { escapeText } from "./highlight";
import { marked } from "./invisible";
import type { Ack, MessageView, Request, TokenInfo, TokensData } from "./protocol";

/** Least probability of each step, its name in the legend; what is below the last is the least likely. */
const STEPS: [number, string][] = [[0.9, "90 to 100"], [0.5, "50 to 90"], [0.2, "20 to 50"], [0.05, "5 to 20"], [0, "below 5"]];
/** How long the alternatives stay when the pointer has left them, in milliseconds. */
const LEAVE_MS = 250;
const GAP = 4;
const WIDTH = 300;
/** What stands for a token without text of its own: half a character. */
const HALF = "◌";

let numbered = 0;

export class TokenView {
  readonly element = h("div", { class: "wb-tok", role: "group", "aria-label": "Tokens" });
  private readonly list: HTMLElement;
  private readonly pop = h("div", { class: "wb-pop wb-float wb-tokp", role: "group", tabindex: -1 });
  private readonly fact = h("span", { class: "wb-t3" });
  private readonly id = `wb-tokens-${++numbered}`;
  private tokens: TokenInfo[] = [];
  private spans: HTMLElement[] = [];
  private at = -1;
  private timer = 0;
  private message: MessageView;
  private whyNot: string;

  constructor(
    message: MessageView,
    private readonly ask: (request: Request) => Promise<Ack>,
    /** Told when it is to go. */
    private readonly leave: () => void,
  ) {
    this.message = message;
    this.whyNot = message.no_branch;
    this.list = h("div", { class: "wb-tokl", role: "listbox", tabindex: 0, "aria-label": "Tokens of the answer" });
    const close = iconButton("x", "Close the tokens", leave, true);
    this.element.append(h("div", { class: "wb-tokh" }, legend(), h("div", { class: "wb-fx wb-end" }, this.fact, close)), this.list, this.pop);
    this.pop.hidden = true;
    if ("showPopover" in this.pop) this.pop.popover = "manual";
    this.list.addEventListener("pointerover", (event) => this.pointed(event));
    this.list.addEventListener("pointerleave", () => this.fadeSoon());
    this.pop.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.pop.addEventListener("pointerleave", () => this.fadeSoon());
    this.list.addEventListener("click", (event) => this.pointed(event));
    this.list.addEventListener("blur", () => this.fadeSoon());
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.pop.addEventListener("keydown", (event) => this.popKey(event));
    this.pop.addEventListener("focusout", () => this.fadeSoon());
  }

  /** Fetches the tokens and draws them; whether there are any. */
  async open(): Promise<boolean> {
    const ack = await this.ask({ kind: "read_tokens", message: this.message.id });
    const data = ack.data as TokensData | undefined;
    if (!ack.ok || !data?.tokens.length) return false;
    this.tokens = data.tokens;
    this.spans = data.tokens.map((token, i) => tokenElement(token, `${this.id}-${i}`));
    const drawn = data.tokens.flatMap((token, i) => {
      const parted = token.thinking !== (data.tokens[i - 1]?.thinking ?? false);
      return parted ? [label(token.thinking ? "Thinking" : "Answer"), this.spans[i]!] : [this.spans[i]!];
    });
    this.list.replaceChildren(...drawn);
    const perplexity = data.perplexity === null ? "" : `, perplexity ${data.perplexity.toFixed(2)}`;
    setText(this.fact, plural(data.tokens.length, "token") + perplexity);
    return true;
  }

  focus(): void {
    this.list.focus({ preventScroll: true });
  }

  update(message: MessageView): void {
    this.message = message;
    if (message.no_branch === this.whyNot) return;
    this.whyNot = message.no_branch;
    if (!this.pop.hidden) this.showOthers(this.at);
  }

  close(): void {
    clearTimeout(this.timer);
    this.hide();
  }

  // Which token

  private pointed(event: Event): void {
    const span = event.target instanceof Element ? event.target.closest<HTMLElement>(".wb-tk") : null;
    if (!span || this.pop.contains(document.activeElement)) return;
    this.go(this.spans.indexOf(span));
  }

  private go(index: number): void {
    if (index < 0 || index >= this.spans.length) return;
    clearTimeout(this.timer);
    if (index === this.at && !this.pop.hidden) return;
    this.mark(index);
    this.showOthers(index);
  }

  private mark(index: number): void {
    const before = this.spans[this.at];
    if (before) setAttribute(before, "aria-selected", null);
    this.at = index;
    setAttribute(this.spans[index]!, "aria-selected", "true");
    setAttribute(this.list, "aria-activedescendant", this.spans[index]!.id);
  }

  private key(event: KeyboardEvent): void {
    const moves: Record<string, () => number> = {
      ArrowRight: () => this.at + 1,
      ArrowLeft: () => this.at - 1,
      ArrowDown: () => this.onLine(1),
      ArrowUp: () => this.onLine(-1),
      Home: () => 0,
      End: () => this.spans.length - 1,
    };
    const move = moves[event.key];
    if (move) {
      this.go(Math.min(this.spans.length - 1, Math.max(0, move())));
      this.spans[this.at]!.scrollIntoView?.({ block: "nearest" });
    } else if (event.key === "Enter" || event.key === " ") {
      this.go(Math.max(0, this.at));
      this.rows()[0]?.focus({ preventScroll: true });
    } else if (event.key === "Escape") {
      if (this.pop.hidden) this.leave();
      else this.hide();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** The token on the next line, or the one before, that stands nearest below or above. */
  private onLine(way: 1 | -1): number {
    const from = this.spans[this.at];
    if (!from) return 0;
    const [middle, top] = [from.offsetLeft + from.offsetWidth / 2, from.offsetTop];
    let [found, line, best] = [this.at, top, Infinity];
    for (let i = this.at + way; i >= 0 && i < this.spans.length; i += way) {
      const { offsetLeft, offsetTop, offsetWidth } = this.spans[i]!;
      if (offsetTop === top) continue;
      if (line === top) line = offsetTop;
      else if (offsetTop !== line) break;
      const away = Math.abs(offsetLeft + offsetWidth / 2 - middle);
      if (away < best) [found, best] = [i, away];
    }
    return found;
  }

  // What else might have stood there

  private showOthers(index: number): void {
    const token = this.tokens[index]!;
    const focused = this.rows().indexOf(document.activeElement as HTMLButtonElement);
    const rows = token.others.map(([text, p], i) => this.row(index, i, text, p, i === token.chosen));
    const written = token.chosen < 0 ? [h("div", { class: "wb-tokr" }, words(token.text), bar(token.p), h("span", { class: "wb-num" }, percent(token.p)))] : [];
    const says = this.whyNot || (rows.some((row) => !row.disabled) ? "Another token begins another answer from here." : "Nothing else was likely here.");
    this.pop.replaceChildren(
      h("div", { class: "wb-tokn" }, h("span", { class: "wb-b" }, `Token ${index + 1} of ${this.tokens.length}`), h("span", { class: "wb-end" }, percent(token.p))),
      ...written,
      ...rows,
      h("p", { class: "wb-t2 wb-fs-s" }, says),
    );
    setAttribute(this.pop, "aria-label", `Alternatives to token ${index + 1}`);
    this.pop.hidden = false;
    if (this.pop.popover && !this.pop.matches(":popover-open")) this.pop.showPopover();
    this.place(this.spans[index]!);
    if (focused >= 0) this.rows()[focused]?.focus({ preventScroll: true });
  }

  private row(token: number, alternative: number, text: string, p: number, taken: boolean): HTMLButtonElement {
    const unsayable = text === "" ? "Ends the answer, or is no text" : text.includes("\ufffd") ? "Half a character" : "";
    const cannot = taken ? "This one was written" : unsayable || this.whyNot;
    const title = cannot || `Branch here with ${named(text)}`;
    const branch = (): void => {
      this.hide();
      void this.ask({ kind: "branch_at", message: this.message.id, token, alternative });
    };
    const button = textButton("", "wb-gh wb-tokr", branch);
    button.disabled = cannot !== "";
    setAttribute(button, "title", title);
    setAttribute(button, "aria-label", `${title}, ${named(text)}, ${percent(p)}`);
    button.replaceChildren(words(text), bar(p), h("span", { class: "wb-num" }, percent(p)));
    if (taken) button.classList.add("wb-taken");
    return button;
  }

  private rows(): HTMLButtonElement[] {
    return [...this.pop.querySelectorAll<HTMLButtonElement>("button:not([disabled])")];
  }

  private popKey(event: KeyboardEvent): void {
    const rows = this.rows();
    const at = rows.indexOf(document.activeElement as HTMLButtonElement);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 };
    if (event.key in to) rows[(to[event.key]! + rows.length) % rows.length]?.focus({ preventScroll: true });
    else if (event.key === "Escape" || event.key === "Tab") this.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private fadeSoon(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      const held = this.pop.contains(document.activeElement) || this.pop.matches(":hover") || this.list.matches(":focus-visible");
      if (!held) this.hide();
    }, LEAVE_MS);
  }

  private hide(): void {
    if (this.pop.hidden) return;
    const inside = this.pop.contains(document.activeElement);
    if (this.pop.popover) this.pop.hidePopover();
    show(this.pop, false);
    if (inside) this.focus();
  }

  /** Below its token, above it where there is no room. */
  private place(token: HTMLElement): void {
    if (!this.pop.popover) return;
    const at = token.getClientRects()[0] ?? token.getBoundingClientRect();
    const style = this.pop.style;
    style.width = `${Math.min(WIDTH, window.innerWidth - 2 * GAP)}px`;
    style.left = `${Math.max(GAP, Math.min(at.left, window.innerWidth - this.pop.offsetWidth - GAP))}px`;
    const height = this.pop.offsetHeight;
    const below = at.bottom + GAP + height <= window.innerHeight || at.top < height + GAP;
    style.top = below ? `${at.bottom + GAP}px` : `${at.top - GAP - height}px`;
  }
}

/** "32.1 %"; a probability that the engine did not tell is a dash. */
export function percent(p: number | null): string {
  if (p === null) return "–";
  return p < 0.001 ? "<0.1 %" : `${(p * 100).toFixed(p >= 0.9995 ? 0 : 1)} %`;
}

/** Which of the steps a probability is in, from 0, the likeliest; null where it is not known. */
export function stepOf(p: number | null): number | null {
  return p === null ? null : STEPS.findIndex(([least]) => p >= least);
}

function tokenElement(token: TokenInfo, id: string): HTMLElement {
  const step = stepOf(token.p);
  const says = `${named(token.text)}, ${percent(token.p)}`;
  const span = h("span", { class: "wb-tk", role: "option", id, "aria-label": says, "data-step": step ?? "none" });
  span.append(...marks(token.text || HALF));
  return span;
}

/** Text whose spaces and line breaks can be seen; where it may break, it does. */
function marks(text: string): Node[] {
  return text.split(/([ \n\t])/).flatMap((piece): Node[] => {
    if (piece === "") return [];
    if (piece === " ") return [h("wbr"), h("i", {}, "·")];
    if (piece === "\t") return [h("i", {}, "⇥\t")];
    if (piece === "\n") return [h("i", {}, "↵\n")];
    const html = marked(escapeText(piece), "code");
    if (!html.includes("<")) return [document.createTextNode(piece)];
    const found = h("span");
    found.innerHTML = html;
    return [...found.childNodes];
  });
}

function words(text: string): HTMLElement {
  return h("span", { class: "wb-mono wb-cut" }, ...(text ? marks(text.replace(/\n/g, "↵")) : [h("span", { class: "wb-t3" }, "(end, or no text)")]));
}

/** A token's text for a reader who hears it. */
function named(text: string): string {
  if (text === "") return "no text";
  return `“${text.replace(/\n/g, "line break").replace(/^ /, "space ")}”`;
}

function bar(p: number | null): HTMLElement {
  const inside = h("i");
  inside.style.setProperty("--p", String((p ?? 0) * 100));
  return h("span", { class: "wb-bar", "aria-hidden": "true" }, inside);
}

function label(text: string): HTMLElement {
  return h("div", { class: "wb-lbl", role: "presentation" }, text);
}

function legend(): HTMLElement {
  const keys = STEPS.map(([, name], step) => h("span", { class: "wb-tk", "data-step": step }, name));
  return h("div", { class: "wb-tokg wb-fs-s" }, h("span", { class: "wb-t2" }, "How likely, in %"), ...keys);
}
