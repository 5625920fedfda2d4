from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import workbench as wb
from tests.manager.downloads import HASTY, contents, orphans, snapshot, wait_for, wanted
from tests.servers.hub import Hub, HubServer, builtin_repo, gguf_repo, mlx_repo
from workbench.commands import CancelDownload, ChatWith, ClearFinished, Hello, PauseDownload, ResumeDownload
from workbench.errors import DownloadCancelledError, ModelNotFoundError, StateError
from workbench.manager.downloader import Downloader
from workbench.sessions import download_rows, downloads
from workbench.sessions.downloads import Downloads
from workbench.transfer import Progress

MB = 1 << 20

WATCHED = """
import json, sys, time, workbench as wb
d = wb.download("acme/Big-4bit")
while not d._job.ended.is_set():
    p = d.progress
    print(json.dumps([p.percent or 0, p.shared]), flush=True)
    time.sleep(0.02)
p = d.progress
print(json.dumps([p.percent or 0, p.status]), flush=True)
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "cache"


@pytest.fixture
def hub(monkeypatch):
    with HubServer(Hub()) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server.hub


@pytest.fixture
def mine(root, monkeypatch):
    """The downloads of this test, which `wb.download` uses."""
    made = Downloads(Downloader(patience=HASTY))
    monkeypatch.setattr(downloads, "_shared", made)
    return made


@pytest.fixture
def big(hub):
    return hub.add(mlx_repo("acme/Big-4bit", weights=40 * MB))


@pytest.fixture
def slow(hub, mine, big):
    """A download under way that takes its time."""
    hub.bps = MB
    found = wb.download("acme/Big-4bit")
    wait_for(lambda: found.progress.done > MB, "some of it")
    return found


def test_from_code(hub, root, mine):
    hub.add(builtin_repo("acme/Tiny"))
    assert not wb.is_available("acme/Tiny")
    found = wb.download("acme/Tiny", wait=True)
    assert found.done
    assert found.result().id == "acme/Tiny"
    assert wb.is_available("acme/Tiny")
    assert list(wb.downloads()) == [found] == [wb.downloads().get("acme/Tiny")]
    assert "100 %, done and verified" in repr(found)
    assert repr(found)[10:-1] in repr(wb.downloads())


def test_several_in_one_call(hub, mine):
    for name in "ABC":
        hub.add(mlx_repo(f"acme/{name}"))
    found = wb.download(["acme/A", "acme/B", "acme/C"], wait=True)
    assert [one.model for one in found] == ["acme/A", "acme/B", "acme/C"]
    assert all(one.done for one in found)


def test_progress_tells_bytes_speed_and_time_of_the_whole_and_of_each_file(slow):
    wait_for(lambda: slow.progress.speed is not None, "a speed")
    progress = slow.progress
    assert 0 < progress.percent < 100
    assert progress.total - progress.done == pytest.approx(progress.speed * progress.seconds_left)
    weights = next(file for file in progress.files if file.path == "model.safetensors")
    assert (weights.status, weights.size > 40 * MB, weights.parts) == ("downloading", True, 3)
    assert sum(file.done for file in progress.files) == progress.done
    assert "MB/s" in repr(slow)


def test_a_result_waits_so_long_and_no_longer(slow):
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="is not here after 0"):
        slow.result(0.3)
    assert time.monotonic() - began < 2
    assert slow.status == "downloading"


def test_a_result_raises_what_went_wrong(hub, mine, slow):
    slow.pause()
    with pytest.raises(StateError, match="paused"):
        slow.result(5)
    slow.resume()
    slow.cancel()
    with pytest.raises(DownloadCancelledError):
        slow.result(5)
    with pytest.raises(ModelNotFoundError, match="acme/nothing"):
        wb.download("acme/nothing").result(20)


def test_an_interrupt_pauses_it_and_says_so(slow, capsys):
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        slow.result()
    assert slow.status == "paused"
    assert ".resume() goes on" in capsys.readouterr().out


# What a screen sees


def test_the_view_and_its_changes_agree(hub, mine, big):
    view, ops = mine.view(), []

    def apply(op):
        ops.append(op)
        if op[0] == "state":
            view.update(op[1])
        elif op[0] == "row":
            row = next((r for r in view["rows"] if r["id"] == op[1]["id"]), None)
            view["rows"].append(dict(op[1])) if row is None else row.update(op[1])
        else:
            view["rows"] = [row for row in view["rows"] if row["id"] != op[1]]

    end = mine.observe(apply)
    hub.bps = 20 * MB
    began = time.monotonic()
    found = mine.start("acme/Big-4bit")
    found.result(20)
    took = time.monotonic() - began
    wait_for(lambda: view["rows"][0]["status"] == "done", "the last change")
    rows = [op[1] for op in ops if op[0] == "row"]
    assert [row["status"] for row in rows if row["status"] == "downloading"]
    assert len(rows) <= 10 * (took + 1) + 5
    assert [row["done"] for row in rows] == sorted(row["done"] for row in rows)
    assert view["counts"] == {"running": 0, "waiting": 0, "paused": 0, "failed": 0, "done": 1}
    json.dumps(view)
    mine.clear_finished()
    assert view["rows"] == [] == mine.view()["rows"]
    end()
    mine.start("acme/Big-4bit").result(20)
    assert view["rows"] == []


def test_one_download_is_a_view_of_its_own_row(hub, mine, slow):
    hub.add(mlx_repo("acme/Other"))
    other = mine.start("acme/Other")
    ops = []
    slow.observe(ops.append)
    other.result(20)
    assert [row["id"] for row in slow.view()["rows"]] == [slow.id]
    wait_for(lambda: len(ops) > 3, "changes")
    assert {op[1]["id"] for op in ops if op[0] == "row"} == {slow.id}
    assert slow.perform(PauseDownload(id=1)).ok
    assert (slow.status, other.status) == ("paused", "done")


def test_what_a_front_end_asks_is_done_or_refused_at_once(hub, mine, slow):
    assert mine.perform(Hello(id=1)).ok
    assert mine.perform(PauseDownload(id=2, download=slow.id)).ok
    assert slow.status == "paused"
    assert mine.perform(ResumeDownload(id=3)).ok
    assert slow.status != "paused"
    assert mine.perform(CancelDownload(id=4, download=slow.id)).ok
    assert slow.status == "cancelled"
    assert mine.perform(ClearFinished(id=5)).ok
    assert len(mine) == 0
    refused = mine.perform(CancelDownload(id=6, download=slow.id))
    assert (refused.ok, refused.error.kind) == (False, "StateError")


def test_chat_from_the_row_makes_it_the_current_model(hub, mine):
    from workbench.services import registry

    hub.add(gguf_repo("acme/Some-GGUF", ("Q8_0",)))
    found = wb.download("acme/Some-GGUF", wait=True)
    before = registry.default().current
    try:
        assert mine.perform(ChatWith(id=1, model=found.model)).ok
        assert registry.default().current == "acme/Some-GGUF:Q8_0"
    finally:
        registry.default().use(before)


def test_the_copy_without_a_kernel_escapes_what_it_shows():
    text = download_rows.html_copy("x", [Progress(id="1", model="a/<b>", status="paused", done=5, total=10)])
    assert "a/&lt;b&gt;" in text
    assert "50 %, paused, 5 B of 10 B" in text
    assert "Nothing is being downloaded" in download_rows.html_copy("x", [])


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (69, "1 min 9 s"), (3700, "1 h 1 min")])
def test_durations(seconds, text):
    assert download_rows.duration(seconds) == text


# Two processes


def process():
    return subprocess.Popen([sys.executable, "-c", WATCHED], stdout=subprocess.PIPE, text=True)


def said(line):
    return json.loads(line)


def test_a_killed_process_loses_nothing(hub, root, mine, big):
    hub.bps = 4 * MB
    size = len(wanted(big)["model.safetensors"])
    for percent in (20, 50, 90):
        child = process()
        for line in child.stdout:
            if said(line)[0] >= percent:
                child.kill()
                break
        child.wait()
        child.stdout.close()
        assert not snapshot(root, big).exists(), "half a model can be seen"
        assert not wb.is_available("acme/Big-4bit")
    later = Downloads(Downloader())
    assert [found.status for found in later] == ["paused"]
    assert later[0].progress.percent >= 90
    later[0].resume()
    later[0].result(20)
    assert contents(snapshot(root, big)) == wanted(big)
    assert hub.sent("/cdn/") <= 1.02 * size + 3 * 3 * 256 * 1024  # what was in the air at each kill
    assert orphans(root) == []


def test_two_processes_share_one_download(hub, root, mine, slow, big):
    child = process()
    first = next(said(text) for text in child.stdout if said(text)[1] is True)  # it says that it follows
    wait_for(lambda: said(child.stdout.readline())[0] > first[0] + 2, "its progress to advance")
    hub.bps = 0
    slow.result(20)
    assert said(child.communicate(timeout=20)[0].splitlines()[-1]) == [100, "done"]
    assert hub.sent("/cdn/") == len(wanted(big)["model.safetensors"])
    assert contents(snapshot(root, big)) == wanted(big)


def test_a_kernel_that_did_not_ask_for_it_sees_that_another_one_has_it(mine, slow):
    other = Downloads(Downloader())
    assert [(found.status, found.progress.note) for found in other] == [
        ("paused", "another notebook is downloading it")
    ]
    slow.pause()
    wait_for(slow._job.ended.is_set, "the end of it")
    assert [found.progress.note for found in Downloads(Downloader())] == [""]


def test_when_the_owner_dies_the_follower_goes_on(hub, root, mine, big):
    hub.bps = 2 * MB
    child = process()
    next(text for text in child.stdout if said(text)[0] > 10)
    follower = wb.download("acme/Big-4bit")
    wait_for(lambda: follower.progress.shared and follower.progress.done > 5 * MB, "following")
    child.kill()
    child.wait()
    child.stdout.close()
    hub.bps = 0
    follower.result(20)
    assert not follower.progress.shared
    assert contents(snapshot(root, big)) == wanted(big)
    assert hub.sent("/cdn/") < 1.2 * len(wanted(big)["model.safetensors"])


def test_the_hubs_own_client_on_the_same_cache_does_no_harm(hub, root, mine, slow, big):
    code = "import sys; from huggingface_hub import snapshot_download; print(snapshot_download('acme/Big-4bit'))"
    env = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    child = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: snapshot(root, big).exists(), "the other client at work")
    hub.bps = 0
    slow.result(20)
    assert child.communicate(timeout=20)[0].strip() == str(snapshot(root, big))
    assert wanted(big).items() <= contents(snapshot(root, big)).items()
    assert hub.sent("/cdn/") == len(wanted(big)["model.safetensors"]), "it fetched the weights once more"
