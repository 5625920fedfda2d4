// The browser's copy of one chat: takes snapshots and numbered deltas, sends commands. Knows no DOM.
import type { Ack, ChatView, Command, ErrorInfo, Message, MessageView, ModelView, Op, Request } from "./protocol";

/** What a view has to draw again. */
export type Change = { what: "all" } | { what: "state" } | { what: "message"; id: string };
type Listener = (change: Change) => void;

/** While waiting for a snapshot, ask once more after this many milliseconds of deltas that cannot be used. */
const ASK_AGAIN_MS = 2000;

/** One a model, shared by all views of it. */
export class ChatStore {
  /** The whole state; null until the first snapshot. */
  view: ChatView | null = null;
  /** Whether there is a kernel behind it. */
  live = true;
  /** Commands that were not answered yet. */
  waiting = 0;
  /** The model of each kind that was used last: where the Local/Remote switch jumps to. */
  readonly lastUsed: { local: string | null; remote: string | null } = { local: null, remote: null };

  private seq = -1;
  private synced = false;
  private askedAt = 0;
  private nextId = 1;
  private readonly byId = new Map<string, MessageView>();
  private readonly listeners = new Set<Listener>();
  private readonly asked = new Map<number, (ack: Ack) => void>();

  constructor(private readonly transmit: (command: Command) => void) {}

  /** Calls `listener` on every change until `signal` is aborted. */
  subscribe(listener: Listener, signal: AbortSignal): void {
    this.listeners.add(listener);
    signal.addEventListener("abort", () => this.listeners.delete(listener));
  }

  message(id: string): MessageView | undefined {
    return this.byId.get(id);
  }

  /** Asks for the whole state; deltas are ignored until it comes. */
  hello(): void {
    this.synced = false;
    this.askedAt = Date.now();
    void this.request({ kind: "hello" });
  }

  /** Sends a command; resolves with its answer, with a refusal when there is no kernel. */
  request(request: Request): Promise<Ack> {
    const id = this.nextId++;
    if (!this.live) return Promise.resolve({ kind: "ack", id, ok: false, error: NO_KERNEL });
    return new Promise((resolve) => {
      this.asked.set(id, resolve);
      this.setWaiting();
      this.transmit({ ...request, id });
    });
  }

  receive(message: Message): void {
    if (message.kind === "ack") {
      this.asked.get(message.id)?.(message);
      this.asked.delete(message.id);
      this.setWaiting();
    } else if (message.kind === "snap") {
      this.seq = message.seq;
      this.synced = true;
      this.replace(message.state);
    } else if (message.kind === "delta") {
      this.receiveDelta(message.seq, message.ops);
    }
  }

  /** Told by whoever watches the kernel. */
  setLive(live: boolean): void {
    if (live === this.live) return;
    this.live = live;
    if (!live) {
      for (const [id, answer] of this.asked) answer({ kind: "ack", id, ok: false, error: NO_KERNEL });
      this.asked.clear();
      this.setWaiting();
    }
    this.emit({ what: "all" });
  }

  private receiveDelta(seq: number, ops: Op[]): void {
    if (!this.synced) {
      if (Date.now() - this.askedAt > ASK_AGAIN_MS) this.hello();
    } else if (seq === this.seq + 1) {
      this.seq = seq;
      for (const op of ops) this.fold(op);
    } else if (seq > this.seq) {
      this.hello();
    }
  }

  private replace(state: ChatView): void {
    this.view = state;
    this.byId.clear();
    for (const message of state.messages) this.byId.set(message.id, message);
    this.remember(state.model);
    this.emit({ what: "all" });
  }

  private fold(op: Op): void {
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
      case "remove":
        this.byId.delete(op[1]);
        view.messages = view.messages.filter((message) => message.id !== op[1]);
        return this.emit({ what: "all" });
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

  private setWaiting(): void {
    if (this.waiting === this.asked.size) return;
    this.waiting = this.asked.size;
    this.emit({ what: "state" });
  }

  private emit(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
}

const NO_KERNEL: ErrorInfo = {
  kind: "StateError",
  message: "There is no kernel behind this chat.",
  next_step: "Run the cell again.",
  details: "",
  retryable: false,
};
