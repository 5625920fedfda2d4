"""Writes what is derived from the source: ``docs/api.md`` from docstrings, and the README's tree of files.

    python docs/build.py            write both
    python docs/build.py --check    say what is out of date, change nothing

Reads the source as text; imports nothing of it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "workbench"
API = ROOT / "docs/api.md"
README = ROOT / "README.md"
TREE = re.compile(r"(?<=## Files\n```\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
VALUES = ("options", "messages", "request", "model", "events", "errors", "commands", "transfer")
WIDTH = 90
"""Characters of a description in the tree; a longer one is cut at a comma or colon."""
ABOUT = {
    "binder/": "what Binder needs to open the notebooks in a browser",
    "docs/": "the API reference, the pictures, and the scripts that make them and this tree",
    "hatch_build.py": "packaging: builds the bundles where they are missing, ships the notebooks",
    "notebooks/": "the examples; the tests run every cell",
    "pyproject.toml": "dependencies, and the settings of every tool",
    "tests/": "in the same folders and under the same names as the code, and:",
    "tests/benchmarks/": "each script runs alone, prints a table and one line of JSON",
    "tests/browser/": "a real JupyterLab in a real Chromium",
    "tests/builtin/": "the questions the shipped model is measured on, and their grading",
    "tests/engines/": "the contract every engine keeps, and what is one engine's own",
    "tests/guards/": "the house rules: imports point down, public names are documented, this tree is true",
    "tests/models/": "a second, different tiny model for tests that need two, and the script that makes it",
    "tests/manager/": "model files, the hub, search, fit, downloads, inventory, deletion",
    "tests/servers/": "servers that tests start: llama.cpp's, a model hub, and one that misbehaves on request",
    "tests/services/": "the contract every service keeps, and every way a server can fail",
    "tests/sessions/": "chats, replies and questions, without a front end",
    "tests/store/": "where things are kept, and what is kept of runs",
    "tests/test_display.py": "how an object shows itself, in a notebook and elsewhere",
    "tests/test_init.py": "the names of a notebook, and what importing them costs",
    "tests/widgets/": "the bridge to the browser, and the TypeScript under vitest",
    "workbench/": "the package",
    "workbench/builtin/model/": "its weights, tokenizer and chat template",
    "workbench/builtin/template.jinja": "its chat template: roles, thinking, tools",
    "workbench/py.typed": "says that the package has types",
    "workbench/widgets/package.json": "what the bundles are made of, and how",
}
"""What cannot be read off the files themselves. A folder named here stands for all that is in it."""
OPEN = ("tests/", "workbench/")
QUIET = ("CHANGELOG.md", "LICENSE", "README.md", "tsconfig.json", "package-lock.json", "vitest.config.ts")


def main() -> int:
    """Write the derived texts, or check them; 1 when a check finds one out of date."""
    readme = README.read_text()
    derived = {API: api(), README: TREE.sub(lambda _: tree(), readme)}
    old = [path for path, text in derived.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in old:
            print(f"{path.relative_to(ROOT)} is out of date: run python docs/build.py")
        return 1 if old else 0
    for path in old:
        path.write_text(derived[path])
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def api() -> str:
    """The reference: the names of a notebook first, in the order of ``__all__``, then the values module by module."""
    root = ast.parse((PACKAGE / "__init__.py").read_text())
    homes: dict[str, str] = ast.literal_eval(assigned(root, "_HOMES"))
    lines = [
        "# API reference",
        "",
        "Written from the docstrings by `docs/build.py`.",
        "",
        "## `import workbench as wb`",
    ]
    for name, module in homes.items():
        source = ROOT / f"{module.replace('.', '/')}.py"
        node = next(node for node in ast.parse(source.read_text()).body if getattr(node, "name", "") == name)
        lines += entry(node, "wb.", 3)
    for module in VALUES:
        parsed = ast.parse((PACKAGE / f"{module}.py").read_text())
        lines += ["", f"## `workbench.{module}`", "", *prose(parsed)]
        for node in parsed.body:
            lines += entry(node, "", 3)
    return "\n".join(lines) + "\n"


def assigned(module: ast.Module, name: str) -> ast.expr:
    """The value a module assigns to a name."""
    found = (node for node in module.body if isinstance(node, ast.Assign))
    return next(node.value for node in found if ast.unparse(node.targets[0]) == name)


def entry(node: ast.stmt, prefix: str, level: int) -> Iterator[str]:
    """The lines of one class or function, with a class's fields and methods; none for what is private."""
    if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
        return
    yield from ("", f"{'#' * level} `{prefix}{signature(node)}`", "", *prose(node))
    if isinstance(node, ast.FunctionDef):
        return
    fields = list(attributes(node))
    if fields:
        yield ""
        yield from fields
    for child in node.body:
        if not any(ast.unparse(mark).endswith(".setter") for mark in getattr(child, "decorator_list", [])):
            yield from entry(child, "", level + 1)


def signature(node: ast.ClassDef | ast.FunctionDef) -> str:
    """Name, parameters and result as written; a class by its bases."""
    if isinstance(node, ast.ClassDef):
        bases = [ast.unparse(base) for base in node.bases]
        public = [base for base in bases if not base.startswith("_") and base not in ("msgspec.Struct", "Protocol")]
        return f"{node.name}({', '.join(public)})" if public else node.name
    if any(ast.unparse(mark) == "property" for mark in node.decorator_list):
        return f"{node.name} -> {ast.unparse(node.returns)}" if node.returns else node.name
    words = ast.unparse(node.args).removeprefix("self, ").removeprefix("self")
    return f"{node.name}({words})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def attributes(node: ast.ClassDef) -> Iterator[str]:
    """The public annotated fields of a class, each with the string beneath it."""
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or ast.unparse(field.target).startswith("_"):
            continue
        default = f" = {ast.unparse(field.value)}" if field.value else ""
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = "  " + " ".join(str(after.value.value).replace("``", "`").split())
        yield f"- `{ast.unparse(field.target)}: {ast.unparse(field.annotation)}{default}`{text}"


def prose(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> list[str]:
    """A docstring as Markdown: its indented parts become code blocks."""
    lines: list[str] = []
    code = False
    for line in (ast.get_docstring(node) or "").replace("``", "`").splitlines():
        indented = line.startswith("    ")
        if line and indented != code:
            lines += ["```"] if indented or lines[-1:] != [""] else ["```", ""]
            if not indented and lines[-3:] == ["", "```", ""]:
                lines[-3:] = ["```", ""]
            code = indented
        lines.append(line[4:] if indented else line)
    return [*lines, "```"] if code else lines


def tree() -> str:
    """Every file of the project, one line each; a folder whose files need no telling stands for them all."""
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    files = sorted(path for path in tracked.stdout.splitlines() if (ROOT / path).exists())
    shown = {row for path in files for row in rows(path)}
    lines = []
    for row in sorted(shown, key=order):
        indent = "  " * (row.rstrip("/").count("/"))
        name = indent + Path(row).name + ("/" if row.endswith("/") else "")
        text = about(row)
        lines.append(f"{name:<30}{text}" if text else name)
    return "\n".join(lines) + "\n"


def rows(path: str) -> Iterator[str]:
    """The lines of the tree a file stands for: its folders and itself, or the folder that stands for it."""
    parts = path.split("/")
    if parts[0].startswith(".") or parts[-1].startswith(".") or parts[-1] in QUIET:
        return
    for depth in range(1, len(parts)):
        folder = "/".join(parts[:depth]) + "/"
        yield folder
        if folder in ABOUT and folder not in OPEN:
            return
    if parts[-1] != "__init__.py" or len(parts) == 2:
        yield path


def order(row: str) -> list[tuple[bool, str]]:
    """Folders after the files beside them; the package first."""
    parts = row.rstrip("/").split("/")
    last = len(parts) - 1
    return [
        (i < last or row.endswith("/"), "" if part in ("workbench", "__init__.py") else part)
        for i, part in enumerate(parts)
    ]


def about(row: str) -> str:
    """What a file or folder is for, in a line: from the table, else the first sentence of its own text."""
    if row in ABOUT:
        return ABOUT[row]
    path = ROOT / row
    if row.endswith("/"):
        path = path / "__init__.py"
        if not path.exists():
            return ""
    text = path.read_text() if path.suffix in (".py", ".ts", ".css", ".mjs", ".jinja") else ""
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    first = text.split("\n\n")[0].replace("\n", " ")
    comment = re.match(r"\s*(?://+|/\*+|\{#-?)?\s*(.*?)(?:\*/|#\}|$)", first)
    sentence = re.split(r"(?<=[\w)`])\. ", comment.group(1) if comment else "")[0].replace("`", "").rstrip(".:")
    while (len(sentence) > WIDTH or sentence.count("(") > sentence.count(")")) and re.search(r"[:;,] ", sentence):
        sentence = re.sub(r"(.*)[:;,] .*", r"\1", sentence)
    return sentence


if __name__ == "__main__":
    sys.exit(main())
