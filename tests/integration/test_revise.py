"""Revising: a person lets a slot be decided again, and the ticket before is void; what nobody finished is closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from adapters.clock import FixedClock, SystemClock
from adapters.postgres.connect import DatabaseError
from adapters.postgres.people import PgPeople
from adapters.postgres.runs import PgDecisions, PgRuns
from adapters.postgres.tickets import PgTickets
from adapters.render.markdown import ticket_markdown
from cli.main import main
from flows.deliver import DeliverDoors, Undeliverable, deliver
from flows.hindered import HinderDoors
from tests.integration.forking import Forker, forking, job
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Done,
    Workspaces,
    counts,
    desk_of,
    held,
    live_tickets,
    make_manual,
    morning,
    superuser,
    the_time_is,
    twokey,
)
from tests.servers.playing import Five

KEEPS_SERVERS = True
LABEL = f"{DAY:%Y%m%d}"
TICKET, FIRST_RUN, SECOND_RUN = f"TICKET-{LABEL}", f"RUN-{LABEL}-r1", f"RUN-{LABEL}-r2"
SAID = ("--revise", "--by", "Ada", "--reason", "the bars came late")


@pytest.fixture(scope="module")
def forker(workspaces: Workspaces) -> Iterator[Forker]:
    """Give the process that starts commands at the same moment."""
    with forking(workspaces) as forker:
        yield forker


@pytest.fixture(scope="module")
def decided(workspaces: Workspaces) -> Path:
    """Give a workspace with one slot decided on paper; its server is stopped."""
    root = workspaces.copy("decided", *BUSY)
    assert twokey(root, "run", "--on", str(DAY)).facts["kind"] == "TRADE"
    return root


@pytest.fixture(scope="module")
def asked(workspaces: Workspaces) -> Path:
    """Give a workspace with a ticket that a person executes and has not answered."""
    root = workspaces.copy("asked-by-hand", *BUSY)
    make_manual(root)
    with the_time_is(morning(DAY)):
        assert twokey(root, "run").facts["kind"] == "TRADE"
    return root


def revise(root: Path, *arguments: str) -> Done:
    """Revise the slot."""
    return twokey(root, "run", "--on", str(DAY), *(arguments or SAID))


def problem_of(root: Path) -> str | None:
    """Say what is wrong with the chain."""
    with desk_of(root) as desk:
        return desk.chain.verify(desk.heads.kept()).problem


def test_a_revision_has_a_run_of_its_own_and_voids_the_ticket_before(workspaces, decided):
    """The new ticket names the old revision; both runs replay; the rows say who and why; running again gives it."""
    root = workspaces.copy("revised", of=decided)
    old = (root / "tickets" / f"{TICKET}.json").read_bytes()

    done = revise(root)

    assert (done.code, done.facts["run_id"], done.facts["ticket_id"]) == (0, SECOND_RUN, TICKET)
    ticket = json.loads((root / "tickets" / f"{TICKET}.json").read_text())["ticket"]
    assert (ticket["revision"], ticket["voids"], ticket["kind"]) == (2, 1, "TRADE")
    void = json.loads((root / "tickets" / f"{TICKET}-r1.json").read_text())
    assert void.pop("void") == {"by": "Ada", "reason": "the bars came late", "revision": 1, "ticket_id": TICKET}
    assert void == json.loads(old)
    assert (root / "tickets" / f"{TICKET}-r1.md").read_text().startswith("> **VOID.** Revision 2 stands in the place")
    assert "(revision 2)" in (root / "tickets" / f"{TICKET}.md").read_text().splitlines()[0]
    for run_id in (FIRST_RUN, SECOND_RUN):
        assert twokey(root, "replay", run_id).code == 0
    with desk_of(root) as desk:
        reader = desk.session("reader")
        assert reader.one("SELECT run_id, said_by, reason FROM revision") == {
            "run_id": SECOND_RUN,
            "said_by": "Ada",
            "reason": "the bars came late",
        }
        assert [row[1] for row in live_tickets(reader)] == [1, 2]
        steps = reader.all(
            "SELECT t.revision, s.step FROM ticket_step s JOIN ticket t ON t.id = s.ticket ORDER BY s.id"
        )
        assert [tuple(row.values()) for row in steps] == [
            (1, "drafted"),
            (1, "issued"),
            (1, "void"),
            (2, "drafted"),
            (2, "issued"),
        ]
    assert twokey(root, "run", "--on", str(DAY)).out == done.out
    assert revise(root).out == done.out
    assert problem_of(root) is None


def test_the_paper_venue_fills_the_live_revision_alone(workspaces, decided):
    """What is booked of a revised slot rests on the new ticket's lines."""
    root = workspaces.copy("filled", of=decided)
    assert revise(root).code == 0

    assert twokey(root, "run", "--on", str(DAY + ONE_DAY)).code == 0

    query = (
        "SELECT DISTINCT t.revision FROM venue_report v JOIN ticket_line l ON l.id = v.ticket_line"
        " JOIN ticket t ON t.id = l.ticket"
    )
    with desk_of(root) as desk:
        assert desk.session("reader").all(query) == [{"revision": 2}]


def test_other_words_make_another_revision(workspaces, decided):
    """A third decision of the slot voids the second; the first stays void, and each is kept on file."""
    root = workspaces.copy("twice", of=decided)
    assert revise(root).code == 0

    done = revise(root, "--revise", "--by", "Ada", "--reason", "and once more")

    assert done.facts["run_id"] == f"RUN-{LABEL}-r3"
    assert {path.name for path in (root / "tickets").iterdir()} == {
        f"{TICKET}{tail}.{kind}" for tail in ("", "-r1", "-r2") for kind in ("md", "json")
    }
    assert "Revision 3 stands in the place" in (root / "tickets" / f"{TICKET}-r2.md").read_text()


def test_a_revision_that_ends_in_no_trade_leaves_no_trades_on_file(workspaces, decided):
    """The files of trades are written over: nobody finds the void approval by its name."""
    root = workspaces.copy("halted", of=decided)
    assert twokey(root, "halt", "wait").code == 0

    done = revise(root)

    assert (done.code, done.facts["kind"]) == (3, "NO-TRADE")
    for name in ("approved", "proposed"):
        facts = json.loads((root / "trades" / f"{name}_{DAY}.json").read_text())
        assert set(facts) == {"stamps", "void"}


def test_a_slot_is_revised_only_while_nothing_of_it_was_answered(workspaces, asked):
    """One answered line is enough; the words name it, and nothing is opened or voided."""
    root = workspaces.copy("answered", of=asked)
    with the_time_is(morning(DAY)):
        show = twokey(root, "ticket", "show", TICKET).facts
        answer = ("--hash", show["short_hash"], "--by", "p", "--line", "2 not executed: closed")
        assert twokey(root, "confirm", TICKET, *answer).code == 0

        refused = twokey(root, "run", *SAID)

    assert refused.code == 2
    assert f"{TICKET} is not revised: line 2 was answered" in refused.err
    with desk_of(root) as desk:
        rows = counts(desk.session("reader"))
        assert (rows["run"], rows["revision"]) == (1, 0)


def test_a_void_ticket_cannot_be_confirmed(workspaces, asked):
    """Whoever quotes the old hash is told that it is void, by whom and why; the database holds it too."""
    root = workspaces.copy("void-confirmed", of=asked)
    with the_time_is(morning(DAY)):
        old = twokey(root, "ticket", "show", TICKET).facts["short_hash"]
        done = twokey(root, "run", *SAID)
        assert done.code == 0
        answer = ("--hash", old, "--by", "p", "--line", "1 not executed: closed")

        refused = twokey(root, "confirm", TICKET, *answer)

    assert refused.code == 2
    assert f"{old} is revision 1 of {TICKET}, which is void: Ada revised it (the bars came late)" in refused.err
    assert done.facts["hash"][:8] in refused.err
    insert = (
        "INSERT INTO confirmation_line (confirmation, ticket_line, outcome, body)"
        " SELECT 1, l.id, 'filled', '{}' FROM ticket_line l JOIN ticket t ON t.id = l.ticket WHERE t.revision = 1 LIMIT 1"
    )
    with superuser(root) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege, match="revision 1 is void"):
        connection.execute(insert)


@pytest.mark.parametrize("before", ["decision", "ticket"])
def test_a_revision_that_was_cut_short_leaves_no_live_ticket_and_goes_on(workspaces, forker, asked, before):
    """Between the person's word and the new ticket nothing can be answered; either command ends it, once."""
    root = workspaces.copy(f"cut-{before}", of=asked)
    with held(root):
        old = json.loads((root / "tickets" / f"{TICKET}.json").read_text())["short_hash"]
        forker.run(root, "run", *SAID, at=morning(DAY), kill_before=before)
        with the_time_is(morning(DAY)):
            refused = twokey(root, "confirm", TICKET, "--hash", old, "--by", "p", "--line", "1 not executed: closed")
            with desk_of(root) as desk, pytest.raises(Undeliverable, match="revision 1 is void"):
                deliver(
                    TICKET,
                    DeliverDoors(
                        PgTickets(desk.session("ticketing")),
                        HinderDoors(
                            PgPeople(desk.session("ticketing")),
                            PgDecisions(desk.session("ticketing")),
                            lambda book: desk.configuration(book).setup.policy,
                        ),
                        (),
                        ticket_markdown,
                        SystemClock(),
                    ),
                )
            with Five(root, on=None, clock=FixedClock(morning(DAY))) as five:
                five("ticketing.render_ticket_md", run_id=FIRST_RUN)
            assert set(json.loads((root / f"trades/approved_{DAY}.json").read_text())) == {"stamps", "void"}
            between = (root / "tickets" / f"{TICKET}.md").read_text()
            again = twokey(root, "run", *(SAID if before == "ticket" else ()))

    assert (refused.code, "which is void: Ada revised it" in refused.err) == (2, True)
    assert between.startswith("> **VOID.**")
    assert (again.code, again.facts["run_id"]) == (0, SECOND_RUN)
    with desk_of(root) as desk:
        assert [row[:2] for row in live_tickets(desk.session("reader"))] == [(LABEL, 1), (LABEL, 2)]


def test_a_void_ticket_that_is_shown_says_so_first(workspaces, forker, asked, capsys):
    """With no form named as in each of them: while the revision is not there, the old ticket is all there is to see."""
    root = workspaces.copy("shown-void", of=asked)
    with held(root):
        forker.run(root, "run", *SAID, at=morning(DAY), kill_before="ticket")
        shown = []
        for form in ((), ("--as", "md")):
            assert main(["ticket", "show", "-w", str(root), TICKET, *form]) == 0
            shown.append(capsys.readouterr().out)
        facts = twokey(root, "ticket", "show", TICKET).facts
        html = twokey(root, "ticket", "show", TICKET, "--as", "html").facts

    assert [words.startswith("> **VOID.** Revision 2 stands in the place") for words in shown] == [True, True]
    assert facts["void"] == {"by": "Ada", "reason": "the bars came late", "revision": 1, "ticket_id": TICKET}
    assert html["is_void"] is True
    assert "VOID. Revision 2 stands in the place" in Path(html["path"]).read_text()


def test_two_revisions_at_once_give_one(workspaces, forker, decided):
    """Both processes say the same ticket, and one revision is kept."""
    root = workspaces.copy("at-once", of=decided)
    asking = ("run", "--on", str(DAY), *SAID)
    with held(root):
        ended = forker.together(job(root, *asking), job(root, *asking))
        with desk_of(root) as desk:
            rows = counts(desk.session("reader"))

    assert [(one.done.code, one.done.err) for one in ended] == [(0, "")] * 2
    assert ended[0].done.facts["hash"] == ended[1].done.facts["hash"]
    assert (rows["run"], rows["revision"], rows["ticket"]) == (2, 1, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--revise",), "--revise is a person's act: say --by NAME and --reason WORDS"),
        (("--revise", "--by", "Ada", "--reason", " "), "say --by NAME and --reason WORDS"),
        (("--by", "Ada"), "--by and --reason belong to --revise"),
    ],
)
def test_who_and_why_belong_to_a_revision(workspaces, arguments, words):
    """Half of it is refused before anything is opened."""
    refused = revise(workspaces.prepared, *arguments)

    assert (refused.code, words in refused.err) == (2, True)


def test_what_cannot_be_revised_is_refused(workspaces, decided):
    """A slot without a ticket, and one before a slot that was decided."""
    root = workspaces.copy("refused", of=decided)
    tomorrow = DAY + ONE_DAY
    early = twokey(root, "run", "--on", str(tomorrow), *SAID)
    assert twokey(root, "run", "--on", str(tomorrow)).code == 0
    late = revise(root)

    assert (early.code, f"slot {tomorrow:%Y%m%d} has no ticket to revise" in early.err) == (2, True)
    assert (late.code, f"slot {LABEL} is before {tomorrow:%Y%m%d}" in late.err) == (2, True)


def test_no_other_role_opens_a_revision(workspaces, decided):
    """The doors that open runs open first ones only."""
    root = workspaces.copy("roles", of=decided)
    with desk_of(root) as desk:
        setup = desk.configuration("main").setup
        run = setup.run_of(DAY, today=DAY + ONE_DAY, snapshot=desk.clean.current(), revision=2)
        for role in ("desk", "quant"):
            with pytest.raises(DatabaseError, match="a person revises a slot"):
                PgRuns(desk.session(role)).open_run(run)
        with pytest.raises(DatabaseError, match="permission denied"):
            PgRuns(desk.session("ticketing")).revise_run(run, by="x", reason="y")


# --- what nobody finished ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["score_set", "decision", "ticket"])
def test_a_slot_whose_run_was_abandoned_is_closed_by_the_next(workspaces, forker, before):
    """Killed and never started again: the next slot's run gives it a NO-TRADE that says so, which replays."""
    root = workspaces.copy(f"left-before-{before}", *BUSY)
    with held(root):
        forker.run(root, "run", "--on", str(DAY), kill_before=before)

        done = twokey(root, "run", "--on", str(DAY + ONE_DAY))

        assert done.code == 0, done.err
        with desk_of(root) as desk:
            tickets = [row[:3] for row in live_tickets(desk.session("reader"))]
            lines = desk.session("reader").all("SELECT DISTINCT ticket FROM ticket_line")
        assert tickets == [(LABEL, 1, "NO-TRADE"), (f"{DAY + ONE_DAY:%Y%m%d}", 1, "TRADE")]
        assert len(lines) == 1
        ticket = json.loads((root / "tickets" / f"{TICKET}.json").read_text())["ticket"]
        assert ticket["reasons"][0].startswith(f"run not finished: {FIRST_RUN} was opened and ended in no ticket")
        assert not (root / "trades" / f"approved_{DAY}.json").exists()
        assert twokey(root, "replay", FIRST_RUN).code == 0
        assert problem_of(root) is None


def test_an_abandoned_revision_is_closed_too(workspaces, forker, decided):
    """The slot ends in the revision's NO-TRADE; the ticket that it voided stays void and is never filled."""
    root = workspaces.copy("left-revision", of=decided)
    with held(root):
        forker.run(root, "run", "--on", str(DAY), *SAID, kill_before="ticket")

        done = twokey(root, "run", "--on", str(DAY + timedelta(days=1)))

        assert done.code == 0, done.err
        with desk_of(root) as desk:
            reader = desk.session("reader")
            assert [row[1:3] for row in live_tickets(reader)] == [(1, "TRADE"), (2, "NO-TRADE"), (1, "TRADE")]
            assert reader.all("SELECT 1 FROM venue_report WHERE ticket_line IS NOT NULL") == []


def test_a_slot_left_open_on_a_day_without_session_is_closed(workspaces):
    """Opened by another door and left: a holiday's run has no window, and its ticket says that too."""
    root = workspaces.copy("left-holiday")
    holiday = date(2024, 2, 19)
    with desk_of(root) as desk:
        setup = desk.configuration("main").setup
        run = setup.run_of(holiday, today=holiday, snapshot=desk.clean.current())
        PgRuns(desk.session("quant")).open_run(run)

    assert twokey(root, "run", "--on", str(holiday + ONE_DAY)).code in (0, 3)

    ticket = json.loads((root / "tickets" / f"TICKET-{holiday:%Y%m%d}.json").read_text())["ticket"]
    assert (ticket["kind"], "ended in no ticket before its day ended" in ticket["reasons"][0]) == ("NO-TRADE", True)
