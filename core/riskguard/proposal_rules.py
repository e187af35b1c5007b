"""Proposal rules: each one function that objects to what a whole proposal leads to, with its number from the policy.

They refuse what a proposal buys; what only reduces a holding passes.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.case import Case, cash_effect
from core.domain.decision import Objection
from core.domain.facts import LOSS
from core.money import weight_of
from core.riskguard.wording import objection
from core.settings import Policy

ZERO = Decimal(0)

ProposalRule = Callable[[Case, Policy], Objection | None]


def too_many_positions(case: Case, policy: Policy) -> Objection | None:
    """A book holds at most so many positions once the lines are done."""
    count, limit = sum(1 for units in case.after.values() if units > 0), policy.limits.positions_max
    opens = any(line.side == "buy" and case.held(line.instrument) == 0 for line in case.proposal.lines)
    if count > limit and opens:
        return objection("TOO_MANY_POSITIONS", Decimal(limit), Decimal(count), f"at most {limit} positions")
    return None


def thin_cash(case: Case, policy: Policy) -> Objection | None:
    """Cash after all lines and costs stays at or above the buffer."""
    limit, after = policy.limits.cash_buffer_min, case.cash_after()
    costs = sum((line.cost for line in case.proposal.lines), ZERO)
    equity_after = case.proposal.equity - costs
    if _buys(case) and (equity_after <= 0 or after < limit * equity_after):
        return objection("THIN_CASH", limit * equity_after, after, "buying less so that the buffer stays")
    return None


def unsettled_cash(case: Case, policy: Policy) -> Objection | None:
    """Where the policy lets buys use settled cash only, they stay below the cash held now."""
    if policy.sizing.buys_from != "settled":
        return None
    spent = -sum((cash_effect(line) for line in case.proposal.lines if line.side == "buy"), ZERO)
    if spent > case.holdings.cash:
        return objection("UNSETTLED_CASH", case.holdings.cash, spent, "buys within settled cash")
    return None


def over_capital(case: Case, policy: Policy) -> Objection | None:
    """The value held after the lines stays within the rollout phase's share of equity."""
    value = case.invested_after
    limit, equity = case.capital_fraction, case.proposal.equity
    if value > limit * equity and _buys(case):
        share = weight_of(value, equity)
        return objection("OVER_CAPITAL", limit, share, f"holding at most {plain_decimal(limit)} of equity")
    return None


def leverage(case: Case, policy: Policy) -> Objection | None:
    """Nothing is bought with borrowed money: cash after all lines and costs stays at or above zero."""
    limit, equity, after = Decimal(policy.limits.leverage_max), case.proposal.equity, case.cash_after()
    if -after > limit * equity and _buys(case):
        return objection(
            "LEVERAGE", limit, weight_of(-after, equity), f"spending at most {plain_decimal(_spendable(case))}"
        )
    return None


def losing_streak(case: Case, policy: Policy) -> Objection | None:
    """After so many losing sessions in a row nothing is bought until so many more sessions are over."""
    limit, wait = policy.limits.losing_sessions_max, policy.limits.cooldown_sessions
    end = case.course.rfind(LOSS * limit)
    since = len(case.course) - end - limit
    if end < 0 or since >= wait or not _buys(case):
        return None
    return Objection(
        "LOSING_STREAK",
        _sessions(wait),
        f"{_sessions(since)} since {limit} losing ones in a row",
        "buying once so many have followed",
    )


def over_turnover(case: Case, policy: Policy) -> Objection | None:
    """(buys + sells) / 2 over equity before stays at or below the limit, the day's other tickets counted."""
    traded = sum((line.notional for line in case.proposal.lines), ZERO)
    traded += sum((line.notional for line in case.others if line.is_of_the_day), ZERO)
    limit, equity = policy.limits.turnover_max, case.proposal.equity
    if traded / 2 > limit * equity and _buys(case):
        turnover = weight_of(traded / 2, equity)
        return objection("OVER_TURNOVER", limit, turnover, f"a turnover up to {plain_decimal(limit)}")
    return None


def too_many_trades(case: Case, policy: Policy) -> Objection | None:
    """A book places at most so many orders a day, those of the day's other tickets counted."""
    count = len(case.proposal.lines) + sum(1 for line in case.others if line.is_of_the_day)
    limit = policy.limits.trades_max
    if count > limit and _buys(case):
        return objection("TOO_MANY_TRADES", Decimal(limit), Decimal(count), f"at most {limit} orders a day")
    return None


def _buys(case: Case) -> bool:
    return any(line.side == "buy" for line in case.proposal.lines)


def _sessions(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'}"


def _spendable(case: Case) -> Decimal:
    sells = (cash_effect(line) for line in case.proposal.lines if line.side == "sell")
    return case.holdings.cash + sum(sells, ZERO)


# Judged on what a proposal leads to for sure: its sales that no rule refused, and all of its purchases.
PROPOSAL_RULES: tuple[ProposalRule, ...] = (
    too_many_positions,
    thin_cash,
    unsettled_cash,
    over_capital,
    leverage,
    losing_streak,
)
# Judged on all that a proposal would do.
ACTIVITY_RULES: tuple[ProposalRule, ...] = (over_turnover, too_many_trades)
