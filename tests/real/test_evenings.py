"""What the provider said on each of 511 evenings, and what a panel as known on that evening holds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from adapters.sources.formats.registry import FormatParser
from core.domain.bars import BAR_FIELDS, Bars, Days, Floats, Parsed
from core.domain.instrument import Universe
from core.domain.panel import Panel
from core.market_data.clean import clean_bars
from core.market_data.knowledge import as_known
from core.market_data.pending import announced_actions, told_on_the_eve
from core.market_data.quality import judge_panel
from tests.real.catalogue import Catalogue
from tests.unit.market_data.files import record
from tests.unit.market_data.making import instrument, rules

FOLDER, FUNDS = "eod/us_asof_2015_2017", "eod/benchmarks/spy_qqq_raw_and_adjusted.csv"
WINDOW = 60
EVE, SPLIT_DAY = date(2015, 7, 14), date(2015, 7, 15)


@dataclass(frozen=True, eq=False)
class Evenings:
    """The rows as they were told, the panel made of them, and its universe."""

    bars: Bars
    panel: Panel
    universe: Universe

    def days(self) -> list[date]:
        """Give the evenings on which something was told."""
        assert self.bars.known_on is not None
        evenings: list[date] = np.unique(self.bars.known_on).astype("datetime64[D]").tolist()
        return evenings


@pytest.fixture(scope="module")
def evenings(shared: Path, new_york: Days) -> Evenings:
    """Read and clean the evenings' rows with the funds of the time beside them."""
    catalogue = Catalogue(shared / "data")
    told = catalogue.read(FOLDER)["sp500_members_asof.parquet"]
    (funds,) = catalogue.read(FUNDS).values()
    assert told.bars is not None
    return Evenings(told.bars, *cleaned(told.bars, told, funds, sessions=new_york))


def cleaned(bars: Bars, *files: Parsed, sessions: Days) -> tuple[Panel, Universe]:
    """Give the panel of the rows' symbols, each counting from its first to its last session, and of the funds."""
    rows = [instrument("SPY", kind="etf", sector=""), instrument("QQQ", kind="etf", sector="")]
    for symbol in sorted(set(bars.symbol.tolist())):
        days = bars.session[bars.symbol == symbol]
        first, last = days.min().astype(date), days.max().astype(date)
        rows.append(instrument(symbol, valid_from=first, valid_to=last))
    universe = Universe(tuple(sorted(rows, key=lambda row: row.id)))
    gate = clean_bars(files, universe, rules(), sessions=sessions.tolist())
    return gate.value, universe


def night(day: date) -> datetime:
    """Give the instant from which what was told on a day's evening is known."""
    return datetime.combine(day + timedelta(days=1), time(4), UTC)


def replayed(evenings: Evenings) -> Iterator[tuple[date, Floats, Floats]]:
    """Give, evening after evening, the newest words so far and those of the evening itself, NaN elsewhere."""
    bars, panel = evenings.bars, evenings.panel
    assert bars.known_on is not None
    column_of = {name: at for at, name in enumerate(panel.instruments)}
    column = np.array([column_of[symbol] for symbol in bars.symbol.tolist()])
    row = np.searchsorted(panel.sessions, bars.session.astype("datetime64[D]"))
    values = np.array([getattr(bars, name) for name in BAR_FIELDS])
    values[:, ~(np.all(values[:5] > 0, axis=0))] = np.nan
    newest = np.full((len(BAR_FIELDS), *panel.close.shape), np.nan)
    for day in evenings.days():
        told = bars.known_on == np.datetime64(day, "D")
        own = np.full_like(newest, np.nan)
        own[:, row[told], column[told]] = values[:, told]
        newest[:, row[told], column[told]] = values[:, told]
        yield day, newest, own


def compare(evenings: Evenings, *, each: int) -> tuple[int, int, Counter[str]]:
    """Compare each so manieth evening; give how many were, how many values, and what closed the gate on them."""
    funds = [evenings.panel.instruments.index(name) for name in ("QQQ", "SPY")]
    members = [at for at in range(len(evenings.panel.instruments)) if at not in funds]
    count, values, closed = 0, 0, Counter[str]()
    for at, (day, newest, own) in enumerate(replayed(evenings)):
        if at % each and day not in (EVE, SPLIT_DAY):
            continue
        known = as_known(evenings.panel.between(None, day), night(day))
        height, count = len(known.sessions), count + 1
        for field, name in enumerate(BAR_FIELDS):
            found, said = getattr(known, name)[:, members], newest[field, :height, members].T
            if name != "adj_close":
                assert np.array_equal(found, said, equal_nan=True), (day, name)
            of_evening = own[field, :height, members].T
            is_own = ~np.isnan(of_evening)
            assert np.array_equal(found[is_own], of_evening[is_own]), (day, name)
            values += int(np.sum(~np.isnan(said)))
        gate = judge_panel(known.window(day, WINDOW), evenings.universe, rules(), day)
        closed.update({finding.subject for finding in gate.findings if finding.severity == "block"} or {"open"})
    return count, values, closed


def tell(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Print what was measured."""
    with capsys.disabled():
        sys.stdout.write(f"\n{words}\n")


def test_a_panel_as_known_on_an_evening_is_what_was_said_up_to_then(evenings, capsys):
    """Every fortieth evening and both sides of a split: equal on the evening's own days, the newest earlier word elsewhere."""
    count, values, closed = compare(evenings, each=40)

    tell(capsys, f"{count} of {len(evenings.days())} evenings, {values:,} values equal; gates: {dict(closed)}")
    assert len(evenings.days()) == 511
    assert values > 9_000_000
    assert closed["open"] > 0


@pytest.mark.soak
def test_a_panel_as_known_on_any_of_all_evenings_is_what_was_said_up_to_then(evenings, capsys):
    """All 511 of them, with the count of mornings that the gate would refuse."""
    count, values, closed = compare(evenings, each=1)

    tell(capsys, f"{count} evenings, {values:,} values equal; gates: {dict(closed)}")
    assert count == 511


def test_both_sides_of_a_split_are_right(evenings):
    """NFLX 7:1 on 2015-07-15: on the eve 702.60 raw, told with its seventh; a day later 98.13, the days before linked."""
    column = evenings.panel.instruments.index("NFLX")
    before, eve, day = (
        as_known(evenings.panel.between(None, when), night(when)) for when in (date(2015, 7, 13), EVE, SPLIT_DAY)
    )

    assert before.close[-1, column] == before.adj_close[-1, column] == 707.61
    assert (eve.close[-1, column], eve.adj_close[-1, column]) == (702.6, 100.3714)
    assert (day.close[-2:, column].tolist(), day.adj_close[-1, column]) == ([702.6, 98.13], 98.13)
    earlier = slice(-30, None)
    for known in (eve, day):
        units = known.close[earlier, column] / known.adj_close[earlier, column]
        has_split = known.sessions[earlier] < np.datetime64(SPLIT_DAY, "D")
        assert np.allclose(units, np.where(has_split, 7.0, 1.0), rtol=1e-6)
    assert day.is_restated is not None
    assert evenings.panel.knowledge == "assumed"
    assert not evenings.panel.is_recorded("SPY")


def test_what_stands_beside_the_evenings_does_not_hide_a_split_told_on_the_eve(evenings):
    """The funds' bars are assumed, as they are in a workspace: NFLX 7:1 is told all the same, and once."""
    days = (date(2015, 7, 13), EVE, SPLIT_DAY)
    told = [told_on_the_eve(as_known(evenings.panel.between(None, day), night(day)), day) for day in days]

    assert told == [{}, {"NFLX": "split 7:1 at the next session (told on the eve)"}, {}]


# As the companies announced them, with the days on which they did.
ANNOUNCED = """internal_symbol,ex_date,split_ratio,dividend,known_at
SBUX,2015-04-09,2,,2015-03-19
NFLX,2015-07-15,7,,2015-06-23
NKE,2015-12-24,2,,2015-11-19
"""


@pytest.mark.parametrize(
    ("name", "ratio", "ex_date"),
    [("SBUX", 2, date(2015, 4, 9)), ("NFLX", 7, date(2015, 7, 15)), ("NKE", 2, date(2015, 12, 24))],
)
def test_an_announced_split_leaves_its_instrument_out_on_the_eve_alone(evenings, name, ratio, ex_date):
    """The bars tell only NFLX's beforehand; all three are left out of the decision that is executed on the ex-date.

    Two sessions before and on the ex-date nothing is, and nobody knew of it before it was announced.
    """
    stored = record("announced_actions.csv", "announced_actions_csv", "person")
    told, findings = announced_actions([FormatParser().parse(stored, ANNOUNCED.encode())], evenings.universe)
    whole = replace(evenings.panel, announced=told)
    days = [day.astype(date) for day in whole.sessions]
    at = days.index(ex_date)

    left_out = {}
    for as_of, execution in pairwise(days[at - 2 : at + 2]):
        known = as_known(whole.between(None, as_of), night(as_of))
        report = judge_panel(known.window(as_of, WINDOW), evenings.universe, rules(), as_of, execution=execution).value
        left_out[execution] = [why for out, why in report.excluded if out == name]

    assert findings == ()
    words = f"ACTION_PENDING: split {ratio} on {ex_date} (person)"
    assert left_out == {days[at - 1]: [], ex_date: [words], days[at + 1]: []}
    assert as_known(whole, datetime(2015, 3, 19, 20, tzinfo=UTC)).announced == ()
