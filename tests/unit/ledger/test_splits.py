"""Splits in positions: units times ratio and cost unchanged where bars are raw, nothing where they are adjusted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.bars import Basis
from core.domain.panel import Panel, Split
from core.domain.posting import Entry, SplitFact, effective_order
from core.ledger.equity import Curve, extend_curve
from core.ledger.journal import Journal, compute_positions, record_cash, record_fill, record_split
from core.ledger.positions import Lot, holdings_of, open_lots, profit_and_loss
from core.ledger.post import post_cash, post_fill, post_split
from core.ledger.splits import ratios_of, splits_due, splits_in, splits_unposted, units_since
from core.money import split_units
from tests.unit.making import SESSIONS, cash_fact, fill, panel, rates

NAN = float("nan")
MON, TUE, WED, THU, FRI = SESSIONS[4:9]
RAW = Basis("raw")
STEP = Decimal("0.000001")


def split(session: date = WED, ratio: str = "7", instrument: str = "AAA") -> Split:
    """Give a split."""
    return Split(session, instrument, Decimal(ratio))


def raw(*closes: float, splits: tuple[Split, ...] = ()) -> Panel:
    """Give a week of raw bars of one instrument."""
    return panel({"AAA": list(closes)}, last=FRI, basis=(RAW,), splits=splits)


def deposit(amount: str, session: date = MON) -> Entry:
    """Give the entry of a deposit."""
    return post_cash(cash_fact("DEPOSIT", amount, session=session))


def traded(side: str, quantity: str, price: str, session: date) -> Entry:
    """Give the entry of a fill."""
    return post_fill(fill("buy" if side == "buy" else "sell", "AAA", quantity, price, session=session))


def due(entries: list[Entry], *splits: Split, step: Decimal = STEP) -> tuple[SplitFact, ...]:
    """Give what is due, entries in effective order."""
    ordered = sorted(entries, key=effective_order)
    return splits_due(ordered, splits, step=step, book="main", venue="manual", evidence="clean_snapshot:1")


def posted(entries: list[Entry], *splits: Split) -> list[Entry]:
    """Give the entries with what was due posted, in effective order."""
    facts = due(entries, *splits)
    return sorted([*entries, *(post_split(fact) for fact in facts)], key=effective_order)


def test_a_split_moves_units_against_trade_and_no_money():
    """4 units at 7:1 are 24 more; each commodity balances, and the fact says what it rests on."""
    (fact,) = due([traded("buy", "4", "700", TUE)], split())
    entry = post_split(fact)

    assert fact == SplitFact(
        f"SPLIT-{WED:%Y%m%d}-AAA-main-manual", "main", "manual", WED, "AAA", Decimal(7), Decimal(24), "clean_snapshot:1"
    )
    assert (entry.kind, entry.key, entry.evidence, entry.session) == ("SPLIT", fact.key, fact.evidence, WED)
    assert [(one.account, one.commodity, one.amount) for one in entry.postings] == [
        ("units", "AAA", Decimal(24)),
        ("trade", "AAA", Decimal(-24)),
    ]


def test_only_splits_of_raw_bars_count_and_only_those_after_a_day():
    """On adjusted bars the units of every day are those of after the split; the ex-date itself is due, the day before not."""
    told = (split(TUE, "2"), split(WED), split(FRI, "3"))

    assert splits_in(raw(700, 700, 100, 100, 100, splits=told), TUE, THU) == (split(WED),)
    assert splits_in(raw(700, 700, 100, 100, 100, splits=told), MON, FRI) == told
    for basis in (Basis("split-adjusted", FRI), Basis("total-return", FRI), None):
        adjusted = replace(raw(100, 100, 100, 100, 100, splits=told), basis=(basis,))
        assert splits_in(adjusted, MON, FRI) == ()


def test_equity_passes_a_split_unchanged():
    """4 units at 700 dollars, which open at 100 on the ex-date: 2,240 pounds before and after, and the index stands still."""
    entries = [deposit("3000"), traded("buy", "4", "700", TUE)]
    bars = raw(700, 700, 100, 100, 50, splits=(split(),))

    with_split = extend_curve(Curve(), posted(entries, split()), bars, rates=rates()).points
    without = extend_curve(Curve(), entries, bars, rates=rates()).points

    assert [str(point.equity) for point in with_split] == ["3000.00", "3000.00", "3000.00", "3000.00", "1880.00"]
    assert {str(point.index) for point in with_split[:4]} == {"100.00000000"}
    assert str(without[2].equity) == "1080.00"


def test_a_split_holding_without_a_close_is_valued_in_its_new_units():
    """No bar on the ex-date, within one panel and going on from a curve: seven times the units at a seventh of the price."""
    entries = posted([deposit("3000"), traded("buy", "4", "700", TUE)], split())
    bars = raw(700, 700, NAN, NAN, 105)

    whole = extend_curve(Curve(), entries, bars, rates=rates())
    begun = extend_curve(Curve(), entries[:2], bars.window(TUE, 2), rates=rates())
    gone_on = extend_curve(begun, entries, bars.between(WED, FRI), rates=rates())

    assert [str(point.equity) for point in whole.points] == ["3000.00", "3000.00", "3000.00", "3000.00", "3112.00"]
    assert gone_on == whole


def test_a_split_that_is_told_late_builds_the_curve_anew():
    """A curve that has passed the ex-date forgets nothing when the split comes."""
    entries = [deposit("3000"), traded("buy", "4", "700", TUE), traded("buy", "1", "100", THU)]
    bars = raw(700, 700, 100, 100, 100)

    early = extend_curve(Curve(), entries, bars, rates=rates())
    late = extend_curve(early, posted(entries, split()), bars, rates=rates())

    assert late == extend_curve(Curve(), posted(entries, split()), bars, rates=rates())
    assert [str(point.equity) for point in late.points] == ["3000.00"] * 5


def test_lots_keep_their_cost_and_their_day():
    """Two lots at 3:2; a fill of the ex-date, posted before the split was known, is in new units already."""
    entries = [
        traded("buy", "4", "150", MON),
        traded("buy", "2", "300", TUE),
        traded("buy", "5", "100", WED),
    ]

    lots, realised = open_lots(posted(entries, split(WED, "1.5")))

    assert lots == (
        Lot("AAA", MON, Decimal(6), Decimal("480.00")),
        Lot("AAA", TUE, Decimal(3), Decimal("480.00")),
        Lot("AAA", WED, Decimal(5), Decimal("400.00")),
    )
    assert realised == 0


def test_what_is_sold_after_a_split_takes_its_part_of_the_old_cost():
    """4 units for 2,240 pounds become 28; 7 sold at 110 bring 616 for a quarter of the cost."""
    entries = posted([traded("buy", "4", "700", TUE), traded("sell", "7", "110", WED)], split())

    result = profit_and_loss(entries, {"AAA": Decimal("1680")}, base="GBP")

    assert (result.realised, result.unrealised) == (Decimal("56.00"), Decimal("0.00"))


def test_a_reverse_split_takes_units_away_and_fractions_are_kept_to_the_step():
    """10 units at 1:8 are 1.25: whole units are not forced; what is less than a step is lost, never rounded up."""
    entries = [traded("buy", "10", "5", TUE)]

    assert [fact.units for fact in due(entries, split(WED, "0.125"))] == [Decimal("-8.75")]
    assert [fact.units for fact in due(entries, split(WED, "0.125"), step=Decimal("0.1"))] == [Decimal("-8.8")]
    assert [fact.units for fact in due(entries, split(WED, "0.125"), step=Decimal(1))] == [Decimal("-9")]


@pytest.mark.parametrize(
    ("ratio", "units"),
    [("7", "28"), ("1.5", "6"), ("0.125", "0.5"), ("0.333333", "1.333333"), ("0.33", "1.32"), ("1.281", "5.124")],
)
def test_units_of_a_split_are_cut_to_the_step_in_one_place(ratio, units):
    """Towards zero; a third is told with six digits and is a third, 0.33 is not."""
    assert split_units(Decimal(4), Decimal(ratio), STEP) == Decimal(units)
    with pytest.raises(ValueError, match=r"split ratio was 0 and step 0.000001"):
        split_units(Decimal(4), Decimal(0), STEP)


def test_two_splits_of_one_holding_follow_each_other():
    """2:1 and then 3:1 of 4 units are 24; each is posted once."""
    entries = posted([traded("buy", "4", "60", MON)], split(TUE, "2"), split(THU, "3"))

    assert [f"{one.postings[0].amount.normalize():f}" for one in entries] == ["4", "4", "16"]
    assert due(entries, split(TUE, "2"), split(THU, "3")) == ()
    assert units_since(ratios_of(entries), "AAA", MON, FRI) == 6
    assert units_since(ratios_of(entries), "AAA", TUE, WED) == 1
    assert units_since(ratios_of(entries), "AAA", TUE, THU) == 3


def test_a_split_that_nothing_was_posted_of_is_named():
    """Held through it without an entry; bought on its day, sold before it, or posted, there is nothing to name."""
    held = [traded("buy", "4", "700", TUE)]

    assert splits_unposted(held, [split()]) == (split(),)
    assert splits_unposted(posted(held, split()), [split()]) == ()
    assert splits_unposted([traded("buy", "4", "100", WED)], [split()]) == ()
    assert splits_unposted([traded("buy", "4", "700", MON), traded("sell", "4", "700", TUE)], [split()]) == ()


def test_what_is_bought_on_the_ex_date_is_not_split():
    """It was bought in new units; nothing held the evening before is nothing to split."""
    assert due([traded("buy", "4", "100", WED)], split()) == ()
    assert due([traded("buy", "4", "700", MON), traded("sell", "4", "700", TUE)], split()) == ()


def test_a_fill_from_before_a_split_that_is_told_after_it_is_split_too():
    """The rest is posted under a key of its own, once, and lots and equity are as if it had been told in time."""
    in_time = [deposit("9000"), traded("buy", "4", "700", MON), traded("buy", "2", "700", TUE)]
    first = posted([in_time[0], in_time[1]], split())

    second = posted([*first, in_time[2]], split())

    keys = [entry.key for entry in second if entry.kind == "SPLIT"]
    assert keys == [f"SPLIT-{WED:%Y%m%d}-AAA-main-manual", f"SPLIT-{WED:%Y%m%d}-AAA-main-manual-2"]
    assert due(second, split()) == ()
    assert open_lots(second) == open_lots(posted(in_time, split()))
    bars = raw(700, 700, 100, 100, 100)
    assert (
        extend_curve(Curve(), second, bars, rates=rates()).points
        == extend_curve(Curve(), posted(in_time, split()), bars, rates=rates()).points
    )
    assert ratios_of(second) == ratios_of(posted(in_time, split())) == {"AAA": [(WED, Decimal(7))]}


def test_a_sale_from_before_a_split_that_is_told_after_it_takes_the_units_back():
    """All were sold on Tuesday: until it is settled the units stand without a cost, then nothing is left."""
    told = posted([traded("buy", "4", "700", MON)], split())
    late = sorted([*told, traded("sell", "4", "750", TUE)], key=effective_order)

    between, _ = open_lots(late)
    settled = posted(late, split())

    assert between == (Lot("AAA", WED, Decimal(24), Decimal(0)),)
    assert open_lots(settled) == ((), Decimal("160.00"))
    assert holdings_of(settled, base="GBP").positions == ()


def test_a_split_that_changes_nothing_is_not_posted():
    """A fact of no units has nothing to say."""
    with pytest.raises(ValueError, match="units were 0"):
        post_split(SplitFact("K", "main", "paper", WED, "AAA", Decimal(1), Decimal(0), "E"))


def test_the_journal_records_a_split_once_in_any_order():
    """Recorded after a fill of its own day, and twice, it counts once and before it."""
    fact = SplitFact("K", "main", "paper", WED, "AAA", Decimal(7), Decimal(24), "E")
    journal = record_cash(Journal("GBP"), cash_fact("DEPOSIT", "9000", session=MON))
    for one in (fill("buy", "AAA", "4", "700", session=TUE), fill("sell", "AAA", "7", "100", session=WED)):
        journal = record_fill(journal, one)

    journal = record_split(record_split(journal, fact), fact)

    assert compute_positions(journal).quantities() == {"AAA": Decimal(21)}
    assert len(journal.entries) == 4
    with pytest.raises(ValueError, match="recorded with another content"):
        record_split(journal, replace(fact, units=Decimal(1)))


@given(
    quantities=st.lists(st.decimals("0.000001", "1000", places=6).filter(bool), min_size=1, max_size=4),
    numerator=st.integers(1, 50),
    denominator=st.integers(1, 20),
)
def test_for_all_splits_cost_is_kept_and_lots_sum_to_the_position(quantities, numerator, denominator):
    """Less than a step is lost, no penny is, and posting again finds nothing due."""
    ratio = Decimal(numerator) / Decimal(denominator)
    entries = [traded("buy", str(quantity), "50", SESSIONS[at]) for at, quantity in enumerate(quantities)]
    before, _ = open_lots(entries)
    told = Split(SESSIONS[5], "AAA", ratio)

    after = posted(entries, told)
    lots, realised = open_lots(after)

    held = sum(quantities, Decimal(0))
    position = holdings_of(after, base="GBP").quantities().get("AAA", Decimal(0))
    assert sum((lot.quantity for lot in lots), Decimal(0)) == position
    assert 0 <= Fraction(held) * Fraction(numerator, denominator) - Fraction(position) < Fraction(STEP)
    assert [(lot.cost, lot.session) for lot in lots] == [(lot.cost, lot.session) for lot in before]
    assert realised == 0
    assert due(after, told) == ()
