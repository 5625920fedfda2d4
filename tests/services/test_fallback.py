"""A run whose model is not available, over services that fail as they are told and the model that ships."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sessions.scripted import Script, ScriptedService, ScriptedServices, fail, say, until_cancelled
from workbench.errors import (
    AuthenticationError,
    ConnectionFailedError,
    ContextOverflowError,
    EngineError,
    ErrorInfo,
    HostCrashedError,
    ModelFilesError,
    ModelNotFoundError,
    ModelTooBigError,
    RateLimitError,
    ServiceTimeoutError,
    WorkbenchError,
)
from workbench.events import Event, Failed, Finished, LoadProgress, Notice, ReasoningDelta, TextDelta
from workbench.messages import user
from workbench.request import Request
from workbench.services.fallback import Run, why
from workbench.services.registry import Services
from workbench.services.remote import RemoteChatService
from workbench.store import settings

AWAY = ConnectionFailedError("Nothing listens at localhost:11434.", next_step="Start it with `ollama serve`.")


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


def far_away(*scripts: Script, name: str = "far") -> ScriptedService:
    """A scripted service on another machine."""
    return ScriptedService(*scripts, name=name, models=("big",), url="https://far.example/v1")


def run(first: ScriptedService, *others: ScriptedService, model: str = "", **options) -> tuple[list[Event], Run]:
    request = Request(messages=(user("Hello"),), model=model or first.infos[0].id, force=True)
    made = Run(ScriptedServices(first, *others), request, first, **options)
    return list(made.events()), made


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def builtin(*scripts: Script) -> ScriptedService:
    return ScriptedService(*scripts or (say("from ", "builtin"),), models=("builtin",))


def loading_then(error: WorkbenchError) -> Script:
    def script(request: Request, cancelled) -> Iterator[Event]:
        yield LoadProgress(run=request.run, model=request.model, done=1, total=2)
        yield Failed(run=request.run, error=error.info)

    return script


@pytest.mark.parametrize(
    "error",
    [
        AWAY,
        ServiceTimeoutError("It did not begin to answer."),
        AuthenticationError("It refused the key."),
        ModelNotFoundError("There is no model big."),
        ModelTooBigError("big does not fit."),
        ModelFilesError("A file is cut short."),
        EngineError("It would not load."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_model_that_is_not_available_is_answered_for_and_said_so(error: WorkbenchError) -> None:
    other = builtin()
    events, _ = run(far_away(fail(error)), other)
    notice = events[0]
    assert isinstance(notice, Notice)
    assert (notice.code, notice.model) == ("fallback", "builtin")
    assert notice.message.startswith("far:big ")
    assert notice.message.endswith("; builtin answers.")
    assert text(events) == "from builtin"
    assert isinstance(events[-1], Finished)
    assert (other.requests[0].model, other.requests[0].force) == ("builtin", False)
    assert {event.run for event in events} == {events[0].run}


@pytest.mark.parametrize(
    "error",
    [ContextOverflowError("Too long."), RateLimitError("Too many requests."), HostCrashedError("It died.")],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_of_the_request_or_of_a_run_is_told_as_it_is(error: WorkbenchError) -> None:
    other = builtin()
    events, _ = run(far_away(fail(error)), other)
    assert events == [Failed(run=events[0].run, error=error.info)]
    assert other.requests == []


def test_a_crash_while_the_model_loads_means_that_it_cannot_be_used() -> None:
    events, _ = run(ScriptedService(loading_then(HostCrashedError("It died."))), builtin())
    assert [type(event).__name__ for event in events[:2]] == ["LoadProgress", "Notice"]
    assert events[1].message == "tiny did not load (it died); builtin answers."  # type: ignore[union-attr]


def test_an_answer_that_has_begun_is_never_moved() -> None:
    other = builtin()
    events, _ = run(far_away(fail(AWAY, "Be", "gun")), other)
    assert text(events) == "Begun"
    assert isinstance(events[-1], Failed)
    assert other.requests == []

    def thinks(request: Request, cancelled) -> Iterator[Event]:
        yield ReasoningDelta(run=request.run, text="Hm")
        yield Failed(run=request.run, error=AWAY.info)

    events, _ = run(far_away(thinks), other)
    assert isinstance(events[-1], Failed)
    assert other.requests == []


def test_it_is_off_by_choice() -> None:
    other = builtin()
    assert isinstance(run(far_away(fail(AWAY)), other, substitute=False)[0][-1], Failed)
    settings.change(use_fallback=False)
    assert isinstance(run(far_away(fail(AWAY)), other)[0][-1], Failed)
    assert isinstance(run(far_away(fail(AWAY)), other, substitute=True)[0][-1], Finished)
    settings.change(use_fallback=True, fallback=None)
    assert isinstance(run(far_away(fail(AWAY)), other)[0][-1], Failed)
    assert len(other.requests) == 1


def test_the_fallback_of_the_settings_answers() -> None:
    settings.change(fallback="other")
    events, _ = run(far_away(fail(AWAY)), ScriptedService(say("other"), models=("tiny", "other")))
    assert events[0].model == "other"  # type: ignore[union-attr]
    assert text(events) == "other"


def test_the_fallback_does_not_stand_in_for_itself() -> None:
    events, _ = run(builtin(fail(ModelFilesError("Cut short."))))
    assert [type(event).__name__ for event in events] == ["Failed"]
    assert events[0].error.message == "Cut short."  # type: ignore[union-attr]


def test_when_the_fallback_fails_too_both_reasons_are_told() -> None:
    events, _ = run(far_away(fail(AWAY)), builtin(fail(ModelFilesError("Its file is cut short."))))
    notice, failed = events
    assert isinstance(notice, Notice)
    assert isinstance(failed, Failed)
    assert failed.error.kind == "ConnectionFailedError"
    assert failed.error.message == (
        "Nothing listens at localhost:11434. The fallback builtin could not answer either: Its file is cut short."
    )
    assert failed.error.next_step == AWAY.next_step
    settings.change(fallback="nobody")
    (failed,) = run(far_away(fail(AWAY)))[0]
    assert isinstance(failed, Failed)
    assert "The fallback could not answer either: There is no model 'nobody'" in failed.error.message


def test_a_fallback_on_another_machine_gets_nothing_unless_that_was_allowed() -> None:
    settings.change(fallback="away:big")
    far = far_away(name="away")
    events, _ = run(ScriptedService(fail(EngineError("It would not load."))), far)
    assert isinstance(events[0], Failed)
    assert "would leave this machine, to far.example" in events[0].error.message
    assert far.requests == []
    settings.change(allowed=("https://far.example",))
    assert isinstance(run(ScriptedService(fail(EngineError("It would not load."))), far)[0][-1], Finished)
    assert len(far.requests) == 1


def test_a_model_that_is_gone_is_answered_for() -> None:
    request = Request(messages=(user("Hello"),), model="org/gone")
    gone = ErrorInfo(kind="ModelNotFoundError", message="There is no model 'org/gone'.")
    events = list(Run(ScriptedServices(builtin()), request, None, missing=gone).events())
    assert events[0].message == "org/gone is not here (there is no model 'org/gone'); builtin answers."  # type: ignore[union-attr]
    assert text(events) == "from builtin"


def test_a_cancel_reaches_whoever_answers_now() -> None:
    other = builtin(until_cancelled("half"))
    request = Request(messages=(user("Hello"),), model="far:big")
    made = Run(ScriptedServices(far_away(fail(AWAY)), other), request, far_away(fail(AWAY)))
    events = made.events()
    got = [next(events), next(events)]  # the notice, the first word
    assert text(got) == "half"
    made.cancel()
    assert [event.reason for event in events if isinstance(event, Finished)] == ["cancelled"]


def test_nothing_is_asked_of_the_fallback_after_a_cancel() -> None:
    other = builtin()
    request = Request(messages=(user("Hello"),), model="far:big")
    made = Run(ScriptedServices(other), request, far_away(fail(AWAY)))
    made.cancel()
    assert isinstance(list(made.events())[-1], Failed)
    assert other.requests == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (AWAY, "ollama:llama3 is away (nothing listens at localhost:11434); builtin answers."),
        (
            AuthenticationError("api.openai.com refused the key."),
            "ollama:llama3 does not let us in (api.openai.com refused the key); builtin answers.",
        ),
        (
            ModelTooBigError("ollama:llama3 does not fit: it needs about 42 GB."),
            "ollama:llama3 cannot be used (does not fit: it needs about 42 GB); builtin answers.",
        ),
    ],
)
def test_the_sentence_says_which_and_why(error: WorkbenchError, sentence: str) -> None:
    assert why("ollama:llama3", error.info, "builtin") == sentence


def test_a_server_that_is_not_there_is_answered_for_by_the_model_that_ships() -> None:
    services = Services()
    service = RemoteChatService("http://127.0.0.1:9", name="box")
    request = Request(messages=(user("Hello"),), model="box:llama3")
    try:
        events = list(Run(services, request, service).events())
    finally:
        services.close()
    notice = next(event for event in events if isinstance(event, Notice))
    assert notice.message == "box:llama3 is away (nothing listens at 127.0.0.1:9); builtin answers."
    assert text(events)
    assert isinstance(events[-1], Finished)
