"""What the failure of one cell says of other cells. Pure."""

from __future__ import annotations

from workbench.errors import (
    AuthenticationError,
    ConnectionFailedError,
    EngineError,
    EngineMissingError,
    ErrorInfo,
    ModelFilesError,
    ModelNotFoundError,
    ModelTooBigError,
    RateLimitError,
)

UNREACHABLE = 2
"""Weight of failures in a row after which the other cells of a server are held back."""
_NO_MODEL = (EngineMissingError, ModelFilesError, ModelNotFoundError, ModelTooBigError)


def is_of_model(error: ErrorInfo, *, loading: bool) -> bool:
    """Whether no other prompt would mend it: the rest of the model's cells fail for the same reason."""
    kind = error.to_error()
    return isinstance(kind, _NO_MODEL) or (loading and isinstance(kind, EngineError))


def weight(error: ErrorInfo) -> int:
    """How much it speaks against its server: 0 nothing, `UNREACHABLE` enough."""
    kind = error.to_error()
    if isinstance(kind, ConnectionFailedError):
        return 1
    return UNREACHABLE if isinstance(kind, AuthenticationError | RateLimitError) else 0
