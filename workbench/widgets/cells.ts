// Puts code and words into a new cell below a widget, where the host lets a widget do that (JupyterLab does).
import type { Model } from "./protocol";

export interface NewCell {
  type: "code" | "markdown";
  source: string;
}

/** The part of JupyterLab's notebook model that is used. */
interface SharedNotebook {
  cells?: ArrayLike<{ id?: string } | undefined>;
  insertCell?(index: number, cell: { cell_type: NewCell["type"]; source: string }): { id?: string } | undefined;
}

/** How many frames a new cell has to be drawn, before nobody waits for it any more. */
const PATIENCE_FRAMES = 60;
/** Cell magics of the languages that a Python notebook can run. */
const MAGICS: Record<string, string> = {
  bash: "bash", sh: "bash", shell: "bash", zsh: "bash", html: "html", svg: "svg", javascript: "javascript", js: "javascript",
  latex: "latex", tex: "latex", perl: "perl", ruby: "ruby",
};
const PYTHON = new Set(["", "python", "py", "python3", "ipython"]);
const WORDS = new Set(["markdown", "md"]);

/** Cells that were put in from here: the next one lands below them. */
const inserted = new Set<string>();

/** The line that opens a chat with a model. */
export function chatLine(model: string): string {
  return `wb.chat(${JSON.stringify(model)})`;
}

/** A block of code as a cell: what a Python notebook cannot run is shown as the block that it was. */
export function cellOf(code: string, language: string): NewCell {
  const source = code.replace(/\n+$/, "");
  if (PYTHON.has(language)) return { type: "code", source };
  if (WORDS.has(language)) return { type: "markdown", source };
  const magic = Object.hasOwn(MAGICS, language) ? MAGICS[language] : undefined;
  if (magic !== undefined) return { type: "code", source: `%%${magic}\n${source}` };
  const runs = [...source.matchAll(/`+/g)].map(([run]) => run.length);
  const fence = "`".repeat(Math.max(2, ...runs) + 1);
  return { type: "markdown", source: `${fence}${language}\n${source}\n${fence}` };
}

/** Inserts a line of code below the cell that shows `view`; see `insertCell`. */
export function insertBelow(model: Model, view: Element, source: string): boolean {
  return insertCell(model, view, { type: "code", source }) !== null;
}

/**
 * Inserts a cell below the one that shows `view` and those that were inserted there before, at the end of the notebook
 * when no cell shows it. Returns its place; null when the host took none: then show the source for the reader to copy.
 */
export function insertCell(model: Model, view: Element, cell: NewCell): number | null {
  const manager = model.widget_manager as { context?: { model?: { sharedModel?: SharedNotebook } } } | undefined;
  const notebook = manager?.context?.model?.sharedModel;
  if (typeof notebook?.insertCell !== "function") return null;
  const cells = notebook.cells ?? [];
  const shown = view.closest<HTMLElement>(".jp-Cell")?.dataset.windowedListIndex;
  let at = shown === undefined ? cells.length : Math.min(Number(shown) + 1, cells.length);
  while (at < cells.length && inserted.has(cells[at]?.id ?? "")) at++;
  try {
    const made = notebook.insertCell(at, { cell_type: cell.type, source: cell.source });
    if (made?.id) inserted.add(made.id);
    return at;
  } catch (error) {
    console.debug("[workbench] the notebook took no new cell", error); // read-only, say
    return null;
  }
}

/** Puts the cursor into the cell at that place of the notebook that shows `view`, once it is drawn. */
export function editCell(view: Element, at: number): void {
  const notebook = view.closest(".jp-Notebook");
  let frames = 0;
  const look = (): void => {
    const editor = notebook?.querySelector<HTMLElement>(`.jp-Cell[data-windowed-list-index="${at}"] .cm-content`);
    if (editor) editor.focus();
    else if (++frames < PATIENCE_FRAMES) requestAnimationFrame(look);
  };
  if (notebook) requestAnimationFrame(look);
}
