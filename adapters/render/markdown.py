"""Markdown: a ticket as a person reads it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from core.canonical import plain_decimal
from core.domain.ticket import IssuedTicket

if TYPE_CHECKING:
    from jinja2 import Template

UK, US = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")


def ticket_markdown(issued: IssuedTicket) -> str:
    """Render a ticket; the same ticket gives the same bytes."""
    return _template().render(issued=issued, ticket=issued.ticket, seal=issued.seal)


def money(amount: Decimal | None) -> str:
    """Give an amount with two decimals and thousands apart; a dash for none."""
    return "-" if amount is None else f"{amount:,.2f}"


def in_uk(at: datetime) -> str:
    """Give an instant as UK wall-clock time with its zone."""
    return at.astimezone(UK).strftime("%a %d %b %Y %H:%M %Z")


def in_us(at: datetime) -> str:
    """Give an instant as New York wall-clock time with its zone."""
    return at.astimezone(US).strftime("%a %d %b %H:%M %Z")


@lru_cache(maxsize=1)
def _template() -> Template:
    # Imported only when something is rendered.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, and every value is typed; nothing here is HTML
    )
    environment.filters |= {"money": money, "uk": in_uk, "us": in_us, "plain": plain_decimal}
    return environment.get_template("ticket.md.j2")
