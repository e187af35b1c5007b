"""The parts of a page of numbers: sections with sentences, charts and tables, whose cells are texts with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from markupsafe import Markup

from core.reporting.measured import Absent, Measured, decimal, percent

NONE, UNKNOWN = "-", "not computable"
Row = Sequence[str]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Table:
    """Cells as they are told.

    `aligned` has `l`, `r` or, for long text, `t` for each column; `tints` has, a cell, -3 to 3 (loss to gain).
    """

    head: Row
    rows: tuple[Row, ...]
    aligned: str
    notes: tuple[str, ...] = ()
    tints: tuple[tuple[int, ...], ...] = ()
    is_long: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page: what it says first, then charts (drawn only where they are shown), then tables."""

    title: str
    words: tuple[str, ...]
    charts: tuple[Callable[[], Markup], ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass
class Reasons:
    """Why cells of a table are not computable, each reason once with the names of its cells."""

    labels: dict[str, list[str]] = field(default_factory=dict)

    def cell(self, told: str | Absent, label: str) -> str:
        """Give a cell's text; of what is not computable the words for that, and keep why."""
        if isinstance(told, str):
            return told
        listed = self.labels.setdefault(told.why, [])
        if (name := label.removeprefix("- ")) not in listed:
            listed.append(name)
        return UNKNOWN

    def told(self) -> tuple[str, ...]:
        """Give the sentences that stand beneath the table."""
        return tuple(f"Not computable ({', '.join(names)}): {why}." for why, names in self.labels.items())


def told(value: Value | Absent, tell: Callable[[Value], str]) -> str | Absent:
    """Tell a value, or give the reason that there is none."""
    return value if isinstance(value, Absent) else tell(value)


def share(value: Measured, digits: int = 2) -> str | Absent:
    """Tell a share in percent, or give the reason that there is none."""
    return value if isinstance(value, Absent) else percent(value, digits)


def ratio(value: Measured, digits: int = 2) -> str | Absent:
    """Tell a number, or give the reason that there is none."""
    return value if isinstance(value, Absent) else decimal(value, digits)


def sentence(words: str) -> str:
    """Give words with an end."""
    return words if words.endswith((".", "!", "?")) else f"{words}."
