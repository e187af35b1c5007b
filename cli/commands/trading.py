"""`run`, `settle`, `simulate`, `ticket` and `replay`."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Sequence
from datetime import date, timedelta

from adapters.clock import FixedClock
from adapters.files.configuration import Configuration
from adapters.files.warm import WarmCleanSet
from adapters.files.workspace import Workspace
from adapters.postgres.journal import PgJournal
from adapters.postgres.people import PgConfig
from adapters.postgres.runs import PgRuns
from adapters.postgres.tickets import PgTickets
from adapters.render.markdown import ticket_markdown
from adapters.versions import code_hash
from cli.commands.backup import NO_BACKUP, back_up_after_run
from cli.commands.ingest import fetched_sources, ingest_into, source_settings, trouble
from cli.commands.ticket_forms import Beside, show_as
from cli.main import UsageError
from cli.output import Progress, emit, place, table
from cli.slots import run_to_settle, slot_words
from cli.wiring import Desk, When, when
from core.calendar import as_of, is_run_day, slot_of
from core.canonical import sha256_text
from core.domain.hindrance import Hindrance
from core.domain.panel import Panel
from core.domain.ticket import IssuedTicket, Ticket, stamps_of
from core.settings_text import parse_policy
from core.ticketing.confirm import fill_of
from flows import settle as settling
from flows.books import Execution, StoreError
from flows.daily import DayDoors, SlotRefused, run_day
from flows.decide import NotReady
from flows.look import CurveCache, read_panel
from flows.ports import CleanSet, Clock, SourceError
from flows.publish import hindrance_banner, ticket_json
from flows.replay import replay as replay_run
from flows.revise import Asked, revise_day
from flows.setup import BookSetup

EXIT_NO_TRADE = 3
_FILL_HEAD = (
    "line",
    "side",
    "instrument",
    "quantity",
    "price",
    "decision_price",
    "slippage_bps",
    "fee",
    "fills",
    "evidence",
)


def run(arguments: argparse.Namespace) -> int:
    """Decide a slot, or let a person decide it again, and show its ticket; exit 3 when it is NO-TRADE."""
    asked = _asked(arguments)
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        moment = _when(configuration, arguments.on)
        day = arguments.on or moment.today
        told = [] if arguments.no_ingest or day != moment.today else _fetch_first(arguments, desk, configuration, day)
        # To fetch may take long, and a person may edit meanwhile.
        configuration = desk.configuration(arguments.book)
        doors = desk.day_doors(moment, fresh=lambda: desk.configuration(arguments.book).setup)
        try:
            issued = _decide(asked, day, configuration, doors=doors, desk=desk)
        except SlotRefused as error:
            raise UsageError(str(error)) from error
        backup = back_up_after_run(desk) if day == moment.today else NO_BACKUP
        left = _leave_backtest(issued.ticket, configuration, desk, moment.clock)
        desk.changed()
        # Asked last: to fetch, to decide and to back up may take long.
        hindered = desk.hindrances(issued)
        facts = run_facts(issued, desk) | {"not_fetched": told, "backup": backup, "backtest": left}
    next_words = next_step(issued, hindered, at=place(arguments))
    words = hindrance_banner(hindered) + ticket_markdown(issued)
    words += f"\nTicket: {facts['ticket_path']}\nNext: {next_words}\n{backup.words()}"
    facts |= {"hindrances": hindered}
    emit(arguments, facts, words)
    return EXIT_NO_TRADE if issued.ticket.kind == "NO-TRADE" else 0


def _asked(arguments: argparse.Namespace) -> Asked | None:
    """Give what a person said who revises; refuses half of it, and words without --revise."""
    by, reason = (arguments.by or "").strip(), (arguments.reason or "").strip()
    if not arguments.revise:
        if arguments.by is not None or arguments.reason is not None:
            raise UsageError("--by and --reason belong to --revise; a run without it needs neither")
        return None
    if not by or not reason:
        raise UsageError("--revise is a person's act: say --by NAME and --reason WORDS")
    return Asked(by, reason)


def _decide(
    asked: Asked | None, day: date, configuration: Configuration, *, doors: DayDoors, desk: Desk
) -> IssuedTicket:
    setup, texts = configuration.setup, configuration.texts
    if asked is None:
        return run_day(day, setup, texts, doors)
    return revise_day(day, setup, texts, asked=asked, doors=doors, book=PgRuns(desk.session("person")))


def _fetch_first(arguments: argparse.Namespace, desk: Desk, configuration: Configuration, day: date) -> list[str]:
    """Fetch what `config/sources.yml` names before today's slot is decided; say what could not be, on stderr too.

    A failure ends nothing: the gates decide on what is stored. A slot that has its ticket needs nothing more.
    """
    policy = configuration.setup.policy
    names = source_settings(desk).fetch
    if not names or not is_run_day(policy, day):
        return []
    is_decided = PgTickets(desk.session("reader")).live_ticket(policy.book, slot_of(policy, day).label) is not None
    if is_decided and not arguments.revise:
        return []
    sources = fetched_sources(desk, configuration, names, is_shown=not arguments.json)
    try:
        told = trouble(ingest_into(desk, configuration, sources))
    except SourceError as error:
        told = [f"could not look: {error}"]
    except Exception as error:
        # Whatever broke, the slot ends in a ticket: the gates see that nothing new is there.
        traceback.print_exc()
        told = [f"could not look: {type(error).__name__}; the traceback is on stderr"]
    for line in told + [source.summary() for source in sources]:
        print(line, file=sys.stderr)
    return told


def _leave_backtest(ticket: Ticket, configuration: Configuration, desk: Desk, clock: Clock) -> str | None:
    """Leave the week's backtest to a process of its own, and name the job; what goes wrong is an alert."""
    if ticket.is_rehearsal:
        return None
    from servers.quant.jobs import Jobs
    from servers.quant.weekly import leave_backtest

    jobs, alerts = Jobs(desk.session("quant"), desk.workspace), desk.alerts
    job = leave_backtest(ticket.as_of, configuration.setup, jobs, clean=desk.clean, alerts=alerts, at=clock.now())
    return None if job is None else job.job_id


def run_facts(issued: IssuedTicket, desk: Desk) -> dict[str, object]:
    """Give what `run --json` prints."""
    ticket = issued.ticket
    # The ticket's, not the decision's: an approval that no longer held closed a gate after it.
    reports = ticket.gates
    findings = [
        {"check": report.gate, "subject": ticket.book, "message": message, "severity": "block"}
        for report in reports
        if report.state == "closed"
        for message in report.messages
    ]
    waiting = [
        {"check": report.gate, "subject": ticket.book, "message": report.messages[0], "severity": "note"}
        for report in reports
        if report.state == "waits"
    ]
    return {
        "run_id": issued.seal.run_id,
        "ticket_id": ticket.ticket_id,
        "kind": ticket.kind,
        "as_of": ticket.as_of,
        "hash": ticket.hash,
        "ticket_path": str(desk.workspace.root / "tickets" / f"{ticket.ticket_id}.md"),
        "reasons": ticket.reasons,
        "findings": findings + waiting,
        "is_rehearsal": ticket.is_rehearsal,
        "stamps": ticket.stamps,
    }


def next_step(issued: IssuedTicket, hindered: Sequence[Hindrance] = (), *, at: str = "") -> str:
    """Say what a person does next; `at` is what a command must say to reach the workspace."""
    ticket = issued.ticket
    command = f"`twokey confirm {ticket.ticket_id} --hash {ticket.short_hash}{at} ...`"
    if any(one.why == "answered" for one in hindered):
        return "nothing to do: every line is answered, and the next slot decides again"
    if hindered:
        heads = " and ".join(one.head for one in hindered)
        return f"execute nothing more of it ({heads}, see above); {command} says what was executed already, and what was not"
    if ticket.kind == "NO-TRADE":
        return "put right what the ticket names; nothing is to be executed"
    if ticket.kind == "HOLD":
        return "nothing to do; the next slot decides again"
    if ticket.venue == "paper":
        return f"nothing to execute: the paper venue fills it at the open, and the next run (or `twokey settle{at}`) books it"
    return f"execute it inside the window, then {command}"


def settle(arguments: argparse.Namespace) -> int:
    """Post what was reported, and let a paper venue fill what is due."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        planned = run_to_settle(desk, configuration, arguments.on)
        desk.keep(configuration)
        frame = configuration.setup.frame(planned)
        done = settling.settle(frame, desk.settle_doors(desk.clean))
        panel = read_panel(frame, desk.clean, sessions=1)
        is_synthetic = isinstance(panel, Panel) and panel.is_synthetic
        stamps = stamps_of(is_synthetic=is_synthetic, is_rehearsal=planned.is_rehearsal)
        desk.changed()
    breaks = [str(item) for item in done.breaks]
    words = f"{done.reports} new reports, {done.entries} entries posted, {len(breaks)} breaks"
    facts = {"slot": planned.slot.day, "as_of": planned.as_of.session, "reports": done.reports}
    facts |= {"entries": done.entries, "breaks": breaks, "stamps": stamps}
    taken = slot_words(planned, configuration, arguments.on)
    emit(arguments, facts, "\n".join([*_stamp_words(stamps), *taken, words, *breaks]))
    return 1 if breaks else 0


def simulate(arguments: argparse.Namespace) -> int:
    """Decide every slot of a range on the paper venue, count the tickets, and report on the book where that is asked."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        issued = simulate_slots(desk, configuration, arguments.first, arguments.last)
        report, lacking = _report(issued, configuration.setup, desk) if arguments.report and issued else (None, None)
        desk.changed()
    kinds = {kind: sum(1 for item in issued if item.ticket.kind == kind) for kind in ("TRADE", "HOLD", "NO-TRADE")}
    lines = sum(len(item.ticket.lines) for item in issued)
    stamps = sorted({stamp for item in issued for stamp in item.ticket.stamps}, reverse=True)
    counted = table(("ticket", "slots"), list(kinds.items()))
    words = "\n".join([*_stamp_words(stamps), counted, f"{len(issued)} slots, {lines} order lines"])
    facts = {
        "slots": len(issued),
        "kinds": kinds,
        "lines": lines,
        "stamps": stamps,
        "report": report,
        "no_report": lacking,
    }
    told = f"\nReport: {arguments.workspace / report}" if report else f"\nNo report: {lacking}" if lacking else ""
    emit(arguments, facts, words + told)
    return 0


def _report(issued: Sequence[IssuedTicket], setup: BookSetup, desk: Desk) -> tuple[str | None, str | None]:
    """Write the backtest's report of the book that was simulated; gives where it is, or why there is none."""
    # Imported here: who simulates does without compiler and trainer.
    from cli.commands.backtest import lived_through, write_report
    from flows.backtest import Asked as AskedBacktest
    from flows.weekly import report_stem

    asked = AskedBacktest(issued[0].ticket.as_of, issued[-1].ticket.as_of)
    try:
        write_report(asked, setup, desk, lived=lived_through(issued, setup, desk))
    except UsageError as error:
        return None, str(error)
    return f"{report_stem(setup.policy.book)}.html", None


def simulate_slots(desk: Desk, configuration: Configuration, first: date, last: date) -> list[IssuedTicket]:
    """Decide every slot from `first` to `last` as the daily flow would have on its morning."""
    setup = configuration.setup
    today = _when(configuration, None).today
    _check_simulation(setup, first, last, today=today)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    slots = [day for day in days if is_run_day(setup.policy, day)]
    warm, cache = WarmCleanSet(desk.clean), CurveCache()
    _check_bars(setup, slots, warm)
    progress = Progress(len(slots), "simulate")
    issued = []
    for day in slots:
        moment = When(today, FixedClock(slot_of(setup.policy, day).at))
        try:
            doors = desk.day_doors(moment, clean=warm, cache=cache)
            issued.append(run_day(day, setup, configuration.texts, doors))
        except SlotRefused as error:
            raise UsageError(str(error)) from error
        progress.step(f"{day} {issued[-1].ticket.kind}")
    return issued


def _stamp_words(stamps: Sequence[str]) -> list[str]:
    """Give the line that stands above what is not a real day's."""
    says = {"SYNTHETIC": "SYNTHETIC market data: no real price", "REHEARSAL": "REHEARSAL: nothing to execute"}
    return ["; ".join(says[stamp] for stamp in stamps)] if stamps else []


def show(arguments: argparse.Namespace) -> int:
    """Show a ticket as it stands; one that is void, or not to be executed now, says so first."""
    with Desk(Workspace(arguments.workspace)) as desk:
        reader = desk.session("reader")
        standing = PgTickets(reader).ticket(arguments.ticket_id)
        voided = PgTickets(reader).voided(arguments.ticket_id)
        executions = PgJournal(reader).executions_of(arguments.ticket_id)
        hindered = () if standing is None else desk.hindrances(standing.issued)
    if standing is None:
        raise UsageError(f"there is no ticket {arguments.ticket_id}; `twokey ticket list` names those there are")
    of_it = next((one for one in voided if one.issued.ticket.hash == standing.issued.ticket.hash), None)
    beside = Beside(of_it, hindered)
    if arguments.form:
        return show_as(arguments.form, standing.issued, beside, arguments=arguments, root=desk.workspace.root)
    fills = [
        _fill_row(one, standing.issued.ticket) for one in executions if one.revision == standing.issued.ticket.revision
    ]
    facts = json.loads(ticket_json(standing.issued, of_it, hindered)) | {
        "steps": standing.steps,
        "answered": standing.answered,
        "waiting": standing.waiting,
        "fills": fills,
    }
    words = (
        beside.banner()
        + ticket_markdown(standing.issued)
        + f"\nSteps: {', '.join(standing.steps)}; waiting lines: {list(standing.waiting)}\n"
    )
    if fills:
        words += (
            "\nFills, with what the price was worse than the decision price in basis points (better: below zero):\n"
        )
        words += table(_FILL_HEAD, [[row[name] for name in _FILL_HEAD] for row in fills])
    emit(arguments, facts, words)
    return 0


def _fill_row(execution: Execution, ticket: Ticket) -> dict[str, object]:
    """Give an execution as a person reads it: what was done, and how far from what was decided."""
    fill = fill_of(execution.answer, ticket, key="", evidence=execution.evidence)
    return {
        "line": execution.answer.line,
        "side": fill.side,
        "instrument": fill.instrument,
        "quantity": fill.quantity,
        "price": fill.price,
        "decision_price": fill.decision_price,
        "slippage_bps": fill.slippage_bps,
        "fee": fill.fee,
        "fills": len(fill.pieces),
        "evidence": fill.evidence,
    }


def listing(arguments: argparse.Namespace) -> int:
    """List the tickets of a book."""
    with Desk(Workspace(arguments.workspace)) as desk:
        issued = PgTickets(desk.session("reader")).tickets(arguments.book)
    rows = [
        (item.ticket.ticket_id, item.ticket.revision, item.ticket.kind, len(item.ticket.lines), item.ticket.short_hash)
        for item in issued
    ]
    facts = [dict(zip(("ticket_id", "revision", "kind", "lines", "short_hash"), row, strict=True)) for row in rows]
    emit(arguments, {"tickets": facts}, table(("ticket", "revision", "kind", "lines", "hash"), rows))
    return 0


def replay(arguments: argparse.Namespace) -> int:
    """Compute a run again from what was stored and compare every stage; exit 1 when one differs."""
    with Desk(Workspace(arguments.workspace)) as desk:
        try:
            compared = replay_run(arguments.run_id, stored_setup(arguments.run_id, desk), desk.replay_doors)
        except NotReady as error:
            raise UsageError(str(error)) from error
        made_by = _code_of(arguments.run_id, desk)
    is_equal = all(item.is_equal for item in compared)
    rows = [
        (item.stage, "equal" if item.is_equal else "DIFFERS", item.stored[:16], item.replayed[:16]) for item in compared
    ]
    stages = [
        {"stage": item.stage, "stored": item.stored, "replayed": item.replayed, "equal": item.is_equal}
        for item in compared
    ]
    told = table(("stage", "verdict", "stored", "replayed"), rows)
    if not is_equal and made_by != code_hash():
        which = "other code" if made_by is None else f"other code ({made_by[:16]}, this is {code_hash()[:16]})"
        told += f"\nIt was made by {which}: a difference may be one of words or of rounding, and is no proof of a changed fact."
    emit(arguments, {"run_id": arguments.run_id, "equal": is_equal, "stages": stages, "code": made_by}, told)
    return 0 if is_equal else 1


def _code_of(run_id: str, desk: Desk) -> str | None:
    """Give the hash of the code that made a run; none where its manifest is of before that was kept."""
    manifest = PgConfig(desk.session("reader")).manifest(run_id)
    found: str | None = None if manifest is None else json.loads(manifest)["versions"].get("code")
    return found


def stored_setup(run_id: str, desk: Desk) -> BookSetup:
    """Give the setup that a run names by its hashes, from what was kept of it."""
    from adapters.files.configuration import read_calendar
    from adapters.postgres.bodies import load
    from core.domain.instrument import Universe

    reader = desk.session("reader")
    found, kept = PgRuns(reader).run(run_id), PgConfig(reader)
    if found is None:
        newest = PgRuns(reader).newest_names()
        there = f"the newest are {', '.join(newest)}" if newest else "none was made yet: `twokey run` makes one"
        raise UsageError(f"there is no run {run_id}; {there}")
    policy_text, universe = kept.config("policy", found.policy_hash), kept.config("universe", found.universe_hash)
    if policy_text is None or universe is None or sha256_text(universe) != found.universe_hash:
        raise StoreError(f"the configuration of {run_id} is not as it was kept; run `twokey audit verify`")
    policy = parse_policy(policy_text, f"policy {found.policy_hash[:8]}")
    return BookSetup(
        policy,
        load(Universe, universe, of=f"the universe of {run_id}"),
        read_calendar(desk.workspace, policy.execution.calendar),
    )


def _when(configuration: Configuration, on: date | None) -> When:
    try:
        return when(configuration, on)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _check_simulation(setup: BookSetup, first: date, last: date, *, today: date) -> None:
    if first > last:
        raise UsageError(f"--from {first} is after --to {last}")
    if last > today:
        raise UsageError(f"--to {last} has not come; today is {today}, which is the last day that can be simulated")
    if setup.policy.execution.venue != "paper":
        raise UsageError(
            f"book {setup.policy.book} trades at {setup.policy.execution.venue}; only a paper book is simulated"
        )


def _check_bars(setup: BookSetup, slots: Sequence[date], clean: CleanSet) -> None:
    """Say before the first slot that the last ones would have no bars: each would be NO-TRADE, and slots go forward."""
    snapshot = clean.current()
    if snapshot is None:
        raise UsageError("no market data was ingested; run `twokey ingest` first")
    known = clean.panel(snapshot).sessions[-1].astype(object)
    blind = [day for day in slots if as_of(setup.calendar, slot_of(setup.policy, day)).session > known]
    if blind:
        right = [day for day in slots if day < blind[0]]
        instead = f"take --to {right[-1]} at the latest" if right else "take earlier days"
        raise UsageError(
            f"the ingested bars end on {known}; the slots from {blind[0]} to {slots[-1]} need later ones:"
            f" `twokey ingest` newer bars, or {instead}"
        )
