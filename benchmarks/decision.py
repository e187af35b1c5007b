"""A decision: from stored values to a signed ticket, nothing read and nothing written, on a market of so many instruments.

The clean bars, fixings and facts of the morning go in; every gate, the ranking, the target, the plan, every rule, the
signature, its verification and the ticket's bytes come out, for a book of fifteen positions on a day for rebalancing. Each
round meets a panel object that nobody judged before, as each morning does.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from adapters.keys import FileSigner, FileVerifier, make_key
from benchmarks.timing import ROOT, in_a_process, table, told
from core.calendar import Calendar, as_of, slot_of, window_of
from core.domain.bars import Basis, Fixing
from core.domain.decision import Approval
from core.domain.facts import AuditState, ReconciliationState, Seen, Standing, Worth
from core.domain.frame import Frame
from core.domain.holdings import Holdings, Position
from core.domain.instrument import Instrument, Period, Universe
from core.domain.order import Proposal
from core.domain.panel import Dividend, Panel
from core.domain.scores import ScoreSet
from core.domain.slot import Run, run_id_of
from core.pipeline import all_stages, decide, walk
from core.riskguard.approval import mandate_of, signed_bytes, void_reasons
from core.settings import Policy
from core.settings_text import parse_policy
from core.strategies.registry import strategy_of
from core.ticketing.why import Told
from core.universe_text import universe_hash
from flows.issue import draft

SEED, POSITIONS, CASH = 6, 15, Decimal(30_000)
# The week's first session: a day for rebalancing.
DAY = date(2024, 6, 10)
# How long a decision may take, by the number of instruments: the share of rounds that must keep to it, and seconds.
LIMITS = {100: (0.99, 0.020), 5000: (1.0, 0.250)}
ROUNDS = {100: 300, 5000: 15}
BENCHMARK = "SPY"


def report(*, widths: tuple[int, ...] = tuple(LIMITS)) -> str:
    """Time decisions on markets of several widths, each in a process of its own, and hold them to their limits."""
    told_by = {width: in_a_process("benchmarks.decision", str(width), str(ROUNDS.get(width, 15))) for width in widths}
    rows = [
        (
            f"{width:,}",
            one["rounds"],
            *(told(one["wall"][at]) for at in ("median", "limited")),
            *(told(one["processor"][at]) for at in ("median", "limited")),
            f"{one['share']:.0%} within {told(one['limit'])}" if one["limit"] else "",
            one["lines"],
        )
        for width, one in told_by.items()
    ]
    head = (
        "instruments",
        "rounds",
        "wall, median",
        "wall, most",
        "processor, median",
        "processor, most",
        "limit",
        "lines",
    )
    lines = ["## A decision, from stored values to a signed ticket", "", _words(), "", table(head, rows)]
    for width, one in told_by.items():
        if one["limit"]:
            seconds = one["processor"]["limited"]
            assert seconds <= one["limit"], f"a decision on {width} instruments took {told(seconds)} of processor time"
    return "\n".join(lines)


def _words() -> str:
    return (
        "Nothing is read and nothing written. `most` is the round within which the share under `limit` stayed; the limit is"
        " held against the time of the processor."
    )


class Morning:
    """A made morning: the values that a decision is given, and the doors of its signature."""

    def __init__(self, width: int, folder: Path) -> None:
        """Make the market, the book and the key."""
        self.policy = parse_policy((ROOT / "config" / "policy.yml").read_text(encoding="utf-8"), "policy.yml")
        self.universe, self.calendar = _universe(width), _calendar()
        self.panel = _panel(self.universe, self.calendar, sessions=strategy_of(self.policy).sessions_needed)
        key_id = make_key(folder / "riskguard.pem", folder / "public")
        self.signer, self.verifier = FileSigner(folder / "riskguard.pem"), FileVerifier(folder / "public")
        assert self.signer.key_id == key_id
        self.frame = Frame(_run(self.policy, self.universe, self.calendar), self.policy, self.universe, self.calendar)
        self.standing = self._standing()

    def _standing(self) -> Standing:
        """Hold equal parts of fifteen instruments here and there in the market: some must go, some may stay."""
        run, last = self.frame.run, self.panel.close[-1]
        names = [row.id for row in self.universe.instruments if row.id != BENCHMARK]
        picked = names[:: max(1, len(names) // POSITIONS)][:POSITIONS]
        column = {name: at for at, name in enumerate(self.panel.instruments)}
        units = [(name, Decimal(f"{7500 / float(last[column[name]]):.4f}")) for name in picked]
        positions = tuple(Position(name, quantity) for name, quantity in units)
        return Standing(
            now=run.slot.at,
            audit=AuditState(7, "a" * 64, None),
            halts=(),
            policy_hash=run.policy_hash,
            universe_hash=run.universe_hash,
            unanswered=(),
            reconciliation=ReconciliationState(run.as_of.session, (), has_fills=True),
            holdings=Holdings(positions, CASH, "2:ENTRY-2"),
            capital_fraction=Decimal(1),
        )

    def given(self) -> dict[str, Any]:
        """Give what a walk is given; the panel is another object each time, which nobody judged before."""
        fixed = self.frame.run.as_of.session
        return {
            "frame": self.frame,
            "standing": self.standing,
            "model": None,
            "panel": replace(self.panel),
            "fixings": (Fixing(fixed, "GBP", Decimal("0.85")), Fixing(fixed, "USD", Decimal("1.08"))),
            "worth": Worth(Decimal(120_000), Decimal("-0.01"), fixed),
        }

    def decided(self, given: dict[str, Any]) -> tuple[str, int]:
        """Decide, sign, verify and draft; gives the ticket's hash and the number of its lines."""
        trail = walk(all_stages(), given)
        decision = decide(trail)
        assert decision.kind == "TRADE", f"a {decision.kind} for {decision.reasons} shows nothing"
        proposal: Proposal = trail.values["proposal"]
        mandate = mandate_of(decision, proposal, self.frame.run, ledger_head=proposal.ledger_head)
        approval = Approval(mandate, self.signer.key_id, self.signer.sign(signed_bytes(mandate)).hex())
        wrong = void_reasons(approval, mandate, now=self.standing.now, verify=self.verifier.verify)
        assert not wrong, f"the approval is void: {wrong}"
        seen = Seen(self.standing, given["worth"], trail.values["fx"], "split-adjusted", "recorded", is_synthetic=True)
        told_by = Told(ScoreSet(trail.values["scores"], ()), proposal, decision, seen)
        ticket = draft(told_by, self.frame)
        return ticket.hash, len(ticket.lines)


def _universe(width: int) -> Universe:
    names = sorted([BENCHMARK, *(f"N{at:05d}" for at in range(width - 1))])
    return Universe(tuple(_row(name) for name in names))


def _row(name: str) -> Instrument:
    return Instrument(
        id=name,
        stooq_symbol=f"{name}.US",
        yahoo_symbol=name,
        etoro_search_name=name,
        exchange="NYSE",
        currency="USD",
        kind="etf" if name == BENCHMARK else "equity",
        is_tradable_as_underlying=name != BENCHMARK,
        verified_on=date(2024, 1, 2),
        periods=(Period(date(2007, 1, 1)),),
        sector=f"Sector {hash_of(name) % 11}",
    )


def hash_of(name: str) -> int:
    """Give a number that a name always has."""
    return sum(name.encode())


def _calendar() -> Calendar:
    """Give weekdays, two years and a half of them, with New York's hours in summer."""
    first, last = date(2022, 1, 3), date(2024, 12, 31)
    days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
    sessions = tuple(day for day in days if day.weekday() < 5)
    opens = tuple(datetime.combine(day, clock_time(13, 30), UTC) for day in sessions)
    closes = tuple(datetime.combine(day, clock_time(20), UTC) for day in sessions)
    return Calendar("XNYS", "America/New_York", first, last, sessions, opens, closes)


def _panel(universe: Universe, calendar: Calendar, *, sessions: int) -> Panel:
    """Give walks that no check objects to: a common part and an own part, a volume around the usual one."""
    names = tuple(row.id for row in universe.instruments)
    dice = np.random.Generator(np.random.PCG64(SEED))
    days = [day for day in calendar.sessions if day < DAY][-sessions:]
    shape = (len(days), len(names))
    own = dice.normal(0, 1, shape) * dice.uniform(0.008, 0.02, len(names))
    moved = dice.normal(0.0003, 0.008, len(days))[:, None] + np.clip(own, -0.05, 0.05)
    close = np.exp(np.cumsum(moved, axis=0)) * dice.uniform(20, 300, len(names))
    # As many digits as a source prints: seven.
    close = np.round(close, 4).astype(np.float32).astype(np.float64).round(4)
    opened = np.round(close * np.exp(dice.normal(0, 0.003, shape)), 2)
    dividends, adjusted = _dividends(days, names, close, dice)
    for values in (opened, close, adjusted):
        # One in twenty was listed within the year.
        values[: len(days) // 2, 7::20] = np.nan
    return Panel(
        sessions=np.array(days, dtype="datetime64[D]"),
        instruments=names,
        open=opened,
        high=np.round(np.maximum(opened, close) * 1.004, 2),
        low=np.round(np.minimum(opened, close) * 0.996, 2),
        close=close,
        adj_close=adjusted,
        volume=np.where(np.isnan(close), np.nan, np.floor(np.exp(dice.normal(15, 0.25, shape)))),
        basis=(Basis("split-adjusted", days[-1]),) * len(names),
        provider=("synthetic",) * len(names),
        knowledge="recorded",
        snapshot="s" * 64,
        dividends=dividends,
    )


def _dividends(
    days: list[date], names: tuple[str, ...], close: np.ndarray, dice: np.random.Generator
) -> tuple[tuple[Dividend, ...], np.ndarray]:
    """Give half a per cent a quarter from three in five instruments, and the closes adjusted for it."""
    told, steps = [], np.ones(close.shape)
    for at, name in enumerate(names):
        if at % 5 < 3:
            for row in range(int(dice.integers(len(days) // 2, len(days) // 2 + 60)), len(days), 63):
                amount = round(0.005 * float(close[row - 1, at]), 4)
                told.append(Dividend(days[row], name, Decimal(str(amount))))
                steps[row, at] = 1 - amount / close[row - 1, at]
    after = np.flip(np.cumprod(np.flip(np.vstack([steps[1:], np.ones((1, len(names)))]), axis=0), axis=0), axis=0)
    return tuple(sorted(told)), close * after


def _run(policy: Policy, universe: Universe, calendar: Calendar) -> Run:
    slot = slot_of(policy, DAY)
    return Run(
        run_id=run_id_of(slot, 1),
        slot=slot,
        revision=1,
        as_of=as_of(calendar, slot),
        window=window_of(calendar, policy, DAY),
        is_rehearsal=False,
        policy_hash=policy.hash,
        universe_hash=universe_hash(universe),
        snapshot="s" * 64,
    )


def _times(morning: Morning, rounds: int) -> Iterator[tuple[float, float, int]]:
    """Give wall time, processor time and lines of each round, and hold that every round gives the same ticket."""
    first, _ = morning.decided(morning.given())
    for _ in range(rounds):
        given = morning.given()
        wall, processor = time.perf_counter(), time.process_time()
        digest, lines = morning.decided(given)
        yield time.perf_counter() - wall, time.process_time() - processor, lines
        assert digest == first, "the same values gave another ticket"


def _run_rounds(width: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="twokey-bench-") as folder:
        times = list(_times(Morning(width, Path(folder)), rounds))
    share, limit = LIMITS.get(width, (1.0, None))
    at = min(rounds - 1, round(share * rounds) - 1)
    figures = {}
    for name, column in (("wall", 0), ("processor", 1)):
        ordered = sorted(one[column] for one in times)
        figures[name] = {"median": ordered[rounds // 2], "limited": ordered[at]}
    return {**figures, "rounds": rounds, "share": share, "limit": limit, "lines": times[0][2]}


if __name__ == "__main__":
    print(json.dumps(_run_rounds(int(sys.argv[1]), int(sys.argv[2]))))
