"""Quality pages: a quality report as a person reads it in Markdown, and as a program does in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.canonical import canonical_json, plain
from core.domain.quality import CheckResult, QualityReport

FOUND_SHOWN = 40


@dataclass(frozen=True)
class CalendarPart:
    """What a page shows of a calendar that the book does not trade on: its bars' checks, from the first to the last bar.

    `latest` is the last day of the calendar that was over when the book's as-of session closed.
    """

    calendar: str
    first: date
    last: date
    latest: date
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True)
class QualityPage:
    """What a page shows: whose report, over which sessions, known how, and the checks of bars over the whole history."""

    book: str
    report: QualityReport
    has_passed: bool
    knowledge: str
    known_at: datetime
    window: tuple[date, date]
    history: tuple[CheckResult, ...]
    history_from: date
    others: tuple[CalendarPart, ...] = ()


def quality_json(page: QualityPage) -> str:
    """Render a page as canonical JSON with its verdict; the same page gives the same bytes."""
    return canonical_json({"verdict": verdict(page), **plain(page)})


def quality_markdown(page: QualityPage) -> str:
    """Render a page as Markdown: every check's number against its threshold, and each instrument found."""
    report = page.report
    lines = [
        f"# Data quality of {page.book} as of {report.as_of}: {verdict(page)}",
        "",
        f"Clean set `{report.snapshot[:12]}`, knowledge {page.knowledge}, as known at {page.known_at.isoformat()}.",
        "",
        f"## The decision's window, {page.window[0]} to {page.window[1]}",
        "",
        *_checks(report.checks),
        *_excluded(report),
        f"## The whole history, {page.history_from} to {page.window[1]}",
        "",
        "What a decision of today does not look at is shown here and leaves nothing out.",
        "",
        *_checks(page.history),
        *_found(page.history),
        *(line for part in page.others for line in _part(part)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def verdict(page: QualityPage) -> str:
    """Say in a word whether the bars are fit to decide on."""
    return "pass" if page.has_passed else "fail"


def _part(part: CalendarPart) -> list[str]:
    late = (part.latest - part.last).days
    return [
        f"## The days of {part.calendar}, {part.first} to {part.last}",
        "",
        f"The last day that was over is {part.latest}; the last bar is {f'{late} days older' if late > 0 else 'of it'}.",
        "",
        *_checks(part.checks),
        *_found(part.checks),
    ]


def _checks(checks: Sequence[CheckResult]) -> list[str]:
    rows = [
        f"| {one.verdict} | {one.check} | {one.value} | {one.threshold} | {one.severity} | {_cell(one.detail)} |"
        for one in checks
    ]
    return ["| verdict | check | found | threshold | severity | in words |", "|---|---|---|---|---|---|", *rows, ""]


def _excluded(report: QualityReport) -> list[str]:
    if not report.excluded:
        return []
    rows = [f"| {name} | {_cell(why)} |" for name, why in report.excluded]
    return ["## Left out of the decision", "", "| instrument | why |", "|---|---|", *rows, ""]


def _found(checks: Sequence[CheckResult]) -> list[str]:
    lines: list[str] = []
    for check in checks:
        if check.found:
            rows = [
                f"| {one.instrument} | {one.bars} | {one.first} | {one.last} |" for one in check.found[:FOUND_SHOWN]
            ]
            more = len(check.found) - FOUND_SHOWN
            rows += [f"| and {more} more | | | |"] if more > 0 else []
            lines += [f"### {check.check}", "", "| instrument | bars | first | last |", "|---|---|---|---|", *rows, ""]
    return lines


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")
