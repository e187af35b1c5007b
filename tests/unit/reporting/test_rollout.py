"""The rollout's report: each exit criterion on both sides of its number, and what nothing was measured of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.domain.rollout import ITEMS, Attested, PhaseFacts, SlotFacts
from core.reporting.rollout import RUNS_MIN, criteria, figures

AT = datetime(2024, 6, 10, 7, tzinfo=UTC)
UNTIL = AT + timedelta(hours=1)
GOOD = SlotFacts(
    label="20240610",
    at=AT,
    until=UNTIL,
    is_real=True,
    kind="TRADE",
    issued_at=UNTIL,
    scored=90,
    offered=100,
    has_files=True,
    waits=(3600,),
    made_of=("p", "u"),
)
WORDS = {item: Attested("main", item, True, "e" * 64, "scan.pdf", "ann", "looked") for item in ITEMS}


def slots(count: int = RUNS_MIN, **last: Any) -> tuple[SlotFacts, ...]:
    """Give good slots of which the last but one is changed, so that it lies inside every stretch."""
    made = [replace(GOOD, label=f"{number:08}") for number in range(count)]
    made[-2] = replace(made[-2], **last)
    return tuple(made)


def stay(phase: str = "B", *, of: Sequence[SlotFacts] = slots(), **changes: Any) -> PhaseFacts:
    """Give a stay in a phase without a fault."""
    return replace(PhaseFacts(phase, tuple(of), (("paper", date(2024, 6, 10), 0),)), **changes)


def states(facts: PhaseFacts, attested: Mapping[str, Attested] = WORDS) -> dict[str, str]:
    """Give the state of each criterion by its name."""
    return {item.name: item.state for item in criteria(facts, attested)}


def unmet(facts: PhaseFacts, attested: Mapping[str, Attested] = WORDS) -> set[str]:
    """Name the criteria that are not met."""
    return {name for name, state in states(facts, attested).items() if state == "not met"}


@pytest.mark.parametrize(("phase", "count"), [("0", 5), ("A", 9), ("B", 11), ("C", 11)])
def test_a_stay_without_a_fault_meets_every_criterion(phase, count):
    """A phase that risks more is left by more."""
    found = states(stay(phase))

    assert (len(found), set(found.values())) == (count, {"met"})


@pytest.mark.parametrize("phase", ["0", "A", "B"])
def test_what_nothing_was_measured_of_says_so(phase):
    """A phase that has not begun is left by nothing, and only a person's words can be there before it."""
    found = states(PhaseFacts(phase), {})

    assert found.pop("compliance", "not met") == "not met"
    assert set(found.values()) == {"not yet measurable"}


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ({"kind": "NO-TRADE", "closed": ("data",)}, {"clean runs"}),
        ({"kind": "NO-TRADE", "closed": ("drawdown",)}, {"clean runs", "no kill switch"}),
        ({"kind": "NO-TRADE", "closed": ("daily_loss",)}, {"clean runs", "no kill switch"}),
        ({"defects": ("revised by ann: a slip",)}, {"clean runs", "tickets"}),
        ({"kind": None, "issued_at": None}, {"clean runs", "tickets"}),
        ({"scored": 89}, {"data"}),
        ({"has_files": False}, {"reports"}),
        ({"issued_at": UNTIL + timedelta(seconds=1)}, {"time to ticket"}),
        ({"late": 1}, {"confirmed in time"}),
        ({"unanswered": 1}, {"confirmations"}),
        ({"made_of": ("q", "u")}, {"unchanged"}),
        ({"made_of": ("p", "v")}, {"unchanged"}),
    ],
)
def test_one_fault_in_one_slot_is_seen(fault, names):
    """Each criterion one step beyond its number; exactly at it, every one is met."""
    assert unmet(stay(of=slots(**fault))) == names


def test_runs_are_counted_back_to_the_last_that_was_not_clean():
    """As many as are wanted are enough, one fewer is not, and what was before does not matter."""
    faulty = replace(GOOD, label="before", kind="NO-TRADE", closed=("data",))

    enough, short = stay(of=(faulty, *slots())), stay(of=(faulty, *slots(RUNS_MIN - 1)))

    assert (unmet(enough), unmet(short)) == (set(), {"clean runs"})
    told = next(item.words for item in criteria(short, WORDS) if item.name == "clean runs")
    assert told == f"{RUNS_MIN - 1} clean runs in a row, {RUNS_MIN} are wanted; before was not: data"


def test_rehearsals_and_made_markets_prove_nothing():
    """A month of them leaves no phase."""
    found = states(stay(of=[replace(slot, is_real=False) for slot in slots()]))

    unproven = ("clean runs", "data", "tickets", "reports", "no kill switch", "reconciliation", "time to ticket")
    assert {found[name] for name in unproven} == {"not yet measurable"}


@pytest.mark.parametrize(
    ("sessions", "state"),
    [
        (((7, 0),), "not yet measurable"),
        (((10, 1),), "not met"),
        (((10, 0), (11, 1)), "met"),
        (((10, 0), (13, 1)), "not met"),
        (((12, 0), (14, 0)), "met"),
        (((11, 0),), "not yet measurable"),
    ],
)
def test_a_comparison_counts_where_the_newest_ticket_up_to_it_was_a_real_one(sessions, state):
    """Before the first ticket and after a rehearsal it proves nothing; a day without a slot belongs to the one before."""
    kinds: dict[int, tuple[bool, Any]] = {
        10: (True, "HOLD"),
        11: (False, "TRADE"),
        12: (True, "TRADE"),
        14: (False, None),
    }
    of = [replace(GOOD, label=f"202406{day}", is_real=real, kind=kind) for day, (real, kind) in kinds.items()]

    facts = stay(of=of, comparisons=tuple(("paper", date(2024, 6, day), breaks) for day, breaks in sessions))

    assert states(facts)["reconciliation"] == state


def test_the_newest_real_comparison_is_told_with_its_breaks():
    """Those of rehearsals are not counted in the words either."""
    of = [GOOD, replace(GOOD, label="20240611", is_real=False)]
    told = [("paper", date(2024, 6, day), breaks) for day, breaks in ((10, 0), (10, 2), (11, 0))]

    found = criteria(stay(of=of, comparisons=tuple(told)), WORDS)

    words = next(item.words for item in found if item.name == "reconciliation")
    assert words == "2 of 3 comparisons with the venue follow a ticket of a real day, that of 2024-06-10 with 2 breaks"


def test_criteria_and_figures_tell_the_same_comparisons_and_minutes():
    """A comparison before the first ticket is told as one that proves nothing, and seconds are cut by neither."""
    took = timedelta(minutes=10, seconds=2)
    facts = stay(of=[replace(GOOD, issued_at=AT + took)], comparisons=(("paper", date(2024, 6, 7), 0),))

    told, found = {item.name: item for item in criteria(facts, WORDS)}, figures(facts)

    compared, timed = told["reconciliation"], told["time to ticket"]
    assert (compared.state, compared.words) == (
        "not yet measurable",
        "0 of 1 comparisons with the venue follow a ticket of a real day",
    )
    assert (found.comparisons, found.real_comparisons) == (1, 0)
    assert "came 10.1 minutes after its slot" in timed.words
    assert found.minutes_to_ticket == (10.1, 10.1)


@pytest.mark.parametrize(
    ("breaks", "state"), [((2, 0), "not met"), ((0, 2), "not met"), ((2, 2), "not met"), ((0, 0), "met")]
)
def test_one_venue_does_not_answer_for_another(breaks, state):
    """The newest comparison with each counts, whichever came last; where there are two, the words name both."""
    told = zip(("manual", "paper"), (10, 11), breaks, strict=True)
    comparisons = (
        ("manual", date(2024, 6, 10), 5),
        *((venue, date(2024, 6, day), count) for venue, day, count in told),
    )

    found = criteria(stay("A", of=[GOOD], comparisons=comparisons), WORDS)

    one = next(item for item in found if item.name == "reconciliation")
    assert one.state == state
    assert one.words == (
        "3 of 3 comparisons with the venue follow a ticket of a real day, "
        f"that of 2024-06-10 at manual with {breaks[0]} breaks, that of 2024-06-11 at paper with {breaks[1]} breaks"
    )


def test_each_ticket_is_held_to_its_own_days_policy():
    """A day with more time is not the slow one though its ticket took longer; the words say what was compared."""
    wide: dict[str, Any] = {"until": AT + timedelta(hours=3), "issued_at": AT + timedelta(hours=2)}
    late: dict[str, Any] = {"until": AT + timedelta(minutes=45), "issued_at": AT + timedelta(minutes=45, seconds=1)}

    found = [
        next(item for item in criteria(stay(of=slots(**changes)), WORDS) if item.name == "time to ticket")
        for changes in (wide, late)
    ]

    assert [item.state for item in found] == ["met", "not met"]
    first, late_one = "00000000", f"{RUNS_MIN - 2:08}"
    assert [item.words for item in found] == [
        f"the latest of {RUNS_MIN} tickets, {label}, came {took} minutes after its slot, where `run_until` allowed {allowed}"
        for label, took, allowed in ((first, "60.0", 60), (late_one, "45.1", 45))
    ]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"comparisons": (("manual", date(2024, 6, 10), 0), ("manual", date(2024, 6, 11), 1))}, {"reconciliation"}),
        ({"comparisons": (("manual", date(2024, 6, 10), 1), ("manual", date(2024, 6, 11), 0))}, set()),
        ({"halts": ("a smell",)}, {"no kill switch"}),
        ({"windows": 3}, set()),
    ],
)
def test_the_newest_comparison_and_what_is_halted_count(changes, names):
    """A break that was cleared is history; a halt stands until a person lifts it."""
    assert unmet(stay(**changes)) == names


@pytest.mark.parametrize("item", ITEMS)
def test_each_item_needs_a_persons_word_that_it_holds(item):
    """One that is missing and one that does not hold are both named."""
    without = {name: said for name, said in WORDS.items() if name != item}
    against = WORDS | {item: replace(WORDS[item], holds=False)}

    told = [[one.words for one in criteria(stay("A"), words) if one.state == "not met"] for words in (without, against)]

    count = f"{len(ITEMS) - 1} of {len(ITEMS)} items hold"
    assert told == [[f"{count}; without a word: {item}"], [f"{count}; does not hold: {item}"]]


def test_figures_tell_medians_and_the_worst():
    """Time to ticket of real days alone; all else of every slot."""
    facts = stay(
        of=(
            GOOD,
            replace(GOOD, issued_at=AT + timedelta(minutes=10), waits=(7200, 1800), codes=("OVER_WEIGHT", "STALE")),
            replace(GOOD, label="x", is_real=False, scored=50, codes=("OVER_WEIGHT",), defects=("revised",)),
        ),
        comparisons=(("paper", date(2024, 6, 7), 2), ("manual", date(2024, 6, 10), 1)),
    )

    found = figures(facts)

    assert (found.slots, found.real) == (3, 2)
    assert (found.minutes_to_ticket, found.share_passing) == ((35.0, 60.0), (0.9, 0.5))
    assert (found.blocked, found.hours_to_answer) == ((("OVER_WEIGHT", 2), ("STALE", 1)), (1.0, 2.0))
    assert (found.comparisons, found.real_comparisons, found.breaks) == (2, 1, 3)
    assert found.defects == ("x: revised",)


def test_figures_of_nothing_are_none():
    """No median of no days."""
    found = figures(PhaseFacts("A"))

    assert (found.minutes_to_ticket, found.share_passing, found.hours_to_answer) == (None, None, None)
