"""Paid: the dividends and splits that belong to the bars that are used, of all that files told of actions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby

from core.domain.bars import Action, Parsed
from core.domain.instrument import InstrumentId, Universe
from core.domain.panel import Dividend, Split
from core.domain.pending import Announced
from core.gate import Finding, note
from core.market_data.detect import small_rational
from core.market_data.pending import announced_actions
from core.market_data.series import Series, columns_in, place_of

# How far a told ratio may be from the split that it is: four decimals of a ratio such as 0.3333.
EXACT = 2e-4


@dataclass(frozen=True)
class Paid:
    """What files told of corporate actions of the bars that are used, whatever sessions the bars have.

    Dividends stand by year, in order: there are many, and a day asks for those of a year. `elsewhere` counts dividends told
    in other collections than the bars; `odd` and `unknown` are what is to be said of ratios that are no splits and of
    announcements of nobody. `announced` holds what was told ahead of its ex-date.
    """

    dividends: Mapping[int, Sequence[Dividend]]
    elsewhere: int
    splits: tuple[Split, ...]
    odd: tuple[Finding, ...]
    announced: tuple[Announced, ...]
    unknown: tuple[Finding, ...]

    def of_years(self, years: Collection[int]) -> Paid:
        """Give it with the dividends and splits of some years alone."""
        dividends = {year: self.dividends[year] for year in self.dividends if year in years}
        return replace(self, dividends=dividends, splits=tuple(one for one in self.splits if one.session.year in years))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Give what is to be said of dividends and splits."""
        if not self.elsewhere:
            return self.odd
        words = f"{self.elsewhere} dividends are left out: the bars come from another collection than they stand in"
        return (note("data", "dividends", words), *self.odd)


def paid_in(parsed: Sequence[Parsed], universe: Universe, chosen: Mapping[int, Series]) -> Paid:
    """Take together what files told, oldest first; files without actions and announcements change nothing."""
    dividends, elsewhere = _dividends(parsed, universe, chosen)
    splits, odd = _splits(parsed, universe, chosen)
    announced, unknown = announced_actions(parsed, universe)
    by_year = {year: tuple(told) for year, told in groupby(dividends, key=lambda one: one.session.year)}
    return Paid(by_year, elsewhere, tuple(splits), tuple(odd), announced, unknown)


def _dividends(
    parsed: Sequence[Parsed], universe: Universe, chosen: Mapping[int, Series]
) -> tuple[list[Dividend], int]:
    """Give the dividends told where the bars come from, in order, and how many were told elsewhere."""
    columns = {name: columns_in(universe, name) for name in {series.provider for series in chosen.values()}}
    amounts: dict[tuple[date, InstrumentId], Decimal] = {}
    elsewhere = 0
    for one in parsed:
        in_file: dict[tuple[date, InstrumentId], Decimal] = defaultdict(Decimal)
        for action in one.actions:
            column = columns.get(action.provider, {}).get(action.symbol, -1)
            if action.dividend > 0 and _pays(chosen.get(column), action):
                is_here = chosen[column].place == place_of(one)
                elsewhere += not is_here
                if is_here:
                    in_file[action.session, universe.instruments[column].id] += action.dividend
        # A later file replaces what an earlier one told of a day; within one file a day may have two dividends.
        amounts.update(in_file)
    return [Dividend(session, name, amount) for (session, name), amount in sorted(amounts.items())], elsewhere


def _splits(
    parsed: Sequence[Parsed], universe: Universe, chosen: Mapping[int, Series]
) -> tuple[list[Split], list[Finding]]:
    """Give the splits of raw bars, told where the bars come from, in order; a ratio that multiplies no units is a finding."""
    columns = {name: columns_in(universe, name) for name in {series.provider for series in chosen.values()}}
    found: dict[tuple[date, InstrumentId], Split] = {}
    odd: list[Finding] = []
    for one in parsed:
        for action in one.actions:
            column = columns.get(action.provider, {}).get(action.symbol, -1)
            series = chosen.get(column)
            if action.split_ratio <= 0 or action.split_ratio == 1 or series is None or series.basis.kind != "raw":
                continue
            if series.provider != action.provider or series.place != place_of(one):
                continue
            name, ratio = universe.instruments[column].id, small_rational(float(action.split_ratio), tolerance=EXACT)
            if ratio is None:
                words = f"a ratio of {action.split_ratio} on {action.session} is no split of units: a spin-off, perhaps"
                odd.append(note("data", name, words))
                continue
            units = Decimal(ratio.numerator) / Decimal(ratio.denominator)
            found[action.session, name] = Split(action.session, name, units)
    return [found[key] for key in sorted(found)], odd


def _pays(series: Series | None, action: Action) -> bool:
    return series is not None and series.provider == action.provider and series.basis.kind != "total-return"
