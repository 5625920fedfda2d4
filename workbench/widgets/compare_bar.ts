// The line above the grid: how far it is, what is shown of it, and what can be done with all of it.
import type { CompareView } from "./compare_protocol";
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { duration, percent, plural } from "./format";
import type { IconName } from "./icons";
import { Bar } from "./panel";

export interface BarEvents {
  filter(opener: HTMLElement): void;
  vote(): void;
  export(opener: HTMLElement): void;
  more(opener: HTMLElement): void;
  sample(sample: number): void;
  rerun(): void;
  stop(): void;
}

export class CompareBar {
  readonly element: HTMLElement;
  /** Opens the columns. */
  readonly columns: HTMLButtonElement;
  readonly more: HTMLButtonElement;
  private readonly filter: HTMLButtonElement;
  private readonly vote: HTMLButtonElement;
  private readonly export: HTMLButtonElement;
  private readonly name = h("span", { class: "wb-t2 wb-cut wb-cname" });
  private readonly replay = h("span", { class: "wb-bdg", title: "It answers from the record; no model is asked" }, "replay");
  private readonly done = h("b", { class: "wb-b" });
  private readonly bar = new Bar("Cells done");
  private readonly left = h("span", { class: "wb-t2 wb-cleft" });
  private readonly failed = h("span", { class: "wb-err" });
  private readonly samples = h("div", { class: "wb-seg wb-csam", role: "radiogroup", "aria-label": "Sample" });
  private readonly stop: HTMLButtonElement;
  private readonly again: HTMLButtonElement;

  constructor(private readonly events: BarEvents) {
    const ghost = (words: string, name: IconName, press: (opener: HTMLElement) => void): HTMLButtonElement => {
      const button = textButton(words, "wb-gh wb-sm", () => press(button), name);
      setAttribute(button, "aria-label", words);
      setAttribute(button, "title", words);
      return button;
    };
    this.filter = ghost("Filter", "filter", (opener) => events.filter(opener));
    this.columns = ghost("Columns", "columns", () => {});
    this.vote = ghost("Blind vote", "eyeoff", () => events.vote());
    this.export = ghost("Export", "download", (opener) => events.export(opener));
    this.more = iconButton("more", "More", () => events.more(this.more));
    this.more.classList.add("wb-conly");
    this.stop = textButton("Stop all", "wb-sm wb-pgone", () => events.stop(), "stop");
    this.again = textButton("Rerun failed", "wb-sm wb-pgone", () => events.rerun(), "retry");
    const acts = h("span", { class: "wb-end wb-fx wb-gap1" }, this.samples, this.filter, this.columns, this.vote, this.export, this.again, this.stop, this.more);
    this.element = h("div", { class: "wb-bar1" }, this.done, this.bar.element, this.left, this.failed, this.replay, this.name, acts);
    this.samples.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest<HTMLElement>("button") : null;
      if (button) this.events.sample(Number(button.dataset.sample));
    });
    this.samples.addEventListener("keydown", (event) => this.arrows(event));
  }

  update(view: CompareView, sample: number, filtered: boolean): void {
    const { finished, total, seconds_left, failed, running } = view.progress;
    setText(this.done, finished === total ? plural(total, "cell") : `${finished} of ${total}`);
    show(this.bar.element, finished < total);
    this.bar.update(percent(finished, total), running ? "" : "wb-hold");
    const words = running ? (seconds_left ? `${duration(seconds_left)} left` : "") : finished < total ? "stopped" : "";
    setText(this.left, words);
    setText(this.failed, failed ? `${failed} failed` : "");
    setText(this.name, view.name ?? "");
    show(this.replay, view.replayed);
    show(this.stop, running);
    show(this.again, !running && !view.replayed && (failed > 0 || finished < total));
    this.filter.classList.toggle("wb-con", filtered);
    this.drawSamples(view.samples, sample);
  }

  private drawSamples(count: number, chosen: number): void {
    show(this.samples, count > 1);
    while (this.samples.children.length < count && count > 1) {
      const n = this.samples.children.length;
      this.samples.append(h("button", { type: "button", role: "radio", "data-sample": n, title: `Sample ${n + 1}`, "aria-label": `Sample ${n + 1}` }, String(n + 1)));
    }
    [...this.samples.children].forEach((each, n) => {
      setAttribute(each, "aria-checked", String(n === chosen));
      setAttribute(each, "tabindex", n === chosen ? 0 : -1);
    });
  }

  private arrows(event: KeyboardEvent): void {
    const buttons = [...this.samples.children] as HTMLElement[];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by || at < 0) return;
    event.preventDefault();
    const to = (at + by + buttons.length) % buttons.length;
    this.events.sample(to);
    buttons[to]!.focus();
  }
}
