"""A JSON schema as it is sent: whatever meets it meets the schema it was made from. Pure; it knows no model.

Two things a schema often leaves open let a small model write without end, and some servers refuse it for them: fields
beyond those named, and whole numbers of any length.
"""

from __future__ import annotations

from typing import Any

_LARGEST = 2**53 - 1
"""Beyond it not every reader of JSON keeps a whole number exact (RFC 8259, section 6)."""
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_JOINED = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "unevaluatedProperties")
"""Keywords beside which an object may not be closed: they may name fields of their own."""
_ONE = ("additionalProperties", "items", "contains", "propertyNames")
_MANY = ("properties", "patternProperties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "prefixItems")


def narrowed(schema: Any) -> Any:
    """A schema whose objects have only the fields they name, and whose whole numbers have at most 16 digits."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    for name in _ONE:
        if name in made:
            made[name] = narrowed(made[name])
    for name in _MANY:
        if isinstance(made.get(name), dict):
            made[name] = {key: narrowed(value) for key, value in made[name].items()}
    for name in _LISTS:
        if isinstance(made.get(name), list) and not ({"properties", "allOf"} & made.keys()):
            made[name] = [narrowed(value) for value in made[name]]
    if "properties" in made and "additionalProperties" not in made and not any(name in made for name in _JOINED):
        made["additionalProperties"] = False
    if made.get("type") == "integer" and not any(name in made for name in (*_BOUNDS, "enum", "const")):
        made |= {"minimum": -_LARGEST, "maximum": _LARGEST}
    return made
