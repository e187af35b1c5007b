"""The checking door: one question in, positions, lots, disposals, results, returns and breaks out, exactly as decimals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, localcontext
from operator import itemgetter
from typing import Any

from core.ledger.matching_uk import match_uk
from core.ledger.performance import performance
from core.ledger.question import Ask, Method, Question, QuestionError, Statement
from core.ledger.quotes import NoQuote, Quotes, check_quotes
from core.ledger.standing import standing_facts
from core.ledger.walk import Disposal, Evening, Walk, What
from core.ledger.worth import Scope, not_computable, value_on
from core.uncollected import uncollected

ZERO = Decimal(0)
# Units of 30 digits at prices and rates of 30, a rate over a third currency 60: no product of them loses a digit.
DIGITS = 250


def evaluate(question: Question) -> dict[str, Any]:
    """Answer a question from its facts alone; raises QuestionError that names the fact which does not add up.

    The answer holds texts, lists, mappings and decimals. What cannot be computed is `{"not_computable": REASON}`.
    Nothing is rounded but what a division leaves: a share of a cost, a rate turned round (twelve decimals), and returns (ten).
    """
    with localcontext(prec=DIGITS), uncollected():
        check_quotes(question.prices, question.fx)
        facts = standing_facts(question.facts, question.ask)
        quotes = Quotes(question.prices, question.fx, facts, question.ask)
        methods = {one.id: one.method or question.method for one in question.accounts}
        walk = Walk(facts, methods, quotes, question.ask.base)
        ask = question.ask
        scope = Scope(frozenset(ask.accounts or (one.id for one in question.accounts)), ask.as_of, ask.base)
        answer = {
            "as_of": ask.as_of,
            "known_at": ask.known_at,
            "base": ask.base,
            "method": question.method,
            "facts_counted": [fact.key for fact in facts],
            "positions": _positions(walk, quotes, scope),
            "cash": _cash(walk, quotes, scope),
            "lots": _lots(walk, scope),
            "disposals": [_disposal(one, methods) for one in walk.disposals if one.fact.account in scope.accounts],
            "pnl": _pnl(walk, quotes, scope),
            "returns": performance(walk, quotes, scope, ask),
            "breaks": [found for one in ask.statements for found in _breaks(one, walk.on(ask.as_of), ask)],
        }
        return answer | ({"tax": match_uk(question, facts, walk)} if question.method == "UK" else {})


def _lots(walk: Walk, scope: Scope) -> list[dict[str, Any]]:
    rows = [
        {
            "lot": lot.lot,
            "account": account,
            "instrument": name,
            "acquired": lot.acquired,
            "quantity": lot.quantity,
            "currency": walk.currency[name],
            "cost": lot.cost,
            "cost_base": lot.cost_base,
        }
        for (account, name), lots in walk.lots.items()
        if account in scope.accounts
        for lot in lots
    ]
    return sorted(rows, key=itemgetter("account", "instrument", "acquired", "lot"))


def _disposal(one: Disposal, methods: Mapping[str, Method]) -> dict[str, Any]:
    fact = one.fact
    rule = "AVERAGE" if methods[fact.account] == "AVERAGE" else "lot"
    matches = [
        {
            "rule": rule,
            "lot": lot.lot,
            "acquired": lot.acquired,
            "quantity": lot.quantity,
            "cost": lot.cost,
            "cost_base": lot.cost_base,
        }
        for lot in one.taken
    ]
    return {
        "fact": fact.key,
        "account": fact.account,
        "instrument": fact.instrument,
        "date": fact.effective,
        "quantity": one.quantity,
        "currency": fact.currency,
        "proceeds": one.proceeds,
        "fee": one.fee,
        "proceeds_base": one.proceeds * one.rate,
        "fee_base": one.fee * one.rate,
        "gain_base": one.gain_base,
        "matches": matches,
    }


def _positions(walk: Walk, quotes: Quotes, scope: Scope) -> list[dict[str, Any]]:
    rows = []
    for (account, name), quantity in sorted(walk.on(scope.as_of).units.items()):
        if account not in scope.accounts:
            continue
        lots = walk.lots[account, name]
        row: dict[str, Any] = {"account": account, "instrument": name, "quantity": quantity}
        row |= {"currency": walk.currency[name], "cost": _sum(lot.cost for lot in lots)}
        row["cost_base"] = _sum(lot.cost_base for lot in lots)
        try:
            value, worth, day = _marked((name, walk.currency[name]), quantity, quotes, scope)
            row |= {"value": value, "value_base": worth, "price_date": day}
        except NoQuote as error:
            row |= {"value": None, "value_base": not_computable(error), "price_date": None}
        rows.append(row)
    return rows


def _marked(of: tuple[str, str], quantity: Decimal, quotes: Quotes, scope: Scope) -> tuple[Decimal, Decimal, date]:
    """Give units' value in their currency and in the base, and the day of the price."""
    name, currency = of
    price = quotes.price(name, scope.as_of)
    if price.currency != currency:
        raise QuestionError(f"price of {name} on {price.day}: it is in {price.currency}; the facts are in {currency}")
    value = quantity * price.value
    return value, value * quotes.rate(currency, scope.base, scope.as_of).value, price.day


def _cash(walk: Walk, quotes: Quotes, scope: Scope) -> list[dict[str, Any]]:
    rows = []
    for (account, currency), amount in sorted(walk.on(scope.as_of).cash.items()):
        if account not in scope.accounts:
            continue
        row: dict[str, Any] = {"account": account, "currency": currency, "amount": amount}
        try:
            rate = quotes.rate(currency, scope.base, scope.as_of)
            row |= {"value_base": amount * rate.value, "rate": rate.value}
            row |= {"rate_date": rate.day, "rate_source": rate.source}
        except NoQuote as error:
            row |= {"value_base": not_computable(error), "rate": None, "rate_date": None, "rate_source": None}
        rows.append(row)
    return rows


def _pnl(walk: Walk, quotes: Quotes, scope: Scope) -> dict[str, Any]:
    """Split what was made since the first fact: price, rates, income and fees, of what was sold and of what is held."""

    def booked(what: What) -> Decimal:
        return _sum(walk.results.get((account, what), ZERO) for account in scope.accounts)

    price, rates = booked("price"), booked("fx") + booked("cash_fx")
    income, withheld, fees = booked("income"), booked("withheld"), booked("fee")
    flows = _sum(flow.cost_base for flow in walk.flows if scope.is_outside(flow))
    answer: dict[str, Any] = {
        "realised": {"price": price, "fx": rates, "total": price + rates},
        "income": {"gross": income, "withheld": withheld, "net": income - withheld},
        "fees": fees,
        "flows": flows,
    }
    try:
        unrealised, worth = _unrealised(walk, quotes, scope)
    except NoQuote as error:
        return answer | {
            "unrealised": not_computable(error),
            "value": not_computable(error),
            "total": not_computable(error),
        }
    total = price + rates + _sum(unrealised.values()) + income - withheld - fees
    if total != worth - flows:
        raise ArithmeticError(f"results add up to {total}, and value less flows is {worth - flows}")
    return answer | {"unrealised": unrealised | {"total": _sum(unrealised.values())}, "value": worth, "total": total}


def _unrealised(walk: Walk, quotes: Quotes, scope: Scope) -> tuple[dict[str, Decimal], Decimal]:
    """Give what open lots and foreign cash have gained, by price and by rate, and the value of everything."""
    price, rates = ZERO, ZERO
    for (account, name), lots in walk.lots.items():
        if account not in scope.accounts or not lots:
            continue
        currency = walk.currency[name]
        _, worth, _ = _marked((name, currency), lots.held, quotes, scope)
        rate = quotes.rate(currency, scope.base, scope.as_of).value
        cost, base = _sum(lot.cost for lot in lots), _sum(lot.cost_base for lot in lots)
        price += worth - cost * rate
        rates += cost * rate - base
    for (account, currency), (amount, base) in walk.cash.items():
        if account in scope.accounts:
            rates += amount * quotes.rate(currency, scope.base, scope.as_of).value - base if amount else -base
    return {"price": price, "fx": rates}, value_on(walk.on(scope.as_of), scope.as_of, quotes, scope)


def _breaks(told: Statement, evening: Evening, ask: Ask) -> list[dict[str, Any]]:
    """Name each difference from what a broker says: units must be equal, cash within the tolerance."""
    found: list[dict[str, Any]] = []

    def add(name: str, of: str, ours: Decimal, theirs: Decimal) -> None:
        found.append({"account": told.account, "break": name, "of": of, "ours": ours, "theirs": theirs})

    units = {name: held for (account, name), held in evening.units.items() if account == told.account}
    for name in sorted(units.keys() | told.units.keys()):
        ours, theirs = units.get(name, ZERO), told.units.get(name, ZERO)
        if ours != theirs:
            add(
                "unknown position" if not ours else "missing position" if not theirs else "quantity", name, ours, theirs
            )
    cash = {name: held for (account, name), held in evening.cash.items() if account == told.account}
    for name in sorted(cash.keys() | told.cash.keys()):
        ours, theirs = cash.get(name, ZERO), told.cash.get(name, ZERO)
        if abs(ours - theirs) > ask.cash_tolerance:
            add("cash", name, ours, theirs)
    return found


def _sum(amounts: Any) -> Decimal:
    return sum(amounts, ZERO)
