"""What tests of downloads share: an empty cache, a hub that fails on order, a queue with little patience."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.servers.hub import Repo
from workbench.manager import unfinished
from workbench.manager.job import Job
from workbench.manager.source import Patience

HASTY = Patience(connect=2, stall=0.4, tries=4, wait=0.01, longest_wait=0.05)
LATEST = 20.0
"""Seconds after which a test has waited long enough."""


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + LATEST
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.005)


def ended(job: Job) -> Job:
    """The job, once it stands still."""
    assert job.ended.wait(LATEST), job.progress()
    return job


def done(job: Job) -> Job:
    """The job, once it is done."""
    assert ended(job).status == "done", job.error
    return job


def snapshot(root: Path, repo: Repo) -> Path:
    """Where the newest commit of a repository lies in a cache."""
    return root / f"models--{repo.id.replace('/', '--')}" / "snapshots" / repo.main


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def wanted(repo: Repo) -> dict[str, bytes]:
    """What an engine needs of an MLX repository of the tests."""
    return {
        path: bytes(file.content)
        for path, file in repo.commits[repo.main].items()
        if path.endswith((".json", ".safetensors"))
    }


def orphans(root: Path) -> list[Path]:
    """Files of a cache that nothing links to, locks aside, and downloads still on record."""
    linked = {p.resolve() for p in root.rglob("snapshots/**/*")}
    found = [
        p
        for p in root.rglob("*")
        if p.is_file() and p.resolve() not in linked and not {"refs", ".locks", "trees"} & set(p.parts)
    ]
    return [*found, *(Path(plan.id) for plan in unfinished.plans() if plan.root == str(root))]


def loose(root: Path) -> list[str]:
    """Names of open files of this process in a folder: what a download forgot to close."""
    links = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return [os.readlink(link) for link in links if os.path.exists(link) and str(root) in os.readlink(link)]
