"""A policy that a person edits while a run is on its way: what was approved under the old one is void."""

from __future__ import annotations

import pytest

from adapters.clock import FixedClock
from adapters.slot_time import When
from cli.wiring import Desk
from core.calendar import slot_of
from flows.daily import run_day
from tests.integration.workspaces import BUSY, DAY, Workspaces, change_policy, desk_of, morning, the_time_is, twokey

KEEPS_SERVERS = True
RUN = f"RUN-{DAY:%Y%m%d}-r1"
EDIT = ("order_value_max: 5000", "order_value_max: 4000")


def test_a_policy_edited_before_the_ticket_voids_what_was_approved(workspaces: Workspaces):
    """The run says what moved; without the edit the same slot trades."""
    kinds = {}
    for name, changes in (("edited", (EDIT,)), ("left", ())):
        root = workspaces.copy(name, *BUSY)
        with desk_of(root) as desk:
            configuration = desk.configuration("main")

            def fresh(desk: Desk = desk, root=root, changes=changes):
                change_policy(root, *changes)
                return desk.configuration("main").setup

            at = slot_of(configuration.setup.policy, DAY).at
            doors = desk.day_doors(When(DAY, FixedClock(at)), fresh=fresh)
            ticket = run_day(DAY, configuration.setup, configuration.texts, doors).ticket
        kinds[name] = (ticket.kind, ticket.reasons, len(ticket.lines) > 0)

    kind, reasons, has_lines = kinds["edited"]
    assert (kind, has_lines) == ("NO-TRADE", False)
    assert any("policy hash moved from" in reason for reason in reasons), reasons
    assert twokey(workspaces.top / "edited", "replay", RUN).code == 0
    assert kinds["left"] == ("TRADE", (), True)


def test_an_edit_while_bars_are_fetched_counts_for_the_run(workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch):
    """The run is opened under the policy as it stands once the fetching is done, and trades under it."""
    root = workspaces.copy("fetched", *BUSY)

    def fetched(*_asked: object) -> list[str]:
        change_policy(root, EDIT)
        return []

    monkeypatch.setattr("cli.commands.trading._fetch_first", fetched)

    with the_time_is(morning(DAY)):
        done = twokey(root, "run")

    with desk_of(root) as desk:
        policy_hash = desk.configuration("main").setup.policy.hash
        run = desk.day_doors(When(DAY, FixedClock(morning(DAY)))).runs.run(done.facts["run_id"])
    assert done.facts["kind"] == "TRADE"
    assert run is not None
    assert run.policy_hash == policy_hash
