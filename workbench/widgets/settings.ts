// The settings for anywidget: one store a model, one view an output. The settings belong to the kernel; the open section
// and the words in a form belong to a view.
import { mount } from "./mount";
import { SettingsStore } from "./settings_protocol";
import { SettingsPanel } from "./settings_view";

export default mount(
  (model) => new SettingsStore((command) => model.send(command)),
  (store, signal) => new SettingsPanel(store, signal).element,
);
