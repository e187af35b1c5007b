"""The standing gates at their edges: what still leaves each open, and what closes it with which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.domain.facts import AuditState, Halt, ReconciliationState, Unread
from core.domain.slot import AsOf, Slot
from core.gate import Finding, Gate
from core.riskguard import gates
from tests.unit.making import AS_OF, NOW, SHIPPED, WINDOW, closed_day, frame, ruled, run, standing, worth

LOST = Unread("the connection was refused")
WHOLE = Decimal(1)


def words(gate: Gate) -> list[str]:
    """Give what a closed gate says; it must be closed."""
    assert not gate.is_open
    return [finding.message for finding in gate.findings]


def reconciled(days_ago: int) -> ReconciliationState:
    """Give the state of a book that was compared so many days before as-of."""
    return ReconciliationState(AS_OF - timedelta(days=days_ago), (), has_fills=True)


@pytest.mark.parametrize(
    ("judged", "check"),
    [
        (lambda: gates.audit_gate(standing(audit=LOST)), "audit"),
        (lambda: gates.halt_gate(standing(halts=LOST), run()), "halt"),
        (lambda: gates.confirmation_gate(standing(unanswered=LOST)), "confirmations"),
        (lambda: gates.reconciliation_gate(standing(reconciliation=LOST), run(), SHIPPED), "reconciliation"),
    ],
    ids=["audit", "halt", "confirmations", "reconciliation"],
)
def test_a_fact_that_could_not_be_looked_up_closes_its_gate(judged, check):
    """Not to know is never taken for nothing there."""
    gate = judged()

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

    assert gates.calendar_gate(standing(now=last), frame()).value == WINDOW.closes_at
    assert words(gates.calendar_gate(standing(now=WINDOW.closes_at), frame())) == [
        "the execution window closed at 2024-06-10 14:30 UTC"
    ]


def test_a_day_without_a_window_cannot_expire():
    """When the exchange is closed there is nothing to approve, at whatever hour."""
    late = standing(now=NOW + timedelta(days=3))

    assert gates.calendar_gate(late, closed_day()).value == NOW


def test_a_clock_that_stands_before_the_slots_day_closes_the_calendar():
    """The day counts by the schedule's time zone: the last moment of the evening before is closed, midnight is open."""
    midnight = datetime(2024, 6, 9, 23, tzinfo=UTC)

    assert gates.calendar_gate(standing(now=midnight), frame()).is_open
    assert words(gates.calendar_gate(standing(now=midnight - timedelta(microseconds=1)), frame())) == [
        "by the clock 2024-06-10 has not come; a clock that was set back would let an expired approval live: set it right"
    ]


def test_a_weekend_is_no_day_on_which_the_book_decides():
    """A run that somebody opened for a Saturday ends in no trade."""
    saturday = Slot("main", date(2024, 6, 15), NOW + timedelta(days=5))
    opened = frame(slot=saturday, window=None, as_of=AsOf(saturday.at, date(2024, 6, 14)))

    assert words(gates.calendar_gate(standing(now=saturday.at), opened)) == [
        "2024-06-15 is a Saturday; the book decides on weekdays"
    ]


@pytest.mark.parametrize("moved", [replace(WINDOW, closes_at=WINDOW.closes_at + timedelta(minutes=1)), None])
def test_a_window_that_is_not_the_calendars_closes_it(moved):
    """A session moved, cut short or called off after the run was opened, or a window that somebody wrote: both are told."""
    told = "none" if moved is None else "2024-06-10 13:35 UTC to 2024-06-10 14:31 UTC"

    assert words(gates.calendar_gate(standing(), frame(window=moved))) == [
        f"the window was {told} when the run was opened,"
        " by the calendar it is 2024-06-10 13:35 UTC to 2024-06-10 14:30 UTC now"
    ]


def test_a_session_that_is_not_the_calendars_last_closes_it():
    """Nothing later than the last completed session may be read, and nothing older may be decided on."""
    older = frame(as_of=AsOf(NOW, date(2024, 6, 6)))

    assert words(gates.calendar_gate(standing(), older)) == [
        "as-of was 2024-06-06 when the run was opened, by the calendar it is 2024-06-07 now"
    ]


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
        "last reconciled as of 2024-05-30, 8 days ago; at most 7 are allowed: `twokey settle` compares it"
    ]


def test_a_book_that_traded_and_was_never_compared_is_closed():
    """The first comparison must come before the second trade."""
    never = standing(reconciliation=ReconciliationState(None, (), has_fills=True))

    at_broker = ruled(execution={"venue": "manual"})
    told = [words(gates.reconciliation_gate(never, run(), policy)) for policy in (SHIPPED, at_broker)]
    assert told == [
        ["never reconciled; at most 7 days are allowed: `twokey settle` compares it"],
        ["never reconciled; at most 7 days are allowed: `twokey reconcile` compares it"],
    ]


def test_a_book_without_fills_has_nothing_to_compare():
    """Before the first fill an old comparison, or none, closes nothing."""
    fresh = standing(reconciliation=ReconciliationState(date(2020, 1, 1), (), has_fills=False))

    assert gates.reconciliation_gate(fresh, run(), SHIPPED).value == "nothing to reconcile yet"


def test_facts_that_the_books_lack_close_the_gate_whatever_else_is_open():
    """An answer that nobody posted would be bought a second time; what cannot be looked up closes too, and breaks are told."""
    lacking = ("TICKET-20240603 line 2", "withdraw rent")
    said = (
        "the books lack 2 known facts, and the holdings are not what is held: TICKET-20240603 line 2, withdraw rent;"
        " `twokey settle`"
    )
    broken = ReconciliationState(AS_OF, ("cash differs",), has_fills=True)

    for state in (reconciled(0), ReconciliationState(None, (), has_fills=False)):
        behind = standing(unposted=lacking, reconciliation=state)
        assert words(gates.reconciliation_gate(behind, run(), SHIPPED)) == [said]
        assert gates.reconciliation_gate(standing(reconciliation=state), run(), SHIPPED).is_open
    unread = standing(unposted=LOST)
    assert words(gates.reconciliation_gate(unread, run(), SHIPPED)) == [
        "what the books lack could not be looked up: the connection was refused"
    ]
    assert words(gates.reconciliation_gate(standing(unposted=lacking, reconciliation=broken), run(), SHIPPED)) == [
        said,
        "cash differs",
    ]
    assert len(words(gates.reconciliation_gate(standing(unposted=lacking, reconciliation=LOST), run(), SHIPPED))) == 2


def test_every_break_closes_the_gate_however_fresh_and_even_before_the_first_fill():
    """Breaks are told one by one."""
    broken = standing(reconciliation=ReconciliationState(AS_OF, ("cash differs", "AAA differs"), has_fills=False))

    assert words(gates.reconciliation_gate(broken, run(), SHIPPED)) == ["cash differs", "AAA differs"]


@pytest.mark.parametrize("fall", ["0", "-0.1999", "-0.19999999"])
def test_a_fall_short_of_the_kill_switch_leaves_the_gate_open(fall):
    """A hair above the limit is above it."""
    assert gates.drawdown_gate(worth(fall), run(), SHIPPED, capital_fraction=WHOLE).value == worth(fall)


@pytest.mark.parametrize("fall", ["-0.20", "-0.20000001", "-1"])
def test_a_fall_to_the_kill_switch_closes_the_gate(fall):
    """The limit itself closes."""
    told = f"{-Decimal(fall):f}".rstrip("0").rstrip(".")

    assert words(gates.drawdown_gate(worth(fall), run(), SHIPPED, capital_fraction=WHOLE)) == [
        f"drawdown is {told} since 2024-03-01, the kill switch is at 0.2; a person must look and resume"
    ]


def test_the_kill_switch_is_the_policys():
    """Another book may stand another fall."""
    brave = ruled(limits={"drawdown_max": "0.5"})

    assert gates.drawdown_gate(worth("-0.4"), run(), brave, capital_fraction=WHOLE).is_open


@pytest.mark.parametrize("change", [None, "0.5", "0", "-0.0999", "-0.09999999"])
def test_a_loss_short_of_the_breaker_leaves_the_gate_open(change):
    """A hair above the limit is above it; a gain is no loss, and a book's first session has none before it."""
    seen = replace(worth(), day_change=None if change is None else Decimal(change), session=AS_OF)

    assert gates.daily_loss_gate(seen, run(), SHIPPED, capital_fraction=WHOLE).value == seen


@pytest.mark.parametrize("change", ["-0.10", "-0.10000001", "-1"])
def test_a_loss_of_the_breakers_size_closes_the_gate(change):
    """The limit itself closes, and the words name the session, the loss and the limit."""
    seen = replace(worth(), day_change=Decimal(change), session=AS_OF)
    told = f"{-Decimal(change):f}".rstrip("0").rstrip(".")

    assert words(gates.daily_loss_gate(seen, run(), SHIPPED, capital_fraction=WHOLE)) == [
        f"the book lost {told} in the session of 2024-06-07, the daily-loss breaker is at 0.1; a person must look and resume"
    ]


def test_the_daily_loss_breaker_is_the_policys():
    """Another book may stand another loss."""
    seen = replace(worth(), day_change=Decimal("-0.4"), session=AS_OF)

    assert gates.daily_loss_gate(seen, run(), ruled(limits={"daily_loss_max": "0.41"}), capital_fraction=WHOLE).is_open


@pytest.mark.parametrize(("fraction", "limit"), [("0.1", "0.02"), ("0.5", "0.1"), ("0.1000", "0.0200")])
def test_the_kill_switch_is_a_share_of_what_the_phase_may_use(fraction, limit):
    """A pilot that may use a tenth can not lose a fifth of the whole book: the switch is at a fifth of the tenth."""
    part = Decimal(fraction)
    short = gates.drawdown_gate(worth(str(Decimal("0.000001") - Decimal(limit))), run(), SHIPPED, capital_fraction=part)

    fallen = gates.drawdown_gate(worth(f"-{limit}"), run(), SHIPPED, capital_fraction=part)

    at, of = limit.rstrip("0"), fraction.rstrip("0")
    assert short.is_open
    assert words(fallen) == [
        f"drawdown is {at} since 2024-03-01, the kill switch is at {at} of equity: 0.2 of the {of} that the rollout phase"
        " may use; a person must look and resume"
    ]


def test_the_daily_loss_breaker_is_a_share_of_what_the_phase_may_use():
    """A tenth of the tenth, to the hair."""
    short, lost = (replace(worth(), day_change=Decimal(change), session=AS_OF) for change in ("-0.00999", "-0.01"))
    part = Decimal("0.1")

    assert gates.daily_loss_gate(short, run(), SHIPPED, capital_fraction=part).is_open
    assert words(gates.daily_loss_gate(lost, run(), SHIPPED, capital_fraction=part)) == [
        "the book lost 0.01 in the session of 2024-06-07, the daily-loss breaker is at 0.01 of equity: 0.1 of the 0.1 that"
        " the rollout phase may use; a person must look and resume"
    ]


@pytest.mark.parametrize(("resumed", "is_open"), [(None, False), ("0.1199", False), ("0.12", True), ("0.5", True)])
def test_a_loss_that_a_person_resumed_after_is_judged_no_second_time(resumed, is_open):
    """Unless it turned out to be larger than what the person looked at; and the ticket says so."""
    seen = replace(worth(), day_change=Decimal("-0.12"), session=AS_OF)
    known = None if resumed is None else Decimal(resumed)

    gate = gates.daily_loss_gate(seen, run(), SHIPPED, capital_fraction=WHOLE, resumed_loss=known)

    assert gate.is_open is is_open
    if is_open:
        (said,) = gate.findings
        told = "the book lost 0.12 in the session of 2024-06-07, which a person resumed after"
        assert (said.severity, said.message) == ("note", told)


@pytest.mark.parametrize(("change", "notes"), [(None, 0), ("0.05", 0), ("-0.099999", 0), ("-0.1", 1)])
def test_only_a_loss_that_would_close_the_gate_is_said_to_be_resumed_after(change, notes):
    """From the limit itself on; a smaller one or a gain is nothing that anybody had to look at."""
    day = None if change is None else Decimal(change)
    seen = replace(worth(), day_change=day, session=AS_OF)

    gate = gates.daily_loss_gate(seen, run(), SHIPPED, capital_fraction=WHOLE, resumed_loss=Decimal("0.12"))

    assert (gate.is_open, len(gate.findings)) == (True, notes)


def test_a_phase_that_may_use_nothing_has_the_plain_limits():
    """It trades nothing, and what is held from before may fall as far as the policy says."""
    seen = replace(worth("-0.19"), day_change=Decimal("-0.09"), session=AS_OF)

    assert gates.drawdown_gate(seen, run(), SHIPPED, capital_fraction=Decimal(0)).is_open
    assert gates.daily_loss_gate(seen, run(), SHIPPED, capital_fraction=Decimal(0)).is_open


def test_a_closed_gate_carries_no_value():
    """Nobody can go on with what a closed gate might have given."""
    gate = gates.drawdown_gate(worth("-0.3"), run(), SHIPPED, capital_fraction=WHOLE)

    with pytest.raises(ValueError, match=r"this gate has no value: drawdown is 0\.3"):
        _ = gate.value
    assert gate.findings == (Finding("drawdown", "main", gate.findings[0].message, "block"),)


def test_a_drawdown_says_from_when_its_peak_counts():
    """Open or closed: whoever resumed after the kill switch reads it; where nobody did, nothing is said."""
    since = "the peak counts from 2024-05-01, when a person resumed after the kill switch"
    gates_of = [
        gates.drawdown_gate(replace(worth(fall), peak_from=first), run(), SHIPPED, capital_fraction=WHOLE)
        for fall in ("-0.1", "-0.2")
        for first in (None, date(2024, 5, 1))
    ]

    assert [[finding.message for finding in gate.findings] for gate in gates_of] == [
        [],
        [since],
        ["drawdown is 0.2 since 2024-03-01, the kill switch is at 0.2; a person must look and resume"],
        [f"drawdown is 0.2 since 2024-03-01, the kill switch is at 0.2; a person must look and resume ({since})"],
    ]
    assert [gate.is_open for gate in gates_of] == [True, True, False, False]
