"""Two years under three policies: the independent checker accepts every ticket, and refuses every one of 2,000 changed ones.

5 positions, weekly, in whole units; 15, weekly, in fractions, as shipped; 40, daily, in fractions.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tests.checker.account import World
from tests.checker.check_tickets import CHECKS, Check, check
from tests.checker.derive_plan import wrong_plan
from tests.checker.limits import LIMITS
from tests.checker.lying import mornings, tell
from tests.integration.workspaces import twokey
from tests.real.conftest import Copy
from tests.real.market import world_of

pytestmark = [pytest.mark.shared, pytest.mark.soak]

FIRST, LAST, SLOTS = date(2023, 1, 2), date(2024, 12, 31), 522
ALL_CHECKS: tuple[Check, ...] = (*CHECKS, *LIMITS, wrong_plan)
LIES, SEEDS = 2000, range(16)
Changes = tuple[tuple[str, str], ...]
POLICIES: dict[str, Changes] = {
    "5 positions, weekly, whole units": (
        ("positions_max: 15", "positions_max: 5"),
        ("weight_max: 0.10", "weight_max: 0.18"),
        ("order_value_max: 5000", "order_value_max: 1500"),
        ("fractions: quantity_step", "fractions: whole_units"),
    ),
    "15 positions, weekly, fractions": (),
    "40 positions, daily, fractions": (
        ("positions_max: 15", "positions_max: 40"),
        ("weight_max: 0.10", "weight_max: 0.04"),
        ("turnover_max: 0.30", "turnover_max: 0.10"),
        ("sector_weight_max: 0.60", "sector_weight_max: 0.30"),
        ("tiny_delta: 0.005", "tiny_delta: 0.001"),
        ("rebalance: weekly", "rebalance: daily"),
    ),
}


@dataclass(frozen=True)
class Simulated:
    """A simulation's policy, its ticket files by name, and the world around it."""

    policy: str
    texts: dict[str, str]
    world: World


@pytest.fixture(scope="module")
def simulated(place: Path, recorded: Path, copy: Copy, shared: Path) -> list[Simulated]:
    """Simulate the two years under each policy, once."""
    found = []
    for at, (policy, changes) in enumerate(POLICIES.items()):
        root = copy(recorded, place / f"policy-{at}")
        path = root / "config" / "policy.yml"
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(f"  {old}\n") == 1, old
            text = text.replace(f"  {old}\n", f"  {new}\n")
        path.write_text(text, encoding="utf-8")
        done = twokey(root, "simulate", "--from", FIRST.isoformat(), "--to", LAST.isoformat())
        assert done.code == 0, done.err
        texts = {file.name: file.read_text(encoding="utf-8") for file in (root / "tickets").glob("*.json")}
        found.append(Simulated(policy, texts, world_of(shared, root / "config", range(2021, 2025))))
    return found


def test_the_checker_accepts_every_ticket(simulated, capsys):
    """Each of the 522 slots of each policy follows from the recorded market and the policy, to the penny and to the line."""
    for one in simulated:
        kinds = Counter('"kind":"TRADE"' in text for text in one.texts.values())
        _tell(capsys, f"{one.policy}: {len(one.texts)} tickets, {kinds[True]} of them trades")

        assert len(one.texts) == SLOTS
        assert kinds[True] > 20
        assert check(one.texts, one.world, FIRST, LAST, checks=ALL_CHECKS) == []


def test_the_checker_refuses_every_changed_ticket(simulated, capsys):
    """Every kind of lie, on tickets all over the two years, with all that follows from it made to fit."""
    told = [lie for one in simulated for lie in _lies(one)]
    _tell(capsys, f"{len(told)} changed tickets, {sum(1 for lie in told if lie.objections)} refused")

    assert len(told) >= LIES
    assert [(lie.name, lie.mutation.name) for lie in told if not lie.objections] == []


def _lies(one: Simulated) -> Iterator:
    kept = mornings(one.texts, one.world, FIRST, LAST)
    return tell(one.texts, one.world, kept, checks=ALL_CHECKS, seeds=SEEDS)


def _tell(capsys: pytest.CaptureFixture[str], words: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{words}")
