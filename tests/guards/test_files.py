"""What is derived is up to date, and no file names where anything is downloaded from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r'"resolved":|^\s*(url|registry|index-url|index)\s*=\s*"?https?://', re.MULTILINE)
TEXT = {".cfg", ".ini", ".json", ".lock", ".md", ".npmrc", ".toml", ".txt", ".yaml", ".yml"}


def tracked() -> list[Path]:
    """The files of the project, as git sees them."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def test_the_api_reference_and_the_tree_of_the_readme_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, "docs/build.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


def test_every_line_of_the_tree_says_what_it_is_for() -> None:
    tree = (ROOT / "README.md").read_text().split("## Files\n```\n")[1].split("```")[0]
    assert tree.splitlines()
    assert [line for line in tree.splitlines() if not re.match(r" *\S+ {2,}\S", line)] == []


def test_no_file_names_a_download_address() -> None:
    settings = [path for path in tracked() if path.suffix in TEXT or path.name == ".npmrc"]
    assert settings
    found = [path.relative_to(ROOT).as_posix() for path in settings if ADDRESS.search(path.read_text())]
    assert found == []


def test_the_lock_file_pins_by_hash() -> None:
    lock = json.loads((ROOT / "workbench/widgets/package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages)


def test_top_level_holds_nothing_unexpected() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    visible = {name for name in top if not name.startswith(".")}
    folders = {"binder", "docs", "notebooks", "tests", "workbench"}
    files = {"CHANGELOG.md", "LICENSE", "README.md", "hatch_build.py", "pyproject.toml"}
    assert visible <= folders | files


def test_saved_notebooks_hold_no_path_of_a_machine() -> None:
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        text = notebook.read_text()
        assert "/home/" not in text
        assert str(ROOT) not in text
