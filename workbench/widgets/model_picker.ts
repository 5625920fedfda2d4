// The picker on its own for anywidget: one store a model, one view an output. The choice belongs to the kernel.
import { PickerStore } from "./model_picker_protocol";
import { ModelPickerPanel } from "./model_picker_view";
import { mount } from "./mount";

export default mount(
  (model) => new PickerStore((command) => model.send(command)),
  (store, signal) => new ModelPickerPanel(store, signal).element,
);
