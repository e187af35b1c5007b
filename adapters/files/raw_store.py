"""The raw store: bytes as a source gave them, in read-only files, and an index that only grows."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from adapters.files.atomic import locked, sync_folder, write_whole
from core.canonical import canonical_json
from core.domain.bars import Basis
from flows.ports import RawFile, RawRecord, SourceError

INDEX = "index.jsonl"
LOCK = "index.lock"
MANY = "_many"


class RawFiles:
    """Keeps raw bytes under a folder: `SOURCE/SYMBOL/DAY.EXT`, or `SOURCE/_many/STEM-DAY.EXT` for many symbols.

    Any number of processes may use one folder. A process killed in the middle leaves at most a file that the index does
    not name, or half a line at the index's end, which the next one to store cuts off.
    """

    def __init__(self, folder: Path) -> None:
        """Keep under a folder, usually `data/raw` of a workspace; it is made when the first file is stored."""
        self._folder = folder
        self._lines: list[RawRecord] = []
        self._by_name: dict[tuple[str, str], list[RawRecord]] = {}
        self._read_bytes = 0

    def store(self, file: RawFile, *, at: datetime) -> RawRecord:
        """Store one file and give its record; what was stored last under the name, said again, is stored already.

        Bytes that stand in the store under the name are not written again: when they come back after others did, or in
        another basis, the index gains a line that says so.
        """
        sha256 = hashlib.sha256(file.content).hexdigest()
        with locked(self._folder / LOCK):
            self._heal()
            self._indexed()
            of_name = self._by_name.get((file.provider, file.name), [])
            if of_name and (of_name[-1].sha256, of_name[-1].basis) == (sha256, file.basis):
                return of_name[-1]
            kept = next((one.path for one in of_name if one.sha256 == sha256), None)
            record = _described(file, kept or self._free_path(file, at), at=at, sha256=sha256)
            line = canonical_json(record).encode() + b"\n"
            if kept is None:
                write_whole(self._folder / record.path, file.content)
            self._append(line)
        return record

    def records(self) -> Sequence[RawRecord]:
        """Give the records of all stored files, oldest first; a file that came again stands where it came last."""
        latest: dict[str, RawRecord] = {}
        for record in self._indexed():
            latest.pop(record.path, None)
            latest[record.path] = record
        return list(latest.values())

    def read(self, record: RawRecord) -> bytes:
        """Give a stored file's bytes; raises SourceError if they are no longer those that were stored."""
        try:
            content = (self._folder / record.path).read_bytes()
        except OSError as error:
            raise SourceError(f"{record.path}: stored, but could not be read: {error}") from error
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != record.sha256:
            raise SourceError(f"{record.path}: its SHA-256 was {record.sha256} when it was stored and is {sha256} now")
        return content

    def verify(self, made_of: Mapping[str, str] | None = None) -> list[str]:
        """Read every stored file again and give each difference from the index as a sentence.

        The index itself is held against `made_of`: the SHA-256, by path, of files that are known to have been stored.
        """
        named = {record.path: record.sha256 for record in self.records()}
        gone = [
            f"{path}: the clean set was made of it with SHA-256 {sha256}; {INDEX} "
            + (f"names it with {named[path]}" if path in named else "does not name it")
            for path, sha256 in sorted((made_of or {}).items())
            if named.get(path) != sha256
        ]
        return gone + [difference for record in self.records() for difference in self._difference(record)]

    def index_of(self, lines: int | None = None) -> tuple[int, str]:
        """Give how many whole lines the index has, or the first so many of them, and the SHA-256 of those lines."""
        try:
            whole = (self._folder / INDEX).read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            whole = []
        taken = [line for line in whole if line.endswith(b"\n")][:lines]
        return len(taken), hashlib.sha256(b"".join(taken)).hexdigest()

    def strays(self) -> list[str]:
        """Name the files that the index does not name: a killed process leaves them, or somebody; nobody reads them."""
        named = {record.path for record in self.records()} | {INDEX, LOCK}
        found = (path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file())
        return sorted(set(found) - named)

    def _difference(self, record: RawRecord) -> Iterator[str]:
        try:
            self.read(record)
        except SourceError as error:
            yield str(error)

    def _free_path(self, file: RawFile, at: datetime) -> str:
        """Give a path that no file has: bytes are never overwritten."""
        name = file.name.rpartition("/")[2]
        stem, dot, ending = name.rpartition(".")
        day = at.astimezone(UTC).date().isoformat()
        place = [_part(file.symbol), day] if file.symbol else [MANY, f"{_part(stem if dot else name)}-{day}"]
        start = "/".join((_part(file.provider), *place))
        end = f".{_part(ending)}" if dot else ""
        number = 0
        while (self._folder / (path := f"{start}{f'.{number}' if number else ''}{end}")).exists():
            number += 1
        return path

    def _indexed(self) -> list[RawRecord]:
        """Give the index's whole lines, reading only what was added since the last look."""
        try:
            with (self._folder / INDEX).open("rb") as file:
                file.seek(self._read_bytes)
                added = file.read()
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        before = len(self._lines)
        records = [_record(line, before + at) for at, line in enumerate(whole.splitlines(), start=1)]
        self._lines += records
        for record in records:
            self._by_name.setdefault((record.provider, record.name), []).append(record)
        self._read_bytes += len(whole)
        return self._lines

    def _heal(self) -> None:
        """Cut off half a line that a killed process left at the end of the index."""
        path = self._folder / INDEX
        if not path.exists() or path.stat().st_size == 0:
            return
        with path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
                os.fsync(file.fileno())

    def _append(self, line: bytes) -> None:
        with (self._folder / INDEX).open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._folder)


def _described(file: RawFile, path: str, *, at: datetime, sha256: str) -> RawRecord:
    return RawRecord(
        path=path,
        provider=file.provider,
        format=file.format,
        sha256=sha256,
        size=len(file.content),
        origin=file.origin,
        received_at=at,
        name=file.name,
        symbol=file.symbol,
        basis=file.basis,
    )


def _part(text: str) -> str:
    """Give a text that is safe as one part of a path."""
    safe = re.sub(r"[^A-Za-z0-9._^=-]", "_", text).lstrip(".")
    return safe or "_"


def _record(line: bytes, number: int) -> RawRecord:
    try:
        row: dict[str, Any] = json.loads(line)
        basis = row.pop("basis")
        as_of = basis and basis["as_of"] and date.fromisoformat(basis["as_of"])
        received_at = datetime.fromisoformat(row.pop("received_at"))
        return RawRecord(**row, received_at=received_at, basis=Basis(basis["kind"], as_of) if basis else None)
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(f"{INDEX}:{number}: not a record of the raw store: {error}") from error
