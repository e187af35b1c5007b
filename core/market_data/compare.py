"""Comparing: where another provider tells the closes of an instrument otherwise than the one whose bars are used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, BasisKind, Days, Floats
from core.domain.panel import Defect, Panel
from core.gate import Finding, note
from core.market_data.detect import MEDIAN_LEAST, disagreements
from core.market_data.reach import Reach
from core.market_data.versions import Told

BPS = 1e-4
_CLOSE, _ADJ_CLOSE = BAR_FIELDS.index("close"), BAR_FIELDS.index("adj_close")


@dataclass(frozen=True, eq=False)
class Telling:
    """One series of a provider; `is_of_one_day` says that all of it was told at once, in the units of one day."""

    name: str
    provider: str
    kind: BasisKind
    rows: Told
    is_of_one_day: bool
    reach: Reach


@dataclass(frozen=True, eq=False)
class Rival:
    """What another provider told of one column of a panel: sessions ascend; `adj_close` is None where it is not of one day.

    An adj_close that is told evening by evening is in the units of each evening, and cannot be compared.
    """

    provider: str
    column: int
    kind: BasisKind
    sessions: Days
    close: Floats
    adj_close: Floats | None


def rivals_of(tellings: Iterable[Telling], panel: Panel) -> list[Rival]:
    """Give what other providers told of a panel's columns: of each provider the series that goes on longest, then the first."""
    best: dict[tuple[int, str], Rival] = {}
    for one in tellings:
        is_other = np.array([provider not in ("", one.provider) for provider in panel.provider])
        rows = one.rows.taken(np.flatnonzero(is_other[one.rows.column]))
        rows = rows.taken(np.argsort(rows.column, kind="stable"))
        columns, starts = np.unique(rows.column, return_index=True)
        for column, of_column in zip(columns.tolist(), np.split(np.arange(len(rows.column)), starts[1:]), strict=False):
            rival, key = _rival(one, rows.taken(of_column), column), (column, one.provider)
            if key not in best or best[key].sessions[-1] < rival.sessions[-1]:
                best[key] = rival
    return [best[key] for key in sorted(best)]


def _rival(telling: Telling, rows: Told, column: int) -> Rival:
    """Give the last word on each session."""
    sessions, last = np.unique(rows.session[::-1], return_index=True)
    values = rows.values[:, ::-1][:, last]
    adj_close = values[_ADJ_CLOSE] if telling.is_of_one_day else None
    return Rival(telling.provider, column, telling.kind, sessions, values[_CLOSE], adj_close)


def compared(panel: Panel, rivals: Iterable[Rival], *, limit_bps: float) -> tuple[tuple[Defect, ...], list[Finding]]:
    """Give a defect `disagreement` for each close that a rival tells otherwise by more than a limit, and what was compared.

    Like is compared with like: closes where both are expressed in the same kind of basis, else the adjusted closes, else
    nothing; and fewer than five sessions in common say nothing of the units. The bars stay: nobody can know which of the
    two is right.
    """
    defects: list[Defect] = []
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for rival in rivals:
        pairs = _pairs(panel, rival)
        found = list(_disagreeing(panel, rival, pairs, limit_bps=limit_bps))
        seen = (int(len(pairs.rows) > 0), len(pairs.rows), len(found))
        counts[rival.provider] = [one + more for one, more in zip(counts[rival.provider], seen, strict=True)]
        defects += found
    findings = [
        note(
            "data",
            "disagreement",
            f"{bars} closes of {names} instruments were compared with {provider}: {apart} disagree",
        )
        for provider, (names, bars, apart) in sorted(counts.items())
    ]
    return tuple(sorted(defects)), findings


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The closes that both tell: their rows in the panel, ours and theirs."""

    rows: NDArray[np.int64]
    ours: Floats
    theirs: Floats


def _pairs(panel: Panel, rival: Rival) -> _Pairs:
    basis = panel.basis[rival.column]
    is_like = basis is not None and basis.kind == rival.kind
    ours = (panel.close if is_like else panel.adj_close)[:, rival.column]
    theirs = rival.close if is_like else rival.adj_close
    if theirs is None:
        theirs = np.full(len(rival.sessions), np.nan)
    _, rows, at = np.intersect1d(panel.sessions, rival.sessions, assume_unique=True, return_indices=True)
    are_told = (ours[rows] > 0) & (theirs[at] > 0)
    if np.sum(are_told) < MEDIAN_LEAST:
        are_told[:] = False
    return _Pairs(rows[are_told], ours[rows[are_told]], theirs[at[are_told]])


def _disagreeing(panel: Panel, rival: Rival, pairs: _Pairs, *, limit_bps: float) -> Iterator[Defect]:
    name, own = panel.instruments[rival.column], panel.provider[rival.column]
    for at in np.flatnonzero(disagreements(pairs.ours, pairs.theirs, limit=limit_bps * BPS)).tolist():
        session = panel.sessions[pairs.rows[at]].astype("datetime64[D]").astype(object)
        words = f"{own} told {pairs.ours[at]:.10g}, {rival.provider} {pairs.theirs[at]:.10g}; around it they agree"
        yield Defect(session, name, "disagreement", words)
