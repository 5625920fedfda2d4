// The head of a chat: Local/Remote switch, picker, new chat.
import { Choice } from "./choice";
import { h, iconButton, show } from "./dom";
import type { ChatView, Request } from "./protocol";
import type { ChatStore } from "./store";

export class Head {
  readonly element: HTMLElement;
  private readonly choice: Choice;
  private readonly newChat: HTMLButtonElement;

  constructor(store: ChatStore, ask: (request: Request) => void, signal: AbortSignal) {
    const events = {
      choose: (model: string): void => ask({ kind: "choose_model", model }),
      refresh: (): void => ask({ kind: "list_models" }),
    };
    this.choice = new Choice(store.lastUsed, events, signal);
    this.newChat = iconButton("plus", "New chat", () => ask({ kind: "new_chat" }));
    const end = h("span", { class: "wb-end wb-fx wb-gap1" }, this.newChat);
    const { button, picker } = this.choice;
    this.element = h("div", { class: "wb-hd" }, this.choice.switch, button.element, end, picker.element);
  }

  /** Without a kernel (`live` false) it only tells which model answered. */
  update(view: ChatView, live: boolean): void {
    this.choice.update(view, live);
    show(this.newChat, live && view.messages.length > 0);
  }
}
