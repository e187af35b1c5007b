"""`twokey universe check` on a workspace: what blocks, what it says, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.workspaces import DAY, Workspaces, twokey

KEEPS_SERVERS = True
ON = ("--on", str(DAY))


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace with bars of every row."""
    return workspaces.copy("universe")


def change(root: Path, old: str, new: str) -> None:
    """Replace a piece of the universe's text, which stands there once."""
    path = root / "config" / "universe.csv"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_shipped_universe_passes_until_verification_is_asked_for(root: Path):
    """On paper nothing blocks; one that was looked up is no longer named, the others are."""
    done = twokey(root, "universe", "check", *ON)
    assert (done.code, done.facts["verdict"], done.facts["instruments"]) == (0, "pass", 102)
    assert len(done.facts["unverified"]) == done.facts["tradable"] == 100

    assert twokey(root, "universe", "verify", "AAPL", "--by", "ann").code == 0
    asked = twokey(root, "universe", "check", *ON, "--within", "30")

    blocking = {one["check"]: one["instruments"] for one in asked.facts["checks"] if one["severity"] == "block"}
    assert (asked.code, asked.facts["verdict"]) == (1, "fail")
    assert len(blocking["verified"]) == 99
    assert "AAPL" not in blocking["verified"]
    assert not blocking["verified_within"]
    assert twokey(root, "universe", "check", *ON, "--within", "-1").code == 2


def test_mistakes_of_the_table_are_all_told_with_their_lines(workspaces: Workspaces):
    """Unknown exchange, currency and type, a name that stands twice, and overlapping periods, in one answer."""
    root = workspaces.copy("mistakes")
    change(root, "AAPL,AAPL.US,AAPL,AAPL,NASDAQ,USD,equity", "AAPL,AAPL.US,AAPL,AAPL,NASDQ,USX,stock")
    change(root, "ABBV,ABBV.US,ABBV,", "ABBV,ABBV.US,AAPL,")
    change(root, "ABT,ABT.US", "ABNB,ABNB.US")

    done = twokey(root, "universe", "check", *ON)

    (columns,) = done.facts["checks"]
    told = "\n".join(columns["instruments"])
    assert (done.code, done.facts["verdict"]) == (1, "fail")
    for words in (
        "config/universe.csv:2: exchange was 'NASDQ'",
        "config/universe.csv:2: currency was 'USX'",
        "config/universe.csv:2: instrument_type was 'stock'",
        "config/universe.csv:3: yahoo_symbol AAPL stands on line 2 already",
        "config/universe.csv:5: yahoo_symbol was 'ABT'; rows of ABNB may differ in",
        "periods of one instrument must not overlap",
    ):
        assert words in told


def test_a_row_without_bars_and_a_missing_benchmark_block(workspaces: Workspaces):
    """A listing that no source holds, and a benchmark whose row has ended."""
    root = workspaces.copy("without")
    change(root, "ABBV,ABBV.US,ABBV,ABBV,", "ZZZ,ZZZ.US,ZZZ,ZZZ,")
    change(
        root,
        "SPY,SPY.US,SPY,SPY,ARCA,USD,etf,no,,2016-03-14,,",
        "SPY,SPY.US,SPY,SPY,ARCA,USD,etf,no,,2016-03-14,2020-01-02,",
    )

    done = twokey(root, "universe", "check", *ON)

    blocking = {
        one["check"]: one["instruments"]
        for one in done.facts["checks"]
        if one["severity"] == "block" and one["instruments"]
    }
    assert (done.code, blocking) == (1, {"benchmarks": ["SPY"], "bars": ["ZZZ"]})
