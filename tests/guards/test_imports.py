"""Imports only point down, name what is declared, and stay light."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "workbench"
MODULES = sorted(PACKAGE.rglob("*.py"))

VALUES = {"commands", "errors", "events", "messages", "model", "options", "request", "tokens", "transfer"}
BELOW = {
    "values": set(),
    "store": {"values"},
    "builtin": {"values", "store"},
    "manager": {"values", "store", "builtin"},
    "engines": {"values"},
    "services": {"values", "store", "manager", "engines"},
    "sessions": {"values", "store", "manager", "engines", "services"},
    "display": {"values", "sessions"},
    "widgets": {"values", "store", "manager", "engines", "services", "sessions", "display"},
    "__init__": {"values", "sessions", "display"},
    "__main__": set(),
}
"""What each layer may import beside itself."""
EXCEPTIONS = {
    ("engines", "workbench.store.paths"),  # the register of live hosts lies in the runtime folder
    ("sessions", "workbench.display"),  # the one hook upward: it finds the widget by name
}
BY_NAME = {"__init__.py", "display.py", "engines/__init__.py", "engines/host.py"}
"""The files that may import a module of ours by a name in a string: the lazy names of a notebook, the hook by
which a session finds its widget, the lookup of engines, the host."""
HEAVY = {"anywidget", "huggingface_hub", "ipywidgets", "llama_cpp", "mlx", "mlx_lm", "openai", "pandas", "torch"}
HEAVY |= {"altair", "jsonschema", "llguidance", "transformers", "vl_convert", "xllamacpp"}


def layer(module: str) -> str:
    """The layer of a dotted name within the package: ``engines.host`` is of ``engines``."""
    first = module.split(".")[0]
    return "values" if first in VALUES else first


def dotted(path: Path) -> str:
    """``engines/host.py`` to ``engines.host``; a package's own file keeps its ``__init__`` at the root only."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of every module a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno} is a relative import"
            assert node.module
            if node.module == "workbench":
                for alias in node.names:
                    yield node.lineno, f"workbench.{alias.name}"
            else:
                yield node.lineno, node.module


def distribution(requirement: str) -> str:
    """The normalised name a requirement asks for: ``mlx[cpu]>=0.32; ...`` is ``mlx``."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found.group()).lower()


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_only_point_down(path: Path) -> None:
    here = layer(dotted(path))
    for line, name in imported(path):
        if not name.startswith("workbench."):
            continue
        there = layer(name.removeprefix("workbench."))
        ok = there == here or there in BELOW[here] or (here, name) in EXCEPTIONS
        assert ok, f"{path.relative_to(ROOT)}:{line}: {here} must not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_hooks_name_our_modules_in_strings(path: Path) -> None:
    if path.relative_to(PACKAGE).as_posix() in BY_NAME:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            text = ast.unparse(node)
            assert "workbench" not in text, f"{path.relative_to(ROOT)}:{node.lineno}: {text}"


def test_every_layer_is_in_the_table() -> None:
    assert {layer(dotted(path)) for path in MODULES} <= set(BELOW)


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = {
        distribution(r)
        for r in [
            *project["dependencies"],
            *extras["llama-cpp"],
            *extras["images"],
            *extras["pictures"],
            *extras["train"],
        ]
    }
    # Given by mlx-lm, jupyterlab, anywidget and jsonschema, and only used beside them.
    declared |= {"ipython", "jinja2", "referencing", "safetensors", "tokenizers", "traitlets", "transformers"}
    # A frame of pandas is made for the person who has it.
    declared |= {"pandas"}
    known = packages_distributions()
    for path in MODULES:
        for line, name in imported(path):
            top = name.split(".")[0]
            if top == "workbench" or top in sys.stdlib_module_names:
                continue
            sources = {distribution(d) for d in known.get(top, [top])}
            assert sources & declared, f"{path.relative_to(ROOT)}:{line} imports {top}, which is not declared"


def test_import_workbench_is_light() -> None:
    code = "import sys, json, workbench; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(json.loads(done.stdout)) == set()
