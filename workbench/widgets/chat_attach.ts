// What goes with the next message: dropped, pasted or chosen, shown as chips above the text. Knows no file's content.
import { h, iconButton, setAttribute, setText, show } from "./dom";
import { count } from "./format";
import { icon, type IconName } from "./icons";
import type { MenuGroups } from "./menu";
import type { Ack, AttachmentView, ErrorInfo, FileView, Request } from "./protocol";

/** Bytes of the largest file that is taken; the kernel says the same. */
export const MOST_BYTES = 20 * 2 ** 20;
/** Bytes of a piece, divisible by three: Jupyter closes its connection over messages of ten megabytes. */
const PIECE = 768 * 1024;
/** A pasted text of so many characters becomes an attachment: in the box nobody could read it. */
const LONG_TEXT = 4000;
const ICONS: Record<FileView["kind"], IconName> = {
  table: "table", image: "image", file: "file", output: "tocell", error: "alert",
};

export interface AttachEvents {
  ask(request: Request): Promise<Ack>;
  menu(opener: HTMLElement, label: string, groups: MenuGroups): void;
  /** Shows why something is not taken. */
  refuse(error: ErrorInfo): void;
  /** Gives the focus back to the text. */
  focus(): void;
}

export class Attachments {
  readonly button: HTMLButtonElement;
  readonly tray: HTMLElement;
  private readonly chips = h("div", { class: "wb-chips", role: "list", "aria-label": "Attached" });
  private readonly problem = h("div", { class: "wb-traynote", role: "status" });
  private readonly chooser = h("input", { type: "file", multiple: true, hidden: true, tabindex: -1, "aria-hidden": "true" });
  private drawn: AttachmentView[] | null = null;

  constructor(private readonly events: AttachEvents) {
    this.button = iconButton("attach", "Attach", () => events.menu(this.button, "Attach", this.groups()));
    setAttribute(this.button, "aria-haspopup", "menu");
    this.chooser.addEventListener("change", () => {
      this.take([...(this.chooser.files ?? [])]);
      this.chooser.value = ""; // so that the same file can be chosen again
    });
    this.tray = h("div", { class: "wb-tray" }, this.chips, this.problem, this.chooser);
    this.update([]);
  }

  /** Takes what is dropped anywhere in `root`, and what is pasted into `box`; ends with the signal. */
  listen(root: HTMLElement, box: HTMLElement, signal: AbortSignal): void {
    const over = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      root.classList.add("wb-dropping");
    };
    const leave = (event: DragEvent): void => {
      if (!root.contains(event.relatedTarget as Node | null)) root.classList.remove("wb-dropping");
    };
    const drop = (event: DragEvent): void => {
      root.classList.remove("wb-dropping");
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.take(files);
      this.events.focus();
    };
    root.addEventListener("dragenter", over, { signal });
    root.addEventListener("dragover", over, { signal });
    root.addEventListener("dragleave", leave, { signal });
    root.addEventListener("drop", drop, { signal });
    box.addEventListener("paste", (event) => this.paste(event), { signal });
  }

  update(attachments: AttachmentView[]): void {
    if (attachments === this.drawn) return;
    this.drawn = attachments;
    const hadFocus = this.chips.contains(document.activeElement);
    this.chips.replaceChildren(...attachments.map((each) => this.chip(each)));
    const problems = new Set(attachments.map(({ problem }) => problem).filter(Boolean));
    setText(this.problem, [...problems].join(" "));
    show(this.problem, problems.size > 0);
    show(this.chips, attachments.length > 0);
    if (hadFocus) (this.chips.querySelector<HTMLElement>("button") ?? { focus: () => this.events.focus() }).focus();
  }

  private chip(view: AttachmentView): HTMLElement {
    const remove = iconButton("x", `Remove ${view.name}`, () => void this.events.ask({ kind: "detach", attachment: view.id }), true);
    const element = chipOf(view, view.busy ? "reading…" : undefined);
    element.classList.toggle("wb-bad", view.problem !== "");
    setAttribute(element, "role", "listitem");
    setAttribute(element, "title", [view.name, view.note, view.problem].filter(Boolean).join(": "));
    element.append(remove);
    return element;
  }

  private groups(): MenuGroups {
    const last = (what: "output" | "error"): void => void this.events.ask({ kind: "attach_last", what });
    return [
      [{ label: "File or picture…", detail: "or drop, or paste", icon: "file", press: () => this.chooser.click() }],
      [
        { label: "Last output", detail: "of the notebook", icon: "tocell", press: () => last("output") },
        { label: "Last error", detail: "its traceback", icon: "alert", press: () => last("error") },
      ],
    ];
  }

  private paste(event: ClipboardEvent): void {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const files = [...(event.clipboardData?.files ?? [])];
    if (text.length >= LONG_TEXT) {
      event.preventDefault();
      void this.events.ask({ kind: "attach", attachment: newId(), name: "Pasted text", content: text });
    } else if (!text && files.length > 0) { // a sheet's cells come as text and as a picture: the text counts
      event.preventDefault();
      this.take(files);
    }
  }

  private take(files: File[]): void {
    for (const file of files) void this.upload(file);
  }

  /** Sends a file in pieces, each after the kernel took the one before. */
  private async upload(file: File): Promise<void> {
    const name = file.name || "picture";
    if (file.size > MOST_BYTES) {
      const next = `Attach it by its path, from a cell: \`chat.attach("${name}")\`.`;
      return this.refuse(`${name} is too large: more than ${MOST_BYTES / 2 ** 20} MB.`, next);
    }
    const attachment = newId();
    let at = 0;
    do {
      let data: string;
      try {
        data = await base64(file.slice(at, at + PIECE));
      } catch {
        if (at > 0) void this.events.ask({ kind: "detach", attachment });
        return this.refuse(`${name} could not be read.`, "Drop files, not folders.");
      }
      at += PIECE;
      const ack = await this.events.ask({ kind: "attach", attachment, name, data, more: at < file.size });
      if (!ack.ok) return;
    } while (at < file.size);
  }

  private refuse(message: string, next_step: string): void {
    this.events.refuse({ kind: "FolderError", message, next_step, details: "", retryable: false });
  }
}

/** What came with a message that was sent: pictures as they are, the rest as chips. */
export function sentFiles(files: FileView[]): HTMLElement[] {
  return files.map((file) => {
    const about = [file.name, file.note].filter(Boolean).join(": ");
    if (file.thumb) return h("img", { class: "wb-pic", src: file.thumb, alt: file.name, title: about });
    const chip = chipOf(file);
    chip.classList.add("wb-ro");
    setAttribute(chip, "title", about);
    return chip;
  });
}

/** Icon or picture, name, and the size in tokens or other `words`. */
function chipOf(file: FileView, words = sizeOf(file)): HTMLElement {
  const sign = file.thumb ? h("img", { src: file.thumb, alt: "" }) : icon(ICONS[file.kind]);
  return h("span", { class: "wb-att" }, sign, h("span", { class: "wb-cut" }, file.name), words ? h("span", { class: "wb-t3" }, words) : null);
}

function sizeOf(file: FileView): string {
  if (file.tokens === null) return file.note.startsWith("shrunk") ? "shrunk" : "";
  return `${file.about ? "about " : ""}${count(file.tokens)} token${file.tokens === 1 ? "" : "s"}`;
}

function base64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve((reader.result as string).replace(/^[^,]*,?/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
