"""What people and the clock do during the hostile walk: the person's commands and the operator's flows, right and wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from adapters.postgres.models import PgModels
from adapters.postgres.people import PgPeople
from adapters.postgres.runs import PgDecisions, PgRuns
from adapters.versions import code_hash
from cli.commands.trading import stored_setup
from core.canonical import instant_text, plain_decimal
from core.domain.confirmation import Answer, Confirmation, Executed, NotExecuted
from core.domain.ticket import TicketLine
from core.ledger.snapshot_text import parse_snapshot, snapshot_csv
from flows.cash import CashDoors, CashMove, move_cash
from flows.confirm import confirm
from flows.daily import DayDoors, SlotRefused, run_day, run_of
from flows.decide import NotReady
from flows.deliver import VOID
from flows.look import holdings_in
from flows.reconcile import take_snapshot
from flows.replay import replay
from flows.resume import ResumeDoors, resume
from flows.revise import Asked, revise_day
from flows.rollout import PhaseDoors, Word, advance, change_window
from flows.settle import post_answers, settle
from flows.setup import BookSetup
from servers.quant.jobs import Jobs
from tests.bypass.walk_world import World

BY = "a walker"
RATE, FEE = Decimal("1.25"), Decimal("0.10")


def run(world: World, book: str) -> str:
    """`twokey run`: decide the day's slot, and give the kind of its ticket."""
    setup, texts, doors = _day(world, book)
    issued = run_day(world.day(), setup, texts, doors)
    return issued.ticket.kind


def close(world: World, book: str) -> str:
    """`twokey settle`: post what was reported, and let a paper venue fill what is due."""
    setup, _, doors = _day(world, book)
    planned = setup.run_of(world.day(), today=world.day(), snapshot=world.desk.clean.current())
    done = settle(setup.frame(planned), doors.settle)
    world.desk.changed()
    return f"{done.entries} entries"


def revise(world: World, book: str, reason: str, *, is_cut_short: bool) -> str:
    """`twokey run --revise`, or its first half: the process is killed when the older ticket was voided."""
    setup, texts, doors = _day(world, book)
    person = PgRuns(world.desk.session("person"))
    if not is_cut_short:
        asked = Asked(BY, reason)
        return revise_day(world.day(), setup, texts, asked=asked, doors=doors, book=person).ticket.kind
    newest = run_of(world.day(), setup, doors)
    live = doors.tickets.ticket_of(newest.run_id)
    if live is None:
        raise SlotRefused("there is nothing to revise")
    person.revise_run(run_of(world.day(), setup, doors, revision=newest.revision + 1), by=BY, reason=reason)
    doors.tickets.add_step(live.ticket.ticket_id, VOID, detail=reason)
    return "cut short"


def open_run(world: World, book: str) -> str:
    """Open the day's run and do no more, as a process that is killed does."""
    setup, _, doors = _day(world, book)
    planned = run_of(world.day(), setup, doors)
    return PgRuns(world.desk.session("desk")).open_run(planned).run_id


def confirm_lines(world: World, ticket_id: str, lines: list[int], how: str) -> str:
    """`twokey confirm`: answer lines of a ticket, as decided or in one of the wrong ways, and post what was kept."""
    doors = world.desk.confirm_doors
    standing = doors.tickets.ticket(ticket_id)
    if standing is None:
        raise NotReady(f"there is no ticket {ticket_id}")
    ticket = standing.issued.ticket
    chosen = [line for line in ticket.lines if line.line in lines]
    answers = tuple(_answer(line, how) for line in chosen) + ((NotExecuted(99, "no such line"),) * (how == "stranger"))
    short_hash = "0" * len(ticket.short_hash) if how == "wrong hash" else ticket.short_hash
    revision = ticket.revision + (how == "wrong revision")
    at = world.clock.now() - timedelta(days=3) if how == "before it was issued" else world.clock.now()
    said = Confirmation(ticket_id, revision, short_hash, BY, "terminal", at, answers)
    policy = world.policy(ticket.book)
    done = confirm(said, policy, doors)
    posted = post_answers(ticket, world.desk.settle_doors(world.desk.clean))
    world.desk.changed()
    return f"{len(answers)} kept, {posted} posted, late {done.is_late}"


def _answer(line: TicketLine, how: str) -> Answer:
    """Give what a person says of a line."""
    as_decided = Executed(line.line, line.quantity, line.decision_price, FEE, RATE, is_partial=False)
    match how:
        case "not executed":
            return NotExecuted(line.line, "the market was shut")
        case "half":
            return replace(as_decided, quantity=line.quantity / 2, is_partial=True)
        case "too many":
            return replace(as_decided, quantity=line.quantity * 1000)
        case "too dear":
            return replace(as_decided, price=line.decision_price * 10)
        case "dear and acknowledged":
            return replace(as_decided, price=line.decision_price * Decimal("1.05"), acknowledged="as the broker shows")
        case "below zero":
            return replace(as_decided, quantity=-line.quantity)
        case "for nothing":
            return replace(as_decided, price=Decimal(0))
        case "no number":
            return replace(as_decided, quantity=Decimal("NaN"))
        case "no rate":
            return replace(as_decided, fx_rate=Decimal(0))
        case _:
            return as_decided


HOWS = (
    *(
        "as decided",
        "as decided",
        "as decided",
        "not executed",
        "half",
        "too many",
        "too dear",
        "dear and acknowledged",
    ),
    *("below zero", "for nothing", "no number", "no rate", "stranger", "wrong hash", "wrong revision"),
    "before it was issued",
)


def cash(world: World, book: str, key: str, amount: str, *, is_cut_short: bool = False) -> str:
    """`twokey cash`: pay in, or take out; cut short, the process is killed before the books hold it."""
    desk, policy = world.desk, world.policy(book)
    people = PgPeople(desk.session("person"))
    if is_cut_short:
        people.move_cash(
            key,
            book=book,
            venue=policy.execution.venue,
            session=world.day(),
            amount=Decimal(amount),
            currency=policy.base_currency,
            by=BY,
            note="",
        )
        return "cut short"
    doors = CashDoors(people, desk.settle_doors(desk.clean))
    done = move_cash(CashMove(key, Decimal(amount), world.day(), BY, ""), policy, doors, today=world.day())
    desk.changed()
    return f"new {done.is_new}, {done.posted} posted"


def halt(world: World, scope: str, reason: str) -> str:
    """`twokey halt`: a person stops a book, or the desk."""
    PgPeople(world.desk.session("person")).halt(scope, reason)
    world.desk.changed()
    return scope


def lift(world: World, scope: str) -> str:
    """`twokey resume`, after its questions: lift the halts of a scope."""
    person = world.desk.session("person")
    doors = ResumeDoors(PgPeople(person), PgRuns(person), PgDecisions(person))
    books = world.workspace.books() if scope == "*" else [scope]
    done = resume(scope, books, doors, by=BY, reason="looked at")
    world.desk.changed()
    return f"{done.lifted} lifted"


def phase(world: World, book: str, name: str) -> str:
    """`twokey rollout advance`: set a book's phase; one with real money freezes what decides."""
    setup = world.desk.configuration(book).setup
    advance(name, setup, _phases(world), word=Word(BY, "a walk"), today=world.day())
    world.desk.changed()
    return name


def window(world: World, book: str) -> str:
    """`twokey rollout change-window`: let what has changed of a frozen book stand."""
    setup = world.desk.configuration(book).setup
    done = change_window(setup, _phases(world), word=Word(BY, "a walk"), today=world.day())
    world.desk.changed()
    return done.phase


def _phases(world: World) -> PhaseDoors:
    person = world.desk.session("person")
    return PhaseDoors(PgPeople(person), PgModels(person), code_hash)


def verify(world: World, count: int) -> str:
    """`twokey universe verify`: look instruments up at the venue."""
    people, universe = PgPeople(world.desk.session("person")), world.desk.configuration("main").setup.universe
    for row in universe.instruments[:count]:
        people.verify_instrument(row.id, world.day(), by=BY, note="")
    world.desk.changed()
    return f"{count} verified"


def snapshot(world: World, book: str, *, is_off: bool) -> str:
    """`twokey reconcile --snapshot`: what the broker says, which is what is held, or a little off."""
    desk, books = world.desk, world.desk.account(book)
    policy, doors = books[0].policy, desk.settle_doors(desk.clean)
    held = holdings_in(desk.journal, policy)
    rows = [
        ["position", name, plain_decimal(quantity + (1 if is_off else 0)), "", "", ""]
        for name, quantity in held.quantities().items()
    ]
    rows.append(["cash", "", plain_decimal(held.cash + (5 if is_off else 0)), "", policy.base_currency, ""])
    text = snapshot_csv(policy.account, instant_text(world.clock.now()), rows)
    done = take_snapshot(parse_snapshot(text.encode()), books, doors, now=world.clock.now())
    desk.changed()
    return f"{len(done.comparison.breaks)} breaks"


def again(world: World, run_id: str) -> str:
    """`twokey replay`: compute a run anew from what was stored, under the policy that it names."""
    found = replay(run_id, stored_setup(run_id, world.desk), world.desk.replay_doors)
    return "the same" if all(one.is_equal for one in found) else "differs"


def finish(world: World) -> str:
    """Let the worker of the newest job come to its end."""
    if not world.jobs:
        raise NotReady("no job was started")
    Jobs(world.desk.session("quant"), world.workspace).add_step(world.jobs[-1], "failed", {"why": "the disk was full"})
    world.sleepers.end()
    return world.jobs[-1]


def weekend(world: World) -> str:
    """Let the days pass until Saturday, at the hour of the slot."""
    world.clock.at += timedelta(days=(5 - world.day().weekday()) % 7)
    return instant_text(world.clock.at)


def wait(world: World, minutes: int) -> str:
    """Let time pass, or set the clock back."""
    world.clock.at += timedelta(minutes=minutes)
    return instant_text(world.clock.at)


def sleep(world: World) -> str:
    """Let the night pass."""
    world.next_morning()
    return instant_text(world.clock.at)


def _day(world: World, book: str) -> tuple[BookSetup, dict[str, tuple[str, str]], DayDoors]:
    configuration = world.desk.configuration(book)
    return configuration.setup, configuration.texts, world.desk.day_doors(world.moment(book))


PEOPLE: dict[str, Callable[..., str]] = {
    "run": run,
    "settle": close,
    "revise": revise,
    "open run": open_run,
    "confirm": confirm_lines,
    "cash": cash,
    "halt": halt,
    "resume": lift,
    "phase": phase,
    "change window": window,
    "verify": verify,
    "snapshot": snapshot,
    "replay": again,
    "finish job": finish,
    "weekend": weekend,
    "wait": wait,
    "night": sleep,
}
