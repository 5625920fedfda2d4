// Markdown that grows: blocks that are finished are never touched again, the last one is changed where it differs.
import { CodeBlock } from "./codeblock";
import { h } from "./dom";
import { escapeText } from "./highlight";
import { icon } from "./icons";
import { marked } from "./invisible";
import { finishedLength, formattedLength, normalise, render, type Scope, TOO_LARGE } from "./markdown";

/** A last block longer than this many characters may take one part in this many of the time. */
const LONG_BLOCK = 5000;
const SHARE = 5;
/** Plain text stands in pieces of about so many characters, so that only the last one is laid out again. */
const PIECE = 10_000;

export class GrowingMarkdown {
  readonly element = h("div", { class: "wb-md" });
  private readonly caret = h("span", { class: "wb-caret", "aria-hidden": "true" });
  private readonly plain = new PlainText();
  private text = "";
  private waiting: { text: string; timer: number } | null = null;
  private notBefore = 0;
  /** Characters of the text, and children of the element, that are finished. */
  private finished = { characters: 0, nodes: 0 };
  /** Characters that are formatted, once what is formatted has ended; -1 before. */
  private formatted = -1;
  private scope: Scope = {};
  private ended = false;

  /** Shows `text`; `writing` draws the caret behind it. A text that is not a continuation starts over. */
  update(source: string, writing: boolean): void {
    const text = normalise(source);
    if (text === (this.waiting?.text ?? this.text) && this.ended === !writing && (text || this.ended)) return;
    if (writing && text.startsWith(this.text) && performance.now() < this.notBefore) return this.wait(text);
    this.wait(null);
    this.caret.remove();
    if (!text.startsWith(this.text) || this.ended) this.reset();
    this.text = text;
    const formatted = this.formatted < 0 ? formattedLength(text) : this.formatted;
    if (writing && formatted === text.length) this.grow();
    else this.end(formatted);
    if (writing) deepestLast(this.element).append(this.caret);
    this.ended = !writing;
  }

  /** Keeps a text for the moment when it may be drawn; null drops it. */
  private wait(text: string | null): void {
    if (text !== null && this.waiting) {
      this.waiting.text = text;
      return;
    }
    clearTimeout(this.waiting?.timer);
    this.waiting = null;
    if (text === null) return;
    const draw = (): void => {
      const latest = this.waiting?.text;
      this.waiting = null;
      this.notBefore = 0;
      if (latest !== undefined) this.update(latest, true);
    };
    this.waiting = { text, timer: window.setTimeout(draw, this.notBefore - performance.now()) };
  }

  private reset(): void {
    this.element.replaceChildren();
    this.finished = { characters: 0, nodes: 0 };
    this.formatted = -1;
    this.plain.clear();
    this.scope = {};
  }

  private grow(): void {
    const began = performance.now();
    const tail = this.text.slice(this.finished.characters);
    const length = finishedLength(tail);
    const fresh: Node[] = [];
    if (length > 0) fresh.push(...render(tail.slice(0, length), this.scope).childNodes);
    const done = fresh.length;
    // The last block is rendered with a copy of the definitions: half a definition must not be remembered.
    fresh.push(...render(tail.slice(length), { ...this.scope, references: { ...this.scope.references } }).childNodes);
    morph(this.element, this.finished.nodes, fresh, done);
    this.finished.characters += length;
    this.finished.nodes += done;
    const took = performance.now() - began;
    this.notBefore = tail.length - length > LONG_BLOCK ? began + took * SHARE : 0;
  }

  /** Draws the end of what is formatted, and behind it what is too much to be. */
  private end(formatted: number): void {
    if (this.formatted !== formatted) {
      const text = this.text.slice(0, formatted);
      const tail = render(text.slice(this.finished.characters), this.scope);
      morph(this.element, this.finished.nodes, [...tail.childNodes], Infinity);
      // A definition may come after the link that uses it: then, and only then, look at everything once more.
      if (Object.keys(this.scope.references ?? {}).length > 0) {
        morph(this.element, 0, [...render(text).childNodes], Infinity);
      }
      this.formatted = formatted;
    }
    if (formatted === this.text.length) return;
    this.plain.update(this.text.slice(formatted));
    this.element.append(this.plain.element);
  }
}

/** A document at once, in the form that a growing one ends in. */
export function wholeMarkdown(text: string): HTMLElement {
  const growing = new GrowingMarkdown();
  growing.update(text, false);
  return growing.element;
}

/** Text that is not formatted, with the word that it is so; it may grow. */
class PlainText {
  readonly element = h("div", { class: "wb-plain" });
  private drawn = 0;
  private last = "";

  clear(): void {
    this.element.replaceChildren(h("p", { class: "wb-t3" }, TOO_LARGE));
    this.drawn = 0;
    this.last = "";
  }

  /** Shows `text`, which continues what was shown. */
  update(text: string): void {
    if (!this.element.firstChild) this.clear();
    for (let fresh = text.slice(this.drawn); fresh; ) {
      if (this.last.length === 0 || this.last.length >= PIECE) {
        this.element.append(h("p", { dir: "auto" }));
        this.last = "";
      }
      const room = PIECE - this.last.length;
      const piece = fresh.slice(0, /[\ud800-\udbff]/.test(fresh[room - 1] ?? "") ? room + 1 : room); // no half characters
      this.last += piece;
      this.element.lastElementChild!.innerHTML = marked(escapeText(this.last), "prose");
      this.drawn += piece.length;
      fresh = fresh.slice(piece.length);
    }
  }
}

/** Makes the children of `parent` from index `start` equal to `fresh`; the first `done` of those are final. */
function morph(parent: Node, start: number, fresh: Node[], done: number): void {
  fresh.forEach((node, i) => {
    const old = parent.childNodes[start + i];
    if (old) morphNode(old, node, i < done);
    else parent.appendChild(built(node, i < done));
  });
  while (parent.childNodes.length > start + fresh.length) parent.lastChild!.remove();
}

function morphNode(old: ChildNode, fresh: Node, final: boolean): void {
  const block = CodeBlock.of(old);
  if (block && isCode(fresh) && block.language === languageOf(fresh)) {
    block.update(fresh.textContent ?? "", final);
  } else if (old instanceof Text && fresh instanceof Text) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else if (isImage(old) && isImage(fresh) && old.dataset.src === fresh.dataset.src) {
    return;
  } else if (isPlain(old) && isPlain(fresh) && old.tagName === fresh.tagName) {
    if (old.isEqualNode(fresh)) return;
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    morph(old, 0, [...fresh.childNodes], final ? Infinity : fresh.childNodes.length - 1);
  } else {
    old.replaceWith(built(fresh, final));
  }
}

/** An element whose children can be compared one by one with those of another. */
function isPlain(node: Node): node is HTMLElement {
  return node instanceof HTMLElement && !CodeBlock.of(node) && !isCode(node) && !isImage(node);
}

/** A rendered node with code blocks and image buttons put in. */
function built(node: Node, final: boolean): Node {
  if (isCode(node)) return codeBlock(node, final);
  if (isImage(node)) return imageBox(node);
  if (node instanceof Element) {
    for (const pre of node.querySelectorAll("pre")) pre.replaceWith(codeBlock(pre, final));
    for (const image of node.querySelectorAll<HTMLElement>("span.wb-img")) imageBox(image);
  }
  return node;
}

function isCode(node: Node): node is HTMLElement {
  return node instanceof HTMLElement && node.tagName === "PRE";
}

function isImage(node: Node): node is HTMLElement {
  return node instanceof HTMLElement && node.tagName === "SPAN" && node.classList.contains("wb-img");
}

function languageOf(pre: HTMLElement): string {
  return /language-(\S+)/.exec(pre.firstElementChild?.className ?? "")?.[1]?.toLowerCase() ?? "";
}

function codeBlock(pre: HTMLElement, final: boolean): HTMLElement {
  const block = new CodeBlock(languageOf(pre));
  block.update(pre.textContent ?? "", final);
  return block.element;
}

/** A remote image: its words, and a button that names who would be asked for it. */
function imageBox(box: HTMLElement): HTMLElement {
  const host = new URL(box.dataset.src!).host;
  const words = box.textContent ?? "";
  const button = h(
    "button",
    { type: "button", class: "wb-btn wb-sm", "data-act": "load-image", tabindex: -1 },
    icon("image", true),
    h("span", {}, `Load image from ${host}`),
  );
  box.replaceChildren(h("span", { class: "wb-t2" }, words), " ", button);
  return box;
}

/** Called when the reader has asked for an image. */
export function loadImage(box: HTMLElement): void {
  const words = box.querySelector("span")?.textContent ?? "";
  box.replaceChildren(h("img", { src: box.dataset.src!, alt: words, referrerpolicy: "no-referrer" }));
}

/** Where the caret stands: inside the last block, in its last list item or code. */
function deepestLast(root: HTMLElement): Element {
  let at: Element = root;
  for (;;) {
    const last: Element | null = at.lastElementChild;
    if (!last || !/^(?:P|LI|UL|OL|PRE|BLOCKQUOTE|H[1-6]|DIV)$/.test(last.tagName)) return at;
    if (at.lastChild !== last && at.lastChild?.textContent?.trim()) return at;
    at = last;
  }
}
