"""What was measured, or why it could not be: a report tells a reason where a number would be wild."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from core.measures.returns import NotComputable


@dataclass(frozen=True)
class Absent:
    """A number that is not computable, and why."""

    why: str


Measured: TypeAlias = float | Absent
Value = TypeVar("Value")


def measured(measure: Callable[[], Value]) -> Value | Absent:
    """Give what a measure comes to, or the reason that it raised."""
    try:
        return measure()
    except NotComputable as reason:
        return Absent(str(reason))


def known(number: float, why: str) -> Measured:
    """Give a number, or a reason where it is none."""
    return float(number) if math.isfinite(number) else Absent(why)


def percent(share: Measured, digits: int = 2) -> str:
    """Say a share in percent, or that it is not computable."""
    return "not computable" if isinstance(share, Absent) else f"{_text(share * 100, digits)} %"


def decimal(number: Measured, digits: int = 2) -> str:
    """Say a number with fixed digits, or that it is not computable."""
    return "not computable" if isinstance(number, Absent) else _text(number, digits)


def _text(number: float, digits: int) -> str:
    text = f"{number:,.{digits}f}"
    # Minus zero is zero.
    return text.removeprefix("-") if not text.strip("-0.,") else text
