"""A model: the text of a trained ranker, and the card that says what made it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.canonical import sha256_of, sha256_text


@dataclass(frozen=True)
class ModelCard:
    """What a model was made of, and what it was worth where it was validated.

    `inputs` is the hash of all that made it (codes, labels, parameters, seed and the trainer's version): the same inputs
    give the same text on one platform. `first` and `last` are the decision days that it learned from, `as_of` the session
    at whose close it was trained. `snapshot` names the clean set, `features_hash` the names, formulas and order of the
    features. `metrics` and `importance` are told by name; `reference` is, a feature, the share of instrument-days without
    a value in the window that it learned from.
    """

    strategy: str
    as_of: date
    first: date
    last: date
    snapshot: str
    feature_set: str
    features: tuple[str, ...]
    features_hash: str
    label: str
    instruments: int
    rows: int
    trees: int
    parameters: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, Decimal], ...]
    importance: tuple[tuple[str, Decimal], ...]
    reference: tuple[tuple[str, Decimal], ...]
    trainer: str
    inputs: str

    @property
    def hash(self) -> str:
        """Give the SHA-256 of the card's canonical bytes."""
        return sha256_of(self)


@dataclass(frozen=True)
class Model:
    """A trained model; its text is LightGBM's own."""

    text: str
    card: ModelCard

    @property
    def hash(self) -> str:
        """Give the SHA-256 of the model's text."""
        return sha256_text(self.text)


@dataclass(frozen=True)
class ModelPin:
    """A person's word that a book is scored with one model, named by its hash, until the person says otherwise."""

    model: str
    said_by: str
    reason: str


@dataclass(frozen=True)
class ModelInUse:
    """The model that a run is scored with; none where the strategy learns nothing."""

    model: Model | None
