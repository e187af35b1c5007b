"""Audit heads, kept in a file outside the database."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from core.canonical import canonical_json
from core.domain.backup import AcknowledgedLoss
from core.domain.facts import AuditHead, LossHead


class FileHeads:
    """Keeps heads as lines of a file that only grows; a torn last line is passed over.

    After a person acknowledged a loss, the heads kept before it of what was lost stay in the file and count no more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # What was read of the file so far, up to its last whole line: it only grows, and is read for every slot.
        self._read: tuple[str, tuple[AuditHead, ...]] = ("", ())

    def kept(self) -> tuple[AuditHead, ...]:
        """Give every head kept that counts, oldest first; raises StoreError for a file that cannot be read."""
        text = self._text()
        before, heads = self._read if text.startswith(self._read[0]) else ("", ())
        whole = text[: text.rfind("\n") + 1]
        heads += _parsed(whole[len(before) :])
        self._read = (whole, heads)
        return tuple(sorted(_counting(heads + _parsed(text[len(whole) :])), key=_seq))

    def keep(self, head: AuditHead) -> None:
        """Keep a head; one that is not newer than the newest changes nothing.

        A file whose heads cannot be read takes it all the same: it only grows, and the line counts once it can be read.
        """
        from flows.books import StoreError

        with self._alone() as file:
            try:
                before = self.kept()
            except StoreError:
                before = ()
            if not before or head.seq > before[-1].seq:
                self._add(file, head)

    def pin(self, head: AuditHead) -> None:
        """Keep a head even where a newer one is kept; one that is kept already changes nothing."""
        with self._alone() as file:
            if (head.seq, head.hash) not in {(one.seq, one.hash) for one in self.kept()}:
                self._add(file, head)

    def give_up(self, loss: LossHead, said: AcknowledgedLoss) -> None:
        """Keep a person's acknowledgement of a loss, in words too: heads after `loss.after` kept before it count no more."""
        with self._alone() as file:
            if loss not in self.kept():
                self._add(file, {**vars(loss), "said": said})

    def losses(self) -> tuple[AcknowledgedLoss, ...]:
        """Give what persons said of every loss, oldest first, also where the chain that kept it is lost itself."""
        found = (_said(line) for line in self._text().splitlines())
        return tuple(said for said in found if said is not None)

    def _text(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise _store_error(
                f"{self._path} cannot be read as lines of audit heads: {error}; look who changed it, and put a copy of it"
                " that was kept elsewhere in its place"
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[TextIO]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise _store_error(f"{self._path} cannot be written: {error}; audit heads are kept there") from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _add(self, file: TextIO, head: AuditHead | Mapping[str, object]) -> None:
        # A line of its own even after a torn one.
        file.write(f"\n{canonical_json(head)}\n" if self._ends_torn() else f"{canonical_json(head)}\n")
        file.flush()
        os.fsync(file.fileno())

    def _ends_torn(self) -> bool:
        content = self._path.read_bytes()
        return bool(content) and not content.endswith(b"\n")


def _store_error(words: str) -> Exception:
    # Imported here: with it comes half of the program, for which a server would have to be waited for.
    from flows.books import StoreError

    return StoreError(words)


def _seq(head: AuditHead) -> int:
    return head.seq


def _counting(heads: Iterable[AuditHead]) -> list[AuditHead]:
    counting: list[AuditHead] = []
    for head in heads:
        if isinstance(head, LossHead):
            counting = [one for one in counting if one.seq <= head.after]
        counting.append(head)
    return counting


def _parsed(lines: str) -> tuple[AuditHead, ...]:
    heads = (_head(line) for line in lines.splitlines())
    return tuple(head for head in heads if head is not None)


def _head(line: str) -> AuditHead | None:
    try:
        fields = json.loads(line)
        seq, digest = int(fields["seq"]), str(fields["hash"])
        return LossHead(seq, digest, int(fields["after"])) if "after" in fields else AuditHead(seq, digest)
    except (ValueError, KeyError, TypeError):
        return None


def _said(line: str) -> AcknowledgedLoss | None:
    try:
        said = json.loads(line)["said"]
        last = AuditHead(int(said["last"]["seq"]), str(said["last"]["hash"]))
        backup, by, reason = (str(said[name]) for name in ("backup", "by", "reason"))
        return AcknowledgedLoss(backup, last, int(said["lost_to"]), by, reason)
    except (ValueError, KeyError, TypeError):
        # A head alone, a torn line, or a loss of before the words were kept.
        return None
