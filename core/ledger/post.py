"""Posting: fills, cash and splits become balanced entries."""

from __future__ import annotations

from decimal import Decimal

from core.domain.confirmation import Fill
from core.domain.posting import CashFact, Entry, Posting, SplitFact
from core.money import to_pence

ZERO = Decimal(0)


def post_fill(fill: Fill) -> Entry:
    """Turn a fill into postings: units against trade, trade's money through conversion into cash, the fee from cash.

    Each commodity sums to zero. Of several pieces the sum is posted; the base amount is rounded once, to the penny. Raises
    ValueError unless quantity, price and rate are positive and the fee is not negative.
    """
    if any(min(one.quantity, one.price, one.fx_rate) <= 0 or one.fee < 0 for one in fill.pieces):
        raise ValueError(
            f"fill {fill.key}: quantity {fill.quantity}, price {fill.price} and rate {fill.fx_rate} must be positive,"
            f" fee {fill.fee} not negative"
        )
    sign = Decimal(1) if fill.side == "buy" else Decimal(-1)
    quote_value = sign * to_pence(sum((one.quantity * one.price for one in fill.pieces), ZERO))
    base_value = sign * to_pence(sum((one.quantity * one.price / one.fx_rate for one in fill.pieces), ZERO))
    postings = (
        Posting("units", fill.instrument, sign * fill.quantity),
        Posting("trade", fill.instrument, -sign * fill.quantity),
        *_money_legs(fill, quote_value, base_value),
    )
    return Entry(
        key=fill.key,
        kind="BUY" if fill.side == "buy" else "SELL",
        book=fill.book,
        venue=fill.venue,
        session=fill.session,
        instrument=fill.instrument,
        evidence=fill.evidence,
        postings=postings,
    )


def post_cash(fact: CashFact) -> Entry:
    """Turn cash into postings: a deposit or withdrawal against capital; a dividend as income, tax withheld and cash.

    Raises ValueError when the amount is not positive, or more is withheld than paid.
    """
    if fact.amount <= 0 or not 0 <= fact.withheld <= fact.amount:
        raise ValueError(
            f"cash {fact.key}: amount {fact.amount} must be positive and withheld {fact.withheld} within it"
        )
    return Entry(
        key=fact.key,
        kind=fact.kind,
        book=fact.book,
        venue=fact.venue,
        session=fact.session,
        instrument=fact.instrument,
        evidence=fact.evidence,
        postings=_cash_legs(fact),
    )


def post_split(fact: SplitFact) -> Entry:
    """Turn a split into postings: units against trade and no money, so that what the units cost stays what it was.

    Raises ValueError when no unit comes or goes.
    """
    if fact.units == 0:
        raise ValueError(f"split {fact.key}: units were 0; a split that changes nothing is not posted")
    return Entry(
        key=fact.key,
        kind="SPLIT",
        book=fact.book,
        venue=fact.venue,
        session=fact.session,
        instrument=fact.instrument,
        evidence=fact.evidence,
        postings=(
            Posting("units", fact.instrument, fact.units),
            Posting("trade", fact.instrument, -fact.units),
        ),
    )


def _cash_legs(fact: CashFact) -> tuple[Posting, ...]:
    if fact.kind == "DIVIDEND":
        return (
            Posting("cash", fact.currency, fact.amount - fact.withheld),
            Posting("withholding", fact.currency, fact.withheld),
            Posting("dividend", fact.currency, -fact.amount),
        )
    amount = fact.amount if fact.kind == "DEPOSIT" else -fact.amount
    return (Posting("cash", fact.currency, amount), Posting("capital", fact.currency, -amount))


def _money_legs(fill: Fill, quote_value: Decimal, base_value: Decimal) -> tuple[Posting, ...]:
    fee_legs = (Posting("fee", fill.base, fill.fee), Posting("cash", fill.base, -fill.fee)) if fill.fee else ()
    if fill.quote == fill.base:
        return (Posting("trade", fill.base, base_value), Posting("cash", fill.base, -base_value), *fee_legs)
    return (
        Posting("trade", fill.quote, quote_value),
        Posting("conversion", fill.quote, -quote_value),
        Posting("conversion", fill.base, base_value),
        Posting("cash", fill.base, -base_value),
        *fee_legs,
    )
