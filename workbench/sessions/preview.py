"""What would be sent: the exact prompt of a local model, the request of a remote one. Sends and loads nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import WorkbenchError
from workbench.messages import Message
from workbench.options import GenerationOptions
from workbench.request import Request, Tool
from workbench.sessions.chat_state import Context

if TYPE_CHECKING:
    from workbench.services.registry import Services

SERVER_COUNTS = "The server makes the prompt of it; how many tokens that are is known after the answer."
NOT_LOADED = "The model is not in memory: load it to see the prompt and count its tokens."
PICTURES = "How many tokens the pictures take is known when they have been read."
NOTHING = "There is nothing to send yet."
_PICTURE = re.compile(r"(data:image/\w+;base64,)([A-Za-z0-9+/=]{100,})")


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would be sent; ``None`` is unknown."""

    prompt: str | None = None
    """The exact prompt that a local model would read."""
    request: str | None = None
    """The body of the request to a server, as JSON; the key is not part of it."""
    tokens: int | None = None
    """Of the prompt."""
    limit: int | None = None
    """Tokens of the context."""
    reserved: int | None = None
    """Tokens kept free for the answer."""
    note: str = ""
    """Why something is not known."""

    def view(self, *, busy: bool = False) -> dict[str, Any]:
        """As the front end reads it."""
        return {"busy": busy, **msgspec.to_builtins(self, order="sorted")}


def previewed(
    services: Services,
    model: str,
    messages: tuple[Message, ...],
    options: GenerationOptions,
    context: Context,
    tools: tuple[Tool, ...] = (),
) -> Preview:
    """What would be sent of these messages. Raises `ModelNotFoundError` and what the engine raises.

    May wait for a run of the same model that goes on.
    """
    service, info = services.resolve(model)
    found = Preview(limit=info.context_length, reserved=context.reserved)
    if not any(m.role != "system" for m in messages):
        return msgspec.structs.replace(found, note=NOTHING)
    request = Request(messages=messages, model=info.id, options=options, tools=tools)
    url = getattr(service, "url", None)
    if url is not None:
        from workbench.services import openai_wire

        name = info.id.removeprefix(f"{service.name}:") or info.name
        body = openai_wire.body(request, url, name)
        body |= body.pop("extra_body", {})
        text = _PICTURE.sub(_told, json.dumps(body, ensure_ascii=False, indent=2))
        return msgspec.structs.replace(found, request=text, note=SERVER_COUNTS)
    try:
        prompt, tokens = service.render(request), service.count_tokens(request)
    except WorkbenchError as error:
        return msgspec.structs.replace(found, note=error.message)
    if prompt is None:
        return msgspec.structs.replace(found, note=NOT_LOADED)
    if tokens is None:
        return msgspec.structs.replace(found, prompt=prompt, note=PICTURES)
    left = None if info.context_length is None else max(0, info.context_length - tokens)
    asked = options.max_tokens
    reserved = left if asked is None or left is None else min(asked, left)
    return msgspec.structs.replace(found, prompt=prompt, tokens=tokens, reserved=reserved)


def _told(picture: re.Match[str]) -> str:
    """A picture's data URL without its data."""
    return f"{picture[1]}({len(picture[2]) * 3 // 4:,} bytes)"
