"""Facts that three days of a paper book do not bring: jobs, deliveries, answers, cash, halts and what else people decide."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from adapters.postgres.connect import Session
from adapters.postgres.people import PgPeople
from adapters.postgres.tickets import PgConfirmations, PgTickets
from cli.wiring import Desk
from core.domain.backup import AcknowledgedLoss
from core.domain.confirmation import Confirmation, NotExecuted
from core.domain.facts import AuditHead
from tests.integration.workspaces import DAY, morning


def add_the_rest(desk: Desk) -> None:
    """Add what three days of a paper book do not: jobs, deliveries, answers, cash, halts and what else people decide."""
    people, tickets = PgPeople(desk.session("person")), PgTickets(desk.session("ticketing"))
    for number in (1, 2):
        desk.session("quant").add("job", [{"job_id": f"JOB-{number}", "kind": "training", "body": "{}"}])
        desk.session("quant").add("job_step", [{"job_id": f"JOB-{number}", "state": "done", "body": "{}"}])
        model = {"book": "other", "as_of": DAY, "hash": f"{number}", "card": "{}", "body": f"tree {number}"}
        desk.session("quant").add("model", [model])
        tried = {"asked": f"{number}", "strategy": "s", "first": DAY, "last": DAY, "sessions": 1, "sharpe": number}
        desk.session("quant").add("trial", [tried])
        pinned = {"book": "other", "hash": f"{number}", "said_by": "p", "reason": "because"}
        desk.session("person").add("model_pin", [pinned])
        desk.session("desk").add("clean_snapshot", [{"hash": f"{number}", "body": "{}"}])
        tickets.add_delivery(f"TICKET-{DAY:%Y%m%d}", "file", outcome=f"sent {number}")
        people.halt("other", f"halt {number}")
        people.resume("other", by="p", reason=f"resume {number}", peaks={"other": DAY})
        people.acknowledge_loss(AcknowledgedLoss(f"backup-{number}", AuditHead(number, ""), 9, by="p", reason="gone"))
        people.set_phase("other", "BC"[number - 1], by="p", reason="because", frozen={"policy": f"{number}"})
        people.open_window("other", by="p", reason="because", frozen={"policy": f"{number + 2}"})
        attest_and_put_back(desk.session("person"), number)
        people.verify_instrument("AAPL", DAY + timedelta(days=number), by="p", note="")
        move(people, number)
        book_from_a_file(desk.session("person"), number)
    waiting = [item for item in tickets.tickets("main") if item.ticket.kind == "TRADE"][-1].ticket
    for line in waiting.lines[:2]:
        answer = NotExecuted(line.line, "closed")
        said = Confirmation(waiting.ticket_id, 1, waiting.short_hash, "p", "terminal", morning(DAY), (answer,))
        PgConfirmations(desk.session("confirm")).add_confirmation(said, is_late=False)


def attest_and_put_back(person: Session, number: int) -> None:
    """Keep that somebody checked something, and put an earlier policy back."""
    shown = {"sha256": f"{number}", "name": "seen.png", "content": "", "said_by": "p", "note": ""}
    person.add("attestation", [{"book": "other", "item": "fractions", "holds": True} | shown])
    put_back = {
        "book": "other",
        "kind": "policy",
        "hash": f"{number}",
        "replaced": "",
        "said_by": "p",
        "reason": "because",
    }
    person.add("config_restore", [put_back])


def book_from_a_file(person: Session, number: int) -> None:
    """Keep a statement's file and a fact of it."""
    file = {"account": "main", "broker": "generic", "form": "csv", "name": "a.csv", "content": "", "said_by": "p"}
    person.add("statement_file", [{"sha256": f"{number}"} | file])
    fact = {"kind": "FEE", "account": "main", "book": "other", "venue": "manual", "session": DAY, "body": "{}"}
    said = {"statement": f"{number}", "reverses": f"other {number}", "said_by": "p", "note": ""}
    person.add("booked_fact", [{"key": f"booked-{number}"} | fact | said])


def move(people: PgPeople, number: int, book: str = "other") -> None:
    """Keep a movement of cash."""
    pounds = Decimal(number)
    key = f"{book}-{number}"
    people.move_cash(key, book=book, venue="manual", session=DAY, amount=pounds, currency="GBP", by="p", note="")
