// Something that floats below a button: it opens and closes, and stays beside its button. Knows nothing of its content.
import { setAttribute } from "./dom";

/** Least distance to the edge of the window, in pixels. */
const MARGIN = 8;

export class Popover {
  /** `opened` is told each time it opens, before it is placed. */
  constructor(
    private button: HTMLElement,
    readonly element: HTMLElement,
    private readonly opened: () => void,
    signal: AbortSignal,
  ) {
    element.classList.add("wb-pop", "wb-float");
    element.hidden = true;
    if ("showPopover" in element) element.popover = "manual";
    setAttribute(button, "aria-expanded", "false");
    button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()), { signal });
    element.addEventListener("keydown", (event) => event.key === "Escape" && this.escape(event), { signal });
    button.addEventListener("keydown", (event) => this.isOpen && event.key === "Escape" && this.escape(event), { signal });
    const outside = (event: Event): void => {
      const inside = event.composedPath();
      if (this.isOpen && !inside.includes(element) && !inside.includes(this.button)) this.close(false);
    };
    document.addEventListener("pointerdown", outside, { signal, capture: true });
    document.addEventListener("focusin", outside, { signal, capture: true });
    const moved = (event: Event): void => {
      if (this.isOpen && !(event.target instanceof Node && element.contains(event.target))) this.place();
    };
    document.addEventListener("scroll", moved, { signal, capture: true, passive: true });
    window.addEventListener("resize", moved, { signal });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** Opens it beside another button. */
  openAt(button: HTMLElement): void {
    this.close(false);
    this.button = button;
    this.open();
  }

  open(): void {
    this.element.hidden = false;
    if (this.element.popover) this.element.showPopover();
    setAttribute(this.button, "aria-expanded", "true");
    this.opened();
    this.place();
    this.element.querySelector<HTMLElement>("input, button, [tabindex]")?.focus({ preventScroll: true });
  }

  /** Closes it; focus goes back to the button unless it is already elsewhere. */
  close(returnFocus = true): void {
    if (!this.isOpen) return;
    if (this.element.popover) this.element.hidePopover();
    this.element.hidden = true;
    setAttribute(this.button, "aria-expanded", "false");
    if (returnFocus) this.button.focus({ preventScroll: true });
  }

  /** Puts it below its button, above it where there is no room; without the popover API CSS places it. */
  place(): void {
    if (!this.element.popover) return;
    const button = this.button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = Math.max(MARGIN, Math.min(button.left, window.innerWidth - width - MARGIN));
    const below = button.bottom + 4;
    const above = button.top - 4 - height;
    this.element.style.left = `${left}px`;
    this.element.style.top = `${below + height + MARGIN > window.innerHeight && above > MARGIN ? above : below}px`;
  }

  private escape(event: KeyboardEvent): void {
    event.preventDefault();
    this.close();
  }
}
