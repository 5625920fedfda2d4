"""The index of models: equal to a scan of the list, shared by processes, kept through damage."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.manager import many
from workbench.errors import FolderError
from workbench.manager import index, query
from workbench.manager.index import Index
from workbench.model import HubModel

ROOT = Path(__file__).resolve().parents[2]
MODELS = many.models(1500, seed=3)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "models.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Index:
    made = Index(tmp_path_factory.mktemp("index") / "models.sqlite")
    made.add(MODELS)
    return made


def ids(found: object) -> list[str]:
    return [model.id for model in found]  # type: ignore[attr-defined]


def scan(models: list[HubModel], asked: query.SearchQuery) -> list[str]:
    return ids(sorted(filter(asked.matches, models), key=asked.order))


@pytest.mark.parametrize("asked", list(many.typed(150, seed=11)), ids=lambda asked: f"{asked.text}, {asked.sort}")
def test_it_answers_as_a_scan_of_the_list(
    full: Index, asked: query.SearchQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_MEMORY", "12GB")
    assert ids(full.search(asked)) == scan(MODELS, asked)


@pytest.mark.parametrize("memory", ["2GB", "6GB", "40GB"])
@pytest.mark.parametrize("context", [None, 1, 255, 257, 4096, 40_000, 1_000_000])
def test_what_fits_is_what_fit_says(
    full: Index, memory: str, context: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_MEMORY", memory)
    asked = query.make(fits=True, context=context, sort="size")
    expected = scan(MODELS, asked)
    assert expected
    assert ids(full.search(asked)) == expected


def test_the_test_queries_find_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_MEMORY", "12GB")
    found = [len(scan(MODELS, asked)) for asked in many.typed(150, seed=11)]
    assert sum(count > 0 for count in found) > 60
    assert sum(count == 0 for count in found) > 10


def test_results_are_a_sequence_read_in_pages(full: Index) -> None:
    found = full.search(query.make(sort="downloads"))
    expected = scan(MODELS, query.make(sort="downloads"))
    assert len(found) == len(MODELS)
    assert ids(found[40:130]) == expected[40:130]
    assert found[-1].id == expected[-1]
    assert ids(found[::-700]) == expected[::-700]
    with pytest.raises(IndexError):
        found[len(found)]


def test_models_come_back_whole(full: Index) -> None:
    found = {model.id: model for model in full.search(query.make())}
    assert found == {model.id: model for model in MODELS}


def test_counts_of_a_field(full: Index) -> None:
    asked = query.make("qwen")
    found = full.counts(asked, "format")
    formats = [model.format for model in MODELS if asked.matches(model)]
    assert found == {name: formats.count(name) for name in set(formats) if name}


def test_near_finds_the_misspelt(full: Index) -> None:
    wanted = next(model.id for model in MODELS if "Qwen" in model.id)
    misspelt = wanted.replace("Qwen", "Qwne")
    assert wanted in full.near(misspelt, 10)
    assert full.near("ab") == []
    assert full.near('"; DROP\0 TABLE models --') is not None


def test_the_exact_one(full: Index) -> None:
    wanted = MODELS[7].id
    assert ids(full.search(query.make(f"https://huggingface.co/{wanted.upper()}"))) == [wanted]
    assert full.get(wanted) == MODELS[7]
    assert full.get("no/such") is None


def test_what_changes_is_found_anew(here: Index) -> None:
    here.add(MODELS[:300])
    asked = query.make(sort="downloads", min_downloads=1)
    assert ids(here.search(asked)) == scan(MODELS[:300], asked)
    last = here.search(query.make(sort="downloads"))[-1]
    here.add([msgspec.structs.replace(last, downloads=10**12, tags=("rare",))])
    assert here.search(asked)[0].id == last.id
    assert ids(here.search(query.make(tags="rare"))) == [last.id]
    assert len(here) == 300


def test_many_changes_do_not_pile_up(here: Index) -> None:
    models = MODELS[:200]
    for likes in range(12):
        models = [msgspec.structs.replace(model, likes=likes) for model in models]
        here.add(models)
        assert len(here.search(query.make())) == 200
    assert here.columns().dead < 1500
    asked = query.make("a", min_likes=11, sort="likes")
    assert ids(here.search(asked)) == scan(models, asked)


def test_a_poorer_listing_takes_nothing_away(here: Index) -> None:
    whole = msgspec.structs.replace(MODELS[0], id="a/b", trending=5.0, size=77, estimated=False, licence="mit")
    here.add([whole])
    here.add([msgspec.structs.replace(whole, trending=None, size=80, estimated=True, licence=None, likes=whole.likes)])
    found = here.get("a/b")
    assert found is not None
    assert (found.trending, found.size, found.estimated, found.licence) == (5.0, 77, False, "mit")


def test_what_is_here_is_not_kept_in_the_index(here: Index) -> None:
    here.add([msgspec.structs.replace(MODELS[0], status="loaded", path="/x", note="now")])
    found = here.search(query.make())[0]
    assert (found.status, found.path, found.note) == ("hub", None, "")


def test_two_processes_lose_nothing(here: Index, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, {root!r})\n"
        "from tests.manager import many\n"
        "from workbench.manager.index import Index\n"
        "models, index = many.models(400, seed={seed}), Index({path!r})\n"
        "for at in range(0, 400, 20): index.add(models[at:at + 20])\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code.format(root=str(ROOT), seed=seed, path=str(here.path))])
        for seed in (21, 22)
    ]
    while any(process.poll() is None for process in running):
        here.search(query.make("a", sort="likes"))
    assert [process.returncode for process in running] == [0, 0]
    expected = {model.id for seed in (21, 22) for model in many.models(400, seed=seed)}
    assert set(ids(here.search(query.make()))) == expected
    assert len(here.near(next(iter(expected)))) > 0


def test_threads_search_while_one_adds(here: Index) -> None:
    failed: list[BaseException] = []
    done = threading.Event()

    def search() -> None:
        try:
            while not done.is_set():
                found = here.search(query.make("e", sort="size"))
                assert len(found[:50]) == min(50, len(found))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for at in range(0, 600, 50):
        here.add(MODELS[at : at + 50])
    done.set()
    for thread in threads:
        thread.join(20)
    assert failed == []
    assert len(here) == 600


def damage(path: Path, how: str) -> None:
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    if how == "no database":
        path.write_bytes(b"<html>not a database</html>" * 500)
    elif how == "holes":
        data = bytearray(path.read_bytes())
        data[4096:] = os.urandom(len(data) - 4096)
        path.write_bytes(data)
    else:
        path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("how", ["no database", "holes", "cut"])
def test_a_damaged_file_is_set_aside(here: Index, how: str) -> None:
    here.add(MODELS[:100])
    here.close()
    damage(here.path, how)
    again = Index(here.path)
    assert len(again.search(query.make("a"))) == 0
    again.add(MODELS[:50])
    assert ids(again.search(query.make(sort="size"))) == scan(MODELS[:50], query.make(sort="size"))
    assert Path(f"{here.path}.damaged").exists()
    again.close()


def test_a_file_taken_away_is_made_again(here: Index) -> None:
    here.add(MODELS[:10])
    for end in ("", "-wal", "-shm"):
        Path(f"{here.path}{end}").unlink(missing_ok=True)
    assert len(here) == 0
    here.add(MODELS[:5])
    assert len(here) == 5
    assert len(Index(here.path)) == 5


def test_rows_of_another_shape_are_set_aside(here: Index) -> None:
    here.add(MODELS[:10])
    here.close()
    with sqlite3.connect(here.path) as connection:
        connection.execute("UPDATE models SET columns = x'c1', change = change")
    connection.close()
    assert len(Index(here.path)) == 0


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = Index(tmp_path / "missing" / "models.sqlite")
    with pytest.raises(FolderError, match="cannot be used"):
        blocked.search(query.make("a"))
    monkeypatch.setattr(index, "default", lambda: blocked)
    index.remember(MODELS[:1])
    assert index.near("a/b") == []


def test_the_default_index_follows_the_folder_of_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "one"))
    index.remember(MODELS[:3])
    assert len(index.default()) == 3
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "two"))
    assert len(index.default()) == 0
