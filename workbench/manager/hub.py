"""The model hub's API: what a repository holds, its card, and listings. The only module that asks it.

    GET /api/models?search=...          listings, page after page (`Link: <...>; rel="next"`)
    GET /api/models/REPO/revision/REV   one repository: its commit, files with sizes and hashes
    GET /REPO/resolve/SHA/FILE          a small text file

Through the session of `huggingface_hub` (its proxies, its user agent, its token). The address is read at every call:
``HF_ENDPOINT``, else https://huggingface.co. Nothing here waits for more than `TIMEOUT` between two bytes, nor for
more than `PATIENCE` in all. Fetching weights is not done here.
"""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from workbench.errors import GatedModelError, HubError, ModelNotFoundError, WorkbenchError
from workbench.manager import curated, hub_errors, hub_facts, index, quality
from workbench.model import HubModel

TIMEOUT = 10.0
"""Seconds without a byte after which the hub counts as out of reach."""
CONNECT = 3.0
"""Seconds for a connection."""
QUICK = 3.0
"""`TIMEOUT` where something on this disk can answer instead."""
PATIENCE = 40.0
"""Seconds for one answer in all."""
LARGEST = 64 << 20
"""Bytes of one answer; a listing of a thousand models is a few megabytes."""
EXPAND = (
    "author",
    "baseModels",
    "cardData",
    "config",
    "createdAt",
    "downloads",
    "gated",
    "gguf",
    "lastModified",
    "library_name",
    "likes",
    "pipeline_tag",
    "private",
    "safetensors",
    "sha",
    "siblings",
    "tags",
    "trendingScore",
    "usedStorage",
)
"""Fields of a listing that are asked for; without them the hub names little but the id."""
_REPO = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)


class HubFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repository."""

    path: str
    """In the repository; never leads out of it."""
    size: int
    """In bytes."""
    sha256: str | None = None
    """Of the content, for a large file; ``None``: only `blob_id` is known."""
    blob_id: str
    """Git's hash: of the content for a small file, of its pointer for a large one."""


class HubRepo(msgspec.Struct, frozen=True, kw_only=True):
    """A repository at one commit."""

    model: HubModel
    sha: str
    """The commit."""
    files: tuple[HubFile, ...]
    config: dict[str, Any] | None = None
    """Its config.json; ``None`` when it has none, or it may not be read."""

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(file.size for file in self.files)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a listing."""

    models: tuple[HubModel, ...]
    next: str | None = None
    """Where the next page is, for `list_models(start=...)`; ``None`` after the last."""


def endpoint() -> str:
    """The hub's address, without a slash at its end."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def token() -> str | None:
    """The person's token: of ``HF_TOKEN``, else the one `hf auth login` saved."""
    from huggingface_hub import get_token

    return get_token()


def headers() -> dict[str, str]:
    """What goes with every request to the hub, the token included."""
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # it names no exports

    return build_hf_headers(token=token() or False, library_name="workbench")


def offline() -> bool:
    """Whether the person wants no request at all: ``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE``, read now."""
    said = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in ("1", "ON", "YES", "TRUE")


@contextmanager
def errors(repo: str | None = None) -> Iterator[None]:
    """Errors of the hub, its client and the network leave this block as errors of `workbench.errors`.

    A repository that is not found raises `ModelNotFoundError` with the nearest ids in its next step. An `OSError` of
    the disk passes unchanged: whoever writes files knows better what it means.
    """
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:
        ours = hub_errors.mapped(error, repo)
        if ours is None:
            raise
        if repo and isinstance(ours, ModelNotFoundError) and "revision" not in ours.message:
            names = [repr(name) for name in near(repo)]
            if names:
                said = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
                ours.next_step = f"Did you mean {said}? {ours.next_step}"
        raise ours from None


def info(repo: str, revision: str | None = None, *, timeout: float | None = None) -> HubRepo:
    """What a repository holds, at a branch, tag or commit (default: the newest).

    `timeout` is in seconds without a byte, by default `TIMEOUT`. Raises `ModelNotFoundError`, `GatedModelError`,
    `OfflineError`, `HubError`; `UsageError` for what is no id.
    """
    _check_id(repo)
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    with errors(repo):
        listing = _json(f"/api/models/{repo}{at}", {"blobs": "true"}, dict[str, Any], timeout)
    sha = listing.get("sha")
    if not isinstance(sha, str) or not re.fullmatch(r"[0-9a-f]{7,64}", sha):
        raise HubError(f"The hub names no commit of {repo}.", next_step="Try again in a minute.")
    files = _files(repo, listing)
    config = _config(repo, sha, files)
    if config is not None:  # its own words; the listing repeats few of them
        listing["config"] = _object(listing.get("config")) | config
    model = _model(listing)
    if revision is None:
        index.remember([model])
    return HubRepo(model=model, sha=sha, files=files, config=config)


def newest(repo: str) -> str:
    """The newest commit of a repository, empty when the hub does not name it.

    Raises as `info` does, without looking for near ids: it is asked of many repositories at once.
    """
    _check_id(repo)
    with errors():
        listing = _json(f"/api/models/{repo}", {"expand": "sha"}, dict[str, Any])
    sha = listing.get("sha")
    return sha if isinstance(sha, str) else ""


def card(repo: str, revision: str = "main") -> str:
    """The text of its README.md in Markdown, without the metadata at its head; empty when there is none."""
    _check_id(repo)
    try:
        with errors(repo):
            _, body = _get(f"/{repo}/resolve/{quote(revision, safe='')}/README.md")
    except HubError as error:
        if error.retryable or isinstance(error, GatedModelError):
            raise
        return ""
    text = body.decode("utf-8", "replace").lstrip("\ufeff")
    return re.sub(r"\A---[ \t]*\r?\n.*?\r?\n---[ \t]*(\r?\n|\Z)", "", text, count=1, flags=re.DOTALL).strip()


def list_models(
    *,
    search: str | None = None,
    author: str | None = None,
    tags: Sequence[str] = (),
    task: str | None = None,
    gated: bool | None = None,
    sort: str | None = None,
    limit: int = 100,
    start: str | None = None,
    timeout: float | None = None,
) -> Iterator[Page]:
    """Pages of the hub's listing, asked for one by one.

    `tags` must all be there (``"mlx"``, ``"gguf"``, a licence as ``"license:mit"``); `task` is a pipeline tag;
    `sort` is the hub's word (``"downloads"``, ``"likes"``, ``"trendingScore"``, ``"createdAt"``), from the most down;
    `limit` models a page (the hub gives up to 1000); `start` is the `Page.next` of an earlier page; `timeout` as for
    `info`. Raises as `info` does.
    """
    asked: dict[str, Any] = {
        "search": search,
        "author": author,
        "filter": list(tags),
        "pipeline_tag": task,
        "gated": None if gated is None else str(gated).lower(),
        "sort": sort,
        "limit": limit,
        "expand": list(EXPAND),
    }
    query: dict[str, Any] | str | None = {name: value for name, value in asked.items() if value not in (None, [])}
    if start is not None:
        query = start
    while query is not None:
        with errors():
            next_page, body = _get("/api/models", query, timeout)
            listings = _decoded(body, list[dict[str, Any]])
        # The next page is asked of the same hub whatever host its link names: the token goes nowhere else.
        query = urlsplit(next_page).query if next_page else None
        models = tuple(_model(listing) for listing in listings if isinstance(listing.get("id"), str))
        yield Page(models=models, next=query)


def near(repo: str, count: int = 3) -> list[str]:
    """Ids most like a misspelt one: of the local index, of the curated list, and of the hub if it answers."""
    known = {*index.near(repo), *(entry.model.id.partition(":")[0] for entry in curated.entries())}
    author, _, tail = repo.rpartition("/")
    for asked in ({"author": author, "sort": "downloads"}, {"search": tail}):
        if all(asked.values()):
            with suppress(Exception):
                found = _json("/api/models", {**asked, "limit": 200}, list[dict[str, Any]])
                known.update(listing["id"] for listing in found)
    by_lower = {name.lower(): name for name in known if name != repo}
    return [by_lower[name] for name in difflib.get_close_matches(repo.lower(), by_lower, count, 0.6)]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _model(listing: dict[str, Any]) -> HubModel:
    found = hub_facts.model(listing)
    return msgspec.structs.replace(found, quality=quality.score(found))


def _check_id(repo: str) -> None:
    if not _REPO.fullmatch(repo) or ".." in repo:
        raise hub_errors.no_repository(repo)


def _json(path: str, query: dict[str, Any] | str | None, kind: Any, timeout: float | None = None) -> Any:
    return _decoded(_get(path, query, timeout)[1], kind)


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise hub_errors.not_the_hub("no JSON", details=body[:300].decode("utf-8", "replace")) from None


def _get(
    path: str, query: dict[str, Any] | str | None = None, timeout: float | None = None
) -> tuple[str | None, bytes]:
    """The address of the next page, if there is one, and the body. Raises foreign exceptions: call it in `errors`."""
    if offline():
        raise hub_errors.offline_by_choice()
    import httpx2
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    patience = httpx2.Timeout(timeout or TIMEOUT, connect=CONNECT)
    address = f"{endpoint()}{path}" + (f"?{query}" if isinstance(query, str) else "")
    params = query if isinstance(query, dict) else None
    began = time.monotonic()
    with get_session().stream("GET", address, params=params, headers=headers(), timeout=patience) as response:
        if response.is_error:
            _raise_for(response)
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"no whole answer within {PATIENCE:.0f} s")
            if len(body) > LARGEST:
                raise HubError(f"The hub's answer is larger than {LARGEST >> 20} MB.", retryable=False)
        return response.links.get("next", {}).get("url"), bytes(body)


def _raise_for(response: Any) -> None:
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    try:
        hf_raise_for_status(response)
    except (AttributeError, TypeError):  # it takes an error's body that is JSON for an object
        response.raise_for_status()


def _files(repo: str, listing: dict[str, Any]) -> tuple[HubFile, ...]:
    files = []
    for sibling in listing.get("siblings") or ():
        path, large = sibling.get("rfilename"), sibling.get("lfs") or {}
        if not isinstance(path, str) or leads_out(path):
            raise HubError(
                f"{repo} lists a file {path!r}, which would lie outside its folder.",
                next_step="Do not use this repository.",
                retryable=False,
            )
        size = large.get("size", sibling.get("size"))
        files.append(
            HubFile(path=path, size=int(size or 0), sha256=large.get("sha256"), blob_id=sibling.get("blobId") or "")
        )
    return tuple(files)


def leads_out(path: str) -> bool:
    """Whether a path of a listing could lead out of its folder: absolute, upward, or strange on some system."""
    parts = path.split("/")
    strange = not path or any(part in ("", ".", "..") for part in parts) or "\\" in path or not path.isprintable()
    return strange or PurePosixPath(path).is_absolute() or bool(PureWindowsPath(path).drive)


def _config(repo: str, sha: str, files: Sequence[HubFile]) -> dict[str, Any] | None:
    if not any(file.path == "config.json" and file.size < 4 << 20 for file in files):
        return None
    try:
        with errors(repo):
            _, body = _get(f"/{repo}/resolve/{sha}/config.json")
        return msgspec.json.decode(body, type=dict[str, Any])
    except (GatedModelError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
