"""Edges of the pipeline: each was found by moving or deleting a guard that no test missed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.bars import Basis
from core.domain.facts import Seen
from core.domain.instrument import Universe
from core.domain.scores import ScoreSet
from core.pipeline import JudgedPanel, decide, marks
from core.ticketing.why import SHOWN_ONLY, Told, why_of
from tests.unit.core.test_pipeline import CFD, CLOSES, HELD, LOST, tuesday, walked
from tests.unit.making import ABCD, AS_OF, SESSIONS, SHORT, frame, fx, holdings, panel, ruled, standing, worth


def test_what_the_book_may_not_hold_may_be_in_any_currency():
    """A CFD in euros is never bought: the book still trades one currency."""
    mixed = Universe((*ABCD.instruments, replace(CFD, id="ZZZ", is_tradable_as_underlying=False)))

    assert walked(frame=frame(SHORT, lists=mixed)).values["fx"].quote == "USD"


@pytest.mark.parametrize("gate", ["drawdown", "daily_loss"])
def test_a_worth_that_could_not_be_looked_up_closes_both_breakers(gate):
    """Nobody knows what the book lost; the reason says so, and that it is no mistake of the program."""
    trail = walked(worth=LOST)

    assert trail.gate(gate).messages == ("equity could not be computed: the disk is full",)
    assert trail.gate(gate).state == "closed"


def test_a_book_that_owes_all_that_it_holds_plans_nothing():
    """Its holdings have no share of nothing; the plan says why there is nothing to invest."""
    owing = standing(holdings=holdings({"AAA": "10"}, cash="-1000"))

    trail = walked(standing=owing)

    assert trail.gate("proposal").messages == ("failed to run: equity was 0.00 GBP; there is nothing to invest",)


def test_a_reconciliation_that_could_not_be_read_is_one_reason_and_no_first_build():
    """Whether the book ever traded is not known either."""
    decision = decide(walked(**tuesday(SHORT, reconciliation=LOST)))

    assert decision.reasons == ("reconciliation: could not be looked up: the disk is full",)


def test_a_panel_that_ends_before_as_of_prices_nothing():
    """Yesterday's close is no mark of today: what is held of it must be valued, and is not."""
    early = JudgedPanel(panel(CLOSES, last=SESSIONS[SESSIONS.index(AS_OF) - 1]), walked().values["judged"].quality)

    gate = marks(early, fx(), standing(holdings=HELD), frame(SHORT))

    assert [finding.message for finding in gate.findings] == [
        "held AAA, BBB, CCC, DDD without a close of 2024-06-07; a holding must be valued"
    ]


def test_each_mark_tells_its_own_basis():
    """A ticket tells every basis of what it trades."""
    raw = panel(CLOSES)
    mixed = replace(raw, basis=(Basis("raw"), *raw.basis[1:]))

    told = walked(panel=mixed).values["prices"].by_instrument()

    assert (told["AAA"].basis, told["BBB"].basis) == ("raw", "split-adjusted as of 2024-06-07")


def test_on_paper_what_nobody_verified_is_traded_too():
    """No venue sells the wrong thing there."""
    verified = Universe(tuple(replace(row, verified_on=AS_OF if row.id != "BBB" else None) for row in ABCD.instruments))

    approved = decide(walked(frame=frame(SHORT, lists=verified))).approved

    assert [one.instrument for one in approved] == ["AAA", "BBB", "CCC", "DDD"]


def test_where_nothing_that_may_be_held_was_verified_each_line_says_so():
    """A CFD that somebody looked up is nothing to buy: the book does not hold still without a word."""
    looked_up = replace(CFD, id="ZZZ", currency="USD", is_tradable_as_underlying=False, verified_on=AS_OF)
    manual = ruled(within=SHORT, execution={"venue": "manual"}, data={"coverage_min": "0.5"})

    decision = decide(walked(frame=frame(manual, lists=Universe((*ABCD.instruments, looked_up)))))

    assert (decision.kind, len(decision.reasons)) == ("NO-TRADE", 4)
    assert all("UNVERIFIED" in reason for reason in decision.reasons)


@pytest.mark.parametrize(("fact", "what"), [("others", "other tickets"), ("desk", "what the desk holds")])
def test_what_stands_beside_and_could_not_be_looked_up_closes_the_review(fact, what):
    """No line is judged as if it stood alone."""
    trail = walked(standing=standing(**{fact: LOST}))

    assert trail.gate("review").messages == (f"failed to run: {what} could not be looked up: the disk is full",)


def test_a_phase_without_capital_trades_nothing_and_sells_nothing_that_is_held():
    """The shadow of a book that holds something is HOLD, with the reason; what it would want at full size is shown."""
    shadow, whole = (walked(standing=standing(holdings=HELD, capital_fraction=Decimal(part))) for part in (0, 1))

    decision, plan = decide(shadow), shadow.values["proposal"]

    assert (decision.kind, decision.approved) == ("HOLD", ())
    assert decision.reasons == ("the rollout phase allows no capital: nothing is traded",)
    assert plan.lines == ()
    assert plan.target == whole.values["proposal"].target
    assert any(row.weight > 0 for row in plan.target.weights)


NO_CAPITAL = standing(holdings=HELD, capital_fraction=Decimal(0))


def test_what_the_shadow_would_sell_is_worded_as_what_would_be():
    """One position is wanted at full size and four are held: the whole book sells the others, the shadow says it would."""
    one = frame(ruled(within=SHORT, limits={"positions_max": 1}))
    shadow, whole = (walked(standing=at, frame=one) for at in (NO_CAPITAL, standing(holdings=HELD)))

    said, done = (trail.values["proposal"].target.weights for trail in (shadow, whole))

    assert [(row.instrument, row.weight) for row in said] == [(row.instrument, row.weight) for row in done]
    assert sum(row.reason.endswith(": sold") for row in done) >= 2
    assert [row.reason for row in said] == [
        row.reason.replace(": sold", ": would be sold at full size") for row in done
    ]
    decision, known = decide(shadow), shadow.values
    scores, seen = ScoreSet(known["scores"], ()), Seen(NO_CAPITAL, worth(), fx(), "raw", "recorded", is_synthetic=False)
    why = why_of(Told(scores, known["proposal"], decision, seen), one)
    assert why is not None
    assert (decision.kind, why.changed) == ("HOLD", (SHOWN_ONLY,))
    assert [row.shaped_by[0] for row in why.weights] == [row.reason for row in said]
