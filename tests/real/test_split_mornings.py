"""Three real splits on the mornings around them, on bars as they were traded: what is left out, what is sized on which price.

NFLX 7:1 on 2015-07-15, SBUX 2:1 on 2015-04-09, NKE 2:1 on 2015-12-24 (a half day).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from core.calendar import load_calendar, slot_of, window_of
from core.domain.bars import BAR_FIELDS, Basis, Fixing
from core.domain.decision import Decision
from core.domain.frame import Frame
from core.domain.instrument import Universe
from core.domain.order import OrderLine, Side
from core.domain.panel import Panel, Split
from core.domain.pending import Announced, PendingSplit
from core.domain.slot import AsOf
from core.gate import Gate
from core.money import split_units
from core.pipeline import Trail, all_stages, decide, walk
from tests.real.market import fixings_of
from tests.unit.making import holdings, line, proposal, run, standing, worth
from tests.unit.market_data.making import instrument
from tests.unit.shipped import policy

pytestmark = pytest.mark.shared

AS_OF_SET = "data/eod/us_asof_2015_2017/sp500_members_asof.parquet"
RATES = "data/fx/ecb/eurofxref-hist.zip"
OTHERS = ("AAPL", "DIS", "JPM", "LLY", "MA", "MSFT", "T")
# The recorded set begins on 2015-03-20, thirteen sessions before the first of the splits.
SESSIONS = 13
CALENDAR = load_calendar("XNYS", date(2015, 1, 2), date(2016, 1, 15))
POLICY = policy(
    ("lookback_sessions: 252", "lookback_sessions: 10"),
    ("skip_sessions: 21", "skip_sessions: 1"),
    ("positions_max: 15", "positions_max: 7"),
    ("rebalance: weekly", "rebalance: daily"),
    ("turnover_max: 0.30", "turnover_max: 1"),
    # So few sessions tell nobody apart: all would count as one cluster.
    ("cluster_weight_max: 0.50", "cluster_weight_max: 1"),
    ("coverage_min: 0.98", "coverage_min: 0.5"),
    ("benchmark: SPY", "benchmark: AAPL"),
)


@dataclass(frozen=True)
class Case:
    """A split: of whom, when, by what ratio; `eve` is the session before it."""

    symbol: str
    ex_date: date
    ratio: Decimal

    @property
    def eve(self) -> date:
        """Give the last session whose bars are in the old units."""
        return CALENDAR.sessions[CALENDAR.sessions.index(self.ex_date) - 1]

    @property
    def after(self) -> date:
        """Give the session after the split's."""
        return CALENDAR.sessions[CALENDAR.sessions.index(self.ex_date) + 1]

    @property
    def names(self) -> tuple[str, ...]:
        """Give all instruments, in their order."""
        return tuple(sorted({self.symbol, *OTHERS}))


CASES = (
    Case("NFLX", date(2015, 7, 15), Decimal(7)),
    Case("SBUX", date(2015, 4, 9), Decimal(2)),
    Case("NKE", date(2015, 12, 24), Decimal(2)),
)


@pytest.fixture(params=CASES, ids=lambda case: case.symbol)
def case(request: pytest.FixtureRequest) -> Case:
    """Give each of the three."""
    found: Case = request.param
    return found


@cache
def told(path: Path, case: Case) -> Mapping[tuple[date, str], Mapping[str, float]]:
    """Give the bars of a case as they were told last, by session and instrument."""
    rows = pq.read_table(path, filters=pc.field("symbol").isin(case.names)).sort_by("snapshot").to_pylist()
    return {(row["date"], row["symbol"]): row for row in rows}


def raw(shared: Path, case: Case, last: date) -> Panel:
    """Give the bars as they were traded, up to a session; the split is told once its day is there."""
    bars, stop = told(shared / AS_OF_SET, case), CALENDAR.sessions.index(last) + 1
    days = CALENDAR.sessions[stop - SESSIONS : stop]
    columns = {
        field: np.array([[float(bars[day, name][field]) for name in case.names] for day in days])
        for field in ("open", "high", "low", "close", "volume")
    }
    whole, at = columns["close"].copy(), case.names.index(case.symbol)
    if last >= case.ex_date:
        whole[np.array(days) < case.ex_date, at] /= float(case.ratio)
    return Panel(
        sessions=np.array(days, dtype="datetime64[D]"),
        instruments=case.names,
        open=columns["open"],
        high=columns["high"],
        low=columns["low"],
        close=columns["close"],
        volume=columns["volume"],
        adj_close=whole,
        basis=(Basis("raw"),) * len(case.names),
        provider=("yahoo",) * len(case.names),
        knowledge="assumed",
        snapshot="s" * 64,
        splits=(Split(case.ex_date, case.symbol, case.ratio),) if last >= case.ex_date else (),
    )


def announced(of: Panel, case: Case) -> Panel:
    """Tell of the split two weeks ahead, as a person reads it in the news."""
    at = datetime.combine(case.ex_date - timedelta(days=14), time(12), UTC)
    return replace(of, announced=(Announced(at, PendingSplit(case.ex_date, case.symbol, case.ratio, "person")),))


def walked(shared: Path, case: Case, bars: Panel, **changes) -> Trail:
    """Walk the morning after the bars' last session, for a book that holds cash and what is told."""
    as_of = bars.sessions[-1].astype(object)
    day = CALENDAR.sessions[CALENDAR.sessions.index(as_of) + 1]
    slot = slot_of(POLICY, day)
    listed = Universe(tuple(instrument(name, sector="") for name in case.names))
    opened = run(slot=slot, as_of=AsOf(slot.at, as_of), window=window_of(CALENDAR, POLICY, day))
    rates = fixings_of(shared / RATES)
    fixed = [day - timedelta(days=back) for back in range(1, 6) if day - timedelta(days=back) in rates]
    held = holdings(changes.pop("units", {}), cash=changes.pop("cash", "20000"))
    seen = standing(now=slot.at, holdings=held)
    seen = replace(seen, reconciliation=replace(seen.reconciliation, last_session=as_of))
    given = {
        "frame": Frame(opened, POLICY, listed, CALENDAR),
        "standing": seen,
        "model": None,
        "panel": bars,
        "fixings": tuple(Fixing(one, name, rate) for one in fixed for name, rate in rates[one].items()),
        "worth": worth(),
    }
    return walk(all_stages(**changes), given)


def traded(decision: Decision) -> set[str]:
    """Give what a decision trades."""
    return {one.instrument for one in decision.approved}


@pytest.mark.parametrize("units", [{}, {"held": "3"}], ids=["not held", "held"])
def test_on_the_split_morning_it_is_neither_bought_nor_sold_and_all_others_are(shared, case, units):
    """As of the eve, executed on the ex-date: the words give ratio, day and source, and what is held stays as it is."""
    bars = announced(raw(shared, case, case.eve), case)
    mine = {case.symbol: "3"} if units else {}

    trail = walked(shared, case, bars, units=mine)
    decision = decide(trail)

    words = f"ACTION_PENDING: split {case.ratio} on {case.ex_date} (person)"
    assert (case.symbol, words) in trail.values["scores"].unranked
    assert (decision.kind, decision.reasons, decision.refused) == ("TRADE", (), ())
    assert traded(decision) == set(OTHERS) - {"AAPL"}
    note = f"{case.symbol}: not scored: {words}; held as it is"
    assert (note in decision.notes) is bool(units)


def test_a_line_across_the_split_is_refused_whoever_proposed_it(shared, case):
    """A stored proposal that sells three units and buys another share: the sale alone is refused, with code and words."""
    bars = announced(raw(shared, case, case.eve), case)
    close, other = (_close(bars, name) for name in (case.symbol, "MSFT"))
    rate = walked(shared, case, bars).values["fx"].rate
    whole = proposal(
        _line("sell", case.symbol, "3", close, rate=rate),
        _line("buy", "MSFT", "10", other, rate=rate),
        equity=Decimal(20_000),
    )

    trail = walked(shared, case, bars, units={case.symbol: "3"}, stored={"proposal": Gate(whole)})
    decision = decide(trail)

    assert traded(decision) == {"MSFT"}
    ((refused, codes),) = [(item.line.instrument, [one.code for one in item.objections]) for item in decision.refused]
    assert (refused, codes) == (case.symbol, ["ACTION_PENDING"])


def test_the_morning_after_it_is_sized_on_the_ex_price(shared, case):
    """As of the ex-date nothing is pending: the line's price is the new one, and its units are those of after the split."""
    bars = announced(raw(shared, case, case.ex_date), case)

    trail = walked(shared, case, bars)
    decision = decide(trail)
    assert decision.refused == ()
    (bought,) = [one for one in decision.approved if one.instrument == case.symbol]

    before, price = _close(raw(shared, case, case.eve), case.symbol), _close(bars, case.symbol)
    assert bought.price == price
    assert Decimal("0.8") < price * case.ratio / before < Decimal("1.2")
    weight = trail.values["proposal"].target.by_instrument()[case.symbol]
    assert 0 <= weight * 20_000 - bought.notional < Decimal("0.10")


def test_what_is_held_is_worth_as_much_in_the_new_units(shared, case):
    """Units of the eve, split, at the ex-date's close: the change is the market's own, and no seventh or half is lost."""
    eve, after = raw(shared, case, case.eve), raw(shared, case, case.ex_date)
    units = split_units(Decimal("7.3"), case.ratio, POLICY.sizing.quantity_step)

    old, new = Decimal("7.3") * _close(eve, case.symbol), units * _close(after, case.symbol)

    assert abs(new / old - 1) < Decimal("0.05")
    trail = walked(shared, case, after, units={case.symbol: str(units)}, cash="1000")
    rate = trail.values["fx"].rate
    assert abs(trail.values["proposal"].equity - 1000 - new / rate) < Decimal("0.01")


def test_bars_that_know_the_split_leave_nothing_out(shared, case):
    """Adjusted as of the ex-date the eve's bars are in the new units: the announcement changes nothing then."""
    bars = announced(raw(shared, case, case.eve), case)
    values, column = bars.values(), bars.column(case.symbol)
    values[:4, :, column] /= float(case.ratio)
    values[BAR_FIELDS.index("volume"), :, column] *= float(case.ratio)
    adjusted = replace(bars.with_values(values), basis=(Basis("split-adjusted", case.ex_date),) * len(case.names))

    decision = decide(walked(shared, case, adjusted))

    assert case.symbol in traded(decision)


def _close(bars: Panel, name: str) -> Decimal:
    return Decimal(repr(float(bars.close[-1, bars.instruments.index(name)]))).quantize(Decimal("0.0001"))


def _line(side: Side, name: str, units: str, price: Decimal, *, rate: Decimal) -> OrderLine:
    quote = Decimal(units) * price
    like = line(side, "AAA", units, price=str(price), notional=str((quote / rate).quantize(Decimal("0.01"))))
    return replace(like, instrument=name, notional_quote=quote.quantize(Decimal("0.01")))
