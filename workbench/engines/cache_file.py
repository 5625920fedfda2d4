"""A file with the caches of one sequence: mlx-lm's own format with a checksum behind it. Knows no model.

    safetensors, as `mlx_lm.models.cache.save_prompt_cache` writes it; its metadata:
        identity   whose cache it is
        tokens     the ids it holds, as a JSON list
    MARK, then the SHA-256 of all bytes before it

MLX may abort the process on a damaged file, so the checksum is looked at before MLX sees it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from workbench.errors import FolderError

MARK = b"workbench prompt cache 1\n"
_PIECE = 2**20


def write(file: Path, cache: list[Any], ids: Sequence[int], identity: str) -> None:
    """Write it, whole or not at all. Raises `FolderError`."""
    from mlx_lm.models.cache import save_prompt_cache

    draft = file.with_name(f"{file.name}.part.safetensors")  # the name MLX wants
    about = {"identity": identity, "tokens": msgspec.json.encode(list(ids)).decode()}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_prompt_cache(str(draft), cache, about)
        digest = _digest(draft, draft.stat().st_size)
        with draft.open("ab") as end:
            end.write(MARK + digest)
            end.flush()
            os.fsync(end.fileno())
        draft.replace(file)
    except (OSError, RuntimeError, ValueError) as error:  # what MLX raises when it cannot write, or not this cache
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise FolderError(f"The prompt cache cannot be written to {file}: {error}.") from error


def read(file: Path, identity: str) -> tuple[list[Any], list[int]] | None:
    """The cache and its token ids; ``None`` where the file is not there, not whole, or not of this identity."""
    import mlx.core as mx
    from mlx_lm.models.cache import load_prompt_cache

    trailer = len(MARK) + hashlib.sha256().digest_size
    try:
        size = file.stat().st_size - trailer
        with file.open("rb") as data:
            data.seek(max(0, size))
            if size < 0 or data.read() != MARK + _digest(file, size):
                return None
    except OSError:
        return None
    with TemporaryDirectory() as folder:
        link = Path(folder) / "cache.safetensors"
        try:
            link.symlink_to(file.absolute())
            cache, about = load_prompt_cache(str(link), return_metadata=True)  # type: ignore[no-untyped-call]  # mlx-lm
            if about["identity"] != identity:
                return None
            ids = msgspec.json.decode(about["tokens"], type=list[int])
            mx.eval([layer.state for layer in cache])
        except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, msgspec.MsgspecError):
            return None  # whole, but of another version of mlx-lm
    return cache, ids


def identity(folder: Path) -> str:
    """What tells a model's files from others: where they are, their sizes and when they were written; and mlx-lm's
    version, for it may come to lay out its caches otherwise.
    """
    import mlx_lm

    files = sorted([*folder.glob("*.safetensors"), *folder.glob("*.json"), *folder.glob("*.jinja")])
    facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    about = (str(folder.resolve()), mlx_lm.__version__, facts)
    return hashlib.sha256(msgspec.json.encode(about)).hexdigest()


def _digest(file: Path, size: int) -> bytes:
    """SHA-256 of a file's first `size` bytes."""
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while size > 0 and (piece := data.read(min(size, _PIECE))):
            digest.update(piece)
            size -= len(piece)
    return digest.digest()
