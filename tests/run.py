"""The one command for tests: sets up what they need, runs every step, says how each went.

    python3 tests/run.py              all of it
    python3 tests/run.py check        style, types, dependencies: no test is run
    python3 tests/run.py test         the Python and TypeScript tests, without the browser
    python3 tests/run.py browser      the tests in JupyterLab and Chromium
    python3 tests/run.py notebooks    the example notebooks
    python3 tests/run.py bench        the benchmarks at full size: figures, no verdict
    python3 tests/run.py build        the wheel and the sdist, into dist/

Several may be named. Everything lives in ``.venv-test``; a second run finds it there. With ``--all``, or with
``CI=true``, torch is installed too and the tests that train run. Uses the standard library only, and whatever
package index pip is configured for.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-test"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
WIDGETS = ROOT / "workbench/widgets"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
HALF = ("tests/sessions", "tests/engines")  # of the tests without the browser, by time
FLOOR = 90  # per cent of the package's lines that tests must run
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSERS = ("Google Chrome", "Chromium")
Step = tuple[str, float, str]  # name, seconds, why it failed ("" when it did not)


class Failure(Exception):
    """A step failed; its text says how, in a few words."""


def main() -> int:
    """Run the steps asked for; 0 when all passed, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("habits", nargs="*", help=", ".join(HABITS), metavar="HABIT")
    parser.add_argument("--all", action="store_true", help="torch and the tests that train as well, as in CI")
    given = parser.parse_args()
    if unknown := [name for name in given.habits if name not in HABITS]:
        parser.error(f"there is no habit {unknown[0]!r}; there are {', '.join(HABITS)}")
    habits = given.habits or list(EVERYTHING)
    torch = given.all or os.environ.get("CI") == "true"

    began = time.monotonic()
    reports = Path(tempfile.mkdtemp(prefix="workbench-reports-"))
    steps: list[Step] = []
    if run("set up", lambda: set_up(torch), steps):
        for habit in habits:
            for name, work in HABITS[habit].items():
                run(name, lambda work=work: work(reports), steps)  # type: ignore[misc]  # bound in each turn
        if habits == list(EVERYTHING):
            run("coverage", coverage, steps)
    summary = summarise(steps, reports, time.monotonic() - began)
    shutil.rmtree(reports)
    print(summary)
    return 1 if any(why for _, _, why in steps) else 0


def run(name: str, work: Callable[[], None], steps: list[Step]) -> bool:
    """Do one step, note its seconds and whether it failed; the steps after it run all the same."""
    print(f"\n──── {name} ────", flush=True)
    began = time.monotonic()
    why = ""
    try:
        work()
    except Failure as failure:
        why = str(failure)
        print(f"{name}: {why}", flush=True)
    steps.append((name, time.monotonic() - began, why))
    return not why


def summarise(steps: list[Step], reports: Path, seconds: float) -> str:
    """The table of steps, and a closing line as pytest writes it; a failed step without tests counts as one."""
    lines = ["", "──── summary ────"]
    lines += [f"{name:<22}{taken:>8.1f} s  {why or 'ok'}" for name, taken, why in steps]
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for report in reports.glob("*.xml"):
        for suite in ET.parse(report).getroot().iter("testsuite"):
            for key in counts:
                counts[key] += int(suite.get(key, 0))
    reported = {report.stem for report in reports.glob("*.xml")}
    failed = counts["failures"] + counts["errors"]
    failed += sum(1 for name, _, why in steps if why and (name not in reported or not failed))
    passed = counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"]
    said = [f"{passed} passed", f"{failed} failed", f"{counts['skipped']} skipped"]
    lines.append(f"==== {', '.join(said)} in {seconds:.0f}s ====")
    return "\n".join(lines)


def set_up(torch: bool) -> None:
    """Make the virtual environment, install what tests need, find or fetch a Chromium, make the bundles."""
    if sys.version_info < (3, 11):  # noqa: UP036  # this file is what an older python3 meets first
        raise Failure(f"Python 3.11 or later is needed; {sys.executable} is {sys.version.split()[0]}")
    if not PYTHON.exists():
        try:
            command(sys.executable, "-m", "venv", "--clear", str(VENV))
        except Failure:
            shutil.rmtree(VENV, ignore_errors=True)
            raise Failure("Python's venv is missing; on Debian and Ubuntu: apt-get install python3-venv") from None
    extras = "test,train,test-serve" if torch else "test"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + extras.encode()).hexdigest()
    stamp = VENV / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        command(PYTHON, "-m", "pip", "install", "--quiet", "--editable", f".[{extras}]")
        stamp.write_text(wanted)
    if not os.environ.get("CHROMIUM") and not installed_chromium():
        fetch_chromium()
    if not (WIDGETS / "node_modules/typescript").exists():
        npm("ci", "--no-audit", "--no-fund", "--ignore-scripts")
    npm("run", "build")


def fetch_chromium() -> None:
    """Install a Chromium the ordinary way for this system: Debian's own as root, else the one Playwright fetches."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and "ID=debian" in release():
        packages = ("chromium", "fonts-noto-core", "fonts-noto-color-emoji")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        command("apt-get", "update", "-qq")
        command("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, **quiet)
        return
    system = ("--with-deps",) if root and sys.platform == "linux" else ()
    command(PYTHON, "-m", "playwright", "install", *system, "chromium")


def installed_chromium() -> str:
    """Path of the system's Chromium or Chrome; empty when there is none."""
    on_path = [shutil.which(name) for name in BROWSERS]
    apps = [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in MAC_BROWSERS]
    return next((path for path in [*on_path, *apps] if path and Path(path).exists()), "")


def release() -> list[str]:
    """The lines of a Linux system's description of itself; none on others."""
    path = Path("/etc/os-release")
    return path.read_text().splitlines() if path.exists() else []


def resolve() -> None:
    """Without the machines: all extras resolve from wheels alone for a Mac with Apple silicon, with a recent MLX;
    the package itself resolves for Windows and for an Intel Mac, where it uses servers only."""
    for python in PYTHONS:
        found = compile_for("aarch64-apple-darwin", python, "--all-extras")
        version = next((line.removeprefix("mlx==") for line in found if line.startswith("mlx==")), "none")
        if version == "none" or tuple(int(part) for part in version.split(".")[:2]) < (0, 32):
            raise Failure(f"mlx {version} for Python {python} on a Mac; 0.32 is needed")
        print(f"macOS arm64, Python {python}: {len(found)} packages, mlx {version}")
    for platform in ("x86_64-apple-darwin", "windows"):
        print(f"{platform}, Python 3.12: {len(compile_for(platform, '3.12'))} packages, no mlx")


def compile_for(platform: str, python: str, *options: str) -> list[str]:
    """The pinned requirements uv finds for that platform, from wheels only. Raises `Failure` when there are none."""
    env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    index = subprocess.run([PYTHON, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True)
    if index.returncode == 0:
        env.setdefault("UV_DEFAULT_INDEX", index.stdout.strip())
    target = ("--python-platform", platform, "--python-version", python, "--only-binary", ":all:")
    words = [str(BIN / "uv"), "pip", "compile", "pyproject.toml", *options, *target]
    plain = ("--no-header", "--no-annotate", "--quiet")
    done = subprocess.run([*words, *plain], cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr)
        raise Failure(f"no set of wheels for {platform}, Python {python}")
    return done.stdout.splitlines()


def pytest(name: str, reports: Path, *arguments: str, **env: str) -> None:
    """Run pytest under coverage, its report kept for the summary."""
    report = f"--junitxml={reports / name}.xml"
    command(PYTHON, "-m", "coverage", "run", "-m", "pytest", report, *arguments, **env)


def both_halves(reports: Path) -> None:
    """Run the tests without the browser, in two processes side by side; each half takes about as long."""
    rest = [f"--ignore={path}" for path in ("tests/browser", *HALF)]
    with ThreadPoolExecutor() as pool:
        halves = [pool.submit(pytest, "pytest", reports, *HALF), pool.submit(pytest, "pytest-rest", reports, *rest)]
    for half in halves:
        half.result()


def notebooks(reports: Path) -> None:
    """Run every cell of the example notebooks in a state folder of their own, against a small hub with a few models
    of well-known names and a real llama.cpp server with the model that ships, both on this machine."""
    options = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120")
    with tempfile.TemporaryDirectory(prefix="workbench-notebooks-") as home:
        places = {"WORKBENCH_HOME": f"{home}/workbench", "HF_HOME": f"{home}/huggingface", "HOME": home}
        words = [str(PYTHON), "-c", "from workbench import builtin; print(builtin.path('gguf'))"]
        made = subprocess.run(words, cwd=ROOT, env={**os.environ, **places}, stdout=subprocess.PIPE, text=True)
        llama = ("llama_cpp.py", made.stdout.strip(), "2", "--port=8080")
        with server("hub.py", "--demo") as hub, server(*llama, mark="listening on ") as local:
            servers = {"HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "LOCAL_SERVER": f"{local}/v1"}
            pytest("notebooks", reports, *options, "notebooks", **servers, **places)


@contextlib.contextmanager
def server(script: str, *arguments: str, mark: str = "") -> Iterator[str]:
    """A server of the tests, killed at the end; yields the address it prints, on a line that begins with `mark`."""
    words = [str(PYTHON), f"tests/servers/{script}", *arguments]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = next((line for line in process.stdout if line.startswith(mark)), "").strip()
        if not said:
            raise Failure(f"{script}, which the notebooks need, ended with status {process.wait()}")
        yield said.removeprefix(mark)
    finally:
        process.kill()
        process.wait()


def benchmarks() -> None:
    """Run every benchmark at full size, one after another."""
    for script in sorted((ROOT / "tests/benchmarks").glob("[!_]*.py")):
        if script.stem != "common":
            print(f"\n{script.stem}", flush=True)
            command(PYTHON, script)


def coverage() -> None:
    """Put the measurements of every process together; fail under the floor."""
    command(PYTHON, "-m", "coverage", "combine", "--quiet")
    command(PYTHON, "-m", "coverage", "report", f"--fail-under={FLOOR}")


def build() -> None:
    """Build the sdist, and the wheel from it, as a release would."""
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    command(PYTHON, "-m", "hatchling", "build", "--target", "sdist")
    sdist = next((ROOT / "dist").glob("*.tar.gz"))
    command(PYTHON, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", sdist)
    for file in sorted((ROOT / "dist").iterdir()):
        print(f"{file.stat().st_size / 1e6:6.1f} MB  {file.name}")


def npm(*arguments: str) -> None:
    """Run npm of the node wheel in the widgets' folder."""
    code = "import hatch_build, pathlib, sys; hatch_build.npm(pathlib.Path('workbench/widgets'), *sys.argv[1:])"
    command(PYTHON, "-c", code, *arguments)


def command(*words: str | Path, **env: str) -> None:
    """Run a command in the project's folder, its output shown. Raises `Failure` on an exit status other than 0."""
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    status = subprocess.call([str(word) for word in words], cwd=ROOT, env={**os.environ, "PATH": path, **env})
    if status:
        raise Failure(f"{Path(words[0]).name} ended with status {status}")


HABITS: dict[str, dict[str, Callable[[Path], None]]] = {
    "check": {
        "ruff check": lambda _: command(BIN / "ruff", "check"),
        "ruff format": lambda _: command(BIN / "ruff", "format", "--check"),
        "mypy": lambda _: command(BIN / "mypy"),
        "tsc": lambda _: npm("run", "check"),
        "other machines": lambda _: resolve(),
    },
    "test": {
        "vitest": lambda _: npm("test"),
        "pytest": both_halves,
    },
    "browser": {"browser": lambda reports: pytest("browser", reports, "tests/browser")},
    "notebooks": {"notebooks": notebooks},
    "bench": {"benchmarks": lambda _: benchmarks()},
    "build": {"build": lambda _: build()},
}
EVERYTHING = ("check", "test", "browser", "notebooks")


if __name__ == "__main__":
    sys.exit(main())
