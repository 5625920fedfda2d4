"""How long a listing of 300 repositories of the Hugging Face cache takes, against the hub client's scan_cache_dir.

Warm: what was read before is remembered. After each change from outside the very next listing must be right: a model
that a change should show and that the listing does not, or the other way round, counts as stale. A second process
checks what a new kernel remembers. That a blob was deleted by hand under its link may show ten seconds late; the
listing that looks for that too is timed on its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import arguments, interleaved, last_line, ratio, spread, table

KEYS = ("speedup_vs_scan_cache_dir", "stale")
SHA, NEW = "a" * 40, "b" * 40
SMALL = dict.fromkeys(
    (".gitattributes", "README.md", "added_tokens.json", "merges.txt", "special_tokens_map.json", "vocab.json"), b"{}"
)
"""With those of the model eleven files, as many as Qwen3-4B-4bit has."""
NEXT_KERNEL = """
import json, time
from workbench.manager import inventory
began = time.perf_counter()
ids = [model.id for model in inventory.local_models()]
print(json.dumps([time.perf_counter() - began, ids]))
"""


def repository(root: Path, repo: str, source: Path, sha: str = SHA) -> Path:
    """A repository as the hub's client lays it out, with the files of a real small model; its folder."""
    folder = root / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / sha
    snapshot.mkdir(parents=True)
    (folder / "blobs").mkdir(exist_ok=True)
    (folder / "refs").mkdir(exist_ok=True)
    for file in source.iterdir():
        blob = folder / "blobs" / f"{sha[0]}{file.name}"
        os.link(file, blob)
        (snapshot / file.name).symlink_to(f"../../blobs/{blob.name}")
    for name, content in SMALL.items():
        (folder / "blobs" / f"{sha[0]}{name}").write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{sha[0]}{name}")
    (folder / "refs" / "main").write_text(sha)
    return folder


def seconds(call: object) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    count, rounds = (20, 2) if smoke else (300, 9)
    home = Path(tempfile.mkdtemp(prefix="workbench-inventory-"))
    os.environ |= {"WORKBENCH_HOME": str(home / "home"), "HF_HOME": str(home), "HF_HUB_CACHE": str(home / "hub")}
    for name in ("LMSTUDIO_HOME", "OLLAMA_MODELS"):
        os.environ[name] = str(home / "none")
    try:
        measure(home, count, rounds)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def measure(home: Path, count: int, rounds: int) -> None:
    """Build the cache, time both, then change it from outside."""
    from huggingface_hub import scan_cache_dir

    from workbench import builtin
    from workbench.manager import inventory, remembered

    source = home / "source"
    shutil.copytree(builtin.MODEL, source)
    gguf = shutil.copyfile(builtin.path("gguf"), home / "m-Q8_0.gguf")
    root = home / "hub"
    folders = [repository(root, f"org/m{i:03}", source) for i in range(count)]
    expected = {"builtin", *(f"org/m{i:03}" for i in range(count))}
    stale = 0

    def check(what: str) -> str:
        nonlocal stale
        listed = {model.id for model in inventory.local_models()}
        stale += len(listed ^ expected)
        return "right" if listed == expected else f"WRONG: {sorted(listed ^ expected)}"

    cold = seconds(inventory.local_models)
    time.sleep(0.1)  # older than the clock's tick: younger files are read again
    again = seconds(inventory.local_models)
    scan, warm = interleaved(
        rounds, lambda: seconds(lambda: scan_cache_dir(root)), lambda: seconds(inventory.local_models)
    )
    rows = [
        (f"scan_cache_dir, {count} repositories, s", spread(scan)),
        ("first listing ever, s", f"{cold:.3g}, then {again:.3g}"),
        ("warm listing, s", spread(warm)),
    ]

    done = subprocess.run([sys.executable, "-c", NEXT_KERNEL], capture_output=True, text=True, check=True)
    took, listed = json.loads(done.stdout)
    stale += len(set(listed) ^ expected)
    rows.append(("first listing in the next kernel, s", f"{took:.3g}"))

    os.link(gguf, folders[0] / "blobs" / "gguf")
    (folders[0] / "snapshots" / SHA / "m-Q8_0.gguf").symlink_to("../../blobs/gguf")
    expected.add("org/m000:Q8_0")
    rows.append(("a file added to a revision", check("file")))

    for file in repository(home / "new", "org/m001", source, NEW).glob("snapshots/*"):
        shutil.copytree(file, folders[1] / "snapshots" / NEW, symlinks=False)
    check("a second revision, not yet main")
    (folders[1] / "refs" / "main").write_text(NEW)
    newest = {m.id: m.revision for m in inventory.local_models()}["org/m001"]
    stale += newest != NEW
    rows.append(("refs/main rewritten", "right" if newest == NEW else "WRONG"))

    repository(root, "org/new", source)
    expected.add("org/new")
    rows.append(("a repository added", check("added")))

    shutil.rmtree(folders[2])
    expected.remove("org/m002")
    rows.append(("a repository deleted", check("deleted")))

    remembered.SELDOM_S = 0.0  # from here on the folders of blobs are looked at each time, not every ten seconds
    rows.append(
        ("warm listing with its look at the blobs, s", f"{min(seconds(inventory.local_models) for _ in scan):.3g}")
    )
    (folders[3] / "blobs" / "amodel.safetensors").unlink()
    failed = {m.id for m in inventory.local_models() if m.status == "failed"}
    stale += failed != {"org/m003"}
    rows.append(("a blob deleted under its link", "right" if failed == {"org/m003"} else f"WRONG: {failed}"))

    table([*rows, ("speedup, warm", f"{1 / ratio(warm, scan):.0f}")])
    last_line(speedup_vs_scan_cache_dir=1 / ratio(warm, scan), stale=stale)


if __name__ == "__main__":
    main()
