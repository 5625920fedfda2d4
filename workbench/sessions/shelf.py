"""The library's rows and sums, from the inventory and from what is remembered. It holds no state of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.engines import hosts
from workbench.errors import StateError, WorkbenchError
from workbench.manager import duplicates, importing, inventory, lm_studio, ollama, updates, verify
from workbench.manager.deletion import Plan
from workbench.manager.duplicates import Duplicate
from workbench.manager.entries import Entries, Entry
from workbench.manager.updates import Update
from workbench.manager.verify import Verification
from workbench.model import ModelInfo
from workbench.sessions import downloads
from workbench.sessions.download_rows import size as gb
from workbench.sessions.downloads import Download
from workbench.sessions.jobs import Job
from workbench.store import paths, usage

if TYPE_CHECKING:
    from workbench.services.registry import Services

__all__ = ["Remembered", "at_revision", "follow", "gb", "in_memory", "on_the_way", "plan_view", "remember", "view"]

FOLLOW_EVERY_S = 0.1
_ROOTS = {
    "Hugging Face cache": inventory.cache_root,
    "LM Studio": lm_studio.models_folder,
    "Jan": lm_studio.jan_folder,
    "Ollama": ollama.models_folder,
    "Workbench": importing.folder,
}
"""Where each source's models are; of the others a model's own folder is shown."""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the entries beside their files."""

    verified: dict[str, Verification] = {}
    newest: dict[str, Update] = {}
    """What the hub said last, by repository."""
    duplicates: tuple[Duplicate, ...] = ()
    loaded: dict[str, str] = {}
    """``"loaded"`` or ``"loading"`` by model id."""


def remember(entries: Entries, services: Services) -> Remembered:
    """What is known of these entries: earlier verifications, the hub's last word, duplicates, what is in memory."""
    return Remembered(
        verified=verify.known(list(entries)),
        newest=updates.known(),
        duplicates=duplicates.find(entries),
        loaded=_loaded(services),
    )


def view(
    entries: Entries, known: Remembered, jobs: Iterable[Job[Any]], services: Services, order: Sequence[str]
) -> dict[str, Any]:
    """Rows and sums as JSON-ready values; rows keep their places in `order`, new ones go to the end, largest first."""
    statuses = dict.fromkeys(on_the_way(), "downloading") | known.loaded
    running = {job.model: job for job in jobs if job.kind == "verify" and job.status != "done"}
    used = usage.all()
    places = {model: place for place, model in enumerate(order)}
    arranged = sorted(entries, key=lambda e: (places.get(e.model.id, len(places)), -e.size, e.model.id))
    rows = []
    for entry in arranged:
        model = entry.model
        ran = used.get(model.id)
        status = statuses.get(model.id) or statuses.get(model.path or "")
        twins = [twin for twin in known.duplicates if any(e.model.id == model.id for e in twin.entries)]
        also = [e.source for twin in twins for e in twin.entries if e.model.id != model.id]
        rows.append(
            {
                "id": model.id,
                "name": model.name,
                "source": entry.source,
                "path": model.path or entry.folder,
                "size": entry.size,
                "format": model.format,
                "parameters": model.parameters,
                "quantization": model.quantization,
                "last_used": ran.last_used if ran else None,
                "runs": ran.runs if ran else 0,
                "verified": _verified(known.verified.get(model.id), running.get(model.id)),
                "status": status or ("ready" if entry.kept else "failed"),
                "also_in": sorted(set(also)),
                "twice": sum(twin.bytes // max(1, len(twin.entries) - 1) for twin in twins),
                "update": _newer(entry, known.newest),
                "current": model.id == services.current,
                "note": model.note,
            }
        )
    return {
        "rows": rows,
        "sources": _sources(entries),
        "total": entries.size,
        "twice": sum(twin.bytes for twin in known.duplicates),
        "disk": _disk(),
        "folders": _folders(),
    }


def plan_view(plan: Plan) -> dict[str, Any]:
    """A plan as JSON-ready values, without the paths: there may be thousands."""
    fields: dict[str, Any] = msgspec.to_builtins(plan)
    return {**fields, "files": len(plan.files)}


def in_memory(services: Services) -> set[str]:
    """Ids and paths of the models that some kernel's host holds."""
    found = set(_loaded(services))
    for model in tuple(found):
        try:
            found.add(inventory.find(model).path or model)
        except WorkbenchError:
            continue
    return found


def on_the_way() -> set[str]:
    """Ids of the models that are being downloaded, also without their revision or quantization."""
    ids = {one.model for one in downloads.default() if one.status not in ("done", "failed", "cancelled", "paused")}
    repos = {_repo(model) for model in ids}
    return ids | repos | {f"{repo}@unfinished" for repo in repos}


def at_revision(model: ModelInfo) -> str:
    """The id of a model of the hub at the very revision that is here."""
    repo, colon, quantization = model.id.partition(":")
    return f"{repo.partition('@')[0]}@{model.revision}{colon}{quantization}"


def follow(download: Download, job: Job[Any]) -> ModelInfo:
    """Wait for a download as a job does: with its progress, and a stop that cancels it."""
    while True:
        progress = download.progress
        job.progress(progress.done, progress.total, progress.note)
        if job.stopping():
            download.cancel()
            raise StateError(f"The download of {download.model} was stopped.", next_step="What arrived is kept.")
        if progress.ended:
            return download.result()
        time.sleep(FOLLOW_EVERY_S)


def _verified(last: Verification | None, job: Job[Any] | None) -> dict[str, Any]:
    at = last.at if last else None
    if job is not None and job.status == "running":
        return {"state": "running", "at": at, "percent": job.percent, "message": ""}
    if job is not None and job.error is not None:
        return {"state": "failed", "at": at, "percent": None, "message": job.error.message}
    if last is None:
        return {"state": "never", "at": None, "percent": None, "message": ""}
    return {"state": last.state, "at": at, "percent": None, "message": last.message}


def _newer(entry: Entry, newest: dict[str, Update]) -> bool | None:
    """Whether the hub has a newer revision; of an older revision that is kept nobody asks."""
    model = entry.model
    found = newest.get(_repo(model.id)) if entry.source == "Hugging Face cache" and "@" not in model.id else None
    return None if found is None or found.sha is None else found.sha != model.revision


def _loaded(services: Services) -> dict[str, str]:
    """Which models are in memory, of any kernel, or on their way there, by id."""
    found = {host.model: "loaded" for host in hosts.live(paths.runtime_dir() / "hosts")}
    return found | {m.id: m.status for m in services.local.models() if m.status in ("loaded", "loading")}


def _sources(entries: Entries) -> list[dict[str, Any]]:
    """Where the bytes lie: each file counts once, for the first source that has it."""
    counted = set[tuple[int, int]]()
    sources: dict[str, dict[str, Any]] = {}
    for entry in entries:
        source = sources.setdefault(entry.source, _source(entry.source, entry.folder))
        source["models"] += 1
        for file in entry.files:
            if file.inode not in counted:
                counted.add(file.inode)
                source["bytes"] += file.size
    for name in dict.fromkeys(trouble.source for trouble in entries.troubles):
        first, *others = [trouble for trouble in entries.troubles if trouble.source == name]
        more = f" So it is with {len(others)} more." if others else ""
        source = sources.setdefault(name, _source(name, first.folder))
        source["note"] = f"{first.error.message} {first.error.next_step}{more}".strip()
    return list(sources.values())


def _source(name: str, folder: str) -> dict[str, Any]:
    return {
        "name": name,
        "path": str(_ROOTS[name]()) if name in _ROOTS else folder,
        "bytes": 0,
        "models": 0,
        "note": "",
    }


def _disk() -> dict[str, int | None]:
    folder = inventory.cache_root()
    while not folder.exists():
        folder = folder.parent
    found = shutil.disk_usage(folder)
    return {"free": found.free, "total": found.total}


def _folders() -> list[str]:
    try:
        return [str(folder) for folder in inventory.folders()]
    except WorkbenchError:
        return []  # said among the sources


def _repo(model: str) -> str:
    return model.partition(":")[0].partition("@")[0]
