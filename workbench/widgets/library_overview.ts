// The storage picture: how much there is, and two bars over the same bytes: where they lie, and what they are.
import { h, setAttribute, setText, show } from "./dom";
import { plural, size, sizeOf } from "./format";
import { icon } from "./icons";
import type { LibraryRow, LibraryView } from "./library_protocol";
import { category, isTwice, shortSource } from "./library_words";

/** Parts thinner than this many per cent of the bar are drawn together at its end. */
const THIN = 1;
const LARGEST = 3;

export class Overview {
  readonly element: HTMLElement;
  private readonly total = h("span", { class: "wb-lbig" });
  private readonly models = h("span", { class: "wb-t2" });
  private readonly twice = h("b", { class: "wb-warn wb-b" });
  private readonly twiceLine: HTMLElement;
  private readonly free = h("span", { class: "wb-end wb-t2 wb-fs-s" });
  private readonly where = h("div", { class: "wb-stack", role: "img" });
  private readonly sources = h("div", { class: "wb-lgd" });
  /** What could not be read, and why. */
  private readonly notes = h("div", { class: "wb-lnotes wb-fs-s wb-t2" });
  private readonly what = h("div", { class: "wb-stack wb-lwhat", role: "img" });
  private readonly largest = h("div", { class: "wb-lgd" });
  private drawn = "";

  /** `find` is called with the id of a pressed part's model. */
  constructor(find: (id: string) => void) {
    this.twiceLine = h("span", { class: "wb-fx wb-ltwice" }, h("span", { class: "wb-vr" }), h("span", { class: "wb-t2" }, this.twice, " stored twice"));
    const bar = (name: string, ...parts: HTMLElement[]) => [h("span", { class: "wb-lbl" }, name), h("div", { class: "wb-lpart" }, ...parts)];
    this.element = h(
      "div",
      { class: "wb-ov" },
      h("div", { class: "wb-ltop" }, this.total, this.models, this.twiceLine, this.free),
      h("div", { class: "wb-ovr" }, ...bar("Where", this.where, this.sources, this.notes), ...bar("What", this.what, this.largest)),
    );
    const pressed = (event: MouseEvent): void => {
      const id = event.target instanceof Element && event.target.closest<HTMLElement>("[data-part]")?.dataset.part;
      if (id) find(id);
    };
    this.element.addEventListener("click", pressed);
  }

  update(view: LibraryView): void {
    const stamp = JSON.stringify([view.total, view.twice, view.disk, view.sources, view.rows.map((row) => [row.id, row.size, isTwice(row)])]);
    if (stamp === this.drawn) return;
    this.drawn = stamp;
    setText(this.total, size(view.total));
    setText(this.models, `in ${plural(view.rows.length, "model")}`);
    setText(this.twice, size(view.twice));
    show(this.twiceLine, view.twice > 0);
    const { free, total } = view.disk;
    setText(this.free, free === null ? "" : total === null ? `${size(free)} free` : `${sizeOf(free, total)} free`);
    this.drawWhere(view);
    this.drawWhat(view);
  }

  private drawWhere(view: LibraryView): void {
    const sources = view.sources.filter((source) => source.bytes > 0);
    const sum = sources.reduce((bytes, source) => bytes + source.bytes, 0);
    const parts = sources.map((source) => part(category(view.sources, source.name), source.bytes / sum, `${source.name}, ${size(source.bytes)}`));
    this.where.replaceChildren(...parts);
    setAttribute(this.where, "aria-label", sources.map((source) => `${source.name} ${size(source.bytes)}`).join(", "));
    const legend = view.sources.filter((source) => source.models > 0).map((source) => {
      const key = h("i", { class: "wb-key" });
      key.style.setProperty("--c", category(view.sources, source.name));
      const title = [source.path, plural(source.models, "model")].filter(Boolean).join(" · ");
      return h("span", { title }, key, source.name, h("b", {}, size(source.bytes)));
    });
    const notes = view.sources.filter((source) => source.note).map((source) => h("div", { class: "wb-fx" }, icon("warn", true), h("span", {}, `${source.name}: ${source.note}`)));
    this.notes.replaceChildren(...notes);
    this.sources.replaceChildren(...legend);
  }

  private drawWhat(view: LibraryView): void {
    const rows = view.rows.filter((row) => row.size).sort((a, b) => b.size! - a.size!);
    const sum = rows.reduce((bytes, row) => bytes + row.size!, 0);
    const thick = rows.filter((row) => (100 * row.size!) / sum >= THIN);
    const parts = thick.map((row) => {
      const words = `${row.name}, ${size(row.size)}, ${shortSource(row.source)}${isTwice(row) ? ", stored twice" : ""}`;
      const element = part(category(view.sources, row.source), row.size! / sum, words);
      element.dataset.part = row.id;
      element.classList.toggle("wb-hatch", isTwice(row));
      return element;
    });
    const rest = rows.slice(thick.length);
    if (rest.length) {
      const bytes = rest.reduce((total, row) => total + row.size!, 0);
      parts.push(h("i", { class: "wb-rest", title: `${plural(rest.length, "smaller model")}, ${size(bytes)}` }));
    }
    this.what.replaceChildren(...parts);
    setAttribute(this.what, "aria-label", `By model, the largest first: ${rows.slice(0, LARGEST).map(named).join(", ")}`);
    const words = rows.slice(0, LARGEST).map((row, i) => h("span", {}, i === 0 ? "Largest: " : "", h("b", {}, named(row))));
    const hint = h("span", { class: "wb-t3 wb-hl" }, "Point at a part for its name; press it to find its row");
    this.largest.replaceChildren(...words, ...(rows.length > 1 ? [hint] : []));
  }
}

function named(row: LibraryRow): string {
  return `${row.name} ${size(row.size)}`;
}

function part(colour: string, share: number, words: string): HTMLElement {
  const element = h("i", { title: words });
  element.style.setProperty("--c", colour);
  element.style.setProperty("--share", String(share));
  return element;
}
