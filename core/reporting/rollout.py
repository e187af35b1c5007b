"""The rollout's report: each exit criterion of a phase, and how the book fared in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from statistics import median

from core.domain.rollout import ITEMS, Attested, Criterion, CriterionState, PhaseFacts, SlotFacts
from core.domain.slot import VenueName

# A month of weekdays without a fault, before each step that risks more money.
RUNS_MIN = 20
# The share of the universe that got a score, from which a day is an ordinary one.
PASSING_MIN = 0.90
MINUTE, TENTH = timedelta(minutes=1), timedelta(seconds=6)
BREAKERS = ("drawdown", "daily_loss")
UNMEASURED: CriterionState = "not yet measurable"


@dataclass(frozen=True)
class Figures:
    """How a book fared in a phase; None where nothing was measured.

    `minutes_to_ticket` are of real days, `real_comparisons` those that a criterion counts; all else is of every slot.
    """

    slots: int
    real: int
    minutes_to_ticket: tuple[float, float] | None
    share_passing: tuple[float, float] | None
    blocked: tuple[tuple[str, int], ...]
    hours_to_answer: tuple[float, float] | None
    comparisons: int
    real_comparisons: int
    breaks: int
    defects: tuple[str, ...]


def criteria(facts: PhaseFacts, attested: Mapping[str, Attested]) -> tuple[Criterion, ...]:
    """Give each criterion by which the book's stay in a phase may end; phase C is the last, and is kept by those of B.

    Only slots of real days with real bars count: a rehearsal, or a made market, proves nothing. A criterion that nothing was
    measured for yet is not met either, and says so.
    """
    real = [slot for slot in facts.slots if slot.is_real]
    last = real[-RUNS_MIN:]
    found = [_runs(real, facts.phase), _data(last), _tickets(last), _reports(last), _breakers(facts, real)]
    if facts.phase != "0":
        found += [_reconciled(facts), _answered(last), _in_time(last)]
    if facts.phase in ("A", "B", "C"):
        found.append(_attested(attested))
    if facts.phase in ("B", "C"):
        found += [_confirmed(last), _unchanged(facts, last)]
    return tuple(found)


def figures(facts: PhaseFacts) -> Figures:
    """Give how the book fared in a phase, rehearsals and made markets included."""
    slots = facts.slots
    minutes = [_minutes(slot.issued_at - slot.at) for slot in slots if slot.issued_at and slot.is_real]
    shares = [share for slot in slots if (share := _share(slot)) is not None]
    waits = [seconds / 3600 for slot in slots for seconds in slot.waits]
    blocked = Counter(code for slot in slots for code in slot.codes)
    return Figures(
        slots=len(slots),
        real=sum(slot.is_real for slot in slots),
        minutes_to_ticket=(median(minutes), max(minutes)) if minutes else None,
        share_passing=(median(shares), min(shares)) if shares else None,
        blocked=tuple(sorted(blocked.items(), key=lambda item: (-item[1], item[0]))),
        hours_to_answer=(median(waits), max(waits)) if waits else None,
        comparisons=len(facts.comparisons),
        real_comparisons=len(_real_comparisons(facts)),
        breaks=sum(breaks for *_, breaks in facts.comparisons),
        defects=tuple(f"{slot.label}: {words}" for slot in slots for words in slot.defects),
    )


def _runs(real: Sequence[SlotFacts], phase: str) -> Criterion:
    wanted = 1 if phase == "0" else RUNS_MIN
    clean = 0
    for slot in reversed(real):
        if not _is_clean(slot):
            break
        clean += 1
    words = f"{clean} clean runs in a row, {wanted} are wanted"
    if real and clean < min(wanted, len(real)):
        slot = real[-1 - clean]
        words += f"; {slot.label} was not: {', '.join(slot.closed or slot.defects) or 'it ended in no ticket'}"
    return _judged("clean runs", bool(real), is_met=clean >= wanted, words=words)


def _is_clean(slot: SlotFacts) -> bool:
    return slot.kind in ("TRADE", "HOLD") and not slot.closed and not slot.defects


def _data(last: Sequence[SlotFacts]) -> Criterion:
    shares = [share for slot in last if (share := _share(slot)) is not None]
    least = min(shares, default=0.0)
    words = f"at least {least:.1%} of the universe got a score each day, {PASSING_MIN:.0%} is wanted"
    return _judged("data", bool(shares), is_met=least >= PASSING_MIN, words=words)


def _share(slot: SlotFacts) -> float | None:
    return slot.scored / slot.offered if slot.scored is not None and slot.offered else None


def _tickets(last: Sequence[SlotFacts]) -> Criterion:
    faulty = [slot.label for slot in last if slot.kind is None or slot.defects]
    words = f"{len(last) - len(faulty)} of {len(last)} slots ended in one ticket without a defect"
    return _judged(
        "tickets", bool(last), is_met=not faulty, words=words + (f"; not {', '.join(faulty)}" if faulty else "")
    )


def _reports(last: Sequence[SlotFacts]) -> Criterion:
    written = sum(slot.has_files for slot in last)
    return _judged(
        "reports", bool(last), is_met=written == len(last), words=f"{written} of {len(last)} runs left their files"
    )


def _breakers(facts: PhaseFacts, real: Sequence[SlotFacts]) -> Criterion:
    fell = [f"{slot.label} {gate}" for slot in real for gate in slot.closed if gate in BREAKERS]
    told = [*(f"{words} closed" for words in fell), *(f"halted: {reason}" for reason in facts.halts)]
    return _judged(
        "no kill switch",
        bool(real),
        is_met=not told,
        words="; ".join(told) or "no breaker closed, and nothing is halted",
    )


def _reconciled(facts: PhaseFacts) -> Criterion:
    real, count = _real_comparisons(facts), len(facts.comparisons)
    words = f"{len(real)} of {count} comparisons with the venue follow a ticket of a real day"
    if count and not real:
        return Criterion("reconciliation", UNMEASURED, words)
    # One venue does not answer for another: paper never breaks as a broker's account does.
    newest = {venue: (session, breaks) for venue, session, breaks in real}
    told = [
        f"that of {session}{f' at {venue}' * (len(newest) > 1)} with {breaks} breaks"
        for venue, (session, breaks) in newest.items()
    ]
    is_met = not any(breaks for _, breaks in newest.values())
    return _judged("reconciliation", bool(real), is_met=is_met, words=", ".join([words, *told]))


def _real_comparisons(facts: PhaseFacts) -> list[tuple[VenueName, date, int]]:
    return [one for one in facts.comparisons if _is_real_on(one[1], facts.slots)]


def _is_real_on(session: date, slots: Sequence[SlotFacts]) -> bool:
    # What a venue holds on a day without a slot comes of the ticket before it.
    label = session.strftime("%Y%m%d")
    ticketed = [slot for slot in slots if slot.kind is not None and slot.label <= label]
    return bool(ticketed) and ticketed[-1].is_real


def _answered(last: Sequence[SlotFacts]) -> Criterion:
    # The newest ticket may still be within its window.
    waiting = [f"{slot.label} ({slot.unanswered})" for slot in last[:-1] if slot.unanswered]
    words = f"lines without an answer: {', '.join(waiting) or 'none'}"
    return _judged("confirmations", any(slot.kind == "TRADE" for slot in last), is_met=not waiting, words=words)


def _in_time(last: Sequence[SlotFacts]) -> Criterion:
    issued = [(slot.issued_at - slot.until, slot.issued_at - slot.at, slot) for slot in last if slot.issued_at]
    if not issued:
        return _judged("time to ticket", is_measured=False, is_met=False, words="")
    beyond, took, slot = max(issued, key=lambda item: item[0])
    allowed = (slot.until - slot.at) // MINUTE
    words = (
        f"the latest of {len(issued)} tickets, {slot.label}, came {_minutes(took):.1f} minutes after its slot, where"
        f" `run_until` allowed {allowed}"
    )
    return _judged("time to ticket", is_measured=True, is_met=beyond <= timedelta(0), words=words)


def _minutes(took: timedelta) -> float:
    """Give minutes in tenths, a tenth that was begun as a whole one: what was late by a second never reads as in time."""
    return ceil(took / TENTH) / 10


def _confirmed(last: Sequence[SlotFacts]) -> Criterion:
    answers, late = sum(len(slot.waits) for slot in last), sum(slot.late for slot in last)
    words = f"{answers} confirmations, {late} of them late"
    return _judged("confirmed in time", bool(answers), is_met=late == 0, words=words)


def _unchanged(facts: PhaseFacts, last: Sequence[SlotFacts]) -> Criterion:
    kinds = {slot.made_of for slot in last}
    words = f"{len(kinds)} configurations in the last {len(last)} runs, {facts.windows} change windows in the phase"
    return _judged("unchanged", bool(last), is_met=len(kinds) <= 1, words=words)


def _attested(attested: Mapping[str, Attested]) -> Criterion:
    missing = [item for item in ITEMS if item not in attested]
    wrong = [item for item in ITEMS if item in attested and not attested[item].holds]
    told = [f"without a word: {', '.join(missing)}"] if missing else []
    told += [f"does not hold: {', '.join(wrong)}"] if wrong else []
    words = f"{len(ITEMS) - len(missing) - len(wrong)} of {len(ITEMS)} items hold"
    return _judged("compliance", is_measured=True, is_met=not told, words="; ".join([words, *told]))


def _judged(name: str, is_measured: bool, *, is_met: bool, words: str) -> Criterion:
    if not is_measured:
        return Criterion(name, UNMEASURED, "nothing of a real day was measured yet")
    return Criterion(name, "met" if is_met else "not met", words)
