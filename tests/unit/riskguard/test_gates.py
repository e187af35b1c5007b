"""The standing gates at their edges: what still leaves each open, and what closes it with which words."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from core.domain.facts import AuditState, Halt, ReconciliationState, Unread
from core.gate import Finding, Gate
from core.riskguard import gates
from tests.unit.making import AS_OF, NOW, SHIPPED, WINDOW, ruled, run, standing, worth

LOST = Unread("the connection was refused")


def words(gate: Gate) -> list[str]:
    """Give what a closed gate says; it must be closed."""
    assert not gate.is_open
    return [finding.message for finding in gate.findings]


def reconciled(days_ago: int) -> ReconciliationState:
    """Give the state of a book that was compared so many days before as-of."""
    return ReconciliationState(AS_OF - timedelta(days=days_ago), (), has_fills=True)


@pytest.mark.parametrize(
    ("gate", "check"),
    [
        (gates.audit_gate(standing(audit=LOST)), "audit"),
        (gates.halt_gate(standing(halts=LOST), run()), "halt"),
        (gates.confirmation_gate(standing(unanswered=LOST)), "confirmations"),
        (gates.reconciliation_gate(standing(reconciliation=LOST), run(), SHIPPED), "reconciliation"),
    ],
    ids=["audit", "halt", "confirmations", "reconciliation"],
)
def test_a_fact_that_could_not_be_looked_up_closes_its_gate(gate, check):
    """Not to know is never taken for nothing there."""
    assert words(gate) == ["could not be looked up: the connection was refused"]
    assert [finding.check for finding in gate.findings] == [check]


def test_a_whole_chain_opens_the_audit_gate():
    """The gate gives how far the chain was verified."""
    state = AuditState(7, "a" * 64, None)

    assert gates.audit_gate(standing(audit=state)).value == state


def test_a_broken_chain_closes_the_audit_gate():
    """The first thing that was wrong is said."""
    broken = AuditState(7, "a" * 64, "event 5 does not follow event 4")

    assert words(gates.audit_gate(standing(audit=broken))) == ["event 5 does not follow event 4"]


def test_every_halt_closes_the_gate_with_its_words():
    """A halt of the book and one of the desk are both told, without the instants that would change a ticket's hash."""
    halts = (Halt("main", "drawdown", NOW), Halt("*", "moving house", NOW))

    assert words(gates.halt_gate(standing(halts=halts), run())) == [
        "halted (main): drawdown",
        "halted (*): moving house",
    ]
    assert gates.halt_gate(standing(halts=()), run()).is_open


def test_the_window_is_open_until_the_instant_that_it_closes():
    """One microsecond before, the gate gives the expiry; at the instant itself it is over."""
    last = WINDOW.closes_at - timedelta(microseconds=1)

    assert gates.calendar_gate(standing(now=last), run()).value == WINDOW.closes_at
    assert words(gates.calendar_gate(standing(now=WINDOW.closes_at), run())) == [
        "approval expired: the window closed at 2024-06-10 14:30 UTC"
    ]


def test_a_day_without_a_window_cannot_expire():
    """When the exchange is closed there is nothing to approve, at whatever hour."""
    late = standing(now=NOW + timedelta(days=3))

    assert gates.calendar_gate(late, run(window=None)).value == NOW


@pytest.mark.parametrize("name", ["policy", "universe"])
def test_a_configuration_that_changed_since_the_run_was_opened_closes_the_gate(name):
    """The short hashes of before and after are told."""
    changed = standing(**{f"{name}_hash": "c" * 64})

    assert words(gates.configuration_gate(changed, run())) == [
        f"{name} was {name[0] * 8} when the run was opened, it is cccccccc"
    ]


def test_an_unchanged_configuration_opens_the_gate():
    """Both hashes are those of the run."""
    assert gates.configuration_gate(standing(), run()).value == "p" * 64


def test_both_changes_of_a_configuration_are_told():
    """The first does not hide the second."""
    assert len(words(gates.configuration_gate(standing(policy_hash="x", universe_hash="y"), run()))) == 2


def test_an_unanswered_line_closes_the_gate():
    """Which lines wait, and how many."""
    waiting = standing(unanswered=("TICKET-20240603 line 1", "TICKET-20240603 line 2"))

    assert words(gates.confirmation_gate(waiting)) == ["2 unanswered: TICKET-20240603 line 1, TICKET-20240603 line 2"]
    assert gates.confirmation_gate(standing(unanswered=())).is_open


def test_a_comparison_is_good_for_the_days_of_the_policy():
    """Seven days are allowed, eight are not."""
    at_limit, beyond = standing(reconciliation=reconciled(7)), standing(reconciliation=reconciled(8))

    assert gates.reconciliation_gate(at_limit, run(), SHIPPED).value == "reconciled as of 2024-05-31"
    assert words(gates.reconciliation_gate(beyond, run(), SHIPPED)) == [
        "last reconciled as of 2024-05-30, 8 days ago; at most 7 are allowed"
    ]


def test_a_book_that_traded_and_was_never_compared_is_closed():
    """The first comparison must come before the second trade."""
    never = standing(reconciliation=ReconciliationState(None, (), has_fills=True))

    assert words(gates.reconciliation_gate(never, run(), SHIPPED)) == ["never reconciled; at most 7 days are allowed"]


def test_a_book_without_fills_has_nothing_to_compare():
    """Before the first fill an old comparison, or none, closes nothing."""
    fresh = standing(reconciliation=ReconciliationState(date(2020, 1, 1), (), has_fills=False))

    assert gates.reconciliation_gate(fresh, run(), SHIPPED).value == "nothing to reconcile yet"


def test_every_break_closes_the_gate_however_fresh_and_even_before_the_first_fill():
    """Breaks are told one by one."""
    broken = standing(reconciliation=ReconciliationState(AS_OF, ("cash differs", "AAA differs"), has_fills=False))

    assert words(gates.reconciliation_gate(broken, run(), SHIPPED)) == ["cash differs", "AAA differs"]


@pytest.mark.parametrize("fall", ["0", "-0.1999", "-0.19999999"])
def test_a_fall_short_of_the_kill_switch_leaves_the_gate_open(fall):
    """A hair above the limit is above it."""
    assert gates.drawdown_gate(worth(fall), run(), SHIPPED).value == worth(fall)


@pytest.mark.parametrize("fall", ["-0.20", "-0.20000001", "-1"])
def test_a_fall_to_the_kill_switch_closes_the_gate(fall):
    """The limit itself closes."""
    told = f"{-Decimal(fall):f}".rstrip("0").rstrip(".")

    assert words(gates.drawdown_gate(worth(fall), run(), SHIPPED)) == [
        f"drawdown is {told} since 2024-03-01, the kill switch is at 0.2; a person must look and resume"
    ]


def test_the_kill_switch_is_the_policys():
    """Another book may stand another fall."""
    brave = ruled(limits={"drawdown_max": "0.5"})

    assert gates.drawdown_gate(worth("-0.4"), run(), brave).is_open


def test_a_closed_gate_carries_no_value():
    """Nobody can go on with what a closed gate might have given."""
    gate = gates.drawdown_gate(worth("-0.3"), run(), SHIPPED)

    with pytest.raises(ValueError, match=r"this gate has no value: drawdown is 0\.3"):
        _ = gate.value
    assert gate.findings == (Finding("drawdown", "main", gate.findings[0].message, "block"),)
