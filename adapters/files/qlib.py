"""A folder of files for another tool: it appears whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adapters.files.atomic import sync_folder
from flows.export import NotExported

_SYNCED_AT_ONCE = 8


class QlibFolder:
    """A folder in Qlib's format: made beside its place under a hidden name, and moved there in one step.

    A process that is killed leaves the hidden folder, `.writing-...`, and nothing in the place itself.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder, which must not be there yet, or be empty."""
        self._folder = folder

    def write(self, files: Iterable[tuple[str, bytes]]) -> bool:
        """Make the folder of these files; False where it holds just these already.

        Raises NotExported, and changes nothing, where anything else stands in its place.
        """
        folder = self._folder
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise NotExported(f"{folder} is no folder; name one that is not there yet")
        if folder.is_dir() and any(folder.iterdir()):
            self._compare(files)
            return False
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
        try:
            _fill(made, files)
            made.chmod(0o755)
            self._move(made)
        finally:
            # Gone already where it took its place.
            shutil.rmtree(made, ignore_errors=True)
        sync_folder(folder.parent)
        return True

    def _compare(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Hold that the folder holds these files and no other; raises NotExported."""
        left = {
            path.relative_to(self._folder).as_posix(): path for path in self._folder.rglob("*") if not path.is_dir()
        }
        for name, content in files:
            path = left.pop(name, None)
            if path is None or not path.is_file() or path.read_bytes() != content:
                raise self._taken()
        if left:
            raise self._taken()

    def _move(self, made: Path) -> None:
        """Give a finished folder its name, which the system refuses where anything but an empty folder has it by now."""
        try:
            made.rename(self._folder)
        except OSError as error:
            if not os.path.lexists(self._folder):
                raise
            raise self._taken() from error

    def _taken(self) -> NotExported:
        words = f"{self._folder} holds something else already, and nothing is written over"
        return NotExported(f"{words}; name a folder that is not there yet, or take that one away")


def _fill(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files, and the folders that they stand in, so that a power cut does not undo them."""
    folders, written = {folder}, []
    for name, content in files:
        path = folder / name
        if path.parent not in folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            folders |= {folder / parent for parent in Path(name).parents}
        with path.open("xb") as file:
            file.write(content)
        written.append(path)
    # One after the other they take four times as long: each would wait for a turn of the disk of its own.
    with ThreadPoolExecutor(_SYNCED_AT_ONCE) as pool:
        list(pool.map(sync_folder, (*written, *folders)))
