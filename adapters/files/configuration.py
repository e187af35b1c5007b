"""The configuration of a workspace: policy, universe and calendar of a book, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from importlib.metadata import version

from adapters.files.atomic import READ_WRITE, write_whole
from adapters.files.workspace import Workspace, WorkspaceError
from core.calendar import Calendar, calendar_from_json, calendar_to_json, load_calendar
from core.canonical import canonical_json
from core.settings import Policy, desk_objections, universe_objections
from core.settings_text import MISSING, SettingsError, parse_desk, parse_policy
from core.strategies.registry import strategy_of
from core.universe_text import parse_universe, universe_hash
from flows.setup import BookSetup, with_verifications

# So many missing keys are no slip of the hand: the file was written for an earlier version.
MISSING_MIN = 3
# Wide enough for every day that a workspace asks about, and fixed, so that the calendar does not depend on the clock.
CALENDAR_FIRST, CALENDAR_LAST = date(1998, 1, 1), date(2035, 12, 31)


@dataclass(frozen=True)
class Configuration:
    """A book's setup, with the text of each part by kind as (hash, text)."""

    setup: BookSetup
    texts: dict[str, tuple[str, str]]


def read_configuration(workspace: Workspace, book: str, verified: Mapping[str, date]) -> Configuration:
    """Read and check a book's configuration; raises WorkspaceError, SettingsError or UniverseError naming file and line."""
    path = workspace.policy_path(book)
    text = workspace.text(path)
    where = f"config/{path.relative_to(workspace.config)}"
    policy = _parsed(text, where)
    universe_text = workspace.text(workspace.config / "universe.csv")
    universe = with_verifications(parse_universe(universe_text, "config/universe.csv"), dict(verified))
    desk = parse_desk(workspace.text(workspace.config / "desk.yml"), "config/desk.yml")
    objections = [
        *desk_objections(policy, desk),
        *universe_objections(policy, universe),
        *_own_objections(policy, book),
    ]
    if objections:
        raise WorkspaceError(f"{where}: {'; '.join(objections)}")
    setup = BookSetup(policy, universe, read_calendar(workspace, policy.execution.calendar))
    return Configuration(
        setup, {"policy": (policy.hash, text), "universe": (universe_hash(universe), canonical_json(universe))}
    )


def read_account(workspace: Workspace, book: str, verified: Mapping[str, date]) -> tuple[BookSetup, ...]:
    """Read the setups of a book and of all that share its account at its venue, that book first.

    A paper venue keeps an account of its own for each book. Raises as `read_configuration` does, for any of them.
    """
    own = read_configuration(workspace, book, verified).setup
    if own.policy.execution.venue == "paper":
        return (own,)
    others = [read_configuration(workspace, name, verified).setup for name in workspace.books() if name != book]
    place = own.policy.account, own.policy.execution.venue
    return own, *(one for one in others if (one.policy.account, one.policy.execution.venue) == place)


def read_calendar(workspace: Workspace, name: str) -> Calendar:
    """Give an exchange's calendar, kept in the workspace because computing it takes a second."""
    path = workspace.root / "data" / "clean" / f"calendar-{name}-{version('exchange_calendars')}.json"
    if path.exists():
        return calendar_from_json(path.read_text(encoding="utf-8"))
    calendar = load_calendar(name, CALENDAR_FIRST, CALENDAR_LAST)
    write_whole(path, calendar_to_json(calendar).encode(), mode=READ_WRITE)
    return calendar


def _parsed(text: str, where: str) -> Policy:
    """Parse a policy; of one that an earlier version wrote, say in one line what it lacks and where that is to be had."""
    try:
        return parse_policy(text, where)
    except SettingsError as error:
        missing = [problem for problem in error.problems if MISSING in problem]
        if len(missing) < MISSING_MIN:
            raise
        keys = ", ".join(problem.partition(MISSING)[0].rpartition(": ")[2] for problem in missing)
        shipped = resources.files("config") / "policy.yml"
        others = [problem for problem in error.problems if problem not in missing]
        words = (
            f"{where}: {len(missing)} keys are missing ({keys}); the file was written for an earlier version. Copy each with"
            f" its comment and default from {shipped}, and judge it: CHANGELOG.md and docs/decisions say what it decides"
        )
        raise SettingsError([words, *others]) from error


def _own_objections(policy: Policy, book: str) -> Iterator[str]:
    if policy.book != book:
        yield f"book was {policy.book}; in this file it must be {book}"
    try:
        strategy_of(policy.strategy)
    except ValueError as error:
        yield str(error)
