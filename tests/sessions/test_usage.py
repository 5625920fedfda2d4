"""Usage over time: sums by day and model, a picture that any place can show, no word of any chat."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree

import pytest

import workbench as wb
from workbench.errors import UsageError
from workbench.sessions.usage_picture import COLOURS, ceiling, ceiling_of_time, duration, short
from workbench.store import usage as store
from workbench.store.usage import Run

DAY = 86_400


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


def ran(model="builtin", days_ago=0, **facts):
    facts = {"prompt_tokens": 40, "completion_tokens": 60, "decode_tps": 50.0, "total_s": 2.0, **facts}
    store.note_run(Run(model=model, engine="mlx", at=time.time() - days_ago * DAY, **facts))


def bars(svg, colour):
    return [
        each for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("rect") and each.get("fill") == colour
    ]


def test_sums_by_day_and_model():
    ran()
    ran(cached_tokens=30)
    ran(days_ago=3, total_s=None)
    ran("ollama:llama3.2", prompt_tokens=None, completion_tokens=None, decode_tps=None)
    ran(days_ago=40)
    used = wb.usage(days=30)
    assert [(row.model, row.runs) for row in used.rows] == [("builtin", 1), ("builtin", 2), ("ollama:llama3.2", 1)]
    builtin, server = used.total
    assert (builtin.runs, builtin.prompt_tokens, builtin.cached_tokens, builtin.completion_tokens) == (3, 120, 30, 180)
    assert (builtin.seconds, builtin.decode_tps) == (4.0, 50.0)
    assert (server.prompt_tokens, server.decode_tps, server.seconds) == (None, None, 2.0)
    assert [row.model for row in wb.usage(60, "builtin").total] == ["builtin"]
    assert wb.usage(60, "builtin").total[0].runs == 4


def test_the_frame_has_a_row_a_day_and_model():
    ran(days_ago=1)
    ran()
    frame = wb.usage().to_frame()
    assert len(frame) == 2
    assert str(frame["day"].dtype).startswith("datetime64")
    assert frame["completion_tokens"].sum() == 120
    assert list(wb.usage(1, "nobody").to_frame().columns) == list(frame.columns)


def test_the_picture_stands_alone_and_in_a_page():
    ran("a <b>", days_ago=2)
    ran("c", completion_tokens=1000)
    bundle = wb.usage(7)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain", "image/svg+xml"}
    svg = bundle["image/svg+xml"]
    assert len(bars(svg, COLOURS[0])) == len(bars(svg, COLOURS[1])) == 3  # tokens, time, legend
    assert "a &lt;b&gt;" in bundle["text/html"]
    assert "<b>" not in bundle["text/html"].replace("<p><b>", "")
    words = "".join(ElementTree.fromstring(svg).itertext())
    assert "Tokens a day, in and out" in words
    assert "c: 1.04k" in words
    assert "50.0 tok/s" in bundle["text/plain"]


def test_many_models_share_a_last_colour():
    for number in range(9):
        ran(f"model-{number}")
    svg = wb.usage(365).svg()
    assert len(bars(svg, COLOURS[-1])) == 2 * 4 + 1
    assert "others" in svg


def test_nothing_ran():
    used = wb.usage()
    assert "Nothing ran" in repr(used)
    assert "image/svg+xml" not in used._repr_mimebundle_()


@pytest.mark.parametrize("days", [0, -1, 1.5, True, "7", 10_000])
def test_days_that_cannot_be(days):
    with pytest.raises(UsageError, match="whole number"):
        wb.usage(days)


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (short(950), "950"),
        (short(12_400), "12.4k"),
        (short(3_100_000), "3.1M"),
        (duration(0.4), "0.4 s"),
        (duration(42), "42 s"),
        (duration(150), "2.5 min"),
        (duration(9000), "2.5 h"),
        (ceiling(0), 1),
        (ceiling(100), 100),
        (ceiling(101), 200),
        (ceiling(4.2), 5),
        (ceiling_of_time(280), 300),
        (ceiling_of_time(5000), 7200),
    ],
)
def test_numbers_as_words(made, wanted):
    assert made == wanted
