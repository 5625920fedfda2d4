// One model of the library as a table row of 44 px, updated in place.
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { size } from "./format";
import { icon } from "./icons";
import type { LibraryRow, LibraryView } from "./library_protocol";
import { aboutModel, ago, category, day, marks, needsRepair, shortSource, type Mark } from "./library_words";
import { Bar } from "./panel";

export interface RowEvents {
  /** A row was pressed: select it, up to it with Shift. */
  select(id: string, extend: boolean): void;
  menu(row: LibraryRow, button: HTMLElement): void;
  repair(row: LibraryRow): void;
}

export class RowView {
  readonly element: HTMLTableRowElement;
  /** The row's place in the tab order. */
  readonly box = h("input", { type: "checkbox", class: "wb-cb", tabindex: -1 });
  readonly more: HTMLButtonElement;
  row: LibraryRow;
  private readonly name = h("b", { class: "wb-b wb-cut" });
  private readonly current = h("span", { class: "wb-bdg" }, "new chats");
  private readonly second = h("span", { class: "wb-nn" });
  private readonly about = h("span");
  private readonly checked = h("span", { class: "wb-nn" });
  private readonly key = h("i", { class: "wb-key" });
  private readonly source = h("span", { class: "wb-cut" });
  private readonly size = h("td", { class: "wb-num" });
  private readonly used = h("td", { class: "wb-hl wb-t2 wb-cut" });
  private readonly runs = h("td", { class: "wb-num wb-t2 wb-hl" });
  private readonly verified = new Verified();
  private readonly marks = h("div", { class: "wb-lmarks" });
  private readonly repair: HTMLButtonElement;
  private drawn = "";

  constructor(row: LibraryRow, events: RowEvents) {
    this.row = row;
    this.repair = textButton("Repair", "wb-sm", () => events.repair(this.row));
    this.more = iconButton("more", "More", () => events.menu(this.row, this.more), true);
    setAttribute(this.more, "aria-haspopup", "menu");
    setAttribute(this.more, "aria-expanded", "false");
    const cell = (style: string, ...parts: HTMLElement[]) => h("td", { class: style }, ...parts);
    this.element = h(
      "tr",
      { "data-model": row.id },
      cell("", this.box),
      cell("wb-lname", h("div", { class: "wb-fx wb-gap1" }, this.name, this.current), h("div", { class: "wb-n2 wb-cut" }, this.second, this.about, this.checked)),
      cell("wb-hl wb-t2", h("span", { class: "wb-fx" }, this.key, this.source)),
      this.size,
      this.used,
      this.runs,
      cell("wb-hl", this.verified.element),
      cell("wb-lstate", this.repair, this.marks),
      cell("wb-num wb-pgone", this.more),
    );
    this.box.addEventListener("click", (event) => {
      event.stopPropagation();
      events.select(this.row.id, event.shiftKey);
    });
    this.element.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("button, input")) return;
      if (getSelection()?.type === "Range") return; // text is being marked
      this.box.focus({ preventScroll: true });
      events.select(this.row.id, event.shiftKey);
    });
  }

  setTabbable(tabbable: boolean): void {
    for (const stop of [this.box, this.more, this.repair]) stop.tabIndex = tabbable ? 0 : -1;
  }

  setSelected(selected: boolean): void {
    this.box.checked = selected;
    this.element.classList.toggle("wb-sel", selected);
  }

  update(row: LibraryRow, view: LibraryView, now: number): void {
    this.row = row;
    const stamp = JSON.stringify([row, view.sources.map((source) => source.name), day(now, now)]);
    if (stamp === this.drawn) return;
    this.drawn = stamp;
    setText(this.name, row.name);
    setAttribute(this.name, "title", row.id);
    setAttribute(this.box, "aria-label", `Select ${row.name}`);
    setAttribute(this.more, "aria-label", `More for ${row.name}`);
    show(this.current, row.current);
    const used = ago(row.last_used, now);
    setText(this.second, `${shortSource(row.source)} · ${used}${aboutModel(row) ? " · " : ""}`);
    setText(this.about, aboutModel(row));
    const { state, at } = row.verified;
    setText(this.checked, state === "ok" && at !== null ? ` · verified ${day(at, now)}` : "");
    this.key.style.setProperty("--c", category(view.sources, row.source));
    setText(this.source, shortSource(row.source));
    setAttribute(this.source, "title", row.path ?? row.source);
    setText(this.size, size(row.size));
    setText(this.used, used);
    setText(this.runs, String(row.runs));
    this.verified.update(row, now);
    show(this.repair, needsRepair(row));
    setAttribute(this.repair, "title", row.verified.message || null);
    this.marks.replaceChildren(...marks(row).map(badge));
  }
}

function badge(mark: Mark): HTMLElement {
  const sign = mark.icon === "dot" ? h("span", { class: "wb-dot wb-loaded wb-ldot" }) : mark.icon ? icon(mark.icon) : null;
  return h("span", { class: `wb-bdg ${mark.tone}`, title: mark.words }, sign, h("span", { class: "wb-cut" }, mark.words));
}

/** When its checksums were computed, and what came of it. */
class Verified {
  readonly element = h("span", { class: "wb-fx" });
  private readonly bar = new Bar("");
  private readonly percent = h("span", { class: "wb-t2" });
  private readonly running = h("span", { class: "wb-fx wb-lrun" }, this.bar.element, this.percent);

  update(row: LibraryRow, now: number): void {
    const { state, at, percent, message } = row.verified;
    setAttribute(this.element, "title", message || null);
    if (state === "running") {
      this.bar.update(percent);
      setAttribute(this.bar.element, "aria-label", `Verifying ${row.name}`);
      setText(this.percent, percent === null ? "" : `${Math.floor(percent)} %`);
      setAttribute(this.element, "class", "wb-fx");
      if (!this.running.isConnected) this.element.replaceChildren(this.running);
      return;
    }
    const [tone, sign, words] = {
      ok: ["wb-ok", icon("check"), at === null ? "verified" : day(at, now)],
      differs: ["wb-err", icon("alert"), message || "files differ"],
      failed: ["wb-err", icon("alert"), "not read"],
      never: ["wb-t3", null, "not yet"],
    }[state] as [string, SVGElement | null, string];
    setAttribute(this.element, "class", `wb-fx ${tone}`);
    this.element.replaceChildren(...(sign ? [sign] : []), h("span", { class: "wb-cut" }, words));
  }
}
