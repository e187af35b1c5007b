"""The process of the market data server: its role's connection and nothing more."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.rights import Role
from servers.market_data.server import MarketDataDoors, build
from servers.wiring import Place, serve

ROLE: Role = "market_data"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on stdio until the client goes away."""
    return serve(ROLE, build, wire, arguments)


def wire(place: Place) -> MarketDataDoors:
    """Wire what the tools use."""
    return MarketDataDoors(place, place.clean)


if __name__ == "__main__":
    raise SystemExit(main())
