"""One repository's folder in the Hugging Face cache: where its files go and when they may be seen. Knows no network.

    HF_HUB_CACHE/.locks/models--ORG--REPO/ETAG.lock     held while ETAG is fetched, by us and by the hub's own client
    HF_HUB_CACHE/models--ORG--REPO/
        blobs/ETAG                    a verified file; ETAG is its SHA-256, or git's hash of a small file
        blobs/ETAG.part               a file on its way, at its final size
        blobs/ETAG.parts              how far each piece of it is: see `workbench.manager.pieces`
        snapshots/COMMIT/FILE -> ../../blobs/ETAG
        refs/main                     the commit, written last

The links of a model are made when all its files are verified, so half a model never looks like a whole one. The
layout is that of huggingface_hub 2.4 (``file_download.py``), whose ``scan_cache_dir`` ignores blobs nothing links to.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from workbench.errors import FolderError, ModelFilesError
from workbench.manager.choose import check_path
from workbench.manager.hub import HubFile

_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def etag(file: HubFile) -> str:
    """Name of a file's blob: its SHA-256, or git's hash of a small file."""
    return file.sha256 or file.blob_id


class RepoCache:
    """The folder of one repository under `root`, the cache's folder."""

    def __init__(self, root: Path, repo: str) -> None:
        name = f"models--{repo.replace('/', '--')}"
        check_path(name)
        self.root = root
        self.folder = root / name
        self._locks = root / ".locks" / name

    def blob(self, etag: str) -> Path:
        """Where a verified file lies."""
        if not _ETAG.fullmatch(etag):
            raise ModelFilesError(f"The hub names a file {etag!r}, which is no hash.", next_step="Nothing was written.")
        return self.folder / "blobs" / etag

    def part(self, etag: str) -> Path:
        """Where a file on its way lies."""
        return self.blob(etag).with_name(f"{etag}.part")

    def pieces(self, etag: str) -> Path:
        """Where it is written how far that file is."""
        return self.blob(etag).with_name(f"{etag}.parts")

    def lock(self, etag: str) -> Path:
        """The lock that the hub's own client takes for this file too."""
        return self._locks / f"{self.blob(etag).name}.lock"

    def prepare(self) -> None:
        """Make the folders. Raises `FolderError`."""
        try:
            (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
            self._locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(
                f"The folder {self.folder} cannot be made: {error.strerror}.",
                next_step="Set HF_HUB_CACHE to a folder that can be written.",
            ) from None

    def snapshot(self, commit: str) -> Path:
        """The folder of one commit."""
        if not _COMMIT.fullmatch(commit):
            raise ModelFilesError(f"The hub names a commit {commit!r}.", next_step="Nothing was written.")
        return self.folder / "snapshots" / commit

    def has(self, file: HubFile) -> bool:
        """Whether a verified file is here, for whichever revision."""
        try:
            return self.blob(etag(file)).stat().st_size == file.size
        except OSError:
            return False

    def publish(self, files: Sequence[HubFile], commit: str, reference: str | None) -> Path:
        """Let the model be seen: link all its verified files, what makes it loadable last; then the reference.

        Returns the snapshot's folder. Raises `FolderError`.
        """
        snapshot = self.snapshot(commit)
        try:
            for file in sorted(files, key=_makes_it_loadable):
                check_path(file.path)
                _link(self.blob(etag(file)), snapshot / file.path)
            if reference is not None and reference != commit:
                check_path(reference)
                _write(self.folder / "refs" / reference, commit)
        except OSError as error:
            raise FolderError(
                f"The files could not be linked: {error.strerror}.", next_step=f"Look at {self.folder}."
            ) from None
        return snapshot


def _makes_it_loadable(file: HubFile) -> bool:
    """Without these, no engine and no listing takes the folder for a model."""
    return file.path == "config.json" or file.path.endswith("-00001-of-" + file.path[-10:])


def _link(blob: Path, pointer: Path) -> None:
    """Point to a blob by a relative link, as the hub's client does; where there are no links, by a copy."""
    if pointer.exists() and os.path.samefile(blob, pointer):
        return
    pointer.parent.mkdir(parents=True, exist_ok=True)
    fresh = pointer.with_name(f"{pointer.name}.{uuid4().hex[:8]}.tmp")
    try:
        fresh.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:  # Windows without the right to make links, or a file system without them
        shutil.copyfile(blob, fresh)
    os.replace(fresh, pointer)


def _write(path: Path, text: str) -> None:
    """Write a small file so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{uuid4().hex[:8]}.tmp")
    fresh.write_text(text, "utf-8")
    os.replace(fresh, path)
