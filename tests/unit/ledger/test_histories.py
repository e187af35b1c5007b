"""Histories at the checking door against a model in exact fractions: late facts, corrections, transfers, splits, refusals."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from core.domain.booked import BookedFact
from core.ledger.booked import body_of, lacking
from core.ledger.question import QuestionError
from core.ledger.reconcile import ours_of
from tests.unit.ledger.asking import answer_to, fact, price, rate
from tests.unit.ledger.model import Fact, Model, Refused, model_of, order_of

FIRST = date(2024, 1, 1)
DAYS = [str(FIRST + timedelta(days=day)) for day in range(60)]
START = datetime(2025, 1, 1, tzinfo=UTC)
CURRENCY = {"X": "USD", "Y": "GBP"}
PRICES = {(name, day): Decimal(20 + (at * 7 + ord(name)) % 11) for name in CURRENCY for at, day in enumerate(DAYS)}
RATES = {day: Decimal("0.75") + Decimal(at % 7) / 100 for at, day in enumerate(DAYS)}
EXACT_RATES = {day: Fraction(value) for day, value in RATES.items()}
ASKED: dict[str, Any] = {
    "accounts": [{"id": "a"}, {"id": "b"}],
    "prices": [price(day, str(PRICES[name, day]), name, CURRENCY[name]) for name, day in PRICES],
    "fx": [rate(day, str(value)) for day, value in RATES.items()],
}
# The door rounds a share of a cost at twelve decimals; two hundred facts make no millionth of that.
NEAR = Fraction(1, 10**6)
REFUSALS = 1
# After so many facts the model of a history is kept, so that a late one costs what comes behind it.
STAGE = 8

amounts = st.integers(min_value=100, max_value=500_000).map(lambda pence: str(Decimal(pence) / 100))
accounts = st.sampled_from("ab")
names = st.sampled_from("XY")
currencies = st.sampled_from(["GBP", "USD"])
# How many days before the newest one a fact took effect: most come in order, some weeks late.
late = st.sampled_from([0, 0, 0, 0, 1, 3, 20])
shares = st.sampled_from(["0.1", "0.37", "0.5", "1", "1.01"])


def rate_of(currency: str, day: str) -> Fraction:
    """Give the rate into pounds of a day."""
    return Fraction(1) if currency == "GBP" else EXACT_RATES[day]


def price_of(name: str, day: str) -> Fraction:
    """Give the close of a day."""
    return Fraction(PRICES[name, day])


class Histories(RuleBasedStateMachine):
    """Facts are recorded one after another; what the model refuses, the door must refuse, and nothing else."""

    @initialize(method=st.sampled_from(["FIFO", "LIFO", "HIFO", "AVERAGE"]), seed=st.integers(0, 2**32))
    def begin(self, method: str, seed: int) -> None:
        """Begin with nothing."""
        self.method, self.dice = method, Random(seed)
        self.facts: list[Fact] = []
        self.model = Model(method, rate_of)
        self.standing: list[Fact] = []
        # Models part of the way, each with how many facts it had booked.
        self.stages: list[tuple[int, Model]] = []
        self.day, self.count, self.refused = 0, 0, 0

    @rule(days=st.integers(min_value=1, max_value=3))
    def go_on(self, days: int) -> None:
        """Let days pass."""
        self.day = min(self.day + days, len(DAYS) - 1)

    @rule(account=accounts, name=names, units=amounts, fee=amounts, back=late, parts=st.integers(1, 3))
    def buy(self, account: str, name: str, units: str, fee: str, back: int, parts: int) -> None:
        """Buy, in one fill or several."""
        for _ in range(parts):
            # A price of its own, so that no two lots cost the same a unit.
            amount = Decimal(units) * (PRICES[name, DAYS[self.day]] + Decimal(self.count) / 1000)
            self.record(
                "BUY",
                back,
                account=account,
                instrument=name,
                quantity=units,
                amount=str(amount),
                fee=fee,
                currency=CURRENCY[name],
            )

    @rule(account=accounts, name=names, share=shares, amount=amounts, back=late, parts=st.integers(1, 3))
    def sell(self, account: str, name: str, share: str, amount: str, back: int, parts: int) -> None:
        """Sell a part of what is held, all of it, or a little more, which is refused; in one fill or several."""
        for _ in range(parts):
            units = self.part_of(account, name, share)
            if units is None:
                return
            self.record(
                "SELL",
                back,
                account=account,
                instrument=name,
                quantity=units,
                amount=amount,
                fee="1.10",
                currency=CURRENCY[name],
            )

    @rule(account=accounts, name=names, share=shares, back=late)
    def move_units(self, account: str, name: str, share: str, back: int) -> None:
        """Move units to the other account."""
        units = self.part_of(account, name, share)
        if units is not None:
            self.record("TRANSFER", back, account=account, to=other(account), instrument=name, quantity=units)

    @rule(account=accounts, currency=currencies, amount=amounts, back=late)
    def move_cash(self, account: str, currency: str, amount: str, back: int) -> None:
        """Move cash to the other account; what is not there is refused."""
        self.record("TRANSFER", back, account=account, to=other(account), currency=currency, amount=amount)

    @rule(
        kind=st.sampled_from(["DEPOSIT", "WITHDRAW", "FEE"]),
        account=accounts,
        currency=currencies,
        amount=amounts,
        back=late,
    )
    def pay(self, kind: str, account: str, currency: str, amount: str, back: int) -> None:
        """Pay in, out, or a fee."""
        self.record(kind, back, account=account, currency=currency, amount=amount)

    @rule(account=accounts, name=names, amount=amounts, back=late)
    def receive(self, account: str, name: str, amount: str, back: int) -> None:
        """Receive a dividend, and interest the day after, both with something withheld."""
        of = {"account": account, "currency": CURRENCY[name], "amount": amount, "withheld": "0.15"}
        self.record("DIVIDEND", back, instrument=name, **of)
        self.record("INTEREST", back, **of)

    @rule(account=accounts, given=amounts, got=amounts, back=late, is_back=st.booleans())
    def convert(self, account: str, given: str, got: str, back: int, *, is_back: bool) -> None:
        """Exchange pounds and dollars."""
        pair = ("USD", "GBP") if is_back else ("GBP", "USD")
        both = {"from_currency": pair[0], "from_amount": given, "to_currency": pair[1], "to_amount": got}
        self.record("FX", back, account=account, fee="0.50", **both)

    @rule(account=accounts, name=names, units=amounts, cost=amounts, back=late)
    def open_with(self, account: str, name: str, units: str, cost: str, back: int) -> None:
        """Bring units that were bought before the first fact of all."""
        own = {"evidence": "ab" * 32, "acquired": DAYS[0], "currency": CURRENCY[name]}
        # As with purchases: where two lots cost the same a unit, a rounding would say which is the dearer.
        told = str(Decimal(cost) + Decimal(self.count) / 1000)
        self.record("OPENING", back, account=account, instrument=name, quantity=units, cost=told, **own)

    @rule(name=names, ratio=st.sampled_from([(2, 1), (3, 2), (1, 3)]), back=late)
    def split(self, name: str, ratio: tuple[int, int], back: int) -> None:
        """Split, or join, in all accounts."""
        self.record("SPLIT", back, instrument=name, new=ratio[0], old=ratio[1])

    @precondition(lambda self: self.facts)
    @rule(is_replaced=st.booleans(), share=shares)
    def correct(self, share: str, *, is_replaced: bool) -> None:
        """Take a fact back; another may stand in its place, with other units or another amount."""
        gone = {one["reverses"] for one in self.facts if one["kind"] == "CORRECTION"}
        left = [one for one in self.facts if one["kind"] != "CORRECTION" and one["key"] not in gone]
        if not left:
            return
        wrong = self.dice.choice(left)
        more: dict[str, Any] = {"reverses": wrong["key"], "reason": "typed wrongly"}
        if is_replaced:
            changed = {"quantity": share} if "quantity" in wrong else {"amount": share} if "amount" in wrong else {}
            more["replacement"] = wrong | changed | {"key": f"{wrong['key']}r{self.count}", "recorded": self.recorded()}
        self.record("CORRECTION", 0, **more)

    @precondition(lambda self: self.facts)
    @rule()
    def tell_again(self) -> None:
        """Record a fact that was recorded: the same key with the same content is the same fact."""
        self.facts.append(dict(self.dice.choice(self.facts)))

    def recorded(self) -> str:
        """Give the instant at which the next fact is recorded."""
        return (START + timedelta(seconds=self.count)).isoformat()

    def record(self, kind: str, back: int, **fields: Any) -> None:
        """Record a fact that the model takes; what it refuses the door refuses too, and it is not kept."""
        own = {"recorded": self.recorded()} | fields
        told = fact(kind, DAYS[max(0, self.day - back)], f"k{self.count:04}", **own)
        self.count += 1
        try:
            self.believe(told)
            self.facts.append(told)
        except Refused:
            self.refused += 1
            if self.refused <= REFUSALS:
                with pytest.raises(QuestionError, match="is above the"):
                    answer_to([*self.facts, told], self.method, **ASKED, as_of=DAYS[-1])

    def believe(self, told: Fact) -> None:
        """Book a fact in the model: what stands behind its place is booked anew. `compare` books all from the beginning."""
        added = told.get("replacement") if told["kind"] == "CORRECTION" else told
        standing = [one for one in self.standing if one["key"] != told.get("reverses")]
        same = next((at for at, one in enumerate(standing) if one is not self.standing[at]), len(standing))
        if added is not None:
            at = bisect_right(standing, order_of(added), key=order_of)
            standing.insert(at, added)
            same = min(same, at)
        stages = [stage for stage in self.stages if stage[0] <= same]
        if same == len(self.standing):
            # What the model refuses leaves it as it was.
            booked, model = same, self.model
        else:
            booked, model = stages[-1] if stages else (0, Model(self.method, rate_of))
            model = model.copy()
        for one in standing[booked:]:
            model.book(one)
            booked += 1
            if not booked % STAGE:
                stages.append((booked, model.copy()))
        self.model, self.standing, self.stages = model, standing, stages

    def part_of(self, account: str, name: str, share: str) -> str | None:
        """Give a part of what an account holds of an instrument by now, to four decimals; None where it holds nothing."""
        units = self.model.units().get((account, name), Fraction(0)) * Fraction(share)
        cut = Decimal(int(units * 10**4)) / 10**4
        return str(cut) if cut > 0 else None

    def teardown(self) -> None:
        """Hold what the door says, of all and of an earlier day as it was known then, against the model."""
        if not getattr(self, "facts", ()):
            return
        answer = self.compare(DAYS[-1], self.recorded())
        self.compare(self.dice.choice(DAYS), self.dice.choice(self.facts)["recorded"])
        shuffled = list(self.facts)
        self.dice.shuffle(shuffled)
        again = answer_to(shuffled, self.method, **ASKED, as_of=DAYS[-1], known_at=self.recorded())
        assert again == answer, "another order of entry is another answer"
        self.post(answer)

    def post(self, answer: dict[str, Any]) -> None:
        """Hold what the journal would hold of the same facts, told in two parts, against what the door says."""
        kept = [booked(at, one) for at, one in enumerate({one["key"]: one for one in self.facts}.values(), start=1)]
        first = lacking(kept[: self.dice.randrange(len(kept))], [])
        entries = [*first, *lacking(kept, first)]
        assert lacking(kept, entries) == []
        for account in "ab":
            ours = ours_of([[one for one in entries if one.book == account]], base="GBP")
            rows = [*answer["positions"], *answer["cash"]]
            told = {
                row.get("instrument") or row["currency"]: Decimal(row.get("quantity") or row["amount"])
                for row in rows
                if row["account"] == account
            }
            assert {**ours.units, **ours.cash} == told

    def compare(self, as_of: str, known_at: str) -> dict[str, Any]:
        """Ask the door as of a day and as known at an instant, hold it against the model, and give the answer."""
        answer = answer_to(self.facts, self.method, **ASKED, as_of=as_of, known_at=known_at)
        model = model_of(self.facts, self.method, rate_of, as_of=as_of, known_at=known_at)
        cash = {(row["account"], row["currency"]): Fraction(row["amount"]) for row in answer["cash"]}
        assert cash == {where: amount for where, amount in model.cash.items() if amount}
        held = {(row["account"], row["instrument"]): Fraction(row["quantity"]) for row in answer["positions"]}
        assert held == model.units()
        assert_near(lots_of(answer), lots_in(model))
        pnl = answer["pnl"]
        value = model.value(as_of, price_of, CURRENCY)
        told = {
            "gains": sum((Fraction(one["gain_base"]) for one in answer["disposals"]), Fraction(0)),
            "income": Fraction(pnl["income"]["net"]),
            "fees": Fraction(pnl["fees"]),
            "flows": Fraction(pnl["flows"]),
            "value": Fraction(pnl["value"]),
            "total": Fraction(pnl["total"]),
        }
        wanted = {"gains": model.gains, "income": model.income, "fees": model.fees, "flows": model.flows}
        assert_near(told, wanted | {"value": value, "total": value - model.flows})
        parts = [pnl["realised"]["total"], pnl["unrealised"]["total"], pnl["income"]["net"]]
        assert sum(map(Decimal, parts)) - Decimal(pnl["fees"]) == Decimal(pnl["total"])
        return answer


def booked(number: int, told: Fact) -> BookedFact:
    """Give a fact as the books keep it."""
    return BookedFact(
        key=told["key"],
        kind=told["kind"],
        account="own",
        book=told.get("account", "a"),
        venue="manual",
        session=date.fromisoformat(told["effective"]),
        body=body_of(told),
        by="ann",
        note="",
        evidence=f"booked_fact:{number}",
        recorded_at=datetime.fromisoformat(told["recorded"]),
    )


def other(account: str) -> str:
    """Give the account that a transfer goes to."""
    return "b" if account == "a" else "a"


def lots_of(answer: dict[str, Any]) -> dict[tuple[str, ...], Fraction]:
    """Give units and costs of each lot of an answer."""
    return {
        (lot["account"], lot["instrument"], lot["lot"], name): Fraction(lot[name])
        for lot in answer["lots"]
        for name in ("quantity", "cost", "cost_base")
    }


def lots_in(model: Model) -> dict[tuple[str, ...], Fraction]:
    """Give units and costs of each lot of the model."""
    return {
        (*where, lot.key, name): value
        for where, lots in model.lots.items()
        for lot in lots
        for name, value in (("quantity", lot.units), ("cost", lot.cost), ("cost_base", lot.base))
    }


def assert_near(told: dict[Any, Fraction], wanted: dict[Any, Fraction]) -> None:
    """Hold that two tables have the same rows, and that no figure is further off than a millionth."""
    far = {
        name: (float(told.get(name, 0)), float(wanted.get(name, 0)))
        for name in told.keys() | wanted.keys()
        if abs(told.get(name, Fraction(0)) - wanted.get(name, Fraction(0))) > NEAR
    }
    assert not far, far


def run(histories: int, *, steps: int) -> None:
    """Run so many histories of up to so many steps; which ones they are hangs on nothing but this file."""
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    wanted = settings(
        max_examples=histories, stateful_step_count=steps, deadline=None, derandomize=True, suppress_health_check=slow
    )
    run_state_machine_as_test(Histories, settings=wanted)


def test_what_the_model_says_of_300_histories_the_door_says_too():
    """Positions, lots, cash, gains, income, fees, flows, value, now and as known before; a refusal; the journal's postings."""
    run(300, steps=60)


@pytest.mark.soak
def test_what_the_model_says_of_5000_histories_the_door_says_too():
    """The same, of five thousand."""
    run(5000, steps=200)
