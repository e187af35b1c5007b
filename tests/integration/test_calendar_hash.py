"""The calendar is hashed with the run: another one, of another version of its library, is named by replay."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from core.canonical import canonical_json
from tests.integration.workspaces import BUSY, DAY, Workspaces, superuser, twokey

KEEPS_SERVERS = True
RUN = f"RUN-{DAY:%Y%m%d}-r1"
CHRISTMAS, LONG_AGO = date(2023, 12, 26), date(2010, 3, 3)


@pytest.fixture(scope="module")
def decided(workspaces: Workspaces) -> Path:
    """Give a workspace with one slot decided."""
    root = workspaces.copy("calendars", *BUSY)
    assert twokey(root, "run", "--on", str(DAY)).code == 0
    return root


def close_on(root: Path, day: date) -> None:
    """Let the exchange have been closed on a day, as another version of the calendar's library might say."""
    (path,) = (root / "data" / "clean").glob("calendar-*.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    at = told["sessions"].index(str(day))
    for name in ("sessions", "opens", "closes"):
        del told[name][at]
    path.write_text(canonical_json(told), encoding="utf-8")


def test_the_manifest_holds_the_hash_that_replay_compares(decided):
    """An unchanged calendar is equal, and is among what was compared."""
    manifest = json.loads((decided / "runs" / RUN / "manifest.json").read_text())
    done = twokey(decided, "replay", RUN)

    stages = {item["stage"]: item for item in done.facts["stages"]}
    assert done.code == 0
    assert stages["calendar"]["stored"] == manifest["inputs"]["calendar"] == manifest["run"]["calendar_hash"]
    assert len(manifest["inputs"]["calendar"]) == 64


@pytest.mark.parametrize("day", [CHRISTMAS, date(2024, 2, 5), date(2024, 2, 7)])
def test_a_changed_calendar_is_named(workspaces, decided, day):
    """A session less among those scored, as-of itself, or the one in which the ticket would be executed."""
    root = workspaces.copy(f"changed-{day}", of=decided)
    close_on(root, day)

    done = twokey(root, "replay", RUN)

    assert (done.code, done.err) == (1, "")
    assert [(item["stage"], item["equal"]) for item in done.facts["stages"]] == [("calendar", False)]


def test_a_change_that_the_run_never_saw_is_none(workspaces, decided):
    """What a new version says of years before the run's bars leaves its decision as it was."""
    root = workspaces.copy("long-ago", of=decided)
    close_on(root, LONG_AGO)

    assert twokey(root, "replay", RUN).code == 0


def test_a_run_without_the_hash_is_replayed_without_it(workspaces, decided):
    """An earlier version kept none: the other stages are compared as they were then."""
    root = workspaces.copy("earlier", of=decided)
    with superuser(root) as connection:
        connection.execute("ALTER TABLE run DISABLE TRIGGER refuse_change")
        connection.execute("UPDATE run SET body = regexp_replace(body, '\"calendar_hash\":\"[0-9a-f]{64}\",', '')")

    done = twokey(root, "replay", RUN)

    assert done.code == 0, done.err
    assert "calendar" not in {item["stage"] for item in done.facts["stages"]}
