// The history for anywidget: one store a model, one view an output. The chats belong to the kernel; what is searched,
// selected and scrolled belongs to a view.
import { HistoryStore } from "./history_protocol";
import { HistoryPanel } from "./history_view";
import { mount } from "./mount";

export default mount(
  (model) => new HistoryStore((command) => model.send(command)),
  (store, signal, model) => new HistoryPanel(store, model, signal).element,
);
