"""The freeze: in a phase with real money nothing that decides may have changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.domain.facts import Unread
from core.domain.freeze import FROZEN_KINDS, Freeze, FrozenHash
from core.riskguard.gates import configuration_gate
from tests.unit.making import run, standing

WHOLE = Freeze("B", tuple(FrozenHash(kind, kind[0] * 64, kind[0] * 64) for kind in FROZEN_KINDS))


def messages(freeze: Any) -> list[str]:
    """Give what closes the gate with a freeze."""
    gate = configuration_gate(standing(freeze=freeze), run())
    assert gate.is_open == (not gate.findings)
    return [finding.message for finding in gate.findings]


@pytest.mark.parametrize("freeze", [None, Freeze("0"), Freeze("A"), WHOLE, replace(WHOLE, phase="C")])
def test_what_is_as_it_was_frozen_is_open(freeze):
    """Without a phase and without real money nothing is frozen; in the others all must be as it was."""
    assert messages(freeze) == []


@pytest.mark.parametrize("phase", ["B", "C"])
@pytest.mark.parametrize("kind", FROZEN_KINDS)
def test_one_hash_that_moved_closes_the_gate(phase, kind):
    """The message names what moved, from where to where, and both ways out."""
    hashes = tuple(replace(item, now="x" * 64) if item.kind == kind else item for item in WHOLE.hashes)

    assert messages(Freeze(phase, hashes)) == [
        f"{kind} was {kind[0] * 8} when it was frozen in phase {phase}, it is xxxxxxxx;"
        " undo the change, or `twokey rollout change-window --by NAME --reason WORDS`"
    ]


@pytest.mark.parametrize("phase", ["0", "A"])
def test_what_moved_in_a_phase_without_real_money_is_nobodys_business(phase):
    """On paper everything may change from one slot to the next."""
    assert messages(Freeze(phase, (FrozenHash("policy", "p" * 64, "x" * 64),))) == []


def test_everything_that_moved_is_named():
    """One edit seldom comes alone."""
    hashes = tuple(replace(item, now="x" * 64) for item in WHOLE.hashes)

    assert [words.split(" ", 1)[0] for words in messages(Freeze("C", hashes))] == list(FROZEN_KINDS)


@pytest.mark.parametrize("kind", FROZEN_KINDS)
def test_a_phase_that_froze_too_little_is_closed(kind):
    """A book of an earlier version, or a hash that somebody left out: nothing says that it did not change."""
    hashes = tuple(item for item in WHOLE.hashes if item.kind != kind)

    assert messages(Freeze("B", hashes)) == [
        f"phase B has no frozen {kind}; `twokey rollout change-window --by NAME --reason WORDS` freezes what stands"
    ]


def test_a_phase_that_froze_nothing_names_all_that_it_lacks():
    """As the books of an earlier version stand after the upgrade."""
    assert messages(Freeze("C"))[0].startswith("phase C has no frozen policy, universe, desk, model, code;")


def test_a_freeze_that_cannot_be_read_is_closed():
    """What may have changed has to be known."""
    assert messages(Unread("the database is gone")) == ["what is frozen could not be looked up: the database is gone"]
