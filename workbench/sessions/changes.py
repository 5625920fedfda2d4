"""What is different between two views of a session that is fields and rows. Pure."""

from __future__ import annotations

from typing import Any


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[list[Any]]:
    """The operations that make the one of the other: rows, those that are gone, fields. `before` may be empty."""
    known = {row["id"]: row for row in before.get("rows", ())}
    there = {row["id"] for row in now["rows"]}
    ops: list[list[Any]] = [["row", row] for row in now["rows"] if known.get(row["id"]) != row]
    ops += [["drop", id] for id in known if id not in there]
    changed = {key: value for key, value in now.items() if key != "rows" and before.get(key) != value}
    return [*ops, ["state", changed]] if changed else ops
