// The chat widget for anywidget: one store a model, one view an output. The transcript belongs to the kernel; the
// draft, the scroll position and which popover is open belong to a view.
import { watchKernel } from "./kernel";
import type { Message, Model } from "./protocol";
import { keepCopy } from "./saved";
import { ChatStore } from "./store";
import { ChatWidget } from "./view";

interface Context {
  model: Model;
  signal?: AbortSignal;
}

/** Called once a model; its views share what `initialize` sets up. */
export default function chat() {
  let store: ChatStore;
  return {
    initialize({ model, signal }: Context): () => void {
      const life = lifetime(signal);
      store = new ChatStore((command) => model.send(command));
      const receive = (message: Message): void => store.receive(message);
      model.on("msg:custom", receive);
      life.signal.addEventListener("abort", () => model.off("msg:custom", receive));
      watchKernel(model, store, life.signal);
      keepCopy(model, store, life.signal);
      store.hello();
      return () => life.abort();
    },
    render({ el, signal }: Context & { el: HTMLElement }): () => void {
      const life = lifetime(signal);
      const widget = new ChatWidget(store, life.signal);
      el.append(widget.element);
      return () => {
        life.abort();
        widget.element.remove();
      };
    },
  };
}

/** An abort controller that also ends with the host's signal, where the host gives one. */
function lifetime(signal?: AbortSignal): AbortController {
  const controller = new AbortController();
  signal?.addEventListener("abort", () => controller.abort());
  return controller;
}
