"""Plans for all books: whatever is held, wanted and priced, no budget is passed and the review has nothing to refuse."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from core.domain.case import Case
from core.domain.holdings import Holdings
from core.domain.market import Prices
from core.domain.order import OrderLine, Proposal
from core.riskguard.plan import equity_of, plan_trades
from core.riskguard.review import review_proposal
from core.riskguard.target import Stance, build_target
from core.settings import Policy
from tests.unit.making import AS_OF, SHIPPED, holdings, prices, ranking, ruled
from tests.unit.market_data.making import universe

NAMES = tuple(f"N{number}" for number in range(7))


@dataclass(frozen=True)
class Book:
    """A book before its plan: what it holds, how the market prices and ranks it, and what binds it."""

    held: Holdings
    prices: Prices
    order: tuple[str, ...]
    policy: Policy
    capital_fraction: Decimal


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
            "no_buy": draw(st.sampled_from([(), ("N0", "N3")])),
        },
        sizing={
            "quantity_step": draw(st.sampled_from(["0.0001", "0.01", "1"])),
            "tiny_delta": draw(decimals("0", "0.02", 3)),
            "buys_from": draw(st.sampled_from(["settled", "sale_proceeds"])),
        },
        costs={
            "slippage_bps": draw(decimals("0", "20", 3)),
            "fx_fee_bps": draw(decimals("0", "100", 2)),
            "commission": draw(decimals("0", "10", 2)),
        },
    )


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
    )


def planned(book: Book) -> Proposal:
    """Plan a book's day as the pipeline does."""
    stance = Stance(hold_rank_multiple=2, capital_fraction=book.capital_fraction)
    target = build_target(ranking(*book.order), frozenset(book.held.quantities()), book.policy, stance=stance)
    return plan_trades(target, book.held, book.prices, policy=book.policy, capital_fraction=book.capital_fraction)


def case_of(book: Book, proposal: Proposal) -> Case:
    """Put a plan before the riskguard."""
    return Case(proposal, book.held, book.prices, universe(*NAMES), AS_OF, "paper", book.capital_fraction)


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
        assert closes(line, book) or line.quantity % book.policy.sizing.quantity_step == 0
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
        if abs(delta) >= book.policy.sizing.tiny_delta * proposal.equity and delta:
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
    )
    proposal = planned(start)
    bought = {line.instrument: str(line.quantity) for line in proposal.lines}
    left = case_of(start, proposal).cash_after()

    second = planned(Book(holdings(bought, str(left)), start.prices, NAMES, start.policy, Decimal(1)))

    assert len(bought) == len(NAMES)
    assert second.lines == ()
    assert SHIPPED.sizing.tiny_delta > 0
