"""The source `synthetic`: a made-up market, the same for equal arguments, in the file formats of the archive."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.domain.bars import Basis, Days, Floats
from core.domain.instrument import Instrument
from flows.ports import RawFile, SourceError

PROVIDER = "synthetic"
# Made whether or not the instruments name them: the market itself, and a fund that leans on it.
BENCHMARKS = ("SPY", "QQQ")
CURRENCIES = {"USD": 1.10, "GBP": 0.86, "CAD": 1.48}

YEAR = 252
# A session's draws of one instrument: idiosyncratic return, mean-reverting part, gap, high, low, volume, split.
DRAWS = 7
CALM, STRESSED = 0, 1
REGIME_DRIFT = np.array([0.13, -0.25]) / YEAR
REGIME_VOLATILITY = np.array([0.11, 0.34]) / np.sqrt(YEAR)
LEAVES_CALM, LEAVES_STRESSED = 1 / 300, 1 / 45
GAP_SHARE, GAP_NOISE = 0.4, 0.002
MEAN_REVERSION, MEAN_REVERTING_NOISE = 0.06, 0.006
# A normal draw above this, once in some 1,900 sessions, splits the share.
SPLIT_DRAW = 3.28


@dataclass(frozen=True)
class SyntheticSource:
    """Gives a synthetic market of some instruments, and of SPY and QQQ, on the sessions from `first` to `last`.

    Log prices are a market of two regimes times a beta, plus a geometric Brownian motion and a mean-reverting part of their
    own. Each instrument draws from a generator of its own, so that adding one changes no other, and a later `last` leaves
    what was drawn before as it was. Prices are split-adjusted as of the last session.
    """

    seed: int
    instruments: Sequence[Instrument]
    first: date
    last: date
    sessions: Sequence[date]

    def fetch(self) -> Iterator[RawFile]:
        """Give the year files, the actions and the rates, in the order of their names; nothing without a session."""
        if self.last < self.first:
            raise SourceError(f"a synthetic market from {self.first} to {self.last} would end before it begins")
        days = np.array([day for day in sorted(self.sessions) if self.first <= day <= self.last], dtype="datetime64[D]")
        return self._files(days) if len(days) else iter(())

    def skipped(self) -> Sequence[str]:
        """Name nothing: all that is made is in a known format."""
        return ()

    def _files(self, days: Days) -> Iterator[RawFile]:
        market = _market(self.seed, len(days))
        symbols = sorted({*BENCHMARKS, *(instrument.yahoo_symbol for instrument in self.instruments)})
        series = {symbol: _series(_nature(self.seed, symbol), market, days) for symbol in symbols}
        basis = Basis("split-adjusted", days[-1].astype(object))
        yield self._file("actions.csv", "yahoo_actions_csv", _actions_csv(series, days), basis)
        yield self._file("eurofxref-hist.zip", "ecb_zip", _rates_zip(self.seed, days), None)
        for year in np.unique(days.astype("datetime64[Y]")):
            is_year = days.astype("datetime64[Y]") == year
            yield self._file(f"prices_{year}.parquet", "yahoo_parquet", _prices_parquet(series, days, is_year), basis)

    def _file(self, name: str, form: str, content: bytes, basis: Basis | None) -> RawFile:
        # Another seed or another first day is another market, which must not complete this one's files.
        collection = f"synthetic-{self.seed}-{self.first.isoformat()}"
        return RawFile(
            provider=PROVIDER,
            name=f"{collection}/{name}",
            format=form,
            origin=f"SYNTHETIC market, seed {self.seed}, from {self.first.isoformat()}",
            content=content,
            basis=basis,
        )


@dataclass(frozen=True, eq=False)
class _Nature:
    """What an instrument is like: its own draws begin where these were drawn."""

    draws: np.random.Generator
    price: float
    beta: float
    volatility: float
    dividend_yield: float
    pays_in: int
    volume: float
    reverts: float
    has_splits: bool


@dataclass(frozen=True, eq=False)
class _Market:
    """The market of each session: its return and its volatility."""

    log_return: Floats
    volatility: Floats


@dataclass(frozen=True, eq=False)
class _Bars:
    """One instrument's bars and actions, an item a session; a dividend or a ratio of zero is none."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    adj_close: Floats
    volume: Floats
    dividend: Floats
    split_ratio: Floats


# --- the drawing ------------------------------------------------------------------------------------------------------


def _generator(seed: int, name: str) -> np.random.Generator:
    """Give the generator of one name: what it draws depends on the seed and the name alone."""
    words = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([abs(seed), int(seed < 0), words])))


def _market(seed: int, count: int) -> _Market:
    draws = _generator(seed, "market").standard_normal((count, 2))
    regime = np.empty(count, dtype=np.int64)
    now = CALM
    for at in range(count):
        # A normal draw becomes a chance by its rank: 3 % of them are above 1.88, and so on.
        leaves = LEAVES_CALM if now == CALM else LEAVES_STRESSED
        now = 1 - now if draws[at, 1] > _quantile(leaves) else now
        regime[at] = now
    volatility = REGIME_VOLATILITY[regime]
    return _Market(REGIME_DRIFT[regime] - volatility**2 / 2 + volatility * draws[:, 0], volatility)
