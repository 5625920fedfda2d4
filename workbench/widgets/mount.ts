// What anywidget calls: one store a model, one view an output. Knows no session.
import { watchKernel, type Watched } from "./kernel";
import type { Ack, Delta, Model, Snap } from "./protocol";

interface Context {
  model: Model;
  signal?: AbortSignal;
}

/** A store as it is mounted: it hears the kernel and says hello. */
interface Store extends Watched {
  receive(message: Snap<never> | Delta<never> | Ack): void;
}

/**
 * The module's default export: `make` builds the store when the model comes; `draw` builds one view of it and
 * ends it with the signal.
 */
export function mount<S extends Store>(
  make: (model: Model, signal: AbortSignal) => S,
  draw: (store: S, signal: AbortSignal, model: Model) => HTMLElement,
) {
  return () => {
    let store: S;
    return {
      initialize({ model, signal }: Context): () => void {
        const life = lifetime(signal);
        store = make(model, life.signal);
        const receive = (message: Snap<never> | Delta<never> | Ack): void => store.receive(message);
        model.on("msg:custom", receive);
        life.signal.addEventListener("abort", () => model.off("msg:custom", receive));
        watchKernel(model, store, life.signal);
        store.hello();
        return () => life.abort();
      },
      render({ model, el, signal }: Context & { el: HTMLElement }): () => void {
        const life = lifetime(signal);
        const element = draw(store, life.signal, model);
        el.append(element);
        return () => {
          life.abort();
          element.remove();
        };
      },
    };
  };
}

/** An abort controller that also ends with the host's signal, where the host gives one. */
function lifetime(signal?: AbortSignal): AbortController {
  const controller = new AbortController();
  signal?.addEventListener("abort", () => controller.abort());
  return controller;
}
