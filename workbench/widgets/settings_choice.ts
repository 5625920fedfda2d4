// A button that shows the chosen model, and the list it opens: a filter field over what the kernel finds.
import { h, setAttribute, setText, show } from "./dom";
import { modelName } from "./format";
import { icon } from "./icons";
import { Popover } from "./popover";
import type { Control } from "./settings_controls";
import type { ChoiceView, ModelStatus } from "./settings_protocol";

const SHAPES: Record<ModelStatus, string> = { loaded: "loaded", ready: "ready", loading: "load", down: "down", unknown: "away" };
const WORDS: Record<ModelStatus, string> = { loaded: "loaded", ready: "", loading: "loading", down: "server down", unknown: "" };

let numbered = 0;

export class ModelChoice implements Control {
  readonly element: HTMLElement;
  private readonly id = `wb-choice-${++numbered}`;
  private readonly button: HTMLButtonElement;
  private readonly words = h("span", { class: "wb-cut wb-grow" });
  private readonly dot = h("span", { class: "wb-dot", "aria-hidden": "true" });
  private readonly field: HTMLInputElement;
  private readonly list: HTMLElement;
  private readonly popover: Popover;
  private chosen: string | null = null;
  private options: ChoiceView[] = [];
  private active = 0;
  private asked = 0;

  /** `none` are the words for no choice, and that one can be chosen; null where there must be one. */
  constructor(
    private readonly label: string,
    private readonly none: string | null,
    private readonly find: (text: string) => Promise<ChoiceView[]>,
    private readonly choose: (model: string | null) => void,
    signal: AbortSignal,
  ) {
    this.button = h(
      "button",
      { type: "button", class: "wb-selc", "aria-haspopup": "listbox" },
      this.dot, this.words, icon("down", true),
    );
    this.list = h("div", { class: "wb-slist", role: "listbox", "aria-label": label, id: `${this.id}-list` });
    this.field = h("input", {
      type: "text", placeholder: "Model or server", "aria-label": `Find a model: ${label}`, role: "combobox",
      autocomplete: "off", spellcheck: "false", "aria-expanded": "true", "aria-controls": this.list.id,
    });
    const below = h("div", { class: "wb-spick" }, h("div", { class: "wb-field wb-sm" }, icon("search", true), this.field), this.list);
    this.popover = new Popover(this.button, below, () => this.opened(), signal);
    this.element = h("div", { class: "wb-schoice" }, this.button, below);
    this.field.addEventListener("input", () => void this.search());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // focus stays in the field
  }

  update(model: string | null, status: ModelStatus): void {
    this.chosen = model;
    const words = model === null ? (this.none ?? "none") : modelName(model);
    setText(this.words, words);
    this.words.classList.toggle("wb-t3", model === null);
    setAttribute(this.button, "title", model);
    setAttribute(this.button, "aria-label", `${this.label}: ${words}${WORDS[status] ? `, ${WORDS[status]}` : ""}`);
    setAttribute(this.dot, "class", `wb-dot wb-${SHAPES[status]}`);
    show(this.dot, model !== null);
  }

  setDisabled(disabled: boolean): void {
    this.button.disabled = disabled;
  }

  private opened(): void {
    this.field.value = "";
    this.popover.element.style.width = `${Math.max(260, this.button.offsetWidth)}px`;
    void this.search();
  }

  private async search(): Promise<void> {
    const number = ++this.asked;
    const found = await this.find(this.field.value.trim());
    if (number !== this.asked) return;
    this.options = found;
    this.active = Math.max(0, this.choices().findIndex((each) => each === this.chosen));
    this.draw();
    this.popover.place();
  }

  /** What can be chosen, in the list's order. */
  private choices(): (string | null)[] {
    const ids = this.options.map((each) => each.id);
    return this.none !== null && !this.field.value.trim() ? [null, ...ids] : ids;
  }

  private draw(): void {
    const known = new Map(this.options.map((each) => [each.id, each]));
    const lines = this.choices().map((id, at) => this.line(id, id === null ? null : known.get(id)!, at));
    const nothing = h("div", { class: "wb-t3 wb-snone" }, "No model of that name.");
    this.list.replaceChildren(...(lines.length ? lines : [nothing]));
    this.ring();
  }

  private line(id: string | null, option: ChoiceView | null, at: number): HTMLElement {
    const on = id === this.chosen;
    const dot = option ? h("span", { class: `wb-dot wb-${SHAPES[option.status]}`, "aria-hidden": "true" }) : null;
    const remote = option && option.id.includes(":") && !option.id.includes("/");
    const name = option ? (remote ? option.name : modelName(option.id)) : this.none!;
    const words = option ? [option.provider, WORDS[option.status]].filter(Boolean).join(", ") : "";
    const line = h(
      "div",
      { class: `wb-opt${on ? " wb-on" : ""}`, role: "option", id: `${this.id}-${at}`, "aria-selected": String(on), title: id },
      dot, h("span", { class: "wb-cut wb-grow" }, name), h("span", { class: "wb-fs-s wb-t2" }, words),
    );
    line.addEventListener("click", () => this.take(id));
    return line;
  }

  private ring(): void {
    const lines = [...this.list.children];
    for (const [at, line] of lines.entries()) line.classList.toggle("wb-is-hover", at === this.active);
    setAttribute(this.field, "aria-activedescendant", lines[this.active]?.id ?? null);
    lines[this.active]?.scrollIntoView?.({ block: "nearest" });
  }

  private take(id: string | null): void {
    this.popover.close();
    if (id !== this.chosen) this.choose(id);
  }

  private key(event: KeyboardEvent): void {
    const choices = this.choices();
    const last = choices.length - 1;
    const to: Record<string, number> = { ArrowDown: Math.min(this.active + 1, last), ArrowUp: Math.max(this.active - 1, 0) };
    if (event.key in to) {
      this.active = to[event.key]!;
      this.ring();
    } else if (event.key === "Enter") {
      if (this.active <= last) this.take(choices[this.active]!);
    } else return;
    event.preventDefault();
  }
}
