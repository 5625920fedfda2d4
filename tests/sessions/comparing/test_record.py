from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import FolderError, StateError, UsageError
from workbench.messages import new_id
from workbench.sessions.comparing import grid
from workbench.sessions.comparing.kept import path_of
from workbench.sessions.comparing.record import (
    CellLine,
    ColumnLine,
    Dropped,
    Head,
    Marks,
    Record,
    RowLine,
)
from workbench.sessions.comparing.values import Cell, CellKey


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


ROWS = grid.rows(["Hello", "Bye"])
COLUMNS = grid.columns(["builtin"])
KEYS = [CellKey(row.id, COLUMNS[0].id, 0) for row in ROWS]


def begun(name: str | None = None) -> Record:
    record = Record.begin(Head(id=new_id(), name=name, workbench="0", created=1.0))
    record.add(*(RowLine(row=row) for row in ROWS), ColumnLine(column=COLUMNS[0]))
    return record


def ended(text: str, key: CellKey = KEYS[0]) -> CellLine:
    return CellLine(cell=Cell(key=key, status="done", text=text))


def test_what_was_added_is_there_when_it_is_taken_up() -> None:
    record = begun("x")
    record.add(ended("Hi"), Marks(key=KEYS[0], scores={"a": 1.0}, rating=3))
    record.close()
    again = Record.take_up("x")
    assert again is not None
    assert list(again.rows.values()) == ROWS
    assert list(again.columns.values()) == COLUMNS
    cell = again.cell(KEYS[0])
    assert cell is not None
    assert (cell.text, cell.scores, cell.rating) == ("Hi", {"a": 1.0}, 3)
    assert again.cell(KEYS[1]) is None
    assert again.status(KEYS[0]) == "done"


def test_the_last_word_counts_and_a_new_answer_has_no_marks() -> None:
    record = begun()
    record.add(ended("one"), Marks(key=KEYS[0], rating=1), ended("two"), Dropped(id=ROWS[1].id))
    cell = Record.read(record.path).cell(KEYS[0])
    assert cell is not None
    assert (cell.text, cell.rating) == ("two", None)
    assert list(Record.read(record.path).rows) == [ROWS[0].id]


def test_a_line_cut_by_a_kill_never_happened_and_the_next_is_whole() -> None:
    record = begun("x")
    record.add(ended("whole"))
    record.close()
    whole = record.path.read_bytes()
    record.path.write_bytes(whole + b'{"kind":"cell_line","cell":{"key":["' + b"x" * 100_000)
    again = Record.take_up("x")
    assert again is not None
    assert again.unreadable == 0
    assert record.path.read_bytes() == whole
    again.add(ended("next", KEYS[1]))
    again.close()
    third = Record.read(record.path)
    assert [third.cell(key).text for key in KEYS] == ["whole", "next"]  # type: ignore[union-attr]


def test_a_damaged_line_is_left_out_and_counted() -> None:
    record = begun()
    record.add(ended("one"))
    with record.path.open("ab") as file:
        file.write(b"{broken}\n")
    record.add(ended("two", KEYS[1]))
    read = Record.read(record.path)
    assert read.unreadable == 1
    assert [read.cell(key).text for key in KEYS] == ["one", "two"]  # type: ignore[union-attr]


def test_a_saved_file_is_never_written_changes_go_to_a_copy(tmp_path: Path) -> None:
    record = begun()
    record.add(ended("one"), ended("two"))
    saved = record.save(tmp_path / "deep" / "saved.jsonl", KEYS)
    before = saved.read_bytes()
    assert before.count(b"cell_line") == 1
    read = Record.read(saved)
    read.add(ended("three"))
    assert saved.read_bytes() == before
    assert read.path != saved
    assert read.cell(KEYS[0]).text == "three"  # type: ignore[union-attr]
    assert Record.read(saved).cell(KEYS[0]).text == "two"  # type: ignore[union-attr]


@pytest.mark.parametrize(("version", "words"), [(99, r"a newer workbench .*Update"), (0, r"an older workbench")])
def test_another_version_says_so(tmp_path: Path, version: int, words: str) -> None:
    record = begun()
    first, _, rest = record.path.read_text().partition("\n")
    file = tmp_path / "other.jsonl"
    file.write_text(json.dumps({**json.loads(first), "version": version, "strange": 1}) + "\n" + rest)
    with pytest.raises(UsageError, match=words):
        Record.read(file)


@pytest.mark.parametrize(
    "data", [b"", b"hello\n", b"[1, 2]\n", b'{"kind": "head"}\n', b'{"kind":"head","version":1}\n']
)
def test_what_is_no_comparison_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "no.jsonl"
    file.write_bytes(data)
    with pytest.raises(UsageError, match=r"is no saved comparison|is damaged"):
        Record.read(file)


def test_a_file_that_is_not_there_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="cannot be read"):
        Record.read(tmp_path / "nowhere.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="could not be saved"):
        begun().save(tmp_path / "file" / "x.jsonl", KEYS)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "x" * 200, "日" * 80, 5])
def test_a_name_that_is_no_file_s_name_is_refused(name: Any) -> None:
    with pytest.raises(UsageError, match="cannot be named"):
        path_of(name)


def test_two_processes_do_not_write_one_comparison() -> None:
    record = begun("x")
    code = (
        "from workbench.errors import StateError\nfrom workbench.sessions.comparing.record import Record\n"
        "try:\n    Record.take_up('x')\n    print('opened')\nexcept StateError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'x' is open in another process" in done.stdout
    with pytest.raises(StateError):
        Record.take_up("x")
    record.close()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "opened"


def test_a_kill_in_the_midst_of_the_first_line_leaves_the_name_free() -> None:
    path_of("x").write_bytes(b'{"kind":"head","ver')
    assert Record.take_up("x") is None
    begun("x").close()
    assert Record.take_up("x") is not None


def test_a_home_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(FolderError, match=r"cannot be made: .*WORKBENCH_HOME"):
        begun()


def test_a_loaded_one_goes_on_from_what_it_read_whatever_became_of_the_file(tmp_path: Path) -> None:
    record = begun()
    record.add(ended("one"))
    saved = record.save(tmp_path / "saved.jsonl", KEYS)
    read = Record.read(saved)
    record.add(*(ended("longer than before") for _ in range(9)), ended("another", KEYS[1]))
    record.save(saved, KEYS)
    saved.unlink()
    read.add(ended("two", KEYS[1]))
    assert [read.cell(key).text for key in KEYS[:2]] == ["one", "two"]  # type: ignore[union-attr]


def test_it_is_not_saved_over_itself() -> None:
    record = begun("x")
    with pytest.raises(UsageError, match="is the file it is kept in"):
        record.save(record.path, KEYS)


def test_half_a_character_of_a_model_becomes_a_question_mark() -> None:
    record = begun("x")
    record.add(ended("a \ud83d b"))
    assert record.cell(KEYS[0]).text == "a ? b"  # type: ignore[union-attr]
