// Generation presets: options kept under a name, listed in words, changed in a form.
import { Dialog } from "./dialog";
import { h, iconButton, setText, show, textButton } from "./dom";
import { icon } from "./icons";
import { NUMBERS } from "./option_words";
import { sentences } from "./panel";
import { box, part } from "./settings_controls";
import type { Options, SettingsView } from "./settings_protocol";
import type { Doing, Section } from "./settings_sections";

export class Presets implements Section {
  readonly element: HTMLElement;
  readonly dialog: PresetForm;
  private readonly list = box();
  private readonly empty: HTMLElement;
  private drawn = "";

  constructor(private readonly doing: Doing, signal: AbortSignal) {
    this.dialog = new PresetForm(doing, signal);
    const add = textButton("Add", "wb-sm", () => this.dialog.open(null), "plus");
    this.empty = h(
      "div", { class: "wb-pempty wb-box" },
      h("b", { class: "wb-b" }, "No preset yet"),
      h("span", { class: "wb-t2" }, "Options kept under a name: a low temperature for facts, a higher one for ideas."),
    );
    this.element = part("Presets", [this.list, this.empty], [add]);
  }

  update(view: SettingsView): void {
    show(this.list, view.presets.length > 0);
    show(this.empty, view.presets.length === 0);
    const stamp = JSON.stringify(view.presets);
    if (stamp === this.drawn) return;
    this.drawn = stamp;
    this.list.replaceChildren(
      ...view.presets.map((preset) => {
        const words = h("div", { class: "wb-grow wb-sname" }, h("div", { class: "wb-b wb-cut" }, preset.name), h("div", { class: "wb-n2 wb-cut", title: preset.words }, preset.words));
        const edit = iconButton("edit", `Edit ${preset.name}`, () => this.dialog.open(preset), true);
        const remove = iconButton("trash", `Remove ${preset.name}`, () => void this.doing.ask({ kind: "remove_preset", name: preset.name }), true);
        return h("div", { class: "wb-srow wb-tall", "data-preset": preset.name }, words, h("span", { class: "wb-fx wb-gap1 wb-pgone" }, edit, remove));
      }),
    );
  }
}

class PresetForm {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly name = h("input", { type: "text", "aria-label": "Name", autocomplete: "off", spellcheck: "false" });
  private readonly fields = new Map<string, HTMLInputElement>();
  private readonly stop = h("input", { type: "text", class: "wb-mono", "aria-label": "Stop at", placeholder: "none", autocomplete: "off", spellcheck: "false" });
  private readonly wrong = h("div", { class: "wb-note wb-err", role: "alert" });
  private before: { name: string; options: Options } | null = null;

  constructor(private readonly doing: Doing, signal: AbortSignal) {
    this.dialog = new Dialog("dialog", () => this.dialog.close(), signal);
    this.element = this.dialog.element;
    const row = (label: string, field: HTMLInputElement, words = ""): HTMLElement[] => {
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        void this.save();
      });
      const short = field.type === "number" ? "wb-field wb-sm wb-nfield" : "wb-field wb-sm";
      return [h("div", { class: "wb-flabel", "aria-hidden": "true" }, label), h("div", { class: "wb-fx" }, h("div", { class: short }, field), h("span", { class: "wb-fs-s wb-t3" }, words))];
    };
    const rows = NUMBERS.flatMap(([option, label, words]) => {
      const field = h("input", { type: "number", step: "any", "aria-label": label, placeholder: "model's own" });
      this.fields.set(option, field);
      return row(label, field, words);
    });
    this.dialog.body.append(h("div", { class: "wb-form wb-optform" }, ...row("Name", this.name), ...rows, ...row("Stop at", this.stop, "several with | between")), this.wrong);
    this.dialog.foot.append(textButton("Cancel", "", () => this.dialog.close()), textButton("Save", "wb-pri", () => void this.save()));
  }

  open(preset: { name: string; options: Options } | null): void {
    this.before = preset;
    this.name.value = preset?.name ?? "";
    for (const [option, field] of this.fields) field.value = preset?.options[option] === undefined ? "" : String(preset.options[option]);
    const stop = preset?.options.stop;
    this.stop.value = Array.isArray(stop) ? stop.join("|") : "";
    show(this.wrong, false);
    this.dialog.setTitle(preset ? `Edit ${preset.name}` : "Add a preset");
    this.dialog.open(() => this.name);
  }

  private async save(): Promise<void> {
    const shown = new Set([...this.fields.keys(), "stop"]);
    const options: Options = Object.fromEntries(Object.entries(this.before?.options ?? {}).filter(([option]) => !shown.has(option)));
    for (const [option, field] of this.fields) if (field.value.trim()) options[option] = Number(field.value);
    const stop = this.stop.value.split("|").filter(Boolean);
    if (stop.length) options.stop = stop;
    const name = this.name.value.trim();
    const ack = await this.doing.ask({ kind: "save_preset", name, options, replaces: this.before?.name ?? null }, true);
    if (ack.ok) return this.dialog.close();
    setText(this.wrong, "");
    this.wrong.append(icon("alert"), h("div", { class: "wb-grow" }, ack.error ? sentences(ack.error) : ""));
    show(this.wrong, true);
  }
}
