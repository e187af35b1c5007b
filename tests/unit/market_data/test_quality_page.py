"""The quality page: every check with its numbers, whatever a name holds, and the same bytes each time."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from adapters.render.quality import FOUND_SHOWN, QualityPage, quality_json, quality_markdown, verdict
from core.domain.quality import CheckResult, FoundIn, QualityReport

KNOWN_AT = datetime(2024, 6, 11, 6, 15, tzinfo=UTC)
MISSING = CheckResult(
    check="missing_sessions",
    value="3 in 2 instruments",
    threshold="at most 0 an instrument",
    has_passed=False,
    detail="3 sessions have no bar: A|B 2024-06-05",
    severity="degrade",
    found=(FoundIn("A|B", 2, date(2024, 6, 5), date(2024, 6, 6)), FoundIn("C", 1, date(2024, 6, 5), date(2024, 6, 5))),
)
PRESENT = CheckResult("benchmark_present", "last bar 2024-06-10", "a bar of 2024-06-10", True, "SPY has a bar")
NOTED = CheckResult(
    "float_noise", "1 in 1 instruments", "at most 7 digits", False, "1 close", "note", MISSING.found[1:]
)


def page(*history: CheckResult, has_passed: bool = True) -> QualityPage:
    """Give a page of two checks, with a history."""
    report = QualityReport(date(2024, 6, 10), "f" * 64, (PRESENT, MISSING), (("C", "no bar"),), ())
    return QualityPage(
        "main",
        report,
        has_passed,
        "assumed",
        KNOWN_AT,
        (date(2023, 6, 1), date(2024, 6, 10)),
        history,
        date(2016, 3, 14),
    )


def test_the_page_shows_each_check_with_its_numbers():
    """A failed check that degrades reads DEGRADE, a bar in a text does not break the table."""
    text = quality_markdown(page(MISSING))

    assert text.startswith(
        "# Data quality of main as of 2024-06-10: pass\n\nClean set `ffffffffffff`, knowledge assumed, "
        "as known at 2024-06-11T06:15:00+00:00."
    )
    assert "| pass | benchmark_present | last bar 2024-06-10 | a bar of 2024-06-10 | block | SPY has a bar |" in text
    assert "| DEGRADE | missing_sessions | 3 in 2 instruments | at most 0 an instrument | degrade | 3 sessions" in text
    assert "no bar: A\\|B 2024-06-05 |" in text
    assert "## Left out of the decision\n\n| instrument | why |\n|---|---|\n| C | no bar |" in text
    assert "### missing_sessions\n\n| instrument | bars | first | last |" in text
    assert "| C | 1 | 2024-06-05 | 2024-06-05 |\n" in text


def test_a_long_list_is_cut_and_says_so():
    """Forty instruments are shown, the others counted."""
    found = tuple(FoundIn(f"I{at:02}", 1, date(2024, 6, 5), date(2024, 6, 5)) for at in range(FOUND_SHOWN + 2))
    long = CheckResult("float_noise", "42", "none", False, "42 closes", "note", found)

    text = quality_markdown(page(long))

    assert "| I39 | 1 |" in text
    assert "| I40 | 1 |" not in text
    assert "| and 2 more | | | |" in text


def test_the_document_holds_all_of_the_page():
    """As canonical JSON: verdict, checks, what was found, and what was left out."""
    whole = page(NOTED, has_passed=False)
    facts = json.loads(quality_json(whole))

    assert (verdict(whole), facts["verdict"]) == ("fail", "fail")
    assert facts["report"]["checks"][1]["found"][0] == {
        "instrument": "A|B",
        "bars": 2,
        "first": "2024-06-05",
        "last": "2024-06-06",
    }
    assert facts["history"][0]["severity"] == "note"
    assert facts["window"] == ["2023-06-01", "2024-06-10"]
    assert quality_json(whole) == quality_json(page(NOTED, has_passed=False))


def test_a_verdict_is_said_in_a_word():
    """What a failed check does, in capitals; the report passes while nothing blocks."""
    assert [one.verdict for one in (PRESENT, MISSING, NOTED)] == ["pass", "DEGRADE", "NOTE"]
    assert [str(one) for one in MISSING.found] == ["A|B 2 (2024-06-05 to 2024-06-06)", "C 2024-06-05"]
    assert page().report.has_passed
