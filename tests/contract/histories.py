"""Histories of ingests: what may happen to a small archive, to what is asked of it, and to its stores."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.domain.bars import Basis
from core.domain.instrument import CalendarName, Universe
from core.settings import DataRules
from flows.cleaning import Cleaning
from flows.ports import RawFile
from tests.unit.market_data.files import AT, rates_zip, raw_file, yahoo_parquet
from tests.unit.market_data.making import SPLIT, instrument, rules

# Every ninth weekday of three years: a file of a year has few rows, and most days are no sessions.
WEEKDAYS = [
    day
    for day in (date(2022, 1, 3) + timedelta(days=at) for at in range(1090))
    if day.weekday() < 5 and day < date(2025, 1, 1)
]
DAYS = WEEKDAYS[::9]
FIRST_DAYS = 70
SYMBOLS = ("AAA", "BBB", "CCC", "SPY")
COIN = "BTC-USD"


@dataclass
class History:
    """One workspace's past: what stands in its archive, what is asked for, and how far the calendar goes."""

    draw: random.Random
    folder: Path
    names: list[str] = field(default_factory=lambda: ["AAA", "BBB", "SPY"])
    has_coin: bool = False
    rules: DataRules = field(default_factory=rules)
    sessions: int = FIRST_DAYS
    files: dict[str, RawFile] = field(default_factory=dict)
    past: list[RawFile] = field(default_factory=list)
    days: int = FIRST_DAYS
    at: datetime = AT

    def cleaning(self) -> Cleaning:
        """Give what is cleaned for now."""
        coins = [instrument("BTC", yahoo_symbol=COIN, stooq_symbol="", exchange="CRYPTO")] if self.has_coin else []
        rows = sorted([*(instrument(name) for name in self.names), *coins], key=lambda row: row.id)
        every_day = [DAYS[0] + timedelta(days=at) for at in range(0, 1090, 3)]
        others: dict[CalendarName, list[date]] = {"24/7": every_day} if self.has_coin else {}
        return Cleaning(Universe(tuple(rows)), self.rules, DAYS[: self.sessions], ("GBP", "USD"), others)

    def put(self, name: str, content: bytes, **changes: Any) -> None:
        """Put a file into the archive, or another in its place."""
        told: dict[str, Any] = {"format": "yahoo_parquet", "basis": SPLIT, **changes}
        self.past += [self.files[name]] if name in self.files else []
        self.files[name] = raw_file(name, content, **told)

    def bars(self, days: Sequence[date], *, symbols: Sequence[str] = SYMBOLS, price: float | None = None) -> bytes:
        """Give a file of bars with whatever a provider may get wrong in it."""
        return yahoo_parquet(list(self.rows(days, symbols=symbols, price=price)))

    def rows(
        self, days: Sequence[date], *, symbols: Sequence[str], price: float | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Give rows: some missing, some twice, some on no session, some that no market ever saw."""
        for day in days:
            for symbol in symbols:
                kind = self.draw.random()
                close = price or round(50 + 10 * self.draw.random(), 2)
                row = (symbol, day, close, close * 1.01, close * 0.99, close, close * 0.9, self.draw.randint(1, 9000))
                if kind < 0.03:
                    continue
                if kind < 0.05:
                    row = (symbol, day, close, close * 0.5, close * 0.9, close, close * 0.9, 5)
                if kind < 0.07:
                    row = (symbol, day, close, close, close, -close, close, 5)
                yield row
                if kind > 0.97:
                    yield (symbol, day, *[close + 1] * 5, 7)
                if kind > 0.985:
                    yield (symbol, day + timedelta(days=1), *[close] * 5, 7)


def begin(history: History) -> None:
    """Put what a new workspace is first given: two years in files of a year, actions and rates."""
    for year in (2022, 2023):
        days = [day for day in DAYS[:FIRST_DAYS] if day.year == year]
        history.put(f"main/prices_{year}.parquet", history.bars(days))
    if history.draw.random() < 0.7:
        other_actions(history)
    if history.draw.random() < 0.5:
        other_rates(history)
    if history.draw.random() < 0.3:
        coins(history)


# --- what a provider does ---------------------------------------------------------------------------------------------


def a_day_more(history: History) -> None:
    """One more session in a file of its own; now and then one is left out, and the calendar goes on before the bars do."""
    history.days = min(history.days + history.draw.choice((1, 1, 1, 2)), len(DAYS) - 1)
    history.sessions = max(history.sessions, min(len(DAYS), history.days + history.draw.choice((0, 1, 1, 9))))
    day = DAYS[history.days - 1]
    history.put(f"main/prices_{day}.parquet", history.bars([day]))


def a_restated_file(history: History) -> None:
    """A file is told otherwise: other numbers, other days."""
    names = [name for name in history.files if name.startswith("main/prices_20")]
    name = history.draw.choice(names)
    year = int(name.removeprefix("main/prices_")[:4])
    days = [day for day in DAYS[: history.days] if day.year == year and history.draw.random() < 0.9]
    history.put(name, history.bars(days))


def told_as_before(history: History) -> None:
    """A provider gives a file again that it gave before another of the same name; an hour may have passed, or none."""
    history.at += timedelta(hours=history.draw.choice((0, 1)))
    if history.past:
        file = history.draw.choice(history.past)
        history.files[file.name] = file


def a_late_file(history: History) -> None:
    """A file of an old year, of days that were told, or of days before all others."""
    days = history.draw.sample(DAYS[: history.days], 2)
    if history.draw.random() < 0.2:
        days = [DAYS[0] - timedelta(days=40)]
    history.put(f"main/prices_late_{history.draw.randint(0, 3)}.parquet", history.bars(days, symbols=SYMBOLS[1:]))


def a_second_provider(history: History) -> None:
    """Stooq tells a symbol too, or another folder of Yahoo's does, as of another day."""
    days = history.draw.sample(DAYS[: history.days], 8)
    if history.draw.random() < 0.5:
        lines = [f"{day},50,51,49,50.5,100" for day in sorted(days)]
        content = "\r\n".join(["Date,Open,High,Low,Close,Volume", *lines]) + "\r\n"
        told: dict[str, Any] = {
            "provider": "stooq",
            "format": "stooq_csv",
            "symbol": "bbb.us",
            "basis": Basis("total-return"),
        }
        history.put("csv/bbb_us_d.csv", content.encode(), **told)
        return
    basis = history.draw.choice((SPLIT, Basis("split-adjusted", date(2025, 1, 1)), Basis("raw"), None))
    history.put("vintage/prices_2023.parquet", history.bars(sorted(days), symbols=("AAA", "CCC")), basis=basis)


def an_answer(history: History) -> None:
    """A provider's answer about one symbol: whole, told otherwise, or a stub that does not count."""
    days = [day for day in DAYS[: history.days] if history.draw.random() < history.draw.choice((1.0, 0.97, 0.2))]
    head = "Date,Open,High,Low,Close,Adj Close,Volume"
    price = history.draw.choice((40, 40, 80))
    lines = [f"{day},{price},{price + 1},{price - 1},{price}.5,{price},100" for day in days]
    content = "\n".join([head, *lines]).encode() + b"\n"
    history.put("fetched/CCC.csv", content, format="yahoo_csv", symbol="CCC")


def other_actions(history: History) -> None:
    """Dividends and splits, on sessions and on none, also of days to come."""
    days = history.draw.sample(WEEKDAYS, 6)
    lines = [f"{history.draw.choice(SYMBOLS)},{day},0.{history.draw.randint(1, 99)},0," for day in days]
    lines += [f"{history.draw.choice(SYMBOLS)},{day},0,{history.draw.choice((2, 4, 1.281))}," for day in days[:2]]
    lines += [f"AAA,{AT.date() + timedelta(days=3)},0.5,0,"] if history.draw.random() < 0.3 else []
    content = "symbol,date,dividend,split_ratio,capital_gain\n" + "\n".join(lines) + "\n"
    name = history.draw.choice(("main/actions.csv", "main/actions.csv", "other/actions.csv"))
    history.put(name, content.encode(), format="yahoo_actions_csv")


def other_rates(history: History) -> None:
    """The central bank's rates as of another day."""
    rate = f"0.85{history.draw.randint(10, 99)}"
    text = f"Date,USD,GBP,CAD,CYP,\n2024-06-04,1.0865,{rate},1.4856,N/A,\n2024-06-03,1.0842,0.8508,1.4839,N/A,\n"
    history.put("ecb/eurofxref-hist.zip", rates_zip(text), provider="ecb", format="ecb_zip", basis=None)


def coins(history: History) -> None:
    """Bars of a coin, which has days of its own."""
    days = [DAYS[0] + timedelta(days=3 * history.draw.randint(0, 200)) for _ in range(4)]
    history.put(f"coins/prices_{history.draw.randint(0, 2)}.parquet", history.bars(days, symbols=(COIN,)))


def a_broken_file(history: History) -> None:
    """A file that nobody can read, in the place of one that could be, or alone."""
    history.put(history.draw.choice(("main/prices_2023.parquet", "main/prices_x.parquet")), b"PAR1 and then nothing")


def evenings_noted(history: History) -> None:
    """A file that says of each row on whose evening it was told."""
    rows = list(history.rows(history.draw.sample(DAYS[: history.days], 2), symbols=("AAA",)))
    table = pq.read_table(pa.BufferReader(yahoo_parquet(rows)))
    table = table.append_column("snapshot", table["date"])
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    history.put("main/prices_noted.parquet", buffer.getvalue().to_pybytes())


# --- what a person does -----------------------------------------------------------------------------------------------


def another_universe(history: History) -> None:
    """A symbol comes or goes, or coins do."""
    name = history.draw.choice((*SYMBOLS[:3], "BTC"))
    if name == "BTC":
        history.has_coin = not history.has_coin
    elif name in history.names:
        history.names.remove(name)
    else:
        history.names.append(name)


def another_policy(history: History) -> None:
    """A number of the policy changes."""
    change: dict[str, Any] = history.draw.choice(
        (
            {"assumed_lag_hours": history.draw.choice((0, 6, 9))},
            {"disagreement_bps_max": history.draw.choice((10, 100))},
            {"source_order": history.draw.choice((("yahoo", "stooq"), ("stooq", "yahoo"), ("yahoo",)))},
        )
    )
    history.rules = history.rules.model_copy(update=change)


def nothing(history: History) -> None:
    """The same again."""


# --- what may befall the stores ---------------------------------------------------------------------------------------


def a_lost_memory(history: History) -> None:
    """Somebody deletes what the ingest before left."""
    for path in (history.folder / "cache").glob("*"):
        path.unlink()


def a_damaged_memory(history: History) -> None:
    """A byte of it is another, or its end is gone."""
    for path in (history.folder / "cache").glob("*"):
        _damage(history, path)


def a_damaged_part(history: History) -> None:
    """A byte of a stored array, table, rates or description is another, or its end is gone."""
    kinds = ("arrays/*/*", "eod*.parquet/*/*", "fixings.parquet/*", "snapshots/*", "CURRENT")
    found = sorted((history.folder / "clean").glob(history.draw.choice(kinds)))
    if found:
        _damage(history, history.draw.choice(found))


def a_lost_part(history: History) -> None:
    """A stored file of the clean set is gone."""
    found = sorted(path for path in (history.folder / "clean").rglob("*") if path.is_file())
    if found:
        history.draw.choice(found).unlink()


def _damage(history: History, path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = history.draw.randrange(len(content))
    content[at] ^= 1 << history.draw.randrange(8)
    path.chmod(0o644)
    path.write_bytes(content if history.draw.random() < 0.7 else content[:at])


Event = Callable[[History], None]
# What happens often stands often.
EVENTS: tuple[Event, ...] = (
    *(a_day_more,) * 8,
    *(nothing,) * 2,
    *(a_restated_file,) * 3,
    *(told_as_before,) * 3,
    *(a_late_file,) * 3,
    *(a_second_provider, an_answer, an_answer),
    *(other_actions, other_actions, other_rates, coins, a_broken_file, evenings_noted),
    *(another_universe, another_policy),
    *(a_lost_memory, a_damaged_memory, a_damaged_part, a_damaged_part, a_lost_part),
)
