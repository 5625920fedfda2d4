"""Every kind of thing that can be attached, and every bad one."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image as pillow

from workbench.errors import EmptyPromptError, FolderError, KeyFoundError, UsageError, WorkbenchError
from workbench.messages import File, Image
from workbench.sessions.attaching import pictures
from workbench.sessions.attaching.things import part_of

ROOM = 1500


def text_of(thing: object, name: str | None = None, room: int = ROOM) -> File:
    part = part_of(thing, name, room)
    assert isinstance(part, File)
    return part


def image_of(thing: object, name: str | None = None) -> Image:
    part = part_of(thing, name, ROOM)
    assert isinstance(part, Image)
    return part


def encoded(picture: pillow.Image, format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


WEATHER = pd.DataFrame(
    {"city": ["Oslo", "Bergen", "Oslo", None], "temp": [3.5, 6.25, None, 2.0], "wet": [True, False, True, True]}
)


# Tables


def test_a_frame_is_its_columns_and_its_rows() -> None:
    part = text_of(WEATHER, "weather")
    assert part.kind == "table"
    assert part.name == "weather"
    assert part.note == "4 rows of 3 columns"
    assert "A table of 4 rows and 3 columns (pandas DataFrame)." in part.text
    assert "- city: str, 1 missing, 2 distinct, most often Oslo (66.7%)" in part.text
    assert "- temp: float64, 1 missing, min 2, median 3.5, mean 3.91667, max 6.25" in part.text
    assert "- wet: bool, true in 75.0%" in part.text
    assert "city,temp,wet\nOslo,3.5,True\nBergen,6.25,False\nOslo,,True\n,2,True" in part.text


def test_polars_and_pandas_say_the_same_rows() -> None:
    both = [text_of(frame, "t").text for frame in (pl.DataFrame({"a": [1, 2], "b": ["x", None]}), WEATHER[["temp"]])]
    assert "(polars DataFrame)" in both[0]
    assert "- b: String, 1 missing, all different" in both[0]
    assert both[0].endswith("a,b\n1,x\n2,")
    assert "(polars Series)" in text_of(pl.Series("s", [1, 2]), "s").text


def test_a_lazy_frame_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="collect"):
        part_of(pl.LazyFrame({"a": [1]}), "lazy", ROOM)


def test_an_index_that_tells_something_is_a_column() -> None:
    part = text_of(pd.Series([1, 2], index=pd.date_range("2026-01-01", periods=2), name="n"))
    assert "2026-01-01 to 2026-01-02" in part.text
    assert "index,n\n2026-01-01,1" in part.text


def test_odd_frames_are_taken() -> None:
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert "a,a\n1,2" in text_of(twice).text
    levels = pd.DataFrame({("a", "x"): [1], ("a", "y"): [2]})
    assert "a / x,a / y" in text_of(levels).text
    lists = pd.DataFrame({"l": [[1], [2, 3]], "na": [pd.NA, pd.NaT]})
    assert "- na: object, 2 missing" in text_of(lists).text
    assert "0 rows" in text_of(pd.DataFrame({"a": []})).note


def test_ten_million_rows_are_a_described_head_and_it_says_so() -> None:
    rows = 10_000_000
    big = pd.DataFrame({"n": np.arange(rows), "x": np.zeros(rows, "float32")})
    part = text_of(big, "big", 400)
    assert "10,000,000 rows of 2 columns; the first 20 rows and a description from every 40th row" in part.note
    assert "Columns, with statistics from every 40th row:" in part.text
    assert "- n: int64, min 0" in part.text
    assert len(part.text) < 400 * 4


def test_a_wide_table_keeps_within_its_room() -> None:
    wide = pd.DataFrame({f"column number {n}": range(50) for n in range(400)})
    part = text_of(wide, "wide", 600)
    assert len(part.text) < 600 * 4
    assert "of 400 columns" in part.note
    assert "more columns" in part.text


def test_a_csv_file_is_a_table(tmp_path: Path) -> None:
    small = tmp_path / "small.csv"
    small.write_text("a,b\n1,x\n")
    assert text_of(str(small)).text == "a,b\n1,x\n"
    long = tmp_path / "long.csv"
    long.write_text("n;word\n" + "".join(f"{n};w{n % 3}\n" for n in range(5000)))
    part = text_of(long, room=300)
    assert part.kind == "table"
    assert part.name == "long.csv"
    assert "5,000 rows of 2 columns; the first 20 rows" in part.note
    assert "- n: whole number, min 0, median 2499.5" in part.text
    assert "- word: text, 3 distinct" in part.text


# Arrays and pictures


def test_an_array_is_its_statistics_and_a_corner() -> None:
    part = text_of(np.array([[1.0, np.nan], [3.0, 5.0]]), "a")
    assert "2 by 2, float64" in part.text
    assert "min 1, mean 3, max 5, std 1.63299, 1 not finite." in part.text
    large = text_of(np.zeros((100, 200, 300), "int8"))
    assert large.note == "100 by 200 by 300; statistics and a corner"
    assert len(large.text) < 500
    assert "single value" in text_of(np.array(3.0)).text
    assert "0 by 3" in text_of(np.empty((0, 3))).text


def test_an_array_of_bytes_with_colours_is_a_picture() -> None:
    assert image_of(np.zeros((20, 30, 3), "uint8")).note == "30 by 20 pixels"


def test_a_large_picture_is_shrunk_and_it_says_so() -> None:
    part = image_of(pillow.new("RGB", (4000, 2000), "red"), "red")
    assert part.note == "shrunk from 4,000 by 2,000 pixels to 1,568 by 784 pixels"
    assert pillow.open(io.BytesIO(part.data)).size == (1568, 784)
    assert part.media_type == "image/png"


@pytest.mark.parametrize(("format", "sent"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "jpeg"), ("GIF", "png")])
def test_the_four_formats_are_read(format: str, sent: str, tmp_path: Path) -> None:
    data = encoded(pillow.new("RGB", (40, 30), "green"), format)
    assert image_of(data, "x").media_type == f"image/{sent}"
    file = tmp_path / "x.bin"
    file.write_bytes(data)
    assert image_of(file).note == "40 by 30 pixels"


@pytest.mark.parametrize("mode", ["1", "P", "LA", "CMYK", "I;16", "F", "RGBA"])
def test_every_mode_of_a_picture_can_be_sent(mode: str) -> None:
    assert image_of(pillow.new(mode, (9, 9))).media_type == "image/png"


def test_what_a_photo_holds_beside_its_picture_is_not_sent() -> None:
    exif = pillow.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0112] = 6  # lies on its side
    part = image_of(encoded(pillow.new("RGB", (40, 20)), "JPEG", exif=exif), "photo")
    assert b"taken at home" not in part.data
    assert part.note == "20 by 40 pixels"


def test_a_film_is_its_first_frame_and_it_says_so() -> None:
    frames = [pillow.new("RGB", (10, 10), colour) for colour in ("red", "green", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert image_of(data, "film").note == "10 by 10 pixels; the first of 3 frames"


def test_a_figure_its_axes_and_an_array_of_axes_are_its_picture() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2)
    pictures_ = [image_of(thing, "plot") for thing in (figure, axes[0], axes)]
    assert {p.data for p in pictures_} == {pictures_[0].data}
    assert pictures_[0].media_type == "image/png"
    pyplot.close(figure)


def test_a_corrupt_picture_says_so() -> None:
    data = encoded(pillow.effect_noise((200, 200), 90))
    for broken in (data[: len(data) // 2], data[:16], b"\xff\xd8\xff\xe0 no picture", b"GIF89a"):
        with pytest.raises(FolderError, match="damaged"):
            part_of(broken, "broken.png", ROOM)


def test_a_picture_of_200_mb_is_not_even_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.write(encoded(pillow.new("RGB", (8, 8))))
        file.truncate(200 * 2**20)
    with pytest.raises(FolderError, match="200 MB"):
        part_of(huge, None, ROOM)


def test_a_small_file_that_claims_a_huge_picture_is_refused() -> None:
    for side in (9_100, 20_000):
        data = encoded(pillow.new("1", (side, side)))
        assert len(data) < 2**20
        with pytest.raises(FolderError, match="more than 80 million pixels"):
            part_of(data, "bomb.png", ROOM)


def test_a_format_that_no_model_takes_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"TIFF.*Save it as PNG"):
        part_of(encoded(pillow.new("RGB", (8, 8)), "TIFF"), "scan.tif", ROOM)


def test_noise_too_large_as_png_goes_as_jpeg() -> None:
    noise = pillow.frombytes("RGB", (1500, 1500), np.random.default_rng(0).bytes(1500 * 1500 * 3))
    part = image_of(noise)
    assert part.media_type == "image/jpeg"
    assert len(part.data) < 1500 * 1500 * 3


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(pillow.new("RGB", (8, 8)))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UsageError, match="pip install pillow"):
        pictures.from_bytes(data, "x.png")


# Files


def test_a_text_file_is_its_text(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_bytes("\ufeffGrüße\r\nzwei".encode())
    part = text_of(str(file))
    assert (part.name, part.text, part.kind, part.note) == ("notes.md", "Grüße\nzwei", "file", "")
    file.write_bytes("Grüße".encode("latin-1"))
    assert text_of(file).text == "Grüße"
    assert "Latin-1" in text_of(file).note
    file.write_text("Grüße", encoding="utf-16")
    assert text_of(file).text == "Grüße"


def test_a_notebook_is_its_cells_with_their_outputs(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {
            "cell_type": "code",
            "source": ["1 + 1"],
            "outputs": [
                {"output_type": "execute_result", "data": {"text/plain": ["2"], "image/png": "A" * 10_000}},
                {"output_type": "stream", "text": "said\n"},
                {"output_type": "error", "ename": "ValueError", "evalue": "no"},
            ],
        },
    ]
    file = tmp_path / "n.ipynb"
    file.write_text(json.dumps({"cells": cells}))
    part = text_of(file)
    assert part.text.startswith("# Title\n\nCell 2:\n```python\n1 + 1\n```")
    for said in ("2", "said", "ValueError: no"):
        assert f"Output:\n```\n{said}\n```" in part.text
    assert "AAAA" not in part.text
    assert part.note == "2 cells; pictures left out"
    file.write_text('{"cells": 3}')
    with pytest.raises(UsageError, match="no notebook"):
        part_of(file, None, ROOM)


@pytest.mark.parametrize(
    ("data", "name", "step"),
    [
        (b"%PDF-1.7\0\0", "a.pdf", "picture of the page"),
        (b"PK\x03\x04\0\0", "a.xlsx", "pandas"),
        (b"PK\x03\x04\0\0", "a.zip", "Unpack"),
        (b"\x7fELF\0\1\2", "a.out", "can be attached"),
        (b"PAR1\0\1", "a.parquet", "pandas"),
    ],
)
def test_a_binary_file_says_what_to_do(data: bytes, name: str, step: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=step):
        part_of(tmp_path / name, None, ROOM)


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"no file nothing\.csv"):
        part_of("nothing.csv", None, ROOM)
    with pytest.raises(FolderError, match="not there"):
        part_of(tmp_path / "x", None, ROOM)
    with pytest.raises(FolderError, match="a folder"):
        part_of(tmp_path, None, ROOM)
    (tmp_path / "long.txt").write_text("x" * (3 * 2**20))
    with pytest.raises(FolderError, match=r"3.0 MB; at most 2 MB"):
        part_of(tmp_path / "long.txt", None, ROOM)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(EmptyPromptError, match=r"empty.txt is empty"):
        part_of(tmp_path / "empty.txt", None, ROOM)


# Outputs and errors


def test_a_string_is_a_text() -> None:
    assert text_of("some words").name == "text"
    assert text_of("two\nlines", "log").name == "log"
    assert text_of("data.csv", "a name").text == "data.csv"
    assert text_of("How are you?").text == "How are you?"


def test_an_object_is_what_a_cell_would_show() -> None:
    class Shown:
        def _repr_markdown_(self) -> str:
            return "**bold**"

    class Failing:
        def __repr__(self) -> str:
            raise ValueError

    assert text_of(Shown()).text == "**bold**"
    assert "repr fails: ValueError" in text_of(Failing(), "f").text
    assert text_of({"a": 1}).text == "{'a': 1}"
    assert text_of({"text/plain": "p", "text/html": "<b>h</b>"}).text == "p"
    long = text_of([f"item {n}" for n in range(5000)], room=100)
    assert "shortened: " in long.note
    assert "characters left out" in long.text
    assert len(long.text) < 500


def test_an_output_with_a_picture_is_its_picture() -> None:
    from IPython.display import Image as Displayed

    data = encoded(pillow.new("RGB", (12, 8)))
    assert image_of(Displayed(data=data)).note == "12 by 8 pixels"
    assert image_of({"image/png": data, "text/plain": "x"}).note == "12 by 8 pixels"


def caught(deep: int) -> BaseException:
    def fall(left: int) -> None:
        if left:
            fall(left - 1 if left % 2 else left - 2)
        raise KeyError("the cause")

    try:
        try:
            fall(deep)
        except KeyError as error:
            raise ValueError("the end " + "x" * 9000) from error
    except ValueError as error:
        return error


def test_an_error_is_its_traceback_shortened_to_what_can_be_read() -> None:
    part = text_of(caught(0))
    assert part.kind == "error"
    assert part.name == "ValueError"
    assert "KeyError: 'the cause'" in part.text
    assert "ValueError: the end" in part.text
    assert len(part.text) < 8000
    assert "characters left out" in part.text
    deep = text_of(RecursionError("no traceback"))
    assert deep.text == "RecursionError: no traceback"


# Keys


SECRETS = [
    os.environ,
    {"OPENAI_API_KEY": "abcdef123456"},
    "OPENAI_API_KEY=abcdef123456",
    "export DB_PASSWORD=hunter2",
    'password = "correct-horse"',
    "see sk-proj-abcdefghijklmnop1234",
    "hf_" + "a1" * 17,
    "ghp_" + "A1" * 18,
    "AKIA" + "ABCD" * 4,
    "-----BEGIN OPENSSH PRIVATE KEY-----\nx",
    "postgres://me:secret9@host/db",
    pd.DataFrame({"name": ["x"], "password": ["hunter22"]}),
    pd.DataFrame({"key": ["GITHUB_TOKEN"], "value": ["abcd1234efgh5678"]}),
    b"a,b\nAPI_KEY,sk-abcdefghijklmnopqrst\n",
]


@pytest.mark.parametrize("thing", SECRETS, ids=lambda thing: str(thing)[:20] if isinstance(thing, str) else None)
def test_what_holds_a_key_is_refused_and_said_where(thing: object) -> None:
    with pytest.raises(KeyFoundError) as caught:
        part_of(thing, None if not isinstance(thing, bytes) else "keys.csv", ROOM)
    said = f"{caught.value} {caught.value.details}"
    assert "not sent" in said
    for secret in ("abcdef123456", "hunter2", "sk-proj-abc", "correct-horse", "secret9", "abcd1234"):
        assert secret not in said


def test_the_line_of_a_key_is_named() -> None:
    with pytest.raises(KeyFoundError, match=r"Line 3 of notes holds a value of API_KEY"):
        part_of("a\nb\nAPI_KEY: 'abc12345'\n", "notes", ROOM)


def test_a_value_of_the_environment_is_known_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "plainwordsonly")
    with pytest.raises(KeyFoundError, match="the value of SOME_SERVICE_TOKEN"):
        part_of("here are plainwordsonly as they are", None, ROOM)


def test_files_of_keys_are_refused_by_name_or_content(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine x login y password z")
    (tmp_path / ".env").write_text("A=1\nOPENAI_API_KEY=abcdef123456\n")
    for name in (".netrc", ".env"):
        with pytest.raises(KeyFoundError):
            part_of(tmp_path / name, None, ROOM)


def test_the_settings_and_boxes_of_keys_are_refused() -> None:
    import workbench as wb
    from workbench.services.keys import Key, Secret

    for thing in (Secret("x"), Key("a", "http://localhost/v1"), wb.settings()):
        with pytest.raises(KeyFoundError):
            part_of(thing, None, ROOM)


@pytest.mark.parametrize(
    "text",
    [
        "tokens = tokenizer.encode(text)\nmax_tokens=4096\ntoken = tokens[0]",
        '{"eos_token": "<|im_end|>", "pad_token": "[PAD]", "max_tokens": 12345678}',
        'api_key = os.environ["OPENAI_API_KEY"]\npassword = getpass()',
        'api_key="your-api-key-here"',
        "https://example.org/a:b@c",
        "the secret: be patient",
    ],
)
def test_ordinary_words_and_programs_are_not_taken_for_keys(text: str) -> None:
    assert text_of(text, "program").text == text


def test_every_error_says_what_to_do() -> None:
    for thing in (os.environ, b"\0\1", "nothing.csv", b"GIF89a"):
        with pytest.raises(WorkbenchError) as caught:
            part_of(thing, None if thing is os.environ or isinstance(thing, str) else "x", ROOM)
        assert caught.value.next_step
