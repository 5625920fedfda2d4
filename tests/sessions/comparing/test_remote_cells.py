"""Cells of servers: how many at once, what a server's faults do, and an executor's workers that ask."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from tests.servers.scripted import DONE, HANG, ScriptedServer, delta, reply, stream, text
from tests.sessions.scripted import ScriptedService, ScriptedServices
from workbench.messages import user
from workbench.request import Request
from workbench.services.registry import Services
from workbench.sessions.comparing import sweep
from workbench.sessions.comparing.compare import compare
from workbench.sessions.comparing.comparison import Comparison
from workbench.sessions.comparing.remote_task import RemoteTask, SealedKey

KEY = "sk-very-secret-4711"
USAGE = 'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}'
ANSWER = stream(text("Hel"), text("lo"), delta("stop"), USAGE, DONE)
BUSY = reply('{"error": "slow down"}', status="429 Too Many Requests")
BUSY_FOR_1_S = reply('{"error": "slow down"}', status="429 Too Many Requests", headers="Retry-After: 1\r\n")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


@pytest.fixture
def own() -> Iterator[Services]:
    services = Services()
    yield services
    services.close()


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def prompts(count: int) -> list[str]:
    return [f"prompt {number}" for number in range(count)]


def statuses(made: Comparison) -> set[str]:
    return {cell.status for cell in made.cells()}


def test_a_server_answers_four_cells_at_once_and_says_so(own: Services) -> None:
    with ScriptedServer([stream(text("Hel"), end=False), HANG]) as server:
        own.connect(server.url, name="box")
        made = compare(prompts(8), "box:m", services=own)
        until(lambda: sum(cell.text == "Hel" for cell in made.cells()) == 4)
        assert len(server.requests) == 4
        assert sum(cell.batched for cell in made.cells()) == 4
        assert sum(cell.status == "waiting" for cell in made.cells()) == 4
        made.stop()
        assert made.wait(20)
        assert server.left.wait(20), "the connections were closed"
    assert statuses(made) == {"cancelled"}
    assert len(server.requests) == 4


def test_strict_asks_one_by_one(own: Services) -> None:
    with ScriptedServer([ANSWER]) as server:
        own.connect(server.url, name="box")
        idle = []
        scorers = [lambda row, reply: bool(idle.append(made._sweep.idle))]
        made = compare(prompts(5), "box:m", services=own, strict=True, scorers=scorers)
        assert made.wait(30)
    assert idle == [True] * 5, "scorers take no time from it"
    assert [cell.text for cell in made.cells()] == ["Hello"] * 5
    assert not any(cell.batched for cell in made.cells())
    asked = [request["body"]["messages"][-1]["content"] for request in server.requests]
    assert asked == prompts(5)


def test_two_servers_and_a_local_model_go_on_beside_each_other(own: Services) -> None:
    """The slow server and the local model hold nobody up: the fast one is through while they still work."""
    go = threading.Event()

    def waits(request: Request, cancelled: threading.Event) -> Iterator[Any]:
        assert go.wait(30)
        yield from ScriptedService().stream(request)

    class Both(ScriptedServices):
        def resolve(self, model: str | None) -> Any:
            return own.resolve(model) if model and ":" in model else super().resolve(model)

    with ScriptedServer([ANSWER]) as fast, ScriptedServer([stream(end=False), HANG]) as slow:
        own.connect(fast.url, name="fast")
        own.connect(slow.url, name="slow")
        services: Any = Both(ScriptedService(waits))
        made = compare(prompts(6), ["tiny", "slow:m", "fast:m"], services=services)
        until(lambda: all(made.cell(row, "fast:m").text == "Hello" for row in range(6)))
        made.stop(column="slow:m")
        go.set()
        assert made.wait(30)
    assert all(made.cell(row, "tiny").text == "ok" for row in range(6))


def test_a_server_at_its_limit_is_asked_less_and_all_cells_come(own: Services) -> None:
    with ScriptedServer([BUSY_FOR_1_S], [ANSWER]) as server:
        own.connect(server.url, name="box")
        made = compare(prompts(6), "box:m", services=own)
        assert made.wait(60)
        limit = made._sweep._endpoints["box"].limit
    assert [cell.text for cell in made.cells()] == ["Hello"] * 6
    assert any(note.code == "retry" for cell in made.cells() for note in cell.notes)
    assert limit < 4


def test_a_refusal_that_names_no_time_is_waited_out(own: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "PATIENCE", (0.05, 0.05, 0.05, 0.05, 0.05, 0.05))
    with ScriptedServer([BUSY], [ANSWER], [BUSY], [BUSY], [BUSY], [ANSWER]) as server:
        own.connect(server.url, name="box")
        made = compare(prompts(6), "box:m", services=own)
        assert made.wait(60)
    assert [cell.text for cell in made.cells()] == ["Hello"] * 6
    assert len(server.requests) == 10


def test_a_quota_that_is_used_up_fails_and_holds_back_the_rest(own: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "PATIENCE", (0.01,))
    with ScriptedServer([BUSY]) as server:
        own.connect(server.url, name="box")
        made = compare(prompts(40), "box:m", services=own)
        assert made.wait(60)
    assert statuses(made) == {"failed"}
    assert len(server.requests) < 20
    assert "Held back after box failed." in made.cell(39, 0).error.message  # type: ignore[union-attr]


def test_a_server_that_is_away_is_not_asked_for_every_cell(own: Services) -> None:
    with ScriptedServer([ANSWER]) as gone:
        own.connect(gone.url, name="gone")
    made = compare(prompts(40), ["gone:m", "gone:n"], services=own)
    assert made.wait(60)
    assert statuses(made) == {"failed"}
    held = [cell for cell in made.cells() if "Held back" in cell.error.message]  # type: ignore[union-attr]
    assert len(held) >= 70
    assert {cell.error.kind for cell in made.cells()} == {"ConnectionFailedError"}  # type: ignore[union-attr]
    with ScriptedServer([ANSWER]) as back:
        own.connect(back.url, name="gone")
        assert made.rerun() == 80
        assert made.wait(60)
    assert statuses(made) == {"done"}


def test_a_wrong_key_is_told_once_and_holds_back_the_rest(own: Services) -> None:
    with ScriptedServer([reply('{"error": "no"}', status="401 Unauthorized")]) as server:
        own.connect(server.url, name="box", key=KEY)
        made = compare(prompts(20), "box:m", services=own)
        assert made.wait(60)
    assert len(server.requests) <= 4
    assert {cell.error.kind for cell in made.cells()} == {"AuthenticationError"}  # type: ignore[union-attr]


# An executor


def words(row: Any, reply: Any) -> dict[str, Any]:
    """A scorer that says where it ran."""
    return {"score": len(reply.text.split()), "pid": os.getpid()}


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as made:
        yield made


@pytest.fixture(scope="module")
def dask() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=4, processes=True, dashboard_address=None, silence_logs=logging.ERROR
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pool", "dask"])
def test_workers_in_other_processes_ask_and_score(own: Services, kind: str, request: Any) -> None:
    executor = request.getfixturevalue(kind)
    with ScriptedServer([ANSWER]) as server:
        own.connect(server.url, name="box", key=KEY)
        made = compare(
            prompts(10), "box:m", services=own, executor=executor, scorers=[words, wb.scorers.contains("Hello")]
        )
        seen: list[int] = []
        made.observe(lambda op: seen.append(made.progress.finished))
        assert made.wait(120)
    assert [cell.text for cell in made.cells()] == ["Hello"] * 10
    assert {1, 5, 9} <= set(seen), "progress went on"
    assert made.cell(0, 0).usage.completion_tokens == 2
    assert {request["headers"]["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    scores = [cell.scores for cell in made.cells()]
    assert all(score["words"]["score"] == 1 and score["contains"] is True for score in scores)  # type: ignore[index]
    assert os.getpid() not in {score["words"]["pid"] for score in scores}  # type: ignore[index]
    assert KEY not in made.path.read_text()
    assert KEY not in repr(made.cells())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pool", "dask"])
def test_stop_reaches_cells_that_other_processes_answer(own: Services, kind: str, request: Any) -> None:
    executor = request.getfixturevalue(kind)
    with ScriptedServer([stream(text("Hel"), end=False), HANG]) as server:
        own.connect(server.url, name="box")
        made = compare(prompts(8), "box:m", services=own, executor=executor)
        until(lambda: server.requests, 60)
        made.stop()
        assert made.wait(20), "it does not wait for the workers"
        assert statuses(made) == {"cancelled"}
    assert executor.submit(os.getpid).result(60), "the workers are free again"
    assert statuses(made) == {"cancelled"}, "what they still brought was dropped"


def test_an_executor_s_failure_is_the_cell_s(own: Services) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with ScriptedServer([ANSWER]) as server:
        own.connect(server.url, name="box")
        made = compare(prompts(3), "box:m", services=own, executor=executor, scorers=[words])
        assert made.wait(20)
    assert statuses(made) == {"failed"}
    assert "shutdown" in made.cell(0, 0).error.message  # type: ignore[union-attr]


def test_a_scorer_that_cannot_be_sent_runs_here(own: Services) -> None:
    class NoPickle(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            pickle.dumps((fn, args))
            return super().submit(fn, *args, **kwargs)

    with ScriptedServer([ANSWER]) as server, NoPickle(2) as executor:
        own.connect(server.url, name="box")
        made = compare(prompts(3), "box:m", services=own, executor=executor, scorers=[lambda row, reply: 1, words])
        assert made.wait(20)
    assert [cell.scores["lambda"] for cell in made.cells()] == [1.0] * 3


def test_a_task_arrives_whole_and_shows_no_key() -> None:
    request = Request(messages=(user("Hello"),), model="box:m")
    task = RemoteTask(url="http://localhost:1/v1", name="box", model=None, key=SealedKey(KEY), request=request)
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.key.open() == KEY
    assert KEY not in f"{task!r} {task} {task.key!r}"
