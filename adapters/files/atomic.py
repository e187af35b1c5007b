"""Writing that a crash cannot leave half done: a file is there whole, or not at all."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READ_ONLY = 0o444
READ_WRITE = 0o644


def write_artefact(path: Path, content: bytes) -> None:
    """Write a file that can be made again, in one step; a power cut may undo it, and then it is made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, content, mode=READ_WRITE, is_durable=False)


def write_whole(path: Path, content: bytes, *, mode: int = READ_ONLY) -> None:
    """Write a file in one step, replacing what stood there; once this returns, a power cut does not undo it."""
    _make_folder(path.parent)
    _replace(path, content, mode=mode, is_durable=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file alone among all processes; the lock ends with the process that holds it, however that ends."""
    _make_folder(path.parent)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each of which must survive a power cut too."""
    missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        sync_folder(one.parent)


def _replace(path: Path, content: bytes, *, mode: int, is_durable: bool) -> None:
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if is_durable:
                os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        # Gone already where the file took its place.
        Path(name).unlink(missing_ok=True)
