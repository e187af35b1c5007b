"""The tables: one class each; rows are added, never changed.

`id`, `event_seq` and `recorded_at` of a fact are the database's to fill: by defaults, which the trigger `record_rows` holds to.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Numeric,
    Text,
    text,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field, SQLModel


def _text(*, key: str | None = None, unique: bool = False, optional: bool = False) -> Any:
    args = (ForeignKey(key),) if key else ()
    return Field(sa_column_args=args, sa_type=Text, nullable=optional, unique=unique, default=None if optional else ...)


def _ref(key: str, *, unique: bool = False, optional: bool = False) -> Any:
    return Field(
        sa_type=BigInteger,
        sa_column_args=(ForeignKey(key),),
        unique=unique,
        nullable=optional,
        default=None if optional else ...,
    )


def _number() -> Any:
    return Field(sa_type=Numeric, nullable=False)


def _instant(*, optional: bool = False) -> Any:
    return Field(sa_type=DateTime(timezone=True), nullable=optional, default=None if optional else ...)


_NEXT_EVENT, _NOW = text("(current_setting('twokey.event_seq'::text, true))::bigint"), text("clock_timestamp()")


class Event(SQLModel, table=True):
    """The hash chain: a gapless number, the bytes, and their SHA-256."""

    __tablename__: ClassVar[Any] = "event"
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    bytes: str = _text()
    hash: str = _text()


class Fact(SQLModel):
    """What every fact row carries besides its own columns."""

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    event_seq: int | None = Field(
        default=None, sa_type=BigInteger, nullable=False, index=True, sa_column_kwargs={"server_default": _NEXT_EVENT}
    )
    recorded_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), nullable=False, sa_column_kwargs={"server_default": _NOW}
    )


class ConfigVersion(Fact, table=True):
    """The text of a policy, a universe or a desk file that a run used, by its hash."""

    __tablename__: ClassVar[Any] = "config_version"
    __table_args__ = (Unique("kind", "hash"),)
    kind: str = _text()
    hash: str = _text()
    body: str = _text()


class CleanSnapshot(Fact, table=True):
    """A clean set that was published, by its hash: from then until the next row it was the current one."""

    __tablename__: ClassVar[Any] = "clean_snapshot"
    hash: str = _text()
    body: str = _text()


class Run(Fact, table=True):
    """A slot's decision in one revision."""

    __tablename__: ClassVar[Any] = "run"
    __table_args__ = (Unique("book", "slot", "revision"),)
    run_id: str = _text(unique=True)
    book: str = _text()
    slot: str = _text()
    revision: int
    body: str = _text()


class ScoreSet(Fact, table=True):
    """Scores of a run, or the findings that closed their gate."""

    __tablename__: ClassVar[Any] = "score_set"
    run_id: str = _text(key="run.run_id", unique=True)
    hash: str = _text()
    body: str = _text()


class Job(Fact, table=True):
    """A piece of work that a tool asked for, with its inputs; its steps are rows of job_step."""

    __tablename__: ClassVar[Any] = "job"
    job_id: str = _text(unique=True)
    kind: str = _text()
    body: str = _text()


class JobStep(Fact, table=True):
    """How far a job came: running, done or failed, with its result."""

    __tablename__: ClassVar[Any] = "job_step"
    __table_args__ = (Unique("job_id", "state"),)
    job_id: str = _text(key="job.job_id")
    state: str = _text()
    body: str = _text()


class Proposal(Fact, table=True):
    """The riskguard's target and the order lines that lead to it."""

    __tablename__: ClassVar[Any] = "proposal"
    run_id: str = _text(key="run.run_id", unique=True)
    hash: str = _text()
    body: str = _text()


class Decision(Fact, table=True):
    """The riskguard's answer, with the facts that it looked at."""

    __tablename__: ClassVar[Any] = "decision"
    run_id: str = _text(key="run.run_id", unique=True)
    kind: str = _text()
    hash: str = _text()
    body: str = _text()
    facts: str = _text()


class Approval(Fact, table=True):
    """A signed yes."""

    __tablename__: ClassVar[Any] = "approval"
    run_id: str = _text(key="decision.run_id", unique=True)
    mandate: str = _text()
    key_id: str = _text()
    signature: str = _text()


class ApprovalLine(Fact, table=True):
    """One approved order line; a ticket line can rest on nothing else."""

    __tablename__: ClassVar[Any] = "approval_line"
    __table_args__ = (Unique("approval_id", "line"),)
    approval_id: int = _ref("approval.id")
    line: int
    body: str = _text()


class Ticket(Fact, table=True):
    """A ticket: its decision bytes, their hash, and the sealed footer."""

    __tablename__: ClassVar[Any] = "ticket"
    __table_args__ = (Unique("book", "slot", "revision"), Unique("ticket_id", "revision"))
    ticket_id: str = _text()
    book: str = _text()
    slot: str = _text()
    revision: int
    kind: str = _text()
    venue: str = _text()
    is_rehearsal: bool
    run_id: str = _text(key="decision.run_id", unique=True)
    hash: str = _text()
    body: str = _text()
    seal: str = _text()


class Revision(Fact, table=True):
    """A person's fact: the run of a slot's next revision, the ticket that it voids, who asked and why."""

    __tablename__: ClassVar[Any] = "revision"
    run_id: str = _text(key="run.run_id", unique=True)
    voids: int = _ref("ticket.id", unique=True)
    said_by: str = _text()
    reason: str = _text()


class TicketLine(Fact, table=True):
    """One trade of a ticket, resting on exactly one approved line, which is used once."""

    __tablename__: ClassVar[Any] = "ticket_line"
    __table_args__ = (Unique("ticket", "line"),)
    ticket: int = _ref("ticket.id")
    line: int
    approval_line: int = _ref("approval_line.id", unique=True)
    body: str = _text()


class TicketStep(Fact, table=True):
    """A step of a ticket's life: issued, sent, partly confirmed, confirmed, void."""

    __tablename__: ClassVar[Any] = "ticket_step"
    __table_args__ = (Unique("ticket", "step"),)
    ticket: int = _ref("ticket.id")
    step: str = _text()
    body: str = _text()


class Delivery(Fact, table=True):
    """An attempt to deliver a ticket through a channel."""

    __tablename__: ClassVar[Any] = "delivery"
    ticket: int = _ref("ticket.id")
    channel: str = _text()
    outcome: str = _text()
    body: str = _text()


class Confirmation(Fact, table=True):
    """What a person said of a ticket, and whether it came after the deadline."""

    __tablename__: ClassVar[Any] = "confirmation"
    ticket: int = _ref("ticket.id")
    said_by: str = _text()
    channel: str = _text()
    said_at: datetime = _instant()
    is_late: bool
    body: str = _text()


class ConfirmationLine(Fact, table=True):
    """The answer to one ticket line; a line is answered once."""

    __tablename__: ClassVar[Any] = "confirmation_line"
    confirmation: int = _ref("confirmation.id")
    ticket_line: int = _ref("ticket_line.id", unique=True)
    outcome: str = _text()
    body: str = _text()


class VenueReport(Fact, table=True):
    """What a venue reports: executions, dividends, splits, opening cash."""

    __tablename__: ClassVar[Any] = "venue_report"
    key: str = _text(unique=True)
    book: str = _text()
    venue: str = _text()
    kind: str = _text()
    session: date = Field(sa_type=Date, nullable=False)
    ticket_line: int | None = _ref("ticket_line.id", unique=True, optional=True)
    body: str = _text()


class AccountSnapshot(Fact, table=True):
    """What a venue says an account holds, in a report at the close of a session or in a file, whose SHA-256 is `evidence`."""

    __tablename__: ClassVar[Any] = "account_snapshot"
    __table_args__ = (Unique("account", "book", "venue", "session", "evidence", postgresql_nulls_not_distinct=True),)
    account: str = _text()
    book: str = _text()
    venue: str = _text()
    session: date = Field(sa_type=Date, nullable=False)
    body: str = _text()
    evidence: str | None = _text(optional=True)


class CashMovement(Fact, table=True):
    """A person's fact: cash paid into or taken out of a book."""

    __tablename__: ClassVar[Any] = "cash_movement"
    key: str = _text(unique=True)
    book: str = _text()
    venue: str = _text()
    session: date = Field(sa_type=Date, nullable=False)
    currency: str = _text()
    amount: Decimal = _number()
    said_by: str = _text()
    note: str = _text()


class StatementFile(Fact, table=True):
    """A person's fact: a broker's file, whole (base64), that booked facts were read from; its SHA-256 names it."""

    __tablename__: ClassVar[Any] = "statement_file"
    sha256: str = _text(unique=True)
    account: str = _text()
    broker: str = _text()
    form: str = _text()
    name: str = _text()
    content: str = _text()
    said_by: str = _text()


class BookedFact(Fact, table=True):
    """A person's fact of a book, read from a statement or typed; what it reverses is reversed once."""

    __tablename__: ClassVar[Any] = "booked_fact"
    key: str = _text(unique=True)
    kind: str = _text()
    account: str = _text()
    book: str = _text()
    venue: str = _text()
    session: date = Field(sa_type=Date, nullable=False)
    body: str = _text()
    statement: str | None = _text(key="statement_file.sha256", optional=True)
    reverses: str | None = _text(unique=True, optional=True)
    said_by: str = _text()
    note: str = _text()


class Entry(Fact, table=True):
    """One fact of the journal, resting on exactly one piece of evidence."""

    __tablename__: ClassVar[Any] = "entry"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(confirmation_line, venue_report, cash_movement, clean_snapshot, booked_fact) = 1",
            name="entry_rests_on_one_evidence",
        ),
    )
    key: str = _text(unique=True)
    kind: str = _text()
    book: str = _text()
    venue: str = _text()
    session: date = Field(sa_type=Date, nullable=False)
    instrument: str | None = _text(optional=True)
    confirmation_line: int | None = _ref("confirmation_line.id", unique=True, optional=True)
    venue_report: int | None = _ref("venue_report.id", unique=True, optional=True)
    cash_movement: int | None = _ref("cash_movement.id", unique=True, optional=True)
    clean_snapshot: int | None = _ref("clean_snapshot.id", optional=True)
    booked_fact: int | None = _ref("booked_fact.id", optional=True)


class Posting(Fact, table=True):
    """One line of the journal; that its entry is there is held once a statement, by the trigger `rest_on_entries`."""

    __tablename__: ClassVar[Any] = "posting"
    __table_args__ = (Unique("entry", "line"),)
    entry: int = Field(sa_type=BigInteger, nullable=False)
    line: int
    account: str = _text()
    commodity: str = _text()
    amount: Decimal = _number()


class Reconciliation(Fact, table=True):
    """A comparison of our books with a snapshot, and its breaks; `marks` is the clean set that it was valued at, if any."""

    __tablename__: ClassVar[Any] = "reconciliation"
    __table_args__ = (
        Index(
            "reconciliation_of_paper_once",
            "snapshot",
            "ledger_head",
            unique=True,
            postgresql_where=text("venue = 'paper'"),
        ),
    )
    snapshot: int = _ref("account_snapshot.id")
    book: str = _text()
    venue: str = _text()
    session: date = Field(sa_type=Date, nullable=False)
    ledger_head: str = _text()
    breaks: str = _text()
    marks: str | None = _text(optional=True)


class Halt(Fact, table=True):
    """No trade ticket from here on, for a book or for the desk (`*`)."""

    __tablename__: ClassVar[Any] = "halt"
    scope: str = _text()
    reason: str = _text()
    role: str = _text()


class Resume(Fact, table=True):
    """A person lifts a halt."""

    __tablename__: ClassVar[Any] = "resume"
    halt: int = _ref("halt.id", unique=True)
    said_by: str = _text()
    reason: str = _text()


class PeakRestart(Fact, table=True):
    """From this session on a book's peak counts: a person resumed after the kill switch."""

    __tablename__: ClassVar[Any] = "peak_restart"
    __table_args__ = (Unique("resume", "book"),)
    resume: int = _ref("resume.id")
    book: str = _text()
    session: date = Field(sa_type=Date, nullable=False)


class AcknowledgedLoss(Fact, table=True):
    """A person restored an older copy: it ends with event `last_seq`, and events up to `lost_to` are lost."""

    __tablename__: ClassVar[Any] = "acknowledged_loss"
    __table_args__ = (CheckConstraint("lost_to > last_seq"),)
    backup: str = _text()
    last_seq: int = Field(sa_type=BigInteger, nullable=False)
    last_hash: str = _text()
    lost_to: int = Field(sa_type=BigInteger, nullable=False)
    said_by: str = _text()
    reason: str = _text()


class RolloutStep(Fact, table=True):
    """A person's fact: the rollout phase of a book."""

    __tablename__: ClassVar[Any] = "rollout_step"
    book: str = _text()
    phase: str = _text()
    said_by: str = _text()
    reason: str = _text()


class Verification(Fact, table=True):
    """A person's fact: an instrument was looked up at the venue."""

    __tablename__: ClassVar[Any] = "verification"
    instrument: str = _text()
    verified_on: date = Field(sa_type=Date, nullable=False)
    said_by: str = _text()
    note: str = _text()


class Manifest(Fact, table=True):
    """What a finished run was made of and what it gave, each by its hash."""

    __tablename__: ClassVar[Any] = "manifest"
    run_id: str = _text(key="run.run_id", unique=True)
    hash: str = _text()
    body: str = _text()


FACTS: tuple[type[Fact], ...] = (
    ConfigVersion,
    CleanSnapshot,
    Run,
    ScoreSet,
    Job,
    JobStep,
    Proposal,
    Decision,
    Approval,
    ApprovalLine,
    Ticket,
    Revision,
    TicketLine,
    TicketStep,
    Delivery,
    Confirmation,
    ConfirmationLine,
    VenueReport,
    AccountSnapshot,
    CashMovement,
    StatementFile,
    BookedFact,
    Entry,
    Posting,
    Reconciliation,
    Halt,
    Resume,
    PeakRestart,
    AcknowledgedLoss,
    RolloutStep,
    Verification,
    Manifest,
)


# The event is written by the trigger after the rows, so the reference is checked at commit. Of entries and postings, which are
# many, `record_rows` alone holds it.
for _fact in FACTS:
    if _fact not in (Entry, Posting):
        _fact.__table__.append_constraint(  # type: ignore[attr-defined]  # SQLModel adds __table__ at run time
            ForeignKeyConstraint(["event_seq"], ["event.seq"], deferrable=True, initially="DEFERRED")
        )


def table_name(table: type[Fact]) -> str:
    """Give a fact's table name."""
    return str(table.__tablename__)
