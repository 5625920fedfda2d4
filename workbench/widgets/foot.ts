// The status line: a word for the state, then the numbers of the answer at hand. Slots keep their width.
import { h, setAttribute, setText, show } from "./dom";
import { count, percent, rate, seconds, tokensShort } from "./format";
import type { ChatView, MessageView } from "./protocol";

/** From this part of the context on it is "nearly full". */
const NEARLY = 0.8;

export class Foot {
  readonly element: HTMLElement;
  private readonly state = h("b");
  private readonly first = slot("wb-hide-n");
  private readonly speed = slot("");
  private readonly read = slot("wb-hide-n");
  private readonly written = slot("wb-hide-n");
  private readonly context = h("span", { class: "wb-ctx wb-end" });
  private readonly bar = h("span", { class: "wb-bar", role: "meter", "aria-label": "Context used", "aria-valuemin": 0 }, h("i"), h("s"));
  private readonly used = h("b");
  private readonly limit = h("span");
  private readonly full = h("span", { class: "wb-warn" }, "nearly full");

  constructor() {
    this.context.append(this.bar, h("span", {}, this.used, this.limit), this.full);
    const state = h("span", { class: "wb-slot wb-state" }, this.state);
    this.element = h("div", { class: "wb-ft" }, state, this.first, this.speed, this.read, this.written, this.context);
  }

  update(view: ChatView, message: MessageView | null, live: boolean, waiting: boolean): void {
    setText(this.state, live ? stateWord(view, message, waiting) : "No kernel");
    const { usage, metrics } = message ?? {};
    const running = view.run !== null;
    const speed = running && message?.live_tps ? message.live_tps : (metrics?.decode_tps ?? null);
    fill(this.first, metrics?.ttft_s == null ? null : ["first token ", seconds(metrics.ttft_s), ""]);
    fill(this.speed, speed ? ["", rate(speed), " tok/s"] : null);
    const cached = usage?.cached_tokens ? ` in, ${count(usage.cached_tokens)} cached` : " in";
    fill(this.read, usage?.prompt_tokens == null ? null : ["", count(usage.prompt_tokens), cached]);
    const out = (running ? message?.tokens : usage?.completion_tokens) ?? message?.tokens ?? 0;
    fill(this.written, message && out > 0 ? ["", count(out), " out"] : null);
    const used = view.messages.length === 0 ? 0 : view.context.used;
    this.updateContext(used, view.context.reserved, view.context.limit ?? view.model?.context_length ?? null);
  }

  private updateContext(used: number | null, reserved: number | null, limit: number | null): void {
    const full = used !== null && limit !== null && used >= NEARLY * limit;
    show(this.context, limit !== null || used !== null);
    show(this.bar, limit !== null);
    show(this.full, full);
    const part = used !== null && limit !== null ? percent(used, limit) : 0;
    this.bar.classList.toggle("wb-warn", full);
    const kept = limit !== null && keptFree(used, reserved, limit) ? percent(reserved!, limit) : 0;
    this.bar.style.setProperty("--p", String(part));
    this.bar.style.setProperty("--kept", String(kept));
    setAttribute(this.bar, "aria-valuenow", used ?? 0);
    setAttribute(this.bar, "aria-valuemax", limit);
    setText(this.used, used === null ? "–" : tokensShort(used));
    setText(this.limit, limit === null ? " tokens" : ` of ${tokensShort(limit)}`);
    const words = contextWords(used, reserved, limit);
    setAttribute(this.context, "title", words);
    setAttribute(this.bar, "aria-valuetext", words);
  }
}

/** "4,600 of 32,768 tokens of context used, 512 kept free for the answer". */
export function contextWords(used: number | null, reserved: number | null, limit: number | null): string | null {
  if (used === null && limit === null) return null;
  const whole = limit === null ? "" : ` of ${count(limit)}`;
  const free = keptFree(used, reserved, limit) ? `, ${count(reserved!)} kept free for the answer` : "";
  return `${used === null ? "An unknown number" : count(used)}${whole} tokens of context used${free}`;
}

/** Whether a part of what is left is kept free: an answer without a limit of its own may use all of it. */
function keptFree(used: number | null, reserved: number | null, limit: number | null): boolean {
  return Boolean(reserved) && (limit === null || (used ?? 0) + reserved! < limit);
}

function slot(style: string): HTMLElement {
  return h("span", { class: `wb-slot ${style}` }, h("span"), h("b"), h("span"));
}

/** Fills a slot with words, a number, words; null empties it and keeps its place. */
function fill(element: HTMLElement, parts: [string, string, string] | null): void {
  element.classList.toggle("wb-none", parts === null);
  [...element.children].forEach((child, i) => setText(child, parts?.[i] ?? ""));
}

/** What the chat is doing, in a word or three. */
export function stateWord(view: ChatView, message: MessageView | null, waiting = false): string {
  if (waiting) return "Waiting for the kernel";
  if (view.run === null || !message) return finished(view, message);
  switch (message.status) {
    case "queued":
      return "Waiting";
    case "loading":
      return message.load?.total ? `Loading ${percent(message.load.done, message.load.total)} %` : "Loading";
    case "prefill":
      return message.prefill?.total ? `Reading ${percent(message.prefill.done, message.prefill.total)} %` : "Reading";
    case "thinking":
      return "Thinking";
    case "asking":
      return "Waiting for you";
    case "calling":
      return "Running a tool";
    default:
      return "Writing";
  }
}

function finished(view: ChatView, message: MessageView | null): string {
  if (view.model?.status === "loading") {
    return view.model.percent === null ? "Loading" : `Loading ${Math.round(view.model.percent)} %`;
  }
  if (message?.status === "cancelled") return "Stopped";
  return message?.status === "failed" ? "Failed" : "Ready";
}

/** What a screen reader hears: the beginning and the end, never the tokens. */
export function spokenState(message: MessageView | null): string {
  switch (message?.status) {
    case "writing":
      return "writing";
    case "asking":
      return `asks to run ${message.tools.filter(({ status }) => status === "asking").map(({ name }) => name).join(", ")}`;
    case "done":
      return `done, ${count(message.usage?.completion_tokens ?? message.tokens)} tokens`;
    case "cancelled":
      return "stopped";
    case "failed":
      return `failed, ${message.error?.message ?? ""}`;
    default:
      return "";
  }
}
