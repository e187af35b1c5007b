"""What the policy asks for on a rebalance day, derived anew: momentum's choice, and the lines that lead there.

Made of the policy's and the strategy's published words alone; with it the checker also sees a line that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal

from tests.checker.check_tickets import ZERO, Case, is_valid, rounded

MILLIONTH = Decimal("0.000001")
# A penny for the rounding of the value, and one for that of its cost.
INSIDE = Decimal("0.02")


def wrong_plan(case: Case) -> Iterator[str]:
    """The lines are those that the policy asks for, no more and no fewer, in this order and of this size."""
    if case.ticket["kind"] == "NO-TRADE" or not case.is_due:
        return
    told = [(line.instrument, line.side, line.quantity) for line in case.lines]
    wanted = expected_lines(case)
    if told != wanted:
        lacks, is_new = [line for line in wanted if line not in told], [line for line in told if line not in wanted]
        yield f"the plan lacks {lacks} and should not have {is_new}"


def expected_lines(case: Case) -> list[tuple[str, str, Decimal]]:
    """Give instrument, side and units: exits and trims by name, then buys by rank, while the two budgets last."""
    assert case.world.policy["sizing"]["buys_from"] == "sale_proceeds", "the only kind that is derived here"
    number, step, chosen = case.world.number, case.world.number("sizing", "quantity_step"), wanted_names(case)
    gaps = _gaps(case, chosen)
    tiny = number("sizing", "tiny_delta") * case.equity
    turnover = 2 * number("limits", "turnover_max") * case.equity
    cash = case.statement.cash - number("limits", "cash_buffer_min") * case.equity
    dear = 1 + case.cost(Decimal(10000)) / 10000
    exits = sorted(case.statement.units.keys() - set(chosen))
    trims = sorted(name for name in case.statement.units if name in chosen and -gaps[name] >= tiny)
    lines = []
    for name in [*exits, *trims, *(name for name in chosen if gaps[name] >= tiny)]:
        side, held, gap = "buy" if gaps[name] > 0 else "sell", case.held(name), abs(gaps[name])
        amount = min(gap, turnover, max(ZERO, cash / dear)) if side == "buy" else min(gap, turnover)
        is_whole = name in exits and gap <= turnover
        steps = max(ZERO, amount - INSIDE) * case.rate / (case.close(name) or ZERO) / step
        quantity = held if is_whole else steps.to_integral_value(rounding=ROUND_DOWN) * step
        quantity = min(quantity, held) if side == "sell" else quantity
        if quantity > 0 and (is_whole or amount >= number("limits", "order_value_min")):
            value = rounded(case.value(name, quantity), 2)
            lines.append((name, side, quantity))
            turnover -= value
            cash += (value if side == "sell" else -value) - case.cost(value)
    return lines


def wanted_names(case: Case) -> list[str]:
    """Rank by the return of twelve months without the last one; keep what ranks within twice the positions."""
    world, parameters = case.world, case.world.policy["strategy"]["parameters"]
    at = world.sessions.index(case.as_of)
    ends = [world.sessions[at - parameters[f"{name}_sessions"]] for name in ("skip", "lookback")]
    scores = {}
    for name, row in world.universe.items():
        recent, past = (world.adjusted.get(name, {}).get(day) for day in ends)
        may_be_held = row["tradable_as_underlying"] == "yes" and name != world.policy["data"]["benchmark"]
        is_there = is_valid(row, case.as_of) and case.close(name) is not None
        if may_be_held and is_there and recent is not None and past is not None:
            scores[name] = float(recent) / float(past) - 1
    ranked = sorted(scores, key=lambda name: (-scores[name], name))
    most = world.policy["limits"]["positions_max"]
    kept = [name for name in ranked[: parameters["hold_rank_multiple"] * most] if name in case.statement.units][:most]
    fresh = [name for name in ranked if name not in kept and name not in world.policy["limits"]["no_buy"]]
    return sorted([*kept, *fresh[: most - len(kept)]], key=ranked.index)


def _gaps(case: Case, chosen: list[str]) -> dict[str, Decimal]:
    """Give what is missing (positive) or too much (negative) of each name, in pounds."""
    share = (1 - case.world.number("limits", "cash_buffer_min")) / max(1, len(chosen))
    weight = min(share.quantize(MILLIONTH, rounding=ROUND_DOWN), case.world.number("limits", "weight_max"))
    names = {*case.statement.units, *chosen}
    return {name: weight * case.equity * (name in chosen) - case.value(name, case.held(name)) for name in names}
