"""`data quality` and `data verify`: whether bars are fit to decide on, and whether files are as they were stored."""

from __future__ import annotations

import argparse
import json
from datetime import date, timedelta

from adapters.files.atomic import write_artefact
from adapters.files.clean_set import CleanFiles
from adapters.files.configuration import read_calendar
from adapters.files.raw_store import INDEX, RawFiles
from adapters.files.workspace import Workspace
from adapters.postgres.people import PgConfig
from adapters.render.quality import CalendarPart, QualityPage, quality_json, quality_markdown, verdict
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk, when
from core.calendar import as_of, is_run_day, slot_of
from core.canonical import plain
from core.domain.instrument import EXCHANGE_CALENDAR
from core.domain.quality import CheckResult
from core.domain.slot import AsOf
from core.market_data.quality import judge_history, judge_panel
from flows.setup import BookSetup

MAIN_BOOK = "main"


def quality(arguments: argparse.Namespace) -> int:
    """Judge the bars as of a day's slot or of a session, and write the report; exit 1 when they fail."""
    workspace = Workspace(arguments.workspace)
    with Desk(workspace) as desk:
        page = _page(desk, arguments)
    book = "" if page.book == MAIN_BOOK else f"-{page.book}"
    place = workspace.root / "reports" / f"quality-{page.report.as_of:%Y%m%d}{book}"
    paths = {"markdown": place.with_suffix(".md"), "json": place.with_suffix(".json")}
    write_artefact(paths["markdown"], quality_markdown(page).encode())
    write_artefact(paths["json"], quality_json(page).encode())
    failed = [one for one in page.report.checks if not one.has_passed]
    facts = {
        **plain(page.report),
        "known_at": page.known_at.isoformat(),
        "verdict": verdict(page),
        "messages": [one.detail for one in failed if one.severity == "block"],
        "history": plain(page.history),
        "others": plain(page.others),
        "reports": {name: str(path) for name, path in paths.items()},
    }
    emit(arguments, facts, _words(page) + f"\nwritten to {paths['markdown']} and .json")
    return 0 if page.has_passed else 1


def verify(arguments: argparse.Namespace) -> int:
    """Find any change of a stored raw file, of the index, or of the current clean set; exit 1 when there is one.

    Files that the index does not name are told and change nothing: nobody reads them, and a killed ingest leaves one.
    """
    workspace = Workspace(arguments.workspace)
    data = workspace.root / "data"
    store, clean = RawFiles(data / "raw"), CleanFiles(data / "clean")
    snapshot = clean.current()
    unsound = [] if snapshot is None else clean.verify(snapshot)
    made_of = {} if snapshot is None or unsound else clean.made_of(snapshot)
    differences = [*_index_differences(workspace, store), *store.verify(made_of)]
    differences += [f"the clean set: {one}" for one in unsound]
    count, strays = len(store.records()), store.strays()
    kept = "" if snapshot is None else f", and so is clean set {snapshot[:12]}"
    lines = differences or [f"{count} raw files are as they were stored{kept}"]
    lines = [*lines, *(f"not in the index, and never read: {path}" for path in strays)]
    facts = {"files": count, "snapshot": snapshot, "differences": differences, "strays": strays}
    emit(arguments, facts, "\n".join(lines))
    return 1 if differences else 0


def _index_differences(workspace: Workspace, store: RawFiles) -> list[str]:
    """Hold the index against what the database keeps of it, in a row that the audit chain vouches for."""
    with Desk(workspace) as desk:
        body = PgConfig(desk.session("reader")).published()
    kept = json.loads(body) if body is not None else {}
    if not kept.get("index_lines"):
        return []
    lines, sha256 = store.index_of(kept["index_lines"])
    if (lines, sha256) == (kept["index_lines"], kept["index_sha256"]):
        return []
    was = f"its first {kept['index_lines']} lines had SHA-256 {kept['index_sha256']} when the clean set was made"
    return [f"{INDEX}: {was}; there are {lines}, with {sha256}"]


def _page(desk: Desk, arguments: argparse.Namespace) -> QualityPage:
    """Judge the window that a decision looks at, and the bars of the whole history before it."""
    configuration = desk.configuration(arguments.book)
    setup = configuration.setup
    snapshot = desk.clean.current()
    if snapshot is None:
        raise UsageError("no market data was ingested; run `twokey ingest`")
    now = when(configuration, None)
    asked = _asked(setup, arguments.on or _next_slot(setup, now.today), arguments.as_of)
    session, known_at = asked.session, asked.at
    if arguments.known_at is not None:
        known_at = arguments.known_at
        if known_at > now.clock.now():
            raise UsageError(f"--known-at {known_at.isoformat()} is to come; nobody knows yet what will be known then")
        # What was asked of before the first clean set is answered by the current one, as far as it says when it was told.
        snapshot = PgConfig(desk.session("reader")).snapshot_at(known_at) or snapshot
    whole = desk.clean.panel(snapshot, last=session, known_at=known_at)
    window = whole.window(session, setup.strategy.sessions_needed)
    closes_at, rules = setup.calendar.close_of(session), setup.policy.data
    execution = setup.calendar.next_session(session)
    gate = judge_panel(window, setup.universe, rules, session, closes_at=closes_at, execution=execution)
    days: list[date] = whole.sessions.astype("datetime64[D]").tolist() or [session]
    return QualityPage(
        book=arguments.book,
        report=gate.value,
        has_passed=gate.is_open,
        knowledge=whole.knowledge_words(),
        known_at=known_at,
        window=(
            window.sessions[0].astype("datetime64[D]").astype(object) if len(window.sessions) else session,
            session,
        ),
        history=judge_history(whole, setup.universe, rules, session),
        history_from=days[0],
        others=_others(desk, setup, snapshot, AsOf(at=known_at, session=session)),
    )


def _others(desk: Desk, setup: BookSetup, snapshot: str, known: AsOf) -> tuple[CalendarPart, ...]:
    """Judge the bars that stand on the days of other calendars, up to the last one over when the session closed."""
    parts: list[CalendarPart] = []
    closes_at = setup.calendar.close_of(known.session)
    for name in sorted({row.calendar for row in setup.universe.instruments} - {EXCHANGE_CALENDAR}):
        latest = read_calendar(desk.workspace, name).last_completed(closes_at)
        if not desk.clean.has(snapshot, name):
            continue
        panel = desk.clean.panel(snapshot, last=latest, known_at=known.at, calendar=name)
        if len(panel.sessions):
            days: list[date] = panel.sessions.astype("datetime64[D]").tolist()
            checks = judge_history(panel, setup.universe, setup.policy.data, latest)
            parts.append(CalendarPart(name, days[0], days[-1], latest, checks))
    return tuple(parts)


def _next_slot(setup: BookSetup, today: date) -> date:
    """Give today, or on a day without a slot the next one that has one: whoever looks on a Saturday prepares for Monday."""
    days = (today + timedelta(days=ahead) for ahead in range(7))
    return next(day for day in days if is_run_day(setup.policy, day))


def _asked(setup: BookSetup, day: date, wanted: date | None) -> AsOf:
    """Give the session that was asked for, or that which a slot of the day is decided as of, and what the slot knows."""
    calendar = setup.calendar
    try:
        if wanted is None or calendar.is_session(wanted):
            after = day if wanted is None else calendar.next_session(wanted)
            slot = slot_of(setup.policy, after)
            return as_of(calendar, slot) if wanted is None else AsOf(at=slot.at, session=wanted)
        before = calendar.previous_session(wanted)
    except ValueError as error:
        raise UsageError(str(error)) from error
    raise UsageError(f"{wanted} is no session of {calendar.name}; the one before it is {before}")


def _words(page: QualityPage) -> str:
    report = page.report
    head = ("verdict", "check", "found", "threshold", "severity")
    lines = [f"window {page.window[0]} to {page.window[1]}", table(head, [_row(one) for one in report.checks])]
    lines += [f"left out: {name}: {why}" for name, why in report.excluded]
    marked = [one for one in page.history if not one.has_passed]
    lines += ["", f"whole history from {page.history_from}: {len(page.history)} checks, {len(marked)} with findings"]
    lines += [table(head, [_row(one) for one in marked])] if marked else []
    for part in page.others:
        marked = [one for one in part.checks if not one.has_passed]
        words = f"days of {part.calendar}, {part.first} to {part.last}: {len(part.checks)} checks, {len(marked)} with findings"
        lines += ["", words, *([table(head, [_row(one) for one in marked])] if marked else [])]
    return "\n".join([*lines, f"as of {report.as_of}, as known at {page.known_at.isoformat()}: {verdict(page)}"])


def _row(check: CheckResult) -> tuple[str, ...]:
    return check.verdict, check.check, check.value, check.threshold, check.severity
