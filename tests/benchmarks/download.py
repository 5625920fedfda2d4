"""Downloads against `hf download` and against curl, and the bytes a server sends when the process is killed.

The hub is a process of its own on loopback that sends files with sendfile; ours, `hf download` (without Xet) and
`curl | tee | sha256sum` fetch the same files into fresh folders of the same disk, interleaved. Capped: one file, each
connection held to 40 MB/s. Uncapped: eight files. Killed: SIGKILL at 20, 50 and 90 %, each alone and one after
another; what the server sent over all runs is divided by the size.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common import PYTHON, arguments, interleaved, last_line, ratio, spread, table

ROOT = Path(__file__).resolve().parents[2]
KEYS = (
    "capped_speedup_vs_hf",
    "uncapped_speedup_vs_hf",
    "uncapped_time_vs_curl",
    "server_bytes_ratio_max",
    "orphans",
)
CAP = 40_000_000
"""Bytes per second a connection."""
KILLS = ((20,), (50,), (90,), (20, 50, 90))
"""At how many percent; the last kills one download three times."""

SERVE = """
import sys, threading
from pathlib import Path
from tests.servers.hub import Hub, HubServer, Repo
folder = Path(sys.argv[1])
repos = [Repo(f"bench/{f.name}", {p.name: p for p in f.iterdir()}) for f in folder.iterdir()]
for repo in repos:
    for file in repo.commits[repo.main].values():
        file.etag
with HubServer(Hub(repos)) as server:
    print(server.url, flush=True)
    threading.Event().wait()
"""
OURS = "import sys, workbench as wb; wb.download(sys.argv[1], wait=True)"
WATCHED = """
import sys, time, workbench as wb
d = wb.download(sys.argv[1])
while not d.done:
    assert d.error is None, d.error
    print(d.progress.percent or 0, flush=True)
    time.sleep(0.005)
"""


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    mb = 1 << 20
    with tempfile.TemporaryDirectory(prefix="wb-download-") as folder:
        work = Path(folder)
        make(work / "hub" / "one", [(32 if smoke else 1024) * mb])
        make(work / "hub" / "eight", [(2 if smoke else 256) * mb] * 8)
        with hub(work / "hub") as url:
            pace(url, CAP)
            rounds = 1 if smoke else 3
            ours, theirs = interleaved(rounds, lambda: fetch(work, url, "one"), lambda: hf(work, url, "one"))
            pace(url, 0)
            rounds = 1 if smoke else 5
            fast, slow, curled = interleaved(
                rounds,
                lambda: fetch(work, url, "eight"),
                lambda: hf(work, url, "eight"),
                lambda: curl(work, url, "eight"),
            )
            pace(url, CAP)
            sent, orphans = [], 0
            for kills in KILLS[-1:] if smoke else KILLS:
                bytes_sent, left_over = killed(work, url, "one", kills)
                sent.append(bytes_sent / (work / "hub" / "one" / "model.safetensors").stat().st_size)
                orphans += left_over
    capped, uncapped, vs_curl = ratio(theirs, ours), ratio(slow, fast), ratio(fast, curled)
    table(
        [
            ("capped: workbench, s", spread(ours)),
            ("capped: hf download, s", spread(theirs)),
            ("capped: times as fast as hf", f"{capped:.2f}"),
            ("uncapped: workbench, s", spread(fast)),
            ("uncapped: hf download, s", spread(slow)),
            ("uncapped: curl | tee | sha256sum, s", spread(curled)),
            ("uncapped: times as fast as hf", f"{uncapped:.2f}"),
            ("uncapped: time against curl", f"{vs_curl:.2f}"),
            ("killed: bytes sent / size, each", ", ".join(f"{share:.4f}" for share in sent)),
            ("killed: files left over", str(orphans)),
        ]
    )
    last_line(
        capped_speedup_vs_hf=capped,
        uncapped_speedup_vs_hf=uncapped,
        uncapped_time_vs_curl=vs_curl,
        server_bytes_ratio_max=max(sent),
        orphans=orphans,
    )


# What is measured: seconds in a fresh process, from its start to its end


def fetch(work: Path, url: str, repo: str) -> float:
    """Ours."""
    with cache(work, url) as env:
        return timed([PYTHON, "-c", OURS, f"bench/{repo}"], env)


def hf(work: Path, url: str, repo: str) -> float:
    """The hub's own client."""
    program = shutil.which("hf", path=str(Path(sys.executable).parent)) or "hf"
    with cache(work, url) as env:
        return timed([program, "download", f"bench/{repo}", "--quiet"], env)


def curl(work: Path, url: str, repo: str) -> float:
    """One file after another, written and hashed as it comes."""
    with cache(work, url) as env:
        out = Path(env["HF_HOME"])
        out.mkdir()
        files = sorted(path.name for path in (work / "hub" / repo).iterdir())
        lines = [f"curl -sfL {url}/bench/{repo}/resolve/main/{name} | tee {out / name} | sha256sum" for name in files]
        return timed(["bash", "-c", "set -e -o pipefail\n" + "\n".join(lines)], env)


def killed(work: Path, url: str, repo: str, kills: Sequence[int]) -> tuple[int, int]:
    """Bytes of the large files that the server sent until the model was there, and files left over."""
    urllib.request.urlopen(urllib.request.Request(f"{url}/_log", method="DELETE")).read()
    command = [PYTHON, "-c", WATCHED, f"bench/{repo}"]
    with cache(work, url) as env:
        for percent in (*kills, None):
            process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            for line in process.stdout:
                if percent is not None and float(line) >= percent:
                    process.send_signal(signal.SIGKILL)
                    break
            process.stdout.close()
            if process.wait() != (0 if percent is None else -signal.SIGKILL):
                raise SystemExit(f"The download ended with {process.returncode}.")
        log = json.load(urllib.request.urlopen(f"{url}/_log"))
        return sum(entry["sent"] for entry in log if entry["path"].startswith("/cdn/")), left_over(env)


def left_over(env: dict[str, str]) -> int:
    """Files of the cache that nothing links to, and downloads still on record. Locks are the cache's own."""
    home = Path(env["HF_HOME"])
    files = [p for p in home.rglob("*") if p.is_file() and not p.is_symlink() and ".locks" not in p.parts]
    linked = {p.resolve() for p in home.rglob("snapshots/**/*")}
    orphans = [p for p in files if p.resolve() not in linked and "refs" not in p.parts and "trees" not in p.parts]
    return len(orphans) + len(list(Path(env["WORKBENCH_HOME"]).rglob("downloads/*.json")))


# What it runs on


def make(folder: Path, sizes: Sequence[int]) -> None:
    """A model whose safetensors have these sizes, of random bytes."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "hidden_size": 64}))
    (folder / "tokenizer.json").write_text("{}")
    names = [f"model-{n + 1:05}-of-{len(sizes):05}.safetensors" for n in range(len(sizes))]
    names = ["model.safetensors"] if len(sizes) == 1 else names
    if len(sizes) > 1:
        index = {"weight_map": {f"t{n}": name for n, name in enumerate(names)}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        spec = {f"t{number}": {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]}}
        header = json.dumps(spec).encode()
        header += b" " * (-len(header) % 8)
        noise = random.Random(number)
        with (folder / name).open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            for _ in range(0, size, 1 << 20):
                file.write(noise.randbytes(1 << 20))


@contextlib.contextmanager
def hub(folder: Path) -> Iterator[str]:
    """A hub with each folder as a repository, in a process of its own."""
    process = subprocess.Popen([PYTHON, "-c", SERVE, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def pace(url: str, bps: int) -> None:
    """Bytes per second a connection gets from now on; 0: all it can take."""
    body = json.dumps({"bps": bps}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/_bps", data=body, method="POST")).read()


@contextlib.contextmanager
def cache(work: Path, url: str) -> Iterator[dict[str, str]]:
    """The environment of a process with an empty cache; deleted afterwards."""
    home = Path(tempfile.mkdtemp(dir=work))
    env: dict[str, Any] = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": f"{home}/hf", "WORKBENCH_HOME": f"{home}/wb"}
    env |= {"HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(ROOT)}
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"):
        env.pop(name, None)
    try:
        yield env
    finally:
        shutil.rmtree(home)


def timed(command: Sequence[str], env: dict[str, str]) -> float:
    """Seconds that a command takes; it must succeed."""
    os.sync()  # what others wrote is not written in this one's time
    began = time.monotonic()
    done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return seconds


if __name__ == "__main__":
    main()
