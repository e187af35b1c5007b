"""Stamps: whatever a synthetic market or a rehearsal left says so, in every file and on the screen."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from cli.main import main
from core.domain.scores import Score, Scores
from flows.publish import signals_csv
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, morning, the_time_is, twokey

KEEPS_SERVERS = True
STAMPS = ["SYNTHETIC", "REHEARSAL"]


@pytest.fixture(scope="module")
def decided(workspaces: Workspaces) -> Path:
    """Give a workspace with a rehearsal of one slot on a synthetic market."""
    root = workspaces.copy("stamps", *BUSY)
    assert twokey(root, "run", "--on", str(DAY)).facts["stamps"] == STAMPS
    return root


def test_every_file_of_a_run_says_so(decided):
    """Signals in each row, proposed and approved trades, the manifest, the ticket in both forms."""
    for name in (
        f"trades/proposed_{DAY}.json",
        f"trades/approved_{DAY}.json",
        f"runs/RUN-{DAY:%Y%m%d}-r1/manifest.json",
    ):
        assert json.loads((decided / name).read_text())["stamps"] == STAMPS, name
    for name in (f"signals/{DAY}.csv", "signals/latest.csv"):
        read = pd.read_csv(decided / name)
        assert list(read.columns) == ["instrument", "rank", "score", "contributions", "note", "stamps"]
        assert set(read["stamps"]) == {"SYNTHETIC REHEARSAL"}
    folders = ("signals", "trades", "runs", "tickets")
    for path in (path for folder in folders for path in (decided / folder).rglob("*.*")):
        name, text = path.name, path.read_text()
        assert "SYNTHETIC" in text or '"is_synthetic":true' in text, name
        assert "REHEARSAL" in text or '"is_rehearsal":true' in text, name


def test_a_run_of_today_is_no_rehearsal(workspaces):
    """Only what is so is said: the same market on its own day is SYNTHETIC alone."""
    root = workspaces.copy("today", *BUSY)
    with the_time_is(morning(DAY)):
        done = twokey(root, "run")

    assert done.facts["stamps"] == ["SYNTHETIC"]
    assert set(pd.read_csv(root / f"signals/{DAY}.csv")["stamps"]) == {"SYNTHETIC"}


def test_real_signals_carry_no_stamp():
    """The column is there and empty."""
    scores = Scores(
        "momentum", DAY, (Score("AAPL", 1, Decimal(1)),), (("MSFT", "its history is too short or has gaps"),)
    )

    assert signals_csv(scores).splitlines()[1:] == ["AAPL,1,1,,,", "MSFT,,,,its history is too short or has gaps,"]


def test_settling_and_simulating_say_so(workspaces, decided, capsys):
    """On the screen above the numbers, and as JSON."""
    root = workspaces.copy("simulated", of=decided)
    days = ("--from", str(DAY + ONE_DAY), "--to", str(DAY + timedelta(days=2)))

    settled, simulated = twokey(root, "settle", "--on", str(DAY + ONE_DAY)), twokey(root, "simulate", *days)
    main(["settle", "-w", str(root), "--on", str(DAY + timedelta(days=2))])
    first = capsys.readouterr().out.splitlines()[0]

    assert (settled.facts["stamps"], simulated.facts["stamps"]) == (STAMPS, STAMPS)
    assert first == "SYNTHETIC market data: no real price; REHEARSAL: nothing to execute"
