"""Announced actions: what a person wrote down ahead of its ex-date, and what a provider tells of days that are to come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal

from adapters.sources.formats.form import Format
from adapters.sources.formats.opened import header
from adapters.sources.formats.rows import Row, rows_of
from core.domain.bars import Action, Announcement, Parsed
from core.domain.pending import PERSON
from flows.ports import RawRecord

ANNOUNCED_COLUMNS = ["internal_symbol", "ex_date", "split_ratio", "dividend", "known_at"]
DAY_LENGTH = len("2015-06-23")
NO_SPLIT = (Decimal(0), Decimal(1))


def told_ahead(actions: Iterable[Action], record: RawRecord) -> tuple[Announcement, ...]:
    """Give the actions that a file told not later than on their ex-date: they were known when it was received."""
    received, day = record.received_at, record.received_at.astimezone(UTC).date()
    return tuple(
        Announcement(
            source=action.provider,
            symbol=action.symbol,
            session=action.session,
            known_at=received,
            split_ratio=None if action.split_ratio in NO_SPLIT else action.split_ratio,
            dividend=action.dividend or None,
        )
        for action in actions
        if action.session >= day
    )


def _is_announced(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and header(head)[: len(ANNOUNCED_COLUMNS)] == ANNOUNCED_COLUMNS


def _parse_announced(record: RawRecord, content: bytes) -> Parsed:
    unread: list[str] = []

    def announcement(row: Row) -> Announcement:
        ratio, dividend = _told(row, "split_ratio"), _told(row, "dividend")
        if ratio is None and dividend is None:
            raise ValueError("split_ratio and dividend were empty; one of them must be told")
        if ratio is not None and ratio <= 0:
            raise ValueError(f"split_ratio was {ratio}; it must be above 0, such as 7 for 7:1 (1 takes a split back)")
        if dividend is not None and dividend < 0:
            raise ValueError(f"dividend was {dividend}; it must be 0 or more (0 takes a dividend back)")
        known_at = min(_known_at(row, record.received_at), record.received_at)
        return Announcement(PERSON, row.text("internal_symbol"), row.day("ex_date"), known_at, ratio, dividend)

    return Parsed(announced=tuple(rows_of(record, content, announcement, unread)), unread=tuple(unread))


def _told(row: Row, name: str) -> Decimal | None:
    return row.decimal(name) if row.cells[name] else None


def _known_at(row: Row, received_at: datetime) -> datetime:
    """Read since when it was known: an instant with its zone, a day (to its end in UTC), or empty (when it came here)."""
    text = row.cells["known_at"]
    if not text:
        return received_at
    try:
        if len(text) <= DAY_LENGTH:
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(
        f"known_at was {text!r}; it must be a day such as 2015-06-23, an instant with its zone such as "
        "2015-06-23T20:05:00Z, or empty"
    )


ANNOUNCED_FORMATS = (Format("announced_actions_csv", PERSON, _is_announced, _parse_announced),)
