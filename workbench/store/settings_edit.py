"""Changes to a TOML text that keep its comments and its order, made with tomlkit. Knows no setting."""

from __future__ import annotations

from typing import Any

import tomlkit
from tomlkit.items import AoT, Array, InlineTable, Table

from workbench.store.settings_values import Where


def changed(text: str, values: dict[Where, Any]) -> str:
    """The text with a value set at each place; ``None`` takes it away.

    Of a list of tables those with a name that was there are changed where they stand. Raises whatever tomlkit raises.
    """
    document = tomlkit.parse(text)
    for where, value in values.items():
        table: Any = document
        for name in where[:-1]:
            if name not in table:
                table[name] = tomlkit.table()
            table = table[name]
        _put(table, str(where[-1]), value)
    return tomlkit.dumps(document)


def _put(table: Any, key: str, value: Any) -> None:
    there = table.get(key)
    if value is None:
        if there is not None:
            del table[key]
    elif isinstance(value, dict) and isinstance(there, Table) and not isinstance(there, InlineTable):
        _update(there, value)
    elif _are_tables(value):
        if not isinstance(there, AoT):
            if there is not None:
                del table[key]
            table[key] = tomlkit.aot()
        _tables(table[key], value)
    elif isinstance(value, list) and isinstance(there, Array):
        _array(there, value)
    else:
        table[key] = _item(value)


def _update(table: Any, values: dict[str, Any]) -> None:
    """Make a table hold these values; those that stay keep their comments."""
    for key in [key for key in table if key not in values]:
        del table[key]
    for key, value in values.items():
        if key not in table or table[key].unwrap() != value or type(table[key].unwrap()) is not type(value):
            _put(table, key, value)


def _tables(tables: AoT, values: list[dict[str, Any]]) -> None:
    """Make a list of tables hold these, told apart by their names."""
    wanted = [value["name"] for value in values]
    for index in reversed(range(len(tables))):
        if tables[index].get("name") not in wanted:
            del tables[index]
    for position, value in enumerate(values):
        here = [table.get("name") for table in tables]
        if value["name"] in here:
            _update(tables[here.index(value["name"])], value)
        else:
            table = _item(value)
            if position:
                table.trivia.indent = "\n"  # a blank line before its header
            tables.insert(position, table)


def _array(array: Array, values: list[Any]) -> None:
    """Make an array hold these values; those that stay keep their comments."""
    for index in reversed(range(len(array))):
        if array[index] not in values:
            del array[index]
    for value in values:
        if value not in array:
            array.append(value)
    if array.unwrap() != values:
        array.clear()
        array.extend(values)


def _item(value: Any) -> Any:
    if isinstance(value, dict):
        table = tomlkit.table()
        for key, inner in value.items():
            table[key] = _item(inner)
        return table
    if isinstance(value, str) and "\n" in value:
        return tomlkit.string(value, multiline=True)
    return tomlkit.item(value)


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
