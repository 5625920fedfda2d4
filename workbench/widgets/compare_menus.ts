// What the comparison's menus hold. They know no grid: what is pressed is told.
import type { CellView, ColumnView, CompareRequest, CompareView, FileFormat } from "./compare_protocol";
import { filterWords, type Filter } from "./compare_words";
import { plural } from "./format";
import type { MenuGroups, MenuItem } from "./menu";

const FORMATS: [FileFormat, string, string][] = [
  ["csv", "CSV", ".csv"], ["json", "JSON, with receipts", ".json"], ["html", "HTML page", ".html"], ["markdown", "Markdown", ".md"],
];

/** Which prompts are shown; for each scorer two more. */
export function filterMenu(scorers: string[], chosen: Filter, choose: (filter: Filter) => void): MenuGroups {
  const item = (filter: Filter): MenuItem => ({
    label: filterWords(filter),
    checked: JSON.stringify(filter) === JSON.stringify(chosen),
    press: () => choose(filter),
  });
  const scores = scorers.flatMap((scorer) => [item({ by: "score", scorer, least: false }), item({ by: "score", scorer, least: true })]);
  return [[item({ by: "all" })], [item({ by: "done" }), item({ by: "open" }), item({ by: "failed" }), item({ by: "rated" })], scores];
}

export function exportMenu(does: { file(format: FileFormat): void; copy(): void }): MenuGroups {
  const files = FORMATS.map(([format, label, detail]): MenuItem => ({ label, detail, icon: "download", press: () => does.file(format) }));
  return [files, [{ label: "Copy as Markdown", icon: "copy", detail: "what is shown", press: does.copy }]];
}

interface ColumnFacts {
  view: CompareView;
  column: ColumnView;
  /** All of them, in the order of this view. */
  columns: ColumnView[];
  /** Those of the column. */
  cells: CellView[];
}

interface ColumnActs {
  ask(request: CompareRequest): void;
  move(by: 1 | -1): void;
  hide(): void;
}

/** What can be done with one column. */
export function columnMenu({ view, column, columns, cells }: ColumnFacts, does: ColumnActs): MenuGroups {
  const { running } = view.progress;
  const at = columns.findIndex(({ id }) => id === column.id);
  const failed = cells.filter(({ status }) => status === "failed" || status === "cancelled").map(({ id }) => id);
  const batched = cells.filter((cell) => cell.batched).length;
  const run: MenuItem[] = [];
  if (running) run.push({ label: "Stop this column", icon: "stop", press: () => does.ask({ kind: "stop_cells", column: column.id }) });
  if (failed.length && !view.replayed) {
    run.push({ label: `Rerun ${plural(failed.length, "failed cell")}`, icon: "retry", press: () => does.ask({ kind: "rerun_cells", cells: failed }) });
  }
  if (batched && !running && !view.replayed) {
    const press = (): void => does.ask({ kind: "rerun_cells", cells: null, column: column.id, strict: true });
    run.push({ label: "Run one by one", detail: "fair times", icon: "clock", press });
  }
  const order: MenuItem[] = [];
  if (at > 0) order.push({ label: "Move left", icon: "left", press: () => does.move(-1) });
  if (at < columns.length - 1) order.push({ label: "Move right", icon: "right", press: () => does.move(1) });
  order.push({ label: "Hide", icon: "eyeoff", press: does.hide });
  const remove: MenuItem = { label: "Remove the column", icon: "trash", danger: true, press: () => does.ask({ kind: "remove_column", column: column.id }) };
  return [run, order, [remove]];
}
