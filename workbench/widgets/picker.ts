// The model picker: a filter field over a grouped list. Focus stays in the field; arrows move a ring in the list.
import { h, prose, setAttribute, setText, show } from "./dom";
import { size } from "./format";
import { icon } from "./icons";
import type { ChoiceView, ModelView, ServerView } from "./protocol";

export interface PickerEvents {
  choose(model: string): void;
  /** The list is shown, or a server is to be asked again. */
  refresh(): void;
}

/** Why a model cannot be chosen now; null when it can. */
export function whyNot(model: ModelView, models: ModelView[]): string | null {
  if (model.status === "down") return model.note || "server down";
  const loading = models.find((other) => other.local && other.status === "loading");
  return loading && model.local && model.id !== loading.id ? `one at a time: ${loading.name} is loading` : null;
}

/** Models whose id, name or provider hold every word of the filter. */
export function matching(models: ModelView[], filter: string): ModelView[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = (model: ModelView): string => `${model.id} ${model.name} ${model.provider}`.toLowerCase();
  return models.filter((model) => words.every((word) => texts(model).includes(word)));
}

export function dot(model: ModelView): HTMLElement {
  const shape = { hub: "away", ready: "ready", loading: "load", loaded: "loaded", failed: "fail", down: "down" };
  const element = h("span", { class: `wb-dot wb-${shape[model.status]}`, "aria-hidden": "true" });
  element.style.setProperty("--p", String(Math.round(model.percent ?? 0)));
  return element;
}

/** How a model is, in words. */
export function statusWords(model: ModelView): string {
  if (model.status === "loading") return model.percent === null ? "loading" : `loading ${Math.round(model.percent)} %`;
  if (model.note) return model.note;
  return { hub: "on the hub", ready: "ready", loaded: "loaded", failed: "did not load", down: "server down" }[model.status];
}

let numbered = 0;

export class Picker {
  readonly element: HTMLElement;
  /** Room above the field for the Local/Remote switch of a narrow widget. */
  readonly top = h("div", { class: "wb-top" });
  private readonly id = `wb-picker-${++numbered}`;
  private readonly field: HTMLInputElement;
  private readonly list: HTMLElement;
  private view: ChoiceView | null = null;
  private active: string | null = null;
  private drawn = "";

  constructor(
    private readonly button: HTMLElement,
    private readonly events: PickerEvents,
    signal: AbortSignal,
  ) {
    this.list = h("div", { class: "wb-list", role: "listbox", "aria-label": "Models", id: `${this.id}-list` });
    this.field = h("input", {
      type: "text", placeholder: "Model or server", "aria-label": "Find a model", role: "combobox", autocomplete: "off",
      spellcheck: "false", "aria-expanded": "true", "aria-autocomplete": "list", "aria-controls": this.list.id,
    });
    this.top.append(h("div", { class: "wb-field wb-sm" }, icon("search", true), this.field));
    this.element = h("div", { class: "wb-pop wb-picker", id: this.id }, this.top, this.list);
    this.element.hidden = true;
    if ("showPopover" in this.element) this.element.popover = "manual";
    setAttribute(button, "aria-controls", this.id);

    this.field.addEventListener("input", () => this.filtered(), { signal });
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
    this.list.addEventListener("click", (event) => this.pressed(event), { signal });
    this.list.addEventListener("mousedown", (event) => event.preventDefault(), { signal }); // focus stays in the field
    button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()), { signal });
    const outside = (event: Event): void => {
      const inside = event.composedPath();
      if (this.isOpen && !inside.includes(this.element) && !inside.includes(button)) this.close(false);
    };
    document.addEventListener("pointerdown", outside, { signal, capture: true });
    document.addEventListener("scroll", () => this.isOpen && this.place(), { signal, capture: true, passive: true });
    window.addEventListener("resize", () => this.isOpen && this.place(), { signal });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(): void {
    if (this.isOpen) return;
    this.element.hidden = false;
    if (this.element.popover) this.element.showPopover();
    setAttribute(this.button, "aria-expanded", "true");
    this.field.value = "";
    this.active = this.view?.model?.id ?? null;
    this.drawn = "";
    this.draw();
    this.place();
    this.field.focus({ preventScroll: true });
    this.events.refresh();
  }

  /** Closes it; focus goes back to the button unless it is already elsewhere. */
  close(returnFocus = true): void {
    if (!this.isOpen) return;
    if (this.element.popover) this.element.hidePopover();
    this.element.hidden = true;
    setAttribute(this.button, "aria-expanded", "false");
    if (returnFocus) this.button.focus({ preventScroll: true });
  }

  update(view: ChoiceView): void {
    // of the model in use the newest is known: how far it is loaded
    this.view = { ...view, models: view.models.map((model) => (model.id === view.model?.id ? view.model : model)) };
    if (this.isOpen) this.draw();
  }

  private draw(): void {
    const view = this.view;
    if (!view) return;
    const stamp = JSON.stringify([view.models, view.servers, view.listing, view.model?.id, this.field.value]);
    if (stamp !== this.drawn) {
      this.drawn = stamp;
      const scrolled = this.list.scrollTop;
      this.drawGroups(view, matching(view.models, this.field.value));
      this.list.scrollTop = scrolled;
    }
    const choices = this.choices();
    if (!choices.some((row) => row.dataset.model === this.active)) this.active = choices[0]?.dataset.model ?? null;
    this.drawRing();
  }

  private drawGroups(view: ChoiceView, models: ModelView[]): void {
    const filter = this.field.value.trim();
    const local = models.filter((model) => model.local);
    const servers = view.servers.filter((server) => server.name.toLowerCase().includes(filter.toLowerCase()));
    const names = new Set([...models.filter((model) => !model.local).map((model) => model.provider), ...servers.map(({ name }) => name)]);
    const loading = view.models.some((model) => model.local && model.status === "loading");
    const groups: HTMLElement[] = [];
    if (local.length) {
      const rows = local.map((model) => this.row(model, view));
      groups.push(this.group("Local", loading ? "one at a time: a model is loading" : "", rows));
    }
    for (const name of names) {
      const failed = servers.find((server) => server.name === name);
      const rows = models.filter((model) => !model.local && model.provider === name).map((model) => this.row(model, view));
      groups.push(this.group(name, "", failed ? [serverRow(failed), ...rows] : rows));
    }
    if (!names.size && !filter && !view.listing) {
      const code = h("span", { class: "wb-mono" }, 'wb.connect("http://localhost:11434/v1")');
      const help = h("div", { class: "wb-help wb-fs-s wb-t2" }, "None yet. In a cell: ", code);
      groups.push(this.group("Servers", "", [help]));
    }
    if (filter && !groups.length) groups.push(h("div", { class: "wb-help wb-t2" }, `Nothing here is called “${filter}”.`));
    if (view.listing) groups.push(h("div", { class: "wb-help wb-fs-s wb-t3", role: "status" }, "Asking the servers…"));
    this.list.replaceChildren(...groups);
  }

  private group(name: string, reason: string, rows: HTMLElement[]): HTMLElement {
    const aside = h("span", { class: "wb-end wb-nb" }, reason);
    const head = h("div", { class: "wb-grp wb-lbl", role: "presentation" }, name, aside);
    return h("div", { role: "group", "aria-label": reason ? `${name}, ${reason}` : name }, head, ...rows);
  }

  private row(model: ModelView, view: ChoiceView): HTMLElement {
    const reason = whyNot(model, view.models);
    const selected = model.id === view.model?.id;
    const tone = { loaded: "wb-ok", failed: "wb-err", down: "wb-err", hub: "", ready: "", loading: "" }[model.status];
    const row = h(
      "div",
      {
        class: `wb-opt${selected ? " wb-on" : ""}${reason ? " wb-off" : ""}`,
        role: "option",
        id: `${this.id}-${view.models.indexOf(model)}`,
        "data-model": model.id,
        "aria-selected": String(selected),
        "aria-disabled": reason ? "true" : null,
        title: reason ?? model.id,
      },
      dot(model),
      h("span", { class: selected ? "wb-cut wb-b" : "wb-cut" }, model.name),
      h("span", { class: `wb-num wb-fs-s ${model.size === null ? "wb-t3" : "wb-t2"}` }, size(model.size)),
      h("span", { class: `wb-st8 wb-cut ${tone}` }, statusWords(model)),
    );
    return row;
  }

  private choices(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>('[role="option"]:not([aria-disabled])')];
  }

  private drawRing(): void {
    let id: string | null = null;
    for (const row of this.list.querySelectorAll<HTMLElement>('[role="option"]')) {
      const active = row.dataset.model === this.active && !row.hasAttribute("aria-disabled");
      row.classList.toggle("wb-is-focus", active);
      if (active) id = row.id;
    }
    setAttribute(this.field, "aria-activedescendant", id);
  }

  private filtered(): void {
    this.active = null;
    this.draw();
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const choices = this.choices();
    const at = choices.findIndex((row) => row.dataset.model === this.active);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at < 0 ? choices.length - 1 : at - 1 };
    if (event.key in moves) {
      const next = choices[(moves[event.key]! + choices.length) % choices.length];
      this.active = next?.dataset.model ?? null;
      this.drawRing();
      next?.scrollIntoView?.({ block: "nearest" });
    } else if (event.key === "Enter" && event.target === this.field) {
      if (this.active) this.choose(this.active);
    } else if (event.key === "Escape") {
      this.close();
    } else if (event.key === "Tab" && event.target === this.field && !event.shiftKey) {
      this.close();
    } else {
      return;
    }
    event.preventDefault();
  }

  private pressed(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-again]")) return this.events.refresh();
    const row = target?.closest<HTMLElement>("[data-model]");
    if (row && !row.hasAttribute("aria-disabled")) this.choose(row.dataset.model!);
  }

  private choose(model: string): void {
    this.close();
    if (model !== this.view?.model?.id) this.events.choose(model);
  }

  /** Under its button, or above it where there is more room; never cut off by the notebook's own scrolling. */
  private place(): void {
    if (!this.element.popover) return;
    const at = this.button.getBoundingClientRect();
    const gap = 6;
    const below = window.innerHeight - at.bottom - 2 * gap;
    const above = at.top - 2 * gap;
    const upward = below < 260 && above > below;
    const width = Math.min(460, window.innerWidth - 2 * gap);
    const left = Math.max(gap, Math.min(at.left, window.innerWidth - width - gap));
    const style = this.element.style;
    style.left = `${left}px`;
    style.width = `${width}px`;
    style.top = upward ? "auto" : `${at.bottom + gap}px`;
    style.bottom = upward ? `${window.innerHeight - at.top + gap}px` : "auto";
    this.list.style.maxHeight = `${Math.max(120, Math.min(470, (upward ? above : below) - this.top.offsetHeight - gap))}px`;
  }
}

function serverRow(server: ServerView): HTMLElement {
  const again = h("button", { type: "button", class: "wb-link", "data-again": "yes" }, "try again");
  return h(
    "div",
    { class: "wb-opt wb-srv" },
    h("span", { class: "wb-dot wb-down", "aria-hidden": "true" }),
    h("span", { class: "wb-err wb-two" }, server.message),
    h("span", { class: "wb-two wb-fs-s wb-t3" }, ...prose(server.next_step ? `${server.next_step} ` : ""), again),
  );
}

/** The button that opens the picker: which model, how it is. */
export class PickerButton {
  readonly element = h("button", {
    type: "button", class: "wb-btn wb-gh wb-pick", "aria-haspopup": "listbox", "aria-expanded": "false",
  });
  private readonly name = h("b", { class: "wb-cut" });
  private readonly aside = h("span", { class: "wb-fs-s wb-nb" });
  private dot = h("span", { class: "wb-dot wb-ready" });

  constructor() {
    this.element.append(this.dot, this.name, this.aside, icon("down", true));
  }

  update(model: ModelView | null): void {
    show(this.dot, model !== null);
    setText(this.name, model ? (model.local ? model.name : model.id) : "Choose a model");
    setAttribute(this.element, "title", model?.id ?? null);
    if (!model) return setText(this.aside, "");
    const fresh = dot(model);
    if (!fresh.isEqualNode(this.dot)) {
      this.dot.replaceWith(fresh);
      this.dot = fresh;
    }
    const bad = model.status === "down" || model.status === "failed";
    const words = model.status === "loading" || bad ? statusWords(model).replace("loading ", "") : (ENGINES[model.engine ?? ""] ?? "");
    setText(this.aside, words);
    setAttribute(this.aside, "class", `wb-fs-s wb-nb ${bad ? "wb-err" : "wb-t3"}${model.status === "loading" ? "" : " wb-hide-n"}`);
  }
}

const ENGINES: Record<string, string> = { mlx: "MLX", llama_cpp: "llama.cpp" };
