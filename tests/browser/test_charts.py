"""Charts and a benchmark as a person meets them in JupyterLab: with no network, in both themes, saved."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.lab import Notebook

expect.set_options(timeout=15_000)

ROWS = """
import sys; sys.modules["vl_convert"] = None  # as most people have it
from workbench.sessions.comparing import charts
models = ["builtin", "ollama:llama3.2"]
rows = [{"row": f"r{n}", "prompt": f"Question {n}", "column": m, "ttft_s": 0.1 * n + 0.1, "decode_tps": 40.0 + n,
         "score.exact": n % 2 == 0} for n in range(5) for m in models]
"""


def test_charts_are_drawn_with_no_network_and_saved_as_pictures(notebook: Callable[..., Notebook]) -> None:
    kinds = ("quality_speed", "first_token", "speed", "scores")
    opened = notebook(ROWS, *(f"charts.draw(rows, {kind!r})" for kind in kinds), "charts.speed([])", run=False)
    page = opened.page
    hosts = set[str | None]()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    opened.run_all()
    drawn = page.locator(".vega-embed svg.marks")
    expect(drawn).to_have_count(len(kinds))
    expect(page.get_by_text("No decode speed is known yet.")).to_be_visible()
    for theme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(51, 51, 51)")):
        opened.theme(theme)
        opened.run_all()
        expect(drawn).to_have_count(len(kinds))
        for number, words in enumerate(
            ("exact against speed", "Time to first token", "Decode speed", "exact by prompt")
        ):
            expect(drawn.nth(number)).to_contain_text(words)
            expect(drawn.nth(number)).to_contain_text("ollama:llama3.2")
        expect(drawn.first).to_have_css("background-color", ground)
    opened.theme("light")
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(cell => cell.toJSON())"
        '.filter(cell => cell.outputs?.some(output => "image/png" in (output.data ?? {}))).length === 4'
    )
    opened.save()
    assert hosts <= {"127.0.0.1", "localhost", None}


def test_a_benchmark_tells_its_progress_in_one_line_and_ends_in_a_table(notebook: Callable[..., Notebook]) -> None:
    measure = 'bench = wb.benchmark(["builtin", "gone"], runs=2, lengths=(32,), max_tokens=4)'
    opened = notebook(f"import workbench as wb\n{measure}\nbench", "bench.chart()", run=False)
    opened.run_all()
    page = opened.page
    expect(page.get_by_text("2 of 4 runs, done after")).to_be_visible(timeout=90_000)
    expect(page.get_by_text("4 runs,")).to_have_count(1)
    expect(page.get_by_role("row", name="builtin 32 tokens")).to_be_visible()
    expect(page.get_by_role("row", name="gone failed")).to_be_visible()
    expect(page.get_by_text("gone: There is no model 'gone' here.")).to_be_visible()
    expect(page.locator(".vega-embed svg.marks")).to_contain_text("Prefill speed")
