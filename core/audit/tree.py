"""The tree under a figure: what it is, its value, the rule that made it of what stands under it, and the facts at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core.canonical import canonical_json, instant_text, plain

HASH_SHOWN = 12
VALUE_SHOWN = 160
# As many of what stands under one node are shown to a person; a program is given all.
UNDER_SHOWN = 6
ORIGINS_SHOWN = 4
INDENT = "  "
# What a rule raises when what stands under it is not there, or is no value of its kind.
COMPUTING = (ValueError, LookupError, ArithmeticError, TypeError, AttributeError)


@dataclass(frozen=True)
class KeptRow:
    """A row of a fact table: the event that added it with its hash, who said it, when, and what is wrong with it, if it is."""

    table: str
    row: int
    seq: int
    digest: str
    said_by: str
    recorded_at: datetime
    problem: str | None = None

    def words(self) -> str:
        """Say where it stands in one line."""
        at = instant_text(self.recorded_at)
        return f"{self.table} {self.row}, event {self.seq} {self.digest[:HASH_SHOWN]}, said by {self.said_by} at {at}"


@dataclass(frozen=True)
class KeptFile:
    """A stored file with the SHA-256 of its bytes: whose it is, what of it counts, and what is wrong with it, if anything."""

    path: str
    sha256: str
    source: str
    piece: str
    problem: str | None = None

    def words(self) -> str:
        """Say where it stands in one line."""
        return f"{self.path}, sha256 {self.sha256[:HASH_SHOWN]}, source {self.source}, {self.piece}"


Origin = KeptRow | KeptFile


@dataclass(frozen=True, eq=False)
class Node:
    """A value with what it is, the rule that makes it of the values under it, and where it is kept.

    `text` is the value as it is shown. `again` is what the rule gives now, as text, or None where a fact has no rule; `made`
    says that the value is kept nowhere, so that there is nothing to compare it with. `printed` is the figure on the page.
    """

    name: str
    value: Any
    text: str
    rule: str = ""
    under: tuple[Node, ...] = ()
    origins: tuple[Origin, ...] = ()
    again: str | None = None
    made: bool = False
    printed: str | None = None
    faults: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Give what tells one node of a tree from another: two of one name and value are the same."""
        return self.name, self.text

    @property
    def problems(self) -> tuple[str, ...]:
        """Say what is wrong with this node itself: its rule gives something else, or what it rests on is not as it was kept."""
        differs = self.again is not None and self.again != self.text
        told = (f"it is {self.text}, computed again it is {self.again}",) if differs else ()
        return (*told, *self.faults, *(one.problem for one in self.origins if one.problem is not None))


@dataclass(frozen=True)
class Verdict:
    """What a tree came to: how many values were computed again, how many facts they rest on, and all that is wrong."""

    computed: int
    facts: int
    problems: tuple[str, ...]

    def words(self) -> str:
        """Say it in one line, or in one for each problem."""
        if self.problems:
            return "\n".join(f"NOT AS KEPT: {problem}" for problem in self.problems)
        return f"recomputed: equal ({self.computed} numbers computed again from {self.facts} facts)"


def shown(value: Any) -> str:
    """Give a value as the ticket's JSON has it: decimals plain, and a dash for nothing."""
    if value is None:
        return "-"
    text = plain(value)
    return text if isinstance(text, str) else canonical_json(value)


def fact(name: str, value: Any, *origins: Origin, text: str | None = None, rule: str = "") -> Node:
    """Give a leaf; one without an origin says that its evidence is missing."""
    faults = () if origins else ("what it rests on is not there",)
    return Node(name, value, shown(value) if text is None else text, rule, origins=origins, faults=faults)


def derived(
    name: str,
    kept: Any,
    rule: str,
    under: Sequence[Node],
    *,
    compute: Callable[..., Any],
    origins: Sequence[Origin] = (),
    text: Callable[[Any], str] = shown,
) -> Node:
    """Give a kept value with what its rule makes of the values under it; what cannot be computed is told, never hidden."""
    node = Node(name, kept, text(kept), rule, tuple(under), tuple(origins))
    try:
        return replace(node, again=text(compute(*(one.value for one in under))))
    except COMPUTING as error:
        return replace(node, faults=(f"it is {node.text}, and cannot be computed again: {_why(error)}",))


def computed(
    name: str, rule: str, under: Sequence[Node], *, compute: Callable[..., Any], text: Callable[[Any], str] = shown
) -> Node:
    """Give a value that is kept nowhere and only made of those under it."""
    try:
        value = compute(*(one.value for one in under))
        return Node(name, value, text(value), rule, tuple(under), made=True)
    except COMPUTING as error:
        return Node(name, None, "-", rule, tuple(under), made=True, faults=(f"it cannot be computed: {_why(error)}",))


def nodes_of(root: Node) -> Iterator[Node]:
    """Give each node of a tree once, the root first; what stands under two is met once."""
    seen: set[tuple[str, str]] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.key not in seen:
            seen.add(node.key)
            yield node
            waiting.extend(reversed(node.under))


def leaves_of(root: Node) -> tuple[Node, ...]:
    """Give the nodes under which nothing stands."""
    return tuple(node for node in nodes_of(root) if not node.under)


def verdict_of(root: Node) -> Verdict:
    """Judge a tree: every value that was computed again, every fact, every problem with the name of its node."""
    nodes = list(nodes_of(root))
    return Verdict(
        computed=sum(node.again is not None or node.made for node in nodes),
        facts=sum(not node.under for node in nodes),
        problems=tuple(dict.fromkeys(f"{node.name}: {words}" for node in nodes for words in node.problems)),
    )


@dataclass
class _Page:
    """The lines so far, and the nodes that were shown with what stands under them."""

    lines: list[str] = field(default_factory=list)
    told: set[tuple[str, str]] = field(default_factory=set)

    def add(self, depth: int, words: str) -> None:
        """Add a line at its depth."""
        self.lines.append(f"{INDENT * depth}{words}")


def words_of(root: Node) -> str:
    """Lay a tree out for a person: an indented line a node, its rule and origins below it, then what stands under it."""
    page = _Page()
    _write(root, page, 0)
    return "\n".join(page.lines)


def tree_of(root: Node) -> dict[str, Any]:
    """Give a whole tree as what JSON holds; what stands under a node is told once, and elsewhere that it is above."""
    return _plain_tree(root, set())


def _plain_tree(node: Node, told: set[tuple[str, str]]) -> dict[str, Any]:
    head = {"name": node.name, "value": node.text}
    if node.key in told and node.under:
        return {**head, "is_above": True}
    told.add(node.key)
    return {
        **head,
        "printed": node.printed,
        "rule": node.rule or None,
        "recomputed": node.again,
        "is_equal": None if node.again is None else node.again == node.text,
        "origins": [_origin(one) for one in node.origins],
        "problems": list(node.problems),
        "under": [_plain_tree(one, told) for one in node.under],
    }


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _origin(one: Origin) -> dict[str, Any]:
    kind = "row" if isinstance(one, KeptRow) else "file"
    return {"kind": kind, **plain(one)}


def _write(node: Node, page: _Page, depth: int) -> None:
    text = node.text if len(node.text) <= VALUE_SHOWN else f"{node.text[:VALUE_SHOWN]}..."
    on_page = f" (on the page: {node.printed})" if node.printed not in (None, node.text) else ""
    if node.key in page.told and (node.under or node.origins):
        page.add(depth, f"{node.name} = {text} (shown above)")
        return
    page.told.add(node.key)
    page.add(depth, f"{node.name} = {text}{on_page}")
    for words in _below(node):
        page.add(depth + 1, words)
    for one in node.under[:UNDER_SHOWN]:
        _write(one, page, depth + 1)
    if len(node.under) > UNDER_SHOWN:
        page.add(depth + 1, f"... and {len(node.under) - UNDER_SHOWN} more of these; --json has all")


def _below(node: Node) -> Iterator[str]:
    if node.rule:
        yield f"rule: {node.rule}"
    for one in node.origins[:ORIGINS_SHOWN]:
        yield f"kept: {one.words()}"
    if len(node.origins) > ORIGINS_SHOWN:
        yield f"kept: in {len(node.origins) - ORIGINS_SHOWN} more places; --json has all"
    if node.again is not None and not node.problems:
        yield "recomputed: equal"
    for words in node.problems:
        yield f"NOT AS KEPT: {words}"
