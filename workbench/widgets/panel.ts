// The frame of a panel: keeps keys from the notebook, says what went wrong and what changed, paints ten times a second
// at most. It knows no session.
import { hideCopy } from "./copies";
import { h, iconButton, prose, setText, show } from "./dom";
import { icon } from "./icons";
import type { ErrorInfo } from "./protocol";

/** Numbers and bars change at most this often, in milliseconds. */
const PAINT_MS = 100;
/** Nothing pressed or pasted in the widget is for the notebook around it. */
const KEPT_IN = ["keydown", "keypress", "keyup", "beforeinput", "input", "paste", "copy", "cut", "dragover", "drop"];

export class Panel {
  readonly element: HTMLElement;
  /** What went wrong, or was done: a line in its place. */
  readonly notice = new NoticeLine();
  private readonly noKernel: HTMLElement;
  private readonly spoken = h("div", { class: "wb-sr", role: "status", "aria-live": "polite" });
  private timer = 0;
  private painted = 0;
  private copyHidden = false;

  /** `parts` stand in the frame in that order; `paint` draws them again. */
  constructor(
    label: string,
    style: string,
    parts: HTMLElement[],
    private readonly paint: () => void,
    private readonly signal: AbortSignal,
  ) {
    const words = h("div", { class: "wb-grow" }, "No kernel. This is how it was; run the cell to go on.");
    this.noKernel = h("div", { class: "wb-note wb-pnote", role: "status" }, icon("plug"), words);
    this.element = h(
      "div",
      { class: `wb wb-panel ${style}`, role: "region", "aria-label": label, tabindex: -1 },
      this.noKernel,
      this.notice.element,
      this.spoken,
      ...parts,
    );
    for (const kind of KEPT_IN) this.element.addEventListener(kind, (event) => event.stopPropagation(), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.timer));
    show(this.noKernel, false);
  }

  /** Paints soon; at once when it was quiet for a while. */
  schedule(): void {
    if (this.timer || this.signal.aborted) return;
    const due = Math.max(0, this.painted + PAINT_MS - performance.now());
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.painted = performance.now();
      this.paint();
    }, due);
  }

  /** The session this draws; the copy that is saved with the notebook is hidden. */
  setSession(id: string): void {
    if (this.copyHidden) return;
    this.copyHidden = true;
    hideCopy(id, this.signal);
  }

  /** Whether there is a kernel: without one nothing can be pressed. */
  setLive(live: boolean): void {
    show(this.noKernel, !live);
    this.element.classList.toggle("wb-gone", !live);
  }

  /** Said by a screen reader when it has the time. */
  say(words: string): void {
    if (words) setText(this.spoken, words);
  }
}

/** A line that can be closed: an error with its next step, or a quiet word. What this view was told goes first. */
class NoticeLine {
  readonly element: HTMLElement;
  private readonly words = h("div", { class: "wb-grow" });
  private sign: SVGElement = icon("alert");
  private mine: { text: string; bad: boolean } | null = null;
  private theirs: string | null = null;
  private closed: string | null = null;

  constructor() {
    const close = h("span", { class: "wb-pclose" }, iconButton("x", "Dismiss", () => this.close(), true));
    this.element = h("div", { class: "wb-note wb-pnote", role: "alert" }, this.sign, this.words, close);
    this.draw();
  }

  /** What the session has to say. */
  session(error: ErrorInfo | null): void {
    const text = error && sentences(error);
    if (text === this.theirs) return;
    this.theirs = text;
    this.draw();
  }

  /** Why this view's own command was refused; null takes that away. */
  refusal(error: ErrorInfo | null): void {
    this.mine = error && { text: sentences(error), bad: true };
    this.draw();
  }

  /** A quiet word about what was done; what stands between backticks is code. */
  word(text: string): void {
    this.mine = { text, bad: false };
    this.draw();
  }

  private close(): void {
    if (!this.mine) this.closed = this.theirs;
    this.mine = null;
    this.draw();
  }

  private draw(): void {
    const theirs = this.theirs === this.closed ? null : this.theirs;
    const { text, bad } = this.mine ?? { text: theirs, bad: true };
    show(this.element, text !== null);
    if (text === null) return;
    this.element.classList.toggle("wb-err", bad);
    const sign = icon(bad ? "alert" : "info");
    this.sign.replaceWith(sign);
    this.sign = sign;
    this.words.replaceChildren(...prose(text));
  }
}

/** What happened and what to do, in one line. */
export function sentences(error: ErrorInfo): string {
  return [error.message, error.next_step].filter(Boolean).join(" ");
}

/** A thin bar that tells its value; `name` is what it is the progress of. */
export class Bar {
  readonly element: HTMLElement;

  constructor(name: string, style = "") {
    const attributes = { class: `wb-bar ${style}`, role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 };
    this.element = h("span", attributes, h("i"));
  }

  /** 0 to 100; null while unknown. `tone` is one of the bar's colours ("wb-ok", say). */
  update(percent: number | null, tone = ""): void {
    const value = percent === null ? null : Math.floor(percent);
    this.element.style.setProperty("--p", String(percent ?? 0));
    if (value === null) this.element.removeAttribute("aria-valuenow");
    else this.element.setAttribute("aria-valuenow", String(value));
    for (const each of ["wb-ok", "wb-hold", "wb-err", "wb-warn"]) this.element.classList.toggle(each, each === tone);
  }
}
