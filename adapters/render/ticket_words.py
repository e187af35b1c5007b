"""How a ticket's values are written: the same on Markdown, HTML and PDF."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.canonical import plain_decimal
from core.domain.ticket import Ticket, Weighed

UK, US = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")


def money(amount: Decimal | None) -> str:
    """Give an amount with two decimals and thousands apart; a dash for none."""
    return "-" if amount is None else f"{amount:,.2f}"


def percent(share: Decimal) -> str:
    """Give a share as per cent with two decimals."""
    return f"{100 * share:.2f} %"


def in_uk(at: datetime) -> str:
    """Give an instant as UK wall-clock time with its zone."""
    return at.astimezone(UK).strftime("%a %d %b %Y %H:%M %Z")


def in_us(at: datetime) -> str:
    """Give an instant as New York wall-clock time with its zone."""
    return at.astimezone(US).strftime("%a %d %b %H:%M %Z")


def score_words(weighed: Weighed) -> str:
    """Give a score with four decimals; a dash for none."""
    return "-" if weighed.score is None else f"{weighed.score:.4f}"


def moved(weighed: Weighed, strategy: str) -> str:
    """Give what moved a score most; the score of a strategy that learns nothing is one number of its own."""
    told = [f"{name} {'+' if value > 0 else ''}{plain_decimal(value)}" for name, value in weighed.moved_by]
    return ", ".join(told) or ("-" if weighed.score is None else f"{strategy} alone")


def notes_of(ticket: Ticket) -> tuple[str, ...]:
    """Give the notes that the why does not tell already."""
    told = ticket.why.anomalies if ticket.why else ()
    return tuple(note for note in ticket.notes if note not in told)


FILTERS: dict[str, Callable[..., str]] = {
    "money": money,
    "percent": percent,
    "uk": in_uk,
    "us": in_us,
    "plain": plain_decimal,
    "moved": moved,
    "score": score_words,
}
