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
    ForeignKeyConstraint,
    Index,
    text,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field, SQLModel

from adapters.postgres.facts import Fact, ManyFact, instant, number, ranges_of, reference, text_column, used_once
from adapters.postgres.person_tables import SAID


class Event(SQLModel, table=True):
    """The hash chain: a gapless number, the bytes, and their SHA-256."""

    __tablename__: ClassVar[Any] = "event"
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    bytes: str = text_column()
    hash: str = text_column()


class ConfigVersion(Fact, table=True):
    """The text of a policy, a universe or a desk file that a run used, by its hash."""

    __tablename__: ClassVar[Any] = "config_version"
    __table_args__ = (Unique("kind", "hash"),)
    kind: str = text_column()
    hash: str = text_column()
    body: str = text_column()


class CleanSnapshot(Fact, table=True):
    """A clean set that was published, by its hash: from then until the next row it was the current one."""

    __tablename__: ClassVar[Any] = "clean_snapshot"
    hash: str = text_column()
    body: str = text_column()


class Run(Fact, table=True):
    """A slot's decision in one revision."""

    __tablename__: ClassVar[Any] = "run"
    __table_args__ = (Unique("book", "slot", "revision"),)
    run_id: str = text_column(unique=True)
    book: str = text_column()
    slot: str = text_column()
    revision: int
    body: str = text_column()


class ScoreSet(Fact, table=True):
    """Scores of a run, or the findings that closed their gate."""

    __tablename__: ClassVar[Any] = "score_set"
    run_id: str = text_column(key="run.run_id", unique=True)
    hash: str = text_column()
    body: str = text_column()


class Model(Fact, table=True):
    """A trained model of a book: its text, and the card that says what made it."""

    __tablename__: ClassVar[Any] = "model"
    __table_args__ = (Unique("book", "as_of", "hash"),)
    book: str = text_column()
    as_of: date = Field(sa_type=Date, nullable=False)
    hash: str = text_column()
    card: str = text_column()
    body: str = text_column()


class ModelPin(Fact, table=True):
    """A person's word on which model a book is scored with from now on: this one, or with none named the newest again."""

    __tablename__: ClassVar[Any] = "model_pin"
    book: str = text_column()
    hash: str | None = text_column(optional=True)
    said_by: str = text_column()
    reason: str = text_column()


class Trial(Fact, table=True):
    """A backtest that was run, by the hash of what was asked, and what came out: the Sharpe ratio of a session."""

    __tablename__: ClassVar[Any] = "trial"
    __table_args__ = (Unique("asked", "sharpe"),)
    asked: str = text_column()
    strategy: str = text_column()
    first: date = Field(sa_type=Date, nullable=False)
    last: date = Field(sa_type=Date, nullable=False)
    sessions: int = Field(sa_type=BigInteger, nullable=False)
    sharpe: Decimal = number()


class Job(Fact, table=True):
    """A piece of work that a tool asked for, with its inputs; its steps are rows of job_step."""

    __tablename__: ClassVar[Any] = "job"
    job_id: str = text_column(unique=True)
    kind: str = text_column()
    body: str = text_column()


class JobStep(Fact, table=True):
    """How far a job came: running, done or failed, with its result."""

    __tablename__: ClassVar[Any] = "job_step"
    __table_args__ = (Unique("job_id", "state"),)
    job_id: str = text_column(key="job.job_id")
    state: str = text_column()
    body: str = text_column()


class Proposal(Fact, table=True):
    """The riskguard's target and the order lines that lead to it."""

    __tablename__: ClassVar[Any] = "proposal"
    run_id: str = text_column(key="run.run_id", unique=True)
    hash: str = text_column()
    body: str = text_column()


class Decision(Fact, table=True):
    """The riskguard's answer, with the facts that it looked at."""

    __tablename__: ClassVar[Any] = "decision"
    run_id: str = text_column(key="run.run_id", unique=True)
    kind: str = text_column()
    hash: str = text_column()
    body: str = text_column()
    facts: str = text_column()


class Approval(Fact, table=True):
    """A signed yes."""

    __tablename__: ClassVar[Any] = "approval"
    run_id: str = text_column(key="decision.run_id", unique=True)
    mandate: str = text_column()
    key_id: str = text_column()
    signature: str = text_column()


class ApprovalLine(Fact, table=True):
    """One approved order line; a ticket line can rest on nothing else."""

    __tablename__: ClassVar[Any] = "approval_line"
    __table_args__ = (Unique("approval_id", "line"),)
    approval_id: int = reference("approval.id")
    line: int
    body: str = text_column()


class Ticket(Fact, table=True):
    """A ticket: its decision bytes, their hash, and the sealed footer."""

    __tablename__: ClassVar[Any] = "ticket"
    __table_args__ = (Unique("book", "slot", "revision"), Unique("ticket_id", "revision"))
    ticket_id: str = text_column()
    book: str = text_column()
    slot: str = text_column()
    revision: int
    kind: str = text_column()
    venue: str = text_column()
    is_rehearsal: bool
    run_id: str = text_column(key="decision.run_id", unique=True)
    hash: str = text_column()
    body: str = text_column()
    seal: str = text_column()


class Revision(Fact, table=True):
    """A person's fact: the run of a slot's next revision, the ticket that it voids, who asked and why."""

    __tablename__: ClassVar[Any] = "revision"
    run_id: str = text_column(key="run.run_id", unique=True)
    voids: int = reference("ticket.id", unique=True)
    said_by: str = text_column()
    reason: str = text_column()


class TicketLine(Fact, table=True):
    """One trade of a ticket, resting on exactly one approved line, which is used once."""

    __tablename__: ClassVar[Any] = "ticket_line"
    __table_args__ = (Unique("ticket", "line"),)
    ticket: int = reference("ticket.id")
    line: int
    approval_line: int = reference("approval_line.id", unique=True)
    body: str = text_column()


class TicketStep(Fact, table=True):
    """A step of a ticket's life: drafted, issued, sent, partly confirmed, confirmed, expired, void."""

    __tablename__: ClassVar[Any] = "ticket_step"
    __table_args__ = (Unique("ticket", "step"),)
    ticket: int = reference("ticket.id")
    step: str = text_column()
    body: str = text_column()


class Delivery(Fact, table=True):
    """An attempt to deliver a ticket through a channel."""

    __tablename__: ClassVar[Any] = "delivery"
    ticket: int = reference("ticket.id")
    channel: str = text_column()
    outcome: str = text_column()
    body: str = text_column()


class Confirmation(Fact, table=True):
    """What a person said of a ticket, and whether it came after the deadline."""

    __tablename__: ClassVar[Any] = "confirmation"
    ticket: int = reference("ticket.id")
    said_by: str = text_column()
    channel: str = text_column()
    said_at: datetime = instant()
    is_late: bool
    body: str = text_column()


class ConfirmationLine(Fact, table=True):
    """The answer to one ticket line; a line is answered once."""

    __tablename__: ClassVar[Any] = "confirmation_line"
    confirmation: int = reference("confirmation.id")
    ticket_line: int = reference("ticket_line.id", unique=True)
    outcome: str = text_column()
    body: str = text_column()


class VenueReport(Fact, table=True):
    """What a venue reports: executions, dividends, splits, opening cash."""

    __tablename__: ClassVar[Any] = "venue_report"
    key: str = text_column(unique=True)
    book: str = text_column()
    venue: str = text_column()
    kind: str = text_column()
    session: date = Field(sa_type=Date, nullable=False)
    ticket_line: int | None = reference("ticket_line.id", unique=True, optional=True)
    body: str = text_column()


class AccountSnapshot(Fact, table=True):
    """What a venue says an account holds, in a report at the close of a session or in a file, whose SHA-256 is `evidence`."""

    __tablename__: ClassVar[Any] = "account_snapshot"
    __table_args__ = (Unique("account", "book", "venue", "session", "evidence", postgresql_nulls_not_distinct=True),)
    account: str = text_column()
    book: str = text_column()
    venue: str = text_column()
    session: date = Field(sa_type=Date, nullable=False)
    body: str = text_column()
    evidence: str | None = text_column(optional=True)


class CashMovement(Fact, table=True):
    """A person's fact: cash paid into or taken out of a book."""

    __tablename__: ClassVar[Any] = "cash_movement"
    key: str = text_column(unique=True)
    book: str = text_column()
    venue: str = text_column()
    session: date = Field(sa_type=Date, nullable=False)
    currency: str = text_column()
    amount: Decimal = number()
    said_by: str = text_column()
    note: str = text_column()


class StatementFile(Fact, table=True):
    """A person's fact: a broker's file, whole (base64), that booked facts were read from; its SHA-256 names it."""

    __tablename__: ClassVar[Any] = "statement_file"
    sha256: str = text_column(unique=True)
    account: str = text_column()
    broker: str = text_column()
    form: str = text_column()
    name: str = text_column()
    content: str = text_column()
    said_by: str = text_column()


class BookedFact(Fact, table=True):
    """A person's fact of a book, read from a statement or typed; what it reverses is reversed once."""

    __tablename__: ClassVar[Any] = "booked_fact"
    key: str = text_column(unique=True)
    kind: str = text_column()
    account: str = text_column()
    book: str = text_column()
    venue: str = text_column()
    session: date = Field(sa_type=Date, nullable=False)
    body: str = text_column()
    statement: str | None = text_column(key="statement_file.sha256", optional=True)
    reverses: str | None = text_column(unique=True, optional=True)
    said_by: str = text_column()
    note: str = text_column()


class Entry(ManyFact, table=True):
    """One fact of the journal, resting on exactly one piece of evidence, which the trigger `rest_on_evidence` looks up."""

    __tablename__: ClassVar[Any] = "entry"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(confirmation_line, venue_report, cash_movement, clean_snapshot, booked_fact) = 1",
            name="entry_rests_on_one_evidence",
        ),
        *(used_once("entry", column) for column in ("confirmation_line", "venue_report", "cash_movement")),
        ranges_of("entry"),
    )
    key: str = text_column(unique=True)
    kind: str = text_column()
    book: str = text_column()
    venue: str = text_column()
    session: date = Field(sa_type=Date, nullable=False)
    instrument: str | None = text_column(optional=True)
    confirmation_line: int | None = Field(sa_type=BigInteger, nullable=True, default=None)
    venue_report: int | None = Field(sa_type=BigInteger, nullable=True, default=None)
    cash_movement: int | None = Field(sa_type=BigInteger, nullable=True, default=None)
    clean_snapshot: int | None = Field(sa_type=BigInteger, nullable=True, default=None)
    booked_fact: int | None = Field(sa_type=BigInteger, nullable=True, default=None)


class Posting(ManyFact, table=True):
    """One line of the journal; that its entry is there is held once a statement, by the trigger `rest_on_entries`."""

    __tablename__: ClassVar[Any] = "posting"
    __table_args__ = (Unique("entry", "line"), ranges_of("posting"))
    entry: int = Field(sa_type=BigInteger, nullable=False)
    line: int
    account: str = text_column()
    commodity: str = text_column()
    amount: Decimal = number()


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
    snapshot: int = reference("account_snapshot.id")
    book: str = text_column()
    venue: str = text_column()
    session: date = Field(sa_type=Date, nullable=False)
    ledger_head: str = text_column()
    breaks: str = text_column()
    marks: str | None = text_column(optional=True)


class Halt(Fact, table=True):
    """No trade ticket from here on, for a book or for the desk (`*`)."""

    __tablename__: ClassVar[Any] = "halt"
    scope: str = text_column()
    reason: str = text_column()
    role: str = text_column()


class Manifest(Fact, table=True):
    """What a finished run was made of and what it gave, each by its hash."""

    __tablename__: ClassVar[Any] = "manifest"
    run_id: str = text_column(key="run.run_id", unique=True)
    hash: str = text_column()
    body: str = text_column()


FACTS: tuple[type[Fact], ...] = (
    ConfigVersion,
    CleanSnapshot,
    Run,
    ScoreSet,
    Model,
    ModelPin,
    Trial,
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
    *SAID,
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
