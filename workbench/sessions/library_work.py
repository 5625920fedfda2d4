"""What the jobs of a library do, each on its job's own thread. Knows no session: what changed is found by reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.manager import importing, inventory, verify
from workbench.manager.entries import Entry
from workbench.manager.importing import Import
from workbench.manager.verify import Verification
from workbench.model import ModelInfo
from workbench.sessions import downloads, shelf
from workbench.sessions.jobs import Job

if TYPE_CHECKING:
    from workbench.engines.convert import Quantized


def verified(entry: Entry, job: Job[Verification]) -> Verification:
    """Compute the checksums of a model's files."""
    return verify.verify(entry, progress=job.progress, cancelled=job.stopping)


def repaired(entry: Entry, job: Job[Any]) -> Verification:
    """Set the files aside that differ, fetch those again at the same revision, and verify; what fails is put back."""
    found = verify.remembered(entry) or verify.verify(entry, cancelled=job.stopping)
    if not found.differing:
        return found
    aside = verify.set_aside(found)
    try:
        shelf.follow(downloads.default().start(shelf.at_revision(entry.model)), job)
    finally:
        verify.put_back(aside)
    return verify.verify(entry, progress=job.progress, cancelled=job.stopping)


def updated(entry: Entry, job: Job[ModelInfo]) -> ModelInfo:
    """Download the newest revision; of a model whose files differ, repair those."""
    found = verify.remembered(entry)
    if found is not None and found.differing:
        repaired(entry, job)
        return inventory.find(entry.model.id)
    return shelf.follow(downloads.default().start(entry.model.id), job)


def imported(planned: Import, job: Job[str]) -> str:
    """Take in what was checked; the new model's id."""
    made = importing.execute(planned, progress=job.progress, cancelled=job.stopping)
    job.message = f"{planned.name} is in the library."
    return made


def quantized(source: Path, target: Path, bits: int, group_size: int, job: Job[Quantized]) -> Quantized:
    """Make the smaller copy."""
    from workbench.engines import convert

    made = convert.quantize(source, target, bits, group_size, progress=job.progress, cancelled=job.stopping)
    job.message = f"{shelf.gb(made.before)} became {shelf.gb(made.after)}: {shelf.gb(made.saved)} less."
    return made
