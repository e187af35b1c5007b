"""Retellings: what a provider's later answer about a symbol changed of the answer before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from core.domain.bars import Bars, Days
from core.market_data.detect import Vintage, restatement_of

# A download may begin later than the one before: the window of years moves with the day, and over weekends.
_WINDOW_DAYS = 10


@dataclass(frozen=True)
class Retelling:
    """What changed: in words, each a sentence, and whether so much is gone that the answer before must count."""

    words: tuple[str, ...]
    is_stub: bool


def retelling_of(before: Bars, now: Bars, *, gone_max: float) -> Retelling:
    """Compare two answers about one symbol, both in one basis; closes are positive or NaN in what is compared.

    More than the share `gone_max` of the sessions told before gone is a broken answer, and the one before it counts.
    Sessions are gone where the earlier answer told them, the later one does not, and they lie within the window of days
    that the later one must cover: as long as the earlier one's, ending with the later of the two last sessions.
    """
    early, late = _vintage(before), _vintage(now)
    if not len(early.sessions):
        return Retelling((), is_stub=False)
    gone = _gone(early.sessions, late.sessions)
    is_stub = len(gone) > gone_max * len(early.sessions)
    words: list[str] = []
    if len(gone):
        first, last = (gone[at].astype("datetime64[D]").astype(object) for at in (0, -1))
        words.append(f"{len(gone)} of {len(early.sessions)} sessions told before are gone, {first} to {last}")
    restated = restatement_of(early, late)
    if restated is not None and not is_stub:
        words.append(str(restated))
    return Retelling(tuple(words), is_stub)


def _vintage(bars: Bars) -> Vintage:
    sessions, last = np.unique(bars.session.astype("datetime64[D]")[::-1], return_index=True)
    close = bars.close[::-1][last]
    return Vintage(sessions, np.where(close > 0, close, np.nan))


def _gone(early: Days, late: Days) -> Days:
    ends: list[date] = [told[-1].astype(object) for told in (early, late) if len(told)]
    moved = max(ends) - ends[0] + timedelta(days=_WINDOW_DAYS)
    must: Days = early[early >= np.datetime64(early[0].astype(object) + moved, "D")]
    return must[~np.isin(must, late)]
