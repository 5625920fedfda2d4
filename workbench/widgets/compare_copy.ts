// The copy that survives in the notebook: once all cells have ended the kernel's is written into the output made for it.
import type { CompareStore } from "./compare_protocol";
import type { Model } from "./protocol";
import { writeCopy, type Copy } from "./saved";

/** How long after the end the copy is written, in milliseconds. */
const SETTLE_MS = 250;

/** Writes the copy whenever a sweep has ended, until `signal` is aborted. */
export function keepCopy(model: Model, store: CompareStore, signal: AbortSignal): void {
  let timer = 0;
  let seen: unknown = null;
  const write = async (): Promise<void> => {
    const ack = await store.request({ kind: "read_copy" });
    const { view } = store;
    if (!ack.ok || !view || view.progress.running || signal.aborted) return;
    try {
      writeCopy(model, view.id, ack.data as Copy, "comparison");
    } catch (error) {
      console.debug("[workbench] the comparison could not be written into the notebook", error);
    }
  };
  store.subscribe(() => {
    const progress = store.view?.progress;
    if (!progress || progress === seen) return;
    seen = progress;
    clearTimeout(timer);
    if (!progress.running) timer = window.setTimeout(() => void write(), SETTLE_MS);
  }, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
}
