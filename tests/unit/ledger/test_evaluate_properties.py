"""What holds for every history at the checking door: lots are positions, results add up, order and splits change nothing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.ledger.asking import answer_to, fact, price, rate

D = Decimal
FIRST = date(2024, 1, 1)
DAYS = 40
METHODS = ("FIFO", "LIFO", "HIFO", "AVERAGE")
numbers = st.integers(min_value=1, max_value=99_999).map(lambda cents: str(D(cents) / 100))
PRICES = [
    price(str(FIRST + timedelta(days=day)), str(10 + (day * 7) % 5), name, "USD")
    for name in "XY"
    for day in range(DAYS)
]
RATES = [rate(str(FIRST + timedelta(days=day)), str(D("0.8") + D(day % 4) / 100)) for day in range(DAYS)]
ASKED: dict[str, Any] = {
    "accounts": [{"id": "a"}, {"id": "b"}],
    "prices": PRICES,
    "fx": RATES,
    "as_of": str(FIRST + timedelta(days=DAYS - 1)),
}


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Give up to 25 facts of two accounts, two instruments and two currencies, which never sell what is not held."""
    facts: list[dict[str, Any]] = []
    held: dict[tuple[str, str], Decimal] = {}
    for number in range(draw(st.integers(min_value=1, max_value=25))):
        day, key = str(FIRST + timedelta(days=number)), f"k{number}"
        account, name = draw(st.sampled_from("ab")), draw(st.sampled_from("XY"))
        kind = draw(st.sampled_from(["BUY", "BUY", "SELL", "TRANSFER", "SPLIT", "DEPOSIT", "DIVIDEND", "FX", "FEE"]))
        units, amount = draw(numbers), draw(numbers)
        of = {"account": account, "currency": "USD"}
        have = held.get((account, name), D(0))
        if kind in ("SELL", "TRANSFER") and (D(units) > have):
            kind = "BUY"
        if kind == "BUY":
            held[account, name] = have + D(units)
        elif kind in ("SELL", "TRANSFER"):
            held[account, name] = have - D(units)
        if kind in ("BUY", "SELL"):
            facts.append(fact(kind, day, key, **of, instrument=name, quantity=units, amount=amount, fee="0.35"))
        elif kind == "TRANSFER":
            other = "b" if account == "a" else "a"
            held[other, name] = held.get((other, name), D(0)) + D(units)
            facts.append(fact(kind, day, key, account=account, to=other, instrument=name, quantity=units))
        elif kind == "SPLIT":
            facts.append(fact(kind, day, key, instrument=name, new=2, old=1))
            held |= {where: units * 2 for where, units in held.items() if where[1] == name}
        elif kind == "FX":
            both = {"from_currency": "GBP", "from_amount": amount, "to_currency": "USD", "to_amount": units}
            facts.append(fact(kind, day, key, account=account, **both))
        else:
            more = {"instrument": name, "withheld": "0.01"} if kind == "DIVIDEND" else {}
            facts.append(fact(kind, day, key, **of, amount=amount, **more))
    return facts


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(METHODS), st.sampled_from([None, ["a"], ["b"]]))
def test_lots_are_positions_and_results_are_the_change_of_value_less_flows(facts, method, scope):
    """For each method, of all accounts and of one: exactly, to the last digit."""
    answer = answer_to(facts, method, **(ASKED | {"scope": scope}))

    for row in answer["positions"]:
        mine = [
            lot for lot in answer["lots"] if (lot["account"], lot["instrument"]) == (row["account"], row["instrument"])
        ]
        assert sum(D(lot["quantity"]) for lot in mine) == D(row["quantity"])
        assert sum(D(lot["cost_base"]) for lot in mine) == D(row["cost_base"])
    pnl = answer["pnl"]
    made = D(pnl["realised"]["total"]) + D(pnl["unrealised"]["total"]) + D(pnl["income"]["net"]) - D(pnl["fees"])
    worth = sum(D(row["value_base"]) for row in (*answer["positions"], *answer["cash"]))
    assert made == worth - D(pnl["flows"]) == D(pnl["total"])


@settings(max_examples=40, deadline=None)
@given(histories(), st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_the_order_of_entry_changes_nothing(facts, method, dice):
    """The same facts in another order are the same answer."""
    shuffled = list(facts)
    dice.shuffle(shuffled)

    assert answer_to(shuffled, method, **ASKED) == answer_to(facts, method, **ASKED)


@settings(max_examples=40, deadline=None)
@given(
    histories(), st.sampled_from(METHODS), st.integers(min_value=1, max_value=9), st.integers(min_value=1, max_value=9)
)
def test_a_split_changes_no_value(facts, method, new, old):
    """After the last price a split of any ratio leaves every cost, and every value but for the twelfth decimal."""
    asked = ASKED | {"as_of": str(FIRST + timedelta(days=DAYS))}
    split = fact("SPLIT", asked["as_of"], "split", instrument="X", new=new, old=old)

    before, after = answer_to(facts, method, **asked), answer_to([*facts, split], method, **asked)

    assert [row["cost"] for row in before["positions"]] == [row["cost"] for row in after["positions"]]
    assert abs(D(before["pnl"]["value"]) - D(after["pnl"]["value"])) < D("0.000001")


@settings(max_examples=40, deadline=None)
@given(histories(), st.integers(min_value=1, max_value=7), st.integers(min_value=1, max_value=7))
def test_the_uks_pools_hold_what_is_held_and_every_cost_is_somewhere(facts, new, old):
    """After the last day the units of the pools are those of the taxable accounts; what was spent is in pools or disposals."""
    asked = ASKED | {"as_of": str(FIRST + timedelta(days=DAYS))}
    split = fact("SPLIT", str(FIRST + timedelta(days=20)), "split", instrument="Y", new=new, old=old)
    safe = [one for one in facts if one["effective"] < split["effective"] or one.get("instrument") != "Y"]

    answer = answer_to([*safe, split], "UK", **asked)

    held: dict[str, Decimal] = {}
    for row in answer["positions"]:
        held[row["instrument"]] = held.get(row["instrument"], D(0)) + D(row["quantity"])
    tax = answer["tax"]
    pools = {one["instrument"]: D(one["quantity"]) for one in tax["pools"]}
    assert held.keys() == pools.keys()
    assert all(abs(held[name] - pools[name]) < D("1e-9") for name in held)
    rates = {one["date"]: D(one["rate"]) for one in RATES}
    spent = sum(
        ((D(one["amount"]) + D(one["fee"])) * rates[one["effective"]] for one in safe if one["kind"] == "BUY"), D(0)
    )
    assert spent == sum(D(one["cost"]) for one in (*tax["pools"], *tax["disposals"]))


def test_the_largest_numbers_lose_no_digit():
    """Eighteen digits and twelve decimals of units, price and rate: the results still add up to the last one."""
    most, least = "9" * 18 + "." + "9" * 12, "0." + "0" * 11 + "7"
    facts = [
        fact("BUY", "2024-01-01", "b", instrument="X", quantity=most, price=most, currency="USD", fee=least),
        fact("SELL", "2024-01-02", "s", instrument="X", quantity="1." + "3" * 12, price=most, currency="USD"),
    ]
    rates = [rate("2024-01-01", most), rate("2024-01-02", least)]

    pnl = answer_to(facts, prices=[price("2024-01-02", most, currency="USD")], fx=rates, as_of="2024-01-02")["pnl"]

    assert D(pnl["realised"]["price"]) + D(pnl["realised"]["fx"]) == D(pnl["realised"]["total"])
