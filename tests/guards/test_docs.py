"""What the documents promise is so: every address, port, variable, name and keyword they show exists."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import workbench
from workbench.services.address import usual_name
from workbench.services.presets import PRESETS, Preset

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "docs/LOCAL_LLM_SETUP.md"
README = ROOT / "README.md"
TEXTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SERVERS_OWN = {"OLLAMA_CONTEXT_LENGTH", "OLLAMA_HOST", "OLLAMA_KEEP_ALIVE", "OLLAMA_ORIGINS"}
PYTHON_S = {"ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
OTHER_PORTS = {8081, 6767, 9931}
"""Ports the setup document names beside the usual ones: a second server, `jan serve`, newer llama.cpp."""
TAKES_ALL = "**"


def sections() -> dict[str, str]:
    """The setup document's text by its headings of the second level."""
    parts = re.split(r"^## (.+)$", SETUP.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def prose_of(path: Path) -> str:
    """A document without the tree of files."""
    return path.read_text().split("\n## Files\n")[0]


def code_of(path: Path) -> Iterator[str]:
    """The Python a document shows: its code cells, or its blocks."""
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text())["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        yield from (source for source in sources if not source.startswith("%"))  # magics are no Python
        cells = [cell for cell in cells if cell["cell_type"] == "markdown"]
        text = "\n".join("".join(cell["source"]) for cell in cells)
    else:
        text = path.read_text()
    yield from re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_server_s_row_and_section_say_what_its_preset_says(preset: Preset) -> None:
    rows = [line for line in SETUP.read_text().splitlines() if line.startswith(f"| [{preset.title}](")]
    assert len(rows) == 1
    assert re.findall(r"`([^`]+)`", rows[0]) == [preset.url, preset.name, *filter(None, [preset.key_env])]
    section = sections()[preset.title]
    assert f'wb.connect("{preset.url}"' in section
    assert usual_name(preset.url) == preset.name or f'name="{preset.name}"' in section
    assert "| What you see | Why | What to do |" in section
    if preset.key_env:
        assert preset.key_env in section


def test_the_readme_s_table_says_what_the_presets_say() -> None:
    section = README.read_text().split("## Local LLM support\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if "`http" in line and line.startswith("|")]
    facts = [re.findall(r"`([^`]+)`", row) for row in rows]
    assert facts == [[p.url, *filter(None, [p.key_env])] for p in PRESETS.values()]
    assert [row.split("|")[1].strip() for row in rows] == [preset.title for preset in PRESETS.values()]
    assert "(docs/LOCAL_LLM_SETUP.md)" in section


def test_every_port_of_the_setup_document_is_a_preset_s() -> None:
    named = {int(port) for port in re.findall(r"(?:\bport |[a-z]:| :)(\d{4,5})\b", SETUP.read_text())}
    usual = {port for preset in PRESETS.values() if (port := urlsplit(preset.url).port)}
    assert usual <= named
    assert named <= usual | OTHER_PORTS


def test_every_variable_of_the_setup_document_is_known() -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", SETUP.read_text()))
    keys = {preset.key_env for preset in PRESETS.values() if preset.key_env}
    assert named == keys | SERVERS_OWN | PYTHON_S


@pytest.mark.parametrize("path", [*TEXTS, *NOTEBOOKS], ids=lambda path: path.name)
def test_every_name_of_wb_in_a_document_exists(path: Path) -> None:
    assert set(re.findall(r"\bwb\.([A-Za-z_]\w*)", prose_of(path))) <= {*workbench.__all__}


@pytest.mark.parametrize("path", [SETUP, README, *NOTEBOOKS], ids=lambda path: path.name)
def test_every_keyword_a_document_gives_is_taken(path: Path) -> None:
    for code in code_of(path):
        for call in ast.walk(ast.parse(code)):
            if isinstance(call, ast.Call) and (function := public_function(call)):
                given = {keyword.arg for keyword in call.keywords}
                assert given <= taken(function) or TAKES_ALL in taken(function), ast.unparse(call)


def test_links_between_the_documents_lead_somewhere() -> None:
    for path in TEXTS:
        text = path.read_text()
        headings = {anchor(line) for line in text.splitlines() if line.startswith("#")}
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("#"):
                assert target[1:] in headings, f"{path.name}: {target}"
            elif "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def public_function(call: ast.Call) -> Callable[..., Any] | None:
    """The function behind ``wb.NAME(...)``; ``None`` for any other call."""
    name = re.fullmatch(r"wb\.(\w+)", ast.unparse(call.func))
    return getattr(workbench, name[1]) if name else None


def taken(function: Callable[..., Any]) -> set[str]:
    """The keywords it takes; `TAKES_ALL` is among them if it takes any."""
    parameters = inspect.signature(function).parameters.values()
    return {TAKES_ALL if each.kind is each.VAR_KEYWORD else each.name for each in parameters}


def anchor(heading: str) -> str:
    """What a link to a heading is called on GitHub."""
    return re.sub(r"[^\w -]", "", heading.lstrip("# ")).lower().replace(" ", "-")
