// What the library is doing: a line a job, with its progress and a stop. What failed, or has something to say, stays to
// be read.
import { h, iconButton, setText, show, textButton } from "./dom";
import { modelName, sizeOf } from "./format";
import { icon } from "./icons";
import type { JobView, LibraryView } from "./library_protocol";
import { jobTitle } from "./library_words";
import { Bar, sentences } from "./panel";

export class Jobs {
  readonly element = h("div", { class: "wb-ljobs" });
  private readonly lines = new Map<string, JobLine>();
  private readonly dismissed = new Set<string>();

  /** `stop` ends the job of that id. */
  constructor(private readonly stop: (job: string) => void) {
    show(this.element, false);
  }

  update(view: LibraryView): void {
    const names = new Map(view.rows.map((row) => [row.id, row.name]));
    const wanted = view.jobs.filter((job) => job.status === "running" || (worthReading(job) && !this.dismissed.has(job.id)));
    const ids = new Set(wanted.map((job) => job.id));
    for (const [id, line] of this.lines) {
      if (ids.has(id)) continue;
      line.element.remove();
      this.lines.delete(id);
    }
    for (const job of wanted) this.line(job.id).update(job, names.get(job.model) ?? modelName(job.model));
    show(this.element, wanted.length > 0);
  }

  private line(id: string): JobLine {
    let line = this.lines.get(id);
    if (!line) {
      const dismiss = (): void => {
        this.dismissed.add(id);
        this.lines.get(id)?.element.remove();
        show(this.element, this.element.childElementCount > 0);
      };
      line = new JobLine(() => this.stop(id), dismiss);
      this.lines.set(id, line);
      this.element.append(line.element);
    }
    return line;
  }
}

function worthReading(job: JobView): boolean {
  return job.status === "failed" || (job.status === "done" && job.message !== "");
}

class JobLine {
  readonly element: HTMLElement;
  private readonly title = h("b", { class: "wb-b wb-cut" });
  private readonly message = h("span", { class: "wb-t2 wb-cut" });
  private readonly amount = h("span", { class: "wb-end wb-t2 wb-num" });
  private readonly bar = new Bar("");
  private readonly going: HTMLElement;
  private readonly why = h("div", { class: "wb-grow" });
  private readonly ended: HTMLElement;
  private drawn = "";

  constructor(stop: () => void, dismiss: () => void) {
    const button = textButton("Stop", "wb-gh wb-sm", stop);
    this.going = h("div", { class: "wb-ljob" }, h("div", { class: "wb-fx" }, this.title, this.message, this.amount, button), this.bar.element);
    const close = h("span", { class: "wb-pclose" }, iconButton("x", "Dismiss", dismiss, true));
    this.ended = h("div", { class: "wb-note" }, this.why, close);
    this.element = h("div", {}, this.going, this.ended);
  }

  update(job: JobView, name: string): void {
    const running = job.status === "running";
    show(this.going, running);
    show(this.ended, !running);
    const title = jobTitle(job, name);
    if (!running) return this.drawEnd(job, title);
    setText(this.title, title);
    setText(this.message, job.message);
    setText(this.amount, job.total ? sizeOf(job.done, job.total) : "");
    this.bar.update(job.percent);
    this.bar.element.setAttribute("aria-label", title);
  }

  private drawEnd(job: JobView, title: string): void {
    if (this.drawn === job.status) return;
    this.drawn = job.status;
    const bad = job.status === "failed";
    this.ended.classList.toggle("wb-err", bad);
    if (bad) this.ended.setAttribute("role", "alert");
    this.ended.prepend(icon(bad ? "alert" : "check"));
    this.why.replaceChildren(h("b", { class: "wb-b" }, `${title}. `), job.error ? sentences(job.error) : job.message);
  }
}
