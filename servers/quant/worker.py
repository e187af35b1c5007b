"""The worker of a job: simulates a range of slots in a workspace of its own, thrown away afterwards.

The live book's rows are out of reach: the scratch workspace has a database, secrets and a key of its own, and shares
only the clean set, which nothing changes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.files.workspace import Workspace
from adapters.postgres.location import URL_SETTING
from servers.quant.jobs import Backtest, Jobs, result_of
from servers.references import EVERY_BOOK
from servers.wiring import Place

# What would lead the simulation to the live workspace or its database.
LIVE_SETTINGS = (URL_SETTING, "TWOKEY_WORKSPACE")
MANUAL_VENUE = re.compile(r"^([ \t]+venue:[ \t]*)manual\b", re.MULTILINE)
NICENESS = 10
WHY_LENGTH_MAX = 500


class SimulationFailed(RuntimeError):
    """A simulation ended without a result; says with which words."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Work on one job to its end, and give 0 when it has a result."""
    parser = argparse.ArgumentParser(prog="python -m servers.quant.worker", description="Works on one job.")
    parser.add_argument("-w", "--workspace", type=Path, required=True)
    parser.add_argument("job_id")
    options = parser.parse_args(arguments)
    os.nice(NICENESS)
    place = Place(Workspace(options.workspace), "quant", book=EVERY_BOOK)
    try:
        return work(options.job_id, Jobs(place.session, place.workspace), place.workspace)
    finally:
        place.close()


def work(job_id: str, jobs: Jobs, workspace: Workspace) -> int:
    """Simulate what a job asks for and keep the result, or why there is none."""
    job = jobs.job(job_id)
    assert job is not None, "a worker is started after its job's row"
    jobs.add_step(job_id, "running", {})
    try:
        result = simulate(job.asked, workspace)
    except (SimulationFailed, OSError, ValueError, KeyError) as error:
        jobs.add_step(job_id, "failed", {"why": str(error)[:WHY_LENGTH_MAX]})
        return 1
    jobs.add_step(job_id, "done", result)
    return 0


def simulate(asked: Backtest, workspace: Workspace) -> dict[str, Any]:
    """Decide every slot of the range on the paper venue and value the book at the end."""
    with scratch_of(asked, workspace) as root:
        book = ("-w", str(root), "--book", asked.book, "--json")
        said("init", str(root), "--json")
        simulated = said("simulate", *book, "--from", asked.first.isoformat(), "--to", asked.last.isoformat())
        return result_of(simulated, said("pnl", *book, "--on", asked.last.isoformat()))


@contextmanager
def scratch_of(asked: Backtest, workspace: Workspace) -> Iterator[Path]:
    """Lay out a workspace with the live one's configuration and clean set; it is gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="twokey-backtest-"))
    # Under root, PostgreSQL runs as another user, who passes through; what is inside stays closed.
    root.chmod(0o711)
    try:
        shutil.copytree(workspace.config, root / "config", ignore=shutil.ignore_patterns("keys"))
        _trade_on_paper(Workspace(root).policy_path(asked.book))
        _share_clean_set(workspace.root / "data" / "clean", root / "data" / "clean", asked.snapshot)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def said(*command: str) -> dict[str, Any]:
    """Run one command of the command line and give the object that it printed; raises SimulationFailed."""
    settings = {name: value for name, value in os.environ.items() if name not in LIVE_SETTINGS}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *command], env=settings, capture_output=True, text=True, check=False
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        answer = {}
    if not answer:
        raise SimulationFailed(f"twokey {command[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return answer


def _trade_on_paper(policy: Path) -> None:
    policy.write_text(MANUAL_VENUE.sub(r"\1paper", policy.read_text(encoding="utf-8")), encoding="utf-8")


def _share_clean_set(live: Path, own: Path, snapshot: str) -> None:
    own.mkdir(parents=True)
    for found in live.iterdir():
        if found.is_dir():
            (own / found.name).symlink_to(found.absolute(), target_is_directory=True)
        elif found.suffix == ".json":
            shutil.copyfile(found, own / found.name)
    (own / "CURRENT").write_text(f"{snapshot}\n", encoding="ascii")


if __name__ == "__main__":
    raise SystemExit(main())
