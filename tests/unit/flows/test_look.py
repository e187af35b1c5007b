"""What is looked up for a decision: the phase's share of the capital, and what happens when it cannot be read."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.facts import AuditState, ReconciliationState, Unread
from core.domain.freeze import Freeze, FrozenHash
from core.pipeline import all_stages, decide, walk
from core.riskguard.gates import halt_gate
from flows.books import StoreError
from flows.look import StandingBooks, capital_fraction, read_panel, read_standing
from tests.unit.making import AS_OF, NOW, frame, panel, ruled, run

PILOT, WHOLE, NONE = Decimal("0.1"), Decimal(1), Decimal(0)


class People:
    """A people's book in which nothing is halted, with a phase, or with one that cannot be read."""

    def __init__(self, phase: str | StoreError | None, **hashes: str) -> None:
        """Hold what it says of the phase, and the hashes that are frozen in it."""
        self.said, self.hashes = phase, hashes

    def phase(self, book: str) -> str | None:
        """Give the phase, or fail."""
        if isinstance(self.said, StoreError):
            raise self.said
        return self.said

    def frozen(self, book: str) -> tuple[str, dict[str, str]] | None:
        """Give the phase with what it froze, or fail."""
        phase = self.phase(book)
        return None if phase is None else (phase, self.hashes)

    def halts(self, book: str) -> list[Any]:
        """Give no halt."""
        return []

    def peak_from(self, book: str, up_to: Any) -> None:
        """Give no restart of the peak."""


def bound_by(venue: str) -> Any:
    """Give a policy whose phases are told apart by their shares, at a venue."""
    shares = {"phase_0": "0", "phase_a": "1", "phase_b": "0.1", "phase_c": "1"}
    return ruled(rollout=shares, execution={"venue": venue})


def books(people: People) -> StandingBooks:
    """Give the books of a desk on which all is well."""
    kept: Any = SimpleNamespace(
        verify_on=lambda head: AuditState(7, "a" * 64, None),
        kept=lambda: None,
        unanswered=lambda book, slot, venue: [],
        lines_beside=lambda book, slot, venue, also_open: [],
        reconciliation=lambda book, venue: ReconciliationState(AS_OF, (), has_fills=True),
        entries=lambda book, venue: [],
        unposted_executions=lambda book, venue: [],
        unposted_cash=lambda book, venue, base: [],
        unposted_splits=lambda book, venue: [],
    )
    said: Any = people
    return StandingBooks(chain=kept, heads=kept, people=said, tickets=kept, journal=kept, code=lambda: "c" * 64)


@pytest.mark.parametrize(
    ("phase", "paper", "manual"),
    [
        (None, WHOLE, NONE),
        ("0", NONE, NONE),
        ("A", WHOLE, NONE),
        ("B", PILOT, PILOT),
        ("C", WHOLE, WHOLE),
    ],
)
def test_a_phase_allows_its_share_of_the_capital_at_each_venue(phase, paper, manual):
    """Phase A is paper money's alone: recorded on paper, it gives nothing of real money."""
    people: Any = People(phase)

    shares = [capital_fraction(bound_by(venue), people) for venue in ("paper", "manual")]

    assert shares == [paper, manual]


@pytest.mark.parametrize("phase", ["0", "A"])
def test_no_policy_gives_real_money_to_the_shadow_or_the_dry_run(phase):
    """A share that the policy names counts on paper alone: in these phases nothing is frozen, and nobody checked the venue."""
    people: Any = People(phase)
    generous = {"phase_0": "0.5", "phase_a": "0.5", "phase_b": "0.1", "phase_c": "1"}

    shares = [
        capital_fraction(ruled(rollout=generous, execution={"venue": venue}), people) for venue in ("paper", "manual")
    ]

    assert shares == [Decimal("0.5"), 0]


def test_a_phase_that_cannot_be_read_is_a_closed_gate():
    """No capital, and the reason on the ticket, where a crash would leave the slot without one."""
    setup: Any = SimpleNamespace(policy=bound_by("paper"), universe_hash="u" * 64, desk=None)

    facts = read_standing(frame(), setup, books(People(StoreError("the database is gone"))), now=NOW)

    assert facts.capital_fraction == 0
    assert facts.halts == Unread("the database is gone")
    gate = halt_gate(facts, run())
    assert [finding.message for finding in gate.findings] == ["could not be looked up: the database is gone"]
    assert decide(walk(all_stages(), {"frame": frame(), "standing": facts})).kind == "NO-TRADE"


@pytest.mark.parametrize("venue", ["paper", "manual"])
def test_what_waits_at_another_venue_is_not_looked_at(venue):
    """The open lines of a book are asked of the venue that it trades at, and those beside its proposal too."""
    lines = {name: [f"a line at {name}"] for name in ("paper", "manual")}
    read = books(People("C"))
    tickets: Any = read.tickets
    tickets.unanswered = lambda book, slot, venue: lines[venue]
    tickets.lines_beside = lambda book, slot, venue, also_open: [*lines[venue], also_open]
    setup: Any = SimpleNamespace(policy=bound_by(venue), universe_hash="u" * 64, desk=None)

    facts: Any = read_standing(frame(), setup, read, now=NOW)

    assert (facts.unanswered, facts.others) == ((f"a line at {venue}",), (f"a line at {venue}", True))


def test_a_run_sees_the_bars_that_were_known_at_its_instant():
    """The clean set is asked for what was known when the run was, not for what is known today."""
    asked: list[dict[str, Any]] = []

    def known(snapshot: str, **wanted: Any) -> Any:
        asked.append({"snapshot": snapshot, **wanted})
        return panel({"AAA": [1.0, 2.0]})

    clean: Any = SimpleNamespace(panel=known)

    read_panel(frame(), clean, sessions=2)

    assert [(one["snapshot"], one["last"], one["known_at"]) for one in asked] == [("s" * 64, AS_OF, NOW)]


@pytest.mark.parametrize("phase", ["B", "C"])
def test_what_a_phase_froze_is_read_beside_what_stands_now(phase):
    """Each hash with the one of now; a model where none is asked is none."""
    policy = bound_by("paper")
    setup: Any = SimpleNamespace(policy=policy, universe_hash="u" * 64, desk=None)
    people = People(phase, policy="1" * 64, universe="u" * 64, model="none", code="c" * 64)

    read = [read_standing(frame(), setup, books(people), now=NOW, model=model).freeze for model in (None, "m" * 64)]

    now = [("policy", "1" * 64, policy.hash), ("universe", "u" * 64, "u" * 64), ("code", "c" * 64, "c" * 64)]
    kept = {model: [*now[:2], ("model", "none", model), now[2]] for model in ("none", "m" * 64)}
    assert read == [Freeze(phase, tuple(FrozenHash(*one) for one in rows)) for rows in kept.values()]


@pytest.mark.parametrize("phase", [None, "0", "A"])
def test_without_real_money_nothing_is_frozen_and_the_code_is_not_asked(phase):
    """Hashing all code costs, and nobody would look at it."""
    setup: Any = SimpleNamespace(policy=bound_by("paper"), universe_hash="u" * 64, desk=None)

    facts = read_standing(frame(), setup, replace(books(People(phase)), code=refuse), now=NOW)

    assert facts.freeze == (None if phase is None else Freeze(phase))


def refuse() -> str:
    """Fail the test that asks for the code's hash."""
    raise AssertionError("the code's hash was asked for")


def test_a_freeze_that_cannot_be_read_is_said():
    """The gate that needs it is closed."""
    setup: Any = SimpleNamespace(policy=bound_by("paper"), universe_hash="u" * 64, desk=None)

    facts = read_standing(frame(), setup, books(People(StoreError("gone"))), now=NOW)

    assert facts.freeze == Unread("gone")
