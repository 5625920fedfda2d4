"""An engine in a process of its own: starts the host, talks to it, and tells how it died. Knows no service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
import weakref
from contextlib import suppress
from pathlib import Path

import msgspec

from workbench.engines.handle import Calls, Handle
from workbench.engines.wire import Answer, Ask, Exit, Refused
from workbench.errors import EngineError, ErrorInfo, HostCrashedError, UsageError

LOG_BYTES = 8192
"""How much of the end of a host's output is kept for the report of a crash."""
STOP_SECONDS = 1.0
"""How long an engine may go on loading after a cancel before its process is killed."""


class HostedEngine(Handle):
    """An engine in a child process. Making one starts the process and returns at once; the framework is imported
    there meanwhile, and what is asked before that waits in the pipe.

        engine = HostedEngine("mlx")
        for event in engine.load(LoadSpec(model="builtin", path=folder), run="l1"): ...
        for event in engine.generate([request]): ...
        engine.close()

    The process ignores interrupts, and ends with `close`, with this handle, with this process. Raises `EngineError`
    when the system gives no process.
    """

    def __init__(self, engine: str) -> None:
        super().__init__(engine)
        asks, self._asks = os.pipe()
        answers, answers_end = os.pipe()
        log, log_end = os.pipe()
        command = [sys.executable, "-u", "-P", "-X", "faulthandler", "-m", "workbench.engines.host"]
        try:
            self._process = subprocess.Popen(
                [*command, engine, str(asks), str(answers_end), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log_end,
                stderr=log_end,
                pass_fds=(asks, answers_end),
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            for end in (self._asks, answers, log):
                os.close(end)
            raise EngineError(f"No process can be started for the engine {engine}: {error}.") from error
        finally:
            for end in (asks, answers_end, log_end):
                os.close(end)
        self._sending = threading.Lock()
        self._owner = os.getpid()
        self._end = weakref.finalize(self, _end, self._process, self._asks, self._owner)
        tail = _Tail(log)
        threading.Thread(target=tail.run, name=f"workbench log {engine}", daemon=True).start()
        threading.Thread(
            target=_read, args=(answers, self._process, self._calls, tail), name=f"workbench host {engine}", daemon=True
        ).start()

    @property
    def alive(self) -> bool:
        """Whether the process runs and can answer."""
        return not self._calls.over and not self._calls.closing and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The host's process id."""
        return self._process.pid

    def close(self, timeout: float = 2.0) -> None:
        """Ask the host to let go of its model and end; kill it after `timeout` seconds. Its memory is free then."""
        if not self._end.alive or os.getpid() != self._owner:
            return
        self._calls.closing = True
        killer = threading.Timer(timeout, self._process.kill)
        killer.daemon = True
        killer.start()
        self._send(Exit())
        self._process.wait()
        killer.cancel()
        with self._sending:
            self._end()

    def cancel(self, run: str) -> None:
        """Cancel a run or a load. A load that goes on regardless for a second is ended by killing the host."""
        calls = self._calls.cancel(run)
        self._send_cancel(run, calls)
        if self._calls.loading(*calls):
            killer = threading.Timer(STOP_SECONDS, _kill_if_loading, (self._process, self._calls, calls))
            killer.daemon = True
            killer.start()

    def _send(self, ask: Ask) -> None:
        try:
            line = memoryview(msgspec.json.encode(ask) + b"\n")
        except UnicodeEncodeError:
            error = UsageError("The text holds half a character (a lone surrogate).", next_step="Remove it.")
            if not isinstance(ask, Exit):
                self._calls.deliver(Refused(call=ask.call, error=error.info))
            return
        # A host that is gone shows as a broken pipe here; the reading thread tells the caller why.
        with self._sending, suppress(OSError):
            while line and self._end.alive:
                line = line[os.write(self._asks, line) :]


class _Tail:
    """Keeps the end of what a process prints."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._kept = b""
        self._done = threading.Event()

    def run(self) -> None:
        with open(self._pipe, "rb", buffering=0) as pipe:
            while chunk := pipe.read(65536):
                self._kept = (self._kept + chunk)[-LOG_BYTES:]
        self._done.set()

    def text(self) -> str:
        """The end of it, once all has arrived; a process started by the host may hold it open, so not for ever."""
        self._done.wait(0.5)
        return self._kept.decode(errors="replace")


def _read(pipe: int, process: subprocess.Popen[bytes], calls: Calls, tail: _Tail) -> None:
    decode = msgspec.json.Decoder(Answer).decode
    # A host killed while it writes leaves half a line; one that writes nonsense is ended below.
    with open(pipe, "rb") as lines, suppress(msgspec.DecodeError):
        for line in lines:
            calls.deliver(decode(line))
    with suppress(subprocess.TimeoutExpired):
        process.wait(2)
    process.kill()
    process.wait()
    calls.finish(None if calls.closing else _death(process.returncode, tail.text()))


def _death(code: int, log: str) -> ErrorInfo:
    if code < 0:
        name = next((known.name for known in signal.Signals if known == -code), f"signal {-code}")
        how = f"was killed by {name}"
        if name == "SIGKILL":
            how += ", which is also what the system does when memory runs out"
    else:
        how = f"ended with code {code}"
    return HostCrashedError(f"The process that held the model {how}.", details=log).info


def _environment() -> dict[str, str]:
    """This process's environment, with this very package importable, wherever the child starts."""
    package = str(Path(__file__).resolve().parents[2])
    if package == sysconfig.get_path("purelib"):
        return dict(os.environ)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _kill_if_loading(process: subprocess.Popen[bytes], calls: Calls, numbers: list[int]) -> None:
    if calls.loading(*numbers):
        process.kill()


def _end(process: subprocess.Popen[bytes], asks: int, owner: int) -> None:
    """The last thing that happens to a host: on `close`, when its handle is forgotten, when this process exits."""
    if os.getpid() != owner:
        return
    os.close(asks)
    process.kill()
    process.wait()
