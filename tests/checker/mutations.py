"""Lies that a ticket could tell, each with the words in which the checker must object.

A lie is told consistently: the hash is made anew, and where a figure moves, those that follow from it move along, so that
only the one check that is meant can see it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.checker.account import World, rounded, worst_of
from tests.checker.limits import taken_of

Change = Callable[["Lie"], None]
FAR = Decimal(100_000)


@dataclass
class Lie:
    """A ticket that is being changed: its document, the world that it was true in, and the seeded chance."""

    name: str
    document: dict[str, Any]
    world: World
    chance: random.Random

    @property
    def ticket(self) -> dict[str, Any]:
        """Give the decision bytes."""
        ticket: dict[str, Any] = self.document["ticket"]
        return ticket

    def line(self, side: str = "") -> dict[str, Any]:
        """Pick one of the ticket's lines."""
        line: dict[str, Any] = self.chance.choice([line for line in self.ticket["lines"] if side in line["side"]])
        return line

    def refit(self) -> None:
        """Make every figure follow from units, prices, the rate and the cash, and number the lines."""
        cash, rate = Decimal(self.ticket["cash"]), Decimal(self.ticket["fx_rate"])
        for number, line in enumerate(self.ticket["lines"], start=1):
            quote, is_buy = Decimal(line["quantity"]) * Decimal(line["decision_price"]), line["side"] == "buy"
            value = rounded(quote / rate, 2)
            cost = rounded(value * Decimal("0.0081"), 2)
            cash += (-value if is_buy else value) - cost
            worst = worst_of(line["side"], Decimal(line["decision_price"]), Decimal("0.02"))
            line |= {
                "line": number,
                "effect": "open" if is_buy else "close",
                "value": text(value),
                "value_quote": text(rounded(quote, 2)),
                "worst_price": text(worst),
                "expected_cost": text(cost),
                "expected_cash_after": text(cash),
            }

    def seal(self) -> str:
        """Give the file with a hash that fits the ticket."""
        digest = hashlib.sha256(_canonical(self.ticket).encode()).hexdigest()
        self.document |= {"hash": digest, "short_hash": digest[:8]}
        return _canonical(self.document) + "\n"


def text(number: Decimal) -> str:
    """Write a number as tickets do."""
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def lied(texts: Mapping[str, str], name: str, mutation: Mutation, world: World, *, seed: int) -> dict[str, str]:
    """Give the files with one of them changed."""
    lie = Lie(name, copy.deepcopy(json.loads(texts[name])), world, random.Random(seed))
    mutation.change(lie)
    return {**texts, name: lie.seal()}


# --- figures ----------------------------------------------------------------------------------------------------------


def _add(field: str, amount: str, *, to_ticket: bool = False) -> Change:
    def change(lie: Lie) -> None:
        target = lie.ticket if to_ticket else lie.line()
        target[field] = text(Decimal(target[field]) + Decimal(amount))

    return change


def _scale(factor: str, *, side: str = "", of_all: bool = False) -> Change:
    def change(lie: Lie) -> None:
        for line in lie.ticket["lines"] if of_all else [lie.line(side)]:
            line["quantity"] = text(rounded(Decimal(line["quantity"]) * Decimal(factor), 4))
        lie.refit()

    return change


def _quantity(quantity: str) -> Change:
    def change(lie: Lie) -> None:
        lie.line()["quantity"] = quantity
        lie.refit()

    return change


def _worth(value: int) -> Change:
    def change(lie: Lie) -> None:
        buys = [line for line in lie.ticket["lines"] if line["side"] == "buy"]
        line = lie.chance.choice([line for line in buys if line["instrument"] not in str(lie.ticket["left_undone"])])
        units = Decimal(value) * Decimal(lie.ticket["fx_rate"]) / Decimal(line["decision_price"])
        line["quantity"] = text(rounded(units, 4))
        lie.refit()

    return change


def _price(lie: Lie) -> None:
    line = lie.line()
    line["decision_price"] = text(Decimal(line["decision_price"]) + Decimal("0.01"))
    lie.refit()


def _rate_of_the_day_before(lie: Lie) -> None:
    fixed_on = date.fromisoformat(lie.ticket["fx"].split("fixed ")[1][:10])
    earlier, rate = lie.world.fixed_before(fixed_on)
    lie.ticket.update({"fx_rate": text(rate), "fx": f"{text(rate)} USD for 1 GBP, fixed {earlier} (ecb)"})
    lie.refit()


def _cash(lie: Lie) -> None:
    lie.ticket["cash"] = text(Decimal(lie.ticket["cash"]) + Decimal("0.01"))
    lie.refit()


# --- lines ------------------------------------------------------------------------------------------------------------


def _other_side(lie: Lie) -> None:
    line = lie.ticket["lines"][-1]
    line["side"] = "sell" if line["side"] == "buy" else "buy"
    lie.refit()


def _sell_short(lie: Lie) -> None:
    line = lie.line("sell")
    line["quantity"] = text(Decimal(line["quantity"]) + FAR)
    lie.refit()


def _reverse(lie: Lie) -> None:
    lie.ticket["lines"].reverse()
    lie.refit()


def _renumber(lie: Lie) -> None:
    for line in lie.ticket["lines"]:
        line["line"] += 1


def _drop(lie: Lie) -> None:
    lie.ticket["lines"].remove(lie.line())
    lie.refit()


def _repeat(lie: Lie) -> None:
    lie.ticket["lines"].append(copy.deepcopy(lie.ticket["lines"][-1]))
    lie.refit()


def _instead(name: str) -> Change:
    def change(lie: Lie) -> None:
        session = date.fromisoformat(lie.ticket["as_of"])
        price = lie.world.price(lie.world.closes, name, session) or Decimal(100)
        line = lie.line("buy")
        line |= {"instrument": name, "search_name": name, "decision_price": text(price)}
        lie.refit()

    return change


def _many_more(lie: Lie) -> None:
    there = {line["instrument"] for line in lie.ticket["lines"]}
    for name in sorted(lie.world.universe.keys() - there - {"SPY", "QQQ"})[:30]:
        line = copy.deepcopy(lie.ticket["lines"][-1])
        price = lie.world.closes[name][date.fromisoformat(lie.ticket["as_of"])]
        line |= {"instrument": name, "search_name": name, "side": "buy", "decision_price": text(rounded(price, 4))}
        line["quantity"] = text(rounded(Decimal(80) / price, 4))
        lie.ticket["lines"].append(line)
    lie.refit()


def _set_otherwise(lie: Lie) -> None:
    line = lie.line()
    line["set_by"] = "value" if line.get("set_by", "units") == "units" else "units"


def _say(field: str, value: Any) -> Change:
    def change(lie: Lie) -> None:
        lie.line()[field] = value

    return change


def _more_slippage(lie: Lie) -> None:
    line = lie.line()
    line["skip_if"] = line["skip_if"].replace("(2 %", "(3 %")


def _less_cash(lie: Lie) -> None:
    told = lie.ticket["guide"]["before"]
    lie.ticket["guide"]["before"] = [re.sub(r"(is less than) [\d,.]+", r"\1 0.01", words) for words in told]


def _cash_of_the_other_choice(lie: Lie) -> None:
    """Look for the cash that a policy would want that lets buys spend the other kind of cash."""
    ticket, is_settled = lie.ticket, lie.world.policy["sizing"]["buys_from"] == "settled"
    other = {"sizing": {"buys_from": "sale_proceeds" if is_settled else "settled"}}
    told = [re.sub(r" If its free cash is less than .*", "", words) for words in ticket["guide"]["before"]]
    needed = f" If its free cash is less than {taken_of(ticket, other):,.2f} {ticket['base']} (costs paid), do nothing."
    ticket["guide"]["before"] = [*told[:-1], told[-1] + needed]


# --- heads, kinds and gates -------------------------------------------------------------------------------------------


def _state(field: str, value: Any) -> Change:
    def change(lie: Lie) -> None:
        lie.ticket[field] = value

    return change


def _an_hour_late(lie: Lie) -> None:
    window = lie.ticket["window"]
    lie.ticket["window"] = window | {name: _later(window[name]) for name in ("opens_at", "closes_at")}


def _expires_late(lie: Lie) -> None:
    lie.ticket["expires_at"] = _later(lie.ticket["expires_at"])


def _later(instant: str) -> str:
    at = datetime.strptime(instant, "%Y-%m-%dT%H:%M:%S.%f%z") + timedelta(hours=1)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _as_of_earlier(lie: Lie) -> None:
    lie.ticket["as_of"] = (date.fromisoformat(lie.ticket["as_of"]) - timedelta(days=1)).isoformat()


def _become(kind: str, *reasons: str) -> Change:
    def change(lie: Lie) -> None:
        # A NO-TRADE ticket may tell no equity; the other kinds must.
        equity = lie.ticket["equity"] or lie.ticket["cash"]
        lie.ticket.update(kind=kind, reasons=list(reasons), lines=[], equity=equity)
        for gate in lie.ticket["gates"]:
            told = [reason.partition(": ")[2] for reason in reasons if reason.startswith(f"{gate['gate']}: ")]
            gate |= {"state": "closed" if told and kind == "NO-TRADE" else "open", "messages": told}

    return change


def _trade_anyway(lie: Lie) -> None:
    _become("TRADE")(lie)
    price = lie.world.price(lie.world.closes, "AAPL", date.fromisoformat(lie.ticket["as_of"])) or Decimal(1)
    words = {"instrument": "AAPL", "search_name": "AAPL", "is_verified": False, "side": "buy", "currency": "USD"}
    order = {"order_type": "market", "limit_price": None, "stop_price": None}
    lie.ticket["lines"] = [words | order | {"quantity": "1", "decision_price": text(price)}]
    lie.refit()


def _close_a_gate(lie: Lie) -> None:
    lie.chance.choice(lie.ticket["gates"]).update(state="closed", messages=["something was wrong"])


def _lose_a_gate(lie: Lie) -> None:
    lie.ticket["gates"].remove(lie.chance.choice(lie.ticket["gates"]))


def _another_fall(lie: Lie) -> None:
    _become("NO-TRADE", "drawdown: drawdown is 0.22 since 2024-07-10, the kill switch is at 0.2; a person must look")(
        lie
    )


@dataclass(frozen=True)
class Mutation:
    """One kind of lie: the kind of ticket that can tell it, the change, and what the checker must say."""

    name: str
    on: str
    change: Change
    words: str


MUTATIONS = (
    Mutation("a quantity alone", "trade", _add("quantity", "0.1"), "the value is"),
    Mutation("a quantity and all that follows", "trade", _scale("0.7"), "the plan lacks"),
    Mutation("a price alone", "trade", _add("decision_price", "0.01"), "closed at"),
    Mutation("a price and all that follows", "trade", _price, "closed at"),
    Mutation("a worst price", "trade", _add("worst_price", "0.0001"), "the worst price"),
    Mutation("the slippage allowed", "trade", _more_slippage, "it is skipped if"),
    Mutation("the cash to look for", "build", _less_cash, "nothing is bought with less than"),
    Mutation("the cash of another policy", "mixed", _cash_of_the_other_choice, "nothing is bought with less than"),
    Mutation("a value", "trade", _add("value", "0.01"), "the value is"),
    Mutation("a value in dollars", "trade", _add("value_quote", "-0.01"), "the value in dollars is"),
    Mutation("a cost", "trade", _add("expected_cost", "0.01"), "the cost is"),
    Mutation("the cash after a line", "trade", _add("expected_cash_after", "-0.01"), "the cash after it is"),
    Mutation("a side", "trade", _other_side, "sells short|sells come first"),
    Mutation("more sold than is held", "sells", _sell_short, "sells short"),
    Mutation("the order of the lines", "mixed", _reverse, "sells come first"),
    Mutation("the numbers of the lines", "trade", _renumber, "the lines are numbered"),
    Mutation("a line dropped", "trade", _drop, "the plan lacks"),
    Mutation("a line twice", "trade", _repeat, "has two lines"),
    Mutation("a weight", "build", _scale("4", side="buy"), "the weight would be"),
    Mutation("all weights", "build", _scale("1.4", of_all=True), "the turnover is"),
    Mutation("all cash spent", "build", _scale("1.9", of_all=True), "the cash buffer is"),
    Mutation("more positions", "trade", _many_more, "the positions would be"),
    Mutation("an order too small", "build", _worth(20), "the order value"),
    Mutation("a tiny delta", "build", _worth(30), "the tiny delta"),
    Mutation("a negative quantity", "trade", _quantity("-1.5"), "no positive number of steps"),
    Mutation("no quantity", "trade", _quantity("0"), "no positive number of steps"),
    Mutation("half a step", "trade", _quantity("1.00005"), "no positive number of steps"),
    Mutation("a quantity with an exponent", "trade", _say("quantity", "1E+1"), "is no plain number"),
    Mutation("a quantity that is a number", "trade", _say("quantity", 1.5), "is no plain number"),
    Mutation("the benchmark bought", "buys", _instead("SPY"), "not tradable as the underlying"),
    Mutation("an unknown name bought", "buys", _instead("ZZZZ"), "closed at None"),
    Mutation("another name bought", "build", _instead("KO"), "the plan lacks"),
    Mutation("the words to search for", "trade", _say("search_name", "XYZ"), "the words"),
    Mutation("the currency of a line", "trade", _say("currency", "GBP"), "the words"),
    Mutation("an order type", "trade", _say("order_type", "limit"), "the words"),
    Mutation("what a line is set by", "trade", _set_otherwise, "is set by its"),
    Mutation("the rate of the day before", "trade", _rate_of_the_day_before, "the rate is"),
    Mutation("the cash", "trade", _cash, "the cash is"),
    Mutation("the equity", "trade", _add("equity", "0.01", to_ticket=True), "the equity is"),
    Mutation("the window", "trade", _an_hour_late, "window, expiry and deadline"),
    Mutation("the expiry", "trade", _expires_late, "window, expiry and deadline"),
    Mutation("the as-of", "trade", _as_of_earlier, "the head has"),
    Mutation("the venue", "trade", _state("venue", "manual"), "the head has"),
    Mutation("the currency", "trade", _state("base", "USD"), "the head has"),
    Mutation("a gate closed", "trade", _close_a_gate, "the gates that are not open"),
    Mutation("a gate not told", "trade", _lose_a_gate, "the gates told"),
    Mutation("a hold instead of trades", "trade", _become("HOLD", "tiny deltas: all"), "the plan lacks"),
    Mutation("a hold for no reason", "trade", _become("HOLD"), "the kind is|cannot be read"),
    Mutation(
        "no trade for an invented reason", "idle", _become("NO-TRADE", "halt: rain"), "nothing that the statement"
    ),
    Mutation("a trade between rebalances", "idle", _trade_anyway, "no rebalance is due"),
    Mutation("a trade on a holiday", "closed", _trade_anyway, "the exchange is closed"),
    Mutation("another reason on a holiday", "closed", _become("HOLD", "no rebalance due"), "the exchange is closed"),
    Mutation("a trade after the kill switch", "stopped", _trade_anyway, "and no resume"),
    Mutation("a hold after the kill switch", "stopped", _become("HOLD", "no rebalance due"), "and no resume"),
    Mutation("another fall", "stopping", _another_fall, "the fall is told as"),
)
