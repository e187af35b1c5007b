"""Decisions and approvals: the riskguard's answer, and its signed yes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from core.domain.order import OrderLine
from core.domain.slot import BookName

TicketKind = Literal["TRADE", "HOLD", "NO-TRADE"]

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Objection:
    """Why a rule refuses: a stable code, the limit, the value, and what would pass.

    A limit that is no number names what the rule asks for, and a value that is none says what is.
    """

    code: str
    limit: str
    value: str
    would_pass: str

    def __str__(self) -> str:
        """Say it in one sentence: a number against its limit, or in words what is and what the rule asks for."""
        return f"{self.code}: {self.value}{self._against()}; {self.would_pass} would pass"

    def _against(self) -> str:
        if not NUMBER.fullmatch(self.limit):
            return f", where the rule asks for {self.limit}"
        if not NUMBER.fullmatch(self.value):
            return f", where the limit is {self.limit}"
        return f" against the limit {self.limit}"


@dataclass(frozen=True)
class Approved:
    """An order line that every rule allows."""

    line: OrderLine


@dataclass(frozen=True)
class Refused:
    """An order line that at least one rule objects to, with every objection."""

    line: OrderLine
    objections: tuple[Objection, ...]

    def __str__(self) -> str:
        """Say it in one line: which trade, and every objection."""
        return f"{self.line.side} {self.line.instrument}: {'; '.join(str(objection) for objection in self.objections)}"


@dataclass(frozen=True)
class Review:
    """The rules' verdict on a proposal: its lines that are approved and refused."""

    approved: tuple[OrderLine, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class GateReport:
    """What one gate said in a run: open, closed, or not run because it waits for others."""

    gate: str
    state: Literal["open", "closed", "waits"]
    messages: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """What a run came to: the kind of its ticket, every gate's report, the approved lines and the refused ones."""

    kind: TicketKind
    reasons: tuple[str, ...]
    gates: tuple[GateReport, ...]
    approved: tuple[OrderLine, ...]
    refused: tuple[Refused, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Mandate:
    """What an approval binds; its canonical bytes are what is signed."""

    proposal_hash: str
    decision_hash: str
    policy_hash: str
    universe_hash: str
    book: BookName
    slot: str
    revision: int
    kind: TicketKind
    as_of: date
    ledger_head: str
    expires_at: datetime
    nonce: str


@dataclass(frozen=True)
class Approval:
    """The signed, expiring, single-use yes: a mandate, the key's id and its Ed25519 signature in hex."""

    mandate: Mandate
    key_id: str
    signature: str
