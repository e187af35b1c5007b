"""Edges of deciding: what a guard of the flow keeps from a person, each found by deleting or inverting it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.domain.bars import Basis
from core.domain.decision import GateReport
from core.domain.facts import Halt, Unread
from core.domain.instrument import Universe
from core.domain.scores import ScoreSet
from core.gate import Finding
from core.settings import Policy
from flows.decide import NotReady, decide_run, propose, score_gate, scored_gates
from flows.look import read_standing
from flows.ports import SourceError
from tests.unit.core.test_pipeline import CLOSES
from tests.unit.flows.shop import Shop
from tests.unit.making import ABCD, AS_OF, NOW, closed_day, panel, proposal, worth

WARNED = Finding("scores", "x", "a gap", "warn")
OF_BARS = Finding("data", "x", "a bar is old", "warn")
OF_MODEL = Finding("model", "x", "trained anew", "warn")
DRIFTED = Finding("model", "x", "features drifted", "block")


def decided(shop: Shop):
    """Decide the shop's run and give the decision with what was seen."""
    shop.traded()
    return shop.decided[shop.run.run_id]


def test_a_run_that_is_unknown_or_not_scored_is_not_ready():
    """Each says what comes first, to the plan and to the decision."""
    for step in (propose, decide_run):
        for shop, words in ((Shop(known=False), "there is no run"), (Shop(), "was not scored")):
            with pytest.raises(NotReady, match=words):
                step(shop.run.run_id, shop.setup, shop.deciding)


def test_a_trade_is_signed_once_and_given_again():
    """The second call gives what is kept: nothing is planned, signed or halted a second time."""
    shop = Shop().traded()
    kept, plan = shop.decided[shop.run.run_id][0], shop.proposal
    shop.bars = panel(CLOSES | {"AAA": [100.0, 100.0, 150.0, 160.0]})

    assert kept.kind == "TRADE"
    assert shop.approval is not None
    assert propose(shop.run.run_id, shop.setup, shop.deciding).value is plan
    assert decide_run(shop.run.run_id, shop.setup, shop.deciding) is kept
    assert shop.halted == [None]


def test_a_closed_gate_keeps_no_proposal_and_its_decision_has_no_approval():
    """And the plan tells what closed it, not what was only noted."""
    shop = Shop(halts=(Halt("main", "enough", NOW),))
    shop.scores = replace(shop.scored(), findings=(WARNED,))

    gate = propose(shop.run.run_id, shop.setup, shop.deciding)
    decision = decide_run(shop.run.run_id, shop.setup, shop.deciding)

    assert [finding.message for finding in gate.findings] == ["halted (main): enough"]
    assert (shop.proposal, shop.approval, decision.kind) == (None, None, "NO-TRADE")


def test_open_gates_without_a_proposal_are_not_ready():
    """Nothing is decided of a plan that nobody kept; with a closed gate there is nothing to plan."""
    shop = Shop()
    shop.scores = shop.scored()

    with pytest.raises(NotReady, match="build_target_portfolio comes first"):
        decide_run(shop.run.run_id, shop.setup, shop.deciding)


def test_the_plan_that_was_kept_is_the_one_that_is_decided():
    """It is not made again from bars that say something else."""
    shop = Shop()
    shop.scores, shop.proposal = (
        shop.scored(),
        proposal(equity=Decimal(10_000), ledger_head="1:2024-06-07-DEPOSIT-10000"),
    )

    assert decide_run(shop.run.run_id, shop.setup, shop.deciding).reasons == ("tiny deltas",)


def test_stored_scores_come_back_through_the_gates_that_they_came_through():
    """What was said of bars is said by their own gate, of the model by the model's; a drift closes that one alone."""
    scores = Shop().scored()

    kept = scored_gates(replace(scores, findings=(WARNED, OF_BARS, OF_MODEL)))
    drifted = scored_gates(replace(scores, findings=(WARNED, DRIFTED)))

    assert [gate.findings for gate in kept.values()] == [(OF_MODEL,), (WARNED,)]
    assert (kept["model"].is_open, drifted["model"].is_open, drifted["model"].findings) == (True, False, (DRIFTED,))


def test_scores_that_were_not_made_are_a_closed_gate_with_what_blocked_it():
    """Or, where nothing says why, with the words that none were made."""
    blocked = Finding("scores", "x", "all are 0", "block")

    told, silent = (score_gate(ScoreSet(None, findings)) for findings in ((WARNED, blocked), (WARNED,)))

    assert told.findings == (blocked,)
    assert [finding.message for finding in silent.findings] == ["no scores were made"]


def test_what_was_seen_of_the_bars_is_told_of_those_that_may_be_traded():
    """A basis of the benchmark alone is nobody's; bars without one tell none; bars that cannot be read are unknown."""
    rows = panel(CLOSES)
    raw, own = Basis("raw"), Basis("split-adjusted", AS_OF)
    seen = []
    for basis in ((raw, own, own, own, None), (None,) * 5):
        shop = Shop(bars=replace(rows, basis=basis))
        seen.append(decided(shop)[1].basis)

    assert seen == ["raw and split-adjusted as of 2024-06-07", "unknown"]
    cfd = Universe((replace(ABCD.instruments[0], is_tradable_as_underlying=False), *ABCD.instruments[1:]))
    shop = Shop(bars=replace(rows, basis=(raw, own, own, own, own)), universe=cfd)
    assert decided(shop)[1].basis == "split-adjusted as of 2024-06-07"


def test_bars_that_cannot_be_read_are_unknown():
    """The decision says that it saw none, and is no synthetic one for it."""
    shop = Shop()
    shop.scores = shop.scored()
    shop.bars = replace(shop.bars, provider=("synthetic",) * 5)
    synthetic = decided(Shop(bars=shop.bars))[1]

    doors: Any = shop.deciding

    def away(snapshot: str, **asked: object) -> object:
        raise SourceError("the disk is full")

    doors.clean.panel = away
    decide_run(shop.run.run_id, shop.setup, doors)
    seen = shop.decided[shop.run.run_id][1]

    assert (synthetic.is_synthetic, synthetic.knowledge) == (True, "assumed")
    assert (seen.basis, seen.knowledge, seen.is_synthetic) == ("unknown", "unknown", False)


def earlier(shop: Shop, run_id: str, **changes) -> None:
    """Put an earlier decision of the session into the books, closed by the daily-loss breaker unless told otherwise."""
    decision, seen = decided(Shop())
    gates = (GateReport(changes.get("gate", "daily_loss"), changes.get("state", "closed"), ("it fell",)),)
    lost = changes.get("worth", replace(worth(), session=changes.get("session", AS_OF), day_change=Decimal("-0.2")))
    shop.decided[run_id] = (replace(decision, gates=gates), replace(seen, worth=lost))


@pytest.mark.parametrize(
    ("changes", "loss"),
    [
        ({}, "0.2"),
        ({"gate": "drawdown"}, None),
        ({"state": "open"}, None),
        ({"session": AS_OF.replace(day=6)}, None),
        ({"worth": replace(worth(), session=AS_OF)}, None),
        ({"worth": Unread("away")}, None),
    ],
    ids=["the loss", "another gate", "an open gate", "another session", "no change", "unread"],
)
def test_only_a_loss_of_the_session_that_closed_a_decision_is_resumed_after(changes, loss):
    """A person looked at that loss and at no other; a run that was never decided says nothing."""
    shop = Shop(resumed=("RUN-GONE", "RUN-EARLIER"))
    earlier(shop, "RUN-EARLIER", **changes)

    seen = decided(shop)[1]

    assert seen.standing.resumed_loss == (None if loss is None else Decimal(loss))


def strict(**limits: str) -> Policy:
    """Give a policy whose kill switch falls at once, and whose other breaker never does, unless told otherwise."""
    policy = Shop().policy
    numbers = {name: Decimal(limit) for name, limit in {"drawdown_max": "0", "daily_loss_max": "1", **limits}.items()}
    return policy.model_copy(update={"limits": policy.limits.model_copy(update=numbers)})


@pytest.mark.parametrize(
    "halts",
    [
        (),
        (Halt("main", "enough", NOW),),
        (Halt("*", "maintenance of the machine", NOW),),
        (Halt("main", "a book fell, the kill switch is at 0.2 there", NOW),),
        (Halt("*", "a book fell, the kill switch is at 0.2 there", NOW, is_riskguards=True),),
    ],
    ids=["free", "the book", "the desk", "somebody's words", "the desk in those words"],
)
def test_a_breaker_that_falls_halts_the_book_by_itself(halts):
    """With its words, under whatever other halt: who lifts that one was never asked about the fall."""
    shop = Shop(policy=strict(), halts=halts)

    shop.traded()

    assert shop.halted == ["drawdown is 0 since 2024-06-07, the kill switch is at 0; a person must look and resume"]


def test_a_breaker_whose_halt_stands_halts_no_second_time():
    """However much further it fell; and another gate that closes halts nothing."""
    words = "drawdown is 0.31 since 2024-05-01, the kill switch is at 0.3; a person must look"
    earlier = Halt("main", words, NOW, is_riskguards=True)
    halted, behind = Shop(policy=strict(), halts=(earlier,)), Shop(breaks=("cash differs",))

    for shop in (halted, behind):
        shop.traded()

    assert (halted.halted, behind.halted) == ([None], [None])


def test_a_loss_of_a_session_is_told_beside_the_kill_switch_that_stands(monkeypatch):
    """Each breaker has its own words; the same loss is not told twice, another session's is."""
    kill_switch = Halt("main", "drawdown is 0.31 since 2024-05-01, the kill switch is at 0.3", NOW, is_riskguards=True)
    lost = replace(worth(), drawdown=Decimal("-0.4"), day_change=Decimal("-1"))
    monkeypatch.setattr("flows.decide.read_worth", lambda *_, **__: lost)
    loss = f"the book lost 1 in the session of {lost.session}, the daily-loss breaker is at 1; a person must look and resume"
    older = Halt("main", loss.replace(str(lost.session), "2024-06-06"), NOW, is_riskguards=True)

    told = []
    for halts in ((), (kill_switch,), (kill_switch, older), (kill_switch, replace(older, reason=loss))):
        told += Shop(policy=strict(), halts=halts).traded().halted

    assert told[0] is not None
    assert told[0].startswith("drawdown is 0.4 since ")
    assert told[0].endswith(f"; {loss}")
    assert told[1:] == [loss, loss, None]


def test_halts_that_cannot_be_read_tell_of_nothing(monkeypatch):
    """The breaker halts the book then: twice rather than never."""

    def unread(*asked, **also):
        return replace(read_standing(*asked, **also), halts=Unread("the connection is gone"))

    monkeypatch.setattr("flows.decide.read_standing", unread)

    assert Shop(policy=strict()).traded().halted[0] is not None


def test_a_hold_is_not_signed():
    """There is nothing to approve."""
    frame = closed_day(Shop().policy)
    shop = Shop()
    closed = replace(shop.setup, calendar=frame.calendar)
    shop.scores = shop.scored()
    monday = replace(shop.run, window=None)
    doors: Any = shop.deciding
    doors.runs.run = lambda run_id: monday

    propose(monday.run_id, closed, doors)

    assert decide_run(monday.run_id, closed, doors).kind == "HOLD"
    assert shop.approval is None
