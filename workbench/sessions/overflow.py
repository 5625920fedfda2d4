"""What can be done with a message that does not fit the context, in tokens. Decides nothing, and knows no thread.

Tokens are counted by the model's own service where it can. Where it cannot (a server that is asked over the network),
they are estimated from what the server told, and the words say "about".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from workbench.errors import ErrorInfo, WorkbenchError
from workbench.messages import Message
from workbench.messages import user as user_message
from workbench.request import Request
from workbench.sessions.tree import Node
from workbench.store.history_text import said

if TYPE_CHECKING:
    from workbench.services import ChatService

How: TypeAlias = Literal["drop", "summarise", "raise"]
"""What to do without asking: `Choice`, as far as it needs nobody."""
CHARACTERS_A_TOKEN = 3.0
"""Where nothing was ever counted: fewer than most texts have, so that an estimate is rather too high."""
ASK_FOR_SUMMARY = user_message(
    "Summarise our conversation so far in a few sentences: what was asked, what was found, what was decided. "
    "Write only the summary."
)
SUMMARY = "Summary of the conversation before this:"
_MOST_SUMMARY_TOKENS = 400
_NUMBERS = (
    re.compile(r"has (?P<tokens>[\d,]+) tokens.* context of (?P<limit>[\d,]+)", re.DOTALL),
    re.compile(r"context length is (?P<limit>[\d,]+) tokens.*?(?P<tokens>[\d,]+) tokens", re.DOTALL),
)


class Choice(msgspec.Struct, frozen=True):
    """One way out."""

    choice: Literal["drop", "summarise", "new", "raise"]
    words: str
    """What it will do; or why it cannot be done."""
    able: bool


class Overflowing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that does not fit, and what can be done about it."""

    text: str
    tokens: int | None
    """Of the whole prompt; ``None`` when nobody told."""
    limit: int | None
    """Tokens of the context; ``None`` when nobody told."""
    reserved: int | None
    """Tokens that are kept free for the answer."""
    dropping: int
    """Oldest turns to leave out."""
    summarising: int
    """Oldest turns to sum up."""
    summary_tokens: int
    """Most tokens of the summary."""
    raised_to: int | None
    """Tokens of context to load the model with."""
    choices: tuple[Choice, ...]

    def choice(self, choice: str) -> Choice:
        """The way out of that name."""
        return next(each for each in self.choices if each.choice == choice)

    def view(self) -> dict[str, Any]:
        """As the front end reads it."""
        choices = [msgspec.to_builtins(choice) for choice in self.choices]
        return {
            "text": self.text,
            "tokens": self.tokens,
            "limit": self.limit,
            "reserved": self.reserved,
            "choices": choices,
        }


def measured(
    request: Request,
    service: ChatService | None,
    error: ErrorInfo,
    turns: Sequence[tuple[Message, ...]],
    read: Callable[[Iterable[tuple[Message, ...]]], tuple[Message, ...]],
    limit: int | None,
) -> Overflowing:
    """What can be done with a request that does not fit.

    `turns` are those of its conversation, the question last; `read` makes messages of them; `limit` is the context in
    tokens, as far as it is known. Counts tokens, so it may wait behind a run that goes on.
    """
    told, told_limit = _numbers(error.message)
    limit = told_limit or limit
    exact = _count(service, request, request.messages)
    tokens = exact or told
    a_character = (tokens or 0) / max(1, _length(request.messages)) or 1 / CHARACTERS_A_TOKEN

    def count(messages: Sequence[Message]) -> int:
        found = None if exact is None else _count(service, request, messages)
        return round(_length(messages) * a_character) if found is None else found

    reserved = _room(request.options.max_tokens, limit)
    last = len(turns) - 1
    summary = min(_MOST_SUMMARY_TOKENS, (limit or 4 * _MOST_SUMMARY_TOKENS) // 8)
    dropping = _fewest(last, lambda n: count(read(turns[n:])) + reserved, limit)
    summarising = _fewest(last, lambda n: count(read(turns[n:])) + summary + reserved, limit)
    goes = 0 if not summarising else count((*read(turns[:summarising]), ASK_FOR_SUMMARY))
    larger = _larger(request.model, service, limit, (tokens or 0) + reserved)
    about = "" if exact is not None else "about "
    continues = request.messages[-1].role == "assistant"
    alone = count(read(turns[last:]))
    too_long = f"The message alone has {about}{alone:,} tokens, too many for a context of {limit or 0:,}."
    return Overflowing(
        text=turns[last][0].text if turns else "",
        tokens=tokens,
        limit=limit,
        reserved=reserved,
        dropping=dropping,
        summarising=summarising,
        summary_tokens=summary,
        raised_to=larger,
        choices=(
            _drop(dropping, last, too_long),
            _summarise(request.model, summarising, goes, summary, limit, about, continues, last, too_long),
            _anew(alone, reserved, limit, last, too_long, continues),
            _raise(request.model, service, larger, limit),
        ),
    )


def silently_cut(path: Sequence[Node], system: Message | None, since: float, model: str, prompt_tokens: int) -> str:
    """What to say of a server that read less than it was sent; empty where nothing points to that.

    The rule: a prompt holds all that the same model read earlier on the same path, so it has at least as many tokens
    as the last such prompt was counted to have; and it has at least half as many tokens as words, whatever the
    tokenizer. A count below either of them means that the server left something out. What the model read before
    `since`, when the system prompt was another, is not compared, nor is a prompt of which something was left out here.
    """
    earlier = [
        node.reply._answer.usage_last.prompt_tokens
        for node in path
        if node.reply is not None and node.reply.model == model and node.created >= since
    ]
    said = [m for m in (system, *(node.message for node in path)) if m is not None]
    words = sum(len(m.text.split()) for m in said)
    before = next((count for count in reversed(earlier) if count is not None), 0)
    if prompt_tokens < before:
        had = f"the conversation had {before:,} already"
    elif prompt_tokens < words // 2:
        had = f"the conversation has {words:,} words"
    else:
        return ""
    return (
        f"The server counted {prompt_tokens:,} tokens of prompt, but {had}: it seems to have cut off the oldest part. "
        "Give it a longer context, or start anew."
    )


def turns(count: int) -> str:
    """``1 turn``, ``3 turns``."""
    return f"{count:,} turn{'' if count == 1 else 's'}"


def dropped_note(count: int) -> str:
    """What is said above an answer that was given without the oldest turns."""
    return f"The oldest {turns(count)} were left out of what was sent: they did not fit the context."


def _drop(dropping: int, last: int, too_long: str) -> Choice:
    if not dropping:
        return Choice("drop", too_long if last else "There is no earlier turn to leave out.", False)
    words = f"Leave the oldest {turns(dropping)} of {last:,} out of what is sent, now and when needed; they stay here."
    return Choice("drop", words, True)


def _summarise(
    model: str,
    count: int,
    goes: int,
    summary: int,
    limit: int | None,
    about: str,
    continues: bool,
    last: int,
    too_long: str,
) -> Choice:
    if continues:
        return Choice("summarise", "An answer cannot be continued from a summary.", False)
    if not count:
        return Choice("summarise", too_long if last else "There is no earlier turn to sum up.", False)
    if limit is not None and goes + summary > limit:
        words = f"The {turns(count)} that must go have {about}{goes:,} tokens, too many to be summed up at once."
        return Choice("summarise", words, False)
    words = (
        f"Have {model} sum up the oldest {turns(count)} ({about}{goes:,} tokens) in at most {summary:,}, and go on "
        "from that; the turns stay on a branch beside it."
    )
    return Choice("summarise", words, True)


def _anew(alone: int, reserved: int, limit: int | None, last: int, too_long: str, continues: bool) -> Choice:
    if continues:
        return Choice("new", "An answer cannot be continued without its question.", False)
    if not last:
        return Choice("new", "Nothing was said before this message.", False)
    if limit is not None and alone >= limit:
        return Choice("new", too_long, False)
    return Choice("new", f"Start anew with this message; the {turns(last)} before it stay on a branch beside it.", True)


def _raise(model: str, service: ChatService | None, larger: int | None, limit: int | None) -> Choice:
    if larger is not None:
        words = f"Load {model} again with a context of {larger:,} tokens instead of {limit or 0:,}, in more memory."
        return Choice("raise", words, True)
    if service is None or service.name != "local":
        return Choice("raise", f"The context of {model} is set at its server.", False)
    return Choice("raise", f"{model} has no context long enough for this.", False)


def _fewest(most: int, need: Callable[[int], int], limit: int | None) -> int:
    """The fewest oldest turns without which the rest fits; 0 when not even all are enough; half, for no known limit."""
    if limit is None:
        return (most + 1) // 2
    if most < 1 or need(most) > limit:
        return 0
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if need(middle) <= limit:
            high = middle
        else:
            low = middle + 1
    return low


def _larger(model: str, service: ChatService | None, limit: int | None, need: int) -> int | None:
    """The context to load a local model with: the fewest doublings that are enough; ``None`` when it has none."""
    from workbench.manager import inventory

    if service is None or service.name != "local" or limit is None:
        return None
    try:
        own = inventory.find(model).context_length
    except WorkbenchError:
        return None
    if own is None or own <= limit or need > own:
        return None
    length = limit
    while length < need:
        length *= 2
    return min(length, own)


def _room(max_tokens: int | None, limit: int | None) -> int:
    """Tokens to keep free for the answer: those asked for, at most half the context; else a quarter of it."""
    limit = limit or 4096
    return limit // 4 if max_tokens is None else min(max_tokens, limit // 2)


def _count(service: ChatService | None, request: Request, messages: Sequence[Message]) -> int | None:
    if service is None:
        return None
    try:
        return service.count_tokens(msgspec.structs.replace(request, messages=tuple(messages)))
    except WorkbenchError:
        return None


def _length(messages: Sequence[Message]) -> int:
    return sum(len(said(m.parts)) for m in messages)


def _numbers(message: str) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of the context, where an error's message tells."""
    for pattern in _NUMBERS:
        if found := pattern.search(message):
            return int(found["tokens"].replace(",", "")), int(found["limit"].replace(",", ""))
    return None, None
