from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.servers.hub import Hub, HubServer, builtin_repo, gguf_repo, mlx_repo
from workbench import builtin, commands
from workbench.errors import FolderError, ModelFilesError, ModelNotFoundError, StateError, WorkbenchError
from workbench.manager import inventory, updates
from workbench.sessions import downloads
from workbench.sessions.library import Library, default, library

REPO = "acme/Tiny-1B"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "Downloads").mkdir()
    return tmp_path


@pytest.fixture
def hub(monkeypatch):
    with HubServer(Hub([builtin_repo(REPO), mlx_repo("acme/Other-4bit")])) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server.hub


@pytest.fixture
def lib(services):
    return Library(services=services)


def row(lib, model):
    return next(row for row in lib.rows if row["id"] == model)


def gguf(path):
    return Path(shutil.copyfile(builtin.path("gguf"), path))


def within(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


class Screen:
    """What a front end would have after the operations it was told."""

    def __init__(self, lib):
        with lib.lock:
            self.view = lib.view()
            lib.observe(self.hear)
        self.rows = {row["id"]: row for row in self.view.pop("rows")}

    def hear(self, op):
        match op:
            case ["state", fields]:
                self.view |= fields
            case ["row", row]:
                self.rows[row["id"]] = row
            case ["drop", model]:
                self.rows.pop(model)

    def agrees(self, lib):
        with lib.lock:
            now = lib.view() | {"disk": self.view["disk"]}  # others write to the disk too
            return {r["id"]: r for r in now.pop("rows")} == self.rows and now == self.view


def test_it_lists_what_is_here_with_its_sums(lib, home):
    path = gguf(home / "Downloads/mine.gguf")
    found = row(lib, str(path))
    assert (found["source"], found["format"], found["size"]) == ("Downloads folder", "gguf", path.stat().st_size)
    assert (found["runs"], found["last_used"], found["verified"]["state"]) == (0, None, "never")
    view = lib.view()
    assert {s["name"]: s["models"] for s in view["sources"]} == {"built in": 1, "Downloads folder": 1}
    assert view["total"] == sum(s["bytes"] for s in view["sources"]) == lib.size
    assert view["disk"]["total"] > view["disk"]["free"] > 0
    assert lib.to_frame().set_index("id").loc[str(path), "size"] == path.stat().st_size


def test_the_same_bytes_twice_are_told_of_in_both_rows(lib, home):
    first = gguf(home / "Downloads/mine.gguf")
    place = home / ".lmstudio/models/me/mine"
    place.mkdir(parents=True)
    second = gguf(place / "mine.gguf")
    assert row(lib, str(first))["also_in"] == ["LM Studio"]
    assert row(lib, str(second))["also_in"] == ["Downloads folder"]
    assert lib.view()["twice"] == first.stat().st_size


def test_verify_reports_in_the_row(lib, home):
    path = gguf(home / "Downloads/mine.gguf")
    screen = Screen(lib.read())
    done = lib.verify([str(path)]).result(60)
    assert done[str(path)].state == "ok"
    assert screen.rows[str(path)]["verified"]["state"] == "ok"
    assert screen.view["jobs"] == []
    assert screen.agrees(lib)
    with pytest.raises(ModelNotFoundError, match="no model"):
        lib.verify("acme/nobody")


def test_a_flipped_byte_is_found_and_only_that_file_is_fetched_again(lib, hub):
    downloads.default().start(REPO).result(60)
    blob = Path(os.path.realpath(Path(inventory.find(REPO).path) / "model.safetensors"))
    good = blob.read_bytes()
    blob.write_bytes(good[:5_000_000] + bytes([good[5_000_000] ^ 1]) + good[5_000_001:])
    lib.verify(REPO).result(60)
    assert row(lib, REPO)["verified"]["message"] == "1 file differs: model.safetensors."
    hub.log.clear()
    lib.update(REPO).result(60)
    assert blob.read_bytes() == good
    assert row(lib, REPO)["verified"]["state"] == "ok"
    assert sum(entry["sent"] for entry in hub.log if "cdn" in entry["path"]) == len(good)
    assert [path.name for path in blob.parent.iterdir() if path.suffix] == []


def test_a_repair_that_fails_keeps_the_damaged_file(lib, hub):
    downloads.default().start(REPO).result(60)
    blob = Path(os.path.realpath(Path(inventory.find(REPO).path) / "model.safetensors"))
    damaged = blob.read_bytes()[:-1] + b"\1"
    blob.write_bytes(damaged)
    lib.verify(REPO).result(60)
    hub.faults.append({"path": "/(resolve|cdn)/", "kind": "status", "status": 403, "times": -1})
    with pytest.raises(WorkbenchError):
        lib.repair(REPO).result(60)
    assert blob.read_bytes() == damaged
    assert lib.jobs[-1].status == "failed"


def test_a_newer_revision_is_seen_fetched_and_offline_is_said(lib, hub, monkeypatch):
    downloads.default().start(REPO).result(60)
    assert lib.updates().current == (REPO,)
    assert row(lib, REPO)["update"] is False
    new = hub.update(REPO, {"README.md": b"# newer"})
    assert lib.updates().newer == (REPO,)
    assert row(lib, REPO)["update"] is True
    lib.update(REPO).result(60)
    assert inventory.find(REPO).revision == new
    assert row(lib, REPO)["update"] is False
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = lib.updates()
    assert found.error.kind == "OfflineError"
    assert found.unknown == (REPO,)
    assert lib.view()["notice"]["kind"] == "OfflineError"
    assert updates.known()[REPO].sha == new, "what was heard before is kept"


def test_a_finished_download_appears_by_itself(lib, hub):
    screen = Screen(lib.read())
    downloads.default().start("acme/Other-4bit").result(60)
    within(10, lambda: "acme/Other-4bit" in screen.rows and screen.agrees(lib))


def test_a_delete_is_planned_shown_and_done_and_other_libraries_see_it(lib, services, home):
    path = gguf(home / "Downloads/mine.gguf")
    second = Library(services=services)
    screen, other = Screen(lib.read()), Screen(second.read())
    plan = lib.plan_delete([str(path), "builtin"])
    assert path.exists()
    assert screen.view["plan"]["frees"] == plan.frees >= path.stat().st_size
    assert screen.view["plan"]["refused"][0]["id"] == "builtin"
    lib.drop_plan()
    assert screen.view["plan"] is None
    lib.plan_delete(str(path))
    assert lib.execute() == plan.frees
    assert not path.exists()
    assert str(path) not in screen.rows
    within(10, lambda: str(path) not in other.rows)
    with pytest.raises(StateError, match="no plan"):
        lib.execute()


def test_what_is_loaded_is_marked_and_refused(lib, services, home):
    path = str(gguf(home / "Downloads/mine.gguf"))
    for _ in services.local.load(path):
        pass
    assert row(lib.read(), path)["status"] == "loaded"
    assert "is loaded" in lib.plan_delete(path).refused[0].why
    services.local.unload(path)
    assert row(lib.read(), path)["status"] == "ready"
    assert lib.plan_delete(path).refused == ()


def test_deleting_the_current_model_makes_the_shipped_one_current(lib, services, home):
    path = str(gguf(home / "Downloads/mine.gguf"))
    lib.use(path)
    assert row(lib, path)["current"]
    assert services.current == path
    lib.plan_delete(path)
    lib.execute()
    assert services.current == "builtin"
    assert row(lib, "builtin")["current"]


def test_an_import_is_a_job_and_then_a_row(lib, home):
    source = gguf(home / "mine.gguf")
    screen = Screen(lib.read())
    model = lib.import_model(str(source), "copy").result(60)
    assert screen.rows[model]["source"] == "Workbench"
    assert screen.view["jobs"][0]["status"] == "done"
    assert screen.view["jobs"][0]["message"] == "mine is in the library."
    (home / "page.gguf").write_bytes(b"<html>")
    with pytest.raises(ModelFilesError, match="web page"):
        lib.import_model(str(home / "page.gguf"))
    assert lib.read().jobs == ()


@pytest.mark.slow
def test_a_quantized_copy_appears_answers_and_says_what_it_saves(lib, services):
    job = lib.quantize("builtin", bits=4)
    made = job.result(120)
    assert row(lib, made.path)["quantization"] == "4bit"
    assert job.message == "15.5 MB became 2.4 MB: 13.0 MB less."
    from workbench.sessions.chat import Chat

    with_it = Chat(made.path, services=services)
    assert with_it.send("Hello").result(60)
    with_it.close()
    services.local.unload()
    with pytest.raises(ModelFilesError, match="quantized already"):
        lib.quantize(made.path)
    with pytest.raises(FolderError, match="There is a model builtin-4bit already"):
        lib.quantize("builtin")


def test_commands_do_what_the_methods_do_and_never_raise(lib, home):
    path = str(gguf(home / "Downloads/mine.gguf"))
    screen = Screen(lib.read())

    def ask(command):
        return lib.perform(command)

    data = ask(commands.LookInto(id=1, path=str(home / "Downloads"))).data
    assert data["files"] == [{"name": "mine.gguf", "path": path, "size": os.path.getsize(path)}]
    assert ask(commands.LookInto(id=2, path=str(home / "gone"))).error.kind == "FolderError"
    assert ask(commands.PlanDelete(id=3, models=["nobody"])).error.kind == "ModelNotFoundError"
    assert ask(commands.ExecutePlan(id=4, plan="old")).error.kind == "StateError"
    assert ask(commands.StopJob(id=5, job="gone")).ok
    assert ask(commands.VerifyModels(id=6, models=[path])).ok
    within(20, lambda: screen.rows[path]["verified"]["state"] == "ok")
    (home / "more").mkdir()
    assert ask(commands.AddFolder(id=7, path=str(home / "more"))).ok
    within(10, lambda: screen.view["folders"] == [str(home / "more")])
    assert ask(commands.AddFolder(id=8, path=str(home / "gone"))).ok is False
    assert ask(commands.ChatWith(id=9, model=path)).ok
    assert screen.rows[path]["current"]
    assert ask(commands.PlanDelete(id=10, models=[path])).ok
    assert ask(commands.ExecutePlan(id=11, plan=screen.view["plan"]["id"])).ok
    within(10, lambda: path not in screen.rows)


def test_reading_the_folders_without_a_network_is_quiet(lib, home, hub, monkeypatch):
    downloads.default().start(REPO).result(60)
    heard = []
    check = updates.check
    monkeypatch.setattr(updates, "check", lambda *a, **k: heard.append(check(*a, **k)))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    screen = Screen(lib)
    assert lib.perform(commands.ReadLibrary(id=1)).ok
    within(20, lambda: not any(thread.name == f"library-{lib.id}" for thread in threading.enumerate()))
    assert REPO in screen.rows
    assert heard[0].error.kind == "OfflineError"
    assert screen.view["notice"] is None


def test_folders_that_cannot_be_read_are_said_once_and_hide_no_other(home):
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may read everything")
    gguf(home / "Downloads/mine.gguf")
    for name in ("a", "b", "c"):
        (home / "Downloads" / name).mkdir(mode=0)
    powers = "-dac_override,-dac_read_search"
    without = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"] if os.getuid() == 0 else []
    code = (
        "import json, workbench as wb\nlib = wb.library()\nrows = [row['name'] for row in lib.rows]\n"
        "print(json.dumps([rows, {s['name']: s['note'] for s in lib.view()['sources']}]))"
    )
    done = subprocess.run([*without, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rows, notes = json.loads(done.stdout)
    assert "mine.gguf" in rows
    assert notes["built in"] == ""
    assert f"{home / 'Downloads' / 'a'} cannot be read: permission denied" in notes["Downloads folder"]
    assert notes["Downloads folder"].endswith("So it is with 2 more.")


def test_a_job_can_be_stopped(lib, home, monkeypatch):
    path = str(gguf(home / "Downloads/mine.gguf"))
    lib.read()
    held = threading.Lock()
    monkeypatch.setattr(lib, "_one_at_a_time", held)
    with held:  # another verification is going on
        (job,) = lib.verify(path)
        assert row(lib, path)["verified"]["state"] == "running"
        assert lib.perform(commands.StopJob(id=1, job=job.id)).ok
    with pytest.raises(StateError, match="stopped"):
        job.result(20)
    assert job.status == "cancelled"
    assert row(lib, path)["verified"]["state"] == "never"


def test_the_first_view_does_not_wait_for_the_folders(lib, home):
    path = str(gguf(home / "Downloads/mine.gguf"))
    screen = Screen(lib)
    assert screen.view["reading"] or screen.view["read_at"] is None
    within(10, lambda: path in screen.rows and not screen.view["reading"])


def test_text_and_html_stand_in_for_the_widget(lib, home):
    gguf(home / "Downloads/<b>bold.gguf")
    text, page = repr(lib), lib.html()
    assert "2 models" in text
    assert "Downloads folder" in text
    assert "&lt;b&gt;bold.gguf" in page
    assert "<b>bold" not in page
    widths = [float(part.split("%")[0]) for part in page.split("width:")[1:] if "%" in part.split('"')[0]]
    assert sum(widths) == pytest.approx(100, abs=0.1)
    assert "0x" not in text


def test_a_model_that_is_only_half_here_looks_so(lib, home, hub):
    hub.add(gguf_repo("acme/Big-GGUF", ("Q4_K_M",), weights=8_000_000))
    hub.bps = 400_000
    started = downloads.default().start("acme/Big-GGUF:Q4_K_M")
    within(30, lambda: started.progress.done > 0)
    within(10, lambda: any(r["status"] == "downloading" for r in lib.read().rows))
    (half,) = [r for r in lib.rows if r["status"] == "downloading"]
    assert "being downloaded" in lib.plan_delete(half["id"]).refused[0].why
    started.cancel()
    within(10, lambda: row(lib.read(), half["id"])["status"] == "failed")


def test_there_is_one_library_in_a_process():
    assert library() is library() is default()
