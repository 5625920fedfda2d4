from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from tests.manager.downloads import HASTY, contents, done, ended, loose, orphans, snapshot, wait_for, wanted
from tests.servers.hub import GOOD_TOKEN, Hub, HubServer, Repo, builtin_repo, gguf_repo, mlx_repo
from workbench.manager import file_transfer, inventory, job, pieces
from workbench.manager.choose import MLX_PATTERNS
from workbench.manager.downloader import Downloader
from workbench.store import settings

MB = 1 << 20


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty cache, and a state folder of its own."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(pieces.Pieces.__init__, "__defaults__", (MB,))  # many pieces of small files
    return tmp_path / "cache"


@pytest.fixture
def hub(monkeypatch):
    with HubServer(Hub()) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server.hub


@pytest.fixture
def queue(root):
    return Downloader(patience=HASTY)


@pytest.fixture
def narrow(root):
    """Of two connections, so that requests are still to come when something goes wrong."""
    return Downloader(connections=2, patience=HASTY)


@pytest.fixture
def big(hub):
    return hub.add(mlx_repo("acme/Big-4bit", weights=8 * MB))


# What arrives


def test_only_what_is_needed_arrives_byte_for_byte_and_nothing_else_stays(hub, root, queue, big):
    found = done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)
    assert orphans(root) == loose(root) == []
    assert found.progress().path == str(snapshot(root, big))
    assert (found.progress().percent, found.progress().revision) == (100, big.main)
    assert hub.sent("/cdn/") == len(big.commits[big.main]["model.safetensors"].content)
    assert not any(entry["auth"] for entry in hub.log if entry["path"].startswith("/cdn/"))


def test_it_is_what_the_hubs_own_client_makes(hub, root, queue, tmp_path, big):
    from huggingface_hub import scan_cache_dir, snapshot_download

    done(queue.add("acme/Big-4bit"))
    where = {"cache_dir": tmp_path / "theirs", "endpoint": os.environ["HF_ENDPOINT"]}
    theirs = Path(snapshot_download("acme/Big-4bit", allow_patterns=MLX_PATTERNS, **where))
    ours = snapshot(root, big)
    assert ours.relative_to(root) == theirs.relative_to(tmp_path / "theirs")
    assert contents(ours) == contents(theirs)
    assert {p.name: os.readlink(p) for p in ours.iterdir()} == {p.name: os.readlink(p) for p in theirs.iterdir()}
    assert snapshot_download("acme/Big-4bit", cache_dir=root, local_files_only=True) == str(ours)
    scanned = scan_cache_dir(root)
    assert [repo.repo_id for repo in scanned.repos] == ["acme/Big-4bit"]
    assert not scanned.warnings


def test_mlx_lm_and_the_inventory_read_it_at_once(hub, root, queue):
    mlx_lm = pytest.importorskip("mlx_lm")
    hub.add(builtin_repo("acme/Tiny"))
    done(queue.add("acme/Tiny"))
    assert inventory.find("acme/Tiny").status == "ready"
    model, tokenizer = mlx_lm.load(inventory.find("acme/Tiny").path)
    assert mlx_lm.generate(model, tokenizer, "Hello", max_tokens=3)


def test_of_gguf_one_quantization_with_all_its_parts(hub, root, queue):
    repo = hub.add(gguf_repo("acme/Some-GGUF", ("Q4_K_M", "Q8_0"), parts=3))
    found = done(queue.add("acme/Some-GGUF:Q8_0"))
    assert set(contents(snapshot(root, repo))) == {f"Some-Q8_0-{n:05}-of-00003.gguf" for n in (1, 2, 3)}
    assert found.progress().path.endswith("Some-Q8_0-00001-of-00003.gguf")
    assert inventory.find(found.found).path == found.progress().path


def test_a_file_that_another_revision_has_is_not_fetched_again(hub, root, queue, big):
    done(queue.add("acme/Big-4bit"))
    old, before = big.main, hub.sent("/cdn/")
    hub.update("acme/Big-4bit", {"tokenizer_config.json": b"{}"})
    found = done(queue.add("acme/Big-4bit"))
    assert hub.sent("/cdn/") == before
    assert found.progress().kept > 8 * MB
    assert (root / "models--acme--Big-4bit/refs/main").read_text() == big.main != old
    assert contents(snapshot(root, big))["tokenizer_config.json"] == b"{}"


def test_a_revision_asked_for_by_its_commit_writes_no_reference(hub, root, queue, big):
    old = big.main
    hub.update("acme/Big-4bit", {"tokenizer_config.json": b"{}"})
    done(queue.add(f"acme/Big-4bit@{old}"))
    assert not (root / "models--acme--Big-4bit/refs").exists()
    assert inventory.find(f"acme/Big-4bit@{old}").revision == old


def test_without_links_the_files_are_copied(hub, root, queue, monkeypatch, big):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "symlink", refuse)
    done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)
    assert not any(path.is_symlink() for path in snapshot(root, big).iterdir())


def test_an_empty_file_arrives_too(hub, root, queue):
    repo = hub.add(mlx_repo("acme/Odd", extra={"empty.json": b""}))
    done(queue.add("acme/Odd"))
    assert contents(snapshot(root, repo))["empty.json"] == b""


# Pause, cancel, resume


def half(hub, queue, model="acme/Big-4bit"):
    """A download that is about half done, and slow."""
    hub.bps = 2 * MB
    found = queue.add(model)
    wait_for(lambda: found.progress().done > 3 * MB, "half of it")
    return found


@pytest.mark.parametrize("stop", ["pause", "cancel"])
def test_what_arrived_before_a_stop_is_not_fetched_again(hub, root, queue, big, stop):
    found = half(hub, queue)
    getattr(queue, stop)(found)
    assert found.status == {"pause": "paused", "cancel": "cancelled"}[stop]
    ended(found)
    assert not snapshot(root, big).exists(), "half a model can be seen"
    assert loose(root) == []
    missing, before = found.progress().total - found.progress().done, len(hub.log)
    assert found.progress().done > 3 * MB
    hub.bps = 0
    assert done(queue.add("acme/Big-4bit")) is found
    assert contents(snapshot(root, big)) == wanted(big)
    assert sum(entry["sent"] for entry in hub.log[before:] if entry["path"].startswith("/cdn/")) == missing
    assert orphans(root) == []


def test_a_stop_breaks_off_a_connection_that_is_silent(hub, root, big):
    hub.faults = [{"path": "/cdn/", "kind": "stall", "after": 0, "seconds": 60, "times": -1}]
    queue = Downloader()  # with all the patience there is
    found = queue.add("acme/Big-4bit")
    wait_for(lambda: any("/cdn/" in entry["path"] for entry in hub.log), "a request")
    queue.pause(found)
    assert found.ended.wait(3)


def test_resumed_before_it_has_stopped_it_goes_on(hub, root, queue, big):
    found = half(hub, queue)
    queue.pause(found)
    queue.resume(found)
    assert found.status in ("queued", "starting", "downloading")
    hub.bps = 0
    done(found)


def test_another_kernel_finds_it_paused_and_goes_on_at_the_commit_it_began_with(hub, root, queue, big):
    first = big.main
    queue.pause(half(hub, queue))
    wait_for(lambda: loose(root) == [], "everything closed")
    hub.update("acme/Big-4bit", {"tokenizer_config.json": b"{}", "config.json": b'{"model_type": "other"}'})
    hub.bps = 0
    later = Downloader(patience=HASTY)
    assert [found.status for found in later.jobs] == ["paused"]
    assert later.jobs[0].progress().done > 3 * MB
    asked = len([e for e in hub.log if e["path"].startswith("/api")])
    found = done(later.add("acme/Big-4bit"))
    assert found.progress().revision == first
    assert inventory.find("acme/Big-4bit").revision == first
    assert len([e for e in hub.log if e["path"].startswith("/api")]) == asked
    assert Downloader().jobs == ()


def test_the_commit_it_began_with_stays_though_main_moves_midway(hub, root, queue, big):
    first, files = big.main, wanted(big)
    found = half(hub, queue)
    hub.update("acme/Big-4bit", {"model.safetensors": b"x" * MB, "config.json": b"{}"})
    hub.bps = 0
    assert done(found).progress().revision == first
    assert contents(root / "models--acme--Big-4bit/snapshots" / first) == files


# The queue


def test_two_at_once_the_third_waits_its_turn(hub, root, queue):
    hub.bps = MB
    for name in "ABC":
        hub.add(mlx_repo(f"acme/{name}", weights=4 * MB))
    a, b, c = [queue.add(f"acme/{name}") for name in "ABC"]
    assert (c.status, queue.position(c), queue.position(a)) == ("queued", 0, None)
    queue.pause(a)
    wait_for(lambda: c.status == "downloading", "the third")
    hub.bps = 0
    done(b)
    done(c)
    assert a.status == "paused"
    queue.resume_all()
    done(a)
    assert [found.model for found in queue.jobs] == ["acme/A", "acme/B", "acme/C"]
    assert len(queue.clear()) == 3
    assert queue.jobs == ()


def test_the_settings_say_how_many_at_once_and_over_how_many_connections(hub, root, queue):
    hub.bps = MB
    for name in "AB":
        hub.add(mlx_repo(f"acme/{name}", weights=4 * MB))
    settings.change(at_once=1, connections=3)
    a, b = [queue.add(f"acme/{name}") for name in "AB"]
    assert (b.status, a.connections()) == ("queued", 3)
    settings.change(at_once=2)
    queue.pause(a)
    queue.resume(a)
    wait_for(lambda: b.status == "downloading", "the second")
    hub.bps = 0
    done(a)
    done(b)


def test_asked_for_twice_it_is_one_download(hub, root, queue, big):
    hub.bps = MB
    first = queue.add("acme/Big-4bit")
    assert queue.add("acme/Big-4bit") is first
    assert queue.add("https://huggingface.co/acme/Big-4bit/") is first
    hub.bps = 0
    done(first)


# What a server can do to it


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "after": 300_000, "times": 5},
        {"kind": "cut", "after": 300_000, "times": 5},
        {"kind": "stall", "after": 300_000, "seconds": 5, "times": 2},
        {"kind": "status", "status": 500, "times": 2},
        {"kind": "status", "status": 503, "times": 2},
        {"kind": "status", "status": 403, "times": 2},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
        {"kind": "no_range", "times": -1},
    ],
    ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}",
)
def test_what_passes_is_put_up_with(hub, root, queue, big, fault):
    hub.faults = [{"path": "/cdn/", "method": "GET", **fault}]
    done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)
    assert orphans(root) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "/api/models/", "status": 503, "times": 2},
        {"path": "/api/models/", "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
        {"path": "/resolve/.*config.json", "status": 500, "times": 1},
    ],
    ids=["503", "429", "config"],
)
def test_a_hub_that_fails_for_a_moment_at_the_start_is_put_up_with(hub, root, queue, big, fault):
    hub.faults = [{"kind": "status", **fault}]
    done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)


def test_a_hub_that_keeps_failing_at_the_start_is_given_up(hub, root, queue, big):
    hub.faults = [{"path": "/api/models/", "kind": "status", "status": 503, "times": -1}]
    assert failure(queue, "acme/Big-4bit").kind == "HubError"


def test_asked_to_wait_at_the_start_it_says_so_and_can_be_paused(hub, root, queue, big):
    wish = {"kind": "status", "status": 429, "headers": {"Retry-After": "60"}, "times": -1}
    hub.faults = [{"path": "/api/models/", **wish}]
    found = queue.add("acme/Big-4bit")
    wait_for(lambda: "asks to wait 60 s" in found.progress().note, "a note")
    queue.pause(found)
    assert ended(found).status == "paused"


def test_a_failing_hub_does_not_hide_a_model_that_is_here(hub, root, queue, big):
    done(queue.add("acme/Big-4bit"))
    queue.clear()
    hub.faults = [{"path": "/api/models/", "kind": "status", "status": 503, "times": -1}]
    done(queue.add("acme/Big-4bit"))


def test_a_login_page_instead_of_a_file_fails_in_words_and_keeps_nothing_of_it(hub, root, queue, big):
    page = {"status": 200, "body": b"<html>Log in</html>", "headers": {"Content-Type": "text/html"}, "times": -1}
    hub.faults = [{"path": "/resolve/.*tokenizer.json", "kind": "status", **page}]
    found = failure(queue, "acme/Big-4bit")
    assert found.message == "Something else than the file was sent: 19 bytes instead of 71."
    assert "login page" in found.next_step
    hub.faults = []
    done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)


def test_asked_to_wait_it_says_so(hub, root, queue, big):
    hub.faults = [{"path": "/cdn/", "kind": "status", "status": 429, "headers": {"Retry-After": "60"}, "times": -1}]
    found = queue.add("acme/Big-4bit")
    wait_for(lambda: found.progress().note == "the server asks to wait 60 s", "a note")
    queue.pause(found)
    assert ended(found).progress().note == ""


def test_an_address_that_expired_is_asked_for_anew(hub, narrow, big):
    found = half(hub, narrow)
    asked = len([e for e in hub.log if e["status"] == 302])
    hub.faults = [{"path": "/cdn/", "kind": "status", "status": 403}]
    hub.bps = 0
    done(found)
    assert len([e for e in hub.log if e["status"] == 302]) == asked + 1 == 2


@pytest.mark.parametrize("kind", ["status", "drop", "cut", "stall"])
def test_what_does_not_pass_fails_and_keeps_what_came(hub, root, narrow, big, kind):
    found = half(hub, narrow)
    hub.faults = [{"path": "/cdn/", "after": 0, "seconds": 5, "times": -1, "kind": kind, "status": 500}]
    hub.bps = 0
    ended(found)
    assert found.status == "failed"
    assert found.progress().error.kind in ("HubError", "OfflineError", "DownloadError")
    assert found.progress().done > 3 * MB
    hub.faults = []
    narrow.resume(found)
    done(found)
    assert found.progress().error is None
    assert contents(snapshot(root, big)) == wanted(big)


@pytest.mark.parametrize("at", [0, 5 * MB + 3, 8 * MB])
def test_a_byte_that_arrived_damaged_is_found_and_fetched_again(hub, root, queue, big, at):
    hub.faults = [{"path": "/cdn/", "kind": "corrupt", "at": at, "times": 9}]
    done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)
    size = len(wanted(big)["model.safetensors"])
    assert size < hub.sent("/cdn/") <= 2 * size
    assert orphans(root) == []


def test_damaged_by_a_server_without_ranges_it_starts_over(hub, root, queue, big, monkeypatch):
    whole = file_transfer._write
    damage = [b"x"]

    def write(out, data):
        whole(out, damage.pop() + data[1:] if damage and len(data) > 1000 else data)

    monkeypatch.setattr(file_transfer, "_write", write)
    hub.faults = [{"path": "/cdn/", "kind": "no_range", "times": -1}]
    assert failure(queue, "acme/Big-4bit").kind == "ChecksumError"
    done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)


def test_a_small_file_that_arrived_damaged_is_fetched_again(hub, root, queue, big):
    hub.faults = [{"path": "resolve/.*/tokenizer.json", "kind": "corrupt", "at": 5}]
    done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)


def test_a_server_that_always_sends_other_bytes_is_not_believed(hub, root, queue, big):
    hub.faults = [{"path": "/cdn/", "kind": "corrupt", "at": 5 * MB, "times": -1}]
    found = ended(queue.add("acme/Big-4bit"))
    assert (found.status, found.progress().error.kind) == ("failed", "ChecksumError")
    assert "SHA-256" in found.progress().error.message
    assert not snapshot(root, big).exists()
    hub.faults = []
    queue.resume(found)
    done(found)
    assert contents(snapshot(root, big)) == wanted(big)


# What can be wrong with a model, a token, the network


def failure(queue, model):
    found = ended(queue.add(model))
    assert found.status == "failed"
    return found.progress().error


def test_misspelt_it_names_the_nearest(hub, root, queue, big):
    error = failure(queue, "acme/Big-4bti")
    assert error.kind == "ModelNotFoundError"
    assert "acme/Big-4bit" in error.next_step


def test_no_usable_files_says_what_was_found(hub, root, queue):
    hub.add(Repo("acme/Torch", {"config.json": b"{}", "pytorch_model.bin": b"x"}))
    error = failure(queue, "acme/Torch")
    assert error.kind == "NoUsableFilesError"
    assert "PyTorch" in error.message


def test_gated_without_a_token_with_a_wrong_one_and_with_the_right_one(hub, root, queue, monkeypatch):
    repo = hub.add(mlx_repo("acme/Gated", gated="manual", allowed=[GOOD_TOKEN]))
    assert (failure(queue, "acme/Gated").kind, hub.sent("/cdn/")) == ("GatedModelError", 0)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert failure(queue, "acme/Gated").kind == "GatedModelError"
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    error = failure(queue, "acme/Gated")
    assert error.kind == "GatedModelError"
    assert "https://huggingface.co/acme/Gated" in error.next_step
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    done(queue.add("acme/Gated"))
    assert contents(snapshot(root, repo)) == wanted(repo)


def test_offline_says_so_and_what_is_here_stays_usable(hub, root, queue, big, monkeypatch):
    done(queue.add("acme/Big-4bit"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert failure(queue, "acme/Other").kind == "OfflineError"
    again = done(queue.add("acme/Big-4bit"))
    assert again.progress().path == str(snapshot(root, big))


@pytest.mark.parametrize("path", ["../x.json", "/etc/x.json", "a\\x.json"])
def test_a_path_that_leads_out_is_refused_before_anything_is_written(hub, root, queue, path):
    hub.add(mlx_repo("acme/Evil", extra={path: b"evil"}))
    assert failure(queue, "acme/Evil").kind in ("ModelFilesError", "HubError")
    assert not root.exists()


@pytest.mark.parametrize("model", ["", "nothing", "a/b/c", "../x", "/a/b", "a b/c", 3, None])
def test_what_is_no_id_is_refused_at_once(root, queue, model):
    with pytest.raises(ValueError, match="no id of a model"):
        queue.add(model)


# The disk


@pytest.mark.parametrize(
    ("pasted", "model"),
    [
        ("https://huggingface.co/acme/Big-4bit/", "acme/Big-4bit"),
        ("hf.co/acme/Big-4bit/tree/main", "acme/Big-4bit"),
        (f"https://huggingface.co/acme/Big-4bit/tree/{'a' * 40}?x=1", f"acme/Big-4bit@{'a' * 40}"),
        ("https://huggingface.co/acme/X-GGUF/blob/main/X-Q8_0.gguf", "acme/X-GGUF:q8_0"),
        ("hf.co/acme/X-GGUF:Q8_0", "acme/X-GGUF:q8_0"),
    ],
)
def test_a_pasted_address_is_as_good_as_an_id(root, pasted, model):
    assert job.Job(pasted).model == model


def test_too_small_a_disk_is_noticed_before_it_begins(hub, root, queue, monkeypatch, big):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage(10**9, 10**9 - job.MARGIN - 5 * MB, job.MARGIN + 5 * MB)
    )
    error = failure(queue, "acme/Big-4bit")
    assert error.kind == "DiskFullError"
    assert "3.1 MB are missing" in error.message
    assert hub.sent("/cdn/") == 0


def test_a_disk_that_fills_up_midway_keeps_what_came(hub, root, queue, monkeypatch, big):
    whole = file_transfer._write
    room = [3 * MB]

    def write(out, data):
        room[0] -= len(data)
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(out, data)

    monkeypatch.setattr(file_transfer, "_write", write)
    error = failure(queue, "acme/Big-4bit")
    assert error.kind == "DiskFullError"
    assert "still missing" in error.message
    found = queue.jobs[0]
    assert found.progress().done > MB
    monkeypatch.setattr(file_transfer, "_write", whole)
    done(queue.add("acme/Big-4bit"))
    assert contents(snapshot(root, big)) == wanted(big)


def test_a_real_disk_that_is_full(hub, root, big, tmp_path):
    """On a file system of six megabytes, where one may be mounted."""
    script = (
        "import sys, os; from workbench.manager import job; job.MARGIN = -(1 << 30)\n"
        "from workbench.manager.downloader import Downloader\n"
        "found = Downloader().add('acme/Big-4bit'); found.ended.wait()\n"
        "print(found.progress().error.kind, found.progress().done > 1 << 20)"
    )
    root.mkdir()
    mounted = f'mount -t tmpfs -o size=6m none {root} && exec {sys.executable} -c "$0"'
    done_ = subprocess.run(["unshare", "-m", "sh", "-c", mounted, script], capture_output=True, text=True, check=False)
    if "unshare" in done_.stderr or "mount" in done_.stderr:
        pytest.skip("no file system may be mounted here")
    assert done_.stdout.split() == ["DiskFullError", "True"], done_.stderr


def test_a_cache_that_may_not_be_written_says_so(hub, root, queue, big):
    root.parent.mkdir(exist_ok=True)
    root.write_text("a file where the folder should be")
    assert failure(queue, "acme/Big-4bit").kind in ("FolderError", "DownloadError")
