"""The paper venue: fills at the next open, dividends on what was held, and a snapshot that is its own reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.venues.paper import PaperVenue
from core.domain.confirmation import Executed, NotExecuted
from core.domain.holdings import Holdings
from core.domain.posting import CashFact
from core.domain.venue import AccountSnapshot, CashReport, ExecutionReport, VenueReport
from core.ledger.positions import holdings_of
from core.ledger.post import post_cash, post_fill
from core.ledger.reconcile import Ours, compare
from core.ticketing.confirm import fill_of
from tests.unit.making import AS_OF, DAY, SHIPPED, WINDOW, dividends, executed, panel, rates, ruled, ticket, ticket_line

NAN = float("nan")
TUESDAY, WEDNESDAY = DAY + timedelta(days=1), DAY + timedelta(days=2)
SUNDAY = DAY - timedelta(days=1)
# Friday's closes are the decision prices; Monday's opens are what is paid.
CLOSES = {"AAA": [125.0, 130.0, 131.0], "BBB": [50.0, 52.0, 51.0]}
OPENS = {"AAA": [124.0, 126.0, 131.0], "BBB": [50.0, 49.5, 51.0]}
BARS = panel(CLOSES, last=TUESDAY, opens=OPENS)
# The slippage of 5 basis points and half the spread of 2 make 6; the fee for changing pounds is 75.
COSTS = SHIPPED


PLENTY = CashReport("PLENTY", "DEPOSIT", AS_OF, Decimal(1_000_000))


def venue(of: Any = BARS, *, policy: Any = COSTS, at: Any = None) -> PaperVenue:
    """Give a venue over a panel."""
    return PaperVenue(policy, of, at or rates())


def trade(*lines: Any, session: date = DAY, **changes: Any) -> Any:
    """Give a paper ticket to be executed in a session."""
    window = replace(WINDOW, session=session)
    return ticket(*(lines or (ticket_line(1, "buy", "AAA", "8"),)), venue="paper", window=window, **changes)


def answers(of: PaperVenue, *tickets: Any, up_to: date = TUESDAY) -> list[Any]:
    """Give the venue's answers."""
    return [report.answer for report in of.executions([PLENTY], tickets, up_to)]


def bought(instrument: str, quantity: str, session: date, side: Any = "buy") -> ExecutionReport:
    """Give the report of a fill at 125 dollars."""
    key = f"{session}-{side}-{instrument}"
    return ExecutionReport(key, "TICKET-1", 1, session, instrument, side, executed(1, quantity, "125"))


def test_opening_cash_is_a_deposit_of_paper_money():
    """The policy says how much, once a book."""
    assert venue().opening(AS_OF) == CashReport("OPENING-main", "DEPOSIT", AS_OF, Decimal("10000"), note="paper money")


def test_a_buy_is_filled_at_the_open_and_the_slippage_above_it():
    """8 units at 126 x 1.0006 = 126.0756 dollars, at 1.25, and 75 basis points of 806.88 pounds."""
    (report,) = venue().executions([PLENTY], [trade()], TUESDAY)

    assert report == ExecutionReport(
        key="TICKET-20240610-r1-L1",
        ticket_id="TICKET-20240610",
        revision=1,
        session=DAY,
        instrument="AAA",
        side="buy",
        answer=Executed(1, Decimal("8"), Decimal("126.0756"), Decimal("6.05"), Decimal("1.25"), is_partial=False),
    )


def test_a_sale_is_filled_at_the_open_and_the_slippage_below_it():
    """49.5 x 0.9994 = 49.4703 dollars."""
    (answer,) = answers(venue(), trade(ticket_line(1, "sell", "BBB", "10")))

    assert (answer.price, answer.fee) == (Decimal("49.4703"), Decimal("2.97"))


@pytest.mark.parametrize(
    ("side", "instrument", "worst", "is_filled"),
    [
        ("buy", "AAA", "126.0756", True),
        ("buy", "AAA", "126.0755", False),
        ("sell", "BBB", "49.4703", True),
        ("sell", "BBB", "49.4704", False),
    ],
)
def test_a_price_beyond_the_worst_accepted_is_not_taken(side, instrument, worst, is_filled):
    """The worst price itself is taken, one tick beyond it is not, on both sides."""
    (answer,) = answers(venue(), trade(ticket_line(1, side, instrument, "1", worst_price=Decimal(worst))))

    price = "126.0756" if side == "buy" else "49.4703"
    refusal = NotExecuted(1, f"the price was {price}, the worst accepted is {worst}")
    assert isinstance(answer, Executed) if is_filled else answer == refusal


@pytest.mark.parametrize("opens", [{"AAA": [124.0, NAN, 131.0]}, {"BBB": [1.0, 1.0, 1.0]}], ids=["gap", "unlisted"])
def test_a_line_without_a_bar_is_not_executed(opens):
    """A gap in the session, or an instrument that the panel does not hold."""
    bars = panel(opens, last=TUESDAY)

    assert answers(venue(bars), trade()) == [NotExecuted(1, "no bar of AAA in 2024-06-10")]


def test_a_fill_is_changed_at_the_rate_of_the_day_before():
    """Monday's own fixing comes after the window; Friday's is the last before Monday."""
    moving = rates({AS_OF: "1.20", DAY: "2"})

    (answer,) = answers(venue(at=moving), trade())

    assert (answer.fx_rate, answer.fee) == (Decimal("1.20"), Decimal("6.30"))
    assert answers(venue(at=rates({SUNDAY: "1.5", DAY: "2"})), trade())[0].fx_rate == Decimal("1.5")


def test_a_line_in_the_books_currency_pays_no_currency_fee():
    """Only the commission is left."""
    priced = ruled(costs={"commission": "1.50"})

    (answer,) = answers(venue(policy=priced), trade(ticket_line(1, "buy", "AAA", "8", currency="GBP")))
    (crossed,) = answers(venue(policy=priced), trade())

    assert (answer.fee, crossed.fee) == (Decimal("1.50"), Decimal("7.55"))


def test_what_the_cash_does_not_cover_is_not_bought():
    """The sale that was to pay for it is beyond its worst price; the next, smaller line is covered and bought."""
    sale = replace(ticket_line(1, "sell", "AAA", "8"), worst_price=Decimal(1000))
    orders = trade(sale, ticket_line(2, "buy", "BBB", "100"), ticket_line(3, "buy", "BBB", "1"))
    purse = CashReport("PURSE", "DEPOSIT", AS_OF, Decimal(500))
    shop = venue()

    reports = shop.executions([purse], [orders], TUESDAY)

    assert [type(report.answer).__name__ for report in reports] == ["NotExecuted", "NotExecuted", "Executed"]
    assert "cash does not cover" in str(reports[1].answer)
    assert 0 <= shop.snapshot([purse, *reports], TUESDAY).cash < 500


@given(failing=st.tuples(st.booleans(), st.booleans()), cash=st.integers(0, 3000))
def test_the_account_is_never_overdrawn_whichever_sales_fail(failing, cash):
    """The buys need both sales and the cash; each sale that fails leaves less to buy with."""
    sales = [
        replace(ticket_line(number, "sell", name, "8"), worst_price=Decimal(1000 if fails else 1))
        for number, name, fails in ((1, "AAA", failing[0]), (2, "BBB", failing[1]))
    ]
    orders = trade(*sales, ticket_line(3, "buy", "AAA", "7"), ticket_line(4, "buy", "BBB", "7"))
    purse = CashReport("PURSE", "DEPOSIT", AS_OF, Decimal(cash))
    shop = venue()

    reports = shop.executions([purse], [orders], TUESDAY)

    assert shop.snapshot([purse, *reports], TUESDAY).cash >= 0
    assert [isinstance(report.answer, NotExecuted) for report in reports[:2]] == list(failing)


def test_a_ticket_that_was_answered_already_is_answered_alike():
    """A settlement cut short before its snapshot comes again: the cash that the ticket itself used counts as there."""
    orders = trade(ticket_line(1, "buy", "AAA", "3"))
    purse = CashReport("PURSE", "DEPOSIT", AS_OF, Decimal(500))

    first = venue().executions([purse], [orders], TUESDAY)
    again = venue().executions([purse, *first], [orders], TUESDAY)

    assert isinstance(first[0].answer, Executed)
    assert again == first


def test_nothing_is_answered_before_the_session_is_complete():
    """Monday's open is in the panel, and nobody looks at it while only Friday is over."""
    assert answers(venue(), trade(), up_to=AS_OF) == []
    assert len(answers(venue(), trade(), up_to=DAY)) == 1


def test_a_session_that_the_panel_does_not_hold_is_not_answered():
    """Without Monday's bars at all, the venue waits; it does not say that there was no bar."""
    friday = panel({"AAA": [125.0]}, last=AS_OF)

    assert answers(venue(friday), trade(), up_to=TUESDAY) == []


def test_every_line_of_every_ticket_that_is_due_is_answered_in_order():
    """Holds have no line; a ticket of Wednesday is not due."""
    tickets = [
        trade(ticket_line(1, "sell", "BBB", "10"), ticket_line(2, "buy", "AAA", "8")),
        replace(ticket(venue="paper"), window=None),
        trade(session=TUESDAY, ticket_id="TICKET-20240611", revision=2),
        trade(session=WEDNESDAY, ticket_id="TICKET-20240612"),
    ]

    keys = [report.key for report in venue().executions([PLENTY], tickets, TUESDAY)]

    assert keys == ["TICKET-20240610-r1-L1", "TICKET-20240610-r1-L2", "TICKET-20240611-r2-L1"]


PAYING = replace(BARS, dividends=dividends((DAY, "AAA", "0.55"), (TUESDAY, "AAA", "1"), (TUESDAY, "BBB", "0.4")))


def test_a_dividend_is_paid_on_what_was_held_the_evening_before():
    """8 units of Friday get 8 x 0.55 = 4.40 dollars on Monday, 3.52 pounds, of which 15 % are withheld."""
    reports = [bought("AAA", "8", AS_OF)]

    (payment,) = venue(PAYING).dividends(reports, AS_OF, DAY)

    assert payment == CashReport(
        key="DIVIDEND-20240610-AAA-main",
        kind="DIVIDEND",
        session=DAY,
        amount=Decimal("3.52"),
        withheld=Decimal("0.53"),
        instrument="AAA",
        note="8 units at 0.55",
    )


def test_units_bought_on_the_ex_date_get_nothing_and_units_sold_on_it_do():
    """The evening before decides."""
    late, leaving = [bought("AAA", "8", DAY)], [bought("AAA", "8", AS_OF), bought("AAA", "8", DAY, "sell")]

    assert venue(PAYING).dividends(late, AS_OF, DAY) == ()
    assert len(venue(PAYING).dividends(leaving, AS_OF, DAY)) == 1


def test_dividends_are_due_after_one_session_and_up_to_another():
    """A payment of the first is past, one of the last is due; only what is held is paid for."""
    reports = [bought("AAA", "8", AS_OF)]

    assert [paid.session for paid in venue(PAYING).dividends(reports, AS_OF, TUESDAY)] == [DAY, TUESDAY]
    assert [paid.session for paid in venue(PAYING).dividends(reports, DAY, TUESDAY)] == [TUESDAY]
    assert venue(PAYING).dividends(reports, TUESDAY, TUESDAY) == ()


def test_a_line_that_was_not_executed_earns_nothing():
    """Only fills are units."""
    missed = replace(bought("AAA", "8", AS_OF), answer=NotExecuted(1, "no"))

    assert venue(PAYING).dividends([missed], AS_OF, DAY) == ()


def test_a_dividend_of_less_than_half_a_penny_is_not_paid():
    """Nothing arrives, and the ledger has no entry for nothing."""
    assert venue(PAYING).dividends([bought("AAA", "0.01", AS_OF)], AS_OF, DAY) == ()
    (smallest,) = venue(PAYING).dividends([bought("AAA", "0.0114", AS_OF)], AS_OF, DAY)

    assert smallest.amount == Decimal("0.01")
    assert post_cash(cash_of(smallest)).kind == "DIVIDEND"


def cash_of(report: CashReport) -> CashFact:
    """Give the cash that a report is of, as the books post it."""
    return CashFact(
        report.key,
        report.kind,
        "main",
        "paper",
        report.session,
        "GBP",
        report.amount,
        "venue_report:1",
        withheld=report.withheld,
        instrument=report.instrument,
    )


def test_a_snapshot_is_the_sum_of_the_reports_up_to_its_session():
    """10,000 in; 8 bought for 800 and a fee of 6, 3 sold for 300; what comes later is not in it."""
    reports: list[VenueReport] = [
        venue().opening(AS_OF),
        replace(bought("AAA", "8", DAY), answer=executed(1, "8", "125", fee=Decimal(6))),
        bought("AAA", "3", TUESDAY, "sell"),
        replace(bought("BBB", "5", TUESDAY), answer=NotExecuted(1, "no")),
        CashReport("D", "DIVIDEND", WEDNESDAY, Decimal(10), Decimal("1.50"), "AAA"),
        bought("AAA", "5", WEDNESDAY, "sell"),
    ]

    tuesday, wednesday = (venue().snapshot(reports, session) for session in (TUESDAY, WEDNESDAY))

    assert [(row.instrument, row.quantity) for row in tuesday.positions] == [("AAA", Decimal(5))]
    assert tuesday.cash == Decimal("9494.00")
    assert wednesday == AccountSnapshot("etoro", "main", "paper", WEDNESDAY, (), Decimal("10002.50"))


def books(reports: list[VenueReport], orders: Any) -> Holdings:
    """Post a venue's reports as the running system does."""
    entries = []
    for report in reports:
        if isinstance(report, CashReport):
            entries.append(post_cash(cash_of(report)))
        elif isinstance(report, ExecutionReport) and isinstance(report.answer, Executed):
            entries.append(post_fill(fill_of(report.answer, orders, key=report.key, evidence="venue_report:1")))
    return holdings_of(entries, base="GBP")


@given(
    quantities=st.tuples(*[st.decimals("0.0001", "300", places=4).filter(bool)] * 2),
    amount=st.decimals("0.0001", "5", places=4),
    rate=st.decimals("0.5", "2", places=6),
    commission=st.decimals("0", "3", places=2),
)
def test_our_books_and_the_venues_snapshot_agree_to_the_penny(quantities, amount, rate, commission):
    """For all trades, rates, fees and dividends: two ways of counting, no break, and no tolerance needed."""
    orders = trade(
        *(ticket_line(at, "buy", name, str(quantities[at - 1])) for at, name in enumerate(("AAA", "BBB"), 1))
    )
    priced = ruled(costs={"commission": commission})
    paying = replace(BARS, dividends=dividends((TUESDAY, "AAA", str(amount))))
    shop = venue(paying, policy=priced, at=rates({AS_OF: str(rate)}))

    reports: list[VenueReport] = [shop.opening(AS_OF)]
    reports += shop.executions(reports, [orders], TUESDAY)
    assert shop.snapshot(reports, TUESDAY).cash >= 0
    reports += shop.dividends(reports, AS_OF, TUESDAY)

    strict = ruled(reconciliation={"cash_tolerance": "0"}).reconciliation
    held = books(reports, orders)
    ours = Ours(held.quantities(), {"GBP": held.cash}, "GBP")
    assert compare(ours, shop.snapshot(reports, TUESDAY), strict).breaks == ()
