"""Scoring: open the slot's run and judge and rank what was ingested; nothing is fetched here."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.scores import ScoreSet
from core.domain.slot import Run
from core.pipeline import TO_SCORES, stages, walk
from flows.books import RunBook, ScoreBook
from flows.look import read_panel
from flows.ports import CleanSet
from flows.setup import BookSetup


@dataclass(frozen=True)
class ScoreDoors:
    """What scoring may use: it opens runs, reads the clean set and adds scores."""

    runs: RunBook
    scores: ScoreBook
    clean: CleanSet


def score(run: Run, setup: BookSetup, doors: ScoreDoors) -> ScoreSet:
    """Open a run and give its scores, or the findings that closed their gate; again gives what is kept."""
    opened = doors.runs.open_run(run)
    kept = doors.scores.scores(opened.run_id)
    if kept is not None:
        return kept
    frame = setup.frame(opened)
    panel = read_panel(frame, doors.clean, sessions=setup.strategy.sessions_needed)
    trail = walk(stages(TO_SCORES), {"panel": panel, "frame": frame})
    return doors.scores.add_scores(opened.run_id, ScoreSet(trail.values.get("scores"), trail.findings))


def passed_by(run: Run, runs: RunBook) -> str | None:
    """Name the later slot of the book that has a run, or None: slots go forward, an earlier one is opened no more."""
    last = runs.last_slot(run.slot.book)
    return last if last is not None and run.slot.label < last else None
