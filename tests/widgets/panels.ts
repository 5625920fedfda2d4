// Mounts a panel as anywidget would, with a kernel that the test plays.
import type { ErrorInfo } from "../../workbench/widgets/protocol";
import { fakeLayout, FakeModel, until } from "./fixtures";

fakeLayout();
// jsdom lays nothing out, so what is not hidden counts as shown
Object.defineProperty(HTMLElement.prototype, "offsetParent", { get: (): Element => document.body, configurable: true });

interface Module {
  initialize(context: { model: never; signal: AbortSignal }): unknown;
  render(context: { model: never; el: HTMLElement; signal: AbortSignal }): unknown;
}

class Kernel extends FakeModel {
  constructor(private readonly traits: Record<string, unknown>) {
    super();
  }
  override get(name?: string): unknown {
    return name === undefined ? undefined : this.traits[name];
  }
}

export const ERROR: ErrorInfo = {
  kind: "DownloadError", message: "It broke.", next_step: "Try again.", details: "a log", retryable: true,
};

interface Options {
  traits?: Record<string, unknown>;
  manager?: unknown;
}

/** A living panel: what it asked for, and ways to play the kernel and the person. */
export async function mountPanel(module: Module, state: object, { traits = {}, manager }: Options = {}) {
  document.body.replaceChildren();
  const model = new Kernel(traits);
  model.widget_manager = manager;
  const el = document.body.appendChild(document.createElement("div"));
  const life = new AbortController();
  onTestFinished(() => life.abort()); // a panel that paints later finds no page
  module.initialize({ model: model as never, signal: life.signal });
  module.render({ model: model as never, el, signal: life.signal });
  const tell = (message: unknown): void => model.emit("msg:custom", message);
  let seq = 0;
  tell({ kind: "snap", seq, state: structuredClone(state) });
  await until(() => el.querySelector(".wb-connecting") === null, "the first paint");
  const sent = model.sent as unknown as ({ kind: string; id: number } & Record<string, unknown>)[];
  return {
    el,
    model,
    life,
    /** Changes, as one batch. */
    ops: (...list: unknown[]): void => tell({ kind: "delta", seq: ++seq, t: 0, ops: list }),
    /** What was asked for after hello, without the numbers. */
    asked: (): unknown[] => sent.slice(1).map(({ id: _, ...rest }) => rest),
    /** Answers the newest question of that kind. */
    answer: (kind: string, data: unknown, error: ErrorInfo | null = null): void =>
      tell({ kind: "ack", id: sent.findLast((each) => each.kind === kind)!.id, ok: error === null, error, data }),
    /** The button that is there under that name. */
    button: (label: string, within: Element = el): HTMLButtonElement =>
      [...within.querySelectorAll("button")].find(
        (each) => each.closest("[hidden]") === null && (each.getAttribute("aria-label") ?? each.textContent) === label,
      )!,
    /** A key pressed where the focus is. */
    press: (key: string, more: KeyboardEventInit = {}): boolean =>
      document.activeElement!.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more })),
  };
}

/** JupyterLab's notebook, as far as a widget reaches it; keeps the cells that are inserted. */
export function notebook(cells: number) {
  const inserted: [number, { cell_type: string; source: string }][] = [];
  const insertCell = (at: number, cell: { cell_type: string; source: string }): number => inserted.push([at, cell]);
  return { inserted, manager: { context: { model: { sharedModel: { cells: Array.from({ length: cells }), insertCell } } } } };
}
