"""Reviews: every rule judges every line, and all reasons are kept."""

from __future__ import annotations

from core.domain.case import Case
from core.domain.decision import Objection, Refused, Review
from core.domain.order import OrderLine
from core.riskguard.rules import LINE_RULES, PROPOSAL_RULES
from core.settings import Policy


def review_proposal(case: Case, policy: Policy) -> Review:
    """Approve the lines that no rule objects to.

    A rule on the whole proposal refuses its buys and lets lines that only reduce a holding pass.
    """
    whole = tuple(objection for rule in PROPOSAL_RULES if (objection := rule(case, policy)) is not None)
    approved: list[OrderLine] = []
    refused: list[Refused] = []
    for line in case.proposal.lines:
        objections = _line_objections(line, case, policy) + (whole if line.side == "buy" else ())
        if objections:
            refused.append(Refused(line, objections))
        else:
            approved.append(line)
    return Review(tuple(approved), tuple(refused))


def _line_objections(line: OrderLine, case: Case, policy: Policy) -> tuple[Objection, ...]:
    return tuple(objection for rule in LINE_RULES if (objection := rule(line, case, policy)) is not None)
