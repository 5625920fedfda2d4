"""Answers held to a schema: whether all of them meet it, and what that costs in speed, on MLX and on llama.cpp.

The shipped model in fp32, at a temperature at which it writes nonsense, with many seeds and several schemas: every
answer must be valid. Speed is that of the tokens after the first, with a grammar and without, at the same temperature
and of the same length, in turn. The same greedy tokens must come from both engines.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

from common import arguments, interleaved, last_line, ratio, spread, table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import workbench.builtin
from workbench.engines import Engine, LoadSpec, make_engine
from workbench.events import Finished, TextDelta
from workbench.messages import user
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.sessions.structured.fitting import mismatch, read

KEYS = ("mlx_speed_ratio", "llama_cpp_speed_ratio", "invalid", "answers", "mismatched_greedy")
FORMATS = {"llama_cpp": "gguf", "mlx": "safetensors"}
QUESTION = "Give me a person as JSON."
HOME = {
    "type": "object",
    "properties": {"street": {"type": "string", "maxLength": 12}, "own": {"type": "boolean"}},
    "required": ["street", "own"],
    "additionalProperties": False,
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "nested objects": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "home": HOME,
            "second": {"anyOf": [HOME, {"type": "null"}]},
        },
        "required": ["name", "home", "second"],
        "additionalProperties": False,
    },
    "enums": {
        "type": "object",
        "properties": {"size": {"enum": ["small", "large", 3, None]}, "kind": {"const": "person"}},
        "required": ["size", "kind"],
        "additionalProperties": False,
    },
    "bounded arrays": {
        "type": "array",
        "items": {"type": "integer", "minimum": -99, "maximum": 99},
        "minItems": 2,
        "maxItems": 5,
    },
    "numbers": {
        "type": "object",
        "properties": {
            "share": {"type": "number", "minimum": 0, "maximum": 1},
            "even": {"type": "integer", "multipleOf": 2, "minimum": 0, "maximum": 1000},
        },
        "required": ["share", "even"],
        "additionalProperties": False,
    },
    "patterns": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
            "day": {"type": "string", "format": "date"},
        },
        "required": ["code", "day"],
        "additionalProperties": False,
    },
}
LONG = {"type": "array", "items": {"type": "string", "maxLength": 40}, "minItems": 100}


def asked(schema: dict[str, Any] | None, **options: Any) -> Request:
    return Request(
        model="builtin", messages=(user(QUESTION),), schema=schema, options=GenerationOptions(thinking=False, **options)
    )


def answered(engine: Engine, requests: list[Request]) -> list[tuple[str, tuple[int, ...], Finished]]:
    """Text, token ids and end of each answer; MLX writes them together."""
    said: dict[str, list[TextDelta]] = {request.run: [] for request in requests}
    ends: dict[str, Finished] = {}
    for event in engine.generate(requests, lambda run: False):
        if isinstance(event, TextDelta):
            said[event.run].append(event)
        elif isinstance(event, Finished):
            ends[event.run] = event
    return [
        ("".join(e.text for e in said[run]), tuple(t for e in said[run] for t in e.tokens), ends[run]) for run in said
    ]


def is_valid(schema: dict[str, Any], text: str, end: Finished) -> bool:
    try:
        return end.grammar and not end.ignored and not mismatch(schema, read(text))
    except ValueError:
        return False


def main() -> None:
    """Measure, and print a table and the last line."""
    smoke = arguments(__doc__).smoke
    seeds, rounds, tokens = (2, 1, 24) if smoke else (200, 7, 192)
    rows: list[tuple[str, str]] = []
    figures: dict[str, Any] = {"invalid": 0, "answers": 0}
    greedy = []
    for name, form in FORMATS.items():
        engine = make_engine(name)
        list(engine.load(LoadSpec(model="builtin", path=str(workbench.builtin.path(form))), lambda: False))
        for title, schema in SCHEMAS.items():
            requests = [asked(schema, temperature=1.5, seed=seed, max_tokens=400) for seed in range(seeds)]
            valid = sum(is_valid(schema, text, end) for text, _, end in answered(engine, requests))
            rows.append((f"{name}, {title}: valid", f"{valid} of {seeds}"))
            figures["invalid"] += seeds - valid
            figures["answers"] += seeds
        greedy.append([answered(engine, [asked(s, temperature=0.0, max_tokens=200)])[0][1] for s in SCHEMAS.values()])

        def speed(engine: Engine, schema: dict[str, Any] | None) -> float:
            [(_, _, end)] = answered(engine, [asked(schema, temperature=5.0, seed=1, max_tokens=tokens)])
            return end.metrics.decode_tps or 0.0

        speed(engine, LONG)
        held, free = interleaved(rounds, lambda: speed(engine, LONG), lambda: speed(engine, None))  # noqa: B023  # called here
        figures[f"{name}_speed_ratio"] = ratio(held, free)
        rows.append((f"{name}, tokens/s held to a schema", spread(held)))
        rows.append((f"{name}, tokens/s free", spread(free)))
        rows.append((f"{name}, held ÷ free", f"{figures[f'{name}_speed_ratio']:.2f}"))
        cost = statistics.median(1e6 / a - 1e6 / b for a, b in zip(held, free, strict=True))
        rows.append((f"{name}, cost of a token", f"{cost:.0f} µs"))
        engine.unload()
    figures["mismatched_greedy"] = sum(one != other for one, other in zip(*greedy, strict=True))
    rows.append(("greedy answers that differ between the engines", f"{figures['mismatched_greedy']} of {len(SCHEMAS)}"))
    table(rows)
    last_line(**figures)


if __name__ == "__main__":
    main()
