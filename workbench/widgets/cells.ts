// Puts a line of code into a new cell below a widget, where the host lets a widget do that (JupyterLab does).
import type { Model } from "./protocol";

/** The part of JupyterLab's notebook model that is used. */
interface SharedNotebook {
  cells?: ArrayLike<unknown>;
  insertCell?(index: number, cell: { cell_type: "code"; source: string }): unknown;
}

/** The line that opens a chat with a model. */
export function chatLine(model: string): string {
  return `wb.chat(${JSON.stringify(model)})`;
}

/**
 * Inserts a code cell below the one that shows `view`, at the end of the notebook when no cell shows it. Returns
 * whether the host took it; where not, show the line for the reader to copy.
 */
export function insertBelow(model: Model, view: Element, source: string): boolean {
  const manager = model.widget_manager as { context?: { model?: { sharedModel?: SharedNotebook } } } | undefined;
  const notebook = manager?.context?.model?.sharedModel;
  if (typeof notebook?.insertCell !== "function") return false;
  const last = notebook.cells?.length ?? 0;
  const shown = view.closest<HTMLElement>(".jp-Cell")?.dataset.windowedListIndex;
  try {
    notebook.insertCell(shown === undefined ? last : Math.min(Number(shown) + 1, last), { cell_type: "code", source });
    return true;
  } catch (error) {
    console.debug("[workbench] the notebook took no new cell", error); // read-only, say
    return false;
  }
}
