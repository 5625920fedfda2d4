// The chat widget as anywidget runs it, with a kernel that answers by hand.
import chat from "../../workbench/widgets/chat";
import type { ChatView, Op } from "../../workbench/widgets/protocol";
import { chatView, FakeModel, frame } from "./fixtures";

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort(); // no timer of a test runs into the next one
});

export async function shown(state: Partial<ChatView> = {}, views = 1) {
  document.body.replaceChildren();
  const fake = new FakeModel();
  const widget = chat();
  const life = new AbortController();
  lives.push(life);
  widget.initialize({ model: fake, signal: life.signal });
  const elements: HTMLElement[] = [];
  const ends: (() => void)[] = [];
  for (let i = 0; i < views; i++) {
    const el = document.body.appendChild(document.createElement("div"));
    ends.push(widget.render({ model: fake, el, signal: life.signal }));
    elements.push(el);
  }
  fake.emit("msg:custom", { kind: "ack", id: 1, ok: true, error: null });
  fake.emit("msg:custom", { kind: "snap", seq: 0, state: chatView(state) });
  let seq = 0;
  const delta = async (...ops: Op[]): Promise<void> => {
    fake.emit("msg:custom", { kind: "delta", seq: ++seq, t: 0, ops });
    await new Promise((resolve) => setTimeout(resolve, 130)); // numbers are drawn ten times a second
    await frame();
  };
  await frame();
  await frame();
  const el = elements[0]!;
  const find = <T extends HTMLElement = HTMLElement>(selector: string): T => {
    const found = el.querySelector<T>(selector);
    if (!found) throw new Error(`no ${selector}`);
    return found;
  };
  const last = () => fake.sent[fake.sent.length - 1]!;
  /** Answers the command sent last. */
  const answer = async (data: unknown = null, refused = ""): Promise<void> => {
    const error = refused ? { kind: "UsageError", message: refused, next_step: "", details: "", retryable: false } : null;
    fake.emit("msg:custom", { kind: "ack", id: last().id, ok: !refused, error, data });
    await frame();
  };
  return { fake, life, el, elements, ends, delta, find, last, answer };
}

export const visible = (element: HTMLElement): boolean => !element.closest("[hidden]");

export function key(target: Element, name: string, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}

export function write(box: HTMLTextAreaElement | HTMLInputElement, text: string, kind = "input"): void {
  box.value = text;
  box.dispatchEvent(new Event(kind, { bubbles: true }));
}

/** A button by its label or its words. */
export function button(inside: ParentNode, words: string): HTMLButtonElement {
  const found = [...inside.querySelectorAll<HTMLButtonElement>("button")].filter(
    (each) => visible(each) && (each.getAttribute("aria-label") === words || each.textContent === words),
  );
  if (found.length === 0) throw new Error(`no button ${words}`);
  return found[found.length - 1]!;
}
