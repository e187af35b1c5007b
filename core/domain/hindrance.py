"""Hindrances: what makes an issued trade not to be executed now, though its bytes stand as they were approved."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

HinderedBy = Literal["answered", "halted", "phase", "unread", "expired"]
HEADS: dict[HinderedBy, str] = {
    "answered": "ANSWERED",
    "halted": "HALTED",
    "phase": "PHASE",
    "unread": "NOT KNOWN",
    "expired": "EXPIRED",
}


@dataclass(frozen=True)
class Hindrance:
    """Why nothing of a ticket is to be executed at the moment that it was asked for.

    `words` are whole sentences that say what to do; `value` is what is beyond `limit`.
    """

    why: HinderedBy
    words: str
    limit: str
    value: str

    @property
    def head(self) -> str:
        """Give the one word that a person must not overlook."""
        return HEADS[self.why]


@dataclass(frozen=True)
class Share:
    """The share of the capital that a book may use now, in which rollout phase, and the one that a ticket was approved for."""

    phase: str
    allowed: Decimal
    approved: Decimal
