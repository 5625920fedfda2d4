"""The licence on a model card, in the forms in which cards write it."""

from __future__ import annotations

import pytest

from workbench.manager import model_card


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("---\nlicense: mit\n---\n", "mit"),
        ("---\nlicense: 'apache-2.0'  # as upstream\n---\n", "apache-2.0"),
        ("---\nlanguage: en\nlicense:\n- llama3.2\n- other\n---\n", "llama3.2"),
        ("---\nlicense: other\nlicense_name: qwen\nlicense_link: LICENSE\n---\n", "qwen"),
        ("---\nlicense_name: qwen\nlicense: other\n---\n", "qwen"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlicense_name: qwen\nlicense: mit\n---\n", "mit"),
        ("---\ntags: [a]\n---\nlicense: mit\n", None),
        ("---\nextra:\n  license: mit\n---\n", None),
        ("# license\nlicense: mit\n", None),
        ("", None),
    ],
)
def test_the_licence(tmp_path, text, licence):
    card = tmp_path / "README.md"
    card.write_text(text)
    assert model_card.licence(card) == licence


def test_no_card_and_no_text_say_nothing(tmp_path):
    assert model_card.licence(tmp_path / "README.md") is None
    (tmp_path / "README.md").write_bytes(b"---\n\xff\xfe\x00license: mit")
    assert model_card.licence(tmp_path / "README.md") is None
    assert model_card.licence(tmp_path) is None
