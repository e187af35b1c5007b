"""What a benchmark returned over the windows of some returns: in the base currency, its dividends reinvested."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from core.ledger.equity import Rates
from core.ledger.worth import not_computable
from core.money import RATIO_STEP, round_to

# A window may begin on a day without a session; no stretch without one is longer.
DAYS_MAX = timedelta(days=7)


@dataclass(frozen=True)
class Benchmark:
    """An instrument's total-return closes by day, oldest first, and the rates of its currency for one unit of the base."""

    instrument: str
    days: Sequence[date]
    closes: Sequence[Decimal]
    rates: Rates

    def return_between(self, first: date, last: date) -> Decimal:
        """Give the return from the end of one day to the end of another, to ten decimals.

        The change of the total-return close (dividends reinvested on their ex-date, before tax) times that of the rate. Raises
        ValueError where a day has no close or no rate, or one older than a week.
        """
        begin, end = self._worth(first), self._worth(last)
        return round_to(end / begin - 1, RATIO_STEP)

    def _worth(self, day: date) -> Decimal:
        at = bisect_right(self.days, day)
        if not at or self.days[at - 1] < day - DAYS_MAX:
            newest = f"the newest is of {self.days[at - 1]}" if at else "there is none before"
            raise ValueError(f"no close of {self.instrument} from {day - DAYS_MAX} to {day}; {newest}")
        return self.closes[at - 1] / self.rates.on(day)


def benchmark_returns(windows: Mapping[str, Mapping[str, Any]], benchmark: Benchmark) -> dict[str, Any]:
    """Give a benchmark's return in each window that has days of its own, or why there is none."""
    return {name: _in_window(window, benchmark) for name, window in windows.items() if "from" in window}


def _in_window(window: Mapping[str, Any], benchmark: Benchmark) -> Decimal | dict[str, Any]:
    try:
        return benchmark.return_between(window["from"], window["to"])
    except ValueError as error:
        return not_computable(error)
