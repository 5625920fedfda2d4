// A file picker over the kernel's disk: takes in a model, or adds a folder to look in from now on.
import { Dialog } from "./dialog";
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { size } from "./format";
import { icon } from "./icons";
import type { FolderView, ImportMode } from "./library_protocol";
import { sentences } from "./panel";
import type { Ack } from "./protocol";

export interface ImportEvents {
  look(path: string | null): Promise<Ack>;
  import(path: string, mode: ImportMode): Promise<Ack>;
  add(path: string): Promise<Ack>;
  remove(path: string): void;
}

const MODES: [ImportMode, string, string][] = [
  ["link", "Link", "The file stays where it is; nothing is stored twice."],
  ["copy", "Copy", "A second copy in the workbench's own folder."],
  ["move", "Move", "It goes into the workbench's own folder."],
];

let numbered = 0;

export class ImportDialog {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly field: HTMLInputElement;
  private readonly up: HTMLButtonElement;
  private readonly list = h("div", { class: "wb-lpick", role: "listbox", "aria-label": "Files", tabindex: 0 });
  private readonly modes = h("div", { class: "wb-seg", role: "radiogroup", "aria-label": "How" });
  private readonly modeWords = h("span", { class: "wb-fs-s wb-t2" });
  private readonly modeLine: HTMLElement;
  private readonly added = h("div", { class: "wb-ladded" });
  private readonly wrong = h("div", { class: "wb-note wb-err", role: "alert" });
  private readonly go: HTMLButtonElement;
  private purpose: "import" | "folder" = "import";
  private mode: ImportMode = "link";
  private folder: FolderView | null = null;
  /** What would be taken in: a file that was chosen, else the folder itself. */
  private chosen: string | null = null;
  private active = -1;
  private asked = 0;

  constructor(private readonly events: ImportEvents, signal: AbortSignal) {
    this.dialog = new Dialog("dialog", () => this.dialog.close(), signal);
    this.field = h("input", { type: "text", "aria-label": "Folder", spellcheck: "false", autocomplete: "off" });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      void this.look(this.field.value.trim() || null);
    });
    this.up = iconButton("up", "The folder above", () => void this.look(this.folder?.parent ?? null), true);
    this.list.id = `wb-pick-${++numbered}`;
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.modes.append(...MODES.map(([mode, label]) => this.modeButton(mode, label)));
    this.modes.addEventListener("keydown", (event) => this.modeKey(event));
    this.modeLine = h("div", { class: "wb-fx wb-gap3 wb-lmode" }, this.modes, this.modeWords);
    this.go = textButton("Import", "wb-pri", () => void this.take());
    const path = h("div", { class: "wb-fx wb-gap1" }, this.up, h("div", { class: "wb-field wb-sm wb-grow" }, icon("folder", true), this.field));
    this.dialog.body.append(path, this.list, this.modeLine, this.added, this.wrong);
    this.dialog.foot.append(textButton("Cancel", "", () => this.dialog.close()), this.go);
    this.element = this.dialog.element;
    this.setMode("link");
  }

  open(purpose: "import" | "folder"): void {
    this.purpose = purpose;
    this.dialog.setTitle(purpose === "import" ? "Import a model" : "Add a folder");
    show(this.modeLine, purpose === "import");
    show(this.added, purpose === "folder" && this.added.childElementCount > 0);
    show(this.wrong, false);
    this.dialog.open(() => this.list);
    void this.look(this.folder?.path ?? null);
  }

  /** The folders a person added, each with a way to take it away. */
  update(folders: string[]): void {
    const lines = folders.map((path) => {
      const away = textButton("Remove", "wb-gh wb-sm", () => this.events.remove(path));
      setAttribute(away, "aria-label", `Look in ${path} no longer`);
      return h("div", { class: "wb-fx" }, icon("folder", true), h("span", { class: "wb-cut wb-grow", title: path }, path), away);
    });
    const head = h("div", { class: "wb-lbl" }, "Added; removing one leaves its files alone");
    this.added.replaceChildren(...(lines.length ? [head, ...lines] : []));
    show(this.added, this.purpose === "folder" && lines.length > 0);
  }

  private async look(path: string | null): Promise<void> {
    const number = ++this.asked;
    const ack = await this.events.look(path);
    if (number !== this.asked) return;
    if (!ack.ok) return this.refused(ack);
    show(this.wrong, false);
    this.folder = ack.data as FolderView;
    this.chosen = null;
    this.active = -1;
    this.draw();
  }

  private draw(): void {
    const folder = this.folder!;
    if (document.activeElement !== this.field || this.field.value !== folder.path) this.field.value = folder.path;
    this.up.disabled = folder.parent === null;
    const folders = folder.folders.map((each) => this.line("folder", each.name, each.model ? "model" : "", () => void this.look(each.path)));
    const files = folder.files.map((each) => this.line("file", each.name, size(each.size), () => this.choose(each.path), each.path));
    const listed = this.purpose === "import" ? [...folders, ...files] : folders;
    const none = this.purpose === "import" ? "No folders and no model files here." : "No folders here.";
    this.list.replaceChildren(...(listed.length ? listed : [h("div", { class: "wb-lnothing wb-t3" }, none)]));
    this.list.scrollTop = 0;
    this.drawChoice();
  }

  private line(kind: "folder" | "file", name: string, detail: string, press: () => void, path?: string): HTMLElement {
    const line = h(
      "div",
      { class: "wb-opt", role: "option", id: `${this.list.id}-${kind}-${name}`, "aria-selected": "false", title: name },
      icon(kind, true),
      h("span", { class: "wb-cut wb-grow" }, name),
      h("span", { class: "wb-num wb-fs-s wb-t2" }, detail),
      kind === "folder" ? icon("right", true) : null,
    );
    if (path) line.dataset.path = path;
    line.addEventListener("click", () => {
      this.active = this.lines().indexOf(line);
      press();
    });
    return line;
  }

  private lines(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>('[role="option"]')];
  }

  private choose(path: string): void {
    this.chosen = this.chosen === path ? null : path;
    this.drawChoice();
  }

  private drawChoice(): void {
    for (const [at, line] of this.lines().entries()) {
      const on = line.dataset.path !== undefined && line.dataset.path === this.chosen;
      setAttribute(line, "aria-selected", String(on));
      line.classList.toggle("wb-on", on);
      line.classList.toggle("wb-is-focus", at === this.active && document.activeElement === this.list);
    }
    setAttribute(this.list, "aria-activedescendant", this.lines()[this.active]?.id ?? null);
    const words = this.purpose === "folder" ? "Add this folder" : this.chosen ? "Import this file" : "Import this folder";
    setText(this.go.querySelector("span")!, words);
    this.go.disabled = this.folder === null || (this.purpose === "import" && !this.chosen && !this.folder.model);
  }

  private key(event: KeyboardEvent): void {
    const lines = this.lines();
    const last = lines.length - 1;
    const to: Record<string, number> = { ArrowDown: Math.min(this.active + 1, last), ArrowUp: Math.max(this.active - 1, 0), Home: 0, End: last };
    if (event.key in to) {
      this.active = to[event.key]!;
      lines[this.active]?.scrollIntoView?.({ block: "nearest" });
      this.drawChoice();
    } else if (event.key === "Enter" || event.key === " ") {
      lines[this.active]?.click();
    } else if (event.key === "Backspace" || event.key === "ArrowLeft") {
      if (this.folder?.parent) void this.look(this.folder.parent);
    } else return;
    event.preventDefault();
  }

  private modeButton(mode: ImportMode, label: string): HTMLElement {
    const button = h("button", { type: "button", role: "radio", "data-mode": mode }, label);
    button.addEventListener("click", () => this.setMode(mode));
    return button;
  }

  private modeKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = MODES.findIndex(([mode]) => mode === this.mode);
    this.setMode(MODES[(at + step + MODES.length) % MODES.length]![0]);
    this.modes.querySelector<HTMLElement>('[aria-checked="true"]')?.focus();
  }

  private setMode(mode: ImportMode): void {
    this.mode = mode;
    for (const button of this.modes.querySelectorAll<HTMLElement>("button")) {
      const on = button.dataset.mode === mode;
      setAttribute(button, "aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    }
    setText(this.modeWords, MODES.find(([each]) => each === mode)![2]);
  }

  private async take(): Promise<void> {
    if (!this.folder) return;
    const path = this.chosen ?? this.folder.path;
    const ack = await (this.purpose === "folder" ? this.events.add(path) : this.events.import(path, this.mode));
    if (ack.ok) this.dialog.close();
    else this.refused(ack);
  }

  private refused(ack: Ack): void {
    show(this.wrong, true);
    this.wrong.replaceChildren(icon("alert"), h("div", { class: "wb-grow" }, ack.error ? sentences(ack.error) : ""));
  }
}
