"""Canonical JSON: the one byte form of a value, for hashes, signatures and replays."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

_PLAIN = frozenset({str, int, bool, type(None)})
# The metadata of a field that values of an earlier version do not have. While it says no more than its default it is left out
# of the bytes, so that what was kept before there was such a field still has the hash that it was kept with.
LATER = {"later": True}


def canonical_json(value: Any) -> str:
    """Give the canonical text: sorted keys, no spaces, decimals as plain strings, instants in fixed-width UTC.

    Takes dataclasses, mappings with text keys, sequences, text, integers, booleans, None, Decimal, date and aware datetime.
    Raises TypeError on anything else, floats first of all: a float has no single text.
    """
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_of(value: Any) -> str:
    """Give the SHA-256, in hex, of a value's canonical bytes."""
    return sha256_text(canonical_json(value))


def sha256_text(text: str) -> str:
    """Give the SHA-256, in hex, of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """Turn a value into what JSON holds, without losing a digit; raises TypeError on floats and unknown types."""
    kind: Any = type(value)
    if kind is list or kind is tuple:
        # Most of what is long holds texts and numbers: those are spared a call each.
        return [item if type(item) is str or type(item) is int else plain(item) for item in value]
    if kind in _PLAIN or isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal):
        return plain_decimal(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    names = _field_names(kind)
    if names is not None:
        told = {name: plain(getattr(value, name)) for name in names}
        for name, default in _later_fields(kind):
            if told[name] == default:
                del told[name]
        return told
    if isinstance(value, dict):
        return {_text_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form: {value!r}")


def plain_decimal(value: Decimal) -> str:
    """Give a decimal as text without exponent and without trailing zeros; minus zero is 0. Raises ValueError on NaN."""
    if not value.is_finite():
        raise ValueError(f"{value} has no canonical form")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def instant_text(value: datetime) -> str:
    """Give an instant as `YYYY-MM-DDTHH:MM:SS.ffffffZ`; raises ValueError when it has no time zone."""
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone; an instant must be aware")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


@cache
def _field_names(kind: type) -> tuple[str, ...] | None:
    """Give the names of a dataclass's fields, or None for another type; looked up once a type."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


@cache
def _later_fields(kind: type) -> tuple[tuple[str, Any], ...]:
    """Give the names of a dataclass's later fields, each with the plain form of its default."""
    return tuple(
        (field.name, plain(field.default)) for field in dataclasses.fields(kind) if field.metadata.get("later")
    )


def _text_key(key: Any) -> str:
    if isinstance(key, date) and not isinstance(key, datetime):
        return key.isoformat()
    if not isinstance(key, str):
        raise TypeError(f"a key was {key!r}, of type {type(key).__name__}; a canonical key is text")
    return key
