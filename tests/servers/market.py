"""A small synthetic market in a workspace, and what people and the clock do there before the servers come."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from adapters.files.workspace import Workspace
from adapters.postgres.people import PgPeople
from cli.wiring import Desk
from core.domain.bars import Basis, Fixing
from core.domain.confirmation import Answer, Confirmation, Executed
from core.domain.panel import Panel
from flows.confirm import confirm
from flows.settle import post_unposted, settle

SEED = 7
FIRST, LAST = date(2023, 4, 3), date(2024, 6, 28)
# A Monday on which the shipped policy rebalances.
MONDAY = date(2024, 6, 10)
AS_OF = date(2024, 6, 7)


def publish_market(root: Path) -> str:
    """Publish a random walk of the whole universe as the clean set, and give its hash."""
    with Desk(Workspace(root)) as desk:
        setup = desk.configuration("main").setup
        names = tuple(row.id for row in setup.universe.instruments)
        sessions = setup.calendar.sessions_between(FIRST, LAST)
        random = np.random.default_rng(SEED)
        steps = random.normal(0.0004, 0.012, (len(sessions), len(names))) + random.normal(0, 0.0008, len(names))
        close = (100 * np.exp(np.cumsum(steps, axis=0))).round(4)
        opened = np.vstack([close[:1], close[:-1]])
        panel = Panel(
            sessions=np.array(sessions, dtype="datetime64[D]"),
            instruments=names,
            open=opened,
            high=np.maximum(opened, close),
            low=np.minimum(opened, close),
            close=close,
            adj_close=close.copy(),
            volume=np.full(close.shape, 1e6),
            basis=tuple(Basis("split-adjusted", sessions[-1]) for _ in names),
            provider=tuple("synthetic" for _ in names),
            knowledge="assumed",
            snapshot="",
        )
        rates = (("GBP", "0.86"), ("USD", "1.08"))
        fixings = [Fixing(day, currency, Decimal(rate)) for day in sessions for currency, rate in rates]
        return desk.clean.publish(panel, fixings, made_of={})


def settle_opening(root: Path, day: date = MONDAY) -> None:
    """Let the clock settle the paper book on the morning of a day, as it does before anything is decided."""
    with Desk(Workspace(root)) as desk:
        setup = desk.configuration("main").setup
        run = setup.run_of(day, today=LAST, snapshot=desk.clean.current())
        settle(setup.frame(run), desk.settle_doors(desk.clean))
        desk.heads.keep(desk.chain.head())


def make_manual(root: Path, *, deposited: Decimal = Decimal(10_000)) -> None:
    """Do what a person does to trade by hand: the venue, the money, the phase, and looking up every instrument."""
    policy = root / "config" / "policy.yml"
    policy.write_text(policy.read_text(encoding="utf-8").replace("venue: paper", "venue: manual"), encoding="utf-8")
    with Desk(Workspace(root)) as desk:
        people, book = PgPeople(desk.session("person")), desk.configuration("main").setup
        people.set_phase("main", "C", by="a test", reason="a test")
        for row in book.universe.instruments:
            people.verify_instrument(row.id, AS_OF, by="a test", note="")
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
            desk.confirm_doors,
        )
        desk.heads.keep(desk.chain.head())
