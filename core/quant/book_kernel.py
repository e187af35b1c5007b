"""A book on arrays, compiled: the target and plan of riskguard and the fills of the paper venue, in floats.

It is imported only where a book is run, for it brings numba. Each part names what it follows in the daily flow; tests hold
the two equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core.indicators.compiled import compiled, inner
from core.quant.pot import (
    ASKED,
    BEFORE,
    BEST,
    CASH,
    CHOSEN,
    COLUMN,
    COST,
    DUST,
    EQUITY,
    EVENTS,
    HELD,
    HOLDING,
    INCOME,
    INVESTED,
    IS_BOUND,
    IS_HALTED,
    IS_SPLIT,
    LINE,
    MARK,
    ON,
    PEAK,
    PLANNED,
    POSITIONS,
    ROW,
    SCORE,
    STILL,
    TURN,
    TURNOVER,
    UNITS,
    VALUE,
    WANTED,
    Bonds,
    Budgets,
    Evening,
    Pot,
)
from core.quant.trading import MarketArrays, Rules
from core.quant.weight_kernel import cut, name_all, order_sales, share_out, tightest_room

# --- the target: core/riskguard/target.py -----------------------------------------------------------------------------


@inner
def aim(evening: Evening, pot: Pot, rules: Rules) -> int:
    """Set the weights that are wanted; gives how many are chosen by rank, or -1 where nothing may be decided."""
    amounts, columns, closes, session = pot.amounts, pot.columns, evening.closes, evening.session
    if pot.money[EQUITY] <= 0.0:
        return -1
    if not rules.holds_unpriced:
        for at in range(pot.counts[HELD]):
            if np.isnan(closes[columns[HOLDING, at], session]):
                return -1
    ranked = rank_best(evening, pot, rules.ranks_needed)
    if ranked <= 0:
        return -1
    still, reserved = hold_still(evening, pot, rules)
    places = max(0, rules.positions_max - still)
    count = keep(evening, pot, rules, (ranked, places))
    count = fill(evening, pot, ranked, (count, places))
    for at in range(count):
        amounts[MARK, columns[CHOSEN, at]] = closes[columns[CHOSEN, at], session]
    name_all(pot, count)
    share_out(evening, pot, rules, (count, places, reserved))
    return count


@inner
def rank_best(evening: Evening, pot: Pot, most: int) -> int:
    """Rank the best `most` of what has a score, ties by the column; gives how many, or -1 where all are equal."""
    scores, members = evening.scores, evening.members
    values, best = pot.amounts[SCORE], pot.columns[BEST]
    count, first, worst, varies = 0, np.nan, -np.inf, False
    for column in range(len(scores)):
        score = scores[column]
        if not score > worst and varies:
            continue
        # What is not finite less itself is not zero.
        if not members[column] or score - score != 0.0:
            continue
        first = score if np.isnan(first) else first
        varies = varies or score != first
        if count == most and score <= worst:
            continue
        # Few pass the worst of the best so far: to put each in its place is faster than a heap or a sort.
        at = min(count, most - 1)
        count = min(count + 1, most)
        while at > 0 and score > values[at - 1]:
            values[at], best[at] = values[at - 1], best[at - 1]
            at -= 1
        values[at], best[at] = score, column
        if count == most:
            worst = values[most - 1]
    return -1 if count > 1 and not varies else count


@inner
def hold_still(evening: Evening, pot: Pot, rules: Rules) -> tuple[int, float]:
    """Want what is held without a score at the weight that it has, within the caps; gives how many and their weights' sum."""
    amounts, columns = pot.amounts, pot.columns
    equity, total, count = pot.money[EQUITY], 0.0, 0
    for at in range(pot.counts[HELD]):
        column = columns[HOLDING, at]
        is_priced = not np.isnan(evening.closes[column, evening.session])
        score = evening.scores[column]
        if is_priced and not (evening.members[column] and score - score != 0.0):
            continue
        weight = cut(amounts[UNITS, column] * amounts[MARK, column] / evening.rate / equity, rules.weight_step)
        amounts[WANTED, column] = min(weight, rules.weight_max) if is_priced else weight
        columns[STILL, column] = 1
        total += amounts[WANTED, column]
        count += 1
    if total > rules.invested_max:
        ratio, total = rules.invested_max / total, 0.0
        for at in range(pot.counts[HELD]):
            column = columns[HOLDING, at]
            if columns[STILL, column] == 1:
                amounts[WANTED, column] = cut(amounts[WANTED, column] * ratio, rules.weight_step)
                total += amounts[WANTED, column]
    return count, total


@inner
def keep(evening: Evening, pot: Pot, rules: Rules, room: tuple[int, int]) -> int:
    """Choose what is held while its rank lasts; gives how many. Of what is beyond it, at most `replacements_max` go."""
    ranked, places = room
    amounts, columns = pot.amounts, pot.columns
    count = 0
    for at in range(min(ranked, rules.rank_max)):
        column = columns[BEST, at]
        if count < places and amounts[UNITS, column] > 0.0:
            columns[CHOSEN, count] = column
            amounts[WANTED, column] = 1.0
            count += 1
    if rules.replacements_max >= rules.positions_max:
        return count
    beyond = 0
    for at in range(pot.counts[HELD]):
        column = columns[HOLDING, at]
        if amounts[WANTED, column] == 0.0 and evening.members[column]:
            beyond += 1
    while beyond > rules.replacements_max and count < places:
        best = -1
        for at in range(pot.counts[HELD]):
            column = columns[HOLDING, at]
            is_left = amounts[WANTED, column] == 0.0 and evening.members[column]
            if is_left and (best < 0 or evening.scores[column] > evening.scores[best]):
                best = column
        columns[CHOSEN, count] = best
        amounts[WANTED, best] = 1.0
        count += 1
        beyond -= 1
    return count


@inner
def fill(evening: Evening, pot: Pot, ranked: int, room: tuple[int, int]) -> int:
    """Fill the places up with the best that may be bought, and put all in the order of their ranks; gives how many."""
    kept, places = room
    columns, scores = pot.columns, evening.scores
    count = kept
    for at in range(ranked):
        column = columns[BEST, at]
        if count < places and pot.amounts[WANTED, column] == 0.0 and not evening.no_buy[column]:
            columns[CHOSEN, count] = column
            count += 1
    for at in range(kept, count):
        column, to = columns[CHOSEN, at], at
        while to > 0:
            other = columns[CHOSEN, to - 1]
            if scores[other] > scores[column] or (scores[other] == scores[column] and other < column):
                break
            columns[CHOSEN, to] = other
            to -= 1
        columns[CHOSEN, to] = column
    return count


# --- the plan: core/riskguard/plan.py ---------------------------------------------------------------------------------


@inner
def plan(evening: Evening, pot: Pot, rules: Rules, chosen: int) -> int:
    """Give how many orders lead towards the target: exits, trims, buys, each within the budgets that are left."""
    amounts, columns = pot.amounts, pot.columns
    equity, cash = pot.money[EQUITY], pot.money[CASH]
    share = rules.slip + rules.fx_fee
    turnover_left = 2.0 * rules.turnover_max * equity
    spendable = cash - rules.cash_buffer * equity
    capital_left = rules.capital_fraction * equity - (equity - cash)
    lines, positions = 0, pot.counts[HELD]
    for at in range(order_sales(evening, pot, rules)):
        column, price = columns[TURN, at], amounts[MARK, columns[TURN, at]] / evening.rate
        units, is_trim = amounts[UNITS, column], amounts[WANTED, column] > 0.0 or columns[STILL, column] == 1
        value = units * price
        if is_trim:
            # The weight of what is held as it is was cut to a step, which is no reason to trade.
            value -= (amounts[WANTED, column] + columns[STILL, column] * rules.weight_step) * equity
            if value <= 0.0 or value < rules.tiny_delta * equity:
                continue
        closes_it, within = not is_trim and value <= turnover_left, min(value, turnover_left)
        if value > turnover_left:
            # The first trade that the turnover limit cuts is its last.
            pot.counts[IS_BOUND], turnover_left = 1, 0.0
        if not closes_it:
            units = min(units, sized(within, price, rules))
        notional = units * price
        if units <= 0.0 or (not closes_it and notional < rules.order_value_min):
            continue
        columns[LINE, lines], amounts[ASKED, lines] = column, -units
        lines += 1
        amounts[PLANNED, column] = 0.0 if closes_it else amounts[UNITS, column] - units
        if amounts[PLANNED, column] <= 0.0:
            positions -= 1
        turnover_left = max(0.0, turnover_left - notional)
        capital_left += notional
        spendable -= notional * share + rules.commission
        if rules.spends_proceeds:
            spendable += notional
    left = Budgets(lines, positions, turnover_left, spendable, capital_left)
    return plan_buys(evening, pot, rules, (chosen, left))


@inner
def plan_buys(evening: Evening, pot: Pot, rules: Rules, wanted: tuple[int, Budgets]) -> int:
    """Buy what is chosen, best first, as far as every budget goes; gives how many orders there are in all."""
    chosen, left = wanted
    lines, positions, turnover_left, spendable, capital_left = left
    amounts, columns = pot.amounts, pot.columns
    equity, share = pot.money[EQUITY], rules.slip + rules.fx_fee
    for at in range(chosen):
        column = columns[CHOSEN, at]
        price = amounts[MARK, column] / evening.rate
        short = amounts[WANTED, column] * equity - amounts[PLANNED, column] * price
        is_new = amounts[PLANNED, column] <= 0.0
        if short <= 0.0 or short < rules.tiny_delta * equity or (is_new and positions >= rules.positions_max):
            continue
        affordable = (spendable - rules.commission) / (1.0 + share + rules.fx_buffer)
        room = min(rules.order_value_max, tightest_room(evening, pot, rules, column))
        within = min(short, max(0.0, min(min(affordable, room), min(turnover_left, capital_left))))
        # As the flow tells it: of budgets that leave the same, cash stands before turnover, and turnover before the others.
        if turnover_left < min(short, affordable) and turnover_left <= min(capital_left, room):
            pot.counts[IS_BOUND], turnover_left = 1, 0.0
        units = sized(within, price, rules)
        notional = units * price
        if units <= 0.0 or notional < rules.order_value_min:
            continue
        columns[LINE, lines], amounts[ASKED, lines] = column, units
        lines += 1
        positions += 1 if is_new else 0
        amounts[PLANNED, column] += units
        turnover_left = max(0.0, turnover_left - notional)
        capital_left -= notional
        spendable -= notional * (1.0 + share + rules.fx_buffer) + rules.commission
    return lines


@inner
def sized(value: float, price: float, rules: Rules) -> float:
    """Give the units that a value buys, down to the step, a margin inside the budget."""
    return cut(max(0.0, value - rules.order_margin) / price, rules.order_step)


# --- the venue: adapters/venues/paper.py ------------------------------------------------------------------------------


@inner
def pay(pot: Pot, market: MarketArrays, rules: Rules, session: int) -> float:
    """Split what is held since the evening before, then give the dividends on it after withholding."""
    income, at, events = 0.0, pot.counts[EVENTS], market.events
    while at < events.shape[1] and events[ROW, at] <= session:
        column, amount = events[COLUMN, at], market.event_amounts[at]
        units = pot.amounts[UNITS, column]
        if events[ROW, at] == session and units > 0.0:
            if events[IS_SPLIT, at] == 1:
                pot.amounts[UNITS, column] = cut(units * amount, rules.quantity_step)
                pot.amounts[MARK, column] /= amount
            else:
                income += units * amount / market.rates[ON, session] * (1.0 - rules.withheld)
        at += 1
    pot.counts[EVENTS] = at
    return income


@inner
def execute(pot: Pot, market: MarketArrays, rules: Rules, asked: tuple[int, int, Any]) -> tuple[float, float]:
    """Fill the orders at a session's open, sales first, with the cash that is there; gives what was traded and its cost."""
    session, lines, filled = asked
    traded, cost, rate = 0.0, 0.0, market.rates[BEFORE, session]
    for at in range(lines):
        column, units = pot.columns[LINE, at], pot.amounts[ASKED, at]
        opened, sign = market.opens[column, session], 1.0 if units > 0.0 else -1.0
        if np.isnan(opened):
            continue
        price = opened * (1.0 + sign * rules.slip)
        if sign * price > sign * pot.amounts[MARK, column] * (1.0 + sign * rules.skips_above):
            continue
        value = abs(units) * price / rate
        fee = value * rules.fx_fee + rules.commission
        if units > 0.0 and pot.money[CASH] - value - fee < 0.0:
            continue
        pot.money[CASH] -= sign * value + fee
        move(pot, column, units)
        filled[column] = True
        traded += value
        cost += abs(units) * opened * rules.slip / rate + fee
    return traded, cost


@inner
def move(pot: Pot, column: int, units: float) -> None:
    """Add signed units to what is held, and keep the held columns in order."""
    columns, before, count = pot.columns, pot.amounts[UNITS, column], pot.counts[HELD]
    after = before + units
    if after <= DUST * abs(units):
        after = 0.0
    pot.amounts[UNITS, column] = after
    if before <= 0.0 < after:
        at = count
        while at > 0 and columns[HOLDING, at - 1] > column:
            columns[HOLDING, at] = columns[HOLDING, at - 1]
            at -= 1
        columns[HOLDING, at] = column
        pot.counts[HELD] = count + 1
    elif before > 0.0 and after == 0.0:
        at = 0
        while columns[HOLDING, at] != column:
            at += 1
        while at < count - 1:
            columns[HOLDING, at] = columns[HOLDING, at + 1]
            at += 1
        pot.counts[HELD] = count - 1


# --- the run ----------------------------------------------------------------------------------------------------------


@inner
def value(pot: Pot, market: MarketArrays, session: int, rate: float) -> float:
    """Give what is held at the last closes, in the base currency."""
    worth = 0.0
    for at in range(pot.counts[HELD]):
        column = pot.columns[HOLDING, at]
        close = market.closes[column, session]
        if not np.isnan(close):
            pot.amounts[MARK, column] = close
        worth += pot.amounts[UNITS, column] * pot.amounts[MARK, column]
    return worth / rate


@inner
def decide(pot: Pot, market: MarketArrays, rules: Rules, asked: tuple[int, int, Any, Any, Bonds]) -> int:
    """Decide at a close what to order at the next open, valued at the rate of that morning; gives how many orders."""
    session, week, scores, members, bonds = asked
    is_last = session + 1 == market.closes.shape[1]
    rate = market.rates[ON, session] if is_last else market.rates[BEFORE, session + 1]
    at_evening = pot.money[EQUITY]
    pot.money[EQUITY] = pot.money[CASH] + value(pot, market, session, rate)
    evening = Evening(scores, members, market.closes, session, market.no_buy, rate, week, bonds)
    chosen = aim(evening, pot, rules)
    lines = plan(evening, pot, rules, chosen) if chosen >= 0 else 0
    pot.money[EQUITY] = at_evening
    return lines


@inner
def write_down(pot: Pot, lines: int, weights: Any, units: Any) -> None:
    """Write down the weights that are wanted and the units that are ordered, and want nothing any more."""
    for column in range(len(weights)):
        weights[column], pot.amounts[WANTED, column] = pot.amounts[WANTED, column], 0.0
        pot.columns[STILL, column] = 0
    for at in range(lines):
        units[pot.columns[LINE, at]] = pot.amounts[ASKED, at]


@inner
def write_held(pot: Pot, market: MarketArrays, asked: tuple[int, float], held: Any) -> None:
    """Write down what is held at a session's open, at this open or else the last close, as a share of the equity given."""
    session, equity = asked
    for at in range(pot.counts[HELD]):
        column = pot.columns[HOLDING, at]
        opened = market.opens[column, session]
        price = pot.amounts[MARK, column] if np.isnan(opened) else opened
        held[column] = pot.amounts[UNITS, column] * price / market.rates[BEFORE, session] / equity


@compiled
def run(
    given: tuple[Any, Any, Any, Bonds],
    market: MarketArrays,
    book: tuple[Rules, Pot],
    told: tuple[Any, Any, Any, Any, Any, Any],
) -> None:
    """Run a book over the sessions from the first decision's close on, and write down what came of it.

    `given` are scores and who has a close and may be bought, of shape (W, N), the rows of the decisions, and what binds
    instruments to each other; the pot holds the capital as cash, peak and equity, and zeros. `told` are the arrays to fill:
    (6, sessions) in the order of a Track, and (W, N), which come as zeros: the weights wanted, the signed units ordered,
    whether these were filled, and the shares held after; and of shape (W,), whether the turnover limit bound.
    """
    scores, members, rows, bonds = given
    rules, pot = book
    track, weights, units, filled, held, bound = told
    first, week, lines, money = rows[0], 0, 0, pot.money
    for session in range(first, market.closes.shape[1]):
        income, traded, cost = 0.0, 0.0, 0.0
        if session > first:
            income = pay(pot, market, rules, session)
            if lines > 0:
                traded, cost = execute(pot, market, rules, (session, lines, filled[week - 1]))
                lines = 0
            if week > 0 and rows[week - 1] == session - 1:
                write_held(pot, market, (session, money[EQUITY]), held[week - 1])
            money[CASH] += income
        worth, before = value(pot, market, session, market.rates[ON, session]), money[EQUITY]
        equity = money[CASH] + worth
        money[EQUITY] = equity
        money[PEAK] = max(money[PEAK], equity)
        if equity <= money[PEAK] * (1.0 - rules.drawdown_max):
            money[IS_HALTED] = 1.0
        at = session - first
        track[VALUE, at], track[INVESTED, at], track[POSITIONS, at] = equity, worth / equity, pot.counts[HELD]
        track[TURNOVER, at], track[COST, at], track[INCOME, at] = traded / 2.0 / before, cost, income
        if week < len(rows) and rows[week] == session:
            if money[IS_HALTED] == 0.0:
                lines = decide(pot, market, rules, (session, week, scores[week], members[week], bonds))
                write_down(pot, lines, weights[week], units[week])
                bound[week], pot.counts[IS_BOUND] = pot.counts[IS_BOUND] == 1, 0
            week += 1
