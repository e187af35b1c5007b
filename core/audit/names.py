"""The names of figures: what a person writes to ask for one, as it can be copied from the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.canonical import plain
from core.domain.ticket import IssuedTicket, Ticket

# Lists of a ticket: how one of their items is called.
ITEMS = {"lines": "line", "reasons": "reason", "refused": "refused", "left_undone": "left undone", "notes": "note"}
# What the columns of the page, and people, call what a line holds.
ALIASES = {
    "units": "quantity",
    "cash after": "expected cash after",
    "cost": "expected cost",
    "price": "decision price",
    "price at decision": "decision price",
    "skip if": "worst price",
    "limit": "limit price",
    "stop": "stop price",
    "order": "order type",
    "do": "side",
    "search for": "search name",
}
NEAREST_SHOWN = 5
SAME_WORDS_MIN = 1

Path = tuple[str | int, ...]


def ticket_figures(issued: IssuedTicket) -> dict[str, tuple[Path, Any]]:
    """Give every value of a ticket's JSON by its name, with its path there: the decision bytes, the hashes and the seal."""
    ticket = issued.ticket
    seal: dict[str, Any] = plain(issued.seal)
    return {
        **{name: (("ticket", *path), value) for name, path, value in _of_ticket(plain(ticket))},
        "hash": (("hash",), ticket.hash),
        "short hash": (("short_hash",), ticket.short_hash),
        **{f"seal {_spoken(name)}": (("seal", name), value) for name, value in seal.items()},
    }


def asked_for(words: Sequence[str]) -> str:
    """Give the name that some words mean: any case, underscores or spaces, `cash after line 2` for that of line 2."""
    text = " ".join(" ".join(words).replace("_", " ").lower().split())
    return re.sub(r"^cash after line (\d+)$", r"line \1 expected cash after", text)


def ticket_name(words: Sequence[str], ticket: Ticket) -> str:
    """Give the name of a ticket's figure that some words mean, the headings of its page among them."""
    text = asked_for(words)
    match = re.fullmatch(r"(line \d+) (.+)", text)
    if match is None:
        return text
    line, what = match.groups()
    quotes = {one.currency.lower() for one in ticket.lines} - {ticket.base.lower()}
    in_words = {f"value {ticket.base.lower()}": "value"} | {f"value {quote}": "value quote" for quote in quotes}
    return f"{line} {(in_words | ALIASES).get(what, what)}"


def nearest(name: str, known: Mapping[str, object]) -> list[str]:
    """Give the known names that share most words with one that is unknown, the likeliest first."""
    words = set(name.split())
    counted = sorted((-len(words & set(one.split())), one) for one in known)
    return [one for count, one in counted if -count >= SAME_WORDS_MIN][:NEAREST_SHOWN]


def _of_ticket(ticket: dict[str, Any]) -> Iterator[tuple[str, Path, Any]]:
    for key, value in ticket.items():
        if key == "gates":
            yield from _of_gates(value)
        elif isinstance(value, list):
            for at, item in enumerate(value):
                yield from _of_item(f"{ITEMS[key]} {at + 1}", (key, at), item)
        else:
            yield from _of_item(_spoken(key), (key,), value)


def _of_gates(gates: Sequence[dict[str, Any]]) -> Iterator[tuple[str, Path, Any]]:
    for at, report in enumerate(gates):
        name, path = f"gate {report['gate']}", ("gates", at)
        yield name, (*path, "gate"), report["gate"]
        yield f"{name} state", (*path, "state"), report["state"]
        for number, message in enumerate(report["messages"]):
            yield f"{name} message {number + 1}", (*path, "messages", number), message


def _of_item(name: str, path: Path, value: Any) -> Iterator[tuple[str, Path, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _of_item(f"{name} {_spoken(key)}", (*path, key), item)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _of_item(f"{name} {at + 1}", (*path, at), item)
    else:
        yield name, path, value


def _spoken(key: str) -> str:
    return key.replace("_", " ")
