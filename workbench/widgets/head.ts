// The head of a chat: Local/Remote switch, picker, new chat.
import { h, iconButton, setAttribute, show } from "./dom";
import { icon } from "./icons";
import { Picker, PickerButton, whyNot } from "./picker";
import type { ChatView, Request } from "./protocol";
import type { ChatStore } from "./store";

type Kind = "local" | "remote";

export class Head {
  readonly element: HTMLElement;
  readonly picker: Picker;
  private readonly button = new PickerButton();
  private readonly switches: Switch[];
  private readonly newChat: HTMLButtonElement;
  private view: ChatView | null = null;

  constructor(
    private readonly store: ChatStore,
    private readonly ask: (request: Request) => void,
    signal: AbortSignal,
  ) {
    const events = {
      choose: (model: string): void => ask({ kind: "choose_model", model }),
      refresh: (): void => ask({ kind: "list_models" }),
    };
    this.picker = new Picker(this.button.element, events, signal);
    const jump = (kind: Kind): void => this.jump(kind);
    const wide = new Switch(jump);
    wide.element.classList.add("wb-hide-n");
    const narrow = new Switch(jump);
    narrow.element.classList.add("wb-only-n");
    this.switches = [wide, narrow];
    this.picker.top.prepend(narrow.element);
    this.newChat = iconButton("plus", "New chat", () => ask({ kind: "new_chat" }));
    const end = h("span", { class: "wb-end wb-fx wb-gap1" }, this.newChat);
    this.element = h("div", { class: "wb-hd" }, wide.element, this.button.element, end, this.picker.element);
  }

  /** Without a kernel (`live` false) it only tells which model answered. */
  update(view: ChatView, live: boolean): void {
    this.view = view;
    if (!live) this.picker.close(false);
    this.button.element.disabled = !live;
    const kind = view.model ? (view.model.local ? "local" : "remote") : null;
    for (const each of this.switches) each.update(kind, live);
    this.button.update(view.model);
    show(this.newChat, live && view.messages.length > 0);
    this.picker.update(view);
  }

  /** To the model of that kind that was used last, else the first one; with none, the picker says how to get one. */
  private jump(kind: Kind): void {
    const view = this.view;
    if (!view || (view.model && view.model.local === (kind === "local"))) return;
    const usable = view.models.filter((model) => model.local === (kind === "local") && !whyNot(model, view.models));
    const model = usable.find(({ id }) => id === this.store.lastUsed[kind]) ?? usable[0];
    if (!model) return this.picker.open();
    this.picker.close();
    this.ask({ kind: "choose_model", model: model.id });
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
