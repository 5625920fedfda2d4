from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import numpy
import pytest

import workbench as wb
from tests.servers.scripted import ScriptedServer, reply
from workbench.errors import ErrorInfo, UsageError
from workbench.messages import user
from workbench.services.registry import Services
from workbench.sessions.comparing import scorers
from workbench.sessions.comparing.scorer import apply, named, number
from workbench.sessions.comparing.similarity import cosine
from workbench.sessions.comparing.values import Reply, Row


def row(expected: Any = None, prompt: str = "What?") -> Row:
    return Row(id="r", index=0, messages=(user(prompt),), variables={"expected": expected})


def score(scorer: Any, text: str, expected: Any = None) -> Any:
    """The score of a text, or its error."""
    scores, errors = apply([scorer], row(expected), Reply(text=text))
    assert len(scores) + len(errors) == 1
    return next(iter((scores or errors).values()))


def test_the_public_module_offers_them() -> None:
    assert wb.scorers is scorers
    assert all(getattr(wb.scorers, name) for name in scorers.__all__)


def test_exact() -> None:
    assert score(scorers.exact(), " Paris\n", "Paris") is True
    assert score(scorers.exact(), "paris", "Paris") is False
    assert score(scorers.exact(case=False), "STRASSE", "Straße") is True
    assert score(scorers.exact(strip=False), "Paris ", "Paris") is False
    assert score(scorers.exact("42"), "42", "something else") is True
    assert score(scorers.exact(), "42", 42) is True
    assert "says nothing of what is expected" in score(scorers.exact(), "Paris")
    assert "says nothing of what is expected" in score(scorers.exact(), "Paris", float("nan"))


def test_regex() -> None:
    assert score(scorers.regex(r"\bParis\b"), "It is Paris.") is True
    assert score(scorers.regex(r"Paris", full=True), "It is Paris.") is False
    assert score(scorers.regex(r"paris", case=False), "PARIS") is True
    with pytest.raises(UsageError, match=r"cannot be read: missing \)"):
        scorers.regex("(")


def test_contains() -> None:
    assert score(scorers.contains("paris", "france"), "Paris is in France") is True
    assert score(scorers.contains("paris", "Spain"), "Paris is in France") is False
    assert score(scorers.contains("paris", "Spain", mode="any"), "Paris is in France") is True
    assert score(scorers.contains("paris", case=True), "Paris") is False
    assert score(scorers.contains(), "Paris is in France", "France") is True
    assert score(scorers.contains(), "Paris is in France", ["France", "Spain"]) is False
    with pytest.raises(UsageError, match="none of them empty"):
        scorers.contains("")
    with pytest.raises(UsageError, match="'all' or 'any'"):
        scorers.contains("a", mode="some")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "valid"),
    [('{"a": 1}', True), ("[1, 2", False), ("", False), ("NaN", False), (' "x" \n', True), ("{'a': 1}", False)],
)
def test_json_valid(text: str, valid: bool) -> None:
    assert score(scorers.json_valid(), text) is valid


def test_json_in_a_fence() -> None:
    text = 'Here it is:\n\n```json\n{"a": [1]}\n```\nDone.'
    assert score(scorers.json_valid(), text) is False
    assert score(scorers.json_valid(fenced=True), text) is True
    assert score(scorers.json_valid(fenced=True), "~~~\n[1]\n~~~") is True
    assert score(scorers.json_valid(fenced=True), "[1]") is True
    assert score(scorers.json_valid(fenced=True), "```\n1\n```\nor\n```\n2\n```") is False


def test_schema_valid() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    assert score(scorers.schema_valid(schema), '{"age": 3}') == {"score": True}
    assert score(scorers.schema_valid(schema), '{"age": "3"}') == {
        "score": False,
        "why": "$.age: '3' is not of type 'integer'",
    }
    assert "It is no JSON" in score(scorers.schema_valid(schema), "three")["why"]
    assert score(scorers.schema_valid(schema, fenced=True), '```\n{"age": 3}\n```') == {"score": True}
    with pytest.raises(UsageError, match="The schema is none"):
        scorers.schema_valid({"type": "nothing"})


def test_a_schema_fetches_nothing() -> None:
    with ScriptedServer([reply("{}")]) as server:
        said = score(scorers.schema_valid({"$ref": f"{server.url}/schema.json"}), "{}")
        assert "refers to" in said["why"]
        assert server.requests == []


@pytest.mark.parametrize(
    ("text", "expected", "right"),
    [
        ("The answer is 42.", 42, True),
        ("First 41, then 42", "42", True),
        ("1,234.5", 1234.5, True),
        ("**1e3**", 1000, True),
        ("-7", -7, True),
        ("\u22127 degrees", -7, True),
        ("5-7", 7, True),
        ("12%", 12, True),
        ("12 %", 0.12, True),
        ("0.12", "12%", True),
        ("12%", "12%", True),
        ("12%", "0.12%", False),
        (".5", 0.5, True),
        ("3.14159", 3.14, False),
        ("no number here, only GPT4x", 4, False),
        ("1,234,567 people", 1234567, True),
        ("$1,000", 1000, True),
        (r"\boxed{17}", 17, True),
        ("1e999", 1, False),
    ],
)
def test_numeric(text: str, expected: Any, right: bool) -> None:
    assert score(scorers.numeric(), text, expected) is right


def test_numeric_tolerances() -> None:
    assert score(scorers.numeric(absolute=0.01), "3.1416", 3.14) is True
    assert score(scorers.numeric(relative=0.1), "95", 100) is True
    assert score(scorers.numeric(relative=0.01), "95", 100) is False
    assert score(scorers.numeric(5), "5.0") is True
    assert "no number" in score(scorers.numeric(), "5", "five")
    with pytest.raises(UsageError, match="never negative"):
        scorers.numeric(absolute=-1)


def test_a_scorer_that_raises_or_gives_nonsense_is_an_error_beside_it() -> None:
    def breaks(row: Row, reply: Reply) -> float:
        return 1 / 0

    def silent(row: Row, reply: Reply) -> None:
        raise ValueError

    found = apply(
        [breaks, silent, lambda row, reply: "good", lambda row, reply: float("nan"), lambda row, reply: {"score": "5"}],
        row(),
        Reply(text="x"),
    )
    assert found[0] == {}
    assert found[1] == {
        "breaks": "ZeroDivisionError: division by zero",
        "silent": "ValueError",
        "lambda": "It gave 'good', which is no number, truth value or dict.",
        "lambda 2": "It gave nan, which is no number.",
        "lambda 3": "It gave '5', which is no number, truth value or dict.",
    }


def test_a_dict_is_kept_as_json_keeps_it() -> None:
    def dicts(value: Any) -> Any:
        return apply({"d": lambda row, reply: value}, row(), Reply(text=""))

    assert dicts({"score": numpy.float64(0.5), "parts": (1, 2)}) == ({"d": {"score": 0.5, "parts": [1, 2]}}, {})
    assert dicts({"why": "no idea"}) == ({"d": {"score": None, "why": "no idea"}}, {})
    assert "a dict that JSON cannot hold" in dicts({"score": 1, "by": object()})[1]["d"]


def test_a_scorer_cannot_end_the_program() -> None:
    def leaves(row: Row, reply: Reply) -> float:
        raise SystemExit(3)

    assert apply([leaves], row(), Reply(text="")) == ({}, {"leaves": "SystemExit: 3"})


def test_numbers_of_numpy_and_whole_numbers_are_scores() -> None:
    scores, errors = apply(
        {"a": lambda r, a: numpy.float32(0.5), "b": lambda r, a: numpy.True_, "c": lambda r, a: 3},
        row(),
        Reply(text=""),
    )
    assert (scores, errors) == ({"a": 0.5, "b": True, "c": 3.0}, {})
    assert [type(value) for value in scores.values()] == [float, bool, float]


def test_an_answer_that_failed_is_not_scored() -> None:
    failed = Reply(text="Par", error=ErrorInfo(kind="StreamCutError", message="It broke off."))
    assert apply([scorers.exact()], row("Paris"), failed) == ({}, {})


def test_names() -> None:
    def mine(row: Row, reply: Reply) -> float:
        return 1.0

    assert list(named([scorers.exact(), scorers.regex("a"), scorers.regex("b"), mine])) == [
        "exact",
        "regex",
        "regex 2",
        "mine",
    ]
    assert list(named(mine)) == ["mine"]
    with pytest.raises(UsageError, match=r"Write it with brackets: exact\(\.\.\.\)"):
        named([scorers.exact])
    with pytest.raises(UsageError, match="'exact' is no scorer"):
        named(["exact"])  # type: ignore[list-item]


def test_a_scorer_shows_its_settings_and_travels() -> None:
    scorer = scorers.contains("a", mode="any")
    assert repr(scorer) == "contains(texts=('a',), mode='any', case=False)"
    assert pickle.loads(pickle.dumps(scorer))(row(), Reply(text="cat")) is True


def test_a_score_as_a_number() -> None:
    assert [
        number(x) for x in (True, False, 2, 0.5, {"score": True}, {"score": None}, {}, None, "1", float("nan"))
    ] == [
        1.0,
        0.0,
        2.0,
        0.5,
        1.0,
        None,
        None,
        None,
        None,
        None,
    ]


def embeddings(*vectors: list[float]) -> bytes:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return reply(json.dumps({"object": "list", "data": data[::-1]}))


def test_similarity_asks_the_server_for_both_texts() -> None:
    services = Services()
    with ScriptedServer([embeddings([1.0, 1.0], [1.0, 0.0])]) as server:
        services.connect(server.url, name="ollama", key="secret")
        scorer = scorers.similarity("ollama:nomic-embed-text", services=services)
        assert score(scorer, "a cat", "a kitten") == pytest.approx(0.7071, abs=1e-4)
        assert server.requests[0]["body"] == {"model": "nomic-embed-text", "input": ["a cat", "a kitten"]}
        assert server.requests[0]["path"] == "/v1/embeddings"
    services.close()


def test_similarity_without_a_model_that_embeds_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"make no embeddings.*ollama pull nomic-embed-text"):
        scorers.similarity("builtin")
    services = Services()
    assert "No server is connected as 'ollama'" in score(scorers.similarity("ollama:x", services=services), "a", "b")
    with ScriptedServer([reply('{"data": [{"text": "hello"}]}')]) as server:
        services.connect(server.url, name="ollama")
        assert "gave no embeddings" in score(scorers.similarity("ollama:x", services=services), "a", "b")
        assert "no text to compare" in score(scorers.similarity("ollama:x", services=services), " ", "b")
    services.connect("https://far.example/v1", name="far")
    assert "nobody has allowed yet" in score(scorers.similarity("far:x", services=services), "a", "b")
    services.close()


def test_cosine() -> None:
    assert cosine([1, 2], [2, 4]) == pytest.approx(1)
    assert cosine([1, 0], [-1, 0]) == pytest.approx(-1)
    for a, b in (([0.0], [1.0]), ([1.0], [1.0, 2.0]), ([], [])):
        with pytest.raises(wb.WorkbenchError, match="cannot be compared"):
            cosine(a, b)


def test_an_error_that_cannot_say_what_it_is_is_named() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("never")

    def mute(row: Row, reply: Reply) -> float:
        raise Mute

    def cancelled(row: Row, reply: Reply) -> float:
        raise asyncio.CancelledError

    assert apply([mute, cancelled], row(), Reply(text="x")) == ({}, {"mute": "Mute", "cancelled": "CancelledError"})
