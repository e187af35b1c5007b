"""Equity curves: each close by hand, what moves the index and what does not, and one way or many to the same curve."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.bars import Fixing
from core.domain.facts import Worth
from core.domain.holdings import EquityPoint
from core.domain.posting import Entry, EntryKind, LedgerAccount, Posting
from core.ledger.equity import Curve, Rates, extend_curve, rates_of, worth_of
from core.ledger.post import post_cash, post_fill
from tests.unit.making import SESSIONS, cash_fact, fill, fixings, panel, rates

NAN = float("nan")
# Monday to Friday.
WEEK = SESSIONS[4:9]
MON, TUE, WED, THU, FRI = WEEK


def bars(*closes: float, last: date = FRI):
    """Give a panel of one instrument that ends with a session."""
    return panel({"AAA": list(closes)}, last=last)


def deposit(amount: str, session: date) -> Entry:
    """Give the entry of a deposit."""
    return post_cash(cash_fact("DEPOSIT", amount, session=session))


def bought(quantity: str, price: str, session: date) -> Entry:
    """Give the entry of a purchase."""
    return post_fill(fill("buy", "AAA", quantity, price, session=session))


def curve(entries, of, *, at: Rates | None = None, before: Curve | None = None) -> Curve:
    """Go on with a curve, from its beginning unless one is given."""
    return extend_curve(before or Curve(), entries, of, rates=at or rates())


def told(of: Curve) -> list[tuple[str, str]]:
    """Give equity and index of each point."""
    return [(str(point.equity), str(point.index)) for point in of.points]


def test_a_week_by_hand():
    """1,000 pounds in, 4 units at 125 dollars on Tuesday; closes of 125, 150 and 100 at the rate of 1.25."""
    entries = [deposit("1000", MON), bought("4", "125", TUE)]

    points = curve(entries, bars(125, 125, 150, 100, 100)).points

    assert points == (
        EquityPoint(MON, Decimal("1000.00"), Decimal("100.00000000")),
        EquityPoint(TUE, Decimal("1000.00"), Decimal("100.00000000")),
        EquityPoint(WED, Decimal("1080.00"), Decimal("108.00000000")),
        EquityPoint(THU, Decimal("920.00"), Decimal("92.00000000")),
        EquityPoint(FRI, Decimal("920.00"), Decimal("92.00000000")),
    )


def test_a_curve_begins_with_the_first_entry():
    """Sessions before it, and a panel without any entry, have no point."""
    assert [point.session for point in curve([deposit("10", WED)], bars(1, 1, 1, 1, 1)).points] == [WED, THU, FRI]
    assert curve([], bars(1, 1, 1, 1, 1)) == Curve()


def test_an_entry_between_sessions_counts_at_the_next_one():
    """A deposit of Saturday is there on Monday."""
    saturday = FRI + timedelta(days=1)

    points = curve([deposit("10", FRI), deposit("5", saturday)], bars(1, 1, last=SESSIONS[9])).points

    assert [str(point.equity) for point in points] == ["10.00", "15.00"]


def test_deposits_and_withdrawals_do_not_move_the_index():
    """Doubling the money is no gain, and taking half of it is no loss; the market moves the index."""
    withdrawal = post_cash(cash_fact("WITHDRAW", "900", session=THU))
    entries = [deposit("1000", MON), bought("4", "125", MON), deposit("1080", WED), withdrawal]

    assert told(curve(entries, bars(125, 150, 150, 150, 75))) == [
        ("1000.00", "100.00000000"),
        ("1080.00", "108.00000000"),
        ("2160.00", "108.00000000"),
        ("1260.00", "108.00000000"),
        ("1020.00", "87.42857143"),
    ]


def test_dividends_move_the_index():
    """Income is a gain; the tax withheld is not in it."""
    paid = post_cash(cash_fact("DIVIDEND", "20", withheld="5", session=TUE))

    assert told(curve([deposit("1000", MON), paid], bars(1, 1, last=TUE)))[-1] == ("1015.00", "101.50000000")


def test_fees_of_the_first_day_lower_the_index_from_its_start():
    """100 is what was paid in, not what was left of it."""
    entries = [deposit("1000", MON), post_fill(fill("buy", "AAA", "4", "125", session=MON, fee="10"))]

    assert told(curve(entries, bars(125, last=MON))) == [("990.00", "99.00000000")]


def test_a_book_that_was_emptied_goes_on_where_its_index_stood():
    """Nothing in the book earns nothing; new money earns from there."""
    entries = [
        deposit("1000", MON),
        bought("4", "125", MON),
        post_fill(fill("sell", "AAA", "4", "150", session=TUE)),
        post_cash(cash_fact("WITHDRAW", "1080", session=WED)),
        deposit("500", THU),
    ]

    assert told(curve(entries, bars(125, 150, 150, 150, 150)))[1:] == [
        ("1080.00", "108.00000000"),
        ("0.00", "108.00000000"),
        ("500.00", "108.00000000"),
        ("500.00", "108.00000000"),
    ]


def test_a_missing_close_keeps_the_last_price():
    """A holding without a bar is worth what it was, also where the panel ends before the next one."""
    entries = [deposit("1000", MON), bought("4", "125", MON)]

    whole = curve(entries, bars(150, NAN, NAN, 100, NAN))
    cut = curve(entries, bars(NAN, NAN, last=WED), before=curve(entries, bars(150, last=MON)))

    assert [equity for equity, _ in told(whole)] == ["1080.00", "1080.00", "1080.00", "920.00", "920.00"]
    assert told(cut) == told(whole)[:3]


def test_what_is_bought_where_it_has_no_bar_is_valued_at_the_last_close_before():
    """Also when it was held earlier, at another price: the closes between the holdings count."""
    fresh = [deposit("1000", MON), bought("4", "125", TUE)]
    sold = post_fill(fill("sell", "AAA", "4", "125", session=WED, key="out"))
    again = [*fresh, sold, post_fill(fill("buy", "AAA", "4", "125", session=FRI, key="in"))]

    first, second = curve(fresh, bars(150, NAN, last=TUE)), curve(again, bars(150, 150, 150, 200, NAN))

    assert told(first)[-1][0] == "1080.00"
    assert told(second)[-1][0] == "1240.00"


@pytest.mark.parametrize("of", [bars(NAN, NAN, last=TUE), panel({"BBB": [1.0, 1.0]}, last=TUE)])
def test_a_holding_that_never_had_a_price_raises_with_its_name(of):
    """Neither a column of gaps nor a panel without the column values anything."""
    with pytest.raises(ValueError, match=f"held AAA has no close up to {MON}"):
        curve([deposit("1000", MON), bought("4", "125", MON)], of)


def test_each_close_is_valued_at_the_rate_of_its_day():
    """At 1.25 and then at 1.5 dollars a pound."""
    moving = rates({MON: "1.25", WED: "1.5"})

    assert [
        equity for equity, _ in told(curve([bought("3", "125", MON)], bars(125, 125, 125, last=WED), at=moving))
    ] == [
        "0.00",
        "0.00",
        "-50.00",
    ]


def test_a_position_that_was_closed_and_opened_again_is_valued_anew():
    """What is not held needs no price, and what is held again is."""
    entries = [
        deposit("1000", MON),
        bought("4", "125", MON),
        post_fill(fill("sell", "AAA", "4", "125", session=TUE)),
        bought("2", "100", THU),
    ]

    whole = curve(entries, bars(125, NAN, NAN, 150, 50))

    assert [equity for equity, _ in told(whole)] == ["1000.00", "1000.00", "1000.00", "1080.00", "920.00"]
    assert whole.units == (("AAA", Decimal("2")),)


def test_a_late_entry_builds_the_curve_anew():
    """A deposit that became known on Friday and counts from Tuesday is in every point since."""
    early = [deposit("1000", MON)]
    before = curve(early, bars(1, 1, 1, last=WED))
    late = [*early, deposit("500", TUE)]

    assert curve(late, bars(1, 1, 1, 1, 1), before=before) == curve(late, bars(1, 1, 1, 1, 1))


def test_a_late_entry_needs_the_whole_panel_again():
    """On the last sessions alone the peak would be forgotten, and with it the drawdown."""
    early = [deposit("1000", MON), bought("4", "125", MON)]
    before = curve(early, bars(125, 250, 125, last=WED))
    late = [*early, deposit("500", TUE)]

    with pytest.raises(ValueError, match=f"changes the curve from {MON} on; the panel begins {WED}"):
        curve(late, bars(125, 125, 125), before=before)
    assert worth_of(before).drawdown < 0


def test_going_on_over_no_new_session_changes_nothing():
    """The same panel again, with entries that are due later, gives the same points."""
    entries = [deposit("1000", MON), deposit("5", FRI)]
    before = curve(entries, bars(1, 1, last=TUE))

    again = curve(entries, bars(1, 1, last=TUE), before=before)

    assert again == before
    assert before.entry_count == 1


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["buy", "sell", "DEPOSIT", "WITHDRAW", "DIVIDEND"]),
        st.decimals("0.01", "20", places=2),
    ),
    max_size=8,
)
CLOSES = st.lists(st.one_of(st.just(NAN), st.floats(1, 300)), min_size=9, max_size=9)


def entries_of(events) -> list[Entry]:
    """Give the entries of a book that holds a unit from the first of ten sessions; a sale is of at most what is held."""
    entries, held = [deposit("1000", SESSIONS[0]), bought("1", "50", SESSIONS[0])], Decimal(1)
    for number, (day, what, amount) in enumerate(sorted(events, key=lambda event: event[0])):
        session, key = SESSIONS[day], str(number)
        if what not in ("buy", "sell"):
            entries.append(post_cash(cash_fact(what, str(amount), session=session, key=key)))
            continue
        quantity = amount if what == "buy" else min(amount, held)
        if quantity:
            held += quantity if what == "buy" else -quantity
            entries.append(post_fill(fill(what, "AAA", str(quantity), "50", session=session, key=key)))
    return entries


@given(events=EVENTS, closes=CLOSES, stops=st.sets(st.integers(0, 9)))
def test_step_by_step_gives_the_curve_of_all_at_once(events, closes, stops):
    """For all books and all days on which somebody looked, the curve is the same, state and all."""
    entries, whole = entries_of(events), panel({"AAA": [50.0, *closes]}, last=SESSIONS[9])

    stepped = Curve()
    for stop in sorted({*stops, 9}):
        known = [entry for entry in entries if entry.session <= SESSIONS[stop]]
        stepped = curve(known, panel({"AAA": [50.0, *closes][: stop + 1]}, last=SESSIONS[stop]), before=stepped)

    assert stepped == curve(entries, whole)


@given(events=EVENTS, closes=CLOSES, day=st.integers(0, 9), amount=st.decimals("0.01", "100000", places=2))
def test_a_deposit_moves_no_index_before_it_and_every_equity_after_it(events, closes, day, amount):
    """For all books, more money on a day is there on the last one to the penny, and the days before know nothing of it."""
    entries, whole = entries_of(events), panel({"AAA": [50.0, *closes]}, last=SESSIONS[9])
    more = sorted(
        [*entries, post_cash(cash_fact("DEPOSIT", str(amount), session=SESSIONS[day], key="more"))],
        key=lambda entry: entry.session,
    )

    plain, richer = curve(entries, whole).points, curve(more, whole).points

    assert [point.index for point in richer[:day]] == [point.index for point in plain[:day]]
    assert richer[-1].equity == plain[-1].equity + amount


def test_worth_is_the_last_equity_and_the_fall_from_the_highest_index():
    """From 120 to 96 is a fall of a fifth, to eight decimals, since the day of the peak."""
    points = tuple(
        EquityPoint(day, Decimal(equity), Decimal(index))
        for day, equity, index in (
            (MON, "1000", "100"),
            (TUE, "1200", "120"),
            (WED, "1200", "120"),
            (THU, "2000", "96"),
        )
    )

    assert worth_of(Curve(points)) == Worth(
        Decimal("2000"), Decimal("-0.20000000"), TUE, session=THU, day_change=Decimal("-0.20000000"), course="++-"
    )
    assert worth_of(Curve(points[:2])) == Worth(
        Decimal("1200"), Decimal("0E-8"), TUE, session=TUE, day_change=Decimal("0.20000000"), course="+"
    )


@pytest.mark.parametrize(
    ("since", "drawdown", "peak"),
    [(TUE, "-0.2", TUE), (WED, "-0.2", WED), (THU, "0", THU), (date(2099, 1, 1), "0", THU)],
)
def test_a_peak_counts_from_the_session_of_a_resume(since, drawdown, peak):
    """That session included; before any of them is there, the last point is its own peak."""
    days = ((MON, "150"), (TUE, "120"), (WED, "120"), (THU, "96"))
    points = tuple(EquityPoint(day, Decimal(1000), Decimal(index)) for day, index in days)

    wanted = Worth(Decimal(1000), Decimal(drawdown), peak, since, session=THU, day_change=Decimal("-0.2"), course="-+-")
    assert worth_of(Curve(points), since=since) == wanted


@pytest.mark.parametrize(
    ("points", "worth"),
    [
        ((), Worth(Decimal(0), Decimal(0), None)),
        ((EquityPoint(MON, Decimal(0), Decimal(0)),), Worth(Decimal(0), Decimal(0), MON, session=MON)),
        (
            (EquityPoint(MON, Decimal(0), Decimal(0)), EquityPoint(TUE, Decimal(9), Decimal(0))),
            Worth(Decimal(9), Decimal(0), MON, session=TUE, course="+"),
        ),
    ],
)
def test_a_book_without_history_has_not_fallen(points, worth):
    """No point, or an index that never left zero, is no drawdown and no day's loss."""
    assert worth_of(Curve(points)) == worth


def test_the_course_is_that_of_the_last_sixty_sessions():
    """A fall of the index is a loss; no change is none, and what is older than any limit looks back is not told."""
    indices = [Decimal(100 - at) for at in range(62)] + [Decimal(39), Decimal("38.99999999")]
    points = tuple(EquityPoint(MON + timedelta(days=at), Decimal(1000), index) for at, index in enumerate(indices))

    assert worth_of(Curve(points)).course == "-" * 58 + "+-"


def test_a_withdrawal_is_no_drawdown():
    """Half the money gone by hand leaves the kill switch alone."""
    entries = [deposit("1000", MON), post_cash(cash_fact("WITHDRAW", "500", session=TUE))]

    assert worth_of(curve(entries, bars(1, 1, last=TUE))).drawdown == 0


def test_rates_cross_the_euro_on_days_that_have_both():
    """A euro of 0.8 pounds and 1 dollar, then of 0.8 pounds and 1.2; a day with one of them has no rate."""
    told_on = [*fixings([MON]), Fixing(TUE, "GBP", Decimal("0.9")), *fixings([WED], usd="1.2")]

    found = rates_of(told_on, "GBP", "USD")

    assert found == Rates("GBP", (MON, WED), (Decimal("1.250000"), Decimal("1.500000")))
    assert (found.on(MON), found.on(TUE), found.on(FRI)) == (Decimal("1.25"), Decimal("1.25"), Decimal("1.5"))


def test_a_day_before_the_first_fixing_has_no_rate():
    """Nobody guesses backwards."""
    with pytest.raises(ValueError, match=f"no rate was fixed on or before {MON}"):
        rates_of(fixings([TUE]), "GBP", "USD").on(MON)


def test_the_euro_is_one_euro():
    """A book of euros needs the other currency alone."""
    only_usd = [Fixing(MON, "USD", Decimal("1.1"))]

    assert rates_of(only_usd, "EUR", "USD").on(MON) == Decimal("1.1")


def test_one_currency_needs_no_fixing():
    """A pound is a pound on every day."""
    assert rates_of([], "GBP", "GBP").on(date.min) == 1


@given(
    days=st.sets(st.integers(0, 120), min_size=1),
    first=st.integers(0, 120),
    length=st.integers(0, 30),
)
def test_rates_within_a_stretch_agree_with_all_of_them(days, first, length):
    """For all days of a stretch, the rates made for it are those made of everything, where no gap is over a month."""
    start = date(2024, 1, 1)
    told_on = [
        fixing
        for number in sorted({*days, *range(0, 121, 30)})
        for fixing in fixings([start + timedelta(days=number)], usd=str(1 + number))
    ]
    stretch = (start + timedelta(days=first), start + timedelta(days=first + length))

    whole, part = rates_of(told_on, "GBP", "USD"), rates_of(told_on, "GBP", "USD", within=stretch)

    for number in range(length + 1):
        day = stretch[0] + timedelta(days=number)
        assert part.on(day) == whole.on(day)
    assert len(part.days) <= len(whole.days)


def test_rates_within_a_stretch_are_no_more_than_it_needs():
    """A year of fixings is not crossed for a week."""
    told_on = fixings(date(2023, 6, 1) + timedelta(days=number) for number in range(400))

    part = rates_of(told_on, "GBP", "USD", within=(MON, FRI))

    assert len(part.days) == 31 + 4
    assert replace(part, days=(), rates=()) == Rates("GBP", (), ())


def brought(quantity: str, session: date, *, account: LedgerAccount = "opening") -> Entry:
    """Give the entry of units that came from outside, as an opening or a transfer."""
    kind: EntryKind = "OPENING" if account == "opening" else "TRANSFER"
    units = Decimal(quantity)
    postings = (Posting("units", "AAA", units), Posting(account, "AAA", -units))
    return Entry(f"{kind}-{session}", kind, "main", "paper", session, "AAA", "booked_fact:1", postings)


@pytest.mark.parametrize("account", ["opening", "transfer"])
def test_units_that_come_from_outside_are_no_gain_and_what_they_gain_later_is(account: LedgerAccount):
    """4 units come on Tuesday at 125 dollars: equity grows by 400 pounds and the index stays; on Wednesday both follow 150."""
    entries = [deposit("1000", MON), brought("4", TUE, account=account)]

    assert told(curve(entries, bars(125, 125, 150, 100, 100)))[:3] == [
        ("1000.00", "100.00000000"),
        ("1400.00", "100.00000000"),
        ("1480.00", "105.71428571"),
    ]


def test_units_that_leave_take_their_worth_and_no_loss_with_them():
    """Two of four units leave on Wednesday: the index follows the price alone."""
    entries = [deposit("1000", MON), brought("4", TUE), brought("-2", WED, account="transfer")]

    assert told(curve(entries, bars(125, 125, 150, 100, 100)))[2:4] == [
        ("1240.00", "105.71428571"),
        ("1160.00", "98.89400921"),
    ]
