"""Reviews: every rule judges every line, and all reasons are kept."""

from __future__ import annotations

from dataclasses import replace

from core.domain.case import Case
from core.domain.decision import Objection, Refused, Review
from core.domain.order import OrderLine
from core.riskguard.rules import LINE_RULES, PROPOSAL_RULES
from core.settings import Policy


def review_proposal(case: Case, policy: Policy) -> Review:
    """Approve the lines that no rule objects to.

    A rule on the whole proposal refuses its buys and lets lines that only reduce a holding pass. It judges what is left
    when each line was judged: a buy must not count on the proceeds of a sale that is refused.
    """
    judged = [(line, _line_objections(line, case, policy)) for line in case.proposal.lines]
    left = replace(case.proposal, lines=tuple(line for line, objections in judged if not objections))
    rest = replace(case, proposal=left)
    whole = tuple(objection for rule in PROPOSAL_RULES if (objection := rule(rest, policy)) is not None)
    approved: list[OrderLine] = []
    refused: list[Refused] = []
    for line, own in judged:
        objections = own + (whole if line.side == "buy" else ())
        if objections:
            refused.append(Refused(line, objections))
        else:
            approved.append(line)
    return Review(tuple(approved), tuple(refused))


def _line_objections(line: OrderLine, case: Case, policy: Policy) -> tuple[Objection, ...]:
    return tuple(objection for rule in LINE_RULES if (objection := rule(line, case, policy)) is not None)
