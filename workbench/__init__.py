"""Language models in a notebook: one line, one streamed answer, and a Python object to hold.

    import workbench as wb

    wb.chat()                                          # talk, at once, to the model that ships inside
    wb.ask("What is a token?")                         # one question
    wb.models()                                        # what there is
    wb.connect("http://localhost:11434/v1")            # any OpenAI-compatible server
    wb.unload()                                        # memory back

Importing it is light: what a name needs is imported when the name is first used.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import errors
    from workbench.errors import WorkbenchError
    from workbench.messages import Message
    from workbench.model import ModelInfo
    from workbench.options import GenerationOptions
    from workbench.sessions.ask import ask
    from workbench.sessions.catalogue import connect, models, unload
    from workbench.sessions.chat import Chat, chat
    from workbench.sessions.reply import Reply

__version__ = "0.1.0"

__all__ = [
    "Chat",
    "GenerationOptions",
    "Message",
    "ModelInfo",
    "Reply",
    "WorkbenchError",
    "__version__",
    "ask",
    "chat",
    "connect",
    "errors",
    "models",
    "unload",
]

_HOMES = {
    "Chat": "workbench.sessions.chat",
    "GenerationOptions": "workbench.options",
    "Message": "workbench.messages",
    "ModelInfo": "workbench.model",
    "Reply": "workbench.sessions.reply",
    "WorkbenchError": "workbench.errors",
    "ask": "workbench.sessions.ask",
    "chat": "workbench.sessions.chat",
    "connect": "workbench.sessions.catalogue",
    "models": "workbench.sessions.catalogue",
    "unload": "workbench.sessions.catalogue",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return _import_module("workbench.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
