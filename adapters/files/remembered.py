"""What an ingest leaves for the next one: a single file under its own hash, which may be deleted at any time."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.files.atomic import write_artefact
from adapters.files.described import announced_of, announced_row
from core.domain.bars import NEVER, Basis, Outline
from core.domain.panel import Dividend, Split
from core.gate import Finding
from core.market_data.clean import Made
from core.market_data.digest import Digest, Heard, Remembered
from core.market_data.paid import Paid
from core.market_data.series import Key, Piece

NAME = "ingest.memory"
ROOT = Path(__file__).resolve().parents[2]
# All that decides what a raw file is read as, and what is made of it: folders, and single files.
PROGRAM = (
    *("core/canonical.py", "core/gate.py", "core/settings.py", "core/settings_fields.py", "core/settings_limits.py"),
    *("core/domain", "core/market_data"),
    *("flows/cleaning.py", "flows/ingest.py", "flows/ports.py", "flows/reading.py"),
    *("adapters/files", "adapters/sources/formats"),
)

_Whole = NDArray[np.int64]
_NEVER_STORED = np.iinfo(np.int32).max
_HEX = 64


class MemoryFile:
    """Keeps what one ingest remembers in a file: a hash of all that follows, a line of JSON, then days as numbers.

    What was kept by another program, for something else, or is damaged, is not given: whoever asked does without.
    """

    def __init__(self, folder: Path) -> None:
        """Keep in a folder, usually `data/cache` of a workspace; it is made when something is first kept."""
        self._path = folder / NAME

    def recall(self, asked: str) -> Remembered | None:
        """Give what was kept last, if it was kept for the same purpose and by the same program."""
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        sha256, rest = content[:_HEX], content[_HEX + 1 :]
        if hashlib.sha256(rest).hexdigest().encode() != sha256:
            return None
        line, _, days = rest.partition(b"\n")
        told = json.loads(line)
        if (told.get("asked"), told.get("program")) != (asked, program()):
            return None
        return _remembered(told, _Taken(days))

    def keep(self, remembered: Remembered) -> None:
        """Keep this, and nothing that was kept before."""
        given = _Given()
        told = {"program": program(), **_told(remembered, given)}
        line = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
        rest = line + b"\n" + given.content()
        try:
            write_artefact(self._path, hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
        except OSError:
            # The clean set is published; what could not be kept costs the next ingest its time.
            return


@cache
def program() -> str:
    """Give what stands for the program that reads and cleans files: its text, and the libraries that it rests on."""
    digest = hashlib.sha256(repr((platform.python_version(), np.__version__, pa.__version__)).encode())
    for place in (ROOT / name for name in PROGRAM):
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


class _Given:
    """Days on their way into a file, a run of them after another."""

    def __init__(self) -> None:
        self._runs: list[_Whole] = []

    def put(self, days: _Whole) -> int:
        """Add a run of days and give how many they are: runs are taken out in the order in which they were put in."""
        self._runs.append(np.where(days == NEVER, _NEVER_STORED, days))
        return len(days)

    def content(self) -> bytes:
        """Give all runs as bytes."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self._runs]).astype("<i4").tobytes()


class _Taken:
    """Days on their way out of a file."""

    def __init__(self, content: bytes) -> None:
        days = np.frombuffer(content, dtype="<i4").astype(np.int64)
        self._days = np.where(days == _NEVER_STORED, NEVER, days)
        self._at = 0

    def take(self, length: int) -> _Whole:
        """Give the next run of days."""
        run = self._days[self._at : self._at + length]
        self._at += length
        return run


class _Dividends(Mapping[int, Sequence[Dividend]]):
    """Dividends by year, each year a text until it is asked for: a day asks for one of them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._read: dict[int, Sequence[Dividend]] = {}

    def __getitem__(self, year: int) -> Sequence[Dividend]:
        if year not in self._read:
            self._read[year] = tuple(Dividend(*parts) for parts in _dated(json.loads(self._texts[str(year)])))
        return self._read[year]

    def __iter__(self) -> Iterator[int]:
        return map(int, self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    @staticmethod
    def texts(dividends: Mapping[int, Sequence[Dividend]]) -> Mapping[str, str]:
        """Give the text of each year: what was read from texts is not written anew."""
        if isinstance(dividends, _Dividends):
            return dividends._texts
        return {
            str(year): json.dumps([(one.session.isoformat(), one.instrument, str(one.amount)) for one in told])
            for year, told in dividends.items()
        }


# --- as JSON ----------------------------------------------------------------------------------------------------------


def _told(one: Remembered, given: _Given) -> dict[str, Any]:
    keys = list(dict.fromkeys(digest.bars.outline.symbols for digest in one.digests.values() if digest.bars))
    at = {symbols: place for place, symbols in enumerate(keys)}
    return {
        "asked": one.asked,
        "snapshot": one.snapshot,
        "heard": {name: _heard_row(heard) for name, heard in one.heard.items()},
        "files": list(one.files.items()),
        "symbols": keys,
        "digests": [_digest_row(one.digests[path], at, given) for path in one.files],
        "panels": [(name, None if made is None else _made_row(made, given)) for name, made in one.panels.items()],
    }


def _remembered(told: Mapping[str, Any], taken: _Taken) -> Remembered:
    symbols = [tuple(names) for names in told["symbols"]]
    digests = [_digest(row, symbols, taken) for row in told["digests"]]
    panels = {name: None if row is None else _made(row, taken) for name, row in told["panels"]}
    return Remembered(
        asked=told["asked"],
        snapshot=told["snapshot"],
        heard={name: _heard(row) for name, row in told["heard"].items()},
        files=dict(told["files"]),
        digests={path: digest for (path, _), digest in zip(told["files"], digests, strict=True)},
        panels=panels,
    )


def _heard_row(one: Heard) -> list[Any]:
    return [one.of, one.depth, one.path, one.looked_at, one.failures, _findings(one.findings)]


def _heard(row: Sequence[Any]) -> Heard:
    of, depth, path, looked_at, failures, findings = row
    return Heard(of, depth, path, tuple(looked_at), tuple(failures), _findings_of(findings))


def _digest_row(one: Digest, at: Mapping[tuple[str, ...], int], given: _Given) -> list[Any]:
    bars = None
    own: frozenset[str] = frozenset()
    if one.bars is not None:
        outline = one.bars.outline
        own = frozenset(outline.symbols)
        runs = [given.put(run) for run in (outline.first, outline.last, outline.days)]
        bars = [one.bars.place, one.bars.provider, _basis_row(one.bars.basis), at[outline.symbols], runs]
    flags = [one.has_actions, one.has_fixings, one.bends]
    ends = [None if day is None else day.isoformat() for day in (one.first, one.last)]
    # Most files name no symbol but those of their bars.
    return [bars, flags, one.rows, sorted(one.symbols - own), ends, list(one.unread)]


def _digest(row: Sequence[Any], symbols: Sequence[tuple[str, ...]], taken: _Taken) -> Digest:
    bars, flags, rows, more, ends, unread = row
    piece, names = None, frozenset(more)
    if bars is not None:
        place, provider, basis, at, runs = bars
        names |= frozenset(symbols[at])
        first, last, days = (taken.take(length) for length in runs)
        piece = Piece(place, provider, _basis(basis), Outline(symbols[at], first, last, days))
    first_day, last_day = (None if day is None else date.fromisoformat(day) for day in ends)
    has_actions, has_fixings, bends = flags
    return Digest(piece, has_actions, has_fixings, bends, rows, names, first_day, last_day, tuple(unread))


def _made_row(made: Made, given: _Given) -> dict[str, Any]:
    keys = list(dict.fromkeys(key for key in made.chosen if key is not None))
    outside = np.array(list(made.outside.items()), dtype=np.int64).reshape(-1, 2)
    return {
        "calendar": given.put(made.calendar),
        "begins": given.put(made.begins),
        "outside": [given.put(outside[:, at]) for at in (0, 1)],
        "ends": [made.first, made.last],
        "keys": [(provider, place, _basis_row(basis)) for provider, place, basis in keys],
        "chosen": [-1 if key is None else keys.index(key) for key in made.chosen],
        "defects": dict(made.defects),
        "dividends": _Dividends.texts(made.paid.dividends),
        "splits": [(one.session.isoformat(), one.instrument, str(one.ratio)) for one in made.paid.splits],
        "elsewhere": made.paid.elsewhere,
        "odd": _findings(made.paid.odd),
        "announced": [announced_row(one) for one in made.paid.announced],
        "unknown": _findings(made.paid.unknown),
    }


def _made(row: Mapping[str, Any], taken: _Taken) -> Made:
    calendar, begins = taken.take(row["calendar"]), taken.take(row["begins"])
    outside = (taken.take(length).tolist() for length in row["outside"])
    keys: list[Key] = [(provider, place, _basis(basis)) for provider, place, basis in row["keys"]]
    return Made(
        calendar=calendar,
        first=row["ends"][0],
        last=row["ends"][1],
        chosen=tuple(None if at < 0 else keys[at] for at in row["chosen"]),
        begins=begins,
        outside=dict(zip(*outside, strict=True)),
        defects=row["defects"],
        paid=Paid(
            dividends=_Dividends(row["dividends"]),
            elsewhere=row["elsewhere"],
            splits=tuple(Split(*parts) for parts in _dated(row["splits"])),
            odd=_findings_of(row["odd"]),
            announced=tuple(announced_of(told) for told in row["announced"]),
            unknown=_findings_of(row["unknown"]),
        ),
    )


def _dated(rows: Iterable[Sequence[str]]) -> Iterator[tuple[date, str, Decimal]]:
    return ((date.fromisoformat(day), name, Decimal(number)) for day, name, number in rows)


def _basis_row(basis: Basis) -> list[str | None]:
    return [basis.kind, None if basis.as_of is None else basis.as_of.isoformat()]


def _basis(row: Sequence[Any]) -> Basis:
    return Basis(row[0], None if row[1] is None else date.fromisoformat(row[1]))


def _findings(findings: Iterable[Finding]) -> list[list[str]]:
    return [[one.check, one.subject, one.message, one.severity] for one in findings]


def _findings_of(rows: Iterable[Sequence[Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(check, subject, message, severity) for check, subject, message, severity in rows)
