"""Slots for commands that decide nothing: that of a day, or else the newest that has come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from adapters.files.configuration import Configuration
from cli.main import UsageError
from cli.wiring import Desk, when
from core.calendar import is_run_day, last_run_day
from core.domain.slot import AsOf, Run


def run_of_slot(desk: Desk, configuration: Configuration, on: date | None) -> Run:
    """Plan the run of a day's slot, or of the newest slot that has come; raises UsageError where the day has none.

    It knows what its own morning knew, on whichever later day it is asked for.
    """
    setup, today = configuration.setup, when(configuration, None).today
    newest = last_run_day(setup.policy, today)
    day = on or newest
    try:
        return setup.run_of(day, today=newest if on is None else today, snapshot=desk.clean.current())
    except ValueError as error:
        is_other_day = day > today or not is_run_day(setup.policy, day)
        hint = f"; take --on {last_run_day(setup.policy, min(day, today))}" if is_other_day else ""
        raise UsageError(f"{error}{hint}") from error


def run_to_settle(desk: Desk, configuration: Configuration, on: date | None) -> Run:
    """Plan the run of a slot as settling takes it: on a day without one, up to the session that is over by now.

    What filled in Friday's session can be booked on Saturday; nothing is decided on it.
    """
    run, moment = run_of_slot(desk, configuration, on), when(configuration, None)
    if on is not None or run.slot.day == moment.today:
        return run
    now = moment.clock.now()
    return replace(run, as_of=AsOf(now, configuration.setup.calendar.last_completed(now)))


def slot_words(run: Run, configuration: Configuration, on: date | None) -> list[str]:
    """Say which slot was taken where nobody named one and today has none."""
    today = when(configuration, None).today
    if on is not None or run.slot.day == today:
        return []
    why = f"the newest that has come ({today} is a {today:%A})"
    return [f"slot of {run.slot.day}, {why}: closes up to {run.as_of.session}"]
