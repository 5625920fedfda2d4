"""JSON that may be hostile: an object comes out, or a ValueError."""

from __future__ import annotations

import pytest

from workbench.manager import bounded_json


def test_an_object_is_read():
    assert bounded_json.decode(b'{"a": [1, {"b": "\xc3\xa9"}]}') == {"a": [1, {"b": "é"}]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[1]",
        b'"a"',
        b"{",
        b'{"a":1}x',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":[' + b"1," * 3_000_000 + b"1]}",
        b'{"a":"' + b"a" * bounded_json.LONGEST + b'"}',
    ],
    ids=["empty", "list", "string", "cut", "more", "nan", "infinity", "bytes", "surrogate", "deep", "pieces", "long"],
)
def test_anything_else_is_a_value_error(data):
    with pytest.raises(ValueError, match=r"."):
        bounded_json.decode(data)
