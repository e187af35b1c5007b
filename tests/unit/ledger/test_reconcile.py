"""Reconciling: every kind of break, each tolerance at its edge, and the words of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.holdings import Position
from core.domain.market import Mark
from core.domain.posting import Posting
from core.domain.venue import AccountSnapshot, Break, SnapshotFile, StatedCash, StatedPosition
from core.ledger.post import post_cash
from core.ledger.reconcile import Independent, Ours, compare, ours_of, strictest
from tests.unit.making import AS_OF, SHIPPED, cash_fact, ruled

STRICT = ruled(reconciliation={"cash_tolerance_bps": "0"}).reconciliation
AT = datetime(2024, 6, 7, 21, tzinfo=UTC)
DOLLARS = {"AAA": "USD", "BBB": "USD", "CCC": "USD"}
TENS = {name: Mark(name, AS_OF, Decimal(10), "raw") for name in DOLLARS}


def ours(units: dict[str, str] | None = None, cash: str = "100.00", *, books: int = 1, **others: str) -> Ours:
    """Give what our books hold: units, pounds, and other currencies by name."""
    money = {"GBP": cash, **others}
    return Ours(
        {name: Decimal(text) for name, text in (units or {}).items()},
        {name: Decimal(text) for name, text in money.items() if Decimal(text)},
        "GBP",
        books,
    )


def theirs(units: dict[str, str], cash: str = "100.00") -> AccountSnapshot:
    """Give what a venue reports that the account holds."""
    positions = tuple(Position(name, Decimal(text)) for name, text in units.items())
    return AccountSnapshot("etoro", "main", "manual", AS_OF, positions, Decimal(cash))


def filed(rows: Sequence[StatedPosition], **cash: str) -> AccountSnapshot:
    """Give what a file says: its rows, and cash by currency."""
    money = tuple(StatedCash(f"line {at}", name, Decimal(text)) for at, (name, text) in enumerate(cash.items(), 50))
    file = SnapshotFile("etoro", AT, tuple(rows), money, "0" * 64, "")
    return AccountSnapshot("etoro", "main", "manual", AS_OF, (), Decimal(0), file)


def row(line: int, name: str, units: str, price: str | None = None, **more: str) -> StatedPosition:
    """Give a row of a file; a price is in dollars unless another currency is given."""
    currency = more.get("currency", "USD" if price else None)
    stated = None if price is None else Decimal(price)
    return StatedPosition(f"line {line}", name, Decimal(units), stated, currency, more.get("broker_id"))


def breaks(held: Ours, told: AccountSnapshot, **changes: str) -> list[str]:
    """Give the words of all breaks under a strict policy with some changes, with marks of 10 dollars at 1.25."""
    rules = ruled(reconciliation={"cash_tolerance_bps": "0", **changes}).reconciliation
    independent = Independent(DOLLARS, TENS, {"GBP": Decimal(1), "USD": Decimal("1.25")})
    return [str(one) for one in compare(held, told, rules, independent).breaks]


# --- units ------------------------------------------------------------------------------------------------------------


def test_books_that_agree_have_no_break():
    """The same units and the same cash; every line is still there to be seen."""
    found = compare(ours({"AAA": "1.5"}), theirs({"AAA": "1.5"}), STRICT)

    assert found.breaks == ()
    assert [(one.subject, one.ours, one.theirs, one.difference) for one in found.lines] == [
        ("AAA", Decimal("1.5"), Decimal("1.5"), Decimal(0)),
        ("GBP", Decimal(100), Decimal(100), Decimal(0)),
    ]


@pytest.mark.parametrize(
    ("held", "venue", "found"),
    [
        ({}, {"AAA": "1"}, Break("unknown position", "AAA", Decimal(0), Decimal(1))),
        ({"AAA": "1"}, {}, Break("missing position", "AAA", Decimal(1), Decimal(0))),
        ({"AAA": "1"}, {"AAA": "1.0001"}, Break("quantity", "AAA", Decimal(1), Decimal("1.0001"))),
        ({"AAA": "1"}, {"AAA": "0.9999"}, Break("quantity", "AAA", Decimal(1), Decimal("0.9999"))),
        ({"AAA": "1"}, {"AAA": "-1"}, Break("quantity", "AAA", Decimal(1), Decimal(-1))),
    ],
)
def test_each_kind_of_difference_in_units_is_a_break(held, venue, found):
    """What only one side knows, and what both know differently."""
    assert compare(ours(held), theirs(venue), STRICT).breaks == (found,)


def test_units_may_differ_by_their_tolerance():
    """A tolerance of 0.001 covers a small position that only one side knows, and no more."""
    loose = ruled(reconciliation={"units_tolerance": "0.001"}).reconciliation

    assert compare(ours({"AAA": "0.001"}), theirs({"BBB": "0.001"}), loose).breaks == ()
    assert len(compare(ours({"AAA": "0.0011"}), theirs({"BBB": "0.0011"}), loose).breaks) == 2


def test_rows_of_one_instrument_are_one_position():
    """A broker that keeps each purchase as a position of its own is compared by their sum."""
    rows = [row(4, "AAA", "1", broker_id="7"), row(5, "AAA", "0.5", broker_id="8")]

    assert breaks(ours({"AAA": "1.5"}), filed(rows, GBP="100")) == []


def test_breaks_are_told_by_instrument_and_cash_comes_last():
    """Nothing is netted away: one missing and one unknown position are two breaks."""
    found = compare(ours({"CCC": "1", "AAA": "2"}, "0"), theirs({"BBB": "1", "AAA": "1"}), STRICT).breaks

    assert [(one.kind, one.subject) for one in found] == [
        ("quantity", "AAA"),
        ("unknown position", "BBB"),
        ("missing position", "CCC"),
        ("cash", "GBP"),
    ]


# --- cash -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cash", ["100.01", "99.99"])
def test_cash_may_differ_by_its_tolerance(cash):
    """A penny is allowed by the shipped policy, on both sides."""
    assert compare(ours(cash=cash), theirs({}), STRICT).breaks == ()


@pytest.mark.parametrize("cash", ["100.02", "99.98", "100.011"])
def test_cash_beyond_its_tolerance_is_a_break(cash):
    """More than a penny is not."""
    assert compare(ours(cash=cash), theirs({}), STRICT).breaks == (
        Break("cash", "GBP", Decimal(cash), Decimal("100.00")),
    )


@pytest.mark.parametrize(("told", "count"), [("1001.00", 0), ("1001.01", 1), ("999.00", 0), ("998.99", 1)])
def test_cash_may_differ_by_its_share_of_equity(told, count):
    """A basis point of 10000 pounds, on both sides."""
    held = ours({"AAA": "1125"}, "1000")

    found = breaks(held, filed([row(4, "AAA", "1125")], GBP=told), cash_tolerance_bps="1")

    # 1125 x 10 / 1.25 = 9000 pounds beside 1000 in cash: a basis point is one pound.
    assert len(found) == count


@pytest.mark.parametrize(("told", "count"), [("1.25", 0), ("1.26", 1)])
def test_the_share_is_taken_into_the_cashs_own_currency(told, count):
    """A pound of room is 1.25 dollars at that rate."""
    assert len(breaks(ours(cash="10000"), filed([], GBP="10000", USD=told), cash_tolerance_bps="1")) == count


@pytest.mark.parametrize("independent", [None, Independent(DOLLARS, {}, {"GBP": Decimal(1), "USD": Decimal("1.25")})])
def test_without_a_mark_no_share_of_equity_is_allowed(independent):
    """What cannot be valued gives no room: the amount alone counts."""
    rules = ruled(reconciliation={"cash_tolerance_bps": "10000"}).reconciliation
    told = filed([row(4, "AAA", "1")], GBP="100.02")

    assert [one.kind for one in compare(ours({"AAA": "1"}), told, rules, independent).breaks] == ["cash"]


def test_cash_of_two_currencies_is_never_netted():
    """A pound too many and its worth in dollars too few are two breaks."""
    assert breaks(ours(cash="100", USD="50"), filed([], GBP="101", USD="48.75")) == [
        "cash GBP: our books hold 100, the venue says 101",
        "cash USD: our books hold 50, the venue says 48.75",
    ]


# --- what a file says besides -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "count"), [("10.5", 0), ("9.5", 0), ("10.5001", 1), ("9.4999", 1)])
def test_a_price_may_be_so_far_from_our_mark(price, count):
    """500 basis points of a mark of 10 dollars, on both sides."""
    found = breaks(ours({"AAA": "2"}), filed([row(4, "AAA", "2", price)], GBP="100"))

    assert found == [f"price AAA: our mark is 10 of 2024-06-07, the venue says {price}"] * count


def test_a_value_beside_our_marks_is_told():
    """The three columns: what we hold, what the venue says, and both valued, one at our mark and one at its price."""
    told, marks = filed([row(4, "AAA", "2", "10.10")], GBP="100"), {"AAA": TENS["AAA"]}

    line = compare(ours({"AAA": "3"}), told, STRICT, Independent(DOLLARS, marks)).lines[0]

    assert (line.ours, line.theirs, line.mark, line.currency) == (Decimal(3), Decimal(2), TENS["AAA"], "USD")
    assert (line.ours_value, line.theirs_value, line.value_difference) == (
        Decimal(30),
        Decimal("20.20"),
        Decimal("-9.80"),
    )


def test_another_currency_is_a_break_and_its_price_is_not_compared():
    """Pence beside dollars would say nothing."""
    told = filed([row(4, "AAA", "2", "800", currency="GBP")], GBP="100")

    assert breaks(ours({"AAA": "2"}), told) == ["currency AAA: our universe says USD, the venue says GBP"]


def test_an_id_that_stands_twice_is_a_break_with_its_lines():
    """The rows count as they stand: whether one is a copy is for a person to find out."""
    rows = [row(4, "AAA", "1", broker_id="7"), row(5, "BBB", "1", broker_id="8"), row(6, "AAA", "1", broker_id="7")]

    assert breaks(ours({"AAA": "2", "BBB": "1"}), filed(rows, GBP="100")) == [
        "duplicate broker id 7: one row at most may bear it, it stands on line 4, line 6"
    ]
    assert [words.partition(" ")[0] for words in breaks(ours({"AAA": "1", "BBB": "1"}), filed(rows, GBP="100"))] == [
        "quantity",
        "duplicate",
    ]


@pytest.mark.parametrize(("count", "words"), [(5, "line 4, line 5"), (6, "line 3, line 4, line 5, and 1 more")])
def test_of_many_places_some_are_named(count, words):
    """The words stand on tickets: five lines, and how many more."""
    rows = [row(at, "AAA", "1", broker_id="7") for at in range(1, count + 1)]

    found = breaks(ours({"AAA": str(count)}), filed(rows, GBP="100"))

    assert found[0].endswith(f"line 1, line 2, {'line 3, ' if count == 5 else ''}{words}")


def test_more_than_several_books_hold_together_belongs_to_none_of_them():
    """Less than they hold is missing as ever; nobody is given what is over."""
    held = ours({"AAA": "2", "BBB": "3"}, "100", books=2)

    found = breaks(held, filed([row(4, "AAA", "2.5"), row(5, "BBB", "2"), row(6, "CCC", "1")], GBP="90", USD="5"))

    assert found == [
        "unallocated AAA: the books of the account hold 2 together, the venue says 2.5",
        "quantity BBB: our books hold 3, the venue says 2",
        "unallocated CCC: the books of the account hold 0 together, the venue says 1",
        "cash GBP: our books hold 100, the venue says 90",
        "unallocated USD: the books of the account hold 0 together, the venue says 5",
    ]


def test_books_of_an_account_are_summed():
    """Units and cash of every currency, from their entries."""
    one, two = post_cash(cash_fact("DEPOSIT", "100")), post_cash(cash_fact("DEPOSIT", "20.50"))

    held = ours_of([[one], [two, two]], base="GBP")

    assert one.postings[0] == Posting("cash", "GBP", Decimal(100))
    assert held == Ours({}, {"GBP": Decimal("141.00")}, "GBP", 2)


def test_an_account_is_as_strict_as_its_strictest_book():
    """The smallest of each tolerance."""
    one = ruled(reconciliation={"cash_tolerance": "0.05", "price_tolerance_bps": "100"}).reconciliation
    two = ruled(reconciliation={"cash_tolerance": "0.02", "price_tolerance_bps": "200"}).reconciliation

    both = strictest([one, two])
    assert (both.cash_tolerance, both.price_tolerance_bps) == (Decimal("0.02"), Decimal(100))
    assert strictest([one]) == one


# --- for all ----------------------------------------------------------------------------------------------------------

NAMES = ("AAA", "BBB", "CCC")
PLANTS = ("nothing", "unknown position", "missing position", "quantity", "price", "currency", "duplicate broker id")
AMOUNTS = st.decimals("0.0001", "99999", places=4)


@settings(max_examples=200)
@given(
    planted=st.tuples(*(st.sampled_from(PLANTS) for _ in NAMES)),
    units=st.tuples(*(AMOUNTS for _ in NAMES)),
    off=st.tuples(AMOUNTS, st.sampled_from([-1, 1])),
    cash=st.dictionaries(st.sampled_from(["GBP", "USD", "EUR"]), st.decimals("-500", "500", places=2)),
)
def test_the_breaks_are_exactly_the_differences_planted(planted, units, off, cash):
    """None is lost, none is invented and none is netted, whatever else differs."""
    held: dict[str, str] = {}
    rows: list[StatedPosition] = []
    wanted: list[tuple[str, str]] = []
    for at, (name, plant, count) in enumerate(zip(NAMES, planted, units, strict=True)):
        if plant != "unknown position":
            held[name] = str(count)
        told = count + off[0] * off[1] if plant == "quantity" and count + off[0] * off[1] else count
        price = "12" if plant == "price" else "10.2"
        currency = "EUR" if plant == "currency" else "USD"
        pieces = [told / 2, told - told / 2] if plant == "duplicate broker id" else [told]
        if plant != "missing position":
            rows += [
                row(10 * at + number, name, str(piece), price, currency=currency, broker_id=name)
                for number, piece in enumerate(pieces)
            ]
        if plant not in ("nothing", "duplicate broker id") and (plant != "quantity" or told != count):
            wanted.append((plant, name))
    wanted += [(plant, name) for name, plant in zip(NAMES, planted, strict=True) if plant == "duplicate broker id"]
    wanted += [("cash", name) for name in sorted(cash) if abs(cash[name]) > Decimal("0.01")]
    base = {"GBP": Decimal(1000), "USD": Decimal(0), "EUR": Decimal(70)}
    told_cash = {name: str(amount + cash.get(name, 0)) for name, amount in base.items()}
    marks = Independent(DOLLARS, TENS)

    found = compare(ours(held, "1000", EUR="70"), filed(rows, **told_cash), SHIPPED.reconciliation, marks).breaks

    assert [(one.kind, one.subject) for one in found] == wanted


def test_a_break_says_what_both_sides_hold():
    """One sentence that a person can act on."""
    assert str(Break("quantity", "AAA", Decimal("1.5"), Decimal("2"))) == (
        "quantity AAA: our books hold 1.5, the venue says 2"
    )
