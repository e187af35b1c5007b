"""Training: a book's strategy learns of what was known at a session's close, and the model is kept."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.facts import Unread
from core.domain.model import Model
from core.domain.slot import Run
from core.domain.strategy import Lesson
from flows.books import ModelBook
from flows.look import read_panel
from flows.ports import CleanSet
from flows.setup import BookSetup


@dataclass(frozen=True)
class TrainDoors:
    """What training may use: it reads the clean set and adds models."""

    models: ModelBook
    clean: CleanSet


class NotTrained(ValueError):
    """Nothing could be learned; says why."""


class TooLittle(NotTrained):
    """There is too little to learn from; says what there is and what it takes."""


def train(run: Run, setup: BookSetup, doors: TrainDoors) -> Model:
    """Train the book's strategy on what was known as of a run, keep the model and give it.

    Raises NotTrained where the strategy learns nothing, the bars cannot be read, or there are too few of them.
    """
    strategy = setup.strategy
    if strategy.training is None:
        raise NotTrained(f"strategy {strategy.name} has nothing to train")
    frame = setup.frame(run)
    panel = read_panel(frame, doors.clean, sessions=strategy.training.sessions)
    if isinstance(panel, Unread):
        raise NotTrained(f"the bars could not be read: {panel.why}")
    lesson = Lesson(setup.universe, setup.calendar, run.as_of.session, run.snapshot)
    try:
        model = strategy.training.fit(panel, lesson)
    except ValueError as error:
        raise TooLittle(str(error)) from error
    return doors.models.add_model(run.slot.book, model)


def model_for(run: Run, setup: BookSetup, doors: TrainDoors) -> Model | Unread | None:
    """Give the model that a run is scored with, trained now where the week has none yet; None where nothing is learned.

    A book is retrained once a week, at the first slot after the week's last session that is decided, unless a person pinned
    a model. Where that fails, last week's serves while it is young enough.
    """
    if setup.strategy.training is None:
        return None
    chosen = doors.models.chosen(run.slot.book, run.as_of.session)
    is_pinned = doors.models.pin(run.slot.book) is not None
    if chosen is not None and (is_pinned or chosen.card.as_of >= setup.calendar.last_week_end(run.as_of.session)):
        return chosen
    try:
        train(run, setup, doors)
    except NotTrained as error:
        return chosen or Unread(f"none could be trained: {error}")
    return doors.models.chosen(run.slot.book, run.as_of.session)
