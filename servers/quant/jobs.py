"""Jobs: backtests that were asked for, kept as rows, worked on by one process at a time that outlives its asker."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Protocol

from adapters.files.workspace import Workspace
from adapters.postgres.bodies import load
from adapters.postgres.connect import Session
from core.canonical import canonical_json, plain, sha256_of
from servers.refusals import Code, Refused

BACKTEST = "backtest"


@dataclass(frozen=True)
class Backtest:
    """What a backtest is asked of: a book as it is configured, a range of days, and a clean set."""

    book: str
    first: date
    last: date
    snapshot: str
    policy_hash: str
    universe_hash: str


@dataclass(frozen=True)
class Job:
    """A job as it stands."""

    job_id: str
    kind: str
    asked: Backtest
    state: Literal["queued", "running", "done", "failed"]
    result: dict[str, Any] | None = None
    why: str | None = None


class Launch(Protocol):
    """Starts the worker of a job, and hands the claim down to it."""

    def __call__(self, job_id: str, workspace: Workspace, *, claim: int) -> object:
        """Start it and give what to hold on to."""
        ...


def launch_worker(job_id: str, workspace: Workspace, *, claim: int) -> subprocess.Popen[bytes]:
    """Start a worker as a process in a session of its own, so that no signal to the server reaches it."""
    command = [sys.executable, "-m", "servers.quant.worker", "-w", str(workspace.root), job_id]
    with (workspace.root / "logs" / "jobs.log").open("ab") as words:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            pass_fds=(claim,),
            start_new_session=True,
        )


class Jobs:
    """The jobs of a workspace, written by quant: rows of `job`, and their steps."""

    def __init__(self, session: Session, workspace: Workspace, *, launch: Launch = launch_worker) -> None:
        """Keep jobs over quant's connection; `launch` starts their workers."""
        self._session, self._workspace, self._launch = session, workspace, launch
        self._claim = Claim(workspace.root / "logs" / "jobs.lock")
        # Held so that a worker that ends is collected when the next one starts.
        self._workers: list[object] = []

    def start(self, asked: Backtest) -> Job:
        """Start a backtest, or give the one that was asked for in the same words and did not fail.

        Raises Refused while another job runs.
        """
        name = f"JOB-{sha256_of(asked)[:12]}"
        last = self._attempts(name)
        known = self.job(f"{name}-{last}") if last else None
        if known is not None and known.state != "failed":
            return known
        return self._begin(f"{name}-{last + 1}", asked)

    def job(self, job_id: str) -> Job | None:
        """Find a job; one whose worker is gone without a result has failed."""
        row = self._session.one("SELECT kind, body FROM job WHERE job_id = %s", (job_id,))
        if row is None:
            return None
        asked = load(Backtest, row["body"], of=job_id)
        steps = self._session.all("SELECT state, body FROM job_step WHERE job_id = %s ORDER BY id", (job_id,))
        taken = {
            step["state"]: load(dict[str, Any], step["body"], of=f"the step {step['state']} of {job_id}")
            for step in steps
        }
        if "done" in taken:
            return Job(job_id, row["kind"], asked, "done", taken["done"])
        if "failed" in taken:
            return Job(job_id, row["kind"], asked, "failed", why=taken["failed"]["why"])
        if self._claim.holder() != job_id:
            return Job(job_id, row["kind"], asked, "failed", why="its process ended without a result")
        return Job(job_id, row["kind"], asked, "running" if "running" in taken else "queued")

    def add_step(self, job_id: str, state: Literal["running", "done", "failed"], body: Mapping[str, Any]) -> None:
        """Add a step of a job; a step that was taken is not taken again."""
        row = {"job_id": job_id, "state": state, "body": canonical_json(dict(body))}
        self._session.add("job_step", [row], once=True)

    def _attempts(self, name: str) -> int:
        rows = self._session.all("SELECT job_id FROM job WHERE job_id LIKE %s", (f"{name}-%",))
        return max((int(row["job_id"].rpartition("-")[2]) for row in rows), default=0)

    def _begin(self, job_id: str, asked: Backtest) -> Job:
        claim = self._claim.take(job_id)
        if claim is None:
            holder = self._claim.holder() or "another job"
            raise Refused(
                Code.BUSY, f"{holder} runs; one job at a time", value=holder, would_pass="after get_job says it is done"
            )
        try:
            self._session.add("job", [{"job_id": job_id, "kind": BACKTEST, "body": canonical_json(asked)}])
            self._workers.append(self._launch(job_id, self._workspace, claim=claim))
        finally:
            # The worker has the claim now; without a worker nobody has.
            os.close(claim)
        return Job(job_id, BACKTEST, asked, "queued")


class Claim:
    """A lock of the kernel on being the job at work: handed down to the worker, and free however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, job_id: str) -> int | None:
        """Take the claim for a job and give its descriptor, or None while another job has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, job_id.encode())
        return descriptor

    def holder(self) -> str | None:
        """Name the job that has the claim, or None."""
        if not self._path.exists():
            return None
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.read(descriptor, 100).decode()
        finally:
            os.close(descriptor)
        return None


def result_of(simulated: Mapping[str, Any], worth: Mapping[str, Any]) -> dict[str, Any]:
    """Put together what a simulation and a valuation printed, with every number as it stands there."""
    kinds = simulated["kinds"]
    figures = ("capital", "realised", "unrealised", "income", "equity", "drawdown")
    return {
        "as_of": worth["as_of"],
        "slots": simulated["slots"],
        "trade": kinds["TRADE"],
        "hold": kinds["HOLD"],
        "no_trade": kinds["NO-TRADE"],
        "order_lines": simulated["lines"],
        "venue": "paper",
        **{name: plain(worth[name]) for name in figures},
    }
