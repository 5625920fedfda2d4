"""The harness itself: what the browser tests stand on."""

from __future__ import annotations

import json
import sys

from playwright.sync_api import expect

BUTTON = """
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const button = document.createElement("button");
      button.className = "probe";
      const draw = () => { button.textContent = `count ${model.get("value")}` };
      button.onclick = () => { model.set("value", model.get("value") + 1); model.save_changes() };
      model.on("change:value", draw);
      draw();
      el.append(button);
    } };
    '''
    value = traitlets.Int(0).tag(sync=True)
counter = Counter()
counter
"""


def test_a_widget_lives_in_a_notebook_and_its_kernel_is_ours(notebook) -> None:
    opened = notebook(BUTTON)
    button = opened.page.locator(".probe")
    button.click()
    expect(button).to_have_text("count 1")
    assert opened.python("print(counter.value)") == "1"
    assert opened.python("import sys; print(sys.executable)") == sys.executable


def test_theme_changes_and_cells_are_saved(notebook) -> None:
    opened = notebook("6 * 7")
    opened.theme("dark")
    assert opened.page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"
    opened.theme("light")
    opened.save()
    saved = json.loads(opened.file.read_text())
    assert saved["cells"][0]["outputs"][0]["data"]["text/plain"] == ["42"]
    assert opened.cells()[0]["source"] == "6 * 7"


def test_the_kernel_is_busy_while_a_cell_sleeps(notebook) -> None:
    opened = notebook("1")
    opened.busy(1.5)
    status = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"
    opened.page.wait_for_function(f"() => {status} === 'busy'")
    opened.page.wait_for_function(f"() => {status} === 'idle'")
