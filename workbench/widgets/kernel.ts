// Watches whether there is still a kernel behind a widget. Hosts differ, so every look inside one is guarded.
import type { Model } from "./protocol";

/** The part of a store that hears of the kernel. */
export interface Watched {
  readonly live: boolean;
  hello(): void;
  setLive(live: boolean): void;
}

interface Signal {
  connect(slot: (sender: unknown, value: unknown) => void): void;
  disconnect(slot: (sender: unknown, value: unknown) => void): void;
}

/** The part of JupyterLab's session context that is used. */
interface SessionContext {
  statusChanged?: Signal;
  connectionStatusChanged?: Signal;
  kernelChanged?: Signal;
}

const GONE = new Set(["restarting", "autorestarting", "dead", "terminating"]);

/** Tells the store when the kernel is gone, and says hello again after a lost connection came back. */
export function watchKernel(model: Model, store: Watched, signal: AbortSignal): void {
  const gone = (): void => store.setLive(false);
  model.on("comm:close", gone);
  signal.addEventListener("abort", () => model.off("comm:close", gone));

  const manager = model.widget_manager as { context?: { sessionContext?: SessionContext } } | undefined;
  const session = manager?.context?.sessionContext;
  const slots: [Signal | undefined, (sender: unknown, value: unknown) => void][] = [
    [session?.statusChanged, (_, status) => GONE.has(String(status)) && gone()],
    [session?.connectionStatusChanged, (_, status) => status === "connected" && store.live && store.hello()],
    [session?.kernelChanged, gone],
  ];
  for (const [source, slot] of slots) {
    if (typeof source?.connect !== "function") continue;
    source.connect(slot);
    signal.addEventListener("abort", () => source.disconnect(slot));
  }
}
