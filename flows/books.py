"""Ports of the database: what each flow reads and which rows it may add, one narrow protocol a room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from core.domain.booked import BookedFact
from core.domain.confirmation import Confirmation, Executed
from core.domain.decision import Approval, Decision
from core.domain.facts import AuditHead, AuditState, Halt, ReconciliationState, Seen
from core.domain.model import Model, ModelPin
from core.domain.order import Proposal
from core.domain.others import OtherLine
from core.domain.posting import CashFact, Entry, SplitFact
from core.domain.scores import ScoreSet
from core.domain.slot import BookName, Run, RunId, TicketId, VenueName
from core.domain.ticket import IssuedTicket, LastGood
from core.domain.venue import AccountSnapshot, Break, VenueReport


class StoreError(RuntimeError):
    """The database could not be read or written; says what was tried. Never the same as "nothing there"."""


class RunBook(Protocol):
    """Opens and finds runs. Opening the run of a slot and revision twice gives the first one."""

    def open_run(self, run: Run) -> Run:
        """Open a run, or give the one that was opened before."""
        ...

    def run(self, run_id: RunId) -> Run | None:
        """Find a run."""
        ...

    def newest_run(self, book: BookName, slot: str) -> Run | None:
        """Find the slot's run in its highest revision."""
        ...

    def unfinished(self, book: BookName, before: str) -> Sequence[Run]:
        """Give the runs of earlier slots that ended in no ticket, oldest first."""
        ...

    def last_slot(self, book: BookName) -> str | None:
        """Give the label of the book's latest slot that has a run."""
        ...


class RevisionBook(Protocol):
    """Opens the runs of revisions, for a person."""

    def revise_run(self, run: Run, *, by: str, reason: str) -> Run:
        """Open the run of a slot's next revision, which voids the ticket before it; the same revision again gives the first.

        Raises StoreError when that ticket is not there, or a line of it was answered.
        """
        ...


class ScoreBook(Protocol):
    """Keeps scores. Adding those of a run twice keeps the first."""

    def add_scores(self, run_id: RunId, scores: ScoreSet) -> ScoreSet:
        """Keep a run's scores and give what is kept."""
        ...

    def scores(self, run_id: RunId) -> ScoreSet | None:
        """Find a run's scores."""
        ...


class ModelBook(Protocol):
    """Keeps models. Adding the same model of a book and session twice keeps the first."""

    def add_model(self, book: BookName, model: Model) -> Model:
        """Keep a model and give it."""
        ...

    def model(self, digest: str) -> Model | None:
        """Find a model by the hash of its text."""
        ...

    def chosen(self, book: BookName, as_of: date) -> Model | None:
        """Give the model that a book is scored with on the evening of a session.

        It is the one that a person pinned last; or else the newest that was trained on the session or before it.
        """
        ...

    def pin(self, book: BookName) -> ModelPin | None:
        """Give the model that a person pinned and nobody set free since."""
        ...


class DecisionBook(Protocol):
    """Keeps proposals, decisions and approvals. Adding those of a run twice keeps the first."""

    def add_proposal(self, run_id: RunId, proposal: Proposal) -> Proposal:
        """Keep a run's proposal and give what is kept."""
        ...

    def proposal(self, run_id: RunId) -> Proposal | None:
        """Find a run's proposal."""
        ...

    def add_decision(
        self, run_id: RunId, decision: Decision, seen: Seen, *, approval: Approval | None, halt: str | None = None
    ) -> Decision:
        """Keep a run's decision with what was seen, its approval and the halt of its book that it makes, all or nothing.

        `halt` is the reason of that halt. Gives what is kept.
        """
        ...

    def decision(self, run_id: RunId) -> tuple[Decision, Seen] | None:
        """Find a run's decision with what was seen."""
        ...

    def approval(self, run_id: RunId) -> Approval | None:
        """Find a run's approval."""
        ...


@dataclass(frozen=True)
class TicketStanding:
    """A ticket as it stands: its steps, and its lines that are answered and that still wait."""

    issued: IssuedTicket
    steps: tuple[str, ...]
    answered: tuple[int, ...]
    waiting: tuple[int, ...]


@dataclass(frozen=True)
class Voided:
    """A void ticket: who opened the next revision, and why."""

    issued: IssuedTicket
    by: str
    reason: str


@dataclass(frozen=True)
class KeptTicket:
    """A ticket as the database keeps it: its revision, its hash, and whether another revision was opened in its place."""

    ticket_id: TicketId
    revision: int
    hash: str
    is_void: bool


class Moved(Exception):
    """A ticket is not kept: what its approval binds moved while it was made; carries every reason."""

    def __init__(self, reasons: Sequence[str]) -> None:
        """Keep the reasons."""
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


class TicketBook(Protocol):
    """Keeps tickets. Adding that of a slot and revision twice keeps the first."""

    def add_ticket(self, issued: IssuedTicket, *, unless: Callable[[], Sequence[str]] = tuple) -> IssuedTicket:
        """Keep a ticket, its lines resting on the run's approved lines, all or nothing, and give what is kept.

        `unless` is asked when nobody else can add a fact any more: where it gives a reason, nothing is kept and Moved, with
        it, is raised.
        """
        ...

    def live_ticket(self, book: BookName, slot: str) -> IssuedTicket | None:
        """Find the slot's ticket in its highest revision."""
        ...

    def ticket_of(self, run_id: RunId) -> IssuedTicket | None:
        """Find the ticket that a run ended in, void or not."""
        ...

    def voided(self, ticket_id: TicketId) -> Sequence[Voided]:
        """Give the void revisions of a ticket, oldest first, with who voided each and why."""
        ...

    def last_good(self, book: BookName, before: str, *, venue: VenueName) -> LastGood | None:
        """Find a venue's last live trade of earlier slots with every line answered; a real venue's rehearsals do not count.

        Each venue's account holds what its own trades left: paper's say nothing of a real one's.
        """
        ...

    def ticket(self, ticket_id: TicketId) -> TicketStanding | None:
        """Find a ticket in its highest revision, as it stands."""
        ...

    def tickets(self, book: BookName) -> Sequence[IssuedTicket]:
        """Give all live tickets of a book, oldest first."""
        ...

    def unanswered(self, book: BookName, before: str, *, venue: VenueName) -> Sequence[str]:
        """Name the lines of a venue's earlier live trades that nobody answered; rehearsals of a real one do not count.

        What waits at another venue moves nothing that this one holds, and is answered when the book is there again.
        """
        ...

    def living(self, book: BookName, before: str) -> Sequence[TicketId]:
        """Name the live trades of earlier slots whose life may have come further than their steps, oldest first."""
        ...

    def lines_beside(self, book: BookName, slot: str, *, venue: VenueName, also_open: bool) -> Sequence[OtherLine]:
        """Give the lines of a book's other live tickets at a venue: of the slot's day and, where asked, older open ones."""
        ...

    def lines_of_other(self, book: BookName, slot: str, *, venue: VenueName) -> Sequence[OtherLine]:
        """Give the lines of another book's live tickets of the slot's day at a venue, and older ones that its books lack.

        These are the open ones, and those that a person said were filled and that were not posted.
        """
        ...

    def add_step(self, ticket_id: TicketId, step: str, *, detail: str) -> None:
        """Add a step of a ticket's life; one that was taken is not taken again, and an illegal one raises StoreError."""
        ...

    def add_delivery(self, ticket_id: TicketId, channel: str, *, outcome: str) -> None:
        """Keep an attempt to deliver."""
        ...


class ConfirmationBook(Protocol):
    """Keeps what people said. A line is answered once: a second answer raises StoreError."""

    def add_confirmation(self, confirmation: Confirmation, *, is_late: bool) -> None:
        """Keep a confirmation with all its answers, or nothing of it."""
        ...


@dataclass(frozen=True)
class Execution:
    """An execution that the journal has not posted: its evidence, and the answer."""

    evidence: str
    ticket_id: TicketId
    revision: int
    answer: Executed


class VenueBook(Protocol):
    """Keeps venue reports and account snapshots. Adding a report with a known key again changes nothing."""

    def add_reports(self, book: BookName, venue: VenueName, reports: Sequence[VenueReport]) -> int:
        """Keep reports and give how many were new."""
        ...

    def reports(self, book: BookName, venue: VenueName) -> Sequence[VenueReport]:
        """Give all reports of a venue for a book, oldest first."""
        ...

    def add_snapshot(self, *snapshots: AccountSnapshot) -> None:
        """Keep snapshots, all or none; the same account, book, session and file again changes nothing."""
        ...

    def last_snapshot(self, book: BookName, venue: VenueName) -> tuple[int, AccountSnapshot] | None:
        """Give the newest snapshot with its id."""
        ...


class Journal(Protocol):
    """The journal: entries are added once by their key, each resting on its evidence."""

    def entries(self, book: BookName, venue: VenueName, *, first: int | None = None) -> Sequence[Entry]:
        """Give a book's entries in effective order: all, or only so many as were recorded first."""
        ...

    def entries_at(self, venue: VenueName) -> Sequence[Entry]:
        """Give the entries of all books of a venue, in the order in which they were recorded."""
        ...

    def booked_facts(self, venue: VenueName) -> Sequence[BookedFact]:
        """Give what people booked beside fills and cash, in the order in which it was kept."""
        ...

    def add_entries(self, entries: Sequence[Entry]) -> int:
        """Add entries with their postings, all or nothing, and give how many were new."""
        ...

    def unposted_executions(self, book: BookName, venue: VenueName) -> Sequence[Execution]:
        """Give executions, confirmed by a person or reported by a venue, that no entry rests on yet."""
        ...

    def unposted_cash(self, book: BookName, venue: VenueName, *, base: str) -> Sequence[CashFact]:
        """Give cash that came or went and that no entry rests on yet."""
        ...

    def cash_movements(self, book: BookName, venue: VenueName) -> Sequence[CashFact]:
        """Give all cash that people paid in or took out, posted or not, oldest first."""
        ...

    def unposted_splits(self, book: BookName, venue: VenueName) -> Sequence[SplitFact]:
        """Give the splits that a venue reported and that no entry rests on yet."""
        ...

    def evidence_of(self, snapshot: str) -> str:
        """Name a published clean set as evidence; raises StoreError when it was not published."""
        ...

    def add_reconciliation(
        self,
        snapshots: Mapping[int, AccountSnapshot],
        *,
        head: str,
        breaks: Sequence[Break],
        marks: str | None = None,
    ) -> None:
        """Keep a comparison for the book of each snapshot (by id), all or none; what is known of it changes nothing."""
        ...

    def reconciliation(self, book: BookName, venue: VenueName) -> ReconciliationState:
        """Say when the book was last compared, and which breaks were found then."""
        ...


class PersonBook(Protocol):
    """What people decided, and halts that any door may set."""

    def halts(self, book: BookName) -> Sequence[Halt]:
        """Give the halts of a book and of the desk that nobody lifted."""
        ...

    def phase(self, book: BookName) -> str | None:
        """Give the book's rollout phase, or None when no person ever set one."""
        ...

    def frozen(self, book: BookName) -> tuple[str, Mapping[str, str]] | None:
        """Give the book's rollout phase with the hash of each thing frozen in it, by kind, or None before the first phase."""
        ...

    def peak_from(self, book: BookName, up_to: date) -> date | None:
        """Give the session from which the book's peak counts: of the last resume after the kill switch up to a day, or None."""
        ...

    def resumed_after(self, book: BookName, *, since: date) -> Sequence[RunId]:
        """Give the runs of the book's slots after a day, decided before a person last lifted a halt of the book."""
        ...

    def verifications(self) -> dict[str, date]:
        """Give the day on which each instrument was last looked up at the venue."""
        ...


class Resuming(Protocol):
    """Lifts halts, for a person, and restarts peaks with them, all or nothing."""

    def halts(self, book: BookName) -> Sequence[Halt]:
        """Give the halts of a book and of the desk that nobody lifted."""
        ...

    def decided(self, book: BookName) -> Sequence[RunId]:
        """Give the runs of a book that were decided since its peak last restarted, the newest slot first."""
        ...

    def resume(
        self, scope: str, *, by: str, reason: str, peaks: Mapping[BookName, date], seen: Sequence[Halt] | None
    ) -> int:
        """Lift every halt of a scope, let each named book's peak count from its session, and give how many were lifted.

        `seen` are the halts that the person read, None: all. Raises StoreError, and lifts nothing, where another stands.
        """
        ...


class Halting(Protocol):
    """Halts trading, one way."""

    def halt(self, scope: str, reason: str) -> None:
        """Halt a book, or the whole desk (`*`)."""
        ...


class ConfigBook(Protocol):
    """Keeps every configuration, clean set and manifest that a run used, by hash."""

    def add_config(self, kind: str, digest: str, body: str) -> None:
        """Keep a configuration; a known hash again changes nothing."""
        ...

    def config(self, kind: str, digest: str) -> str | None:
        """Find a configuration's text by its hash."""
        ...

    def snapshot_at(self, instant: datetime) -> str | None:
        """Give the clean set that was current at an aware instant, or None before the first."""
        ...

    def add_snapshot(self, digest: str, body: str) -> None:
        """Keep that a clean set was published."""
        ...

    def add_manifest(self, run_id: RunId, body: str) -> None:
        """Keep a run's manifest; that of a run again changes nothing."""
        ...

    def manifest(self, run_id: RunId) -> str | None:
        """Find a run's manifest."""
        ...


class AuditChain(Protocol):
    """The chain of events: its head, and whether it is whole."""

    def head(self) -> AuditHead:
        """Give the last event."""
        ...

    def verify_on(self, kept: Sequence[AuditHead]) -> AuditState:
        """Verify it against every head kept outside, going on from what was verified before."""
        ...


class HeadKeeper(Protocol):
    """Keeps audit heads outside the database."""

    def kept(self) -> Sequence[AuditHead]:
        """Give every head kept, oldest first."""
        ...

    def keep(self, head: AuditHead) -> None:
        """Keep a head; one that is not newer than the newest changes nothing."""
        ...


class Signer(Protocol):
    """Signs with the riskguard's key."""

    @property
    def key_id(self) -> str:
        """Name the key."""
        ...

    def sign(self, content: bytes) -> bytes:
        """Give the signature of some bytes."""
        ...


class Verifier(Protocol):
    """Verifies signatures with the public keys that are known."""

    def verify(self, key_id: str, content: bytes, signature: bytes) -> bool:
        """Say whether a signature is that key's over these bytes; an unknown key verifies nothing."""
        ...
