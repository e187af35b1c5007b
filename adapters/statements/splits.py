"""Splits as brokers tell them: once for each account or position, or as old units out and new units in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from adapters.statements.opened import RowError
from core.domain.statement import Aside, Named, StatementRow, StockSplit

_RATIO_MAX = 1000


class Splits:
    """The splits of one file: each is of the instrument on its day, however often the file tells it."""

    def __init__(self) -> None:
        self._told: dict[tuple[date, Named], StockSplit] = {}

    def row(self, line: int, day: date, split: StockSplit) -> StatementRow | Aside:
        """Give a split as a row where it comes first, else as one told before; raises RowError where the ratio was another.

        The row names no account, moment or id of the broker: the same split in another account's file has the same key.
        """
        before = self._told.setdefault((day, split.instrument), split)
        if before is split:
            return StatementRow(line, day, split)
        if before != split:
            raise RowError(
                f"a split of {split.new} for {split.old}, and a row before says {before.new} for {before.old}"
            )
        return Aside(line, "the split of a row before, for another account or position, or its other units")


def whole_ratio(out: Decimal, into: Decimal, least: Decimal) -> tuple[int, int]:
    """Give new and old of a split from the units that went out and came in, each told to `least`; raises RowError.

    One of the two is 1. Units that come to no such ratio were rounded, or a part of them was paid in cash: then the split
    would be another one for another holding.
    """
    if out <= 0 or into <= 0:
        raise RowError(f"a split of {out} units into {into}; both must be above 0")
    more, less = max(out, into), min(out, into)
    times = (2 * Fraction(more) + Fraction(less)) // (2 * Fraction(less))
    if not 1 < times <= _RATIO_MAX or abs(Fraction(more) / times - Fraction(less)) > least:
        raise RowError(
            f"a split of {out} units into {into}: no whole ratio, so a part was paid in cash; book it by hand"
        )
    return (times, 1) if into > out else (1, times)
