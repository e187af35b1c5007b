"""The tables of what people say of a desk: resumes, losses, phases, freezes, attestations and looked-up instruments."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Date
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field

from adapters.postgres.facts import Fact, reference, text_column


class Resume(Fact, table=True):
    """A person lifts a halt."""

    __tablename__: ClassVar[Any] = "resume"
    halt: int = reference("halt.id", unique=True)
    said_by: str = text_column()
    reason: str = text_column()


class PeakRestart(Fact, table=True):
    """From this session on a book's peak counts: a person resumed after the kill switch."""

    __tablename__: ClassVar[Any] = "peak_restart"
    __table_args__ = (Unique("resume", "book"),)
    resume: int = reference("resume.id")
    book: str = text_column()
    session: date = Field(sa_type=Date, nullable=False)


class AcknowledgedLoss(Fact, table=True):
    """A person restored an older copy: it ends with event `last_seq`, and events up to `lost_to` are lost."""

    __tablename__: ClassVar[Any] = "acknowledged_loss"
    __table_args__ = (CheckConstraint("lost_to > last_seq"),)
    backup: str = text_column()
    last_seq: int = Field(sa_type=BigInteger, nullable=False)
    last_hash: str = text_column()
    lost_to: int = Field(sa_type=BigInteger, nullable=False)
    said_by: str = text_column()
    reason: str = text_column()


class RolloutStep(Fact, table=True):
    """A person's fact: the rollout phase of a book."""

    __tablename__: ClassVar[Any] = "rollout_step"
    book: str = text_column()
    phase: str = text_column()
    said_by: str = text_column()
    reason: str = text_column()


class Verification(Fact, table=True):
    """A person's fact: an instrument was looked up at the venue."""

    __tablename__: ClassVar[Any] = "verification"
    instrument: str = text_column()
    verified_on: date = Field(sa_type=Date, nullable=False)
    said_by: str = text_column()
    note: str = text_column()


class ChangeWindow(Fact, table=True):
    """A person's fact: what had changed of a frozen book may stand, and is what is frozen from now on."""

    __tablename__: ClassVar[Any] = "change_window"
    book: str = text_column()
    said_by: str = text_column()
    reason: str = text_column()


class FrozenHash(Fact, table=True):
    """What a phase or a change window froze of a book: policy, universe, the desk's limits, model or code, by its hash."""

    __tablename__: ClassVar[Any] = "frozen_hash"
    __table_args__ = (CheckConstraint("num_nonnulls(rollout_step, change_window) = 1"),)
    book: str = text_column()
    rollout_step: int | None = reference("rollout_step.id", optional=True)
    change_window: int | None = reference("change_window.id", optional=True)
    kind: str = text_column()
    hash: str = text_column()


class Attestation(Fact, table=True):
    """A person's fact: what nobody but a person can check of a book was checked, with the file that shows it."""

    __tablename__: ClassVar[Any] = "attestation"
    book: str = text_column()
    item: str = text_column()
    holds: bool
    sha256: str = text_column()
    name: str = text_column()
    content: str = text_column()
    said_by: str = text_column()
    note: str = text_column()


class ConfigRestore(Fact, table=True):
    """A person's fact: a configuration was put back to an earlier one that was kept."""

    __tablename__: ClassVar[Any] = "config_restore"
    book: str = text_column()
    kind: str = text_column()
    hash: str = text_column()
    replaced: str = text_column()
    said_by: str = text_column()
    reason: str = text_column()


# In the order in which each may refer to those before it.
SAID: tuple[type[Fact], ...] = (
    Resume,
    PeakRestart,
    AcknowledgedLoss,
    RolloutStep,
    ChangeWindow,
    FrozenHash,
    Attestation,
    ConfigRestore,
    Verification,
)
