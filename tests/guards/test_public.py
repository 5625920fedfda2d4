"""The public names: sorted, complete, documented, and equal in both languages."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import workbench
from workbench import commands
from workbench.commands import COMMAND_KINDS
from workbench.events import FinishReason, Notice
from workbench.sessions.answer import AnswerStatus
from workbench.sessions.chat import Chat
from workbench.sessions.overflow import Choice, Overflowing
from workbench.sessions.preview import Preview

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "workbench"
PROTOCOL = PACKAGE / "widgets/protocol.ts"
PROTOCOLS = {
    "browser": commands.BrowserCommand,
    "compare": commands.ComparisonCommand,
    "downloads": commands.DownloadsCommand,
    "history": commands.HistoryCommand,
    "library": commands.LibraryCommand,
    "model_picker": commands.PickerCommand,
    "panes": commands.PanesCommand,
    "settings": commands.SettingsCommand,
}
"""What the front end of each widget may ask; its words are in <widget>_protocol.ts."""
MODULES = sorted(PACKAGE.rglob("*.py"))


def kinds(name: str, protocol: Path = PROTOCOL) -> tuple[str, ...]:
    """The strings of ``export const NAME = [...]`` in protocol.ts, or in a widget's own."""
    found = re.search(rf"export const {name} = \[(.*?)\]", protocol.read_text(), re.DOTALL)
    assert found, f"{protocol.name} exports no {name}"
    return tuple(re.findall(r'"(\w+)"', found.group(1)))


def union(interface: str, field: str) -> set[str]:
    """The strings a field of an interface in protocol.ts may hold."""
    found = re.search(rf"export interface {interface} \{{.*?\b{field}: ([^;]+);", PROTOCOL.read_text(), re.DOTALL)
    assert found, f"protocol.ts has no {interface}.{field}"
    return set(re.findall(r'"(\w+)"', found.group(1)))


def public(tree: ast.AST, above: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every class, function and method of a module that a reader may use, with its dotted name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
            yield above + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{above}{node.name}.")


def test_all_is_sorted() -> None:
    assert list(workbench.__all__) == sorted(workbench.__all__)


def test_all_is_complete_and_every_name_is_there() -> None:
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None, name
    assert set(workbench.__all__) == {"__version__", *workbench._MODULES, *workbench._HOMES}


def test_the_lazy_names_are_those_a_type_checker_sees() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    checked = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names if node.module != "workbench"}
    assert seen == workbench._HOMES


@pytest.mark.parametrize("name", workbench.__all__)
def test_a_public_name_is_documented(name: str) -> None:
    value = getattr(workbench, name)
    if callable(value):
        assert (inspect.getdoc(value) or "").strip(), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_module_class_and_function_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), path
    bare = [name for name, node in public(tree) if not ast.get_docstring(node) and not overrides(node)]
    assert bare == []


def overrides(node: ast.AST) -> bool:
    """Whether it belongs to something documented above: a setter, an overload, an override."""
    marks = [ast.unparse(mark) for mark in getattr(node, "decorator_list", [])]
    return any(mark.endswith(("override", "overload", ".setter", ".deleter")) for mark in marks)


def test_command_kinds_agree_with_the_front_end() -> None:
    assert kinds("COMMAND_KINDS") == COMMAND_KINDS


@pytest.mark.parametrize("widget", PROTOCOLS)
def test_command_kinds_of_a_widget_agree_with_the_front_end(widget: str) -> None:
    protocol = PACKAGE / f"widgets/{widget}_protocol.ts"
    assert kinds(f"{widget.upper()}_KINDS", protocol) == commands.kinds(PROTOCOLS[widget])


def test_statuses_agree_with_the_front_end() -> None:
    assert kinds("STATUSES") == get_args(AnswerStatus)


def test_notice_codes_and_finish_reasons_agree_with_the_front_end() -> None:
    code = get_type_hints(Notice)["code"]
    assert union("Note", "code") == set(get_args(code))
    assert union("MessageView", "finish") == set(get_args(FinishReason))


def test_op_kinds_agree_with_the_front_end() -> None:
    trees = [ast.parse(path.read_text()) for path in (PACKAGE / "sessions").glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    emitted = {
        op.elts[0].value
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("_emit", ".emit"))
        for op in ast.walk(node)
        if isinstance(op, ast.List) and op.elts and isinstance(op.elts[0], ast.Constant)
    }
    assert emitted, "sessions no longer emit operations as lists: mend this test"
    panes = kinds("PANES_OP_KINDS", PACKAGE / "widgets/panes_protocol.ts")
    known = {*kinds("OP_KINDS"), *kinds("ROW_OP_KINDS"), *panes}
    assert emitted <= known
    assert known <= words


def test_message_kinds_agree_with_the_front_end() -> None:
    tree = ast.parse((PACKAGE / "widgets/bridge.py").read_text())
    sent = {
        value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "kind" and isinstance(value, ast.Constant)
    }
    assert {*sent, "ack"} == set(kinds("MESSAGE_KINDS"))


def fields(interface: str) -> set[str]:
    """Names of the fields of an interface in protocol.ts, without those of the one it extends."""
    found = re.search(rf"export interface {interface}[ \w]*\{{\n(.*?)\n\}}", PROTOCOL.read_text(), re.DOTALL)
    assert found, f"protocol.ts has no {interface}"
    return set(re.findall(r"^  (\w+)\??:", found.group(1), re.MULTILINE))


def test_the_fields_of_a_chat_agree_with_the_front_end() -> None:
    view = conversation().view()
    assert set(view) == fields("ChoiceView") | fields("ChatView")
    assert set(view["ranges"][0]) == fields("RangeView")
    assert set(view["context"]) == {"used", "reserved", "limit"}


def test_the_fields_of_a_message_agree_with_the_front_end() -> None:
    for message in conversation().view()["messages"]:
        assert set(message) == fields("MessageView"), message["role"]
        assert set(message["place"]) == fields("Place")


def test_the_fields_of_the_panels_agree_with_the_front_end() -> None:
    assert {"busy", *Preview.__struct_fields__} == fields("PreviewView")
    assert set(Overflowing.__struct_fields__) & fields("OverflowView") == fields("OverflowView")
    assert set(Choice.__struct_fields__) == fields("OverflowChoice")


def conversation() -> Chat:
    """A chat with a message of each kind, which nobody answers."""
    answered = [("user", "Hello"), ("assistant", "Hi")]
    return workbench.chat("builtin", system="Be brief.", messages=answered, private=True)
