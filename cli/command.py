"""What a command is, and the kinds of values that people type."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

Configure = Callable[[argparse.ArgumentParser], None]


def nothing(parser: argparse.ArgumentParser) -> None:
    """Add no argument."""


@dataclass(frozen=True)
class Command:
    """One command: what it is called, what it says, its arguments, and its handler by module and name."""

    name: str
    help: str
    module: str = ""
    handler: str = ""
    configure: Configure = nothing
    children: tuple[Command, ...] = ()
    workspace: str = "workspace"


def day(text: str) -> date:
    """Read a day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write YYYY-MM-DD") from error


def instant(text: str) -> datetime:
    """Read an instant as YYYY-MM-DDTHH:MM:SS with its offset from UTC, Z for none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no instant; write YYYY-MM-DDTHH:MM:SSZ") from error
    if read.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} says no offset from UTC; write {read.isoformat()}Z for UTC itself")
    return read.astimezone(UTC)


def tax_year(text: str) -> str:
    """Read a tax year as 2024-25."""
    first, _, last = text.partition("-")
    if not (text.isascii() and len(first) == 4 and first.isdigit() and last == f"{(int(first) + 1) % 100:02d}"):
        raise argparse.ArgumentTypeError(f"{text!r} is no tax year; write it as 2024-25")
    return text


def amount(text: str) -> Decimal:
    """Read an amount with at most two decimals."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount; write it as 1234.56") from error
    exponent = number.as_tuple().exponent
    if (
        not number.is_finite()
        or not isinstance(exponent, int)
        or exponent < -2
        or not text.isascii()
        or "e" in text.lower()
    ):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount; write it as 1234.56, at most two decimals")
    return number


def book(parser: argparse.ArgumentParser) -> None:
    """Add the book."""
    parser.add_argument("--book", default="main", help="the book (default: main)")


def book_on(parser: argparse.ArgumentParser) -> None:
    """Add the book, and another day than today."""
    book(parser)
    parser.add_argument("--on", type=day, metavar="YYYY-MM-DD", help="another day than today: a rehearsal")


def book_on_slot(parser: argparse.ArgumentParser) -> None:
    """Add the book, and the day of a slot."""
    book(parser)
    words = "the slot of this day (default: the newest that has come)"
    parser.add_argument("--on", type=day, metavar="YYYY-MM-DD", help=words)
