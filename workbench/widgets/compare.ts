// The comparison for anywidget: one store a model, one view an output. Cells belong to the kernel; which columns are
// shown, what is filtered, opened or scrolled belongs to a view.
import { keepCopy } from "./compare_copy";
import { CompareStore } from "./compare_protocol";
import { ComparePanel } from "./compare_view";
import { mount } from "./mount";

export default mount(
  (model, signal) => {
    const store = new CompareStore((command) => model.send(command));
    keepCopy(model, store, signal);
    return store;
  },
  (store, signal) => new ComparePanel(store, signal).element,
);
