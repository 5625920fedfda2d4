// The decision when a message would not fit the context: what is too much, and what may give way. Nothing is cut before.
import { h, setText, show, textButton } from "./dom";
import { count } from "./format";
import { icon } from "./icons";
import type { OverflowChoice, OverflowView } from "./protocol";

const SHORT: Record<OverflowChoice["choice"], string> = {
  drop: "Leave out the oldest",
  summarise: "Summarise them",
  new: "Start anew",
  raise: "Raise the context",
};

export class OverflowBar {
  readonly element: HTMLElement;
  private readonly lead = h("b", { class: "wb-b" });
  private readonly rest = h("span");
  private readonly message = h("div", { class: "wb-cut wb-t2 wb-fs-s" });
  private readonly choices = h("div", { class: "wb-choices" });
  private shown: OverflowView | null = null;

  constructor(private readonly choose: (choice: OverflowChoice["choice"] | "cancel") => void) {
    const words = h("div", { class: "wb-grow" }, h("div", {}, this.lead, this.rest), this.message, this.choices);
    const attributes = { class: "wb-note wb-warn wb-notice wb-over", role: "alertdialog", "aria-label": "It does not fit the context" };
    this.element = h("div", attributes, icon("warn"), words);
    show(this.element, false);
  }

  update(overflow: OverflowView | null): void {
    show(this.element, overflow !== null);
    if (!overflow || overflow === this.shown) return;
    this.shown = overflow;
    const [lead, rest] = overflowWords(overflow);
    setText(this.lead, lead);
    setText(this.rest, rest);
    setText(this.message, overflow.text);
    show(this.message, overflow.text !== "");
    const rows = overflow.choices.flatMap(({ choice, words, able }) => {
      const button = textButton(SHORT[choice], "wb-sm wb-asks", () => this.choose(choice));
      button.disabled = !able;
      return [button, h("span", { class: able ? "wb-fs-s" : "wb-fs-s wb-t2" }, words)];
    });
    const cancel = textButton("Not now", "wb-gh wb-sm wb-asks", () => this.choose("cancel"));
    this.choices.replaceChildren(...rows, cancel, h("span", { class: "wb-fs-s wb-t2" }, "The message stays without an answer; edit it, or retry."));
  }
}

/** "3,260 tokens too many", " for a context of 32,768, of which 512 stay free for the answer. Choose what gives way:" */
export function overflowWords({ tokens, limit, reserved }: OverflowView): [string, string] {
  const ask = "Nothing was cut. Choose what gives way:";
  if (limit === null) return ["Too long", ` for the model's context. ${ask}`];
  const free = reserved ? `, of which ${count(reserved)} stay free for the answer` : "";
  if (tokens === null) return ["Too long", ` for a context of ${count(limit)} tokens. ${ask}`];
  const over = tokens + (reserved ?? 0) - limit;
  return [`${count(over)} tokens too many`, ` for a context of ${count(limit)}${free}. ${ask}`];
}
