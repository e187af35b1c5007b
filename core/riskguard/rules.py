"""The rules: every one of them, by what it judges, and the codes that they refuse with."""

from __future__ import annotations

from core.domain.pending import ACTION_PENDING
from core.riskguard.group_rules import GROUP_RULES
from core.riskguard.line_rules import LINE_RULES, LineRule
from core.riskguard.proposal_rules import ACTIVITY_RULES, PROPOSAL_RULES, ProposalRule

__all__ = [
    "ACTIVITY_RULES",
    "CODES",
    "GROUP_RULES",
    "LINE_RULES",
    "PROPOSAL_RULES",
    "LineRule",
    "ProposalRule",
]

# Every code that a line may be refused with. They are stable: people search for them, and programs branch on them.
CODES: tuple[str, ...] = (
    "SHORT_SALE",
    "UNKNOWN_INSTRUMENT",
    "NOT_UNDERLYING",
    "UNVERIFIED",
    "NO_BUY",
    "OVER_WEIGHT",
    "UNDER_ORDER_VALUE",
    "OVER_NOTIONAL",
    "OVER_VOLUME",
    "STALE_PRICE",
    "OFF_MARK",
    "PRICE_JUMP",
    ACTION_PENDING,
    "OFF_STEP",
    "DUPLICATE_LINE",
    "OPPOSITE_LINE",
    "OVER_SECTOR",
    "CORRELATED",
    "OPEN_TICKETS",
    "DESK_OVER_WEIGHT",
    "DESK_OVER_GROSS",
    "TOO_MANY_POSITIONS",
    "THIN_CASH",
    "UNSETTLED_CASH",
    "OVER_CAPITAL",
    "LEVERAGE",
    "LOSING_STREAK",
    "OVER_TURNOVER",
    "TOO_MANY_TRADES",
)
