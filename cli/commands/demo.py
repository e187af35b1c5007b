"""`demo`: the whole loop on a synthetic market in one command."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from shlex import quote

from adapters.files.configuration import read_scope
from adapters.files.workspace import Workspace, WorkspaceError
from adapters.render.markdown import ticket_markdown
from cli.commands.ingest import ingest_into, synthetic_source
from cli.commands.trading import next_step, run_facts, simulate_slots
from cli.commands.workspace import prepare
from cli.output import emit, table
from cli.wiring import Desk, when
from core.domain.ticket import IssuedTicket
from core.ledger.figures import figures_of
from core.settings_text import SettingsError
from core.universe_text import UniverseError
from flows.ports import SourceError
from flows.results import Moment, Results, results_of

# A market of its own, so its days are fixed: the demo gives the same ticket on every day and machine.
FIRST_BAR, LAST_BAR = date(2023, 1, 3), date(2024, 6, 28)
FIRST_SLOT, LAST_SLOT = date(2024, 6, 3), date(2024, 6, 18)


def demo(arguments: argparse.Namespace) -> int:
    """Make a workspace with a synthetic market, decide two weeks of slots on paper, and show the newest trade ticket."""
    root = _folder(arguments)
    steps = [f"workspace {root}", f"synthetic market, seed {arguments.seed}: {FIRST_BAR} to {LAST_BAR}"]
    with _of_this_version(root):
        issued, shown, valued, facts = _play(root, arguments.seed)
    emit(arguments, facts, _words(steps, issued, shown, valued, path=str(facts["ticket_path"])))
    return 0


@contextmanager
def _of_this_version(root: Path) -> Iterator[None]:
    """Say of a folder that another version made, in one line, what to do with it."""
    was_there = (root / "config").is_dir()
    try:
        yield
    except (SettingsError, UniverseError, SourceError) as error:
        if not was_there:
            raise
        why = str(error).partition("\n")[0]
        raise WorkspaceError(
            f"{root} was made by another version of twokey. If it holds nothing but the demonstration, remove it"
            f" (rm -r {quote(str(root))}) and run this again; else name another folder with -w. It said: {why}"
        ) from error


def _play(root: Path, seed: int) -> tuple[list[IssuedTicket], IssuedTicket, Results, dict[str, object]]:
    prepare(root, is_synthetic=True)
    with Desk(Workspace(root)) as desk:
        configuration = desk.configuration("main")
        if desk.clean.current() is None:
            ingest_into(desk, configuration, [synthetic_source(configuration, seed, FIRST_BAR, LAST_BAR)])
        issued = simulate_slots(desk, configuration, FIRST_SLOT, LAST_SLOT)
        shown = next(item for item in reversed(issued) if item.ticket.kind == "TRADE")
        scope, _ = read_scope(desk.workspace, {}, book="main")
        valued = results_of(scope, desk.result_doors, Moment(LAST_SLOT, when(configuration, None).clock.now()))
        return issued, shown, valued, run_facts(shown, desk)


def _folder(arguments: argparse.Namespace) -> Path:
    folder: Path = arguments.workspace
    return folder if arguments.seed == 1 else folder.with_name(f"{folder.name}-{arguments.seed}")


def _words(steps: list[str], issued: list[IssuedTicket], shown: IssuedTicket, valued: Results, *, path: str) -> str:
    rows = [(item.ticket.day, item.ticket.kind, len(item.ticket.lines), *item.ticket.reasons[:1]) for item in issued]
    slots = table(("slot", "ticket", "lines", "why"), [(*row, "")[:4] for row in rows])
    equity = figures_of(valued.answer["pnl"]).equity
    held = f"{len(valued.answer['positions'])} positions, equity {equity} GBP, closes of {valued.session}"
    return "\n".join(
        [
            ticket_markdown(shown),
            "What was done:",
            *(f"  {step}" for step in steps),
            "",
            slots,
            "",
            f"The book now (SYNTHETIC): {held}",
            f"Ticket: {path}",
            f"Next: {next_step(shown)}",
            "Then, for real bars: twokey init DIR, twokey ingest -w DIR --archive PATH ..., twokey run -w DIR --on YYYY-MM-DD",
        ]
    )
