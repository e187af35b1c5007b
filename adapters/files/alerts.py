"""Alerts: what a person must look at, one line each in a file that only grows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.canonical import canonical_json


@dataclass(frozen=True)
class Alert:
    """Something that a person must look at: when, of what kind, and in which words."""

    at: datetime
    kind: str
    words: str


class FileAlerts:
    """Keeps alerts as lines of canonical JSON; a torn line is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, alert: Alert) -> None:
        """Add a line in one write, so that lines of two processes do not mix."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            file.write(f"{canonical_json(alert)}\n".encode())

    def since(self, instant: datetime) -> list[Alert]:
        """Give the alerts from an aware instant on, oldest first."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        read = (_alert(line) for line in lines)
        return sorted((one for one in read if one is not None and one.at >= instant), key=lambda one: one.at)


def _alert(line: str) -> Alert | None:
    try:
        told = json.loads(line)
        return Alert(datetime.fromisoformat(told["at"]), str(told["kind"]), str(told["words"]))
    except (ValueError, KeyError, TypeError):
        return None
