"""The claim on being the job at work: a lock of the kernel, which names the job and its worker's process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.02
# A look at the lock lasts microseconds: whoever is still in the way after these has not been looking.
_LOOKS_MAX = 50


@dataclass(frozen=True)
class Holder:
    """Who has the claim: a job, and the process of its worker once that has said its number."""

    job_id: str
    pid: int | None


class Claim:
    """A lock on being the job at work: handed down to the worker alone, and free however that ends.

    While the lock is held its worker lives, so the number that stands in the file is that process's and no other's.
    """

    def __init__(self, path: Path, *, wait: Callable[[float], object] = time.sleep) -> None:
        """Keep the claim in a file; `wait` lets some seconds pass."""
        self._path, self._wait = path, wait

    def take(self, job_id: str) -> int | None:
        """Take the claim for a job and give its descriptor, or None while another job has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not self._is_locked(descriptor):
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, job_id.encode())
        return descriptor

    def name_worker(self, job_id: str, pid: int) -> None:
        """Write down which process works on the job that has the claim; the worker itself says so."""
        descriptor = os.open(self._path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, f"{job_id} {pid}".encode(), 0)
        finally:
            os.close(descriptor)

    def holder(self) -> Holder | None:
        """Give who has the claim, or None."""
        if not self._path.exists():
            return None
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            job_id, _, pid = os.read(descriptor, 100).decode().partition(" ")
            return Holder(job_id, int(pid) if pid else None)
        finally:
            os.close(descriptor)
        return None

    def signal(self, job_id: str, number: int, *, is_for_all: bool = False) -> None:
        """Send a signal to the worker of a job, or to all processes of its group, if that job has the claim."""
        holder = self.holder()
        if holder is None or holder.job_id != job_id or holder.pid is None:
            return
        try:
            (os.killpg if is_for_all else os.kill)(holder.pid, number)
        except ProcessLookupError:
            # It ended meanwhile, which is what was wanted.
            return

    def is_free_of(self, job_id: str, *, within: float) -> bool:
        """Wait until a job does not have the claim, for so many seconds at most, and say whether it was so."""
        give_up = time.monotonic() + within
        while (holder := self.holder()) is not None and holder.job_id == job_id:
            if time.monotonic() > give_up:
                return False
            self._wait(_POLL_SECONDS)
        return True

    def _is_locked(self, descriptor: int) -> bool:
        """Lock the file, or say that another job has it; who only looks whether one does is waited for."""
        for _ in range(_LOOKS_MAX):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.holder() is not None:
                    return False
                self._wait(_POLL_SECONDS)
            else:
                return True
        return False
