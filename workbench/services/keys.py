"""Keys of endpoints: from this session, the environment or the system keyring. Knows no server and no settings.

A key is named by its endpoint and the origin of the endpoint's URL, so it is never sent to another host of the same
name. The keyring is asked only when a key is used or kept: never when this is imported, never for a list of models. It
gets two seconds, on a thread of its own: some wait for a person to unlock them. Backends that write plain files are
not used. Where there is none, a key lives in this session only.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from workbench.errors import AuthenticationError, UsageError
from workbench.services import presets
from workbench.services.address import place

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

KEYRING_SECONDS = 2.0
_SERVICE = "workbench"
_TRUSTED = 1.0
"""Priority from which the `keyring` package recommends a backend; those that write plain files are below it."""


class Secret:
    """A key in a box: neither its repr nor its pickle holds anything of it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key itself, without the spaces around it. Raises `UsageError` on a line break or a foreign letter."""
        if not all("!" <= c <= "~" for c in self._text.strip()):
            raise UsageError("The key holds characters that no key has.", next_step="Copy it again, without quotes.")
        return self._text.strip()

    def __bool__(self) -> bool:
        return self._text.strip() not in ("", presets.NO_KEY)

    def __repr__(self) -> str:
        return "(key)"

    def __reduce__(self) -> NoReturn:
        raise UsageError("A key is not pickled.", next_step="Give it again where it is needed.")


class Key:
    """The key of one endpoint, wherever it is kept; `source` is its settings' word for that.

    ``"session"``, ``"keyring"``, ``"none"`` or ``"env:NAME"``; with ``"none"`` the usual variable of the server's
    preset is still read. Raises `UsageError` on another word, and on a `secret` that no server can have given.
    """

    __slots__ = ("_secret", "name", "source", "url")

    def __init__(self, name: str, url: str, source: str = "none", *, secret: Secret | None = None) -> None:
        self.name, self.url, self.source, self._secret = name, url, source, secret or None
        if source not in ("session", "keyring", "none") and not source.removeprefix("env:").isidentifier():
            raise UsageError(f"A key cannot come from {source!r}.", next_step='Write "keyring", "none" or "env:NAME".')
        if secret:
            secret.reveal()

    def __repr__(self) -> str:
        return f"Key({self.name!r}, from={self.source!r})"

    def at_hand(self) -> str | None:
        """The key as far as it is known without asking the keyring; ``None`` where it is not, or there is none."""
        if self._secret is not None:
            return self._secret.reveal()
        variable = self.variable
        return os.environ.get(variable, "").strip() or None if variable else None

    def get(self) -> str | None:
        """The key, from the keyring if need be; ``None`` for an endpoint without one.

        Raises `AuthenticationError` when the keyring does not give what it should hold.
        """
        known = self.at_hand()
        if known is not None or self.source != "keyring":
            return known
        try:
            found = _in_time(lambda: _backend().get_password(_SERVICE, self._id))
        except AuthenticationError as error:
            raise AuthenticationError(
                f"The key of {self.name} was not read. {error.message}",
                next_step=f"Unlock the keyring and try again, or pass it: wb.connect({self.url!r}, key=...).",
            ) from None
        if not found:
            raise AuthenticationError(
                f"The system keyring holds no key of {self.name} for {place(self.url)}.",
                next_step=f"Pass it once more: wb.connect({self.url!r}, key=..., save=True).",
            )
        self._secret = Secret(found)
        return self._secret.reveal()

    def at(self, url: str) -> Key | None:
        """The same key for another address of its endpoint; ``None`` where that is another server."""
        if _origin(url) != _origin(self.url):
            return None
        return Key(self.name, url, self.source, secret=self._secret)

    @property
    def locked(self) -> bool:
        """Whether only the keyring knows it, and was not asked yet."""
        return self.source == "keyring" and self._secret is None

    @property
    def variable(self) -> str | None:
        """The environment variable it is read from: that of the settings, else the usual one if that is set."""
        if self.source.startswith("env:"):
            return self.source.removeprefix("env:")
        preset = presets.of(self.url, self.name)
        usual = preset.key_env if preset is not None and self.source == "none" else None
        return usual if usual and os.environ.get(usual, "").strip() else None

    def where(self) -> str:
        """Where it comes from: ``"system keyring"``, ``"OPENAI_API_KEY"``, ``"this session only"``, ``"no key"``."""
        if self.source == "keyring":
            return "system keyring"
        if self._secret is not None:
            return "this session only"
        return self.variable or "no key"

    def put(self) -> tuple[Key, str]:
        """Keep it in the system keyring: the key to use from now on, and a sentence if it could not be kept there."""
        if self._secret is None:
            return self, ""
        secret = self._secret
        try:
            _in_time(lambda: _backend().set_password(_SERVICE, self._id, secret.reveal()))
        except AuthenticationError as error:
            return self, f"{error.message} Its key is kept for this session only."
        return Key(self.name, self.url, "keyring", secret=secret), ""

    def forget(self) -> None:
        """Take it out of this session, and of the keyring if it is there; the environment is left as it is."""
        self._secret = None
        if self.source == "keyring":
            with suppress(AuthenticationError):  # nothing there, or nobody to ask: it is not known here any more
                _in_time(lambda: _backend().delete_password(_SERVICE, self._id))

    def renamed(self, name: str) -> tuple[Key, str]:
        """The same key for another name of its endpoint, kept where this one is; a sentence as of `put`."""
        if self.source != "keyring":
            return Key(name, self.url, self.source, secret=self._secret), ""
        self.get()
        key, note = Key(name, self.url, "session", secret=self._secret).put()
        self.forget()
        return key, note

    @property
    def _id(self) -> str:
        return f"{self.name} at {_origin(self.url)}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _in_time(ask: Callable[[], str | None]) -> str | None:
    """What the keyring answers; raises `AuthenticationError` when it is too slow, or cannot."""
    answers: list[str | None] = []
    faults: list[str] = []

    def run() -> None:
        try:
            answers.append(ask())
        except AuthenticationError as error:
            faults.append(error.message)
        except Exception as error:
            faults.append(f"The system keyring refused ({type(error).__name__}).")  # its words might hold the key

    thread = threading.Thread(target=run, name="workbench keyring", daemon=True)
    thread.start()
    thread.join(KEYRING_SECONDS)
    if faults:
        raise AuthenticationError(faults[0])
    if not answers:
        raise AuthenticationError(f"The system keyring did not answer within {KEYRING_SECONDS:g} s.")
    return answers[0]


def _backend() -> KeyringBackend:
    """The system's keyring. Raises `AuthenticationError` where there is none that keeps a secret."""
    import keyring

    found = keyring.get_keyring()
    if float(found.priority) < _TRUSTED:
        raise AuthenticationError("This system has no keyring.")
    return found
