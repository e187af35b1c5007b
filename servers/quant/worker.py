"""The worker of a job: a process that works on one backtest to its end, tells how far it is, and ends tidily when told to."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from adapters.files.alerts import Alert, FileAlerts
from adapters.files.artefacts import Artefacts
from adapters.files.progress import PROGRESS_SETTING, FileProgress
from adapters.files.workspace import Workspace
from adapters.postgres.chain import Chain
from core.canonical import plain
from flows.books import StoreError
from flows.weekly import report_stem
from servers.quant.jobs import Job, Jobs
from servers.quant.scratch import CommandFailed, said, scratch_of
from servers.references import EVERY_BOOK
from servers.refusals import Refused, expected_refusal
from servers.wiring import Place

NICENESS = 10
WEEKLY = "weekly_backtest"
WHY_LENGTH_MAX = 500
TRACED = "; the traceback is in logs/jobs.log"
WORDS_LENGTH_MAX = WHY_LENGTH_MAX - len(TRACED)
# What says by its words alone what was wrong.
EXPECTED = (CommandFailed, Refused, StoreError)


class Ended(SystemExit):
    """Somebody told this process to end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Work on one job to its end, and give 0 when it has a result."""
    parser = argparse.ArgumentParser(prog="python -m servers.quant.worker", description="Works on one job.")
    parser.add_argument("-w", "--workspace", type=Path, required=True)
    parser.add_argument("job_id")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    os.nice(NICENESS)
    place = Place(Workspace(options.workspace), "quant", book=EVERY_BOOK)
    try:
        return work(options.job_id, Jobs(place.session, place.workspace), place)
    finally:
        place.close()


def work(job_id: str, jobs: Jobs, place: Place) -> int:
    """Do what a job asks for and keep the result, or why there is none."""
    job = jobs.take_on(job_id, os.getpid())
    if job is None:
        return 1
    progress = jobs.progress(job_id)
    try:
        result = (searched if job.asked.mode == "research" else simulated)(job, place, progress)
    except EXPECTED as error:
        if error.__cause__ is not None:
            traceback.print_exc()
        return _failed(job, jobs, place, str(error))
    except Exception as error:
        # Standard error is logs/jobs.log: nobody else will say where it broke.
        traceback.print_exc()
        is_named = expected_refusal(error) is not None
        words = str(error) if is_named else f"{type(error).__name__}: {error}"[:WORDS_LENGTH_MAX] + TRACED
        return _failed(job, jobs, place, words)
    finally:
        progress.clear()
    jobs.add_step(job_id, "done", result)
    place.heads.keep(Chain(place.session).head())
    return 0


def searched(job: Job, place: Place, progress: FileProgress) -> dict[str, Any]:
    """Run the strategy through the range by the research engine, and write the report."""
    # Imported here: who simulates does without compiler and trainer.
    from servers.quant.research import research

    return research(job.asked, place, progress, is_weekly=job.kind == WEEKLY)


def simulated(job: Job, place: Place, progress: FileProgress) -> dict[str, Any]:
    """Decide every slot of the range on the paper venue, value the book at the end, and write the report of a backtest.

    The live book's rows are out of reach: the scratch workspace has a database, secrets and a key of its own, and shares
    only the clean set, which nothing changes.
    """
    asked = job.asked
    with scratch_of(job.job_id, place.workspace, book=asked.book, snapshot=asked.snapshot) as root:
        book = ("-w", str(root), "--book", asked.book, "--json")
        days = ("--from", asked.first.isoformat(), "--to", asked.last.isoformat())
        said("init", str(root), "--json")
        done = said("simulate", *book, *days, "--report", settings={PROGRESS_SETTING: str(progress.path)})
        result = result_of(done, said("pnl", *book, "--on", asked.last.isoformat()))
        if done["report"] is not None:
            files, stem = Artefacts(place.workspace.root), report_stem(asked.book)
            for ending in ("html", "md"):
                files.write(f"{stem}.{ending}", (root / f"{stem}.{ending}").read_text(encoding="utf-8"))
    return result


def result_of(done: dict[str, Any], worth: dict[str, Any]) -> dict[str, Any]:
    """Put together what a simulation and a valuation printed, with every number as it stands there."""
    kinds = done["kinds"]
    figures = ("capital", "realised", "unrealised", "income", "equity", "drawdown")
    return {
        "as_of": worth["as_of"],
        "slots": done["slots"],
        "trade": kinds["TRADE"],
        "hold": kinds["HOLD"],
        "no_trade": kinds["NO-TRADE"],
        "order_lines": done["lines"],
        "venue": "paper",
        # Where its page stands, or why it has none: a range of few weeks cannot be told from chance.
        "report": done["report"],
        "no_report": done["no_report"],
        **{name: plain(worth[name]) for name in figures},
    }


def _failed(job: Job, jobs: Jobs, place: Place, words: str) -> int:
    why = words[:WHY_LENGTH_MAX]
    jobs.add_step(job.job_id, "failed", {"why": why})
    if job.kind == WEEKLY:
        told = f"the weekly backtest of book {job.asked.book} failed ({job.job_id}): {why}"
        FileAlerts(place.workspace.root / "logs" / "alerts.jsonl").add(Alert(place.clock.now(), "backtest", told))
    return 1


def _end(number: int, frame: FrameType | None) -> None:
    # Once is enough: a second signal must not cut the clearing up short.
    signal.signal(number, signal.SIG_IGN)
    raise Ended(128 + number)


if __name__ == "__main__":
    sys.exit(main())
