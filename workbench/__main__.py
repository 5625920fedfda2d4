"""``python -m workbench FOLDER``: lay the example notebooks out there and open JupyterLab on the first.

Knows where the notebooks are and how JupyterLab is started; nothing of models or widgets.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FIRST = "01_first_chat.ipynb"
HERE = Path(__file__).parent
NO_LOCAL_MODELS = (
    "Local models need a Mac with Apple silicon, or Linux; on this machine only models behind a server answer: "
    "wb.connect(URL)."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns JupyterLab's exit status, or 2 when the folder cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench",
        description="Lay the example notebooks out in a folder and open JupyterLab there.",
        epilog="What follows -- goes to JupyterLab: python -m workbench notebooks -- --no-browser --port=9000",
    )
    parser.add_argument("folder", nargs="?", default="notebooks", type=Path, help="default: %(default)s")
    words = list(sys.argv[1:] if arguments is None else arguments)
    split = words.index("--") if "--" in words else len(words)
    given = parser.parse_args(words[:split])
    if not runs_local_models(sys.platform, platform.machine()):
        print(NO_LOCAL_MODELS)
    try:
        kept = lay_out(examples(), given.folder)
    except OSError as error:
        print(f"The notebooks cannot be put into {given.folder}: {error.strerror}.", file=sys.stderr)
        return 2
    for name in kept:
        print(f"Kept {given.folder / name} as it is: it differs from the example of that name.")
    with subprocess.Popen(lab_command(given.folder, words[split + 1 :]), env=lab_environment()) as lab:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches JupyterLab too, which asks what to do
        return lab.wait()


def examples() -> Path:
    """The folder of the example notebooks: inside the installed package, or beside it in a clone."""
    inside = HERE / "notebooks"
    return inside if inside.is_dir() else HERE.parent / "notebooks"


def lay_out(source: Path, folder: Path) -> list[str]:
    """Copy the notebooks that the folder lacks; returns the names of those that were there and differ.

    Nothing that exists is overwritten. Raises `OSError` when the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for example in sorted(source.glob("*.ipynb")):
        copy = folder / example.name
        if not copy.exists():
            shutil.copyfile(example, copy)
        elif copy.read_bytes() != example.read_bytes():
            kept.append(example.name)
    return kept


def lab_command(folder: Path, options: Sequence[str] = ()) -> list[str]:
    """The command that opens JupyterLab on the first notebook of the folder, in this interpreter."""
    folder = folder.resolve()
    command = [sys.executable, "-m", "jupyterlab", str(folder / FIRST), f"--ServerApp.root_dir={folder}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container everybody is root; Jupyter would refuse to start
    return [*command, *options]


def lab_environment() -> dict[str, str]:
    """This environment, with the kernels of this interpreter before those a person installed elsewhere."""
    return {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1"}


def runs_local_models(system: str, machine: str) -> bool:
    """Whether MLX exists for that ``sys.platform`` and ``platform.machine()``."""
    return (system == "darwin" and machine == "arm64") or (system == "linux" and machine in ("x86_64", "aarch64"))


if __name__ == "__main__":
    sys.exit(main())
