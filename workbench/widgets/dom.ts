// Small helpers over the DOM. They know nothing of chats.
import { icon, type IconName } from "./icons";

type Child = Node | string | null | undefined;

/** An element with attributes and children; an attribute that is null or false is left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number | boolean | null> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/** A sentence in which `words between backticks` are code; an odd backtick stays what it is. */
export function prose(text: string): (string | HTMLElement)[] {
  const parts = text.split("`");
  return parts.length % 2 ? parts.map((part, i) => (i % 2 ? h("span", { class: "wb-mono" }, part) : part)) : [text];
}

/** Sets an attribute only when it differs; null and false remove it. */
export function setAttribute(element: Element, name: string, value: string | number | boolean | null): void {
  if (value === null || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Sets text only when it differs, so that nothing is laid out again for nothing. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

export function iconButton(name: IconName, label: string, press: () => void, small = false): HTMLButtonElement {
  const attributes = { type: "button", class: small ? "wb-ib wb-sm" : "wb-ib", "aria-label": label, title: label };
  const button = h("button", attributes, icon(name, small));
  button.addEventListener("click", press);
  return button;
}

/** A button with words, in the given style classes ("wb-gh wb-sm", say). */
export function textButton(label: string, style: string, press: () => void, name?: IconName): HTMLButtonElement {
  const attributes = { type: "button", class: `wb-btn ${style}` };
  const button = h("button", attributes, name ? icon(name, style.includes("wb-sm")) : null, h("span", {}, label));
  button.addEventListener("click", press);
  return button;
}

/** Copies text, also where the page may not use the clipboard API (plain http). */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const box = h("textarea", { class: "wb-sr", "aria-hidden": "true" });
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}

/** Shows a check mark in a copy button, or in another with that icon, for a moment. */
export function confirmCopy(button: HTMLElement, sign: IconName = "copy"): void {
  const drawn = button.querySelector("svg");
  if (!drawn || button.dataset.copied) return;
  button.dataset.copied = "yes";
  drawn.replaceWith(icon("check", true));
  setTimeout(() => {
    delete button.dataset.copied;
    button.querySelector("svg")?.replaceWith(icon(sign, true));
  }, 1200);
}
