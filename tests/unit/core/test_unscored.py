"""Holdings whose score cannot be computed, through the whole pipeline: a gap in the data is no reason to trade."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.domain.decision import Decision
from core.pipeline import all_stages, decide, walk
from tests.unit.making import AS_OF, SHORT, fixings, frame, holdings, panel, ruled, standing, worth

NAN = float("nan")
CLOSES = {
    "AAA": [100.0, 100.0, 140.0, 125.0],
    "BBB": [100.0, 100.0, 130.0, 50.0],
    "CCC": [100.0, 100.0, 120.0, 25.0],
    # The bar that its return begins with: before it nothing was expected, so no check of its bars objects.
    "DDD": [NAN, 100.0, 110.0, 10.0],
    "SPY": [100.0, 100.0, 150.0, 500.0],
}
BARS = panel(CLOSES)


def decided(units: str, **limits: Any) -> Decision:
    """Decide a day of a book that holds units of DDD at ten dollars, and 9,000 pounds."""
    held = standing(holdings=holdings({"DDD": units}, cash="9000"))
    given = {"frame": frame(ruled(within=SHORT, limits=limits)), "standing": held, "worth": worth(), "model": None}
    return decide(walk(all_stages(), given | {"panel": BARS, "fixings": fixings([AS_OF])}))


@pytest.mark.parametrize("units", ["60", "125"])
def test_a_holding_whose_score_cannot_be_computed_is_held_as_it_is(units):
    """No sale for a gap, no purchase, and a note that names the day; the others are bought."""
    decision = decided(units)

    trades = {(line.side, line.instrument) for line in decision.approved}
    assert trades == {("buy", name) for name in ("AAA", "BBB", "CCC")}
    assert decision.notes == (f"DDD: not scored: no bar on {BARS.sessions[0]}; held as it is",)


def test_an_unscored_holding_above_the_highest_weight_is_cut_to_it():
    """A cap binds what is held without a score too: 3,200 of 12,200 pounds become a tenth."""
    (cut,) = [line for line in decided("400").approved if line.side == "sell"]

    assert (cut.instrument, cut.notional) == ("DDD", Decimal("1979.97"))


def test_an_unscored_holding_takes_one_of_the_places():
    """With one place for a position, nothing else is bought; the hold says why all the same."""
    decision = decided("60", positions_max=1)

    assert (decision.kind, decision.approved) == ("HOLD", ())
    assert decision.notes == (f"DDD: not scored: no bar on {BARS.sessions[0]}; held as it is",)
