"""The portfolio file: what the books hold, for people and programs that want a file; written after each change."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from core.canonical import canonical_json
from core.domain.portfolio import Portfolio

NAME = "portfolio.json"


class Totals(Protocol):
    """Reads what the books hold."""

    def portfolio(self) -> Portfolio:
        """Give what every book holds, all of it as of one event."""
        ...


@dataclass(frozen=True)
class PortfolioDoors:
    """What writing the file may use: the sums, the place, and a lock that one process holds at a time."""

    totals: Totals
    write: Callable[[str, str], None]
    alone: Callable[[], AbstractContextManager[None]]


def write_portfolio(doors: PortfolioDoors) -> None:
    """Write the file anew; whoever writes last has read last, so that it never falls behind the books for good."""
    with doors.alone():
        doors.write(NAME, canonical_json(doors.totals.portfolio()) + "\n")
