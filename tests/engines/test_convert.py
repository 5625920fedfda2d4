from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench import builtin
from workbench.engines import LoadSpec, convert
from workbench.engines.inprocess import InProcessEngine
from workbench.errors import DiskFullError, EngineError, ModelFilesError, StateError, UsageError
from workbench.events import TextDelta
from workbench.manager import files
from workbench.messages import user
from workbench.request import Request

pytest.importorskip("mlx_lm")


@pytest.fixture(scope="module")
def source():
    return builtin.path("safetensors")


def left_over(folder):
    return [path.name for path in folder.iterdir()]


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "group_size"), [(4, 64), (8, 32)])
def test_a_quantized_copy_is_smaller_and_still_answers(tmp_path, source, bits, group_size):
    told = []
    made = convert.quantize(
        source, tmp_path / "small", bits, group_size, progress=lambda done, total: told.append((done, total))
    )
    facts = files.check(made.path)
    assert (facts.quantization, facts.parameters) == (f"{bits}bit", 3_869_952)
    assert (made.before, made.after) == (files.check(source).size, facts.size)
    assert made.saved > made.before / 2
    assert told[-1] == (made.after, made.after)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert left_over(tmp_path) == ["small"]
    engine = InProcessEngine("mlx")
    try:
        list(engine.load(LoadSpec(model="small", path=made.path), "load"))
        request = Request(messages=(user("Hello"),), model="small", run="r")
        text = "".join(event.text for event in engine.generate([request]) if isinstance(event, TextDelta))
    finally:
        engine.close()
    assert len(text) > 5


def test_it_says_how_far_it_is_while_a_file_is_computed(tmp_path, capfd):
    import mlx.core as mx

    arrays = {"a": mx.zeros((8, 4)), "b": mx.ones((2, 2)), "c": mx.ones((1,))}
    convert._saying_so(mx.save_safetensors)(str(tmp_path / "one.safetensors"), arrays, {"format": "mlx"})
    assert mx.load(str(tmp_path / "one.safetensors"))["b"].shape == (2, 2)
    said = capfd.readouterr().out.encode()
    assert [int(line[1]) for line in convert._DONE.finditer(said)] == [128, 144, 148]


@pytest.mark.slow
def test_a_stop_removes_what_is_half_done(tmp_path, source):
    began = time.monotonic()
    with pytest.raises(StateError, match="stopped"):
        convert.quantize(source, tmp_path / "small", 4, cancelled=lambda: time.monotonic() - began > 0.5)
    assert left_over(tmp_path) == []


@pytest.mark.slow
def test_the_work_ends_with_the_kernel(tmp_path, source):
    """A parent that is killed leaves no process and no half model."""
    script = (
        "import sys, threading, time\nfrom pathlib import Path\nfrom workbench.engines import convert\n"
        "threading.Timer(0.7, lambda: print('running', flush=True)).start()\n"
        "while True: convert.quantize(Path(sys.argv[1]), Path(sys.argv[2]) / str(time.time()), 4)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, source, tmp_path], stdout=subprocess.PIPE, text=True
    ) as kernel:
        assert kernel.stdout.readline() == "running\n"
        kernel.send_signal(signal.SIGKILL)

    def running():
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"workbench.engines.convert" in words and os.fsencode(tmp_path) in words:
                found.append(folder.name)
        return found

    if not Path("/proc").is_dir():
        pytest.skip("it looks for the process in /proc")
    deadline = time.monotonic() + 30
    while running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running() == []
    assert [name for name in left_over(tmp_path) if name.startswith(".")] == []


def test_what_cannot_be_quantized_is_refused_in_words(tmp_path, source):
    for bits, group_size in [(5, 64), (16, 64), (4, 48)]:
        with pytest.raises(UsageError):
            convert.check(source, tmp_path / "small", bits, group_size)
    with pytest.raises(ModelFilesError, match="folders of safetensors"):
        convert.check(builtin.path("gguf"), tmp_path / "small", 4, 64)
    quantized = tmp_path / "q"
    quantized.mkdir()
    (quantized / "config.json").write_text(json.dumps({"model_type": "llama", "quantization": {"bits": 4}}))
    with pytest.raises(ModelFilesError, match="A friendly name is quantized already"):
        convert.check(quantized, tmp_path / "small", 4, 64, name="A friendly name")


def test_room_is_looked_for_before_it_begins(tmp_path, source, monkeypatch):
    expected = convert.check(source, tmp_path / "small", 4, 64)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=expected + convert.SPARE - 1))
    with pytest.raises(DiskFullError, match="no room for the copy: it takes about"):
        convert.quantize(source, tmp_path / "small", 4)
    assert left_over(tmp_path) == []


@pytest.mark.slow
def test_what_mlx_lm_says_reaches_the_person(tmp_path, source):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in source.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"model_type": "nobody_knows"}))
    with pytest.raises(EngineError, match="nobody_knows") as raised:
        convert.quantize(broken, tmp_path / "small", 4)
    assert "Traceback" in raised.value.details
    assert left_over(tmp_path) == ["broken"]
