"""Files that are moved aside within a workspace, each with a word above it that says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from adapters.files.atomic import write_whole
from flows.lost import PAGES

TICKETS = "TICKET-*.*"
TEXTS = (".md", ".json")


class TicketFiles:
    """The files of tickets of a workspace, and the folder that takes what is lost of them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def texts(self) -> dict[str, str]:
        """Give every file of `tickets/` by its name below the workspace, with its text where it has one that can be read."""
        paths = sorted((self._root / "tickets").glob(TICKETS))
        return {
            f"tickets/{path.name}": _text(path) for path in paths if path.suffix in (*TEXTS, *PAGES) and path.is_file()
        }

    def is_copy(self, name: str, of: Sequence[str]) -> bool:
        """Say whether a file says what one of others says."""
        path = self._root / name
        others = [self._root / other for other in of]
        return path.is_file() and any(one.is_file() and one.read_bytes() == path.read_bytes() for one in others)

    def move(self, names: Sequence[str], folder: str, marked: Callable[[str, str], str]) -> tuple[str, ...]:
        """Move files that are there to a folder below the workspace, as `marked` writes their text; gives their names."""
        there = [name for name in names if (self._root / name).is_file()]
        for name in there:
            path = self._root / name
            content = marked(name, _text(path)).encode() if path.suffix in TEXTS else path.read_bytes()
            # There before it is gone here: killed between, it is found again and moved again.
            write_whole(self._root / folder / name, content)
            path.unlink()
        return tuple(there)


def _text(path: Path) -> str:
    """Give a file's text; one that cannot be read has none, and is judged by its name."""
    if path.suffix not in TEXTS:
        return ""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
