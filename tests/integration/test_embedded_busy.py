"""The embedded server on a machine that is too busy to answer in time."""

from __future__ import annotations

import os
import signal
import threading

from tests.integration.workspaces import held


def test_a_server_too_busy_to_answer_is_stopped_all_the_same(workspaces):
    """Held up for longer than anybody waits for an answer: its last holder does not leave it behind."""
    root = workspaces.copy("busy")
    pid_file = root / "pg" / "data" / "postmaster.pid"
    server = held(root)
    server.start()
    postmaster = int(pid_file.read_text().split()[0])

    os.kill(postmaster, signal.SIGSTOP)
    threading.Timer(6, os.kill, (postmaster, signal.SIGCONT)).start()
    server.release()

    assert not pid_file.exists()
