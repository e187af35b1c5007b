"""A universe as the CSV that people keep: what `parse_universe` reads back as the same universe."""

from __future__ import annotations

import csv

from core.domain.instrument import Instrument, Universe
from core.universe_text import COLUMNS


def universe_csv(universe: Universe) -> str:
    """Write a universe as CSV, a row for each period; verification and notes stand in an instrument's first."""
    text = _Text()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in universe.instruments:
        writer.writerows(_rows(row))
    return "".join(text)


class _Text(list[str]):
    """What a writer wrote, part by part."""

    def write(self, part: str) -> None:
        """Take a part."""
        self.append(part)


def _rows(row: Instrument) -> list[list[str]]:
    named = [row.id, row.stooq_symbol, row.yahoo_symbol, row.etoro_search_name, row.exchange, row.currency, row.kind]
    named.append("yes" if row.is_tradable_as_underlying else "no")
    verified = row.verified_on.isoformat() if row.verified_on else ""
    return [
        [
            *named,
            verified if number == 0 else "",
            period.first.isoformat(),
            period.last.isoformat() if period.last else "",
            row.sector,
            row.notes if number == 0 else "",
        ]
        for number, period in enumerate(row.periods)
    ]
