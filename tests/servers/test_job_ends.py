"""How jobs end: cancelled, killed, or done by the research engine; whatever ends them leaves nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from adapters.files.models import FileModels
from adapters.files.progress import PROGRESS_SETTING, FileProgress, Told
from adapters.files.workspace import Workspace
from cli.main import main
from core.canonical import sha256_text
from servers.quant.claims import Claim, Holder
from servers.quant.jobs import GONE, Jobs
from servers.refusals import Code
from servers.wiring import Place
from tests.integration.test_models import learns
from tests.integration.workspaces import change_policy
from tests.servers.market import MONDAY
from tests.servers.playing import Five, Said
from tests.servers.test_jobs import PATIENCE_SECONDS, asked_of, awaited, no_worker

STEPS = """
import os, time
from cli.output import Progress
parent, progress = os.getppid(), Progress(2, "simulate")
progress.step("one")
while os.getppid() == parent:
    time.sleep(0.01)
progress.step("two")
print("two")
"""
STARTS = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1]])
while not os.path.exists(os.environ["TWOKEY_PROGRESS"]):
    time.sleep(0.01)
"""
FIRST, LAST = "2024-04-29", "2024-06-07"
# The last weeks of the market: the features look back on a year of it, and the ranker learns of eight weeks at least.
LEARNED, ENDED, AFTER = "2024-06-03", "2024-06-28", date(2024, 7, 1)


def until(met: Callable[[], bool]) -> None:
    """Wait until something is so."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not met():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def worker_of(root: Path) -> Holder | None:
    """Give who works on a job of a workspace."""
    return Claim(root / "logs" / "jobs.lock").holder()


def scratch_folders(root: Path) -> list[Path]:
    """Give the scratch folders of a workspace's jobs."""
    digest = sha256_text(str(root.resolve()))[:12]
    return list(Path(tempfile.gettempdir()).glob(f"twokey-job-{digest}-*"))


def half_written(root: Path) -> list[Path]:
    """Give the files of a workspace that were not put in their place."""
    return list(root.rglob(".writing-*"))


def running_in(root: Path) -> list[str]:
    """Give the command lines of processes that speak of a folder."""
    lines = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if str(root) in line]


def done_of(root: Path, job_id: str) -> int:
    """Give how much a job has done; read from its file, which costs less than to ask for it."""
    told = FileProgress(root / "logs" / "jobs" / f"{job_id}.json").read()
    return 0 if told is None else told.done


def started(five: Five, mode: str, first: str = FIRST, last: str = LAST) -> Said:
    """Ask for a backtest."""
    return five("quant.run_backtest", book="main", first=first, last=last, mode=mode)


@pytest.mark.slow
def test_a_simulation_that_is_cancelled_leaves_nothing(five):
    """Its commands, their database and their folder are gone, and it stays cancelled."""
    job_id = started(five, "flow")["job_id"]

    until(lambda: done_of(five.root, job_id) >= 1)
    progress = five("quant.get_job", job_id=job_id)["progress"]
    assert (progress["of"], progress["what"], 1 <= progress["done"] < 30) == (30, "simulate", True)
    (scratch,) = scratch_folders(five.root)
    cancelled = five("quant.cancel_job", job_id=job_id)

    assert (cancelled["state"], cancelled["why"], cancelled["progress"]) == ("cancelled", "it was cancelled", None)
    assert worker_of(five.root) is None
    assert (scratch_folders(five.root), running_in(scratch)) == ([], [])
    assert list((five.root / "logs" / "jobs").iterdir()) == []
    assert five("quant.cancel_job", job_id=job_id).facts == cancelled.facts
    assert five("quant.get_job", job_id=job_id).facts == cancelled.facts


@pytest.mark.slow
def test_a_worker_that_was_killed_has_failed_and_the_next_job_clears_up(five):
    """Nobody can tell of a kill but the one who asks; what lies about is not the next job's."""
    job_id = started(five, "flow")["job_id"]
    until(lambda: bool(scratch_folders(five.root)))
    (left,), worker = scratch_folders(five.root), worker_of(five.root)
    assert worker is not None
    assert worker.pid is not None

    os.killpg(worker.pid, signal.SIGKILL)

    until(lambda: running_in(left) == [])
    job = awaited(five, job_id)
    assert (job["state"], job["why"]) == ("failed", GONE)
    refused = five("quant.cancel_job", job_id=job_id)
    assert (refused.code, refused.facts["value"]) == (Code.JOB_IS_OVER, "failed")
    again = started(five, "research")["job_id"]
    assert not left.exists()
    five("quant.cancel_job", job_id=again)
    assert scratch_folders(five.root) == []


def deaf_worker(job_id: str, workspace: Workspace, *, claim: int) -> subprocess.Popen[bytes]:
    """Start a worker that hears no signal to end, and neither does what it started; both keep the claim."""
    script = 'trap "" TERM; cat /dev/zero >/dev/null & wait'
    process = subprocess.Popen(["sh", "-c", script], pass_fds=(claim,), start_new_session=True)
    Claim(workspace.root / "logs" / "jobs.lock").name_worker(job_id, process.pid)
    return process


def test_a_worker_that_does_not_end_is_killed_with_all_it_started(fresh):
    """The whole group goes, and what lies about with it."""
    root = fresh()
    place, workers = Place(Workspace(root), "quant", on=MONDAY), []

    def launch(job_id: str, workspace: Workspace, *, claim: int) -> None:
        workers.append(deaf_worker(job_id, workspace, claim=claim))

    jobs = Jobs(place.session, place.workspace, launch=launch, grace=0.2)
    job = jobs.start(asked_of(place))
    jobs.progress(job.job_id).tell(Told(1, 30, "simulate"))
    left = Path(tempfile.mkdtemp(prefix=f"twokey-job-{sha256_text(str(root.resolve()))[:12]}-"))

    cancelled = jobs.cancel(job.job_id)
    place.close()

    assert (job.state, cancelled.state, worker_of(root)) == ("queued", "cancelled", None)
    assert workers[0].wait(timeout=PATIENCE_SECONDS) == -signal.SIGKILL
    assert (left.exists(), jobs.progress(job.job_id).read()) == (False, None)


def test_a_job_that_is_done_is_not_cancelled(fresh):
    """What was done first counts, whoever was how late; an unknown job is refused as ever."""
    place = Place(Workspace(fresh()), "quant", on=MONDAY)
    jobs = Jobs(place.session, place.workspace, launch=no_worker)
    job_id = jobs.start(asked_of(place)).job_id
    jobs.add_step(job_id, "running", {})
    jobs.add_step(job_id, "done", {})
    jobs.add_step(job_id, "cancelled", {"why": "too late"})

    job = jobs.job(job_id)
    place.close()

    assert job is not None
    assert (job.state, job.result, job.why) == ("done", {}, None)
    with Five(place.workspace.root) as five:
        assert five("quant.cancel_job", job_id="JOB-0123456789ab-1").code == Code.NO_SUCH_JOB


def test_a_simulation_whose_worker_is_gone_goes_no_further(tmp_path):
    """It tells how far it is, and ends at the next slot: nobody would read the rest."""
    told = tmp_path / "JOB.json"
    around = {**os.environ, PROGRESS_SETTING: str(told)}

    command = [sys.executable, "-c", STARTS, STEPS]
    done = subprocess.run(command, env=around, capture_output=True, text=True, check=True)

    assert FileProgress(told).read() == Told(1, 2, "simulate")
    assert (done.stdout, done.stderr) == ("", "simulate: whoever started this is gone\n")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"done": 1}', '{"done": "x", "of": 2, "what": "slots"}'])
def test_progress_that_cannot_be_read_is_none(tmp_path, text):
    """It is no fact: whatever stands there, the job is told without."""
    path = tmp_path / "JOB.json"
    path.write_text(text, encoding="utf-8")

    assert FileProgress(path).read() is None


@pytest.fixture
def learning(fresh) -> Path:
    """Give a workspace whose book learns of as few weeks as there may be."""
    root: Path = fresh()
    learns(root)
    change_policy(root, ("weeks_min: 12", "weeks_min: 8"), ("embargo_weeks: 1", "embargo_weeks: 0"))
    return root


@pytest.mark.slow
def test_a_research_that_is_cancelled_keeps_whole_models_and_goes_on_from_them(learning):
    """It tells how many models are fitted; asked again it is done, and the report is the one of `twokey backtest`."""
    reports = learning / "reports"
    with Five(learning, on=AFTER) as five:
        job_id = started(five, "research", LEARNED, ENDED)["job_id"]
        until(lambda: done_of(learning, job_id) >= 1 or worker_of(learning) is None)
        five("quant.cancel_job", job_id=job_id)
        kept = models(learning)
        assert (worker_of(learning), half_written(learning), list(reports.glob("backtest*"))) == (None, [], [])
        done = awaited(five, started(five, "research", LEARNED, ENDED)["job_id"])

    assert kept
    assert kept.items() <= models(learning).items()
    assert (done["state"], done["why"], done["progress"]) == ("done", None, None)
    result = done["result"]
    assert [track["name"] for track in result["tracks"]] == ["ranker", "SPY", "equal weight", "momentum"]
    assert (result["trials"], result["is_synthetic"], result["report"]) == (1, True, "reports/backtest_latest.html")
    assert "luck" in result["verdict"]
    pages = {name: (reports / name).read_bytes() for name in ("backtest_latest.html", "backtest_latest.md")}
    assert main(["backtest", "-w", str(learning), "--from", LEARNED, "--to", ENDED]) == 0
    assert {name: (reports / name).read_bytes() for name in pages} == pages


def models(root: Path) -> dict[str, str]:
    """Give the models that walks kept; every one must be whole."""
    store = FileModels(root / "data" / "models")
    found = {path.stem: store.get(path.stem) for path in (root / "data" / "models").glob("*/*.txt")}
    assert store.damaged() == ()
    return {key: text for key, text in found.items() if text is not None}


@pytest.mark.soak
def test_an_interrupted_backtest_leaves_whole_models(learning):
    """Ctrl-C at `twokey backtest`: what was fitted is kept, nothing is half written, and no process goes on."""
    command = [sys.executable, "-m", "cli.main", "backtest", "-w", str(learning), "--from", LEARNED, "--to", ENDED]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: bool(models(learning)) or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_SECONDS) != 0

    assert models(learning)
    assert (half_written(learning), list((learning / "reports").glob("backtest*"))) == ([], [])


def test_training_gives_the_model_that_the_day_is_scored_with(learning):
    """The same again is the same; the run of the day uses it."""
    with Five(learning, on=AFTER) as five:
        trained = five("quant.run_training", book="main")
        events = five.events()
        assert five("quant.run_training", book="main").facts == trained.facts
        assert five.events() == events
        scored = five("quant.run_scoring", book="main")

    assert (trained["book"], trained["as_of"]) == ("main", ENDED)
    assert date.fromisoformat(trained["first"]) < date.fromisoformat(trained["last"]) < AFTER
    assert (len(trained["model"]), trained["rows"] > 300, trained["trees"] >= 1) == (64, True, True)
    assert -1 < float(trained["rank_ic"]) < 1
    assert scored["gate"] == "open"


def test_too_little_to_learn_from_is_refused_with_what_it_takes(learning):
    """What there is, and what would pass; no model is kept."""
    change_policy(learning, ("weeks_min: 8", "weeks_min: 100"))
    with Five(learning) as five:
        before = five.events()
        refused = five("quant.run_training", book="main")

        assert (refused.code, "weeks_min 100" in refused.facts["message"]) == (Code.TOO_LITTLE_DATA, True)
        assert "ingested" in refused.facts["would_pass"]
        assert five.events() == before
