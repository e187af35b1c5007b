"""The ticket's published schema: it is that of the nouns, it takes every ticket, and it refuses what is none."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from core.domain.decision import Approved, GateReport
from core.domain.hindrance import Hindrance
from core.domain.ticket import Guide, LastGood, Ticket, Weighed, Why
from core.ticket_schema import ticket_schema
from core.ticketing.draft import draft_ticket
from flows.publish import ticket_json
from tests.unit.making import AS_OF, decision, frame, issued, line, ticket, ticket_line
from tests.unit.ticketing.test_draft import AROUND

PUBLISHED = Path(__file__).parents[3] / "docs" / "ticket.schema.json"
WEIGHED = Weighed("AAA", Decimal("0.1"), 1, Decimal("0.5"), (("mom", Decimal("-0.25")),), ("rank 1",))
WHOLE = draft_ticket(
    decision(line("sell", "BBB", "10"), line("buy", "AAA", "2"), gates=(GateReport("audit", "open", ("a note",)),)),
    tuple(Approved(one) for one in (line("sell", "BBB", "10"), line("buy", "AAA", "2"))),
    frame(revision=2),
    around=replace(
        AROUND,
        why=Why(("Opens AAA.",), (WEIGHED,), "ranker", 4, ("odd",)),
        last_good=LastGood("TICKET-20240603", 1, AS_OF, "0123abcd", 2),
    ),
)
OLD = ticket(ticket_line(1, "buy", "AAA", "1"))
HALTED = Hindrance("halted", "Execute nothing more.", limit="no halt", value="main: it fell")
VOID = {"ticket_id": "TICKET-20240610", "revision": 1, "by": "p", "reason": "a wrong name"}


@lru_cache
def validator() -> Any:
    """Give the validator of the published schema, which is itself checked once."""
    jsonschema = importlib.import_module("jsonschema")
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def faults(document: Any) -> list[str]:
    """Give what the published schema has against a document."""
    return [error.message for error in validator().iter_errors(document)]


def document(of: Ticket) -> Any:
    """Give a ticket's file as a program reads it."""
    return json.loads(ticket_json(issued(of)))


def test_the_published_schema_is_that_of_the_nouns():
    """`docs/ticket.schema.json` is made by `ticket_schema()`: no field of a ticket can change without it."""
    assert PUBLISHED.read_text(encoding="utf-8") == ticket_schema()


@pytest.mark.parametrize(
    "of",
    [
        WHOLE,
        OLD,
        ticket(),
        ticket(kind="NO-TRADE", reasons=("halt: x",), equity=None, cash=None, fx=None, fx_rate=None),
    ],
    ids=["whole", "of before the guide", "hold", "no-trade"],
)
def test_every_kind_of_ticket_is_valid(of):
    """With all its fields, and as it was before some were added; void or not."""
    assert faults(document(of)) == []
    assert faults(document(of) | {"void": VOID}) == []
    assert faults(json.loads(ticket_json(issued(of), hindered=[HALTED]))) == []


def fill(of: Any, key: str, value: Any) -> None:
    """Set a value."""
    of[key] = value


WRONG: dict[str, Callable[[Any], Any]] = {
    "an unknown key": lambda told: fill(told["ticket"], "colour", "blue"),
    "an unknown key of a line": lambda told: fill(told["ticket"]["lines"][0], "force", True),
    "a missing key": lambda told: told["ticket"].pop("kind"),
    "another kind": lambda told: fill(told["ticket"], "kind", "BUY"),
    "a side that is none": lambda told: fill(told["ticket"]["lines"][0], "side", "short"),
    "a float": lambda told: fill(told["ticket"]["lines"][0], "quantity", 1.5),
    "an exponent": lambda told: fill(told["ticket"]["lines"][0], "quantity", "1e3"),
    "a trailing zero": lambda told: fill(told["ticket"]["lines"][0], "quantity", "1.50"),
    "full-width digits": lambda told: fill(told["ticket"]["lines"][0], "quantity", "１２"),
    "no number": lambda told: fill(told["ticket"]["lines"][0], "quantity", "NaN"),
    "a local time": lambda told: fill(told["ticket"], "expires_at", "2024-06-10T14:30:00.000000"),
    "a short day": lambda told: fill(told["ticket"], "day", "2024-6-10"),
    "a hash in capitals": lambda told: fill(told, "hash", "A" * 64),
    "a short hash of nine": lambda told: fill(told, "short_hash", "a" * 9),
    "a line that is a text": lambda told: fill(told["ticket"], "lines", ["buy AAA"]),
    "a contribution of three": lambda told: fill(told["ticket"]["why"]["weights"][0], "moved_by", [["mom", "1", "2"]]),
    "a contribution of one": lambda told: fill(told["ticket"]["why"]["weights"][0], "moved_by", [["mom"]]),
    "a revision that is a text": lambda told: fill(told["ticket"], "revision", "1"),
    "a void without its reason": lambda told: fill(told, "void", {"ticket_id": "T", "revision": 1, "by": "p"}),
    "no hindrance where one is told": lambda told: fill(told, "hindrances", []),
    "a hindrance of another kind": lambda told: fill(told, "hindrances", [{**vars(HALTED), "why": "rain"}]),
    "a guide without a floor": lambda told: told["ticket"]["guide"].pop("cash_floor"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_ticket_is_refused(name):
    """One thing changed, and it is named."""
    told = document(WHOLE)
    assert faults(told) == []

    WRONG[name](told)

    assert len(faults(told)) == 1


def test_a_noun_that_has_no_schema_is_named():
    """A field of a new type is no silent gap."""
    from core import ticket_schema as made

    with pytest.raises(TypeError, match="a field of a ticket is of <class 'float'>, which has no schema"):
        made._of(float, {})


def test_the_guide_is_part_of_the_whole():
    """The whole ticket of these tests has what is added later, so that all of the schema is used."""
    assert isinstance(WHOLE.guide, Guide)
    assert {"guide", "why", "last_good"} <= document(WHOLE)["ticket"].keys()
    assert not {"guide", "why", "last_good"} & document(OLD)["ticket"].keys()
