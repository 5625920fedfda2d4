"""A conversation as a program: it reads well, says again what was said, and runs in a process of its own."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sessions.test_export import answer, chat, message
from workbench.messages import File, Image, Text, ToolCall, ToolResult
from workbench.options import GenerationOptions
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
from workbench.sessions.export import export
from workbench.sessions.export_python import literal

HARD = [
    'say "no"', "it's", "{braces} {{two}}", "back\\slash \\n", 'three """ quotes', "ends in \"\n\"", "\n", "",
    "tab\there", "\r\n", "\x00\x1b[31m", "if \u202eadmin\u202c:", "\ud800", "'''", '"""', "a\n\\", "ünïcode 漢字 🌊",
    "# coding: rot13", "\u2028line\u2029", "\x0c\x85",
]  # fmt: skip


def run_calls(code: str) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("text", HARD)
def test_every_text_is_a_literal_that_reads_back(text):
    assert ast.literal_eval(literal(text)) == text
    code = export(
        chat(title=text, system=text or None, head="m2"),
        [message("m1", None, text=text), answer("m2", "m1", text)],
        "python",
    )
    code.encode()
    sent = [call for call in run_calls(code) if ast.unparse(call.func) == "chat.send"]
    assert [ast.literal_eval(call.args[0]) for call in sent] == [text]
    assert len(run_calls(code)) == 4, "what a model wrote calls nothing"
    assert compile(code, "chat.py", "exec")


def test_random_texts_read_back():
    letters = random.Random(7)
    for _ in range(500):
        text = "".join(letters.choices("ab\"'\\\n{}\r\t#", k=letters.randrange(12)))
        assert ast.literal_eval(literal(text)) == text


def test_it_reads_as_it_was_written():
    options = GenerationOptions(temperature=0, stop=("###",))
    tree = [
        message(
            "m1",
            None,
            text="Read this:\nline {two}",
            parts=(File("a.csv", "x,y"), Image(b"1", name="p.png"), Text("Read this:\nline {two}")),
        ),
        answer("m2", "m1", "First.\n\nSecond.", options=options),
        message("m3", "m2", text="Go on."),
        answer(
            "m4",
            "m3",
            "More",
            model="ollama:llama3.2",
            options=GenerationOptions(temperature=0, max_tokens=5),
            status="cancelled",
        ),
    ]
    kept = chat(title="Rivers", head="m4", system="Be brief.", options=options)
    code = export(kept, tree, "python")
    assert (
        code.split("\n\n", 2)[2]
        == '''\
import workbench as wb

chat = wb.chat("org/model", system="Be brief.", temperature=0, stop=('###',))

# With it came the file a.csv (3 characters): give it as attach=[...]
# With it came the picture p.png: give it as attach=[...]
reply = chat.send("""\\
Read this:
line {two}""")
print(reply.result())

# org/model answered:
#
# First.
#
# Second.

chat.model = "ollama:llama3.2"

reply = chat.send("Go on.", max_tokens=5)
print(reply.result())

# ollama:llama3.2 answered:
#
# More
#
# Stopped.
'''
    )
    assert "First." not in export(kept, tree, "python", answers=False)


def test_calls_of_functions_stand_in_comments():
    parts = (ToolCall("1", "add", '{"a": 2}'), ToolResult("1", "5\nexit()", seconds=0.5), Text("It is 5."))
    code = export(chat(head="m2"), [message("m1", None, text="Add."), answer("m2", "m1", "", parts=parts)], "python")
    assert code.endswith(
        """\
# org/model answered:
#
# Call of add: {"a": 2}
#
# add gave (0.50 s): 5
# exit()
#
# It is 5.
"""
    )


def test_it_runs_in_a_process_of_its_own(services: Services, tmp_path: Path):
    talk = Chat(services=services, system="Be brief.", options=GenerationOptions(temperature=0))
    answers = [talk.send(text).result(60) for text in ('Hello "you" {there}\n\\n', "What can you do?")]
    file = Path(talk.export(tmp_path / "talk.py"))
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, env=here, timeout=120, check=True
    )
    assert done.stdout == "".join(f"{text}\n" for text in answers)
