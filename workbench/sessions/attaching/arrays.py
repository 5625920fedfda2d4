"""NumPy arrays as text: shape, type, statistics, a corner. Knows no chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.messages import File

if TYPE_CHECKING:
    import numpy as np

MOST_VALUES = 10_000_000
"""Values that are looked at for the statistics; of an array with more, every n-th."""
CORNER = 6
"""Rows and columns of the corner that is shown."""
FIRST = 20
"""Values that are shown of an array with one dimension."""


def is_picture(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array is one of bytes, height by width by 3 or 4: so pictures are held."""
    return array.dtype.name == "uint8" and array.ndim == 3 and array.shape[2] in (3, 4) and min(array.shape[:2]) >= 8


def from_array(array: np.ndarray[Any, Any], name: str) -> File:
    """An array as text."""
    import numpy as np

    shape = " by ".join(f"{length:,}" for length in array.shape) or "a single value"
    lines = [f"A NumPy array: {shape}, {array.dtype}."]
    step = max(1, -(-array.size // MOST_VALUES))
    values = array.ravel()[::step] if step > 1 else array
    if array.size and array.dtype.kind in "biuf":
        lines.append(_statistics(values) + (f" (from one value in {step:,})" if step > 1 else ""))
    if array.ndim == 1:
        corner = array[:FIRST]
    else:
        corner = array[tuple(slice(0, 1 if at < array.ndim - 2 else CORNER) for at in range(array.ndim))]
        corner = corner.reshape(corner.shape[-2:]) if array.ndim > 2 else corner
    whole = corner.size == array.size
    if array.size:
        lines += ["All of it:" if whole else "The first values:" if array.ndim == 1 else "Its first corner:"]
        lines.append(np.array2string(corner, precision=6, threshold=FIRST**2, max_line_width=120))
    note = shape if whole else f"{shape}; statistics and a corner"
    return File(name=name, text="\n".join(lines), kind="table", note=note)


def _statistics(values: np.ndarray[Any, Any]) -> str:
    import numpy as np

    numbers = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    gone = values.size - numbers.size
    odd = f", {gone:,} not finite" if gone else ""
    if not numbers.size:
        return f"No finite value{odd}."
    if values.dtype.kind == "b":
        return f"True in {float(numbers.mean()):.1%}{odd}."
    mean, spread = float(numbers.mean(dtype=np.float64)), float(numbers.std(dtype=np.float64))
    return f"min {numbers.min():.6g}, mean {mean:.6g}, max {numbers.max():.6g}, std {spread:.6g}{odd}."
