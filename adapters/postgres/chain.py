"""The audit chain: reading events, and verifying them and every fact row tied to them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from adapters.postgres.connect import Session
from adapters.postgres.rights import WRITERS
from core.domain.facts import AuditHead, AuditState

GENESIS = ""


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
        return [{**json.loads(row["bytes"]), "hash": row["hash"]} for row in rows]

    def verify(self, kept: AuditHead | None, *, since: AuditHead | None = None) -> AuditState:
        """Verify the chain against the head kept outside, from `since` on (from the start when it is None).

        Says the first thing that is wrong: a gap, a hash that does not fit, a row changed, gone or added, a chain that is
        shorter than the kept head or does not hold it.
        """
        with self._session.snapshot():
            return self._verify(kept, since or AuditHead(0, GENESIS))

    def verify_on(self, kept: AuditHead | None) -> AuditState:
        """Verify as `verify` does, going on from what this object verified before."""
        state = self.verify(kept, since=self._verified)
        self._verified = AuditHead(state.seq, state.head) if state.problem is None else None
        return state

    def _verify(self, kept: AuditHead | None, start: AuditHead) -> AuditState:
        rows = self._session.all(
            "SELECT seq, bytes, hash FROM event WHERE seq >= %s ORDER BY seq", (max(start.seq, 1),)
        )
        problem = _anchor_problem(rows, start) or _kept_problem(rows, kept, start)
        if rows and rows[0]["seq"] == start.seq:
            rows = rows[1:]
        last, chain_problem = _walk(rows, start)
        problem = problem or chain_problem or self._rows_problem(rows, start.seq)
        return AuditState(last.seq, last.hash, problem)

    def _rows_problem(self, rows: list[dict[str, Any]], start: int) -> str | None:
        wanted = {}
        for row in rows:
            event = json.loads(row["bytes"])
            if event["kind"] == "added":
                wanted[row["seq"]] = (event["subject"], event["body"]["rows"], event["body"]["sha256"])
        found: dict[int, tuple[str, int, str]] = {}
        selects = [
            f"SELECT '{table}' AS name, event_seq, count(*) AS rows,"
            " string_agg(jsonb_strip_nulls(to_jsonb(t))::text, E'\\n' ORDER BY t.id) AS text"
            f" FROM {table} t WHERE event_seq > %(start)s GROUP BY event_seq"
            for table in WRITERS
            if table != "event"
        ]
        for row in self._session.all(" UNION ALL ".join(selects), {"start": start}):
            digest = hashlib.sha256(row["text"].encode()).hexdigest()
            found[row["event_seq"]] = (row["name"], row["rows"], digest)
        for seq in sorted(wanted.keys() | found.keys()):
            if wanted.get(seq) != found.get(seq):
                return _row_words(seq, wanted.get(seq), found.get(seq))
        return None


def _anchor_problem(rows: list[dict[str, Any]], start: AuditHead) -> str | None:
    if start.seq == 0:
        return None
    if not rows or rows[0]["seq"] != start.seq:
        return f"event {start.seq}, which was there before, is gone"
    return None if rows[0]["hash"] == start.hash else f"event {start.seq} was changed"


def _kept_problem(rows: list[dict[str, Any]], kept: AuditHead | None, start: AuditHead) -> str | None:
    if kept is None:
        return "no audit head is kept outside the database"
    if kept.seq <= start.seq:
        return None
    found = next((row for row in rows if row["seq"] == kept.seq), None)
    if found is None:
        last = rows[-1]["seq"] if rows else 0
        return f"the chain ends at event {last}, but event {kept.seq} was kept outside"
    return None if found["hash"] == kept.hash else f"event {kept.seq} is not the one whose hash was kept outside"


def _walk(rows: list[dict[str, Any]], start: AuditHead) -> tuple[AuditHead, str | None]:
    last = start
    for row in rows:
        if row["seq"] != last.seq + 1:
            return last, f"event {last.seq + 1} is missing"
        if hashlib.sha256(row["bytes"].encode()).hexdigest() != row["hash"]:
            return last, f"event {row['seq']} does not have the hash of its bytes"
        event = json.loads(row["bytes"])
        if event["previous"] != last.hash or event["seq"] != row["seq"]:
            return last, f"event {row['seq']} does not follow event {last.seq}"
        last = AuditHead(row["seq"], row["hash"])
    return last, None


def _row_words(seq: int, wanted: tuple[str, int, str] | None, found: tuple[str, int, str] | None) -> str:
    if wanted is None:
        table, rows, _ = found or ("", 0, "")
        return f"{rows} rows of {table} name event {seq}, which did not add them"
    if found is None:
        return f"event {seq} added {wanted[1]} rows to {wanted[0]}, which are gone"
    if wanted[0] != found[0] or wanted[1] != found[1]:
        return f"event {seq} added {wanted[1]} rows to {wanted[0]}; {found[1]} rows of {found[0]} name it now"
    return f"rows of {wanted[0]} that event {seq} added were changed"
