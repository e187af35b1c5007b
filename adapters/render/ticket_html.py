"""HTML: a ticket as one page that needs nothing else, for a screen and for a printer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.render.ticket_words import FILTERS, banners_of, facts_of, notes_of, sealed_of
from core.domain.hindrance import Hindrance
from core.domain.ticket import IssuedTicket

if TYPE_CHECKING:
    from jinja2 import Template


def ticket_html(issued: IssuedTicket, *, void: str = "", hindered: Sequence[Hindrance] = ()) -> str:
    """Render a ticket; the same ticket gives the same bytes. `void` says who made it void, and why.

    `hindered` is what makes it not to be executed now.
    """
    ticket = issued.ticket
    return _template().render(
        ticket=ticket,
        banners=banners_of(ticket, void, hindered),
        facts=facts_of(ticket),
        notes=notes_of(ticket),
        sealed=sealed_of(issued),
    )


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
        autoescape=True,
    )
    environment.filters |= FILTERS
    return environment.get_template("ticket.html.j2")
