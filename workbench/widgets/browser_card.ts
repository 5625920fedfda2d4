// An opened model: what it is, which files are needed, and how its memory adds up at a context one can choose.
import type { CardView } from "./browser_protocol";
import { quantizationName } from "./browser_rows";
import { h, prose, setAttribute, setText, show } from "./dom";
import { count, size, tokensShort } from "./format";

export interface CardEvents {
  /** Count the memory for so many tokens. */
  context(tokens: number): void;
  /** Show the files of another quantization. */
  quantization(name: string): void;
}

/** Files shown before "and n more". */
const MOST_FILES = 6;
const LICENCES: Record<string, string> = {
  "apache-2.0": "Apache 2.0, commercial use allowed", mit: "MIT, commercial use allowed",
  "bsd-3-clause": "BSD 3-clause, commercial use allowed", "cc-by-4.0": "CC BY 4.0, name the author",
  "cc-by-nc-4.0": "CC BY-NC 4.0, no commercial use", "cc-by-sa-4.0": "CC BY-SA 4.0",
};

export class Card {
  readonly element: HTMLElement;
  private readonly about = h("div");
  private readonly files = h("div");
  private readonly memory = h("div");
  private readonly together = h("div", { class: "wb-memory" });
  private readonly slider = h("input", { class: "wb-sl", type: "range", min: 0, step: 1, "aria-label": "Context length" });
  private readonly ticks = h("div", { class: "wb-ticks", "aria-hidden": "true" });
  private readonly body: HTMLElement;
  private drawn: Partial<CardView> = {};
  private contexts: number[] = [];
  private allFiles = false;

  constructor(private readonly events: CardEvents) {
    this.memory.append(h("h4", {}, "Memory on this machine"), this.together, h("div", { class: "wb-slide" }, this.slider, this.ticks));
    this.body = h("div", { class: "wb-card", role: "gridcell", "aria-colspan": 7 }, this.about, this.files, this.memory);
    this.element = h("div", { class: "wb-below", role: "row" }, this.body);
    this.slider.addEventListener("input", () => {
      const tokens = this.contexts[Number(this.slider.value)];
      if (tokens !== undefined) this.events.context(tokens);
    });
  }

  update(card: CardView): void {
    const before = this.drawn;
    if (before.model !== card.model) this.allFiles = false;
    this.drawn = card;
    setAttribute(this.body, "aria-label", `${card.model}, details`);
    setAttribute(this.body, "aria-busy", card.loading ? "true" : null);
    const changed = (...fields: (keyof CardView)[]): boolean =>
      fields.some((field) => JSON.stringify(before[field]) !== JSON.stringify(card[field]));
    if (changed("model", "description", "context_length", "licence", "base_models", "updated", "revision", "quality", "loading", "error")) {
      this.drawAbout(card);
    }
    if (changed("model", "files", "files_total", "quantizations", "free", "loading", "error")) this.drawFiles(card);
    this.drawMemory(card);
  }

  private drawAbout(card: CardView): void {
    const facts = h("dl", { class: "wb-kv" });
    const fact = (name: string, ...value: (Node | string)[]): void => {
      facts.append(h("dt", {}, name), h("dd", {}, ...value));
    };
    if (card.context_length !== null) fact("Context", `${count(card.context_length)} tokens`);
    fact("Licence", card.licence === null ? "not said" : (LICENCES[card.licence] ?? card.licence));
    if (card.base_models.length > 0) {
      const root = card.url.slice(0, -card.model.split(/[@:]/)[0]!.length);
      fact("Made from", ...card.base_models.slice(0, 2).flatMap((id, i) => [i ? ", " : "", outside(`${root}${id}`, id)]));
    }
    const updated = [card.updated && date(card.updated), card.revision && `revision ${card.revision.slice(0, 7)}`];
    if (updated.some(Boolean)) fact("Updated", updated.filter(Boolean).join(", "));
    if (card.quality !== null) fact("Quality", `${Math.round(card.quality)} of 100 `, how(card.formula));
    fact("On the hub", outside(card.url, card.model.split(/[@:]/)[0]!));
    const said = card.error ? [card.error.message, card.error.next_step].filter(Boolean).join(" ") : null;
    const words = card.loading ? "Reading the card…" : (card.description ?? "The model's card says nothing of it.");
    this.about.replaceChildren(
      h("h4", {}, "About"),
      said === null
        ? h("p", { class: "wb-t2 wb-about" }, words)
        : h("p", { class: "wb-about wb-err" }, ...prose(said)),
      facts,
    );
  }

  private drawFiles(card: CardView): void {
    const { files, files_total: all } = card;
    const title = files === null || all === null ? "Files" : `Files, ${files.length} of ${all} needed`;
    const shown = this.allFiles ? files : files?.slice(0, MOST_FILES);
    const list = h("ul", { class: "wb-fl" }, ...(shown ?? []).map((file) =>
      h("li", {}, h("span", { class: "wb-cut", title: file.path }, file.path), h("span", { class: "wb-num" }, exact(file.size)))));
    this.files.replaceChildren(h("h4", {}, title));
    if (card.quantizations.length > 1) this.files.append(this.choice(card));
    if (files === null) this.files.append(h("p", { class: "wb-fs-s wb-t3" }, card.loading ? "Reading the list…" : "Not known now."));
    else this.files.append(list);
    if (files && shown && files.length > shown.length) {
      const more = h("button", { type: "button", class: "wb-link wb-fs-s" }, `and ${files.length - shown.length} more`);
      more.addEventListener("click", () => {
        this.allFiles = true;
        this.drawFiles(card);
      });
      this.files.append(more);
    }
    const room = card.free === null ? "" : ` ${size(card.free)} free.`;
    this.files.append(h("p", { class: "wb-fs-s wb-t3 wb-where" }, `Into the Hugging Face cache, seen by mlx-lm and transformers.${room}`));
  }

  private choice(card: CardView): HTMLElement {
    const select = h("select", { "aria-label": "Quantization to download" });
    for (const { name, size: bytes, chosen } of card.quantizations) {
      const option = h("option", { value: name }, `${quantizationName(name)}, ${size(bytes)}`);
      option.selected = chosen;
      select.append(option);
    }
    select.addEventListener("change", () => this.events.quantization(select.value));
    return h("label", { class: "wb-field wb-sm wb-quant" }, h("span", {}, "Quantization"), select);
  }

  private drawMemory(card: CardView): void {
    const { fit } = card;
    show(this.slider.parentElement!, card.contexts.length > 1 && fit !== null);
    if (!fit || fit.total === null) {
      this.together.replaceChildren(h("p", { class: "wb-fs-s wb-t3" }, card.loading ? "Counting…" : "Not known: its size is not."));
      return;
    }
    const parts: [string, string, number | null][] = [
      ["Weights", "var(--wb-cat-1)", fit.weights],
      [`KV cache for ${count(card.context)} tokens`, "var(--wb-cat-2)", fit.kv_cache],
      ["Overhead", "var(--wb-cat-6)", fit.overhead],
    ];
    const whole = Math.max(fit.usable, fit.total);
    const words = `${size(fit.total)} of ${size(fit.usable)}`;
    const stack = h("div", { class: "wb-stack", role: "img", "aria-label": words });
    const legend = h("div", { class: "wb-leg" });
    for (const [name, colour, bytes] of parts) {
      const bar = h("i");
      bar.style.setProperty("--c", colour);
      bar.style.setProperty("--p", String((100 * (bytes ?? 0)) / whole));
      stack.append(bar);
      const key = h("i", { class: "wb-key" });
      key.style.setProperty("--c", colour);
      legend.append(key, h("span", {}, name), h("span", { class: "wb-num" }, bytes === null ? "–" : exact(bytes)));
    }
    stack.append(h("i", { class: "wb-rest" }));
    const tone = { fits: "", tight: "wb-warn", "too big": "wb-err", unknown: "" }[fit.verdict];
    legend.append(h("span", { class: `wb-tot ${tone}` }, TOGETHER[fit.verdict], h("span", { class: "wb-end" }, words)));
    const note = fit.measured !== null
      ? `Measured here: ${size(fit.measured)} at the peak.`
      : fit.estimated ? "Estimated from its size; exact once its files are read." : "";
    this.together.replaceChildren(stack, legend, ...(note ? [h("p", { class: "wb-fs-s wb-t3" }, note)] : []));
    this.drawSlider(card);
  }

  private drawSlider(card: CardView): void {
    if (this.contexts.join() !== card.contexts.join()) {
      this.contexts = card.contexts;
      this.slider.max = String(card.contexts.length - 1);
      this.ticks.replaceChildren(...card.contexts.map((tokens) => h("span", {}, tokensShort(tokens))));
    }
    const at = card.contexts.findLastIndex((tokens) => tokens <= card.context);
    if (document.activeElement !== this.slider) this.slider.value = String(Math.max(0, at));
    setAttribute(this.slider, "aria-valuetext", `${count(card.context)} tokens`);
  }
}

const TOGETHER = { fits: "Together", tight: "Together, tight", "too big": "Together, too big", unknown: "Together" };

/** 2.26 GB, 11.4 MB, 938 B: one more digit than elsewhere. */
function exact(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} B`;
}

function date(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : at.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
}

/** A link that opens beside the notebook. Only web addresses become links. */
function outside(url: string, words: string): HTMLElement {
  return /^https?:/.test(url) ? h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, words) : h("span", {}, words);
}

/** "how it is counted", and below it the formula once pressed. */
function how(formula: string): HTMLElement {
  const button = h("button", { type: "button", class: "wb-link", "aria-expanded": "false" }, "how it is counted");
  const text = h("span", { class: "wb-t3 wb-how" }, formula);
  text.hidden = true;
  button.addEventListener("click", () => {
    text.hidden = !text.hidden;
    setText(button, text.hidden ? "how it is counted" : "less");
    setAttribute(button, "aria-expanded", String(!text.hidden));
  });
  return h("span", {}, button, text);
}
