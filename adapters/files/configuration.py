"""The configuration of a workspace: policy, universe and calendar of a book, read and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from importlib.metadata import version

from adapters.files.atomic import READ_WRITE, write_whole
from adapters.files.workspace import Workspace, WorkspaceError
from core.calendar import Calendar, calendar_from_json, calendar_to_json, load_calendar
from core.canonical import canonical_json
from core.domain.booked import UNALLOCATED, unallocated_of
from core.domain.instrument import Universe
from core.domain.others import DeskLimits
from core.domain.slot import VenueName
from core.settings import Account, Policy, desk_objections, universe_objections
from core.settings_text import MISSING, SettingsError, parse_desk, parse_policy
from core.strategies.registry import strategy_of
from core.universe_text import parse_universe, universe_hash
from flows.look import quote_of
from flows.results import Part, Scope
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
    others = tuple(name for name in workspace.books() if name != book)
    limits = DeskLimits(desk.gross_max, desk.weight_max, others)
    setup = BookSetup(policy, universe, read_calendar(workspace, policy.execution.calendar), limits)
    return Configuration(setup, {"policy": (policy.hash, text), "universe": _written(universe)})


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


def read_scope(
    workspace: Workspace,
    verified: Mapping[str, date],
    *,
    book: str | None = None,
    account: str | None = None,
    booked: Collection[str] = (),
) -> tuple[Scope, BookSetup]:
    """Read whose results are asked for, with the setup of its first book: a book, an account, or (neither named) the desk.

    A desk is what people execute at real venues, and what they booked to parts of accounts that are in no book: `booked` names
    what holds anything there. Of a desk without either, it is its books on paper. Raises as `read_configuration` does, and
    WorkspaceError for an account or a book that is not there.
    """
    desk = parse_desk(workspace.text(workspace.config / "desk.yml"), "config/desk.yml")
    accounts = {one.name: one for one in desk.accounts}
    if account is not None and account not in accounts:
        raise WorkspaceError(f"config/desk.yml has no account {account}; it lists {', '.join(accounts)}")
    policies = {name: read_configuration(workspace, name, verified).setup for name in _books_to_read(workspace, book)}
    held = any(account is None or name == unallocated_of(account) for name in booked)
    venue = "manual" if book is None and held else _venue_of([one.policy for one in policies.values()], book, account)
    there = {name: setup for name, setup in policies.items() if setup.policy.execution.venue == venue}
    parts = {name: _part(setup.policy, accounts[setup.policy.account]) for name, setup in there.items()}
    if venue == "manual":
        parts |= {
            unallocated_of(one.name): Part(unallocated_of(one.name), one.name, one.lots, one.taxable)
            for one in desk.accounts
        }
    asked = [part for part in parts.values() if book in (None, part.name) and account in (None, part.account)]
    if not asked:
        raise WorkspaceError(
            f"account {account} has no book at a venue; its books are named by `account:` in their policies"
        )
    first = next((there[part.name] for part in asked if part.name in there), next(iter(policies.values())))
    base = first.policy.base_currency if book is not None else accounts[asked[0].account].currency
    title = f"book {book}" if book is not None else f"account {account}" if account is not None else "the desk"
    scope = Scope(
        title=title,
        venue=venue,
        base=base,
        asked=tuple(part.name for part in asked),
        world=tuple(parts.values()) if venue == "manual" else tuple(asked),
        universe=first.universe,
        benchmark=first.policy.data.benchmark,
        quote=quote_of(first.universe, first.policy),
    )
    return scope, first


def _part(policy: Policy, account: Account) -> Part:
    return Part(policy.book, policy.account, policy.accounting.lots, account.taxable)


def _books_to_read(workspace: Workspace, book: str | None) -> list[str]:
    """Name the books whose policies say what is asked: of one on paper its own alone, which nothing else touches."""
    if book is None or book.endswith(f"/{UNALLOCATED}"):
        return workspace.books()
    text = workspace.text(workspace.policy_path(book))
    policy = _parsed(text, f"config/{workspace.policy_path(book).relative_to(workspace.config)}")
    others = [name for name in workspace.books() if name != book]
    return [book, *others] if policy.execution.venue == "manual" else [book]


def _venue_of(policies: Sequence[Policy], book: str | None, account: str | None) -> VenueName:
    """Say at which venue results are asked for: a book's own; of several books what people execute, if there is any."""
    if book is not None:
        return "manual" if book.endswith(f"/{UNALLOCATED}") else policies[0].execution.venue
    mine = {policy.execution.venue for policy in policies if account in (None, policy.account)}
    return "paper" if mine == {"paper"} else "manual"


def read_calendar(workspace: Workspace, name: str) -> Calendar:
    """Give an exchange's calendar, kept in the workspace because computing it takes a second."""
    path = workspace.root / "data" / "clean" / f"calendar-{name}-{_calendars_version()}.json"
    if path.exists():
        return calendar_from_json(path.read_text(encoding="utf-8"))
    calendar = load_calendar(name, CALENDAR_FIRST, CALENDAR_LAST)
    write_whole(path, calendar_to_json(calendar).encode(), mode=READ_WRITE)
    return calendar


@lru_cache(maxsize=1)
def _calendars_version() -> str:
    return version("exchange_calendars")


@lru_cache(maxsize=8)
def _written(universe: Universe) -> tuple[str, str]:
    """Give a universe's hash and text, once: a server reads its configuration at every call."""
    return universe_hash(universe), canonical_json(universe)


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
        strategy_of(policy)
    except ValueError as error:
        yield str(error)
