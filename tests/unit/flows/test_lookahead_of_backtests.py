"""The look-ahead check of a backtest: what knows the future anywhere in it is found and named, its sound twin is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import core.quant.recipe
import flows.backtest
import flows.lookahead
from core.domain.bars import Fixing
from core.quant.lookahead import Leak, leaks
from core.quant.training import FitMany, Fitted, fitter_of, inputs_of
from core.settings import Policy
from flows.backtest import Asked, BacktestDoors
from flows.lookahead import check_lookahead, told_of
from flows.setup import BookSetup
from tests.unit.making import SHORT
from tests.unit.strategies.test_walked import LEARNED, calendar, market

SEED = 29
# Weeks in which an instrument leaves the universe, and the last ones.
SUMMER, AUTUMN = Asked(date(2023, 6, 1), date(2023, 7, 31)), Asked(date(2023, 8, 18), None)
KEPT: dict[str, Fitted] = {}


@lru_cache(maxsize=1)
def fixings() -> tuple[Fixing, ...]:
    """Give the rates of each session, that of the pound another one each day."""
    random = np.random.Generator(np.random.PCG64(SEED))
    days = market()[0].sessions.astype(object).tolist()
    pounds = 0.85 * np.exp(np.cumsum(random.normal(0, 0.004, len(days))))
    told = zip(days, pounds.tolist(), strict=True)
    return tuple(
        Fixing(day, name, Decimal(rate))
        for day, pound in told
        for name, rate in (("GBP", f"{pound:.5f}"), ("USD", "1.1"))
    )


class Clean:
    """A clean set in memory: the market of the walked ranker, and the rates."""

    def current(self) -> str:
        """Name the only one."""
        return market()[0].snapshot

    def panel(self, snapshot: str, *, last: date | None = None) -> Any:
        """Give the panel up to a session."""
        return market()[0].between(None, last)

    def fixings(self, snapshot: str) -> tuple[Fixing, ...]:
        """Give all of the rates."""
        return fixings()


def fit_kept(learn, windows, parameters):
    """Fit each window, what was fitted before in these tests not again."""
    fit = fitter_of(learn, parameters)
    for window in windows:
        key = inputs_of(learn, window, parameters)
        if key not in KEPT:
            KEPT[key] = fit(window)
        yield KEPT[key]


def fits_with(weeks: Callable[[Any, int], range]) -> FitMany:
    """Give what fits each window on other weeks, of the window and how many there are."""

    def fit_many(learn, windows, parameters):
        told = [replace(window, train=weeks(window, len(learn.labels))) for window in windows]
        yield from fit_kept(learn, told, parameters)

    return fit_many


def setup_of(policy: Policy) -> BookSetup:
    """Give the setup of a book over the market."""
    return BookSetup(policy, market()[1], calendar())


def checked(policy: Policy, asked: Asked, *, fit_many: FitMany = fit_kept) -> tuple[Leak, ...]:
    """Check a backtest at two cuts."""
    clean: Any = Clean()
    unused: Any = None
    doors = BacktestDoors(clean, unused, fit_many, unused, unused)
    found = check_lookahead(asked, setup_of(policy), doors, cuts=3)
    assert len(found.cuts) == 2
    return found.leaks


# --- what is planted --------------------------------------------------------------------------------------------------


def moved(values, sessions: int):
    """Give rows of other days: of later ones where positive; the ends repeat."""
    rows = np.clip(np.arange(len(values)) + sessions, 0, len(values) - 1)
    return values[rows]


@dataclass(frozen=True)
class Plant:
    """A change of something that the check calls: where it stands, how it is changed, and what must be told to leak by it."""

    module: Any
    name: str
    change: Callable[[Any], Any]
    told: frozenset[str]

    def into(self, monkeypatch) -> None:
        """Put it into its place."""
        monkeypatch.setattr(self.module, self.name, self.change(getattr(self.module, self.name)))


def features_of(sessions: int):
    """Make the features those of another session."""

    def change(sound):
        def features(*given):
            return np.stack([moved(values, sessions) for values in sound(*given)])

        return features

    return change


def whole_sample(sound):
    """Measure the first feature from its mean over all sessions."""

    def features(*given):
        values = sound(*given)
        values[0] -= np.nanmean(values[0], axis=0)
        return values

    return features


def labels_of(weeks: int):
    """Make the label that of another week."""
    return lambda sound: lambda *given: moved(sound(*given), weeks)


def members_on(row: Callable[[Any], Any]):
    """Count as members those who are members on other days too."""
    return lambda sound: lambda *given: sound(*given) & row(sound(*given))


def ground_with(there: Callable[[Any], Any]):
    """Count as members those who have bars, on days told from closes."""

    def change(sound):
        def ground_of(panel, *given, **more):
            ground = sound(panel, *given, **more)
            columns = [panel.instruments.index(name) for name in ground.names]
            return replace(ground, members=ground.members & there(np.isfinite(panel.close[:, columns])))

        return ground_of

    return change


def rates_of(days: int):
    """Make the rate that of another day."""

    def change(sound):
        def rates(*given, **more):
            told = sound(*given, **more)
            return replace(told, rates=tuple(moved(np.array(told.rates, dtype=object), days).tolist()))

        return rates

    return change


def prices_of(field: str, sessions: int):
    """Make the prices that are traded or sized by those of another session."""

    def change(sound):
        def research(*given, **more):
            known = more["market"]
            return sound(*given, **more | {"market": replace(known, **{field: moved(getattr(known, field), sessions)})})

        return research

    return change


RECIPE, LOOKAHEAD, BACKTEST = core.quant.recipe, flows.lookahead, flows.backtest
LEARNED_LEAKS = {
    "a feature reads tomorrow": Plant(RECIPE, "features", features_of(1), frozenset({"feature", "score"})),
    "a feature is measured in all sessions": Plant(RECIPE, "features", whole_sample, frozenset({"feature"})),
    "a label is known a week early": Plant(RECIPE, "forward_returns", labels_of(1), frozenset({"label"})),
}
LEARNED_SOUND = {
    "a feature reads yesterday": Plant(RECIPE, "features", features_of(-1), frozenset()),
    "a label is of the week before": Plant(RECIPE, "forward_returns", labels_of(-1), frozenset()),
}
TRADE = "research_with_orders"
LEAKS = {
    "members are those of the end": Plant(
        BACKTEST, "members_of", members_on(lambda one: one[-1]), frozenset({"members"})
    ),
    "members are who has bars at the end": Plant(
        LOOKAHEAD, "ground_of", ground_with(lambda there: there[-1]), frozenset({"members"})
    ),
    "members are who has bars tomorrow": Plant(
        LOOKAHEAD, "ground_of", ground_with(lambda there: moved(there, 1)), frozenset({"members"})
    ),
    "the rate is tomorrow's": Plant(BACKTEST, "rates_of", rates_of(1), frozenset({"equity"})),
    "sized by tomorrow's close": Plant(LOOKAHEAD, TRADE, prices_of("closes", 1), frozenset({"equity"})),
    "traded at tomorrow's open": Plant(LOOKAHEAD, TRADE, prices_of("opens", 1), frozenset({"equity"})),
}
SOUND = {
    "nothing is planted": Plant(LOOKAHEAD, TRADE, lambda sound: sound, frozenset()),
    "members are who was one yesterday too": Plant(
        BACKTEST, "members_of", members_on(lambda one: moved(one, -1)), frozenset()
    ),
    "members are who has bars that day": Plant(LOOKAHEAD, "ground_of", ground_with(lambda there: there), frozenset()),
    "the rate is yesterday's": Plant(BACKTEST, "rates_of", rates_of(-1), frozenset()),
    "sized by yesterday's close": Plant(LOOKAHEAD, TRADE, prices_of("closes", -1), frozenset()),
    "traded at yesterday's open": Plant(LOOKAHEAD, TRADE, prices_of("opens", -1), frozenset()),
}


def hold_named(found: tuple[Leak, ...], plant: Plant) -> None:
    """Hold that each thing that must be told is, with a day that is not after the cut."""
    assert plant.told <= {leak.what for leak in found}, found
    assert all(leak.day <= leak.cut and leak.values > 0 for leak in found)


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_into_who_is_held_and_what_it_costs_is_named(kind, monkeypatch):
    """Members, rates and prices of a day that is still to come."""
    LEAKS[kind].into(monkeypatch)

    hold_named(checked(SHORT, SUMMER), LEAKS[kind])


@pytest.mark.parametrize("kind", SOUND)
def test_its_twin_that_reads_what_was_known_is_not_accused(kind, monkeypatch):
    """The same change with days that had come."""
    SOUND[kind].into(monkeypatch)

    assert checked(SHORT, SUMMER) == ()


@pytest.mark.parametrize(("sessions", "named"), [(1, {"equity"}), (0, set()), (-1, set())])
def test_trading_at_a_later_open_is_named_at_the_close_of_the_session_that_trades(sessions, named, monkeypatch):
    """The session after a decision is the first whose equity tells at which open was traded."""
    prices = Plant(LOOKAHEAD, TRADE, prices_of("opens", sessions), frozenset(named))
    prices.into(monkeypatch)
    setup, panel = setup_of(SHORT), market()[0].between(None, SUMMER.last)

    def compute(other, until):
        ground = BACKTEST.ground_of(other, Asked(date.min, until), setup, fixings=fixings())
        return told_of(ground, setup, fit_kept, first=SUMMER.first, until=until)

    # Friday the 23rd decides, Monday the 26th trades.
    found = leaks(compute, panel, (date(2023, 6, 26),), seed=SEED)

    hold_named(found, prices)
    assert bool(found) is bool(named)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LEARNED_LEAKS)
def test_a_leak_into_what_is_learned_is_named(kind, monkeypatch):
    """Features and labels."""
    LEARNED_LEAKS[kind].into(monkeypatch)

    hold_named(checked(LEARNED, AUTUMN), LEARNED_LEAKS[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", LEARNED_SOUND)
def test_what_is_learned_of_the_past_is_not_accused(kind, monkeypatch):
    """The same change the other way."""
    LEARNED_SOUND[kind].into(monkeypatch)

    assert checked(LEARNED, AUTUMN) == ()


@pytest.mark.slow
def test_a_model_of_later_weeks_is_named_and_one_of_fewer_is_not():
    """Whoever fits gets the window; one that learns from all weeks changes scores, orders and equity."""
    later = checked(LEARNED, AUTUMN, fit_many=fits_with(lambda window, weeks: range(window.train.start, weeks)))
    fewer = checked(LEARNED, AUTUMN, fit_many=fits_with(lambda window, weeks: window.train[2:]))

    assert {"score", "order", "equity"} <= {leak.what for leak in later}
    assert not {"feature", "label", "members"} & {leak.what for leak in later}
    assert fewer == ()


def test_what_is_listed_after_a_cut_is_no_leak():
    """An instrument whose first bar comes after the cuts: nobody could have named it, and nothing is told of it before."""
    panel, listed = market()[0], date(2023, 7, 20)

    class Listed(Clean):
        """A clean set in which one of them comes within the range."""

        def panel(self, snapshot: str, *, last: date | None = None) -> Any:
            """Give the panel up to a session."""
            values = panel.values()
            values[:, panel.sessions < np.datetime64(listed), panel.instruments.index("I11")] = np.nan
            return panel.with_values(values).between(None, last)

    unused: Any = None
    clean: Any = Listed()
    doors = BacktestDoors(clean, unused, fit_kept, unused, unused)

    found = check_lookahead(SUMMER, setup_of(SHORT), doors, cuts=3)

    assert any(cut < listed for cut in found.cuts)
    assert found.leaks == ()
