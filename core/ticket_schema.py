"""The ticket's JSON Schema, made of the nouns themselves: what a program may rely on that reads `tickets/TICKET-ID.json`."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Union

from core.domain.hindrance import Hindrance
from core.domain.ticket import SHORT_HASH_LENGTH, Seal, Ticket

_SCALARS: dict[type, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    Decimal: {"$ref": "#/$defs/Number"},
    date: {"$ref": "#/$defs/Day"},
    datetime: {"$ref": "#/$defs/Instant"},
}
_TEXTS: dict[str, tuple[str, str]] = {
    "Number": (
        r"^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$",
        "A decimal as text, without exponent and without trailing zeros; read it as a decimal, never as a float.",
    ),
    "Day": (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "A day as YYYY-MM-DD; sessions are days."),
    "Instant": (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$", "An instant in UTC."),
    "Hash": (r"^[0-9a-f]{64}$", "The SHA-256, in hex, of the canonical bytes of `ticket`."),
    "ShortHash": (rf"^[0-9a-f]{{{SHORT_HASH_LENGTH}}}$", "The first of the hash: what a confirmation must quote."),
}


def ticket_schema() -> str:
    """Give the JSON Schema of a ticket's file as pretty JSON, keys sorted: the bytes of `docs/ticket.schema.json`."""
    defs: dict[str, Any] = {
        name: {"type": "string", "pattern": pattern, "description": words} for name, (pattern, words) in _TEXTS.items()
    }
    properties = {
        "ticket": _of(Ticket, defs),
        "seal": _of(Seal, defs),
        "hash": {"$ref": "#/$defs/Hash"},
        "short_hash": {"$ref": "#/$defs/ShortHash"},
        "void": {"$ref": "#/$defs/Void"},
        "hindrances": {"type": "array", "items": _of(Hindrance, defs), "minItems": 1},
    }
    defs["Void"] = _object(
        {name: {"type": kind} for name, kind in (("ticket_id", "string"), ("revision", "integer"))}
        | {"by": {"type": "string"}, "reason": {"type": "string"}},
        "Where it is there, nothing of this ticket may be executed: who revised it, and why.",
    )
    file = _object(
        properties, "A ticket of Twokey: the decision bytes that a person acts on, their hash, and the seal."
    )
    file["required"] = sorted(properties.keys() - {"void", "hindrances"})
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Ticket", "$defs": defs}
    return json.dumps(head | file, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _of(kind: Any, defs: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of a type; nouns are described once, under their names. Raises TypeError on what it does not know."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in defs:
            defs[kind.__name__] = {}  # known by its name from here on, should it hold itself
            defs[kind.__name__] = _noun(kind, defs)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    made = _GENERIC.get(origin)
    if made is None:
        raise TypeError(f"a field of a ticket is of {kind}, which has no schema")
    return made(inside, defs)


def _noun(kind: type, defs: dict[str, Any]) -> dict[str, Any]:
    hints, fields = typing.get_type_hints(kind), dataclasses.fields(kind)
    schema = _object(
        {field.name: _of(hints[field.name], defs) for field in fields}, " ".join((kind.__doc__ or "").split())
    )
    # A field that was added later is left out while it says nothing.
    schema["required"] = sorted(field.name for field in fields if not field.metadata.get("later"))
    return schema


def _object(properties: dict[str, Any], words: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": words,
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _either(inside: tuple[Any, ...], defs: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "null"} if kind is type(None) else _of(kind, defs) for kind in inside]}


def _row(inside: tuple[Any, ...], defs: dict[str, Any]) -> dict[str, Any]:
    if inside[1:] == (...,):
        return {"type": "array", "items": _of(inside[0], defs)}
    items = [_of(kind, defs) for kind in inside]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


_GENERIC: dict[Any, Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]] = {
    Union: _either,
    types.UnionType: _either,
    tuple: _row,
    Literal: lambda inside, defs: {"enum": list(inside)},
}
