"""The process of the ledger server: its role's connection and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.postgres.rights import Role
from servers.ledger.server import LedgerDoors, build
from servers.wiring import Place, serve

if TYPE_CHECKING:
    from core.domain.panel import Panel
    from core.ledger.equity import Rates
    from core.settings import Policy
    from flows.settle import SimulatedVenue

ROLE: Role = "ledger"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on stdio until the client goes away."""
    return serve(ROLE, build, wire, arguments)


def wire(place: Place) -> LedgerDoors:
    """Wire what the tools use."""
    from adapters.files.artefacts import Artefacts
    from adapters.postgres.chain import Chain
    from adapters.postgres.journal import PgJournal, PgVenue
    from adapters.postgres.people import PgConfig
    from adapters.postgres.recorded import PgRecorded
    from adapters.postgres.tickets import PgTickets
    from adapters.postgres.totals import PgTotals
    from flows.portfolio import PortfolioDoors
    from flows.results import ResultDoors
    from flows.settle import SettleDoors

    session = place.session
    doors = SettleDoors(PgVenue(session), PgJournal(session), PgTickets(session), place.clean, no_venue)
    files = Artefacts(place.workspace.root)
    portfolio = PortfolioDoors(PgTotals(session), files.write, files.alone)
    results = ResultDoors(PgRecorded(session), place.clean, PgConfig(session))
    return LedgerDoors(place, doors, Chain(session), portfolio, results)


def no_venue(policy: Policy, panel: Panel, rates: Rates) -> SimulatedVenue:
    """Refuse to simulate a venue: its reports are the desk's to make, and the ledger posts them."""
    raise RuntimeError(f"the ledger's server simulates no venue, not that of {policy.book} either")


if __name__ == "__main__":
    raise SystemExit(main())
