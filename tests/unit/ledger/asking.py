"""Questions to the checking door, made in a few words; everything goes through its JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from core.canonical import plain
from core.ledger.evaluate import evaluate
from core.ledger.question import read_question

KNOWN = "2030-01-01T00:00:00Z"


def fact(kind: str, effective: str, key: str, **fields: Any) -> dict[str, Any]:
    """Give a fact of account `a`, recorded on its day unless told otherwise."""
    own: dict[str, Any] = {"kind": kind, "key": key, "effective": effective, "recorded": f"{effective}T22:00:00Z"}
    if kind not in ("SPLIT", "SPIN_OFF", "SYMBOL_CHANGE", "CORRECTION"):
        own["account"] = "a"
    return own | fields


def trade(kind: str, effective: str, quantity: str, amount: str, **fields: Any) -> dict[str, Any]:
    """Give a trade of X for an amount in GBP, with a key of its kind and day."""
    own = {"instrument": "X", "currency": "GBP", "quantity": quantity, "amount": amount}
    key = fields.pop("key", f"{kind}-{effective}")
    return fact(kind, effective, key, **(own | fields))


def question(facts: Sequence[dict[str, Any]], method: str = "FIFO", **ask: Any) -> dict[str, Any]:
    """Give a question in GBP as of the end of 2029; `prices`, `fx` and `accounts` are its own fields, the rest is asked.

    `scope` is the `accounts` of what is asked.
    """
    own = {name: ask.pop(name, []) for name in ("prices", "fx")}
    accounts = ask.pop("accounts", [{"id": "a"}])
    if "scope" in ask:
        ask["accounts"] = ask.pop("scope")
    asked = {"as_of": "2029-12-31", "known_at": KNOWN, "base": "GBP"} | ask
    return {"accounts": accounts, "method": method, "facts": list(facts), "ask": asked} | own


def answer_to(facts: Sequence[dict[str, Any]], method: str = "FIFO", **ask: Any) -> dict[str, Any]:
    """Ask through the door and give the answer as the JSON that it prints."""
    return answered(question(facts, method, **ask))


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """Ask a whole question through the door."""
    found: dict[str, Any] = json.loads(json.dumps(plain(evaluate(read_question(json.dumps(asked))))))
    return found


def price(day: str, value: str, instrument: str = "X", currency: str = "GBP") -> dict[str, str]:
    """Give a price of a day."""
    return {"date": day, "instrument": instrument, "price": value, "currency": currency}


def rate(day: str, value: str, currency: str = "USD", into: str = "GBP") -> dict[str, str]:
    """Give a rate of a day."""
    return {"date": day, "from_currency": currency, "to_currency": into, "rate": value, "source": "test"}
