"""Models on this machine: found, loaded when asked for, kept in a host process each. Knows no session.

    runs -> line of their model -> room in memory -> host -> answers -> what was measured is kept

One model answers one run at a time, or those that were asked for together, first come first served. One model is loaded
at a time. Room is counted over the hosts of all kernels; only hosts of this service are ever ended to make some. A
model that does not fit this machine is refused, unless it is forced.
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from workbench.engines import LoadedModel, LoadSpec, hosts, missing_package
from workbench.engines.hosted import HostedEngine
from workbench.errors import EngineError, EngineMissingError
from workbench.events import Event, Failed, Finished, LoadProgress, Notice, Queued
from workbench.manager import facts as model_facts
from workbench.manager import files, inventory, machine
from workbench.manager.fit import Fit, fit
from workbench.messages import Image, new_id
from workbench.model import ModelInfo
from workbench.request import Request
from workbench.services import room
from workbench.services.line import CancelledRunError, Run, batch_of, common, told, told_all
from workbench.store import paths, settings

FORMATS = {"mlx": "safetensors", "llama_cpp": "gguf", "scripted": "json"}
"""The file format each engine is given, the preferred engine first."""
CONTINUING = ("llama_cpp", "mlx", "scripted")
"""The engines that can go on with an answer."""
SEEING = ("llama_cpp",)
"""The engines that read pictures; the others read the text of a model that could see."""
LOOK_S = 30.0
"""Seconds after which a change of the idle time-out counts, at the latest."""
_MODULES = {"mlx": "mlx_lm", "llama_cpp": "xllamacpp"}


class LocalChatService:
    """Chats answered by models on this machine; a `workbench.services.ChatService`.

    `engine` runs every model on that engine instead of the one its format calls for. `memory_budget` is the most
    bytes that the models of all kernels may hold together, by default what `workbench.manager.machine` says.
    A model unused for `idle_timeout` seconds is unloaded; ``None`` keeps it; by default what the settings say.
    """

    name = "local"

    def __init__(
        self,
        *,
        engine: str | None = None,
        memory_budget: int | None = None,
        idle_timeout: float | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> None:
        if engine is not None and engine not in FORMATS:
            raise EngineMissingError(f"There is no engine {engine!r}.", next_step=f"There are: {', '.join(FORMATS)}.")
        self._engine = engine
        self._budget = memory_budget
        self._idle_timeout = idle_timeout
        self._changed = threading.Condition()  # guards everything below and every _Place
        self._places: dict[str, _Place] = {}
        self._runs: WeakValueDictionary[str, Run] = WeakValueDictionary()
        self._loader: Run | None = None
        self._janitor: threading.Thread | None = None

    def __repr__(self) -> str:
        with self._changed:
            loaded = [place.info.id for place in self._places.values() if place.loaded]
        return f"LocalChatService(loaded={loaded})"

    def models(self) -> list[ModelInfo]:
        """The models on this machine that can chat: what is loaded, and what the inventory finds."""
        found = {info.id: info for info in inventory.local_models() if "embeddings" not in info.capabilities}
        with self._changed:
            known = {place.info.id: place.info for place in self._places.values() if place.loaded or place.loading}
        return [self.described(info) for info in {**found, **known}.values()]

    def find(self, model: str, *, also: Iterable[str] = ()) -> ModelInfo:
        """The model of an id, with its engine and status.

        Raises `ModelFilesError`, and `ModelNotFoundError`, which names the nearest of the ids here and `also`.
        """
        return self.described(inventory.find(model, also=also))

    def described(self, info: ModelInfo) -> ModelInfo:
        """A model of the inventory, with what only this service knows: engine, status, percent loaded, context."""
        if info.status == "failed":
            return info
        try:
            engine = self._engine_for(info)
        except EngineError as error:
            return msgspec.structs.replace(info, status="failed", note=error.message)
        with self._changed:
            place = self._places.get(info.id)
            loading = place is not None and place.loading
            loaded = place.engine.loaded if place is not None and place.loaded and place.engine is not None else None
            percent = place.percent if place is not None and loading else None
        return msgspec.structs.replace(
            info,
            engine=engine,
            format=FORMATS[engine],
            status="loaded" if loaded else "loading" if loading else "ready",
            context_length=loaded.context_length if loaded else info.context_length,
            parameters=(loaded.parameters if loaded else None) or info.parameters,
            capabilities=info.capabilities - (set() if engine in SEEING else {"vision"}),
            note=info.note if percent is None else f"{percent} %",
        )

    def stream(self, request: Request) -> Iterator[Event]:
        """Answer, loading the model first if need be. Never raises for a failure."""
        return self.stream_many([request])

    def stream_many(self, requests: Sequence[Request]) -> Iterator[Event]:
        """Answer several requests to one model, loading it first if need be; each event carries its run.

        They stand in line as one. An engine that can batch answers them at the same time, others one after another.
        Each run ends with exactly one `Finished` or `Failed`, and is cancelled on its own; never raises for a failure.
        That the model is loaded is told to the first run only. Closing the iterator early cancels all.
        """
        batch = batch_of(requests, new_id())
        self._runs.update({run.id: run for run in batch.members})
        return told_all(batch, self._answer(requests, batch))

    def load(self, model: str, *, run: str | None = None, force: bool = False) -> Iterator[Event]:
        """Bring a model into memory; a run it is answering, or one on a model that must make room, is cancelled first.

        `LoadProgress` events, the last with `seconds`; or one `Failed`; or a cancelled `Finished`. With `force` it is
        loaded even if it does not fit.
        """
        loading = Run(run or new_id(), urgent=True, force=force)
        self._runs[loading.id] = loading
        return told(loading, self._load(model, loading))

    def cancel(self, run: str) -> None:
        """Cancel a run or load that is queued, loading or generating; unknown or ended ones are ignored."""
        known = self._runs.get(run)
        if known is not None:
            self._cancel([known])

    def unload(self, model: str | None = None) -> None:
        """End the host of one model, or of all; its runs, waiting ones included, are cancelled. Unknown ids are
        ignored.
        """
        with self._changed:
            places = [p for p in self._places.values() if model in (None, p.info.id)]
            runs = [run for place in places for run in place.line]
        self._cancel(runs)
        for place in places:
            self._end(place)

    def loaded(self, model: str) -> LoadedModel | None:
        """What is known of a model that is in memory; ``None`` while it is not."""
        engine = self._loaded(model)
        return None if engine is None else engine.loaded

    def count_tokens(self, request: Request) -> int | None:
        """Tokens of the prompt; ``None`` while the model is not in memory, and nothing is loaded for it, and for one
        with pictures: how many those take is known when they are read.

        While the model answers it waits for the next token, or the next piece of a prompt that is being read: well
        below a second. Call it from a background thread all the same. Raises what the engine raises.
        """
        engine = self._loaded(request.model)
        pictures = any(isinstance(part, Image) for message in request.messages for part in message.parts)
        return None if engine is None or pictures else engine.count_tokens(request)

    def render(self, request: Request) -> str | None:
        """The exact prompt; ``None`` while the model is not in memory. Waits and raises as `count_tokens` does."""
        engine = self._loaded(request.model)
        return None if engine is None else engine.render(request)

    def can_continue(self, model: str) -> bool:
        """Whether a request may go on with an answer of this model; costs nothing. Raises what `find` raises."""
        return self._engine_for(inventory.find(model)) in CONTINUING

    def save_cache(self, request: Request, file: Path) -> int:
        """Write what the model holds of a conversation, already read, to a file; blocks behind runs of the model.

        Gives the tokens saved; 0 where nothing is held, the engine cannot, or the model is not in memory. Raises
        `FolderError` when the file cannot be written.
        """
        engine = self._loaded(request.model)
        return 0 if engine is None else engine.save_cache(request, file)

    def restore_cache(self, model: str, file: Path) -> int:
        """Give a model what `save_cache` wrote, so that it need not read it again; blocks, and loads the model.

        Gives the tokens restored; 0 where the file is not there, damaged, or of another model or other files of it:
        then the next turn reads all of its prompt, and nothing is lost but time. Raises what loading raises.
        """
        if not file.is_file():
            return 0
        run, place = Run(new_id()), self._place(model)
        with self._in_line(place, run) as turn:
            for _ in turn:
                pass
            for _ in self._ready(place, run, None):
                pass
            return self._host(place, run).restore_cache(file)

    def close(self) -> None:
        """Cancel everything and end every host."""
        self.unload()

    # One run, step by step

    def _answer(self, requests: Sequence[Request], batch: Run) -> Iterator[Event]:
        model, context_length = common(requests)
        place = self._place(model)
        left = list(requests)
        with self._in_line(place, batch) as turn:
            yield from turn
            while left:
                yield from self._ready(place, batch, context_length)  # again, where a host has died of the one before
                host = self._host(place, batch)
                wanted = {run.id for run in batch.members if not run.cancelled}
                for request in left:
                    if request.run not in wanted:
                        yield Finished(run=request.run, reason="cancelled")
                left = [request for request in left if request.run in wanted]
                together = host.loaded is not None and host.loaded.capabilities.batch
                going, left = (left, []) if together else (left[:1], left[1:])
                yield from self._generated(host, going, batch)

    def _generated(self, host: HostedEngine, requests: list[Request], batch: Run) -> Iterator[Event]:
        load_s, batch.load_s = batch.load_s, None
        known = False
        with closing(host.generate(requests)) as events:  # type: ignore[type-var]  # it is a generator
            for event in events:
                for run in [] if known else batch.members:
                    if run.cancelled:
                        host.cancel(run.id)  # for a cancel that came before the host knew of the run
                known = True
                if isinstance(event, Finished | Failed) and load_s is not None and event.run == requests[0].run:
                    event = msgspec.structs.replace(
                        event, metrics=msgspec.structs.replace(event.metrics, load_s=load_s)
                    )
                if isinstance(event, Finished):
                    room.note(event, host)
                yield event

    def _load(self, model: str, run: Run) -> Iterator[Event]:
        place = self._place(model)
        with self._changed:
            interrupted = place.line[:1] if place.loaded else []
            self._cancel(interrupted)
        # Where somebody else's run is just loading the model, it is enough to wait for that.
        with self._in_line(place, run, lambda: place.loaded and not interrupted) as turn:
            for _ in turn:
                pass
            with self._changed:
                loaded = place.engine.loaded if place.loaded and place.engine is not None else None
            if loaded is not None:
                size = loaded.weights
                yield LoadProgress(run=run.id, model=place.info.id, done=size, total=size, seconds=0.0)
                return
            for event in self._ready(place, run, None):
                if not isinstance(event, Queued):
                    yield event

    def _ready(self, place: _Place, run: Run, context_length: int | None) -> Iterator[Event]:
        """Make the model of a place loaded; the run is the first in its line."""
        with self._changed:
            loaded = place.loaded
        if loaded:
            self._watch()  # the settings may ask for it only since
            return
        self._end(place)  # a host that died
        engine = self._engine_for(place.info)
        path = inventory.locate(msgspec.structs.replace(place.info, format=FORMATS[engine]))
        facts = files.check(path)
        info = msgspec.structs.replace(
            place.info, engine=engine, format=FORMATS[engine], path=str(path), size=facts.size
        )
        projector = model_facts.projector(path) if engine == "llama_cpp" else None
        if projector is not None:
            info = msgspec.structs.replace(info, size=facts.size + projector.stat().st_size)
        host = HostedEngine(engine)  # it imports its framework while room is made
        with self._changed:
            place.engine, place.loading, place.percent = host, True, None
        try:
            yield from self._waiting(run, lambda: self._claim(run))
            need = self._fit(info, context_length)
            yield from self._room(place, run, need)
            spec = LoadSpec(
                model=place.info.id,
                path=str(path),
                projector=None if projector is None else str(projector),
                context_length=context_length,
                cache_budget=room.cache_budget(need),
            )
            with closing(self._host(place, run).load(spec, run.id)) as events:  # type: ignore[type-var]  # as well
                for event in events:
                    if run.cancelled:
                        host.cancel(run.id)
                    if isinstance(event, Finished):
                        raise CancelledRunError
                    if isinstance(event, LoadProgress):
                        place.percent = min(100, 100 * event.done // event.total) if event.total else None
                    if isinstance(event, LoadProgress) and event.seconds is not None:
                        run.load_s = event.seconds
                        with self._changed:
                            place.loading = False
                            self._changed.notify_all()
                    yield event
        finally:
            with self._changed:
                if self._loader is run:
                    self._loader = None
                unfinished, place.loading = place.loading, False
                self._changed.notify_all()
            if unfinished:
                self._end(place)
        self._watch()

    def _fit(self, info: ModelInfo, context_length: int | None) -> Fit:
        here = machine.this()
        budget = here.usable if self._budget is None else self._budget
        return fit(info, context_length, machine=msgspec.structs.replace(here, usable=budget))

    def _room(self, place: _Place, run: Run, need: Fit) -> Iterator[Event]:
        """Unload idle models, the longest unused first, until the model fits."""
        model = place.info.id
        if need.verdict == "too big" and not run.force:
            raise room.too_big(model, need)
        while (victim := (yield from self._victim(run, max(0, need.usable - need.total)))) is not None:
            victim.close()
            message = f"{victim.model} was unloaded to make room for {model}."
            yield Notice(run=run.id, code="evicted", message=message, model=victim.model)
        if need.verdict in ("tight", "too big"):
            words = "is a tight fit" if need.verdict == "tight" else "does not fit, and was forced"
            yield Notice(run=run.id, code="note", message=f"{model} {words}: {room.needs(need)}.", model=model)
        host = self._host(place, run)
        record = hosts.record(host.pid, model=model, engine=host.engine, size=need.total)
        if record is not None:
            hosts.add(_register(), record)
        with self._changed:
            place.record = record

    def _victim(self, run: Run, most: int) -> Generator[Event, None, _Taken | None]:
        """What has to be closed so that all others hold at most so many bytes; ``None`` when they do."""
        taken: list[_Taken] = []

        def ahead() -> int:
            held = hosts.live(_register())
            if sum(host.bytes for host in held) <= most:
                return 0
            mine = sorted((p for p in self._places.values() if p.loaded), key=lambda p: p.used)
            idle = [p for p in mine if not p.line]
            if idle:
                taken.append(idle[0].take())
                return 0
            if not mine and run.force:
                return 0
            if not mine:
                raise room.none_left(held)
            if run.urgent:
                self._cancel(list(mine[0].line))
            return len(mine[0].line)

        yield from self._waiting(run, ahead)
        return taken[0] if taken else None

    # The line of a model

    @contextmanager
    def _in_line(
        self, place: _Place, run: Run, enough: Callable[[], bool] = lambda: False
    ) -> Iterator[Iterator[Event]]:
        """Stand in a model's line; what it gives waits until the run is the first, or what is there is enough."""
        with self._changed:
            place.line.insert(1 if run.urgent and place.line else len(place.line), run)
        try:
            yield self._waiting(run, lambda: 0 if enough() else place.line.index(run))
        finally:
            with self._changed:
                place.line.remove(run)
                place.used = time.monotonic()
                dead = place.engine is not None and not place.engine.alive
                self._changed.notify_all()
            if dead:
                self._end(place)

    def _waiting(self, run: Run, ahead: Callable[[], int]) -> Iterator[Event]:
        """Wait until nothing is ahead, saying how much is; again when a member is cancelled, which ends then.

        `ahead` is asked under the lock.
        """
        before = stopped = 0
        while True:
            with self._changed:
                while not run.cancelled and (count := ahead()) and (count, run.stopped) == (before, stopped):
                    self._changed.wait()
                if run.cancelled:
                    raise CancelledRunError
                if not count:
                    return
                before, stopped = count, run.stopped
            yield Queued(run=run.id, position=count)

    def _claim(self, run: Run) -> int:
        """Take the turn to load if it is free: 0; else 1, the load that goes on."""
        if self._loader not in (None, run):
            return 1
        self._loader = run
        return 0

    def _cancel(self, runs: Iterable[Run]) -> None:
        with self._changed:
            reached = [each for run in runs for each in run.cancel()]
            self._changed.notify_all()
        for host, run_id in reached:
            host.cancel(run_id)

    # Models and their hosts

    def _place(self, model: str) -> _Place:
        info = inventory.find(model)
        with self._changed:
            place = self._places.setdefault(info.id, _Place(info))
            if place.engine is None:
                place.info = info
            return place

    def _loaded(self, model: str) -> HostedEngine | None:
        with self._changed:
            place = self._places.get(model)
            return place.engine if place is not None and place.loaded else None

    def _host(self, place: _Place, run: Run) -> HostedEngine:
        """The host of a place, from now on reached by the run's cancel; unloaded meanwhile, the run is cancelled."""
        with self._changed:
            if place.engine is None or run.cancelled:
                raise CancelledRunError
            run.host = place.engine
            return place.engine

    def _end(self, place: _Place) -> None:
        with self._changed:
            taken = place.take()
            self._changed.notify_all()
        taken.close()

    def _engine_for(self, info: ModelInfo) -> str:
        """The engine that runs a model here. Raises `EngineMissingError`, or `EngineError` for the wrong format."""
        if info.id == inventory.BUILTIN:  # it comes in any format
            able = [self._engine] if self._engine else [e for e in _MODULES if importlib.util.find_spec(_MODULES[e])]
            engine = able[0] if able else next(iter(_MODULES))
        else:
            engine = self._engine or next(e for e, format in FORMATS.items() if format == info.format)
            if FORMATS[engine] != info.format:
                raise EngineError(f"The engine {engine} reads {FORMATS[engine]}, and {info.id} is {info.format}.")
        module = _MODULES.get(engine)
        if module is not None and importlib.util.find_spec(module) is None:
            raise missing_package(engine, ModuleNotFoundError(name=module))
        return engine

    def _watch(self) -> None:
        """Have idle models unloaded in time."""
        timeout = self._timeout()
        with self._changed:
            if timeout is not None and self._janitor is None:
                self._janitor = threading.Thread(target=self._tidy, name="workbench idle models", daemon=True)
                self._janitor.start()

    def _timeout(self) -> float | None:
        given = self._idle_timeout
        return settings.get().idle_timeout if isinstance(given, msgspec.UnsetType) else given

    def _tidy(self) -> None:
        while True:
            timeout = self._timeout()
            with self._changed:
                held = [p for p in self._places.values() if p.engine is not None]
                if not held or timeout is None:
                    self._janitor = None
                    return
                idle = [(p.used + timeout - time.monotonic(), p) for p in held if not p.line]
                stale = [p.take() for left, p in idle if left <= 0]
                if not stale:
                    self._changed.wait(min([LOOK_S, *(left for left, _ in idle)]))
            for taken in stale:
                taken.close()


class _Taken(msgspec.Struct, frozen=True):
    """A host taken from its place, to be closed without holding the lock."""

    model: str
    engine: HostedEngine | None
    record: hosts.HostRecord | None

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
        if self.record is not None:
            hosts.remove(_register(), self.record)


class _Place:
    """One model's place: its host while it has one, and the line of runs before it, the first being answered."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.line: list[Run] = []
        self.engine: HostedEngine | None = None
        self.record: hosts.HostRecord | None = None
        self.loading = False
        self.percent: int | None = None
        """How much of it is loaded, while it loads and that is known."""
        self.used = time.monotonic()

    @property
    def loaded(self) -> bool:
        return self.engine is not None and not self.loading and self.engine.alive and self.engine.loaded is not None

    def take(self) -> _Taken:
        """Empty the place; whoever gets the host closes it."""
        taken = _Taken(self.info.id, self.engine, self.record)
        self.engine = self.record = None
        return taken


def _register() -> Path:
    return paths.runtime_dir() / "hosts"
