// The chat widget for anywidget: one store a model, one view an output. The transcript belongs to the kernel; the
// draft, the scroll position and which popover is open belong to a view.
import { mount } from "./mount";
import { keepCopy } from "./saved";
import { ChatStore } from "./store";
import { ChatWidget } from "./view";

/** Called once a model; its views share what `initialize` sets up. */
export default mount(
  (model, signal) => {
    const store = new ChatStore((command) => model.send(command));
    keepCopy(model, store, signal);
    return store;
  },
  (store, signal, model) => new ChatWidget(store, signal, model).element,
);
