from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import altair
import pandas
import pytest

from workbench.errors import FolderError, UsageError
from workbench.sessions.comparing import charts
from workbench.sessions.comparing.benchmark_run import Run
from workbench.sessions.comparing.picture import CATEGORIES, MIME, Picture

MODELS = ("builtin", "ollama:llama3.2", "org/name")


def tidy(rows: int = 5, models: tuple[str, ...] = MODELS, **fields: Any) -> list[dict[str, Any]]:
    """What a comparison's frame holds, as far as charts look at it."""
    chance = random.Random(1)
    return [
        {
            "row": f"r{row}",
            "prompt": f"Question {row}\nwith a second line",
            "column": model,
            "ttft_s": chance.uniform(0.1, 1),
            "decode_tps": chance.uniform(20, 90),
            "batched": False,
            "score.exact": chance.random() < 0.5,
            "score.judge": {"score": chance.uniform(1, 5), "words": "Fine."},
            "rating": None,
            **fields,
        }
        for row in range(rows)
        for model in models
    ]


def values(picture: Picture) -> list[dict[str, Any]]:
    """All data of a chart."""

    def within(part: Any) -> list[dict[str, Any]]:
        if isinstance(part, list):
            return [row for each in part for row in within(each)]
        if not isinstance(part, dict):
            return []
        own = part.get("data", {}).get("values", [])
        return [*own, *(row for name, each in part.items() if name != "data" for row in within(each))]

    return within(picture.to_dict())


ALL = [charts.quality_speed, charts.first_token, charts.speed, charts.scores]


@pytest.mark.parametrize("chart", ALL)
@pytest.mark.parametrize("make", [list, pandas.DataFrame])
def test_each_is_drawn_with_title_axes_and_words(chart: Any, make: Any) -> None:
    picture = chart(make(tidy()))
    spec = picture.to_dict()
    assert spec["title"]["text"]
    assert "tokens/s" in json.dumps(spec) or "seconds" in json.dumps(spec) or "exact" in json.dumps(spec)
    assert all(model in picture.words for model in MODELS)
    assert isinstance(picture.chart, altair.LayerChart)
    assert picture._repr_mimebundle_()[0]["text/plain"] == repr(picture) == picture.words


@pytest.mark.parametrize("chart", ALL)
@pytest.mark.parametrize(
    "rows",
    [
        [],
        tidy(1, ("only",)),
        tidy(2, ttft_s=None, decode_tps=None),
        tidy(2, decode_tps=float("nan"), ttft_s=float("nan")),
        tidy(2, **{"score.exact": None, "score.judge": None}),
        tidy(2, **{"score.judge": {"score": None, "why": "unread"}}),
        tidy(2, **{"score.exact": 0.0, "decode_tps": 0.0, "ttft_s": 0.0}),
        [{"column": "a"}, {"model": "b", "score.x": -3.5, "decode_tps": 4}],
    ],
    ids=["nothing", "one", "no times", "not numbers", "no scores", "unread", "zeros", "other fields"],
)
def test_few_or_missing_values_give_a_chart_or_a_sentence(chart: Any, rows: Any) -> None:
    picture = chart(rows)
    bundle, _ = picture._repr_mimebundle_()
    assert picture.words.endswith(".")
    assert (MIME in bundle) == (picture.chart is not None)
    chart(pandas.DataFrame(rows))


def test_quality_is_the_mean_with_an_interval_and_speed_the_median() -> None:
    rows = tidy(4, ("a",), **{"score.exact": True, "decode_tps": 50.0})
    rows[0] |= {"score.exact": False, "decode_tps": 90.0}
    (point,) = values(charts.quality_speed(rows))
    assert (point["score"], point["speed"], point["answers"]) == (0.75, 50.0, 4)
    assert (point["low"], point["high"]) == (pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))


def test_charts_by_name() -> None:
    rows = tidy()
    shown = [charts.draw(rows, kind, "judge").words.split(".")[0] for kind in charts.KINDS]
    assert [words.split(",")[0] for words in shown] == [
        "judge against decode speed",
        "Time to first token",
        "Decode speed",
        "judge by prompt",
    ]
    with pytest.raises(UsageError, match=r"no chart 'pie'\. There are: quality_speed, first_token, speed, scores"):
        charts.draw(rows, "pie")


def test_a_score_is_chosen_by_name() -> None:
    rows = tidy(rating=4)
    assert charts.scores(rows).words.startswith("exact by prompt")
    assert charts.scores(rows, "judge").words.startswith("judge by prompt")
    assert charts.quality_speed(rows, "rating").words.startswith("rating against")
    with pytest.raises(UsageError, match=r"no score 'nothing'\. There are: exact, judge, rating"):
        charts.scores(rows, "nothing")


def test_batched_answers_are_left_out_of_first_tokens_and_marked_elsewhere() -> None:
    rows = tidy(4)
    for row in rows[:3]:
        row["batched"] = True
    picture = charts.first_token(rows)
    assert "3 batched answers are left out" in picture.to_dict()["title"]["subtitle"]
    assert sum("value" in row for row in values(picture)) == 9
    picture = charts.speed(rows)
    assert "3 answers were batched (hollow)" in picture.to_dict()["title"]["subtitle"]
    assert sum(row.get("batched") is True for row in values(picture)) == 3
    assert "3 answers were batched" in charts.quality_speed(rows).to_dict()["title"]["subtitle"]
    none = charts.first_token(tidy(batched=True))
    assert none.chart is None
    assert "strict=True" in none.words


def test_of_many_prompts_those_are_shown_on_which_models_differ() -> None:
    rows = tidy(200, ("a", "b"), **{"score.exact": True})
    rows[-1]["score.exact"] = False
    picture = charts.scores(rows)
    assert "the 40 of 200 prompts" in picture.to_dict()["title"]["subtitle"]
    assert len({row["prompt"] for row in values(picture)}) == 40
    assert any(row["prompt"].startswith("200 ") for row in values(picture))


def test_the_same_prompt_twice_is_two_lines() -> None:
    rows = tidy(3, prompt="Same")
    assert len({row["prompt"] for row in values(charts.scores(rows))}) == 3


def test_more_models_than_colours() -> None:
    models = tuple(f"model {number}" for number in range(9))
    for chart in ALL:
        assert chart(tidy(2, models)).to_dict()


def test_a_benchmark_has_a_panel_a_figure() -> None:
    runs = [
        Run(model=model, prompt=prompt, run=run, ttft_s=0.1 * run, prefill_tps=100.0, decode_tps=50.0)
        for model in ("a", "b")
        for prompt in ("short", "long")
        for run in (1, 2, 3)
    ]
    picture = charts.benchmark(runs, "this machine")
    spec = picture.to_dict()
    assert [part["title"]["text"] for part in spec["vconcat"]] == [
        "Time to first token",
        "Prefill speed",
        "Decode speed",
    ]
    assert spec["title"]["subtitle"] == "this machine"
    assert charts.benchmark([], "").words == "Nothing was measured."
    assert charts.benchmark([Run(model="a", prompt="p", run=1, decode_tps=3.0)], "").chart is not None


def contrast(a: str, b: str) -> float:
    """Of two colours, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", "#333333"])
def test_colours_are_seen_on_both_grounds(ground: str) -> None:
    assert [colour for colour in CATEGORIES if contrast(colour, ground) < 3] == []


def test_what_a_notebook_keeps() -> None:
    pytest.importorskip("vl_convert")
    data, metadata = charts.speed(tidy())._repr_mimebundle_()
    assert set(data) == {MIME, "image/png", "text/plain"}
    assert data[MIME]["$schema"].endswith("/v5.json")
    assert data[MIME]["description"] == data["text/plain"]
    assert metadata["image/png"]["width"] > 400
    assert "editor" in metadata[MIME]["embed_options"]["actions"]
    json.dumps([data, metadata], allow_nan=False)


def test_without_the_converter_the_chart_is_there_and_saving_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    picture = charts.speed(tidy())
    assert set(picture._repr_mimebundle_()[0]) == {MIME, "text/plain"}
    with pytest.raises(UsageError, match="pip install vl-convert-python"):
        picture.save(tmp_path / "a.png")
    assert json.loads(picture.save(tmp_path / "a.json").read_text())["$schema"].endswith("/v5.json")


@pytest.mark.parametrize("chart", ALL)
def test_saved_as_a_picture(chart: Any, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    picture = chart(tidy())
    assert picture.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert picture.save(tmp_path / "a.svg").read_text().startswith("<svg")


def test_saving_what_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"written as \.pdf"):
        charts.speed(tidy()).save(tmp_path / "a.pdf")
    with pytest.raises(UsageError, match="There is no chart"):
        charts.speed([]).save(tmp_path / "a.json")
    with pytest.raises(FolderError, match="cannot be written"):
        charts.speed(tidy()).save(tmp_path / "missing/a.json")
