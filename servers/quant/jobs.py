"""Jobs: backtests that were asked for, kept as rows, worked on by one process at a time that outlives its asker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol, TypeAlias

from adapters.files.progress import FileProgress, Told
from adapters.files.workspace import Workspace
from adapters.postgres.bodies import load
from adapters.postgres.connect import Session
from core.canonical import canonical_json, sha256_of
from servers.quant.claims import Claim
from servers.refusals import Code, Refused

# What asked for a job: somebody, or the first slot of a week.
Kind: TypeAlias = Literal["backtest", "weekly_backtest"]
Mode: TypeAlias = Literal["research", "flow"]
State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
OVER: tuple[State, ...] = ("done", "failed", "cancelled")
GONE = "its process ended without a result"
# What a worker is given to end by itself, with all that it started and laid out, before it is killed.
GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Backtest:
    """What a backtest is asked of: a book as it is configured, a range of days, and a clean set.

    `flow` decides every slot on paper; `research` runs the same rules over arrays, beside baselines and chance.
    """

    book: str
    first: date
    last: date
    snapshot: str
    policy_hash: str
    universe_hash: str
    # What was asked before there was a mode was the flow.
    mode: Mode = "flow"


@dataclass(frozen=True)
class Job:
    """A job as it stands; `progress` is there only while it lasts, and not always."""

    job_id: str
    kind: str
    asked: Backtest
    state: State
    result: dict[str, Any] | None = None
    why: str | None = None
    progress: Told | None = None


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

    def __init__(
        self, session: Session, workspace: Workspace, *, launch: Launch = launch_worker, grace: float = GRACE_SECONDS
    ) -> None:
        """Keep jobs over quant's connection; `launch` starts their workers, which have so many seconds to end."""
        self._session, self._workspace, self._launch, self._grace = session, workspace, launch, grace
        self.claim = Claim(workspace.root / "logs" / "jobs.lock")
        # Held so that a worker that ends is collected when the next one starts.
        self._workers: list[object] = []

    def start(self, asked: Backtest, kind: Kind = "backtest") -> Job:
        """Start a backtest, or give the one that was asked for in the same words and neither failed nor was cancelled.

        Raises Refused while another job runs.
        """
        # A week's is told elsewhere, and as no trial: who asks for the same days gets a job of their own.
        name = f"JOB-{sha256_of(asked if kind == 'backtest' else (kind, asked))[:12]}"
        last = self._attempts(name)
        known = self.job(f"{name}-{last}") if last else None
        if known is not None and known.state not in ("failed", "cancelled"):
            return known
        return self._begin(f"{name}-{last + 1}", asked, kind)

    def job(self, job_id: str) -> Job | None:
        """Find a job; one whose worker is gone without a result has failed."""
        row = self._session.one("SELECT kind, body FROM job WHERE job_id = %s", (job_id,))
        if row is None:
            return None
        # Asked before the steps: a worker that ends in between has left its step.
        holder = self.claim.holder()
        asked, kind = load(Backtest, row["body"], of=job_id), row["kind"]
        steps = self._session.all("SELECT state, body FROM job_step WHERE job_id = %s ORDER BY id", (job_id,))
        # A job is over once: what came first counts.
        over = next((step for step in steps if step["state"] in OVER), None)
        if over is not None:
            told = load(dict[str, Any], over["body"], of=f"the step {over['state']} of {job_id}")
            result = told if over["state"] == "done" else None
            return Job(job_id, kind, asked, over["state"], result, told.get("why") if result is None else None)
        if holder is None or holder.job_id != job_id:
            return Job(job_id, kind, asked, "failed", why=GONE)
        return Job(job_id, kind, asked, "running" if steps else "queued", progress=self.progress(job_id).read())

    def cancel(self, job_id: str) -> Job:
        """End a job and give it; doing it twice is the same as once. Raises Refused where there is none, or it is over.

        The worker ends by itself, with all that it started; what does not is killed. What a killed one left is removed.
        """
        job = self.job(job_id)
        if job is None:
            raise Refused(Code.NO_SUCH_JOB, f"there is no job {job_id}; run_backtest starts one", value=job_id)
        if job.state not in OVER:
            # Kept first: a worker that has not said its number yet looks here after it did.
            self.add_step(job_id, "cancelled", {"why": "it was cancelled"})
            job = self._found(job_id)
        if job.state != "cancelled":
            message = f"{job_id} is over: {job.state}"
            raise Refused(Code.JOB_IS_OVER, message, value=job.state, would_pass="a job that is queued or running")
        self._end(job_id)
        return job

    def add_step(self, job_id: str, state: State, body: Mapping[str, Any]) -> None:
        """Add a step of a job; a step that was taken is not taken again."""
        row = {"job_id": job_id, "state": state, "body": canonical_json(dict(body))}
        self._session.add("job_step", [row], once=True)

    def take_on(self, job_id: str, pid: int) -> Job | None:
        """Let a process that was handed the claim be a job's worker; None where the job was cancelled before."""
        self.claim.name_worker(job_id, pid)
        job = self._found(job_id)
        if job.state == "cancelled":
            return None
        self.add_step(job_id, "running", {})
        return job

    def progress(self, job_id: str) -> FileProgress:
        """Give where a job tells how far it is."""
        return FileProgress(self._workspace.root / "logs" / "jobs" / f"{job_id}.json")

    def weekly(self, book: str, last: date) -> Job | None:
        """Find the newest job that a book's week asked for, of the weeks up to a session."""
        row = self._session.one(
            "SELECT job_id FROM job WHERE kind = 'weekly_backtest' AND body::json->>'book' = %s"
            " AND body::json->>'last' = %s ORDER BY id DESC LIMIT 1",
            (book, last.isoformat()),
        )
        return None if row is None else self.job(row["job_id"])

    def _found(self, job_id: str) -> Job:
        job = self.job(job_id)
        assert job is not None, "no row is ever removed"
        return job

    def _attempts(self, name: str) -> int:
        rows = self._session.all("SELECT job_id FROM job WHERE job_id LIKE %s", (f"{name}-%",))
        return max((int(row["job_id"].rpartition("-")[2]) for row in rows), default=0)

    def _begin(self, job_id: str, asked: Backtest, kind: Kind) -> Job:
        claim = self.claim.take(job_id)
        if claim is None:
            holder = self.claim.holder()
            name = holder.job_id if holder else "another job"
            raise Refused(
                Code.BUSY,
                f"{name} runs; one job at a time",
                value=name,
                would_pass="after get_job says it is done, or cancel_job",
            )
        try:
            self._sweep()
            self._session.add("job", [{"job_id": job_id, "kind": kind, "body": canonical_json(asked)}])
            self._workers.append(self._launch(job_id, self._workspace, claim=claim))
        finally:
            # The worker has the claim now; without a worker nobody has.
            os.close(claim)
        return Job(job_id, kind, asked, "queued")

    def _end(self, job_id: str) -> None:
        self.claim.signal(job_id, signal.SIGTERM)
        if self.claim.is_free_of(job_id, within=self._grace):
            return
        self.claim.signal(job_id, signal.SIGKILL, is_for_all=True)
        self.claim.is_free_of(job_id, within=GRACE_SECONDS)
        # Only while nobody works: what lies there may be the next one's.
        claim = self.claim.take(job_id)
        if claim is not None:
            self._sweep()
            os.close(claim)
        self.progress(job_id).clear()

    def _sweep(self) -> None:
        from servers.quant.scratch import sweep

        sweep(self._workspace)
