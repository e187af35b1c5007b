"""Killed with -9 anywhere: a run ends in the one ticket that it would have made, and no acknowledged answer is lost."""

from __future__ import annotations

import random
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
    counts,
    desk_of,
    held,
    look,
    make_manual,
    morning,
    said,
    superuser,
    the_time_is,
    twokey,
    weekdays,
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
LINES_EACH = 3


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


@pytest.mark.parametrize("slots", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_runs_killed_at_random_end_in_the_same_tickets(workspaces, forker, slots):
    """Each slot is killed twice, once at a moment and once after a time, and then run; another workspace is left alone."""
    draw = random.Random(20240206)
    calm, hurt = workspaces.copy("calm", *BUSY), workspaces.copy("hurt", *BUSY)
    kills = 0
    # The server of the one that is hurt starts and stops with each run, so that kills meet that too.
    calm_server = held(calm)
    calm_server.start()
    for day in weekdays(DAY, slots):
        undisturbed = forker.run(calm, "run", "--on", str(day))
        first = forker.run(hurt, "run", "--on", str(day), kill_at=draw.randint(1, undisturbed.moments))
        second = forker.run(hurt, "run", "--on", str(day), kill_after=draw.uniform(0, undisturbed.seconds))
        again = forker.run(hurt, "run", "--on", str(day))

        kills += (first.done.code == KILLED) + (second.done.code == KILLED)
        assert (again.done.code, said(again.done.out)) == (undisturbed.done.code, said(undisturbed.done.out))
        assert second.done.code == KILLED or second.done.out == again.done.out
    assert look(hurt) == look(calm)
    assert look(hurt)["problem"] is None
    assert kills > slots
    last = f"RUN-{weekdays(DAY, slots)[-1]:%Y%m%d}-r1"
    assert twokey(hurt, "replay", last).code == 0
    calm_server.release()
    workspaces.drop(calm)
    workspaces.drop(hurt)


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
    assert [reason.partition(":")[0] for reason in done.facts["reasons"]] == ["drawdown"]
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


# --- confirm ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [1, pytest.param(10, marks=pytest.mark.soak)])
def test_an_answer_killed_at_random_is_there_whole_or_not_at_all(workspaces, forker, asked, copies):
    """Three lines an answer, killed and then given again; what was acknowledged is there, and everything is posted once."""
    draw = random.Random(7)
    for number in range(copies):
        root = workspaces.copy(f"asked-{number}", of=asked["root"])
        with held(root):
            for group in range(len(asked["groups"])):
                kill: dict[str, float] = {"kill_at": draw.randint(1, asked["moments"])}
                if group % 2:
                    kill = {"kill_after": draw.uniform(0, asked["seconds"])}
                answer_and_kill(forker, root, asked["groups"][group], **kill)
            settled, after = twokey(root, "settle", "--on", str(DAY)), look(root)

        assert settled.code == 0
        assert (after["entries"], after["problem"]) == (asked["entries"], None)
        workspaces.drop(root)


def answer_and_kill(forker: Forker, root: Path, arguments: list[str], **kill: Any) -> None:
    """Give an answer that is killed, look what is there of it, and give it again."""
    before = answered(root)
    first = forker.run(root, *arguments, at=morning(DAY), **kill)
    after = answered(root)
    again = forker.run(root, *arguments, at=morning(DAY))

    assert first.done.code in (0, KILLED), first.done.err
    assert after - before in ((1, LINES_EACH), (0, 0))
    assert first.done.code == KILLED or after - before == (1, LINES_EACH)
    if after == before:
        assert again.done.code == 0, again.done.err
    else:
        assert (again.done.code, "was answered before" in again.done.err) == (2, True)
    assert answered(root) - before == (1, LINES_EACH)


class Answered(tuple[int, int]):
    """How many answers there are, and how many lines they answer."""

    def __sub__(self, other: tuple[int, int]) -> tuple[int, int]:
        return self[0] - other[0], self[1] - other[1]


def answered(root: Path) -> Answered:
    """Count answers and answered lines."""
    with desk_of(root) as desk:
        rows = counts(desk.session("reader"))
    return Answered((rows["confirmation"], rows["confirmation_line"]))


@pytest.fixture(scope="module")
def asked(workspaces: Workspaces, forker: Forker) -> dict[str, Any]:
    """Give a book with a ticket of many lines that waits for answers, the answers, and what they come to undisturbed."""
    changes = (("positions_max: 15", "positions_max: 24"), ("turnover_max: 0.30", "turnover_max: 1"))
    root = workspaces.copy("asked", *changes)
    make_manual(root)
    with the_time_is(morning(DAY)):
        ticket_id = twokey(root, "run").facts["ticket_id"]
        ticket = twokey(root, "ticket", "show", ticket_id).facts
    lines = ticket["ticket"]["lines"]
    groups = [
        ["confirm", ticket_id, "--hash", ticket["short_hash"], "--by", "p", *answers(lines[start : start + LINES_EACH])]
        for start in range(0, len(lines) - LINES_EACH + 1, LINES_EACH)
    ]
    calm = workspaces.copy("calm-asked", of=root)
    with held(calm):
        ended = [forker.run(calm, *group, at=morning(DAY)) for group in groups]
    assert {one.done.code for one in ended} == {0}
    return {
        "root": root,
        "groups": groups,
        "moments": ended[0].moments,
        "seconds": min(one.seconds for one in ended),
        "entries": look(calm)["entries"],
    }


def answers(lines: list[dict[str, Any]]) -> list[str]:
    """Answer three lines: filled, half filled, not executed."""
    first, second, third = lines
    half = float(second["quantity"]) / 2
    return [
        *("--line", f"{first['line']} filled price={first['decision_price']} fee=1.25"),
        *("--line", f"{second['line']} partial quantity={half:.8f} price={second['decision_price']} fee=0"),
        *("--line", f"{third['line']} not executed: closed"),
    ]
