// A block of code as a new cell: what it becomes, where it lands, and what is done where no cell can be made.
import { cellOf } from "../../workbench/widgets/cells";
import { button, shown } from "./chat_fixture";
import { fakeLayout, message } from "./fixtures";

beforeAll(fakeLayout);

interface Cell {
  id: string;
  cell_type: string;
  source: string;
}

/** A notebook as JupyterLab has it: the chat is shown by the first of two cells. */
async function inNotebook(text: string) {
  const all = await shown({ messages: [message("m1", { text })] });
  const cells: Cell[] = ["a", "b"].map((id) => ({ id, cell_type: "code", source: id }));
  const insertCell = (at: number, cell: Omit<Cell, "id">): Cell => {
    const made = { ...cell, id: `new-${text}-${cells.length}` };
    cells.splice(at, 0, made);
    return made;
  };
  all.fake.widget_manager = { context: { model: { sharedModel: { cells, insertCell } } } };
  const notebook = document.body.appendChild(document.createElement("div"));
  notebook.className = "jp-Notebook";
  const cell = notebook.appendChild(document.createElement("div"));
  cell.className = "jp-Cell";
  cell.dataset.windowedListIndex = "0";
  cell.append(all.el);
  return { ...all, cells, notebook };
}

test.each([
  ["", { type: "code", source: "x = 1" }],
  ["python", { type: "code", source: "x = 1" }],
  ["bash", { type: "code", source: "%%bash\nx = 1" }],
  ["html", { type: "code", source: "%%html\nx = 1" }],
  ["md", { type: "markdown", source: "x = 1" }],
  ["rust", { type: "markdown", source: "```rust\nx = 1\n```" }],
  ["constructor", { type: "markdown", source: "```constructor\nx = 1\n```" }],
])("a block of %s", (language, cell) => {
  expect(cellOf("x = 1\n", language)).toEqual(cell);
});

test("a block with backticks inside cannot end early", () => {
  expect(cellOf("a ```` b", "text").source).toBe("`````text\na ```` b\n`````");
});

test("a second block lands below the first, and the cursor is in the new cell", async () => {
  const { el, cells, notebook } = await inNotebook("```python\none = 1\n```\n\n```bash\nls\n```\n");
  const [first, second] = el.querySelectorAll<HTMLElement>(".wb-code");
  button(first!, "New cell below").click();
  const drawn = document.createElement("div"); // as JupyterLab draws it, a little later
  drawn.className = "jp-Cell";
  drawn.dataset.windowedListIndex = "1";
  drawn.innerHTML = '<div class="cm-content" tabindex="0"></div>';
  notebook.append(drawn);
  await vi.waitFor(() => expect(document.activeElement).toBe(drawn.firstElementChild));
  button(second!, "New cell below").click();
  button(first!, "New cell below").click();
  expect(cells.map(({ source }) => source)).toEqual(["a", "one = 1", "%%bash\nls", "one = 1", "b"]);
});

test("where there is no notebook it is copied, and the chat says so", async () => {
  const copied: string[] = [];
  Object.assign(navigator, { clipboard: { writeText: async (text: string) => void copied.push(text) } });
  const { el, find } = await shown({ messages: [message("m1", { text: "```sh\nls\n```" })] });
  button(el, "New cell below").click();
  await vi.waitFor(() => expect(find(".wb-notice").textContent).toContain("Copied"));
  expect(copied).toEqual(["%%bash\nls"]);
  button(el, "Copy code").click();
  expect(copied).toEqual(["%%bash\nls", "ls"]);
});
