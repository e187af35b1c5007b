"""Artefacts: the files of a workspace that can be made again from what is stored."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from adapters.files.atomic import locked, write_artefact


class Artefacts:
    """Writes a workspace's files whole; one that says the same already is left as it is."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, text: str) -> None:
        """Write a file by its name below the workspace."""
        path, content = self._root / name, text.encode()
        if not path.exists() or path.read_bytes() != content:
            write_artefact(path, content)

    def alone(self) -> AbstractContextManager[None]:
        """Hold all writing of what is read first: one process at a time."""
        return locked(self._root / "logs" / "portfolio.lock")
