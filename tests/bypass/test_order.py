"""The order of steps: every step asked for before the one that it needs, through the servers and on direct calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from flows.decide import decide_run, propose
from flows.deliver import DeliverDoors, deliver
from flows.hindered import HinderDoors
from flows.issue import issue_ticket
from flows.settle import post_answers
from servers.refusals import Code
from tests.bypass.stages import FEW, Stage, staged
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces

KEEPS_SERVERS = True
NEXT = DAY + ONE_DAY
RUN, TICKET = f"RUN-{DAY:%Y%m%d}-r1", f"TICKET-{DAY:%Y%m%d}"
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "score": ("quant.run_scoring", {"book": "main"}),
    "propose": ("riskguard.build_target_portfolio", {"run_id": RUN}),
    "approve": ("riskguard.approve_trades", {"run_id": RUN}),
    "explain": ("riskguard.explain_decision", {"run_id": RUN}),
    "issue": ("ticketing.render_ticket_md", {"run_id": RUN}),
    "send": ("ticketing.send_ticket", {"ticket_id": TICKET}),
    "receive": ("ticketing.receive_confirmation", {"ticket_id": TICKET}),
    "status": ("ticketing.get_ticket_status", {"ticket_id": TICKET}),
    "post": ("ledger.write_fills", {"ticket_id": TICKET}),
}
NO_RUN, NO_TICKET = Code.NO_SUCH_RUN, Code.NO_SUCH_TICKET
_TICKETS = {"send": NO_TICKET, "receive": NO_TICKET, "status": NO_TICKET, "post": NO_TICKET}
# After each step, what is refused when it is asked for, and how.
TOO_EARLY: dict[str, dict[str, Code]] = {
    "nothing": {"propose": NO_RUN, "approve": NO_RUN, "explain": NO_RUN, "issue": NO_RUN, **_TICKETS},
    "score": {"approve": Code.NOT_PROPOSED, "explain": Code.NOT_DECIDED, "issue": Code.NOT_DECIDED, **_TICKETS},
    "propose": {"explain": Code.NOT_DECIDED, "issue": Code.NOT_DECIDED, **_TICKETS},
    "approve": _TICKETS,
    "issue": {"post": Code.NOT_CONFIRMED},
    "send": {"post": Code.NOT_CONFIRMED},
}
Told = dict[tuple[str, str], tuple[str | None, int]]


@pytest.fixture(scope="module")
def stage(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a paper book without a day behind it."""
    root = workspaces.copy("ordered", FEW, *BUSY)
    with staged(root) as stage:
        stage.settled(DAY)
        yield stage
        assert stage.judge() == ""


@pytest.fixture(scope="module")
def told(stage: Stage) -> Told:
    """Walk a day step by step through the servers, and before each ask for all that comes too early."""
    found: Told = {}
    with stage.five(DAY) as five:
        for done, early in TOO_EARLY.items():
            if done != "nothing":
                tool, arguments = STEPS[done]
                assert five(tool, **arguments).code is None
            for asked in early:
                before = stage.desk.chain.head().seq
                tool, arguments = STEPS[asked]
                code = five(tool, **arguments).code
                found[done, asked] = (code, stage.desk.chain.head().seq - before)
    return found


@pytest.mark.parametrize(
    ("done", "asked"),
    [(done, asked) for done, early in TOO_EARLY.items() for asked in early],
    ids=lambda name: name,
)
def test_a_step_too_early(told, done, asked):
    """Refused with the code that says what comes first, and nothing is written."""
    assert told[done, asked] == (TOO_EARLY[done][asked], 0)


def test_the_order_that_there_is(stage, told):
    """The twin: in order, every step was taken, and the slot has its one trade."""
    assert told
    assert [row["kind"] for row in stage.rows("SELECT kind FROM ticket")] == ["TRADE"]
    steps = {row["step"] for row in stage.rows("SELECT step FROM ticket_step")}
    assert {"issued", "sent"} <= steps


@pytest.mark.parametrize(
    "run_id",
    [
        f"RUN-{DAY:%Y%m%d}-r2",
        f"RUN-{DAY:%Y%m%d}-other-r1",
        "RUN-20991231-r1",
        f"RUN-{NEXT:%Y%m%d}-r1",
        "RUN-00000000-r0",
    ],
)
def test_a_run_that_is_not_there(stage, told, run_id):
    """The next revision, another book's, one that has not come: none of them is opened by being asked for."""
    assert told
    before = stage.desk.chain.head()
    with stage.five(DAY) as five:
        codes = {five(tool, run_id=run_id).code for tool, arguments in STEPS.values() if "run_id" in arguments}

    assert codes <= {NO_RUN, Code.NO_SUCH_BOOK}
    assert stage.desk.chain.head() == before


@pytest.mark.parametrize("day", [DAY - ONE_DAY, date(2024, 2, 3), date(2024, 2, 4), date(2099, 1, 5)], ids=str)
def test_a_slot_that_is_none(stage, told, day):
    """Before one that was decided, on a weekend, on a day that has not come: no run is opened."""
    assert told
    before = stage.desk.chain.head()
    from tests.servers.playing import Five

    with Five(stage.root, on=day) as five:
        assert five("quant.run_scoring", book="main").code in (Code.SLOT_PASSED, Code.NO_SLOT)

    assert stage.desk.chain.head() == before


# --- direct calls -----------------------------------------------------------------------------------------------------

UNKNOWN = "RUN-20991231-r1"


def _proposed(stage: Stage) -> object:
    doors = stage.desk.day_doors(stage.moment(DAY))
    return propose(UNKNOWN, stage.desk.configuration("main").setup, doors.decide)


def _decided(stage: Stage) -> object:
    doors = stage.desk.day_doors(stage.moment(DAY))
    return decide_run(UNKNOWN, stage.desk.configuration("main").setup, doors.decide)


def _issued(stage: Stage) -> object:
    doors = stage.desk.day_doors(stage.moment(DAY))
    return issue_ticket(UNKNOWN, stage.desk.configuration("main").setup, doors.issue)


def _delivered(stage: Stage) -> object:
    doors, people = stage.desk.day_doors(stage.moment(DAY)), stage.people()
    hinder = HinderDoors(people, doors.issue.decisions, lambda book: stage.desk.configuration(book).setup.policy)
    return deliver("TICKET-20991231", DeliverDoors(doors.tickets, hinder, (), str, stage.moment(DAY).clock))


def _revised(stage: Stage) -> object:
    return stage.revise(DAY + 2 * ONE_DAY)


DIRECT: dict[str, Callable[[Stage], object]] = {
    "a proposal of no run": _proposed,
    "a decision of no run": _decided,
    "a ticket of no run": _issued,
    "a delivery of no ticket": _delivered,
    "a revision of no ticket": _revised,
}


@pytest.mark.parametrize("name", DIRECT)
def test_a_direct_call_too_early(stage, told, name):
    """The flows refuse what the tools refuse: what they need is not there."""
    assert told
    before = stage.desk.chain.head()

    with pytest.raises(ValueError, match=r"there is no|has no ticket|was not decided|has not come"):
        DIRECT[name](stage)

    assert stage.desk.chain.head() == before


def test_posting_before_an_answer_posts_nothing(stage, told):
    """Nobody answered: there is no fill to post, however often one asks."""
    assert told
    doors, before = stage.desk.settle_doors(stage.desk.clean), stage.desk.chain.head()
    standing = doors.tickets.ticket(TICKET)
    assert standing is not None

    assert post_answers(standing.issued.ticket, doors) == 0
    assert stage.desk.chain.head() == before
