"""Renewal: whatever happened before, an ingest that remembers leaves what a new workspace makes of the same raw files."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.files.clean_set import CleanFiles
from adapters.files.raw_store import RawFiles
from adapters.files.remembered import MemoryFile
from adapters.sources.formats.registry import FormatParser
from core.domain.panel import Panel
from flows.cleaning import Cleaning, IngestDoors
from flows.ingest import IngestReport, ingest, rebuild
from tests.contract.histories import EVENTS, History, begin
from tests.contract.test_ingest import Given

LENGTH = 5
# How many histories a run of the suite walks through; the first part stands for all of them before each commit.
PARTS, EACH = 4, 26
SLOW = tuple(pytest.param(part, marks=pytest.mark.slow) for part in range(1, PARTS))


class Counting(CleanFiles):
    """Clean sets that count how they were stored."""

    def __init__(self, folder: Path, counts: Counter[str]) -> None:
        """Count into a counter."""
        super().__init__(folder)
        self._counts = counts

    def publish(self, *panel: Any, **beside: Any) -> str:
        """Store a whole set."""
        self._counts["whole"] += 1
        return super().publish(*panel, **beside)

    def renew(self, *renewal: Any, **beside: Any) -> str:
        """Store some years of a set."""
        snapshot = super().renew(*renewal, **beside)
        self._counts["renewed"] += 1
        return snapshot


def doors(folder: Path, counts: Counter[str], *, remembers: bool = True) -> IngestDoors:
    """Open the stores of a workspace, as a process that starts does."""
    memory = MemoryFile(folder / "cache") if remembers else None
    return IngestDoors(RawFiles(folder / "raw"), FormatParser(), Counting(folder / "clean", counts), memory)


@pytest.mark.parametrize("part", [0, *SLOW])
def test_any_history_of_ingests_ends_in_what_a_rebuild_makes(tmp_path, part):
    """A hundred and more: days appended, files restated, late, broken; other symbols and rules; memory and parts damaged."""
    counts: Counter[str] = Counter()
    for seed in range(part * EACH, (part + 1) * EACH):
        history = History(random.Random(seed), tmp_path / str(seed))
        begin(history)
        told = ["begin"]
        for at in range(LENGTH):
            _ingest_and_compare(history, counts, tmp_path / f"{seed}-{at}", told)
            event = history.draw.choice(EVENTS)
            told.append(event.__name__)
            event(history)

    # Were hardly any renewed, this test would prove nothing.
    assert counts["renewed"] > 0.3 * EACH * LENGTH
    assert counts["whole"] > 0.1 * EACH * LENGTH


def _ingest_and_compare(history: History, counts: Counter[str], fresh: Path, told: list[str]) -> None:
    # Now and then the process is killed after it published and before it left anything: then what is left is older.
    opened = doors(history.folder, counts, remembers=history.draw.random() < 0.9)
    made = ingest([Given(list(history.files.values()))], history.cleaning(), opened, at=history.at)
    whole = IngestDoors(opened.raw, FormatParser(), CleanFiles(fresh))

    wanted = rebuild(history.cleaning(), whole)

    assert replace(made, stored=(), skipped=()) == wanted, told
    if wanted.snapshot is not None:
        found, anew = (
            _all_of(clean, wanted, history.cleaning()) for clean in (CleanFiles(history.folder / "clean"), whole.clean)
        )
        assert found == anew, told


def _all_of(clean: Any, report: IngestReport, cleaning: Cleaning) -> dict[str, Any]:
    """Give all that a clean set holds, what is wrong with it, and its description."""
    snapshot = report.snapshot or ""
    has = [name for name, _ in cleaning.calendars if clean.has(snapshot, name)]
    panels: dict[str, Panel] = {name: clean.panel(snapshot, calendar=name) for name in has}
    return {
        "current": clean.current(),
        "hashes": {name: panel.content_hash() for name, panel in panels.items()},
        "rows": {name: (one.defects, one.dividends, one.splits, one.announced) for name, one in panels.items()},
        "fixings": list(clean.fixings(snapshot)),
        "made_of": clean.made_of(snapshot),
        "verify": clean.verify(snapshot),
    }
