"""Everything that can go wrong, as one tree; each error says what happened and what to do next.

    WorkbenchError
    ├── UsageError                 a bad argument (also a ValueError)
    │   ├── EmptyPromptError       nothing to answer
    │   ├── OptionError            a generation option out of range
    │   └── KeyFoundError          what was to be attached holds a key or a password
    ├── ModelError                 a model that cannot be used
    │   ├── ModelNotFoundError     no model of that id (also a LookupError)
    │   ├── ModelFilesError        files missing, truncated, or not what they claim to be
    │   │   └── NoUsableFilesError a repository without files that an engine here reads
    │   ├── ModelInUseError        it is loaded, or being written, and cannot be deleted or moved now
    │   ├── ModelTooBigError       it does not fit this machine's memory budget
    │   └── ContextOverflowError   the prompt is longer than the context
    │   └── SchemaError            an answer that does not fit the schema it was asked in
    ├── EngineError                the inference framework failed
    │   ├── EngineMissingError     its package is not installed, or not for this machine
    │   └── HostCrashedError       the process that held the model died
    ├── ServiceError               a server did not answer as it should
    │   ├── ConnectionFailedError  nothing listens there, or the name does not resolve
    │   ├── ServiceTimeoutError    no answer in time (also a TimeoutError)
    │   ├── AuthenticationError    the key is missing or wrong
    │   ├── RateLimitError         too many requests
    │   ├── RequestRefusedError    the server refused this request (4xx)
    │   ├── ServerFailedError      the server failed (5xx)
    │   ├── BadResponseError       not the protocol: HTML, malformed JSON, nothing at all
    │   └── StreamCutError         the answer broke off
    ├── HubError                   the model hub did not give what was asked
    │   ├── GatedModelError        access must be asked for, or a token is missing or wrong
    │   └── OfflineError           the hub cannot be reached
    ├── DownloadError              a download did not end well; what arrived is kept
    │   ├── DiskFullError          there is no room, before or midway
    │   ├── ChecksumError          the bytes are not those the hub promised
    │   └── DownloadCancelledError it was cancelled
    ├── FolderError                a folder or file that cannot be read, written, imported or deleted
    ├── HistoryError               the history of chats cannot be read or written as it is
    │   └── ChatNotFoundError      no chat of that id is kept (also a LookupError)
    └── StateError                 the call does not fit the moment (a closed session, say)
        └── ConsentNeededError     a prompt would leave this machine, and nobody has allowed it yet

Foreign exceptions are mapped into this tree once, at the border (engines, services). Errors travel
between processes and to the screen as `ErrorInfo`. This module imports no other layer.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An error as data: what a screen draws and what crosses a process border."""

    kind: str
    """Name of a class of this module's tree, e.g. ``"ModelNotFoundError"``."""
    message: str
    """What happened and why, one sentence for a person."""
    next_step: str = ""
    """What to do next, one sentence; empty when there is nothing to do but try again."""
    details: str = ""
    """For the curious: the end of a log, a server's reply. May be long; never holds a key."""
    retryable: bool = True
    """Whether asking again unchanged can help."""

    def to_error(self) -> WorkbenchError:
        """The exception this describes; an unknown kind becomes a plain `WorkbenchError`."""
        return _by_name().get(self.kind, WorkbenchError)(
            self.message, next_step=self.next_step, details=self.details, retryable=self.retryable
        )


class WorkbenchError(Exception):
    """Base of every error the workbench raises."""

    default_next_step: ClassVar[str] = ""
    default_retryable: ClassVar[bool] = True

    def __init__(
        self, message: str, *, next_step: str | None = None, details: str = "", retryable: bool | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = self.default_next_step if next_step is None else next_step
        self.details = details
        self.retryable = self.default_retryable if retryable is None else retryable

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.info,)

    @property
    def info(self) -> ErrorInfo:
        """This error as data."""
        return ErrorInfo(
            kind=type(self).__name__,
            message=self.message,
            next_step=self.next_step,
            details=self.details,
            retryable=self.retryable,
        )


class UsageError(WorkbenchError, ValueError):
    """A bad argument."""

    default_retryable = False


class EmptyPromptError(UsageError):
    """There is nothing to answer."""

    default_next_step = "Write a message first."


class OptionError(UsageError):
    """A generation option is out of range, or this engine cannot take it."""


class KeyFoundError(UsageError):
    """What was to be attached holds a key or a password; nothing of it was sent. The message says where it lies."""

    default_next_step = "Take it out, and attach the rest."


class ModelError(WorkbenchError):
    """A model cannot be used."""


class ModelNotFoundError(ModelError, LookupError):
    """No model of that id is known; the message names the nearest."""

    default_next_step = "wb.models() lists what there is."
    default_retryable = False


class ModelFilesError(ModelError):
    """A model's files are missing, truncated, or not what they claim to be."""

    default_retryable = False


class NoUsableFilesError(ModelFilesError):
    """A repository holds no files that an engine here reads; the message names the formats that were found."""


class ModelInUseError(ModelError):
    """The model is loaded, or being written, and cannot be deleted or moved now."""

    default_next_step = "Unload it first: wb.unload() does it."


class ModelTooBigError(ModelError):
    """The model does not fit the memory budget."""

    default_retryable = False


class ContextOverflowError(ModelError):
    """The prompt is longer than the context; the message says by how many tokens."""

    default_next_step = "Shorten the message, start a new chat, or choose a model with a longer context."
    default_retryable = False


class SchemaError(ModelError, ValueError):
    """An answer does not fit the schema it was asked in: the message says what does not, the details hold its text."""

    default_next_step = "Ask again, or ask for less: fewer fields, a looser schema."


class EngineError(WorkbenchError):
    """The inference framework failed."""


class EngineMissingError(EngineError):
    """The engine's package is not installed, or does not exist for this machine."""

    default_retryable = False


class HostCrashedError(EngineError):
    """The process that held the model died; the details hold the end of its log."""

    default_next_step = "Send again: a new process is started."


class ServiceError(WorkbenchError):
    """A server did not answer as it should."""

    wait: float | None = None
    """Seconds after which asking again may help; ``None`` when it would not, or nobody can say."""


class ConnectionFailedError(ServiceError):
    """Nothing listens at the address, or its name does not resolve."""


class ServiceTimeoutError(ServiceError, TimeoutError):
    """The server did not answer in time."""


class AuthenticationError(ServiceError):
    """The key is missing or wrong."""

    default_retryable = False


class RateLimitError(ServiceError):
    """The server asks for fewer requests."""


class RequestRefusedError(ServiceError):
    """The server refused this request."""

    default_retryable = False


class ServerFailedError(ServiceError):
    """The server failed while answering."""


class BadResponseError(ServiceError):
    """The server answered something that is not the protocol."""


class StreamCutError(ServiceError):
    """The answer broke off before its end; what arrived is kept."""


class HubError(WorkbenchError):
    """The model hub did not give what was asked."""

    wait: float | None = None
    """Seconds it asked to wait before the next request; ``None`` when it did not."""


class GatedModelError(HubError):
    """Access to the model must be asked for, or the token is missing or wrong."""

    default_retryable = False


class OfflineError(HubError):
    """The hub cannot be reached; what is on this machine still works."""

    default_next_step = "Check the network; models on this machine and the local index still work."


class DownloadError(WorkbenchError):
    """A download did not end well; every byte that arrived is kept."""

    default_next_step = "Download again: it goes on where it stopped."


class DiskFullError(DownloadError):
    """There is no room for the rest; the message says how much is missing."""

    default_next_step = "Free some room (wb.library() shows what takes it), then download again: it goes on."


class ChecksumError(DownloadError):
    """The bytes that arrived are not those the hub promised; the damaged part is fetched again on the next try."""


class DownloadCancelledError(DownloadError):
    """The download was cancelled."""


class FolderError(WorkbenchError):
    """A folder or file cannot be read, written, imported or deleted."""

    default_retryable = False


class HistoryError(WorkbenchError):
    """The history of chats cannot be read or written as it is; what was said stays in memory."""


class ChatNotFoundError(HistoryError, LookupError):
    """No chat of that id is kept."""

    default_next_step = "wb.history() lists the chats there are."
    default_retryable = False


class StateError(WorkbenchError):
    """The call does not fit the moment."""

    default_retryable = False


class ConsentNeededError(StateError):
    """A prompt would leave this machine, and nobody has allowed it yet; nothing was sent."""


def _rebuild(info: ErrorInfo) -> WorkbenchError:
    return info.to_error()


def _by_name() -> dict[str, type[WorkbenchError]]:
    return {
        name: value
        for name, value in globals().items()
        if isinstance(value, type) and issubclass(value, WorkbenchError)
    }


def describe(error: BaseException) -> ErrorInfo:
    """Any exception as data; one that is not ours is named by its type, so nothing is ever blank."""
    if isinstance(error, WorkbenchError):
        return error.info
    text = str(error) or "no message"
    return ErrorInfo(kind="WorkbenchError", message=f"{type(error).__name__}: {text}")
