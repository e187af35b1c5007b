"""Which facts count: those known by a moment, less what was taken back, in the one order that does not hang on entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.ledger.question import AnyFact, Ask, Correction, Fact, QuestionError

# Before the open come the actions of a company; then, within `seq`, what brings comes before what takes.
_ACTIONS = {"SYMBOL_CHANGE": 0, "SPLIT": 1, "SPIN_OFF": 2}
_RANK = {"OPENING": 0, "CASH_IN_LIEU": 0, "DEPOSIT": 0, "BUY": 1, "TRANSFER": 2, "SELL": 3, "EXCESS_INCOME": 3}


def standing_facts(facts: Sequence[AnyFact], ask: Ask) -> list[Fact]:
    """Give the facts that were known at `known_at` and count by `as_of`, corrected, in order.

    The order is the effective day; company actions; `seq`; what brings units or cash before what takes them; the key.
    The same fact twice counts once. Raises QuestionError when one key tells two things, and when a correction names
    no fact, an earlier unknown one, one that was already taken back, or another correction.
    """
    by_key, inside = _once(facts)
    known_at, as_of = ask.known_at, ask.as_of
    known = [fact for fact in by_key.values() if fact.recorded <= known_at]
    corrections = [fact for fact in known if isinstance(fact, Correction)]
    gone: dict[str, str] = {}
    added: list[Fact] = []
    for fact in sorted(corrections, key=lambda one: (one.recorded, one.key)):
        _check_correction(fact, (by_key, inside), gone)
        gone[fact.reverses] = fact.key
        if fact.replacement is not None:
            added.append(fact.replacement)
    standing = [fact for fact in (*known, *added) if not isinstance(fact, Correction) and fact.key not in gone]
    return sorted((fact for fact in standing if fact.effective <= as_of), key=_order)


def _once(facts: Sequence[AnyFact]) -> tuple[dict[str, AnyFact], dict[str, Correction]]:
    """Give the facts by key, and the corrections by the keys of what stands in them."""
    found: dict[str, AnyFact] = {}
    inside: dict[str, Correction] = {}
    for fact in facts:
        before = found.setdefault(fact.key, fact)
        if before is not fact and before != fact:
            raise QuestionError(
                f"fact {fact.key!r}: the key tells two different things; each fact has a key of its own"
            )
        if not isinstance(fact, Correction) or fact.replacement is None:
            continue
        new = fact.replacement
        if inside.setdefault(new.key, fact) != fact or new.recorded != fact.recorded:
            raise QuestionError(
                f"fact {fact.key!r}, replacement: it needs a key of its own and the recorded time of its "
                f"correction, {fact.recorded.isoformat()}"
            )
    if both := sorted(found.keys() & inside.keys()):
        raise QuestionError(f"fact {both[0]!r}: the key stands in the facts and in a correction; give each its own")
    return found, inside


def _check_correction(
    fact: Correction, known: tuple[dict[str, AnyFact], dict[str, Correction]], gone: dict[str, str]
) -> None:
    facts, inside = known
    reversed_one = facts.get(fact.reverses) or inside.get(fact.reverses)
    what = f"fact {fact.key!r}, reverses"
    if reversed_one is None:
        raise QuestionError(f"{what}: there is no fact {fact.reverses!r}; name the key of the fact to take back")
    if isinstance(facts.get(fact.reverses), Correction):
        raise QuestionError(
            f"{what}: {fact.reverses!r} is a correction; take back its replacement, or book the fact anew"
        )
    if reversed_one.recorded > fact.recorded:
        raise QuestionError(f"{what}: {fact.reverses!r} was recorded later; a correction follows what it corrects")
    if fact.reverses in gone:
        raise QuestionError(f"{what}: {gone[fact.reverses]!r} took {fact.reverses!r} back already")


def _order(fact: Fact) -> tuple[date, int, int, int, str]:
    kind: str = getattr(fact, "kind", "")
    action = _ACTIONS.get(kind)
    if action is not None:
        return fact.effective, 0, action, 0, fact.key
    return fact.effective, 1, fact.seq, _RANK.get(kind, 4), fact.key
