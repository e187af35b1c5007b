"""Splits at the paper venue: what it holds is multiplied where the bars are raw, once, before the day's trades."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from adapters.venues.paper import PaperVenue
from core.domain.bars import Basis
from core.domain.confirmation import Executed
from core.domain.panel import Panel, Split
from core.domain.venue import ExecutionReport, SplitReport, VenueReport
from tests.unit.making import AS_OF, DAY, SHIPPED, dividends, executed, panel, rates

TUESDAY = DAY + timedelta(days=1)
SEVEN = (Split(DAY, "AAA", Decimal(7)),)


def raw(*splits: Split, **changes: object) -> Panel:
    """Give raw bars of two instruments around a weekend."""
    closes = {"AAA": [700.0, 100.0, 100.0], "BBB": [50.0, 50.0, 50.0]}
    return panel(closes, last=TUESDAY, basis=(Basis("raw"),) * 2, splits=splits, **changes)


def venue(of: Panel) -> PaperVenue:
    """Give a venue over a panel."""
    return PaperVenue(SHIPPED, of, rates())


def traded(side: str, quantity: str, session: date, instrument: str = "AAA") -> ExecutionReport:
    """Give the report of a fill."""
    key = f"{session}-{side}-{instrument}"
    answer: Executed = executed(1, quantity, "125")
    return ExecutionReport(key, "T", 1, session, instrument, "buy" if side == "buy" else "sell", answer)


def test_what_was_held_the_evening_before_is_split():
    """4 units at 7:1 are 24 more; what is bought on the ex-date is in new units already."""
    reports = [traded("buy", "4", AS_OF), traded("buy", "5", DAY), traded("buy", "3", AS_OF, "BBB")]

    told = venue(raw(*SEVEN)).splits(reports, AS_OF, TUESDAY)

    assert told == (SplitReport("SPLIT-20240610-AAA-main-paper", DAY, "AAA", Decimal(7), Decimal("24.000000")),)
    snapshot = venue(raw(*SEVEN)).snapshot([*reports, *told], TUESDAY)
    assert {row.instrument: row.quantity for row in snapshot.positions} == {"AAA": Decimal(33), "BBB": Decimal(3)}
    assert snapshot.cash == venue(raw(*SEVEN)).snapshot(reports, TUESDAY).cash


def test_nothing_is_split_on_adjusted_bars_or_where_nothing_is_held():
    """The same split, told of adjusted prices, multiplies nothing."""
    adjusted = replace(raw(*SEVEN), basis=(Basis("split-adjusted", TUESDAY),) * 2)

    assert venue(adjusted).splits([traded("buy", "4", AS_OF)], AS_OF, TUESDAY) == ()
    assert venue(raw(*SEVEN)).splits([traded("buy", "4", AS_OF, "BBB")], AS_OF, TUESDAY) == ()
    assert venue(raw(*SEVEN)).splits([traded("buy", "4", DAY)], AS_OF, TUESDAY) == ()


def test_splits_are_told_after_one_session_and_up_to_another():
    """One of the last snapshot's session is past; two in one stretch follow each other."""
    two = (*SEVEN, Split(TUESDAY, "AAA", Decimal("0.5")))
    reports = [traded("buy", "4", AS_OF)]

    assert [one.units for one in venue(raw(*two)).splits(reports, AS_OF, TUESDAY)] == [Decimal(24), Decimal(-14)]
    assert [one.units for one in venue(raw(*two)).splits(reports, AS_OF, DAY)] == [Decimal(24)]
    assert [one.units for one in venue(raw(*two)).splits(reports, DAY, TUESDAY)] == [Decimal(-2)]


def test_a_dividend_of_the_ex_date_is_paid_on_the_new_units():
    """4 units at 7:1 with 0.50 dollars a new unit: 28 x 0.5 / 1.25 pounds; what is sold that day is paid too."""
    of = raw(*SEVEN, dividends=dividends((DAY, "AAA", "0.5"), (TUESDAY, "AAA", "0.5")))
    reports: list[VenueReport] = [traded("buy", "4", AS_OF), traded("sell", "8", DAY)]

    told = [*reports, *venue(of).splits(reports, AS_OF, TUESDAY)]

    assert [paid.amount for paid in venue(of).dividends(told, AS_OF, TUESDAY)] == [Decimal("11.20"), Decimal("8.00")]
