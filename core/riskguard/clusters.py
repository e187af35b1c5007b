"""Clusters: which instruments are capped together, by their sector and by how alike they move, and how much each moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.domain.groups import Group
from core.domain.instrument import InstrumentId, Universe
from core.domain.panel import Panel
from core.measures.correlation import volatilities
from core.riskguard.history import together, total_prices, value_traded
from core.settings import Policy

SECTOR, CLUSTER = "limits.sector_weight_max", "limits.cluster_weight_max"
ONE = Decimal(1)


@dataclass(frozen=True)
class Ground:
    """What is known of instruments beside their scores: the universe's rows, and bars up to as-of."""

    universe: Universe
    panel: Panel
    as_of: date

    def groups(self, names: Iterable[InstrumentId], policy: Policy) -> tuple[Group, ...]:
        """Give the groups of two or more of these instruments that a cap of the policy binds, in a fixed order."""
        order = sorted(set(names))
        return (*self._sectors(order, policy), *self._clusters(order, policy))

    def volatilities(self, names: Iterable[InstrumentId], policy: Policy) -> dict[InstrumentId, Decimal]:
        """Give the volatility of the daily returns of each that has one, six significant digits: here the floats end.

        Of nothing where the policy weighs by something else: nobody asks, and they take time.
        """
        if policy.sizing.weights != "inverse_volatility":
            return {}
        order, returns = tuple(sorted(set(names))), policy.sizing.volatility_sessions
        found = volatilities(total_prices(self.panel, self.as_of, order, returns=returns))
        return {
            name: Decimal(f"{number:.6g}")
            for name, number in zip(order, found.tolist(), strict=True)
            if number == number
        }

    def value_traded(self, name: InstrumentId) -> Decimal:
        """Give what is usually traded of an instrument in a session, in the currency of its price."""
        return value_traded(self.panel, self.as_of, name)

    def _sectors(self, names: Sequence[InstrumentId], policy: Policy) -> Iterable[Group]:
        cap, rows = policy.limits.sector_weight_max, self.universe.by_id()
        if cap >= ONE:
            return
        of = {name: rows[name].sector for name in names if name in rows}
        for sector in sorted(set(of.values()) - {""}):
            members = frozenset(name for name in of if of[name] == sector)
            if len(members) > 1 or policy.limits.weight_max > cap:
                yield Group(SECTOR, sector, members, cap)

    def _clusters(self, names: Sequence[InstrumentId], policy: Policy) -> Iterable[Group]:
        limits = policy.limits
        cap = limits.cluster_weight_max
        if cap >= ONE:
            return
        sessions, least = limits.correlation_sessions, limits.correlation_max
        alike = together(self.panel, self.as_of, tuple(names), sessions=sessions, least=least)
        told: set[frozenset[InstrumentId]] = set()
        for name in names:
            members = alike[name]
            if members not in told and (len(members) > 1 or limits.weight_max > cap):
                told.add(members)
                yield Group(CLUSTER, f"what moves as {name}", members, cap)
