"""What a ticket says of how its bars became known."""

from __future__ import annotations

import pytest

from core.domain.facts import Seen
from core.ticketing.why import Told
from flows.issue import draft
from tests.unit.making import decision, frame, fx, standing, worth

ASSUMED = "assumed: bars count as known 6 hours after the close; nobody recorded when they were"


@pytest.mark.parametrize(
    ("knowledge", "words"),
    [
        ("recorded", "recorded"),
        ("assumed", ASSUMED),
        ("recorded of 95 of 97 instruments", f"recorded of 95 of 97 instruments; of the others {ASSUMED}"),
        ("unknown", "unknown"),
    ],
)
def test_a_ticket_says_of_how_much_knowledge_was_recorded(knowledge, words):
    """Of recorded rows it never says that nobody recorded them."""
    seen = Seen(standing(), worth(), fx(), "raw", knowledge, is_synthetic=False)

    ticket = draft(Told(None, None, decision(), seen), frame())

    assert ticket.knowledge == words
