"""The forms of a ticket that is not to be executed now: each says so before anything else, beside the ticket's own bytes."""

from __future__ import annotations

import json

from adapters.render.ticket_html import ticket_html
from adapters.render.ticket_pdf import SIZES, _Page, ticket_pdf
from adapters.render.ticket_words import banners_of
from core.domain.hindrance import Hindrance
from flows.publish import hindrance_banner, ticket_json
from tests.unit.ticketing.test_ticket_forms import STOP, TRADE, _plain

HALTED = Hindrance("halted", "Execute nothing: <rain> & wind.", limit="no halt", value="main: <rain> & wind")
EXPIRED = Hindrance("expired", "Execute nothing: it is over.", limit="10:00", value="11:00")
BOTH = (HALTED, EXPIRED)


def test_the_markdown_begins_with_each_hindrance():
    """As quotations of their own, the word that must not be overlooked in bold."""
    assert hindrance_banner(()) == ""
    assert hindrance_banner(BOTH) == (
        "> **HALTED.** Execute nothing: <rain> & wind.\n\n> **EXPIRED.** Execute nothing: it is over.\n\n"
    )


def test_the_json_has_them_beside_the_same_bytes():
    """The ticket, its hash and its seal are as they were; without a hindrance there is no such field."""
    whole, hindered = json.loads(ticket_json(TRADE)), json.loads(ticket_json(TRADE, hindered=BOTH))

    assert hindered.pop("hindrances") == [
        {"why": "halted", "words": HALTED.words, "limit": "no halt", "value": HALTED.value},
        {"why": "expired", "words": EXPIRED.words, "limit": "10:00", "value": "11:00"},
    ]
    assert hindered == whole


def test_the_pages_begin_with_each_hindrance():
    """Before every other banner, and nothing of their words is taken for markup."""
    html = ticket_html(TRADE, hindered=BOTH)
    page = list(_plain(_Page(TRADE, SIZES[0], "", hindered=BOTH).story()))

    assert banners_of(STOP.ticket, "Ada said so.", BOTH)[:2] == tuple(f"{one.head}. {one.words}" for one in BOTH)
    assert html.index("HALTED. Execute nothing: &lt;rain&gt; &amp; wind.") < html.index("EXPIRED.") < html.index("<h1>")
    assert page[:2] == ["HALTED. Execute nothing: <rain> & wind.", "EXPIRED. Execute nothing: it is over."]
    assert ticket_pdf(TRADE, hindered=BOTH) != ticket_pdf(TRADE)
