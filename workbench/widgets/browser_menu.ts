// Menus of the browser: a short list of things to do, or of orders to sort by.
import { h, setText } from "./dom";
import { icon, type IconName } from "./icons";
import { Popover } from "./popover";

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** Of several, the one that holds; absent for a thing to do. */
  checked?: boolean;
  /** A red word: it destroys. */
  danger?: boolean;
  do(): void;
}

/** A menu below a button; `items` are asked each time it opens. */
export class Menu {
  readonly element = h("div", { class: "wb-menu", role: "menu" });
  readonly popover: Popover;

  constructor(
    button: HTMLElement,
    private readonly items: () => MenuItem[],
    signal: AbortSignal,
  ) {
    this.popover = new Popover(button, this.element, () => this.fill(), signal);
    this.element.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  private fill(): void {
    this.element.replaceChildren(
      ...this.items().map((item) => {
        const role = item.checked === undefined ? "menuitem" : "menuitemradio";
        const checked = item.checked === undefined ? null : String(item.checked);
        const button = h("button", { type: "button", class: `wb-opt${item.danger ? " wb-err" : ""}`, role, tabindex: -1, "aria-checked": checked });
        const sign = item.icon ?? (item.checked ? "check" : null);
        button.append(sign ? icon(sign, true) : h("span", { class: "wb-nosign" }), h("span", {}, item.label));
        button.addEventListener("click", () => {
          this.popover.close();
          item.do();
        });
        return button;
      }),
    );
  }

  private key(event: KeyboardEvent): void {
    const buttons = [...this.element.querySelectorAll<HTMLElement>("button")];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "Tab") this.popover.close();
    if (next === undefined) return;
    event.preventDefault();
    buttons[(next + buttons.length) % buttons.length]?.focus();
  }
}

/** The orders a result can have: the words of the query, and what a reader calls them. */
export const SORTS: [string, string][] = [
  ["quality", "Quality score"], ["trending", "Trending"], ["downloads", "Downloads"], ["likes", "Likes"],
  ["newest", "Newest"], ["size", "Size"],
];

/** The button that says the order and opens the menu of orders. */
export class SortButton {
  readonly element: HTMLElement;
  private readonly words = h("span", { class: "wb-sortw" });
  private readonly button: HTMLButtonElement;
  private sort = "quality";

  constructor(change: (sort: string) => void, signal: AbortSignal) {
    this.button = h("button", { type: "button", class: "wb-btn wb-sortb", "aria-haspopup": "menu" }, icon("sort"), this.words, icon("down", true));
    const items = (): MenuItem[] =>
      SORTS.map(([sort, label]) => ({ label, checked: sort === this.sort, do: () => change(sort) }));
    const menu = new Menu(this.button, items, signal);
    this.element = h("div", { class: "wb-sort" }, this.button, menu.element);
    this.update("quality");
  }

  update(sort: string): void {
    this.sort = sort;
    const label = SORTS.find(([each]) => each === sort)?.[1] ?? sort;
    setText(this.words, label);
    this.button.setAttribute("aria-label", `Sort: ${label}`);
  }
}
