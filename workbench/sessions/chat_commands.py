"""What a front end asks of a chat: each command is what a program can call, too. Knows no widget.

A command is answered at once; what takes time goes on in the background and comes as state. A message that needs
leave to leave this machine is held until the person has said whether.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

import msgspec

from workbench.commands import (
    Ack,
    Allow,
    AllowTool,
    AnswerCall,
    Attach,
    AttachLast,
    BranchAt,
    ChooseModel,
    ClosePreview,
    Command,
    Delete,
    Detach,
    DropPreset,
    DropPrompt,
    Edit,
    Export,
    FillPrompt,
    Fork,
    GoOn,
    Hello,
    ListModels,
    NewChat,
    Overflow,
    Preview,
    ReadTokens,
    Refuse,
    Regenerate,
    SavePreset,
    SavePrompt,
    Send,
    SetMode,
    SetOptions,
    SetPrivate,
    SetSystem,
    SetTitle,
    Show,
    Stop,
    UsePreset,
)
from workbench.errors import ConsentNeededError, StateError, describe
from workbench.options import make_options
from workbench.services import consent
from workbench.sessions import branching, preview, prompts
from workbench.sessions.held import Held, leave
from workbench.store import settings

if TYPE_CHECKING:
    from workbench.sessions.chat import Chat


def perform(chat: Chat, command: Command) -> Ack:
    """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
    try:
        data = _do(chat, command)
    except Exception as error:
        return Ack(id=command.id, ok=False, error=describe(error))
    return Ack(id=command.id, ok=True, data=data)


def _do(chat: Chat, command: Command) -> Any:
    """Do it; gives the data of the answer."""
    match command:
        case Hello():
            pass
        case Send() | Edit() | Regenerate() | GoOn() | BranchAt() | Overflow():
            return _do_or_hold(chat, command)
        case Allow():
            _allow(chat, command.always)
        case Refuse():
            chat._hold(None)
        case ReadTokens():
            return _tokens(chat, command.message)
        case AnswerCall():
            chat.allow_call(command.call, command.how, arguments=command.arguments)
        case AllowTool():
            chat.allow(command.tool, how=command.how)
        case SetMode():
            chat.mode = command.mode
        case Stop():
            chat.stop(command.run)
        case ChooseModel():
            chat.choose(command.model, force=command.force)
        case ListModels():
            chat._list_in_background()
        case NewChat():
            chat.clear()
        case Show():
            chat.show(command.message)
        case Delete():
            chat.delete(command.message)
        case Fork():
            return {"chat": chat.fork(command.message).history_id}
        case SetOptions():
            chat.options = make_options(**{k: v for k, v in command.options.items() if v is not None})
        case SetSystem():
            chat.system = command.text
        case SetTitle():
            chat.title = command.title
        case SetPrivate():
            chat.private = command.private
        case UsePreset():
            chat.options = settings.preset(command.name)
        case SavePreset():
            given = command.options
            settings.put_preset(command.name, chat.options if given is None else make_options(**given))
        case DropPreset():
            settings.drop_preset(command.name)
        case SavePrompt():
            prompts.Prompt(command.text).save(command.name)
        case DropPrompt():
            settings.drop_prompt(command.name)
        case FillPrompt():
            names = prompts.Prompt(command.text).variables
            return [{"name": name, "value": in_notebook(name)} for name in names]
        case Preview():
            _preview(chat, command.text)
        case ClosePreview():
            _close_preview(chat)
        case Attach():
            from workbench.sessions.attaching import receiving

            if (job := receiving.received(chat, command)) is not None:
                _in_background(chat, job)
        case AttachLast():
            _in_background(chat, chat.attach_output if command.what == "output" else chat.attach_error)
        case Detach():
            chat.detach(command.attachment)
        case Export():
            from workbench.sessions.export import file_name

            return {"name": file_name(chat.title, command.format), "text": chat.export(command.format)}
        case _:
            assert_never(command)
    return None


def in_notebook(name: str) -> str | None:
    """What a variable of the notebook holds, as text; ``None`` without one, and outside a notebook."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or name.startswith("_") or name not in shell.user_ns or callable(shell.user_ns[name]):
        return None
    return str(shell.user_ns[name])


# What asks a model, and may need leave for it


def _do_or_hold(chat: Chat, command: Command, allowed: str = "") -> None:
    """What a front end asks; if it needs leave, it is held until the person has said whether."""
    with chat.lock:
        if chat._held is not None:
            raise StateError("Another message waits for your leave.", next_step="Answer that first.")
    token = leave.set(allowed)
    try:
        _ask(chat, command)
    except ConsentNeededError:
        service, info = chat.services.resolve(_asked(chat, command))
        chat._hold(Held(command, info.id, getattr(service, "url", "")))
    finally:
        leave.reset(token)


def _ask(chat: Chat, command: Command) -> None:
    match command:
        case Send():
            text = command.text if command.variables is None else prompts.fill(command.text, command.variables)
            chat.send(text, interrupt=command.interrupt)
        case Edit():
            chat.edit(command.message, command.text)
        case Regenerate():
            chat.regenerate(command.message, model=command.model, logprobs=command.logprobs)
        case GoOn():
            _go_on(chat, command.message)
        case BranchAt():
            _branch_at(chat, command)
        case Overflow():
            chat._settle_overflow(command.choice)


def _allow(chat: Chat, always: bool) -> None:
    with chat.lock:
        held, chat._held = chat._held, None
    if held is None:
        raise StateError("No message waits for leave.")
    try:
        if always:
            consent.allow(held.url, always=True)
        _do_or_hold(chat, held.command, held.url)
    finally:
        with chat.lock:
            chat._hold(chat._held)


def _go_on(chat: Chat, message: str) -> None:
    """Go on in the background where a server has to be asked first whether it can."""
    who = chat._who()
    if getattr(who.service, "url", None) is None:
        chat.go_on(message)
    else:
        chat._question_of(message)  # what is wrong with it is said at once
        _in_background(chat, lambda: chat.go_on(message))


def _branch_at(chat: Chat, command: BranchAt) -> None:
    """Branch, in the background where a server has to be asked first whether it can go on."""
    who = chat._who(_asked(chat, command))
    branch = partial(chat.branch_at, command.message, command.token, command.alternative)
    if getattr(who.service, "url", None) is None:
        branch()
    else:
        _in_background(chat, branch)


def _asked(chat: Chat, command: Command) -> str:
    """The model that a command asks."""
    with chat.lock:
        if isinstance(command, BranchAt) and (reply := chat._conversation.find(command.message).reply) is not None:
            return reply.model
        return (command.model if isinstance(command, Regenerate) else None) or chat.model


# What takes time


def _tokens(chat: Chat, message: str) -> dict[str, Any]:
    """An answer's tokens; whether it can be branched is looked for in the background: a server may have to be asked."""
    with chat.lock:
        reply = chat._conversation.find(message).reply
        if reply is None:
            raise StateError("A question has no tokens.")
        tokens = branching.tokens_view(reply._answer)

    def look() -> None:
        service, info = chat.services.resolve(reply.model)
        why = "" if service.can_continue(info.id) else branching.cannot(info.id)
        with chat.lock:
            chat._tell_message(message, reply._answer.patch(no_branch=why))

    if tokens:
        _in_background(chat, look)
    return {"tokens": tokens, "perplexity": reply.perplexity}


def _preview(chat: Chat, text: str) -> None:
    with chat.lock:
        state = chat._preview
        state.asked += 1
        asked = state.asked
        waiting = preview.Preview(limit=chat.context.limit, reserved=chat.context.reserved)
        state.view = waiting.view(busy=True)
        chat._tell(preview=state.view)

    def find() -> None:
        try:
            found = chat.preview(text)
        except Exception as error:
            found = msgspec.structs.replace(waiting, note=describe(error).message)
        with chat.lock:
            if state.asked == asked and state.view is not None:
                state.view = found.view()
                chat._tell(preview=state.view)

    _in_background(chat, find)


def _close_preview(chat: Chat) -> None:
    with chat.lock:
        chat._preview.view = None
        chat._tell(preview=None)


def _in_background(chat: Chat, job: Callable[[], object]) -> None:
    def told() -> None:
        try:
            job()
        except Exception as error:
            with chat.lock:
                chat._notice = describe(error)
                chat._tell(notice=msgspec.to_builtins(chat._notice))

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(told,), name=f"chat-{chat.id}-background", daemon=True).start()
