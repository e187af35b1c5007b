"""The rules that look beyond their line: the day, other tickets, the past of a price, the desk; both sides of each number."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.others import DeskView
from core.riskguard import group_rules, line_rules, proposal_rules
from core.riskguard.history import alike
from tests.unit.making import AS_OF, SHIPPED, case, holdings, line, past, prices, ruled, usual_past
from tests.unit.riskguard.judging import ALIKE, QUIET, desk, judged, listed, other

DONE = {"is_open": False, "is_of_the_day": True}


@pytest.mark.parametrize(("before", "is_refused"), [("4", False), ("4.0001", True)])
def test_a_trade_split_over_the_days_tickets_is_one_trade(before, is_refused):
    """Six units after four of another ticket of the day are ten: by value, and by what the market trades."""
    split = case(line("buy", "AAA", "6"), others=(other("buy", "AAA", before, **DONE),), panel=QUIET)
    thousand = ruled(limits={"order_value_max": "1000"})

    assert (judged(line_rules.over_notional, split, thousand) is not None) == is_refused
    assert (judged(line_rules.over_volume, split) is not None) == is_refused


def test_what_was_answered_on_another_day_is_another_trade():
    """Yesterday's purchase, and today's of something else or to the other side, add nothing."""
    others = (
        other("buy", "AAA", "9", is_open=False),
        other("buy", "BBB", "9", **DONE),
        other("sell", "AAA", "9", **DONE),
    )
    alone = case(line("buy", "AAA", "10"), others=others, panel=QUIET)

    assert judged(line_rules.over_notional, alone, ruled(limits={"order_value_max": "1000"})) is None
    assert judged(line_rules.over_volume, alone) is None


@pytest.mark.parametrize(
    "panel",
    [None, past(volume=0), past(volume=float("nan")), past(volume=float("inf"))],
    ids=["none", "zero", "unknown", "endless"],
)
def test_what_nobody_trades_is_not_bought_and_may_be_sold(panel):
    """Without a volume there is no share of it that would be small."""
    bought, sold = (case(line(side, "AAA", "1"), panel=panel) for side in ("buy", "sell"))

    objection = judged(line_rules.over_volume, bought)

    assert objection is not None
    assert objection.value == "AAA was traded in no usual session"
    assert judged(line_rules.over_volume, sold) is None


@pytest.mark.parametrize("panel", [None, past(count=1)], ids=["none", "first day"])
def test_an_instrument_without_a_close_before_is_not_bought(panel):
    """Nobody can say whether its price leapt; what is held of it may be sold."""
    bought, sold = (case(line(side, "AAA", "1"), panel=panel) for side in ("buy", "sell"))

    objection = judged(line_rules.price_jump, bought)

    assert objection is not None
    assert objection.value == "AAA has no close before this one"
    assert judged(line_rules.price_jump, sold) is None


def test_a_session_without_a_bar_is_passed_over():
    """The close before is the last there is."""
    gap = past(closes={"AAA": [100.0, float("nan"), 125.0]})

    assert judged(line_rules.price_jump, case(line("buy", "AAA", "1"), panel=gap), _within("0.25")) is None
    assert judged(line_rules.price_jump, case(line("buy", "AAA", "1"), panel=gap), _within("0.2499")) is not None


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("field", ["price", "worst_price", "limit_price", "stop_price"])
@pytest.mark.parametrize(("near", "far"), [("100", "99.9999"), ("150", "150.0001")])
def test_every_price_of_a_line_is_near_the_close(side, field, near, far):
    """A fifth of 125 is 25, both ways, for a sale too: a limit far from the market is a slip."""
    allowed, refused = (line(side, "AAA", "1", **{field: price}) for price in (near, far))
    sound = replace(allowed, worst_price=Decimal(125)) if field != "worst_price" else allowed
    wrong = replace(refused, worst_price=Decimal(125)) if field != "worst_price" else refused

    assert judged(line_rules.price_jump, case(sound), _within("0.2")) is None
    objection = judged(line_rules.price_jump, case(wrong), _within("0.2"))
    assert objection is not None
    assert (objection.value, objection.would_pass) == (
        f"a price of {far}",
        "a price above 0 from 100 to 150 around the close of 125",
    )


@pytest.mark.parametrize("price", ["0", "-125"])
def test_a_price_of_nothing_is_never_near(price):
    """However wide the limit is."""
    assert judged(line_rules.price_jump, case(line("sell", "AAA", "1", limit_price=price)), _within("9")) is not None


def _within(limit: str):
    return ruled(limits={"price_move_max": limit})


@pytest.mark.parametrize(
    ("side", "beside", "is_refused"),
    [
        ("buy", {"side": "sell"}, True),
        ("sell", {"side": "buy"}, True),
        ("buy", {"side": "sell", **DONE}, True),
        ("sell", {"side": "buy", **DONE}, False),
        ("buy", {"side": "sell", "is_open": False}, False),
        ("buy", {"side": "sell", "instrument": "BBB"}, False),
        ("buy", {"side": "buy"}, False),
    ],
)
def test_nothing_is_traded_against_another_ticket(side, beside, is_refused):
    """Not while its line is open, and what was sold that day is not bought back; what was bought may be reduced."""
    against = case(line(side, "AAA", "1"), others=(replace(other("buy", "AAA", "1"), **beside),))

    assert (judged(line_rules.opposite_line, against) is not None) == is_refused


@pytest.mark.parametrize(("waiting", "is_refused"), [("4", False), ("4.0001", True)])
def test_open_sales_and_this_one_sell_what_is_held_and_no_more(waiting, is_refused):
    """Six of ten units, while four are on their way to be sold."""
    sale = case(line("sell", "AAA", "6"), holdings=holdings({"AAA": "10"}), others=(other("sell", "AAA", waiting),))

    assert (judged(group_rules.open_tickets, sale) is not None) == is_refused


@pytest.mark.parametrize(("waiting", "is_refused"), [("50", False), ("50.0001", True)])
def test_open_purchases_of_other_instruments_spend_the_same_cash(waiting, is_refused):
    """9,500 may be spent: 5,000 wait, of another instrument, and 4,500 come."""
    purchase = case(line("buy", "BBB", "112.5"), others=(other("buy", "AAA", waiting),))
    wide = ruled(limits={"weight_max": "1", "sector_weight_max": "1", "cluster_weight_max": "1"})

    objection = judged(group_rules.open_tickets, purchase, wide)

    assert (objection is not None) == is_refused
    assert objection is None or objection.would_pass == "buying less so that the buffer stays with open tickets counted"


def test_open_sales_pay_for_nothing():
    """A sale that waits brings no cash yet, and lets nobody buy more."""
    broke = case(line("buy", "BBB", "5"), holdings=holdings(cash="600"), others=(other("sell", "AAA", "50"),))

    assert judged(group_rules.open_tickets, broke) is None
    assert judged(proposal_rules.thin_cash, broke) is not None


def test_a_line_that_is_refused_for_itself_is_not_told_twice():
    """What passes the limit alone is told by its own rule."""
    heavy = case(line("buy", "AAA", "10.0001"), others=(other("buy", "AAA", "1"),))

    assert judged(line_rules.over_weight, heavy) is not None
    assert judged(group_rules.open_tickets, heavy) is None


def test_the_days_other_orders_count_as_trades_and_as_turnover():
    """One order of 1,000 and another ticket's of 5,000 are two orders and 30 % of equity."""
    busy = case(line("buy", "AAA", "10"), others=(other("sell", "BBB", "125", **DONE), other("buy", "CCC", "1")))
    more = replace(busy, others=(other("sell", "BBB", "125.0025", **DONE),))

    assert judged(proposal_rules.too_many_trades, busy, ruled(limits={"trades_max": 2})) is None
    assert judged(proposal_rules.too_many_trades, busy, ruled(limits={"trades_max": 1})) is not None
    assert judged(proposal_rules.over_turnover, busy) is None
    assert judged(proposal_rules.over_turnover, more) is not None


@pytest.mark.parametrize(
    ("rule", "bound_by"),
    [
        (proposal_rules.too_many_trades, ruled(limits={"trades_max": 1})),
        (proposal_rules.over_turnover, ruled(limits={"turnover_max": "0"})),
        (proposal_rules.losing_streak, ruled(limits={"losing_sessions_max": 1})),
        (proposal_rules.leverage, SHIPPED),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_two_sales_are_never_too_much(rule, bound_by):
    """What only reduces holdings is not held up by what purchases add up to."""
    sales = case(
        line("sell", "AAA", "1"),
        line("sell", "BBB", "1"),
        holdings=holdings({"AAA": "1", "BBB": "1"}, cash="-50"),
        course="---",
    )

    assert judged(rule, sales, bound_by) is None


@pytest.mark.parametrize(
    ("course", "wait", "is_refused"),
    [("---", 0, False), ("---", 1, True), ("--", 30, False), ("--+-", 30, False), ("----", 1, True), ("", 30, False)],
)
def test_a_losing_streak_is_unbroken_and_long_enough(course, wait, is_refused):
    """Three in a row; a wait of 0 turns the rule off."""
    bound_by = ruled(limits={"losing_sessions_max": 3, "cooldown_sessions": wait})

    objection = judged(proposal_rules.losing_streak, case(line("buy", "AAA", "1"), course=course), bound_by)

    assert (objection is not None) == is_refused


def test_correlation_counts_from_its_number_on():
    """The measured correlation itself is alike, a billionth more is not; an instrument is always alike to itself."""
    pair = case(line("buy", "AAA", "1"), line("buy", "BBB", "1"))
    closes = [usual_past().adj_close[:, usual_past().instruments.index(name)] for name in ("AAA", "BBB")]
    first, second = (prices[1:] / prices[:-1] - 1 for prices in closes)
    spread = ((first - first.mean()) ** 2).sum() * ((second - second.mean()) ** 2).sum()
    measured = Decimal(f"{((first - first.mean()) * (second - second.mean())).sum() / spread**0.5:.9f}")

    found = [
        alike(pair, "AAA", ruled(limits={"correlation_max": str(number)}))
        for number in (measured, measured + Decimal("0.000000001"))
    ]

    assert found == [frozenset({"AAA", "BBB"}), frozenset({"AAA"})]


@pytest.mark.parametrize("panel", [None, past(count=20)], ids=["none", "nineteen returns"])
def test_who_cannot_be_told_apart_is_taken_for_alike(panel):
    """Without enough returns in common all of a book is one cluster."""
    pair = case(line("buy", "AAA", "1"), line("buy", "BBB", "1"), panel=panel)

    assert alike(pair, "AAA", SHIPPED) == frozenset({"AAA", "BBB"})
    assert alike(replace(pair, panel=past(count=21)), "AAA", SHIPPED) == frozenset({"AAA"})


def test_no_chain_of_likenesses_joins_two_strangers():
    """CCC moves on its own: it does not count with AAA, though all three are held."""
    held = case(line("buy", "AAA", "1"), holdings=holdings({"BBB": "100", "CCC": "250"}), panel=ALIKE)

    assert judged(group_rules.correlated, held) is None


def test_a_limit_of_one_is_off():
    """Of sectors and of clusters: a book may be all of one."""
    whole = case(line("buy", "AAA", "1"), holdings=holdings({"AAA": "120"}), panel=None)
    off = ruled(limits={"sector_weight_max": "1", "cluster_weight_max": "1"})

    assert judged(group_rules.over_sector, whole, off) is None
    assert judged(group_rules.correlated, whole, off) is None
    assert judged(group_rules.over_sector, whole) is not None
    assert judged(group_rules.correlated, whole) is not None


def test_what_has_no_sector_is_bound_by_none():
    """A fund is no sector, and other sectors do not count."""
    held = holdings({"BBB": "70"})
    fund = case(line("buy", "AAA", "50"), holdings=held, universe=listed("AAA", sector="", kind="etf"))
    miner = case(line("buy", "AAA", "50"), holdings=held, universe=listed("AAA", sector="Materials"))

    assert judged(group_rules.over_sector, fund) is None
    assert judged(group_rules.over_sector, miner) is None
    assert judged(group_rules.over_sector, case(line("buy", "AAA", "50"), holdings=held)) is not None


@pytest.mark.parametrize("rule", [group_rules.desk_over_weight, group_rules.desk_over_gross])
def test_the_desk_refuses_what_it_cannot_value(rule):
    """Another book holds what has no close: nobody knows the desk's equity. Sales pass, and so does a book without a desk."""
    unknown = desk("1", EEE="1")
    bought, sold, alone = (
        case(line("buy", "AAA", "1"), desk=unknown),
        case(line("sell", "AAA", "1"), desk=unknown),
        case(line("buy", "AAA", "1")),
    )

    objection = judged(rule, bought)

    assert objection is not None
    assert objection.value == "the worth of all books together is unknown or nothing"
    assert (judged(rule, sold), judged(rule, alone)) == (None, None)


def test_cash_of_other_books_counts_as_equity_of_the_desk():
    """Twice the equity bears twice the position; without anything in it, none."""
    rich, poor = (case(line("buy", "AAA", "10"), desk=desk("0.05", cash=cash)) for cash in ("10000", "9999.99"))
    broke = case(line("buy", "AAA", "1"), desk=desk("1", cash="-10000"))

    assert judged(group_rules.desk_over_weight, rich) is None
    assert judged(group_rules.desk_over_weight, poor) is not None
    assert judged(group_rules.desk_over_weight, broke) is not None


def test_a_desk_of_one_book_binds_it_too():
    """The limits over all books hold where there is but one."""
    alone = case(line("buy", "AAA", "11"), desk=DeskView(Decimal(1), Decimal("0.1")))

    assert judged(group_rules.desk_over_weight, alone) is not None
    assert judged(group_rules.desk_over_gross, alone) is None


def test_no_mark_is_said_by_the_rule_of_marks():
    """A line without a price is refused once, and not for its size."""
    bare = case(line("buy", "AAA", "1"), prices=prices({"BBB": "50"}, session=AS_OF), desk=desk("1"))

    for rule in (line_rules.over_volume, line_rules.price_jump, line_rules.over_weight, line_rules.off_mark):
        assert judged(rule, bare) is None
    assert judged(group_rules.desk_over_weight, bare) is None
    assert judged(line_rules.stale_price, bare) is not None
