"""Momentum: the return over twelve months without the last one (12-1)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from core.domain.instrument import InstrumentId
from core.domain.panel import Panel


@dataclass(frozen=True)
class MomentumParameters:
    """How far back the return begins, how many last sessions it leaves out, and how long a holding is kept."""

    lookback_sessions: int
    skip_sessions: int
    hold_rank_multiple: int

    def __post_init__(self) -> None:
        """Hold that the return spans at least one session."""
        if not 0 <= self.skip_sessions < self.lookback_sessions:
            raise ValueError(
                f"skip_sessions was {self.skip_sessions}; it must be from 0 to below lookback_sessions"
                f" ({self.lookback_sessions})"
            )
        if self.hold_rank_multiple < 1:
            raise ValueError(f"hold_rank_multiple was {self.hold_rank_multiple}; it must be 1 or more")


def momentum(
    panel: Panel, instruments: tuple[InstrumentId, ...], parameters: MomentumParameters
) -> dict[InstrumentId, float]:
    """Give `adj_close[t - skip] / adj_close[t - lookback] - 1` per instrument, t being the panel's last session.

    Total-return closes. NaN where either bar is absent or the panel is shorter than lookback + 1 sessions.
    Source: Jegadeesh and Titman (1993), Journal of Finance 48, p. 65; the skipped month after Asness (1994).
    """
    length = len(panel.sessions)
    if length <= parameters.lookback_sessions:
        return dict.fromkeys(instruments, float("nan"))
    recent = panel.adj_close[length - 1 - parameters.skip_sessions]
    past = panel.adj_close[length - 1 - parameters.lookback_sessions]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = recent / past - 1.0
    columns = {name: at for at, name in enumerate(panel.instruments)}
    return {name: float(change[columns[name]]) if name in columns else float("nan") for name in instruments}


def parameters_from(settings: dict[str, int | Decimal | str]) -> MomentumParameters:
    """Read the parameters from the policy; raises ValueError naming what is unknown, missing or not a whole number."""
    known = ("lookback_sessions", "skip_sessions", "hold_rank_multiple")
    unknown, missing = sorted(settings.keys() - set(known)), sorted(set(known) - settings.keys())
    if unknown or missing:
        raise ValueError(f"strategy momentum: unknown parameters {unknown}, missing {missing}; it takes {list(known)}")
    numbers = {name: settings[name] for name in known}
    wrong = {name: value for name, value in numbers.items() if not isinstance(value, int)}
    if wrong:
        raise ValueError(f"strategy momentum: {wrong} must be whole numbers")
    return MomentumParameters(**{name: int(value) for name, value in numbers.items()})
