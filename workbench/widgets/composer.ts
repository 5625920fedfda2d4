// Where a message is written: Enter sends, Shift-Enter breaks the line, Escape stops. Owns the draft, knows no model.
import { h, iconButton, setAttribute, show, textButton } from "./dom";

/** The box grows to this height in pixels, then scrolls. */
const TALLEST = 200;

export interface ComposerEvents {
  send(text: string): void;
  stop(): void;
}

export class Composer {
  readonly element: HTMLElement;
  private readonly box = h("textarea", { rows: 1, "aria-label": "Message" });
  private readonly sendButton: HTMLButtonElement;
  private readonly stopButton: HTMLButtonElement;
  private readonly hint = h("span", { class: "wb-end wb-t3 wb-fs-xs wb-hint wb-hide-n" });
  private running = false;
  private usable = true;

  constructor(
    private readonly events: ComposerEvents,
    signal: AbortSignal,
  ) {
    this.sendButton = iconButton("send", "Send", () => this.send());
    this.sendButton.classList.add("wb-sendb");
    this.stopButton = textButton("Stop", "wb-stopb", () => events.stop(), "stop");
    const bottom = h("div", { class: "wb-bot" }, this.hint, this.sendButton, this.stopButton);
    this.element = h("div", { class: "wb-comp" }, h("div", {}, this.box, bottom));
    this.box.addEventListener("input", () => this.fit(), { signal });
    this.box.addEventListener("keydown", (event) => this.key(event), { signal });
    this.fit();
  }

  /** Draws the state: whether something runs, how the empty box reads, whether anything can be sent at all. */
  update(state: { running: boolean; usable: boolean; placeholder: string; first: boolean }): void {
    this.running = state.running;
    this.usable = state.usable;
    setAttribute(this.box, "placeholder", state.placeholder);
    this.box.disabled = !state.usable;
    const keys = state.running ? "Esc stops" : state.first ? "Enter sends|Shift Enter new line" : "Enter sends";
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

  focus(): void {
    this.box.focus({ preventScroll: true });
  }

  private send(): void {
    const text = this.box.value;
    if (!text.trim() || !this.usable) return;
    this.box.value = "";
    this.fit();
    this.focus();
    this.events.send(text);
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && this.running) {
      event.preventDefault();
      this.events.stop();
    }
  }

  private fit(): void {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(TALLEST, this.box.scrollHeight)}px`;
    this.drawButtons();
  }

  private drawButtons(): void {
    const hadFocus = document.activeElement;
    show(this.stopButton, this.running);
    show(this.sendButton, !this.running);
    this.sendButton.disabled = !this.usable || !this.box.value.trim();
    if (hadFocus === this.stopButton && !this.running) this.focus();
  }
}

/** "Shift Enter new line" with its keys drawn as keys. */
function keyHint(text: string): HTMLElement {
  const [, keys, words] = /^(Shift Enter|Enter|Esc) (.*)$/.exec(text)!;
  return h("span", {}, h("span", { class: "wb-kbd" }, keys!), ` ${words}`);
}
