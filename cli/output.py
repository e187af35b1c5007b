"""Output: one JSON object for programs, or words for people."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from adapters.files.progress import PROGRESS_SETTING, FileProgress, Told
from core.canonical import plain


def emit(arguments: argparse.Namespace, facts: dict[str, Any], words: str) -> None:
    """Print the facts as one JSON object if asked for, else the words."""
    print(json.dumps(plain(facts), sort_keys=True, ensure_ascii=False) if arguments.json else words.rstrip("\n"))


def place(arguments: argparse.Namespace) -> str:
    """Give what a printed command must say to reach the same workspace: ` -w PATH` where that was said, else nothing."""
    return f" -w {quote(str(arguments.workspace))}" if arguments.is_placed else ""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay rows out in columns as wide as their widest cell."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


class Progress:
    """A line of progress on a terminal, silent where nobody watches; and a file of it where whoever started us asks."""

    def __init__(self, total: int, what: str) -> None:
        self._total, self._what, self._done = total, what, 0
        self._is_shown = sys.stderr.isatty()
        self._file, self._parent = os.environ.get(PROGRESS_SETTING), os.getppid()

    def step(self, label: str) -> None:
        """Count one more done; ends the process where whoever asked for the file is gone, as nobody wants the rest."""
        self._done += 1
        if self._file:
            self._tell(Path(self._file))
        if self._is_shown:
            width = 30
            filled = width * self._done // max(self._total, 1)
            bar = "#" * filled + "." * (width - filled)
            end = "\n" if self._done == self._total else ""
            # The label before may have been longer: what is left of it is cleared.
            line = f"\r{self._what} [{bar}] {self._done}/{self._total} {label}\x1b[K"
            print(line, end=end, file=sys.stderr, flush=True)

    def _tell(self, path: Path) -> None:
        if os.getppid() != self._parent:
            raise SystemExit(f"{self._what}: whoever started this is gone")
        FileProgress(path).tell(Told(self._done, self._total, self._what))
