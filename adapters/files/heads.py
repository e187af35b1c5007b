"""Audit heads, kept in a file outside the database."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from core.canonical import canonical_json
from core.domain.facts import AuditHead


class FileHeads:
    """Keeps heads as lines of a file that only grows; a torn last line is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # What was read of the file so far, up to its last whole line: it only grows, and is read for every slot.
        self._read: tuple[str, tuple[AuditHead, ...]] = ("", ())

    def kept(self) -> tuple[AuditHead, ...]:
        """Give every head kept, oldest first."""
        if not self._path.exists():
            return ()
        text = self._path.read_text(encoding="utf-8")
        before, heads = self._read if text.startswith(self._read[0]) else ("", ())
        whole = text[: text.rfind("\n") + 1]
        heads += _parsed(whole[len(before) :])
        self._read = (whole, heads)
        return tuple(sorted(heads + _parsed(text[len(whole) :]), key=_seq))

    def keep(self, head: AuditHead) -> None:
        """Keep a head; one that is not newer than the newest changes nothing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = self.kept()
            if before and head.seq <= before[-1].seq:
                return
            # A line of its own even after a torn one.
            file.write(f"\n{canonical_json(head)}\n" if self._ends_torn() else f"{canonical_json(head)}\n")
            file.flush()
            os.fsync(file.fileno())

    def _ends_torn(self) -> bool:
        content = self._path.read_bytes()
        return bool(content) and not content.endswith(b"\n")


def _seq(head: AuditHead) -> int:
    return head.seq


def _parsed(lines: str) -> tuple[AuditHead, ...]:
    heads = (_head(line) for line in lines.splitlines())
    return tuple(head for head in heads if head is not None)


def _head(line: str) -> AuditHead | None:
    try:
        fields = json.loads(line)
        return AuditHead(int(fields["seq"]), str(fields["hash"]))
    except (ValueError, KeyError, TypeError):
        return None
