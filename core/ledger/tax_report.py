"""The UK's report of disposals: what a person needs for the capital-gains pages of a tax year, with the matching behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from core.money import to_pence


@dataclass(frozen=True)
class Matched:
    """Units of a disposal with what they are held against: an acquisition of a day, or the pool."""

    rule: str
    acquired: date | None
    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True)
class Disposed:
    """All disposals of a day of one class of shares, in GBP; costs hold the fees of the disposal."""

    instrument: str
    day: date
    tax_year: str
    quantity: Decimal
    proceeds: Decimal
    costs: Decimal
    gain: Decimal
    is_provisional: bool
    matches: tuple[Matched, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Pool:
    """A section 104 pool as of the day asked about."""

    instrument: str
    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True)
class TaxYear:
    """The figures of a tax year's capital-gains pages."""

    name: str
    disposals: int
    provisional: int
    proceeds: Decimal
    costs: Decimal
    gains: Decimal
    losses: Decimal
    net: Decimal


@dataclass(frozen=True)
class TaxReport:
    """The report: of whom, as of when, of which year (None: of all), over which books."""

    title: str
    is_real: bool
    as_of: date
    year: str | None
    books: tuple[str, ...]
    years: tuple[TaxYear, ...]
    disposals: tuple[Disposed, ...]
    pools: tuple[Pool, ...]

    def facts(self) -> dict[str, Any]:
        """Give the report as plain facts."""
        return asdict(self)


def year_name(told: str) -> str:
    """Name a tax year as people do: 2024-25 for 2024/2025."""
    first, _, last = told.partition("/")
    return f"{first}-{last[2:]}"


def tax_report(
    tax: Mapping[str, Any], *, title: str, is_real: bool, as_of: date, books: Iterable[str], year: str | None = None
) -> TaxReport:
    """Make the report from the engine's matching, amounts to the penny, each for itself; of one year, if named.

    The figures of years are rounded once, from exact sums, and so may differ by a penny from those of the rows.
    """
    return TaxReport(
        title=title,
        is_real=is_real,
        as_of=as_of,
        year=year,
        books=tuple(books),
        years=tuple(_year(row) for row in tax["years"] if year in (None, year_name(row["tax_year"]))),
        disposals=tuple(_disposed(row) for row in tax["disposals"] if year in (None, year_name(row["tax_year"]))),
        pools=tuple(Pool(row["instrument"], row["quantity"], to_pence(row["cost"])) for row in tax["pools"]),
    )


def _year(row: Mapping[str, Any]) -> TaxYear:
    amounts = {name: row[name] for name in ("proceeds", "costs", "gains", "losses", "net")}
    return TaxYear(year_name(row["tax_year"]), row["disposals"], row["provisional"], **amounts)


def _disposed(row: Mapping[str, Any]) -> Disposed:
    return Disposed(
        instrument=row["instrument"],
        day=row["date"],
        tax_year=year_name(row["tax_year"]),
        quantity=row["quantity"],
        proceeds=to_pence(row["proceeds"]),
        costs=to_pence(row["cost"] + row["fees"]),
        gain=to_pence(row["gain"]),
        is_provisional=row["provisional"],
        matches=tuple(
            Matched(one["rule"], one["acquired"], one["quantity"], to_pence(one["cost"])) for one in row["matches"]
        ),
        facts=tuple(row["facts"]),
    )
