"""The oracle: reads the final database alone and names, in words, everything in it that must never be.

It shares no judgement with the code that it judges: it asks for rows, hashes and verifies by itself, and believes no answer.
Of the code it takes the names of tables and of their one writer, and of the gates. The public keys are given to it, taken
before anything hostile was tried, so that a key that was planted proves nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from adapters.postgres.rights import CALLERS, WRITERS
from tests.bypass.oracle_books import book_violations
from tests.bypass.oracle_tickets import ticket_violations

Row = dict[str, Any]
Read = Callable[[str], Sequence[Row]]
# Rows that come through a function, and so carry the role that called it.
_BY_FUNCTION = {"run": ("open_run", "revise_run"), "revision": ("revise_run",), "halt": ("halt_trading",)}
# A row as an event hashes it: as PostgreSQL prints it, without what is NULL at its end.
_ROWS = (
    "SELECT '{0}' AS name, event_seq AS seq, count(*) AS rows, encode(sha256(string_agg("
    r"rtrim(convert_to(t::text, 'UTF8'), '\x2c29'::bytea), '\x0a'::bytea ORDER BY id)), 'hex') AS digest FROM {0} t GROUP BY 2"
)


@dataclass(frozen=True)
class Facts:
    """The final database: its rows by table, each read once, and the public keys (hex) by their ids."""

    read: Read
    keys: Mapping[str, str]

    @cached_property
    def tables(self) -> dict[str, list[Row]]:
        """Give every row of the tables that decisions, tickets and books stand in, in the order of their ids."""
        names: tuple[str, ...] = (
            "run",
            "score_set",
            "proposal",
            "decision",
            "approval",
            "approval_line",
            "ticket",
            "revision",
        )
        names += ("ticket_line", "ticket_step", "delivery", "confirmation", "confirmation_line", "venue_report")
        names += ("cash_movement", "entry", "posting", "halt", "resume", "rollout_step", "peak_restart")
        return {name: list(self.read(f"SELECT * FROM {name} ORDER BY id")) for name in names}

    @cached_property
    def events(self) -> list[Row]:
        """Give the events in order."""
        return list(self.read("SELECT seq, bytes, hash FROM event ORDER BY seq"))

    def by(self, table: str, column: str) -> Mapping[Any, list[Row]]:
        """Give a table's rows by the value of a column."""
        if (table, column) not in self._groups:
            found = self._groups[table, column] = defaultdict(list)
            for row in self.tables[table]:
                found[row[column]].append(row)
        return self._groups[table, column]

    @cached_property
    def _groups(self) -> dict[tuple[str, str], dict[Any, list[Row]]]:
        return {}


def trusted_keys(root: Path) -> dict[str, str]:
    """Give a workspace's public keys by their ids, as they are now: before anything hostile is tried."""
    return {path.stem: path.read_text().strip() for path in sorted((root / "config" / "keys").glob("*.pub"))}


def judged(root: Path, keys: Mapping[str, str] | None = None, *, kept: Sequence[tuple[int, str]] = ()) -> list[str]:
    """Open a workspace's database as reader and give what is wrong in it; `kept` are heads (number, hash) from outside."""
    from adapters.files.workspace import Workspace
    from cli.wiring import Desk

    with Desk(Workspace(root)) as desk:
        session = desk.session("reader")
        with session.snapshot():
            return violations(session.all, trusted_keys(root) if keys is None else keys, kept=kept)


def violations(read: Read, keys: Mapping[str, str], *, kept: Sequence[tuple[int, str]] = ()) -> list[str]:
    """Give everything in a database that must never be, each in words; nothing for an honest one.

    `read` runs a query that takes no argument; whoever gives it sees to it that all queries see one moment.
    """
    read("SELECT set_config('datestyle', 'ISO, YMD', true), set_config('timezone', 'UTC', true)")
    facts = Facts(read, keys)
    return [*_chain(facts, kept), *ticket_violations(facts), *book_violations(facts)]


def trade_violations(read: Read, keys: Mapping[str, str]) -> list[str]:
    """Give what `violations` gives, without the chain: where rows were changed on purpose, the chain says so, and rightly."""
    facts = Facts(read, keys)
    return [*ticket_violations(facts), *book_violations(facts)]


def _chain(facts: Facts, kept: Sequence[tuple[int, str]]) -> Iterator[str]:
    """The chain is gapless, each event has the hash of its bytes and names the one before, and its rows are as they were."""
    last, added = "", {}
    for number, row in enumerate(facts.events, start=1):
        if row["seq"] != number:
            yield f"the chain has event {row['seq']} where event {number} belongs"
            return
        body = json.loads(row["bytes"])
        if hashlib.sha256(row["bytes"].encode()).hexdigest() != row["hash"]:
            yield f"event {number} does not have the hash of its bytes"
        if (body["seq"], body["previous"]) != (number, last):
            yield f"event {number} does not follow the one before it"
        last, added[number] = row["hash"], body
    hashes = {row["seq"]: row["hash"] for row in facts.events}
    yield from (
        f"event {seq} is not the one that was kept outside" for seq, digest in kept if hashes.get(seq) != digest
    )
    yield from _added(facts, added)


def _added(facts: Facts, events: Mapping[int, Row]) -> Iterator[str]:
    """Every row hangs on the event that added it, and was added by the one role that may."""
    query = " UNION ALL ".join(_ROWS.format(table) for table in WRITERS if table != "event")
    found = {(row["seq"], row["name"]): (row["rows"], row["digest"]) for row in facts.read(query)}
    for seq, event in events.items():
        table, role = event["subject"], event["role"].rpartition("twokey_")[2]
        if found.pop((seq, table), None) != (event["body"]["rows"], event["body"]["sha256"]):
            yield f"the rows of {table} are not those that event {seq} added"
        if table not in WRITERS or role not in _writers(table):
            yield f"event {seq}: {event['role']} added to {table}, which is not its to write"
    yield from (f"rows of {table} name event {seq}, which did not add them" for seq, table in found)


def _writers(table: str) -> set[str | None]:
    if table not in _BY_FUNCTION:
        return {WRITERS[table]}
    return {role for name, roles in CALLERS.items() if name.partition("(")[0] in _BY_FUNCTION[table] for role in roles}


def counted(found: Sequence[str]) -> str:
    """Give violations as one text, each once with how often it stands there: what a failing test shows."""
    return "\n".join(f"{count} x {words}" for words, count in Counter(found).items())
