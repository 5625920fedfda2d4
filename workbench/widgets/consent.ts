// The bar above the composer when a message would leave this machine: where it would go, and what to do with it.
import { h, setText, show, textButton } from "./dom";
import { icon } from "./icons";
import type { Consent } from "./protocol";

export interface ConsentEvents {
  allow(always: boolean): void;
  /** The message stays here. */
  keep(): void;
}

export class ConsentBar {
  readonly element: HTMLElement;
  private readonly place = h("b", { class: "wb-b" });
  private readonly message = h("div", { class: "wb-cut wb-t2 wb-fs-s" });

  constructor(events: ConsentEvents) {
    const once = textButton("Send once", "wb-sm wb-asks", () => events.allow(false));
    const always = textButton("Always for this server", "wb-sm wb-asks", () => events.allow(true));
    const keep = textButton("Keep here", "wb-gh wb-sm wb-asks", () => events.keep());
    const words = h("div", { class: "wb-grow" });
    words.append(h("div", {}, "This message would go to ", this.place, ". Send it there?"), this.message);
    this.element = h(
      "div",
      { class: "wb-note wb-warn wb-notice wb-consent", role: "alertdialog", "aria-label": "It would leave this machine" },
      icon("warn"),
      words,
      h("span", { class: "wb-acts" }, once, always, keep),
    );
    show(this.element, false);
  }

  update(consent: Consent | null): void {
    show(this.element, consent !== null);
    if (!consent) return;
    setText(this.place, consent.place);
    setText(this.message, consent.text);
    show(this.message, consent.text !== "");
  }
}
