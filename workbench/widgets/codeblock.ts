// One block of code with its head (language, New cell, Copy). It may grow; its colours follow as time allows.
import { confirmCopy, copyText, h, setText, show } from "./dom";
import { plural } from "./format";
import { escapeText, highlight } from "./highlight";
import { icon, type IconName } from "./icons";
import { marked, unseenIn } from "./invisible";

/** Colouring a growing block may take one part in this many of the time. */
const SHARE = 8;
/** A language's name is cut here. */
const LONGEST_NAME = 30;

const blocks = new WeakMap<Node, CodeBlock>();

export class CodeBlock {
  readonly element: HTMLElement;
  private readonly pre: HTMLElement;
  private readonly unseen = h("span", { class: "wb-unseen wb-warn", title: "Copy takes them along." });
  private code = "";
  private coloured = 0;
  private notBefore = 0;

  constructor(readonly language: string) {
    const button = (act: string, label: string, sign: IconName, word: string): HTMLButtonElement => {
      const attributes = { type: "button", class: "wb-btn wb-gh wb-sm", "data-act": act, "aria-label": label, title: label, tabindex: -1 };
      return h("button", attributes, icon(sign, true), h("span", {}, word));
    };
    const cell = button("new-cell", "New cell below", "tocell", "New cell");
    const copy = button("copy-code", "Copy code", "copy", "Copy");
    copy.addEventListener("click", () => void copyText(this.code.replace(/\n$/, "")).then(() => confirmCopy(copy)));
    const name = h("span", { class: "wb-cut", dir: "ltr" });
    name.innerHTML = marked(escapeText(language.slice(0, LONGEST_NAME) || "text"), "code");
    this.unseen.hidden = true;
    this.pre = h("pre", { tabindex: -1 });
    this.element = h("div", { class: "wb-code", dir: "ltr" }, h("header", {}, name, this.unseen, cell, copy), this.pre);
    blocks.set(this.element, this);
  }

  /** The block that an element is, if it is one. */
  static of(node: Node): CodeBlock | undefined {
    return blocks.get(node);
  }

  get text(): string {
    return this.code;
  }

  /** Shows `code`; while it grows, colouring is put off when it has become slow. */
  update(code: string, final: boolean): void {
    const done = final && this.coloured === code.length;
    if (code === this.code && (done || !final)) return;
    const now = performance.now();
    const more = code.startsWith(this.code) ? code.slice(this.code.length) : null;
    if (final || now >= this.notBefore) {
      this.colour(code);
      const took = performance.now() - now;
      this.notBefore = performance.now() + took * (SHARE - 1);
    } else if (more !== null) {
      this.pre.insertAdjacentHTML("beforeend", marked(escapeText(more), "code"));
    } else {
      this.pre.innerHTML = marked(escapeText(code), "code");
    }
    this.code = code;
  }

  private colour(code: string): void {
    const html = highlight(code, this.language) ?? escapeText(code);
    const unseen = unseenIn(code);
    show(this.unseen, unseen > 0);
    if (unseen > 0) setText(this.unseen, plural(unseen, "invisible character"));
    this.pre.innerHTML = marked(html, "code");
    this.coloured = code.length;
  }
}
