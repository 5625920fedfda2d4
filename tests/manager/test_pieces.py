from __future__ import annotations

import os
import signal
import subprocess
import sys

from workbench.manager import pieces
from workbench.manager.pieces import Pieces


def test_what_is_done_is_there_for_the_next_one(tmp_path):
    path = tmp_path / "f.parts"
    first = Pieces(path, 25, piece=10)
    assert (len(first), first.stop(2), first.total) == (3, 25, 0)
    first.done[0], first.done[2] = 10, 3
    assert (first.complete(0), first.complete(2), first.total) == (True, False, 13)
    first.close()
    assert first.total == 13
    again = Pieces(path, 25)
    assert (again.piece, list(again.done)) == (10, [10, 0, 3])


def test_the_frontier_goes_on_over_complete_pieces_only(tmp_path):
    found = Pieces(tmp_path / "f.parts", 25, piece=10)
    found.done[1] = 10
    assert found.reach(0) == 0
    found.done[0] = 4
    assert found.reach(0) == 4
    found.done[0] = 10
    assert (found.reach(0), found.reach(1)) == (20, 20)
    found.done[2] = 5
    assert found.reach(0) == 25


def test_numbers_of_another_file_or_damaged_ones_are_not_believed(tmp_path):
    path = tmp_path / "f.parts"
    Pieces(path, 25, piece=10).done[0] = 10
    assert pieces.read(path, 25) == (10, [10, 0, 0])
    assert pieces.read(path, 250) is None
    assert pieces.read(tmp_path / "other", 25) is None
    whole = path.read_bytes()
    for bad in (b"", whole[:-1], whole + b"\0", b"x" + whole[1:], whole[:-4] + b"\xff\xff\xff\xff"):
        path.write_bytes(bad)
        assert pieces.read(path, 25) is None
    assert Pieces(path, 25, piece=10).total == 0


def test_a_killed_process_leaves_its_numbers(tmp_path):
    path = tmp_path / "f.parts"
    code = (
        "import sys, os, signal, pathlib; from workbench.manager.pieces import Pieces\n"
        "Pieces(pathlib.Path(sys.argv[1]), 25, piece=10).done[1] = 7\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], check=False, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    assert pieces.read(path, 25) == (10, [0, 7, 0])
