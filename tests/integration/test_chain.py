"""The audit chain on a real server: whatever is changed behind it is seen, and what is added in the open never is blamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.files.heads import FileHeads
from adapters.postgres import tables
from adapters.postgres.chain import Chain
from adapters.postgres.connect import Row, Session
from adapters.postgres.rights import WRITERS
from adapters.postgres.tables import table_name
from core.domain.facts import AuditHead, AuditState
from tests.integration.lesser_facts import add_the_rest
from tests.integration.workspaces import DAY, Workspaces, counts, desk_of, superuser, twokey

FACTS = tuple(map(table_name, tables.FACTS))
# The smallest change of a value that there is.
CHANGES = {
    "text": "coalesce({0}, '') || ' '",
    "bigint": "coalesce({0}, 0) + 1000000",
    "integer": "{0} + 1000000",
    "numeric": "{0} + 0.00000001",
    "boolean": "NOT {0}",
    "date": "{0} + 1",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
}
COLUMNS = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s ORDER BY 1"
# Texts that other rows point at, which a constraint would keep as they are.
KEYS = ("run_id", "job_id")


class Inside(Session):
    """The superuser's session within a transaction of the tester's, which is undone."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.role, self._connection = "reader", connection

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read what the open transaction sees."""
        yield


@dataclass(frozen=True)
class Tamperer:
    """Somebody with all rights, who changes things behind the triggers and undoes them afterwards."""

    connection: psycopg.Connection[Row]
    kept: AuditHead

    @contextlib.contextmanager
    def behind(self, *tables: str) -> Iterator[None]:
        """Work behind every trigger, and with the constraints of some tables gone, until all of it is undone."""
        with self.connection.transaction(force_rollback=True):
            self.do("SET LOCAL session_replication_role = replica")
            self.do("SET CONSTRAINTS ALL DEFERRED")
            for table in tables:
                self._loosen(table)
            yield

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Work on, within what is undone later, until this much is undone."""
        with self.connection.transaction(force_rollback=True):
            yield

    def do(self, statement: str, *values: Any) -> list[Row]:
        """Do a statement and give its rows."""
        cursor = self.connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def verify(self, kept: AuditHead | None = None) -> str | None:
        """Say what the chain finds wrong now."""
        return Chain(Inside(self.connection)).verify([kept or self.kept]).problem

    def columns(self, table: str) -> dict[str, str]:
        """Give the columns of a table with their types."""
        return {row["column_name"]: row["data_type"] for row in self.do(COLUMNS, table)}

    def rows(self, table: str, columns: str = "*") -> list[Row]:
        """Give all rows of a table in order."""
        return self.do(f"SELECT {columns} FROM {table} ORDER BY {'seq' if table == 'event' else 'id'}")

    def _loosen(self, table: str) -> None:
        if table != "event":
            self.do(f"ALTER TABLE {table} ALTER id DROP IDENTITY")
        query = (
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype <> 't' ORDER BY contype DESC"
        )
        for row in self.do(query, table):
            self.do(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{row["conname"]}" CASCADE')
        # What is unique among some rows only is an index and no constraint.
        query = "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = %s::regclass AND indisunique"
        for row in self.do(query, table):
            self.do(f"DROP INDEX {row['name']}")


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace with two rows at least in every table, whose chain verifies and whose server is stopped."""
    root = workspaces.copy("chain")
    for number in range(3):
        assert twokey(root, "run", "--on", str(DAY + timedelta(days=number))).code == 0
    for reason in ("once", "twice"):
        again = ("run", "--on", str(DAY + timedelta(days=2)), "--revise", "--by", "p", "--reason", reason)
        assert twokey(root, *again).code == 0
    with desk_of(root) as desk:
        add_the_rest(desk)
        desk.heads.keep(desk.chain.head())
        rows = counts(desk.session("reader"))
    assert min(rows.values()) >= 2, rows
    return root


@pytest.fixture(scope="module")
def tamperer(root: Path) -> Iterator[Tamperer]:
    """Give the one who tampers, with the head that was kept outside before."""
    kept = FileHeads(root / "logs" / "audit_heads.jsonl").kept()[-1]
    with superuser(root) as connection:
        tamperer = Tamperer(connection, kept)
        assert tamperer.verify() is None
        yield tamperer
        assert tamperer.verify() is None, "what a test did was not undone"


# --- what is changed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", FACTS)
def test_a_changed_value_is_seen_in_every_column(tamperer, table):
    """The smallest change of each column, by turns in the first, a middle and the last row: table and event are named."""
    rows, columns = tamperer.rows(table), tamperer.columns(table)
    assert {"id", "event_seq", "recorded_at"} < columns.keys()
    with tamperer.behind(table):
        for (column, kind), row in zip(columns.items(), cycle((rows[0], rows[len(rows) // 2], rows[-1])), strict=False):
            with tamperer.undone():
                tamperer.do(f"UPDATE {table} SET {column} = {CHANGES[kind].format(column)} WHERE id = %s", row["id"])
                words = tamperer.verify() or ""

                assert (table in words, f"event {row['event_seq']} " in words) == (True, True), (column, words)
                if column not in ("id", "event_seq"):
                    assert is_named(row["id"], words), (column, words)


def is_named(number: int, words: str) -> bool:
    """Say whether a row is the one, or one of those, that the words name by their ids."""
    found = re.search(r"were changed \(id (\d+)(?: to (\d+))?\)$", words)
    return found is not None and int(found[1]) <= number <= int(found[2] or found[1])


@pytest.mark.parametrize("column", ["seq", "bytes", "hash"])
def test_a_changed_event_is_seen_in_every_column(tamperer, column):
    """The same for the chain itself; what is named is the event, or the head that it no longer is."""
    for seq in (1, tamperer.kept.seq // 2, tamperer.kept.seq):
        with tamperer.behind("event"):
            kind = tamperer.columns("event")[column]
            tamperer.do(f"UPDATE event SET {column} = {CHANGES[kind].format(column)} WHERE seq = %s", seq)

            assert f"event {seq} " in f"{tamperer.verify()} ", (column, seq)


@pytest.mark.parametrize("table", FACTS)
def test_a_change_with_the_triggers_disabled_is_seen(tamperer, table):
    """The other way to get past them, with every constraint in place."""
    column = min(name for name, kind in tamperer.columns(table).items() if kind == "text" and name not in KEYS)
    with tamperer.connection.transaction(force_rollback=True):
        tamperer.do(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        tamperer.do(f"UPDATE {table} SET {column} = {column} || ' ' WHERE id = (SELECT max(id) FROM {table})")

        assert table in (tamperer.verify() or "")


def test_a_number_that_is_only_written_differently_is_seen(tamperer):
    """1.5 and 1.50 are equal, and not the same row."""
    with tamperer.behind():
        tamperer.do("UPDATE posting SET amount = amount::text::numeric * 1.0 WHERE id = (SELECT max(id) FROM posting)")

        assert "rows of posting" in (tamperer.verify() or "")


def test_an_emptied_value_is_seen(tamperer):
    """NULL is left out of the hashed text, which no other row has."""
    with tamperer.behind("entry"):
        tamperer.do("UPDATE entry SET instrument = NULL WHERE kind = 'BUY'")

        assert "rows of entry" in (tamperer.verify() or "")


@pytest.mark.parametrize("table", WRITERS)
def test_a_row_that_is_gone_is_seen(tamperer, table):
    """One of a statement's rows, and all rows of a table."""
    key = "seq" if table == "event" else "id"
    for which in (f"{key} = (SELECT min({key}) FROM {table})", f"{key} = (SELECT max({key}) FROM {table})", "true"):
        with tamperer.behind():
            tamperer.do(f"DELETE FROM {table} WHERE {which}")

            assert table in (tamperer.verify() or ""), (table, which)


@pytest.mark.parametrize("table", FACTS)
def test_two_rows_that_changed_places_are_seen(tamperer, table):
    """All that they say, or only the events that they name, is swapped."""
    first, *_, last = tamperer.rows(table)
    for columns in (set(first) - {"id", "event_seq"}, {"event_seq"}, {"id"}):
        if any(first[name] != last[name] for name in columns):
            with tamperer.behind(table):
                names = ", ".join(sorted(columns))
                tamperer.do(
                    f"UPDATE {table} t SET ({names}) ="
                    f" (SELECT {names} FROM {table} o WHERE o.id = %s + %s - t.id) WHERE id IN (%s, %s)",
                    *(first["id"], last["id"]) * 2,
                )

                assert table in (tamperer.verify() or ""), (table, columns)


@pytest.mark.parametrize("table", FACTS)
def test_a_truncated_table_is_seen(tamperer, table):
    """In one stroke and behind the trigger that refuses it; what points there goes along, and the first table is named."""
    with tamperer.behind():
        tamperer.do(f"TRUNCATE {table} CASCADE")

        assert "rows to" in (tamperer.verify() or "")


def test_a_truncated_chain_is_seen(tamperer):
    """The events gone and every fact with them: nothing is left that contradicts itself, but the head kept outside."""
    with tamperer.behind():
        tamperer.do("TRUNCATE event CASCADE")

        assert tamperer.verify() == f"the chain ends at event 0, but event {tamperer.kept.seq} was kept outside"


def test_two_events_that_changed_places_are_seen(tamperer):
    """Neighbours and far ones: their bytes and hashes alone, and with the rows that they added."""
    facts = [table for table in FACTS if tamperer.rows(table)]
    for first, second in ((3, 4), (5, tamperer.kept.seq - 1)):
        swap = f"CASE {{0}} WHEN {first} THEN {second} WHEN {second} THEN {first} ELSE {{0}} END"
        for takes_rows in (False, True):
            with tamperer.behind("event", *facts):
                tamperer.do(f"UPDATE event SET seq = {swap.format('seq')}")
                for table in facts if takes_rows else ():
                    tamperer.do(f"UPDATE {table} SET event_seq = {swap.format('event_seq')}")

                assert "event" in (tamperer.verify() or ""), (first, second, takes_rows)


# --- what is forged ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", FACTS)
def test_a_forged_row_is_seen_whatever_event_it_names(tamperer, table):
    """Its table's own event, one of a table before and after it, none, one before the first, one after the last."""
    tables = (table, FACTS[0], FACTS[1], FACTS[-2], FACTS[-1])
    named: dict[str, int | None] = {name: tamperer.rows(name, "event_seq")[-1]["event_seq"] for name in tables}
    named |= {"none": None, "zero": 0, "before the first": -1, "after the last": tamperer.kept.seq + 1}
    kept = [name for name in tamperer.columns(table) if name not in ("id", "event_seq")]
    with tamperer.behind(table):
        for seq in named.values():
            with tamperer.undone():
                tamperer.do(
                    f"INSERT INTO {table} (id, event_seq, {', '.join(kept)})"
                    f" SELECT 999999, %s, {', '.join(kept)} FROM {table} LIMIT 1",
                    seq,
                )

                assert table in (tamperer.verify() or ""), (table, seq)


def test_a_forged_event_is_seen(tamperer):
    """Before the first, in the middle, after the last: with the hash of its own bytes, and with bytes that say nothing."""
    last = tamperer.rows("event")[-1]
    saying = json.dumps(json.loads(last["bytes"]) | {"seq": last["seq"] + 1, "previous": "0" * 64})
    for seq, text in ((0, saying), (-7, saying), (last["seq"] + 1, saying), (last["seq"] + 1, "nothing"), (0, "[]")):
        with tamperer.behind():
            tamperer.do("INSERT INTO event VALUES (%s, %s, %s)", seq, text, sha256(text))

            assert "event" in (tamperer.verify() or ""), (seq, text)


@pytest.mark.parametrize("text", ["nothing", "[]", "{}", '{"seq": 4}'])
def test_an_event_that_says_nothing_is_a_problem_and_no_crash(tamperer, text):
    """Bytes with their own hash, which are no event."""
    with tamperer.behind():
        tamperer.do("UPDATE event SET bytes = %s, hash = %s WHERE seq = 4", text, sha256(text))

        assert tamperer.verify() == "event 4 cannot be read"


def test_a_row_that_is_added_by_the_book_of_the_chain_is_no_forgery(tamperer):
    """The control: the same row through the triggers verifies, since an event tells of it."""
    with tamperer.connection.transaction(force_rollback=True):
        tamperer.do("INSERT INTO job (job_id, kind, body) VALUES ('JOB-X', 'training', '{}')")

        assert tamperer.verify() is None


# --- what is rewritten ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dropped", [1, 2, 10, 10_000])
def test_a_chain_that_was_cut_is_seen_by_the_kept_head_alone(tamperer, dropped):
    """The last events with their rows are deleted: what is left is a whole chain, but not the one that was kept."""
    last = max(tamperer.kept.seq - dropped, 0)
    with tamperer.behind():
        for table in FACTS:
            tamperer.do(f"DELETE FROM {table} WHERE event_seq > %s", last)
        tamperer.do("DELETE FROM event WHERE seq > %s", last)
        head = Chain(Inside(tamperer.connection)).head()

        assert tamperer.verify() == f"the chain ends at event {last}, but event {tamperer.kept.seq} was kept outside"
        assert tamperer.verify(head) is None


def test_a_chain_that_was_rewritten_is_seen_by_the_kept_head_alone(tamperer):
    """A row is changed and every hash from there on computed again: only the head kept outside tells."""
    with tamperer.behind():
        tamperer.do("UPDATE ticket_line SET body = replace(body, '1', '2')")
        rewrite(tamperer)
        head = Chain(Inside(tamperer.connection)).head()

        assert head.seq == tamperer.kept.seq
        assert tamperer.verify() == f"event {head.seq} is not the one whose hash was kept outside"
        assert tamperer.verify(head) is None


@pytest.mark.parametrize("table", FACTS)
def test_a_row_that_was_changed_with_the_chain_behind_it_is_seen_by_the_kept_head_alone(tamperer, table):
    """A row of any table, its event and every one after it, as an expert would: without the head all is well."""
    column = min(name for name, kind in tamperer.columns(table).items() if kind == "text" and name not in KEYS)
    with tamperer.behind():
        tamperer.do(f"UPDATE {table} SET {column} = {column} || ' ' WHERE id = (SELECT min(id) FROM {table})")
        rewrite(tamperer, of=table)
        head = Chain(Inside(tamperer.connection)).head()

        assert head.seq == tamperer.kept.seq
        assert tamperer.verify() == f"event {head.seq} is not the one whose hash was kept outside"
        assert tamperer.verify(head) is None


def test_going_on_from_what_was_verified_sees_what_came_after(tamperer):
    """The gate of a day looks from where it looked last; a changed, cut or replaced event there is seen."""
    chain = Chain(Inside(tamperer.connection))
    with tamperer.connection.transaction(force_rollback=True):
        assert chain.verify_on([tamperer.kept]).problem is None
        tamperer.do("INSERT INTO job (job_id, kind, body) VALUES ('JOB-X', 'training', '{}')")
        assert chain.verify_on([tamperer.kept]) == AuditState(tamperer.kept.seq + 1, chain.head().hash, None)
        tamperer.do("SET LOCAL session_replication_role = replica")
        tamperer.do("INSERT INTO job (event_seq, recorded_at, job_id, kind, body) VALUES (0, now(), 'Y', '', '')")
        assert "1 rows of job name event 0" in (chain.verify_on([tamperer.kept]).problem or "")
        tamperer.do("DELETE FROM job WHERE job_id = 'Y'")
        assert chain.verify_on([tamperer.kept]).problem is None
        tamperer.do("DELETE FROM job WHERE job_id = 'JOB-X'")
        tamperer.do("DELETE FROM event WHERE seq > %s", tamperer.kept.seq)
        assert (
            chain.verify_on([tamperer.kept]).problem
            == f"event {tamperer.kept.seq + 1}, which was there before, is gone"
        )


def test_no_head_kept_is_a_problem_of_its_own(tamperer):
    """Who removes the file of heads does not open the gate."""
    assert Chain(Inside(tamperer.connection)).verify([]).problem == "no audit head is kept outside the database"


def test_an_older_copy_of_the_database_is_seen_and_nothing_is_traded_on_it(workspaces, root):
    """The database is put back to yesterday; the heads kept outside are today's."""
    older, newer = workspaces.copy("older", of=root), workspaces.copy("newer", of=root)
    day = DAY + timedelta(days=3)
    assert twokey(newer, "run", "--on", str(day)).code == 0
    shutil.copy(newer / "logs" / "audit_heads.jsonl", older / "logs")

    verified, decided = twokey(older, "audit", "verify"), twokey(older, "run", "--on", str(day))

    assert (verified.code, "was kept outside" in verified.facts["problem"]) == (1, True)
    assert (decided.code, decided.facts["kind"]) == (3, "NO-TRADE")
    assert any(reason.startswith("audit: the chain ends at event") for reason in decided.facts["reasons"])


@pytest.mark.parametrize("how", ["rewritten", "cut"])
def test_the_next_head_does_not_bless_what_was_done_before_it(workspaces, root, how):
    """Every head that was ever kept must be in the chain: one kept after the deed, over more events, covers nothing up."""
    blessed = workspaces.copy(f"blessed-{how}", of=root)
    with superuser(blessed) as connection, connection.transaction():
        deed = Tamperer(connection, AuditHead(0, ""))
        deed.do("SET LOCAL session_replication_role = replica")
        if how == "rewritten":
            deed.do("UPDATE ticket_line SET body = replace(body, '1', '2')")
            rewrite(deed)
        else:
            for table in FACTS:
                deed.do(f"DELETE FROM {table} WHERE event_seq > (SELECT max(seq) - 2 FROM event)")
            deed.do("DELETE FROM event WHERE seq > (SELECT max(seq) - 2 FROM event)")

    honest = ("AAPL", "KO", "MSFT", "XOM")
    codes = [twokey(blessed, "universe", "verify", name, "--by", "p").code for name in honest]
    verified, decided = (
        twokey(blessed, "audit", "verify"),
        twokey(blessed, "run", "--on", str(DAY + timedelta(days=3))),
    )

    assert codes == [0] * 4
    assert (verified.code, "whose hash was kept outside" in verified.facts["problem"]) == (1, True)
    assert (decided.code, decided.facts["reasons"]) == (3, [f"audit: {verified.facts['problem']}"])


def rewrite(tamperer: Tamperer, *, as_json: int = 0, of: str | None = None) -> None:
    """Make the chain again over the rows (of one table, if named) as they are now; up to an event as earlier versions did."""
    previous, written = "", []
    for row in tamperer.rows("event"):
        event = json.loads(row["bytes"])
        if of in (None, event["subject"]):
            event["body"] = body_now(tamperer, event, is_json=row["seq"] <= as_json)
        text = json.dumps(event | {"previous": previous})
        previous = sha256(text)
        written.append((text, previous, row["seq"]))
    with tamperer.connection.cursor() as cursor:
        cursor.executemany("UPDATE event SET bytes = %s, hash = %s WHERE seq = %s", written)


def body_now(tamperer: Tamperer, event: dict[str, Any], *, is_json: bool) -> dict[str, Any]:
    """Give what an event would say of its rows as they are now."""
    one = "jsonb_strip_nulls(to_jsonb(t))::text" if is_json else "rtrim(left(t::text, -1), ',')"
    query = f"SELECT string_agg({one}, E'\\n' ORDER BY t.id) AS text FROM {event['subject']} t WHERE event_seq = %s"
    (found,) = tamperer.do(query, event["seq"])
    kept = {name: value for name, value in event["body"].items() if name != "columns" or not is_json}
    return kept | {"sha256": sha256(found["text"])}


def sha256(text: str) -> str:
    """Give the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
