"""Killed with -9 anywhere: a run ends in the one ticket that it would have made, whatever died under it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.postgres.connect import DatabaseError
from core.domain.bars import BAR_FIELDS
from tests.integration.forking import KILLED, Forker, forking
from tests.integration.workspaces import (
    BUSY,
    DAY,
    Workspaces,
    desk_of,
    held,
    look,
    said,
    superuser,
    twokey,
)

# The day after the first ex-dates: the venue reports executions and dividends.
DIVIDENDS = date(2024, 2, 13)
LASTING = (
    "open_run",
    "venue_report",
    "account_snapshot",
    "entry",
    "posting",
    "reconciliation",
    "score_set",
    "proposal",
    "decision",
    "approval",
    "approval_line",
    "ticket",
    "ticket_line",
    "ticket_step",
    "manifest",
)


@pytest.fixture(scope="module")
def forker(workspaces: Workspaces) -> Iterator[Forker]:
    """Give the process that runs and kills commands."""
    with forking(workspaces) as forker:
        yield forker


@pytest.fixture(scope="module")
def eve(workspaces: Workspaces) -> Path:
    """Give a workspace before a slot with executions, dividends and trades; its server is stopped."""
    root = workspaces.copy("eve", *BUSY)
    done = twokey(root, "simulate", "--from", str(DAY), "--to", str(DIVIDENDS - timedelta(days=1)))
    assert done.facts["kinds"]["TRADE"] == 5
    return root


# --- run --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", LASTING)
def test_a_run_killed_before_any_of_its_rows_goes_on(workspaces, forker, eve, calm_dividends, before):
    """At every border between two commits, and inside each transaction: then run again."""
    root = workspaces.copy(f"before-{before}", of=eve)

    with held(root):
        killed = forker.run(root, "run", "--on", str(DIVIDENDS), kill_before=before)
        again = twokey(root, "run", "--on", str(DIVIDENDS))
        after = look(root)

    assert (killed.done.code, killed.done.out) == (KILLED, "")
    assert (again.code, said(again.out)) == (0, calm_dividends["said"])
    assert after == calm_dividends["look"]
    workspaces.drop(root)


@pytest.fixture(scope="module")
def calm_dividends(workspaces: Workspaces, eve: Path) -> dict[str, Any]:
    """Give what the slot with dividends comes to when nobody is killed."""
    root = workspaces.copy("calm-dividends", of=eve)
    done = twokey(root, "run", "--on", str(DIVIDENDS))
    assert done.facts["kind"] == "TRADE"
    with desk_of(root) as desk:
        dividends = desk.session("reader").all("SELECT 1 FROM entry WHERE kind = 'DIVIDEND'")
    assert dividends, "no dividend was paid in this slot; the test would prove less than it says"
    return {"said": said(done.out), "look": look(root)}


def test_the_borders_are_all_there_are(workspaces, forker, eve):
    """What the run of that slot adds to, undisturbed, is what the test above kills it before; nothing is left out."""
    root = workspaces.copy("borders", of=eve)

    done = forker.run(root, "run", "--on", str(DIVIDENDS))

    assert done.done.code == 0
    assert done.reached == set(LASTING)
    workspaces.drop(root)


@pytest.mark.soak
def test_a_run_killed_at_every_moment_goes_on(workspaces, forker, eve, calm_dividends):
    """Before and after each statement, end of a transaction, file put in place and sync, counted as the run reaches them."""
    moment, is_alive = 0, False
    while not is_alive:
        moment += 1
        root = workspaces.copy(f"moment-{moment}", of=eve)
        with held(root):
            killed = forker.run(root, "run", "--on", str(DIVIDENDS), kill_at=moment)
            again = twokey(root, "run", "--on", str(DIVIDENDS))
            after = look(root)

        is_alive = killed.done.code == 0
        assert is_alive or killed.done.code == KILLED
        assert (again.code, said(again.out)) == (0, calm_dividends["said"]), moment
        assert after == calm_dividends["look"], moment
        workspaces.drop(root)
    assert moment > 2 * len(LASTING)


@pytest.mark.parametrize("before", ["decision", "halt_trading", "ticket"])
def test_the_kill_switch_holds_whenever_it_is_killed(workspaces, forker, crashed, before):
    """A fall beyond the limit halts the book once, with the decision; a kill in between changes neither."""
    root = workspaces.copy(f"switch-{before}", of=crashed["root"])

    with held(root):
        killed = forker.run(root, "run", "--on", str(crashed["day"]), kill_before=before)
        again = twokey(root, "run", "--on", str(crashed["day"]))
        after = look(root)

    assert killed.done.code == KILLED
    assert (again.code, said(again.out)) == (3, crashed["said"])
    assert after == crashed["look"]
    workspaces.drop(root)


@pytest.fixture(scope="module")
def crashed(workspaces: Workspaces) -> dict[str, Any]:
    """Give a workspace whose market lost two fifths after the book was built, and what its next slot comes to."""
    root = workspaces.copy("crashed")
    assert twokey(root, "simulate", "--from", str(DAY), "--to", str(DAY + timedelta(days=2))).code == 0
    crash(root, DAY + timedelta(days=2), by=0.6)
    calm, day = workspaces.copy("calm-crashed", of=root), DAY + timedelta(days=3)
    done = twokey(calm, "run", "--on", str(day))
    assert [reason.partition(":")[0] for reason in done.facts["reasons"]] == ["drawdown", "daily_loss"]
    assert look(calm)["rows"]["halt"] == 1
    return {"root": root, "day": day, "said": said(done.out), "look": look(calm)}


def crash(root: Path, session: date, *, by: float) -> None:
    """Publish the market as it would be had every price fallen to a share of itself from a session on."""
    with desk_of(root) as desk:
        snapshot = desk.clean.current()
        assert snapshot is not None
        panel, fixings = desk.clean.panel(snapshot), desk.clean.fixings(snapshot)
        factor = np.where(panel.sessions < np.datetime64(session), 1.0, by)[:, None]
        prices = {name: getattr(panel, name) * factor for name in BAR_FIELDS if name != "volume"}
        desk.clean.publish(replace(panel, **prices), fixings, made_of={})


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_run_whose_server_is_killed_says_so_and_goes_on(workspaces, forker, eve, calm_dividends, share):
    """The database dies under a run: an error in our words, and the next run starts it and ends in the same ticket."""
    root = workspaces.copy(f"server-{share}", of=eve)
    server = str(root / "pg" / "data" / "postmaster.pid")
    # After the moments in which the server itself is started.
    moment = 8 + int(share * 40)

    broken = forker.run(root, "run", "--on", str(DIVIDENDS), kill_server_at=moment, server=server)
    again = twokey(root, "run", "--on", str(DIVIDENDS))

    assert (broken.done.code, broken.done.out) == (1, "")
    assert broken.done.err.startswith("twokey: role ")
    assert "Traceback" not in broken.done.err
    assert (again.code, said(again.out)) == (0, calm_dividends["said"])
    assert look(root) == calm_dividends["look"]
    workspaces.drop(root)


@pytest.mark.parametrize("block", ["transaction", "snapshot"])
def test_a_connection_that_breaks_at_the_end_is_an_error_in_our_words(workspaces, block):
    """Neither kept nor passed over: whoever asked is told that the database could not be used."""
    root = workspaces.copy(f"broken-{block}")
    with superuser(root) as connection, desk_of(root) as desk:
        session = desk.session("person")
        row = session.one("SELECT pg_backend_pid() AS pid")
        assert row is not None

        def cut() -> None:
            with getattr(session, block)():
                session.all("SELECT 1")
                connection.execute("SELECT pg_terminate_backend(%s, 5000)", (row["pid"],))

        with pytest.raises(DatabaseError, match="role person: "):
            cut()
