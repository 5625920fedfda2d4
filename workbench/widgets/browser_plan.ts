// What a deletion would free, asked before anything is deleted. Focus stands on Keep.
import type { PlanView } from "./browser_protocol";
import { h, setAttribute, show, textButton } from "./dom";
import { size } from "./format";

export class PlanDialog {
  readonly element: HTMLElement;
  private plan: PlanView | null = null;
  private before: HTMLElement | null = null;

  /** `keep` and `remove` are told what the person chose. */
  constructor(
    private readonly keep: () => void,
    private readonly remove: (plan: string) => void,
    signal: AbortSignal,
  ) {
    this.element = h("div", { class: "wb-pland", role: "alertdialog", "aria-modal": "true", "aria-label": "Delete" });
    this.element.hidden = true;
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  update(plan: PlanView | null): void {
    if (plan?.id === this.plan?.id) return;
    this.plan = plan;
    show(this.element, plan !== null);
    if (plan) this.open(plan);
    else if (this.before?.isConnected) this.before.focus({ preventScroll: true });
  }

  private open(plan: PlanView): void {
    this.before = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    const names = plan.models.map((model) => model.name);
    const title = h("h3", {}, plan.models.length === 1 ? `Delete ${names[0]}?` : plan.models.length ? `Delete ${plan.models.length} models?` : "Nothing to delete");
    const lines = plan.models.map((model) => {
      const why = model.why || (model.frees < model.size ? `of ${size(model.size)}; the rest is used by another copy` : "");
      const words = `: frees ${size(model.frees)}${why ? ". " : ""}${why}`;
      return h("p", { class: "wb-fs-s" }, h("span", { class: "wb-mono" }, model.id), words);
    });
    const refused = plan.refused.map(({ id, why }) => h("p", { class: "wb-fs-s wb-warn" }, h("span", { class: "wb-mono" }, id), `: ${why}`));
    const keep = textButton(plan.models.length ? "Keep" : "Close", "", this.keep);
    const remove = textButton(`Delete, free ${size(plan.frees)}`, "wb-dan", () => this.remove(plan.id), "trash");
    const buttons = h("div", { class: "wb-fx wb-planb" }, keep, plan.models.length ? remove : null);
    this.element.replaceChildren(h("div", { class: "wb-planbox" }, title, ...lines, ...refused, buttons));
    setAttribute(this.element, "aria-label", title.textContent);
    keep.focus({ preventScroll: true });
  }

  private key(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      this.keep();
    } else if (event.key === "Tab") {
      const buttons = [...this.element.querySelectorAll("button")];
      const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
      event.preventDefault();
      buttons[(at + (event.shiftKey ? buttons.length - 1 : 1)) % buttons.length]?.focus();
    }
  }
}
