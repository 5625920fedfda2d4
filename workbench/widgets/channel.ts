// The browser's copy of one session: takes snapshots and numbered deltas, sends commands. Knows no DOM.
import type { Ack, Command, Delta, ErrorInfo, RowOp, Snap } from "./protocol";

/** While waiting for a snapshot, ask once more after this many milliseconds of deltas that cannot be used. */
const ASK_AGAIN_MS = 2000;

/** What a view has to draw again: everything, or the fields. */
export type Change = { what: "all" } | { what: "state" };
export type RowChange = Change | { what: "row"; id: string };

/** What every session's store has: the seam itself. How an operation changes the view is the subclass's part. */
export abstract class Link<View extends object, Request extends { kind: string }, Op, C extends { what: string }> {
  /** The whole state; null until the first snapshot. */
  view: View | null = null;
  /** Whether there is a kernel behind it. */
  live = true;
  /** Commands that were not answered yet. */
  waiting = 0;

  private seq = -1;
  private synced = false;
  private askedAt = 0;
  private nextId = 1;
  private readonly listeners = new Set<(change: C | Change) => void>();
  private readonly asked = new Map<number, (ack: Ack) => void>();

  constructor(private readonly transmit: (command: Command<Request | { kind: "hello" }>) => void) {}

  /** Calls `listener` on every change until `signal` is aborted. */
  subscribe(listener: (change: C | Change) => void, signal: AbortSignal): void {
    this.listeners.add(listener);
    signal.addEventListener("abort", () => this.listeners.delete(listener));
  }

  /** Asks for the whole state; deltas are ignored until it comes. */
  hello(): void {
    this.synced = false;
    this.askedAt = Date.now();
    void this.request({ kind: "hello" });
  }

  /** Sends a command; resolves with its answer, with a refusal when there is no kernel. */
  request(request: Request | { kind: "hello" }): Promise<Ack> {
    const id = this.nextId++;
    if (!this.live) return Promise.resolve({ kind: "ack", id, ok: false, error: NO_KERNEL });
    return new Promise((resolve) => {
      this.asked.set(id, resolve);
      this.setWaiting();
      this.transmit({ ...request, id });
    });
  }

  receive(message: Snap<View> | Delta<Op> | Ack): void {
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

  /** Takes a whole new state. */
  protected abstract replace(state: View): void;
  /** Takes one change. */
  protected abstract fold(op: Op): void;

  protected emit(change: C | Change): void {
    for (const listener of this.listeners) listener(change);
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

  private setWaiting(): void {
    if (this.waiting === this.asked.size) return;
    this.waiting = this.asked.size;
    this.emit({ what: "state" });
  }
}

/** The store of a session whose view is fields and, where it has them, `rows` with an `id` each. */
export class Channel<
  View extends { rows?: Row[] },
  Row extends { id: string },
  Request extends { kind: string },
> extends Link<View, Request, RowOp<View, Row>, RowChange> {
  private readonly byId = new Map<string, Row>();

  row(id: string): Row | undefined {
    return this.byId.get(id);
  }

  protected replace(state: View): void {
    this.view = state;
    this.byId.clear();
    for (const row of state.rows ?? []) this.byId.set(row.id, row);
    this.emit({ what: "all" });
  }

  protected fold(op: RowOp<View, Row>): void {
    const view = this.view;
    if (!view) return;
    if (op[0] === "state") {
      if (op[1].rows) return this.replace({ ...view, ...op[1] });
      Object.assign(view, op[1]);
      return this.emit({ what: "state" });
    }
    const rows = (view.rows ??= []);
    if (op[0] === "row") {
      const row = op[1];
      const at = this.byId.has(row.id) ? rows.findIndex((each) => each.id === row.id) : -1;
      if (at < 0) rows.push(row);
      else rows[at] = row;
      this.byId.set(row.id, row);
      return this.emit(at < 0 ? { what: "all" } : { what: "row", id: row.id });
    }
    this.byId.delete(op[1]);
    view.rows = rows.filter((row) => row.id !== op[1]);
    this.emit({ what: "all" });
  }
}

const NO_KERNEL: ErrorInfo = {
  kind: "StateError",
  message: "There is no kernel behind this widget.",
  next_step: "Run the cell again.",
  details: "",
  retryable: false,
};
