"""Facts that the books lack: a fill that was confirmed and that nobody posted must not be bought a second time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters.clock import FixedClock
from adapters.slot_time import When
from core.calendar import slot_of
from core.domain.confirmation import Confirmation, Executed
from core.domain.decision import Decision
from flows.confirm import confirm
from flows.decide import decide_run, propose
from flows.score import score
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Workspaces,
    desk_of,
    make_manual,
    morning,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True


def test_a_fill_that_was_confirmed_and_not_posted_closes_the_next_morning(workspaces: Workspaces):
    """Through the doors confirming and posting are two steps. In between the holdings lie; posted, nothing is lacking."""
    root = workspaces.copy("unposted", *BUSY)
    make_manual(root)
    with the_time_is(morning(DAY)):
        issued = twokey(root, "run")
    ticket = issued.facts["ticket_id"]
    with desk_of(root) as desk:
        setup = desk.configuration("main").setup
        standing = desk.confirm_doors.tickets.ticket(ticket)
        assert standing is not None
        lines, quoted = standing.issued.ticket.lines, standing.issued.ticket.short_hash
        at = datetime.combine(DAY, datetime.min.time(), UTC) + timedelta(hours=19)
        answers = tuple(
            Executed(row.line, row.quantity, row.decision_price, Decimal(0), Decimal("1.25"), is_partial=False)
            for row in lines
        )
        confirm(Confirmation(ticket, 1, quoted, "ann", "terminal", at, answers), setup.policy, desk.confirm_doors)

        def decided(day_number: int) -> Decision:
            day = DAY + day_number * ONE_DAY
            doors = desk.day_doors(When(day, FixedClock(slot_of(setup.policy, day).at)))
            run = setup.run_of(day, today=day, snapshot=desk.clean.current())
            score(run, setup, doors.score)
            propose(run.run_id, setup, doors.decide)
            return decide_run(run.run_id, setup, doors.decide)

        lacking = decided(1)
    with the_time_is(morning(DAY + ONE_DAY)):
        posted = twokey(root, "settle")

    told = ", ".join(f"{ticket} line {row.line}" for row in lines)
    words = f"the books lack {len(lines)} known facts, and the holdings are not what is held: {told}; `twokey settle`"
    assert (issued.facts["kind"], lacking.kind) == ("TRADE", "NO-TRADE")
    assert lacking.reasons == (f"reconciliation: {words}",)
    assert posted.code == 0, posted.err
    with desk_of(root) as desk:
        journal = desk.replay_doors.journal
        assert journal.unposted_executions("main", "manual") == []
