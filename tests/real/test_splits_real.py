"""A real split in a real book: NFLX 7:1 on 2015-07-15, of bars as they were traded, and of the same bars adjusted."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from adapters.postgres.people import PgConfig
from core.domain.bars import BAR_FIELDS, Basis, Fixing, Floats
from core.domain.panel import Panel, Split
from core.domain.posting import Entry
from core.ledger.equity import Curve, extend_curve, rates_of
from core.ledger.positions import holdings_of, open_lots
from tests.integration.workspaces import by_person, change_policy, desk_of, filled, the_time_is, twokey
from tests.real.conftest import Copy
from tests.real.market import fixings_of

AS_OF_SET = "data/eod/us_asof_2015_2017/sp500_members_asof.parquet"
FUNDS = "data/eod/benchmarks/spy_qqq_raw_and_adjusted.csv"
RATES = "data/fx/ecb/eurofxref-hist.zip"
NAMES = ("AAPL", "AMZN", "BAC", "C", "DIS", "GILD", "GOOGL", "JPM", "LLY", "MA", "MSFT", "NFLX", "SPY", "T")
FIRST, BUILT, EX_DATE, LAST = date(2015, 3, 20), date(2015, 7, 6), date(2015, 7, 15), date(2015, 7, 17)
EVE = date(2015, 7, 14)
SEVEN = Decimal(7)


@dataclass(frozen=True)
class World:
    """A workspace whose book went through the split, and its bars."""

    root: Path
    panel: Panel
    fixings: tuple[Fixing, ...]

    def entries(self, venue: Any = "paper") -> list[Entry]:
        """Give the book's journal in effective order."""
        with desk_of(self.root) as desk:
            return list(desk.journal.entries("main", venue))

    def equity(self) -> dict[date, Decimal]:
        """Give the book's worth at each close."""
        rates = rates_of(self.fixings, "GBP", "USD")
        points = extend_curve(Curve(), self.entries(), self.panel, rates=rates).points
        return {point.session: point.equity for point in points}

    def units(self, day: date) -> Decimal:
        """Give the units of NFLX that the book held at the close of a day."""
        held = holdings_of([one for one in self.entries() if one.session <= day], base="GBP").quantities()
        return held.get("NFLX", Decimal(0))


@pytest.fixture(scope="module")
def raw(shared: Path) -> Panel:
    """Give the bars as they were traded, each as it was told last, with the one split of these months."""
    told = pq.read_table(shared / AS_OF_SET, filters=pc.field("symbol").isin(NAMES)).sort_by("snapshot").to_pylist()
    bars = {(str(row["date"]), row["symbol"]): row for row in told if str(row["date"]) <= str(LAST)}
    with (shared / FUNDS).open(encoding="utf-8") as file:
        bars |= {(row["date"], "SPY"): row for row in csv.DictReader(file) if row["symbol"] == "SPY"}
    sessions = sorted({day for day, name in bars if name == "NFLX"})
    columns: dict[str, Floats] = {
        field: np.array([[float(bars[day, name][field]) for name in NAMES] for day in sessions])
        for field in ("open", "high", "low", "close", "volume")
    }
    whole = columns["close"].copy()
    whole[np.array(sessions) < str(EX_DATE), NAMES.index("NFLX")] /= 7
    return Panel(
        sessions=np.array(sessions, dtype="datetime64[D]"),
        instruments=NAMES,
        open=columns["open"],
        high=columns["high"],
        low=columns["low"],
        close=columns["close"],
        volume=columns["volume"],
        adj_close=whole,
        basis=(Basis("raw"),) * len(NAMES),
        provider=("yahoo",) * len(NAMES),
        knowledge="assumed",
        snapshot="",
        splits=(Split(EX_DATE, "NFLX", SEVEN),),
    )


@pytest.fixture(scope="module")
def adjusted(raw: Panel) -> Panel:
    """Give the same bars in the units of after the split; who told it is still told."""
    values, column = raw.values(), raw.column("NFLX")
    before = raw.sessions < np.datetime64(EX_DATE)
    values[:4, before, column] /= 7
    values[BAR_FIELDS.index("volume"), before, column] *= 7
    return replace(raw.with_values(values), basis=(Basis("split-adjusted", LAST),) * len(NAMES))


@pytest.fixture(scope="module")
def fixings(shared: Path) -> tuple[Fixing, ...]:
    """Give the rates of those months."""
    days = fixings_of(shared / RATES)
    return tuple(
        Fixing(day, name, rate)
        for day in sorted(days)
        if FIRST - timedelta(days=7) <= day <= LAST
        for name, rate in days[day].items()
    )


@pytest.fixture(scope="module")
def market(place: Path, fresh: Path, copy: Copy) -> Path:
    """Give a workspace whose universe is these instruments, and whose momentum looks back a quarter."""
    root = copy(fresh, place / "splits")
    path = root / "config" / "universe.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    kept = [row.replace("2016-03-14", str(FIRST)) for row in rows if row.split(",")[0] in NAMES]
    path.write_text("\n".join([head, *kept]) + "\n", encoding="utf-8")
    change_policy(root, ("lookback_sessions: 252", "lookback_sessions: 63"), ("skip_sessions: 21", "skip_sessions: 1"))
    return root


def publish(root: Path, panel: Panel, fixings: tuple[Fixing, ...]) -> None:
    """Publish bars as an ingest does."""
    with desk_of(root) as desk:
        snapshot = desk.clean.publish(panel, fixings, made_of={})
        PgConfig(desk.session("desk")).add_snapshot(snapshot, "{}")
        desk.heads.keep(desk.chain.head())


def walked(root: Path, panel: Panel, fixings: tuple[Fixing, ...]) -> World:
    """Decide every weekday of the two weeks around the split on paper."""
    publish(root, panel, fixings)
    done = twokey(root, "simulate", "--from", str(BUILT), "--to", str(LAST))
    assert done.code == 0, done.err
    assert twokey(root, "settle", "--on", str(LAST + timedelta(days=3))).code == 0
    return World(root, panel, fixings)


@pytest.fixture(scope="module")
def raw_world(market: Path, place: Path, copy: Copy, raw: Panel, fixings: tuple[Fixing, ...]) -> World:
    """Give the book that went through the split on bars as they were traded."""
    return walked(copy(market, place / "splits-raw"), raw, fixings)


@pytest.fixture(scope="module")
def adjusted_world(market: Path, place: Path, copy: Copy, adjusted: Panel, fixings: tuple[Fixing, ...]) -> World:
    """Give the book that went through the same weeks on adjusted bars."""
    return walked(copy(market, place / "splits-adjusted"), adjusted, fixings)


def test_units_follow_the_split_once_and_the_venue_agrees(raw_world):
    """Seven times the units on the ex-date, at the cost of before; every snapshot of the paper venue agrees with the books."""
    entries = raw_world.entries()
    splits = [entry for entry in entries if entry.kind == "SPLIT"]
    before = [entry for entry in entries if entry.session < EX_DATE]

    held = raw_world.units(EVE)
    assert held > 0
    assert [(entry.key, entry.session, entry.evidence.partition(":")[0]) for entry in splits] == [
        ("SPLIT-20150715-NFLX-main-paper", EX_DATE, "venue_report")
    ]
    assert splits[0].postings[0].amount == 6 * held
    cost = {
        name: sum(lot.cost for lot in open_lots(some)[0] if lot.instrument == "NFLX")
        for name, some in (("eve", before), ("split", [*before, *splits]))
    }
    assert cost["eve"] == cost["split"] > 0
    with desk_of(raw_world.root) as desk:
        assert desk.journal.reconciliation("main", "paper").breaks == ()
        compared = desk.session("reader").all("SELECT breaks FROM reconciliation")
    assert {row["breaks"] for row in compared} == {"[]"}


def test_settling_again_splits_nothing_more(raw_world):
    """Once a book, instrument and session."""
    slot = LAST + timedelta(days=3)
    again = twokey(raw_world.root, "settle", "--on", str(slot))

    said = {"slot": str(slot), "as_of": str(LAST), "breaks": [], "entries": 0, "reports": 0, "stamps": ["REHEARSAL"]}
    assert again.facts == said


def test_nothing_is_posted_on_adjusted_bars(adjusted_world):
    """The split is in the bars of every day, though the panel tells of it; the units were those of after it all along."""
    assert [entry for entry in adjusted_world.entries() if entry.kind == "SPLIT"] == []
    assert adjusted_world.units(EVE) == adjusted_world.units(EX_DATE) > 0


def test_equity_is_the_same_on_raw_and_on_adjusted_bars(raw_world, adjusted_world):
    """On every session, the ex-date included, but for what a unit's and a price's last digit are worth."""
    raw, adjusted = raw_world.equity(), adjusted_world.equity()

    assert raw.keys() == adjusted.keys()
    assert {EVE, EX_DATE, LAST} <= raw.keys()
    assert max(abs(raw[day] - adjusted[day]) for day in raw) < Decimal("0.05")
    assert abs(raw_world.units(LAST) - adjusted_world.units(LAST)) < Decimal("0.01")


@pytest.mark.parametrize("world", ["raw_world", "adjusted_world"])
def test_the_returns_and_the_gates_see_one_worth_on_every_day(world, request):
    """The daily curve of `twokey returns`, over the split too, is the one that the drawdown gate looks at."""
    found: World = request.getfixturevalue(world)
    told = twokey(found.root, "returns", "--as-of", str(LAST)).facts
    equity = found.equity()

    curve = {date.fromisoformat(row["date"]): Decimal(row["value"]) for row in told["curve"]}
    assert equity.keys() - curve.keys() == set()
    assert max(abs(curve[day] - equity[day]) for day in equity) <= Decimal("0.01")
    assert told["windows"]["ITD"]["benchmark"] is not None
    held = {
        row["instrument"]: row for row in twokey(found.root, "positions", "--as-of", str(EX_DATE)).facts["positions"]
    }
    assert (Decimal(held["NFLX"]["quantity"]), held["NFLX"]["price_date"]) == (found.units(EX_DATE), str(EX_DATE))


def test_a_broker_splits_without_a_report(market, place, copy, raw, fixings):
    """What a person bought is split by the clean set's word; a fill from before it that is told later is split too."""
    root = copy(market, place / "splits-manual")
    change_policy(root, ("  venue: paper", "  venue: manual"))
    publish(root, raw, fixings)
    on_monday = datetime.combine(BUILT, time(7), UTC)
    with the_time_is(on_monday):
        for name in NAMES:
            twokey(root, "universe", "verify", name, "--by", "ann")
        assert by_person(root, "rollout", "advance", "C", "--by", "ann", "--reason", "ready").code == 0
        paid = ("10000", "--key", "opening", "--by", "ann", "--on", str(BUILT - timedelta(days=3)))
        assert twokey(root, "cash", "deposit", *paid).code == 0
        ticket_id = twokey(root, "run").facts["ticket_id"]
    lines = twokey(root, "ticket", "show", ticket_id).facts["ticket"]["lines"]
    netflix = next(line for line in lines if line["instrument"] == "NFLX")
    hash_ = twokey(root, "ticket", "show", ticket_id).facts["short_hash"]
    others = [f"{line['line']} not executed: closed" for line in lines if line is not netflix]
    whole = filled(netflix)

    def confirm(at: datetime, *answers: str) -> None:
        words = [word for answer in answers for word in ("--line", answer)]
        with the_time_is(at):
            done = twokey(root, "confirm", ticket_id, "--hash", hash_, "--by", "ann", *words)
        assert done.code == 0, done.err

    def settled(day: date) -> int:
        with the_time_is(datetime.combine(day, time(7), UTC)):
            return int(twokey(root, "settle").facts["entries"])

    confirm(on_monday + timedelta(hours=11), *others)
    counts = [settled(EX_DATE), settled(EX_DATE + timedelta(days=1))]
    # Told a week late: it was bought before the split, and nothing was held then by the books.
    confirm(datetime.combine(EX_DATE, time(18), UTC), whole)
    warned = [twokey(root, "positions", "--as-of", str(EX_DATE)).facts["warnings"]]
    counts += [settled(EX_DATE + timedelta(days=1)), settled(LAST), settled(LAST)]

    world = World(root, raw, fixings)
    (split,) = [entry for entry in world.entries("manual") if entry.kind == "SPLIT"]
    assert counts == [0, 0, 1, 0, 0]
    assert (split.session, split.evidence.partition(":")[0]) == (EX_DATE, "clean_snapshot")
    bought = Decimal(netflix["quantity"])
    assert split.postings[0].amount == 6 * bought
    held = holdings_of(world.entries("manual"), base="GBP").quantities()
    assert held == {"NFLX": 7 * bought}
    warned += [twokey(root, name, "--as-of", str(LAST)).facts["warnings"] for name in ("positions", "pnl", "returns")]
    assert "NFLX was split 7 for 1 on 2015-07-15, and book main holds units of before it" in warned[0][0]
    assert warned[1:] == [[], [], []]
