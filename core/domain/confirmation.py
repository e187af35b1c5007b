"""Confirmations: what a person says happened to each line of a ticket, and what a venue reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from core.domain.instrument import InstrumentId
from core.domain.order import Side
from core.domain.slot import BookName, TicketId, VenueName
from core.money import BPS, rate_of, round_price, to_pence

ZERO = Decimal(0)


@dataclass(frozen=True)
class PartFill:
    """One of several fills of a line: units, price in the instrument's currency, fee in the base currency, and the rate."""

    quantity: Decimal
    price: Decimal
    fee: Decimal
    fx_rate: Decimal


@dataclass(frozen=True)
class Executed:
    """A line was filled, wholly or in part: units, price in the instrument's currency, fee in the base currency.

    `acknowledged` is how a person knows that a fill outside the bounds truly happened. Where the venue filled the line in
    several pieces, `parts` holds each, quantity and fee are their sums, and price and rate their averages.
    """

    line: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fx_rate: Decimal
    is_partial: bool
    note: str = ""
    acknowledged: str = ""
    parts: tuple[PartFill, ...] = ()

    @property
    def pieces(self) -> tuple[PartFill, ...]:
        """Give each fill: the parts, or the whole as one."""
        return self.parts or (PartFill(self.quantity, self.price, self.fee, self.fx_rate),)


def executed_in_parts(
    line: int, parts: tuple[PartFill, ...], *, is_partial: bool, note: str, acknowledged: str
) -> Executed:
    """Sum the fills of a line: the price is their average by units, the rate that of all the money; both are rounded.

    What is posted is the sum of the pieces, exactly. Raises ValueError where there is no unit or no positive price or rate.
    """
    quantity, fee = sum((one.quantity for one in parts), ZERO), sum((one.fee for one in parts), ZERO)
    if quantity <= 0 or any(min(one.price, one.fx_rate) <= 0 for one in parts):
        raise ValueError(f"line {line}: units, prices and rates of the fills must be above 0")
    money = sum((one.quantity * one.price for one in parts), ZERO)
    base = sum((one.quantity * one.price / one.fx_rate for one in parts), ZERO)
    rates = {one.fx_rate for one in parts}
    rate = rates.pop() if len(rates) == 1 else rate_of(money, base)
    price = round_price(money / quantity)
    return Executed(
        line, quantity, price, fee, rate, is_partial=is_partial, note=note, acknowledged=acknowledged, parts=parts
    )


@dataclass(frozen=True)
class NotExecuted:
    """A line was not executed, and why."""

    line: int
    reason: str


Answer = Executed | NotExecuted


@dataclass(frozen=True)
class Confirmation:
    """A person's answers to lines of one ticket in one revision, quoting the ticket's short hash."""

    ticket_id: TicketId
    revision: int
    short_hash: str
    by: str
    channel: Literal["terminal", "slack", "web", "python"]
    at: datetime
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Fill:
    """What a venue did: quantity, price, fee, rate and the session; it rests on exactly one piece of evidence.

    `price` is in the quote currency; `fx_rate` is quote units for one base unit; `fee` is in the base currency.
    """

    key: str
    book: BookName
    venue: VenueName
    evidence: str
    instrument: InstrumentId
    side: Side
    quantity: Decimal
    price: Decimal
    quote: str
    base: str
    fx_rate: Decimal
    fee: Decimal
    session: date
    decision_price: Decimal | None = None
    parts: tuple[PartFill, ...] = ()

    @property
    def pieces(self) -> tuple[PartFill, ...]:
        """Give each fill that it is the sum of: the parts, or the whole as one."""
        return self.parts or (PartFill(self.quantity, self.price, self.fee, self.fx_rate),)

    @property
    def slippage_bps(self) -> Decimal | None:
        """Give what the price was worse than the decision price, in basis points (better: below zero), to a hundredth.

        None where no decision price is known. A purchase above it and a sale below it are worse.
        """
        if self.decision_price is None:
            return None
        worse = self.price - self.decision_price if self.side == "buy" else self.decision_price - self.price
        return to_pence(worse / self.decision_price / BPS)
