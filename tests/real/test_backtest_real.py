"""The ranker through the recorded market: a hundred of today's names, and the members of each day, twice to the byte."""

from __future__ import annotations

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.integration.workspaces import Done, desk_of, twokey
from tests.real.conftest import Copy

BARS_FROM = date(2016, 3, 14)
HEAD = (
    *(
        "internal_symbol",
        "stooq_symbol",
        "yahoo_symbol",
        "etoro_search_name",
        "exchange",
        "currency",
        "instrument_type",
    ),
    *("tradable_as_underlying", "verified_on", "valid_from", "valid_to", "sector", "notes"),
)
# The defaults of core/quant/parameters.py, every one written out as a policy must.
LEARNING = """
strategy:
  name: ranker
  parameters:
    {features: weekly, objective: regression, window_weeks: 156, weeks_min: 52, embargo_weeks: 1, retrain_weeks: 1,
     validation_share: 0.2, trees_max: 300, stop_after_trees: 30, learning_rate: 0.05, leaves_max: 8, depth_max: 3,
     leaf_rows_min: 400, l2: 400, feature_share: 0.5, seed: 7, age_sessions_max: 10, drift_max: 0.25, hold_rank_multiple: 2}
"""


def learns(root: Path) -> None:
    """Let the book's strategy be the ranker, with the defaults."""
    path = root / "config" / "policy.yml"
    text = path.read_text(encoding="utf-8")
    start, stop = text.index("\nstrategy:\n"), text.index("# --- how much of the capital may be used")
    path.write_text(text[:start] + LEARNING + "\n" + text[stop:], encoding="utf-8")


def members_by_date(shared: Path, path: Path) -> int:
    """Write a universe of the S&P 500's members by date, those without bars too, and give how many names have bars."""
    folder = shared / "data" / "universe" / "sp500"
    periods: dict[str, list[tuple[date, date | None]]] = {}
    for row in _rows(folder / "sp500_ticker_start_end.csv"):
        last = date.fromisoformat(row["end_date"]) if row["end_date"] else None
        if last is None or last >= BARS_FROM:
            first = max(date.fromisoformat(row["start_date"]), BARS_FROM)
            periods.setdefault(row["ticker"].replace(".", "-"), []).append((first, last))
    for row in _rows(folder / "sp500_changes_since_2019.csv"):
        if (day := date.fromisoformat(row["date"])) > date(2025, 7, 9):
            _change(periods, day, row)
    sectors = {row["Symbol"].replace(".", "-"): row["GICS Sector"] for row in _rows(folder / "constituents.csv")}
    spy = next(row for row in _rows(path) if row["internal_symbol"] == "SPY")
    rows = [list(spy.values())]
    for name, spans in periods.items():
        for at, (first, last) in enumerate(sorted(spans)):
            if at and (before := sorted(spans)[at - 1][1]) is not None and first <= before:
                continue
            note = "" if name in sectors else "sector unknown"
            named = [name, f"{name}.US", name, name, "NYSE", "USD", "equity", "yes", ""]
            rows.append([*named, str(first), str(last or ""), sectors.get(name, "Industrials"), note])
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *sorted(rows)])
    years = (pq.read_table(one, columns=["symbol"])["symbol"] for one in (shared / "data/eod/sp500_yahoo").glob("p*"))
    return len({str(name) for year in years for name in year.unique().to_pylist()} & periods.keys())


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _change(periods: dict[str, list[tuple[date, date | None]]], day: date, row: dict[str, str]) -> None:
    for name in filter(None, row["add"].replace(".", "-").split(",")):
        if name not in periods or periods[name][-1][1] is not None:
            periods.setdefault(name, []).append((day, None))
    for name in filter(None, row["remove"].replace(".", "-").split(",")):
        if name in periods and periods[name][-1][1] is None:
            periods[name][-1] = (periods[name][-1][0], day - timedelta(days=1))


def backtested(root: Path, first: str, *more: str) -> tuple[Done, bytes, bytes]:
    """Run a backtest to the end of the bars and give its answer, page and Markdown."""
    done = twokey(root, "backtest", "--from", first, *more)
    assert done.code == 0, done.err
    page, text = (root / "reports" / f"backtest_latest.{kind}" for kind in ("html", "md"))
    return done, page.read_bytes(), text.read_bytes()


@pytest.fixture(scope="module")
def hundred(place: Path, recorded: Path, copy: Copy) -> Path:
    """Give a workspace of the shipped universe whose book learns."""
    root = copy(recorded, place / "hundred")
    learns(root)
    return root


@pytest.fixture(scope="module")
def members(place: Path, fresh: Path, copy: Copy, shared: Path) -> Path:
    """Give a workspace of the members of each day whose book learns."""
    root = copy(fresh, place / "members")
    assert members_by_date(shared, root / "config" / "universe.csv") == 441
    learns(root)
    names = ("eod/sp500_yahoo", "fx/ecb/eurofxref-hist.zip")
    done = twokey(root, "ingest", "--archive", *(str(shared / "data" / name) for name in names))
    assert done.code == 0, done.err
    return root


@pytest.mark.slow
def test_the_last_weeks_are_the_same_again(hundred):
    """Page and Markdown to the byte, of real bars."""
    first = backtested(hundred, "2025-12-08", "--seeds", "40")
    again = backtested(hundred, "2025-12-08", "--seeds", "40")

    assert first[1:] == again[1:]
    assert not first[0].facts["is_synthetic"]


@pytest.mark.slow
def test_the_benchmark_is_told_in_total_returns(place, recorded, copy):
    """Bought and held in pounds: what dividends after tax and the dollar's rate make of it, less little for cost."""
    root = copy(recorded, place / "held")
    done, _, _ = backtested(root, "2024-01-02", "--seeds", "40")
    with desk_of(root) as desk:
        snapshot = desk.clean.current() or ""
        panel, fixings = desk.clean.panel(snapshot), desk.clean.fixings(snapshot)
    ends = [int(np.searchsorted(panel.sessions, np.datetime64(done.facts["first"]))), -1]
    total = panel.adj_close[ends, panel.instruments.index("SPY")]
    dollars = []
    for session in panel.sessions[ends].astype(object):
        told = {one.currency: float(one.per_eur) for one in fixings if one.day <= session}
        dollars.append(told["USD"] / told["GBP"])

    wanted = total[1] / total[0] * dollars[0] / dollars[1] - 1

    held = next(track for track in done.facts["tracks"] if track["name"] == "SPY")
    # What is lost: the costs of purchase, tax on dividends, and the weeks that the turnover limit spreads the purchase over.
    assert float(held["whole"]) == pytest.approx(wanted - 0.02, abs=0.015)


@pytest.mark.soak
@pytest.mark.parametrize("name", ["hundred", "members"])
def test_seven_years_are_the_same_again(name, request, capsys):
    """Walk-forward from 2019: 365 models, a thousand random ranks, and the page twice to the byte; nothing knows the future."""
    root = request.getfixturevalue(name)
    first = backtested(root, "2019-01-01")
    again = backtested(root, "2019-01-01")

    assert first[1:] == again[1:]
    checked = twokey(root, "backtest", "--from", "2019-01-01", "--check-lookahead")
    assert (checked.code, checked.facts["leaks"]) == (0, [])
    assert len(list((root / "data" / "models").rglob("*.txt"))) == 365
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {first[0].facts['verdict']}\n")
        for track in first[0].facts["tracks"]:
            sys.stdout.write(f"{track['name']}: whole {track['whole']}, Sharpe {track['sharpe']}\n")
