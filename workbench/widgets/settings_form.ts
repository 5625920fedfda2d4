// The form of one server. The address is repaired in sight; a key leaves in the command that saves and is nowhere else.
import { Dialog } from "./dialog";
import { h, prose, setAttribute, setText, show, textButton } from "./dom";
import { icon } from "./icons";
import { sentences } from "./panel";
import type { Ack } from "./protocol";
import { Steps } from "./settings_servers";
import type { CheckedView, ChoiceView, Kind, ServerRow, SettingsView } from "./settings_protocol";

export interface FormEvents {
  check(url: string, name: string, replaces: string | null): Promise<Ack>;
  save(server: { url: string; name: string; key: string | null; model: string | null; replaces: string | null }): Promise<Ack>;
  models(server: string): Promise<ChoiceView[]>;
}

/** Where a key is that no keyring took, in the kernel's words. */
const SESSION = "this session only";

let numbered = 0;

export class ServerForm {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly kinds = h("div", { class: "wb-pre", role: "group", "aria-label": "Preset" });
  private readonly url = input("Address", "wb-mono");
  private readonly name = input("Name");
  private readonly key = input("Key", "", "password");
  private readonly model = input("Default model");
  private readonly offered = h("datalist", { id: `wb-offered-${++numbered}` });
  private readonly kindWords = h("p", { class: "wb-h wb-fs-s wb-t2" });
  private readonly urlWords = hint();
  private readonly nameWords = hint();
  private readonly keyWords = hint();
  private readonly forget: HTMLButtonElement;
  private readonly steps = new Steps("the form", null);
  private readonly wrong = h("div", { class: "wb-note wb-err", role: "alert" });
  private readonly outcome = h("span", { class: "wb-fx wb-gap1 wb-grow", role: "status" });
  private readonly cancel: HTMLButtonElement;
  private readonly go: HTMLButtonElement;
  private view: SettingsView | null = null;
  private kind: Kind | null = null;
  private drawnKinds = "";
  /** The server that is edited: its name, once it is saved. */
  private server: string | null = null;
  private named = false;
  private forgetting = false;
  private checked: CheckedView | null = null;
  private asked = 0;
  private saving = false;

  constructor(private readonly events: FormEvents, signal: AbortSignal) {
    this.dialog = new Dialog("dialog", () => this.close(), signal);
    this.element = this.dialog.element;
    this.element.classList.add("wb-sform");
    setAttribute(this.model, "list", this.offered.id);
    setAttribute(this.model, "placeholder", "first one it offers");
    this.forget = textButton("Forget it", "wb-gh wb-sm", () => this.setForgetting(!this.forgetting));
    this.cancel = textButton("Cancel", "", () => this.close());
    this.go = textButton("Test and save", "wb-pri", () => void this.save());
    const form = h(
      "div", { class: "wb-form" },
      ...field("Address", h("div", { class: "wb-field" }, this.url), this.urlWords),
      ...field("Name", h("div", { class: "wb-field wb-fshort" }, this.name), this.nameWords),
      ...field("Key", h("div", { class: "wb-fx" }, h("div", { class: "wb-field wb-fmid wb-grow" }, icon("key", true), this.key), this.forget), this.keyWords),
      ...field("Default model", h("div", { class: "wb-field wb-fshort" }, this.model, this.offered)),
    );
    this.dialog.body.append(this.kinds, this.kindWords, form, this.wrong, this.steps.element);
    this.dialog.foot.append(this.outcome, this.cancel, this.go);
    this.url.addEventListener("input", () => void this.check());
    this.name.addEventListener("input", () => {
      this.named = this.name.value.trim() !== "";
      void this.check();
    });
    this.key.addEventListener("input", () => this.drawKey());
    for (const each of [this.url, this.name, this.key, this.model]) {
      each.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        void this.save();
      });
    }
  }

  /** For a new server, or for one to be changed. */
  open(view: SettingsView, server: ServerRow | null): void {
    this.update(view);
    this.server = server?.id ?? null;
    this.named = server !== null;
    this.kind = null;
    this.checked = null;
    this.url.value = server?.url ?? "";
    this.name.value = server?.id ?? "";
    this.key.value = "";
    this.model.value = server?.model ?? "";
    this.offered.replaceChildren();
    this.setForgetting(false);
    this.steps.update(null);
    show(this.wrong, false);
    this.dialog.setTitle(server ? `Edit ${server.id}` : "Add a server");
    show(this.kinds, server === null);
    this.drawKinds();
    this.draw();
    this.dialog.open(() => this.url);
    void this.check();
    if (server) void this.offer(server.id);
  }

  update(view: SettingsView): void {
    this.view = view;
    if (this.dialog.isOpen) this.draw();
  }

  private close(): void {
    this.key.value = "";
    this.asked += 1;
    this.dialog.close();
  }

  private row(): ServerRow | null {
    return this.view?.rows.find((row) => row.id === this.server) ?? null;
  }

  private draw(): void {
    const test = this.saving ? null : (this.row()?.test ?? null);
    const tested = test !== null && !test.running;
    this.steps.update(tested && test.summary ? null : test);
    const busy = this.saving || (test?.running ?? false);
    setText(this.go.querySelector("span")!, busy ? "Testing…" : "Test and save");
    this.go.disabled = !this.checked || this.checked.url === "" || this.checked.name_problem !== "";
    setAttribute(this.go, "aria-disabled", busy ? "true" : null); // disabled, it would lose the focus
    setText(this.cancel.querySelector("span")!, this.row() && test ? "Close" : "Cancel");
    const good = tested && test.summary !== "";
    this.outcome.classList.toggle("wb-ok", good);
    const words = good ? `Saved. ${test.summary}` : tested ? "Saved; it can be mended here." : "";
    this.outcome.replaceChildren(...(good ? [icon("check")] : []), ...(words ? [h("span", {}, words)] : []));
    this.drawKey();
    if (good && !this.offered.childElementCount) void this.offer(this.server!);
  }

  private drawKinds(): void {
    const kinds = this.view?.kinds ?? [];
    const stamp = JSON.stringify(kinds);
    if (stamp !== this.drawnKinds) {
      this.drawnKinds = stamp;
      const chip = (title: string, press: () => void): HTMLElement => {
        const button = h("button", { type: "button", class: "wb-chip", "aria-pressed": "false" }, title);
        button.addEventListener("click", press);
        return button;
      };
      this.kinds.replaceChildren(...kinds.map((kind) => chip(kind.title, () => this.fill(kind))), chip("Other", () => this.fill(null)));
    }
    const buttons = [...this.kinds.querySelectorAll("button")];
    for (const [at, button] of buttons.entries()) {
      const on = at < kinds.length ? kinds[at]!.name === this.kind?.name : this.kind === null && this.url.value.trim() !== "";
      button.classList.toggle("wb-on", on);
      setAttribute(button, "aria-pressed", String(on));
    }
    this.kindWords.replaceChildren(...prose(this.kind?.hint ?? ""));
    show(this.kindWords, this.server === null && Boolean(this.kind?.hint));
  }

  private fill(kind: Kind | null): void {
    this.kind = kind;
    this.url.value = kind?.url ?? "";
    if (!this.named) this.name.value = "";
    this.drawKinds();
    void this.check();
    (kind?.key_needed ? this.key : this.url).focus();
  }

  private async check(): Promise<void> {
    const number = ++this.asked;
    const url = this.url.value;
    if (!url.trim()) {
      this.checked = null;
      setText(this.urlWords, "");
      if (!this.named) this.name.value = "";
      return this.drawChecked();
    }
    const ack = await this.events.check(url, this.named ? this.name.value.trim() : "", this.server);
    if (number !== this.asked || !ack.ok) return;
    this.checked = ack.data as CheckedView;
    if (!this.named) this.name.value = this.kind?.url === this.checked.url ? this.kind.name : this.checked.name;
    if (this.kind?.url !== this.checked.url) this.kind = this.view?.kinds.find((kind) => kind.name === this.checked!.preset) ?? null;
    this.drawKinds();
    this.drawChecked();
  }

  private drawChecked(): void {
    const { checked } = this;
    this.urlWords.classList.toggle("wb-warn", Boolean(checked?.url_problem || checked?.warning));
    if (checked?.url_problem) setText(this.urlWords, checked.url_problem);
    else if (checked && checked.url !== this.url.value.trim()) this.urlWords.replaceChildren("Will be saved as ", h("span", { class: "wb-mono" }, checked.url), checked.warning ? `. ${checked.warning}` : "");
    else setText(this.urlWords, checked?.warning ?? "");
    const name = this.name.value.trim() || checked?.name || "";
    this.nameWords.classList.toggle("wb-warn", Boolean(checked?.name_problem));
    setText(this.nameWords, checked?.name_problem || (name ? `Its models read ${name}:name` : ""));
    this.draw();
  }

  private drawKey(): void {
    const kept = this.row()?.key ?? "";
    const own = this.row()?.own_key ?? false;
    const variable = this.kind?.key_env;
    const asks = kept ? `kept: ${kept}` : this.kind?.key_needed ? "needed" : "not needed";
    setAttribute(this.key, "placeholder", this.forgetting ? "will be forgotten" : asks);
    show(this.forget, own);
    const or = variable && !kept ? ` Or set ${variable}.` : "";
    const goes = `${kept ? "A new one goes" : "Goes"} to ${this.view?.keys_go ?? ""}, never into a file or the notebook.${or}`;
    const lost = own && kept === SESSION; // nobody else took it
    this.keyWords.classList.toggle("wb-warn", lost);
    setText(this.keyWords, lost ? "The system keyring did not take it: it is kept for this session only." : goes);
  }

  private setForgetting(on: boolean): void {
    this.forgetting = on;
    setText(this.forget.querySelector("span")!, on ? "Keep it" : "Forget it");
    this.drawKey();
  }

  private async save(): Promise<void> {
    if (this.go.disabled || this.go.getAttribute("aria-disabled")) return;
    const key = this.key.value;
    this.key.value = ""; // before anything else happens
    this.saving = true;
    show(this.wrong, false);
    this.draw();
    const server = {
      url: this.url.value, name: this.name.value.trim(), key: key || (this.forgetting ? "" : null),
      model: this.model.value.trim() || null, replaces: this.server,
    };
    const ack = await this.events.save(server);
    this.saving = false;
    if (ack.ok) {
      const { name, url } = ack.data as { name: string; url: string };
      this.server = name;
      this.named = true;
      this.name.value = name;
      this.url.value = url;
      this.setForgetting(false);
      void this.check();
    } else {
      this.wrong.replaceChildren(icon("alert"), h("div", { class: "wb-grow" }, ack.error ? sentences(ack.error) : ""));
      show(this.wrong, true);
    }
    this.draw();
  }

  private async offer(server: string): Promise<void> {
    const found = await this.events.models(server);
    if (server === this.server) this.offered.replaceChildren(...found.map((each) => h("option", { value: each.name })));
  }
}

function input(label: string, style = "", type = "text"): HTMLInputElement {
  const autocomplete = type === "password" ? "new-password" : "off";
  return h("input", { type, class: style, "aria-label": label, autocomplete, spellcheck: "false", autocapitalize: "off" });
}

function hint(): HTMLElement {
  return h("div", { class: "wb-h" });
}

function field(label: string, ...parts: HTMLElement[]): HTMLElement[] {
  return [h("div", { class: "wb-flabel", "aria-hidden": "true" }, label), h("div", {}, ...parts)];
}
