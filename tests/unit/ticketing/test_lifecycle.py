"""The life of a ticket: every pair of steps, legal or not, and what answers and the clock make of it."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest

from core.ticketing.lifecycle import AFTER, STEPS, due_steps, may_take
from tests.unit.making import WINDOW, ticket, ticket_line

MIGRATION = Path(__file__).parents[3] / "adapters/postgres/migrations/versions/0014_ticket_life.sql"
TRADE = ticket(ticket_line(1, "sell", "BBB", "10"), ticket_line(2, "buy", "AAA", "1"))
END = WINDOW.closes_at
BEFORE = END - timedelta(microseconds=1)


def test_the_database_allows_the_same_steps():
    """The trigger's table is that of the core, read from its text."""
    arms = re.findall(
        r"WHEN '([a-z ]+)' THEN ARRAY\[(.*?)\]|ELSE ARRAY\[(.*?)\] END", MIGRATION.read_text(encoding="utf-8")
    )
    told = {name or None: frozenset(re.findall(r"'([a-z ]+)'", steps or first)) for name, steps, first in arms}

    assert told == AFTER


def test_the_whole_life_of_a_ticket_that_goes_well():
    """Each step follows the one before it."""
    taken: list[str] = []
    for step in ("drafted", "issued", "sent", "partly confirmed", "confirmed"):
        assert may_take(step, taken)
        taken.append(step)

    assert not any(may_take(step, taken) for step in STEPS)


@pytest.mark.parametrize(
    ("taken", "step"),
    [
        ((), "issued"),
        ((), "sent"),
        (("drafted",), "sent"),
        (("drafted", "issued"), "drafted"),
        (("drafted", "issued", "sent"), "sent"),
        (("drafted", "issued", "void"), "sent"),
        (("drafted", "issued", "void"), "confirmed"),
        (("drafted", "issued", "expired"), "sent"),
        (("drafted", "issued", "partly confirmed"), "sent"),
        (("drafted", "issued", "partly confirmed"), "void"),
        (("drafted", "issued", "partly confirmed", "expired"), "void"),
        (("drafted", "issued", "confirmed"), "void"),
        (("drafted", "issued", "confirmed"), "expired"),
    ],
)
def test_what_may_not_follow(taken, step):
    """Nothing dead is sent, nothing that was acted on is void, and no step is taken twice."""
    assert not may_take(step, taken)


def test_every_legal_life_ends():
    """However the steps are ordered, a legal order takes each at most once and nothing follows the end."""
    lives = 0
    for length in range(1, len(STEPS) + 1):
        for order in permutations(STEPS, length):
            if all(may_take(step, order[:at]) for at, step in enumerate(order)):
                lives += 1
                assert order[0] == "drafted"
                assert not {"void", "confirmed"} & set(order[:-1])
                assert not {"void", "partly confirmed"} <= set(order)
    assert lives == 25


@pytest.mark.parametrize(
    ("answered", "waiting", "now", "steps"),
    [
        ((), (1, 2), BEFORE, ()),
        ((), (1, 2), END, ("expired",)),
        ((1,), (2,), BEFORE, ("partly confirmed",)),
        ((1,), (2,), END, ("partly confirmed", "expired")),
        ((1, 2), (), BEFORE, ("confirmed",)),
        ((1, 2), (), END, ("confirmed",)),
    ],
)
def test_answers_and_the_clock_make_the_steps(answered, waiting, now, steps):
    """It expires at the window's end, not a microsecond before, and only while a line waits."""
    assert due_steps(TRADE, ("drafted", "issued"), answered=answered, waiting=waiting, now=now) == steps


def test_a_late_answer_is_still_a_step():
    """After it expired a ticket is answered all the same, and then it is over."""
    taken = ("drafted", "issued", "sent", "expired")

    part = due_steps(TRADE, taken, answered=(1,), waiting=(2,), now=END)
    whole = due_steps(TRADE, (*taken, *part), answered=(1, 2), waiting=(), now=END)

    assert (part, whole) == (("partly confirmed",), ("confirmed",))
    assert due_steps(TRADE, (*taken, *part, *whole), answered=(1, 2), waiting=(), now=END) == ()


@pytest.mark.parametrize("taken", [("drafted", "issued", "void"), ("issued", "confirmed")])
def test_an_ended_life_has_no_more_steps(taken):
    """A void ticket does not expire; one of before, without its first step, goes on as any other."""
    assert due_steps(TRADE, taken, answered=(), waiting=(1, 2), now=END) == ()
    assert due_steps(TRADE, ("issued",), answered=(), waiting=(1, 2), now=END) == ("expired",)


def test_nothing_of_a_hold_expires():
    """There is nothing to execute and nothing to confirm."""
    assert due_steps(ticket(), ("drafted", "issued"), answered=(), waiting=(), now=END) == ()
