"""Calendars of their own: coins on every day of the week, currencies from Monday to Friday, volatility with New York."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adapters.files.clean_set import CleanFiles
from tests.integration.workspaces import Done, twokey
from tests.servers.playing import Five

pytestmark = pytest.mark.shared

ROWS = (
    "BTC-USD,BTC.V,BTC-USD,BTC,CRYPTO,USD,crypto,no,,2014-09-17,,,",
    "ETH-USD,ETH.V,ETH-USD,ETH,CRYPTO,USD,crypto,no,,2017-11-09,,,",
    "EURUSD,EURUSD,EURUSD=X,EURUSD,FX,USD,fx,no,,2003-12-01,,,",
    "GBPUSD,GBPUSD,GBPUSD=X,GBPUSD,FX,USD,fx,no,,2003-12-01,,,",
    "VIX,^VIX,^VIX,VIX,CBOE,USD,index,no,,1990-01-02,,,",
)
FOLDERS = ("eod/benchmarks", "crypto", "fx/yahoo_daily", "vol_rates", "fx/ecb")
AS_OF = date(2024, 6, 11)


@dataclass(frozen=True)
class World:
    """A workspace with bars of three calendars, and what the ingest said."""

    root: Path
    done: Done

    @property
    def clean(self) -> CleanFiles:
        """Give its clean sets."""
        return CleanFiles(self.root / "data" / "clean")


@pytest.fixture(scope="module")
def world(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Ingest the folders of the catalogue under a universe that names coins, currencies and an index beside the shares."""
    root = tmp_path_factory.mktemp("calendars") / "workspace"
    assert twokey(root, "init").code == 0
    path = root / "config" / "universe.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if row.startswith(("QQQ,", "SPY,"))]
    path.write_text("\n".join([head, *sorted([*kept, *ROWS])]) + "\n", encoding="utf-8")
    return World(root, twokey(root, "ingest", "--archive", *(str(shared / "data" / name) for name in FOLDERS)))


def test_each_calendar_has_a_panel_of_its_own_days(world):
    """Weekends for coins, Christmas for currencies, neither for New York; nobody is filled forward."""
    assert world.done.code == 0, world.done.err
    clean = world.clean
    snapshot = clean.current() or ""
    coins, pairs, shares = (clean.panel(snapshot, calendar=name) for name in ("24/7", "24/5", "XNYS"))

    assert [panel.instruments for panel in (coins, pairs, shares)] == [
        ("BTC-USD", "ETH-USD"),
        ("EURUSD", "GBPUSD"),
        ("QQQ", "SPY", "VIX"),
    ]
    weekday = [panel.sessions.astype("datetime64[D]").astype(np.int64) for panel in (coins, pairs, shares)]
    assert [set(((days + 3) % 7).tolist()) for days in weekday] == [set(range(7)), set(range(5)), set(range(5))]
    christmas = np.datetime64("2023-12-25")
    assert [bool(np.isin(christmas, panel.sessions)) for panel in (coins, pairs, shares)] == [True, True, False]


def test_the_bars_are_those_of_the_files(world, shared):
    """Every day of the coin's file is there, with its close; weekend rows of a pair are told as on no session."""
    coins = world.clean.panel(world.clean.current() or "", calendar="24/7")
    with (shared / "data/crypto/BTC_USD_daily_to_2025.csv").open(encoding="utf-8") as file:
        head, *lines = list(csv.reader(file))
    told = {
        line[0][:10]: float(line[[name.lower() for name in head].index("close")])
        for line in lines
        if line[0][:2] == "20"
    }
    held = dict(zip(coins.sessions.astype(str).tolist(), coins.close[:, 0].tolist(), strict=True))

    common = told.keys() & held.keys()
    assert len(common) > 4000
    # The day on which another download of the same coin ended, half-formed; that file came later and counts.
    assert [day for day in sorted(common) if abs(held[day] / told[day] - 1) > 1e-6] == ["2022-02-14"]
    assert np.isnan(coins.close[:, 0]).sum() == 0
    pairs = world.clean.panel(world.clean.current() or "", calendar="24/5")
    strays = [defect.session.weekday() for defect in pairs.defects if defect.check == "non_session"]
    assert 6 <= len(strays) <= 8
    assert set(strays) <= {5, 6}


def test_the_report_judges_each_calendar_by_its_own_days(world):
    """Coins miss no day; each part says how old its last bar is; a book's own verdict does not know of them."""
    done = twokey(world.root, "data", "quality", "--as-of", AS_OF.isoformat())

    parts = {part["calendar"]: part for part in done.facts["others"]}
    assert set(parts) == {"24/5", "24/7"}
    checks = {name: {one["check"]: one for one in part["checks"]} for name, part in parts.items()}
    assert checks["24/7"]["missing_sessions"]["has_passed"]
    assert (parts["24/7"]["last"], parts["24/7"]["latest"]) == ("2024-06-10", "2024-06-10")
    page = (world.root / "reports" / f"quality-{AS_OF:%Y%m%d}.md").read_text(encoding="utf-8")
    assert "## The days of 24/7, 2014-09-17 to 2024-06-10" in page


def test_a_tool_shows_a_coin_on_its_own_days(world):
    """Weekends included, cut at the book's as-of, with the calendar's name and how fresh the bars are."""
    asked = {"book": "main", "instruments": ["BTC-USD"], "first": "2024-06-07", "last": "2024-06-30"}
    with Five(world.root, on=date(2024, 6, 12)) as five:
        prices = five("market_data.get_prices", **asked)
        listed = five("market_data.list_universe", book="main", kind="crypto")
        pairs = five("market_data.get_returns", book="main", kind="fx", first="2024-06-10", last="2024-06-11")

    assert [bar["session"] for bar in prices["bars"]] == [f"2024-06-{day:02}" for day in range(7, 12)]
    told = prices["provenance"]
    assert (told["calendar"], told["freshness"]["last_bar"], told["freshness"]["age_sessions"]) == (
        "24/7",
        str(AS_OF),
        0,
    )
    assert {row["instrument"]: row["last_bar"] for row in listed["instruments"]} == {
        "BTC-USD": str(AS_OF),
        "ETH-USD": str(AS_OF),
    }
    assert pairs["provenance"]["calendar"] == "24/5"
    assert len(pairs["returns"]) == 4
