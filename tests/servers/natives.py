"""Servers that speak their own addresses beside the OpenAI-compatible ones, as Ollama, LM Studio and others do.

    with ollama() as server:
        extras.fill(Key("ollama", server.url), models)

`server.requests` holds method, path, headers and body of what was asked; a path with a delay is answered that late.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Natives:
    """Answers each path with its JSON, on a free port of 127.0.0.1 or on the one given; all others with 404."""

    def __init__(self, answers: dict[str, Any], *, port: int = 0, key: str | None = None, server: str = "test") -> None:
        self.answers = answers
        """By path: a JSON value, a function of the request's body, or an `int`, which is a status without a body."""
        self.delays: dict[str, float] = {}
        """Seconds before the answer, by path."""
        self.requests: list[dict[str, Any]] = []
        self.key = key
        self.down = False
        natives = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                natives._answer(self)

            do_POST = do_GET

            def version_string(self) -> str:
                return server

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Natives:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request["path"] for request in self.requests]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        path = handler.path.partition("?")[0]
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append({"method": handler.command, "path": handler.path, "headers": headers, "body": body})
        time.sleep(self.delays.get(path, 0.0))
        answer = self.answers.get(path, 404)
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            answer = 401
        if callable(answer):
            answer = answer(body)
        status, data = (answer, b"") if isinstance(answer, int) else (200, json.dumps(answer).encode())
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        with contextlib.suppress(ConnectionError):  # whoever asked may have left
            handler.end_headers()
            handler.wfile.write(data)


def listed(*names: str, **fields: Any) -> dict[str, Any]:
    """A standard model list."""
    return {"object": "list", "data": [{"id": name, "object": "model", **fields} for name in names]}


def ollama(**options: Any) -> Natives:
    """Ollama with two models, the first of them loaded."""
    tags = [
        {
            "name": "llama3.2:latest",
            "model": "llama3.2:latest",
            "size": 2019393189,
            "details": {"format": "gguf", "family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"},
        },
        {
            "name": "qwen3:4b",
            "model": "qwen3:4b",
            "size": 2620788260,
            "details": {"format": "gguf", "family": "qwen3", "parameter_size": "4.0B", "quantization_level": "Q4_K_M"},
        },
    ]
    shown = {
        "llama3.2:latest": {
            "capabilities": ["completion", "tools"],
            "model_info": {
                "general.architecture": "llama",
                "general.parameter_count": 3212749888,
                "llama.context_length": 131072,
            },
        },
        "qwen3:4b": {
            "capabilities": ["completion", "tools", "thinking"],
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960},
        },
    }
    loaded = [{"name": "llama3.2:latest", "model": "llama3.2:latest", "size_vram": 3300000000, "context_length": 4096}]
    return Natives(
        {
            "/v1/models": listed("llama3.2:latest", "qwen3:4b", owned_by="library"),
            "/api/version": {"version": "0.33.0"},
            "/api/tags": {"models": tags},
            "/api/ps": {"models": loaded},
            "/api/show": lambda body: shown.get(body["model"], 404),
        },
        **options,
    )


def lm_studio(**options: Any) -> Natives:
    """LM Studio with a loaded model, one that sees and is not loaded, and one for embeddings."""
    models = [
        {
            "id": "qwen3-4b",
            "object": "model",
            "type": "llm",
            "publisher": "mlx-community",
            "arch": "qwen3",
            "compatibility_type": "mlx",
            "quantization": "4bit",
            "state": "loaded",
            "max_context_length": 40960,
            "loaded_context_length": 8192,
            "capabilities": ["tool_use"],
        },
        {
            "id": "qwen2-vl-7b",
            "object": "model",
            "type": "vlm",
            "arch": "qwen2_vl",
            "compatibility_type": "gguf",
            "quantization": "Q4_K_M",
            "state": "not-loaded",
            "max_context_length": 32768,
        },
        {
            "id": "nomic-embed",
            "object": "model",
            "type": "embeddings",
            "state": "not-loaded",
            "max_context_length": 2048,
        },
    ]
    names = [str(model["id"]) for model in models]
    return Natives(
        {
            "/v1/models": listed(*names, owned_by="organization_owner"),
            "/api/v0/models": {"object": "list", "data": models},
        },
        **options,
    )
