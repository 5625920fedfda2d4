// The parts of an answer beside its text: notes, thinking, what stands there until it begins, and why there
// is none. They know no transcript.
import { h, prose, setAttribute, setText, show, textButton } from "./dom";
import { count, percent, plural, seconds, sizeOf } from "./format";
import { GrowingMarkdown } from "./growing";
import { icon } from "./icons";
import type { ErrorInfo, MessageView, Note, Progress, Request } from "./protocol";

export function noteElement(note: Note): HTMLElement {
  const warns = note.code === "fallback" || note.code === "retry";
  return h(
    "div",
    { class: warns ? "wb-note wb-fb" : "wb-note", role: "note" },
    icon(warns ? "warn" : "info"),
    h("div", { class: "wb-grow" }, note.message),
  );
}

/** What the model thought: closed unless the reader opens it, and only rendered while open. */
export class Thinking {
  readonly element = h("details", { class: "wb-think" });
  private readonly label = h("span");
  private readonly markdown = new GrowingMarkdown();
  private message: MessageView | null = null;

  constructor() {
    const summary = h("summary", { tabindex: -1 }, icon("right"), this.label);
    this.element.append(summary, h("div", {}, this.markdown.element));
    this.element.addEventListener("toggle", () => this.draw());
  }

  update(message: MessageView): void {
    this.message = message;
    const present = message.reasoning !== "" || message.status === "thinking";
    show(this.element, present);
    if (!present) return;
    const thinking = message.status === "thinking";
    const took = message.reasoning_s === null ? "Thoughts" : `Thought for ${seconds(message.reasoning_s)}`;
    setText(this.label, thinking ? "Thinking…" : took);
    this.draw();
  }

  private draw(): void {
    if (this.element.open && this.message) {
      this.markdown.update(this.message.reasoning, this.message.status === "thinking");
    }
  }
}

/** What stands in the answer's place until it begins: waiting, loading, reading the prompt. */
export class ProgressCard {
  readonly element = h("div", { class: "wb-progress" });
  private readonly line = h("div", { class: "wb-wait" });
  private readonly words = h("span", { class: "wb-t2" });
  private readonly cancel: HTMLButtonElement;
  private readonly load = h("div", { class: "wb-loadc" });
  private readonly read = h("span", { class: "wb-t2" });
  private readonly left = h("span", { class: "wb-end wb-t2" });
  private readonly bar = h("span", { class: "wb-bar", role: "progressbar", "aria-label": "Loading the model" }, h("i"));
  private run: string | null = null;
  private began: { at: number; done: number } | null = null;
  private barDrawn = 0;

  constructor(ask: (request: Request) => void) {
    const press = (): void => {
      if (this.run) ask({ kind: "stop", run: this.run });
    };
    this.cancel = textButton("Cancel", "wb-gh wb-sm wb-asks", press);
    this.cancel.tabIndex = -1;
    this.line.append(icon("clock", true), this.words, this.cancel);
    this.load.append(h("div", { class: "wb-fx" }, h("span", { class: "wb-b" }, "Loading"), this.read, this.left), this.bar);
    this.element.append(this.line, this.load);
  }

  update(message: MessageView): void {
    const { status, load, prefill } = message;
    this.run = message.run;
    const begun = message.tools.length > 0; // what is above stays where it is
    const words = begun ? "" :
      status === "queued" ? queuedWords(message.position) : status === "prefill" && prefill ? prefillWords(prefill) : "";
    show(this.element, words !== "" || (status === "loading" && !begun));
    show(this.line, words !== "");
    show(this.cancel, status === "queued");
    show(this.load, status === "loading");
    setText(this.words, words);
    if (status === "loading") this.updateLoad(load);
    else this.began = null;
  }

  private updateLoad(load: Progress | null): void {
    const now = performance.now();
    if (!load) {
      setText(this.read, "");
      return;
    }
    this.began ??= { at: now, done: load.done };
    if (now - this.barDrawn < 100 && load.done !== load.total) return;
    this.barDrawn = now;
    setText(this.read, load.total ? `${sizeOf(load.done, load.total)} read into memory` : `${sizeOf(load.done, load.done)} read`);
    setText(this.left, timeLeft(load, this.began, now));
    const part = load.total ? percent(load.done, load.total) : 0;
    this.bar.style.setProperty("--p", String(part));
    setAttribute(this.bar, "aria-valuenow", load.total ? part : null);
  }
}

function queuedWords(position: number | null): string {
  return position ? `Waits, ${position} before it` : "Waits";
}

function prefillWords(prefill: Progress): string {
  const whole = prefill.total === null ? "" : ` of ${count(prefill.total)}`;
  return `Reading the prompt: ${count(prefill.done)}${whole} tokens`;
}

/** From the pace so far; nothing until there is a pace. */
function timeLeft(load: Progress, began: { at: number; done: number }, now: number): string {
  const passed = (now - began.at) / 1000;
  const done = load.done - began.done;
  if (!load.total || passed < 0.5 || done <= 0) return "";
  const left = ((load.total - load.done) * passed) / done;
  return left >= 1 ? `about ${seconds(Math.round(left)).replace(".0", "")} left` : "";
}

/** Why there is no answer, or only half of one; with the way on. */
export class Failure {
  readonly element: HTMLElement;
  private readonly lead = h("span", { class: "wb-b" });
  private readonly rest = h("span");
  private readonly details = h("pre", { class: "wb-details", tabindex: -1 });
  private readonly force: HTMLButtonElement;
  private readonly retry: HTMLButtonElement;
  private readonly more: HTMLButtonElement;

  constructor(retry: () => void, force: () => void) {
    this.force = textButton("Load anyway", "wb-sm wb-asks", force);
    this.retry = textButton("Retry", "wb-sm wb-asks", retry, "retry");
    this.more = textButton("Details", "wb-gh wb-sm", () => this.toggle());
    this.force.tabIndex = this.retry.tabIndex = this.more.tabIndex = -1;
    this.details.hidden = true;
    const words = h("div", { class: "wb-grow" }, this.lead, " ", this.rest, this.details);
    const actions = h("span", { class: "wb-acts" }, this.force, this.retry, this.more);
    this.element = h("div", { class: "wb-note wb-err", role: "group", "aria-label": "Error" }, icon("alert"), words, actions);
  }

  update(message: MessageView): void {
    const error = message.status === "failed" ? message.error : null;
    show(this.element, error !== null);
    if (!error) return;
    setText(this.lead, message.text ? `The answer broke off after ${plural(message.tokens, "token")}:` : LEADS[error.kind] ?? "No answer:");
    this.rest.replaceChildren(...prose([error.message, error.next_step].filter(Boolean).join(" ")));
    setText(this.details, error.details);
    show(this.force, error.kind === "ModelTooBigError");
    show(this.more, error.details !== "");
    setAttribute(this.more, "aria-expanded", String(!this.details.hidden));
  }

  private toggle(): void {
    this.details.hidden = !this.details.hidden;
    setAttribute(this.more, "aria-expanded", String(!this.details.hidden));
  }
}

/** The bold words before an error's own sentence. */
const LEADS: Record<ErrorInfo["kind"], string> = {
  ContextOverflowError: "Too long:",
  HostCrashedError: "The model's process ended:",
  ModelNotFoundError: "No such model:",
  ModelFilesError: "The model could not be read:",
  ModelTooBigError: "Too big for this machine:",
  ConnectionFailedError: "Not reachable:",
  AuthenticationError: "Not let in:",
  RateLimitError: "Asked to wait:",
};
