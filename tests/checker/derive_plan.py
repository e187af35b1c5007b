"""What the policy asks for on a rebalance day, derived anew: momentum's choice, and the lines that lead there.

Made of the policy's and the strategy's published words alone; with it the checker also sees a line that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal

from tests.checker.account import ZERO, rounded
from tests.checker.check_tickets import Case, is_valid

MILLIONTH = Decimal("0.000001")
# A penny for the rounding of the value, and one for that of its cost.
INSIDE = Decimal("0.02")


def wrong_plan(case: Case) -> Iterator[str]:
    """The lines are those that the policy asks for, no more and no fewer, in this order and of this size."""
    if case.ticket["kind"] == "NO-TRADE" or not case.is_due:
        return
    told = [(line.instrument, line.side, line.quantity) for line in case.lines]
    refused = [item.partition(":")[0] for item in case.ticket["refused"]]
    wanted = [line for line in expected_lines(case) if f"{line[1]} {line[0]}" not in refused]
    if told != wanted:
        lacks, is_new = [line for line in wanted if line not in told], [line for line in told if line not in wanted]
        yield f"the plan lacks {lacks} and should not have {is_new}"


def expected_lines(case: Case) -> list[tuple[str, str, Decimal]]:
    """Give instrument, side and units: exits, the worst ranked first, trims, the largest first, then buys by rank.

    The first trade that the turnover limit cuts is its last; a buy is cut by cash, the largest order and its sector too.
    Clusters are not derived: no instruments of the recorded set moved so much alike that their cap could bind.
    """
    assert case.world.policy["sizing"]["buys_from"] == "sale_proceeds", "the only kind that is derived here"
    number, ranked, chosen = case.world.number, ranking(case), wanted_names(case)
    step = case.order_step
    gaps = _gaps(case, chosen)
    tiny = number("sizing", "tiny_delta") * case.equity
    turnover = 2 * number("limits", "turnover_max") * case.equity
    cash = case.statement.cash - number("limits", "cash_buffer_min") * case.equity
    dear = 1 + case.cost(Decimal(10000)) / 10000
    gone = case.statement.units.keys() - set(chosen)
    exits = [*sorted(gone - set(ranked)), *(name for name in reversed(ranked) if name in gone)]
    over = [name for name in case.statement.units if name in chosen and -gaps[name] >= tiny]
    trims = sorted(over, key=lambda name: (gaps[name], name))
    after = dict(case.statement.units)
    lines: list[tuple[str, str, Decimal]] = []
    for name in [*exits, *trims, *(name for name in chosen if gaps[name] >= tiny)]:
        side, held, gap = "buy" if gaps[name] > 0 else "sell", case.held(name), abs(gaps[name])
        if side == "buy" and len(lines) >= number("limits", "trades_max"):
            continue
        amount = min(gap, turnover)
        if side == "buy":
            amount = min(amount, max(ZERO, cash / dear), number("limits", "order_value_max"), _room(case, name, after))
        is_whole = name in exits and gap <= turnover
        steps = max(ZERO, amount - INSIDE) * case.rate / (case.close(name) or ZERO) / step
        quantity = held if is_whole else steps.to_integral_value(rounding=ROUND_DOWN) * step
        quantity = min(quantity, held) if side == "sell" else quantity
        turnover = ZERO if amount == turnover < gap else turnover
        value = rounded(case.value(name, quantity), 2)
        if quantity > 0 and (is_whole or value >= number("limits", "order_value_min")):
            lines.append((name, side, quantity))
            after[name] = held + (quantity if side == "buy" else -quantity)
            turnover = max(ZERO, turnover - value)
            cash += (value if side == "sell" else -value) - case.cost(value)
    return lines


def ranking(case: Case) -> list[str]:
    """Rank by the return of twelve months without the last one, best first."""
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
    return sorted(scores, key=lambda name: (-scores[name], name))


def wanted_names(case: Case) -> list[str]:
    """Keep what ranks within a multiple of the positions, then fill up with the best."""
    world, ranked, parameters = case.world, ranking(case), case.world.policy["strategy"]["parameters"]
    most = world.policy["limits"]["positions_max"]
    kept = [name for name in ranked[: parameters["hold_rank_multiple"] * most] if name in case.statement.units][:most]
    fresh = [name for name in ranked if name not in kept and name not in world.policy["limits"]["no_buy"]]
    return sorted([*kept, *fresh[: most - len(kept)]], key=ranked.index)


def _gaps(case: Case, chosen: list[str]) -> dict[str, Decimal]:
    """Give what is missing (positive) or too much (negative) of each name, in pounds; a full sector shares its cap."""
    number, sectors = case.world.number, [case.world.universe[name]["sector"] for name in chosen]
    share = (1 - number("limits", "cash_buffer_min")) / max(1, len(chosen))
    equal = min(share.quantize(MILLIONTH, rounding=ROUND_DOWN), number("limits", "weight_max"))
    weights = dict.fromkeys(chosen, equal)
    for name, sector in zip(chosen, sectors, strict=True):
        part = (number("limits", "sector_weight_max") / sectors.count(sector)).quantize(MILLIONTH, rounding=ROUND_DOWN)
        weights[name] = min(equal, part) if sector else equal
    names = {*case.statement.units, *chosen}
    return {name: weights.get(name, ZERO) * case.equity - case.value(name, case.held(name)) for name in names}


def _room(case: Case, name: str, units: dict[str, Decimal]) -> Decimal:
    """Give what may still be bought in an instrument's sector."""
    sector = case.world.universe[name]["sector"]
    alike = [other for other in units if sector and case.world.universe[other]["sector"] == sector]
    held = sum((case.value(other, units[other]) for other in alike), ZERO)
    return max(ZERO, case.world.number("limits", "sector_weight_max") * case.equity - held)
