from __future__ import annotations

import subprocess
import sys

import pandas

from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say
from workbench.errors import HostCrashedError
from workbench.sessions.chat import Chat
from workbench.sessions.chat_frame import COLUMNS


def chat_of(*scripts, **about) -> Chat:
    return Chat(services=ScriptedServices(ScriptedService(*scripts)), **about)


def test_a_row_a_message_with_what_was_measured():
    chat = chat_of(say("one ", "two"), say("again"), fail(HostCrashedError("It died."), "some"), system="Be brief.")
    chat.send("Hello", temperature=0).wait(20)
    chat.regenerate().wait(20)
    chat.send("And?").wait(20)
    table = chat.to_frame()
    assert tuple(table.columns) == COLUMNS
    assert list(table["role"]) == ["system", "user", "assistant", "user", "assistant"]
    assert list(table["text"]) == ["Be brief.", "Hello", "again", "And?", "some"]
    answer = table.iloc[2]
    assert (answer["version"], answer["versions"]) == (2, 2)
    assert (answer["model"], answer["status"], answer["finish"]) == ("tiny", "done", "stop")
    assert (answer["prompt_tokens"], answer["completion_tokens"], answer["ttft_s"]) == (7, 1, 0.01)
    assert answer["options"] == "temperature 0"
    assert answer["parent"] == table.iloc[1]["id"]
    assert table.iloc[4]["error"] == "It died."
    assert pandas.isna(table.iloc[1]["ttft_s"])
    assert (pandas.Timestamp.now("UTC") - table["created"]).max() < pandas.Timedelta("5min")


def test_an_empty_chat_is_an_empty_table():
    table = chat_of().to_frame()
    assert (tuple(table.columns), len(table)) == (COLUMNS, 0)


def test_without_pandas_it_says_so():
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "import workbench as wb\n"
        "try: wb.chat(private=True).to_frame()\n"
        "except wb.errors.UsageError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "A table needs pandas, which is not installed. Run `pip install pandas`.\n"
