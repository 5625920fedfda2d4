"""`%ask` and `%%ask` in a real IPython shell, and in a real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.test_display import executed
from workbench.messages import File
from workbench.services.registry import Services

IPython = pytest.importorskip("IPython")
from IPython.core.error import UsageError as Misuse  # noqa: E402
from IPython.core.interactiveshell import InteractiveShell  # noqa: E402

import workbench as wb  # noqa: E402
from workbench.sessions import magics  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shell(services: Services, monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """A shell of its own, over the model that ships."""
    from traitlets.config import Config

    monkeypatch.setattr("workbench.services.registry.default", lambda: services)
    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config)
    wb.load_ipython_extension(made)
    return made


def cell(shell: InteractiveShell, line: str, text: str) -> Any:
    return shell.run_cell_magic("ask", line, text)


def test_a_line_is_asked_and_writes_its_answer(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["who"] = "Hello"
    reply = shell.run_line_magic("ask", "--temperature 0 --to said {who}")
    expected = wb.ask("Hello", temperature=0).result(60)
    assert reply.result() == shell.user_ns["said"] == expected
    assert capsys.readouterr().out.strip() == expected
    cell(shell, "--temperature 0 --max-tokens 2 --to said", "{who}\n")
    assert shell.user_ns["said"] == wb.ask("Hello", temperature=0, max_tokens=2).result(60)


def test_words_of_the_line_come_before_the_cell_and_dollars_are_left_alone(shell: InteractiveShell) -> None:
    shell.user_ns["x"] = 3
    cell(shell, "--chat c --max-tokens 2 Explain $x:", "price = {x}\nrest = {{y}}\n")
    assert shell.user_ns["c"].messages[0].text == "Explain $x:\nprice = 3\nrest = {y}"
    cell(shell, "--raw --chat c --max-tokens 2", "f() { x }")
    assert shell.user_ns["c"].messages[2].text == "f() { x }"


def test_names_of_the_function_it_stands_in_go_first(shell: InteractiveShell) -> None:
    shell.user_ns["word"] = "outside"
    shell.run_cell(
        "def f(word):\n    %ask --chat c --max-tokens 2 Say {word}\nf('inside')\nsaid = c.messages[0].text", silent=True
    )
    assert shell.user_ns["said"] == "Say inside"


def test_a_chat_goes_on_and_is_made_when_there_is_none(shell: InteractiveShell) -> None:
    shell.run_line_magic("ask", '--chat talk --system "Be brief." --max-tokens 2 Hello')
    talk = shell.user_ns["talk"]
    shell.run_line_magic("ask", "--chat talk --max-tokens 2 --model builtin And?")
    assert shell.user_ns["talk"] is talk
    assert [m.role for m in talk.messages] == ["system", "user", "assistant", "user", "assistant"]
    assert talk.system == "Be brief."
    shell.user_ns["number"] = 3
    with pytest.raises(Misuse, match="number is a int, not a chat"):
        shell.run_line_magic("ask", "--chat number Hello")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{undefined_name} is what?", "no variable 'undefined_name'"),
        ("--attach undefined_name what?", "no variable 'undefined_name'"),
        ("--schema undefined_name what?", "no variable 'undefined_name'"),
        ("--modle b hi", "Did you mean --model"),
        ("--model buildin hi", "Did you mean 'builtin'"),
        ("--temperature 9 hi", "temperature must be"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_nothing_is_sent(shell: InteractiveShell, line: str, says: str) -> None:
    with pytest.raises(Misuse, match=says):
        shell.run_line_magic("ask", f"--chat c {line}")
    assert "c" not in shell.user_ns


def test_a_schema_gives_an_object_and_attachments_go_along(shell: InteractiveShell, tmp_path: Path) -> None:
    shell.run_cell("from dataclasses import dataclass\n@dataclass\nclass City:\n    name: str\n", silent=True)
    shell.run_line_magic("ask", "--schema City --to city --temperature 0 --max-tokens 60 Give me a city.")
    assert type(shell.user_ns["city"]) is shell.user_ns["City"]
    (tmp_path / "notes.txt").write_text("the river is long")
    shell.user_ns["rows"] = [{"a": 1}]
    shell.run_line_magic("ask", f"--chat c --max-tokens 2 --attach {tmp_path}/notes.txt --attach rows What is this?")
    files = [part for part in shell.user_ns["c"].messages[0].parts if isinstance(part, File)]
    assert [file.text for file in files[:1]] == ["the river is long"]
    assert len(files) == 2


def test_a_function_may_be_called(shell: InteractiveShell) -> None:
    shell.run_cell("def add(a: int, b: int) -> int:\n    'Add.'\n    return a + b", silent=True)
    reply = shell.run_line_magic("ask", "--tool add --allow --temperature 0 --max-tokens 60 What is 2 + 3?")
    assert [tool.name for tool in reply._offer.tools] == ["add"]


@pytest.mark.parametrize("name", ["os.environ", "os.environ['SOME_API_KEY']", "[os.environ['SOME_API_KEY']]"])
def test_a_key_is_never_sent(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SOME_API_KEY", "a1b2c3d4e5f6g7h8")
    shell.user_ns["os"] = os
    with pytest.raises(Misuse, match="not sent"):
        shell.run_line_magic("ask", f"--chat c What is {{{name}}}?")
    assert "c" not in shell.user_ns


def test_without_a_prompt_it_shows_how(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("", "--help", "--model builtin"):
        assert shell.run_line_magic("ask", line) is None
        assert "--system" in capsys.readouterr().out


def test_options_and_models_are_completed(shell: InteractiveShell) -> None:
    def completed(text: str) -> list[str]:
        symbol = text.rsplit(maxsplit=1)[-1].rsplit(":", 1)[-1]
        return magics._completed(shell, SimpleNamespace(text_until_cursor=text, symbol=symbol))

    assert "--model" in completed("%ask --mo")
    assert completed("%ask -m bui") == ["builtin"]
    assert completed("%ask what is bui") == []
    assert "builtin" in shell.Completer.complete(line_buffer="%%ask --model bui", cursor_pos=17)[1]


def test_code_of_an_answer_goes_into_the_next_cell(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    put: list[tuple[str, bool]] = []
    shell.set_next_input = lambda text, replace=False: put.append((text, replace))
    magics._to_cell(shell, "See:\n```python\nx = 1\n```\nthen\n```bash\nls\n```\n```\ny = 2\n```\n")
    assert put == [("x = 1\n\ny = 2", False)]
    magics._to_cell(shell, "no code")
    assert "no Python" in capsys.readouterr().out


def test_in_a_kernel_it_streams_as_markdown_and_is_there_after_the_import() -> None:
    first, second, third, wrong, after = executed(
        "import workbench as wb\nname = 'Hello'",
        "%%ask --temperature 0 --to said\n{name}",
        "reply = %ask --temperature 0 {name}\nreply",
        "%ask {nme}",
        "print(said == reply.result() != '')",
        allow_errors=True,
    )
    assert first == []
    assert [output["output_type"] for output in second] == ["display_data"]
    assert second[0]["data"]["text/markdown"]
    assert len(third) == 1, "an answer that the cell shows already is not shown again"
    assert [(output["name"], output["text"]) for output in wrong] == [
        ("stderr", "UsageError: There is no variable 'nme', which {nme} in line 1 needs. Did you mean name?\n")
    ]
    assert after[0]["text"] == "True\n"


def test_the_import_keeps_a_magic_of_that_name_and_load_ext_takes_it() -> None:
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.register_magic_function(lambda line: print('mine', line), 'line', 'ask')\n"
        "shell.run_cell('import workbench')\n"
        "shell.run_cell('%ask x')\n"
        "shell.run_cell('%load_ext workbench')\n"
        "import sys; print('msgspec' in sys.modules)\n"
        "shell.run_cell('%ask --help')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert done.stdout.splitlines()[:2] == ["mine x", "False"], "asking nothing imports nothing"
    assert "%%ask [options]" in done.stdout
