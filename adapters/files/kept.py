"""Kept: what of a clean set stays where the next one renews some of its years."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from adapters.files.bar_parts import PartFiles, part_of
from adapters.files.described import Described
from flows.ports import SourceError

# Stands where nobody noted what a file's bytes come to: no file comes to it.
NO_SUM = -1
# How many files are read side by side.
_READERS = 2


@dataclass(frozen=True)
class Kept:
    """A set of which some years are renewed, and the others stay."""

    described: Described
    renewed: frozenset[int]

    def with_rows(self, kind: str, rows: Sequence[Any]) -> list[Any]:
        """Give the rows of a kind that stay and those of the renewed years, in the order of their days."""
        told, day = list(self.described.told[kind]), itemgetter("session" if kind == "defects" else 0)
        for year in sorted(self.renewed):
            start, stop = (bisect_left(told, end, key=day) for end in (f"{year:04}", f"{year + 1:04}"))
            told[start:stop] = [row for row in rows if int(day(row)[:4]) == year]
        return told

    def with_years(self, name: str, rows: Sequence[Any]) -> list[Any]:
        """Give what stands in a list of a row a year (parts, tables) with the renewed years in their places."""
        told = self.described.told
        old = [(_year(part), row) for part, row in zip(told["parts"], told[name], strict=True)]
        return [row for year, row in old if year not in self.renewed] + list(rows)

    def sums(self) -> dict[str, int]:
        """Give what tells of each file that stays whether its bytes are those that were written, by path."""
        known = self.described.told.get("sums", {})
        return {row["path"]: known.get(row["path"], NO_SUM) for row in self._stay()}

    def check(self, files: PartFiles) -> None:
        """Raise SourceError unless all files that stay are whole."""
        stay = [part_of(row) for row in self._stay()]
        sums = self.sums()
        with ThreadPoolExecutor(_READERS) as pool:
            found = pool.map(files.sum_of, stay)
            wrong = [part.path for part, told in zip(stay, found, strict=True) if told != sums[part.path]]
        if wrong:
            raise SourceError(f"{', '.join(wrong)}: not there as they were written")

    def _stay(self) -> list[dict[str, Any]]:
        told = self.described.told
        pairs = zip(told["parts"], told["tables"], strict=True)
        return [row for pair in pairs if _year(pair[0]) not in self.renewed for row in pair]


def _year(part: dict[str, Any]) -> int:
    return int(part["sessions"][0][:4])
