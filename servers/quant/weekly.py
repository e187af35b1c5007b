"""The week's backtest: a job that the first slot of a week leaves behind. It is never a gate: what goes wrong is an alert."""

from __future__ import annotations

from datetime import date, datetime

from adapters.files.alerts import Alert, FileAlerts
from flows.books import StoreError
from flows.ports import CleanSet, SourceError
from flows.setup import BookSetup
from servers.quant.jobs import GONE, Backtest, Job, Jobs
from servers.refusals import Refused


def leave_backtest(
    as_of: date, setup: BookSetup, jobs: Jobs, *, clean: CleanSet, alerts: FileAlerts, at: datetime
) -> Job | None:
    """Start the research backtest of a slot's week, or give the one that the week has; None where there is none to run.

    The week's first slot that is decided starts it; where another job was in the way, or the worker died, the next slot
    does. Raises nothing: an alert says why there is none.
    """
    book = setup.policy.book
    try:
        return _left(as_of, setup, jobs, clean=clean, alerts=alerts, at=at)
    except (Refused, StoreError, SourceError, OSError, ValueError) as error:
        _alert(alerts, at, f"the weekly backtest of book {book} was not started: {error}")
        return None


def _left(
    as_of: date, setup: BookSetup, jobs: Jobs, *, clean: CleanSet, alerts: FileAlerts, at: datetime
) -> Job | None:
    book, last, snapshot = setup.policy.book, setup.calendar.last_week_end(as_of), clean.current()
    known = jobs.weekly(book, last)
    if snapshot is None or (known is not None and known.why != GONE):
        return known
    # Imported here: only the first slot of a week pays for it.
    from flows.weekly import weekly_range

    asked = weekly_range(as_of, setup, clean)
    if asked is None:
        return None
    if known is not None:
        _alert(alerts, at, f"the weekly backtest of book {book} ({known.job_id}) is started again: {known.why}")
    wanted = Backtest(book, *asked, snapshot, setup.policy.hash, setup.universe_hash, "research")
    return jobs.start(wanted, "weekly_backtest")


def _alert(alerts: FileAlerts, at: datetime, words: str) -> None:
    try:
        alerts.add(Alert(at, "backtest", words))
    except OSError:
        # Nowhere to say it: the disk tells of itself elsewhere.
        return
