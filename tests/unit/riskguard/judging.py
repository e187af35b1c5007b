"""Judging one rule: cases around the small book, and the worlds that stand beside it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.domain.case import Case
from core.domain.decision import Objection
from core.domain.instrument import Universe
from core.domain.order import Side
from core.domain.others import BookHeld, DeskView, OtherLine
from core.riskguard.rules import (
    ACTIVITY_RULES,
    GROUP_RULES,
    LINE_RULES,
    PROPOSAL_RULES,
    LineRule,
    ProposalRule,
)
from core.settings import Policy
from tests.unit.making import ABCD, SHIPPED, line, past
from tests.unit.market_data.making import instrument


def listed(name: str, **changes: Any) -> Universe:
    """Give the universe with the row of one instrument changed."""
    rows = ABCD.instruments
    return Universe(tuple(instrument(name, **changes) if row.id == name else row for row in rows))


def judged(rule: LineRule | ProposalRule, of: Case, policy: Policy = SHIPPED) -> Objection | None:
    """Give what a rule says of a case; a rule of lines judges the first line."""
    for line_rule in LINE_RULES + GROUP_RULES:
        if line_rule is rule:
            return line_rule(of.proposal.lines[0], of, policy)
    return next(whole for whole in PROPOSAL_RULES + ACTIVITY_RULES if whole is rule)(of, policy)


def other(side: Side, instrument: str, quantity: str, **changes: Any) -> OtherLine:
    """Give an open line of last week's ticket at the mark of `PRICES`."""
    wanted = line(side, instrument, quantity)
    whole = OtherLine(
        ticket_id="TICKET-20240607",
        line=1,
        book="main",
        instrument=instrument,
        side=side,
        quantity=wanted.quantity,
        notional=wanted.notional,
        cost=wanted.cost,
        is_open=True,
        is_of_the_day=False,
    )
    return replace(whole, **changes)


def desk(limit: str, *, cash: str = "0", **units: str) -> DeskView:
    """Give a desk with both of its limits, and one other book that holds units."""
    held = tuple((name, Decimal(quantity)) for name, quantity in sorted(units.items()))
    return DeskView(Decimal(limit), Decimal(limit), (BookHeld("second", held, Decimal(cash)),))


# A thousand units change hands a session, at 125.
QUIET = past(closes={"AAA": [125.0] * 20}, volume=1000)
# BBB always stands at two fifths of AAA.
_COURSE = [100 + at % 7 + at % 3 for at in range(63)] + [125]
ALIKE = past(closes={"AAA": _COURSE, "BBB": [0.4 * price for price in _COURSE]})
