"""Gates: what opens one, what closes it, and what it then gives."""

from __future__ import annotations

import pytest

from core.gate import Finding, Gate, block, closed, note


def test_a_value_without_findings_is_open():
    """Nothing blocks, and the value is there."""
    gate = Gate("value")

    assert gate.is_open
    assert gate.value == "value"


@pytest.mark.parametrize("severity", ["note", "warn"])
def test_findings_that_only_tell_leave_a_gate_open(severity):
    """Notes and warnings are shown, and close nothing."""
    assert Gate("value", (Finding("check", "subject", "words", severity),)).is_open


def test_one_blocking_finding_closes_a_gate_that_has_a_value():
    """The value stays for the words of a ticket; the gate is closed all the same."""
    gate = Gate("value", (note("check", "subject", "fine"), block("check", "subject", "not fine")))

    assert not gate.is_open
    assert gate.value == "value"


def test_a_closed_gate_without_a_value_says_why():
    """Asking for what is not there tells every finding."""
    gate: Gate[str] = closed([block("check", "a", "first"), block("check", "b", "second")])

    with pytest.raises(ValueError, match="this gate has no value: first; second"):
        _ = gate.value


@pytest.mark.parametrize("findings", [(), (note("check", "subject", "only a note"),)])
def test_a_gate_without_a_value_cannot_be_made_open(findings):
    """Without a blocking finding nobody would know why there is nothing."""
    with pytest.raises(ValueError, match="needs a blocking finding"):
        Gate(None, findings)


def test_an_empty_value_is_a_value():
    """No lines, no scores: found and empty is not the same as not found."""
    assert Gate(()).value == ()
