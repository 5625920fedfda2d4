// A blind vote: two answers without their names, five keys, and at the end the names with counts and intervals.
import type { CompareRequest, CompareView, CountView, VoteView } from "./compare_protocol";
import { h, setAttribute, setText, show, textButton } from "./dom";
import { percent, plural } from "./format";
import { wholeMarkdown } from "./growing";
import { icon } from "./icons";
import { Bar } from "./panel";
import type { Ack } from "./protocol";

type Choice = Extract<CompareRequest, { kind: "cast_vote" }>["choice"];
const CHOICES: [string, Choice, string][] = [
  ["A is better", 0, ""], ["Equal", "tie", ""], ["B is better", 1, ""], ["Both bad", "bad", "wb-gh"], ["Skip", "skip", "wb-gh"],
];

export interface VoteEvents {
  ask(request: CompareRequest): Promise<Ack>;
  /** The vote takes the place of the grid, or gives it back. */
  voting(on: boolean): void;
}

export class VotePanel {
  readonly element = h("div", { class: "wb-cvote", tabindex: -1, hidden: true });
  private readonly words = h("span", { class: "wb-t2" });
  private readonly bar = new Bar("Pairs voted on");
  private readonly prompt = h("span", { class: "wb-t2 wb-cut", dir: "auto" });
  private readonly duo = h("div", { class: "wb-duo" });
  private readonly ballot: HTMLElement;
  private readonly undo: HTMLButtonElement;
  private readonly buttons: HTMLButtonElement[];
  private readonly result = h("div");
  private finished = false;
  private drawn = "";
  private vote: VoteView | null = null;

  constructor(private readonly events: VoteEvents, signal: AbortSignal) {
    this.buttons = CHOICES.map(([words, choice, style], i) => {
      const button = textButton(words, style, () => this.choose(choice));
      button.append(h("span", { class: "wb-kbd", "aria-hidden": "true" }, String(i + 1)));
      return button;
    });
    this.undo = textButton("Undo", "wb-gh wb-sm", () => void events.ask({ kind: "undo_vote" }), "retry");
    setAttribute(this.undo, "title", "Take the last choice back (Backspace)");
    const finish = textButton("Finish", "wb-gh wb-sm", () => this.finish());
    const head = h(
      "div", { class: "wb-ph" }, icon("eyeoff"), h("b", { class: "wb-b" }, "Blind vote"), this.words, this.bar.element, this.prompt,
      h("span", { class: "wb-end wb-fx wb-gap1" }, this.undo, finish),
    );
    this.ballot = h("div", {}, head, this.duo, h("div", { class: "wb-vbar", role: "group", "aria-label": "Your choice" }, ...this.buttons));
    this.element.append(this.ballot, this.result);
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** Goes on with the vote that is going on, else begins one. */
  open(): void {
    void this.begin(false);
  }

  update(view: CompareView): void {
    this.vote = view.vote;
    if (!this.isOpen || !view.vote) return;
    const { vote } = view;
    const over = this.finished || vote.ballot === null;
    show(this.ballot, !over);
    show(this.result, over);
    const key = JSON.stringify([over, vote]);
    if (key === this.drawn) return;
    this.drawn = key;
    if (over) return this.drawResult(view, vote);
    show(this.undo, vote.done > 0);
    setText(this.words, `${vote.done} of ${vote.total}`);
    this.bar.update(percent(vote.done, vote.total));
    const prompt = view.rows.find(({ id }) => id === vote.ballot!.row)?.prompt ?? "";
    setText(this.prompt, prompt);
    setAttribute(this.prompt, "title", prompt.slice(0, 600));
    this.duo.replaceChildren(...vote.ballot!.texts.map((text, i) => h("div", { class: "wb-vt" }, h("div", { class: "wb-lbl" }, "AB"[i]!), wholeMarkdown(text))));
  }

  private async begin(anew: boolean): Promise<void> {
    this.finished = false;
    this.drawn = "";
    const ack = anew || !this.vote?.ballot ? await this.events.ask({ kind: "begin_vote" }) : null;
    if (ack && !ack.ok) return;
    show(this.element, true);
    this.events.voting(true);
    this.element.focus({ preventScroll: true });
  }

  private choose(choice: Choice): void {
    void this.events.ask({ kind: "cast_vote", choice });
    this.element.focus({ preventScroll: true });
  }

  private finish(): void {
    this.finished = true;
    this.events.voting(true);
  }

  private close(): void {
    show(this.element, false);
    this.events.voting(false);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const choice = CHOICES[Number(event.key) - 1];
    if (event.key === "Escape") this.close();
    else if (this.ballot.hidden) return;
    else if (choice) this.choose(choice[1]);
    else if (event.key === "Backspace") void this.events.ask({ kind: "undo_vote" });
    else return;
    event.preventDefault();
  }

  private drawResult(view: CompareView, vote: VoteView): void {
    const counted = vote.counted;
    const goOn = textButton("Go on", "wb-gh wb-sm", () => void this.begin(false));
    show(goOn, vote.ballot !== null);
    const acts = h(
      "span", { class: "wb-end wb-fx wb-gap1" },
      goOn, textButton("New vote", "wb-gh wb-sm", () => void this.begin(true)), textButton("Back to the grid", "wb-sm", () => this.close()),
    );
    const skipped = vote.done - counted;
    const words = counted ? "share of pairs won, 95 % interval; the line is one half" : "No pair was voted on yet.";
    const title = `${plural(counted, "vote")}${skipped ? `, ${skipped} skipped` : ""}, names shown`;
    const head = h("div", { class: "wb-ph" }, h("b", { class: "wb-b" }, title), h("span", { class: "wb-t2 wb-cut" }, words), acts);
    const named = vote.counts.map((count) => ({ ...count, title: view.columns.find(({ id }) => id === count.column)?.title ?? "a removed column" }));
    this.result.replaceChildren(head, h("div", { class: "wb-ci" }, ...named.flatMap(line), ...scale(), verdict(named, counted)));
  }
}

type Named = CountView & { title: string };

function line(count: Named): HTMLElement[] {
  const won = `${count.wins} won, ${count.ties} equal, ${count.losses} lost`;
  const name = h("b", { class: "wb-b wb-cut", title: won }, count.title);
  const axis = h("span", { class: "wb-ax", title: won });
  if (count.rate === null || count.low === null || count.high === null) return [name, axis, h("span", { class: "wb-t3 wb-num" }, "no vote")];
  const share = (value: number): number => Math.round(value * 100);
  const [low, high, middle] = [h("i"), h("b"), `${share(count.rate)} %, ${share(count.low)} to ${share(count.high)}`];
  low.style.setProperty("--a", String(count.low * 100));
  low.style.setProperty("--b", String(count.high * 100));
  high.style.setProperty("--m", String(count.rate * 100));
  axis.append(low, high);
  return [name, axis, h("span", { class: "wb-t2 wb-num", title: won }, middle)];
}

function scale(): HTMLElement[] {
  const labels = ["0", "half", "all"].map((words) => h("span", {}, words));
  return [h("span"), h("span", { class: "wb-fs-xs wb-t3 wb-tickl" }, ...labels), h("span")];
}

/** Which of the best cannot be told apart: those whose intervals meet. */
function verdict(counts: Named[], counted: number): HTMLElement {
  const [first, ...others] = counts.filter((count) => count.rate !== null);
  const near = others.filter((other) => other.high! >= first!.low!);
  const words =
    !first || !counted ? ""
    : near.length ? `${listed([first, ...near].map(({ title }) => title))} cannot be told apart with ${plural(counted, "vote")}.`
    : `${first.title} was preferred.`;
  return h("span", { class: "wb-fs-s wb-t2 wb-verdict" }, words);
}

/** "a", "a and b", "a, b and c". */
function listed(names: string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
