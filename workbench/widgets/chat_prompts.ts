// Prompts kept by name: the list that opens from the composer, and the form that fills in their variables.
import { Dialog } from "./dialog";
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { Popover } from "./popover";
import type { Ack, FoundValue, PromptView, Request } from "./protocol";

export interface PromptEvents {
  ask(request: Request): Promise<Ack>;
  /** Puts a prompt without variables where the message is written. */
  write(text: string): void;
  fill(prompt: PromptView): void;
  /** Asks for the name to keep the present text under. */
  save(): void;
}

/** The button in the composer and the list that it opens. */
export class Prompts {
  readonly button: HTMLButtonElement;
  readonly element = h("div", { class: "wb-prompts", role: "group", "aria-label": "Prompts" });
  private readonly list = h("div", { class: "wb-plist" });
  private readonly empty = h("p", { class: "wb-t2 wb-fs-s wb-pnone" }, "No prompt kept yet. Write one, with ", h("span", { class: "wb-mono" }, "{variables}"), " where it changes, and save it here.");
  private readonly save: HTMLButtonElement;
  private readonly popover: Popover;
  private drawn: PromptView[] | null = null;

  constructor(private readonly events: PromptEvents, private readonly draft: () => string, signal: AbortSignal) {
    this.button = iconButton("quote", "Prompts", () => undefined);
    this.save = textButton("Save the message as a prompt…", "wb-gh wb-sm", () => {
      this.popover.close();
      events.save();
    }, "plus");
    this.element.append(this.list, this.empty, h("footer", {}, this.save));
    this.popover = new Popover(this.button, this.element, () => this.opened(), signal);
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  update(prompts: PromptView[]): void {
    if (prompts === this.drawn) return;
    this.drawn = prompts;
    const inside = this.list.contains(document.activeElement);
    this.list.replaceChildren(...prompts.map((prompt) => this.row(prompt)));
    show(this.empty, prompts.length === 0);
    if (inside) (this.list.querySelector("button") ?? this.save).focus();
  }

  private opened(): void {
    this.save.disabled = !this.draft().trim();
  }

  private row(prompt: PromptView): HTMLElement {
    const text = h("span", { class: "wb-cut wb-t2 wb-fs-s" }, prompt.text.replace(/\s+/g, " "));
    const button = h("button", { type: "button", class: "wb-opt wb-popt" }, h("span", { class: "wb-cut wb-b" }, prompt.name), text);
    button.addEventListener("click", () => {
      this.popover.close();
      if (prompt.variables.length) this.events.fill(prompt);
      else this.events.write(prompt.text);
    });
    const remove = iconButton("trash", `Delete ${prompt.name}`, () => void this.events.ask({ kind: "drop_prompt", name: prompt.name }), true);
    return h("div", { class: "wb-fx wb-gap1" }, button, remove);
  }

  private key(event: KeyboardEvent): void {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const stops = [...this.list.querySelectorAll<HTMLElement>(".wb-popt")];
    const at = stops.indexOf(document.activeElement as HTMLElement);
    stops[(at + way + stops.length) % stops.length]?.focus();
  }
}

/** A field for each variable, filled with what the notebook holds under its name. */
export class FillForm {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly text = h("div", { class: "wb-ptext" });
  private readonly form = h("div", { class: "wb-pform" });
  private readonly fields = new Map<string, HTMLTextAreaElement>();
  private readonly wrong = h("p", { class: "wb-err wb-fs-s", role: "alert" });
  private prompt: PromptView | null = null;

  constructor(
    private readonly ask: (request: Request) => Promise<Ack>,
    private readonly send: (text: string, variables: Record<string, string>) => void,
    signal: AbortSignal,
  ) {
    this.dialog = new Dialog("dialog", () => this.dialog.close(), signal);
    this.dialog.body.append(this.text, this.form, this.wrong);
    this.dialog.foot.append(textButton("Cancel", "", () => this.dialog.close()), textButton("Send", "wb-pri", () => this.take(), "send"));
    this.form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.take();
    });
    this.element = this.dialog.element;
  }

  open(prompt: PromptView): void {
    this.prompt = prompt;
    this.dialog.setTitle(prompt.name);
    this.text.replaceChildren(...templateParts(prompt));
    this.fields.clear();
    const hints = new Map<string, HTMLElement>();
    const rows = prompt.variables.map((name) => {
      const field = h("textarea", { rows: 1, "aria-label": name });
      const hint = h("span", { class: "wb-n2" });
      field.addEventListener("input", () => {
        fit(field);
        setText(hint, "");
      });
      this.fields.set(name, field);
      hints.set(name, hint);
      return h("label", { class: "wb-pvar" }, h("span", { class: "wb-fx" }, h("span", { class: "wb-mono wb-b" }, name), hint), field);
    });
    this.form.replaceChildren(...rows);
    show(this.wrong, false);
    this.dialog.open(() => this.fields.values().next().value ?? null);
    void this.ask({ kind: "fill_prompt", text: prompt.text }).then((ack) => {
      if (this.prompt !== prompt || !ack.ok) return;
      for (const { name, value } of (ack.data ?? []) as FoundValue[]) {
        const field = this.fields.get(name);
        if (value === null || !field || field.value) continue;
        field.value = value;
        fit(field);
        setText(hints.get(name)!, "from the notebook");
      }
    });
  }

  private take(): void {
    const values = Object.fromEntries([...this.fields].map(([name, field]) => [name, field.value]));
    const missing = Object.keys(values).filter((name) => !values[name]!.trim());
    setText(this.wrong, missing.length ? `Fill in ${missing.join(", ")}.` : "");
    show(this.wrong, missing.length > 0);
    for (const [name, field] of this.fields) setAttribute(field, "aria-invalid", missing.includes(name) ? "true" : null);
    if (missing.length) return this.fields.get(missing[0]!)!.focus();
    this.dialog.close();
    this.send(this.prompt!.text, values);
  }
}

/** The prompt's words with its variables marked. */
function templateParts({ text, variables }: PromptView): (string | HTMLElement)[] {
  const names = new Set(variables);
  return text.split(/(\{\w+\})/).map((part) => (names.has(part.slice(1, -1)) && part.startsWith("{") ? h("span", { class: "wb-pname" }, part) : part));
}

function fit(field: HTMLTextAreaElement): void {
  field.style.height = "auto";
  field.style.height = `${Math.min(160, field.scrollHeight + 2)}px`;
}
