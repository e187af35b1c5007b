"""Fields of settings: the types that every section is made of, each with its words for what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.canonical import plain_decimal

# What would be right stands once, in a field's `description`: error messages and the JSON Schema both show it.
TIME_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
NAME_PATTERN = "^[a-z][a-z0-9_-]{0,31}$"
CURRENCY_PATTERN = "^[A-Z]{3}$"
INSTRUMENT_PATTERN = "^[A-Z0-9]+([.-][A-Z0-9]+)*$"
BAR_PATTERN = "^[A-Z0-9]+([.-][A-Z0-9]+)* [0-9]{4}-[0-9]{2}-[0-9]{2}$"


def _number(value: object) -> object:
    """Take a whole number for a decimal; anything else, a float or a text, is the strict type's to refuse."""
    return Decimal(value) if type(value) is int else value


def _time(value: object) -> object:
    """Take HH:MM for a time of day; anything else is the strict type's to refuse."""
    is_text = isinstance(value, str) and re.fullmatch(TIME_PATTERN, value)
    return time.fromisoformat(str(value)) if is_text else value


def _of_type(wanted: type) -> BeforeValidator:
    """Refuse what only equals a literal: 1 is no `true`, and `true` is no 1."""

    def check(value: object) -> object:
        if type(value) is not wanted:
            raise ValueError(f"{value!r} is not of type {wanted.__name__}")
        return value

    return BeforeValidator(check)


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"no time zone is named {name}") from error
    return name


def _bar_name(name: object) -> object:
    if isinstance(name, str) and re.fullmatch(BAR_PATTERN, name):
        date.fromisoformat(name.rpartition(" ")[2])
    return name


def once_each(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a name that stands twice."""
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice")
    return names


def at_least_one(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse an empty list."""
    # Not by `min_length`, which counts the items that are right: a list of one wrong item would be told to be empty.
    if not items:
        raise ValueError("the list is empty")
    return items


def _parameter(value: object) -> object:
    if type(value) not in (int, Decimal, str):
        raise ValueError(f"{value!r} is neither a number nor a text")
    return value


def whole(least: int, most: int) -> Any:
    """Give the field of a whole number between two bounds, both of them allowed."""
    return Field(ge=least, le=most, description=f"a whole number from {least} to {most}")


def words(wanted: str, pattern: str = "") -> Any:
    """Give the field of a short text, with what would be right and its pattern."""
    return Field(min_length=1, max_length=80, pattern=pattern or None, description=wanted)


_DECIMAL = BeforeValidator(_number)
_PLAIN = PlainSerializer(plain_decimal, return_type=str, when_used="json")
_HHMM = PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str, when_used="json")

# Bounds stand first, so that they are the decimal type's own and reach the JSON Schema.
Fraction = Annotated[Decimal, Field(ge=0, le=1, description="a number from 0 to 1, such as 0.1"), _DECIMAL, _PLAIN]
FractionAboveZero = Annotated[
    Decimal, Field(gt=0, le=1, description="a number above 0 and at most 1, such as 0.1"), _DECIMAL, _PLAIN
]
FractionBelowOne = Annotated[
    Decimal, Field(ge=0, lt=1, description="a number from 0 to below 1, such as 0.05"), _DECIMAL, _PLAIN
]
AboveOne = Annotated[Decimal, Field(gt=1, description="a number above 1, such as 1.4"), _DECIMAL, _PLAIN]
Positive = Annotated[Decimal, Field(gt=0, description="a number above 0, such as 0.0001"), _DECIMAL, _PLAIN]
NotNegative = Annotated[Decimal, Field(ge=0, description="a number of 0 or more, such as 25"), _DECIMAL, _PLAIN]
BasisPoints = Annotated[
    Decimal, Field(ge=0, le=10_000, description="basis points, a number from 0 to 10000, such as 5"), _DECIMAL, _PLAIN
]

TimeOfDay = Annotated[
    time,
    BeforeValidator(_time, json_schema_input_type=str),
    _HHMM,
    WithJsonSchema({"type": "string", "pattern": TIME_PATTERN}, mode="validation"),
    Field(description="a time of day as HH:MM, such as 08:00"),
]
TimeZoneName = Annotated[
    str, AfterValidator(_timezone), words("a time zone of the IANA list, such as Europe/London", "^[A-Za-z0-9_/+-]+$")
]
ShortName = Annotated[
    str, words("a short name of small letters, digits, - and _ that starts with a letter, such as main", NAME_PATTERN)
]
CurrencyCode = Annotated[str, words("three capital letters, such as GBP", CURRENCY_PATTERN)]
BarName = Annotated[
    str,
    BeforeValidator(_bar_name),
    words("an internal symbol and a session, such as NFLX 2022-04-20", BAR_PATTERN),
]
InstrumentName = Annotated[str, words("an internal symbol of the universe, such as AAPL", INSTRUMENT_PATTERN)]
Parameter = Annotated[
    int | Decimal | str,
    PlainValidator(_parameter, json_schema_input_type=int | Decimal | str),
    PlainSerializer(lambda value: plain_decimal(value) if isinstance(value, Decimal) else value, when_used="json"),
    Field(description="a number or a text"),
]
LotMethod = Literal["FIFO", "LIFO", "HIFO", "AVERAGE", "SPECIFIC"]
OnlyTrue = Annotated[Literal[True], _of_type(bool)]
OnlyZero = Annotated[Literal[0], _of_type(int)]
OnlyOne = Annotated[Literal[1], _of_type(int)]

Contradictions = Iterator[tuple[str, str]]
"""Keys, dotted from their section, each with why its value cannot stand beside the others."""


class Section(BaseModel):
    """A part of the settings: frozen, strictly typed, unknown keys refused, and free of contradictions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def contradictions(self) -> Contradictions:
        """Give what contradicts itself in the section; most sections hold nothing that could."""
        yield from ()

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        found = tuple(self.contradictions())
        if found:
            text = "; ".join(f"{key} {why}" for key, why in found)
            raise PydanticCustomError("contradiction", "{text}", {"text": text, "found": found})
        return self
