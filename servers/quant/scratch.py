"""Scratch workspaces of jobs: the live one's configuration and clean set, a database of their own, thrown away afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.files.workspace import Workspace
from adapters.postgres.embedded import EmbeddedServer
from adapters.postgres.location import URL_SETTING
from core.canonical import sha256_text

# What would lead a command to the live workspace or its database.
LIVE_SETTINGS = (URL_SETTING, "TWOKEY_WORKSPACE")
REMOVING_SECONDS = 5.0
MANUAL_VENUE = re.compile(r"^([ \t]+venue:[ \t]*)manual\b", re.MULTILINE)


class CommandFailed(RuntimeError):
    """A command that a job ran ended without a result; says with which words."""


@contextmanager
def scratch_of(job_id: str, workspace: Workspace, *, book: str, snapshot: str) -> Iterator[Path]:
    """Lay out a workspace where a book trades on paper; it is gone afterwards, however the work in it ended."""
    root = Path(tempfile.mkdtemp(prefix=f"{_prefix(workspace)}{job_id}-"))
    try:
        # Under root, PostgreSQL runs as another user, who passes through; what is inside stays closed.
        root.chmod(0o711)
        shutil.copytree(workspace.config, root / "config", ignore=shutil.ignore_patterns("keys", "database.txt"))
        _trade_on_paper(Workspace(root).policy_path(book))
        _share_clean_set(workspace.root / "data" / "clean", root / "data" / "clean", snapshot)
        yield root
    finally:
        _remove(root)


def sweep(workspace: Workspace) -> None:
    """Remove what jobs of a workspace left that were killed; to be called by whoever has the claim, or when it is free."""
    for root in Path(tempfile.gettempdir()).glob(f"{_prefix(workspace)}*"):
        if root.is_dir() and not root.is_symlink() and root.stat().st_uid == os.geteuid():
            _remove(root)


def said(*command: str, settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run one command of the command line and give the object that it printed; raises CommandFailed.

    Whatever ends us ends the command: it is of our process group, and what it started ends without its folder.
    """
    around = {name: value for name, value in os.environ.items() if name not in LIVE_SETTINGS} | dict(settings or {})
    arguments = [sys.executable, "-m", "cli.main", *command]
    with subprocess.Popen(
        arguments,
        env=around,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate()
        finally:
            if process.poll() is None:
                process.kill()
    try:
        answer: dict[str, Any] = json.loads(out) if process.returncode == 0 else {}
    except ValueError:
        answer = {}
    if not answer:
        raise CommandFailed(f"twokey {command[0]} ended with {process.returncode}: {err.strip()[-300:]}")
    return answer


def _prefix(workspace: Workspace) -> str:
    return f"twokey-job-{sha256_text(str(workspace.root.resolve()))[:12]}-"


def _remove(root: Path) -> None:
    scratch = Workspace(root)
    try:
        if (scratch.postgres / "data" / "postmaster.pid").exists():
            # Its command was killed. Joined and let go: the last holder stops the server.
            with EmbeddedServer(scratch.postgres, scratch.secrets / "db" / "postgres"):
                pass
    finally:
        # Again where a program of a killed command was still writing: without its folder it ends.
        give_up = time.monotonic() + REMOVING_SECONDS
        while root.exists() and time.monotonic() < give_up:
            shutil.rmtree(root, ignore_errors=True)


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
