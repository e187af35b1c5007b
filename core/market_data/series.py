"""Series: bars that belong together, and which of them an instrument's bars come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.domain.bars import BAR_FIELDS, Bars, Basis, BasisKind, Days, Outline, Parsed
from core.domain.instrument import Instrument, InstrumentId, Universe
from core.domain.provider import Provider
from core.gate import Finding, note
from core.market_data.compare import Telling
from core.market_data.detect import Vintage, restatement_of
from core.market_data.evening import ASSUMED, Evening
from core.market_data.reach import Reach, columns_of
from core.market_data.versions import Told

# A series: its provider, its place (`place_of`), and the basis that its files were told in.
Key = tuple[Provider, str, Basis]

_CLOSE = BAR_FIELDS.index("close")
_NO_ROWS = np.empty(0, dtype=np.int64)
# A series that ends so much earlier than its provider's newest one has ended: it cannot be decided on.
_ENDED_DAYS = 30
# Units survive a split only in split-adjusted prices; a total-return series cannot be held in units at all.
_KINDS: tuple[BasisKind, ...] = ("split-adjusted", "raw", "total-return")


@dataclass(frozen=True, eq=False)
class Series:
    """Bars that belong together: those of one basis of one collection, or those of one total-return file."""

    key: Key
    basis: Basis
    at: int
    rows: Told
    reach: Reach

    @property
    def provider(self) -> Provider:
        """Say who told it."""
        return self.key[0]

    @property
    def place(self) -> str:
        """Say where it stands."""
        return self.key[1]

    @cached_property
    def is_recorded(self) -> bool:
        """Say whether somebody noted of every row when it was told."""
        return not bool(np.any(self.rows.known == ASSUMED))

    def __str__(self) -> str:
        """Say which it is."""
        return f"{self.place or 'a file'} ({self.basis})"


@dataclass(frozen=True, eq=False)
class Piece:
    """The bars of one file: where they belong, what they come to, and, where they were read, the bars themselves."""

    place: str
    provider: Provider
    basis: Basis
    outline: Outline
    bars: Bars | None = None

    @property
    def key(self) -> Key:
        """Give the series that the file belongs to."""
        return self.provider, self.place, self.basis


def pieces_of(parsed: Sequence[Parsed]) -> list[Piece | None]:
    """Give what each file tells of bars, None where it tells none."""
    return [piece_of(one) for one in parsed]


def piece_of(one: Parsed) -> Piece | None:
    """Give what a file tells of bars, or None."""
    bars = one.bars
    if bars is None or not len(bars.session):
        return None
    return Piece(place_of(one), bars.provider, bars.basis, bars.outline, bars)


def place_of(one: Parsed) -> str:
    """Give where a file's bars and actions belong: its collection, or itself where its bars are total-return."""
    is_whole = one.bars is not None and one.bars.basis.kind == "total-return"
    return one.file if is_whole else one.file.rpartition("/")[0]


def series_of(
    pieces: Sequence[Piece | None], universe: Universe, told_by: Evening, *, only: Days | None = None
) -> list[Series]:
    """Put the universe's bars together by series, in the order in which each series was first told.

    Rows are those of the files that were read, on all days or on some.
    """
    grouped: dict[Key, list[tuple[int, Piece]]] = defaultdict(list)
    for at, piece in enumerate(pieces):
        if piece is not None:
            grouped[piece.key].append((at, piece))
    return [_series(key, parts, universe, told_by=told_by, only=only) for key, parts in grouped.items()]


def _series(
    key: Key, parts: Sequence[tuple[int, Piece]], universe: Universe, *, told_by: Evening, only: Days | None
) -> Series:
    provider, _, basis = key
    columns, reach = columns_in(universe, provider), Reach.of_nothing(len(universe.instruments))
    # Files of a day each name the same symbols.
    column = {symbols: columns_of(symbols, columns) for symbols in {piece.outline.symbols for _, piece in parts}}
    for _, piece in parts:
        reach.add(piece.outline, column[piece.outline.symbols])
    if basis.as_of is None and basis.kind != "raw":
        # Nobody said as of which day the provider adjusted; it cannot have been before the collection's last bar.
        last = np.datetime64(max(int(piece.outline.days[-1]) for _, piece in parts), "D")
        basis = Basis(basis.kind, last.astype(object))
    told = [piece.bars for _, piece in parts if piece.bars is not None]
    rows = _joined_rows([_rows_in(bars, columns, told_by, only=only) for bars in told])
    return Series(key, basis, max(at for at, _ in parts), rows, reach)


def columns_in(universe: Universe, provider: Provider) -> dict[str, int]:
    """Give the column of each symbol of a provider."""
    symbols = ((_symbol(instrument, provider), at) for at, instrument in enumerate(universe.instruments))
    return {symbol: at for symbol, at in symbols if symbol}


def _symbol(instrument: Instrument, provider: Provider) -> str:
    return instrument.stooq_symbol.lower() if provider == "stooq" else instrument.yahoo_symbol


def _rows_in(bars: Bars, columns: Mapping[str, int], told_by: Evening, *, only: Days | None) -> Told:
    symbols, codes = bars.coded
    column = columns_of(symbols, columns)[codes]
    session = bars.session.astype("datetime64[D]")
    keep = column >= 0
    if only is not None:
        keep &= np.isin(session.astype(np.int64), only.astype(np.int64))
    values = np.array([getattr(bars, name)[keep] for name in BAR_FIELDS], dtype=np.float64)
    if bars.known_on is not None:
        known = told_by.seconds(bars.known_on[keep])
    else:
        known = np.full(len(values[0]), ASSUMED, dtype=np.int64)
    return Told(column[keep], session[keep], known, values)


def _joined_rows(parts: Sequence[Told]) -> Told:
    if not parts:
        return Told(_NO_ROWS, _NO_ROWS.astype("datetime64[D]"), _NO_ROWS, np.empty((len(BAR_FIELDS), 0)))
    return Told(
        np.concatenate([part.column for part in parts]),
        np.concatenate([part.session for part in parts]),
        np.concatenate([part.known for part in parts]),
        np.concatenate([part.values for part in parts], axis=1),
    )


def unusable(held: Sequence[Series], chosen: Mapping[int, Series], order: Sequence[str]) -> str | None:
    """Say why no set can be made of the series, or None where one can."""
    if not chosen:
        providers = ", ".join(sorted({one.provider for one in held if one.reach.is_told.any()})) or "nobody"
        return f"no file of {', '.join(order)} holds a bar of the universe; those that do are of {providers}"
    if len({series.provider == "synthetic" for series in chosen.values()}) > 1:
        return "synthetic bars would stand beside real ones; keep them in a workspace of their own"
    return None


def choose(
    held: Sequence[Series], universe: Universe, source_order: Sequence[str]
) -> tuple[dict[int, Series], list[Finding]]:
    """Give the series of each column, and a note wherever its provider had more than one."""
    candidates: dict[int, list[tuple[Series, int]]] = defaultdict(list)
    for one in held:
        # Without an adjusted close there is no bar: such a series can be compared with, and not be used.
        for column in np.flatnonzero(one.reach.last >= 0).tolist() if one.provider in source_order else ():
            candidates[column].append((one, int(one.reach.last[column])))
    chosen: dict[int, Series] = {}
    findings: list[Finding] = []
    for column in sorted(candidates):
        newest = {one.provider: last for one, last in sorted(candidates[column], key=lambda pair: pair[1])}
        ranked = [
            (_preference(one, source_order, has_ended=last < newest[one.provider] - _ENDED_DAYS), one)
            for one, last in candidates[column]
        ]
        best, *others = (one for _, one in sorted(ranked, key=lambda pair: pair[0]))
        chosen[column] = best
        rivals = [str(other) for other in others if other.provider == best.provider]
        if rivals:
            words = f"{best.provider}: {best} is used, and not {', '.join(rivals)}"
            findings.append(note("data", universe.instruments[column].id, words))
        findings += _restated(best, others, column, universe.instruments[column].id)
    return chosen, findings


def _restated(best: Series, others: Sequence[Series], column: int, name: InstrumentId) -> Iterator[Finding]:
    """Say where a provider told the past otherwise in the series that is used than in one told before it."""
    for other in others:
        if (other.provider, other.basis.kind) == (best.provider, best.basis.kind) and other.basis != best.basis:
            restated = restatement_of(_vintage(other, column), _vintage(best, column))
            if restated is not None:
                yield note("data", name, f"{best.provider}: {other}, {restated} in {best}")


def tellings_of(held: Sequence[Series], order: Sequence[str]) -> list[Telling]:
    """Give what each provider of the order told, preferred series first."""
    known = [one for one in held if one.provider in order]
    return [
        Telling(str(one), one.provider, one.basis.kind, one.rows, bool(np.all(one.rows.known == ASSUMED)), one.reach)
        for one in sorted(known, key=lambda one: _preference(one, order, has_ended=False))
    ]


def _vintage(series: Series, column: int) -> Vintage:
    rows = series.rows.taken(series.rows.column == column)
    sessions, last = np.unique(rows.session[::-1], return_index=True)
    return Vintage(sessions, rows.values[_CLOSE][::-1][last])


def _preference(one: Series, source_order: Sequence[str], *, has_ended: bool) -> tuple[int, bool, int, int, int]:
    as_of = one.basis.as_of.toordinal() if one.basis.as_of else 0
    return source_order.index(one.provider), has_ended, _KINDS.index(one.basis.kind), -as_of, -one.at


def rows_of(chosen: Mapping[int, Series]) -> Told:
    """Take from each series the columns that it was chosen for."""
    parts: list[Told] = []
    for series in dict.fromkeys(chosen.values()):
        wanted = [column for column, one in chosen.items() if one is series]
        parts.append(series.rows.taken(np.isin(series.rows.column, wanted)))
    return parts[0] if len(parts) == 1 else _joined_rows(parts)
