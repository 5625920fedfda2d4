"""Hostile and odd TOML: nothing escapes, nothing is lost, the line is right."""

from __future__ import annotations

import random
import time
import tomllib

import pytest

from workbench.errors import FolderError
from workbench.store import settings, settings_text
from workbench.store.settings import EndpointSettings, Settings
from workbench.store.settings_text import Unreadable, line_of

WHOLE = settings_text.FRESH + (
    'later = """\ntwo\nlines"""  # of another version\n\n'
    '[[endpoints]]  # mine\nname = "box"\nurl = "http://box:8000/v1"\nkey = "env:BOX_KEY"\n\n'
    '[[endpoints]]\nname = "räksmörgås"\nurl = "http://b/v1"\n\n'
    '[presets.calm]\ntemperature = 0.1\nstop = ["a",\n "b"]\n'
)
PIECES = ["[", "]", "[[", "]]", "=", '"', "'", "'''", '"""', "{", "}", ",", ".", "#", "\n", "\r", "\0", "\ufeff", "é",
          "1e999", "-0", "nan", "inf", "9" * 5000, "0x", "1979-05-27", "true", "endpoints", "presets", "downloads",
          "at_once = 9", "[downloads]", "[[endpoints]]", "[presets]", 'name = "box"', "\\u0000", "\u2028"]  # fmt: skip
CHANGE = {
    "at_once": 4,
    "default_model": "a:b",
    "presets": {"calm": {"temperature": 0.5}, "new": {"top_k": 1}},
    "endpoints": (EndpointSettings(name="new", url="http://n/v1"), EndpointSettings(name="box", url="http://box/v1")),
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe[\x00d\x00",
        b"a = 1\nb = '\xe9'\n",
        b"\0" * 100,
        b"x = " + b"[" * 20_000,
        b"x = " + b"{a=" * 20_000,
        b"[" + b"a." * 50_000 + b"a]",
        b"x = " + b"[" * 9_000,
        (b"[" + b"a." * 4_900 + b"a]\n") * 20,
        b"x = '''\n" + b"[downloads]\n" * 10_000 + b"'''\nat_once = 99",
        b"x = " + b"9" * 10_000,
        b"at_once = 1\n" * 10,
        b"x" * 1_000_000,
        b"memory_budget = 9" + b"9" * 4000,
        b"memory_budget = '" + b"9" * 4000 + b"TB'",
        b"idle_timeout = 1e400",
        b"idle_timeout = 9" + b"9" * 400,
        b"[presets.p]\nseed = 9" + b"9" * 4000,
        b"[presets.p]\ntop_p = 1979-05-27",
        b"[presets.'']\n",
        b"presets = []",
        b"endpoints = {}",
        b"[endpoints]",
        b"[[presets]]",
        b"[[downloads]]",
        b"[downloads.at_once]",
        b"[[endpoints]]\nname = 'a'\nurl = 'http://[::1'",
        b"[[endpoints]]\nname = 'a'\nurl = 'http://a:99999999'",
        b"[[endpoints]]\nname = 'a'\nurl = 'http://a\\u0000b'",
        b"[[endpoints]]\nname = 'a'\nurl = ['http://a']",
        b"[[endpoints]]\nname = 'a'\nurl = 'http://a'\nkey = {keyring = 1}",
        b'model_folders = ["/a\\u0000b"]',
        b"allowed = [1979-05-27]",
    ],
    ids=lambda raw: raw[:24].decode("latin-1") + f" {len(raw)}",
)
def test_a_hostile_file_is_a_problem_and_nothing_more(raw):
    settings.change(at_once=3)
    settings.path().write_bytes(raw)
    began = time.perf_counter()
    settings.get()
    problem = settings.problem()
    assert time.perf_counter() - began < 20
    if problem is None:  # an odd file, but a good one
        return
    assert settings.get().at_once == 3
    assert problem.line is None or 1 <= problem.line <= raw.count(b"\n") + 1
    assert len(problem.message) < 400
    with pytest.raises(FolderError):
        settings.change(connections=3)
    assert settings.path().read_bytes() == raw


def test_files_damaged_at_random_never_escape_and_are_never_made_worse():
    chance = random.Random(4)
    good = changed = 0
    for _ in range(400):
        text = WHOLE
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice([*PIECES, "", ""]) + text[at + chance.choice([0, 0, 1, 1, 9]) :]
        try:
            before, notes = settings_text.read(settings_text.text_of(text.encode()))
        except Unreadable as unreadable:
            line = unreadable.problem.line
            assert line is None or 1 <= line <= text.count("\n") + 1
            continue
        good += 1
        assert all(note.line for note in notes)
        try:
            after = settings_text.changed(text, CHANGE)
        except Unreadable:
            continue
        changed += 1
        now, _ = settings_text.read(after)
        assert (now.at_once, now.default_model, now.endpoints) == (4, "a:b", CHANGE["endpoints"])
        assert (now.allowed, now.connections, now.fallback) == (before.allowed, before.connections, before.fallback)
        assert {k: v for k, v in tomllib.loads(after).items() if k not in ours()} == {
            k: v for k, v in tomllib.loads(text.removeprefix("\ufeff")).items() if k not in ours()
        }
    assert good > 60
    assert changed > 0.9 * good


def ours():
    return {"default_model", "downloads", "presets", "endpoints"}


@pytest.mark.parametrize(
    "text",
    [
        "downloads.at_once = 2\n",
        "downloads = {at_once = 2}\n",
        "'downloads' = {'at_once' = 2, x = 1}\n",
        "[downloads]\n",
        "[downloads.x]\ny = 1\n",
        "[presets]\n[endpoint]\n",
        "presets = {calm = {top_k = 1}}\n",
        "presets.calm.top_k = 1\n",
        'endpoints = [{name = "box", url = "http://box/v1"}]\n',
        "endpoints = []\nx = [[1, 2], [{a = 1}]]\n",
        '[[endpoints]]\nname = "box"\nurl = "http://box/v1"\n[x]\n[[endpoints]]\nname = "c"\nurl = "http://c/v1"\n',
        "# at_once = 1\n# default_model = 2\n[[x]]\n# at_once = 3\n",
        'x = """\n# at_once = 1\n"""\n',
        "[downloads] # no end of line",
        "",
    ],
)
def test_whatever_way_it_is_written_it_can_be_changed(text):
    after = settings_text.changed(text, CHANGE)
    now, _ = settings_text.read(after)
    assert (now.at_once, now.presets, now.endpoints) == (4, CHANGE["presets"], CHANGE["endpoints"])
    again = settings_text.changed(after, {field: getattr(Settings(), field) for field in CHANGE})
    assert settings_text.read(again)[0] == Settings()


def test_the_line_of_a_value_is_that_on_which_it_begins():
    text = (
        "# head\na.b = 1\n\nlong = [\n  1,\n  2,\n]\nwords = '''\n[no]\n'''\n[t]\nx = 1\n[t.u]\ny = 2\n"
        "[[e]]\nn = 1\n[[e]]\n# two\nn = 2\ni = {p = 1}\n"
    )
    wanted = {
        ("a", "b"): 2,
        ("long",): 4,
        ("long", 1): 4,
        ("words",): 8,
        ("t", "x"): 12,
        ("t", "u", "y"): 14,
        ("e", 0, "n"): 16,
        ("e", 1, "n"): 19,
        ("e", 1, "none"): 17,
        ("e", 1, "i", "p"): 20,
        ("none",): None,
    }
    assert {where: line_of(text, where) for where in wanted} == wanted
