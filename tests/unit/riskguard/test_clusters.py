"""Clusters: sectors of the universe, and instruments that move alike."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from core.domain.bars import Basis
from core.domain.instrument import Universe
from core.domain.panel import Panel
from core.measures.correlation import RETURNS_MIN, correlations, volatilities
from core.riskguard.clusters import Ground
from core.settings import Policy
from tests.unit.making import ruled
from tests.unit.market_data.making import instrument

DAYS = [date(2024, 1, 1) + timedelta(days=at) for at in range(81)]
LAST = DAYS[-1]
SECTORS = {"AAA": "Energy", "BBB": "Energy", "CCC": "Utilities", "DDD": "Utilities", "ETF": "", "FFF": "Materials"}
ROWS = Universe(tuple(instrument(name, sector=sector) for name, sector in SECTORS.items()))
NONE = ruled(limits={"sector_weight_max": "1", "cluster_weight_max": "1"})


def moves(seed: int, sessions: int = 80, count: int = 1) -> np.ndarray:
    """Draw daily returns of 2 %."""
    return np.random.Generator(np.random.PCG64(seed)).normal(0, 0.02, (sessions, count))


def prices_of(returns: np.ndarray) -> np.ndarray:
    """Make prices of returns; the first is 100."""
    return 100 * np.vstack([np.ones(returns.shape[1]), np.cumprod(1 + returns, axis=0)])


def ground(adj_close: np.ndarray, names: tuple[str, ...], last: date = LAST) -> Ground:
    """Stand on bars of these prices, the last of them of the last session."""
    flat = np.ones_like(adj_close)
    panel = Panel(
        sessions=np.array(DAYS[len(DAYS) - len(adj_close) :], dtype="datetime64[D]"),
        instruments=names,
        open=flat,
        high=flat,
        low=flat,
        close=flat,
        volume=flat,
        adj_close=adj_close,
        basis=(Basis("raw"),) * len(names),
        provider=("yahoo",) * len(names),
        knowledge="assumed",
        snapshot="s" * 64,
    )
    return Ground(ROWS, panel, last)


def alike(rho: float) -> np.ndarray:
    """Draw prices of two instruments whose returns correlate by exactly so much over 80 sessions."""
    both = moves(1, count=2)
    both -= both.mean(axis=0)
    one = both[:, 0] / np.linalg.norm(both[:, 0])
    other = both[:, 1] - one * (one @ both[:, 1])
    other /= np.linalg.norm(other)
    return prices_of(0.1 * np.column_stack([one, rho * one + np.sqrt(1 - rho**2) * other]))


def clustered(policy: Policy, on: Ground, *names: str) -> list[tuple[str, ...]]:
    """Give the members of the clusters."""
    return [tuple(sorted(group.members)) for group in on.groups(names, policy) if "cluster" in group.limit]


@pytest.mark.parametrize(("limit", "found"), [("0.8", [("AAA", "CCC")]), ("0.800001", [])])
def test_two_that_correlate_by_the_limit_hang_together(limit, found):
    """At 0.8 they do, a millionth below the limit they do not."""
    policy = ruled(limits={"correlation_max": limit, "cluster_weight_max": "0.3", "correlation_sessions": 80})

    assert clustered(policy, ground(alike(0.8), ("AAA", "CCC")), "CCC", "AAA") == found


def test_an_instrument_hangs_together_with_all_that_move_as_it():
    """B moves as A and as C, which do not move alike: three clusters, one around each; the third names who."""
    a, c = moves(2), moves(3)
    on = ground(prices_of(np.hstack([a, a + c, c])), ("AAA", "BBB", "CCC"))
    policy = ruled(limits={"correlation_max": "0.6", "cluster_weight_max": "0.3"})

    assert clustered(policy, on, "AAA", "BBB", "CCC") == [("AAA", "BBB"), ("AAA", "BBB", "CCC"), ("BBB", "CCC")]
    assert [group.name for group in on.groups(["AAA", "BBB", "CCC"], policy)][-1] == "what moves as CCC"


@pytest.mark.parametrize(("returns", "is_known"), [(RETURNS_MIN, True), (RETURNS_MIN - 1, False)])
def test_who_cannot_be_told_apart_is_taken_for_alike(returns, is_known):
    """Twenty returns in common tell; nineteen do not, and the correlation counts as 1."""
    drawn = prices_of(moves(4, count=2))
    drawn[: len(drawn) - returns - 1, 1] = np.nan

    found = float(correlations(drawn)[0, 1])

    assert (abs(found) < 0.9) is is_known
    assert (found == 1.0) is not is_known
    assert np.isnan(volatilities(drawn)).tolist() == [False, not is_known]


def test_a_price_that_nobody_changed_has_neither():
    """No movement correlates with nothing, which is taken for everything; its volatility is unknown and not zero."""
    still = prices_of(np.hstack([moves(5), np.zeros((80, 1))]))

    assert correlations(still)[0].tolist() == [1.0, 1.0]
    assert np.isnan(volatilities(still)).tolist() == [False, True]


def test_correlations_are_those_of_the_field():
    """As numpy's own, gaps taken out a pair, and the same in any order of the columns."""
    drawn = prices_of(moves(6, count=5))
    drawn[10, 2] = drawn[40, 3] = np.nan
    returns = drawn[1:] / drawn[:-1] - 1
    order = np.array([3, 1, 4, 0, 2])

    found = correlations(drawn)

    for one in range(5):
        for other in range(5):
            both = np.isfinite(returns[:, one]) & np.isfinite(returns[:, other])
            wanted = np.corrcoef(returns[both][:, [one, other]].T)[0, 1]
            assert found[one, other] == pytest.approx(wanted, abs=2e-9)
    assert (correlations(drawn[:, order]) == found[np.ix_(order, order)]).all()


def test_nothing_after_as_of_is_looked_at():
    """Bars of later sessions change no group and no volatility."""
    early, late = moves(7, count=2), moves(8, count=2)
    whole, cut = prices_of(early), prices_of(early)
    whole[-10:] *= 1 + late[-10:]
    on = [ground(prices, ("AAA", "CCC"), DAYS[-11]) for prices in (whole, cut)]
    policy = ruled(
        limits={"correlation_max": "0.1", "cluster_weight_max": "0.3"}, sizing={"weights": "inverse_volatility"}
    )

    assert on[0].groups(["AAA", "CCC"], policy) == on[1].groups(["AAA", "CCC"], policy)
    assert on[0].volatilities(["AAA"], policy) == on[1].volatilities(["AAA"], policy)
    assert on[0].volatilities(["AAA"], policy)["AAA"] == Decimal(f"{_spread(cut[:-10, 0], 63):.6g}")


def test_sectors_are_those_of_the_universe():
    """Funds have none, and one instrument alone is held back by the highest weight already."""
    on = ground(prices_of(moves(9, count=6)), tuple(SECTORS))
    policy = ruled(limits={"sector_weight_max": "0.4", "cluster_weight_max": "1"})

    groups = on.groups([*SECTORS, "GONE"], policy)

    assert [(group.name, sorted(group.members), group.weight_max) for group in groups] == [
        ("Energy", ["AAA", "BBB"], Decimal("0.4")),
        ("Utilities", ["CCC", "DDD"], Decimal("0.4")),
    ]
    narrow = ruled(within=policy, limits={"sector_weight_max": "0.05"})
    assert [sorted(group.members) for group in on.groups(SECTORS, narrow)][1] == ["FFF"]


def test_a_cap_of_one_is_off():
    """Nothing is computed where nothing can bind."""
    assert ground(prices_of(moves(9, count=2)), ("AAA", "BBB")).groups(["AAA", "BBB"], NONE) == ()


def test_no_volatility_is_worked_out_where_no_weight_asks_for_it():
    """A backtest of equal weights would work it out each week for nobody."""
    on = ground(prices_of(moves(9, count=2)), ("AAA", "BBB"))

    assert on.volatilities(["AAA", "BBB"], NONE) == {}
    assert set(on.volatilities(["AAA", "BBB"], ruled(sizing={"weights": "inverse_volatility"}))) == {"AAA", "BBB"}


def _spread(prices: np.ndarray, returns: int) -> float:
    return float((prices[-returns:] / prices[-returns - 1 : -1] - 1).std(ddof=1))
