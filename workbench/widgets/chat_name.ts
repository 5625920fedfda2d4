// Asks for one name: a chat's title, what a preset or a prompt is kept as.
import { Dialog } from "./dialog";
import { h, setText, show, textButton } from "./dom";
import type { Ack } from "./protocol";

export class NameDialog {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly field = h("input", { type: "text", autocomplete: "off", spellcheck: "false", maxlength: 200 });
  private readonly words = h("p", { class: "wb-t2 wb-fs-s" });
  private readonly wrong = h("p", { class: "wb-err wb-fs-s", role: "alert" });
  private save: ((name: string) => Promise<Ack>) | null = null;

  constructor(signal: AbortSignal) {
    this.dialog = new Dialog("dialog", () => this.dialog.close(), signal);
    this.dialog.body.append(h("div", { class: "wb-field" }, this.field), this.words, this.wrong);
    this.dialog.foot.append(textButton("Cancel", "", () => this.dialog.close()), textButton("Save", "wb-pri", () => void this.take()));
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      void this.take();
    });
    this.element = this.dialog.element;
  }

  /** `words` stand below the field; `save` gets the name, and the dialog stays open when it is refused. */
  open(title: string, value: string, words: string, save: (name: string) => Promise<Ack>): void {
    this.save = save;
    this.dialog.setTitle(title);
    this.field.setAttribute("aria-label", title);
    this.field.value = value;
    setText(this.words, words);
    show(this.wrong, false);
    this.dialog.open(() => this.field);
    this.field.select();
  }

  private async take(): Promise<void> {
    const ack = await this.save?.(this.field.value.trim());
    if (!ack || ack.ok) return this.dialog.close();
    setText(this.wrong, [ack.error?.message, ack.error?.next_step].filter(Boolean).join(" "));
    show(this.wrong, true);
  }
}
