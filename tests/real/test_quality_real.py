"""The quality report on recorded data: what `twokey data quality` prints and writes, and that it agrees with a decision."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from core.canonical import canonical_json
from tests.integration.workspaces import twokey
from tests.real.archives import without, write_archive
from tests.real.conftest import Copy

pytestmark = [pytest.mark.shared, pytest.mark.slow]

DAY, AS_OF = date(2024, 6, 12), date(2024, 6, 11)
BLOCKING = {
    *("benchmark_present", "benchmark_fresh", "benchmark_sound", "coverage", "session_complete", "excluded_share"),
    *("duplicate_dates", "ohlc_consistent", "positive_prices"),
}


@pytest.fixture(scope="module")
def broken(place: Path, fresh: Path, copy: Copy, shared: Path) -> Path:
    """Give a workspace whose provider forgot a session of one instrument, and as-of of three others."""
    root = copy(fresh, place / "broken")
    folder = place / "broken-archive"
    paths = write_archive(folder, shared, without(date(2024, 3, 5), "KO"), without(AS_OF, "PEP", "XOM", "CVX"))
    done = twokey(root, "ingest", "--archive", *paths)
    shutil.rmtree(folder)
    assert done.code == 0, done.err
    return root


def test_the_recorded_bars_pass_and_the_report_is_written(recorded):
    """As a slot of the day and as of its session alike: the same JSON, and a page that shows every check."""
    by_day = twokey(recorded, "data", "quality", "--on", DAY.isoformat())
    page = (recorded / "reports/quality-20240611.md").read_text(encoding="utf-8")
    document = (recorded / "reports/quality-20240611.json").read_text(encoding="utf-8")
    by_session = twokey(recorded, "data", "quality", "--as-of", AS_OF.isoformat())

    assert (by_day.code, by_day.facts["verdict"], by_day.facts["messages"]) == (0, "pass", [])
    assert by_day.facts == by_session.facts
    assert (recorded / "reports/quality-20240611.json").read_text(encoding="utf-8") == document
    assert document == canonical_json(json.loads(document))
    assert {one["check"] for one in by_day.facts["checks"] if one["severity"] == "block"} == BLOCKING
    assert page.startswith("# Data quality of main as of 2024-06-11: pass\n")
    assert all(f"| pass | {one['check']} |" in page for one in by_day.facts["checks"])
    assert len(by_day.facts["checks"]) == len(BLOCKING) + 19
    assert by_day.facts["excluded"] == by_day.facts["degraded"] == []


def test_a_day_that_is_no_session_is_refused(recorded):
    """The session before it is named; a day beyond the calendar is refused too."""
    done = twokey(recorded, "data", "quality", "--as-of", "2024-06-15")

    assert done.code == 2
    assert "2024-06-15 is no session of XNYS; the one before it is 2024-06-14" in done.err


def test_the_report_names_what_is_left_out_and_what_is_missing(broken):
    """Exit 1, every blocking message, and the reasons of the instruments left out, on the page too."""
    done = twokey(broken, "data", "quality", "--as-of", AS_OF.isoformat())
    page = (broken / "reports/quality-20240611.md").read_text(encoding="utf-8")

    assert (done.code, done.facts["verdict"]) == (1, "fail")
    assert [message.partition(";")[0] for message in done.facts["messages"]] == [
        "99 of 102 instruments (97.0 %) have a bar of 2024-06-11"
    ]
    assert dict(done.facts["excluded"]) == {
        "CVX": "no bar of 2024-06-11",
        "KO": "missing_sessions: 2024-03-05",
        "PEP": "no bar of 2024-06-11",
        "XOM": "no bar of 2024-06-11",
    }
    assert done.facts["degraded"] == ["KO"]
    assert "| DEGRADE | missing_sessions | 1 in 1 instruments | at most 0 an instrument | degrade |" in page
    assert "| KO | missing_sessions: 2024-03-05 |" in page


def test_a_decision_leaves_out_what_the_report_leaves_out(broken):
    """On the session before, with all bars there, the ticket names KO and buys others."""
    done = twokey(broken, "run", "--on", "2024-06-11")
    ticket = json.loads((broken / "tickets/TICKET-20240611.json").read_text(encoding="utf-8"))["ticket"]

    assert (done.code, ticket["kind"]) == (0, "TRADE")
    (told,) = [note for note in ticket["notes"] if note.startswith("left out")]
    assert told == "left out: 1 sessions have no bar between an instrument's first and last: KO 2024-03-05"
    assert "KO" not in {line["instrument"] for line in ticket["lines"]}
