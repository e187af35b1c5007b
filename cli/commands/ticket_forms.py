"""`ticket show --as`: a ticket in one of its forms, to read, to print, or for a program."""

from __future__ import annotations

import argparse
from pathlib import Path

from adapters.files.atomic import write_artefact
from adapters.render.markdown import ticket_markdown
from cli.output import emit
from core.domain.ticket import IssuedTicket
from flows.books import Voided
from flows.publish import ticket_json, void_banner, void_words

# Those that are written beside the ticket: nobody reads them in a terminal.
ON_FILE = ("html", "pdf")
FORMS = ("md", "json", *ON_FILE)


def show_as(
    form: str, issued: IssuedTicket, voided: Voided | None, *, arguments: argparse.Namespace, root: Path
) -> int:
    """Print a ticket as Markdown or JSON, or write its page beside it and say where; a void one says so first.

    The page's name carries the short hash: a page of a revision that is void by now is not taken for the live one's.
    """
    ticket, void = issued.ticket, "" if voided is None else void_words(voided)
    if form in ON_FILE:
        path = root / "tickets" / f"{ticket.ticket_id}-{ticket.short_hash}.{form}"
        write_artefact(path, page_of(form, issued, void))
        emit(arguments, {"form": form, "path": str(path), "hash": ticket.hash, "is_void": bool(void)}, str(path))
        return 0
    banner = "" if voided is None else void_banner(voided)
    text = ticket_json(issued, voided) if form == "json" else f"{banner}{ticket_markdown(issued)}"
    emit(arguments, {"form": form, "text": text, "hash": ticket.hash, "is_void": bool(void)}, text)
    return 0


def page_of(form: str, issued: IssuedTicket, void: str) -> bytes:
    """Render a page; what draws it is imported only now."""
    if form == "html":
        from adapters.render.ticket_html import ticket_html

        return ticket_html(issued, void=void).encode()
    from adapters.render.ticket_pdf import ticket_pdf

    return ticket_pdf(issued, void=void)
