"""The front matter of a model card, README.md: YAML between two lines of ``---``. Only what is needed is read.

---
license: other
license_name: llama3.2
---
"""

from __future__ import annotations

import re
from pathlib import Path

_LONGEST = 1 << 16
_FIELD = re.compile(r"""^(license|license_name):[ \t]*(?:\n[ \t]*-[ \t]*)?["']?([\w.-]+)""", re.MULTILINE)


def licence(readme: Path) -> str | None:
    """The licence a card states, by the hub's name for it (``"apache-2.0"``); ``None`` without a card or a licence."""
    try:
        with readme.open("rb") as file:
            text = file.read(_LONGEST).decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        return None
    if not text.startswith("---\n"):
        return None
    fields = {key: value for key, value in reversed(_FIELD.findall(text[4:].partition("\n---")[0]))}
    stated = fields.get("license")
    return fields.get("license_name", stated) if stated == "other" else stated
