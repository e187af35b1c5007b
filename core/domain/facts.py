"""Facts: what the standing gates look at, as it was read at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from core.canonical import LATER
from core.domain.freeze import Freeze
from core.domain.holdings import Holdings
from core.domain.market import FxRate
from core.domain.others import DeskView, OtherLine

# A session in the course of a book that lost, and one that did not.
LOSS, NO_LOSS = "-", "+"


@dataclass(frozen=True)
class AuditState:
    """How far the chain was verified, and the first thing that was wrong with it, if any."""

    seq: int
    head: str
    problem: str | None


@dataclass(frozen=True)
class AuditHead:
    """The last event of a chain: its number and its hash; number 0 stands before the first."""

    seq: int
    hash: str


@dataclass(frozen=True)
class LossHead(AuditHead):
    """The event by which a person acknowledged that a restore lost what came after event `after`."""

    after: int


# The scope of a halt of all books.
DESK_SCOPE = "*"


@dataclass(frozen=True)
class Halt:
    """No trade ticket until a person resumes: whose halt, why, since when, and whether the riskguard set it."""

    scope: str
    reason: str
    at: datetime
    is_riskguards: bool = field(default=False, metadata=LATER)


@dataclass(frozen=True)
class ReconciliationState:
    """When the book was last compared with its venue, and the breaks that are still open."""

    last_session: date | None
    breaks: tuple[str, ...]
    has_fills: bool


@dataclass(frozen=True)
class Unread:
    """A fact that could not be looked up, and why; a gate that needs it is closed."""

    why: str


@dataclass(frozen=True)
class Standing:
    """Everything that the standing gates judge."""

    now: datetime
    audit: AuditState | Unread
    halts: tuple[Halt, ...] | Unread
    policy_hash: str
    universe_hash: str
    unanswered: tuple[str, ...] | Unread
    reconciliation: ReconciliationState | Unread
    holdings: Holdings | Unread
    capital_fraction: Decimal
    # The session from which the peak counts since a person resumed after the kill switch; None: from the first.
    peak_from: date | None = None
    # What the rollout phase froze; None where no person ever set a phase.
    freeze: Freeze | Unread | None = None
    # The lines of the book's other live tickets that are open or of the same day.
    others: tuple[OtherLine, ...] | Unread = ()
    # What the desk's other books hold, with the desk's limits; None where nobody read them.
    desk: DeskView | Unread | None = None
    # Fills, cash and splits that are known and that the books lack: what is held is not what the holdings say.
    unposted: tuple[str, ...] | Unread = ()
    # The largest loss of the session of as-of that closed the book and that a person resumed after; None: there was none.
    resumed_loss: Decimal | None = field(default=None, metadata=LATER)


@dataclass(frozen=True)
class Worth:
    """A book's equity now and the fall of its flow-free index from its highest since `peak_from` (a number <= 0).

    `day_change` is the index's change in its last session, `session`, as a share; None where no session stands before it.
    `course` says of the last sessions, oldest first, whether the index fell (`-`) or not (`+`).
    """

    equity: Decimal
    drawdown: Decimal
    peak_session: date | None
    peak_from: date | None = None
    session: date | None = None
    day_change: Decimal | None = None
    course: str = ""


@dataclass(frozen=True)
class Seen:
    """All that the riskguard looked at besides scores and bars, kept with its decision for whoever asks later."""

    standing: Standing
    worth: Worth | Unread
    fx: FxRate | None
    basis: str
    knowledge: str
    is_synthetic: bool
