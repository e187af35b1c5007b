"""Exporting: the current clean set in another tool's format, in a folder of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Protocol

from core.domain.instrument import EXCHANGE_CALENDAR, InstrumentId
from core.domain.panel import Panel
from core.quant.membership import holdable
from core.quant.qlib_format import Span, member_spans, qlib_files, qlib_names, spans_of
from flows.ports import CleanSet
from flows.setup import BookSetup

README = "README.txt"
NO_BARS = "no bar in these sessions"


class NotExported(ValueError):
    """Nothing was exported; says why."""


class ExportFolder(Protocol):
    """A folder that another tool reads: whole, or not there."""

    def write(self, files: Iterable[tuple[str, bytes]]) -> bool:
        """Make the folder of these files, path and content, and say so; False where it holds just these already.

        Raises NotExported, and changes nothing, where anything else stands in its place.
        """
        ...


@dataclass(frozen=True)
class ExportDoors:
    """What exporting may use: it reads the clean set and makes one folder."""

    clean: CleanSet
    folder: ExportFolder


@dataclass(frozen=True)
class Exported:
    """What an export holds: its clean set and sessions, who is in it, and who was left out with the reason."""

    snapshot: str
    book: str
    first: date
    last: date
    sessions: int
    instruments: tuple[InstrumentId, ...]
    renamed: tuple[tuple[InstrumentId, str], ...]
    left_out: tuple[tuple[InstrumentId, str], ...]
    lists: tuple[tuple[str, int], ...]
    basis: tuple[tuple[str, int], ...]
    knowledge: str
    is_synthetic: bool
    is_new: bool = True


def export_qlib(setup: BookSetup, doors: ExportDoors, first: date | None = None, last: date | None = None) -> Exported:
    """Write the current clean set, from `first` to `last` or whole, in Qlib's format; Qlib's list `all` is who has bars.

    The list `universe` holds the members by date, and `holdable` those of them that the book may learn of and hold. Raises
    NotExported where there are no bars, a name cannot be told to Qlib, or something else stands in the folder's place.
    """
    snapshot = doors.clean.current()
    if snapshot is None:
        raise NotExported("no market data was ingested; run `twokey ingest`")
    panel = doors.clean.panel(snapshot, first=first, last=last)
    has_bars = {span.instrument for span in spans_of(panel)}
    if not has_bars:
        raise NotExported(f"{_asked(first, last)} has no bar; {_covered(doors.clean.panel(snapshot))}")
    lists = _lists(setup, panel, has_bars)
    try:
        names = qlib_names(name for name in panel.instruments if name in has_bars)
    except ValueError as error:
        raise NotExported(str(error)) from error
    exported = _exported(setup, panel, names, lists)
    readme = (README, _readme(exported).encode())
    return replace(exported, is_new=doors.folder.write(chain([readme], qlib_files(panel, lists))))


def _lists(setup: BookSetup, panel: Panel, has_bars: set[InstrumentId]) -> dict[str, tuple[Span, ...]]:
    members = [row for row in setup.universe.instruments if row.id in has_bars]
    may_hold = set(holdable(setup.universe, setup.policy.data.benchmark))
    return {
        "universe": member_spans(members, panel.sessions),
        "holdable": member_spans([row for row in members if row.id in may_hold], panel.sessions),
    }


def _exported(
    setup: BookSetup, panel: Panel, names: Mapping[InstrumentId, str], lists: Mapping[str, tuple[Span, ...]]
) -> Exported:
    days: list[date] = panel.sessions.astype("datetime64[D]").tolist()
    left_out = {name: NO_BARS for name in panel.instruments if name not in names}
    for row in setup.universe.instruments:
        if row.id not in names:
            elsewhere = f"its bars stand on the days of {row.calendar}"
            left_out[row.id] = NO_BARS if row.calendar == EXCHANGE_CALENDAR else elsewhere
    basis = Counter(str(panel.basis[at]) for at, name in enumerate(panel.instruments) if name in names)
    return Exported(
        snapshot=panel.snapshot,
        book=setup.policy.book,
        first=days[0],
        last=days[-1],
        sessions=len(days),
        instruments=tuple(names),
        renamed=tuple((name, told) for name, told in names.items() if told != name),
        left_out=tuple(sorted(left_out.items())),
        lists=tuple((name, len({span.instrument for span in spans})) for name, spans in lists.items()),
        basis=tuple(sorted(basis.items())),
        knowledge=panel.knowledge_words(),
        is_synthetic=panel.is_synthetic,
    )


def _readme(exported: Exported) -> str:
    lines = ["SYNTHETIC: a made market; none of these prices was ever traded at.", ""] if exported.is_synthetic else []
    lines += [
        "A clean set of Twokey in Qlib's binary format (Qlib 0.9.7).",
        "",
        f"clean set    {exported.snapshot}",
        f"sessions     {exported.first} to {exported.last}, {exported.sessions} of {EXCHANGE_CALENDAR}",
        f"instruments  {len(exported.instruments)}",
        "prices       open, high, low, close: total-return (times factor); factor = adjusted close / close",
        "volume       over factor: $volume * $factor is the volume as told, $close / $factor the close as told",
        "change       $close over that of the last bar before, less 1",
        *(f"basis        as told, {basis}: {count} instruments" for basis, count in exported.basis),
        f"knowledge    {exported.knowledge}; as it is known now, restatements included",
        f"lists        of book {exported.book}; all: who has bars, from the first to the last one",
        *(f"             {_list_words(name, count)}" for name, count in exported.lists),
        "missing      NaN; there is no vwap, which daily bars do not tell",
    ]
    lines += [f"renamed      {name} is {told}: Qlib takes {name} for nothing" for name, told in exported.renamed]
    lines += ["", "left out:" if exported.left_out else "nothing was left out"]
    lines += [f"  {name}: {why}" for name, why in exported.left_out]
    return "\n".join(lines) + "\n"


def _list_words(name: str, count: int) -> str:
    who = {"universe": "members of the universe by date", "holdable": "those that the book may learn of and hold"}[name]
    return f"{name}: {who}; {count} instruments" + ("" if count else ", so that there is no such file")


def _asked(first: date | None, last: date | None) -> str:
    if first is None and last is None:
        return "the clean set"
    return " ".join(["the clean set", *([f"from {first}"] if first else []), *([f"to {last}"] if last else [])])


def _covered(panel: Panel) -> str:
    if not len(panel.sessions):
        return "it has no session at all; run `twokey ingest`"
    days: list[date] = panel.sessions[[0, -1]].astype("datetime64[D]").tolist()
    return f"it covers {days[0]} to {days[1]}"
