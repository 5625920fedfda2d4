// Chats side by side for anywidget: one store a model, one view an output. The transcripts belong to the kernel; the
// draft, the scroll positions and which pane is shown where there is room for one belong to a view.
import { mount } from "./mount";
import { PanesStore } from "./panes_protocol";
import { PanesPanel } from "./panes_view";
import { keepCopies } from "./saved";

export default mount(
  (model, signal) => {
    const store = new PanesStore((command) => model.send(command));
    keepCopies(model, store, signal);
    return store;
  },
  (store, signal, model) => new PanesPanel(store, signal, model).element,
);
