"""Plans for all books: whatever is held, wanted and priced, no budget is passed and the review has nothing to refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json
from core.domain.bars import Floats
from core.domain.case import Case
from core.domain.holdings import Holdings
from core.domain.instrument import Universe
from core.domain.market import Prices
from core.domain.order import OrderLine, Proposal, Target, TargetWeight
from core.domain.panel import Panel
from core.money import PENNY, cut_weight
from core.riskguard.clusters import Ground
from core.riskguard.plan import equity_of, plan_trades
from core.riskguard.review import review_proposal
from core.riskguard.target import Stance, build_target
from core.settings import Policy
from tests.unit.making import AS_OF, BASIS, SHIPPED, holdings, prices, ranking, ruled
from tests.unit.market_data.making import instrument

NAMES = tuple(f"N{number}" for number in range(7))
SECTORS = ("Energy", "Energy", "Energy", "Utilities", "Utilities", "Materials", "")
LISTED = Universe(tuple(instrument(name, sector=sector) for name, sector in zip(NAMES, SECTORS, strict=True)))


@dataclass(frozen=True)
class Book:
    """A book before its plan: what it holds, how the market prices and ranks it, and what binds it."""

    held: Holdings
    prices: Prices
    order: tuple[str, ...]
    policy: Policy
    capital_fraction: Decimal
    ground: Ground


@cache
def decimals(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    """Give plain decimals of so many places."""
    low, high = (int(Decimal(edge).scaleb(places)) for edge in (least, most))
    return st.integers(low, high).map(lambda number: Decimal(number).scaleb(-places))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Give policies from the careful to the careless."""
    return ruled(
        limits={
            "positions_max": draw(st.integers(1, 6)),
            "weight_max": draw(decimals("0.01", "1", 2)),
            "turnover_max": draw(decimals("0", "1", 2)),
            "cash_buffer_min": draw(decimals("0", "0.5", 2)),
            "order_value_min": draw(decimals("0", "100", 2)),
            "order_value_max": draw(st.sampled_from(["5000", "250", "100000000"])),
            "trades_max": draw(st.sampled_from([1, 3, 60])),
            "value_traded_share_max": draw(st.sampled_from(["1", "0.00000001"])),
            "sector_weight_max": draw(decimals("0.1", "1", 1)),
            "correlation_max": draw(st.sampled_from(["0.5", "0.9"])),
            "cluster_weight_max": draw(decimals("0.1", "1", 1)),
            "no_buy": draw(st.sampled_from([(), ("N0", "N3")])),
        },
        sizing={
            "weights": draw(st.sampled_from(["equal", "inverse_volatility", "score_proportional"])),
            "regime_exposure": draw(st.sampled_from(["1", "0.5", "0"])),
            "quantity_step": draw(st.sampled_from(["0.0001", "0.01", "1"])),
            "fractions": draw(st.sampled_from(["quantity_step", "whole_units"])),
            "fx_buffer_bps": draw(st.sampled_from(["0", "50"])),
            "tiny_delta": draw(decimals("0", "0.02", 3)),
            "buys_from": draw(st.sampled_from(["settled", "sale_proceeds"])),
        },
        costs={
            "slippage_bps": draw(decimals("0", "20", 3)),
            "fx_fee_bps": draw(decimals("0", "100", 2)),
            "commission": draw(decimals("0", "10", 2)),
        },
        risk_off=draw(st.sampled_from(["cash_allowed", "always_invested"])),
    )


@cache
def moved() -> Floats:
    """Give total-return prices of the names over a quarter: the first two move alike, the others each for itself."""
    drawn = np.random.Generator(np.random.PCG64(11)).normal(0, 0.02, (63, len(NAMES)))
    drawn[:, 1] = drawn[:, 0] + drawn[:, 1] / 9
    return 100 * np.vstack([np.ones(len(NAMES)), np.cumprod(1 + drawn, axis=0)])


def ground_of(marks: Mapping[str, str]) -> Ground:
    """Stand on three sectors, and on bars whose close has been the mark for long and that everybody trades."""
    prices = np.tile([float(marks[name]) for name in NAMES], (64, 1))
    days = [date.fromordinal(AS_OF.toordinal() - back) for back in range(63, -1, -1)]
    panel = Panel(
        sessions=np.array(days, dtype="datetime64[D]"),
        instruments=NAMES,
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        adj_close=moved(),
        volume=np.full_like(prices, 1e9),
        basis=(BASIS,) * len(NAMES),
        provider=("yahoo",) * len(NAMES),
        knowledge="assumed",
        snapshot="s" * 64,
    )
    return Ground(LISTED, panel, AS_OF)


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Give books that own something, over seven instruments."""
    units = draw(st.dictionaries(st.sampled_from(NAMES), decimals("0.00001", "60", 5), max_size=7))
    marks = {name: str(draw(decimals("0.5", "900", 4))) for name in NAMES}
    return Book(
        holdings(
            {name: str(quantity) for name, quantity in units.items() if quantity}, str(draw(decimals("1", "30000", 2)))
        ),
        prices(marks, rate=str(draw(decimals("0.5", "2", 6)))),
        tuple(draw(st.permutations(NAMES)))[draw(st.integers(0, 4)) :],
        draw(policies()),
        draw(st.sampled_from([Decimal(1), Decimal("0.1"), Decimal(0)])),
        ground_of(marks),
    )


def planned(book: Book) -> Proposal:
    """Plan a book's day as the pipeline does."""
    capital, ground = book.capital_fraction, book.ground
    stance = Stance(hold_rank_multiple=2, capital_fraction=capital, ground=ground)
    target = build_target(ranking(*book.order), frozenset(book.held.quantities()), book.policy, stance=stance)
    return plan_trades(target, book.held, book.prices, policy=book.policy, capital_fraction=capital, ground=ground)


def case_of(book: Book, proposal: Proposal) -> Case:
    """Put a plan before the riskguard."""
    ground = book.ground
    case = Case(proposal, book.held, book.prices, ground.universe, AS_OF, "paper", book.capital_fraction)
    return replace(case, panel=ground.panel)


def closes(line: OrderLine, book: Book) -> bool:
    """Say whether a line sells a position whole."""
    return line.side == "sell" and line.quantity == book.held.quantities()[line.instrument]


@given(book=books())
def test_every_planned_line_is_approved(book):
    """The plan knows every rule: nothing that it proposes is refused."""
    proposal = planned(book)

    review = review_proposal(case_of(book, proposal), book.policy)

    assert review.refused == ()
    assert review.approved == proposal.lines


@given(book=books())
def test_turnover_and_cash_stay_within_their_budgets(book):
    """Once all lines are done, costs paid, the limits hold to the penny."""
    proposal = planned(book)

    limits, cash_after = book.policy.limits, case_of(book, proposal).cash_after()
    costs = sum(line.cost for line in proposal.lines)

    assert sum(line.notional for line in proposal.lines) <= 2 * limits.turnover_max * proposal.equity
    if any(line.side == "buy" for line in proposal.lines):
        assert cash_after >= limits.cash_buffer_min * (proposal.equity - costs)


@given(book=books())
def test_every_line_is_an_order_that_can_be_placed(book):
    """Worth an order and a whole number of steps, unless it closes a position; one an instrument, sales first."""
    proposal = planned(book)

    for line in proposal.lines:
        assert line.quantity > 0
        assert closes(line, book) or line.notional >= book.policy.limits.order_value_min
        assert closes(line, book) or line.quantity % book.policy.sizing.order_step == 0
    sides = [line.side for line in proposal.lines]
    assert sides == sorted(sides, reverse=True)
    assert len({line.instrument for line in proposal.lines}) == len(proposal.lines)


@given(book=books())
def test_a_plan_leads_towards_its_target_and_never_past_it(book):
    """A buy ends at most at its weight, a trim at least there, and an exit sells no more than is held."""
    proposal = planned(book)
    wanted = proposal.target.by_instrument()

    for line in proposal.lines:
        after = book.prices.value_of(line.instrument, case_of(book, proposal).quantity_after(line.instrument))
        goal = wanted.get(line.instrument, Decimal(0)) * proposal.equity
        assert after <= goal if line.side == "buy" else after >= goal


@given(book=books())
def test_a_difference_is_traded_or_told(book):
    """Whatever is off by more than the tiny band has a line, or a sentence with its name and its value."""
    proposal = planned(book)
    traded = {line.instrument for line in proposal.lines}
    wanted, held = proposal.target.by_instrument(), book.held.quantities()

    for name in sorted(wanted.keys() | held.keys()):
        delta = wanted.get(name, Decimal(0)) * proposal.equity - book.prices.value_of(name, held.get(name, Decimal(0)))
        if abs(delta) >= book.policy.sizing.tiny_delta * (book.capital_fraction or 1) * proposal.equity and delta:
            assert name in traded or any(f" {name}: " in words for words in proposal.left_undone)


@given(book=books())
def test_a_plan_says_why_there_is_nothing_to_do(book):
    """There are lines or a reason, never both."""
    proposal = planned(book)

    assert bool(proposal.lines) is (proposal.hold_reason is None)
    assert proposal.equity == equity_of(book.held, book.prices)


def test_a_second_day_at_the_same_prices_finds_nothing_more_to_do():
    """What the first plan bought is within the tiny band of what is wanted."""
    start = Book(
        holdings(cash="10000"),
        prices(dict.fromkeys(NAMES, "125")),
        NAMES,
        ruled(limits={"turnover_max": "1"}),
        Decimal(1),
        ground_of(dict.fromkeys(NAMES, "125")),
    )
    proposal = planned(start)
    bought = {line.instrument: str(line.quantity) for line in proposal.lines}
    left = case_of(start, proposal).cash_after()

    second = planned(replace(start, held=holdings(bought, str(left))))

    assert len(bought) == len(NAMES)
    assert second.lines == ()
    assert SHIPPED.sizing.tiny_delta > 0


@given(book=books())
def test_no_penny_is_made_or_lost(book):
    """Cash after, costs and what is held are the equity before, but for a penny of rounding a line; cash covers the buffer."""
    proposal = planned(book)
    case = case_of(book, proposal)

    after = sum((case.value_after(name) for name in case.after), Decimal(0))
    costs = sum((line.cost for line in proposal.lines), Decimal(0))
    assert abs(case.cash_after() + costs + after - proposal.equity) <= PENNY * (len(proposal.lines) + 1) / 2
    assert all(
        line.notional == line.notional.quantize(PENNY) and line.cost == line.cost.quantize(PENNY)
        for line in proposal.lines
    )
    for group in book.ground.groups(case.after, book.policy):
        bought = any(line.side == "buy" and line.instrument in group.members for line in proposal.lines)
        values = {name: case.value_after(name) for name in case.after}
        assert not bought or group.value_of(values) <= group.weight_max * proposal.equity


@given(book=books(), share=decimals("0", "1", 2))
def test_a_tighter_turnover_limit_never_yields_a_larger_trade(book, share):
    """Line by line: what comes first is done first, and nothing behind it takes what it left over."""
    limit = book.policy.limits.turnover_max
    tighter = replace(book, policy=ruled(within=book.policy, limits={"turnover_max": limit * share}))

    loose, tight = ({(one.instrument, one.side): one.quantity for one in planned(of).lines} for of in (book, tighter))

    assert tight.keys() <= loose.keys()
    assert all(quantity <= loose[key] for key, quantity in tight.items())


@given(book=books(), data=st.data())
def test_no_tighter_number_buys_anything_beyond_its_looser_goal(book, data):
    """For each number that may be tightened: what is bought ends at most at the weight that the looser one wanted."""
    factor, limits = data.draw(decimals("0", "1", 2)), book.policy.limits
    name = data.draw(
        st.sampled_from(
            [
                *("weight_max", "sector_weight_max", "cluster_weight_max", "regime_exposure", "banned"),
                *("order_value_max", "value_traded_share_max", "trades_max", "cash_buffer_min"),
            ]
        )
    )
    changes: dict[str, Any] = {"limits": {name: getattr(limits, name, 0) * factor}} if hasattr(limits, name) else {}
    changes |= {"limits": {name: max(1, int(limits.trades_max * factor))}} if name == "trades_max" else {}
    changes |= {"limits": {name: max(limits.cash_buffer_min, factor / 2)}} if name == "cash_buffer_min" else {}
    changes |= {"sizing": {name: book.policy.sizing.regime_exposure * factor}} if name == "regime_exposure" else {}
    changes |= {"limits": {"no_buy": NAMES}} if name == "banned" else {}
    loose = replace(book, policy=ruled(within=book.policy, risk_off="cash_allowed"))
    tight = replace(loose, policy=ruled(within=loose.policy, **changes))

    wanted, proposal = planned(loose).target.by_instrument(), planned(tight)

    case = case_of(tight, proposal)
    for line in proposal.lines:
        if line.side == "buy":
            assert case.value_after(line.instrument) <= wanted.get(line.instrument, Decimal(0)) * proposal.equity
            assert name != "banned"


@given(book=books(), data=st.data())
def test_the_order_in_which_a_universe_is_told_changes_no_line(book, data):
    """For all permutations of the universe's rows, the bars' columns, the marks and the holdings."""
    panel, rows = book.ground.panel, data.draw(st.permutations(range(len(NAMES))))
    columns = np.array(rows)
    told = replace(
        panel.with_values(panel.values()[:, :, columns]),
        instruments=tuple(NAMES[at] for at in rows),
        basis=panel.basis,
    )
    other = replace(
        book,
        ground=replace(book.ground, panel=told),
        prices=replace(book.prices, marks=tuple(book.prices.marks[at] for at in rows)),
        held=replace(book.held, positions=tuple(data.draw(st.permutations(book.held.positions)))),
    )

    assert planned(other) == planned(book)


@given(book=books())
def test_a_target_of_what_is_held_gives_no_line(book):
    """Each position wanted at the very weight that it has, cut to its six decimals: nothing is traded, and it says so."""
    calm = replace(
        book, policy=ruled(within=book.policy, sizing={"tiny_delta": "0.000001"}, limits={"turnover_max": "1"})
    )
    equity = equity_of(calm.held, calm.prices)
    weights = {
        row.instrument: cut_weight(calm.prices.value_of(row.instrument, row.quantity) / equity)
        for row in calm.held.positions
    }
    target = Target(tuple(TargetWeight(name, weight, "held") for name, weight in weights.items() if weight))
    held = replace(calm.held, positions=tuple(row for row in calm.held.positions if weights[row.instrument]))

    proposal = plan_trades(
        target, held, calm.prices, policy=calm.policy, capital_fraction=Decimal(1), ground=calm.ground
    )

    assert proposal.lines == ()
    assert proposal.hold_reason is not None


@given(book=books())
def test_a_plan_made_again_is_the_same_plan(book):
    """Of the same inputs the same bytes, whatever was planned in between."""
    first = canonical_json(planned(book))

    assert canonical_json(planned(book)) == first
