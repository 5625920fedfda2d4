// A dialog inside a widget: a veil over it, focus kept in, Escape leaves. It knows no session.
import { h, show } from "./dom";

let numbered = 0;

export class Dialog {
  /** The veil; it holds the dialog. */
  readonly element: HTMLElement;
  readonly body = h("div", { class: "wb-body" });
  readonly foot = h("footer");
  private readonly title: HTMLElement;
  private readonly box: HTMLElement;
  private before: HTMLElement | null = null;

  constructor(role: "dialog" | "alertdialog", private readonly leave: () => void, signal: AbortSignal) {
    const id = `wb-dialog-${++numbered}`;
    this.title = h("header", { id });
    const attributes = { class: "wb-dlg", role, "aria-labelledby": id, "aria-modal": "true", tabindex: -1 };
    this.box = h("div", attributes, this.title, this.body, this.foot);
    this.element = h("div", { class: "wb-veil" }, this.box);
    show(this.element, false);
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  setTitle(title: string): void {
    if (this.title.textContent !== title) this.title.textContent = title;
  }

  /** Shows it; `focus` gets the focus when it was in this widget, so that another view is not torn away. */
  open(focus: () => HTMLElement | null): void {
    if (this.isOpen) return;
    const root = this.element.closest<HTMLElement>(".wb");
    const active = document.activeElement;
    this.before = active instanceof HTMLElement && root?.contains(active) ? active : null;
    show(this.element, true);
    root?.classList.add("wb-veiled");
    if (!this.before) return;
    focus()?.focus({ preventScroll: true });
    this.box.scrollIntoView?.({ block: "nearest" });
  }

  close(): void {
    if (!this.isOpen) return;
    const root = this.element.closest<HTMLElement>(".wb");
    const inside = this.element.contains(document.activeElement);
    show(this.element, false);
    root?.classList.remove("wb-veiled");
    if (inside) (this.before?.isConnected && this.before.offsetParent ? this.before : root)?.focus({ preventScroll: true });
    this.before = null;
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      event.preventDefault();
      this.leave();
    } else if (event.key === "Tab") {
      const stops = [...this.box.querySelectorAll<HTMLElement>("button, input, textarea, [tabindex='0']")].filter(
        (each) => each.tabIndex >= 0 && each.offsetParent !== null && !each.hasAttribute("disabled"),
      );
      const at = stops.indexOf(document.activeElement as HTMLElement);
      const next = stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length];
      event.preventDefault();
      next?.focus();
    }
  }
}
