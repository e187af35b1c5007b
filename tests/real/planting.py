"""Planting: windows of recorded bars that are clean, and for each kind of defect a seeded way to break one of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.domain.bars import BAR_FIELDS, Action, Bars, Basis, Days, Floats, Parsed
from core.domain.instrument import Universe
from core.domain.panel import Defect, Dividend, Panel
from core.domain.quality import QualityReport
from core.market_data.clean import clean_bars
from core.market_data.detect import Cells, disagreements
from core.market_data.quality import judge_panel
from core.settings import DataRules
from tests.unit.market_data.making import instrument

OPEN, HIGH, LOW, CLOSE, ADJ_CLOSE, VOLUME = range(len(BAR_FIELDS))
PRICES = slice(OPEN, VOLUME)
BASIS = Basis("split-adjusted", date(2026, 3, 13))
BENCHMARK = "SPY"
LENGTH, WIDTH = 273, 24


def main_panel(shared: Path) -> Panel:
    """Give the main set as it is recorded, all its symbols, read by other means than Twokey's own."""
    folder = shared / "data/eod/sp500_yahoo"
    table = pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("prices_*.parquet"))])
    symbols = table["symbol"].combine_chunks().dictionary_encode()
    known = np.array(symbols.dictionary.to_pylist(), dtype=object)
    names, place = np.unique(known.astype(str), return_inverse=True)
    column = place[symbols.indices.to_numpy()]
    days, row = np.unique(table["date"].to_numpy().astype("datetime64[D]"), return_inverse=True)
    wide: Floats = np.full((len(BAR_FIELDS), len(days), len(names)), np.nan)
    for at, name in enumerate(BAR_FIELDS):
        values = table[name].to_numpy().astype(np.float64)
        if at != VOLUME:
            # Yahoo sends float32: seven digits are the price.
            digits = 10.0 ** (6 - np.floor(np.log10(values)))
            values = np.rint(values * digits) / digits
        wide[at, row, column] = values
    held = set(names.tolist())
    with (folder / "actions.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["symbol"] in held and Decimal(row["dividend"]) > 0]
    dividends = [Dividend(date.fromisoformat(row["date"]), row["symbol"], Decimal(row["dividend"])) for row in rows]
    bases, providers = (BASIS,) * len(names), ("yahoo",) * len(names)
    opened, high, low, close, adj_close, volume = wide
    return Panel(
        sessions=days,
        instruments=tuple(names.tolist()),
        open=opened,
        high=high,
        low=low,
        close=close,
        adj_close=adj_close,
        volume=volume,
        basis=bases,
        provider=providers,
        knowledge="assumed",
        snapshot="",
        dividends=tuple(sorted(dividends)),
    )


def columns_of(panel: Panel, names: Sequence[str]) -> Panel:
    """Give some instruments of a panel alone."""
    at = [panel.instruments.index(name) for name in names]
    opened, high, low, close, adj_close, volume = np.ascontiguousarray(panel.values()[:, :, at])
    return replace(
        panel,
        instruments=tuple(names),
        basis=tuple(panel.basis[one] for one in at),
        provider=tuple(panel.provider[one] for one in at),
        dividends=tuple(one for one in panel.dividends if one.instrument in names),
        open=opened,
        high=high,
        low=low,
        close=close,
        adj_close=adj_close,
        volume=volume,
    )


@dataclass(eq=False)
class Window:
    """Bars of a few instruments as a provider tells them, to be broken: bars (fields, sessions, instruments) and rows more."""

    names: tuple[str, ...]
    sessions: Days
    bars: Floats
    dividends: list[Dividend]
    more: list[tuple[str, Any, Floats]] = field(default_factory=list)
    other_source: Floats | None = None

    @property
    def as_of(self) -> date:
        """Give the last session."""
        last: date = self.sessions[-1].astype(object)
        return last

    def cleaned(self, rules: DataRules) -> Panel:
        """Take the way of every bar: told as rows, cleaned, and compared with another source where there is one."""
        rows, columns = np.nonzero(~np.isnan(self.bars).all(axis=0))
        symbol = np.array(self.names, dtype=object)[columns]
        session, values = self.sessions[rows], self.bars[:, rows, columns]
        for name, day, row in self.more:
            symbol, session = np.append(symbol, name), np.append(session, np.datetime64(day, "D"))
            values = np.column_stack([values, row])
        bars = Bars("yahoo", BASIS, symbol, session, *values)
        actions = tuple(Action("yahoo", one.instrument, one.session, one.amount, Decimal(0)) for one in self.dividends)
        parsed = [Parsed(bars=bars, file="main/prices"), Parsed(actions=actions, file="main/actions")]
        panel = clean_bars(parsed, self.universe, rules, sessions=self.sessions.tolist()).value
        if self.other_source is None:
            return panel
        apart = disagreements(panel.close[:, 0], self.other_source, limit=float(rules.disagreement_bps_max) / 1e4)
        found = [Defect(day, self.names[0], "disagreement", "") for day in panel.sessions[apart].tolist()]
        return replace(panel, defects=tuple(sorted([*panel.defects, *found])))

    @property
    def universe(self) -> Universe:
        """Give the instruments, all of which count."""
        return Universe(tuple(instrument(name) for name in sorted(self.names)))

    def judged(self, rules: DataRules) -> QualityReport:
        """Clean and judge as of the last session."""
        report = judge_panel(self.cleaned(rules), self.universe, rules, self.as_of).outcome
        assert report is not None
        return report


def clean_window(panel: Panel, bad: Cells, random: np.random.Generator) -> Window:
    """Draw a window of a panel in which no bar is marked as bad; the first instrument is the one to break."""
    while True:
        stop = int(random.integers(LENGTH, len(panel.sessions) + 1))
        within = slice(stop - LENGTH, stop)
        is_bad: Cells = bad[within] | np.isnan(panel.close[within])
        sound = ~np.logical_or.reduce(is_bad, axis=0)
        spy = panel.column(BENCHMARK) or 0
        drawn = [at for at in random.permutation(np.flatnonzero(sound)).tolist() if at != spy][: WIDTH - 1]
        if len(drawn) == WIDTH - 1 and sound[spy]:
            break
    columns = [*drawn, spy]
    names = tuple(panel.instruments[at] for at in columns)
    days = panel.sessions[within]
    held = [
        one for one in panel.dividends if one.instrument in names and days[0] <= np.datetime64(one.session) <= days[-1]
    ]
    return Window(names, days, panel.values()[:, within][:, :, columns], held)


# --- one way to break a window a kind ---------------------------------------------------------------------------------

Random = np.random.Generator


def _row(window: Window, random: Random, *, least: int = 1) -> int:
    """Draw a session, neither among the first nor one on which a dividend was paid."""
    paid = {np.datetime64(one.session) for one in window.dividends if one.instrument == window.names[0]}
    return int(random.choice([at for at in range(least, LENGTH) if window.sessions[at] not in paid]))


def _run(random: Random, first: int, *, most: int, least: int = 1) -> slice:
    return slice(first, min(LENGTH, first + int(random.integers(least, most + 1))))


def duplicate_dates(window: Window, random: Random) -> None:
    """A session is told twice, the second time a little otherwise."""
    at = _row(window, random)
    again = window.bars[:, at, 0] * random.choice([1.0, 1.001])
    window.more.append((window.names[0], window.sessions[at], again))


def ohlc_consistent(window: Window, random: Random) -> None:
    """A low above, or a high below, the open or the close, by 0.1 % to 20 %."""
    bar, off = window.bars[:, _row(window, random), 0], float(random.uniform(0.001, 0.2))
    if random.random() < 0.5:
        bar[HIGH] = max(bar[OPEN], bar[CLOSE]) * (1 - off)
    else:
        bar[LOW] = min(bar[OPEN], bar[CLOSE]) * (1 + off)


def positive_prices(window: Window, random: Random) -> None:
    """A price, or the whole bar, is zero or negative."""
    fields = random.choice([OPEN, HIGH, LOW, CLOSE, ADJ_CLOSE, -1])
    window.bars[PRICES if fields < 0 else int(fields), _row(window, random), 0] *= random.choice([0.0, -1.0])


def impossible_volume(window: Window, random: Random) -> None:
    """A volume is told below zero."""
    window.bars[VOLUME, _row(window, random), 0] *= -1


def benchmark_present(window: Window, random: Random) -> None:
    """The benchmark has no bar of as-of."""
    window.bars[:, -1, -1] = np.nan


def benchmark_fresh(window: Window, random: Random) -> None:
    """The benchmark's bars end up to thirty sessions too early."""
    window.bars[:, -int(random.integers(1, 31)) :, -1] = np.nan


def coverage(window: Window, random: Random) -> None:
    """A part of the instruments has no bar of as-of."""
    window.bars[:, -1, : int(random.integers(1, WIDTH - 1))] = np.nan


def session_complete(window: Window, random: Random) -> None:
    """Everything was fetched in the first minutes of the session: a tenth of its volume at most."""
    window.bars[VOLUME, -1] = np.rint(window.bars[VOLUME, -1] * random.uniform(0.005, 0.1))


def excluded_share(window: Window, random: Random) -> None:
    """A provider forgets a session of a fifth of its instruments or more."""
    at, count = int(random.integers(1, LENGTH - 1)), int(random.integers(WIDTH // 5, WIDTH - 1))
    window.bars[:, at, 1 : 1 + count] = np.nan


def benchmark_sound(window: Window, random: Random) -> None:
    """The benchmark lacks a session."""
    window.bars[:, int(random.integers(1, LENGTH - 1)), -1] = np.nan


def missing_values(window: Window, random: Random) -> None:
    """One price of a bar is missing."""
    window.bars[random.choice([OPEN, HIGH, LOW, CLOSE, ADJ_CLOSE]), _row(window, random), 0] = np.nan


def missing_volume(window: Window, random: Random) -> None:
    """One to twenty bars in a row have no volume."""
    window.bars[VOLUME, _run(random, int(random.integers(0, LENGTH - 1)), most=20), 0] = np.nan


def missing_sessions(window: Window, random: Random) -> None:
    """One to five sessions in a row have no bar."""
    first = int(random.integers(1, LENGTH - 6))
    window.bars[:, _run(random, first, most=5), 0] = np.nan


def unchanged_closes(window: Window, random: Random) -> None:
    """Six to twenty sessions repeat the last close, with or without a volume."""
    run = _run(random, int(random.integers(1, LENGTH - 6)), least=6, most=20)
    window.bars[PRICES, run, 0] = window.bars[CLOSE, run.start - 1, 0]
    window.bars[ADJ_CLOSE, run, 0] = window.bars[ADJ_CLOSE, run.start - 1, 0]
    window.bars[VOLUME, run, 0] *= random.choice([0.0, 1.0])


def repeated_bars(window: Window, random: Random) -> None:
    """One to five sessions tell the bar of the session before again."""
    run = _run(random, _row(window, random), most=5)
    window.bars[:, run, 0] = window.bars[:, run.start - 1 : run.start, 0]


def zero_volume(window: Window, random: Random) -> None:
    """Three to twenty sessions in a row have prices and no volume."""
    window.bars[VOLUME, _run(random, int(random.integers(0, LENGTH - 3)), least=3, most=20), 0] = 0


def partial_bar(window: Window, random: Random) -> None:
    """The last bar was fetched when it had three parts in a hundred of its volume, or fewer."""
    bar = window.bars[:, -1, 0]
    bar[VOLUME] = np.rint(bar[VOLUME] * random.uniform(0.001, 0.03))
    bar[[HIGH, LOW]] = max(bar[OPEN], bar[CLOSE]), min(bar[OPEN], bar[CLOSE])


def slip_bar(window: Window, random: Random) -> None:
    """One bar is told in pence, or in hundreds."""
    window.bars[PRICES, _row(window, random), 0] *= random.choice([100.0, 0.01])


def slip_run(window: Window, random: Random) -> None:
    """Two to sixty bars are told in pence, or in hundreds."""
    window.bars[PRICES, _run(random, _row(window, random), least=2, most=60), 0] *= random.choice([100.0, 0.01])


def slip_field(window: Window, random: Random) -> None:
    """Only the high, the low or adj_close of a bar is told in another unit."""
    at, which = _row(window, random), int(random.choice([HIGH, LOW, ADJ_CLOSE]))
    window.bars[which, at, 0] *= {HIGH: 100.0, LOW: 0.01, ADJ_CLOSE: float(random.choice([100.0, 0.01]))}[which]


def forgotten_split(window: Window, random: Random) -> None:
    """The bars before a session are not adjusted for its split; the volume is, or is not."""
    ratio = float(random.choice([2, 3, 4, 5, 7, 10, 15, 20, 1.5, 0.5, 0.25, 0.1]))
    before = slice(0, _row(window, random, least=30))
    window.bars[PRICES, before, 0] *= ratio
    window.bars[VOLUME, before, 0] /= ratio if random.random() < 0.5 else 1.0


def unexplained_jump(window: Window, random: Random) -> None:
    """All prices from a session on are 1.6 to 3 times what they are, or that part of it."""
    factor = float(random.uniform(1.6, 3.0)) ** float(random.choice([-1, 1]))
    window.bars[PRICES, _row(window, random, least=30) :, 0] *= factor


def factor_falls(window: Window, random: Random) -> None:
    """From a session on adj_close is 0.1 % to 5 % too low."""
    window.bars[ADJ_CLOSE, _row(window, random) :, 0] *= 1 - random.uniform(0.001, 0.05)


def factor_jump(window: Window, random: Random) -> None:
    """Before a session adj_close is 8 % to 60 % too low."""
    window.bars[ADJ_CLOSE, : _row(window, random), 0] *= 1 - random.uniform(0.08, 0.6)


def unpaid_dividend(window: Window, random: Random) -> None:
    """A dividend of 15 % to 50 % is told, and adjusted for, that nobody paid."""
    at, share = _row(window, random), float(random.uniform(0.15, 0.5))
    amount = Decimal(f"{window.bars[CLOSE, at - 1, 0] * share:.4f}")
    window.dividends.append(Dividend(window.sessions[at].astype(object), window.names[0], amount))
    window.bars[ADJ_CLOSE, :at, 0] *= 1 - float(amount) / window.bars[CLOSE, at - 1, 0]


def ticker_reuse(window: Window, random: Random) -> None:
    """The symbol was another company's: 25 to 80 sessions without a bar, and before them another price."""
    first = int(random.integers(1, LENGTH - 100))
    gap = _run(random, first, least=25, most=80)
    window.bars[PRICES, : gap.start, 0] *= float(random.uniform(4, 30)) ** float(random.choice([-1, 1]))
    window.bars[:, gap, 0] = np.nan


def other_source_disagrees(window: Window, random: Random) -> None:
    """Another provider, whose units differ, tells one close 1.5 % to 20 % otherwise; a cent of rounding beside."""
    theirs = np.round(window.bars[CLOSE, :, 0] * random.choice([1.0, 4.0, 0.25]), 2)
    theirs[int(random.integers(0, LENGTH))] *= 1 + random.choice([-1, 1]) * random.uniform(0.015, 0.2)
    window.other_source = theirs


def non_session_dates(window: Window, random: Random) -> None:
    """A bar is told of a Saturday."""
    at = _row(window, random)
    weekday = int(window.sessions[at].astype(object).weekday())
    saturday = window.sessions[at - 1] if weekday == 0 else window.sessions[at]
    saturday = saturday + np.timedelta64(5 - int(saturday.astype(object).weekday()), "D")
    if saturday < window.sessions[-1]:
        window.more.append((window.names[0], saturday, window.bars[:, at, 0]))
    else:
        window.more.append((window.names[0], window.sessions[0] + np.timedelta64(5, "D"), window.bars[:, 0, 0]))


def dividends_agree(window: Window, random: Random) -> None:
    """A dividend is told ten times too high, or is not told at all."""
    place = int(random.integers(0, len(window.dividends)))
    one = window.dividends[place]
    window.dividends[place] = replace(one, amount=one.amount * 10)


def float_noise(window: Window, random: Random) -> None:
    """A close as a binary number of single precision tells it."""
    bar = window.bars[:, _row(window, random), 0]
    bar[CLOSE] *= 1 + random.choice([-1, 1]) * random.uniform(2e-8, 6e-8)
    bar[[HIGH, LOW]] = bar[HIGH] * 1.0001, bar[LOW] * 0.9999


@dataclass(frozen=True)
class Kind:
    """A kind of defect: how it is planted, and the checks of which at least one must find it."""

    plant: Callable[[Window, Random], None]
    found_by: tuple[str, ...]
    of_universe: bool = False

    @property
    def name(self) -> str:
        """Name it as its planting is named."""
        return self.plant.__name__


JUMPS = ("unsmoothed_split", "unexplained_jump")
BLOCKS = (
    *(Kind(plant, (plant.__name__,), True) for plant in (benchmark_present, benchmark_fresh, benchmark_sound)),
    *(Kind(plant, (plant.__name__,), True) for plant in (coverage, session_complete, excluded_share)),
    *(
        Kind(plant, (plant.__name__,))
        for plant in (duplicate_dates, ohlc_consistent, positive_prices, impossible_volume)
    ),
)
DEGRADES = (
    *(Kind(plant, (plant.__name__,)) for plant in (missing_values, missing_volume, missing_sessions)),
    *(Kind(plant, (plant.__name__,)) for plant in (unchanged_closes, repeated_bars)),
    *(Kind(plant, (plant.__name__,)) for plant in (zero_volume, partial_bar, factor_falls, factor_jump)),
    *(Kind(plant, (plant.__name__,)) for plant in (unpaid_dividend, ticker_reuse)),
    *(Kind(plant, ("currency_slip",)) for plant in (slip_bar, slip_run, slip_field)),
    *(Kind(plant, JUMPS) for plant in (forgotten_split, unexplained_jump)),
    Kind(other_source_disagrees, ("other_source_disagrees",)),
)
NOTES = tuple(
    Kind(plant, (plant.__name__,), plant is dividends_agree)
    for plant in (non_session_dates, dividends_agree, float_noise)
)


def is_found(kind: Kind, window: Window, report: QualityReport) -> bool:
    """Say whether a planted defect was found, where it was planted, and did what its check must do."""
    failed = {check.check: check for check in report.checks if not check.has_passed}
    by = [failed[name] for name in kind.found_by if name in failed]
    if kind.of_universe:
        return bool(by)
    is_here = any(one.instrument == window.names[0] for check in by for one in check.found)
    is_out = window.names[0] in dict(report.excluded)
    return is_here and (is_out or by[0].severity != "degrade")
