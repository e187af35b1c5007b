"""Random bookings: whatever was taken in, the checking door comes to the units and cash that were posted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from core.ledger.question import QuestionError
from flows.booking import BookingRefused
from tests.unit.ledger.booking import (
    APART,
    HASH,
    OTHER,
    TODAY,
    Books,
    cash,
    fix,
    told,
)
from tests.unit.ledger.test_asked_of_books import filled

NAMES, CURRENCY = ("AAA", "VOD", "ODD"), {"AAA": "USD", "VOD": "GBP", "ODD": "EUR"}
FIRST = date(2024, 1, 2)


class Story:
    """Random facts, fills, cash and splits of the clean set, one after another."""

    def __init__(self, seed: int) -> None:
        self.draw, self.books, self.count, self.refused = Random(seed), Books(), 0, 0

    def go_on(self) -> None:
        """Book or post one thing more, and hold the engine's answer against the postings if it was taken."""
        self.count += 1
        kind = self.draw.choice(("fill", "cash", *["fact"] * 8, "fix", "fix"))
        if kind == "fill":
            self.books.post(
                replace(
                    filled(4, "buy", self.units(), "10", name="VOD", quote="GBP"),
                    key=f"e{self.count}",
                    session=self.day(),
                )
            )
        elif kind == "cash":
            self.books.post(replace(cash(f"e{self.count}"), session=self.day()))
        else:
            told_of = [self.fact() if kind == "fact" else self.fix() for _ in range(self.draw.randint(1, 2))]
            try:
                self.books.book(*told_of)
            except BookingRefused:
                self.refused += 1
                return
        try:
            self.look()
        except QuestionError as error:
            # A fill is what happened, whatever was booked before: what does not go with it any more is taken back.
            assert kind == "fill"
            self.books.book(fix(f"c{self.count}", str(error).split("'")[1]))
            self.look()

    def look(self) -> None:
        """Ask about the end, and about some day."""
        for day in (TODAY, self.day()):
            self.books.checked(day)

    def fact(self) -> dict[str, Any]:
        """Give some fact of some book."""
        self.count += 1
        draw, name, day = self.draw, self.draw.choice(NAMES), str(self.day())
        account = draw.choice((APART, OTHER) if name != "VOD" else ("main", APART, OTHER))
        money = {"currency": "GBP" if account == "main" else CURRENCY[name], "amount": self.units()}
        units = {"instrument": name, "quantity": self.units()}
        to = draw.choice([one for one in ("main", APART, OTHER) if one != account])
        key, own = f"f{self.count}", {"account": account}
        match draw.randrange(14):
            case 0 | 1:
                return told("BUY", key, day, fee="0.1", **units, **money, **own)
            case 2:
                return told("SELL", key, day, fee="0.1", **units, **money, **own)
            case 3:
                return told("TRANSFER", key, day, to=to, **units, **own)
            case 4:
                return told("TRANSFER", key, day, to=to, **money, **own)
            case 5:
                cost = {"cost": self.units(), "currency": CURRENCY[name], "evidence": HASH}
                return told("OPENING", key, day, **units, **own | cost)
            case 6:
                return told("SPLIT", key, day, instrument=name, new=draw.randint(1, 4), old=draw.randint(1, 4))
            case 7:
                ratio = {"new": draw.choice((1, 2, 4)), "old": 1, "cost_share": "0.2"}
                return told("SPIN_OFF", key, day, instrument=name, child=f"{name}-KID", **ratio)
            case 8:
                return told("SYMBOL_CHANGE", key, day, instrument=name, to=draw.choice((f"{name}-NEW", f"{name}-KID")))
            case 9:
                return told("CASH_IN_LIEU", key, day, instrument=name, kept=self.units(), **money, **own)
            case 10:
                return told("EXCESS_INCOME", key, day, instrument=name, **money, **own)
            case 11:
                return told("DIVIDEND", key, day, instrument=name, withheld="0.1", **money, **own)
            case 12:
                return _exchange(key, day)
            case _:
                return told(draw.choice(("DEPOSIT", "WITHDRAW", "FEE", "INTEREST")), key, day, **money | own)

    def fix(self) -> dict[str, Any]:
        """Take some fact or entry back, with another in its place or without."""
        self.count += 1
        standing = [one.key for one in self.books.kept] + [entry.key for entry, _ in self.books.posted]
        standing += [f"f{number}" for number in range(self.count)]
        instead: dict[str, Any] = {"replacement": self.fact()} if self.draw.randrange(2) else {}
        return fix(f"c{self.count}", self.draw.choice(standing), **instead)

    def day(self) -> date:
        """Give a day of a month."""
        return FIRST + timedelta(days=self.draw.randrange(30))

    def units(self) -> str:
        """Give a number, mostly small and sometimes with many decimals."""
        return self.draw.choice(("1", "2", "3", "7.5", "10", "40", "0.333333333333", "12.000000000001"))


def _exchange(key: str, day: str) -> dict[str, Any]:
    amounts = {"from_currency": "GBP", "from_amount": "2", "to_currency": "EUR", "to_amount": "3"}
    return {"kind": "FX", "key": key, "effective": day, "account": APART} | amounts


@pytest.mark.parametrize(
    ("seeds", "steps"), [(12, 40), pytest.param(1000, 60, marks=pytest.mark.soak)], ids=["few", "many"]
)
def test_whatever_was_taken_in_the_engine_comes_to_the_postings(seeds: int, steps: int) -> None:
    """Random facts, corrections, fills and cash: what is refused changes nothing, what is taken is answered for."""
    taken = refused = 0
    for seed in range(seeds):
        story = Story(seed)
        for step in range(steps):
            try:
                story.go_on()
            except (ValueError, ArithmeticError) as error:
                raise AssertionError(f"seed {seed}, step {step}: {error}") from error
        taken, refused = taken + len(story.books.kept), refused + story.refused
    assert min(taken, refused) > seeds * steps // 10
