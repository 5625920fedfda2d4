// A message opened to be written anew, in its own place: Enter saves, Shift-Enter breaks the line, Escape leaves it.
import { h, textButton } from "./dom";

/** The box grows to this height in pixels, then scrolls. */
const TALLEST = 320;

export interface EditEvents {
  /** Resolves with whether it was taken. */
  save(text: string): Promise<boolean>;
  /** It is to be closed, taken or not. */
  close(): void;
}

export class Editor {
  readonly element: HTMLElement;
  private readonly box = h("textarea", { rows: 1, "aria-label": "Edit the message" });
  private readonly saveButton: HTMLButtonElement;
  private saving = false;

  /** `words` tell what saving does. */
  constructor(text: string, words: string, private readonly events: EditEvents) {
    this.saveButton = textButton("Save", "wb-sm", () => void this.save());
    const cancel = textButton("Cancel", "wb-gh wb-sm", () => events.close());
    const foot = h("div", { class: "wb-fx" }, h("span", { class: "wb-grow wb-cut wb-t3 wb-fs-s" }, words), cancel, this.saveButton);
    this.element = h("div", { class: "wb-edit" }, this.box, foot);
    this.box.value = text;
    this.box.addEventListener("input", () => this.fit());
    this.element.addEventListener("keydown", (event) => this.key(event));
  }

  /** Once it is in the page. */
  open(): void {
    this.fit();
    this.box.focus({ preventScroll: true });
    this.box.setSelectionRange(this.box.value.length, this.box.value.length);
    this.element.scrollIntoView?.({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Escape") this.events.close();
    else if (event.key === "Enter" && event.target === this.box && !event.shiftKey) void this.save();
    else return;
    event.preventDefault();
  }

  private async save(): Promise<void> {
    const text = this.box.value;
    if (!text.trim() || this.saving) return;
    this.saving = true;
    const taken = await this.events.save(text);
    this.saving = false;
    if (taken) this.events.close();
  }

  private fit(): void {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(TALLEST, this.box.scrollHeight)}px`;
    this.saveButton.disabled = !this.box.value.trim();
  }
}
