"""What a restore does to the files of a workspace: lost tickets are moved aside, and what the books hold is written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.files.lost import TicketFiles
from adapters.postgres.tickets import PgTickets
from cli.wiring import Desk
from core.domain.slot import MAIN_BOOK
from flows.backup import Acknowledged, RestoredBackup
from flows.lost import LATEST, lost_files, marked
from flows.publish import publish


@dataclass(frozen=True)
class MovedAside:
    """The lost tickets, the files that were moved and where to, and what went wrong in writing files again."""

    tickets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    folder: str | None = None
    problems: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """Give the lines for a person, if there is something to say."""
        if not self.files:
            return [*self.problems]
        what = f"lost: {', '.join(self.tickets)}; do not execute anything of it"
        return [f"{what}\n{len(self.files)} files of it were moved to {self.folder}/, marked LOST", *self.problems]


def put_right(desk: Desk, restored: RestoredBackup, said: Acknowledged | None, *, at: datetime) -> MovedAside:
    """Move aside the files of tickets that the restored database does not keep, and write anew what stands in their place."""
    files, tickets = TicketFiles(desk.workspace.root), PgTickets(desk.session("ticketing"))
    lost = lost_files(files.texts(), tickets.kept())
    names = [*lost.files, *([LATEST] if files.is_copy(LATEST, of=_signals(lost.files)) else ())]
    folder = f"lost/{at:%Y%m%dT%H%M%S%f}"
    words = f"It was lost in the restore of {restored.manifest.name}" + (
        f": {said.by}: {said.reason}." if said else "."
    )
    moved: list[str] = []
    problems: list[str] = []
    for name in names:
        try:
            moved += files.move((name,), folder, lambda name, text: marked(name, text, words))
        except OSError as error:
            problems.append(f"{name} is lost and could not be moved aside, do not execute anything of it: {error}")
    problems += _written_anew(desk, tickets, lost.tickets, latest=LATEST in moved)
    return MovedAside(lost.tickets, tuple(moved), folder if moved else None, tuple(problems))


def _signals(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.startswith("signals/")]


def _written_anew(desk: Desk, tickets: PgTickets, lost: Sequence[str], *, latest: bool) -> tuple[str, ...]:
    """Publish what the database keeps under the ids of lost tickets, and the books; gives what could not be written."""
    newest = [one.ticket.ticket_id for one in tickets.tickets(MAIN_BOOK)[-1:]] if latest else []
    problems = []
    for ticket_id in sorted({*lost, *newest}):
        standing = tickets.ticket(ticket_id)
        try:
            if standing is not None:
                publish(standing.issued, desk.publish_doors, voided=tickets.voided(ticket_id))
        except (RuntimeError, ValueError, OSError) as error:
            problems.append(f"the files of {ticket_id} could not be written again: {error}")
    desk.changed()
    return tuple(problems)
