// One view of the picker on its own: a row with the switch, the model and how it is.
import { Choice, type LastUsed } from "./choice";
import { h, setText, show, textButton } from "./dom";
import type { PickerRequest, PickerStore } from "./model_picker_protocol";
import { Bar, Panel } from "./panel";
import { statusWords } from "./picker";

export class ModelPickerPanel {
  readonly element: HTMLElement;
  private readonly panel: Panel;
  private readonly choice: Choice;
  private readonly what = h("span", { class: "wb-mpwhat wb-cut", role: "status" });
  private readonly bar = new Bar("Loading the model");
  private readonly force: HTMLButtonElement;
  private readonly lastUsed: LastUsed = { local: null, remote: null };

  constructor(
    private readonly store: PickerStore,
    signal: AbortSignal,
  ) {
    const events = {
      choose: (model: string): void => void this.ask({ kind: "choose_model", model }),
      refresh: (): void => void this.ask({ kind: "list_models" }),
    };
    this.choice = new Choice(this.lastUsed, events, signal);
    this.force = textButton("Load anyway", "wb-sm", () => {
      const model = store.view?.too_big;
      if (model) void this.ask({ kind: "choose_model", model, force: true });
    });
    const end = h("span", { class: "wb-end wb-fx" }, this.bar.element, this.what, this.force);
    const { button, picker } = this.choice;
    const row = h("div", { class: "wb-hd" }, this.choice.switch, button.element, end, picker.element);
    this.panel = new Panel("Model of new chats", "wb-mp", [row], () => this.paint(), signal);
    this.element = this.panel.element;
    store.subscribe(() => this.panel.schedule(), signal);
    this.paint();
  }

  private async ask(request: PickerRequest): Promise<void> {
    const ack = await this.store.request(request);
    this.panel.notice.refusal(ack.ok ? null : ack.error);
  }

  private paint(): void {
    const { view, live } = this.store;
    this.panel.setLive(live);
    this.element.classList.toggle("wb-connecting", !view);
    if (!view) return;
    this.panel.setSession(view.id);
    this.panel.notice.session(view.notice);
    const { model } = view;
    if (model) this.lastUsed[model.local ? "local" : "remote"] = model.id;
    this.choice.update(view, live);
    const loading = model?.status === "loading";
    show(this.bar.element, loading);
    this.bar.update(loading ? model.percent : null);
    setText(this.what, model ? statusWords(model) : "");
    show(this.force, live && view.too_big !== null);
  }
}
