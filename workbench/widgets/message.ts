// One message of the transcript as an element: a person's words, or an answer with all its states.
import { confirmCopy, copyText, h, iconButton, prose, setAttribute, setText, show, textButton } from "./dom";
import { count, modelName, percent, plural, rate, seconds, sizeOf } from "./format";
import { GrowingMarkdown } from "./growing";
import { icon } from "./icons";
import type { ErrorInfo, MessageView, Note, Progress, Request } from "./protocol";

export interface MessageElement {
  readonly element: HTMLElement;
  /** Draws the message; `last` is true for the newest answer, whose actions stay visible. */
  update(message: MessageView, last: boolean): void;
}

type Ask = (request: Request) => void;

const ENDED = new Set<MessageView["status"]>(["done", "cancelled", "failed"]);

export function hasEnded(message: MessageView): boolean {
  return ENDED.has(message.status);
}

/** Whether an answer may be asked for again: the newest one, and any that failed. */
export function canRetry(message: MessageView, last: boolean): boolean {
  return message.role === "assistant" && hasEnded(message) && (last || message.status === "failed");
}

export function createMessage(message: MessageView, ask: Ask): MessageElement {
  return message.role === "assistant" ? new Answer(message.id, ask) : new Question(message);
}

class Question implements MessageElement {
  readonly element: HTMLElement;
  private readonly words = h("div", { class: "wb-txt" });

  constructor(message: MessageView) {
    const who = message.role === "system" ? "System" : "You";
    const copy = iconButton("copy", "Copy", () => void copyText(message.text).then(() => confirmCopy(copy)), true);
    copy.tabIndex = -1;
    const actions = h("div", { class: "wb-acts wb-rest" }, copy);
    this.element = h("article", { class: "wb-usr", "aria-label": who, tabindex: -1 }, this.words, actions);
  }

  update(message: MessageView): void {
    setText(this.words, message.text);
  }
}

class Answer implements MessageElement {
  readonly element: HTMLElement;
  private readonly who = h("b");
  private readonly before = h("div", { class: "wb-notes" });
  private readonly thinking = new Thinking();
  private readonly progress: ProgressCard;
  private readonly markdown = new GrowingMarkdown();
  private readonly tools = h("div", { class: "wb-tools" });
  private readonly after = h("div", { class: "wb-notes" });
  private readonly failure: Failure;
  private readonly actions: Actions;
  private drawn: { notes?: Note[]; tools?: MessageView["tools"] } = {};
  private model: string | null = null;

  constructor(id: string, ask: Ask) {
    const retry = (): void => ask({ kind: "retry", message: id });
    const force = (): void => {
      if (this.model) ask({ kind: "choose_model", model: this.model, force: true });
      retry(); // it waits for the load
    };
    this.progress = new ProgressCard(ask);
    this.failure = new Failure(retry, force);
    this.actions = new Actions(retry);
    this.element = h(
      "article",
      { class: "wb-answer", tabindex: -1 },
      h("div", { class: "wb-who" }, this.who),
      this.before,
      this.thinking.element,
      this.progress.element,
      this.markdown.element,
      this.tools,
      this.after,
      this.failure.element,
      this.actions.element,
    );
  }

  update(message: MessageView, last: boolean): void {
    const ended = hasEnded(message);
    this.model = message.model;
    const name = modelName(message.model ?? "");
    setText(this.who, name);
    setAttribute(this.who, "title", message.model);
    setAttribute(this.element, "aria-label", name || "Answer");
    setAttribute(this.element, "aria-busy", ended ? null : "true");
    setAttribute(this.element, "data-status", message.status);
    if (this.drawn.notes !== message.notes) this.drawNotes(message.notes);
    if (this.drawn.tools !== message.tools) this.drawTools(message.tools);
    this.thinking.update(message);
    this.progress.update(message);
    const writing = message.status === "writing" || (message.status === "prefill" && !message.prefill);
    show(this.markdown.element, writing || message.text !== "");
    this.markdown.update(message.text, writing);
    this.failure.update(message);
    this.actions.update(message, last);
  }

  private drawNotes(notes: Note[]): void {
    this.drawn.notes = notes;
    // What is known before the first word stands above the answer; what comes with its end must not push it down.
    this.before.replaceChildren(...notes.filter((note) => note.code !== "option_ignored").map(noteElement));
    this.after.replaceChildren(...notes.filter((note) => note.code === "option_ignored").map(noteElement));
  }

  private drawTools(tools: MessageView["tools"]): void {
    this.drawn.tools = tools;
    this.tools.replaceChildren(...tools.map(toolElement));
  }
}

function noteElement(note: Note): HTMLElement {
  const warns = note.code === "fallback" || note.code === "retry";
  return h(
    "div",
    { class: warns ? "wb-note wb-fb" : "wb-note", role: "note" },
    icon(warns ? "warn" : "info"),
    h("div", { class: "wb-grow" }, note.message),
  );
}

function toolElement(tool: MessageView["tools"][number]): HTMLElement {
  return h(
    "div",
    { class: "wb-toolc", role: "group", "aria-label": `Asks for the tool ${tool.name}` },
    h("header", {}, icon("tool"), h("span", { class: "wb-mono wb-b" }, tool.name)),
    h("pre", { tabindex: -1 }, argumentLines(tool.arguments)),
  );
}

/** One argument a line, its name before it. */
function argumentLines(given: unknown): string {
  if (typeof given === "string") return given;
  const pairs = Object.entries(given ?? {});
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)} = ${JSON.stringify(value)}`).join("\n");
}

/** What the model thought: closed unless the reader opens it, and only rendered while open. */
class Thinking {
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
class ProgressCard {
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

  constructor(ask: Ask) {
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
    const words =
      status === "queued" ? queuedWords(message.position) : status === "prefill" && prefill ? prefillWords(prefill) : "";
    show(this.element, words !== "" || status === "loading");
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
class Failure {
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

/** The row under an answer: it has its height from the start and fills when the answer ends. */
class Actions {
  readonly element: HTMLElement;
  private readonly copy: HTMLButtonElement;
  private readonly retry: HTMLButtonElement;
  private readonly facts = h("span", { class: "wb-m" });
  private text = "";

  constructor(retry: () => void) {
    this.copy = iconButton("copy", "Copy", () => void copyText(this.text).then(() => confirmCopy(this.copy)), true);
    this.retry = iconButton("retry", "Ask again", retry, true);
    this.copy.tabIndex = this.retry.tabIndex = -1;
    this.retry.classList.add("wb-asks");
    this.element = h("div", { class: "wb-acts" }, this.copy, this.retry, this.facts);
  }

  update(message: MessageView, last: boolean): void {
    this.text = message.text;
    const ended = hasEnded(message);
    this.element.classList.toggle("wb-rest", !last);
    show(this.copy, ended && message.text !== "");
    show(this.retry, message.status !== "failed" && canRetry(message, last));
    show(this.facts, ended);
    if (!ended) return;
    const facts = factsOf(message);
    if (this.facts.textContent !== facts.join("")) this.facts.replaceChildren(...facts.map((fact) => h("span", {}, fact)));
  }
}

function factsOf(message: MessageView): string[] {
  const { usage, metrics, finish } = message;
  const tokens = usage?.completion_tokens ?? (message.tokens || null);
  return [
    finish === "cancelled" || message.status === "cancelled" ? "stopped" : "",
    finish === "length" ? "stopped at the token limit" : "",
    tokens === null ? "" : plural(tokens, "token"),
    metrics?.decode_tps ? `${rate(metrics.decode_tps)} tok/s` : "",
    metrics?.ttft_s != null ? `first token ${seconds(metrics.ttft_s)}` : "",
  ].filter(Boolean);
}
