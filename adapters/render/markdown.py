"""Markdown: a ticket as a person reads it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.render.ticket_words import FILTERS, notes_of
from core.domain.ticket import IssuedTicket

if TYPE_CHECKING:
    from jinja2 import Template


def ticket_markdown(issued: IssuedTicket) -> str:
    """Render a ticket; the same ticket gives the same bytes."""
    return _template().render(issued=issued, ticket=issued.ticket, seal=issued.seal, notes=notes_of(issued.ticket))


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
    environment.filters |= FILTERS
    return environment.get_template("ticket.md.j2")
