"""The panel: clean bars of a universe as wide arrays, rows sessions, columns instruments."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

import numpy as np

from core.domain.bars import BAR_FIELDS, Basis, Days, Floats
from core.domain.instrument import InstrumentId

Knowledge = Literal["recorded", "assumed"]


@dataclass(frozen=True, order=True)
class Defect:
    """Something wrong that cleaning met: the check, the instrument, the session and the words."""

    session: date
    instrument: InstrumentId
    check: str
    detail: str


@dataclass(frozen=True, order=True)
class Dividend:
    """A cash dividend a unit on its ex-date, in the instrument's currency and the panel's units."""

    session: date
    instrument: InstrumentId
    amount: Decimal


@dataclass(frozen=True, order=True)
class Split:
    """A split on its ex-date: how many units one unit becomes, in a column of raw prices."""

    session: date
    instrument: InstrumentId
    ratio: Decimal


@dataclass(frozen=True, eq=False)
class Panel:
    """Clean bars: arrays of shape (sessions, instruments), NaN where there is no bar.

    `sessions` is strictly ascending, `instruments` is in the order of the ids, `basis` says what the prices of each
    instrument are expressed in. `adj_close` is total-return; `close` is in the basis. `snapshot` is the hash of the
    clean set that it came from. Defects, dividends and splits are in the order (session, instrument). `known_at` holds, a
    session, the UTC instant (datetime64[s]) from which its bars count as known; None where nobody said.
    """

    sessions: Days
    instruments: tuple[InstrumentId, ...]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    adj_close: Floats
    volume: Floats
    basis: tuple[Basis | None, ...]
    provider: tuple[str, ...]
    knowledge: Knowledge
    snapshot: str
    defects: tuple[Defect, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    splits: tuple[Split, ...] = ()
    known_at: Days | None = None

    def __post_init__(self) -> None:
        """Hold the shapes and the order."""
        shape = (len(self.sessions), len(self.instruments))
        wrong = [name for name in BAR_FIELDS if getattr(self, name).shape != shape]
        if wrong:
            raise ValueError(f"panel columns {wrong} are not of shape {shape}")
        if len(self.sessions) > 1 and not bool(np.all(np.diff(self.sessions).astype(np.int64) > 0)):
            raise ValueError("sessions of a panel must ascend")
        if self.known_at is not None and self.known_at.shape != self.sessions.shape:
            raise ValueError(f"known_at has {len(self.known_at)} instants for {len(self.sessions)} sessions")

    @property
    def is_synthetic(self) -> bool:
        """Say whether any column was made by the synthetic market."""
        return "synthetic" in self.provider

    def column(self, instrument: InstrumentId) -> int | None:
        """Give an instrument's column, or None when the panel does not hold it."""
        return self.instruments.index(instrument) if instrument in self.instruments else None

    def row(self, session: date) -> int | None:
        """Give a session's row, or None when the panel does not hold it."""
        at = int(np.searchsorted(self.sessions, np.datetime64(session, "D")))
        return at if at < len(self.sessions) and self.sessions[at] == np.datetime64(session, "D") else None

    def window(self, last: date, length: int) -> Panel:
        """Give the panel as it ends with `last` (included) and holds at most `length` sessions: nothing later is in it."""
        stop = int(np.searchsorted(self.sessions, np.datetime64(last, "D"), side="right"))
        start = max(0, stop - length)
        first = self.sessions[start].astype(object) if stop > start else last
        fields = {name: getattr(self, name)[start:stop] for name in BAR_FIELDS}
        return replace(
            self,
            sessions=self.sessions[start:stop],
            defects=tuple(defect for defect in self.defects if first <= defect.session <= last),
            dividends=tuple(dividend for dividend in self.dividends if first <= dividend.session <= last),
            splits=tuple(split for split in self.splits if first <= split.session <= last),
            known_at=None if self.known_at is None else self.known_at[start:stop],
            **fields,
        )

    def content_hash(self) -> str:
        """Give the SHA-256 over everything that the panel holds, in a fixed order."""
        digest = hashlib.sha256(repr((self.instruments, self.basis, self.provider, self.knowledge)).encode())
        digest.update(np.ascontiguousarray(self.sessions.astype("datetime64[D]").astype(np.int64)).tobytes())
        for name in BAR_FIELDS:
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        digest.update(repr((self.defects, self.dividends, self.splits)).encode())
        if self.known_at is not None:
            digest.update(np.ascontiguousarray(self.known_at.astype("datetime64[s]").astype(np.int64)).tobytes())
        return digest.hexdigest()
