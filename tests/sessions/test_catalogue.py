from __future__ import annotations

import pytest

from workbench.errors import ConnectionFailedError
from workbench.model import ModelInfo
from workbench.sessions.catalogue import ModelList

TINY = ModelInfo(id="builtin", name="builtin", provider="local", engine="mlx", size=6_800_000, context_length=2048)
FAR = ModelInfo(id="ollama:<b>", name="<b>", provider="ollama", status="down", note="refused")


def test_it_reads_as_a_table() -> None:
    lines = repr(ModelList([TINY, FAR])).splitlines()
    assert lines[0].split() == ["id", "provider", "engine", "size", "context", "status"]
    assert lines[1].split() == ["builtin", "local", "mlx", "6.8", "MB", "2,048", "ready"]
    assert "down, refused" in lines[2]
    assert lines[1].index("local") == lines[2].index("ollama", 8)


def test_its_html_is_escaped() -> None:
    page = ModelList([FAR])._repr_html_()
    assert "ollama:&lt;b&gt;" in page
    assert "<b>" not in page


def test_servers_that_did_not_answer_are_shown() -> None:
    listed = ModelList([TINY], {"lm": ConnectionFailedError("Nothing listens.", next_step="Start it.")})
    assert "lm did not answer: Nothing listens. Start it." in repr(listed)
    assert "lm did not answer" in listed._repr_html_()


def test_to_frame_has_a_row_a_model_and_a_column_a_field() -> None:
    pytest.importorskip("pandas")
    frame = ModelList([TINY, FAR]).to_frame()
    assert list(frame["id"]) == ["builtin", "ollama:<b>"]
    assert list(frame["local"]) == [True, False]
    assert frame["size"][0] == 6_800_000
    assert list(ModelList().to_frame().columns) == list(frame.columns)
