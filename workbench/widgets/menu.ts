// A menu that floats above the notebook: arrows, Enter, Escape; focus goes back to what opened it.
import { h, setAttribute } from "./dom";
import { icon, type IconName } from "./icons";

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** Second rank, at the right or below: a size, a path. */
  detail?: string;
  /** Among several of which one is chosen. */
  checked?: boolean;
  danger?: boolean;
  press(): void;
}
/** Items with a line between groups. */
export type MenuGroups = MenuItem[][];

const WIDTH = 264;
const GAP = 4;

export class Menu {
  readonly element = h("div", { class: "wb-pop wb-menu", role: "menu", tabindex: -1 });
  private opener: HTMLElement | null = null;
  private openedAt = 0;

  constructor(signal: AbortSignal) {
    this.element.hidden = true;
    if ("showPopover" in this.element) this.element.popover = "manual";
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
    const outside = (event: Event): void => {
      const path = event.composedPath();
      if (this.isOpen && !path.includes(this.element) && !(this.opener && path.includes(this.opener))) this.close(false);
    };
    document.addEventListener("pointerdown", outside, { signal, capture: true });
    // The event comes a frame after the scrolling: one from before the menu opened left its opener where it is.
    const scrolled = (event: Event): void => {
      const moved = this.opener && this.opener.getBoundingClientRect().top !== this.openedAt;
      if (this.isOpen && moved && event.target !== this.element) this.close(false);
    };
    document.addEventListener("scroll", scrolled, { signal, capture: true, passive: true });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** Opens it below `opener`; a second press of the same opener closes it. */
  open(opener: HTMLElement, label: string, groups: MenuGroups): void {
    if (this.isOpen && this.opener === opener) return this.close();
    this.close(false);
    this.opener = opener;
    setAttribute(this.element, "aria-label", label);
    const drawn = groups.filter((group) => group.length).map((group) => h("div", { role: "group" }, ...group.map((item) => this.item(item))));
    this.element.replaceChildren(...drawn);
    this.element.hidden = false;
    if (this.element.popover) this.element.showPopover();
    setAttribute(opener, "aria-expanded", "true");
    this.place(opener);
    (this.element.querySelector<HTMLElement>('[aria-checked="true"]') ?? this.items()[0])?.focus({ preventScroll: true });
  }

  close(returnFocus = true): void {
    if (!this.isOpen) return;
    if (this.element.popover) this.element.hidePopover();
    this.element.hidden = true;
    if (this.opener) setAttribute(this.opener, "aria-expanded", "false");
    if (returnFocus) this.opener?.focus({ preventScroll: true });
    this.opener = null;
  }

  private item(item: MenuItem): HTMLElement {
    const choice = item.checked !== undefined;
    const sign = choice ? (item.checked ? icon("check", true) : h("span", { class: "wb-mnone" })) : item.icon ? icon(item.icon, true) : null;
    const button = h(
      "button",
      {
        type: "button", class: `wb-opt${item.danger ? " wb-err" : ""}`, tabindex: -1,
        role: choice ? "menuitemradio" : "menuitem", "aria-checked": choice ? String(item.checked) : null,
      },
      sign,
      h("span", { class: "wb-grow wb-cut" }, item.label),
      item.detail ? h("span", { class: "wb-mdetail wb-cut", title: item.detail }, item.detail) : null,
    );
    button.addEventListener("click", () => {
      this.close();
      item.press();
    });
    return button;
  }

  private items(): HTMLElement[] {
    return [...this.element.querySelectorAll<HTMLElement>("button")];
  }

  private key(event: KeyboardEvent): void {
    const items = this.items();
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 };
    event.stopPropagation();
    if (event.key in to) items[(to[event.key]! + items.length) % items.length]?.focus();
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else return;
    event.preventDefault();
  }

  /** Below its opener, right edges equal; above it where there is more room. */
  private place(opener: HTMLElement): void {
    const at = opener.getBoundingClientRect();
    this.openedAt = at.top;
    if (!this.element.popover) return;
    const style = this.element.style;
    style.width = `${WIDTH}px`;
    const left = at.left + WIDTH + GAP < window.innerWidth ? at.left : at.right - WIDTH;
    style.left = `${Math.max(GAP, left)}px`;
    const height = this.element.offsetHeight;
    const below = at.bottom + GAP + height <= window.innerHeight || at.top < height + GAP;
    style.top = below ? `${at.bottom + GAP}px` : `${at.top - GAP - height}px`;
  }
}
