// The downloads panel for anywidget: one store a model, one view an output. The downloads belong to the kernel; which
// rows are open belongs to a view.
import { DownloadsStore } from "./downloads_protocol";
import { DownloadsPanel } from "./downloads_view";
import { mount } from "./mount";

export default mount(
  (model) => new DownloadsStore((command) => model.send(command)),
  (store, signal, model) => new DownloadsPanel(store, model, model.get("single") === true, signal).element,
);
