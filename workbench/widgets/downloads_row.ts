// One download: a row of 52 px, its files on demand, and why it failed. Updated in place, so focus and slots stay.
import { Bar, sentences } from "./panel";
import { h, iconButton, prose, setAttribute, setText, show, textButton } from "./dom";
import { aboutRow, fileLines, speedOf, statusWords, timeOf, wholePercent } from "./downloads_words";
import type { DownloadsRequest, DownloadView, FileView } from "./downloads_protocol";
import { duration, size, sizeOf, speed } from "./format";
import { icon } from "./icons";

export interface RowEvents {
  ask(request: DownloadsRequest): void;
  chat(row: DownloadView): void;
}

let numbered = 0;

export class DownloadRow {
  readonly element: HTMLElement;
  /** Opens the files; the row's place in the tab order. */
  readonly toggle: HTMLButtonElement;
  row: DownloadView;
  private open = false;
  private readonly name = h("div", { class: "wb-b wb-cut" });
  private readonly about = h("div", { class: "wb-n2 wb-cut" });
  private readonly word = h("b", { class: "wb-b" });
  private readonly at = h("span");
  private readonly left = h("span", { class: "wb-nn" });
  private readonly aside = h("span", { class: "wb-t2 wb-cut wb-daside" });
  private readonly bar = new Bar("");
  private readonly speed = h("span", { class: "wb-num wb-dspeed" });
  private readonly time = h("span", { class: "wb-num wb-dtime" });
  private readonly files: Files;
  private readonly why = new Why();
  private readonly buttons: Record<"pause" | "resume" | "retry" | "chat" | "cancel", HTMLButtonElement>;

  constructor(row: DownloadView, events: RowEvents) {
    this.row = row;
    const id = `wb-download-${++numbered}`;
    this.files = new Files(`${id}-files`);
    const twisty = h("span", { class: "wb-tw" }, icon("right"));
    const attributes = { type: "button", class: "wb-dtoggle", "aria-expanded": "false", "aria-controls": this.files.element.id };
    this.toggle = h("button", attributes, twisty, h("span", { class: "wb-dname" }, this.name, this.about));
    this.toggle.addEventListener("click", () => this.setOpen(!this.open));
    const one = (kind: "pause_download" | "resume_download" | "cancel_download") => () =>
      events.ask({ kind, download: this.row.id });
    this.buttons = {
      pause: iconButton("pause", "Pause", one("pause_download"), true),
      resume: iconButton("play", "Resume", one("resume_download"), true),
      retry: textButton("Retry", "wb-sm", one("resume_download"), "retry"),
      chat: textButton("Chat", "wb-sm", () => events.chat(this.row), "chat"),
      cancel: iconButton("x", "Cancel", one("cancel_download"), true),
    };
    const words = h("span", { class: "wb-dword wb-cut" }, this.word, this.at);
    const progress = h("div", { class: "wb-pg" }, h("div", { class: "wb-dline" }, words, this.left, this.aside), this.bar.element);
    const acts = h("div", { class: "wb-dacts" }, ...Object.values(this.buttons));
    this.element = h(
      "div",
      { class: "wb-ditem", role: "listitem", "data-download": row.id },
      h("div", { class: "wb-d" }, this.toggle, progress, this.speed, this.time, acts),
      this.files.element,
      this.why.element,
    );
    this.update(row);
  }

  setOpen(open: boolean): void {
    this.open = open;
    setAttribute(this.toggle, "aria-expanded", String(open));
    this.element.classList.toggle("wb-open", open);
    show(this.files.element, open);
    if (open) this.files.update(this.row.files);
  }

  /** Whether Tab stops at this row. */
  setTabbable(tabbable: boolean): void {
    for (const button of this.element.querySelectorAll("button")) button.tabIndex = tabbable ? 0 : -1;
  }

  /** Pauses it, or goes on with it: what the key P does. */
  pauseOrResume(): void {
    const { pause, resume, retry } = this.buttons;
    [pause, resume, retry].find((button) => !button.hidden)?.click();
  }

  cancel(): void {
    if (!this.buttons.cancel.hidden) this.buttons.cancel.click();
  }

  update(row: DownloadView): void {
    this.row = row;
    const words = statusWords(row);
    setText(this.name, row.name);
    setAttribute(this.name, "title", row.model);
    setText(this.about, aboutRow(row));
    setText(this.word, words.word);
    setAttribute(this.word, "class", row.status === "failed" ? "wb-b wb-err" : "wb-b");
    setText(this.at, words.at ? ` ${words.at}` : "");
    setText(this.aside, words.aside);
    setAttribute(this.aside, "title", row.note || null);
    setText(this.left, row.seconds_left === null ? "" : `${duration(row.seconds_left)} left`);
    this.bar.update(row.status === "done" ? 100 : row.percent, words.tone);
    setAttribute(this.bar.element, "aria-label", `${row.name}, ${words.word}`);
    this.element.classList.toggle("wb-done", row.status === "done");
    setText(this.speed, speed(speedOf(row)));
    setText(this.time, timeOf(row));
    this.updateButtons(row);
    this.why.update(row);
    if (this.open) this.files.update(row.files);
  }

  private updateButtons(row: DownloadView): void {
    const focused = this.element.ownerDocument.activeElement;
    const { pause, resume, retry, chat, cancel } = this.buttons;
    const going = ["queued", "starting", "downloading"].includes(row.status);
    show(pause, going);
    show(resume, row.status === "paused" || row.status === "cancelled");
    show(retry, row.status === "failed");
    show(chat, row.status === "done");
    show(cancel, going || row.status === "paused" || row.status === "verifying");
    const label = row.status === "cancelled" ? "Download again" : "Resume";
    for (const name of ["aria-label", "title"]) setAttribute(resume, name, label);
    if (focused instanceof HTMLButtonElement && focused.hidden && this.element.contains(focused)) {
      (Object.values(this.buttons).find((button) => !button.hidden) ?? this.toggle).focus({ preventScroll: true });
    }
  }
}

/** The files of a download, a line each. */
class Files {
  readonly element: HTMLElement;
  private readonly lines = new Map<string, FileLine>();

  constructor(id: string) {
    this.element = h("div", { class: "wb-dfiles", role: "list", "aria-label": "Files", id });
    this.element.hidden = true;
  }

  update(files: FileView[]): void {
    const wanted = fileLines(files);
    for (const file of wanted) {
      let line = this.lines.get(file.path);
      if (!line) {
        line = new FileLine();
        this.lines.set(file.path, line);
        this.element.append(line.element);
      }
      line.update(file);
    }
    const paths = new Set(wanted.map((file) => file.path));
    for (const [path, line] of this.lines) {
      if (paths.has(path)) continue;
      line.element.remove();
      this.lines.delete(path);
    }
    this.element.classList.toggle("wb-nofiles", wanted.length === 0);
  }
}

class FileLine {
  readonly element: HTMLElement;
  private readonly name = h("span", { class: "wb-cut" });
  private readonly bar = new Bar("");
  private readonly percent = h("span", { class: "wb-dpercent" });
  private readonly state = h("span", { class: "wb-fx wb-dstate" });
  private readonly speed = h("span", { class: "wb-num wb-dspeed" });
  private readonly amount = h("span", { class: "wb-num" });
  private readonly parts = h("span", { class: "wb-num wb-t3 wb-dparts" });
  private drawn = "";

  constructor() {
    const progress = h("span", { class: "wb-fx" }, this.bar.element, this.percent, this.state);
    this.element = h("div", { class: "wb-dfile", role: "listitem" }, this.name, progress, this.speed, this.amount, this.parts);
  }

  update(file: FileView): void {
    const percent = file.size ? (100 * file.done) / file.size : 100;
    const going = file.status === "downloading";
    setText(this.name, file.path);
    setAttribute(this.name, "title", file.path);
    show(this.bar.element, going);
    show(this.percent, going);
    show(this.state, !going);
    this.bar.update(percent);
    setAttribute(this.bar.element, "aria-label", file.path);
    setText(this.percent, wholePercent(percent));
    if (this.drawn !== file.status) this.drawState(file.status);
    setText(this.speed, going ? speed(file.speed) : "");
    setText(this.amount, file.status === "done" || file.done === 0 ? size(file.size) : sizeOf(file.done, file.size));
    setText(this.parts, going && file.parts > 1 ? `${file.parts} parts` : "");
  }

  private drawState(status: FileView["status"]): void {
    this.drawn = status;
    const words = { done: "verified", verifying: "verifying", waiting: "waiting", failed: "failed", downloading: "" }[status];
    const sign = status === "done" ? icon("check", true) : status === "failed" ? icon("alert", true) : null;
    this.state.replaceChildren(...(sign ? [sign, words] : [words]));
    const tone = { done: "wb-ok", failed: "wb-err", verifying: "wb-t2", waiting: "wb-t3", downloading: "" }[status];
    setAttribute(this.state, "class", `wb-fx wb-dstate ${tone}`);
  }
}

/** Why a download failed, where its result would stand. */
class Why {
  readonly element: HTMLElement;
  private readonly words = h("div", { class: "wb-grow" });
  private readonly details = h("pre", { class: "wb-pdetails" });
  private readonly more: HTMLButtonElement;
  private drawn = "";

  constructor() {
    this.more = textButton("Details", "wb-gh wb-sm", () => this.setOpen(this.details.hidden));
    const acts = h("span", { class: "wb-pacts" }, this.more);
    const note = h("div", { class: "wb-note wb-err" }, icon("alert"), this.words, acts);
    this.element = h("div", { class: "wb-dwhy" }, note, this.details);
    this.setOpen(false);
  }

  update(row: DownloadView): void {
    const error = row.status === "failed" ? row.error : null;
    show(this.element, error !== null);
    const stamp = error ? sentences(error) + error.details : "";
    if (!error || stamp === this.drawn) return;
    this.drawn = stamp;
    const first = h("b", { class: "wb-b" }, ...prose(error.message));
    this.words.replaceChildren(first, ...prose(error.next_step ? ` ${error.next_step}` : ""));
    setText(this.details, error.details);
    show(this.more, error.details !== "");
    this.setOpen(false);
  }

  private setOpen(open: boolean): void {
    show(this.details, open);
    setAttribute(this.more, "aria-expanded", String(open));
  }
}
