"""`ticket show --as`: a ticket in one of its forms, to read, to print, or for a program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.files.atomic import write_artefact
from adapters.render.markdown import ticket_markdown
from cli.output import emit
from core.domain.hindrance import Hindrance
from core.domain.ticket import IssuedTicket
from flows.books import Voided
from flows.publish import hindrance_banner, ticket_json, void_banner, void_words

# Those that are written beside the ticket: nobody reads them in a terminal.
ON_FILE = ("html", "pdf")
FORMS = ("md", "json", *ON_FILE)


@dataclass(frozen=True)
class Beside:
    """What stands beside a ticket's own bytes where it is shown: what made it void, and what hinders it now."""

    voided: Voided | None
    hindered: Sequence[Hindrance]

    def banner(self) -> str:
        """Give what stands above the ticket's Markdown."""
        void = "" if self.voided is None else void_banner(self.voided)
        return void + hindrance_banner(self.hindered)


def show_as(form: str, issued: IssuedTicket, beside: Beside, *, arguments: argparse.Namespace, root: Path) -> int:
    """Print a ticket as Markdown or JSON, or write its page beside it and say where; what stands beside it comes first.

    The page's name carries the short hash: a page of a revision that is void by now is not taken for the live one's.
    """
    ticket, hindered = issued.ticket, beside.hindered
    facts = {"form": form, "hash": ticket.hash, "is_void": beside.voided is not None, "hindrances": hindered}
    if form in ON_FILE:
        path = root / "tickets" / f"{ticket.ticket_id}-{ticket.short_hash}.{form}"
        write_artefact(path, page_of(form, issued, beside))
        # On stderr: what reads the path off stdout finds nothing else there.
        for one in () if arguments.json else hindered:
            print(f"{one.head}. {one.words}", file=sys.stderr)
        emit(arguments, facts | {"path": str(path)}, str(path))
        return 0
    text = ticket_json(issued, beside.voided, hindered) if form == "json" else beside.banner() + ticket_markdown(issued)
    emit(arguments, facts | {"text": text}, text)
    return 0


def page_of(form: str, issued: IssuedTicket, beside: Beside) -> bytes:
    """Render a page; what draws it is imported only now."""
    void, hindered = "" if beside.voided is None else void_words(beside.voided), beside.hindered
    if form == "html":
        from adapters.render.ticket_html import ticket_html

        return ticket_html(issued, void=void, hindered=hindered).encode()
    from adapters.render.ticket_pdf import ticket_pdf

    return ticket_pdf(issued, void=void, hindered=hindered)
