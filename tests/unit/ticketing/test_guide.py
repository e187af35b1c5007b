"""The guide: what a person reads line by line, and that following it never leaves a book without its cash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import Calendar
from core.domain.case import cash_effect
from core.domain.frame import Frame
from core.domain.slot import Window
from core.ticketing.guide import do_words, fail_words, guide_of, hours_of, skip_words, without_sale
from tests.unit.making import ABCD, DAY, SHIPPED, frame, line, ruled

SALES = (line("sell", "AAA", "5"), line("sell", "BBB", "10"))  # 500 and 400 pounds
BUYS = (line("buy", "CCC", "30"), line("buy", "DDD", "25"))  # 600 and 200 pounds
FLOOR = Decimal(100)


def on(day: date, *, closes: time = time(16)) -> Frame:
    """Give the frame of a session of New York."""
    newyork = ZoneInfo("America/New_York")
    opens, ends = (datetime.combine(day, at, newyork).astimezone(UTC) for at in (time(9, 30), closes))
    calendar = Calendar("XNYS", "America/New_York", day, day, (day,), (opens,), (ends,))
    window = Window(day, opens + timedelta(minutes=5), opens + timedelta(minutes=60))
    return replace(frame(window=window), calendar=calendar)


def hours(day: date, *, closes: time = time(16)) -> tuple[str, ...]:
    """Tell the window of a day."""
    within = on(day, closes=closes)
    assert within.run.window is not None
    return hours_of(within.run.window, within)


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (date(2024, 1, 16), "Tuesday 16 January 2024, 14:35 to 15:30 in London; that is 09:35 to 10:30 in New York"),
        (date(2024, 7, 2), "Tuesday 2 July 2024, 14:35 to 15:30 in London; that is 09:35 to 10:30 in New York"),
    ],
)
def test_most_of_the_year_london_is_five_hours_ahead(day, told):
    """Winter and summer have the same clock times, and nothing is warned of."""
    (words,) = hours(day)

    assert words.startswith(told)


@pytest.mark.parametrize("day", [date(2024, 3, 11), date(2024, 3, 28), date(2024, 10, 28), date(2024, 11, 1)])
def test_the_weeks_in_which_one_clock_has_changed_are_an_hour_earlier_and_say_so(day):
    """From the second Sunday of March to the last, and for the week after the last Sunday of October."""
    words, warning = hours(day)

    assert "13:35 to 14:30 in London; that is 09:35 to 10:30 in New York and 13:35 to 14:30 in UTC" in words
    assert warning.startswith("New York is 4 hours behind London on this day, not 5")


@pytest.mark.parametrize("day", [date(2024, 3, 8), date(2024, 4, 2), date(2024, 10, 25), date(2024, 11, 4)])
def test_the_days_before_and_after_those_weeks_are_as_always(day):
    """The last session before a clock changes, and the first one after both have."""
    assert "14:35 to 15:30 in London" in hours(day)[0]
    assert len(hours(day)) == 1


def test_a_half_day_says_when_the_exchange_closes():
    """The Friday after Thanksgiving ends at one in New York."""
    words, early = hours(date(2024, 11, 29), closes=time(13))

    assert "14:35 to 15:30 in London" in words
    assert early == "The exchange closes early on this day, at 18:00 in London."


def test_a_buy_is_told_by_its_value_and_a_sale_by_its_units():
    """The number that the venue asks for comes first, the other is for checking."""
    buy, sale = BUYS[0], SALES[1]
    ccc, bbb = ABCD.by_id()["CCC"], replace(ABCD.by_id()["BBB"], etoro_search_name="Triple B")

    assert do_words(buy, ccc, held=Decimal(0), base="GBP", set_by="value") == (
        "Buy CCC for 750.00 USD (600.00 GBP), which is about 30 units. Market order. No stop, no target."
    )
    assert do_words(sale, bbb, held=Decimal(10), base="GBP", set_by="units") == (
        "Sell 10 units of Triple B, about 500.00 USD (400.00 GBP); that is all that this book holds."
        " Market order. No stop, no target."
    )
    assert do_words(sale, bbb, held=Decimal("10.5"), base="USD", set_by="units").startswith(
        "Sell 10 units of Triple B, about 500.00 USD; this book holds 10.5. "
    )
    with_exits = replace(buy, limit_price=Decimal("25.5"), order_type="limit", stop_price=Decimal(20))
    assert do_words(with_exits, ccc, held=Decimal(0), base="GBP", set_by="value").endswith(
        "Limit order at 25.5 USD. Stop at 20 USD, no target."
    )


def test_a_buy_of_whole_units_is_told_by_its_units():
    """Where the venue sells no fractions it asks for units; the line and the checks before it say the same."""
    whole, steps = (ruled(sizing=sizing) for sizing in ({"fractions": "whole_units"}, {"quantity_step": Decimal(1)}))

    assert do_words(BUYS[0], ABCD.by_id()["CCC"], held=Decimal(0), base="GBP", set_by="units") == (
        "Buy 30 units of CCC, about 750.00 USD (600.00 GBP). Market order. No stop, no target."
    )
    told = []
    for policy in (whole, steps, SHIPPED):
        guide = guide_of(BUYS, frame(policy), held={}, cash=Decimal(900), equity=Decimal(900))
        assert guide is not None
        told.append([check for check in guide.before if "for checking" in check])
    assert told == [
        ["A buy is set by its units, and so is a sale; the values are for checking."],
        ["A buy is set by its units, and so is a sale; the values are for checking."],
        ["A buy is set by its value, a sale by its units; the other number is for checking."],
    ]


def test_what_a_budget_left_is_not_left_on_purpose():
    """Larger differences are told elsewhere on the ticket, and the check says where, but only if there are any."""
    some, none = (
        guide_of(BUYS, frame(), held={}, cash=Decimal(900), equity=Decimal(900), left_undone=left)
        for left in (("buy AAA: 60.00 of 900.00 is beyond the turnover limit",), ())
    )

    assert some is not None
    assert none is not None
    words = 'Larger ones are left where a limit was reached: see "Left undone".'
    assert [words in " ".join(guide.after) for guide in (some, none)] == [True, False]


def test_a_line_is_skipped_beyond_its_worst_price():
    """Above for a buy, below for a sale, and how far that is from the price that was decided on: the allowed slippage."""
    assert skip_words(BUYS[0], "USD", skip_bps=Decimal(200)) == "the price is above 25.5 USD (2 % over 25)"
    assert skip_words(SALES[1], "USD", skip_bps=Decimal(150)) == "the price is below 49 USD (1.5 % under 50)"


def test_a_sale_that_fails_names_the_buys_that_it_pays_for():
    """With 150 in cash both sales are needed for the larger buy, and the smaller one is within reach of either."""
    lines = (*SALES, *BUYS)

    assert fail_words(lines, 0, cash=Decimal(150), floor=FLOOR) == (
        "Skip line 3 (buy CCC): what this sale brings pays for it. Go on with line 2."
    )
    assert without_sale(lines, 0, cash=Decimal(0), floor=FLOOR) == (3,)
    assert fail_words(lines, 0, cash=Decimal(2000), floor=FLOOR) == (
        "Leave it: no other line needs its cash. Go on with line 2."
    )
    assert fail_words(lines[:1], 0, cash=Decimal(0), floor=FLOOR).endswith("That was the last line.")
    assert fail_words((SALES[0], line("buy", "CCC", "10"), BUYS[1]), 0, cash=Decimal(100), floor=FLOOR) == (
        "Skip lines 2 (buy CCC), 3 (buy DDD): what this sale brings pays for them. Go on with line 2."
    )


def test_the_floor_itself_is_enough():
    """A buy that leaves exactly the floor is done; a penny less and it is skipped."""
    lines = (SALES[0], BUYS[0])

    assert without_sale(lines, 0, cash=Decimal("700.00"), floor=FLOOR) == ()
    assert without_sale(lines, 0, cash=Decimal("699.99"), floor=FLOOR) == (2,)


def test_a_buy_that_fails_leaves_its_cash_and_the_others():
    """Nothing is done in its place."""
    words = fail_words((*SALES, *BUYS), 2, cash=Decimal(150), floor=FLOOR)

    assert words == "Leave it, its cash stays in the account. Go on with line 4."


UNITS = st.lists(st.integers(1, 60), min_size=0, max_size=5)


@given(sold=UNITS.filter(bool), bought=UNITS, cash=st.integers(0, 3000), which=st.integers(0, 4))
def test_following_the_guide_never_leaves_less_cash_than_the_floor(sold, bought, cash, which):
    """Whatever sale fails, the buys that are done leave the floor, or what was planned where that is less."""
    names = ("AAA", "BBB", "CCC", "DDD", "AAA")
    lines = [line("sell", names[at], str(units), cost="0.37") for at, units in enumerate(sold)]
    lines += [line("buy", names[at], str(units), cost="0.53") for at, units in enumerate(bought)]
    failed, left, planned = which % len(sold), Decimal(cash), Decimal(cash)

    skipped = without_sale(lines, failed, cash=left, floor=FLOOR)

    for at, one in enumerate(lines):
        planned += cash_effect(one)
        if at != failed and at + 1 not in skipped:
            left += cash_effect(one)
            assert one.side == "sell" or left >= min(FLOOR, planned)


def test_the_checks_name_the_account_the_cash_and_what_is_sold():
    """Before the first line, and after the last, a person compares what the venue shows."""
    guide = guide_of(
        (*SALES, *BUYS), frame(), held={"AAA": Decimal(5), "BBB": Decimal(12)}, cash=Decimal(150), equity=Decimal(2000)
    )

    assert guide is not None
    assert guide.cash_floor == Decimal(100)
    before, after, blocked = (" ".join(rows) for rows in (guide.before, guide.after, guide.blocked))
    assert "the account etoro. This book's cash is about 150.00 GBP; the account may hold more." in before
    assert "The account holds what is to be sold: 5 AAA, 12 BBB, or more." in before
    assert "no CFD, no leverage (x1)" in before
    assert "Set no stop and no target" in before
    assert "This book's cash is about 250.00 GBP if every line was done; the account may hold more." in after
    assert "differences of less than 0.5 % of equity are left on purpose" in after
    assert "leave less than 100.00 GBP" in blocked


SALES_ALONE = (
    "(what the buys take beyond what the sales bring, costs paid), do the sales and no buy, and confirm the buys as not"
)
NOTHING = "(what the buys take, costs paid), do nothing, and confirm every line as not"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        # 800 of buys and 0.50 of costs, less the 500 of a sale; then without the sale.
        ((SALES[0], BUYS[0], replace(BUYS[1], cost=Decimal("0.50"))), f"300.50 GBP {SALES_ALONE}"),
        (BUYS, f"800.00 GBP {NOTHING}"),
        # The sale pays for the buy to the penny; a penny less and there is an amount.
        ((SALES[0], line("buy", "CCC", "25")), ""),
        ((SALES[0], line("buy", "CCC", "25", cost="0.01")), f"0.01 GBP {SALES_ALONE}"),
        (SALES, ""),
    ],
)
def test_the_check_of_the_cash_names_the_amount(lines, told):
    """With less than this nothing is bought; nobody has to say when less is clearly less."""
    assert _cash_check(lines, frame()) == (told and f" If its free cash is less than {told} executed.")


SETTLED = (
    "(what the buys take and all costs; what the sales bring is not counted), do the sales and no buy, and confirm the buys"
    " as not"
)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        # 800 of buys: a sale of 500 takes nothing off, and its costs come on top.
        ((SALES[0], *BUYS), f"800.00 GBP {SETTLED}"),
        (
            (replace(SALES[0], cost=Decimal("0.25")), BUYS[0], replace(BUYS[1], cost=Decimal("0.50"))),
            f"800.75 GBP {SETTLED}",
        ),
        # A sale that would pay for the buy pays for nothing of it.
        ((SALES[0], line("buy", "CCC", "25")), f"500.00 GBP {SETTLED}"),
        ((SALES[0], line("buy", "CCC", "5")), f"100.00 GBP {SETTLED}"),
        (BUYS, f"800.00 GBP {NOTHING}"),
        # Where nothing is bought, there is nothing to check.
        (SALES, ""),
        ((replace(SALES[0], cost=Decimal("0.25")),), ""),
    ],
)
def test_with_settled_cash_the_check_counts_no_sale(lines, told):
    """A venue that refuses what a sale has just brought fills no buy of it: the free cash covers all buys and all costs."""
    assert _cash_check(lines, frame(ruled(SHIPPED, sizing={"buys_from": "settled"}))) == (
        told and f" If its free cash is less than {told} executed."
    )


def _cash_check(lines, within):
    """Give what the checks say after the account's own cash."""
    guide = guide_of(lines, within, held={}, cash=Decimal(2000), equity=Decimal(2000))
    assert guide is not None
    words = next(check for check in guide.before if "logged in" in check)
    return words.partition("the account may hold more.")[2]


def test_what_is_left_on_purpose_is_a_share_of_what_the_phase_may_use():
    """A pilot that uses a tenth leaves a tenth of what a whole book would leave."""
    parts = [
        guide_of(BUYS, frame(), held={}, cash=Decimal(900), equity=Decimal(900), capital_fraction=Decimal(part))
        for part in ("0.1", "0")
    ]

    pilot, shadow = (" ".join(guide.after) for guide in parts if guide is not None)
    assert "differences of less than 0.05 % of equity are left on purpose" in pilot
    assert "differences of less than 0.5 % of equity are left on purpose" in shadow


STOPPED = replace(BUYS[0], stop_price=Decimal(20))
GIVEN = "the stop that {} and no other, no target; take out whatever else is filled in for you."
NONE_GIVEN = "set no stop and no target, and take out any that is filled in for you: the strategy gives none."


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (BUYS, [NONE_GIVEN.capitalize()]),
        ((STOPPED,), ["Set " + GIVEN.format("line 1 names")]),
        ((STOPPED, STOPPED), ["Set " + GIVEN.format("lines 1, 2 name")]),
        ((*BUYS, STOPPED), ["Set " + GIVEN.format("line 3 names"), "For lines 1, 2 " + NONE_GIVEN]),
        ((STOPPED, BUYS[1]), ["Set " + GIVEN.format("line 1 names"), "For line 2 " + NONE_GIVEN]),
    ],
)
def test_a_strategys_stop_is_left_in_and_no_other(lines, told):
    """One line with a stop takes nothing from the others: what is filled in for those is still taken out."""
    guide = guide_of(lines, frame(), held={}, cash=Decimal(2000), equity=Decimal(900))

    assert guide is not None
    assert [check for check in guide.before if "stop" in check] == told
    assert not any("holds what is to be sold" in check for check in guide.before)


def test_a_desk_elsewhere_reads_its_own_clock():
    """The policy's time zone comes first, and only London and New York are said to be usually five hours apart."""
    berlin = replace(frame(ruled(SHIPPED, schedule={"timezone": "Europe/Berlin"})), calendar=on(DAY).calendar)
    assert berlin.run.window is not None

    (told,) = hours_of(berlin.run.window, berlin)

    assert "15:35 to 16:30 in Berlin; that is 09:35 to 10:30 in New York and 13:35 to 14:30 in UTC" in told


def test_there_is_no_guide_without_a_window():
    """Such a ticket is objected to before anybody sees it."""
    assert guide_of(BUYS, frame(window=None), held={}, cash=Decimal(900), equity=Decimal(900)) is None


def test_one_clock_is_told_once():
    """A desk and an exchange that both go by UTC have one span, and no other that it is."""
    day = on(DAY)
    there = replace(day, policy=ruled(SHIPPED, schedule={"timezone": "UTC"}))
    there = replace(there, calendar=replace(day.calendar, timezone="UTC"))
    assert there.run.window is not None

    assert hours_of(there.run.window, there) == ("Monday 10 June 2024, 13:35 to 14:30 in UTC.",)


def test_a_sale_is_never_skipped_for_the_cash_that_it_leaves():
    """The first sale fails and there is no cash at all: the second brings 20 pounds, which is below the floor, and is done."""
    lines = (SALES[0], line("sell", "CCC", "1"), line("buy", "DDD", "10"))

    assert without_sale(lines, 0, cash=Decimal(0), floor=FLOOR) == (3,)
