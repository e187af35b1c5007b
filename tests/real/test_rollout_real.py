"""A dry run on paper over recorded mornings: what it met is not lost when the policy names a broker and a person goes on."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from tests.integration.workspaces import by_person, change_policy, the_time_is, twokey
from tests.real.archives import only, write_archive
from tests.real.conftest import Copy

DAYS = date(2024, 6, 11), date(2024, 6, 12), date(2024, 6, 13)
DAILY, LONGER = ("rebalance: weekly", "rebalance: daily"), ("run_until: 09:00", "run_until: 10:00")


def morning(day: date, minutes: int) -> datetime:
    """Give an instant after a day's slot, in London's summer."""
    return datetime.combine(day, time(7, 0, 1), UTC) + timedelta(minutes=minutes)


def criteria(facts: dict[str, Any], phase: str) -> dict[str, tuple[str, str]]:
    """Give the state and the words of each criterion of a phase."""
    return {item["name"]: (item["state"], item["words"]) for item in facts["phases"][phase]["criteria"]}


def test_what_paper_met_is_passed_over_by_nobody(place: Path, shared: Path, fresh: Path, copy: Copy):
    """Three real mornings on paper, each within the time of its own policy; the broker is named, and then phase B begins."""
    root = copy(fresh, place / "rollout")
    change_policy(root, DAILY, LONGER)
    archive = write_archive(place / "rollout-archive", shared, only(last=date(2024, 6, 12)))
    assert twokey(root, "ingest", "--archive", *archive).code == 0
    for day, minutes in zip(DAYS, (70, 31, 58), strict=True):
        with the_time_is(morning(day, minutes)):
            done = twokey(root, "run")
        assert done.facts["kind"] in ("TRADE", "HOLD"), done.facts
        if day == DAYS[0]:
            change_policy(root, LONGER[::-1])
    with the_time_is(morning(DAYS[-1], 59)):
        dry = twokey(root, "rollout", "status").facts
        change_policy(root, ("  venue: paper", "  venue: manual"))
        named = twokey(root, "rollout", "status").facts
        on = by_person(root, "rollout", "advance", "B", "--by", "ann", "--reason", "the pilot begins")
        pilot = twokey(root, "rollout", "status").facts

    met = ("data", "tickets", "reports", "no kill switch", "reconciliation", "confirmations", "time to ticket")
    told = criteria(dry, "A")
    assert [name for name, (state, _) in told.items() if state == "met"] == list(met)
    assert told["reconciliation"][1] == (
        "2 of 3 comparisons with the venue follow a ticket of a real day, that of 2024-06-12 with 0 breaks"
    )
    assert told["time to ticket"][1] == (
        "the latest of 3 tickets, 20240613, came 58.1 minutes after its slot, where `run_until` allowed 60"
    )
    figures = dry["phases"]["A"]["figures"]
    assert (figures["comparisons"], figures["real_comparisons"]) == (3, 2)
    assert figures["minutes_to_ticket"] == {"median": "58.1", "worst": "70.1"}
    assert [facts["phase"] for facts in (dry, named, pilot)] == ["A", "A", "B"]
    assert [criteria(facts, "A") for facts in (named, pilot)] == [told] * 2
    assert [item.partition(":")[0] for item in on.facts["passed_over"]] == [
        "phase A, clean runs",
        "phase A, compliance",
    ]
