"""Group rules: each one function that objects to a purchase for what it adds up to with others: a sector, a cluster, open
tickets, the desk's other books.

They judge a line within what a proposal leads to for sure, as proposal rules do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.case import Case
from core.domain.decision import Objection
from core.domain.instrument import InstrumentId
from core.domain.order import OrderLine
from core.domain.others import DeskView, OtherLine
from core.money import weight_of
from core.riskguard.history import alike
from core.riskguard.line_rules import LineRule, over_volume, over_weight, short_sale
from core.riskguard.proposal_rules import (
    ProposalRule,
    leverage,
    over_capital,
    thin_cash,
    too_many_positions,
    unsettled_cash,
)
from core.riskguard.wording import objection
from core.settings import Policy

ZERO, ONE = Decimal(0), Decimal(1)


def over_sector(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """No sector is bought above its highest weight; what has no sector, such as a fund, is bound by none."""
    limit, rows = policy.limits.sector_weight_max, case.universe.by_id()
    row = rows.get(line.instrument)
    if line.side != "buy" or limit >= ONE or row is None or not row.sector:
        return None
    members = (name for name in case.after if name in rows and rows[name].sector == row.sector)
    return _over("OVER_SECTOR", limit, _value(members, case), case=case, words=f"a weight of {row.sector} up to")


def correlated(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """An instrument is not bought above the highest weight of a cluster together with all that moves as it does."""
    limit = policy.limits.cluster_weight_max
    # Where all that is held together stays below the limit, nobody needs to know what moves as what.
    if line.side != "buy" or limit >= ONE or case.invested_after <= limit * case.proposal.equity:
        return None
    members = alike(case, line.instrument, policy)
    words = f"{' and '.join(sorted(members))} of a weight up to"
    return _over("CORRELATED", limit, _value(members, case), case=case, words=words)


def open_tickets(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """A trade and the open ones of other tickets keep the limits together, as if they were one: splitting changes nothing."""
    beside = tuple(one for one in case.others if one.is_open and one.side == line.side)
    if not beside:
        return None
    wide = _with(beside, case, line)
    for rule in OF_A_LINE:
        found = rule(line, wide, policy)
        if found is not None and rule(line, case, policy) is None:
            return _together(found, beside)
    for whole in OF_THE_WHOLE:
        found = whole(wide, policy)
        if line.side == "buy" and found is not None and whole(case, policy) is None:
            return _together(found, beside)
    return None


def desk_over_weight(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """No instrument is bought above the desk's highest weight, the positions of all books counted together."""
    if line.side != "buy" or case.desk is None:
        return None
    limit, worth = case.desk.weight_max, _desk_worth(case.desk, case)
    if worth is None:
        return _unpriced("DESK_OVER_WEIGHT", limit)
    units = sum((held for book in case.desk.books for name, held in book.units if name == line.instrument), ZERO)
    mark = case.mark(line.instrument)
    value = case.value_after(line.instrument)
    value += ZERO if mark is None else case.prices.fx.to_base(units * mark.price)
    if value > limit * worth.equity:
        words = f"a weight up to {plain_decimal(limit)} of all books together"
        return objection("DESK_OVER_WEIGHT", limit, weight_of(value, worth.equity), words)
    return None


def desk_over_gross(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """The positions of all books together are bought up to the desk's highest multiple of all their equity."""
    if line.side != "buy" or case.desk is None:
        return None
    limit, worth = case.desk.gross_max, _desk_worth(case.desk, case)
    if worth is None:
        return _unpriced("DESK_OVER_GROSS", limit)
    value = case.invested_after + worth.positions
    if value > limit * worth.equity:
        words = f"positions of all books up to {plain_decimal(limit)} of their equity"
        return objection("DESK_OVER_GROSS", limit, weight_of(value, worth.equity), words)
    return None


# What an order is judged by together with the open ones of its instrument, and what all of them together are.
OF_A_LINE: tuple[LineRule, ...] = (short_sale, over_weight, over_volume, over_sector, correlated)
OF_THE_WHOLE: tuple[ProposalRule, ...] = (too_many_positions, thin_cash, unsettled_cash, over_capital, leverage)
# A book's own first, then the desk's.
GROUP_RULES: tuple[LineRule, ...] = (over_sector, correlated, open_tickets, desk_over_weight, desk_over_gross)


def _over(code: str, limit: Decimal, value: Decimal, *, case: Case, words: str) -> Objection | None:
    equity = case.proposal.equity
    if value > limit * equity:
        return objection(code, limit, weight_of(value, equity), f"{words} {plain_decimal(limit)}")
    return None


def _value(names: Iterable[InstrumentId], case: Case) -> Decimal:
    return sum((case.value_after(name) for name in sorted(names)), ZERO)


def _with(beside: tuple[OtherLine, ...], case: Case, line: OrderLine) -> Case:
    """Give the case with the open lines of other tickets on a line's side added, as lines of the proposal."""
    added = tuple(
        replace(
            line,
            instrument=one.instrument,
            quantity=one.quantity,
            notional=one.notional,
            cost=one.cost,
        )
        for one in beside
    )
    return replace(case, proposal=replace(case.proposal, lines=(*case.proposal.lines, *added)))


def _together(found: Objection, beside: tuple[OtherLine, ...]) -> Objection:
    return Objection(
        "OPEN_TICKETS",
        found.limit,
        f"{found.value} with {_told(beside)}",
        f"{found.would_pass} with open tickets counted",
    )


def _told(beside: tuple[OtherLine, ...]) -> str:
    """Say open lines of one side by their count, sum and tickets: each of them is said on its own ticket."""
    largest, worth = max(beside, key=lambda one: one.notional), sum((one.notional for one in beside), ZERO)
    told = f"worth {plain_decimal(worth)} on {' and '.join(sorted({one.ticket_id for one in beside}))}"
    if len(beside) == 1:
        return f"the open {largest.side} of {largest.instrument} {told}"
    most = f"the largest of {largest.instrument} for {plain_decimal(largest.notional)}"
    return f"{len(beside)} open {largest.side}s {told}, {most}"


def _unpriced(code: str, limit: Decimal) -> Objection:
    seen = "the worth of all books together is unknown or nothing"
    return Objection(code, plain_decimal(limit), seen, "a close of as-of of all that other books hold")


@dataclass(frozen=True)
class _Worth:
    """What the other books hold, and the equity of all books, both in the base currency."""

    positions: Decimal
    equity: Decimal


def _desk_worth(desk: DeskView, case: Case) -> _Worth | None:
    """Add up what the other books hold and own, or give None when something has no price or nothing is owned."""
    positions, cash = ZERO, ZERO
    for book in desk.books:
        cash += book.cash
        for name, units in book.units:
            mark = case.mark(name)
            if mark is None:
                return None
            positions += case.prices.fx.to_base(units * mark.price)
    equity = case.proposal.equity + positions + cash
    return _Worth(positions, equity) if equity > 0 else None
