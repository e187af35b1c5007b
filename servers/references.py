"""References: the only things that an agent may say to a tool, each with its strict form."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

# Digits are spelled out: in some dialects of patterns \d takes digits of every script.
BookName = Annotated[str, Field(pattern="^[a-z][a-z0-9_-]{0,31}$")]
RunId = Annotated[str, Field(pattern="^RUN-[0-9]{8}(-[a-z][a-z0-9_-]{0,31})?-r[0-9]{1,4}$")]
TicketId = Annotated[str, Field(pattern="^TICKET-[0-9]{8}(-[a-z][a-z0-9_-]{0,31})?$")]
JobId = Annotated[str, Field(pattern="^JOB-[0-9a-f]{12}-[0-9]{1,4}$")]
InstrumentId = Annotated[str, Field(pattern="^[A-Z0-9]+([.-][A-Z0-9]+)*$", max_length=32)]
Instruments = Annotated[list[InstrumentId], Field(min_length=1, max_length=20)]
# Days that every exchange's calendar here covers.
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2035, 12, 31))]
# An instant with its offset from UTC.
KnownAt = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2035, 12, 31, tzinfo=UTC))]
PriceBasis = Literal["as_stored", "total_return"]
Kind = Literal["equity", "etf", "index", "fx", "crypto", "future"]
Sector = Literal[
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
]
BacktestMode = Literal["research", "flow"]
Page = Annotated[int, Field(ge=1, le=10_000)]
EventNumber = Annotated[int, Field(ge=0, le=10**12)]
Scope = Annotated[str, Field(pattern="^([*]|[a-z][a-z0-9_-]{0,31})$")]
HaltReason = Literal[
    "DATA_SUSPECT", "BOOKS_SUSPECT", "SCORES_SUSPECT", "VENUE_TROUBLE", "MARKET_EVENT", "PERSON_ASKED", "AGENT_UNSURE"
]
EVERY_BOOK = "*"
