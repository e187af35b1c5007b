"""What only a person does: confirm, cash, halt, resume."""

from __future__ import annotations

import argparse
from decimal import Decimal

from adapters.clock import SystemClock
from adapters.files.workspace import Workspace
from adapters.postgres.people import PgPeople
from adapters.postgres.runs import PgDecisions, PgRuns
from adapters.postgres.tickets import PgTickets
from cli.main import UsageError
from cli.output import emit, place
from cli.terminal import ask, need_terminal
from cli.wiring import Desk, when
from core.domain.confirmation import Confirmation
from core.domain.facts import DESK_SCOPE, Halt
from core.ticketing.answers import AnswerError, parse_answer
from core.ticketing.hindrances import clock_words, scope_words
from flows import confirm as confirming
from flows import resume as resuming
from flows.books import StoreError, TicketStanding
from flows.cash import CashDoors, CashMove, CashRefused, move_cash
from flows.hindered import open_tickets
from flows.lifecycle import follow_ticket
from flows.resume import ResumeDoors
from flows.settle import post_answers


def confirm(arguments: argparse.Namespace) -> int:
    """Keep a person's answers to lines of a ticket and post what was executed; all of them or none."""
    texts = _answers(arguments)
    clock = SystemClock()
    with Desk(Workspace(arguments.workspace)) as desk:
        doors = desk.confirm_doors
        standing = doors.tickets.ticket(arguments.ticket_id)
        if standing is None:
            raise UsageError(f"there is no ticket {arguments.ticket_id}; `twokey ticket list` names those there are")
        ticket = standing.issued.ticket
        policy = desk.configuration(ticket.book).setup.policy
        try:
            confirmation = Confirmation(
                ticket_id=ticket.ticket_id,
                revision=ticket.revision,
                short_hash=arguments.hash,
                by=arguments.by,
                channel="terminal",
                at=clock.now(),
                answers=tuple(parse_answer(text, ticket) for text in texts),
            )
            done = confirming.confirm(confirmation, policy, doors)
        except (AnswerError, confirming.Refusal) as error:
            raise UsageError(str(error)) from error
        posted = post_answers(ticket, desk.settle_doors(desk.clean))
        follow_ticket(ticket.ticket_id, PgTickets(desk.session("ticketing")), now=clock.now())
        desk.changed()
    late = " (LATE)" if done.is_late else ""
    words = f"{len(texts)} answers kept{late}, {posted} fills posted, lines waiting: {list(done.waiting) or 'none'}"
    emit(arguments, {"kept": len(texts), "posted": posted, "waiting": done.waiting, "is_late": done.is_late}, words)
    return 0


def deposit(arguments: argparse.Namespace) -> int:
    """Keep that cash was paid in."""
    return _move(arguments, arguments.amount)


def withdraw(arguments: argparse.Namespace) -> int:
    """Keep that cash was taken out."""
    return _move(arguments, -arguments.amount)


def halt(arguments: argparse.Namespace) -> int:
    """Halt a book or the whole desk, at once, and name the tickets that somebody may be executing.

    A book without a policy is refused, for nothing would be halted.
    """
    workspace = Workspace(arguments.workspace)
    if arguments.book != DESK_SCOPE and not workspace.policy_path(arguments.book).is_file():
        raise UsageError(f"there is no book {arguments.book}; there are {', '.join(workspace.books())}, and * for all")
    # A halt is never refused for its words.
    reason = arguments.reason.strip() or "no reason given"
    with Desk(workspace) as desk:
        PgPeople(desk.session("person")).halt(arguments.book, reason)
        desk.heads.keep(desk.chain.head())
        # Only now: what is halted stays halted, whatever comes of looking.
        found, not_looked = _open_tickets(desk, arguments.book)
    tickets = [_to_stop(standing, at=place(arguments)) for standing in found]
    words = [f"{scope_words(arguments.book)} is halted: {reason}", *(str(told["words"]) for told in tickets)]
    if not_looked is not None:
        words.append(f"could not look which tickets wait ({not_looked}): execute nothing more of any ticket")
    facts = {"scope": arguments.book, "reason": reason, "tickets": tickets, "not_looked": not_looked}
    emit(arguments, facts, "\n".join(words))
    return 0


def _open_tickets(desk: Desk, scope: str) -> tuple[tuple[TicketStanding, ...], str | None]:
    """Give the tickets of a scope that somebody may be executing now, or why nobody can say."""
    clock = SystemClock()
    try:
        tickets = PgTickets(desk.session("reader"))
        # The books of the tickets, not those of the folder: a policy may be gone while its ticket is out.
        books = tickets.books() if scope == DESK_SCOPE else (scope,)
        return open_tickets(books, tickets, now=clock.now()), None
    except (RuntimeError, ValueError, OSError) as error:
        return (), str(error)


def _to_stop(standing: TicketStanding, *, at: str) -> dict[str, object]:
    """Say of a ticket that was halted while somebody may be executing it what is to be done."""
    ticket = standing.issued.ticket
    waiting = ", ".join(str(line) for line in standing.waiting)
    words = (
        f"{ticket.ticket_id} of book {ticket.book} is out, line {waiting} without an answer, its window closes on"
        f" {clock_words(ticket.expires_at)}: execute nothing more of it. Confirm what was executed already, and the other lines"
        f' as not executed: twokey confirm {ticket.ticket_id} --hash {ticket.short_hash}{at} --by NAME --line "LINE ..."'
    )
    return {
        "ticket_id": ticket.ticket_id,
        "book": ticket.book,
        "short_hash": ticket.short_hash,
        "waiting": standing.waiting,
        "expires_at": ticket.expires_at,
        "words": words,
    }


def resume(arguments: argparse.Namespace) -> int:
    """Lift the halts of a scope; a person at a terminal types the scope's name and the reason."""
    need_terminal("resume")
    if not arguments.by.strip():
        raise UsageError("--by was blank; name who resumes; nothing was lifted")
    name = "desk" if arguments.book == DESK_SCOPE else arguments.book
    with Desk(Workspace(arguments.workspace)) as desk:
        person = desk.session("person")
        doors = ResumeDoors(PgPeople(person), PgRuns(person), PgDecisions(person))
        # Whoever lifts halts lifts all of them, and should have read each.
        standing = [halt for halt in doors.people.halts(arguments.book) if halt.scope == arguments.book]
        if not standing:
            raise UsageError(f"{_nothing_to_lift(arguments, desk)}; nothing was lifted")
        told = "".join(f"halted on {halt.at:%Y-%m-%d %H:%M} UTC: {halt.reason}\n" for halt in standing)
        if ask(f"{told}Type the name {name!r} to lift its halts: ") != name:
            raise UsageError("the name did not match; nothing was lifted")
        reason = ask("Why is it safe to go on? ")
        if not reason:
            raise UsageError("a reason is needed; nothing was lifted")
        books = desk.workspace.books() if arguments.book == DESK_SCOPE else (arguments.book,)
        try:
            done = resuming.resume(arguments.book, books, doors, by=arguments.by, reason=reason, seen=standing)
        except StoreError as error:
            raise UsageError(str(error)) from error
        desk.heads.keep(desk.chain.head())
    words = [
        f"{done.lifted} halts lifted",
        *(f"the peak of {book} counts from {day}" for book, day in done.peaks.items()),
    ]
    emit(arguments, {"scope": arguments.book, "lifted": done.lifted, "peaks": done.peaks}, "; ".join(words))
    return 0


def _nothing_to_lift(arguments: argparse.Namespace, desk: Desk) -> str:
    """Say that a scope has no halt of its own, and which other halts stand: whoever resumes may believe that trading is on."""
    people, scope = PgPeople(desk.session("reader")), arguments.book
    others: dict[str, Halt] = {}
    known = sorted({*desk.workspace.books(), *PgTickets(desk.session("reader")).books()})
    if scope not in (DESK_SCOPE, *known):
        return f"there is no book {scope}; there are {', '.join(known)}, and {DESK_SCOPE} for all"
    for book in known if scope == DESK_SCOPE else (scope,):
        for halt in people.halts(book):
            others.setdefault(halt.scope, halt)
    said = "the desk" if scope == DESK_SCOPE else scope
    if not others:
        return f"{said} has no halt, and nothing else halts {'any book' if scope == '*' else 'it'}"
    told = [
        f"{scope_words(halt.scope)} is halted since {clock_words(halt.at)} ({halt.reason})" for halt in others.values()
    ]
    calls = [
        f"`twokey resume{place(arguments)}{'' if halt.scope == '*' else f' --book {halt.scope}'} --by NAME`"
        for halt in others.values()
    ]
    return f"{said} has no halt of its own; {'; '.join(told)}: {', '.join(calls)}"


def _lines_of(arguments: argparse.Namespace) -> list[str]:
    if arguments.file is None:
        return []
    lines = arguments.file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _answers(arguments: argparse.Namespace) -> list[str]:
    """Give the answers as written; `--acknowledge` stands for the words at the end of a single one."""
    texts = [*arguments.line, *_lines_of(arguments)]
    if not texts:
        raise UsageError("no answer was given; use --line ANSWER or --file PATH")
    if arguments.acknowledge is None:
        return texts
    if len(texts) > 1:
        raise UsageError(
            f"--acknowledge goes with one answer, there are {len(texts)}; write `acknowledged: WORDS` at the end of each"
        )
    return [f"{texts[0]} acknowledged: {arguments.acknowledge}"]


def _move(arguments: argparse.Namespace, amount: Decimal) -> int:
    if arguments.amount <= 0:
        raise UsageError(f"the amount was {arguments.amount}; it must be positive")
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        policy, today = configuration.setup.policy, when(configuration, None).today
        move = CashMove(arguments.key, amount, arguments.on or today, arguments.by, arguments.note)
        doors = CashDoors(PgPeople(desk.session("person")), desk.settle_doors(desk.clean))
        try:
            done = move_cash(move, policy, doors, today=today)
        except CashRefused as error:
            raise UsageError(str(error)) from error
        desk.changed()
    words = f"{amount} {policy.base_currency} kept as {arguments.key}{'' if done.is_new else ' before; nothing new was said'}"
    facts = {"key": arguments.key, "amount": amount, "is_new": done.is_new, "posted": done.posted}
    emit(arguments, facts, f"{words}, {done.posted} entries posted")
    return 0
