"""Stale and broken inputs: bars, rates and clocks that cannot be right make no trade, or none that rests on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from adapters.clock import FixedClock
from adapters.postgres.runs import PgDecisions, PgRuns, PgScores
from core.domain.bars import Fixing
from core.domain.panel import Panel
from flows.books import StoreError
from flows.decide import NotReady, decide_run, propose
from flows.issue import issue_ticket
from flows.ports import CleanSet
from flows.score import score
from tests.bypass.attempts import Borrowed, Ended, borrowed_doors
from tests.bypass.oracle import counted, trade_violations
from tests.bypass.stages import Stage, first_of, staged
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces

KEEPS_SERVERS = True
NEXT, AS_OF = DAY + ONE_DAY, DAY
OPENED = date(2023, 11, 24)
Bars = Callable[[Panel], Panel]
Rates = Callable[[Sequence[Fixing]], Sequence[Fixing]]


def as_they_are(found: Any) -> Any:
    """Change nothing."""
    return found


@dataclass(frozen=True)
class Changed:
    """A clean set that gives bars and rates changed, and is otherwise the honest one."""

    honest: CleanSet
    bars: Bars = as_they_are
    rates: Rates = as_they_are

    def __getattr__(self, name: str) -> Any:
        """Give what the honest one has."""
        return getattr(self.honest, name)

    def panel(self, snapshot: str, **asked: Any) -> Panel:
        """Give the bars changed."""
        return self.bars(self.honest.panel(snapshot, **asked))

    def fixings(self, snapshot: str) -> Sequence[Fixing]:
        """Give the rates changed."""
        return self.rates(list(self.honest.fixings(snapshot)))


@pytest.fixture(scope="module")
def stage(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a paper book with a day behind it, whose next slot is decided again and again and always undone."""
    root = workspaces.copy("stale", *BUSY)
    with staged(root) as stage:
        assert stage.day(DAY).ticket.kind == "TRADE"
        stage.settled(NEXT)
        yield stage
        assert stage.judge() == ""
        assert stage.day(NEXT).ticket.kind == "TRADE"
        assert stage.judge() == ""


def played(stage: Stage, day: date, *, clean: CleanSet | None = None, now: datetime | None = None) -> tuple[Ended, Any]:
    """Walk a slot from scores to its ticket over a clean set at an instant, judge it, and undo it; gives the ticket's body."""
    clean = clean or stage.desk.clean
    setup, clock = stage.desk.configuration("main").setup, FixedClock(now or stage.moment(day).clock.now())
    doors, body = stage.desk.day_doors(stage.moment(day), clean=clean), None
    run = setup.run_of(day, today=doors.today, snapshot=stage.desk.clean.current())
    with stage.superuser.transaction(force_rollback=True):
        session = Borrowed(stage.superuser)
        runs, scores = PgRuns(session), PgScores(session)
        try:
            with stage.superuser.transaction():
                score(run, setup, replace(doors.score, runs=runs, scores=scores, clean=clean))
                deciding = replace(
                    doors.decide, runs=runs, scores=scores, decisions=PgDecisions(session), clock=clock, cache=None
                )
                propose(run.run_id, setup, deciding)
                decide_run(run.run_id, setup, deciding)
                issued = issue_ticket(run.run_id, setup, replace(borrowed_doors(stage, clock), scores=scores))
                stage.superuser.execute("SET CONSTRAINTS ALL IMMEDIATE")
            body = issued.ticket
            kind, why = str(issued.ticket.kind), "; ".join(issued.ticket.reasons)
        except (NotReady, StoreError, ValueError, psycopg.Error) as error:
            kind, why = "refused", str(error)
        found = trade_violations(lambda query: stage.superuser.execute(query.encode()).fetchall(), stage.keys)
    return Ended(kind, why, counted(found)), body


# --- bars -------------------------------------------------------------------------------------------------------------


def cell(field: str, value: Callable[[Any], Any], *, last: int = 1) -> Callable[[str | None], Bars]:
    """Change a field of the newest bars, of one instrument or of all."""

    def of(name: str | None) -> Bars:
        def changed(panel: Panel) -> Panel:
            row = panel.row(AS_OF)
            if row is None:
                return panel
            array = getattr(panel, field).copy()
            columns = range(len(panel.instruments)) if name is None else [panel.column(name)]
            for column in columns:
                array[row - last + 1 : row + 1, column] = value(array[row - last + 1 : row + 1, column])
            return replace(panel, **{field: array})

        return changed

    return of


def times(factor: float) -> Callable[[Any], Any]:
    """Multiply what is there."""
    return lambda found: found * factor


def until(last: date) -> Bars:
    """End the bars at a session."""
    return lambda panel: panel.window(last, len(panel.sessions))


NAN = float("nan")
CELLS: dict[str, Callable[[str | None], Bars]] = {
    "a close that is none": cell("close", lambda found: NAN),
    "a close of zero": cell("close", lambda found: 0.0),
    "a close below zero": cell("close", times(-1)),
    "an endless close": cell("close", lambda found: float("inf")),
    "a close beyond all digits": cell("close", lambda found: 1e300),
    "a close of almost nothing": cell("close", lambda found: 1e-300),
    "a hundred times the close": cell("close", times(100)),
    "a hundredth of the close": cell("close", times(0.01)),
    "a high below the low": cell("high", times(0.5)),
    "a volume below none": cell("volume", lambda found: -1.0),
    "no volume for months": cell("volume", lambda found: 0.0, last=60),
}
ALL = ("a close that is none", "a close of zero", "a close below zero", "an endless close", "a hundred times the close")
OLD = {"of the day before": 1, "of a week ago": 7, "of a month ago": 29}


@pytest.fixture(scope="module")
def held(stage: Stage) -> str:
    """Name an instrument that the book holds."""
    return str(first_of(stage.rows("SELECT min(instrument) FROM entry WHERE kind = 'BUY'")))


def test_honest_bars_make_a_trade(stage):
    """The twin: over what was stored, the slot is a trade."""
    ended, _ = played(stage, NEXT)

    assert (ended.kind, ended.violations) == ("TRADE", "")


@pytest.mark.parametrize("name", CELLS)
def test_broken_bars_of_a_holding(stage, held, name):
    """No trade, or none at a price that is not the close that was stored."""
    honest = stage.desk.clean.panel(stage.desk.clean.current() or "", first=AS_OF, last=AS_OF)

    ended, ticket = played(stage, NEXT, clean=Changed(stage.desk.clean, bars=CELLS[name](held)))

    assert ended.violations == ""
    for line in ticket.lines if ended.kind == "TRADE" else ():
        close = float(honest.close[0, honest.column(line.instrument)])
        assert abs(float(line.decision_price) - close) < 1e-3, line


@pytest.mark.parametrize("name", ALL)
def test_broken_bars_of_all(stage, name):
    """Where no close can be right, nothing is traded."""
    ended, _ = played(stage, NEXT, clean=Changed(stage.desk.clean, bars=CELLS[name](None)))

    assert ended.is_harmless(), ended


@pytest.mark.parametrize("name", OLD)
def test_old_bars(stage, name):
    """Bars that end before as-of, by a session or by many, are no bars of today."""
    ended, _ = played(stage, NEXT, clean=Changed(stage.desk.clean, bars=until(AS_OF - OLD[name] * ONE_DAY)))

    assert ended.is_harmless(), ended


# --- rates ------------------------------------------------------------------------------------------------------------


def rate_of(change: Callable[[Decimal], Decimal], currency: str = "USD") -> Rates:
    """Change every rate of a currency."""
    return lambda fixings: [
        Fixing(one.day, one.currency, change(one.per_eur), one.source) if one.currency == currency else one
        for one in fixings
    ]


RATES: dict[str, Rates] = {
    "none": lambda fixings: [],
    "of a month ago": lambda fixings: [one for one in fixings if one.day < AS_OF - timedelta(days=30)],
    "of the future alone": lambda fixings: [one for one in fixings if one.day > NEXT],
    "of zero": rate_of(lambda rate: Decimal(0)),
    "below zero": rate_of(lambda rate: -rate),
    "of pounds of zero": rate_of(lambda rate: Decimal(0), "GBP"),
    "of no number": rate_of(lambda rate: Decimal("NaN")),
    "without end": rate_of(lambda rate: Decimal("Infinity")),
    "of dollars alone": lambda fixings: [one for one in fixings if one.currency == "USD"],
    "of pounds alone": lambda fixings: [one for one in fixings if one.currency == "GBP"],
}


@pytest.mark.parametrize("name", RATES)
def test_broken_rates(stage, name):
    """Without a fresh and possible rate nothing is worth anything, and nothing is traded."""
    ended, _ = played(stage, NEXT, clean=Changed(stage.desk.clean, rates=RATES[name]))

    assert ended.is_harmless(), ended


# --- clocks -----------------------------------------------------------------------------------------------------------

WINDOW_ENDS = datetime.fromisoformat("2024-02-07T15:30:00+00:00")
LATE = {
    "at the end of the window": WINDOW_ENDS,
    "a microsecond later": WINDOW_ENDS + timedelta(microseconds=1),
    "in the evening": WINDOW_ENDS + timedelta(hours=5),
    "a day later": WINDOW_ENDS + timedelta(days=1),
    "a year later": WINDOW_ENDS + timedelta(days=366),
    "at the end of time": datetime.fromisoformat("9999-12-30T00:00:00+00:00"),
}


@pytest.mark.parametrize("name", LATE)
def test_a_clock_that_is_late(stage, name):
    """From the end of the window on, there is nothing to approve."""
    ended, _ = played(stage, NEXT, now=LATE[name])

    assert ended.is_harmless(), ended


EARLY = {
    "a minute early": timedelta(minutes=1),
    "an hour early": timedelta(hours=1),
    "a day early": timedelta(days=1),
    "a year early": timedelta(days=366),
}


@pytest.mark.parametrize("name", EARLY)
def test_a_clock_that_was_set_back(stage, name):
    """It reaches nothing that is not the slot's own: the same bars, the same end, and nothing that must not be."""
    honest, ticket = played(stage, NEXT)
    back, told = played(stage, NEXT, now=stage.moment(NEXT).clock.now() - EARLY[name])

    assert honest.kind == "TRADE"
    assert back.violations == ""
    assert back.kind != "TRADE" or (told.lines, told.window) == (ticket.lines, ticket.window)


# --- days -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def calendar(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a paper book that was opened before a half day, and decided nothing."""
    root = workspaces.copy("days", *BUSY)
    with staged(root) as stage:
        stage.settled(OPENED)
        yield stage
        assert stage.judge() == ""


# When the window of a day ends, in UTC: summer time begins in New York three weeks before London.
ENDS = {
    "a half day": (OPENED, "2023-11-24T15:30:00+00:00"),
    "a winter day": (date(2024, 2, 7), "2024-02-07T15:30:00+00:00"),
    "the Friday before New York's summer": (date(2024, 3, 8), "2024-03-08T15:30:00+00:00"),
    "the Monday after it": (date(2024, 3, 11), "2024-03-11T14:30:00+00:00"),
    "the Thursday before London's summer": (date(2024, 3, 28), "2024-03-28T14:30:00+00:00"),
    "the Monday after it too": (date(2024, 4, 1), "2024-04-01T14:30:00+00:00"),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_days_window(calendar, name):
    """To the microsecond: before it a trade, from it on none, whatever the clocks of the two cities do."""
    day, text = ENDS[name]
    end = datetime.fromisoformat(text)

    before, ticket = played(calendar, day, now=end - timedelta(microseconds=1))
    after, _ = played(calendar, day, now=end)

    assert (before.kind, before.violations) == ("TRADE", ""), before.why
    assert ticket.window.closes_at == end
    assert after.is_harmless(), after


@pytest.mark.parametrize("day", [date(2023, 12, 25), date(2024, 1, 1), date(2024, 3, 29), date(2024, 5, 27)], ids=str)
def test_a_day_without_a_session(calendar, day):
    """A holiday of the exchange is a slot that ends in HOLD, and nothing is approved for it."""
    ended, ticket = played(calendar, day)

    assert (ended.kind, ended.violations) == ("HOLD", "")
    assert (ticket.lines, json.dumps(ended.why)) == ((), '"exchange closed"')
