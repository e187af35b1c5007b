"""Announced actions in the pipeline: what splits by the execution session is not traded, and everything else goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.domain.bars import Basis
from core.domain.instrument import Universe
from core.domain.panel import Panel
from core.domain.pending import Announced, PendingAction, PendingDividend, PendingSplit
from core.gate import Gate
from core.pipeline import all_stages, decide, walk
from tests.unit.core.test_pipeline import CLOSES, HELD, given
from tests.unit.making import (
    ABCD,
    AS_OF,
    DAY,
    NOW,
    SHORT,
    closed_day,
    frame,
    holdings,
    line,
    panel,
    proposal,
    standing,
)
from tests.unit.market_data.making import instrument


def announced(action: PendingAction) -> Panel:
    """Give the bars with an action of the execution session that was told in time."""
    return panel(CLOSES, announced=(Announced(NOW, action),))


@pytest.mark.parametrize("units", [{"DDD": "125"}, {}], ids=["held", "not held"])
def test_what_splits_by_the_execution_session_is_neither_bought_nor_sold(units):
    """The others are traded; what is held of it stays as it is, and nobody has to look at its bars."""
    pending = PendingSplit(DAY, "DDD", Decimal(7), "person")

    trail = walk(
        all_stages(), given(panel=announced(pending), standing=standing(holdings=holdings(units, cash="9000")))
    )
    decision = decide(trail)

    words = "split 7 on 2024-06-10 (person)"
    assert (decision.kind, decision.refused) == ("TRADE", ())
    assert "DDD" not in {line.instrument for line in decision.approved}
    assert ("DDD", f"ACTION_PENDING: {words}") in trail.values["scores"].unranked
    kept = [note for note in decision.notes if note.startswith("DDD")]
    assert kept == ([f"DDD: not scored: ACTION_PENDING: {words}; held as it is"] if units else [])
    begins = "left out: 1 instruments have a split by the execution session that their bars do not know: "
    assert f"{begins}DDD {words}" in decision.notes


def test_the_riskguard_refuses_a_line_across_a_split_whoever_proposed_it():
    """A stored proposal that sells what splits: nothing of it is approved."""
    whole = proposal(line("sell", "AAA", "1"), line("sell", "DDD", "125"))
    given_panel = announced(PendingSplit(DAY, "DDD", Decimal(7), "person"))

    decision = decide(
        walk(
            all_stages(stored={"proposal": Gate(whole)}),
            given(panel=given_panel, standing=standing(holdings=HELD)),
        )
    )

    assert [line.instrument for line in decision.approved] == ["AAA"]
    assert [(item.line.instrument, item.objections[0].code) for item in decision.refused] == [("DDD", "ACTION_PENDING")]


def test_a_dividend_by_the_execution_session_is_told_of_what_is_traded():
    """It changes no unit: the line stays, with a note; and with the exchange closed nothing is pending."""
    pending = announced(PendingDividend(DAY, "AAA", Decimal("0.16"), "person"))

    decision = decide(walk(all_stages(), given(panel=pending)))
    holiday = decide(walk(all_stages(), given(panel=pending, frame=closed_day(SHORT))))

    words = "AAA: dividend 0.16 on 2024-06-10 (person) is ex by the execution session: who buys does not get it"
    assert decision.notes == (f"{words}, who sells still does",)
    assert "AAA" in {line.instrument for line in decision.approved}
    assert holiday.notes == ()


def test_a_dividend_of_what_is_not_traded_is_not_told():
    """The benchmark is never bought: its dividend is nobody's matter."""
    pending = announced(PendingDividend(DAY, "SPY", Decimal("1.5"), "person"))

    assert decide(walk(all_stages(), given(panel=pending))).notes == ()


def test_a_split_that_the_bars_know_already_is_traded_over_without_a_word():
    """The prices are in the new units: nothing waits, and nobody gets less for buying."""
    pending = announced(PendingSplit(DAY, "DDD", Decimal(7), "person"))
    known = replace(pending, basis=(Basis("split-adjusted", DAY),) * len(pending.instruments))

    decision = decide(walk(all_stages(), given(panel=known)))

    assert "DDD" in {line.instrument for line in decision.approved}
    assert decision.notes == ()


def test_a_split_of_what_left_the_universe_keeps_nothing_of_it():
    """Its row ended: it is not unscored but unwanted, and no place is kept for it."""
    row = instrument("DDD", valid_to=AS_OF - timedelta(days=1))
    ended = Universe((*ABCD.instruments[:3], row, *ABCD.instruments[4:]))
    pending = announced(PendingSplit(DAY, "DDD", Decimal(7), "person"))

    trail = walk(all_stages(), given(panel=pending, frame=frame(SHORT, lists=ended)))

    assert trail.values["scores"].unranked == ()
