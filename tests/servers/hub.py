"""A model hub on loopback: what the Hugging Face client asks for, served from memory or from files, with faults.

    GET  /api/models                              search, author, filter, pipeline_tag, num_parameters, gated, sort,
                                                  limit, expand; `Link: rel="next"` leads to the next page
    GET  /api/models/REPO[/revision/REV]          blobs=1 adds sizes and hashes, expand picks fields
    GET  /api/models/REPO/tree/REV[/FOLDER]       recursive=1
    POST /api/models/REPO/paths-info/REV
    GET  /api/models/REPO/refs, /api/models/REPO/auth-check, /api/whoami-v2
    GET  /REPO/resolve/REV/FILE                   ETag, X-Repo-Commit, Range; large files redirect to /cdn
    GET  /cdn/SHA256                              another host name, as on the real hub: the token must not follow

In a test:

    with HubServer(Hub([mlx_repo("acme/Tiny-1B-4bit")])) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)

`Hub.faults` plays failures, `Hub.bps` limits each connection, `Hub.log` tells what was asked and how many bytes went
out. For a kernel or a benchmark: ``python hub.py --demo`` prints its address and serves until killed; then
``POST /_faults``, ``POST /_bps``, ``POST /_update`` and ``GET /_log`` do the same over the wire.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

LFS_FROM = 256 * 1024
"""Files of at least so many bytes, and all weights, are stored as large files: known by SHA-256, served by the CDN."""
WEIGHTS = (".safetensors", ".gguf", ".onnx", ".bin", ".pt")
PIECE = 1 << 20
GOOD_TOKEN = "hf_good"


@dataclass
class File:
    """One file of a repository; its content is bytes, or a path to read it from."""

    path: str
    content: bytes | Path

    @cached_property
    def size(self) -> int:
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)

    @cached_property
    def large(self) -> bool:
        return self.path.endswith(WEIGHTS) or self.size >= LFS_FROM

    @cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for piece in self.pieces(0, self.size):
            digest.update(piece)
        return digest.hexdigest()

    @cached_property
    def blob_id(self) -> str:
        """What git calls it: the hash of a large file's pointer, or of the file itself."""
        body = b"".join(self.pieces(0, self.size)) if not self.large else self.pointer
        return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()

    @property
    def pointer(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @property
    def etag(self) -> str:
        return self.sha256 if self.large else self.blob_id

    def pieces(self, start: int, stop: int, step: int = PIECE) -> Iterator[bytes | memoryview]:
        """The bytes from `start` up to `stop`."""
        if isinstance(self.content, bytes):
            view = memoryview(self.content)
            for at in range(start, stop, step):
                yield view[at : min(at + step, stop)]
            return
        with self.content.open("rb") as opened:
            opened.seek(start)
            for at in range(start, stop, step):
                yield opened.read(min(step, stop - at))

    def entry(self) -> dict[str, Any]:
        """As the tree listing shows it."""
        entry: dict[str, Any] = {"type": "file", "oid": self.blob_id, "size": self.size, "path": self.path}
        if self.large:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(self.pointer)}
        return entry


class Repo:
    """A repository: its files at each commit, and what its listing says."""

    def __init__(
        self,
        id: str,
        files: Mapping[str, bytes | Path],
        meta: Mapping[str, Any] | None = None,
        *,
        gated: bool | str = False,
        allowed: Iterable[str] = (),
        private: bool = False,
    ) -> None:
        self.id = id
        self.meta = dict(meta or {})
        self.gated = gated
        self.allowed = frozenset(allowed)
        self.private = private
        self.commits: dict[str, dict[str, File]] = {}
        self.main = ""
        self.commit(files)

    def commit(self, files: Mapping[str, bytes | Path]) -> str:
        """Make these files the newest revision; earlier commits are still served."""
        made = {path: File(path, content) for path, content in sorted(files.items())}
        digest = hashlib.sha1(f"{self.id}{len(self.commits)}".encode())
        for path, file in made.items():
            digest.update(f"{path}{file.etag}".encode())
        self.main = digest.hexdigest()
        self.commits[self.main] = made
        return self.main

    def revision(self, name: str) -> str | None:
        """The commit of ``main``, of a commit's hash, or none."""
        return self.main if name in ("main", "HEAD") else name if name in self.commits else None

    def may_read(self, token: str | None) -> bool:
        return token in self.allowed

    def listing(self, sha: str, asked: Mapping[str, list[str]], *, full: bool) -> dict[str, Any]:
        """The JSON of a listing or of the repository's own page."""
        files = self.commits[sha]
        siblings: list[dict[str, Any]] = []
        for path, file in files.items():
            sibling: dict[str, Any] = {"rfilename": path}
            if "blobs" in asked:
                sibling |= {"size": file.size, "blobId": file.blob_id}
                if file.large:
                    sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": len(file.pointer)}
            siblings.append(sibling)
        everything: dict[str, Any] = {
            "_id": hashlib.md5(self.id.encode()).hexdigest()[:24],
            "id": self.id,
            "modelId": self.id,
            "author": self.id.partition("/")[0],
            "sha": sha,
            "private": self.private,
            "disabled": False,
            "gated": self.gated,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "createdAt": "2026-01-01T00:00:00.000Z",
            "lastModified": "2026-11-01T00:00:00.000Z",
            **self.meta,
            "siblings": siblings,
            "usedStorage": sum(file.size for file in files.values()),
        }
        expand = set(asked.get("expand", []) + asked.get("expand[]", []))
        if expand:
            return {key: value for key, value in everything.items() if key in expand | {"_id", "id", "modelId"}}
        if not full:
            for key in ("siblings", "usedStorage", "sha", "config", "safetensors", "gguf", "cardData"):
                everything.pop(key, None)
        return everything


class Hub:
    """The repositories of a hub, the failures it plays and what it was asked."""

    def __init__(self, repos: Iterable[Repo] = (), tokens: Iterable[str] = (GOOD_TOKEN, "hf_other")) -> None:
        self.repos = {repo.id: repo for repo in repos}
        self.tokens = frozenset(tokens)
        self.faults: list[dict[str, Any]] = []
        """Each ``{"path": regex, "kind": ..., "times": 1, "method": any, ...}``; ``times`` -1 is for ever. Kinds:

        ``status`` (status, headers, body) answers that; ``drop`` (after: bytes of body) resets the connection;
        ``stall`` (after, seconds) stops sending for a while; ``corrupt`` (at: offset in the file) flips a byte;
        ``cut`` (after) closes the connection early without an error; ``no_range`` ignores the Range header.
        """
        self.bps = 0
        """Bytes per second a connection gets; 0: all it can take."""
        self.log: list[dict[str, Any]] = []
        """One entry a request: method, path, range, status, sent (bytes of body), auth (a token came), time."""
        self.lock = threading.Lock()

    def add(self, repo: Repo) -> Repo:
        with self.lock:
            self.repos[repo.id] = repo
        return repo

    def update(self, id: str, files: Mapping[str, bytes | Path | None]) -> str:
        """Commit a change: these files are new, ``None`` removes one. The commit's hash."""
        repo = self.repos[id]
        before = {path: file.content for path, file in repo.commits[repo.main].items()}
        with self.lock:
            return repo.commit({path: c for path, c in {**before, **files}.items() if c is not None})

    def sent(self, pattern: str = "") -> int:
        """Bytes of body sent for paths that match."""
        with self.lock:
            return sum(entry["sent"] for entry in self.log if re.search(pattern, entry["path"]))

    def large_file(self, sha256: str) -> File | None:
        commits = [files for repo in self.repos.values() for files in repo.commits.values()]
        return next((f for files in commits for f in files.values() if f.large and f.sha256 == sha256), None)

    def fault(self, method: str, path: str) -> dict[str, Any]:
        """The failure to play for this request, counted; empty for none."""
        with self.lock:
            for fault in self.faults:
                left = fault.get("times", 1)
                if left and fault.get("method", method) == method and re.search(fault["path"], path):
                    fault["times"] = left - 1 if left > 0 else left
                    return dict(fault)
        return {}


class HubServer:
    """Serves a hub on a free port of loopback, on threads of its own: ``with HubServer(hub) as server: server.url``."""

    def __init__(self, hub: Hub, port: int = 0) -> None:
        self.hub = hub
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.hub = hub
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    hub: Hub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    TAG_KEYS: ClassVar = ("library_name", "pipeline_tag")

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""

    def do_GET(self) -> None:
        try:
            self.route()
        except ConnectionError:
            self.close_connection = True

    do_HEAD = do_POST = do_DELETE = do_GET

    def route(self) -> None:
        url = urlsplit(self.path)
        path, asked = unquote(url.path), parse_qs(url.query, keep_blank_values=True)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.startswith("/_"):
            return self.control(path, body)
        self.fault = self.server.hub.fault(self.command, self.path)
        if self.fault.get("kind") == "status":
            refusal = self.fault.get("body", {"error": "injected"})
            return self.answer(refusal, self.fault["status"], self.fault.get("headers"))
        if path == "/api/models":
            return self.search(asked)
        if path == "/api/whoami-v2":
            known = self.token in self.server.hub.tokens
            return (
                self.answer({"type": "user", "name": "alice", "orgs": []}) if known else self.refuse(401, "", "Token")
            )
        if match := re.fullmatch(r"/cdn/([0-9a-f]{64})", path):
            file = self.server.hub.large_file(match[1])
            return self.serve(file, {"ETag": f'"{match[1]}"'}) if file else self.refuse(404, "NotFound", "Not found")
        if match := re.fullmatch(
            r"/api/models/((?:[^/]+/)?[^/]+?)(?:/(revision|tree|paths-info|refs|auth-check)(?:/(.*))?)?", path
        ):
            return self.api(match[1], match[2] or "", match[3] or "", asked, body)
        if match := re.fullmatch(r"/((?:[^/]+/)?[^/]+)/resolve/([^/]+)/(.+)", path):
            return self.resolve(*match.groups())
        return self.refuse(404, "NotFound", "Not found")

    # Who asks

    @property
    def token(self) -> str | None:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ").strip() or None

    def repo(self, id: str, *, content: bool) -> Repo | None:
        """The repository, if whoever asks may see it (for `content`: read its files); else answers why not."""
        found = self.server.hub.repos.get(id)
        if self.token is not None and self.token not in self.server.hub.tokens:
            self.refuse(401, "", "Invalid credentials in Authorization header")
        elif found is None or (found.private and not found.may_read(self.token)):
            self.refuse(404 if self.token else 401, "RepoNotFound", "Repository not found")
        elif content and found.gated and not found.may_read(self.token):
            said = f"Access to model {id} is restricted."
            self.refuse(403 if self.token else 401, "GatedRepo", f"{said} You must be granted access.")
        else:
            return found
        return None

    # What is asked

    def api(self, id: str, kind: str, rest: str, asked: dict[str, list[str]], body: bytes) -> None:
        repo = self.repo(id, content=kind == "auth-check")
        if repo is None:
            return
        revision, _, folder = rest.partition("/")
        sha = repo.revision(revision or "main")
        if kind == "auth-check":
            return self.answer({"ok": True})
        if kind == "refs":
            branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.main}
            return self.answer({"branches": [branch], "tags": [], "converts": []})
        if sha is None:
            return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        files = repo.commits[sha]
        if kind == "tree":
            inside = [f for p, f in files.items() if not folder or p.startswith(f"{folder}/")]
            return self.answer([file.entry() for file in inside])
        if kind == "paths-info":
            wanted = json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode()).get("paths", [])
            return self.answer([files[p].entry() for p in wanted if p in files])
        return self.answer(repo.listing(sha, asked, full=True))

    def search(self, asked: dict[str, list[str]]) -> None:
        first = {key: values[0] for key, values in asked.items()}
        found = [r for r in self.server.hub.repos.values() if not r.private or r.may_read(self.token)]
        for word in first.get("search", "").lower().split():
            found = [r for r in found if word in r.id.lower()]
        if "author" in first:
            found = [r for r in found if r.id.startswith(first["author"] + "/")]
        for tag in asked.get("filter", []) + asked.get("apps", []):
            found = [r for r in found if tag in [*r.meta.get("tags", []), *(r.meta.get(k) for k in self.TAG_KEYS)]]
        if "pipeline_tag" in first:
            found = [r for r in found if r.meta.get("pipeline_tag") == first["pipeline_tag"]]
        if "gated" in first:
            found = [r for r in found if bool(r.gated) == (first["gated"].lower() in ("true", "1"))]
        if "num_parameters" in first:
            bounds = dict(part.split(":") for part in first["num_parameters"].split(","))
            low, high = _count(bounds.get("min", "0")), _count(bounds.get("max", "1000T"))
            found = [r for r in found if low <= r.meta.get("safetensors", {}).get("total", 0) <= high]
        if "sort" in first:
            found.sort(key=lambda r: r.meta.get(first["sort"]) or 0, reverse=True)
        limit, at = int(first.get("limit", 1000)), int(first.get("cursor", 0))
        headers = {}
        if at + limit < len(found):
            query = urlencode({**asked, "cursor": [str(at + limit)]}, doseq=True)
            headers["Link"] = f'<http://{self.headers["Host"]}/api/models?{query}>; rel="next"'
        page = [repo.listing(repo.main, asked, full="full" in asked) for repo in found[at : at + limit]]
        self.answer(page, headers=headers)

    def resolve(self, id: str, revision: str, path: str) -> None:
        repo = self.repo(id, content=True)
        if repo is None:
            return
        sha = repo.revision(revision)
        if sha is None:
            return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        file = repo.commits[sha].get(path)
        if file is None:
            return self.refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": sha})
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if file.large:
            port = self.server.server_address[1]
            headers |= {"X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{file.etag}"', "ETag": f'"{file.blob_id}"'}
            return self.answer(b"", 302, {**headers, "Location": f"http://localhost:{port}/cdn/{file.sha256}"})
        return self.serve(file, {**headers, "ETag": f'"{file.etag}"'})

    # How it is answered

    def answer(self, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.note(status, 0 if self.command == "HEAD" else len(data))
        self.head(status, {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        said = {"X-Error-Code": code, "X-Error-Message": message} if code else {"X-Error-Message": message}
        self.answer({"error": message}, status, {**said, **(headers or {})})

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def note(self, status: int, sent: int) -> dict[str, Any]:
        entry = {
            "method": self.command,
            "path": self.path,
            "range": self.headers.get("Range"),
            "status": status,
            "sent": sent,
            "auth": self.token is not None,
            "time": time.time(),
        }
        with self.server.hub.lock:
            self.server.hub.log.append(entry)
        return entry

    def serve(self, file: File, headers: Mapping[str, str]) -> None:
        """Send a file, or the range asked for, at the hub's pace and with the fault it plays."""
        kind = self.fault.get("kind")
        start, stop, status = 0, file.size, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        headers = {**headers, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        if asked and kind != "no_range":
            start, stop, status = int(asked[1]), min(int(asked[2] or file.size - 1) + 1, file.size), 206
            if start >= file.size:
                return self.answer(b"", 416, {"Content-Range": f"bytes */{file.size}"})
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        entry = self.note(status, 0)
        self.head(status, {**headers, "Content-Length": str(stop - start)})
        if self.command == "HEAD":
            return
        if not self.fault and not self.server.hub.bps and isinstance(file.content, Path):
            with file.content.open("rb") as opened:  # as fast as the system can
                sent = start
                while sent < stop and (
                    count := os.sendfile(self.connection.fileno(), opened.fileno(), sent, stop - sent)
                ):
                    sent += count
                    entry["sent"] = sent - start
            return
        self.send_slowly(file, start, stop, entry)

    def send_slowly(self, file: File, start: int, stop: int, entry: dict[str, Any]) -> None:
        hub, kind, after = self.server.hub, self.fault.get("kind"), self.fault.get("after", 0)
        halt = start + after if kind in ("drop", "stall", "cut") else stop
        step = max(1024, min(PIECE, hub.bps // 200)) if hub.bps else PIECE
        if hub.bps:  # what waits in the system's buffer has not been sent yet
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        began, sent = time.monotonic(), 0
        for low, high in ((start, min(halt, stop)), (min(halt, stop), stop)):
            for piece in file.pieces(low, high, step):
                at = self.fault.get("at", 0) - start - sent
                if kind == "corrupt" and 0 <= at < len(piece):
                    flipped = bytearray(piece)
                    flipped[at] ^= 0xFF
                    piece = bytes(flipped)
                left = memoryview(piece)
                while left:  # counted as it goes: the client may be killed in the midst of a piece
                    count = self.connection.send(left)
                    left, sent = left[count:], sent + count
                    entry["sent"] = sent
                if hub.bps and (early := began + sent / hub.bps - time.monotonic()) > 0:
                    time.sleep(early)
            if high < stop or kind in ("drop", "cut"):
                if kind == "stall":
                    time.sleep(self.fault.get("seconds", 60))
                else:
                    self.break_off(reset=kind == "drop")
                    return

    def break_off(self, *, reset: bool) -> None:
        if reset:  # close with a reset instead of an end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wfile.flush()
        self.connection.close()
        self.close_connection = True

    def control(self, path: str, body: bytes) -> None:
        """Faults, pace, new commits and the log, for tests in another process."""
        hub, said = self.server.hub, json.loads(body) if body else {}
        answer: Any = {"ok": True}
        if path == "/_faults":
            with hub.lock:
                hub.faults = [] if self.command == "DELETE" else [*hub.faults, *said]
        elif path == "/_bps":
            hub.bps = said["bps"]
        elif path == "/_update":
            answer = {"sha": hub.update(said["repo"], {p: text.encode() for p, text in said["files"].items()})}
        elif path == "/_log":
            with hub.lock:
                answer = list(hub.log)
                if self.command == "DELETE":
                    hub.log.clear()
        data = json.dumps(answer).encode()
        self.head(200, {"Content-Type": "application/json", "Content-Length": str(len(data))})
        self.wfile.write(data)


def _count(text: str) -> float:
    units = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    return float(text[:-1]) * units[text[-1]] if text[-1:] in units else float(text)


# Repositories that tests are made of


def mlx_repo(
    id: str,
    *,
    weights: int = 200_000,
    shards: int = 1,
    bits: int | None = 4,
    extra: Mapping[str, bytes] | None = None,
    gated: bool | str = False,
    allowed: Iterable[str] = (),
    private: bool = False,
    **meta: Any,
) -> Repo:
    """A repository as mlx-lm makes them: valid safetensors headers, `weights` random bytes in all."""
    config: dict[str, Any] = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 512,
        "max_position_embeddings": 8192,
    }
    if bits:
        config |= {"quantization": {"group_size": 64, "bits": bits}}
    files: dict[str, bytes | Path] = {
        ".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
        "README.md": f"---\nlicense: mit\nlibrary_name: mlx\n---\n# {id}\n\nA model of the tests.\n".encode(),
        "config.json": json.dumps(config, indent=1).encode(),
        "tokenizer.json": json.dumps({"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}}).encode(),
        "tokenizer_config.json": json.dumps({"chat_template": "{{ messages[-1].content }}"}).encode(),
    }
    names = ["model.safetensors"]
    if shards > 1:
        names = [f"model-{n:05}-of-{shards:05}.safetensors" for n in range(1, shards + 1)]
        index = {"metadata": {}, "weight_map": {f"layer.{n}.weight": name for n, name in enumerate(names)}}
        files["model.safetensors.index.json"] = json.dumps(index).encode()
    for n, name in enumerate(names):
        files[name] = safetensors(f"layer.{n}.weight", weights // len(names) // 2 * 2, seed=f"{id}/{name}")
    files |= extra or {}
    said = {
        "tags": ["mlx", "safetensors", "llama", "text-generation", "conversational", "license:mit"],
        "library_name": "mlx",
        "pipeline_tag": "text-generation",
        "cardData": {"license": "mit"},
        "config": {k: config[k] for k in ("model_type", "architectures", "quantization") if k in config},
        "safetensors": {"parameters": {"U32": weights // 4}, "total": weights // 4},
        **meta,
    }
    return Repo(id, files, said, gated=gated, allowed=allowed, private=private)


def gguf_repo(
    id: str,
    quantizations: Iterable[str] = ("Q4_K_M", "Q8_0"),
    *,
    weights: int = 100_000,
    parts: int = 1,
    **meta: Any,
) -> Repo:
    """A repository of GGUF files with valid headers, one a quantization, each in `parts` parts."""
    name = id.partition("/")[2].removesuffix("-GGUF")
    files: dict[str, bytes | Path] = {"README.md": f"---\nlicense: apache-2.0\n---\n# {id}\n".encode()}
    for kind, n in itertools.product(quantizations, range(1, parts + 1)):
        part = f"-{n:05}-of-{parts:05}" if parts > 1 else ""
        files[f"{name}-{kind}{part}.gguf"] = gguf(name, weights // parts, seed=f"{id}/{kind}/{n}")
    said = {
        "tags": ["gguf", "text-generation", "conversational", "license:apache-2.0"],
        "cardData": {"license": "apache-2.0"},
        "gguf": {"total": weights // 4, "architecture": "llama", "context_length": 4096},
        **meta,
    }
    return Repo(id, files, said)


def builtin_repo(id: str, **meta: Any) -> Repo:
    """A repository that holds the model that ships, so that what is downloaded really answers."""
    from workbench import builtin

    files: dict[str, bytes | Path] = {file.name: file for file in builtin.MODEL.iterdir() if file.is_file()}
    files["README.md"] = f"---\nlicense: mit\n---\n# {id}\n\nA very small Llama that greets and counts.\n".encode()
    said = {
        "tags": ["mlx", "safetensors", "llama", "text-generation", "conversational", "license:mit"],
        "library_name": "mlx",
        "pipeline_tag": "text-generation",
        "cardData": {"license": "mit"},
        "config": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
        "safetensors": {"parameters": {"F16": 3_869_952}, "total": 3_869_952},
        **meta,
    }
    return Repo(id, files, said)


def safetensors(tensor: str, size: int, *, seed: str) -> bytes:
    """A safetensors file of one fp16 tensor of `size` bytes."""
    header = json.dumps({tensor: {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + random.Random(seed).randbytes(size)


def gguf(name: str, size: int, *, seed: str) -> bytes:
    """A GGUF file of one fp32 tensor of about `size` bytes."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    facts: dict[str, str | int] = {
        "general.architecture": "llama",
        "general.name": name,
        "llama.context_length": 4096,
        "llama.block_count": 2,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.embedding_length": 64,
    }
    body = b"GGUF" + struct.pack("<IQQ", 3, 1, len(facts))
    for key, value in facts.items():
        body += text(key)
        body += struct.pack("<I", 8) + text(value) if isinstance(value, str) else struct.pack("<II", 4, value)
    body += text("weight") + struct.pack("<IQIQ", 1, size // 4, 0, 0)
    body += b"\0" * (-len(body) % 32)
    return body + random.Random(seed).randbytes(size // 4 * 4)


def demo() -> Hub:
    """A small hub with names of the real one; the first two are the model that ships, so they can be talked to."""
    popular = {"downloads": 61_200, "likes": 148, "trendingScore": 12}
    hub = Hub(
        [
            builtin_repo("mlx-community/Llama-3.2-1B-Instruct-4bit", **popular),
            builtin_repo("mlx-community/Llama-3.2-3B-Instruct-4bit", downloads=90_300, likes=201, trendingScore=20),
            mlx_repo("mlx-community/Qwen3-1.7B-4bit", weights=900_000, downloads=41_000, likes=120),
            mlx_repo("mlx-community/Qwen3-4B-4bit", weights=2_400_000, shards=2, downloads=48_700, likes=312),
            mlx_repo("mlx-community/Qwen3-4B-Instruct-2507-4bit", weights=2_400_000, downloads=44_000, likes=290),
            mlx_repo("mlx-community/gemma-3-4b-it-8bit", bits=8, weights=1_200_000, downloads=9_100, likes=64),
            mlx_repo("acme/Gated-1B-4bit", gated="manual", allowed=[GOOD_TOKEN], downloads=1_100, likes=14),
            gguf_repo("bartowski/Qwen3-4B-GGUF", ("Q4_K_M", "Q5_K_M", "Q8_0"), downloads=30_000, likes=88),
        ]
    )
    for n in range(40):
        size = ("0.5B", "1B", "3B", "7B", "13B", "30B")[n % 6]
        name = f"mlx-community/Example-{n}-{size}-{(4, 6, 8)[n % 3]}bit"
        hub.add(mlx_repo(name, weights=20_000, bits=(4, 6, 8)[n % 3], downloads=1000 - 7 * n, likes=n))
    return hub


def main() -> None:
    """Serve the demo hub until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--demo", action="store_true", help="serve a few small repositories with well-known names")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with HubServer(demo() if given.demo else Hub(), given.port) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
