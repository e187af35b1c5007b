"""What the books ask the door: fills with their conversions, splits with what a step cuts off, late facts and corrections."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.booked import BookedFact
from core.domain.confirmation import Fill
from core.domain.order import Side
from core.domain.posting import REVERSED, CashFact, Entry, Posting, SplitFact
from core.ledger.asked_of_books import BooksDiffer, Known, Quoted, check_books, question_of
from core.ledger.equity import Rates
from core.ledger.evaluate import evaluate
from core.ledger.post import post_cash, post_fill, post_split
from core.ledger.question import Account, Ask, Price
from core.money import split_units

D = Decimal
STEP = D("0.0001")
EARLY, LATE = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)


def day(number: int) -> date:
    """Give a day of January 2024."""
    return date(2024, 1, number)


def filled(
    number: int, side: Side, quantity: str, price: str, *, fee: str = "0", quote: str = "USD", name: str = "AAA"
) -> Entry:
    """Give a posted fill of a book in GBP, at 1.25 dollars a pound."""
    fill = Fill(
        key=f"fill-{number}-{side}-{name}",
        book="main",
        venue="manual",
        evidence="confirmation_line:1",
        instrument=name,
        side=side,
        quantity=D(quantity),
        price=D(price),
        quote=quote,
        base="GBP",
        fx_rate=D("1.25") if quote != "GBP" else D(1),
        fee=D(fee),
        session=day(number),
    )
    return post_fill(fill)


def paid_in(number: int, amount: str, kind: str = "DEPOSIT", **fields: Any) -> Entry:
    """Give posted cash."""
    own: dict[str, Any] = {
        "key": f"cash-{number}-{kind}",
        "kind": kind,
        "book": "main",
        "venue": "manual",
        "session": day(number),
    }
    return post_cash(
        CashFact(**(own | {"currency": "GBP", "amount": D(amount), "evidence": "cash_movement:1"} | fields))
    )


def split(number: int, ratio: str, units: str, key: str = "split", name: str = "AAA") -> Entry:
    """Give the posted units of a split."""
    fact = SplitFact(key, "main", "manual", day(number), name, D(ratio), D(units), "clean_snapshot:1")
    return post_split(fact)


def known(*entries: Entry, at: datetime = EARLY, booked: tuple[BookedFact, ...] = ()) -> Known:
    """Give entries that were all recorded at one time."""
    return Known([(entry, at) for entry in entries], booked)


def quoted(*prices: Price, rate: str = "1.25", **fields: Any) -> Quoted:
    """Give a market in which a pound is so many dollars on every day of January, and AAA and BBB are in dollars."""
    days = tuple(day(number) for number in range(1, 32))
    own: dict[str, Any] = {
        "rates": {"USD": Rates("GBP", days, (D(rate),) * len(days))},
        "currencies": {"AAA": "USD", "BBB": "USD"},
    }
    return Quoted("GBP", prices, **(own | fields))


def closed(number: int, price: str, name: str = "AAA", currency: str = "USD") -> Price:
    """Give a close."""
    return Price(date=day(number), instrument=name, price=D(price), currency=currency)


def asking(number: int = 31, *, known_at: datetime = LATE, **fields: Any) -> Ask:
    """Ask about the end of a day of January, in GBP."""
    return Ask(as_of=day(number), known_at=known_at, base="GBP", price_days_max=31, rate_days_max=31, **fields)


def answered(books: Known, market: Quoted, ask: Ask | None = None, **account: Any) -> dict[str, Any]:
    """Ask the door what the books ask, and hold its answer against the postings."""
    asked = ask or asking()
    answer = evaluate(question_of(books, market, [Account(id="main", **account)], asked))
    check_books(books, asked, answer)
    return answer


def test_a_fill_in_dollars_leaves_no_dollars_and_takes_pounds_to_the_penny():
    """10 at 12.50 USD are 125 USD or 100 GBP, and 0.75 GBP of fee are 0.9375 USD of the cost."""
    answer = answered(known(paid_in(2, "1000"), filled(3, "buy", "10", "12.50", fee="0.75")), quoted(closed(31, "15")))

    assert [(row["currency"], row["amount"]) for row in answer["cash"]] == [("GBP", D("899.25"))]
    [lot] = answer["lots"]
    assert (lot["lot"], lot["quantity"], lot["currency"], lot["cost"], lot["cost_base"]) == (
        "fill-3-buy-AAA",
        D(10),
        "USD",
        D("125.9375"),
        D("100.75"),
    )
    assert (answer["pnl"]["value"], answer["pnl"]["total"]) == (D("1019.25"), D("19.25"))


def test_what_the_broker_took_is_the_cost_whatever_the_rate_of_the_day():
    """125 USD were worth 96.153846 GBP at 1.30; the broker took 100 for them, and the rest shows as a loss by the rate."""
    answer = answered(
        known(paid_in(2, "1000"), filled(3, "buy", "10", "12.50")), quoted(closed(3, "12.50"), rate="1.30")
    )

    assert (answer["lots"][0]["cost_base"], answer["pnl"]["realised"]["total"]) == (D(100), 0)
    assert answer["pnl"]["unrealised"]["fx"].quantize(D("0.0001")) == D("-3.8462")
    assert answer["pnl"]["unrealised"]["price"].quantize(D("0.0001")) == 0


@pytest.mark.parametrize(
    ("quantity", "price", "fee"),
    [("0.004", "1", "0.50"), ("0.006", "1", "0"), ("0.01", "1", "0.01"), ("0.02", "1", "5"), ("3", "7", "0")],
)
def test_a_trade_of_next_to_nothing_keeps_its_cash_too(quantity, price, fee):
    """Values that round to nothing, and fees above what was sold."""
    entries = [
        paid_in(2, "1000"),
        filled(3, "buy", "10", "12.50"),
        filled(4, "sell", quantity, price, fee=fee),
        filled(5, "buy", quantity, price, fee=fee),
    ]

    answer = answered(known(*entries), quoted(closed(31, "15")))

    assert [row["currency"] for row in answer["cash"]] == ["GBP"]


def test_a_dividend_and_money_taken_out_are_told_as_they_were_posted():
    """20 before tax, 3 withheld, and 50 taken out."""
    paid = paid_in(4, "20", "DIVIDEND", withheld=D(3), instrument="AAA")
    answer = answered(
        known(paid_in(2, "1000"), filled(3, "buy", "1", "12.50"), paid, paid_in(5, "50", "WITHDRAW")),
        quoted(closed(31, "12.50")),
    )

    assert answer["pnl"]["income"] == {"gross": D(20), "withheld": D(3), "net": D(17)}
    assert answer["pnl"]["flows"] == D(950)


def test_what_a_step_cuts_off_in_a_split_is_given_up_for_nothing():
    """10 joined one for three are 3.3333 at the broker; the rest of 3 and a third is gone with its share of the cost."""
    answer = answered(
        known(paid_in(2, "1000"), filled(3, "buy", "10", "12.50"), split(8, "0.333333", "-6.6667")),
        quoted(closed(31, "40")),
    )

    assert [(row["instrument"], row["quantity"]) for row in answer["positions"]] == [("AAA", D("3.3333"))]
    assert [(one["fact"], one["quantity"], one["proceeds"]) for one in answer["disposals"]] == [
        ("SPLIT-20240108-AAA left over in main", D("0.000033333333"), 0)
    ]


@pytest.mark.parametrize(
    ("held", "became", "ratio"),
    [
        ("10", "100", "10"),
        ("10.5", "15.75", "3/2"),
        ("10", "3.3333", "1/3"),
        ("0.0001", "0.0020", "20"),
        ("3.3", "3.63", "11/10"),
    ],
)
def test_a_ratio_that_nobody_told_is_the_simplest_that_makes_these_units(held, became, ratio):
    """A close of before the split is worth the same after it."""
    entries = [paid_in(2, "1000"), filled(3, "buy", held, "12.50"), split(8, "1", str(D(became) - D(held)))]

    answer = answered(known(*entries), quoted(closed(7, "60")))

    price = answer["positions"][0]["value"] / D(became)
    assert abs(Fraction(price) - 60 / Fraction(ratio)) < Fraction(1, 10**9)


def test_a_split_counts_once_for_all_books_and_in_a_late_part_too():
    """A fill told after the split brought its units in a second entry."""
    other = [
        Entry(**(vars(one) | {"book": "other", "key": f"other {one.key}"}))
        for one in (paid_in(2, "100"), filled(3, "buy", "2", "12.50"), split(8, "10", "18"))
    ]
    mine = [
        paid_in(2, "1000"),
        filled(3, "buy", "1", "12.50"),
        split(8, "10", "9"),
        filled(4, "buy", "2", "12.50"),
        split(8, "10", "18", key="split-2"),
    ]
    books, ask = known(*mine, *other), asking()

    answer = evaluate(question_of(books, quoted(closed(31, "1.25")), [Account(id="main"), Account(id="other")], ask))

    check_books(books, ask, answer)
    assert [(row["account"], row["quantity"]) for row in answer["positions"]] == [("main", D(30)), ("other", D(20))]


def test_a_book_that_lacks_its_part_of_a_split_is_named():
    """The split is in one book's entries and not in the other's: what it holds is not known."""
    mine = [paid_in(2, "1000"), filled(3, "buy", "1", "12.50"), split(8, "10", "9")]
    other = [Entry(**(vars(one) | {"book": "other", "key": f"other {one.key}"})) for one in mine[:2]]
    books, ask = known(*mine, *other), asking()
    answer = evaluate(question_of(books, quoted(closed(31, "1")), [Account(id="main"), Account(id="other")], ask))

    with pytest.raises(BooksDiffer, match=r"book other holds 1 AAA by its postings and 10 by its facts.*twokey settle"):
        check_books(books, ask, answer)


def test_a_late_fill_counts_from_when_it_was_known():
    """The past has another value since, and what was known then stays what it was."""
    books = Known([(paid_in(2, "1000"), EARLY), (filled(3, "buy", "10", "12.50"), LATE)])
    market = quoted(closed(31, "25"))

    then, now = answered(books, market, asking(known_at=EARLY)), answered(books, market)

    assert (then["pnl"]["value"], then["positions"]) == (D(1000), [])
    assert now["pnl"]["value"] == D(1100)


def booked(kind: str, number: int, key: str, *, at: datetime = LATE, **fields: Any) -> BookedFact:
    """Give a fact that a person booked."""
    body = {"kind": kind, "key": key, "effective": day(number).isoformat()} | fields
    return BookedFact(
        key, kind, "etoro", "main", "manual", day(number), json.dumps(body), "jo", "", None, "booked_fact:7", at
    )


def reversed_of(entry: Entry) -> Entry:
    """Give the entry that takes another back."""
    postings = tuple(Posting(one.account, one.commodity, -one.amount) for one in entry.postings)
    own: dict[str, Any] = {
        "key": entry.key + REVERSED,
        "kind": "CORRECTION",
        "evidence": "booked_fact:7",
        "postings": postings,
    }
    return Entry(**(vars(entry) | own))


def test_a_correction_of_a_fill_takes_it_back():
    """The fill never was; until that was known, it counted."""
    fill = filled(3, "buy", "10", "12.50", fee="0.75")
    fact = booked("CORRECTION", 3, "oops", reverses=fill.key, reason="the order was never sent")
    books = Known([(paid_in(2, "1000"), EARLY), (fill, EARLY), (reversed_of(fill), LATE)], [fact])

    then, now = (answered(books, quoted(closed(31, "15")), asking(known_at=at)) for at in (EARLY, LATE))

    assert then["cash"][0]["amount"] == D("899.25")
    assert (now["cash"][0]["amount"], now["positions"], now["pnl"]["total"]) == (D(1000), [], 0)


def test_a_booked_trade_paid_in_pounds_is_worth_dollars_at_the_rate_of_the_day():
    """100 GBP and a fee of 1 at 1.25 are 125 USD and 1.25 of fee; no dollars come or go."""
    fact = booked("BUY", 3, "b", account="main", instrument="AAA", quantity="10", amount="100", fee="1", currency="GBP")
    postings = (
        Posting("units", "AAA", D(10)),
        Posting("trade", "AAA", D(-10)),
        Posting("trade", "GBP", D(100)),
        Posting("fee", "GBP", D(1)),
        Posting("cash", "GBP", D(-101)),
    )
    entry = Entry("fact b in main", "BUY", "main", "manual", day(3), "AAA", "booked_fact:7", postings)
    books = Known([(paid_in(2, "1000"), EARLY), (entry, LATE)], [fact])

    answer = answered(books, quoted(closed(31, "12.50")))

    assert [(lot["currency"], lot["cost"], lot["cost_base"]) for lot in answer["lots"]] == [
        ("USD", D("126.25"), D(101))
    ]
    assert [(row["currency"], row["amount"]) for row in answer["cash"]] == [("GBP", D(899))]


def test_a_booked_trade_without_a_rate_is_told():
    """Nothing is converted at a rate that nobody fixed."""
    fact = booked("BUY", 3, "b", account="main", instrument="AAA", quantity="1", amount="9", currency="GBP")

    with pytest.raises(
        ValueError, match=r"fact 'b': no rate was fixed on or before 2024-01-03 from GBP to USD; ingest"
    ):
        question_of(Known([], [fact]), quoted(rates={}), [Account(id="main")], asking())


CENTS = st.decimals(min_value="0.01", max_value="900", places=2)
STEPS = st.one_of(
    st.tuples(st.just("buy"), st.sampled_from(["AAA", "BBB", "CCC"]), CENTS, st.sampled_from(["0", "0.40", "3"])),
    st.tuples(st.just("sell"), st.sampled_from(["AAA", "BBB", "CCC"]), CENTS, st.sampled_from(["0", "0.40", "3"])),
    st.tuples(st.just("cash"), st.sampled_from(["DEPOSIT", "WITHDRAW", "DIVIDEND"]), CENTS, st.just("0")),
    st.tuples(
        st.just("split"),
        st.sampled_from(["AAA", "CCC"]),
        st.sampled_from(["10", "1.5", "0.333333", "0.1"]),
        st.just("0"),
    ),
)


@given(
    st.lists(STEPS, max_size=25),
    st.sampled_from(["FIFO", "LIFO", "HIFO", "AVERAGE"]),
    st.decimals(min_value="0.7", max_value="2", places=4),
)
def test_units_and_cash_are_those_of_the_postings_and_results_add_up(steps, method, rate):
    """For small books: what the door answers is what the journal holds, and results are the value's change less flows."""
    held: dict[str, Decimal] = {}
    entries = []
    for number, (what, name, size, fee) in enumerate(steps, start=1):
        units = held.get(name, D(0))
        if what == "cash":
            fields = {"instrument": "AAA", "withheld": size / 4} if name == "DIVIDEND" else {}
            entries.append(paid_in(number, str(size), name, **fields))
        elif what == "split":
            came = split_units(units, D(size), STEP) - units
            entries += [split(number, str(size), str(came), key=f"split-{number}", name=name)] if came else []
            held[name] = units + came
        elif what == "buy" or units:
            quantity = size if what == "buy" else min(size, units)
            held[name] = units + (quantity if what == "buy" else -quantity)
            quote = "GBP" if name == "CCC" else "USD"
            entries.append(filled(number, what, str(quantity), "3.37", fee=fee, quote=quote, name=name))
    closes = [closed(31, "2.22", "AAA"), closed(31, "5", "BBB"), closed(31, "7.1", "CCC", "GBP")]
    market = quoted(*closes, rate=str(rate), currencies={"AAA": "USD", "BBB": "USD", "CCC": "GBP"})

    pnl = answered(known(*entries), market, method=method)["pnl"]

    assert (
        pnl["realised"]["total"] + pnl["unrealised"]["total"] + pnl["income"]["net"] - pnl["fees"]
        == pnl["value"] - pnl["flows"]
    )
    rates = 1 / Fraction(D(str(rate)))
    worth = sum(
        (
            Fraction(held.get(one.instrument, D(0)) * one.price) * (1 if one.currency == "GBP" else rates)
            for one in closes
        ),
        Fraction(0),
    )
    cash = sum((one.amount for entry in entries for one in entry.postings if one.account == "cash"), D(0))
    assert abs(Fraction(pnl["value"]) - worth - Fraction(cash)) < Fraction(1, 10**6)
