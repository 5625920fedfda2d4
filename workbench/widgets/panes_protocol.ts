// What chats side by side exchange with the kernel: types, tags, and how their changes alter the view. Each pane has a
// chat's own store, whose commands and changes travel over the one channel, tagged by pane.
import { Channel } from "./channel";
import type { Ack, ChatView, Command, Op, Request, RowOp } from "./protocol";
import { ChatStore } from "./store";

/** Tags of what may be asked, in the order of `PanesCommand` in workbench/commands.py. */
export const PANES_KINDS = [
  "hello", "send_all", "stop_all", "add_pane", "remove_pane", "keep_pane", "in_pane",
] as const;
/** Tags of the changes that panes have beside those of fields and rows. */
export const PANES_OP_KINDS = ["pane"] as const;

export type PanesRequest =
  | { kind: "hello" | "stop_all" }
  | { kind: "send_all"; text: string; interrupt?: boolean }
  | { kind: "add_pane"; model: string }
  | { kind: "remove_pane" | "keep_pane"; pane: string }
  | { kind: "in_pane"; pane: string; command: Command };

export interface PaneRow {
  id: string;
  view: ChatView;
}

export interface PanesView {
  panes: string;
  rows: PaneRow[];
  /** What the panes are called, by their ids. */
  names: Record<string, string>;
  /** How many there may be. */
  most: number;
}

/** A change of the panes, or of the chat in one. */
export type PanesOp = RowOp<PanesView, PaneRow> | ["pane", string, Op];

/** The store of one pane: a chat's, fed by that of all. */
export class PaneStore extends ChatStore {
  constructor(transmit: (command: Command) => void, private readonly askAnew: () => void) {
    super(transmit as (command: Command<Request | { kind: "hello" }>) => void);
  }

  /** What went wrong in one pane is mended for all. */
  override hello(): void {
    this.askAnew();
  }

  take(view: ChatView): void {
    this.replace(view);
  }

  apply(op: Op): void {
    this.fold(op);
  }
}

/** One a model, shared by all views of it. */
export class PanesStore extends Channel<PanesView, PaneRow, PanesRequest> {
  private readonly stores = new Map<string, PaneStore>();

  /** The store of a pane. */
  pane(id: string): PaneStore {
    let store = this.stores.get(id);
    if (!store) {
      const made: PaneStore = new PaneStore((command) => void this.relay(id, command, made), () => this.hello());
      made.setLive(this.live);
      this.stores.set(id, (store = made));
    }
    return store;
  }

  /** The chats as they are, from left to right. */
  views(): ChatView[] {
    return (this.view?.rows ?? []).map(({ id }) => this.stores.get(id)?.view).filter((view) => view !== null && view !== undefined);
  }

  override setLive(live: boolean): void {
    super.setLive(live);
    for (const store of this.stores.values()) store.setLive(live);
  }

  protected override replace(state: PanesView): void {
    const there = new Set(state.rows.map(({ id }) => id));
    for (const id of this.stores.keys()) if (!there.has(id)) this.stores.delete(id);
    super.replace(state);
    for (const { id, view } of state.rows) this.pane(id).take(view);
  }

  protected override fold(op: PanesOp): void {
    if (op[0] === "pane") {
      this.stores.get(op[1])?.apply(op[2]);
      return this.emit({ what: "row", id: op[1] });
    }
    if (op[0] === "row") this.pane(op[1].id).take(op[1].view);
    if (op[0] === "drop") this.stores.delete(op[1]);
    super.fold(op);
  }

  private async relay(pane: string, command: Command, store: PaneStore): Promise<void> {
    const ack: Ack = await this.request({ kind: "in_pane", pane, command });
    store.receive({ ...ack, id: command.id });
  }
}
