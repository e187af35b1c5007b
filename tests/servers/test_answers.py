"""Answers stay within their limit, however much there is to tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.domain.decision import Approval, Decision, GateReport, Objection, Refused
from core.domain.facts import Seen, Standing, Unread
from core.domain.holdings import Holdings
from core.domain.instrument import Universe
from core.domain.order import OrderLine, Proposal, Target, TargetWeight
from core.domain.slot import AsOf, Run, Slot
from core.gate import Gate, block, closed
from core.ledger.asked_of_books import Known, Quoted
from core.ledger.question import Ask
from flows.results import Market, Results, Scope
from servers import answers
from servers.host import RESULT_BYTES_MAX
from servers.ledger.answers import positions_of, result_of
from servers.refusals import Refused as Refusal
from servers.riskguard.answers import decided, explained, proposed
from tests.unit.making import fx, standing, worth

NOW = datetime(2024, 6, 10, 7, tzinfo=UTC)
WORDY = "a word that goes on " * 50
RUN = Run(
    "RUN-20240610-r1",
    Slot("main", date(2024, 6, 10), NOW),
    1,
    AsOf(NOW, date(2024, 6, 7)),
    None,
    is_rehearsal=True,
    policy_hash="0" * 64,
    universe_hash="0" * 64,
    snapshot="0" * 64,
)
SEEN = Seen(
    Standing(
        NOW, Unread(WORDY), Unread(WORDY), "0" * 64, "0" * 64, Unread(WORDY), Unread(WORDY), Unread(WORDY), Decimal(1)
    ),
    Unread(WORDY),
    None,
    WORDY[:100],
    "assumed",
    is_synthetic=True,
)


def line(number: int) -> OrderLine:
    """Make an order line with numbers as long as they come."""
    money = Decimal("123456789.1234")
    return OrderLine(
        number,
        f"INSTRUMENT{number}",
        "buy",
        "open",
        money,
        "market",
        money,
        None,
        None,
        money,
        "window",
        money,
        money,
        money,
    )


def refused(number: int) -> Refused:
    """Make a line that every rule objects to at length."""
    return Refused(line(number), tuple(Objection("TURNOVER", WORDY, WORDY, WORDY) for _ in range(20)))


def wordy(*, approved: int, refusals: int) -> Decision:
    """Make a decision of which everything has much to say."""
    gates = tuple(GateReport(f"gate {number}", "closed", (WORDY,) * 30) for number in range(13))
    lines = tuple(line(number) for number in range(approved))
    return Decision("NO-TRADE", (WORDY,) * 200, gates, lines, tuple(refused(n) for n in range(refusals)), (WORDY,) * 50)


def plan(count: int) -> Proposal:
    """Make a proposal of many lines."""
    weights = tuple(TargetWeight(f"INSTRUMENT{number}", Decimal("0.123456"), WORDY) for number in range(count))
    lines = tuple(line(number) for number in range(count))
    return Proposal(Decimal("123456789.12"), Target(weights), lines, (WORDY,) * 50, None, "none")


def size(answer: answers.Answer) -> int:
    """Give how many bytes an answer has as text."""
    return len(answer.model_dump_json().encode())


def test_what_a_writing_tool_answers_always_fits():
    """A step that was taken is never hidden behind a refusal of its answer: five hundred lines and long words fit."""
    findings = [block("data", "panel", WORDY) for _ in range(300)]

    assert size(decided(RUN.run_id, wordy(approved=500, refusals=500), None)) < RESULT_BYTES_MAX
    assert size(proposed(RUN.run_id, Gate(plan(500)))) < RESULT_BYTES_MAX
    assert size(proposed(RUN.run_id, closed(findings))) < RESULT_BYTES_MAX


def test_a_proposal_is_told_whole_and_its_absence_with_why():
    """Of a closed gate nothing but the reasons; of an open one every number."""
    shut, told = proposed(RUN.run_id, closed([block("data", "panel", "no bars")])), proposed(RUN.run_id, Gate(plan(3)))

    assert (shut.gate, shut.says, shut.equity, shut.hold_reason) == ("closed", ("data: no bars",), None, None)
    assert (shut.targets, shut.lines, shut.line_count, shut.left_undone) == ((), (), 0, ())
    assert (told.gate, told.equity, told.line_count) == ("open", plan(3).equity, 3)
    assert (len(told.targets), len(told.lines), len(told.left_undone)) == (3, 3, 4)
    still = proposed(RUN.run_id, Gate(replace(plan(0), hold_reason="nothing is due")))
    assert still.hold_reason == "nothing is due"


def test_what_a_decision_looked_at_is_told_where_it_was_seen():
    """Each number where it could be looked up, and none where it could not; no targets where nothing was proposed."""
    whole = Seen(standing(), worth(), fx(), "raw", "recorded", is_synthetic=False)
    decision = replace(wordy(approved=1, refusals=0), reasons=("one",), gates=())

    seen, unseen = (
        explained(RUN, decision, one, with_plan, page=1) for one, with_plan in ((whole, plan(2)), (SEEN, None))
    )

    told, state = seen.looked_at, cast("Any", whole.standing)
    assert (told.audit_seq, told.cash) == (state.audit.seq, state.holdings.cash)
    assert (told.equity, told.drawdown) == (worth().equity, worth().drawdown)
    assert told.fx == f"{fx().rate} USD for 1 GBP, fixed {fx().fixed_on}"
    lost = unseen.looked_at
    assert (lost.audit_seq, lost.cash, lost.equity, lost.drawdown, lost.fx) == (None,) * 5
    assert (len(seen.targets), len(seen.left_undone)) == (2, 4)
    assert (unseen.targets, unseen.left_undone) == ((), ())


def test_a_decision_is_signed_where_there_is_an_approval():
    """And says until when that counts."""
    unsigned = decided(RUN.run_id, wordy(approved=1, refusals=0), None)
    mandate = SimpleNamespace(expires_at=NOW)
    signed = decided(RUN.run_id, wordy(approved=1, refusals=0), cast("Approval", SimpleNamespace(mandate=mandate)))

    assert (unsigned.is_signed, unsigned.expires_at) == (False, None)
    assert (signed.is_signed, signed.expires_at) == (True, NOW)


def test_a_page_of_positions_and_a_result_always_fit():
    """Five hundred positions in long numbers and thirty currencies, a page at a time; every window without a figure."""
    long, day = Decimal("123456789012.123456789012"), date(2024, 6, 7)
    held = [
        {"account": "main", "instrument": f"INSTRUMENT{number}", "quantity": long, "currency": "USD", "cost": long}
        | {"cost_base": long, "value": long, "value_base": long, "price_date": day}
        for number in range(500)
    ]
    cash = {"account": "main", "amount": long, "value_base": long, "rate": long, "rate_date": day, "rate_source": "ecb"}
    lots = [{"account": "main", "instrument": row["instrument"]} for row in held for _ in range(3)]
    missing = {"not_computable": WORDY}
    pnl: dict[str, object] = {
        "realised": dict.fromkeys(("price", "fx", "total"), long),
        "fees": long,
        "flows": long,
        "value": missing,
    }
    pnl["income"] = dict.fromkeys(("gross", "withheld", "net"), long)
    windows = {key: {"from": day, "to": day, "xirr": missing} for key in ("1m", "3m", "YTD", "1y", "ITD", "since")}
    answer: dict[str, object] = {
        "positions": held,
        "lots": lots,
        "cash": [cash | {"currency": f"C{at:02d}"} for at in range(30)],
        "pnl": pnl,
    }
    answer |= {"returns": {"windows": windows}, "benchmark": {}}
    scope = Scope("book main", "manual", "GBP", ("main",), (), Universe(()), "SPY", "USD")
    ask = Ask(as_of=day, known_at=datetime(2024, 6, 8, tzinfo=UTC), base="GBP")
    found = Results(scope, ask, answer, (), Market(day, (), ()), Known(()), Quoted("GBP"))

    pages = [
        positions_of(Holdings((), long), found, book="main", venue="manual", base="GBP", page=number)
        for number in range(1, 11)
    ]
    result = result_of(found, None, book="main")

    assert [row.instrument for page in pages for row in page.positions] == [row["instrument"] for row in held]
    assert {(page.pages, page.position_count, page.positions[0].lots) for page in pages} == {(10, 500, 3)}
    assert max(size(page) for page in pages) < RESULT_BYTES_MAX
    assert size(result) < RESULT_BYTES_MAX
    assert (result.total, result.drawdown, len(result.returns)) == (None, None, 6)


@pytest.mark.parametrize("refusals", [0, 30])
def test_an_explanation_holds_every_line_in_pages(refusals):
    """The pages of a decision hold each approved and each refused line once, in order."""
    decision = replace(wordy(approved=45, refusals=refusals), reasons=("one",), gates=())
    count = explained(RUN, decision, SEEN, plan(45), page=1).paging.pages
    pages = [explained(RUN, decision, SEEN, plan(45), page=page) for page in range(1, count + 1)]

    assert [one.line for page in pages for one in page.approved] == list(range(45))
    assert [one.line.line for page in pages for one in page.refused] == list(range(refusals))
    assert pages[0].paging.rows == 45 + refusals
    assert pages[0].looked_at.cash is None


def test_a_page_beyond_the_last_is_refused():
    """The last page is given, one more is refused; an empty list has one empty page."""
    assert answers.paged([1, 2, 3], 2, 2)[0] == [3]
    assert answers.paged([], 1, 2)[1].pages == 1
    with pytest.raises(Refusal, match="there are 2 pages"):
        answers.paged([1, 2, 3], 3, 2)


def test_many_words_are_counted():
    """The first messages are shown, cut; the rest is counted."""
    assert answers.words(["a", "b", "c"]) == ("a", "b", "c")
    assert answers.words(["a", "b", "c", "d"]) == ("a", "b", "c", "and 1 more")
    assert len(answers.words([WORDY])[0]) == answers.WORDS_LENGTH_MAX
