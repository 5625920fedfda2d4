// The library for anywidget: one store a model, one view an output. The models belong to the kernel; order, filter and
// selection belong to a view.
import { LibraryStore } from "./library_protocol";
import { LibraryPanel } from "./library_view";
import { mount } from "./mount";

export default mount(
  (model) => new LibraryStore((command) => model.send(command)),
  (store, signal, model) => new LibraryPanel(store, model, signal).element,
);
