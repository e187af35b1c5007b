"""Weights and their caps on arrays, compiled: what core/riskguard/weights.py and clusters.py do in decimals.

It also puts what is sold into its order, and tells what room the caps leave, as core/riskguard/plan.py does.
"""

from __future__ import annotations

import numpy as np

from core.indicators.compiled import inner
from core.quant.pot import (
    CHOSEN,
    DUST,
    EQUITY,
    HELD,
    HELD_ONLY,
    HOLDING,
    IS_CHOSEN,
    IS_NAMED,
    KIND,
    MARK,
    NAMED,
    NAMES,
    PART,
    PLANNED,
    SHARED,
    SORTED,
    STILL,
    TURN,
    UNITS,
    WANTED,
    Evening,
    Pot,
)
from core.quant.trading import BY_SCORE, BY_VOLATILITY, Rules

SECTOR, CLUSTER = 0, 1
UNRANKED, GIVEN_UP, AT_ZERO, TRIM = range(4)


@inner
def cut(number: float, step: float) -> float:
    """Cut a number towards zero to whole steps, a millionth of a step forgiven; with no step it stays as it is."""
    if step <= 0.0:
        return number
    return float(np.floor(number / step + 1e-6) * step) if number > 0.0 else 0.0


@inner
def name_all(pot: Pot, chosen: int) -> None:
    """List what is held or chosen, each once, and what of it is planned so far: what is held."""
    amounts, columns, count = pot.amounts, pot.columns, 0
    columns[IS_NAMED] = 0
    for at in range(pot.counts[HELD]):
        columns[IS_NAMED, columns[HOLDING, at]] = HELD_ONLY
    for at in range(chosen):
        columns[IS_NAMED, columns[CHOSEN, at]] = IS_CHOSEN
    for column in range(columns.shape[1]):
        if columns[IS_NAMED, column] > 0:
            columns[NAMED, count] = column
            amounts[PLANNED, column] = amounts[UNITS, column]
            count += 1
    pot.counts[NAMES] = count


@inner
def share_out(evening: Evening, pot: Pot, rules: Rules, room: tuple[int, int, float]) -> None:
    """Share what may be invested among the chosen, and bring down what a cap does not allow."""
    count, places, reserved = room
    amounts, columns = pot.amounts, pot.columns
    whole = parts(evening, pot, rules, count)
    of_all, shares = max(0.0, rules.invested_max - reserved), count if rules.fills_all else places
    for at in range(count):
        column = columns[CHOSEN, at]
        share = of_all * count * amounts[PART, column] / (whole * shares) if whole > 0.0 else 0.0
        amounts[PART, column], amounts[SHARED, column] = share, cut(share, rules.weight_step)
        amounts[WANTED, column] = min(amounts[SHARED, column], rules.weight_max)
    if rules.sector_max < 1.0:
        for at in range(count):
            sector = evening.bonds.sectors[columns[CHOSEN, at]]
            if sector >= 0:
                bring_down(evening, pot, rules, (SECTOR, sector))
    if rules.cluster_max < 1.0:
        for at in range(pot.counts[NAMES]):
            if is_bound(evening, rules, columns[NAMED, at]):
                bring_down(evening, pot, rules, (CLUSTER, columns[NAMED, at]))
    if rules.fills_all:
        fill_up(evening, pot, rules, (count, reserved))


@inner
def parts(evening: Evening, pot: Pot, rules: Rules, count: int) -> float:
    """Set the numbers in proportion to which the chosen share; gives their sum."""
    amounts, columns = pot.amounts, pot.columns
    most, whole = 0.0, 0.0
    if rules.sharing == BY_VOLATILITY:
        for at in range(count):
            told = evening.bonds.volatility[evening.week, columns[CHOSEN, at]]
            most = max(most, told) if told == told else most
    for at in range(count):
        column, part = columns[CHOSEN, at], 1.0
        if rules.sharing == BY_VOLATILITY:
            told = evening.bonds.volatility[evening.week, column]
            spread = told if told == told else most
            part = 1.0 / spread if spread > 0.0 else 1.0
        elif rules.sharing == BY_SCORE:
            part = max(0.0, evening.scores[column])
        amounts[PART, column] = part
        whole += part
    if whole == 0.0 and rules.fills_all:
        for at in range(count):
            amounts[PART, columns[CHOSEN, at]] = 1.0
        whole = float(count)
    return whole


@inner
def bring_down(evening: Evening, pot: Pot, rules: Rules, group: tuple[int, int]) -> None:
    """Bring the largest weights of a group down to one level at which it fits its cap, by the shares alone."""
    amounts, columns, count, total = pot.amounts, pot.columns, 0, 0.0
    left = rules.sector_max if group[0] == SECTOR else rules.cluster_max
    for at in range(pot.counts[NAMES]):
        column = columns[NAMED, at]
        if not belongs(evening, group, column):
            continue
        if columns[STILL, column] == 1:
            left -= amounts[WANTED, column]
        elif columns[IS_NAMED, column] == IS_CHOSEN:
            to, share = count, amounts[SHARED, column]
            while to > 0 and amounts[SORTED, to - 1] > share:
                amounts[SORTED, to] = amounts[SORTED, to - 1]
                to -= 1
            amounts[SORTED, to] = share
            count += 1
            total += share
    left = max(0.0, left)
    if total <= left + DUST:
        return
    level, smaller = 0.0, 0.0
    for at in range(count):
        level = max(level, (left - smaller) / (count - at))
        smaller += amounts[SORTED, at]
    level = cut(level, rules.weight_step)
    for at in range(pot.counts[NAMES]):
        column = columns[NAMED, at]
        if columns[IS_NAMED, column] == IS_CHOSEN and belongs(evening, group, column):
            amounts[WANTED, column] = min(amounts[WANTED, column], level)


@inner
def fill_up(evening: Evening, pot: Pot, rules: Rules, room: tuple[int, float]) -> None:
    """Give what the caps removed to those that they let take it, in proportion to their shares."""
    count, reserved = room
    amounts, columns = pot.amounts, pot.columns
    for _ in range(2 * count + pot.counts[NAMES]):
        left, whole = rules.invested_max - reserved, 0.0
        for at in range(count):
            left -= amounts[WANTED, columns[CHOSEN, at]]
        for at in range(count):
            column = columns[CHOSEN, at]
            is_free = amounts[PART, column] > 0.0 and amounts[WANTED, column] < rules.weight_max - DUST
            if is_free and left > DUST:
                is_free = weight_room(evening, pot, rules, column) > DUST
            amounts[SORTED, column] = amounts[PART, column] if is_free else 0.0
            whole += amounts[SORTED, column]
        if left <= DUST or whole <= 0.0:
            break
        step = left / whole
        for at in range(count):
            column = columns[CHOSEN, at]
            if amounts[SORTED, column] > 0.0:
                step = min(step, (rules.weight_max - amounts[WANTED, column]) / amounts[SORTED, column])
                step = min(step, step_of_groups(evening, pot, rules, column))
        for at in range(count):
            column = columns[CHOSEN, at]
            amounts[WANTED, column] += step * amounts[SORTED, column]
    for at in range(count):
        amounts[WANTED, columns[CHOSEN, at]] = cut(amounts[WANTED, columns[CHOSEN, at]], rules.weight_step)


@inner
def weight_room(evening: Evening, pot: Pot, rules: Rules, column: int) -> float:
    """Give the least room, in weight, that is left in a group of a column."""
    least = np.inf
    sector = evening.bonds.sectors[column] if rules.sector_max < 1.0 else -1
    if sector >= 0:
        least = rules.sector_max - sum_of(evening, pot, (SECTOR, sector), WANTED)
    if rules.cluster_max < 1.0 and is_bound(evening, rules, column):
        for at in range(pot.counts[NAMES]):
            center = pot.columns[NAMED, at]
            if belongs(evening, (CLUSTER, center), column):
                least = min(least, rules.cluster_max - sum_of(evening, pot, (CLUSTER, center), WANTED))
    return least


@inner
def step_of_groups(evening: Evening, pot: Pot, rules: Rules, column: int) -> float:
    """Give how much of their shares the free members of a column's groups may take before one of these is full."""
    least = np.inf
    sector = evening.bonds.sectors[column] if rules.sector_max < 1.0 else -1
    if sector >= 0:
        room = rules.sector_max - sum_of(evening, pot, (SECTOR, sector), WANTED)
        least = room / sum_of(evening, pot, (SECTOR, sector), SORTED)
    if rules.cluster_max < 1.0 and is_bound(evening, rules, column):
        for at in range(pot.counts[NAMES]):
            center = pot.columns[NAMED, at]
            if belongs(evening, (CLUSTER, center), column):
                room = rules.cluster_max - sum_of(evening, pot, (CLUSTER, center), WANTED)
                least = min(least, room / sum_of(evening, pot, (CLUSTER, center), SORTED))
    return least


@inner
def tightest_room(evening: Evening, pot: Pot, rules: Rules, column: int) -> float:
    """Give the least value that may still be bought of a column before one of its groups is full."""
    least, equity = np.inf, pot.money[EQUITY]
    sector = evening.bonds.sectors[column] if rules.sector_max < 1.0 else -1
    if sector >= 0:
        least = rules.sector_max * equity - worth_of(evening, pot, (SECTOR, sector))
    if rules.cluster_max < 1.0 and is_bound(evening, rules, column):
        for at in range(pot.counts[NAMES]):
            center = pot.columns[NAMED, at]
            if belongs(evening, (CLUSTER, center), column):
                least = min(least, rules.cluster_max * equity - worth_of(evening, pot, (CLUSTER, center)))
    return least


@inner
def worth_of(evening: Evening, pot: Pot, group: tuple[int, int]) -> float:
    """Value what a group's members come to after the orders so far."""
    total = 0.0
    for at in range(pot.counts[NAMES]):
        column = pot.columns[NAMED, at]
        if pot.amounts[PLANNED, column] > 0.0 and belongs(evening, group, column):
            total += pot.amounts[PLANNED, column] * pot.amounts[MARK, column]
    return total / evening.rate


@inner
def sum_of(evening: Evening, pot: Pot, group: tuple[int, int], row: int) -> float:
    """Add up a row of amounts over the chosen members of a group, and over what is held as it is where that has a weight."""
    total = 0.0
    for at in range(pot.counts[NAMES]):
        column = pot.columns[NAMED, at]
        counts = pot.columns[IS_NAMED, column] == IS_CHOSEN or (row == WANTED and pot.columns[STILL, column] == 1)
        if counts and belongs(evening, group, column):
            total += pot.amounts[row, column]
    return total


@inner
def belongs(evening: Evening, group: tuple[int, int], column: int) -> bool:
    """Say whether a column is of a sector, or moves as the column in a cluster's middle."""
    kind, of = group
    if kind == SECTOR:
        return bool(evening.bonds.sectors[column] == of)
    starts, first = evening.bonds.starts, evening.week * len(evening.scores) + of
    at, stop = starts[first], starts[first + 1]
    while at < stop and evening.bonds.others[at] != column:
        at += 1
    return bool(at < stop)


@inner
def is_bound(evening: Evening, rules: Rules, column: int) -> bool:
    """Say whether a cap on clusters can bind a column: it moves as another, or the cap is below the highest weight."""
    starts, first = evening.bonds.starts, evening.week * len(evening.scores) + column
    return bool(starts[first + 1] - starts[first] > 1 or rules.weight_max > rules.cluster_max)


@inner
def order_sales(evening: Evening, pot: Pot, rules: Rules) -> int:
    """Put what may be sold into its order, exits by rank and then trims by size; gives how many there are."""
    amounts, columns, scores, count = pot.amounts, pot.columns, evening.scores, 0
    kinds, keys = columns[KIND], amounts[SORTED]
    for held in range(pot.counts[HELD]):
        column = columns[HOLDING, held]
        if np.isnan(evening.closes[column, evening.session]):
            continue
        is_chosen, score = columns[IS_NAMED, column] == IS_CHOSEN, scores[column]
        if amounts[WANTED, column] > 0.0 or columns[STILL, column] == 1:
            value = amounts[UNITS, column] * amounts[MARK, column] / evening.rate
            allowed = amounts[WANTED, column] + columns[STILL, column] * rules.weight_step
            kinds[column], keys[column] = TRIM, allowed * pot.money[EQUITY] - value
        elif not (evening.members[column] and score - score == 0.0):
            kinds[column], keys[column] = UNRANKED, 0.0
        else:
            kinds[column], keys[column] = AT_ZERO if is_chosen else GIVEN_UP, score
        to = count
        while to > 0:
            other = columns[TURN, to - 1]
            if kinds[other] < kinds[column] or (kinds[other] == kinds[column] and keys[other] < keys[column]):
                break
            # Of equal ranks the later column is the worse one.
            is_ranked = kinds[column] in (GIVEN_UP, AT_ZERO)
            if kinds[other] == kinds[column] and keys[other] == keys[column] and not is_ranked:
                break
            columns[TURN, to] = other
            to -= 1
        columns[TURN, to] = column
        count += 1
    return count
