"""The public names: sorted, documented, light to import."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import workbench as wb

HEAVY = ("anywidget", "ipywidgets", "mlx", "openai", "transformers", "huggingface_hub", "pandas", "IPython", "numpy")


def loaded_after(code: str) -> set[str]:
    """The modules, of the heavy ones, that a fresh Python has loaded after this code."""
    probe = f"{code}\nimport sys\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_importing_it_loads_nothing_heavy() -> None:
    assert loaded_after("import workbench") == set()


def test_making_a_chat_loads_nothing_heavy() -> None:
    assert loaded_after("import workbench as wb; wb.chat()") == set()


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert wb.__all__ == sorted(wb.__all__)
    for name in wb.__all__:
        assert getattr(wb, name) is not None
    assert set(wb.__all__) <= set(dir(wb))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'chatt'"):
        wb.chatt  # noqa: B018  # looking it up is the test


@pytest.mark.parametrize("name", ["ask", "chat", "connect", "models", "unload"])
def test_a_verb_says_what_it_does_with_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(wb, name))
    assert text is not None
    assert f"wb.{name}(" in text
    for parameter, spec in inspect.signature(getattr(wb, name)).parameters.items():
        if spec.kind is not spec.VAR_KEYWORD:
            assert f"`{parameter}`" in text


def test_the_version_is_the_packages() -> None:
    import pathlib
    import tomllib

    project = tomllib.loads((pathlib.Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    assert project["version"] == wb.__version__
