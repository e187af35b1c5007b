"""How far a piece of work came, in a small file: no fact, only something to look at while it lasts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from adapters.files.atomic import write_artefact

# Set in the environment of a command that is a part of some work: the file in which it tells how far it is.
PROGRESS_SETTING = "TWOKEY_PROGRESS"


@dataclass(frozen=True)
class Told:
    """So many done of so many, and of what."""

    done: int
    of: int
    what: str


class FileProgress:
    """Tells progress in one file, replaced in one step; nobody relies on its being there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def tell(self, told: Told) -> None:
        """Write how far it is."""
        write_artefact(self.path, json.dumps(vars(told)).encode())

    def read(self) -> Told | None:
        """Give how far it is, or None where nothing readable was told."""
        try:
            told = json.loads(self.path.read_bytes())
            return Told(int(told["done"]), int(told["of"]), str(told["what"])[:40])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def clear(self) -> None:
        """Remove the file, when the work is over."""
        self.path.unlink(missing_ok=True)
