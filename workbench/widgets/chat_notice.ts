// The lines above the composer: what a command was refused for or what was done, what the chat has to say, and whether it
// is kept.
import { h, iconButton, prose, show, textButton } from "./dom";
import { icon } from "./icons";
import type { ErrorInfo } from "./protocol";

/** What a chat says of itself when another kernel deleted it: nothing failed, and it can be kept again. */
const DELETED_ELSEWHERE = "ChatNotFoundError";

function sentences(error: ErrorInfo): string {
  return [error.message, error.next_step].filter(Boolean).join(" ");
}

export class Notice {
  readonly element: HTMLElement;
  private readonly words = h("div", { class: "wb-grow" });
  private readonly force: HTMLButtonElement;
  private readonly keep: HTMLButtonElement;
  private sign: SVGElement = icon("alert");
  private mine: { text: string; bad: boolean } | null = null;
  private theirs: ErrorInfo | null = null;
  private closed: ErrorInfo | null = null;
  private tooBig: string | null = null;

  /** `force` loads a model that does not fit; `keep` keeps a chat again that was deleted elsewhere. */
  constructor(force: (model: string) => void, keep: () => void) {
    this.keep = textButton("Keep it again", "wb-sm wb-asks", keep);
    this.force = textButton("Load anyway", "wb-sm wb-asks", () => {
      if (this.tooBig) force(this.tooBig);
    });
    const close = iconButton("x", "Dismiss", () => this.close(), true);
    const attributes = { class: "wb-note wb-notice", role: "alert" };
    this.element = h("div", attributes, this.sign, this.words, h("span", { class: "wb-acts" }, this.force, this.keep, close));
    this.draw();
  }

  /** What this view's own last command was refused for; null takes that away. */
  refusal(error: ErrorInfo | null): void {
    this.mine = error && { text: sentences(error), bad: true };
    this.draw();
  }

  /** A quiet word about what was done; what stands between backticks is code. */
  word(text: string): void {
    this.mine = { text, bad: false };
    this.draw();
  }

  /** What the chat has to say, and the model it could load anyway. */
  update(error: ErrorInfo | null, tooBig: string | null): void {
    this.theirs = error;
    if (!error) this.closed = null; // said again, it is shown again
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
    const isGone = this.mine === null && theirs?.kind === DELETED_ELSEWHERE;
    const said = this.mine ?? (theirs && { text: sentences(theirs), bad: !isGone });
    show(this.element, said !== null);
    show(this.keep, isGone);
    show(this.force, said !== null && this.mine === null && this.tooBig !== null);
    if (!said) return;
    this.element.classList.toggle("wb-err", said.bad);
    const sign = icon(said.bad ? "alert" : "info");
    this.sign.replaceWith(sign);
    this.sign = sign;
    this.words.replaceChildren(...prose(said.text));
  }
}

/** A quiet line while the conversation cannot be written down: why. */
export class KeptNote {
  readonly element: HTMLElement;
  private readonly words = h("div", { class: "wb-grow" });
  private text = "";
  private closed = "";

  constructor() {
    const close = h("span", { class: "wb-acts" }, iconButton("x", "Dismiss", () => this.close(), true));
    this.element = h("div", { class: "wb-note wb-notice", role: "status" }, icon("disk"), this.words, close);
    show(this.element, false);
  }

  update(problem: ErrorInfo | null): void {
    const text = problem ? sentences(problem) : "";
    if (text !== this.text) this.words.replaceChildren(...prose(text));
    this.text = text;
    show(this.element, text !== "" && text !== this.closed);
  }

  private close(): void {
    this.closed = this.text;
    show(this.element, false);
  }
}
