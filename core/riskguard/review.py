"""Reviews: every rule judges every line, and all reasons are kept."""

from __future__ import annotations

from dataclasses import replace

from core.domain.case import Case
from core.domain.decision import Objection, Refused, Review
from core.domain.order import OrderLine
from core.riskguard.rules import ACTIVITY_RULES, GROUP_RULES, LINE_RULES, PROPOSAL_RULES
from core.settings import Policy


def review_proposal(case: Case, policy: Policy) -> Review:
    """Approve the lines that no rule objects to.

    What looks beyond one line judges what the proposal leads to for sure: its sales that no rule of lines refuses, for a buy
    must not count on the proceeds of a sale that is refused, and all of its buys. A refused buy counts: were it left out,
    a tighter limit on one line would let others pass that did not before. For the same reason, how much is done is judged on
    all that is proposed. A rule on the whole proposal refuses its buys and lets lines that only reduce a holding pass.
    """
    own = [(line, _line_objections(line, case, policy)) for line in case.proposal.lines]
    left = tuple(line for line, objections in own if line.side == "buy" or not objections)
    sure = replace(case, proposal=replace(case.proposal, lines=left))
    whole = tuple(
        objection
        for rules, judged in ((PROPOSAL_RULES, sure), (ACTIVITY_RULES, case))
        for rule in rules
        if (objection := rule(judged, policy)) is not None
    )
    approved: list[OrderLine] = []
    refused: list[Refused] = []
    for line, objections in own:
        if line.side == "buy" or not objections:
            objections += tuple(found for rule in GROUP_RULES if (found := rule(line, sure, policy)) is not None)
        objections += whole if line.side == "buy" else ()
        if objections:
            refused.append(Refused(line, objections))
        else:
            approved.append(line)
    return Review(tuple(approved), tuple(refused))


def _line_objections(line: OrderLine, case: Case, policy: Policy) -> tuple[Objection, ...]:
    return tuple(objection for rule in LINE_RULES if (objection := rule(line, case, policy)) is not None)
