"""Settings carried to another machine: what goes, what stays, and what is said of it."""

from __future__ import annotations

import pytest

from workbench.errors import FolderError
from workbench.options import GenerationOptions
from workbench.store import settings
from workbench.store.settings import EndpointSettings, Settings

LAB = EndpointSettings(name="lab", url="http://gpu-box:8000/v1", model="qwen", preset="vllm", key="keyring")
CLOUD = EndpointSettings(name="openai", url="https://api.openai.com/v1", key="env:MY_KEY")


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Move to another machine, by its name; the first is there from the start."""

    def move(name):
        monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / name))

    move("first")
    return move


@pytest.fixture
def carried(tmp_path, machine):
    """What the first machine wrote; we are on the second."""
    settings.change(
        default_model="lab:qwen",
        at_once=4,
        idle_timeout=None,
        presets={"calm": {"temperature": 0.1, "stop": ("#",)}},
        prompts={"sum up": "Sum up:\n{text}"},
        keep_history=False,
        endpoints=(LAB, CLOUD),
        allowed=("https://api.openai.com",),
        ask_before_sending=False,
        model_folders=("/Volumes/models",),
        memory_budget=10**10,
    )
    file = settings.export(tmp_path)
    machine("second")
    return file


def test_a_new_machine_gets_what_was_carried_and_nothing_that_is_of_one_machine(carried):
    text = carried.read_text()
    assert carried.name == "workbench-settings.toml"
    assert not [word for word in ("allowed", "ask_before", "Volumes", "memory_budget", "keep_history") if word in text]
    report = settings.import_(carried)
    now = settings.get()
    assert (now.default_model, now.at_once, now.idle_timeout) == ("lab:qwen", 4, None)
    assert settings.preset("calm") == GenerationOptions(temperature=0.1, stop=("#",))
    assert now.prompts == {"sum up": "Sum up:\n{text}"}
    assert now.keep_history
    assert now.endpoints[0] == LAB
    assert (now.allowed, now.ask_before_sending, now.model_folders, now.memory_budget) == ((), True, (), None)
    assert "default_model is lab:qwen; it was not set." in report.changed
    assert report.added == (
        "The preset calm was added.",
        "The prompt sum up was added.",
        "The endpoint lab at http://gpu-box:8000/v1 was added.",
        "The endpoint openai at https://api.openai.com/v1 was added.",
    )
    assert "wb.connect('http://gpu-box:8000/v1', name='lab', key=..., save=True)" in report.to_do[0]
    assert settings.import_(carried).report == "Nothing changed."


def test_a_variable_here_is_not_carried(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DEFAULT_MODEL", "only-here")
    assert "only-here" not in settings.export(tmp_path / "x.toml").read_text()


def test_an_imported_server_never_gets_a_key_of_this_machine(carried):
    """A file from elsewhere must not send what a variable holds to an address of its own."""
    report = settings.import_(carried)
    assert settings.get().endpoints[1] == EndpointSettings(name="openai", url=CLOUD.url)
    assert 'key = "env:MY_KEY"' in report.to_do[1]


def test_merging_loses_nothing_that_is_here(carried):
    other = EndpointSettings(name="lab", url="http://localhost:9/v1", key="keyring")
    mine = EndpointSettings(name="openai", url=CLOUD.url, key="keyring", model="gpt")
    settings.change(
        endpoints=(other, mine),
        presets={"calm": {"temperature": 1.0}, "wild": {"temperature": 2.0}},
        prompts={"sum up": "In short: {text}", "mine": "Hm"},
        connections=3,
    )
    report = settings.import_(carried)
    now = settings.get()
    assert now.endpoints[:2] == (other, mine)
    assert (now.endpoints[2].name, now.endpoints[2].url) == ("lab-2", LAB.url)
    assert now.presets == {"calm": {"temperature": 0.1, "stop": ("#",)}, "wild": {"temperature": 2.0}}
    assert now.connections == 3
    assert now.prompts == {"sum up": "Sum up:\n{text}", "mine": "Hm"}
    assert "The prompt sum up was replaced; it was 'In short: {text}'." in report.changed
    assert "The preset calm was replaced; it was temperature=1.0." in report.changed
    assert "The endpoint lab-2 at http://gpu-box:8000/v1 was added." in report.added
    assert report.removed == ()
    assert settings.import_(carried).report == "Nothing changed."
    assert len(settings.get().endpoints) == 3


def test_replacing_makes_it_as_there_but_for_what_is_of_this_machine(carried):
    other = EndpointSettings(name="lab", url="http://localhost:9/v1", key="keyring")
    settings.change(
        endpoints=(other, EndpointSettings(name="old", url="http://old/v1")),
        presets={"wild": {"temperature": 2.0}},
        connections=3,
        model_folders=("/here",),
        allowed=("http://old",),
    )
    report = settings.import_(carried, merge=False)
    now = settings.get()
    assert [(e.name, e.url) for e in now.endpoints] == [("lab", LAB.url), ("openai", CLOUD.url)]
    assert (list(now.presets), list(now.prompts), now.connections) == (["calm"], ["sum up"], 12)
    assert (now.model_folders, now.allowed) == (("/here",), ("http://old",))
    assert report.removed == (
        "The preset wild was removed; it was temperature=2.0.",
        "The endpoint lab at http://localhost:9/v1 was replaced.",
        "The endpoint old at http://old/v1 was removed.",
    )


def test_a_settings_file_itself_can_be_imported_and_grants_nothing(tmp_path):
    file = tmp_path / "theirs.toml"
    file.write_text(
        "ask_before_sending = false\nallowed = ['https://evil.example']\nmodel_folders = ['/x']\nmood = 'bad'\n"
        "[downloads]\nat_once = 5\n"
    )
    report = settings.import_(file)
    assert settings.get() == Settings(at_once=5)
    assert [line.split()[0].strip("'") for line in report.left_out] == [
        "model_folders",
        "allowed",
        "ask_before_sending",
        "mood",
    ]
    assert repr(report) == report.report


def test_what_cannot_be_imported_says_why_and_changes_nothing(tmp_path):
    file = tmp_path / "theirs.toml"
    file.write_text("\n[downloads]\nat_once = 50\n")
    with pytest.raises(FolderError, match=r"theirs.toml, line 3: at_once must be"):
        settings.import_(file)
    file.write_bytes(b"\xff\xff")
    with pytest.raises(FolderError, match="no text in UTF-8"):
        settings.import_(file)
    with pytest.raises(FolderError, match="no such file"):
        settings.import_(tmp_path / "none")
    with pytest.raises(FolderError, match="is a directory"):
        settings.import_(tmp_path)
    assert settings.get() == Settings()


def test_an_export_does_not_overwrite_unless_told(tmp_path):
    file = settings.export(tmp_path / "mine.toml")
    with pytest.raises(FolderError, match="is there already"):
        settings.export(file)
    settings.change(at_once=3)
    assert "at_once = 3" in settings.export(file, overwrite=True).read_text()
    with pytest.raises(FolderError, match="cannot be written"):
        settings.export(tmp_path / "none" / "mine.toml")
