// The functions a model calls: each call as a card, between the text before it and the text after it. A person allows
// it, changes its arguments, and sees what came of it. It knows no transcript.
import { h, setAttribute, setText, show, textButton } from "./dom";
import { plural, seconds } from "./format";
import { GrowingMarkdown } from "./growing";
import { icon } from "./icons";
import type { Ack, AllowHow, CallView, MessageView, Request } from "./protocol";

type Ask = (request: Request) => Promise<Ack>;
type Ended = Exclude<CallView["status"], "called" | "asking" | "running">;

/** So many characters of a result stand in the card's own line. */
const SHORT = 60;
/** How a call stands, in words and as a badge. */
export const CALL_WORDS: Record<CallView["status"], [words: string, style: string]> = {
  called: ["called", ""],
  asking: ["waits for you", "wb-warn"],
  running: ["running", "wb-acc"],
  done: ["done", "wb-ok"],
  failed: ["failed", "wb-err"],
  refused: ["not allowed", ""],
  timeout: ["timed out", "wb-warn"],
};

/** The calls of an answer, and the text that came after each. */
export class Calls {
  readonly element = h("div", { class: "wb-tools" });
  private readonly cards = new Map<string, CallCard>();
  private readonly texts: GrowingMarkdown[] = [];

  constructor(private readonly ask: Ask) {}

  /** `writing`: whether more text is coming, behind the last call. */
  update(message: MessageView, writing: boolean): void {
    const { tools, text } = message;
    show(this.element, tools.length > 0);
    if (tools.length < this.cards.size || tools.some((tool) => !this.cards.has(tool.id))) this.arrange(tools);
    tools.forEach((tool, i) => {
      const last = i === tools.length - 1;
      this.cards.get(tool.id)!.update(tool);
      const after = text.slice(tool.at, tools[i + 1]?.at).replace(/^\n+/, "");
      show(this.texts[i]!.element, after !== "" || (last && writing));
      this.texts[i]!.update(after, last && writing);
    });
  }

  private arrange(tools: CallView[]): void {
    const known = new Set(tools.map(({ id }) => id));
    for (const id of this.cards.keys()) if (!known.has(id)) this.cards.delete(id);
    const children = tools.flatMap((tool, i) => {
      if (!this.cards.has(tool.id)) this.cards.set(tool.id, new CallCard(this.ask));
      this.texts[i] ??= new GrowingMarkdown();
      return [this.cards.get(tool.id)!.element, this.texts[i]!.element];
    });
    const there = [...this.element.children];
    if (there.every((child, i) => child === children[i])) this.element.append(...children.slice(there.length));
    else this.element.replaceChildren(...children);
  }
}

class CallCard {
  readonly element = h("details", { class: "wb-toolc", open: true });
  private readonly name = h("span", { class: "wb-mono wb-b wb-cut" });
  private readonly badge = h("span", { class: "wb-bdg" });
  private readonly aside = h("span", { class: "wb-t3 wb-fs-s wb-end wb-cut" });
  private readonly summary = h("summary", { tabindex: -1 }, icon("tool"), icon("right"), this.name, this.badge, this.aside);
  private readonly given = h("pre", { tabindex: -1, "aria-label": "Arguments" });
  private readonly fields = h("div", { class: "wb-args" });
  private readonly wrong = h("div", { class: "wb-wrong", role: "alert" });
  private readonly result = h("pre", { tabindex: -1, "aria-label": "Result" });
  private readonly footer: HTMLElement;
  private readonly editButton: HTMLButtonElement;
  private tool: CallView | null = null;
  private editing = false;
  private running = 0;

  constructor(private readonly ask: Ask) {
    const settle = (words: string, style: string, how: AllowHow): HTMLButtonElement =>
      textButton(words, `${style} wb-sm wb-asks`, () => void this.settle(how));
    this.editButton = textButton("Edit arguments", "wb-gh wb-sm wb-end wb-asks", () => this.edit(!this.editing));
    this.footer = h(
      "footer",
      {},
      settle("Run once", "wb-pri", "once"),
      settle("Always in this chat", "", "always"),
      settle("Never", "wb-gh", "never"),
      this.editButton,
    );
    show(this.fields, false);
    show(this.wrong, false);
    this.element.append(this.summary, this.given, this.fields, this.wrong, this.result, this.footer);
    this.summary.addEventListener("click", (event) => {
      if (!this.hasEnded) event.preventDefault(); // it stays open until it has ended
    });
    this.fields.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.edit(false);
      else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void this.settle("once");
    });
  }

  update(tool: CallView): void {
    const before = this.tool?.status;
    this.tool = tool;
    const [words, style] = CALL_WORDS[tool.status];
    const asking = tool.status === "asking";
    setAttribute(this.element, "aria-label", `${tool.name}, ${words}`);
    setAttribute(this.element, "data-status", tool.status);
    setText(this.name, tool.name);
    setText(this.badge, words);
    setAttribute(this.badge, "class", `wb-bdg ${style}`.trim());
    setText(this.given, argumentLines(tool.arguments));
    setText(this.result, tool.result ?? "");
    setText(this.aside, this.note(tool));
    show(this.footer, asking);
    if (!asking && this.editing) this.edit(false);
    show(this.given, !this.editing && this.given.textContent !== "");
    show(this.result, tool.result !== null && tool.result !== "");
    if (before === tool.status) return;
    const inside = this.element.contains(document.activeElement);
    if (before === undefined || this.hasEnded) this.element.open = !this.hasEnded;
    if (inside && (before === "asking" || this.hasEnded)) this.summary.focus({ preventScroll: true });
    if (tool.status === "running") this.count();
    else clearInterval(this.running);
  }

  private get hasEnded(): boolean {
    return this.tool !== null && isEnded(this.tool.status);
  }

  /** What stands at the right of its line. */
  private note(tool: CallView): string {
    if (tool.status === "asking") return "runs in this kernel";
    if (!isEnded(tool.status)) return "";
    const lines = (tool.result ?? "").trimEnd().split("\n");
    const first = lines[0]!.length > SHORT ? `${lines[0]!.slice(0, SHORT)}…` : lines[0]!;
    const what = lines.length === 1 || tool.status === "failed" ? first : plural(lines.length, "line");
    const took = tool.seconds === null || tool.seconds < 0.01 ? "" : seconds(tool.seconds);
    return (tool.status === "refused" ? [] : [what, took]).filter(Boolean).join(" · ");
  }

  /** Counts the seconds of a call that runs, for as long as somebody sees it. */
  private count(): void {
    const began = performance.now();
    clearInterval(this.running);
    this.running = window.setInterval(() => {
      if (!this.element.isConnected) return clearInterval(this.running);
      setText(this.aside, seconds(Math.round((performance.now() - began) / 1000)).replace(".0", ""));
    }, 1000);
  }

  private edit(open: boolean): void {
    const given = this.tool?.arguments;
    if (!this.tool || typeof given !== "object") return;
    this.editing = open;
    setText(this.editButton.querySelector("span")!, open ? "Leave them" : "Edit arguments");
    const rows = open ? Object.entries(given).map(([name, value]) => field(name, value)) : [];
    this.fields.replaceChildren(...rows);
    show(this.fields, open);
    show(this.given, !open && this.given.textContent !== "");
    this.say("");
    if (open) this.fields.querySelector("textarea")?.focus({ preventScroll: true });
    else if (this.tool.status === "asking") this.editButton.focus({ preventScroll: true });
  }

  private async settle(how: AllowHow): Promise<void> {
    if (!this.tool) return;
    const request: Request = { kind: "answer_call", call: this.tool.id, how };
    if (this.editing && how !== "never") {
      const read = this.read();
      if (read === null) return;
      request.arguments = read;
    }
    const ack = await this.ask(request);
    this.say(ack.ok ? "" : (ack.error?.message ?? "It was not taken."));
  }

  /** The arguments as they stand in the fields; null, and said, where one cannot be read. */
  private read(): Record<string, unknown> | null {
    const read: Record<string, unknown> = {};
    for (const box of this.fields.querySelectorAll("textarea")) {
      const name = box.dataset.name!;
      const wasText = typeof (this.tool!.arguments as Record<string, unknown>)[name] === "string";
      try {
        read[name] = wasText ? box.value : JSON.parse(box.value);
      } catch {
        setAttribute(box, "aria-invalid", "true");
        this.say(`${name} is not JSON: write 3, true, ["a"] or "text".`);
        box.focus();
        return null;
      }
      setAttribute(box, "aria-invalid", null);
    }
    return read;
  }

  private say(words: string): void {
    setText(this.wrong, words);
    show(this.wrong, words !== "");
  }
}

function isEnded(status: CallView["status"]): status is Ended {
  return status !== "called" && status !== "asking" && status !== "running";
}

/** A name and a box with its value: text as it is, anything else as JSON. */
function field(name: string, value: unknown): HTMLElement {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const rows = Math.min(8, text.split("\n").length);
  const box = h("textarea", { rows, "data-name": name, spellcheck: "false" });
  box.value = text;
  return h("label", {}, h("span", { class: "wb-mono" }, name), box);
}

/** One argument a line, its name before it. */
export function argumentLines(given: CallView["arguments"]): string {
  if (typeof given === "string") return given;
  const pairs = Object.entries(given);
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)} = ${JSON.stringify(value)}`).join("\n");
}
