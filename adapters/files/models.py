"""Models of walk-forwards, a file each, named by the hash of what made them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from adapters.files.atomic import write_artefact

_MARK = "sha256 "


class FileModels:
    """Keeps each text in a file of its own, with the text's SHA-256 in the first line.

    All of it can be made again: whoever wants the room may remove any file, or the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._damaged: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Give the text that was kept under a hash, or None where there is none, or it is not what was kept."""
        path = self._path(key)
        try:
            head, _, content = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        if head != _head(content):
            self._damaged[key] = f"the kept model {path} is damaged: its bytes are not those that were kept"
            return None
        return content.decode()

    def put(self, key: str, text: str) -> None:
        """Keep a text under a hash, in one step."""
        content = text.encode()
        write_artefact(self._path(key), _head(content) + b"\n" + content)

    def damaged(self) -> Sequence[str]:
        """Say which of those asked for so far were found damaged."""
        return tuple(self._damaged.values())

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.txt"


def _head(content: bytes) -> bytes:
    return f"{_MARK}{hashlib.sha256(content).hexdigest()}".encode()
