"""Scoring: open the slot's run and judge and rank what was ingested; nothing is fetched here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.domain.facts import Unread
from core.domain.model import Model
from core.domain.scores import ScoreSet
from core.domain.slot import Run
from core.gate import Finding
from core.pipeline import TO_SCORES, stages, walk
from flows.books import ModelBook, RunBook, ScoreBook
from flows.look import read_panel
from flows.ports import CleanSet
from flows.setup import BookSetup
from flows.train import TrainDoors, model_for


@dataclass(frozen=True)
class ScoreDoors:
    """What scoring may use: it opens runs, reads the clean set, trains and adds scores."""

    runs: RunBook
    scores: ScoreBook
    clean: CleanSet
    models: ModelBook

    @property
    def train(self) -> TrainDoors:
        """Give what training may use."""
        return TrainDoors(self.models, self.clean)


def score(run: Run, setup: BookSetup, doors: ScoreDoors) -> ScoreSet:
    """Open a run and give its scores, or the findings that closed their gate; again gives what is kept."""
    opened = doors.runs.open_run(run)
    kept = doors.scores.scores(opened.run_id)
    if kept is not None:
        return kept
    found = model_for(opened, setup, doors.train)
    made = scored(opened, setup, doors, found.model)
    if found.warning is not None:
        told = Finding("model", setup.strategy.name, found.warning, "warn")
        made = replace(made, findings=(*made.findings, told))
    return doors.scores.add_scores(opened.run_id, made)


def scored(run: Run, setup: BookSetup, doors: ScoreDoors, model: Model | Unread | None) -> ScoreSet:
    """Give what a run's scores would be with a model, and keep nothing."""
    frame = setup.frame(run)
    panel = read_panel(frame, doors.clean, sessions=setup.strategy.sessions_needed)
    trail = walk(stages(TO_SCORES), {"panel": panel, "model": model, "frame": frame})
    digest = model.hash if isinstance(model, Model) else None
    return ScoreSet(trail.values.get("scores"), trail.findings, digest)


def passed_by(run: Run, runs: RunBook) -> str | None:
    """Name the later slot of the book that has a run, or None: slots go forward, an earlier one is opened no more."""
    last = runs.last_slot(run.slot.book)
    return last if last is not None and run.slot.label < last else None
