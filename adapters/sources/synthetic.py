"""The source `synthetic`: a made-up market, the same for equal arguments, in the file formats of the archive."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, Basis, Days, Floats
from core.domain.instrument import Instrument
from flows.ports import RawFile, SourceError

PROVIDER = "synthetic"
# Made whether or not the instruments name them: the market itself, and a fund that leans on it.
BENCHMARKS = ("SPY", "QQQ")
CURRENCIES = {"USD": 1.10, "GBP": 0.86, "CAD": 1.48}

YEAR = 252
CALM = 0
# Yearly drift and volatility of the market when calm and when stressed, and the chance a session to leave each.
REGIMES = ((0.14, 0.11), (-0.22, 0.34))
LEAVES = (1 / 300, 1 / 45)
GAP_SHARE, GAP_NOISE = 0.4, 0.002
REVERSION, REVERTING_NOISE = 0.06, 0.006
RANGE_SHARE = 0.35
# A share that trades above the first price may split, 2:1, or 4:1 above the second.
SPLIT_CHANCE, SPLIT_ABOVE, BIG_SPLIT_ABOVE = 1 / 120, 180.0, 500.0
EX_DAY_OF_MONTH = 10


@dataclass(frozen=True)
class SyntheticSource:
    """Gives a synthetic market of some instruments, and of SPY and QQQ, on the sessions from `first` to `last`.

    Log prices are a market of two regimes times a beta, plus a geometric Brownian motion and a mean-reverting part of
    their own. Each instrument draws from a generator of its own, so that adding one changes no other; a later `last`
    leaves what was drawn before as it was. Prices are split-adjusted as of the last session.
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

    def failures(self) -> Sequence[str]:
        """Name nothing: it can look at everything, or raises."""
        return ()

    def _files(self, days: Days) -> Iterator[RawFile]:
        market = _market(self.seed, len(days))
        symbols = sorted({*BENCHMARKS, *(instrument.yahoo_symbol for instrument in self.instruments)})
        series = {symbol: _series(self.seed, symbol, market, days=days) for symbol in symbols}
        basis = Basis("split-adjusted", days[-1].astype(object))
        yield self._file("actions.csv", "yahoo_actions_csv", _actions_csv(series, days), basis)
        yield self._file("eurofxref-hist.zip", "ecb_zip", _rates_zip(self.seed, days), None)
        for year in np.unique(days.astype("datetime64[Y]")):
            is_year = days.astype("datetime64[Y]") == year
            yield self._file(f"prices_{year}.parquet", "yahoo_parquet", _prices_parquet(series, days, is_year), basis)

    def _file(self, name: str, form: str, content: bytes, basis: Basis | None) -> RawFile:
        # Another seed, first or last day gives another collection: its files must not complete this one's.
        collection = f"synthetic-{self.seed}-{self.first:%Y%m%d}-{self.last:%Y%m%d}"
        return RawFile(
            provider=PROVIDER,
            name=f"{collection}/{name}",
            format=form,
            origin=f"SYNTHETIC market, seed {self.seed}, {self.first.isoformat()} to {self.last.isoformat()}",
            content=content,
            basis=basis,
        )


@dataclass(frozen=True, eq=False)
class _Nature:
    """What an instrument is like: its first price, how it moves, what it pays and how much of it is traded."""

    price: float
    beta: float
    volatility: float
    dividend_yield: float
    pays_in: int
    volume: float
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


# --- drawing ----------------------------------------------------------------------------------------------------------


def _generator(seed: int, name: str) -> np.random.Generator:
    """Give the generator of one name: what it draws depends on the seed and the name alone."""
    word = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16], "big")
    return np.random.Generator(np.random.PCG64(word))


def _market(seed: int, count: int) -> _Market:
    normal = _generator(seed, "market").standard_normal(count)
    chance = _generator(seed, "regime").random(count)
    regime = np.empty(count, dtype=np.int64)
    now = CALM
    for at in range(count):
        now = 1 - now if chance[at] < LEAVES[now] else now
        regime[at] = now
    drift, volatility = np.array(REGIMES).T[:, regime]
    daily = volatility / np.sqrt(YEAR)
    return _Market(drift / YEAR - daily**2 / 2 + daily * normal, daily)


def _nature(seed: int, symbol: str) -> _Nature:
    if symbol in BENCHMARKS:
        beta, volatility = (1.0, 0.01) if symbol == "SPY" else (1.2, 0.07)
        return _Nature(200.0, beta, volatility, dividend_yield=0.013, pays_in=0, volume=8e7, has_splits=False)
    one, two, three, four, five, six = _generator(seed, f"{symbol}/nature").random(6).tolist()
    return _Nature(
        price=30.0 + 220.0 * one,
        beta=0.5 + 1.1 * two,
        volatility=0.12 + 0.28 * three,
        dividend_yield=0.045 * max(0.0, four - 0.25),
        pays_in=int(3 * five),
        volume=10 ** (5.5 + 2 * six),
        has_splits=True,
    )


def _series(seed: int, symbol: str, market: _Market, *, days: Days) -> _Bars:
    """Walk one instrument through the sessions."""
    nature = _nature(seed, symbol)
    # A row a session, so that more sessions only add rows.
    normal = _generator(seed, symbol).standard_normal((len(days), 6)).T
    own = nature.volatility / np.sqrt(YEAR)
    change = nature.beta * market.log_return + own * normal[0] - own**2 / 2
    change += np.diff(_reverting(normal[1], REVERSION, REVERTING_NOISE), prepend=0.0)
    paid = np.where(_is_ex_day(days, nature.pays_in), nature.dividend_yield / 4, 0.0)
    change += np.log1p(-paid)
    change[0] = 0.0
    # What one unit became that was never split; the traded price is this over the ratios so far.
    whole = nature.price * np.exp(np.cumsum(change))
    chance = _generator(seed, f"{symbol}/splits").random(len(days))
    ratio = _split_ratios(whole, chance) if nature.has_splits else np.zeros(len(days))
    done = np.cumprod(np.where(ratio > 0, ratio, 1.0))
    spread = RANGE_SHARE * np.hypot(nature.beta * market.volatility, own)
    prices = _prices(whole / done[-1], change, normal[2:5], spread)
    volume = nature.volume * np.exp(0.35 * normal[5] + 12 * np.abs(change)) * done[-1] / done
    return _with_dividends(prices, np.rint(volume), paid, ratio)


def _reverting(normal: Floats, strength: float, noise: float) -> Floats:
    """Walk an Ornstein-Uhlenbeck process that starts at zero."""
    level, levels = 0.0, np.empty(len(normal))
    for at, draw in enumerate(normal.tolist()):
        level += noise * draw - strength * level
        levels[at] = level
    return levels


def _is_ex_day(days: Days, pays_in: int) -> NDArray[np.bool_]:
    """Mark the first session from the tenth on in every third month; the first session of all has no day before it."""
    month = days.astype("datetime64[M]")
    is_late = (days - month).astype(np.int64) + 1 >= EX_DAY_OF_MONTH
    is_first = is_late[1:] & ~(is_late[:-1] & (month[1:] == month[:-1]))
    return np.concatenate([[False], is_first & (month[1:].astype(np.int64) % 3 == pays_in)])


def _split_ratios(whole: Floats, chance: Floats) -> Floats:
    ratio, done = np.zeros(len(whole)), 1.0
    for at in np.flatnonzero(chance < SPLIT_CHANCE).tolist():
        traded = whole[at] / done
        if at and traded > SPLIT_ABOVE:
            ratio[at] = 4.0 if traded > BIG_SPLIT_ABOVE else 2.0
            done *= ratio[at]
    return ratio


def _prices(close: Floats, change: Floats, normal: Floats, spread: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Give open, high, low and close, rounded to four decimals: the open takes a share of the session's move at once."""
    gap = GAP_SHARE * change + GAP_NOISE * normal[0]
    opened = np.concatenate([close[:1], close[:-1]]) * np.exp(gap)
    high = np.maximum(opened, close) * np.exp(spread * np.abs(normal[1]))
    low = np.minimum(opened, close) * np.exp(-spread * np.abs(normal[2]))
    opened, high, low, close = (np.maximum(np.round(price, 4), 0.0001) for price in (opened, high, low, close))
    return opened, high, low, close


def _with_dividends(
    prices: tuple[Floats, Floats, Floats, Floats], volume: Floats, paid: Floats, ratio: Floats
) -> _Bars:
    """Give the bars with dividends as paid on the close before, and the close adjusted for all that come after it."""
    opened, high, low, close = prices
    before = np.concatenate([close[:1], close[:-1]])
    dividend = np.round(paid * before, 4)
    step = 1 - dividend / before
    after = np.concatenate([np.cumprod(step[::-1])[::-1][1:], [1.0]])
    return _Bars(opened, high, low, close, np.round(close * after, 4), volume, dividend, ratio)


# --- writing in the archive's formats ---------------------------------------------------------------------------------


def _prices_parquet(series: Mapping[str, _Bars], days: Days, is_taken: NDArray[np.bool_]) -> bytes:
    count = int(np.sum(is_taken))
    table = pa.table(
        {
            "symbol": pa.array([symbol for symbol in series for _ in range(count)], type=pa.string()),
            "date": pa.array(np.tile(days[is_taken], len(series)), type=pa.date32()),
            **{name: _joined(series, name, is_taken) for name in BAR_FIELDS[:-1]},
            "volume": _joined(series, "volume", is_taken).astype(np.int64),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", compression_level=3, use_dictionary=["symbol", "date"])
    return buffer.getvalue()


def _joined(series: Mapping[str, _Bars], name: str, is_taken: NDArray[np.bool_]) -> Floats:
    return np.concatenate([getattr(bars, name)[is_taken] for bars in series.values()])


def _actions_csv(series: Mapping[str, _Bars], days: Days) -> bytes:
    lines = ["symbol,date,dividend,split_ratio,capital_gain"]
    for symbol, bars in series.items():
        for at in np.flatnonzero((bars.dividend > 0) | (bars.split_ratio > 0)).tolist():
            lines.append(f"{symbol},{days[at]},{bars.dividend[at]:.4f},{bars.split_ratio[at]:.1f},")
    return ("\n".join(lines) + "\n").encode()


def _rates_zip(seed: int, days: Days) -> bytes:
    """Give reference rates of weekdays, newest first; they begin before the first session, which needs one known."""
    start, stop = days[0] - np.timedelta64(14, "D"), days[-1] + np.timedelta64(1, "D")
    weekdays = np.arange(start, stop)[np.is_busday(np.arange(start, stop))]
    rates = [
        level * np.exp(_reverting(_generator(seed, f"EUR{name}").standard_normal(len(weekdays)), 0.004, 0.0045))
        for name, level in CURRENCIES.items()
    ]
    lines = [f"{day},{','.join(f'{rate:.4f}' for rate in row)}," for day, *row in zip(weekdays, *rates, strict=True)]
    text = "\n".join([f"Date,{','.join(CURRENCIES)},", *reversed(lines)]) + "\n"
    buffer = io.BytesIO()
    # Stored, not deflated, and with a fixed time: the same bytes from any compressor on any day.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("eurofxref-hist.csv", date_time=(1980, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()
