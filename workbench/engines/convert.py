"""Makes a quantized copy of a safetensors model with mlx-lm, in a process of its own. Knows no model list.

    python -m workbench.engines.convert SOURCE DRAFT BITS GROUP

The process ends when its standard input does: a kernel that dies leaves no work going on. mlx-lm reads and quantizes
lazily, when a file of the copy is saved: there the arrays are computed one by one, and what is done is said on a line
of standard output (``quantized 12345``, in bytes).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import DiskFullError, EngineError, FolderError, ModelFilesError, StateError, UsageError

BITS = (2, 3, 4, 6, 8)
GROUP_SIZES = (32, 64, 128)
LOOK_EVERY_S = 0.1
SPARE = 64 << 20
"""Bytes that stay free beside the copy."""
_DONE = re.compile(rb"^quantized (\d+)\r?\n", re.MULTILINE)
_TAIL = 4000
"""Characters of the process's last words that an error keeps."""


class Quantized(msgspec.Struct, frozen=True, kw_only=True):
    """A finished copy."""

    path: str
    """Its folder, which is its model id."""
    before: int
    """Bytes of the original's weights."""
    after: int
    """Bytes of the copy's."""

    @property
    def saved(self) -> int:
        """Bytes less."""
        return self.before - self.after


def check(source: Path, target: Path, bits: int, group_size: int, *, name: str | None = None) -> int:
    """Whether a folder can be quantized so; returns the bytes that the copy's weights will take.

    `name` is what a person calls the model, by default the folder's. Raises `UsageError`, `ModelFilesError`,
    `FolderError` for a target that exists, and `DiskFullError`.
    """
    name = name or source.name
    if bits not in BITS:
        raise UsageError(f"A model can be quantized to {_either(BITS)} bits, not {bits}.")
    if group_size not in GROUP_SIZES:
        raise UsageError(f"A group has {_either(GROUP_SIZES)} weights, not {group_size}.")
    if not source.is_dir():
        raise ModelFilesError(
            f"{name} cannot be quantized here: mlx-lm reads folders of safetensors.",
            next_step="Take the original model that it was made from.",
        )
    config = _config(source)
    if config.get("quantization") or config.get("quantization_config"):
        raise ModelFilesError(
            f"{name} is quantized already; quantizing it again would only lose more.",
            next_step="Take the original model that it was made from.",
        )
    if target.exists():
        raise FolderError(f"There is a model in {target} already.", next_step="Delete it first.")
    expected = int(_weights(source) * (bits + 32 / group_size) / _bits(source))
    free = shutil.disk_usage(target.parent).free
    if expected + SPARE > free:
        raise DiskFullError(
            f"There is no room for the copy: it takes about {expected / 1e9:.1f} GB and {free / 1e9:.1f} GB are free.",
            next_step="Free some room (wb.library() shows what takes it), then quantize again.",
        )
    return expected


def quantize(
    source: Path,
    target: Path,
    bits: int,
    group_size: int = 64,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Quantized:
    """Write a copy of `source` with `bits` a weight to `target`, a folder that does not exist yet.

    `progress(done, total)` is told in bytes quantized; the total is computed from the bits a weight, and reached at
    the end. What is half done lies beside the target under a hidden name, and is removed when it fails or `cancelled()`
    says so; then `StateError` is raised. Raises what `check` does, and `EngineError` with the last words of mlx-lm.
    """
    expected = check(source, target, bits, group_size)
    before = _weights(source)
    draft = target.with_name(f".quantizing-{os.getpid()}-{os.urandom(4).hex()}")
    command = [sys.executable, "-m", "workbench.engines.convert", str(source), str(draft), str(bits), str(group_size)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    try:
        with tempfile.TemporaryFile() as said:
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT, env=environment
            ) as process:
                try:
                    _wait(process, said.fileno(), expected, progress, cancelled)
                finally:
                    process.kill()
            if process.returncode != 0:
                said.seek(0)
                raise _failure(source, _DONE.sub(b"", said.read()).decode("utf-8", "replace")[-_TAIL:])
        after = _weights(draft)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if progress is not None:
        progress(after, after)
    return Quantized(path=str(target), before=before, after=after)


def _wait(
    process: subprocess.Popen[bytes],
    said: int,
    expected: int,
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> None:
    """Until the process has ended. Raises `StateError` when it is to be stopped. `said` is the file it writes to."""
    size = done = 0
    while True:
        try:
            process.wait(LOOK_EVERY_S)
            return
        except subprocess.TimeoutExpired:
            pass
        if cancelled is not None and cancelled():
            raise StateError("Quantizing was stopped.", next_step="What was half done is removed.")
        if progress is not None and (now := os.fstat(said).st_size) > size:
            size = now
            for line in _DONE.finditer(os.pread(said, _TAIL, max(0, size - _TAIL))):  # the place is the process's own
                done = max(done, int(line[1]))
            progress(min(done, expected), expected)


def _failure(source: Path, said: str) -> EngineError:
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    return EngineError(
        f"mlx-lm could not quantize {source.name}: {last}", next_step="Its last words are in the details.", details=said
    )


def _weights(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _bits(source: Path) -> float:
    """Bits a weight, by the type that most of the first file's bytes have."""
    with min(source.glob("*.safetensors")).open("rb") as file:
        header: dict[str, Any] = msgspec.json.decode(file.read(int.from_bytes(file.read(8), "little")))
    sizes: dict[str, int] = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            first, last = tensor["data_offsets"]
            sizes[tensor["dtype"]] = sizes.get(tensor["dtype"], 0) + last - first
    return {"F32": 32, "F64": 64, "F8_E4M3": 8, "F8_E5M2": 8}.get(max(sizes, key=lambda t: sizes[t], default=""), 16)


def _config(source: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode((source / "config.json").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise ModelFilesError(
            f"The config.json of {source.name} cannot be read.", next_step="Verify the model."
        ) from None


def _either(numbers: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} or {numbers[-1]}"


def _end_with_parent(draft: str) -> None:
    """End when the parent does, taking along what is half done."""
    while os.read(0, 64):  # not through sys.stdin: its lock would not let the interpreter end
        pass
    shutil.rmtree(draft, ignore_errors=True)
    os._exit(1)


def _saying_so(save: Callable[..., None]) -> Callable[..., None]:
    """What saves a file of the copy, saying how many bytes are quantized; it would compute all the arrays anyway."""
    import mlx.core as mx

    done = 0

    def saving(path: str, arrays: dict[str, mx.array], metadata: dict[str, str]) -> None:
        nonlocal done
        for array in arrays.values():
            mx.eval(array)
            done += array.nbytes
            print("quantized", done, flush=True)
        save(path, arrays, metadata)

    return saving


def _main(source: str, draft: str, bits: str, group_size: str) -> None:
    threading.Thread(target=_end_with_parent, args=(draft,), daemon=True).start()
    import mlx.core as mx
    from mlx_lm import convert

    mx.save_safetensors = _saying_so(mx.save_safetensors)
    convert(source, draft, quantize=True, q_bits=int(bits), q_group_size=int(group_size))
    sys.stdout.flush()
    os._exit(0)  # MLX may abort when an interpreter with its arrays ends


if __name__ == "__main__":
    _main(*sys.argv[1:])
