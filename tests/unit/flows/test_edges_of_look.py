"""Edges of looking things up: what a guard keeps from a person, each found by deleting or inverting it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.bars import Fixing
from core.domain.facts import Unread
from core.domain.holdings import GENESIS_HEAD
from core.domain.instrument import Universe
from core.domain.panel import Panel
from core.domain.posting import Entry
from core.domain.slot import AsOf
from core.ledger.post import post_cash
from flows.books import StoreError
from flows.look import (
    CurveCache,
    bars_of,
    curve_of,
    entries_since,
    ledger_head,
    quote_of,
    read_fixings,
    read_panel,
    read_standing,
    read_worth,
)
from flows.ports import SourceError
from flows.setup import NO_SNAPSHOT
from tests.unit.core.test_pipeline import CLOSES
from tests.unit.flows.shop import Shop
from tests.unit.making import ABCD, AS_OF, NOW, SESSIONS, SHORT, cash_fact, fixings, frame, panel

BEFORE = SESSIONS[SESSIONS.index(AS_OF) - 1]
FIRST, SECOND, LATE = (
    post_cash(cash_fact("DEPOSIT", amount, session=session))
    for amount, session in (("10000", BEFORE), ("500", AS_OF), ("70", BEFORE))
)
UNMADE = frame(SHORT, snapshot=NO_SNAPSHOT)


def failing(error: Exception) -> Any:
    """Give a way to look something up that fails."""

    def fails(*asked: object, **more: object) -> Any:
        raise error

    return fails


def standing_of(shop: Shop, **changed: Any) -> Any:
    """Read the standing facts of a shop, some of its books changed."""
    doors: Any = shop.deciding
    for name, value in changed.items():
        setattr(doors.standing.people, name, value)
    return read_standing(shop.setup.frame(shop.run), shop.setup, doors.standing, now=NOW)


def test_where_all_can_be_read_nothing_halts():
    """And the peak counts from where the last resume put it."""
    facts = standing_of(Shop(), peak_from=lambda book, up_to: BEFORE)

    assert (facts.halts, facts.peak_from, facts.capital_fraction) == ((), BEFORE, Decimal(1))


def test_a_peak_that_cannot_be_read_halts():
    """Nobody knows how far the book fell; it counts as no restart."""
    facts = standing_of(Shop(), peak_from=failing(StoreError("away")))

    assert (facts.halts, facts.peak_from) == (Unread("away"), None)


def test_the_head_of_a_ledger_names_its_last_entry_and_how_many_there_are():
    """Of none it is the genesis."""
    assert ledger_head(()) == GENESIS_HEAD
    assert ledger_head((FIRST, SECOND)) == f"2:{SECOND.key}"


def test_what_was_booked_since_a_head_is_what_stands_behind_it():
    """From the genesis on it is all."""
    books = Shop(entries=(FIRST, SECOND)).books

    since = [entries_since(books, SHORT, head) for head in (GENESIS_HEAD, f"1:{FIRST.key}", f"2:{SECOND.key}")]

    assert since == [(FIRST, SECOND), (SECOND,), ()]


def test_without_market_data_or_its_disk_there_are_no_bars_and_no_rates():
    """Each says why, in the words of the ticket."""
    books = Shop().books
    none = "no market data was ingested; run `twokey ingest`"

    assert read_panel(UNMADE, books, sessions=4) == read_fixings(UNMADE, books) == Unread(none)
    books.panel = books.fixings = failing(SourceError("the disk is full"))
    found = (read_panel(frame(SHORT), books, sessions=4), read_fixings(frame(SHORT), books))
    assert found == (Unread("the disk is full"), Unread("the disk is full"))


class Kept:
    """A clean set of some sessions, which notes how it was asked."""

    def __init__(self, last: date = AS_OF) -> None:
        """Keep bars up to a session, asked for by nobody yet."""
        self.kept, self.asked = panel(CLOSES, last=last), list[Any]()

    def panel(self, snapshot: str, *, first: date | None = None, last: date, known_at: datetime) -> Panel:
        """Give the bars of some sessions."""
        self.asked.append((first, last, known_at))
        return self.kept.between(first, last)


def days_of(bars: Any) -> list[date]:
    """Give the sessions of bars."""
    days: list[date] = bars.sessions.astype(object).tolist()
    return days


def test_bars_are_those_of_the_sessions_that_are_looked_at():
    """Nothing older is asked for where one of them has bars."""
    clean: Any = Kept()

    bars = bars_of(clean, "s", AsOf(NOW, AS_OF), first=AS_OF)

    assert (days_of(bars), clean.asked) == ([AS_OF], [(AS_OF, AS_OF, NOW)])


def test_where_the_sessions_that_are_looked_at_have_no_bar_the_newest_are_told():
    """Those of one session, as they were known then: the gate of the data says how old they are."""
    clean: Any = Kept(last=BEFORE)

    bars = bars_of(clean, "s", AsOf(NOW, AS_OF), first=AS_OF)
    read = read_panel(frame(SHORT), clean, sessions=1)

    assert days_of(bars) == days_of(read) == [BEFORE]
    assert set(clean.asked) == {(AS_OF, AS_OF, NOW), (None, AS_OF, NOW)}


def test_bars_of_none_are_none():
    """Where there is none up to as-of at all."""
    clean: Any = Kept()
    earlier = SESSIONS[0] - timedelta(days=7)

    assert days_of(bars_of(clean, "s", AsOf(NOW, earlier), first=earlier)) == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("it never had a price"), "it never had a price"),
        (SourceError("the disk is full"), "the disk is full"),
        (StoreError("away"), "away"),
        (ArithmeticError(), "a rate or a close is no number to count with (ArithmeticError)"),
    ],
    ids=["no price", "no disk", "no database", "no number"],
)
def test_a_worth_that_cannot_be_computed_says_why(error, words):
    """The gates that need it are closed, and the slot ends in its ticket."""
    shop = Shop()
    books = shop.books
    books.entries = failing(error)

    assert read_worth(frame(SHORT), books, books, since=None) == Unread(words)


class Asked:
    """A clean set that notes from which session on it was asked for bars."""

    def __init__(self) -> None:
        """Ask nothing yet."""
        self.first: list[date] = []

    def panel(self, snapshot: str, *, first: date, last: date, **asked: Any) -> Panel:
        """Give the bars of some sessions."""
        self.first.append(first)
        return panel(CLOSES).between(first, last)

    def fixings(self, snapshot: str) -> tuple[Fixing, ...]:
        """Give the rates of both days."""
        return fixings([BEFORE, AS_OF])


def equity(entries: tuple[Entry, ...], cache: CurveCache | None, clean: Any, within: Any = None) -> list[Decimal]:
    """Give the equity at each close of a book's curve."""
    return [point.equity for point in curve_of(within or frame(SHORT), clean, entries, cache=cache).points]


def test_a_book_without_entries_or_bars_has_no_curve():
    """There is nothing to value, and nothing to value it with; no bars are asked for."""
    clean = Asked()

    assert equity((), None, clean) == equity((FIRST,), None, clean, UNMADE) == []
    assert clean.first == []


def test_a_curve_goes_on_where_it_ended():
    """What was computed on the day before is not computed again; without a cache it is."""
    clean, cache = Asked(), CurveCache()
    yesterday = frame(SHORT, as_of=AsOf(NOW - timedelta(days=1), BEFORE))

    early = equity((FIRST,), cache, clean, yesterday)
    late, alone = (equity((FIRST, SECOND), one, clean) for one in (cache, None))

    assert (early, late) == ([Decimal(10_000)], [Decimal(10_000), Decimal(10_500)])
    assert (equity((FIRST, SECOND), cache, clean), alone) == (late, late)
    assert clean.first == [BEFORE, BEFORE, BEFORE, AS_OF]


@pytest.mark.parametrize(("entry", "last"), [(LATE, "10070"), (SECOND, "10500")])
def test_an_entry_of_a_session_that_the_curve_has_passed_builds_it_anew(entry, last):
    """Of the last session itself too: the past was another one than was computed."""
    clean, cache = Asked(), CurveCache()
    equity((FIRST,), cache, clean)

    found = equity((FIRST, entry), cache, clean)

    assert found[-1] == Decimal(last)
    assert clean.first == [BEFORE, BEFORE]


def test_the_quote_is_that_of_what_may_be_bought():
    """A CFD in euros does not count; a book that may buy nothing has its base."""
    euros = replace(ABCD.instruments[0], currency="AUD", is_tradable_as_underlying=False)

    assert quote_of(Universe((euros, *ABCD.instruments[1:])), SHORT) == "USD"
    assert quote_of(Universe((euros,)), SHORT) == "GBP"
