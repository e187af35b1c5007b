"""Models and trials in PostgreSQL: written by quant, models pinned by a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from adapters.postgres.bodies import changed, dump, load
from adapters.postgres.connect import Row, Session
from core.domain.backtest import Trial
from core.domain.model import Model, ModelCard, ModelPin
from core.domain.slot import BookName


class PgModels:
    """The models of the books, and which of them people pinned."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_model(self, book: BookName, model: Model) -> Model:
        """Keep a model and give it; the same of a book and session again is kept once."""
        card = model.card
        row = {"book": book, "as_of": card.as_of, "hash": model.hash, "card": dump(card), "body": model.text}
        self._session.add("model", [row], once=True)
        return model

    def model(self, digest: str) -> Model | None:
        """Find a model by the hash of its text."""
        row = self._session.one("SELECT hash, card, body FROM model WHERE hash = %s ORDER BY id LIMIT 1", (digest,))
        return None if row is None else _model(row)

    def chosen(self, book: BookName, as_of: date) -> Model | None:
        """Give the model that a book is scored with on the evening of a session: the pinned one, or else the newest by then."""
        pin = self.pin(book)
        if pin is not None:
            return self.model(pin.model)
        query = (
            "SELECT hash, card, body FROM model WHERE book = %s AND as_of <= %s ORDER BY as_of DESC, id DESC LIMIT 1"
        )
        row = self._session.one(query, (book, as_of))
        return None if row is None else _model(row)

    def cards(self, book: BookName) -> Sequence[tuple[str, ModelCard]]:
        """Give the hash and card of each model of a book, newest first."""
        query = "SELECT hash, card FROM model WHERE book = %s ORDER BY as_of DESC, id DESC"
        return [(row["hash"], _card(row)) for row in self._session.all(query, (book,))]

    def pin(self, book: BookName) -> ModelPin | None:
        """Give the model that a person pinned and nobody set free since."""
        query = "SELECT hash, said_by, reason FROM model_pin WHERE book = %s ORDER BY id DESC LIMIT 1"
        row = self._session.one(query, (book,))
        return None if row is None or row["hash"] is None else ModelPin(row["hash"], row["said_by"], row["reason"])

    def add_pin(self, book: BookName, model: str | None, *, by: str, reason: str) -> None:
        """Say which model a book is scored with from now on, None for the newest again."""
        self._session.add("model_pin", [{"book": book, "hash": model, "said_by": by, "reason": reason}])


class PgTrials:
    """The backtests that were run."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_trial(self, trial: Trial) -> tuple[Trial, ...]:
        """Keep a trial and give those that were kept before it, oldest first; the same again is kept once.

        `recorded_at` is the database's to say, and not read.
        """
        sharpe = Decimal(repr(trial.sharpe))
        row = {
            "asked": trial.asked,
            "strategy": trial.strategy,
            "first": trial.first,
            "last": trial.last,
            "sessions": trial.sessions,
            "sharpe": sharpe,
        }
        self._session.add("trial", [row], once=True)
        query = (
            "SELECT recorded_at, asked, strategy, first, last, sessions, sharpe FROM trial"
            " WHERE id < (SELECT id FROM trial WHERE asked = %s AND sharpe = %s) ORDER BY id"
        )
        return tuple(_trial(one) for one in self._session.all(query, (trial.asked, sharpe)))


class PgTrialsKept:
    """The backtests that somebody asked for, as they are told to one that nobody chose: it is not added to them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_trial(self, trial: Trial) -> tuple[Trial, ...]:
        """Give the trials that were kept, oldest first, but for this one where somebody asked the same; keep none."""
        query = (
            "SELECT recorded_at, asked, strategy, first, last, sessions, sharpe FROM trial"
            " WHERE NOT (asked = %s AND sharpe = %s) ORDER BY id"
        )
        rows = self._session.all(query, (trial.asked, Decimal(repr(trial.sharpe))))
        return tuple(_trial(one) for one in rows)


def _trial(row: Row) -> Trial:
    return Trial(
        row["recorded_at"],
        row["asked"],
        row["strategy"],
        row["first"],
        row["last"],
        row["sessions"],
        float(row["sharpe"]),
    )


def _model(row: Row) -> Model:
    model = Model(row["body"], _card(row))
    if model.hash != row["hash"]:
        raise changed(f"the model {row['hash'][:8]}", "it does not have the hash that it was kept with")
    return model


def _card(row: Row) -> ModelCard:
    return load(ModelCard, row["card"], of=f"the card of model {row['hash'][:8]}")
