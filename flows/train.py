"""Training: a book's strategy learns of what was known at a session's close, and the model is kept."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.facts import Unread
from core.domain.model import Model
from core.domain.slot import Run
from core.domain.strategy import Lesson, NothingLearned
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
    except NothingLearned as error:
        raise TooLittle(str(error)) from error
    return doors.models.add_model(run.slot.book, model)


@dataclass(frozen=True)
class Found:
    """The model that a run is scored with, None where nothing is learned, and why it is not this week's, where it is not."""

    model: Model | Unread | None
    warning: str | None = None


def model_for(run: Run, setup: BookSetup, doors: TrainDoors) -> Found:
    """Find the model that a run is scored with, trained now where the week has none yet.

    A book is retrained once a week, at the first slot after the week's last session that is decided, unless a person pinned
    a model. Where that fails, for whatever reason, last week's serves while it is young enough, and the run says so.
    """
    if setup.strategy.training is None:
        return Found(None)
    chosen = doors.models.chosen(run.slot.book, run.as_of.session)
    is_pinned = doors.models.pin(run.slot.book) is not None
    if chosen is not None and (is_pinned or chosen.card.as_of >= setup.calendar.last_week_end(run.as_of.session)):
        return Found(chosen)
    try:
        train(run, setup, doors)
    except (NotTrained, ValueError, LookupError, ArithmeticError) as error:
        # A slot ends in a ticket whatever broke: the gate, or the run's note, says what it was.
        words = f"none could be trained: {error}"
        if chosen is None:
            return Found(Unread(words))
        return Found(chosen, f"{words}; the model of {chosen.card.as_of} is asked")
    return Found(doors.models.chosen(run.slot.book, run.as_of.session))
