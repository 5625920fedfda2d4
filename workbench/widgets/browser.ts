// The model browser for anywidget: one store a model, one view an output.
import { BrowserStore } from "./browser_protocol";
import { BrowserPanel } from "./browser_view";
import { mount } from "./mount";

export default mount(
  (model) => new BrowserStore((command) => model.send(command)),
  (store, signal, model) => new BrowserPanel(store, model, signal).element,
);
