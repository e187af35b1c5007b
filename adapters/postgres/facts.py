"""What every fact table is made of: the columns that the database fills, and the kinds of columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, Numeric, Text, text
from sqlmodel import Field, SQLModel


def text_column(*, key: str | None = None, unique: bool = False, optional: bool = False) -> Any:
    """Give a column of text; with `key` it refers to another table's column."""
    args = (ForeignKey(key),) if key else ()
    return Field(sa_column_args=args, sa_type=Text, nullable=optional, unique=unique, default=None if optional else ...)


def reference(key: str, *, unique: bool = False, optional: bool = False) -> Any:
    """Give a column that refers to another table's column by its number."""
    return Field(
        sa_type=BigInteger,
        sa_column_args=(ForeignKey(key),),
        unique=unique,
        nullable=optional,
        default=None if optional else ...,
    )


def number() -> Any:
    """Give a column of exact numbers."""
    return Field(sa_type=Numeric, nullable=False)


def instant(*, optional: bool = False) -> Any:
    """Give a column of instants."""
    return Field(sa_type=DateTime(timezone=True), nullable=optional, default=None if optional else ...)


_NEXT_EVENT, _NOW = text("(current_setting('twokey.event_seq'::text, true))::bigint"), text("clock_timestamp()")
_LOCKED = text("to_timestamp((current_setting('twokey.recorded_at'::text, true))::double precision)")


class Fact(SQLModel):
    """What every fact row carries besides its own columns."""

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    event_seq: int | None = Field(
        default=None, sa_type=BigInteger, nullable=False, index=True, sa_column_kwargs={"server_default": _NEXT_EVENT}
    )
    recorded_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), nullable=False, sa_column_kwargs={"server_default": _NOW}
    )


class ManyFact(Fact):
    """A fact with very many rows: those of a statement have one instant, and lie together, as an index of ranges has them."""

    event_seq: int | None = Field(
        default=None, sa_type=BigInteger, nullable=False, sa_column_kwargs={"server_default": _NEXT_EVENT}
    )
    recorded_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), nullable=False, sa_column_kwargs={"server_default": _LOCKED}
    )


def ranges_of(table: str) -> Index:
    """Give the index of a table by the event of its rows, in which ranges of pages stand and not rows."""
    return Index(
        f"ix_{table}_event_seq",
        "event_seq",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
    )


def used_once(table: str, column: str) -> Index:
    """Give an index that lets a value stand in one row only, and leaves out rows without one."""
    return Index(f"{table}_{column}_key", column, unique=True, postgresql_where=text(f"{column} IS NOT NULL"))
