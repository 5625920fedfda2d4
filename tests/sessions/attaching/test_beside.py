"""What stands beside the composer goes with the next message, and stays with it wherever the message goes."""

from __future__ import annotations

import base64
import io
import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from PIL import Image as pillow

import workbench as wb
from tests.sessions.scripted import ScriptedService, ScriptedServices, say, until_cancelled
from workbench.commands import Attach, AttachLast, Detach, Edit, Send
from workbench.errors import FolderError, KeyFoundError, StateError, UsageError
from workbench.messages import File, Image, plain
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
from workbench.sessions.export_json import loaded

FRAME = pd.DataFrame({"city": ["Oslo", "Bergen"], "temp": [3.5, 6.25]})
RED = pillow.new("RGB", (20, 10), "red")


def scripted(service: ScriptedService | None = None, **more: Any) -> tuple[Chat, ScriptedService]:
    service = service or ScriptedService(say("ok"))
    return Chat(services=ScriptedServices(service), **more), service  # type: ignore[arg-type]  # a fake


def seeing(service: ScriptedService) -> ScriptedService:
    """The service of models that see."""
    service.infos = [msgspec.structs.replace(info, capabilities=frozenset({"vision"})) for info in service.infos]
    return service


def png() -> bytes:
    out = io.BytesIO()
    RED.save(out, "PNG")
    return out.getvalue()


def until(chat: Chat, condition: Any) -> None:
    """Wait until something of the chat is so."""
    met = threading.Event()
    end = chat.observe(lambda op: met.set() if condition() else None)
    try:
        assert condition() or met.wait(20)
    finally:
        end()


def test_it_goes_with_the_next_message_and_not_with_the_one_after() -> None:
    chat, service = scripted()
    (made,) = chat.attach(FRAME, name="weather")
    assert chat.attachments == (made,)
    assert (made.kind, made.name, made.note) == ("table", "weather", "2 rows of 2 columns")
    assert made.tokens
    assert made.model is None  # nobody counts for a scripted model
    assert "about" in repr(made)
    chat.send("Which is colder?").wait(20)
    assert chat.attachments == ()
    chat.send("And now?").wait(20)
    first, second = (request.messages[-1] for request in service.requests)
    assert first.parts[0] == made.part
    assert first.text == "Which is colder?"
    assert [type(part).__name__ for part in second.parts] == ["Text"]
    assert "File weather:\nA table of 2 rows" in plain([first])[0]["content"]


def test_a_send_can_bring_its_own() -> None:
    chat, service = scripted()
    chat.attach("first", name="a")
    chat.send("?", attach=[FRAME, ValueError("no")]).wait(20)
    chat.send("?", attach=FRAME).wait(20)
    assert [part.name for part in service.requests[0].messages[-1].parts[:-1]] == ["a", "table", "ValueError"]  # type: ignore[union-attr]  # files
    assert len(service.requests[1].messages[-1].parts) == 2


def test_detach_takes_it_away_again() -> None:
    chat, _ = scripted()
    a, b, c = chat.attach("1", "2", "3")
    chat.detach(a)
    chat.detach(b.id)
    assert chat.attachments == (c,)
    chat.attach("4", name="four")
    chat.detach("four")
    chat.detach()
    assert chat.attachments == ()
    with pytest.raises(UsageError, match="Nothing called 'four'"):
        chat.detach("four")


def test_if_one_thing_cannot_be_attached_none_is() -> None:
    chat, _ = scripted()
    with pytest.raises(FolderError):
        chat.attach(FRAME, "nothing.csv")
    with pytest.raises(UsageError, match="A name is for one thing"):
        chat.attach("a", "b", name="c")
    assert chat.attachments == ()


def test_the_key_of_an_endpoint_is_never_sent() -> None:
    services = Services()
    services.connect("http://127.0.0.1:9/v1", name="server", key="plainlookingwords", save=False)
    chat = Chat("builtin", services=services, private=True)
    with pytest.raises(KeyFoundError, match="holds the key of server"):
        chat.attach({"header": "plainlookingwords"})
    services.close()


def test_a_model_that_sees_nothing_is_named_before_anything_is_sent() -> None:
    chat, service = scripted()
    chat.attach(RED, name="red")
    (view,) = chat.view()["attachments"]
    assert view["problem"] == "tiny cannot see pictures."
    with pytest.raises(UsageError, match="tiny cannot see pictures: red"):
        chat.send("What colour?")
    assert chat.messages == ()
    assert len(chat.attachments) == 1
    assert service.requests == []


def test_a_model_that_sees_is_sent_the_picture_and_one_that_does_not_is_not_asked_later() -> None:
    chat, service = scripted(seeing(ScriptedService(say("red"))))
    chat.attach(RED, name="red")
    assert chat.view()["attachments"][0]["problem"] == ""
    assert chat.view()["attachments"][0]["thumb"].startswith("data:image/jpeg;base64,")
    reply = chat.send("What colour?")
    assert reply.result(20) == "red"
    assert isinstance(service.requests[0].messages[-1].parts[0], Image)
    service.infos[1] = msgspec.structs.replace(service.infos[1], capabilities=frozenset())
    chat._info = service.infos[1]
    for ask in (lambda: chat.send("And now?"), lambda: chat.regenerate(reply)):
        with pytest.raises(UsageError, match="other cannot see pictures"):
            ask()
    assert len(chat.messages) == 2


def test_a_server_that_does_not_say_what_it_can_is_sent_the_picture() -> None:
    chat, service = scripted(ScriptedService(say("red"), name="far"))
    chat.attach(RED)
    assert chat.view()["attachments"][0]["problem"] == ""
    assert chat.send("?").result(20) == "red"
    assert len(service.requests) == 1


def test_what_is_longer_than_the_context_says_so_beside_the_composer() -> None:
    chat, _ = scripted()
    chat.attach("word " * 400, name="long")
    assert chat.view()["attachments"][0]["problem"] == "Longer than the context of tiny: 100 tokens."


def test_an_edited_message_a_fork_and_another_answer_keep_what_came_with_it() -> None:
    chat, service = scripted()
    reply = chat.send("?", attach=FRAME)
    reply.wait(20)
    chat.regenerate().wait(20)
    edited = chat.edit(chat.messages[0], "Other words")
    assert edited is not None
    edited.wait(20)
    assert [request.messages[0].parts[0].name for request in service.requests] == ["table"] * 3  # type: ignore[union-attr]  # files
    assert chat.view()["messages"][0]["files"][0]["name"] == "table"
    assert chat.fork().view()["messages"][0]["files"][0]["kind"] == "table"


def test_a_message_that_waits_or_interrupts_keeps_it() -> None:
    chat, service = scripted(ScriptedService(until_cancelled("one"), say("two"), say("three")))
    first = chat.send("go on")
    waiting = chat.send("next", attach="a text of its own")
    urgent = chat.send("now", attach="another text", interrupt=True)
    for reply in (first, waiting, urgent):
        reply.wait(20)
    sent = {r.messages[-1].text: r.messages[-1].parts[0] for r in service.requests}
    assert sent["next"].text == "a text of its own"  # type: ignore[union-attr]  # a file
    assert sent["now"].text == "another text"  # type: ignore[union-attr]  # a file


def test_it_is_kept_shown_again_and_exported() -> None:
    service = seeing(ScriptedService(say("red")))
    chat, _ = scripted(service)
    chat.send("What is this?", attach=[RED, FRAME]).wait(20)
    chat.title = "attached"
    before = chat.view()["messages"][0]["files"]
    chat._conversation.recorder._history.flush()
    stored, messages = chat._conversation.recorder._history.load(chat.history_id)
    again = Chat(services=ScriptedServices(service), id=stored.id)  # type: ignore[arg-type]  # a fake
    again._restore(stored, messages)
    assert again.view()["messages"][0]["files"] == before
    assert before[0]["thumb"]
    texts = {format: str(again.export(format)) for format in ("markdown", "html", "json", "notebook")}
    assert "*Picture: picture*" in texts["markdown"]
    assert "Oslo,3.5" in texts["markdown"]
    assert 'src="data:image/png;base64,' in texts["html"]
    assert "Oslo,3.5" in texts["html"]
    assert "Oslo,3.5" in json.loads(texts["notebook"])["cells"][1]["source"][3]
    ((_, [first, *_]),) = loaded(texts["json"], taken=set())
    assert first.parts == chat.messages[0].parts
    copy = again.html()
    assert "<em>Attached: picture (image), table (table)</em>" in copy
    assert "base64" not in copy


def test_the_preview_shows_what_would_go_with_it() -> None:
    chat, _ = scripted(seeing(ScriptedService(name="far", url="http://localhost:9/v1")))
    chat.attach(RED, FRAME)
    request = chat.preview("What?").request
    assert request is not None
    assert "Oslo,3.5" in request
    assert "data:image/png;base64,(" in request
    assert len(request) < 2000


def test_the_last_output_and_the_last_error_come_from_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.sessions.attaching import latest

    class Shell:
        user_ns: dict[str, Any] = {"Out": {}}  # noqa: RUF012  # a fake's

    monkeypatch.setattr(latest, "shell", Shell)
    monkeypatch.delattr("sys.last_value", raising=False)
    monkeypatch.delattr("sys.last_exc", raising=False)
    chat, _ = scripted()
    with pytest.raises(StateError, match="no output yet"):
        chat.attach_output()
    with pytest.raises(StateError, match="No cell has failed"):
        chat.attach_error()
    Shell.user_ns |= {"Out": {3: FRAME, 5: chat}, "weather": FRAME}
    monkeypatch.setattr("sys.last_value", ValueError("no"), raising=False)
    assert [a.name for a in (*chat.attach_output(), *chat.attach_error())] == ["weather", "ValueError"]
    del Shell.user_ns["weather"]
    assert chat.attach_output()[0].name == "Out[3]"
    chat.detach()
    for what in ("output", "error"):
        assert chat.perform(AttachLast(id=1, what=what)).ok  # type: ignore[arg-type]  # one of the two
        until(chat, lambda: len(chat.attachments) == 1)
        chat.detach()


def test_a_front_end_attaches_a_file_in_pieces_and_takes_it_away() -> None:
    chat, service = scripted(seeing(ScriptedService(say("red"))))
    data = base64.b64encode(png()).decode()
    half = len(data) // 8 * 4
    assert chat.perform(Attach(id=1, attachment="u1", name="red.png", data=data[:half], more=True)).ok
    assert chat.view()["attachments"][0]["busy"]
    refused = chat.perform(Send(id=2, text="?"))
    assert refused.error is not None
    assert refused.error.message == "Still being read: red.png."
    assert chat.perform(Attach(id=3, attachment="u1", name="red.png", data=data[half:])).ok
    until(chat, lambda: chat.attachments)
    assert chat.view()["attachments"][0]["note"] == "20 by 10 pixels"
    assert chat.perform(Attach(id=4, attachment="u2", name="Pasted text", content="many words")).ok
    until(chat, lambda: len(chat.attachments) == 2)
    assert chat.perform(Detach(id=5, attachment=chat.attachments[1].id)).ok
    assert chat.perform(Send(id=6, text="What colour?")).ok
    assert chat.last is not None
    chat.last.wait(20)
    assert [type(part).__name__ for part in service.requests[0].messages[-1].parts] == ["Image", "Text"]
    question = chat.view()["messages"][0]["id"]
    assert chat.perform(Edit(id=7, message=question, text="Which colour?")).ok
    chat.last.wait(20)
    assert isinstance(service.requests[1].messages[-1].parts[0], Image)


def test_what_a_front_end_sends_wrongly_is_said_and_leaves_nothing() -> None:
    chat, _ = scripted()
    bad = chat.perform(Attach(id=1, attachment="u1", name="x", data="!!"))
    assert bad.error is not None
    assert "arrived damaged" in bad.error.message
    assert chat.perform(Attach(id=1, attachment="u1", name="x")).error is not None
    piece = base64.b64encode(b"x" * (11 * 2**20)).decode()
    chat.perform(Attach(id=2, attachment="u2", name="long.txt", data=piece, more=True))
    large = chat.perform(Attach(id=3, attachment="u2", name="long.txt", data=piece, more=True))
    assert large.error is not None
    assert "more than 20 MB" in large.error.message
    assert chat.perform(Attach(id=4, attachment="u3", name="a.bin", data=base64.b64encode(b"\0\1").decode())).ok
    until(chat, lambda: (chat.view()["notice"] or {}).get("message") == "a.bin is not text.")
    assert chat.perform(Attach(id=5, attachment="u4", name=".env", content="API_KEY=abc12345")).ok
    until(chat, lambda: (chat.view()["notice"] or {}).get("kind") == "KeyFoundError")
    assert chat.view()["attachments"] == []


def test_the_model_that_ships_reads_a_frame_and_its_tokens_are_counted(services: Services) -> None:
    chat = Chat("builtin", services=services, private=True)
    chat.send("hello", max_tokens=5).wait(60)
    (made,) = chat.attach(FRAME, name="weather")
    assert made.model == "builtin"
    assert not chat.view()["attachments"][0]["about"]
    reply = chat.send("What is in this table?", max_tokens=20)
    assert reply.result(60)
    assert reply.usage.prompt_tokens is not None
    assert made.tokens is not None
    assert reply.usage.prompt_tokens > made.tokens
    shown = chat.preview("")
    assert shown.prompt is not None
    assert "File weather:\nA table of 2 rows and 2 columns" in shown.prompt


def test_ask_takes_things_too() -> None:
    assert wb.ask("What is in this table?", attach=FRAME, max_tokens=5).result(60)
    with pytest.raises(UsageError, match="builtin cannot see pictures"):
        wb.ask("What colour?", attach=[RED])


def test_a_file_part_can_be_given_as_it_is(tmp_path: Path) -> None:
    chat, service = scripted()
    chat.send("?", attach=File("own.txt", "my text")).wait(20)
    assert service.requests[0].messages[0].parts[0].name == "own.txt"  # type: ignore[union-attr]  # a file
