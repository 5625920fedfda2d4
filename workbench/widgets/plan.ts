// A deletion plan, shown before anything goes: what, where, what it frees, and what stays and why.
import { Dialog } from "./dialog";
import { h, setText, show, textButton } from "./dom";
import { plural, size } from "./format";
import { icon } from "./icons";
import type { PlanView } from "./library_protocol";

export interface PlanEvents {
  keep(): void;
  execute(plan: string): void;
}

/** What is deleted: one of them, and what stays as it is. */
export interface PlanWords {
  one: string;
  bounds: string;
}

const MODELS: PlanWords = { one: "model", bounds: "Nothing outside the model folders is touched." };

export class PlanDialog {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly frees = h("p", { class: "wb-t2" });
  private readonly list = h("ul", { class: "wb-plan" });
  private readonly refused = h("div", { class: "wb-note wb-lrefused" });
  private readonly keep: HTMLButtonElement;
  private readonly go: HTMLButtonElement;
  private shown: string | null = null;

  constructor(private readonly events: PlanEvents, signal: AbortSignal, private readonly words: PlanWords = MODELS) {
    this.dialog = new Dialog("alertdialog", () => this.leave(), signal);
    this.keep = textButton("Keep", "", () => this.leave());
    this.go = textButton("Delete", "wb-dan", () => this.execute(), "trash");
    const bounds = h("p", { class: "wb-fs-s wb-t3" }, words.bounds);
    this.dialog.body.append(this.frees, this.list, this.refused, bounds);
    this.dialog.foot.append(this.keep, this.go);
    this.element = this.dialog.element;
  }

  update(plan: PlanView | null): void {
    if (plan?.id === this.shown) return;
    this.shown = plan?.id ?? null;
    if (!plan) return this.dialog.close();
    const count = plan.models.length;
    this.dialog.setTitle(count ? `Delete ${plural(count, this.words.one)}` : "Nothing can be deleted");
    this.frees.replaceChildren("Frees ", h("b", { class: "wb-b" }, size(plan.frees)), ".");
    this.list.replaceChildren(...plan.models.map((model) => planLine(model)));
    this.drawRefused(plan);
    show(this.frees, count > 0);
    show(this.list, count > 0);
    show(this.go, count > 0);
    setText(this.go.querySelector("span")!, `Delete, free ${size(plan.frees)}`);
    setText(this.keep.querySelector("span")!, count ? "Keep" : "Close");
    this.dialog.open(() => this.keep);
  }

  private drawRefused(plan: PlanView): void {
    const lines = plan.refused.map(({ id, why }) => h("div", {}, h("b", { class: "wb-b" }, `${id} stays. `), why));
    this.refused.replaceChildren(icon("info"), h("div", { class: "wb-grow" }, ...lines));
    show(this.refused, lines.length > 0);
  }

  private leave(): void {
    this.dialog.close();
    this.events.keep();
  }

  private execute(): void {
    if (this.shown) this.events.execute(this.shown);
  }
}

function planLine(model: PlanView["models"][number]): HTMLElement {
  const less = model.frees === model.size ? "" : ` of ${size(model.size)}`;
  return h(
    "li",
    {},
    h("b", { class: "wb-b wb-cut", title: model.id }, model.name),
    h("span", { class: "wb-num" }, `${size(model.frees)}${less}`),
    model.why ? h("span", { class: "wb-n2" }, model.why) : null,
  );
}
