"""The pipeline: every gate is evaluated, one closed gate is enough, and a decision says all that led to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.canonical import canonical_json
from core.domain.bars import BAR_FIELDS
from core.domain.facts import AuditState, Halt, ReconciliationState, Unread
from core.domain.instrument import Universe
from core.domain.slot import AsOf, Slot
from core.gate import Gate, note
from core.pipeline import PIPELINE, TO_PROPOSAL, TO_SCORES, Stage, Trail, all_stages, decide, stages, walk
from core.settings import Policy
from tests.unit.making import (
    ABCD,
    AS_OF,
    DAY,
    HEAD,
    NOW,
    SHORT,
    WINDOW,
    closed_day,
    fixings,
    frame,
    holdings,
    learning,
    panel,
    proposal,
    ruled,
    standing,
    worth,
)
from tests.unit.market_data.making import instrument

NAMES = tuple(stage.name for stage in PIPELINE)
NAN = float("nan")
CLOSES = {
    "AAA": [100.0, 100.0, 140.0, 125.0],
    "BBB": [100.0, 100.0, 130.0, 50.0],
    "CCC": [100.0, 100.0, 120.0, 25.0],
    "DDD": [100.0, 100.0, 110.0, 10.0],
    "SPY": [100.0, 100.0, 150.0, 500.0],
}
# The days before the slot: their fixings are known in its morning.
FIXED = fixings([AS_OF])
LOST = Unread("the disk is full")
HELD = holdings({"AAA": "10", "BBB": "25", "CCC": "50", "DDD": "125"}, cash="6000")
NO_FILLS = ReconciliationState(None, (), has_fills=False)
DAYS = timedelta(days=1)
TUESDAY = Slot("main", DAY + DAYS, NOW + DAYS)


def given(**changes: Any) -> dict[str, Any]:
    """Give everything that a walk needs, with every gate open and four instruments to buy."""
    whole = {
        "frame": frame(SHORT),
        "standing": standing(),
        "model": None,
        "panel": panel(CLOSES),
        "fixings": FIXED,
        "worth": worth(),
    }
    return whole | changes


def walked(**changes: Any) -> Trail:
    """Walk the whole table."""
    return walk(all_stages(), given(**changes))


def tuesday(bound_by: Policy, **changes: Any) -> dict[str, Any]:
    """Give what Tuesday's walk needs beside the rest: its window, and bars up to Monday."""
    window = replace(WINDOW, session=TUESDAY.day, opens_at=WINDOW.opens_at + DAYS, closes_at=WINDOW.closes_at + DAYS)
    known = AsOf(TUESDAY.at, DAY)
    return {
        "frame": frame(bound_by, slot=TUESDAY, window=window, as_of=known),
        "panel": panel(CLOSES, last=DAY),
        "standing": standing(now=TUESDAY.at, **changes),
    }


def states(trail: Trail) -> dict[str, str]:
    """Give each gate's state, without those that are open."""
    return {report.gate: report.state for report in trail.reports if report.state != "open"}


def test_a_day_with_open_gates_trades():
    """Four instruments of a tenth each are bought, and every gate is reported open, in order."""
    trail = walked()
    decision = decide(trail)

    assert (decision.kind, decision.reasons, decision.refused) == ("TRADE", (), ())
    assert [one.instrument for one in decision.approved] == ["AAA", "BBB", "CCC", "DDD"]
    assert [(report.gate, report.state) for report in decision.gates] == [(name, "open") for name in NAMES]
    assert decision.gates == trail.reports


BEHIND_SCORES = {"proposal": "scores", "review": "proposal", "ticket": "proposal, review"}
BEHIND_MARKS = {"proposal": "marks", "review": "marks, proposal", "ticket": "marks, proposal, review"}
BEHIND_DATA = {
    "scores": "data",
    "marks": "data",
    "proposal": "data, marks, scores",
    "review": "data, marks, proposal",
    "ticket": "marks, proposal, review",
}
NAMELESS = Universe((replace(ABCD.instruments[0], etoro_search_name=" "), *ABCD.instruments[1:]))
CFD = replace(ABCD.instruments[0], currency="EUR")
CLOSED: dict[str, tuple[dict[str, Any], str, dict[str, str]]] = {
    "audit": ({"standing": standing(audit=AuditState(7, "a", "event 5 is wrong"))}, "event 5 is wrong", {}),
    "halt": ({"standing": standing(halts=(Halt("main", "enough", NOW),))}, "halted (main): enough", {}),
    "calendar": (
        {"standing": standing(now=WINDOW.closes_at)},
        "the execution window closed at 2024-06-10 14:30 UTC",
        {},
    ),
    "configuration": (
        {"standing": standing(policy_hash="q" * 64)},
        "policy was pppppppp when the run was opened, it is qqqqqqqq",
        {},
    ),
    "data": ({"panel": LOST}, "could not be looked up: the disk is full", BEHIND_DATA),
    "fx": ({"fixings": LOST}, "could not be looked up: the disk is full", {"marks": "fx", **BEHIND_MARKS}),
    "confirmations": ({"standing": standing(unanswered=("line 1",))}, "1 unanswered: line 1", {}),
    "reconciliation": (
        {"standing": standing(reconciliation=ReconciliationState(AS_OF, ("cash differs",), has_fills=True))},
        "cash differs",
        {},
    ),
    "model": (
        {"frame": frame(learning(SHORT))},
        "no model was trained; `twokey train` makes one",
        {"scores": "model", **BEHIND_SCORES},
    ),
    "scores": (
        {"panel": panel(dict.fromkeys(CLOSES, [100.0] * 4))},
        "all 4 scores are 0; nothing is ranked",
        BEHIND_SCORES,
    ),
    "marks": (
        {"standing": standing(holdings=holdings({"ZZZ": "1", "YYY": "1", "AAA": "1"}))},
        "held YYY, ZZZ without a close of 2024-06-07; a holding must be valued",
        BEHIND_MARKS,
    ),
    "drawdown": (
        {"worth": worth("-0.2")},
        "drawdown is 0.2 since 2024-03-01, the kill switch is at 0.2; a person must look and resume",
        {},
    ),
    "daily_loss": (
        {"worth": replace(worth(), session=AS_OF, day_change=Decimal("-0.1"))},
        "the book lost 0.1 in the session of 2024-06-07, the daily-loss breaker is at 0.1; a person must look and resume",
        {},
    ),
    "proposal": (
        {"standing": standing(holdings=holdings())},
        "failed to run: equity was 0.00 GBP; there is nothing to invest",
        {"review": "proposal", "ticket": "proposal, review"},
    ),
    "review": (
        {"frame": frame(ruled(within=SHORT, execution={"venue": "manual"}, limits={"positions_max": 1}))},
        "buy AAA: UNVERIFIED: nobody looked AAA up at the venue, where the rule asks for a person's look at it;"
        " the same order after `twokey universe verify AAA --by NAME` would pass",
        {"ticket": "review"},
    ),
    "ticket": (
        {"frame": frame(SHORT, lists=NAMELESS)},
        "line 1, buy AAA: nobody would find it: the universe has no row, or no search name, for it",
        {},
    ),
}


def test_every_gate_is_closed_here_once():
    """A stage that is added to the table is asked for below."""
    assert tuple(CLOSED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_one_closed_gate_gives_no_trade_with_exactly_its_reason(name):
    """All gates are evaluated and told; those that had to wait say for what and are no reason."""
    changes, reason, waiting = CLOSED[name]

    trail = walked(**changes)
    decision = decide(trail)

    assert (decision.kind, decision.reasons) == ("NO-TRADE", (f"{name}: {reason}",))
    assert (decision.approved, decision.refused, decision.notes) == ((), (), ())
    assert tuple(report.gate for report in decision.gates) == NAMES
    assert states(trail) == {name: "closed", **dict.fromkeys(waiting, "waits")}
    assert {waits: trail.gate(waits).messages for waits in waiting} == {
        waits: (f"not run: waits for {others}",) for waits, others in waiting.items()
    }


def test_every_closed_gate_is_a_reason():
    """The first does not hide the others; reasons stand in the order of the gates."""
    decision = decide(walked(panel=LOST, worth=worth("-0.5"), standing=standing(halts=(Halt("*", "enough", NOW),))))

    assert [reason.split(":")[0] for reason in decision.reasons] == ["halt", "data", "drawdown"]


def test_a_gate_with_several_findings_gives_several_reasons():
    """Each break is a reason of its own."""
    two = ReconciliationState(AS_OF, ("cash differs", "AAA differs"), has_fills=True)

    decision = decide(walked(standing=standing(reconciliation=two)))

    assert decision.reasons == ("reconciliation: cash differs", "reconciliation: AAA differs")


def test_holdings_that_could_not_be_looked_up_close_the_marks():
    """Nothing is planned from holdings that nobody knows."""
    trail = walked(standing=standing(holdings=LOST))

    assert trail.gate("marks").messages == ("holdings could not be looked up: the disk is full",)
    assert states(trail) == {"marks": "closed", "proposal": "waits", "review": "waits", "ticket": "waits"}


class LibraryError(Exception):
    """What a library raises, of a kind that nobody expects."""


EXPECTED = (ValueError, KeyError, ZeroDivisionError, IndexError)
MISTAKES = (TypeError, AttributeError, AssertionError, RuntimeError, RecursionError, NotImplementedError, OSError)


@pytest.mark.parametrize("kind", [*EXPECTED, *MISTAKES, MemoryError, ImportError, StopIteration, LibraryError])
def test_a_stage_that_fails_to_run_is_closed(kind):
    """What goes wrong inside a stage, a mistake of our own too, is a reason and no crash, and the walk goes on."""

    def fails(frame: Any) -> Gate[Any]:
        raise kind("no")

    trail = walk([Stage("scores", fails, ("frame",), "scores"), PIPELINE[11]], given())

    mistake = "" if kind in EXPECTED else f", a mistake of the program ({kind.__name__})"
    assert trail.gate("scores").messages == (f"failed to run{mistake}: {kind('no')}",)
    assert states(trail) == {"scores": "closed"}


def test_a_closed_gate_hands_its_value_to_nobody():
    """A rate that is too old stays in its gate, and is not used to value anything."""
    trail = walked(fixings=fixings([DAY - timedelta(days=7)]))

    assert "fx" not in trail.values
    behind = dict.fromkeys(("marks", "proposal", "review", "ticket"), "waits")
    assert states(trail) == {"fx": "closed", **behind}


def test_a_rate_of_the_morning_is_the_fixing_before():
    """The slot's own day is fixed in its afternoon; the one before it counts."""
    trail = walked(fixings=fixings([AS_OF], usd="1.2") + fixings([DAY], usd="9"))

    assert trail.values["fx"].rate == Decimal("1.5")


def test_a_book_trades_one_currency():
    """Two currencies among what may be bought close the gate, whatever the fixings say."""
    mixed = Universe((CFD, *ABCD.instruments[1:]))

    trail = walked(frame=frame(SHORT, lists=mixed))

    assert trail.gate("fx").messages == ("tradable instruments are in ['EUR', 'USD']; one book trades one currency",)


def test_a_value_that_nobody_gave_is_waited_for_by_its_name():
    """A walk over part of the table says what it lacks."""
    trail = walk(stages(TO_SCORES), {"frame": frame(SHORT)})

    assert [report.messages for report in trail.reports] == [
        ("not run: waits for panel",),
        ("not run: waits for model",),
        ("not run: waits for data, model",),
    ]


def test_the_scores_rank_what_the_book_may_hold():
    """No benchmark, no row that has ended, nothing without a bar of as-of."""
    ended = instrument("BBB", valid_to=AS_OF - timedelta(days=1))
    rows = Universe((ABCD.instruments[0], ended, *ABCD.instruments[2:]))
    gap = panel(CLOSES | {"CCC": [100.0, 100.0, 120.0, NAN]})
    lax = ruled(within=SHORT, data={"coverage_min": "0.5"})

    scores = walked(frame=frame(lax, lists=rows), panel=gap).values["scores"]

    assert [score.instrument for score in scores.ranked] == ["AAA", "DDD"]
    assert scores.unranked == ()


LEAPT = CLOSES | {"DDD": [100.0, 100.0, 11000.0, 10000.0]}
SPARING = ruled(within=SHORT, data={"excluded_max": "0.2"})


def test_a_holding_whose_bars_are_left_out_closes_the_marks():
    """It would be sold for no score, at a price that nobody believes: the gate says so, with the reason."""
    trail = walked(frame=frame(SPARING), panel=panel(LEAPT), standing=standing(holdings=HELD))

    words = "held DDD is left out: currency_slip: 2024-06-06; a person must look at its bars"
    assert decide(trail).reasons == (f"marks: {words}",)
    assert "DDD" not in {score.instrument for score in trail.values["scores"].ranked}


def test_an_instrument_that_is_left_out_and_not_held_is_told_on_the_ticket():
    """The others are traded; a bar that a person accepted is not left out."""
    accepting = ruled(within=SPARING, data={"accepted_bars": ("DDD 2024-06-06",)})

    left_out, accepted = (walked(frame=frame(one), panel=panel(LEAPT)) for one in (SPARING, accepting))

    assert [line.instrument for line in decide(left_out).approved] == ["AAA", "BBB", "CCC"]
    assert decide(left_out).notes == ("left out: 1 prices are a hundred times too high or low: DDD 2024-06-06",)
    assert "DDD" in {line.instrument for line in decide(accepted).approved}
    assert decide(accepted).notes == ()


def test_a_bar_known_before_the_close_is_left_out():
    """The calendar says when as-of closed: a minute before it the bar was still forming."""
    closed = np.datetime64("2024-06-07T20:00:00", "s")
    known = np.tile(closed, (4, len(CLOSES)))
    known[-1, 1] -= np.timedelta64(60, "s")

    trail = walked(frame=frame(SPARING), panel=panel(CLOSES, known_at=known))

    assert decide(trail).notes == ("left out: 1 bars of as-of are still forming: BBB 2024-06-07",)


def test_the_marks_are_the_closes_of_as_of():
    """What has no close then has no mark, and the basis is told."""
    gap = panel(CLOSES | {"CCC": [100.0, 100.0, 120.0, NAN]})
    lax = ruled(within=SHORT, data={"coverage_min": "0.5"})

    marks = walked(frame=frame(lax), panel=gap).values["prices"].by_instrument()

    assert sorted(marks) == ["AAA", "BBB", "DDD", "SPY"]
    assert (marks["AAA"].price, marks["AAA"].session) == (Decimal("125.0000"), AS_OF)
    assert marks["AAA"].basis == "split-adjusted as of 2024-06-07"


def test_a_closed_exchange_is_a_reason_to_hold():
    """Without a window nothing is planned, and the equity is told all the same."""
    trail = walked(frame=closed_day(SHORT), standing=standing(holdings=HELD))
    decision = decide(trail)

    assert (decision.kind, decision.reasons, decision.approved) == ("HOLD", ("exchange closed",), ())
    assert trail.values["proposal"].equity == Decimal("10000.00")
    assert states(trail) == {}


def test_a_closed_gate_comes_before_a_closed_exchange():
    """A halted book says so on a holiday too."""
    decision = decide(walked(frame=closed_day(SHORT), standing=standing(halts=(Halt("*", "x", NOW),))))

    assert (decision.kind, decision.reasons) == ("NO-TRADE", ("halt: halted (*): x",))


def test_a_week_is_rebalanced_on_its_first_session_alone():
    """On Tuesday nothing is due; a daily book trades then too."""
    daily = ruled(within=SHORT, schedule={"rebalance": "daily"})

    weekly = decide(walked(**tuesday(SHORT)))

    assert (weekly.kind, weekly.reasons) == ("HOLD", ("no rebalance due",))
    assert decide(walked(**tuesday(daily))).kind == "TRADE"


def test_tiny_deltas_are_a_reason_to_hold():
    """What is held is what is wanted."""
    decision = decide(walked(standing=standing(holdings=HELD)))

    assert (decision.kind, decision.reasons) == ("HOLD", ("tiny deltas: 0 below 0.005 of equity, none above",))


FIRST = "first build: it may begin on any session, and the turnover limit of 0.3 of equity holds for it too"


def test_the_first_build_may_begin_on_any_session_and_says_so():
    """Waiting for Monday would protect nothing while nothing is held."""
    decision = decide(walked(**tuesday(SHORT, reconciliation=NO_FILLS)))

    assert (decision.kind, decision.notes) == ("TRADE", (FIRST,))


def test_later_builds_carry_no_note_of_the_first():
    """A book with fills trades on Monday without the note."""
    assert decide(walked()).notes == ()


def test_a_first_build_that_does_nothing_carries_no_note():
    """On a closed exchange nothing begins."""
    decision = decide(walked(frame=closed_day(SHORT), standing=standing(reconciliation=NO_FILLS)))

    assert (decision.kind, decision.notes) == ("HOLD", ())


def test_what_nobody_verified_takes_no_place_and_the_others_are_traded():
    """At a real venue it is not planned, so there is nothing to refuse; the target tells it where it ranked."""
    verified = Universe(tuple(replace(row, verified_on=AS_OF if row.id != "BBB" else None) for row in ABCD.instruments))
    manual = ruled(within=SHORT, execution={"venue": "manual"})

    trail = walked(frame=frame(manual, lists=verified))
    decision, target = decide(trail), trail.values["proposal"].target

    assert (decision.kind, decision.refused) == ("TRADE", ())
    assert [one.instrument for one in decision.approved] == ["AAA", "CCC", "DDD"]
    assert [row.weight for row in target.weights if row.instrument == "BBB"] == [Decimal(0)]


def test_a_proposal_made_before_the_books_moved_is_not_reviewed():
    """A stored plan counts only for the holdings that it was made from."""
    kept = {"proposal": Gate(proposal(ledger_head="1:ENTRY-1"))}

    decision = decide(walk(all_stages(stored=kept), given()))

    assert decision.reasons == (f"review: the books moved from 1:ENTRY-1 to {HEAD} after the proposal was made",)


def test_the_rollouts_share_of_the_capital_binds_the_plan():
    """A tenth of 10,000, less its buffer, is spread over four instruments."""
    trail = walked(standing=standing(capital_fraction=Decimal("0.1")))

    bought = sum(line.notional for line in decide(trail).approved)

    assert Decimal("949") < bought <= Decimal("950")


@pytest.mark.parametrize("gate", ["drawdown", "daily_loss"])
def test_the_breakers_of_a_pilot_are_a_share_of_what_it_may_use(gate):
    """A tenth of the capital lost a fifth of itself: 2 % of the book, which a whole book would bear."""
    fell = replace(worth("-0.02" if gate == "drawdown" else "0"), session=AS_OF, day_change=Decimal("-0.01"))
    fell = replace(fell, day_change=Decimal(0)) if gate == "drawdown" else fell

    pilot, whole = (walked(worth=fell, standing=standing(capital_fraction=Decimal(part))) for part in ("0.1", "1"))

    assert (pilot.gate(gate).state, whole.gate(gate).state) == ("closed", "open")
    assert " of the 0.1 that the rollout phase may use" in pilot.gate(gate).messages[0]


# Across the end of the run's hour too: `run_until` is an expectation, and the window the limit.
@pytest.mark.parametrize("first", [NOW, NOW + timedelta(minutes=59), WINDOW.closes_at])
def test_a_decision_does_not_depend_on_the_minute_that_it_was_made_in(first):
    """Made before the window closes or after it, two minutes later it is the same decision to the letter."""
    early, late = (decide(walked(standing=standing(now=first + timedelta(minutes=more)))) for more in (0, 2))

    assert canonical_json(early) == canonical_json(late)


def test_the_named_stages_come_in_the_order_of_the_table():
    """Whoever names them in another order gets them in this one."""
    to_proposal = [name for name in NAMES if name not in ("review", "ticket")]

    assert [stage.name for stage in stages(reversed(TO_PROPOSAL))] == to_proposal
    assert [stage.name for stage in stages(["scores", "data"])] == ["data", "scores"]


def test_notes_of_open_gates_reach_the_decision():
    """A note closes nothing and is told."""
    noted = Stage(
        "audit", lambda frame: Gate("fine", (note("audit", "chain", "verified in part"),)), ("frame",), "audit"
    )

    trail = walk([noted, *all_stages()[1:]], given())

    assert trail.gate("audit").messages == ("verified in part",)
    assert decide(trail).notes == ("verified in part",)


def test_the_order_of_a_panels_columns_does_not_matter():
    """The same bars in another order of the instruments give the same decision, byte for byte."""
    whole = panel(CLOSES)
    turned = {name: getattr(whole, name)[:, ::-1] for name in BAR_FIELDS}
    other = replace(whole, instruments=whole.instruments[::-1], **turned)

    first, second = decide(walked(panel=whole)), decide(walked(panel=other))

    assert canonical_json(first) == canonical_json(second)
    assert first.kind == "TRADE"


def test_a_stage_that_is_not_of_a_walk_has_no_report():
    """Asking for it is a mistake of the caller."""
    with pytest.raises(StopIteration):
        walk(stages(TO_SCORES), given()).gate("review")


def test_prices_are_read_at_as_of_even_when_the_slot_is_later():
    """A slot after a holiday judges the last session there was."""
    later = frame(SHORT, slot=Slot("main", date(2024, 6, 12), NOW))

    assert walked(frame=later).values["prices"].marks[0].session == AS_OF
