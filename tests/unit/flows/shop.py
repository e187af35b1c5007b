"""A shop: the doors of deciding and issuing over plain memory, with a book of 10,000 pounds for which all is well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from core.domain.decision import Approval, Decision
from core.domain.facts import AuditHead, AuditState, Halt, ReconciliationState, Seen
from core.domain.instrument import Universe
from core.domain.order import Proposal
from core.domain.posting import Entry
from core.domain.scores import ScoreSet
from core.domain.slot import Run
from core.domain.ticket import IssuedTicket, LastGood
from core.ledger.post import post_cash
from core.pipeline import TO_SCORES, stages, walk
from core.settings import Policy
from flows.books import Moved
from flows.decide import DecideDoors, decide_run, propose
from flows.issue import IssueDoors
from flows.look import StandingBooks
from flows.setup import BookSetup
from tests.unit.core.test_pipeline import CLOSES, FIXED
from tests.unit.making import ABCD, AS_OF, CALENDAR, NOW, SHORT, cash_fact, panel, run

# What waits at a venue that is not the book's.
ELSEWHERE = ("a line at another venue",)


@dataclass
class Shop:
    """What is stored and told; a test changes what it asks about."""

    policy: Policy = SHORT
    universe: Universe = ABCD
    now: datetime = NOW
    bars: Any = field(default_factory=lambda: panel(CLOSES))
    scores: ScoreSet | None = None
    proposal: Proposal | None = None
    decided: dict[str, tuple[Decision, Seen]] = field(default_factory=dict)
    approval: Approval | None = None
    live: IssuedTicket | None = None
    kept: list[IssuedTicket] = field(default_factory=list)
    halted: list[str | None] = field(default_factory=list)
    entries: tuple[Entry, ...] = (post_cash(cash_fact("DEPOSIT", "10000")),)
    halts: Sequence[Halt] = ()
    phase: Any = "A"
    breaks: tuple[str, ...] = ()
    unanswered: Sequence[str] = ()
    unposted: Sequence[Any] = ()
    resumed: Sequence[str] = ()
    verifies: bool = True
    known: bool = True
    last_good: dict[str, LastGood] = field(default_factory=dict)
    # Runs while a ticket is stored, before it is asked for the last time whether anything moved.
    meanwhile: Callable[[], None] = lambda: None

    @property
    def setup(self) -> BookSetup:
        """Give what binds the book."""
        return BookSetup(self.policy, self.universe, CALENDAR)

    @property
    def run(self) -> Run:
        """Give Monday's run, opened with what binds the book."""
        return run(policy_hash=self.policy.hash, universe_hash=self.setup.universe_hash)

    @property
    def books(self) -> Any:
        """Give everything that is read and added, under the names of all doors."""
        return SimpleNamespace(
            run=lambda run_id: self.run if self.known else None,
            scores=lambda run_id: self.scores,
            proposal=lambda run_id: self.proposal,
            decision=self.decided.get,
            approval=lambda run_id: self.approval,
            add_proposal=self._add_proposal,
            add_decision=self._add_decision,
            add_ticket=self._add_ticket,
            live_ticket=lambda book, slot: self.live,
            last_good=lambda book, slot, venue: self.last_good.get(venue),
            unanswered=lambda book, slot, venue: self.unanswered if venue == self.policy.execution.venue else ELSEWHERE,
            lines_beside=lambda book, slot, venue, also_open: (),
            entries=lambda book, venue, first=None: self.entries[:first],
            unposted_executions=lambda book, venue: (),
            unposted_cash=lambda book, venue, base: self.unposted,
            unposted_splits=lambda book, venue: (),
            reconciliation=lambda book, venue: ReconciliationState(AS_OF, self.breaks, has_fills=True),
            halts=lambda book: self.halts,
            phase=self._phase,
            frozen=lambda book: None,
            peak_from=lambda book, up_to: None,
            resumed_after=lambda book, since: self.resumed,
            head=lambda: AuditHead(7, "a" * 64),
            kept=lambda: (),
            verify_on=lambda kept: AuditState(7, "a" * 64, None),
            panel=lambda snapshot, **asked: self.bars,
            fixings=lambda snapshot: FIXED,
            key_id="k" * 16,
            sign=lambda content: b"signed",
            verify=lambda key, content, signature: self.verifies,
            now=lambda: self.now,
        )

    @property
    def deciding(self) -> DecideDoors:
        """Give the riskguard's doors."""
        books = self.books
        standing = StandingBooks(books, books, books, books, books, code=lambda: "c" * 64)
        return DecideDoors(books, books, books, standing, books, books, books, books)

    @property
    def issuing(self) -> IssueDoors:
        """Give the doors of ticketing."""
        books = self.books
        return IssueDoors(books, books, books, books, books, books, books, books, books)

    def scored(self) -> ScoreSet:
        """Score the bars as they stand."""
        given = {"panel": self.bars, "model": None, "frame": self.setup.frame(self.run)}
        trail = walk(stages(TO_SCORES), given)
        return ScoreSet(trail.values.get("scores"), trail.findings)

    def traded(self) -> Shop:
        """Score, propose and decide, and give itself."""
        self.scores = self.scored()
        propose(self.run.run_id, self.setup, self.deciding)
        decide_run(self.run.run_id, self.setup, self.deciding)
        return self

    def _phase(self, book: str) -> str | None:
        if isinstance(self.phase, Exception):
            raise self.phase
        return str(self.phase)

    def _add_proposal(self, run_id: str, proposal: Proposal) -> Proposal:
        self.proposal = proposal
        return proposal

    def _add_decision(
        self, run_id: str, decision: Decision, seen: Seen, *, approval: Approval | None, halt: str | None
    ) -> Decision:
        self.decided[run_id], self.approval = (decision, seen), approval
        self.halted.append(halt)
        return decision

    def _add_ticket(self, issued: IssuedTicket, *, unless: Callable[[], Sequence[str]] = tuple) -> IssuedTicket:
        self.meanwhile()
        if reasons := unless():
            raise Moved(reasons)
        self.kept.append(issued)
        return issued
