"""The process of the quant server: its role's connection and nothing more."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.rights import Role
from servers.quant.server import QuantDoors, build
from servers.wiring import Place, serve

ROLE: Role = "quant"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on stdio until the client goes away."""
    return serve(ROLE, build, wire, arguments)


def wire(place: Place) -> QuantDoors:
    """Wire what the tools use."""
    from adapters.postgres.models import PgModels
    from adapters.postgres.runs import PgRuns, PgScores
    from flows.score import ScoreDoors
    from servers.quant.jobs import Jobs

    session = place.session
    doors = ScoreDoors(PgRuns(session), PgScores(session), place.clean, PgModels(session))
    return QuantDoors(place, doors, Jobs(session, place.workspace))


if __name__ == "__main__":
    raise SystemExit(main())
