"""The recorded market as plain dictionaries, read by other means than Twokey's own."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from tests.checker.account import World

# Yahoo sends prices as float32: seven digits are the price, what follows is noise of the binary form.
SEVEN_DIGITS, ALL_DIGITS = Context(prec=7, rounding=ROUND_HALF_EVEN), Context(prec=28)


def world_of(shared: Path, config: Path, years: range) -> World:
    """Give what anybody can look up in the shared folder, for the universe and policy of a workspace."""
    universe = {row["internal_symbol"]: row for row in csv.DictReader((config / "universe.csv").open(encoding="utf-8"))}
    prices = prices_of(shared / "data/eod/sp500_yahoo", years, universe)
    return World(
        opens=prices["open"],
        closes=prices["close"],
        adjusted=prices["adj_close"],
        volumes=prices["volume"],
        dividends=dividends_of(shared / "data/eod/sp500_yahoo/actions.csv", years),
        fixings=fixings_of(shared / "data/fx/ecb/eurofxref-hist.zip"),
        universe=universe,
        policy=yaml.safe_load((config / "policy.yml").read_text(encoding="utf-8")),
    )


def prices_of(folder: Path, years: range, universe: Mapping[str, Any]) -> dict[str, dict[str, dict[date, Decimal]]]:
    """Give opens, closes, adjusted closes and volumes by symbol and session."""
    names = ("open", "close", "adj_close", "volume")
    found: dict[str, dict[str, dict[date, Decimal]]] = {name: {} for name in names}
    for year in years:
        table = pq.read_table(folder / f"prices_{year}.parquet")
        symbols, days = table["symbol"].to_pylist(), table["date"].to_pylist()
        for name, by_symbol in found.items():
            for symbol, day, number in zip(symbols, days, table[name].to_pylist(), strict=True):
                if symbol in universe:
                    context = SEVEN_DIGITS if name != "volume" else ALL_DIGITS
                    by_symbol.setdefault(symbol, {})[day] = context.create_decimal_from_float(float(number))
    return found


def dividends_of(path: Path, years: range) -> list[tuple[date, str, Decimal]]:
    """Give the dividends of some years: ex-date, symbol, dollars a unit."""
    with path.open(encoding="utf-8") as file:
        rows = [
            (date.fromisoformat(row["date"]), row["symbol"], Decimal(row["dividend"])) for row in csv.DictReader(file)
        ]
    return [row for row in rows if row[0].year in years and row[2] > 0]


def fixings_of(path: Path) -> dict[date, dict[str, Decimal]]:
    """Give the fixings of dollar and pound by day, for one euro."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return {
        date.fromisoformat(row["Date"]): {name: Decimal(row[name]) for name in ("USD", "GBP") if row[name] != "N/A"}
        for row in csv.DictReader(io.StringIO(text))
    }
