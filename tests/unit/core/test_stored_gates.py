"""Stored gates: what a run kept is given in the place of its stage, open or closed."""

from __future__ import annotations

from typing import Any

from core.gate import Gate, block, closed
from core.pipeline import TO_PROPOSAL, all_stages, decide, stages, walk
from tests.unit.core.test_pipeline import given
from tests.unit.making import ranking


def test_a_stored_gate_is_given_instead_of_running_again():
    """The scores are those that were kept, in the place of the stage."""
    kept = Gate(ranking("DDD", "CCC"))

    trail = walk(stages(TO_PROPOSAL, stored={"scores": kept}), given())

    assert trail.values["scores"] == kept.value
    assert [line.instrument for line in trail.values["proposal"].lines] == ["DDD", "CCC"]


def test_a_stored_gate_that_is_closed_stays_closed():
    """What closed a gate yesterday is said again."""
    kept: Gate[Any] = closed([block("scores", "momentum", "0 of 4 instruments could be ranked")])

    decision = decide(walk(all_stages(stored={"scores": kept}), given()))

    assert decision.reasons == ("scores: 0 of 4 instruments could be ranked",)
