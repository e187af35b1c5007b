"""Checks of the universe as of a day: whether every row can be used for what it is listed for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.domain.instrument import Instrument, InstrumentId, Universe
from core.gate import Severity
from core.settings import Policy, universe_objections

_NAMED_MAX = 12


@dataclass(frozen=True)
class BarsHeld:
    """What the clean set holds of an instrument: whose bars, and the session of the last one."""

    provider: str
    last: date


@dataclass(frozen=True)
class UniverseCheck:
    """What one check found: of which instruments, in words, and how bad that is. Nothing found is no instrument."""

    check: str
    severity: Severity
    instruments: tuple[InstrumentId, ...]
    detail: str

    @property
    def has_passed(self) -> bool:
        """Say whether nothing was found."""
        return not self.instruments

    @property
    def blocks(self) -> bool:
        """Say whether what was found must be put right."""
        return self.severity == "block" and not self.has_passed


@dataclass(frozen=True)
class UniverseFacts:
    """What the checks go by: the day, how many days a verification holds, and the bars held; None before any ingest."""

    day: date
    within_days: int | None = None
    bars: Mapping[InstrumentId, BarsHeld] | None = None


def check_universe(universe: Universe, policy: Policy, facts: UniverseFacts) -> tuple[UniverseCheck, ...]:
    """Give every check of the rows that count on a day, in a fixed order; what the text itself holds was read already."""
    valid = universe.valid_on(facts.day)
    tradable = [row for row in valid if row.is_tradable_as_underlying]
    return (
        _named_by_policy(universe, policy, valid),
        _one_currency(tradable),
        *_verified(tradable, policy, facts),
        _found(
            "tradable",
            "note",
            [row.id for row in valid if not row.is_tradable_as_underlying],
            "cannot be held itself and is never bought",
        ),
        _away(universe, facts.day),
        *_bars(valid, policy, facts),
    )


def unreadable(problems: Sequence[str]) -> UniverseCheck:
    """Give the check of a table that could not be read, its problems as they are told."""
    return UniverseCheck("columns", "block", tuple(problems), f"{len(problems)} mistakes in the table")


def _named_by_policy(universe: Universe, policy: Policy, valid: Sequence[Instrument]) -> UniverseCheck:
    """The benchmark must be listed and count on the day, and whatever the policy bans must be listed."""
    objections = universe_objections(policy, universe)
    benchmark = policy.data.benchmark
    if objections:
        return UniverseCheck("benchmarks", "block", (benchmark,), "; ".join(objections))
    is_there = any(row.id == benchmark for row in valid)
    return _found(
        "benchmarks", "block", [] if is_there else [benchmark], "is the benchmark and does not count that day"
    )


def _one_currency(tradable: Sequence[Instrument]) -> UniverseCheck:
    """What a book may buy is quoted in one currency, for it converts at one rate."""
    currencies = sorted({row.currency for row in tradable})
    fewest = min(currencies, key=lambda one: (sum(row.currency == one for row in tradable), one), default="")
    others = [row.id for row in tradable if row.currency == fewest] if len(currencies) > 1 else []
    return _found(
        "currency", "block", others, f"may be bought in another currency than the rest ({', '.join(currencies)})"
    )


def _verified(tradable: Sequence[Instrument], policy: Policy, facts: UniverseFacts) -> Iterable[UniverseCheck]:
    """At a real venue nothing unverified is bought; how long a verification holds is the asker's to say."""
    must = policy.execution.venue != "paper" or facts.within_days is not None
    never = [row.id for row in tradable if row.verified_on is None]
    yield _found("verified", "block" if must else "warn", never, "was never looked up at the broker")
    if facts.within_days is not None:
        least = facts.day - timedelta(days=facts.within_days)
        stale = [row.id for row in tradable if row.verified_on is not None and row.verified_on < least]
        yield _found("verified_within", "block", stale, f"was last looked up more than {facts.within_days} days before")


def _away(universe: Universe, day: date) -> UniverseCheck:
    away = [row.id for row in universe.instruments if not row.is_valid_on(day)]
    return _found("membership", "note", away, "is listed and does not count that day")


def _bars(valid: Sequence[Instrument], policy: Policy, facts: UniverseFacts) -> Iterable[UniverseCheck]:
    """Each row needs bars; those of another provider than the first of the policy are told."""
    expected = policy.data.source_order[0]
    if facts.bars is None:
        words = "has no bars: no market data was ingested; run `twokey ingest`"
        yield _found("bars", "block", [row.id for row in valid], words)
        return
    held = facts.bars
    without = [row.id for row in valid if row.id not in held]
    yield _found("bars", "block", without, f"has no bar from {', '.join(policy.data.source_order)} in the clean set")
    others = [row.id for row in valid if row.id in held and held[row.id].provider != expected]
    yield _found("source", "warn", others, f"has no bars from {expected}, and another provider's are used")


def _found(check: str, severity: Severity, names: Sequence[InstrumentId], words: str) -> UniverseCheck:
    if not names:
        return UniverseCheck(check, severity, (), "none")
    shown = ", ".join(names[:_NAMED_MAX])
    more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
    return UniverseCheck(check, severity, tuple(names), f"{shown}{more}: each {words}")
