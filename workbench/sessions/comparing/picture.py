"""A chart as a notebook keeps it: drawn by JupyterLab itself, offline, and saved with its picture. Knows no data.

JupyterLab 4 draws Vega-Lite 5 without a network and adds a PNG to the saved notebook; Altair's own renderer would load
its library from one. Where nobody looks (``nbconvert --execute``), the PNG is made here if vl-convert is installed.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from workbench.errors import FolderError, UsageError

MIME = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""Only a name: nothing is fetched. Altair 6 writes version 6, which JupyterLab 4 does not draw; what our charts use is
the same in both.
"""
CATEGORIES = ("#4b88c8", "#389f93", "#9178ca", "#bc8940", "#c66f90", "#838383")
"""The look's categories, between their light and their dark tone: a saved chart does not know the page's ground."""
CONFIG = {
    "font": "system-ui, -apple-system, 'Segoe UI', sans-serif",
    "title": {"fontSize": 14, "fontWeight": 600, "anchor": "start", "subtitleFontSize": 12, "offset": 12},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 400, "gridOpacity": 0.25, "labelLimit": 240},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 400, "labelLimit": 240},
    "header": {"labelFontSize": 12, "titleFontSize": 12},
    "view": {"strokeOpacity": 0.25},
    "scale": {"rectBandPaddingInner": 0.06},
}
_SCALE = 2
"""Pixels of a picture for each of the page's."""


class Picture:
    """A chart, or a sentence where there is nothing to draw. Shown at the end of a cell; `chart` is Altair's.

    picture = wb.benchmark("builtin").chart()
    picture.save("speed.png")            # or .svg, .json
    picture.chart.properties(width=900)  # Altair from here on
    """

    def __init__(self, chart: Any, words: str) -> None:
        self.chart = chart
        """The Altair chart; ``None`` where there is nothing to draw."""
        self.words = words
        """What it shows, in words: for those who cannot see it, and where nothing can be drawn."""

    def to_dict(self) -> dict[str, Any]:
        """The chart as Vega-Lite 5. Raises `UsageError` where there is none."""
        if self.chart is None:
            raise UsageError(f"There is no chart. {self.words}", next_step="")
        spec: dict[str, Any] = self.chart.to_dict()
        return {**spec, "$schema": SCHEMA, "description": self.words, "config": CONFIG}

    def save(self, path: str | Path) -> Path:
        """Write it as ``.png``, ``.svg`` or ``.json`` (Vega-Lite).

        PNG and SVG need the package vl-convert-python. Raises `UsageError` without it, on another ending, or where
        there is no chart, and `FolderError` when the file cannot be written.
        """
        path, spec = Path(path).expanduser(), self.to_dict()
        kind = path.suffix.lower()
        if kind not in (".png", ".svg", ".json"):
            raise UsageError(f"A chart cannot be written as {kind or 'a file without an ending'}.", next_step=_ENDINGS)
        if kind == ".json":
            import msgspec

            data: bytes | str | None = msgspec.json.format(msgspec.json.encode(spec))
        else:
            data = _drawn(spec, kind[1:])
        if data is None:
            raise UsageError(
                f"A {kind} needs the package vl-convert-python.", next_step="Run: pip install vl-convert-python"
            )
        try:
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        except OSError as error:
            raise FolderError(f"{path} cannot be written: {error.strerror or error}.") from None
        return path

    def __repr__(self) -> str:
        return self.words

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.chart is None:
            return {"text/plain": self.words}, {}
        spec = self.to_dict()
        data = {MIME: spec, "text/plain": self.words}
        menu = {"export": True, "source": True, "compiled": False, "editor": False}  # the editor is a web page
        metadata: dict[str, Any] = {MIME: {"embed_options": {"actions": menu, "renderer": "svg"}}}
        if picture := _drawn(spec, "png"):
            import base64

            data["image/png"] = base64.b64encode(picture).decode()
            width, height = struct.unpack(">II", picture[16:24])
            metadata["image/png"] = {"width": width // _SCALE, "height": height // _SCALE}
        return data, metadata


_ENDINGS = "Name it .png, .svg or .json."


def _drawn(spec: dict[str, Any], kind: str) -> Any:
    """The picture of a chart; ``None`` without the package that draws it."""
    try:
        import vl_convert
    except ImportError:
        return None
    if kind == "svg":
        return vl_convert.vegalite_to_svg(spec, vl_version="5.20")
    return vl_convert.vegalite_to_png(spec, vl_version="5.20", scale=_SCALE)
