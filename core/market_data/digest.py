"""Digests: what is left of a raw file without its rows, and what is worth remembering of an ingest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from core.domain.bars import Fixing, FixingTable, Parsed
from core.domain.instrument import CalendarName
from core.gate import Finding
from core.market_data.clean import Made
from core.market_data.series import Piece, piece_of


@dataclass(frozen=True, eq=False)
class Digest:
    """A file without its rows.

    `bars` is its piece of a series, the bars left out. `has_actions` stands for announcements too. `bends` says that the
    file tells what changes the bars of other files, or since when its own were known. `rows`, `symbols` (currencies
    included), `first`, `last` and `unread` are what it comes to in a report.
    """

    bars: Piece | None
    has_actions: bool
    has_fixings: bool
    bends: bool
    rows: int
    symbols: frozenset[str]
    first: date | None
    last: date | None
    unread: tuple[str, ...]


@dataclass(frozen=True)
class Heard:
    """Which file of a name counted, None where none did; `looked_at` are the paths that were read to know it.

    `of` stands for the newest `depth` stored files of the name, which decide it.
    """

    of: str
    depth: int
    path: str | None
    looked_at: tuple[str, ...]
    failures: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class Remembered:
    """What an ingest leaves for the next one, which can do without it: nothing here is not in the raw files.

    `asked` stands for what was cleaned for, `snapshot` is the clean set that came of it. `heard` is by provider and name,
    `digests` by path, of the files that counted, oldest first, `files` what stands for each whole record; `panels` holds
    what the panel of each calendar was made of, None where no part of it can be made anew.
    """

    asked: str
    snapshot: str
    heard: Mapping[str, Heard]
    files: Mapping[str, str]
    digests: Mapping[str, Digest]
    panels: Mapping[CalendarName, Made | None]


def digest_of(parsed: Parsed) -> Digest:
    """Give what is left of a file without its rows."""
    piece, levels = piece_of(parsed), parsed.levels
    symbols = {
        one.symbol for told in (parsed.actions, parsed.factors, parsed.announced, parsed.renames) for one in told
    }
    symbols |= _currencies(parsed.fixings)
    days = [one.session for told in (parsed.actions, parsed.announced) for one in told] + _ends(parsed.fixings)
    # What a file of actions tells ahead stands among its actions already.
    rows = len(parsed.fixings) + len(parsed.actions or parsed.announced) + len(parsed.factors) + len(parsed.renames)
    if piece is not None and piece.bars is not None:
        symbols |= set(piece.outline.symbols)
        days += [date.fromordinal(_EPOCH + int(piece.outline.days[at])) for at in (0, -1)]
        rows += len(piece.bars.session)
    if levels is not None and len(levels.session):
        symbols |= set(levels.symbol.tolist())
        days += [day.astype("datetime64[D]").astype(object) for day in (levels.session.min(), levels.session.max())]
        rows += len(levels.session)
    return Digest(
        bars=None if piece is None else replace(piece, bars=None),
        has_actions=bool(parsed.actions or parsed.announced),
        has_fixings=len(parsed.fixings) > 0,
        bends=bool(parsed.factors or parsed.renames) or (parsed.bars is not None and parsed.bars.known_on is not None),
        rows=rows,
        symbols=frozenset(symbols),
        first=min(days, default=None),
        last=max(days, default=None),
        unread=parsed.unread,
    )


_EPOCH = date(1970, 1, 1).toordinal()


def _currencies(fixings: Sequence[Fixing]) -> set[str]:
    return set(fixings.currency.tolist()) if isinstance(fixings, FixingTable) else {one.currency for one in fixings}


def _ends(fixings: Sequence[Fixing]) -> list[date]:
    if isinstance(fixings, FixingTable):
        return [fixings.day.min().astype(object), fixings.day.max().astype(object)] if len(fixings) else []
    return [fixing.day for fixing in fixings]
