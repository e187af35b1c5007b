"""`train`, `score` and `model`."""

from __future__ import annotations

import argparse

from adapters.files.workspace import Workspace
from adapters.postgres.models import PgModels
from cli.main import UsageError
from cli.output import emit, table
from cli.slots import run_of_slot, slot_words
from cli.wiring import Desk
from core.canonical import plain_decimal
from core.domain.model import ModelCard, ModelPin
from core.domain.scores import ScoreSet
from core.domain.slot import Run
from flows.score import scored
from flows.train import NotTrained
from flows.train import train as train_model

HASH_LEAST, HASH_SHOWN = 8, 12
SCORES_SHOWN = 30


def train(arguments: argparse.Namespace) -> int:
    """Train the book's strategy as of a day's slot and keep the model."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        run = run_of_slot(desk, configuration, arguments.on)
        doors = desk.score_doors(desk.clean)
        try:
            model = train_model(run, configuration.setup, doors.train)
        except NotTrained as error:
            raise UsageError(str(error)) from error
        desk.heads.keep(desk.chain.head())
    taken = slot_words(run, configuration, arguments.on)
    facts = {"slot": run.slot.day} | _facts(model.hash, model.card)
    emit(arguments, facts, "\n".join([*taken, _words(model.hash, model.card)]))
    return 0


def score(arguments: argparse.Namespace) -> int:
    """Rank the universe as the day's slot would, and keep nothing; exit 1 where a gate is closed."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        run = run_of_slot(desk, configuration, arguments.on)
        doors = desk.score_doors(desk.clean)
        found = scored(run, configuration.setup, doors, doors.models.chosen(run.slot.book, run.as_of.session))
    ranked = () if found.scores is None else found.scores.ranked
    blocked = [finding.message for finding in found.findings if finding.severity == "block"]
    rows = [
        (one.rank, one.instrument, plain_decimal(one.value), ", ".join(name for name, _ in one.contributions[:3]))
        for one in ranked
    ]
    words = table(("rank", "instrument", "score", "moved most by"), rows[:SCORES_SHOWN])
    if len(rows) > SCORES_SHOWN:
        words += f"\nand {len(rows) - SCORES_SHOWN} more; --json gives all"
    told = blocked or [f"as of {run.as_of.session}", words]
    taken = slot_words(run, configuration, arguments.on)
    emit(arguments, _scores(run, found), "\n".join([*taken, *told]))
    return 1 if blocked else 0


def listing(arguments: argparse.Namespace) -> int:
    """List the models of a book, newest first."""
    with Desk(Workspace(arguments.workspace)) as desk:
        models = PgModels(desk.session("reader"))
        cards, pin = models.cards(arguments.book), models.pin(arguments.book)
    rows = [
        (
            card.as_of,
            digest[:HASH_SHOWN],
            card.feature_set,
            card.rows,
            card.trees,
            _rank_ic(card),
            _is_pinned(digest, pin),
        )
        for digest, card in cards
    ]
    words = table(("as of", "model", "features", "rows", "trees", "rank IC", ""), rows)
    words += f"\npinned by {pin.said_by}: {pin.reason}" if pin is not None else "\nthe newest is used"
    facts = [{"model": digest, "as_of": card.as_of, "rows": card.rows, "trees": card.trees} for digest, card in cards]
    emit(arguments, {"models": facts, "pinned": None if pin is None else pin.model}, words)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show the card of a model."""
    with Desk(Workspace(arguments.workspace)) as desk:
        digest, card = _found(arguments, PgModels(desk.session("reader")))
    emit(arguments, _facts(digest, card), _words(digest, card))
    return 0


def pin(arguments: argparse.Namespace) -> int:
    """Score a book with one model until somebody unpins it."""
    by, reason = _person(arguments)
    with Desk(Workspace(arguments.workspace)) as desk:
        models = PgModels(desk.session("person"))
        digest, card = _found(arguments, models)
        models.add_pin(arguments.book, digest, by=by, reason=reason)
        desk.heads.keep(desk.chain.head())
    words = (
        f"book {arguments.book} is scored with the model of {card.as_of} ({digest[:HASH_SHOWN]}) until it is unpinned"
    )
    emit(arguments, {"book": arguments.book, "pinned": digest}, words)
    return 0


def unpin(arguments: argparse.Namespace) -> int:
    """Score a book with its newest model again."""
    by, reason = _person(arguments)
    with Desk(Workspace(arguments.workspace)) as desk:
        models = PgModels(desk.session("person"))
        if models.pin(arguments.book) is None:
            raise UsageError(f"no model of book {arguments.book} is pinned")
        models.add_pin(arguments.book, None, by=by, reason=reason)
        desk.heads.keep(desk.chain.head())
    emit(arguments, {"book": arguments.book, "pinned": None}, f"book {arguments.book} is scored with its newest model")
    return 0


def _person(arguments: argparse.Namespace) -> tuple[str, str]:
    by, reason = arguments.by.strip(), arguments.reason.strip()
    if not by or not reason:
        raise UsageError("--by and --reason must say something: a pin is a person's word")
    return by, reason


def _found(arguments: argparse.Namespace, models: PgModels) -> tuple[str, ModelCard]:
    """Find a model by the first digits of its hash; of several cards of one hash the newest counts."""
    wanted = arguments.model.lower()
    found = {digest: card for digest, card in reversed(models.cards(arguments.book)) if digest.startswith(wanted)}
    if len(wanted) < HASH_LEAST or len(found) != 1:
        has = f"{len(found)} models of book {arguments.book} begin with {arguments.model}"
        raise UsageError(f"{has}; give {HASH_LEAST} digits or more of one that `twokey model list` names")
    return next(iter(found.items()))


def _is_pinned(digest: str, pin: ModelPin | None) -> str:
    return "pinned" if pin is not None and pin.model == digest else ""


def _rank_ic(card: ModelCard) -> str:
    told = dict(card.metrics).get("rank_ic")
    return "-" if told is None else plain_decimal(told)


def _facts(digest: str, card: ModelCard) -> dict[str, object]:
    return {"model": digest, **vars(card)}


def _words(digest: str, card: ModelCard) -> str:
    best = sorted(card.importance, key=lambda one: (-one[1], one[0]))[:10]
    lines = [
        f"model {digest[:HASH_SHOWN]} of strategy {card.strategy}, trained on {card.as_of}",
        f"learned of {card.rows} rows from {card.first} on, {card.instruments} instruments, {card.trees} trees",
        f"last week that validated: {card.last}; mean rank IC of those weeks: {_rank_ic(card)}",
        f"features {card.feature_set} ({len(card.features)}), clean set {card.snapshot[:HASH_SHOWN]}, {card.trainer}",
        table(("feature", "share of what was gained"), [(name, plain_decimal(share)) for name, share in best]),
    ]
    return "\n".join(lines)


def _scores(run: Run, found: ScoreSet) -> dict[str, object]:
    made = found.scores
    return {
        "slot": run.slot.day,
        "as_of": run.as_of.session,
        "model": found.model,
        "ranked": () if made is None else made.ranked,
        "unranked": () if made is None else made.unranked,
        "findings": found.findings,
    }
