"""`universe check` and `universe verify`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from adapters.clock import SystemClock
from adapters.files.workspace import Workspace
from adapters.postgres.people import PgPeople
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk, when
from core.domain.instrument import InstrumentId
from core.settings import Policy
from core.settings_text import parse_policy
from core.universe_check import BarsHeld, UniverseCheck, UniverseFacts, check_universe, unreadable
from core.universe_text import UniverseError, parse_universe
from flows.setup import with_verifications

WHERE = "config/universe.csv"


def check(arguments: argparse.Namespace) -> int:
    """Check every row as of a day; exit 1 when something blocks."""
    if arguments.within is not None and arguments.within < 0:
        raise UsageError(f"--within was {arguments.within}; it is a number of days, 0 or more")
    workspace = Workspace(arguments.workspace)
    with Desk(workspace) as desk:
        path = workspace.policy_path(arguments.book)
        policy = parse_policy(workspace.text(path), f"config/{path.relative_to(workspace.config)}")
        day = arguments.on or _today(policy)
        try:
            read = parse_universe(workspace.text(workspace.root / WHERE), WHERE)
        except UniverseError as error:
            return _tell(arguments, day, [unreadable(error.problems)], {})
        universe = with_verifications(read, PgPeople(desk.session("reader")).verifications())
        checks = check_universe(universe, policy, UniverseFacts(day, arguments.within, _bars_held(desk)))
    rows = universe.valid_on(day)
    tradable = [row for row in rows if row.is_tradable_as_underlying]
    facts = {
        "instruments": len(rows),
        "tradable": len(tradable),
        "unverified": [row.id for row in tradable if row.verified_on is None],
    }
    return _tell(arguments, day, checks, facts)


def verify(arguments: argparse.Namespace) -> int:
    """Keep that a person looked an instrument up at the venue."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration("main")
        if arguments.instrument not in configuration.setup.universe.by_id():
            raise UsageError(f"{arguments.instrument} is not in {WHERE}")
        today = when(configuration, None).today
        people = PgPeople(desk.session("person"))
        people.verify_instrument(arguments.instrument, today, by=arguments.by, note=arguments.note)
        desk.heads.keep(desk.chain.head())
    emit(
        arguments,
        {"instrument": arguments.instrument, "verified_on": today},
        f"{arguments.instrument} verified on {today}",
    )
    return 0


def _today(policy: Policy) -> date:
    clock = SystemClock()
    return clock.now().astimezone(ZoneInfo(policy.schedule.timezone)).date()


def _bars_held(desk: Desk) -> dict[InstrumentId, BarsHeld] | None:
    """Give whose bars the clean set holds of each instrument; None where there is no clean set."""
    snapshot = desk.clean.current()
    if snapshot is None:
        return None
    panel = desk.clean.panel(snapshot)
    held: dict[InstrumentId, BarsHeld] = {}
    for column, name in enumerate(panel.instruments):
        rows = np.flatnonzero(~np.isnan(panel.close[:, column]))
        if len(rows):
            held[name] = BarsHeld(panel.provider[column], panel.sessions[rows[-1]].astype(object))
    return held


def _tell(arguments: argparse.Namespace, day: date, checks: Sequence[UniverseCheck], facts: dict[str, object]) -> int:
    verdict = "fail" if any(one.blocks for one in checks) else "pass"
    rows = [
        ("pass" if one.has_passed else one.severity.upper(), one.check, len(one.instruments), one.detail)
        for one in checks
    ]
    words = [table(("verdict", "check", "found", "what"), rows)]
    words += [problem for one in checks if one.check == "columns" for problem in one.instruments]
    if facts:
        words.append(f"{facts['instruments']} instruments, {facts['tradable']} of them tradable as underlying")
    words.append(f"as of {day}: {verdict}")
    emit(arguments, {**facts, "as_of": day, "verdict": verdict, "checks": checks}, "\n".join(words))
    return 1 if verdict == "fail" else 0
