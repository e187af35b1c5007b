"""The rollout of a book: what a phase is left by, and the facts that say whether it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

from core.domain.decision import TicketKind
from core.domain.slot import BookName, VenueName

PHASES: Final = ("0", "A", "B", "C")
# What nobody but a person can look up, by its name: asked before the first real money.
ITEMS: Final[dict[str, str]] = {
    "fractions": "the broker takes the fractions of units that `sizing.quantity_step` allows, in each instrument",
    "minimums": "the broker's smallest order and smallest position are at most `limits.order_value_min`",
    "order_types": "the broker has the order types that tickets name, and they end when tickets say that they do",
    "underlying": "each instrument of the universe is bought as the underlying and not as a CFD",
    "priips": "each fund of the universe may be bought by this person (PRIIPs: it has a key information document)",
    "w8ben": "a W-8BEN is with the broker and has not run out, so that dividends are withheld as the policy says",
    "tolerances": "the tolerances of `reconciliation` are smaller than any real difference that may not be missed",
    "reconciliation_fields": "the broker shows each field that `twokey reconcile` asks for, and it means the same there",
}
CriterionState = Literal["met", "not met", "not yet measurable"]


def share_in_phase(share: Decimal, capital_fraction: Decimal) -> Decimal:
    """Give the share of a book's equity that a share of what its phase may use comes to.

    Where a phase may use nothing, nothing is traded, and the share stays one of the equity.
    """
    return share * capital_fraction if capital_fraction > 0 else share


@dataclass(frozen=True)
class SlotFacts:
    """How one slot of a book ended, as far as a criterion asks.

    `until` is when the policy of that day wanted the run by; `codes` are those of the refused lines, one a reason; `defects`
    say in words why its ticket was not what was decided; `waits` are the seconds from each ticket to its answers. Of a run
    that ended in no ticket `kind` and `issued_at` are None.
    """

    label: str
    at: datetime
    until: datetime
    is_real: bool
    kind: TicketKind | None = None
    issued_at: datetime | None = None
    closed: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    scored: int | None = None
    offered: int | None = None
    has_files: bool = False
    waits: tuple[int, ...] = ()
    late: int = 0
    unanswered: int = 0
    made_of: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class PhaseFacts:
    """A book's stay in a phase: its slots, oldest first, each comparison with a venue and its breaks, its change windows."""

    phase: str
    slots: tuple[SlotFacts, ...] = ()
    comparisons: tuple[tuple[VenueName, date, int], ...] = ()
    windows: int = 0
    halts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attested:
    """A person's word on an item, with the file that shows it, by its SHA-256."""

    book: BookName
    item: str
    holds: bool
    sha256: str
    name: str
    by: str
    note: str


@dataclass(frozen=True)
class Criterion:
    """One thing that a phase is left by: whether it is met, and the number against its limit in words."""

    name: str
    state: CriterionState
    words: str
