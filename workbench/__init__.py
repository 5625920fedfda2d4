"""Language models in a notebook: one line, one streamed answer, and a Python object to hold.

    import workbench as wb

    wb.chat()                                          # talk, at once, to the model that ships inside
    wb.reopen()                                        # the last chat, where it was
    wb.ask("What is a token?")                         # one question
    wb.compare(prompts, ["builtin", "ollama:llama3.2"])   # side by side
    wb.panes(["builtin", "ollama:llama3.2"])           # the same, live: several chats, one place to write
    wb.browse("qwen 4bit")                             # find a model that fits this machine
    wb.download("mlx-community/Llama-3.2-1B-Instruct-4bit")
    wb.library()                                       # what is on this disk, and what it takes
    wb.models()                                        # what there is
    wb.discover()                                      # the servers that run on this machine
    wb.connect("http://localhost:11434/v1")            # any OpenAI-compatible server
    wb.history()                                       # every chat there was: search, reopen, export
    wb.settings()                                      # servers, who answers, memory, presets
    wb.benchmark(["builtin", "ollama:llama3.2"])       # engines and models measured on this machine
    wb.unload()                                        # memory back
    wb.usage()                                         # what was used: tokens, time, speed

In IPython and notebooks there are also `%ask` (a line) and `%%ask` (a cell); `%ask --help` says how.

Importing it is light: what a name needs is imported when the name is first used.
"""

from __future__ import annotations

import sys as _sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import workbench.sessions.comparing.scorers as scorers
    from workbench import errors
    from workbench.errors import WorkbenchError
    from workbench.messages import Message
    from workbench.model import HubModel, ModelInfo
    from workbench.options import GenerationOptions
    from workbench.sessions.advice import curated, fit, recommend
    from workbench.sessions.ask import ask
    from workbench.sessions.browser import Browser, browse
    from workbench.sessions.catalogue import connect, disconnect, discover, models, unload
    from workbench.sessions.chat import Chat, chat
    from workbench.sessions.comparing.benchmark import Benchmark, benchmark
    from workbench.sessions.comparing.compare import compare
    from workbench.sessions.comparing.comparison import Comparison
    from workbench.sessions.downloads import Download, Downloads, download, downloads, is_available
    from workbench.sessions.history import HistorySession, history
    from workbench.sessions.library import Library, library
    from workbench.sessions.panes import Panes, panes
    from workbench.sessions.picker import ModelPicker, picker
    from workbench.sessions.prompts import Prompt, prompt
    from workbench.sessions.reopen import reopen
    from workbench.sessions.reply import Reply
    from workbench.sessions.search import search
    from workbench.sessions.settings import settings
    from workbench.sessions.usage import usage

__version__ = "0.1.0"

__all__ = [
    "Benchmark",
    "Browser",
    "Chat",
    "Comparison",
    "Download",
    "Downloads",
    "GenerationOptions",
    "HistorySession",
    "HubModel",
    "Library",
    "Message",
    "ModelInfo",
    "ModelPicker",
    "Panes",
    "Prompt",
    "Reply",
    "WorkbenchError",
    "__version__",
    "ask",
    "benchmark",
    "browse",
    "chat",
    "compare",
    "connect",
    "curated",
    "disconnect",
    "discover",
    "download",
    "downloads",
    "errors",
    "fit",
    "history",
    "is_available",
    "library",
    "models",
    "panes",
    "picker",
    "prompt",
    "recommend",
    "reopen",
    "scorers",
    "search",
    "settings",
    "unload",
    "usage",
]

_MODULES = {"errors": "workbench.errors", "scorers": "workbench.sessions.comparing.scorers"}
_HOMES = {
    "Benchmark": "workbench.sessions.comparing.benchmark",
    "Browser": "workbench.sessions.browser",
    "Chat": "workbench.sessions.chat",
    "Comparison": "workbench.sessions.comparing.comparison",
    "Download": "workbench.sessions.downloads",
    "Downloads": "workbench.sessions.downloads",
    "GenerationOptions": "workbench.options",
    "HistorySession": "workbench.sessions.history",
    "HubModel": "workbench.model",
    "Library": "workbench.sessions.library",
    "Message": "workbench.messages",
    "ModelInfo": "workbench.model",
    "ModelPicker": "workbench.sessions.picker",
    "Panes": "workbench.sessions.panes",
    "Prompt": "workbench.sessions.prompts",
    "Reply": "workbench.sessions.reply",
    "WorkbenchError": "workbench.errors",
    "ask": "workbench.sessions.ask",
    "benchmark": "workbench.sessions.comparing.benchmark",
    "browse": "workbench.sessions.browser",
    "chat": "workbench.sessions.chat",
    "compare": "workbench.sessions.comparing.compare",
    "connect": "workbench.sessions.catalogue",
    "curated": "workbench.sessions.advice",
    "disconnect": "workbench.sessions.catalogue",
    "discover": "workbench.sessions.catalogue",
    "download": "workbench.sessions.downloads",
    "downloads": "workbench.sessions.downloads",
    "fit": "workbench.sessions.advice",
    "history": "workbench.sessions.history",
    "is_available": "workbench.sessions.downloads",
    "library": "workbench.sessions.library",
    "models": "workbench.sessions.catalogue",
    "panes": "workbench.sessions.panes",
    "picker": "workbench.sessions.picker",
    "prompt": "workbench.sessions.prompts",
    "recommend": "workbench.sessions.advice",
    "reopen": "workbench.sessions.reopen",
    "search": "workbench.sessions.search",
    "settings": "workbench.sessions.settings",
    "unload": "workbench.sessions.catalogue",
    "usage": "workbench.sessions.usage",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return _import_module(_MODULES[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext workbench`` does: give the shell `%ask` and `%%ask`, whatever had that name before."""
    from workbench.sessions.magics import register

    register(shell)


def _register_magics() -> None:
    """Give the shell that imports this the magics, unless something there has their name."""
    shell = _sys.modules["IPython"].get_ipython()
    if shell is not None:
        from workbench.sessions.magics import register

        register(shell, over=False)


if _sys.modules.get("IPython") is not None:
    _register_magics()
