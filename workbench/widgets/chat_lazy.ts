// A message's place in the list: its bare words, unseen, until it comes near the view, then the message itself. The words
// are not laid out, but the browser's own search finds them: a long conversation opens at once and can be searched whole.
import { h } from "./dom";
import { createMessage, type Doing, type MessageElement } from "./message";
import type { MessageView } from "./protocol";

/** Characters in a line of the widest column, and the heights in pixels of a line and of what stands around the text. */
const LINE = { characters: 100, height: 23 };
const AROUND = { user: 60, system: 84, assistant: 64 };

export class LazyMessage {
  /** Stands in the list; another one once the message is drawn. */
  element: HTMLElement;
  private content: MessageElement | null = null;
  private message: MessageView;
  private last = false;

  constructor(message: MessageView, private readonly doing: Doing) {
    this.message = message;
    const style = message.role === "assistant" ? "wb-answer wb-bare" : "wb-usr wb-bare";
    const words = h("div", { hidden: "until-found" }, message.text);
    this.element = h("article", { class: style, tabindex: -1, "data-message": message.id }, words);
    this.element.style.height = `${heightOf(message)}px`;
  }

  get isDrawn(): boolean {
    return this.content !== null;
  }

  /** Draws the message itself in the place of its words. */
  draw(): MessageElement {
    if (this.content) return this.content;
    this.content = createMessage(this.message, this.doing);
    this.content.update(this.message, this.last);
    const { element } = this.content;
    element.dataset.message = this.message.id;
    element.tabIndex = this.element.tabIndex;
    this.element.replaceWith(element);
    this.element = element;
    return this.content;
  }

  update(message: MessageView, last: boolean): void {
    this.message = message;
    this.last = last;
    this.content?.update(message, last);
  }
}

/** About how high a message will be, in pixels. */
function heightOf(message: MessageView): number {
  let lines = 0;
  for (const line of message.text.split("\n")) lines += Math.max(1, Math.ceil(line.length / LINE.characters));
  return AROUND[message.role] + lines * LINE.height;
}
