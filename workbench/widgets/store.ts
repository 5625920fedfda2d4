// The browser's copy of one chat: how a chat's changes alter its view. Knows no DOM.
import { Link, type Change as StateChange } from "./channel";
import type { ChatView, MessageView, ModelView, Op, Request } from "./protocol";

/** What a view has to draw again. */
export type Change = StateChange | { what: "message"; id: string };

/** One a model, shared by all views of it. */
export class ChatStore extends Link<ChatView, Request, Op, Change> {
  /** The model of each kind that was used last: where the Local/Remote switch jumps to. */
  readonly lastUsed: { local: string | null; remote: string | null } = { local: null, remote: null };

  private readonly byId = new Map<string, MessageView>();

  message(id: string): MessageView | undefined {
    return this.byId.get(id);
  }

  protected override replace(state: ChatView): void {
    this.view = state;
    this.byId.clear();
    for (const message of state.messages) this.byId.set(message.id, message);
    this.remember(state.model);
    this.emit({ what: "all" });
  }

  protected override fold(op: Op): void {
    const view = this.view;
    if (!view) return;
    switch (op[0]) {
      case "text":
      case "reasoning": {
        const message = this.byId.get(op[1]);
        if (message) message[op[0]] += op[2];
        return this.emit({ what: "message", id: op[1] });
      }
      case "message": {
        const message = op[1];
        const at = this.byId.has(message.id) ? view.messages.findIndex((m) => m.id === message.id) : -1;
        if (at < 0) view.messages.push(message);
        else view.messages[at] = message;
        this.byId.set(message.id, message);
        return this.emit({ what: at < 0 ? "all" : "message", id: message.id });
      }
      case "patch": {
        const message = this.byId.get(op[1]);
        if (message) Object.assign(message, op[2]);
        return this.emit({ what: "message", id: op[1] });
      }
      case "cut": {
        const last = op[1] === null ? -1 : view.messages.findIndex((message) => message.id === op[1]);
        if (last < 0 && op[1] !== null) return this.hello();
        for (const gone of view.messages.splice(last + 1)) this.byId.delete(gone.id);
        return this.emit({ what: "all" });
      }
      case "state":
        if (op[1].messages) return this.replace({ ...view, ...op[1] });
        Object.assign(view, op[1]);
        if (op[1].model) this.remember(op[1].model);
        return this.emit({ what: "state" });
    }
  }

  private remember(model: ModelView | null): void {
    if (model) this.lastUsed[model.local ? "local" : "remote"] = model.id;
  }
}
