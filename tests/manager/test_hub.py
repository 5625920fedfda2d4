"""The hub client against a hub on loopback, and what it makes of everything that goes wrong there."""

from __future__ import annotations

import errno
import inspect
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub import errors as theirs
from huggingface_hub.utils import hf_raise_for_status

from tests.servers.hub import GOOD_TOKEN, Hub, HubServer, Repo, mlx_repo
from workbench.errors import (
    GatedModelError,
    HubError,
    ModelNotFoundError,
    OfflineError,
    UsageError,
    WorkbenchError,
)
from workbench.manager import hub

QWEN = "mlx-community/Qwen3-4B-4bit"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub(
        [
            mlx_repo(QWEN, downloads=500, likes=7, trendingScore=3),
            mlx_repo("mlx-community/Llama-3.2-3B-Instruct-4bit", downloads=900),
            mlx_repo("acme/Gated-1B", gated="manual", allowed=[GOOD_TOKEN]),
            mlx_repo("acme/Private-1B", private=True, allowed=[GOOD_TOKEN]),
            *(mlx_repo(f"many/Model-{n}", weights=64, downloads=100 - n) for n in range(25)),
        ]
    )
    with HubServer(served) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield served


def test_info_names_commit_files_hashes_and_config(here: Hub) -> None:
    found = hub.info(QWEN)
    assert found.sha == here.repos[QWEN].main
    assert found.model.id == QWEN
    assert found.model.downloads == 500
    by_path = {file.path: file for file in found.files}
    served = here.repos[QWEN].commits[found.sha]
    assert {path: file.size for path, file in by_path.items()} == {path: file.size for path, file in served.items()}
    assert by_path["model.safetensors"].sha256 == served["model.safetensors"].sha256
    assert by_path["config.json"].sha256 is None
    assert by_path["config.json"].blob_id == served["config.json"].blob_id
    assert found.config is not None
    assert found.config["num_hidden_layers"] == 2
    assert found.model.context_length == 8192, "of its config.json; the listing does not say"
    assert found.size == sum(file.size for file in served.values())


def test_info_at_an_old_revision(here: Hub) -> None:
    old = here.repos[QWEN].main
    here.update(QWEN, {"added.txt": b"x"})
    assert "added.txt" in {file.path for file in hub.info(QWEN).files}
    assert "added.txt" not in {file.path for file in hub.info(QWEN, old).files}


def test_card_is_without_front_matter(here: Hub) -> None:
    assert hub.card(QWEN) == f"# {QWEN}\n\nA model of the tests."


def test_card_of_a_repo_without_one_is_empty(here: Hub) -> None:
    here.add(Repo("acme/Bare", {"config.json": b"{}"}))
    assert hub.card("acme/Bare") == ""


def test_list_models_pages_sorts_and_filters(here: Hub) -> None:
    pages = list(hub.list_models(author="many", sort="downloads", limit=10))
    assert [len(page.models) for page in pages] == [10, 10, 5]
    assert [m.id for page in pages for m in page.models] == [f"many/Model-{n}" for n in range(25)]
    assert pages[-1].next is None
    again = next(hub.list_models(start=pages[0].next))
    assert again.models == pages[1].models


def test_list_models_asks_only_for_the_pages_that_are_read(here: Hub) -> None:
    next(hub.list_models(author="many", limit=5))
    assert len([entry for entry in here.log if entry["path"].startswith("/api/models?")]) == 1


def test_a_misspelt_repo_names_the_nearest(here: Hub) -> None:
    with pytest.raises(ModelNotFoundError, match="without a token") as caught:
        hub.info("mlx-community/Lama-3.2-3B-Instruct-4bit")
    assert "mlx-community/Llama-3.2-3B-Instruct-4bit" in caught.value.next_step


def test_near_names_need_no_listing_of_the_hub(here: Hub) -> None:
    here.faults = [{"path": "/api/models.(author|search)", "kind": "status", "status": 500, "times": -1}]
    with pytest.raises(ModelNotFoundError) as caught:
        hub.info("mlx-community/DeepSeek-R1-Distil-Qwen-1.5B-4bit")
    assert "mlx-community/DeepSeek-R1-Distill-Qwen-1.5B-4bit" in caught.value.next_step


def test_a_misspelt_repo_with_a_token(here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    with pytest.raises(ModelNotFoundError, match="your token may see"):
        hub.info("mlx-community/Nothing-Like-It")


def test_private_needs_a_token(here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelNotFoundError, match="private or gated"):
        hub.info("acme/Private-1B")
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    assert hub.info("acme/Private-1B").model.id == "acme/Private-1B"


def test_gated(here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.info("acme/Gated-1B").config is None
    with pytest.raises(GatedModelError, match="terms must be accepted") as caught:
        hub.card("acme/Gated-1B")
    assert "https://huggingface.co/acme/Gated-1B" in caught.value.next_step
    assert "hf auth login" in caught.value.next_step
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(GatedModelError, match="your account has no access"):
        hub.card("acme/Gated-1B")
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    assert hub.card("acme/Gated-1B").startswith("# acme")


def test_wrong_token(here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(GatedModelError, match="did not accept your token") as caught:
        hub.info(QWEN)
    assert "hf_wrong" not in str(caught.value) + caught.value.details


def test_wrong_revision(here: Hub) -> None:
    with pytest.raises(ModelNotFoundError, match="no such revision") as caught:
        hub.info(QWEN, "v9")
    assert "Did you mean" not in caught.value.next_step


@pytest.mark.parametrize(
    ("headers", "wait"), [({"Retry-After": "30"}, 30.0), ({"RateLimit": '"api";r=0;t=55'}, 55.0), ({}, None)]
)
def test_too_many_requests_say_how_long_to_wait(here: Hub, headers: dict[str, str], wait: float | None) -> None:
    here.faults = [{"path": "/api/", "kind": "status", "status": 429, "headers": headers}]
    with pytest.raises(HubError, match="Too many requests") as caught:
        hub.info(QWEN)
    assert caught.value.wait == wait
    assert caught.value.retryable
    assert (f"{wait:.0f} s" in caught.value.message) if wait else True


@pytest.mark.parametrize("body", [b"<html>", "text", ["a list"], b"", b"\xff\xfe"])
@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_hub(here: Hub, status: int, body: object) -> None:
    here.faults = [{"path": "/api/", "kind": "status", "status": status, "body": body}]
    with pytest.raises(HubError, match=f"failed .status {status}") as caught:
        hub.info(QWEN)
    assert caught.value.retryable


def test_a_login_page_instead_of_the_hub(here: Hub) -> None:
    here.faults = [{"path": "/api/", "kind": "status", "status": 200, "body": b"<!doctype html>Please log in"}]
    with pytest.raises(OfflineError, match="Something else answered in the hub's place") as caught:
        hub.info(QWEN)
    assert "login page" in caught.value.next_step


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_proxy_that_refuses_in_the_hubs_place_is_not_taken_for_the_hub(here: Hub, status: int) -> None:
    refusal = {"kind": "status", "status": status, "body": b"", "headers": {"Content-Type": "text/html"}}
    here.faults = [{"path": "/api/", **refusal, "times": 2}]
    with pytest.raises(OfflineError, match=f"in the hub's place .status {status}"):
        hub.info(QWEN)
    with pytest.raises(OfflineError, match="in the hub's place"):
        next(hub.list_models(search="qwen"))
    assert hub.info(QWEN).model.id == QWEN


def test_the_newest_commit_alone(here: Hub) -> None:
    sha = here.update(QWEN, {"added.txt": b"x"})
    assert hub.newest(QWEN) == sha
    asked = len(here.log)
    with pytest.raises(ModelNotFoundError):
        hub.newest("mlx-community/Qwen3-4B-4bti")
    assert len(here.log) == asked + 1


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{reserved.getsockname()[1]}")
        with pytest.raises(OfflineError, match="cannot be reached"):
            hub.info(QWEN)


def test_name_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    with pytest.raises(OfflineError):
        hub.info(QWEN)


@pytest.mark.parametrize("behaviour", ["reset", "silence"])
def test_a_connection_that_breaks_or_stays_silent(monkeypatch: pytest.MonkeyPatch, behaviour: str) -> None:
    monkeypatch.setattr(hub, "TIMEOUT", 0.3)
    release = threading.Event()

    def serve(listener: socket.socket) -> None:
        for _ in range(3):  # the request, and those that look for near names
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.recv(65536)
            if behaviour == "silence":
                release.wait(20)
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
        began = time.monotonic()
        expected = "broke off" if behaviour == "reset" else "in time"
        with pytest.raises(OfflineError, match=expected):
            hub.info(QWEN)
        assert time.monotonic() - began < 10
        release.set()


def test_offline_by_choice_is_read_at_the_call(here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError, match="HF_HUB_OFFLINE is set"):
        hub.info(QWEN)
    assert here.log == []


def test_offline_by_choice_before_the_start(here: Hub) -> None:
    """The client reads the variable at import too, and then raises an exception of its own."""
    code = (
        "import huggingface_hub.constants, os; os.environ.pop('HF_HUB_OFFLINE')\n"
        "from workbench.manager import hub\n"
        f"try: hub.info({QWEN!r})\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "OfflineError"


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "C:/x", "a\\..\\x", "a//b", "./x", "..", "", "a\0b", "a\nb"]
)
def test_a_listing_that_leads_out_is_refused(here: Hub, path: str) -> None:
    here.add(Repo("evil/Repo", {"config.json": b"{}", path: b"x"}))
    with pytest.raises(HubError, match="outside its folder") as caught:
        hub.info("evil/Repo")
    assert not caught.value.retryable


@pytest.mark.parametrize("name", ["", "a b/c", "../x", "a/b/c", "a/..", "https://huggingface.co/a/b", "a/b?x=1"])
def test_what_is_no_id(here: Hub, name: str) -> None:
    with pytest.raises(UsageError):
        hub.info(name)
    assert here.log == []


def foreign() -> list[type[Exception]]:
    """Every exception class of the hub's client and of its HTTP library."""
    found = [
        value
        for module in (theirs, httpx2)
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Exception) and not issubclass(value, Warning)
    ]
    network = [ConnectionResetError, ConnectionRefusedError, BrokenPipeError, TimeoutError, socket.gaierror]
    return sorted({*found, *network}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", foreign(), ids=lambda kind: kind.__name__)
def test_no_foreign_exception_escapes(kind: type[Exception]) -> None:
    class Raised(kind):  # type: ignore[misc,valid-type]
        """Made without the constructor's arguments, which differ."""

        def __init__(self) -> None:
            Exception.__init__(self, "said so")

    Raised.__module__ = kind.__module__
    with pytest.raises(WorkbenchError) as caught, hub.errors():
        raise Raised
    assert caught.value.message


def test_a_slip_inside_the_client_is_an_error_of_the_hub() -> None:
    response = httpx2.Response(500, json=["no object"], request=httpx2.Request("GET", "http://x/api/models/a/b"))
    with pytest.raises(HubError), hub.errors():
        hf_raise_for_status(response)


def test_a_slip_of_our_own_passes() -> None:
    with pytest.raises(AttributeError), hub.errors():
        object().nothing  # type: ignore[attr-defined]  # noqa: B018


def test_errors_of_the_disk_pass() -> None:
    with pytest.raises(OSError, match="full") as caught, hub.errors():
        raise OSError(errno.ENOSPC, "full")
    assert caught.value.errno == errno.ENOSPC
