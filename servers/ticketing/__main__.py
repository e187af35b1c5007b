"""The process of the ticketing server: its role's connection and the public keys."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.rights import Role
from servers.ticketing.server import TicketingDoors, build
from servers.wiring import Place, serve

ROLE: Role = "ticketing"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on stdio until the client goes away."""
    return serve(ROLE, build, wire, arguments)


def wire(place: Place) -> TicketingDoors:
    """Wire what the tools use."""
    from functools import partial

    from adapters.channels.file import FileChannel
    from adapters.clock import SystemClock
    from adapters.files.artefacts import Artefacts
    from adapters.files.atomic import READ_WRITE, write_whole
    from adapters.keys import FileVerifier
    from adapters.postgres.chain import Chain
    from adapters.postgres.journal import PgJournal
    from adapters.postgres.people import PgConfig, PgPeople
    from adapters.postgres.rotated import PgRotations
    from adapters.postgres.runs import PgDecisions, PgRuns, PgScores
    from adapters.postgres.tickets import PgTickets
    from adapters.render.markdown import ticket_markdown
    from adapters.versions import made_with
    from flows.deliver import DeliverDoors
    from flows.hindered import HinderDoors, hindrances_shown
    from flows.issue import IssueDoors
    from flows.publish import PublishDoors

    session, clock = place.session, SystemClock()
    tickets, people = PgTickets(session), PgPeople(session)
    issue = IssueDoors(
        runs=PgRuns(session),
        scores=PgScores(session),
        decisions=PgDecisions(session),
        tickets=tickets,
        journal=PgJournal(session),
        people=people,
        chain=Chain(session),
        verifier=FileVerifier(place.workspace.public_keys, chained=PgRotations(session).hashes),
        clock=clock,
    )
    file = FileChannel(place.workspace.root / "tickets", partial(write_whole, mode=READ_WRITE))
    hinder = HinderDoors(people, issue.decisions, lambda book: place.setup(book).policy)
    publish = PublishDoors(
        runs=issue.runs,
        scores=PgScores(session),
        decisions=issue.decisions,
        config=PgConfig(session),
        write=Artefacts(place.workspace.root).write,
        render=ticket_markdown,
        versions=made_with,
        hinder=lambda issued: hindrances_shown(issued, tickets, hinder, now=clock.now()),
    )
    return TicketingDoors(place, issue, publish, DeliverDoors(tickets, hinder, (file,), ticket_markdown, clock))


if __name__ == "__main__":
    raise SystemExit(main())
