"""The process of the riskguard server: the only one among the servers that opens the private key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.postgres.rights import Role
from servers.riskguard.server import RiskguardDoors, build
from servers.wiring import Place, serve

ROLE: Role = "riskguard"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on stdio until the client goes away."""
    return serve(ROLE, build, wire, arguments)


def wire(place: Place) -> RiskguardDoors:
    """Wire what the tools use."""
    from adapters.clock import SystemClock
    from adapters.postgres.chain import Chain
    from adapters.postgres.journal import PgJournal
    from adapters.postgres.people import PgPeople
    from adapters.postgres.rotated import ChainAndKeys, PgRotations
    from adapters.postgres.runs import PgDecisions, PgRuns, PgScores
    from adapters.postgres.tickets import PgTickets
    from adapters.versions import code_hash
    from flows.decide import DecideDoors
    from flows.look import StandingBooks

    session = place.session
    people = PgPeople(session)
    chain = ChainAndKeys(Chain(session), PgRotations(session), place.workspace.public_keys)
    standing = StandingBooks(chain, place.heads, people, PgTickets(session), PgJournal(session), code_hash)
    decide = DecideDoors(
        runs=PgRuns(session),
        scores=PgScores(session),
        decisions=PgDecisions(session),
        standing=standing,
        halting=people,
        clean=place.clean,
        signer=KeyAtSigning(place.workspace.private_key),
        clock=SystemClock(),
    )
    return RiskguardDoors(place, decide, people)


class KeyAtSigning:
    """Opens the private key when something is signed, so that halting and explaining work without it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def key_id(self) -> str:
        """Name the key."""
        from adapters.keys import FileSigner

        return FileSigner(self._path).key_id

    def sign(self, content: bytes) -> bytes:
        """Give the signature of some bytes."""
        from adapters.keys import FileSigner

        return FileSigner(self._path).sign(content)


if __name__ == "__main__":
    raise SystemExit(main())
