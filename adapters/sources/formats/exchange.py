"""A recorded HTTP exchange: what was asked for, the status, the day on which it was answered, and the body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime

from core.domain.bars import Basis
from flows.ports import RawRecord, SourceError


@dataclass(frozen=True)
class Exchange:
    """What a recording says of one exchange; the body is text, whether it was kept as text or as JSON."""

    url: str
    status: int
    served_on: date | None
    body: str


def recorded_exchange(record: RawRecord, content: bytes) -> Exchange:
    """Read a recording; raises SourceError where it is none."""
    try:
        told = json.loads(content)
        answer = told["response"]
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        served = headers.get("date")
        served_at = served[0] if isinstance(served, list) else served
        return Exchange(
            url=told["request"]["url"],
            status=int(answer["status"]),
            served_on=parsedate_to_datetime(served_at).date() if served_at else None,
            body=json.dumps(answer["bodyJson"]) if "bodyJson" in answer else str(answer["body"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{record.name}: not a recorded exchange with request and response: {error}") from error


def split_adjusted(record: RawRecord, served_on: date | None = None) -> Basis:
    """Give the basis of Yahoo's prices: as the source states it, else as of the day on which they were served."""
    if record.basis is not None and record.basis.as_of is not None:
        return record.basis
    return Basis("split-adjusted", served_on)
