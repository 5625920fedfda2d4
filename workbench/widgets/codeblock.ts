// One block of code with its head (language, Copy). It may grow; its colours follow as time allows.
import { h } from "./dom";
import { highlight } from "./highlight";
import { icon } from "./icons";

/** Colouring a growing block may take one part in this many of the time. */
const SHARE = 8;

const blocks = new WeakMap<Node, CodeBlock>();

export class CodeBlock {
  readonly element: HTMLElement;
  private readonly pre: HTMLElement;
  private code = "";
  private coloured = 0;
  private notBefore = 0;

  constructor(readonly language: string) {
    const copy = h(
      "button",
      { type: "button", class: "wb-btn wb-gh wb-sm", "data-act": "copy-code", "aria-label": "Copy code", tabindex: -1 },
      icon("copy", true),
      h("span", {}, "Copy"),
    );
    this.pre = h("pre", { tabindex: -1 });
    this.element = h("div", { class: "wb-code" }, h("header", {}, h("span", {}, language || "text"), copy), this.pre);
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
    if (final || now >= this.notBefore) {
      this.colour(code);
      const took = performance.now() - now;
      this.notBefore = performance.now() + took * (SHARE - 1);
    } else if (code.startsWith(this.code)) {
      this.pre.append(code.slice(this.code.length));
    } else {
      this.pre.textContent = code;
    }
    this.code = code;
  }

  private colour(code: string): void {
    const html = highlight(code, this.language);
    if (html !== null) this.pre.innerHTML = html;
    else if (code.startsWith(this.code) && this.pre.textContent === this.code) this.pre.append(code.slice(this.code.length));
    else this.pre.textContent = code;
    this.coloured = code.length;
  }
}
