// One view of the downloads: the sum of them, then a row each. The order of rows is the kernel's and never changes.
import { chatLine, insertBelow } from "./cells";
import { h, setAttribute, setText, show, textButton } from "./dom";
import { DownloadRow } from "./downloads_row";
import { countsWords, spoken, wholePercent } from "./downloads_words";
import type { DownloadsRequest, DownloadsStore, DownloadsView, DownloadView } from "./downloads_protocol";
import { duration, size, sizeOf, speed } from "./format";
import { Bar, Panel } from "./panel";
import type { Model } from "./protocol";

const BROWSE = "wb.browse()";

export class DownloadsPanel {
  readonly element: HTMLElement;
  private readonly panel: Panel;
  private readonly total: Total;
  private readonly list = h("div", { class: "wb-dlist", role: "list", "aria-label": "Downloads" });
  private readonly empty: Empty;
  private readonly rows = new Map<string, DownloadRow>();
  private active: string | null = null;

  /** `single`: the one download of a cell, as a row with its files open. */
  constructor(
    private readonly store: DownloadsStore,
    private readonly model: Model,
    private readonly single: boolean,
    signal: AbortSignal,
  ) {
    const ask = (request: DownloadsRequest): void => void this.ask(request);
    this.total = new Total(ask);
    this.empty = new Empty(() => this.insert(BROWSE, "find a model"));
    const parts = single ? [this.list] : [this.total.element, this.list, this.empty.element];
    const label = single ? "Download" : "Downloads";
    this.panel = new Panel(label, single ? "wb-downloads wb-single" : "wb-downloads", parts, () => this.paint(), signal);
    this.element = this.panel.element;
    this.list.addEventListener("keydown", (event) => this.key(event), { signal });
    this.list.addEventListener("focusin", (event) => this.focused(event), { signal });
    store.subscribe(() => this.panel.schedule(), signal);
    this.paint();
  }

  private async ask(request: DownloadsRequest): Promise<void> {
    const ack = await this.store.request(request);
    this.panel.notice.refusal(ack.ok ? null : ack.error);
  }

  private chat(row: DownloadView): void {
    void this.ask({ kind: "chat_with", model: row.model });
    this.insert(chatLine(row.model), "chat");
  }

  /** Puts a line into a cell below, or shows it where the host takes none. */
  private insert(line: string, purpose: string): void {
    const done = insertBelow(this.model, this.element, line);
    this.panel.notice.word(done ? `Run the new cell below to ${purpose}: \`${line}\`` : `In a cell: \`${line}\``);
  }

  private paint(): void {
    const { view, live } = this.store;
    this.panel.setLive(live);
    this.element.classList.toggle("wb-connecting", !view);
    if (!view) return;
    this.panel.setSession(view.id);
    this.total.update(view, live);
    this.empty.update(view);
    this.panel.notice.session(view.notice);
    show(this.total.element, view.rows.length > 0);
    show(this.empty.element, view.rows.length === 0);
    show(this.list, view.rows.length > 0);
    const news = view.rows.map((row) => this.paintRow(row)).filter(Boolean);
    this.dropRows(new Set(view.rows.map((row) => row.id)));
    if (news.length) this.panel.say(news.join(". "));
    if (this.single && view.rows[0]) setAttribute(this.element, "aria-label", `Download of ${view.rows[0].name}`);
    if (this.active === null || !this.rows.has(this.active)) this.setActive(view.rows[0]?.id ?? null);
  }

  /** Draws a row; returns what a screen reader is to hear of it. */
  private paintRow(row: DownloadView): string {
    const drawn = this.rows.get(row.id);
    if (drawn) {
      const words = spoken(drawn.row, row);
      if (drawn.row !== row) drawn.update(row);
      return words;
    }
    const fresh = new DownloadRow(row, { ask: (request) => void this.ask(request), chat: (of) => this.chat(of) });
    fresh.setTabbable(false);
    if (this.single) fresh.setOpen(true);
    this.rows.set(row.id, fresh);
    this.list.append(fresh.element);
    return "";
  }

  private dropRows(kept: Set<string>): void {
    for (const [id, row] of this.rows) {
      if (kept.has(id)) continue;
      const focused = row.element.contains(document.activeElement);
      row.element.remove();
      this.rows.delete(id);
      if (focused) this.element.focus({ preventScroll: true });
    }
  }

  /** The row at which Tab stops. */
  private setActive(id: string | null): void {
    if (this.active !== null) this.rows.get(this.active)?.setTabbable(false);
    this.active = id;
    if (id !== null) this.rows.get(id)?.setTabbable(true);
  }

  private focused(event: FocusEvent): void {
    const id = event.target instanceof Element && event.target.closest<HTMLElement>("[data-download]")?.dataset.download;
    if (id && id !== this.active) this.setActive(id);
  }

  private key(event: KeyboardEvent): void {
    const rows = [...this.rows.values()];
    const at = rows.findIndex((row) => row.row.id === this.active);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in to) rows[to[event.key]!]?.toggle.focus();
    else if (event.key.toLowerCase() === "p") rows[at]?.pauseOrResume();
    else if (event.key === "Delete") rows[at]?.cancel();
    else return;
    event.preventDefault();
  }
}

/** All downloads as one: percent, bytes, speed, time left, and what can be done to all. */
class Total {
  readonly element: HTMLElement;
  private readonly percent = h("span", { class: "wb-dbig" });
  private readonly amount = h("span", { class: "wb-damount" });
  private readonly speed = h("span", { class: "wb-t2 wb-dslot" });
  private readonly left = h("span");
  private readonly without = h("span", { class: "wb-drest" }, ", without what is paused");
  private readonly bar = new Bar("All downloads", "wb-l");
  private readonly counts = h("div", { class: "wb-fs-s wb-t3" });
  private readonly clear: HTMLButtonElement;
  private readonly pause: HTMLButtonElement;
  private readonly resume: HTMLButtonElement;

  constructor(ask: (request: DownloadsRequest) => void) {
    this.clear = textButton("Clear finished", "wb-gh wb-sm", () => ask({ kind: "clear_finished" }));
    this.pause = textButton("Pause all", "wb-sm", () => ask({ kind: "pause_download", download: null }), "pause");
    this.resume = textButton("Resume all", "wb-sm", () => ask({ kind: "resume_download", download: null }), "play");
    const buttons = h("span", { class: "wb-end wb-fx wb-gap1" }, this.clear, this.pause, this.resume);
    const line = h("div", { class: "wb-dsum" }, this.percent, this.amount, this.speed, h("span", { class: "wb-t2" }, this.left, this.without), buttons);
    this.element = h("div", { class: "wb-dtot" }, line, this.bar.element, this.counts);
  }

  update(view: DownloadsView, live: boolean): void {
    const { total, counts, disk } = view;
    const going = counts.running + counts.waiting > 0;
    setText(this.percent, wholePercent(total.percent));
    setText(this.amount, total.total === null ? size(total.done) : sizeOf(total.done, total.total));
    setText(this.speed, total.speed === null ? "" : speed(total.speed));
    setText(this.left, total.seconds_left === null ? "" : `${duration(total.seconds_left)} left`);
    show(this.without, total.seconds_left !== null && counts.paused > 0);
    this.bar.update(total.percent, going ? "" : counts.failed ? "wb-err" : counts.paused ? "wb-hold" : "wb-ok");
    setText(this.counts, countsWords(view));
    this.counts.classList.toggle("wb-err", disk.after !== null && disk.after < 0);
    const ended = view.rows.some((row) => ["done", "failed", "cancelled"].includes(row.status));
    show(this.clear, live && ended);
    const focused = document.activeElement;
    show(this.pause, live && going);
    show(this.resume, live && !going && counts.paused > 0);
    if (focused === this.pause && this.pause.hidden && !this.resume.hidden) this.resume.focus();
    if (focused === this.resume && this.resume.hidden && !this.pause.hidden) this.pause.focus();
  }
}

/** What stands there when there is nothing to do. */
class Empty {
  readonly element: HTMLElement;
  private readonly free = h("span", { class: "wb-t2" });

  constructor(browse: () => void) {
    const button = textButton("Browse models", "wb-sm", browse, "search");
    this.element = h("div", { class: "wb-pempty" }, h("b", { class: "wb-b" }, "Nothing is being downloaded"), this.free, button);
  }

  update(view: DownloadsView): void {
    setText(this.free, view.disk.free === null ? "" : `${size(view.disk.free)} free on this disk`);
  }
}
