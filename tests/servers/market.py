"""A small synthetic market in a workspace, and what people and the clock do there before the servers come."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from adapters.files.workspace import Workspace
from adapters.postgres.people import PgPeople
from adapters.versions import code_hash
from cli.commands.ingest import ingest_into, synthetic_source
from cli.wiring import Desk
from core.domain.confirmation import Answer, Confirmation, Executed
from flows.confirm import confirm
from flows.look import hashes_now
from flows.settle import post_unposted, settle

SEED = 7
FIRST, LAST = date(2023, 4, 3), date(2024, 6, 28)
# A Monday on which the shipped policy rebalances.
MONDAY = date(2024, 6, 10)
AS_OF = date(2024, 6, 7)


def publish_market(root: Path) -> str:
    """Ingest a synthetic market of the whole universe, and give its clean set's hash."""
    with Desk(Workspace(root)) as desk:
        configuration = desk.configuration("main")
        report = ingest_into(desk, configuration, [synthetic_source(configuration, SEED, FIRST, LAST)])
        assert report.snapshot is not None, report.findings
        return report.snapshot


def settle_opening(root: Path, day: date = MONDAY) -> None:
    """Let the clock settle the paper book on the morning of a day, as it does before anything is decided."""
    with Desk(Workspace(root)) as desk:
        setup = desk.configuration("main").setup
        run = setup.run_of(day, today=LAST, snapshot=desk.clean.current())
        settle(setup.frame(run), desk.settle_doors(desk.clean))
        desk.heads.keep(desk.chain.head())


def make_manual(root: Path, *, deposited: Decimal = Decimal(10_000), verified: bool = True) -> None:
    """Do what a person does to trade by hand: the venue, the money, the phase, and looking up every instrument, or none."""
    policy = root / "config" / "policy.yml"
    policy.write_text(policy.read_text(encoding="utf-8").replace("venue: paper", "venue: manual"), encoding="utf-8")
    with Desk(Workspace(root)) as desk:
        people, book = PgPeople(desk.session("person")), desk.configuration("main").setup
        for row in book.universe.instruments if verified else ():
            people.verify_instrument(row.id, AS_OF, by="a test", note="")
        frozen = hashes_now(desk.configuration("main").setup, model=None, code=code_hash())
        people.set_phase("main", "C", by="a test", reason="a test", frozen=frozen)
        people.move_cash(
            "deposit-1",
            book="main",
            venue="manual",
            session=AS_OF,
            amount=deposited,
            currency="GBP",
            by="a test",
            note="",
        )
        post_unposted(book.policy, desk.settle_doors(desk.clean))
        desk.heads.keep(desk.chain.head())


def answer_lines(root: Path, ticket_id: str, lines: tuple[int, ...], *, at: datetime) -> None:
    """Do what a person does who executed lines of a ticket as decided; nothing is posted."""
    with Desk(Workspace(root)) as desk:
        standing = desk.confirm_doors.tickets.ticket(ticket_id)
        assert standing is not None, ticket_id
        ticket = standing.issued.ticket
        answers: list[Answer] = [
            Executed(line.line, line.quantity, line.decision_price, Decimal("0.10"), Decimal("1.25"), is_partial=False)
            for line in ticket.lines
            if line.line in lines
        ]
        confirm(
            Confirmation(ticket_id, ticket.revision, ticket.short_hash, "a test", "terminal", at, tuple(answers)),
            desk.configuration("main").setup.policy,
            desk.confirm_doors,
        )
        desk.heads.keep(desk.chain.head())
