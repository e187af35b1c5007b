"""The limits that hold whatever the plan was: order values, volumes, sectors, clusters, leaps, losing streaks; and refusals.

Derived anew from the recorded market and the policy's published words; it shares no code with Twokey.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Any

from tests.checker.account import ONE, ZERO, Line, rounded
from tests.checker.check_tickets import Case

REFUSAL = re.compile(r"(?P<side>buy|sell) (?P<name>\S+): (?P<codes>.*)")
CODE = re.compile(r"(?:^|; )([A-Z][A-Z_]+): ")
NEEDED = re.compile(r"If its free cash is less than (\S+ [A-Z]{3}) ")
TRADED_SESSIONS, RETURNS_MIN = 20, 20


def wrong_limits(case: Case) -> Iterator[str]:
    """No buy may pass a limit on orders, volume, sectors, clusters or leaps, nor come while the book cools down."""
    limits, buys = case.world.policy["limits"], [line for line in case.lines if line.side == "buy"]
    if buys and len(case.lines) > limits["trades_max"]:
        yield f"there are {len(case.lines)} orders; at most {limits['trades_max']} are allowed"
    after = _after(case, case.lines)
    for line in buys:
        for code, (value, limit) in _measured(case, line.instrument, line.quantity, after).items():
            if value > limit:
                yield f"line {line.number} (buy {line.instrument}): {code}: {rounded(value, 4)} against {limit}"
    if buys and case.statement.is_cooling:
        yield f"something is bought after {limits['losing_sessions_max']} losing sessions in a row"


def wrong_refusals(case: Case) -> Iterator[str]:
    """What was refused passes the limit that it was refused for."""
    for told in case.ticket["refused"]:
        found = REFUSAL.fullmatch(told)
        codes = CODE.findall(found["codes"]) if found else []
        if found is None or not codes:
            yield f"the refusal {told!r} names no trade and no code"
            continue
        for code in codes:
            if code == "LOSING_STREAK":
                is_just = case.statement.is_cooling
            elif code in ("PRICE_JUMP", "OVER_VOLUME"):
                least = case.value(found["name"], case.held(found["name"]))
                units = max(ZERO, case.equity - least) * case.rate / (case.close(found["name"]) or ONE)
                value, limit = _measured(case, found["name"], units, {})[code]
                is_just = value > limit
            else:
                is_just = False
            if not is_just:
                yield f"{found['side']} {found['name']} is refused for {code}, and nothing that is known says so"


def wrong_guide(case: Case) -> Iterator[str]:
    """Each line's sentences name the trade, the cash to look for is what the policy lets pay, and its floor is the buffer.

    Without lines there is no guide.
    """
    guide = case.ticket.get("guide")
    if bool(guide) != bool(case.lines):
        yield f"the guide is {'there' if guide else 'missing'} on a ticket of {len(case.lines)} lines"
        return
    floor = rounded(case.world.number("limits", "cash_buffer_min") * case.equity, 2)
    if guide and Decimal(guide["cash_floor"]) != floor:
        yield f"the floor of the cash is {guide['cash_floor']}, it should be {floor}"
    if guide and case.lines:
        taken = taken_of(case.ticket, case.world.policy)
        needed = [f"{taken:,.2f} {case.ticket['base']}"] if taken > 0 else []
        told = NEEDED.findall(" ".join(guide["before"]))
        if told != needed:
            yield f"nothing is bought with less than {told}; it should be {needed}"
    share = case.world.number("execution", "skip_above_bps") / 100
    for line in case.lines:
        yield from (f"line {line.number}: {words}" for words in _wrong_words(line, f"{share.normalize():f} %"))
        set_by = "units" if case.order_step % 1 == 0 or line.side == "sell" else "value"
        if line.told.get("set_by", "units") != set_by:
            yield f"line {line.number} is set by its {line.told.get('set_by', 'units')}; it should be its {set_by}"


def taken_of(ticket: Mapping[str, Any], policy: Mapping[str, Any]) -> Decimal:
    """Give what a ticket's lines take of the cash; of settled cash the buys take all that they and all costs come to."""
    lines = ticket["lines"]
    if policy["sizing"]["buys_from"] != "settled":
        return Decimal(ticket["cash"]) - Decimal(lines[-1]["expected_cash_after"])
    if all(line["side"] == "sell" for line in lines):
        return ZERO
    spent = [line["value"] for line in lines if line["side"] == "buy"] + [line["expected_cost"] for line in lines]
    return sum(map(Decimal, spent), ZERO)


def _wrong_words(line: Line, share: str) -> Iterator[str]:
    told = line.told
    starts = "Buy " if line.side == "buy" else "Sell "
    needed = (str(told["search_name"]), str(told["quantity"]), f"{Decimal(told['value_quote']):,.2f}")
    missing = [words for words in needed if words not in told["do"]]
    if not told["do"].startswith(starts) or missing:
        yield f"what to do is {told['do']!r}; it should begin with {starts!r} and name {missing}"
    side, far = ("above", "over") if line.side == "buy" else ("below", "under")
    skip = f"{side} {told['worst_price']} {told['currency']} ({share} {far} {told['decision_price']})"
    if not told["skip_if"].endswith(skip):
        yield f"it is skipped if {told['skip_if']!r}; it should be {skip}"
    if not told["if_it_fails"].strip():
        yield "nothing is said of what to do if it fails"


Measured = dict[str, tuple[Decimal, Decimal]]


def _measured(case: Case, name: str, units: Decimal, after: dict[str, Decimal]) -> Measured:
    """Give by code what a buy comes to, and the limit that it may not pass."""
    number, close = case.world.number, case.close(name) or ZERO
    found = {
        "OVER_NOTIONAL": (case.value(name, units), number("limits", "order_value_max") + Decimal("0.01")),
        "OVER_VOLUME": (units * close, number("limits", "value_traded_share_max") * _traded(case, name)),
        "PRICE_JUMP": (_leap(case, name), number("limits", "price_move_max")),
    }
    for code, key, members in (
        ("OVER_SECTOR", "sector_weight_max", _same_sector),
        ("CORRELATED", "cluster_weight_max", _moves_alike),
    ):
        limit = number("limits", key)
        if after and limit < ONE and sum(_values(case, after, set(after)), ZERO) > limit * case.equity:
            weight = sum(_values(case, after, members(case, name, after)), ZERO) / case.equity
            found[code] = (weight, limit)
    return found


def _after(case: Case, lines: tuple[Line, ...]) -> dict[str, Decimal]:
    units = dict(case.statement.units)
    for line in lines:
        units[line.instrument] = units.get(line.instrument, ZERO) + line.sign * line.quantity
    return {name: quantity for name, quantity in units.items() if quantity > 0}


def _values(case: Case, after: dict[str, Decimal], names: set[str]) -> list[Decimal]:
    return [case.value(name, after[name]) for name in sorted(names)]


def _same_sector(case: Case, name: str, after: dict[str, Decimal]) -> set[str]:
    sector = _sector(case, name)
    return {other for other in after if sector and _sector(case, other) == sector}


def _sector(case: Case, name: str) -> str:
    return case.world.universe.get(name, {}).get("sector", "")


def _moves_alike(case: Case, name: str, after: dict[str, Decimal]) -> set[str]:
    least = float(case.world.number("limits", "correlation_max"))
    return {other for other in after if other == name or _correlation(case, name, other) >= least}


def _correlation(case: Case, one: str, other: str) -> float:
    """Give Pearson's correlation of daily returns; who cannot be told apart is taken for alike."""
    days = _sessions(case, case.world.policy["limits"]["correlation_sessions"] + 1)
    pairs = []
    for before, day in pairwise(days):
        told = [case.world.adjusted.get(name, {}) for name in (one, other)]
        if all(before in prices and day in prices for prices in told):
            pairs.append(tuple(float(prices[day]) / float(prices[before]) - 1 for prices in told))
    if len(pairs) < RETURNS_MIN:
        return 1.0
    means = [sum(pair[at] for pair in pairs) / len(pairs) for at in (0, 1)]
    spread = [sum((pair[at] - means[at]) ** 2 for pair in pairs) for at in (0, 1)]
    common = sum((pair[0] - means[0]) * (pair[1] - means[1]) for pair in pairs)
    scale = float((spread[0] * spread[1]) ** 0.5)
    return common / scale if min(spread) > 1e-12 else 1.0


def _sessions(case: Case, count: int) -> list[date]:
    at = case.world.sessions.index(case.as_of)
    return case.world.sessions[max(0, at + 1 - count) : at + 1]


def _traded(case: Case, name: str) -> Decimal:
    """Give the median of the value traded in the last sessions; one without a bar counts as nothing."""
    world = case.world
    values = [
        float(world.closes.get(name, {}).get(day, ZERO)) * float(world.volumes.get(name, {}).get(day, ZERO))
        for day in _sessions(case, TRADED_SESSIONS)
    ]
    return Decimal(int(median(values)))


def _leap(case: Case, name: str) -> Decimal:
    """Give how far the close is from the last one before it, as a share of that; without one it is infinitely far."""
    world, close = case.world, case.close(name)
    days = [day for day in _sessions(case, 400)[:-1] if day in world.closes.get(name, {})]
    before = world.price(world.closes, name, days[-1]) if days else None
    return Decimal("Infinity") if before is None or close is None else abs(close - before) / before


Check = Callable[[Case], Iterator[str]]
LIMITS: tuple[Check, ...] = (wrong_limits, wrong_refusals, wrong_guide)
