"""The week's backtest: left behind by the first slot of a week, beside it and never in its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.clock import FixedClock
from adapters.files.alerts import FileAlerts
from adapters.files.workspace import Workspace
from cli.wiring import Desk
from core.domain.panel import Panel
from flows.setup import BookSetup
from flows.weekly import report_stem, weekly_range
from servers.quant.jobs import GONE, Backtest, Job, Jobs
from servers.quant.weekly import leave_backtest
from servers.quant.worker import work
from servers.refusals import Code
from servers.wiring import Place
from tests.integration.test_models import learns
from tests.integration.workspaces import change_desk, change_policy, morning, the_time_is, twokey
from tests.servers.market import AS_OF, MONDAY
from tests.servers.playing import Five
from tests.servers.test_jobs import awaited, no_worker

AT = morning(MONDAY)
# The first decision that momentum can be asked at: it looks back on 253 sessions, and the bars begin in April 2023.
FIRST = date(2024, 4, 5)
SECOND = date(2024, 4, 12)


def let_be_real(root: Path) -> None:
    """Let the market's bars be a provider's, as far as anybody sees."""
    change_policy(root, ("source_order: [synthetic]", "source_order: [yahoo]"))
    change_desk(root, ("backup_after_run: true", "backup_after_run: false"))
    with Desk(Workspace(root)) as desk:
        snapshot = desk.clean.current() or ""
        panel: Panel = desk.clean.panel(snapshot)
        told = replace(panel, provider=tuple("yahoo" for _ in panel.provider))
        desk.clean.publish(told, desk.clean.fixings(snapshot), made_of={})


@pytest.fixture
def real(fresh) -> Path:
    """Give a workspace whose market is not synthetic."""
    root: Path = fresh()
    let_be_real(root)
    return root


@pytest.fixture
def place(real) -> Iterator[Place]:
    """Give quant's place there."""
    made = Place(Workspace(real), "quant", on=MONDAY)
    yield made
    made.close()


def alerts_of(root: Path) -> FileAlerts:
    """Give the alerts of a workspace."""
    return FileAlerts(root / "logs" / "alerts.jsonl")


def words_of(root: Path) -> list[str]:
    """Give the words of all alerts about backtests."""
    return [alert.words for alert in alerts_of(root).since(AT - timedelta(days=9999)) if alert.kind == "backtest"]


def left(place: Place, jobs: Jobs, *, as_of: date = AS_OF, at: datetime = AT) -> Job | None:
    """Leave the backtest of a slot."""
    alerts = alerts_of(place.workspace.root)
    return leave_backtest(as_of, place.setup("main"), jobs, clean=place.clean, alerts=alerts, at=at)


def setup_of(place: Place) -> BookSetup:
    """Read the book anew."""
    return place.setup("main")


def test_the_range_ends_with_the_last_whole_week_and_holds_what_the_strategy_can_be_asked(place):
    """All slots of a week ask the same; of a book that learns, its first model's weeks go before."""
    thursday = AS_OF + timedelta(days=6)

    assert weekly_range(AS_OF, setup_of(place), place.clean) == (FIRST, AS_OF)
    assert weekly_range(thursday, setup_of(place), place.clean) == (FIRST, AS_OF)
    learns(place.workspace.root)
    change_policy(place.workspace.root, ("weeks_min: 12", "weeks_min: 8"), ("embargo_weeks: 1", "embargo_weeks: 0"))
    assert weekly_range(date(2024, 6, 28), setup_of(place), place.clean) == (date(2024, 6, 7), date(2024, 6, 28))
    assert weekly_range(AS_OF, setup_of(place), place.clean) is None


def test_a_synthetic_market_has_none(five):
    """It has no past that a backtest could tell of."""
    with Desk(Workspace(five.root)) as desk:
        assert weekly_range(AS_OF, desk.configuration("main").setup, desk.clean) is None


def test_a_week_has_one_whatever_its_slots(place):
    """Not the day but the week asks, and what is there in any state is enough."""
    jobs = Jobs(place.session, place.workspace, launch=no_worker)
    job = left(place, jobs)
    assert job is not None
    assert (job.kind, job.asked.first, job.asked.last, job.asked.mode) == ("weekly_backtest", FIRST, AS_OF, "research")
    jobs.add_step(job.job_id, "cancelled", {"why": "it was cancelled"})

    again = left(place, jobs, as_of=AS_OF + timedelta(days=3))

    assert again == jobs.job(job.job_id)
    assert words_of(place.workspace.root) == []


def test_a_worker_that_died_is_an_alert_and_the_next_slot_starts_it_again(place):
    """Nobody else would say so: who asked is long gone."""
    jobs = Jobs(place.session, place.workspace, launch=no_worker)
    job = left(place, jobs)
    assert job is not None

    again = left(place, jobs, as_of=AS_OF + timedelta(days=3))

    assert again is not None
    assert again.job_id == job.job_id.removesuffix("-1") + "-2"
    assert words_of(place.workspace.root) == [
        f"the weekly backtest of book main ({job.job_id}) is started again: {GONE}"
    ]


def test_another_job_in_the_way_is_an_alert_and_no_more(place):
    """One at a time: the week's next slot tries again."""
    jobs = Jobs(place.session, place.workspace, launch=no_worker)
    claim = jobs.claim.take("JOB-0123456789ab-1")
    assert claim is not None

    assert left(place, jobs) is None

    (words,) = words_of(place.workspace.root)
    assert words.startswith("the weekly backtest of book main was not started: JOB-0123456789ab-1 runs")


def test_its_failure_is_an_alert(place):
    """The worker says so, since nobody waits for it."""
    jobs = Jobs(place.session, place.workspace, launch=no_worker)
    job = left(place, jobs)
    assert job is not None
    change_policy(place.workspace.root, ("positions_max: 15", "positions_max: 14"))

    assert work(job.job_id, jobs, place) == 1

    (words,) = words_of(place.workspace.root)
    assert words.startswith(f"the weekly backtest of book main failed ({job.job_id}): the clean set, the policy")


def test_it_is_told_what_people_tried_and_adds_nothing_to_it(place):
    """Nobody chose its days. Its report stands beside the one that a person asked for, which stays."""
    jobs, reports = Jobs(place.session, place.workspace, launch=no_worker), place.workspace.root / "reports"
    setup = setup_of(place)
    asked = Backtest(
        "main", FIRST, AS_OF, place.clean.current() or "", setup.policy.hash, setup.universe_hash, "research"
    )

    assert result_of_work(jobs.start(asked), jobs, place)["trials"] == 1
    assert result_of_work(jobs.start(replace(asked, first=SECOND)), jobs, place)["trials"] == 2
    mine = {path.name: path.read_bytes() for path in reports.iterdir()}
    weeks = [result_of_work(left(place, jobs, as_of=day), jobs, place) for day in (AS_OF - timedelta(days=7), AS_OF)]

    # Of the last week a person asked the same: that is one question.
    assert [(week["trials"], week["report"]) for week in weeks] == [
        (3, "reports/backtest_weekly.html"),
        (2, "reports/backtest_weekly.html"),
    ]
    assert place.session.tuples("SELECT count(*) FROM trial") == [(2,)]
    assert set(mine) == {"backtest_latest.html", "backtest_latest.md"}
    assert {name: (reports / name).read_bytes() for name in mine} == mine
    assert (reports / "backtest_weekly.html").stat().st_size > 10_000
    assert (reports / "backtest_weekly.md").exists()


def result_of_work(job: Job | None, jobs: Jobs, place: Place) -> dict[str, Any]:
    """Work on a job and give its result."""
    assert job is not None
    assert work(job.job_id, jobs, place) == 0, jobs.job(job.job_id)
    done = jobs.job(job.job_id)
    assert done is not None
    assert done.result is not None
    return done.result


def test_each_book_has_reports_of_its_own(real):
    """As its signals: the book `main` without its name. The command writes what it names."""
    policy, books = (real / "config" / "policy.yml").read_text(encoding="utf-8"), real / "config" / "books"
    books.mkdir(exist_ok=True)
    (books / "side.yml").write_text(policy.replace("book: main", "book: side"), encoding="utf-8")

    done = twokey(real, "backtest", "--book", "side", "--from", str(FIRST), "--seeds", "40")

    assert done.code == 0, done.err
    assert done.facts["path"] == str(real / "reports" / "backtest_latest-side.html")
    assert {path.name for path in (real / "reports").iterdir()} == {
        "backtest_latest-side.html",
        "backtest_latest-side.md",
    }
    assert (report_stem("main"), report_stem("main", is_weekly=True)) == (
        "reports/backtest_latest",
        "reports/backtest_weekly",
    )
    assert (report_stem("side"), report_stem("side", is_weekly=True)) == (
        "reports/backtest_latest-side",
        "reports/backtest_weekly-side",
    )


@pytest.mark.slow
def test_a_run_leaves_it_and_its_report_comes(real):
    """The ticket and the exit code are those of a run without it; the next day's run finds the week's."""
    with the_time_is(AT, leaves_backtests=True):
        done = twokey(real, "run", "--no-ingest")
    with the_time_is(morning(MONDAY + timedelta(days=1)), leaves_backtests=True):
        next_day = twokey(real, "run", "--no-ingest")
    rehearsed = twokey(real, "run", "--on", str(MONDAY + timedelta(days=2)))

    assert (done.code, next_day.code, rehearsed.facts["backtest"]) == (0, 0, None), done.err
    job_id = done.facts["backtest"]
    assert next_day.facts["backtest"] == job_id
    with Five(real, on=date(2024, 6, 28)) as five:
        job = awaited(five, job_id)
    assert (job["state"], job["kind"], job["last"]) == ("done", "weekly_backtest", str(AS_OF)), job.facts
    assert (real / "reports" / "backtest_weekly.html").stat().st_size > 10_000
    assert words_of(real) == []


@pytest.mark.slow
def test_the_server_leaves_it_when_a_day_is_scored(real):
    """Agents play the day as the operator does; a rehearsal leaves none."""
    with Five(real, on=MONDAY) as rehearsing:
        rehearsing("quant.run_scoring", book="main")["run_id"]
    place = Place(Workspace(real), "quant", on=MONDAY)
    assert Jobs(place.session, place.workspace).weekly("main", AS_OF) is None

    tuesday = FixedClock(AT + timedelta(days=1))
    with Five(real, on=None, clock=tuesday) as five:
        scored = five("quant.run_scoring", book="main")
        job = Jobs(place.session, place.workspace).weekly("main", AS_OF)
        assert job is not None
        ended = five("quant.cancel_job", job_id=job.job_id)
    place.close()

    assert scored["run_id"] == "RUN-20240611-r1"
    assert (ended.code, ended.facts.get("state")) in [(None, "cancelled"), (Code.JOB_IS_OVER, None)]
