// Choosing the model: the Local/Remote switch, the button that names the model, and the list below it.
import { h, setAttribute } from "./dom";
import { icon } from "./icons";
import { Picker, PickerButton, whyNot } from "./picker";
import type { ChoiceView } from "./protocol";

type Kind = "local" | "remote";
/** The model of each kind that was used last: where the switch jumps to. */
export type LastUsed = Record<Kind, string | null>;

export interface ChoiceEvents {
  choose(model: string): void;
  /** The list is shown, or a server is to be asked again. */
  refresh(): void;
}

/** The parts of a choice; whoever owns it places the switch, the button and the list, in that order. */
export class Choice {
  readonly switch: HTMLElement;
  readonly button = new PickerButton();
  readonly picker: Picker;
  private readonly switches: Switch[];
  private view: ChoiceView | null = null;

  constructor(
    private readonly lastUsed: LastUsed,
    private readonly events: ChoiceEvents,
    signal: AbortSignal,
  ) {
    this.picker = new Picker(this.button.element, events, signal);
    const jump = (kind: Kind): void => this.jump(kind);
    const wide = new Switch(jump);
    wide.element.classList.add("wb-hide-n");
    const narrow = new Switch(jump);
    narrow.element.classList.add("wb-only-n");
    this.switches = [wide, narrow];
    this.switch = wide.element;
    this.picker.top.prepend(narrow.element);
  }

  /** Without a kernel (`live` false) it only tells which model it is. */
  update(view: ChoiceView, live: boolean): void {
    this.view = view;
    if (!live) this.picker.close(false);
    this.button.element.disabled = !live;
    const kind = view.model ? (view.model.local ? "local" : "remote") : null;
    for (const each of this.switches) each.update(kind, live);
    this.button.update(view.model);
    this.picker.update(view);
  }

  /** To the model of that kind that was used last, else the first one; with none, the list says how to get one. */
  private jump(kind: Kind): void {
    const view = this.view;
    if (!view || (view.model && view.model.local === (kind === "local"))) return;
    const usable = view.models.filter((model) => model.local === (kind === "local") && !whyNot(model, view.models));
    const model = usable.find(({ id }) => id === this.lastUsed[kind]) ?? usable[0];
    if (!model) return this.picker.open();
    this.picker.close();
    this.events.choose(model.id);
  }
}

class Switch {
  readonly element: HTMLElement;
  private readonly buttons: Record<Kind, HTMLButtonElement>;

  constructor(jump: (kind: Kind) => void) {
    const button = (kind: Kind, name: "chip" | "cloud", label: string): HTMLButtonElement => {
      const made = h("button", { type: "button", role: "radio", "aria-checked": "false" }, icon(name, true), label);
      made.addEventListener("click", () => jump(kind));
      return made;
    };
    this.buttons = { local: button("local", "chip", "Local"), remote: button("remote", "cloud", "Remote") };
    const attributes = { class: "wb-seg", role: "radiogroup", "aria-label": "Where the model runs" };
    this.element = h("div", attributes, this.buttons.local, this.buttons.remote);
    this.element.addEventListener("keydown", (event) => {
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      const other = document.activeElement === this.buttons.local ? "remote" : "local";
      this.buttons[other].focus();
      jump(other);
    });
  }

  update(kind: Kind | null, usable: boolean): void {
    for (const each of ["local", "remote"] as const) {
      this.buttons[each].disabled = !usable;
      setAttribute(this.buttons[each], "aria-checked", String(each === kind));
      setAttribute(this.buttons[each], "tabindex", each === (kind ?? "local") ? 0 : -1);
    }
  }
}
