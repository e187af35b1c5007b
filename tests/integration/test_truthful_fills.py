"""What truly happened gets into the books: fewer units for the order's value, and a fill that only a person can vouch for."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.canonical import plain_decimal
from tests.integration.workspaces import (
    DAY,
    Done,
    Workspaces,
    counts,
    desk_of,
    make_manual,
    morning,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True
TICKET = f"TICKET-{DAY:%Y%m%d}"


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a book at a manual venue whose ticket of five buys waits for a person."""
    root = workspaces.copy("truthful", ("positions_max: 15", "positions_max: 5"))
    make_manual(root)
    with the_time_is(morning(DAY)):
        assert twokey(root, "run").facts["kind"] == "TRADE"
    return root


def shown(root: Path) -> Any:
    """Show the ticket as it stands."""
    return twokey(root, "ticket", "show", TICKET).facts


def confirm(root: Path, *words: str) -> Done:
    """Answer in the evening of the ticket's day."""
    with the_time_is(morning(DAY) + timedelta(hours=11)):
        return twokey(root, "confirm", TICKET, "--hash", shown(root)["short_hash"], "--by", "ann", *words)


def test_a_truthful_fill_is_posted_as_it_was(root):
    """An order by value filled 2 % higher gives fewer units, and the books take those."""
    line = shown(root)["ticket"]["lines"][0]
    price = (Decimal(line["decision_price"]) * Decimal("1.02")).quantize(Decimal("0.01"))
    units = (Decimal(line["value_quote"]) / price).quantize(Decimal("0.0001"))

    done = confirm(root, "--line", f"1 filled quantity={units} price={price} fee=0")

    held = {
        row["instrument"]: row["quantity"] for row in twokey(root, "positions", "--on", str(DAY)).facts["positions"]
    }
    assert (done.code, done.facts["posted"]) == (0, 1), done.err
    assert units < Decimal(line["quantity"])
    assert Decimal(held[line["instrument"]]) == units


def test_a_fill_outside_the_bounds_is_taken_with_a_persons_word_for_it(root):
    """Refused with the numbers first; then kept with how the person knows, as part of the fact."""
    line = shown(root)["ticket"]["lines"][1]
    price = (Decimal(line["decision_price"]) * Decimal("1.5")).quantize(Decimal("0.01"))
    answer = ("--line", f"2 filled quantity={line['quantity']} price={price} fee=0")
    with desk_of(root) as desk:
        before = counts(desk.session("reader"))

    refused = confirm(root, *answer)
    both = confirm(root, *answer, "--line", "3 not executed: closed", "--acknowledge", "seen on the statement")
    with desk_of(root) as desk:
        same = counts(desk.session("reader")) == before
    done = confirm(root, *answer, "--acknowledge", "seen on the statement")

    with desk_of(root) as desk:
        kept = desk.session("reader").one("SELECT body FROM confirmation_line ORDER BY id DESC LIMIT 1") or {}
    assert (refused.code, f"price was {plain_decimal(price)}; the day's range is" in refused.err) == (2, True)
    assert (both.code, "--acknowledge goes with one answer" in both.err) == (2, True)
    assert (done.code, done.facts["posted"], same) == (0, 1, True)
    assert json.loads(kept["body"])["acknowledged"] == "seen on the statement"
