// Two cells word by word, side by side or in one. Struck out is only in the first, underlined only in the second.
import type { DiffView } from "./compare_protocol";
import { h, iconButton, setAttribute, setText } from "./dom";

type Piece = DiffView["pieces"][number];

export class DiffPanel {
  readonly element: HTMLElement;
  private readonly title = h("b", { class: "wb-b" });
  private readonly words = h("span", { class: "wb-t2 wb-cut" });
  private readonly body = h("div");
  private readonly ways: HTMLButtonElement[];
  private beside = true;
  private shown: { first: string; second: string; diff: DiffView } | null = null;

  constructor(close: () => void) {
    const way = (words: string, beside: boolean): HTMLButtonElement => {
      const button = h("button", { type: "button" }, words);
      button.addEventListener("click", () => this.turn(beside));
      return button;
    };
    this.ways = [way("Side by side", true), way("In one", false)];
    const acts = h("span", { class: "wb-end wb-fx wb-gap1" }, h("div", { class: "wb-seg" }, ...this.ways), iconButton("x", "Close", close));
    const head = h("div", { class: "wb-ph" }, this.title, this.words, acts);
    this.element = h("div", { class: "wb-cbelow", role: "region", "aria-label": "Difference" }, h("div", { class: "wb-csee" }, head, this.body));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      close();
    });
  }

  show(title: string, first: string, second: string, diff: DiffView): void {
    setText(this.title, title);
    setText(this.words, sharedWords(diff.shared));
    this.shown = { first, second, diff };
    this.turn(this.beside);
  }

  private turn(beside: boolean): void {
    this.beside = beside;
    this.ways.forEach((button, i) => setAttribute(button, "aria-pressed", String((i === 0) === beside)));
    if (!this.shown) return;
    const { first, second, diff } = this.shown;
    const part = (title: string, pieces: Piece[]): HTMLElement =>
      h("div", { class: "wb-df", dir: "auto" }, h("div", { class: "wb-fs-s wb-t2 wb-b" }, title), h("div", { class: "wb-dtext" }, ...pieces.map(drawn)));
    const both = h("div", { class: "wb-duo" }, part(first, diff.pieces.filter(([op]) => op !== "+")), part(second, diff.pieces.filter(([op]) => op !== "-")));
    this.body.replaceChildren(beside ? both : part(`${first}, then ${second}`, diff.pieces));
  }
}

function drawn([op, text]: Piece): Node {
  if (op === "=") return document.createTextNode(text);
  return h(op === "-" ? "del" : "ins", {}, text);
}

/** How much two texts share, in words. */
export function sharedWords(shared: number): string {
  if (shared >= 1) return "the same words";
  const parts: [number, string][] = [
    [0.95, "nearly all words are shared"], [0.7, "three quarters of the words are shared"], [0.6, "two thirds of the words are shared"],
    [0.4, "half of the words are shared"], [0.29, "a third of the words are shared"], [0.18, "a quarter of the words are shared"],
    [0.05, "few words are shared"],
  ];
  return parts.find(([least]) => shared >= least)?.[1] ?? "hardly a word is shared";
}
