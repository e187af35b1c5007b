"""Jobs: a backtest really simulates, apart from the live book, and goes on when its client is gone."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from adapters.files.configuration import read_scope
from adapters.files.workspace import Workspace
from cli.commands.trading import simulate_slots
from cli.wiring import Desk
from core.ledger.figures import figures_of
from flows.results import Moment, drawdown_of, results_of
from servers.quant.claims import Claim, Holder
from servers.quant.jobs import GONE, OVER, Backtest, Jobs
from servers.quant.server import backtest_of
from servers.quant.worker import work
from servers.refusals import Code
from servers.wiring import Place
from tests.servers.market import MONDAY
from tests.servers.playing import Five, Said

FIRST, LAST = "2024-05-27", "2024-06-05"
PATIENCE_SECONDS = 120.0
JOB = "JOB-0123456789ab-1"
START = """
import sys
from pathlib import Path
from tests.servers.playing import Five
with Five(Path(sys.argv[1])) as five:
    asked = {"book": "main", "first": sys.argv[2], "last": sys.argv[3], "mode": "flow"}
    print(five("quant.run_backtest", **asked)["job_id"], flush=True)
    sys.stdin.read()
"""


def awaited(five: Five, job_id: str) -> Said:
    """Ask for a job until it is over."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while (job := five("quant.get_job", job_id=job_id))["state"] not in OVER:
        assert time.monotonic() < give_up, job.facts
        time.sleep(0.2)
    return job


def simulated(root: Any, first: date, last: date) -> tuple[dict[str, int], str, str]:
    """Simulate in place, as a person would: the kinds of the tickets, equity and drawdown."""
    with Desk(Workspace(root)) as desk:
        configuration = desk.configuration("main")
        issued = simulate_slots(desk, configuration, first, last)
        scope, _ = read_scope(desk.workspace, {}, book="main")
        found = results_of(scope, desk.result_doors, Moment(last, datetime(2024, 6, 10, tzinfo=UTC)))
    worth = drawdown_of(found)
    assert worth is not None
    kinds = [item.ticket.kind for item in issued]
    return (
        {kind: kinds.count(kind) for kind in ("TRADE", "HOLD", "NO-TRADE")},
        str(figures_of(found.answer["pnl"]).equity),
        str(worth.drawdown),
    )


def test_a_backtest_outlives_its_client_and_leaves_the_live_book_alone(prepared, bare, fresh, shelf):
    """The asker is killed; the job ends all the same, with the numbers of a simulation in place."""
    root, started = fresh(), None
    command = [sys.executable, "-c", START, str(root), FIRST, LAST]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout is not None
        started = asker.stdout.readline().strip()
        os.kill(asker.pid, signal.SIGKILL)

    with Five(root) as five:
        busy = five("quant.run_backtest", book="main", first=FIRST, last="2024-06-04", mode="flow")
        before = five("ledger.read_positions", book="main")
        job = awaited(five, started)
        again = five("quant.run_backtest", book="main", first=FIRST, last=LAST, mode="flow")
        tickets = five("ticketing.get_ticket_status", ticket_id="TICKET-20240528")
        after = five("ledger.read_positions", book="main")

    assert (busy.code, busy.facts["value"]) == (Code.BUSY, started)
    assert (job["state"], job["why"]) == ("done", None), job.facts
    assert again.facts == job.facts
    assert (tickets.code, after.facts) == (Code.NO_SUCH_TICKET, before.facts)
    result = job["result"]
    kinds, equity, drawdown = _expected(bare, prepared, shelf)
    assert {"TRADE": result["trade"], "HOLD": result["hold"], "NO-TRADE": result["no_trade"]} == kinds
    assert (result["slots"], result["as_of"], result["venue"]) == (8, LAST, "paper")
    assert (result["report"], "fewer than 3 decisions" in result["no_report"]) == (None, True)
    assert (float(result["equity"]), float(result["drawdown"])) == (float(equity), float(drawdown))


def _expected(bare: Any, prepared: Any, shelf: Any) -> tuple[dict[str, int], str, str]:
    from tests.servers.conftest import copied
    from tests.servers.market import publish_market

    root = copied(bare, shelf / "simulated")
    publish_market(root)
    return simulated(root, date.fromisoformat(FIRST), date.fromisoformat(LAST))


@pytest.mark.parametrize(
    ("first", "last", "limit"),
    [
        ("2024-06-05", "2024-06-04", "2024-06-07"),
        ("2024-06-03", "2024-06-10", "2024-06-07"),
        ("2010-01-04", "2024-06-07", "2024-06-07"),
    ],
)
def test_a_range_that_cannot_be_simulated_is_refused(five, first, last, limit):
    """A range goes forward, ends by as-of, and is not endless; no job is made."""
    before = five.events()
    refused = five("quant.run_backtest", book="main", first=first, last=last)

    assert (refused.code, refused.facts["limit"]) == (Code.BAD_ARGUMENT, limit)
    assert five.events() == before


@pytest.fixture
def place(fresh):
    """Give quant's place at a fresh workspace."""
    place = Place(Workspace(fresh()), "quant", on=MONDAY)
    yield place
    place.close()


def no_worker(job_id: str, workspace: Workspace, *, claim: int) -> None:
    """Start nothing: a worker that died at once."""


def asked_of(place: Place) -> Backtest:
    """Say what a backtest is asked of."""
    day, first, last = place.book_day("main"), date.fromisoformat(FIRST), date.fromisoformat(LAST)
    return backtest_of(day, first, last, mode="flow", clean=place.clean)


def test_a_job_whose_worker_is_gone_has_failed_and_can_be_asked_again(place):
    """Without a worker nobody holds the claim: the job failed, and the next request is a new attempt."""
    jobs = Jobs(place.session, place.workspace, launch=no_worker)

    first = jobs.start(asked_of(place))
    gone = jobs.job(first.job_id)
    second = jobs.start(asked_of(place))

    assert (first.state, first.job_id[-2:]) == ("queued", "-1")
    assert gone is not None
    assert (gone.state, gone.why) == ("failed", GONE)
    assert second.job_id == first.job_id.removesuffix("-1") + "-2"


def test_a_simulation_that_fails_says_why(place):
    """The worker keeps the words of the command that failed, and the job can be read."""
    jobs = Jobs(place.session, place.workspace, launch=no_worker)
    job_id = jobs.start(asked_of(place)).job_id
    (place.workspace.config / "universe.csv").write_text("broken\n", encoding="utf-8")

    assert work(job_id, jobs, place) == 1

    failed = jobs.job(job_id)
    assert failed is not None
    assert (failed.state, failed.result) == ("failed", None)
    assert "universe.csv" in (failed.why or "")


def test_what_nobody_expected_ends_the_job_and_leaves_its_traceback(place, capfd):
    """A worker's standard error is logs/jobs.log: where it broke stands there, and the job says so."""
    jobs = Jobs(place.session, place.workspace, launch=no_worker)
    job_id = jobs.start(replace(asked_of(place), mode="research")).job_id
    (calendar,) = (place.workspace.root / "data" / "clean").glob("calendar-*.json")
    calendar.write_text("broken", encoding="utf-8")

    assert work(job_id, jobs, place) == 1

    failed = jobs.job(job_id)
    assert failed is not None
    words = "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    assert (failed.state, failed.why) == ("failed", f"{words}; the traceback is in logs/jobs.log")
    told = capfd.readouterr().err
    assert told.startswith("Traceback (most recent call last):")
    assert "in calendar_from_json" in told


def test_without_data_there_is_no_backtest(empty):
    """Nothing to simulate is refused, and no job is made."""
    with Five(empty()) as five:
        before = five.events()
        assert five("quant.run_backtest", book="main", first=FIRST, last=LAST).code == Code.NO_DATA
        assert five.events() == before


def test_the_claim_is_one_s_alone_and_ends_with_its_holder(tmp_path):
    """While one descriptor is open nobody else gets the claim; it names its job."""
    claim = Claim(tmp_path / "logs" / "jobs.lock")

    assert claim.holder() is None
    taken = claim.take(JOB)
    assert taken is not None
    assert (claim.holder(), Claim(tmp_path / "logs" / "jobs.lock").take("other")) == (Holder(JOB, None), None)
    claim.name_worker(JOB, 4711)
    assert claim.holder() == Holder(JOB, 4711)
    os.close(taken)
    assert claim.holder() is None


def test_who_only_looks_is_not_in_the_way(tmp_path):
    """To look locks too: it is waited for while nobody has the claim, and not for ever."""
    path = tmp_path / "jobs.lock"
    waited: list[float] = []
    path.touch()
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)

    assert Claim(path, wait=waited.append).take(JOB) is None
    assert 10 <= len(waited) <= 100
    taken = Claim(path, wait=lambda _: os.close(looking)).take(JOB)
    assert taken is not None
    assert Claim(path).holder() == Holder(JOB, None)
    # Whoever has it is not waited for.
    before = len(waited)
    assert (Claim(path, wait=waited.append).take("other"), len(waited)) == (None, before)
    os.close(taken)


def test_a_number_that_another_process_has_by_now_is_sent_nothing(tmp_path):
    """The number in the file counts only while the lock is held, and for the job that holds it."""
    claim = Claim(tmp_path / "logs" / "jobs.lock")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as stranger:
        taken = claim.take(JOB)
        assert taken is not None
        claim.name_worker(JOB, stranger.pid)
        claim.signal("JOB-0123456789ab-2", signal.SIGKILL)
        os.close(taken)
        claim.signal(JOB, signal.SIGKILL)
        claim.signal(JOB, signal.SIGKILL, is_for_all=True)

        assert stranger.stdin is not None
        stranger.stdin.close()
        assert stranger.wait(timeout=PATIENCE_SECONDS) == 0
