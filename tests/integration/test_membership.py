"""Who was there then: an instrument that leaves the universe is sold, is not bought while away, and may come back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from core.domain.posting import Entry
from core.ledger.positions import holdings_of
from tests.integration.workspaces import BUSY, DAY, Workspaces, desk_of, twokey

KEEPS_SERVERS = True
FEW = (*BUSY, ("positions_max: 15", "positions_max: 10"), ("turnover_max: 0.30", "turnover_max: 1"))
# Slots from a Tuesday on; the instrument is away from the second Monday to the third Friday, both included.
LAST = DAY + timedelta(days=27)
LEFT, BACK = DAY + timedelta(days=6), DAY + timedelta(days=18)


def simulated(root: Path) -> list[Entry]:
    """Decide every slot of four weeks on paper and give the journal."""
    done = twokey(root, "simulate", "--from", str(DAY), "--to", str(LAST))
    assert done.code == 0, done.err
    assert done.facts["kinds"]["NO-TRADE"] == 0
    with desk_of(root) as desk:
        return list(desk.journal.entries("main", "paper"))


def held(entries: list[Entry], name: str, day: date) -> Decimal:
    """Give the units held at the close of a day."""
    return holdings_of([one for one in entries if one.session <= day], base="GBP").quantities().get(name, Decimal(0))


def test_a_backtest_considers_who_was_there_then(workspaces: Workspaces):
    """Held for four weeks where its row counts; with two rows it is sold when it leaves and bought once it is back."""
    always = simulated(workspaces.copy("always", *FEW))
    name = next(
        one.instrument
        for one in always
        if one.kind == "BUY" and one.instrument and all(held(always, one.instrument, day) for day in (LEFT, BACK, LAST))
    )
    root = workspaces.copy("away", *FEW)
    path = root / "config" / "universe.csv"
    (row,) = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(f"{name},")]
    before, after = (
        row.replace("2016-03-14,,", f"{first},{last},")
        for first, last in (("2016-03-14", LEFT - timedelta(days=1)), (BACK, ""))
    )
    assert before != row
    path.write_text(path.read_text(encoding="utf-8").replace(row, f"{after}\n{before}"), encoding="utf-8")

    dated = simulated(root)

    # The slot after the first session without it sells, at that slot's own open; the first one after it is back buys.
    fills = [(one.kind, one.session) for one in dated if one.instrument == name and one.kind in ("BUY", "SELL")]
    assert held(dated, name, LEFT) == held(always, name, LEFT) > 0
    assert [held(dated, name, LEFT + timedelta(days=days)) for days in (1, 4, 11)] == [0, 0, 0]
    assert [session for kind, session in fills if kind == "BUY" and LEFT < session <= BACK] == []
    assert held(dated, name, LAST) > 0
