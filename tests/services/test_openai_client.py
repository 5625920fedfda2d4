"""Certificates, proxies and redirects, over real sockets: key and prompt reach the server that was named, or nobody."""

from __future__ import annotations

import json
import socket
import ssl
import threading

import pytest
import trustme

from tests.servers.proxy import Proxy
from tests.servers.scripted import DONE, ScriptedServer, delta, reply, stream, text
from tests.services.contract import ask
from tests.services.contract import text as text_of
from workbench.errors import WorkbenchError
from workbench.events import Failed, Finished
from workbench.services.remote import RemoteChatService

KEY = "sk-proj-open-sesame-4711"
ANSWER = stream(text("Hi"), delta(finish="stop"), DONE)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def secured(*names):
    """The TLS of a server with those names, and the authority that nobody else knows."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context, authority


def last(url, **service):
    remote = RemoteChatService(url, key=KEY, name="box", retries=0, **service)
    events = list(remote.stream(ask("box:m")))
    remote.close()
    return events[-1]


# Certificates


def test_a_certificate_nobody_vouches_for_is_refused_until_the_environment_names_it(monkeypatch, tmp_path):
    context, authority = secured("127.0.0.1")
    with ScriptedServer([ANSWER], tls=context) as server:
        error = last(server.url).error
        assert error.kind == "ConnectionFailedError"
        assert error.message.startswith(f"The certificate of 127.0.0.1:{server.port} is not trusted: ")
        assert "SSL_CERT_FILE" in error.next_step
        assert server.requests == []

        file = tmp_path / "authority.pem"
        authority.cert_pem.write_to_path(str(file))
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert isinstance(last(server.url), Finished)


def test_a_certificate_of_another_name_is_refused(monkeypatch, tmp_path):
    context, authority = secured("other.example")
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with ScriptedServer([ANSWER], tls=context) as server:
        error = last(server.url).error
    assert "mismatch" in error.message
    assert "Check the address" in error.next_step


def test_certificates_that_cannot_be_read_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    error = last("https://127.0.0.1:1/v1").error
    assert error.kind == "ConnectionFailedError"
    assert "SSL_CERT_FILE" in error.message


def test_a_server_without_tls_is_told_from_a_bad_certificate():
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve():
            connection, _ = plain.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=serve).start()
        error = last(f"https://127.0.0.1:{plain.getsockname()[1]}/v1").error
    assert "does not speak TLS" in error.message
    assert "http://" in error.next_step


# Proxies


def test_a_proxy_carries_plain_requests(monkeypatch):
    with Proxy() as proxy, ScriptedServer([ANSWER]) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert isinstance(last(f"http://model.example:{server.port}/v1"), Finished)
        assert proxy.asked[0][0].startswith(f"POST http://model.example:{server.port}/v1/chat/completions")
        assert server.requests[0]["headers"]["authorization"] == f"Bearer {KEY}"


def test_a_proxy_carries_tls_unseen(monkeypatch, tmp_path):
    context, authority = secured("model.example")
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with Proxy() as proxy, ScriptedServer([ANSWER], tls=context) as server:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert isinstance(last(f"https://model.example:{server.port}/v1"), Finished)
        assert proxy.asked[0][0].startswith(f"CONNECT model.example:{server.port}")
        assert KEY not in str(proxy.asked)


def test_no_proxy_is_honoured(monkeypatch):
    with Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "model.invalid")
        assert "model.invalid does not resolve" in last("http://model.invalid/v1").error.message
        assert proxy.asked == []


def test_servers_of_this_machine_need_no_proxy(monkeypatch):
    with Proxy() as proxy, ScriptedServer([ANSWER]) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert isinstance(last(server.url), Finished)
        assert proxy.asked == []


def test_a_proxy_that_wants_a_password(monkeypatch):
    with Proxy(password="open-barley") as proxy, ScriptedServer([ANSWER]) as server:
        url = f"https://model.example:{server.port}/v1"
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:wrong-barley@"))
        error = last(url).error
        assert error.kind == "ConnectionFailedError"
        assert "407" in error.message
        assert "HTTPS_PROXY" in error.next_step
        assert "barley" not in str(error)


def test_a_proxy_that_is_away_is_named(monkeypatch):
    with Proxy() as proxy:
        address = proxy.url
    monkeypatch.setenv("HTTP_PROXY", address)
    error = last("http://model.example/v1").error
    assert error.message == f"Nothing listens at the address of the proxy, {address.removeprefix('http://')}."
    assert "HTTP_PROXY" in error.next_step


def test_a_proxy_that_is_no_address(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "ftp://user:barley@nowhere")
    error = last("http://model.example/v1").error
    assert error.kind == "ConnectionFailedError"
    assert "barley" not in str(error)


# Redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_to_another_server_is_not_followed(status):
    with ScriptedServer([ANSWER]) as other:
        away = reply("", status=status, headers=f"Location: {other.url}/chat/completions\r\n")
        with ScriptedServer([away]) as server:
            error = last(server.url).error
            with pytest.raises(WorkbenchError):
                RemoteChatService(server.url, key=KEY).models()
        assert other.requests == []
        assert error.kind == "BadResponseError"
        assert f"sends the request on to http://127.0.0.1:{other.port}" in error.message
        assert "connect to its address" in error.next_step


def test_a_redirect_on_the_same_server_is_followed():
    there = reply("", status="308 Permanent Redirect", headers="Location: /api/v1/chat/completions\r\n")
    with ScriptedServer([there], [ANSWER]) as server:
        assert isinstance(last(server.url), Finished)
        assert [r["path"] for r in server.requests] == ["/v1/chat/completions", "/api/v1/chat/completions"]
        assert server.requests[1]["headers"]["authorization"] == f"Bearer {KEY}"


def test_a_redirect_in_circles_ends():
    with ScriptedServer([reply("", status="307 X", headers="Location: /v1/chat/completions\r\n")]) as server:
        assert "in circles" in last(server.url).error.message


# What is sent, and what is not


def test_what_the_environment_holds_for_openai_goes_nowhere_else(monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-mine")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-mine")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: gateway-mine")
    with ScriptedServer([ANSWER]) as server:
        assert isinstance(last(server.url), Finished)
        assert "mine" not in json.dumps(server.requests[0]["headers"])


def test_a_key_may_come_when_it_is_needed():
    keys = ["sk-first", "sk-second"]
    with ScriptedServer([ANSWER]) as server:
        remote = RemoteChatService(server.url, key=lambda: keys.pop(0), name="box")
        assert len(keys) == 2
        for _ in range(2):
            assert text_of(remote.stream(ask("box:m"))) == "Hi"
        assert [r["headers"]["authorization"] for r in server.requests] == ["Bearer sk-first", "Bearer sk-second"]


@pytest.mark.parametrize(
    "said",
    [
        f"bad key {KEY}",
        "bad key sk-proj-********4711",
        f"bad key {KEY[:14]}...",
        f"bad key ...{KEY[-12:]} of yours",
        "x" * 1960 + f"bad key {KEY}",
        f"bad key {KEY.replace('-', '%2D')}",
    ],
)
@pytest.mark.parametrize("kind", ["json", "text", "stream"])
def test_no_error_holds_anything_of_a_key(said, kind):
    body = said if kind == "text" else json.dumps({"error": {"message": said}})
    parts = [stream(f"data: {body}")] if kind == "stream" else [reply(body, status="400 Bad Request")]
    with ScriptedServer(parts) as server:
        end = last(server.url)
    assert isinstance(end, Failed)
    shown = repr(end)
    assert not [KEY[i : i + 8] for i in range(len(KEY) - 7) if KEY[i : i + 8] in shown]
    assert "4711" not in shown or "*" not in said
    assert "bad key" in shown


@pytest.mark.parametrize("key", ["ollama", "not-needed", "none"])
def test_a_word_in_place_of_a_key_is_no_secret(key):
    with ScriptedServer([reply('{"error": "ollama is not-needed, none"}', status="400 Bad Request")]) as server:
        (end,) = RemoteChatService(server.url, key=key, name="box").stream(ask("box:m"))
    assert "ollama is not-needed, none" in end.error.message


@pytest.mark.parametrize("header", ["x-request-id", "request-id"])
def test_the_server_s_name_for_a_request_is_in_the_details(header):
    refusal = reply('{"error": "no"}', status="400 Bad Request", headers=f"{header}: req-42\r\n")
    with ScriptedServer([refusal]) as server:
        assert last(server.url).error.details.endswith("Request id: req-42")
        with pytest.raises(WorkbenchError) as raised:
            RemoteChatService(server.url).models()
        assert raised.value.details.endswith("Request id: req-42")
    broken = ANSWER.replace(b"\r\n\r\n", f"\r\n{header}: req-43\r\n\r\n".encode(), 1)[: -len("0\r\n\r\n") - 40]
    with ScriptedServer([broken]) as server:
        assert last(server.url).error.details == "Request id: req-43"
