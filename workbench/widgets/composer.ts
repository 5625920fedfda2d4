// Where a message is written: Enter sends, Shift-Enter breaks the line, Escape stops. Owns the draft, knows no model.
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import type { MenuGroups } from "./menu";

/** The box grows to this height in pixels, then scrolls. */
const TALLEST = 200;

export interface ComposerEvents {
  /** `interrupt`: in place of the answer that is being written. */
  send(text: string, interrupt: boolean): void;
  stop(): void;
  /** Up in an empty box; whether there was something to edit. */
  editLast(): boolean;
  /** Shows what the model would read; without it, nothing does. */
  preview?(text: string): void;
  /** Opens the options; `opener` gets the focus back. */
  options?(opener: HTMLElement): void;
  menu(opener: HTMLElement, label: string, groups: MenuGroups): void;
}

export interface ComposerState {
  /** Whether an answer is being written. */
  running: boolean;
  /** Whether anything can be sent at all. */
  usable: boolean;
  placeholder: string;
  /** Whether nothing was said yet. */
  first: boolean;
  /** The options that are set, in a few words. */
  options: string;
  /** What the button says that stops. */
  stop?: string;
}

export class Composer {
  readonly element: HTMLElement;
  private readonly box = h("textarea", { rows: 1, "aria-label": "Message" });
  private readonly sendButton: HTMLButtonElement;
  private readonly stopButton: HTMLButtonElement;
  private readonly how: HTMLButtonElement;
  private readonly optionsButton: HTMLButtonElement;
  private readonly hint = h("span", { class: "wb-end wb-t3 wb-fs-xs wb-hint wb-hide-n" });
  private running = false;
  private usable = true;

  /** `prompts` is the button that stands first: of the kept prompts, say. */
  constructor(
    private readonly events: ComposerEvents,
    prompts: HTMLElement,
    signal: AbortSignal,
  ) {
    this.sendButton = iconButton("send", "Send", () => this.send());
    this.sendButton.classList.add("wb-sendb");
    this.stopButton = textButton("Stop", "wb-stopb", () => events.stop(), "stop");
    this.how = iconButton("more", "Send while it writes", () => this.chooseHow());
    setAttribute(this.how, "aria-haspopup", "menu");
    const preview = events.preview ? iconButton("eye", "What the model reads", () => events.preview?.(this.draft)) : null;
    this.optionsButton = textButton("", "wb-gh wb-sm wb-opts wb-hide-n", () => events.options?.(this.optionsButton));
    const end = h("span", { class: "wb-fx wb-gap1 wb-send" }, this.how, this.sendButton, this.stopButton);
    const bottom = h("div", { class: "wb-bot" }, prompts, preview, this.optionsButton, this.hint, end);
    this.element = h("div", { class: "wb-comp" }, h("div", {}, this.box, bottom));
    this.box.addEventListener("input", () => this.fit(), { signal });
    this.box.addEventListener("keydown", (event) => this.key(event), { signal });
    this.fit();
  }

  update(state: ComposerState): void {
    this.running = state.running;
    setText(this.stopButton.lastElementChild!, state.stop ?? "Stop");
    this.usable = state.usable;
    setAttribute(this.box, "placeholder", state.placeholder);
    this.box.disabled = !state.usable;
    setText(this.optionsButton.querySelector("span")!, state.options);
    setAttribute(this.optionsButton, "title", state.options ? `Options: ${state.options}` : null);
    show(this.optionsButton, state.options !== "");
    const keys = state.running ? "Esc stops|Alt Enter stops and sends" : state.first ? "Enter sends|Shift Enter new line" : "Enter sends";
    if (this.hint.dataset.keys !== keys) {
      this.hint.dataset.keys = keys;
      this.hint.replaceChildren(...keys.split("|").map(keyHint));
    }
    this.drawButtons();
  }

  get draft(): string {
    return this.box.value;
  }

  /** Puts words back that could not be sent, before those written since. */
  restore(text: string): void {
    if (!text) return;
    this.box.value = [text, this.box.value].filter(Boolean).join("\n");
    this.fit();
  }

  /** Puts words where the message is written, after those that are there. */
  write(text: string): void {
    this.box.value = [this.box.value.trimEnd(), text].filter(Boolean).join("\n");
    this.fit();
    this.focus();
  }

  focus(): void {
    this.box.focus({ preventScroll: true });
  }

  private send(interrupt = false): void {
    const text = this.box.value;
    if (!text.trim() || !this.usable) return;
    this.box.value = "";
    this.fit();
    this.focus();
    this.events.send(text, interrupt);
  }

  private chooseHow(): void {
    this.events.menu(this.how, "Send while it writes", [
      [
        { label: "Send after this answer", detail: "Enter", icon: "clock", press: () => this.send() },
        { label: "Stop it and send now", detail: "Alt Enter", icon: "stop", press: () => this.send(true) },
      ],
    ]);
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send(event.altKey && this.running);
    } else if (event.key === "Escape" && this.running) {
      event.preventDefault();
      this.events.stop();
    } else if (event.key === "ArrowUp" && this.box.value === "" && this.events.editLast()) {
      event.preventDefault();
    }
  }

  private fit(): void {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(TALLEST, this.box.scrollHeight)}px`;
    this.drawButtons();
  }

  private drawButtons(): void {
    const hadFocus = document.activeElement;
    const empty = !this.box.value.trim();
    show(this.stopButton, this.running);
    show(this.how, this.running && !empty);
    show(this.sendButton, !this.running);
    this.sendButton.disabled = !this.usable || empty;
    if (hadFocus === this.stopButton && !this.running) this.focus();
  }
}

/** "Shift Enter new line" with its keys drawn as keys. */
function keyHint(text: string): HTMLElement {
  const [, keys, words] = /^((?:Shift |Alt )?Enter|Esc) (.*)$/.exec(text)!;
  return h("span", {}, h("span", { class: "wb-kbd" }, keys!), ` ${words}`);
}
