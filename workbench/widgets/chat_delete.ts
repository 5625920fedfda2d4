// What deleting a message takes along, shown before anything goes.
import { Dialog } from "./dialog";
import { h, setText, textButton } from "./dom";
import { plural } from "./format";
import type { MessageView } from "./protocol";

export class BranchPlan {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly words = h("p", { class: "wb-t2" });
  private readonly beginning = h("blockquote", { class: "wb-begin" });
  private readonly keep: HTMLButtonElement;
  private readonly go: HTMLButtonElement;
  private message: string | null = null;

  constructor(private readonly remove: (message: string) => void, signal: AbortSignal) {
    this.dialog = new Dialog("alertdialog", () => this.dialog.close(), signal);
    this.keep = textButton("Keep", "", () => this.dialog.close());
    this.go = textButton("Delete", "wb-dan", () => this.execute(), "trash");
    this.dialog.body.append(this.words, this.beginning);
    this.dialog.foot.append(this.keep, this.go);
    this.element = this.dialog.element;
  }

  /** `below` are the messages that follow it in the conversation shown. */
  open(message: MessageView, below: MessageView[]): void {
    this.message = message.id;
    this.dialog.setTitle(message.role === "assistant" ? "Delete this answer" : "Delete this message");
    setText(this.words, planWords(message, below));
    setText(this.beginning, message.text.slice(0, 280));
    const count = 1 + below.length;
    setText(this.go.querySelector("span")!, count === 1 ? "Delete 1 message" : `Delete ${plural(count, "message")}`);
    this.dialog.open(() => this.keep);
  }

  private execute(): void {
    this.dialog.close();
    if (this.message !== null) this.remove(this.message);
  }
}

/** "Deletes this message and the 5 below, with their other versions. The other 2 versions of this one stay." */
export function planWords(message: MessageView, below: MessageView[]): string {
  const rest = below.length === 0 ? "" : below.length === 1 ? " and the one below" : ` and the ${below.length} below`;
  const versions = below.some(({ place }) => place.count > 1) ? ", with their other versions" : "";
  const others = message.place.count - 1;
  const stay = others === 0 ? "" : others === 1 ? " Its other version stays." : ` Its other ${others} versions stay.`;
  return `Deletes this message${rest}${versions}.${stay} This cannot be undone.`;
}
