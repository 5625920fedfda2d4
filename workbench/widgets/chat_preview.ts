// What the model reads: the exact prompt of a local model, or the request that a server would get.
import { Dialog } from "./dialog";
import { confirmCopy, copyText, h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { count } from "./format";
import type { PreviewView } from "./protocol";

type Kind = "prompt" | "request";

export class PreviewDialog {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly numbers = h("span", { class: "wb-grow wb-t2" });
  private readonly tabs: Record<Kind, HTMLButtonElement>;
  private readonly seg: HTMLElement;
  private readonly copy: HTMLButtonElement;
  private readonly text = h("pre", { class: "wb-prev", tabindex: 0, "aria-label": "What the model reads" });
  private readonly note = h("p", { class: "wb-t2 wb-fs-s" });
  private readonly closeButton: HTMLButtonElement;
  private shown: PreviewView | null = null;
  private kind: Kind = "prompt";
  private asked = false;

  constructor(private readonly close: () => void, signal: AbortSignal) {
    this.dialog = new Dialog("dialog", () => this.leave(), signal);
    this.dialog.setTitle("What the model reads");
    const tab = (kind: Kind, words: string): HTMLButtonElement => {
      const button = h("button", { type: "button", role: "radio" }, words);
      button.addEventListener("click", () => this.choose(kind));
      return button;
    };
    this.tabs = { prompt: tab("prompt", "Prompt"), request: tab("request", "Request") };
    this.seg = h("div", { class: "wb-seg", role: "radiogroup", "aria-label": "Shown as" }, this.tabs.prompt, this.tabs.request);
    this.copy = iconButton("copy", "Copy", () => void copyText(this.text.textContent ?? "").then(() => confirmCopy(this.copy)), true);
    this.closeButton = textButton("Close", "", () => this.leave());
    this.dialog.body.append(h("div", { class: "wb-fx" }, this.numbers, this.seg, this.copy), this.text, this.note);
    this.dialog.foot.append(this.closeButton);
    this.element = this.dialog.element;
    this.element.classList.add("wb-wider");
  }

  /** This view asked for it: what comes is shown here. */
  open(): void {
    this.asked = true;
  }

  update(preview: PreviewView | null): void {
    if (!this.asked || preview === this.shown) return;
    this.shown = preview;
    if (!preview) return this.dialog.close();
    if (preview[this.kind] === null) this.kind = preview.prompt === null ? "request" : "prompt";
    setText(this.numbers, preview.busy ? "Counting…" : numbersOf(preview));
    setText(this.note, preview.note);
    show(this.note, preview.note !== "");
    show(this.seg, preview.prompt !== null && preview.request !== null);
    this.choose(this.kind);
    this.dialog.open(() => this.closeButton);
  }

  private choose(kind: Kind): void {
    this.kind = kind;
    for (const each of ["prompt", "request"] as const) setAttribute(this.tabs[each], "aria-checked", String(each === kind));
    setText(this.text, this.shown?.[kind] ?? "");
    show(this.text, Boolean(this.shown?.[kind]));
  }

  private leave(): void {
    this.asked = false;
    this.shown = null;
    this.dialog.close();
    this.close();
  }
}

/** "118 of 2,048 tokens; 512 left for the answer": what is not known is left out. */
export function numbersOf({ tokens, limit, reserved }: PreviewView): string {
  if (tokens === null) return "The count is known once it was answered.";
  const whole = limit === null ? "" : ` of ${count(limit)}`;
  const left = limit === null ? reserved : Math.min(reserved ?? limit, Math.max(0, limit - tokens));
  return `${count(tokens)}${whole} tokens${left === null ? "" : `; ${count(left)} left for the answer`}`;
}
