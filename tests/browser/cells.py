"""Code for the cells of browser tests: a chat, and chats whose pace a script sets (real hosts, no model)."""

from __future__ import annotations

CHAT = "import workbench as wb\nchat = wb.chat()\nchat"


def paced(*, text: str = "one more word ", times: int = 400, rate: float = 100, load: float = 0) -> str:
    """A cell with a chat that answers `times` pieces, `rate` a second, after loading for `load` seconds."""
    return f"""
import tempfile, pathlib
from workbench.engines.scripted import Say, Script, Weights
from workbench.services.local import LocalChatService
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
script = pathlib.Path(tempfile.mkdtemp()) / "paced.json"
loading = (Weights(bytes=1_800_000_000, seconds={load}),) if {load} else ()
Script(loading=loading, answering=(Say({text!r}, times={times}, rate={rate}),)).save(script)
chat = Chat(str(script), services=Services(LocalChatService(engine="scripted")))
chat
"""
