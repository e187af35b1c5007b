"""Announced actions: a person writes one down, and nothing is traded across it until the bars know it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.workspaces import DAY, FIRST, SEED, Workspaces, morning, the_time_is, twokey

KEEPS_SERVERS = True
HEAD = "internal_symbol,ex_date,split_ratio,dividend,known_at,notes"
EVE = DAY - timedelta(days=1)


def ingest(root: Path) -> dict[str, Any]:
    """Ingest the bars up to the eve, and what a person wrote down; bars of later days would know the split."""
    shutil.rmtree(root / "data/raw")
    done = twokey(root, "ingest", "--synthetic", str(SEED), "--from", str(FIRST), "--to", str(EVE))
    assert done.code == 0, done.err
    facts: dict[str, Any] = done.facts
    return facts


def wanted(root: Path, day: date) -> tuple[list[str], list[str]]:
    """Decide a day; give what is bought, and the ticket's notes."""
    done = twokey(root, "run", "--on", str(day))
    assert done.code == 0, done.err
    ticket = json.loads((root / f"tickets/TICKET-{day:%Y%m%d}.json").read_text(encoding="utf-8"))["ticket"]
    return [line["instrument"] for line in ticket["lines"] if line["side"] == "buy"], ticket["notes"]


@pytest.fixture(scope="module")
def usual(workspaces: Workspaces) -> list[str]:
    """Give what the day buys when nothing was announced, best ranked first."""
    root = workspaces.copy("announced-nothing")
    ingest(root)
    return wanted(root, DAY)[0]


def test_a_split_of_the_day_of_execution_is_not_bought(workspaces, usual):
    """The ticket says what is left out and why; the day's own dividend is told, and a row of nobody is named."""
    root = workspaces.copy("announced")
    splits, pays = usual[0], usual[1]
    rows = (f"{splits},{DAY},3,,2024-01-10,their page", f"{pays},{DAY},,0.2,2024-01-10,", "NOBODY,2024-02-06,2,,,")
    (root / "config/announced_actions.csv").write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")

    report = ingest(root)
    bought, notes = wanted(root, DAY)
    quality = twokey(root, "data", "quality", "--as-of", str(EVE)).facts

    assert splits in usual
    assert splits not in bought
    assert pays in bought
    (left_out,) = [note for note in notes if note.startswith("left out")]
    assert left_out.endswith(f"{splits} split 3 on {DAY} (person)")
    assert any(note.startswith(f"{pays}: dividend 0.2 on {DAY} (person) is ex") for note in notes)
    assert ("warn", "NOBODY") in {(one["severity"], one["subject"]) for one in report["findings"]}
    assert quality["excluded"] == [[splits, f"ACTION_PENDING: split 3 on {DAY} (person)"]]
    assert twokey(root, "replay", f"RUN-{DAY:%Y%m%d}-r1").code == 0


def test_what_was_announced_after_the_slot_changes_nothing(workspaces, usual):
    """Known on the evening of the day itself: that morning's decision is what it would have been."""
    root = workspaces.copy("announced-late")
    row = f"{usual[0]},{DAY},3,,{DAY}T20:00:00Z,"
    (root / "config/announced_actions.csv").write_text(f"{HEAD}\n{row}\n", encoding="utf-8")

    ingest(root)

    assert wanted(root, DAY)[0] == usual


def test_the_report_of_a_day_judges_what_its_slot_knew(workspaces, usual):
    """What was announced in the evening is in no report of the morning, but in one as known then; none is of days to come."""
    root = workspaces.copy("announced-reported")
    told = datetime.combine(DAY, time(20), UTC)
    (root / "config/announced_actions.csv").write_text(
        f"{HEAD}\n{usual[0]},{DAY},3,,{DAY}T20:00:00Z,\n", encoding="utf-8"
    )
    ingest(root)

    of_day, of_session = (
        twokey(root, "data", "quality", *asked) for asked in (("--on", str(DAY)), ("--as-of", str(EVE)))
    )
    before, after = (
        twokey(root, "data", "quality", "--as-of", str(EVE), "--known-at", at.isoformat())
        for at in (told - timedelta(seconds=1), told)
    )

    assert of_day.facts == of_session.facts
    assert of_day.facts["known_at"] == morning(DAY).isoformat()
    assert (of_day.facts["excluded"], before.facts["excluded"]) == ([], [])
    assert after.facts["excluded"] == [[usual[0], f"ACTION_PENDING: split 3 on {DAY} (person)"]]
    assert after.facts["known_at"] == told.isoformat()
    refused = twokey(root, "data", "quality", "--as-of", str(EVE), "--known-at", "9999-01-01T00:00:00Z")
    assert refused.code == 2
    assert "--known-at 9999-01-01T00:00:00+00:00 is to come" in refused.err


def test_on_a_saturday_the_report_is_that_of_mondays_slot(workspaces):
    """Who looks on a day without a slot prepares for the next one; a Saturday named on purpose is refused with its reason."""
    root = workspaces.copy("quality-saturday")
    saturday = DAY + timedelta(days=(5 - DAY.weekday()) % 7)

    with the_time_is(morning(saturday)):
        done = twokey(root, "data", "quality")
        refused = twokey(root, "data", "quality", "--on", str(saturday))
    with the_time_is(morning(saturday + timedelta(days=2))):
        monday = twokey(root, "data", "quality")

    assert done.facts == monday.facts
    assert done.facts["known_at"] == morning(saturday + timedelta(days=2)).isoformat()
    assert (refused.code, f"{saturday} is a Saturday" in refused.err) == (2, True)
