"""The quality report on recorded data: what `twokey data quality` prints and writes, and that it agrees with a decision."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from core.canonical import canonical_json
from core.domain.panel import Dividend, Panel
from core.market_data.detect import Vintage, disagreements, restatement_of
from core.market_data.pending import told_on_the_eve
from core.market_data.quality import judge_history
from tests.integration.workspaces import twokey
from tests.real.archives import without, write_archive
from tests.real.conftest import Copy
from tests.real.planting import main_panel
from tests.unit.market_data.making import RAW, panel, rules, universe

pytestmark = [pytest.mark.shared, pytest.mark.slow]

REPAIRED = "data/yahoo/yfinance_repair"
JUMPS = ("unsmoothed_split", "unexplained_jump")
DIVIDENDS = ("factor_jump", "unpaid_dividend")
DAY, AS_OF = date(2024, 6, 12), date(2024, 6, 11)
HEADS = ("Open", "High", "Low", "Close", "Adj Close", "Volume")
BLOCKING = {
    *("benchmark_present", "benchmark_fresh", "benchmark_sound", "coverage", "session_complete", "excluded_share"),
    *("duplicate_dates", "ohlc_consistent", "positive_prices", "impossible_volume"),
}


@pytest.fixture(scope="module")
def broken(place: Path, fresh: Path, copy: Copy, shared: Path) -> Path:
    """Give a workspace whose provider forgot a session of one instrument, and as-of of three others."""
    root = copy(fresh, place / "broken")
    folder = place / "broken-archive"
    paths = write_archive(folder, shared, without(date(2024, 3, 5), "KO"), without(AS_OF, "PEP", "XOM", "CVX"))
    done = twokey(root, "ingest", "--archive", *paths)
    shutil.rmtree(folder)
    assert done.code == 0, done.err
    return root


def test_the_recorded_bars_pass_and_the_report_is_written(recorded):
    """As a slot of the day and as of its session alike: the same JSON, and a page that shows every check."""
    by_day = twokey(recorded, "data", "quality", "--on", DAY.isoformat())
    page = (recorded / "reports/quality-20240611.md").read_text(encoding="utf-8")
    document = (recorded / "reports/quality-20240611.json").read_text(encoding="utf-8")
    by_session = twokey(recorded, "data", "quality", "--as-of", AS_OF.isoformat())

    assert (by_day.code, by_day.facts["verdict"], by_day.facts["messages"]) == (0, "pass", [])
    assert by_day.facts == by_session.facts
    assert (recorded / "reports/quality-20240611.json").read_text(encoding="utf-8") == document
    assert document == canonical_json(json.loads(document))
    assert {one["check"] for one in by_day.facts["checks"] if one["severity"] == "block"} == BLOCKING
    assert page.startswith("# Data quality of main as of 2024-06-11: pass\n")
    assert all(f"| pass | {one['check']} |" in page for one in by_day.facts["checks"])
    assert len(by_day.facts["checks"]) == len(BLOCKING) + 21
    assert by_day.facts["excluded"] == by_day.facts["degraded"] == []


def test_a_day_that_is_no_session_is_refused(recorded):
    """The session before it is named; a day beyond the calendar is refused too."""
    done = twokey(recorded, "data", "quality", "--as-of", "2024-06-15")

    assert done.code == 2
    assert "2024-06-15 is no session of XNYS; the one before it is 2024-06-14" in done.err


def test_the_report_names_what_is_left_out_and_what_is_missing(broken):
    """Exit 1, every blocking message, and the reasons of the instruments left out, on the page too."""
    done = twokey(broken, "data", "quality", "--as-of", AS_OF.isoformat())
    page = (broken / "reports/quality-20240611.md").read_text(encoding="utf-8")

    assert (done.code, done.facts["verdict"]) == (1, "fail")
    assert [message.partition(";")[0] for message in done.facts["messages"]] == [
        "99 of 102 instruments (97.0 %) have a bar of 2024-06-11"
    ]
    assert dict(done.facts["excluded"]) == {
        "CVX": "no bar of 2024-06-11",
        "KO": "missing_sessions: 2024-03-05",
        "PEP": "no bar of 2024-06-11",
        "XOM": "no bar of 2024-06-11",
    }
    assert done.facts["degraded"] == ["KO"]
    assert "| DEGRADE | missing_sessions | 1 in 1 instruments | at most 0 an instrument | degrade |" in page
    assert "| KO | missing_sessions: 2024-03-05 |" in page


def test_a_decision_leaves_out_what_the_report_leaves_out(broken):
    """On the session before, with all bars there, the ticket names KO and buys others."""
    done = twokey(broken, "run", "--on", "2024-06-11")
    ticket = json.loads((broken / "tickets/TICKET-20240611.json").read_text(encoding="utf-8"))["ticket"]

    assert (done.code, ticket["kind"]) == (0, "TRADE")
    (told,) = [note for note in ticket["notes"] if note.startswith("left out")]
    assert told == "left out: 1 sessions have no bar between an instrument's first and last: KO 2024-03-05"
    assert "KO" not in {line["instrument"] for line in ticket["lines"]}


# --- series of Yahoo that others found to be wrong --------------------------------------------------------------------


def marked(path: Path, *checks: str) -> int:
    """Count the bars of one series that some checks mark."""
    with path.open(encoding="utf-8") as file:
        rows = {next(iter(row.values()))[:10]: row for row in csv.DictReader(file)}
    days = [date.fromisoformat(day) for day in sorted(rows)]
    told = [rows[day.isoformat()] for day in days]
    values = np.array([[[float(row[head] or "nan")] for row in told] for head in HEADS])
    paid = tuple(Dividend(day, "X", Decimal(row["Dividends"])) for day, row in zip(days, told, strict=True))
    bars = replace(panel(["X"], days).with_values(values), dividends=paid)
    results = judge_history(bars, universe("X"), rules(), days[-1])
    return sum(one.bars for check in results if check.check in checks for one in check.found)


@pytest.mark.parametrize("name", ["ALPHA-PA", "DEX-AX", "LA-V", "MOB-ST"])
def test_a_recorded_bad_split_is_found(shared, name):
    """Bars that Yahoo multiplied by a split twice, or not at all; there is less to mark once they are repaired."""
    bad, repaired = (shared / REPAIRED / f"{name}-1d-bad-stock-split{end}.csv" for end in ("", "-fixed"))

    assert marked(bad, *JUMPS) > marked(repaired, *JUMPS)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *(("4063-T", 1), ("ABDP-L", 5), ("ADIG-L", 1), ("CLC-L", 1), ("ELCO-L", 5), ("KME-MI", 1)),
        *(("PSH-L", 11), ("RGL-L", 5), ("SCR-TO", 3)),
    ],
)
def test_a_recorded_bad_dividend_is_found(shared, name, count):
    """Told a hundred times too high, not adjusted for, or never paid: each is marked, and nothing once repaired."""
    bad, repaired = (shared / REPAIRED / f"{name}-1d-bad-div{end}.csv" for end in ("", "-fixed"))

    assert (marked(bad, *DIVIDENDS), marked(repaired, *DIVIDENDS)) == (count, 0)


@pytest.mark.parametrize("name", ["NVT-L", "TENT-L", "TEP-PA", "KAP-IL"])
def test_a_small_dividend_that_nobody_paid_is_not_found(shared, name):
    """Of 8 % at most, as much as such a share moves on many days: stated here, so that nobody believes otherwise."""
    assert marked(shared / REPAIRED / f"{name}-1d-bad-div.csv", *DIVIDENDS) == 0


def test_a_recorded_slip_of_units_is_found(shared):
    """SSW in Johannesburg, in cents from 2023-06-01 on: the one bar at which it begins."""
    bad, repaired = (shared / REPAIRED / f"SSW-JO-1d-100x-error{end}.csv" for end in ("", "-fixed"))

    assert (marked(bad, "currency_slip"), marked(repaired, "currency_slip")) == (1, 0)


@pytest.mark.parametrize("name", ["EWG", "IBE-MC", "KMR-L", "TISG-MI"])
def test_sound_dividends_are_let_be(shared, name):
    """Series that look as if they had bad dividends, and have none."""
    assert marked(shared / REPAIRED / f"{name}-1d-no-bad-divs.csv", *DIVIDENDS, *JUMPS, "factor_falls") == 0


# --- what was told on the eve -----------------------------------------------------------------------------------------


def test_bars_told_on_the_eve_tell_of_one_split_in_two_years(shared):
    """Of two years of evenings the bars themselves told of NFLX alone; SBUX and NKE were known only when it was too late."""
    table = pq.read_table(shared / "data/eod/us_asof_2015_2017/sp500_members_asof.parquet")
    table = table.filter(pc.equal(table["snapshot"], table["date"]))
    at_once = {name: table[name].to_pylist() for name in ("symbol", "date", "close", "adj_close")}
    told: dict[tuple[str, date], str] = {}
    for symbol, day, close, adj_close in zip(*at_once.values(), strict=True):
        if abs(adj_close / close - 1) > 0.05:
            evening = replace(panel([symbol], [day]), basis=(RAW,), knowledge="recorded")
            evening = evening.with_values(np.full((6, 1, 1), close))
            evening.adj_close[:] = adj_close
            told |= {(name, day): words for name, words in told_on_the_eve(evening, day).items()}

    assert len(at_once["symbol"]) > 200_000
    assert told == {("NFLX", date(2015, 7, 14)): "split 7:1 at the next session (told on the eve)"}


# --- the main set against other tellings of it ------------------------------------------------------------------------

# Old closes over new ones: splits since 2019, and the spin-offs that Yahoo takes for splits.
_SPLITS = "AAPL 4 AMZN 20 AVGO 10 CMG 50 CSX 3 GOOG 20 GOOGL 20 ISRG 3 MNST 2 NEE 4 NFLX 10 NVDA 40 ORLY 15 SHW 3 WMT 3"
_SPIN_OFFS = "GE 0.2006 IBM 1.046 MMM 1.196 PFE 1.054 T 1.324"
RESTATED = dict(re.findall(r"(\w+) ([\d.]+)", f"{_SPLITS} {_SPIN_OFFS}"))


@pytest.fixture(scope="module")
def main_set(shared: Path) -> Panel:
    """Give the main set."""
    return main_panel(shared)


def told_in(path: Path) -> dict[str, Vintage]:
    """Give the closes of a file by symbol, in the order of their days."""
    table = pq.read_table(path, columns=["symbol", "date", "close"]).sort_by(
        [("symbol", "ascending"), ("date", "ascending")]
    )
    symbols = np.array(table["symbol"].to_pylist())
    days, closes = table["date"].to_numpy().astype("datetime64[D]"), table["close"].to_numpy().astype(np.float64)
    return {name: Vintage(days[symbols == name], closes[symbols == name]) for name in np.unique(symbols).tolist()}


def test_what_a_provider_restated_in_six_years_is_told_with_its_ratio(shared, main_set):
    """Twenty of twenty-five shares, each with its factor; nothing is said of the others."""
    before = told_in(shared / "data/eod/sp500_yahoo_2019vintage/overlap_2016_2019.parquet")
    found = {
        name: restatement_of(one, Vintage(main_set.sessions, main_set.close[:, main_set.column(name)]))
        for name, one in before.items()
    }

    told = {name: str(one).split()[2].removeprefix("x") for name, one in found.items() if one is not None}
    assert told == RESTATED
    assert str(found["NVDA"]) == "restated by x40 from 2016-03-14 to 2019-11-29 (937 sessions)"
    assert "(934 sessions)" in str(found["ORLY"])


def test_two_providers_agree_on_sixty_thousand_closes(shared, main_set):
    """IBKR rounds split-adjusted prices to a cent, which the limit of the policy leaves room for."""
    compared = 0
    for name, theirs in told_in(shared / "data/eod/benchmarks/us_daily_ibkr.parquet").items():
        column = main_set.column(name)
        if column is not None:
            _, ours_at, theirs_at = np.intersect1d(main_set.sessions, theirs.sessions, return_indices=True)
            ours = main_set.close[ours_at, column]
            limit = float(rules().disagreement_bps_max) / 1e4
            assert not disagreements(ours, theirs.close[theirs_at], limit=limit).any()
            compared += len(ours)

    assert compared == 59_539
