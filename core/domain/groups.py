"""Groups: instruments whose weights are capped together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.domain.instrument import InstrumentId

ZERO = Decimal(0)


@dataclass(frozen=True)
class Group:
    """Instruments that one cap binds together: the limit's key, what they have in common, who they are, and the cap."""

    limit: str
    name: str
    members: frozenset[InstrumentId]
    weight_max: Decimal

    def value_of(self, values: Mapping[InstrumentId, Decimal]) -> Decimal:
        """Add up the values of the members, in the order of the ids."""
        return sum((values[name] for name in sorted(self.members & values.keys())), ZERO)
