"""Many lies: every kind of change, told on tickets of every kind that can tell it, drawn with a written seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.checker.account import Statement, World
from tests.checker.check_tickets import Case, Check, check, check_one
from tests.checker.mutations import MUTATIONS, Mutation, lied

Fit = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Told:
    """A lie that was told: the ticket, what was changed, and everything that the checker objects to."""

    name: str
    mutation: Mutation
    objections: tuple[str, ...]


def mornings(texts: Mapping[str, str], world: World, first: date, last: date) -> dict[str, Statement]:
    """Give the account as it stood on the morning of each ticket, by file name."""
    kept: dict[str, Statement] = {}

    def keep(case: Case) -> Iterator[str]:
        kept[f"{case.ticket['ticket_id']}.json"] = case.statement.copy()
        yield from ()

    check(texts, world, first, last, checks=(keep,))
    return kept


def tell(
    texts: Mapping[str, str], world: World, kept: Mapping[str, Statement], *, checks: Sequence[Check], seeds: range
) -> Iterator[Told]:
    """Tell every lie once a seed, on a ticket drawn among those that can tell it; none where it would change nothing."""
    tickets = {name: json.loads(text)["ticket"] for name, text in texts.items()}
    build = min((ticket["day"] for ticket in tickets.values() if ticket["lines"]), default="")
    for mutation in MUTATIONS:
        is_fit = fits(build)[mutation.on]
        able = sorted(name for name, ticket in tickets.items() if is_fit(ticket))
        for seed in seeds if able else ():
            name = random.Random(f"{mutation.name} {seed}").choice(able)
            text = _lie({name: texts[name]}, name, mutation, world, seed)
            if text is not None and text != texts[name]:
                yield Told(name, mutation, tuple(check_one(name, text, kept[name].copy(), checks=checks)))


def fits(build: str) -> dict[str, Fit]:
    """Give, by kind, which tickets can tell a lie; `build` is the day of the first one with trades."""
    return {
        "build": lambda ticket: ticket["day"] == build,
        "trade": _is_trade(),
        "buys": _is_trade("buy"),
        "sells": _is_trade("sell"),
        "mixed": _is_trade("buy", "sell"),
        "idle": _says("no rebalance due"),
        "closed": _says("exchange closed"),
        "stopped": _says("halt"),
        "stopping": _says("drawdown"),
    }


def _lie(texts: Mapping[str, str], name: str, mutation: Mutation, world: World, seed: int) -> str | None:
    """Give the changed file; None where the ticket has no line to change in that way."""
    try:
        return lied(texts, name, mutation, world, seed=seed)[name]
    except IndexError:
        return None


def _is_trade(*sides: str) -> Fit:
    return lambda ticket: bool(ticket["lines"]) and {line["side"] for line in ticket["lines"]} >= set(sides)


def _says(*reasons: str) -> Fit:
    return lambda ticket: [reason.partition(":")[0] for reason in ticket["reasons"]] == list(reasons)
