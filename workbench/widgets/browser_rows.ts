// One model of the result as a row: what it is, whether it fits, and the one thing to do with it now.
import { h, setAttribute, setText, show } from "./dom";
import { duration, size, speed } from "./format";
import { icon, type IconName } from "./icons";
import type { RowState, RowView, Verdict } from "./browser_protocol";
import type { RowElement } from "./virtual";

/** What a row shows, and how the browser stands. */
export interface RowFacts {
  /** null while it is being read. */
  row: RowView | null;
  state: RowState | null;
  open: boolean;
  offline: boolean;
  token: boolean;
}

/** What can be done with a row; the name is in `data-act` of the control. */
export type RowAct = "download" | "access" | "pause" | "resume" | "cancel" | "chat" | "more";

const RUNNING = new Set(["queued", "starting", "downloading", "verifying", "paused"]);
const HERE = new Set(["ready", "loading", "loaded", "broken", "done"]);
const VERDICTS: Record<Verdict, [string, string]> = {
  fits: ["Fits", "wb-ok"], tight: ["Tight", "wb-warn"], "too big": ["Too big", "wb-err"], unknown: ["Unknown", ""],
};

/** Whether a download of it is under way. */
export function isRunning(state: RowState): boolean {
  return RUNNING.has(state.status);
}

/** Whether its files are on this machine. */
export function isHere(state: RowState): boolean {
  return HERE.has(state.status);
}

/** 4.0B, "30.5B, 3.3B active", 135M; null is left out. */
export function parameters(total: number | null, active: number | null): string | null {
  if (total === null) return null;
  return active === null ? scaled(total) : `${scaled(total)}, ${scaled(active)} active`;
}

function scaled(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(value >= 1e11 ? 0 : 1)}B`;
  return value >= 1e6 ? `${Math.round(value / 1e6)}M` : `${Math.round(value / 1e3)}K`;
}

/** 312, 48.7k, 1.2M. */
export function short(value: number | null): string {
  if (value === null) return "–";
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  return value >= 1000 ? `${(value / 1000).toFixed(1)}k` : String(value);
}

/** "4bit" reads "4-bit", "q4_k_m" as its files have it; "bf16" stays. */
export function quantizationName(name: string): string {
  if (/^(bf|fp)\d+$/i.test(name)) return name.toLowerCase();
  return /^\d+bit$/i.test(name) ? name.replace(/bit$/i, "-bit") : name.toUpperCase();
}

export class ModelRow implements RowElement {
  readonly element: HTMLElement;
  private readonly org = h("span", { class: "wb-org wb-cut" });
  private readonly name = h("b", { class: "wb-cut" });
  private readonly gated = h("span", { class: "wb-bdg" }, icon("lock"), h("span", { class: "wb-hn2" }, "gated"));
  private readonly second = h("span", { class: "wb-nn" });
  private readonly facts = h("span");
  private readonly size = h("span", { class: "wb-num wb-hn", role: "gridcell" });
  private readonly fit = h("div", { class: "wb-fit wb-hn2", role: "gridcell" });
  private readonly verdict = h("span", { class: "wb-w" });
  private readonly needs = h("span", { class: "wb-t2" });
  private readonly share = h("span", { class: "wb-bar" }, h("i"));
  private readonly speed = h("span", { class: "wb-num wb-hn", role: "gridcell" });
  private readonly downloads = h("div");
  private readonly likes = h("div", { class: "wb-fs-s wb-t3" });
  private readonly acts = new Acts();
  private drawn: RowFacts | null = null;

  constructor(private readonly factsOf: (index: number) => RowFacts) {
    this.fit.append(h("div", { class: "wb-l" }, this.verdict, this.needs), this.share);
    const name = h(
      "div",
      { class: "wb-nm", role: "gridcell" },
      h("div", { class: "wb-n1" }, h("span", { class: "wb-n0" }, this.org, this.name), this.gated),
      h("div", { class: "wb-n2 wb-cut" }, this.second, this.facts),
    );
    this.element = h(
      "div",
      { class: "wb-g wb-r", role: "row", tabindex: -1 },
      h("span", { class: "wb-hn2 wb-tw", role: "presentation" }, icon("right")),
      name, this.size, this.fit, this.speed,
      h("span", { class: "wb-num wb-hn", role: "gridcell" }, this.downloads, this.likes),
      this.acts.element,
    );
  }

  draw(index: number): void {
    const facts = this.factsOf(index);
    const before = this.drawn;
    if (before && same(before, facts)) return;
    this.drawn = facts;
    const { row, state, open } = facts;
    this.element.classList.toggle("wb-open", open);
    this.element.classList.toggle("wb-unread", row === null);
    setAttribute(this.element, "aria-expanded", row ? (open ? "true" : "false") : null);
    if (!row || !state) {
      setAttribute(this.element, "aria-busy", "true");
      for (const part of [this.org, this.second, this.facts, this.size, this.speed, this.downloads, this.likes]) {
        setText(part, "");
      }
      setText(this.name, "\u00a0");
      show(this.gated, false);
      show(this.fit.firstElementChild as HTMLElement, false);
      show(this.share, false);
      this.acts.clear();
      return;
    }
    setAttribute(this.element, "aria-busy", null);
    if (row !== before?.row) this.drawFacts(row);
    if (row !== before?.row || state !== before?.state) this.drawSecond(row, state);
    this.acts.draw(row, state, facts);
  }

  private drawFacts(row: RowView): void {
    setText(this.org, row.author ? `${row.author} / ` : "");
    setText(this.name, row.name);
    setAttribute(this.name, "title", row.id);
    show(this.gated, row.gated);
    const words = [
      parameters(row.parameters, row.active_parameters),
      row.quantization && quantizationName(row.quantization),
      row.format === "gguf" ? "GGUF" : null,
      row.architecture,
      row.capabilities.join(", "),
    ];
    setText(this.facts, words.filter(Boolean).join(" · "));
    setText(this.size, sizeWords(row));
    const known = row.fit.verdict !== "unknown";
    const [word, tone] = VERDICTS[row.fit.verdict];
    show(this.fit.firstElementChild as HTMLElement, true);
    setText(this.verdict, known ? word : "–");
    this.verdict.className = `wb-w ${tone === "wb-ok" ? "" : tone}`;
    setText(this.needs, row.fit.total === null ? "" : size(row.fit.total));
    show(this.share, known);
    this.share.className = `wb-bar ${tone}`;
    this.share.style.setProperty("--p", String(Math.min(100, Math.round(100 * (row.fit.share ?? 0)))));
    if (row.speed === null) setText(this.speed, row.fit.verdict === "too big" ? "–" : "not run yet");
    else this.speed.replaceChildren(h("b", { class: "wb-b" }, row.speed.toFixed(row.speed < 10 ? 1 : 0)), " tok/s");
    this.speed.classList.toggle("wb-t3", row.speed === null);
    setText(this.downloads, short(row.downloads));
    setText(this.likes, row.likes === null ? "" : `${short(row.likes)} likes`);
  }

  /** What the columns that a narrow widget leaves out have to say. */
  private drawSecond(row: RowView, state: RowState): void {
    const [verdict, tone] = VERDICTS[row.fit.verdict];
    const fit = h("span", { class: tone === "wb-ok" ? "" : tone }, verdict.toLowerCase());
    if (row.fit.total !== null) fit.append(`, ${size(row.fit.total)}`);
    const known = row.fit.verdict !== "unknown";
    const here = isHere(state) ? `${badge(state)[0]} · ` : "";
    const more = h("span", { class: "wb-nn2" }, known ? fit : null, known ? " · " : null, here);
    this.second.replaceChildren(`${sizeWords(row)} · `, more);
  }
}

function same(a: RowFacts, b: RowFacts): boolean {
  return a.row === b.row && a.state === b.state && a.open === b.open && a.offline === b.offline && a.token === b.token;
}

function sizeWords(row: RowView): string {
  return row.estimated && row.size !== null ? `~${size(row.size)}` : size(row.size);
}

/** The badge of a model that is here: its word, its colour, its shape. */
function badge(state: RowState): [string, string, string | null] {
  if (state.status === "loaded") return ["loaded", "wb-ok", "wb-loaded"];
  if (state.status === "loading") {
    return [state.percent === null ? "loading" : `loading ${Math.floor(state.percent)} %`, "", "wb-load"];
  }
  if (state.status === "broken") return ["failed", "wb-err", "wb-fail"];
  return state.update ? ["update", "wb-acc", null] : ["downloaded", "", null];
}

/** The last column. Its parts are made when first needed and then kept: a row is drawn for many models. */
class Acts {
  readonly element = h("div", { class: "wb-act", role: "gridcell" });
  private readonly badge = h("span", { class: "wb-bdg" });
  private badgeDrawn = "";
  private readonly main = h("button", { type: "button", class: "wb-btn wb-sm", tabindex: -1 });
  private mainDrawn = "";
  private readonly prog: HTMLElement;
  private readonly progLeft = h("b", { class: "wb-b" });
  private readonly progOf = h("span", { class: "wb-t2 wb-hn" });
  private readonly progSpeed = h("span", { class: "wb-t2" });
  private readonly bar = h("span", { class: "wb-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, h("i"));
  private readonly progNote = h("span", { class: "wb-cut" });
  private readonly pause = small("pause", "Pause", "pause");
  private readonly resume = small("play", "Resume", "resume");
  private readonly retry = small("retry", "Try again", "resume");
  private readonly cancel = small("x", "Cancel", "cancel");
  private readonly more = small("more", "More", "more");

  constructor() {
    const left = h("span", {}, this.progLeft, " ", this.progOf);
    const top = h("div", { class: "wb-l" }, left, this.progSpeed);
    this.prog = h("div", { class: "wb-prog" }, top, this.bar, h("div", { class: "wb-l wb-t3" }, this.progNote));
    setAttribute(this.more, "aria-haspopup", "menu");
    this.element.append(
      this.prog, this.badge, this.main, this.pause, this.resume, this.retry, this.cancel, this.more,
    );
    this.clear();
  }

  clear(): void {
    for (const part of this.element.children) (part as HTMLElement).hidden = true;
  }

  draw(row: RowView, state: RowState, facts: RowFacts): void {
    const running = isRunning(state);
    const failed = state.status === "failed";
    show(this.prog, running || failed);
    show(this.badge, isHere(state));
    show(this.main, !running && !failed);
    show(this.pause, running && state.status !== "paused");
    show(this.resume, state.status === "paused");
    show(this.retry, failed && !facts.offline);
    show(this.cancel, running);
    show(this.more, !running);
    if (running) this.drawProgress(row, state);
    else if (failed) this.drawFailure(row, state);
    else if (isHere(state)) {
      this.drawBadge(state);
      this.drawMain("chat", "Chat", "wb-btn wb-sm", "chat");
    } else this.drawOffer(row, facts);
  }

  private drawOffer(row: RowView, { open, offline, token }: RowFacts): void {
    if (offline) this.drawMain("clock", "When online", "wb-btn wb-sm", "download");
    else if (row.gated && !token) this.drawMain("external", "Ask for access", "wb-btn wb-sm", "access");
    else if (row.fit.verdict === "too big") this.drawMain(null, "Download anyway", "wb-btn wb-gh wb-sm", "download");
    else if (open) {
      const words = row.size === null ? "Download" : `Download ${size(row.size)}`;
      this.drawMain("download", words, "wb-btn wb-pri wb-sm", "download");
    } else this.drawMain("download", "Download", "wb-btn wb-sm", "download");
    this.main.disabled = offline;
  }

  private drawMain(name: IconName | null, label: string, style: string, act: RowAct): void {
    this.main.disabled = false;
    if (this.mainDrawn === `${label} ${style}`) return;
    this.mainDrawn = `${label} ${style}`;
    this.main.className = style;
    this.main.dataset.act = act;
    this.main.replaceChildren(...(name ? [icon(name, true)] : []), h("span", {}, label));
  }

  private drawBadge(state: RowState): void {
    const [word, tone, dot] = badge(state);
    if (this.badgeDrawn !== word) {
      this.badgeDrawn = word;
      this.badge.className = `wb-bdg ${tone}`;
      const sign = state.update && !dot ? icon("update") : dot && h("span", { class: `wb-dot ${dot}`, "aria-hidden": "true" });
      this.badge.replaceChildren(...(sign ? [sign] : []), word);
      setAttribute(this.badge, "title", state.error?.message ?? null);
    }
    this.badge.style.setProperty("--p", String(state.percent ?? 0));
  }

  private drawProgress(row: RowView, state: RowState): void {
    const percent = state.percent === null ? null : Math.floor(state.percent);
    const moving = state.status === "downloading";
    setText(this.progLeft, percent === null ? WAITING[state.status] ?? "" : `${percent} %`);
    setText(this.progOf, percent !== null && state.total !== null ? `of ${size(state.total)}` : "");
    setText(this.progSpeed, moving && state.speed !== null ? speed(state.speed) : "");
    const left = state.seconds_left === null ? "" : `${duration(state.seconds_left)} left`;
    setText(this.progNote, state.note || (moving ? left : percent === null ? "" : WAITING[state.status] ?? ""));
    this.progLeft.className = "wb-b";
    this.bar.className = `wb-bar ${state.status === "paused" || state.status === "queued" ? "wb-hold" : ""}`;
    this.drawBar(row, percent);
  }

  private drawFailure(row: RowView, state: RowState): void {
    const percent = state.percent === null ? null : Math.floor(state.percent);
    setText(this.progLeft, percent === null ? "Failed" : `Failed at ${percent} %`);
    setText(this.progOf, "");
    setText(this.progSpeed, "");
    setText(this.progNote, state.error?.message ?? "");
    setAttribute(this.progNote, "title", [state.error?.message, state.error?.next_step].filter(Boolean).join(" "));
    this.progLeft.className = "wb-err wb-b";
    this.bar.className = "wb-bar wb-err";
    this.drawBar(row, percent);
  }

  private drawBar(row: RowView, percent: number | null): void {
    this.bar.style.setProperty("--p", String(percent ?? 0));
    setAttribute(this.bar, "aria-label", `Download of ${row.name}`);
    setAttribute(this.bar, "aria-valuenow", percent);
  }
}

const WAITING: Record<string, string> = {
  queued: "Waiting", starting: "Starting", verifying: "Checking", paused: "Paused",
};

function small(name: IconName, label: string, act: RowAct): HTMLButtonElement {
  const attributes = { type: "button", class: "wb-ib wb-sm", "aria-label": label, title: label, tabindex: -1, "data-act": act };
  return h("button", attributes, icon(name, true));
}
