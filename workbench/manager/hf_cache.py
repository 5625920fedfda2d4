"""The Hugging Face cache's layout, read directly: a listing costs milliseconds. Knows no network.

HF_HUB_CACHE/models--ORG--REPO/
    refs/main                     the commit it stands for
    snapshots/COMMIT/config.json  links into blobs, or the files themselves
    blobs/SHA256                  what they lead to; downloads under way lie here too
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from workbench.manager.remembered import Watch

_QUANTIZATION = re.compile(
    r"(?:^|[-._])(I?Q\d\w*|TQ\d_\d|BF16|F16|F32|MXFP4\w*)(?:-\d{5}-of-\d{5})?\.gguf$", re.IGNORECASE
)
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")


def root() -> Path:
    """The cache's folder, by the same environment variables as its own client."""
    for name, below in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub")):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser() / below
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"


def folder(repo: str) -> Path:
    """Where a repository's files are, if it is in the cache."""
    return root() / f"models--{repo.replace('/', '--')}"


def folders(watch: Watch) -> list[str]:
    """The folders of all model repositories of the cache, sorted. Raises `OSError`; empty without a cache."""
    where = str(root())
    watch.see(where)
    try:
        return [f"{where}/{name}" for name in sorted(os.listdir(where)) if name.startswith("models--")]
    except FileNotFoundError:
        return []


def repo(folder: str) -> str:
    """The id of the repository in a folder."""
    return os.path.basename(folder).removeprefix("models--").replace("--", "/")


def snapshot(repo: Path, revision: str | None) -> Path | None:
    """The folder of a revision: a branch, a tag or a commit; without one main's, else the newest there is."""
    found = _referred(repo, revision or "main")
    if found is not None:
        return found
    snapshots = repo / "snapshots"
    if revision is None:
        return max((p for p in snapshots.glob("*") if p.is_dir()), key=lambda p: p.stat().st_mtime, default=None)
    commits = sorted(snapshots.glob(f"{revision}*")) if re.fullmatch(r"[0-9a-f]{7,40}", revision) else []
    return commits[0] if len(commits) == 1 else None


def watched(repo: Path, watch: Watch) -> Path | None:
    """Main's snapshot, with everything watched that could change what it holds.

    A link that is added or replaced changes the time of its folder, a new main that of ``refs/main``. Blobs are named
    by their content, which nobody changes in place: only files that are no links are looked at themselves. A blob
    deleted under its link changes the time of ``blobs``; whoever deletes a model deletes the links, so that is looked
    at seldom.
    """
    watch.see(f"{repo}/refs/main")
    watch.see(f"{repo}/blobs", seldom=True)
    found = _referred(repo, "main")
    if found is None:
        watch.see(f"{repo}/snapshots")
        found = snapshot(repo, None)
    if found is not None:
        for below in _watched_folder(found, watch):
            _watched_folder(below, watch)  # models lie no deeper
    return found


def models(repo: str, snapshot: Path) -> list[tuple[str, Path]]:
    """The models of one snapshot, as id and path: its folder of safetensors, and each of its GGUF files."""
    names = [entry.name for entry in os.scandir(snapshot)]
    found = []
    if "config.json" in names and any(n.endswith((".safetensors", ".safetensors.index.json")) for n in names):
        found.append((repo, snapshot))
    weights = [
        file
        for file in sorted([*snapshot.glob("*.gguf"), *snapshot.glob("*/*.gguf")])
        if not _LATER_PART.search(file.name) and not file.name.startswith("mmproj") and not file.parent.is_symlink()
    ]
    tags = set[str]()
    for file in weights:
        tag = quantization(file.name) or ("" if len(weights) == 1 else file.stem)
        tag = file.stem if tag in tags else tag
        found.append((f"{repo}:{tag}" if tag else repo, file))
        tags.add(tag)
    return found


def snapshots(repo: Path) -> list[Path]:
    """The folders of all revisions of a repository."""
    return sorted(path for path in (repo / "snapshots").glob("*") if path.is_dir())


def files(snapshot: Path) -> list[str]:
    """All files of a snapshot, broken links too."""
    return sorted(f"{parent}/{name}" for parent, _, names in os.walk(snapshot) for name in names)


def blobs(repo: Path) -> list[str]:
    """All blobs of a repository, by their real path; downloads under way are among them."""
    try:
        return sorted(entry.path for entry in os.scandir(os.path.realpath(repo / "blobs")) if entry.is_file())
    except OSError:
        return []


def quantization(name: str) -> str | None:
    """The quantization that a GGUF file's name tells, e.g. ``"Q4_K_M"``."""
    found = _QUANTIZATION.search(name)
    return found[1] if found else None


def _referred(repo: Path, reference: str) -> Path | None:
    """The snapshot that a reference names, if both are there."""
    if ".." in PurePosixPath(reference).parts:
        return None
    try:
        commit = (repo / "refs" / reference).read_text("utf-8").strip()
        found = repo / "snapshots" / commit
        return found if commit and commit == PurePosixPath(commit).name != ".." and found.is_dir() else None
    except (OSError, ValueError):
        return None


def _watched_folder(folder: Path, watch: Watch) -> list[Path]:
    """Watch a folder and the files in it that are no links to blobs; the folders in it."""
    watch.see(folder)
    below = []
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            below.append(Path(entry.path))
        elif not entry.is_symlink():
            watch.see(entry.path)
    return below
