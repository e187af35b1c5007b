"""Replays and races: what was done once and is done again, or a hundred times at once, is done once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from adapters.postgres.chain import Chain
from adapters.postgres.connect import Session
from adapters.postgres.journal import PgJournal
from adapters.postgres.location import Server
from adapters.postgres.people import PgPeople
from adapters.postgres.rights import Role
from adapters.postgres.runs import PgDecisions, PgRuns, PgScores
from adapters.postgres.tickets import PgConfirmations, PgTickets
from core.domain.confirmation import Confirmation, Executed
from core.domain.ticket import IssuedTicket
from flows.books import StoreError
from flows.confirm import ConfirmDoors, Refusal, confirm
from flows.daily import SlotRefused
from flows.issue import issue_ticket
from servers.refusals import Code
from tests.bypass.stages import BY, FEE, FEW, RATE, Stage, first_of, staged
from tests.integration.workspaces import DAY, ONE_DAY, Workspaces, make_manual, morning
from tests.servers.playing import Five, Said

KEEPS_SERVERS = True
RUN, TICKET = f"RUN-{DAY:%Y%m%d}-r1", f"TICKET-{DAY:%Y%m%d}"
THREADS, SERVERS = 20, 4
# In this order; what each is called with, how often at once, and the rows of a table that there are then.
STORMS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "scoring": ("quant.run_scoring", {"book": "main"}, 20, "run: 1"),
    "proposing": ("riskguard.build_target_portfolio", {"run_id": RUN}, 20, "proposal: 1"),
    "approving": ("riskguard.approve_trades", {"run_id": RUN}, 100, "approval: 1"),
    "issuing": ("ticketing.render_ticket_md", {"run_id": RUN}, 100, "ticket: 1"),
    "sending": ("ticketing.send_ticket", {"ticket_id": TICKET}, 20, "ticket_step WHERE step = 'sent': 1"),
    "posting": ("ledger.write_fills", {"ticket_id": TICKET}, 100, "entry: 4"),
    "receiving": ("ticketing.receive_confirmation", {"ticket_id": TICKET}, 20, "confirmation: 1"),
    "halting": ("riskguard.halt_trading", {"book": "main", "reason_code": "AGENT_UNSURE"}, 100, "halt: 1"),
}


@dataclass(frozen=True)
class Stormed:
    """What a storm of calls came to: what was answered, and the rows that there are after it."""

    answers: list[Said]
    made: str


@dataclass(frozen=True)
class Played:
    """A day that was played with everything asked for a hundred times at once, and what came of each."""

    stage: Stage
    storms: dict[str, Stormed]
    issued: list[IssuedTicket]
    answered: list[str]


@pytest.fixture(scope="module")
def played(workspaces: Workspaces) -> Iterator[Played]:
    """Play a day of a book that a person trades, each step a hundred times at once, the answers of twenty at once."""
    root = workspaces.copy("stormed", FEW)
    make_manual(root)
    with staged(root) as stage:
        storms: dict[str, Stormed] = {}
        issued: list[IssuedTicket] = []
        answered: list[str] = []
        for name, (tool, arguments, count, made) in STORMS.items():
            if name == "issuing":
                issued = issue_at_once(stage)
            if name == "posting":
                answered = answer_at_once(stage, issued[0])
            answers = storm(stage, tool, arguments, count=count)
            rows = first_of(stage.rows(f"SELECT count(*) FROM {made.partition(':')[0]}"))
            storms[name] = Stormed(answers, f"{made.partition(':')[0]}: {rows}")
        yield Played(stage, storms, issued, answered)
        assert stage.judge() == ""


def storm(stage: Stage, tool: str, arguments: dict[str, Any], *, count: int) -> list[Said]:
    """Call a tool many times at once, through four servers with connections of their own."""
    fives = [stage.five(DAY) for _ in range(SERVERS)]
    try:
        for five in fives:
            five.server(tool.partition(".")[0])
        with ThreadPoolExecutor(THREADS) as pool:
            calls: list[Five] = [fives[number % SERVERS] for number in range(count)]
            return list(pool.map(lambda five: five(tool, **arguments), calls))
    finally:
        for five in fives:
            five.__exit__()


def at_once(stage: Stage, role: Role, done: Callable[[Session], Any]) -> list[Any]:
    """Do something in twenty threads at once, each with a connection of its own as a role."""
    server = Server(stage.root / "pg", stage.root / "secrets")
    location = server.start()

    def one(_: int) -> Any:
        with closing(Session(location, role, stage.root / "secrets")) as session:
            return done(session)

    try:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(one, range(THREADS)))
    finally:
        server.release()


def issue_at_once(stage: Stage) -> list[IssuedTicket]:
    """Issue the day's ticket on direct calls, twenty at once."""
    setup, doors = stage.desk.configuration("main").setup, stage.desk.day_doors(stage.moment(DAY)).issue

    def issue(session: Session) -> IssuedTicket:
        books = replace(
            doors,
            runs=PgRuns(session),
            scores=PgScores(session),
            decisions=PgDecisions(session),
            tickets=PgTickets(session),
            journal=PgJournal(session),
            people=PgPeople(session),
            chain=Chain(session),
        )
        return issue_ticket(RUN, setup, books)

    return at_once(stage, "ticketing", issue)


def said_of(issued: IssuedTicket, **changes: Any) -> Confirmation:
    """Give the answer of a person who executed every line as decided, changed."""
    ticket = issued.ticket
    answers = tuple(
        Executed(line.line, line.quantity, line.decision_price, FEE, RATE, is_partial=False) for line in ticket.lines
    )
    at = morning(DAY) + timedelta(hours=11)
    return replace(Confirmation(TICKET, 1, ticket.short_hash, BY, "terminal", at, answers), **changes)


def answer_at_once(stage: Stage, issued: IssuedTicket) -> list[str]:
    """Answer every line, twenty at once; gives what each was told."""
    policy, clean = stage.desk.configuration("main").setup.policy, stage.desk.clean

    def answer(session: Session) -> str:
        doors = ConfirmDoors(PgTickets(session), PgConfirmations(session), PgJournal(session), clean)
        try:
            confirm(said_of(issued), policy, doors)
        except (Refusal, StoreError) as error:
            return str(error)
        return ""

    return at_once(stage, "confirm", answer)


@pytest.mark.parametrize("name", STORMS)
def test_many_at_once(played, name):
    """Every one of them is answered, and what it makes is made once."""
    stormed = played.storms[name]

    assert len(stormed.answers) == STORMS[name][2]
    assert {said.code for said in stormed.answers} == {None}
    assert stormed.made == STORMS[name][3]


def test_a_hundred_postings_post_each_fill_once(played):
    """The fills that all of them say they posted are the three lines of the ticket."""
    assert sum(said["fills"] for said in played.storms["posting"].answers) == 3


def test_many_sendings_put_the_same_bytes_there(played):
    """Each server sends at most once; two that meet write the same file, and the ticket's life has one step of it."""
    said = played.storms["sending"].answers
    file = played.stage.root / "tickets" / f"{TICKET}.json"

    assert 1 <= [one["was_sent"] for one in said].count(False) <= SERVERS
    assert f'"hash":"{played.issued[0].ticket.hash}"' in file.read_text(encoding="utf-8")


def test_twenty_issue_one_ticket(played):
    """On direct calls too: one ticket, for all of them."""
    assert len({one.ticket.hash for one in played.issued}) == 1
    assert played.issued[0].ticket.kind == "TRADE"


def test_twenty_answers_are_one(played):
    """One is kept; the others are told that the lines were answered."""
    assert len(played.answered) == THREADS
    assert played.answered.count("") == 1


# --- done again -------------------------------------------------------------------------------------------------------

AGAIN: dict[str, dict[str, Any]] = {
    "the same answer": {},
    "the same answer of another person": {"by": "Eve"},
    "the same answer by another channel": {"channel": "web"},
    "the same answer a day later": {"at": morning(DAY) + ONE_DAY},
    "the answer as of the next revision": {"revision": 2},
}


@pytest.mark.parametrize("name", AGAIN)
def test_an_answer_again(played, name):
    """What was answered is answered: nothing replaces it, and nothing is kept beside it."""
    stage, before = played.stage, played.stage.desk.chain.head()

    with pytest.raises(Refusal, match=r"answered before|the answer is for"):
        confirm(
            said_of(played.issued[0], **AGAIN[name]),
            stage.desk.configuration("main").setup.policy,
            stage.desk.confirm_doors,
        )

    assert stage.desk.chain.head() == before


def test_other_numbers_for_an_answered_line(played):
    """Nor is it put right by saying it otherwise: that is a correction of the books, a person's."""
    stage = played.stage
    said = said_of(played.issued[0])
    (first, *_) = said.answers
    assert isinstance(first, Executed)
    other = replace(said, answers=(replace(first, price=first.price + Decimal("0.01")),))

    with pytest.raises(Refusal, match="answered before"):
        confirm(other, stage.desk.configuration("main").setup.policy, stage.desk.confirm_doors)


def test_an_answered_ticket_is_not_revised(played):
    """What was executed stands: the slot is not decided again over it."""
    before = played.stage.desk.chain.head()

    with pytest.raises((SlotRefused, StoreError, Refusal), match="answered"):
        played.stage.revise(DAY)

    assert played.stage.desk.chain.head() == before


def test_a_payment_again(played):
    """The same key again is the same payment; with another amount it is refused."""
    people, day = played.stage.people(), DAY + ONE_DAY

    def pay(amount: int) -> bool:
        return bool(
            people.move_cash(
                "again",
                book="main",
                venue="manual",
                session=day,
                amount=Decimal(amount),
                currency="GBP",
                by=BY,
                note="",
            )
        )

    assert (pay(5), pay(5)) == (True, False)
    with pytest.raises(StoreError, match="said otherwise"):
        pay(500)


def test_a_sent_ticket_after_the_halt(played):
    """A ticket that went out before the halt is not sent again by asking; the next slot makes no trade."""
    before = played.stage.desk.chain.head()
    with played.stage.five(DAY) as five:
        assert five("ticketing.send_ticket", ticket_id=TICKET)["was_sent"] is True
    assert played.stage.desk.chain.head() == before

    with played.stage.five(DAY + ONE_DAY) as five:
        assert five.decided()["kind"] == "NO-TRADE"


def test_the_halt_is_lifted_by_a_person_alone(played):
    """The twin: after a person's resume the halt stops nothing any more, and no server's word lifts it before."""
    stage, day = played.stage, DAY + 2 * ONE_DAY
    with pytest.raises(StoreError, match="permission denied"):
        PgPeople(stage.desk.session("riskguard")).resume("main", by=BY, reason="no person")

    assert stage.people().resume("main", by=BY, reason="looked at") == 1
    assert not any("halted" in reason for reason in stage.day(day).ticket.reasons)


# --- an old revision --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def revised(workspaces: Workspaces) -> Iterator[tuple[Stage, IssuedTicket, IssuedTicket]]:
    """Give a slot that a person revised before anything was answered: its void ticket and the live one."""
    root = workspaces.copy("revised", FEW)
    make_manual(root)
    with staged(root) as stage:
        old = stage.day(DAY)
        yield stage, old, stage.revise(DAY)
        assert stage.judge() == ""


def test_an_answer_that_quotes_a_void_ticket(revised):
    """Its short hash names it, and what was voided is answered no more."""
    stage, old, _ = revised
    before = stage.desk.chain.head()

    with pytest.raises(Refusal, match="is void"):
        confirm(said_of(old), stage.desk.configuration("main").setup.policy, stage.desk.confirm_doors)
    assert stage.desk.chain.head() == before


def test_an_answer_to_a_void_ticket_by_sql(revised):
    """As the role that writes answers, past the flow: the database refuses it too."""
    stage, *_ = revised
    lines = "SELECT l.id FROM ticket_line l JOIN ticket t ON t.id = l.ticket WHERE t.revision = 1"

    confirming = stage.roles["confirm"]

    with confirming.transaction(force_rollback=True):
        confirming.execute(
            "INSERT INTO confirmation (ticket, said_by, channel, said_at, is_late, body)"
            " SELECT id, 'Ada', 'terminal', now(), false, '{}' FROM ticket WHERE revision = 1"
        )
        answer = (
            "INSERT INTO confirmation_line (confirmation, ticket_line, outcome, body)"
            f" SELECT (SELECT max(id) FROM confirmation), id, 'filled', '{{}}' FROM ({lines}) l"
        )
        with pytest.raises(psycopg.Error, match="is void"):
            confirming.execute(answer.encode())


def test_the_run_of_a_void_ticket_gives_the_live_one(revised):
    """Issuing the old revision again makes no ticket: the slot's live one is given."""
    stage, _, live = revised
    before = stage.desk.chain.head()
    with stage.five(DAY) as five:
        said = five("ticketing.render_ticket_md", run_id=RUN)
        decided = five("riskguard.approve_trades", run_id=RUN)

    assert said["hash"] == live.ticket.hash
    assert decided["kind"] == "TRADE"
    assert stage.desk.chain.head() == before


def test_the_live_ticket_is_answered(revised):
    """The twin: what stands in its place takes the answer, and its fills are posted."""
    stage, _, live = revised
    said = said_of(live, revision=2)

    assert confirm(said, stage.desk.configuration("main").setup.policy, stage.desk.confirm_doors).waiting == ()
    assert stage.post() == 3
    with stage.five(DAY) as five:
        assert five("ledger.write_fills", ticket_id=TICKET).code in (None, Code.NOT_CONFIRMED)
