"""The settings file as a person, several kernels, and a broken disk meet it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tomllib

import pytest

from workbench.errors import FolderError, OptionError, UsageError
from workbench.options import GenerationOptions
from workbench.store import paths, settings, settings_file
from workbench.store.settings import EndpointSettings, Settings

WRITER = """
import sys
from workbench.store import settings
for n in range(8):
    settings.edit(lambda now: {"allowed": (*now.allowed, f"https://{sys.argv[1]}{n}.example")})
    settings.edit(lambda now: {"endpoints": (*now.endpoints, settings.EndpointSettings(
        name=f"{sys.argv[1]}{n}", url="http://localhost:1/v1"))})
"""
FIELDS = {
    "default_model": "ollama:llama3",
    "fallback": None,
    "use_fallback": False,
    "ask_before_sending": False,
    "allowed": ("https://api.openai.com", "http://gpu-box:8000"),
    "model_folders": ("/models", "~/more models"),
    "at_once": 3,
    "connections": 4,
    "memory_budget": 16 * 10**9,
    "idle_timeout": None,
    "keep_history": False,
    "prompts": {"sum up": "Sum up in {number} words:\n\n  {text}", "quotes": 'say """ \\ "', "räksmörgås": "はい\n"},
    "presets": {"precise": {"temperature": 0.0, "stop": ("###",), "thinking": False}, "as I like": {"top_k": 40}},
    "endpoints": (
        EndpointSettings(name="ollama", url="http://localhost:11434/v1", model="llama3", preset="ollama"),
        EndpointSettings(name="openai", url="https://api.openai.com/v1", key="env:OPENAI_API_KEY"),
        EndpointSettings(name="lab", url="http://gpu-box:8000/v1", key="keyring"),
    ),
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    for variable in settings.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "home"


def written(text):
    settings.path().write_text(text)
    return settings.get()


def elsewhere(code):
    """What another kernel prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_without_a_file_there_are_defaults_and_none_is_made():
    assert settings.get() == Settings()
    assert (settings.problem(), settings.notes()) == (None, ())
    assert not settings.path().exists()


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_kept_and_read_by_another_kernel(field):
    assert getattr(settings.change(**{field: FIELDS[field]}), field) == FIELDS[field]
    told = elsewhere(f"from workbench.store import settings; print(settings.get().{field})")
    assert told == str(FIELDS[field])
    back = settings.change(**{field: getattr(Settings(), field)})
    assert back == Settings()


def test_all_fields_at_once_and_again():
    assert settings.change(**FIELDS) == Settings(**FIELDS)
    text = settings.path().read_text()
    assert settings.change(**FIELDS) == Settings(**FIELDS)
    assert settings.path().read_text() == text


def test_every_commented_default_is_a_setting_and_its_default():
    fresh = settings.create().read_text()
    assert written(fresh) == Settings()
    assert settings.notes() == ()
    lines = [line.removeprefix("# ") for line in fresh.splitlines() if line.startswith(("# ", "["))]
    said = tomllib.loads("\n".join(line for line in lines if " = " in line or line.startswith("[")))
    places = [settings.Settings.__struct_fields__]
    assert set(said) | set(said["downloads"]) == {*places[0], "downloads"}
    took = written("\n".join(line for line in lines if " = " in line or line.startswith("[")))
    assert settings.problem() is None
    assert took.endpoints[0].name == "ollama"
    assert took.presets == {"precise": {"temperature": 0.0}}
    assert (took.at_once, took.connections, took.idle_timeout, took.fallback) == (2, 12, 900.0, "builtin")


def test_a_change_takes_the_place_of_its_commented_default_and_touches_nothing_else():
    before = settings.create().read_text().splitlines()
    settings.change(at_once=5, default_model="builtin", allowed=["https://a.example"])
    after = settings.path().read_text().splitlines()
    assert len(before) == len(after)
    assert [line for line in after if line not in before] == [
        'default_model = "builtin"',
        'allowed = ["https://a.example"]',
        "at_once = 5",
    ]


def test_what_a_person_wrote_stays():
    written(
        "# mine\nfuture = 1979-05-27T07:32:00Z  # of a later version\n\n[downloads]\nat_once = 2  # slow line\n"
        'shape = {a = 1, b = [1, 2]}\n\n[[endpoints]]  # at home\nname = "box"  # under the desk\n'
        'url = "http://box:8000/v1"\ncolour = "red"\n\n[presets.calm]\ntemperature = 0.1  # low\nmood = "calm"\n'
    )
    settings.change(at_once=4, idle_timeout=60)
    settings.edit(lambda now: {"endpoints": (*now.endpoints, EndpointSettings(name="b", url="http://b/v1"))})
    settings.edit(lambda now: {"endpoints": (_with_model(now.endpoints[0]), *now.endpoints[1:])})
    settings.put_preset("calm", GenerationOptions(temperature=0.2))
    text = settings.path().read_text()
    kept = ["# mine", "# of a later version", "# slow line", "# at home", "# under the desk", "# low", 'colour = "red"']
    assert [word for word in [*kept, 'mood = "calm"', "shape = {a = 1, b = [1, 2]}"] if word not in text] == []
    now = settings.get()
    assert (now.at_once, now.idle_timeout, now.presets) == (4, 60.0, {"calm": {"temperature": 0.2}})
    assert [(e.name, e.model) for e in now.endpoints] == [("box", "m"), ("b", None)]


def _with_model(endpoint):
    return EndpointSettings(name=endpoint.name, url=endpoint.url, model="m")


def test_an_unknown_name_is_told_with_its_line_and_the_nearest_one():
    assert written('[downloads]\nat_onse = 3\n[[endpoints]]\nname="a"\nurl="http://a/v1"\nmodle="x"\n').at_once == 2
    assert settings.problem() is None
    assert [note.line for note in settings.notes()] == [2, 6]
    assert "Did you mean at_once?" in str(settings.notes()[0])
    settings.change(connections=3)
    assert "at_onse = 3" in settings.path().read_text()


def test_a_key_under_another_name_is_told_and_goes_nowhere_else(home, tmp_path):
    written("[[endpoints]]\nname = 'a'\nurl = 'http://a/v1'\napi_key = 'sk-very-secret'\n")
    (note,) = settings.notes()
    assert note.line == 4
    assert "never belongs in this file" in note.message
    settings.change(at_once=3)
    exported = settings.export(tmp_path / "out.toml").read_text()
    others = [file.read_text() for file in home.rglob("*") if file.is_file() and file != settings.path()]
    assert "very-secret" not in f"{note} {settings.get()} {exported} {others}"


def test_sizes_and_times_are_written_as_people_write_them():
    settings.change(memory_budget=16 * 10**9, idle_timeout=60)
    text = settings.path().read_text()
    assert 'memory_budget = "16GB"\n' in text
    assert "idle_timeout = 60\n" in text
    assert settings.change(memory_budget=12 * 2**30).memory_budget == 12 * 2**30
    assert settings.change(memory_budget=123456789).memory_budget == 123456789


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\n\n[downloads]\n# two\nat_once = 'two'\n", 5, "at_once must be a whole number from 1 to 8, not 'two'"),
        ("[downloads]\nconnections = 0\n", 2, "from 1 to 64"),
        ("[downloads]\nat_once = true\n", 2, "not True"),
        ("downloads = 3\n", 1, "downloads must be a table"),
        ("use_fallback = 'yes'\n", 1, "true or false"),
        ("default_model = ['a']\n", 1, "must be a model id"),
        ("memory_budget = 'a lot'\n", 1, '"16GB"'),
        ("memory_budget = -1\n", 1, '"16GB"'),
        ("idle_timeout = nan\n", 1, '"never"'),
        ("idle_timeout = 0\n", 1, '"never"'),
        ("allowed = 'https://a.example'\n", 1, "must be a list"),
        ("allowed = [\n  'https://a.example',\n  'https://b.example/v1',\n]\n", 1, "without a path"),
        ("model_folders = ['models']\n", 1, "whole paths"),
        ("[[endpoints]]\nname = 'a'\nurl = 'http://a'\n[[endpoints]]\nname = 'b'\n", 4, "lacks its url"),
        (
            "[[endpoints]]\nname = 'a'\nurl = 'http://a'\n[[endpoints]]\nname = 'a'\nurl = 'http://b'\n",
            5,
            "two endpoints",
        ),
        ("[[endpoints]]\nname = 'a/b'\nurl = 'http://a'\n", 2, "'a/b' cannot be one"),
        ("[[endpoints]]\nname = 'builtin'\nurl = 'http://a'\n", 2, "other than"),
        ("[[endpoints]]\nname = 'a'\nurl = 'localhost:1'\n", 3, "http://localhost:11434/v1"),
        ("[[endpoints]]\nname = 'a'\nurl = 7\n", 3, "not 7"),
        ("endpoints = [{name = 'a'}]\n", 1, "lacks its url"),
        ("endpoints = [3]\n", 1, "must be a table"),
        ("[presets.p]\n# hot\ntemperature = 9.5\n", 3, "temperature must be"),
        ("[presets.p]\nthinking = 1\n", 2, "thinking cannot be 1"),
        ("[presets.p]\nstop = [1]\n", 2, "stop must be"),
        ("[presets]\np = 3\n", 2, "must be a table"),
        ("presets.p.top_k = -1\n", 1, "top_k must be"),
        ("keep_history = 1\n", 1, "true or false"),
        ("prompts = 'a'\n", 1, "must be a table"),
        ("[prompts]\na = 'b'\nc = 4\n", 3, "The prompt c must be a text"),
        ("[prompts]\na = ' '\n", 2, "The prompt a must be a text"),
        ('[prompts]\na = "\\u0000"\n', 2, "characters that are no text"),
        ("[prompts]\n'' = 'a'\n", 2, "cannot be named ''"),
        ("a = 1\na = 2\n", 2, "no TOML"),
        ("a = 1\n\nb = \n", 3, "no TOML"),
        ("a = '''\nno end\n", 2, "no TOML"),
        ("[downloads\n", 1, "no TOML"),
    ],
)
def test_a_broken_file_names_the_line_and_the_last_good_values_hold(text, line, words):
    written("[downloads]\nat_once = 7\n")
    assert written(text).at_once == 7
    assert settings.problem().line == line
    assert words in settings.problem().message
    assert str(settings.problem()).startswith(f"line {line}: ")
    assert elsewhere("from workbench.store import settings; print(settings.get().at_once)") == "7"
    assert written("[downloads]\nat_once = 6\n").at_once == 6
    assert settings.problem() is None


@pytest.mark.parametrize(
    "line",
    ["key = 'sk-very-secret'", "url = 'https://me:sk-very-secret@a.example/v1'", "key = 'env:sk-very-secret'",
     "url = 'https://a.example/v1?api_key=sk-very-secret'"],
)  # fmt: skip
def test_a_key_in_the_file_is_refused_and_never_repeated(home, line):
    url = "" if line.startswith("url") else "url = 'http://a/v1'\n"
    written(f"[[endpoints]]\nname = 'a'\n{url}{line}\n")
    told = f"{settings.problem()} {settings.problem()!r} {settings.notes()} {settings.get()}"
    assert "never belongs in this file" in told
    with pytest.raises(FolderError) as raised:
        settings.change(at_once=3)
    assert "very-secret" not in f"{told} {raised.value.info}"
    others = [file for file in home.rglob("*") if file.is_file() and file != settings.path()]
    assert not [file for file in others if "very-secret" in file.read_text()]


def test_a_change_beside_a_fault_is_not_written_and_one_of_the_fault_is():
    written("[downloads]\nat_once = 'two'  # mine\n")
    with pytest.raises(FolderError, match="line 2: at_once must be") as raised:
        settings.change(connections=5)
    assert "settings.toml" in raised.value.next_step
    assert settings.get().connections == 5
    assert "connections" not in settings.path().read_text()
    settings.change(at_once=2)
    assert settings.path().read_text() == "[downloads]\nat_once = 2  # mine\nconnections = 5\n"
    assert settings.problem() is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"at_once": 9}, "from 1 to 8"),
        ({"at_onse": 2}, "no setting 'at_onse'"),
        ({"allowed": 3}, "must be a list"),
        ({"endpoints": [{"name": "a"}]}, "lacks its url"),
        ({"default_model": object()}, "cannot be a object"),
        ({"presets": {"p": {"top_k": 2.5}}}, "top_k"),
        ({"prompts": {"p": "a" * 20_001}}, "too long"),
        ({"prompts": {"p": "é" * 2_500}}, "too long"),
        ({"prompts": {"p": "half \ud83d"}}, "no text"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(fields, words):
    with pytest.raises(UsageError, match=words):
        settings.change(connections=3, **fields)
    assert settings.get() == Settings()
    assert not settings.path().exists()


def test_an_edit_that_fails_changes_nothing():
    with pytest.raises(ZeroDivisionError):
        settings.edit(lambda now: {"at_once": 1 // 0})
    settings.change(at_once=3)
    assert settings.get().at_once == 3


def test_what_an_editor_saves_is_seen_at_once_a_moved_or_lost_file_too():
    for n in range(1, 9):
        assert written(f"[downloads]\nat_once = {n}\n").at_once == n
    settings.path().rename(settings.path().with_suffix(".old"))
    assert settings.get() == Settings()


def test_windows_line_ends_and_a_byte_order_mark_are_taken():
    settings.path().write_bytes(b"\xef\xbb\xbf[downloads]\r\nat_once = 3 # mine\r\n")
    assert settings.get().at_once == 3
    settings.change(at_once=4)
    assert settings.path().read_bytes() == b"[downloads]\r\nat_once = 4 # mine\r\n"


def test_a_linked_file_stays_a_link_and_keeps_its_mode(tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text("[downloads]\nat_once = 3\n")
    real.chmod(0o600)
    settings.path().symlink_to(real)
    settings.change(at_once=4)
    assert settings.path().is_symlink()
    assert "at_once = 4" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600


def test_several_kernels_and_threads_at_once_lose_nothing():
    kernels = [subprocess.Popen([sys.executable, "-c", WRITER, name]) for name in "abc"]
    threads = [
        threading.Thread(target=lambda n=n: settings.put_preset(f"p{n}", GenerationOptions(top_k=n))) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [kernel.wait(60) for kernel in kernels] == [0, 0, 0]
    now = settings.get()
    names = {f"{name}{n}" for name in "abc" for n in range(8)}
    assert {origin.removeprefix("https://").removesuffix(".example") for origin in now.allowed} == names
    assert {endpoint.name for endpoint in now.endpoints} == names
    assert now.presets == {f"p{n}": {"top_k": n} for n in range(6)}
    assert not list(paths.config_dir().glob("*.part"))


# A disk that does not take it


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    assert settings.get() == Settings()
    with pytest.raises(FolderError, match="for this session only") as raised:
        settings.change(at_once=3)
    assert "WORKBENCH_HOME" in raised.value.next_step
    assert settings.get().at_once == 3
    with pytest.raises(FolderError, match="cannot be written"):
        settings.create()


def test_a_read_only_folder_lets_the_change_live_for_the_session(tmp_path, monkeypatch):
    written("[downloads]\nat_once = 3\n")
    folder = settings.path().parent
    for place in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
        place.chmod(0o755)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # root writes everywhere
    try:
        with pytest.raises(FolderError, match="permission denied"):
            settings.change(connections=3)
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
    assert (settings.get().at_once, settings.get().connections) == (3, 3)
    assert "connections" not in settings.path().read_text()
    settings.change(at_once=4)  # what could not be written before goes with it
    assert "connections = 3" in settings.path().read_text()


def test_a_full_disk_leaves_the_old_file_whole(home):
    written("# mine\n[downloads]\nat_once = 3\n")
    code = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from workbench.store import settings
from workbench.errors import FolderError
settings.get()
import tomlkit, filelock
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
try:
    settings.change(connections=3)
except FolderError as error:
    print(error.message, settings.get().connections)
"""
    told = elsewhere(code)
    assert "were not saved" in told
    assert told.endswith("for this session only. 3")
    assert settings.path().read_text() == "# mine\n[downloads]\nat_once = 3\n"
    assert not list(home.rglob("*.part"))


# The environment


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("WORKBENCH_DEFAULT_MODEL", "box:big", "default_model", "box:big"),
        ("WORKBENCH_MODEL", "box:big", "default_model", "box:big"),
        ("WORKBENCH_FALLBACK", "box:small", "fallback", "box:small"),
        ("WORKBENCH_USE_FALLBACK", "Off", "use_fallback", False),
        ("WORKBENCH_ASK_BEFORE_SENDING", "0", "ask_before_sending", False),
        (
            "WORKBENCH_ALLOWED",
            "https://a.example, https://b.example",
            "allowed",
            ("https://a.example", "https://b.example"),
        ),
        ("WORKBENCH_MODEL_FOLDERS", f"/a{os.pathsep}~/b", "model_folders", ("/a", "~/b")),
        ("WORKBENCH_AT_ONCE", "5", "at_once", 5),
        ("WORKBENCH_CONNECTIONS", "6", "connections", 6),
        ("WORKBENCH_MEMORY", "12 GiB", "memory_budget", 12 * 2**30),
        ("WORKBENCH_IDLE_TIMEOUT", "90.5", "idle_timeout", 90.5),
        ("WORKBENCH_IDLE_TIMEOUT", "never", "idle_timeout", None),
        ("WORKBENCH_KEEP_HISTORY", "off", "keep_history", False),
    ],
)
def test_a_variable_is_stronger_than_the_file_and_never_written(monkeypatch, variable, text, field, value):
    settings.change(**FIELDS)
    before = settings.path().read_text()
    monkeypatch.setenv(variable, text)
    assert getattr(settings.get(), field) == value
    assert settings.overridden() == {field: variable}
    settings.change(at_once=1)
    assert settings.path().read_text() == before.replace("at_once = 3", "at_once = 1")
    monkeypatch.delenv(variable)
    assert settings.get() == Settings(**{**FIELDS, "at_once": 1})


def test_the_newer_of_two_names_counts(monkeypatch):
    monkeypatch.setenv("WORKBENCH_MODEL", "a")
    monkeypatch.setenv("WORKBENCH_DEFAULT_MODEL", "b")
    assert settings.get().default_model == "b"
    monkeypatch.setenv("WORKBENCH_DEFAULT_MODEL", "")
    assert settings.get().default_model == "a"


@pytest.mark.parametrize(
    ("variable", "text"),
    [("WORKBENCH_AT_ONCE", "two"), ("WORKBENCH_USE_FALLBACK", "perhaps"), ("WORKBENCH_MEMORY", "lots"),
     ("WORKBENCH_IDLE_TIMEOUT", "nan"), ("WORKBENCH_MODEL_FOLDERS", "here"), ("WORKBENCH_ALLOWED", "ftp://x")],
)  # fmt: skip
def test_a_variable_that_cannot_be_is_told_and_not_used(monkeypatch, variable, text):
    monkeypatch.setenv(variable, text)
    assert settings.get() == Settings()
    (note,) = settings.notes()
    assert note.message.startswith(f"{variable} is not used: ")
    assert settings.overridden() == {}


# Observers and presets


def test_a_file_that_is_being_saved_keeps_its_values_and_one_left_empty_does_not(monkeypatch):
    assert written("[downloads]\nat_once = 7\n").at_once == 7
    assert written("").at_once == 7  # an editor empties the file before it writes
    assert written("[downloads]\nat_once = 3\n").at_once == 3
    written("")
    monkeypatch.setattr(settings_file, "_SAVING", 0)
    assert settings.get().at_once == 2


def test_observers_hear_of_changes_here_and_of_those_noticed():
    heard, noticed = [], threading.Event()
    end = settings.observe(heard.append)
    broken = settings.observe(lambda _: 1 / 0)
    settings.change(at_once=3)
    settings.change(at_once=3)
    assert [now.at_once for now in heard] == [3]
    end_wait = settings.observe(lambda _: noticed.set())
    written("[downloads]\nat_once = 5\n")
    assert noticed.wait(5)
    end(), broken(), end_wait()
    settings.change(at_once=6)
    assert [now.at_once for now in heard] == [3, 5]


def test_presets_are_generation_options_by_name():
    settings.put_preset("precise", GenerationOptions(temperature=0.0, stop=("###",), thinking=False))
    assert settings.preset("precise") == GenerationOptions(temperature=0.0, stop=("###",), thinking=False)
    with pytest.raises(UsageError, match="no preset 'precize'") as raised:
        settings.preset("precize")
    assert "'precise'" in raised.value.next_step
    settings.drop_preset("precise")
    with pytest.raises(UsageError, match="no preset"):
        settings.drop_preset("precise")
    with pytest.raises(UsageError, match="cannot be named"):
        settings.put_preset(" ", GenerationOptions())
    with pytest.raises(OptionError):
        settings.put_preset("p", GenerationOptions(temperature=9))


def test_prompts_are_texts_by_name():
    settings.put_prompt("sum up", "In {number} words:\r\n{text}")
    assert settings.prompt("sum up") == "In {number} words:\n{text}"
    assert '"sum up" = """In {number} words:\n{text}"""' in settings.path().read_text()
    with pytest.raises(UsageError, match="no prompt 'sum op'") as raised:
        settings.prompt("sum op")
    assert "'sum up'" in raised.value.next_step
    settings.put_prompt("sum up", "Shorter: {text}")
    assert settings.get().prompts == {"sum up": "Shorter: {text}"}
    settings.drop_prompt("sum up")
    with pytest.raises(UsageError, match="no prompt"):
        settings.drop_prompt("sum up")


def test_prompts_as_long_as_may_be_can_be_read_again_and_too_many_are_refused():
    longest = "\n".join(['"\\' * 2_240] * 4)
    settings.change(prompts={f"p{n}": longest for n in range(3)})
    assert elsewhere("from workbench.store import settings; print(len(settings.get().prompts))") == "3"
    with pytest.raises(FolderError, match="256 KB"):
        settings.change(prompts={f"p{n}": longest for n in range(15)})
    assert elsewhere("from workbench.store import settings; print(len(settings.get().prompts))") == "3"


def test_asking_for_the_settings_pulls_in_no_toml_writer():
    code = "import sys; from workbench.store import settings; settings.get(); print('tomlkit' in sys.modules)"
    assert elsewhere(code) == "False"
