// Markdown that grows: blocks that are finished are never touched again, the last one is changed where it differs.
import { CodeBlock } from "./codeblock";
import { h } from "./dom";
import { icon } from "./icons";
import { finishedLength, normalise, render, type Scope } from "./markdown";

export class GrowingMarkdown {
  readonly element = h("div", { class: "wb-md" });
  private readonly caret = h("span", { class: "wb-caret", "aria-hidden": "true" });
  private text = "";
  /** Characters of the text, and children of the element, that are finished. */
  private finished = { characters: 0, nodes: 0 };
  private scope: Scope = {};
  private ended = false;

  /** Shows `text`; `writing` draws the caret behind it. A text that is not a continuation starts over. */
  update(source: string, writing: boolean): void {
    const text = normalise(source);
    if (text === this.text && this.ended === !writing && (text || this.ended)) return;
    this.caret.remove();
    if (!text.startsWith(this.text) || this.ended) this.reset();
    this.text = text;
    if (writing) this.grow();
    else this.end();
    this.ended = !writing;
  }

  private reset(): void {
    this.element.replaceChildren();
    this.finished = { characters: 0, nodes: 0 };
    this.scope = {};
  }

  private grow(): void {
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
    deepestLast(this.element).append(this.caret);
  }

  private end(): void {
    const from = this.finished;
    const tail = render(this.text.slice(from.characters), this.scope);
    morph(this.element, from.nodes, [...tail.childNodes], Infinity);
    // A definition may come after the link that uses it: then, and only then, look at everything once more.
    if (Object.keys(this.scope.references ?? {}).length > 0) {
      const whole = render(this.text);
      morph(this.element, 0, [...whole.childNodes], Infinity);
    }
  }
}

/** A document at once, in the form that a growing one ends in. */
export function wholeMarkdown(text: string): HTMLElement {
  const element = h("div", { class: "wb-md" });
  morph(element, 0, [...render(normalise(text)).childNodes], Infinity);
  return element;
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
