"""A JSON schema as it is sent: whatever meets it meets the schema it was made from. Pure; it knows no model.

Two things a schema often leaves open let a small model write without end, and some servers refuse it for them: fields
beyond those named, and whole numbers of any length.
"""

from __future__ import annotations

import json
from typing import Any

_LARGEST = 2**53 - 1
"""Beyond it not every reader of JSON keeps a whole number exact (RFC 8259, section 6)."""
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_JOINED = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "unevaluatedProperties")
"""Keywords beside which an object may not be closed: they may name fields of their own."""
_ONE = ("additionalProperties", "items", "contains", "propertyNames")
_MANY = ("properties", "patternProperties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "prefixItems")


def narrowed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose objects have only the fields they name, and whose whole numbers have at most 16 digits.

    One that joins parts by ``allOf`` stays as it is: closed, they would shut each other's fields out.
    """
    made: dict[str, Any] = schema if '"allOf"' in json.dumps(schema) else _narrowed(schema)
    return made


def _narrowed(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    for name in _ONE:
        if name in made:
            made[name] = _narrowed(made[name])
    for name in _MANY:
        if isinstance(made.get(name), dict):
            made[name] = {key: _narrowed(value) for key, value in made[name].items()}
    for name in _LISTS:
        if isinstance(made.get(name), list) and "properties" not in made:
            made[name] = [_narrowed(value) for value in made[name]]
    if "properties" in made and "additionalProperties" not in made and not any(name in made for name in _JOINED):
        made["additionalProperties"] = False
    if made.get("type") == "integer" and not any(name in made for name in (*_BOUNDS, "enum", "const")):
        made |= {"minimum": -_LARGEST, "maximum": _LARGEST}
    return made
