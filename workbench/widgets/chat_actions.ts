// The row under a message: its versions, what can be done with it, what was measured. Its height is there from the start.
import type { NewCell } from "./cells";
import { confirmCopy, copyText, h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { plural, rate, seconds } from "./format";
import type { IconName } from "./icons";
import type { MenuGroups, MenuItem } from "./menu";
import { whyNot } from "./picker";
import type { Ack, MessageView, ModelView, Place, Request } from "./protocol";

/** Likeliest tokens that are asked for, for each that is written. */
const ALTERNATIVES = 5;
/** Models offered by name to answer once more; the picker above has them all. */
const MOST_MODELS = 12;

/** What a message can have done to it. */
export interface Doing {
  ask(request: Request): Promise<Ack>;
  menu(opener: HTMLElement, label: string, groups: MenuGroups): void;
  /** Shows what would go, and asks. */
  planDelete(message: MessageView): void;
  fork(message: MessageView): void;
  models(): ModelView[];
  /** Puts a cell below the widget. */
  newCell(cell: NewCell): void;
}

const ENDED = new Set<MessageView["status"]>(["done", "cancelled", "failed"]);

export function hasEnded(message: MessageView): boolean {
  return ENDED.has(message.status);
}

/** Whether an answer may be asked for again. */
export function canRegenerate(message: MessageView): boolean {
  return message.role === "assistant" && hasEnded(message);
}

/** Whether there is text that the model can go on from. */
function canGoOn(message: MessageView): boolean {
  return canRegenerate(message) && message.text !== "" && message.tools.length === 0;
}

/** "2 / 3" with a way back and forth; nothing for a message said once. */
class Versions {
  readonly element = h("span", { class: "wb-sib", role: "group" });
  private readonly words = h("span");
  private readonly back: HTMLButtonElement;
  private readonly forth: HTMLButtonElement;
  private place: Place | null = null;

  constructor(show: (message: string) => void) {
    const go = (way: "previous" | "next") => (): void => {
      const to = this.place?.[way];
      if (to) show(to);
    };
    this.back = iconButton("left", "Previous version", go("previous"), true);
    this.forth = iconButton("right", "Next version", go("next"), true);
    this.back.tabIndex = this.forth.tabIndex = -1;
    this.element.append(this.back, this.words, this.forth);
  }

  update(place: Place): void {
    this.place = place;
    show(this.element, place.count > 1);
    setText(this.words, `${place.index} / ${place.count}`);
    setAttribute(this.element, "aria-label", `Version ${place.index} of ${place.count}`);
    this.back.disabled = place.previous === null;
    this.forth.disabled = place.next === null;
  }
}

export class Actions {
  readonly element: HTMLElement;
  private readonly versions: Versions;
  private readonly copy: HTMLButtonElement;
  private readonly again: HTMLButtonElement;
  private readonly edit: HTMLButtonElement;
  private readonly goOn: HTMLButtonElement;
  private readonly tokens: HTMLButtonElement;
  private readonly more: HTMLButtonElement;
  private readonly facts = h("span", { class: "wb-m" });
  private message: MessageView;

  /** `edit` opens the message to be written anew, `showTokens` draws it as its tokens, or no longer. */
  constructor(message: MessageView, private readonly doing: Doing, edit: () => void, private readonly showTokens: () => void) {
    this.message = message;
    const control = (name: IconName, label: string, press: () => void): HTMLButtonElement => {
      const button = iconButton(name, label, press, true);
      button.tabIndex = -1;
      if (name !== "copy") button.classList.add("wb-asks");
      return button;
    };
    this.versions = new Versions((id) => void doing.ask({ kind: "show", message: id }));
    this.versions.element.classList.add("wb-asks");
    this.copy = control("copy", "Copy", () => void this.copyMessage());
    this.again = control("retry", "Regenerate", () => void this.regenerate());
    this.edit = control("edit", "Edit", edit);
    this.tokens = control("chart", "Tokens", showTokens);
    this.more = control("more", "More", () => this.openMore());
    setAttribute(this.more, "aria-haspopup", "menu");
    this.goOn = textButton("Go on", "wb-gh wb-sm wb-asks", () => void this.continueIt(), "play");
    this.goOn.tabIndex = -1;
    const { element } = this.versions;
    this.element = h("div", { class: "wb-acts" }, element, this.copy, this.again, this.edit, this.tokens, this.more, this.goOn, this.facts);
  }

  update(message: MessageView, last: boolean): void {
    this.message = message;
    const ended = hasEnded(message);
    const system = message.role === "system";
    this.element.classList.toggle("wb-rest", !last);
    this.versions.update(message.place);
    show(this.copy, ended && message.text !== "");
    show(this.again, canRegenerate(message) && message.status !== "failed");
    show(this.edit, ended && !system && message.text !== "");
    show(this.tokens, ended && message.scored);
    show(this.more, ended && !system);
    show(this.goOn, last && canGoOn(message) && (message.finish === "length" || message.status === "cancelled"));
    show(this.facts, ended && message.role === "assistant");
    if (!ended || message.role !== "assistant") return;
    const facts = factsOf(message);
    if (this.facts.textContent !== facts.join("")) this.facts.replaceChildren(...facts.map((fact) => h("span", {}, fact)));
  }

  /** Whether the message is drawn as its tokens now. */
  setTokensShown(shown: boolean): void {
    setAttribute(this.tokens, "aria-pressed", String(shown));
  }

  async copyMessage(): Promise<void> {
    await copyText(this.message.text);
    confirmCopy(this.copy);
  }

  private regenerate(model?: string): Promise<Ack> {
    return this.doing.ask({ kind: "regenerate", message: this.message.id, ...(model === undefined ? {} : { model }) });
  }

  private continueIt(): Promise<Ack> {
    return this.doing.ask({ kind: "go_on", message: this.message.id });
  }

  private openMore(): void {
    const { message } = this;
    const answer: MenuItem[] = [];
    if (canRegenerate(message)) {
      answer.push({ label: "Regenerate with another model…", icon: "retry", press: () => this.openModels() });
    }
    if (message.scored) {
      answer.push({ label: "Tokens and their probabilities", icon: "chart", press: this.showTokens });
    } else if (canRegenerate(message)) {
      const again: Request = { kind: "regenerate", message: message.id, logprobs: ALTERNATIVES };
      answer.push({ label: "Ask again with token probabilities", icon: "chart", press: () => void this.doing.ask(again) });
    }
    if (canGoOn(message)) answer.push({ label: "Go on from its end", icon: "play", press: () => void this.continueIt() });
    const remove: MenuItem = { label: "Delete from here…", icon: "trash", danger: true, press: () => this.doing.planDelete(message) };
    const fork: MenuItem = { label: "Fork the chat here", icon: "branch", press: () => this.doing.fork(message) };
    this.doing.menu(this.more, "More", [answer, [fork], [remove]]);
  }

  private openModels(): void {
    const models = this.doing.models();
    const usable = models.filter((model) => model.id !== this.message.model && !whyNot(model, models));
    const items = usable.slice(0, MOST_MODELS).map((model): MenuItem => ({
      label: model.name,
      icon: model.local ? "chip" : "cloud",
      detail: model.local ? "" : model.provider,
      press: () => void this.regenerate(model.id),
    }));
    const none: MenuItem = { label: "No other model is ready", icon: "info", press: () => undefined };
    this.doing.menu(this.more, "Regenerate with", [items.length ? items : [none]]);
  }
}

function factsOf(message: MessageView): string[] {
  const { usage, metrics, finish } = message;
  const tokens = usage?.completion_tokens ?? (message.tokens || null);
  return [
    message.edited ? "edited" : "",
    finish === "cancelled" || message.status === "cancelled" ? "stopped" : "",
    finish === "length" ? "stopped at the token limit" : "",
    tokens === null ? "" : plural(tokens, "token"),
    metrics?.decode_tps ? `${rate(metrics.decode_tps)} tok/s` : "",
    metrics?.ttft_s != null ? `first token ${seconds(metrics.ttft_s)}` : "",
  ].filter(Boolean);
}
