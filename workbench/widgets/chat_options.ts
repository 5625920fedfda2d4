// The options panel: system prompt, generation options with their limits, presets. Opened beside the transcript, so that
// the next message can be sent with it open.
import { OptionRow } from "./chat_option";
import { h, iconButton, setAttribute, setText, show } from "./dom";
import { icon } from "./icons";
import type { MenuGroups, MenuItem } from "./menu";
import { optionsLine } from "./option_words";
import type { Ack, ChatView, Options, Request } from "./protocol";

export interface OptionsDoing {
  ask(request: Request): Promise<Ack>;
  menu(opener: HTMLElement, label: string, groups: MenuGroups): void;
  /** Asks for the name to keep the options under. */
  savePreset(): void;
}

export class OptionsPanel {
  private readonly element: HTMLElement;
  private readonly system = h("textarea", { rows: 3, "aria-label": "System prompt", placeholder: "How the model should behave; none is set" });
  private readonly systemWords = h("div", { class: "wb-n2 wb-err", role: "alert" });
  private readonly preset: HTMLButtonElement;
  private readonly presetName = h("span", { class: "wb-cut" });
  private readonly list = h("div", { class: "wb-olist" });
  private readonly rows = new Map<string, OptionRow>();
  private view: ChatView | null = null;
  private live = true;
  /** What was asked for and the view does not tell yet, and how many such commands were not answered. */
  private asked: Options | null = null;
  private unanswered = 0;
  private told: Options | null = null;
  private opener: HTMLElement | null = null;

  /** It stands in `host` while it is open; `toggled` hears whether it is. */
  constructor(
    private readonly host: HTMLElement,
    private readonly doing: OptionsDoing,
    private readonly toggled: (open: boolean) => void,
  ) {
    this.preset = h("button", { type: "button", class: "wb-btn wb-opreset", "aria-haspopup": "menu" }, this.presetName, icon("down", true));
    this.preset.addEventListener("click", () => this.openPresets());
    this.system.addEventListener("change", () => void this.setSystem());
    show(this.systemWords, false);
    const head = h("header", {}, h("h3", { class: "wb-grow" }, "Options"), iconButton("x", "Close the options", () => this.close(), true));
    const presets = h("div", { class: "wb-orow wb-fx" }, h("span", { class: "wb-grow wb-b" }, "Preset"), this.preset);
    const system = h("div", { class: "wb-orow" }, h("div", { class: "wb-ohead" }, h("span", { class: "wb-b" }, "System prompt")), this.system, this.systemWords);
    this.element = h("aside", { class: "wb-drawer", role: "dialog", "aria-label": "Options" }, head, h("div", { class: "wb-obody" }, presets, system, this.list));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.close();
    });
  }

  get isOpen(): boolean {
    return this.element.parentElement !== null;
  }

  /** Opens it, or closes it when `opener` is pressed again. */
  toggle(opener: HTMLElement): void {
    if (this.isOpen) return this.close();
    this.opener = opener;
    this.host.append(this.element);
    this.draw();
    this.toggled(true);
    this.preset.focus({ preventScroll: true });
  }

  close(): void {
    if (!this.isOpen) return;
    const inside = this.element.contains(document.activeElement);
    if (document.activeElement === this.system) this.system.blur(); // what was written counts
    this.element.remove();
    this.toggled(false);
    if (inside) this.opener?.focus({ preventScroll: true });
  }

  update(view: ChatView, live: boolean): void {
    this.view = view;
    this.live = live;
    if (view.options !== this.told && this.unanswered === 0) this.asked = null;
    this.told = view.options;
    if (this.isOpen) this.draw();
  }

  private draw(): void {
    const { view, live } = this;
    if (!view) return;
    if (document.activeElement !== this.system && this.system.value !== view.system) this.system.value = view.system;
    this.system.disabled = this.preset.disabled = !live;
    setText(this.presetName, view.preset ?? (Object.keys(view.options).length ? "Your own" : "None"));
    setAttribute(this.preset, "title", optionsLine(view.options) || "Everything as the model has it");
    const names = view.ranges.map(({ name }) => name);
    if ([...this.rows.keys()].join() !== names.join()) {
      this.rows.clear();
      for (const range of view.ranges) this.rows.set(range.name, new OptionRow(range, (name, value) => void this.set(name, value)));
      this.list.replaceChildren(...[...this.rows.values()].map(({ element }) => element));
    }
    const options = this.asked ?? view.options;
    for (const range of view.ranges) this.rows.get(range.name)!.update(range, options[range.name], live);
  }

  private async set(name: string, value: unknown): Promise<void> {
    const options: Options = { ...(this.asked ?? this.view?.options) };
    if (value === undefined) delete options[name];
    else options[name] = value;
    this.asked = options;
    this.unanswered += 1;
    this.draw();
    const ack = await this.doing.ask({ kind: "set_options", options });
    this.unanswered -= 1;
    if (!ack.ok) this.asked = null;
    this.rows.get(name)?.refuse(ack.ok ? null : refusal(ack));
    this.draw();
  }

  private async setSystem(): Promise<void> {
    if (this.system.value === this.view?.system) return;
    const ack = await this.doing.ask({ kind: "set_system", text: this.system.value });
    setText(this.systemWords, ack.ok ? "" : refusal(ack));
    show(this.systemWords, !ack.ok);
  }

  private openPresets(): void {
    const { view, doing } = this;
    if (!view) return;
    const use = view.presets.map(({ name, options }): MenuItem => ({
      label: name,
      detail: optionsLine(options),
      checked: name === view.preset,
      press: () => void doing.ask({ kind: "use_preset", name }),
    }));
    const isSet = Object.keys(view.options).length > 0;
    const clear: MenuItem = { label: "Everything as the model has it", icon: "x", press: () => void doing.ask({ kind: "set_options", options: {} }) };
    const save: MenuItem = { label: "Save these as a preset…", icon: "disk", press: () => doing.savePreset() };
    const own = isSet ? [clear, ...(view.preset === null ? [save] : [])] : [];
    const name = view.preset;
    const drop: MenuItem[] = name === null ? [] : [{ label: `Delete ${name}`, icon: "trash", danger: true, press: () => void doing.ask({ kind: "drop_preset", name }) }];
    const none: MenuItem = { label: "No preset yet: set an option first", icon: "info", press: () => undefined };
    const groups = [use, own, drop];
    doing.menu(this.preset, "Presets", groups.some((group) => group.length) ? groups : [[none]]);
  }
}

function refusal(ack: Ack): string {
  return [ack.error?.message, ack.error?.next_step].filter(Boolean).join(" ");
}
