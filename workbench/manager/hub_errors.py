"""What went wrong at the model hub, in our words: every foreign exception, mapped once. It asks the hub nothing."""

from __future__ import annotations

import re
import socket
import ssl
import traceback
from typing import Any

from workbench.errors import (
    GatedModelError,
    HubError,
    ModelNotFoundError,
    OfflineError,
    UsageError,
    WorkbenchError,
)

_FOREIGN = {"huggingface_hub", "httpx2", "httpcore2", "hf_xet", "h11", "h2"}
_NETWORK = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError)
_LOG_IN = "run `hf auth login`, or set HF_TOKEN."


def mapped(error: Exception, repo: str | None = None) -> WorkbenchError | None:
    """The error of our tree for one that the hub's client, its HTTP library or the network raised.

    ``None`` for one that is not theirs: a full disk, a bug of our own.
    """
    if not (_theirs(type(error).__module__) or isinstance(error, _NETWORK) or _failed_inside(error)):
        return None
    import httpx2
    from huggingface_hub import errors as theirs

    if isinstance(error, theirs.OfflineModeIsEnabled):
        return offline_by_choice()
    if isinstance(error, theirs.HFValidationError):
        return no_repository(repo or str(error))
    if isinstance(error, (theirs.RevisionNotFoundError, theirs.RevisionResolutionError)):
        return ModelNotFoundError(
            f"{repo or 'The repository'} has no such revision.", next_step="Leave the revision out to take the newest."
        )
    if isinstance(error, theirs.EntryNotFoundError):
        return HubError(
            f"A file of {repo or 'the repository'} is not there any more.",
            next_step="Look at the model again: it may have changed.",
            retryable=False,
            details=_short(error),
        )
    response = getattr(error, "response", None)
    if isinstance(response, httpx2.Response):
        return _refusal(error, response, repo)
    if isinstance(error, (TimeoutError, httpx2.TimeoutException)):
        return OfflineError("The hub did not answer in time.", details=_short(error))
    if isinstance(error, socket.gaierror) or "name resolution" in str(error) or "Name or service" in str(error):
        return OfflineError("The hub's name cannot be resolved: there is no network.", details=_short(error))
    if isinstance(error, (ConnectionRefusedError, httpx2.ConnectError)):
        return OfflineError("The hub cannot be reached.", details=_short(error))
    if isinstance(error, (ConnectionError, ssl.SSLError, httpx2.TransportError, httpx2.StreamError)):
        return OfflineError("The connection to the hub broke off.", details=_short(error))
    return HubError(f"The hub's client failed: {_short(error)}", retryable=False, details=type(error).__name__)


def offline_by_choice() -> OfflineError:
    """HF_HUB_OFFLINE is set."""
    return OfflineError(
        "HF_HUB_OFFLINE is set, so the hub is not asked.",
        next_step="Unset it to go online; models on this machine and the local index still work.",
        retryable=False,
    )


def not_the_hub(answer: str, details: str = "") -> OfflineError:
    """Somebody else answered in the hub's place: a proxy, or the login page of a network."""
    return OfflineError(
        f"Something else answered in the hub's place ({answer}).",
        next_step="Check HF_ENDPOINT, and whether a proxy or a login page is in the way; models on this machine and "
        "the local index still work.",
        details=details,
    )


def no_repository(repo: str) -> UsageError:
    """What was given cannot be the id of a repository."""
    return UsageError(
        f"{repo!r} is no id of a model on the hub.", next_step="It looks like mlx-community/Qwen3-4B-4bit."
    )


def _refusal(error: Exception, response: Any, repo: str | None) -> WorkbenchError:
    """The hub answered with a status of 400 or more."""
    from huggingface_hub import errors as theirs

    status: int = response.status_code
    name = repo or "this model"
    with_token = _sent_token(response)
    said = response.headers.get("X-Error-Message") or ""
    if isinstance(error, theirs.GatedRepoError):
        if with_token:
            return GatedModelError(
                f"{name} is gated, and your account has no access to it.",
                next_step=f"Ask for access at https://huggingface.co/{repo or ''}, then try again.",
                details=said,
            )
        return GatedModelError(
            f"{name} is gated: its terms must be accepted first.",
            next_step=f"Accept them at https://huggingface.co/{repo or ''}, then {_LOG_IN}",
            details=said,
        )
    if isinstance(error, theirs.DisabledRepoError):
        return HubError(f"The hub has disabled {name}.", next_step="Take another model.", retryable=False, details=said)
    if status == 401 and with_token and not isinstance(error, theirs.RepositoryNotFoundError):
        return GatedModelError(
            "The hub did not accept your token.", next_step=f"Make a new one, then {_LOG_IN}", details=said
        )
    if status in (401, 403, 404) and not _is_hub(response):
        return not_the_hub(f"status {status}", details=_short(error))
    if status in (401, 404):
        if with_token:
            return ModelNotFoundError(
                f"The hub has no model {name!r} that your token may see.", next_step="Check the spelling."
            )
        return ModelNotFoundError(
            f"The hub shows no model {name!r} without a token: it is misspelt, private or gated.",
            next_step=f"Check the spelling. If it is private or gated: {_LOG_IN}",
        )
    if status == 403:
        return GatedModelError(
            f"The hub refuses access to {name}.",
            next_step="Check what your token may read at https://huggingface.co/settings/tokens.",
            details=said,
        )
    if status == 429:
        wait = _wait(response)
        for_long = f" to wait {wait:.0f} s" if wait is not None else " to wait"
        known = "" if with_token else " With a token the hub allows more requests."
        limited = HubError(f"Too many requests: the hub asks{for_long}.", next_step=f"Try again then.{known}")
        limited.wait = wait
        return limited
    if status >= 500:
        return HubError(f"The hub failed (status {status}).", next_step="Try again in a minute.", details=said)
    return HubError(f"The hub refused the request (status {status}).", retryable=False, details=said or _short(error))


def _theirs(module: str) -> bool:
    return module.partition(".")[0] in _FOREIGN


def _failed_inside(error: Exception) -> bool:
    """Whether it is a slip inside the client: an error's body that is JSON but no object gives an AttributeError."""
    if isinstance(error, OSError) or error.__traceback__ is None:
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return _theirs(frame.f_globals.get("__name__", ""))


def _wait(response: Any) -> float | None:
    """Seconds to wait, from ``Retry-After`` or ``RateLimit: "api";r=0;t=55`` (the hub's documentation of limits)."""
    after = response.headers.get("Retry-After", "")
    if after.isdigit():
        return float(after)
    limit = re.search(r"\bt=(\d+)", response.headers.get("RateLimit", ""))
    return float(limit[1]) if limit else None


def _is_hub(response: Any) -> bool:
    """Whether a refusal is the hub's own: it says why, in headers or as JSON."""
    says = ("X-Error-Code", "X-Error-Message", "X-Repo-Commit")
    return any(name in response.headers for name in says) or "json" in response.headers.get("Content-Type", "")


def _sent_token(response: Any) -> bool:
    return response._request is not None and "Authorization" in response.request.headers


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
