"""The audit chain: reading events, and verifying them and every fact row tied to them."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from adapters.postgres.bodies import load
from adapters.postgres.connect import Session
from adapters.postgres.rights import WRITERS
from core.domain.facts import AuditHead, AuditState, LossHead

GENESIS = ""
# A row as an event hashes it: as PostgreSQL prints it, without what is NULL at its end. Older events have JSON without NULLs.
ROW_TEXT = (
    "CASE WHEN coalesce(t.event_seq, 0) <= %(as_json)s THEN convert_to(jsonb_strip_nulls(to_jsonb(t))::text, 'UTF8')"
    r" ELSE rtrim(convert_to(t::text, 'UTF8'), '\x2c29'::bytea) END"
)
COLUMNS = (
    "SELECT attrelid::regclass::text AS name, string_agg(attname, ',' ORDER BY attnum) AS columns FROM pg_attribute"
    " WHERE attrelid = ANY(%s::text[]::regclass[]) AND attnum > 0 AND NOT attisdropped GROUP BY attrelid"
)


class Chain:
    """The chain of events as one role reads it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._verified: AuditHead | None = None

    def head(self) -> AuditHead:
        """Give the last event."""
        row = self._session.one("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")
        return AuditHead(0, GENESIS) if row is None else AuditHead(row["seq"], row["hash"])

    def events(self, *, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Give events after a number, oldest first, each as its parsed bytes with its hash."""
        rows = self._session.all(
            "SELECT seq, bytes, hash FROM event WHERE seq > %s ORDER BY seq LIMIT %s", (after, limit)
        )
        return [{**load(dict[str, Any], row["bytes"], of=f"event {row['seq']}"), "hash": row["hash"]} for row in rows]

    def verify(self, kept: Sequence[AuditHead], *, since: AuditHead | None = None) -> AuditState:
        """Verify the chain against every head kept outside, from `since` on (from the start when it is None).

        Says the first thing that is wrong: a gap, a hash that does not fit, a row changed, gone or added, a chain that is
        shorter than the newest kept head or does not hold one of them. Heads need no order.
        """
        with self._session.snapshot():
            return self._verify(kept, since or AuditHead(0, GENESIS))

    def verify_on(self, kept: Sequence[AuditHead]) -> AuditState:
        """Verify as `verify` does, going on from what this object verified before."""
        state = self.verify(kept, since=self._verified)
        self._verified = AuditHead(state.seq, state.head) if state.problem is None else None
        return state

    def _verify(self, kept: Sequence[AuditHead], start: AuditHead) -> AuditState:
        rows = self._session.all(
            f"SELECT seq, bytes, hash FROM event WHERE {_after_start('seq')} OR seq = %(start)s ORDER BY seq",
            {"start": start.seq},
        )
        problem = _anchor_problem(rows, start) or _kept_problem(rows, kept, start)
        if rows and rows[0]["seq"] == start.seq > 0:
            rows = rows[1:]
        wanted: dict[int, Added] = {}
        last, chain_problem = _walk(rows, start, wanted)
        problem = problem or chain_problem or self._rows_problem(wanted, start) or self._loss_problem(kept)
        return AuditState(last.seq, last.hash, problem)

    def _loss_problem(self, kept: Sequence[AuditHead]) -> str | None:
        # Heads of lost events count no more on the word of a line outside; only a person's fact in the chain makes it so.
        for head in kept:
            if isinstance(head, LossHead):
                query = "SELECT last_seq FROM acknowledged_loss WHERE event_seq = %s"
                if [row["last_seq"] for row in self._session.all(query, (head.seq,))] != [head.after]:
                    return f"event {head.seq} is no person's word that what came after event {head.after} is lost"
        return None

    def problems_of(self, seqs: Collection[int]) -> dict[int, str]:
        """Say of each of some events what is wrong: it is not there, was changed, or its rows were; whole ones are left out.

        This looks at these events alone, and at that each is the one that the next names; `verify` looks at all.
        """
        with self._session.snapshot():
            query = "SELECT seq, bytes, hash FROM event WHERE seq = ANY(%(seqs)s) OR seq - 1 = ANY(%(seqs)s)"
            events = {row["seq"]: row for row in self._session.all(query, {"seqs": sorted(seqs)})}
            wanted: dict[int, Added] = {}
            problems = {seq: words for seq in seqs if (words := _event_problem(seq, events, wanted)) is not None}
            tables = sorted({added.table for added in wanted.values()} & WRITERS.keys() - {"event"})
            found = self._found("event_seq = ANY(%(seqs)s)", {"seqs": sorted(wanted)} | _forms(wanted), tables)
        for seq, added in wanted.items():
            if not _is_whole(added, found[seq]) and seq not in problems:
                problems[seq] = _row_words(seq, added, found[seq])
        return problems

    def _rows_problem(self, wanted: dict[int, Added], start: AuditHead) -> str | None:
        # One entry a table: rows of a second one that name the same event are forged, whatever the first one holds.
        tables = [table for table in WRITERS if table != "event"]
        found = self._found(_after_start("event_seq"), {"start": start.seq} | _forms(wanted), tables)
        for seq in sorted(wanted.keys() | found.keys()):
            if not _is_whole(wanted.get(seq), found[seq]):
                return _row_words(seq, wanted.get(seq), found[seq])
        return None

    def _found(self, where: str, arguments: Mapping[str, Any], tables: Sequence[str]) -> dict[int, list[Added]]:
        found: dict[int, list[Added]] = defaultdict(list)
        selects = [
            f"SELECT '{table}' AS name, coalesce(event_seq, 0) AS seq, count(*) AS rows,"
            f" encode(sha256(string_agg({ROW_TEXT}, '\\x0a'::bytea ORDER BY t.id)), 'hex') AS digest,"
            " min(t.id) AS first, max(t.id) AS last"
            f" FROM {table} t WHERE {where} GROUP BY 2"
            for table in tables
        ]
        # What rows look like as text must not hang on how a server was set up; and a batch is sorted in memory.
        settings = {"datestyle": "ISO, YMD", "work_mem": "64MB", "jit": "off"}
        self._session.one(
            f"SELECT {', '.join(f'set_config({name!r}, {value!r}, true)' for name, value in settings.items())}"
        )
        columns = {row["name"]: row["columns"] for row in self._session.all(COLUMNS, (list(tables),))}
        for name, seq, rows, digest, *ids in (
            self._session.tuples(" UNION ALL ".join(selects), arguments) if selects else ()
        ):
            found[seq].append(Added(name, rows, digest, columns[name], _ids(*ids)))
        return found


class Added(NamedTuple):
    """What an event says that it added, or what is there: the table, how many rows, the SHA-256 of their text, the columns.

    An event of before the columns were named has none of them. What is there has ids too, in words.
    """

    table: str
    rows: int
    digest: str
    columns: str | None
    ids: str = ""


def _ids(first: int, last: int) -> str:
    return f"id {first}" if first == last else f"id {first} to {last}"


def _added(event: Mapping[str, Any]) -> Added:
    body = event["body"]
    return Added(event["subject"], body["rows"], body["sha256"], body.get("columns"))


def _forms(wanted: Mapping[int, Added]) -> dict[str, int]:
    """Give the last event whose rows were hashed as JSON; one that says so falsely spoils the events before it."""
    return {"as_json": max((seq for seq, added in wanted.items() if added.columns is None), default=0)}


def _is_whole(wanted: Added | None, found: Sequence[Added]) -> bool:
    """Say whether what an event added, if anything, is what names it: columns may have come behind those it knew."""
    if wanted is None or len(found) != 1:
        return wanted is None and not found
    return found[0][:3] == wanted[:3] and _still_has(found[0], wanted)


def _still_has(found: Added, wanted: Added) -> bool:
    return wanted.columns is None or f"{found.columns},".startswith(f"{wanted.columns},")


def _after_start(column: str) -> str:
    # No honest row names an event before the first, or none; a forged one must not hide there.
    return f"({column} > %(start)s OR {column} < 1 OR {column} IS NULL)"


def _anchor_problem(rows: list[dict[str, Any]], start: AuditHead) -> str | None:
    if rows and rows[0]["seq"] < 1:
        return f"event {rows[0]['seq']} stands before the first"
    if start.seq == 0:
        return None
    if not rows or rows[0]["seq"] != start.seq:
        return f"event {start.seq}, which was there before, is gone"
    return None if rows[0]["hash"] == start.hash else f"event {start.seq} was changed"


def _kept_problem(rows: list[dict[str, Any]], kept: Sequence[AuditHead], start: AuditHead) -> str | None:
    if not kept:
        return "no audit head is kept outside the database"
    newest, last = max(head.seq for head in kept), rows[-1]["seq"] if rows else 0
    if newest > max(last, start.seq):
        return f"the chain ends at event {last}, but event {newest} was kept outside"
    # The newest alone would be blind to what was done before it was kept: an honest event over it, and its hash fits.
    hashes = {row["seq"]: row["hash"] for row in rows}
    for head in kept:
        if head.seq > start.seq and hashes.get(head.seq) != head.hash:
            return f"event {head.seq} is not the one whose hash was kept outside"
    return None


def _walk(rows: list[dict[str, Any]], start: AuditHead, wanted: dict[int, Added]) -> tuple[AuditHead, str | None]:
    """Follow the chain and gather what its events added; gives the last good event, and what is wrong with the next."""
    last = start
    for row in rows:
        if row["seq"] != last.seq + 1:
            return last, f"event {last.seq + 1} is missing"
        if hashlib.sha256(row["bytes"].encode()).hexdigest() != row["hash"]:
            return last, f"event {row['seq']} does not have the hash of its bytes"
        try:
            event = json.loads(row["bytes"])
            if (event["seq"], event["previous"]) != (row["seq"], last.hash):
                return last, f"event {row['seq']} does not follow event {last.seq}"
            if event["kind"] == "added":
                wanted[row["seq"]] = _added(event)
        except (ValueError, LookupError, TypeError):
            return last, f"event {row['seq']} cannot be read"
        last = AuditHead(row["seq"], row["hash"])
    return last, None


def _event_problem(seq: int, events: Mapping[int, dict[str, Any]], wanted: dict[int, Added]) -> str | None:
    """Say what is wrong with one event, and gather what it added."""
    row, after = events.get(seq), events.get(seq + 1)
    if row is None:
        return f"event {seq} is missing"
    if hashlib.sha256(row["bytes"].encode()).hexdigest() != row["hash"]:
        return f"event {seq} does not have the hash of its bytes"
    try:
        event = json.loads(row["bytes"])
        wanted[seq] = _added(event)
        if after is not None and json.loads(after["bytes"])["previous"] != row["hash"]:
            return f"event {seq} is not the one that event {seq + 1} follows"
    except (ValueError, LookupError, TypeError):
        return f"event {seq} cannot be read"
    return None


def _row_words(seq: int, wanted: Added | None, found: list[Added]) -> str:
    for item in found:
        if wanted is None or item.table != wanted.table:
            return f"{item.rows} rows of {item.table} name event {seq}, which did not add them ({item.ids})"
    assert wanted is not None, "what no event added was found"
    if not found:
        return f"event {seq} added {wanted.rows} rows to {wanted.table}, which are gone"
    if found[0].rows != wanted.rows:
        return f"event {seq} added {wanted.rows} rows to {wanted.table}; {found[0].rows} name it now ({found[0].ids})"
    if not _still_has(found[0], wanted):
        return f"event {seq} added rows to {wanted.table} with the columns {wanted.columns}; they are {found[0].columns} now"
    return f"rows of {wanted.table} that event {seq} added were changed ({found[0].ids})"
