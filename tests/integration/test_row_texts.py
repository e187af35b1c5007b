"""What an event hashes of its rows: their values under the names of their columns, and in the form of earlier versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import alembic.command
import psycopg
import pytest

from adapters.files.heads import FileHeads
from adapters.postgres import schema
from adapters.postgres.chain import Chain
from adapters.postgres.connect import Location, Session
from adapters.postgres.entries import FEW, add_entries
from adapters.postgres.journal import PgJournal
from adapters.postgres.location import Server
from adapters.postgres.rights import WRITERS
from core.domain.facts import AuditState
from tests.integration.test_batches import entry
from tests.integration.test_chain import Inside, Tamperer, rewrite
from tests.integration.workspaces import DAY, Workspaces, superuser, twokey

# What came after the revision that a test goes back to.
AFTER_0011 = ("change_window", "frozen_hash", "attestation", "config_restore")
AFTER_0008 = ("model", "model_pin", "trial", *AFTER_0011)


@pytest.fixture(scope="module")
def tamperer(workspaces: Workspaces) -> Iterator[Tamperer]:
    """Give the one who tampers with the books of two days, with the head that was kept outside before."""
    root = workspaces.copy("texts")
    for number in range(2):
        assert twokey(root, "run", "--on", str(DAY + timedelta(days=number))).code == 0
    kept = FileHeads(root / "logs" / "audit_heads.jsonl").kept()[-1]
    with superuser(root) as connection:
        tamperer = Tamperer(connection, kept)
        assert tamperer.verify() is None
        yield tamperer
        assert tamperer.verify() is None, "what a test did was not undone"


def test_columns_that_changed_names_are_seen(tamperer):
    """Not a value moved, and yet every row says something else."""
    with tamperer.behind():
        for old, new in (("book", "other"), ("venue", "book"), ("other", "venue")):
            tamperer.do(f"ALTER TABLE entry RENAME {old} TO {new}")

        assert "the columns id,event_seq,recorded_at,key,kind,book,venue," in (tamperer.verify() or "")


def test_a_column_that_is_added_later_leaves_old_rows_whole_and_hides_nothing(tamperer):
    """Empty in what was there before; whatever is written into it then is seen, a text of no letters too."""
    with tamperer.behind():
        tamperer.do("ALTER TABLE posting ADD COLUMN later text")
        assert tamperer.verify() is None
        for value in ("x", "", ","):
            with tamperer.undone():
                tamperer.do("UPDATE posting SET later = %s WHERE id = (SELECT min(id) FROM posting)", value)

                assert "rows of posting" in (tamperer.verify() or ""), value


def test_events_of_earlier_versions_verify_beside_new_ones(tamperer):
    """They hold the hash of their rows as JSON: whole ones are believed, and what was changed on either side is seen."""
    seqs = [row["event_seq"] for row in tamperer.rows("posting", "event_seq")]
    middle = (seqs[0] + seqs[-1]) // 2
    assert seqs[0] <= middle < seqs[-1]
    with tamperer.behind():
        rewrite(tamperer, as_json=middle)
        head = Chain(Inside(tamperer.connection)).head()
        assert tamperer.verify(head) is None
        for side in ("min(id) FROM posting", "max(id) FROM posting"):
            with tamperer.undone():
                tamperer.do(f"UPDATE posting SET account = account || ' ' WHERE id = (SELECT {side})")

                assert "rows of posting" in (tamperer.verify(head) or ""), side


def test_books_of_an_earlier_version_go_on_after_the_upgrade(workspaces, monkeypatch):
    """Rows that a trigger filled and that are hashed as JSON verify, rows come after them, and each is watched as before."""
    root, upgrade = workspaces.copy("earlier"), alembic.command.upgrade
    server = Server(root / "pg", root / "secrets")
    location, admin = server.start(), server.administrator()
    earlier, secrets = Location(location.host, location.port, "earlier"), root / "earlier_secrets"
    login = {"admin": admin.user, "admin_password": admin.password, "secrets_dir": secrets}
    monkeypatch.setattr(alembic.command, "upgrade", lambda config, _: upgrade(config, "0008"))
    # Rights of tables that came later are given by the version that made them.
    monkeypatch.setattr(schema, "WRITERS", {name: role for name, role in WRITERS.items() if name not in AFTER_0008})
    schema.prepare(earlier, **login)
    monkeypatch.undo()
    desk, heads = Session(earlier, "desk", secrets), []
    for number in range(2):
        desk.add("config_version", [{"kind": "policy", "hash": f"{number} {one}", "body": ""} for one in range(3)])
        heads.append(Chain(desk).head())
        schema.prepare(earlier, **login)

    verified = Chain(desk).verify(heads)
    with psycopg.connect(
        host=earlier.host, port=earlier.port, dbname="earlier", user=admin.user, password=admin.password
    ) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE config_version SET body = 'x' WHERE id = (SELECT min(id) FROM config_version)")
    changed = Chain(desk).verify(heads)
    forms = ["columns" in event["body"] for event in Chain(desk).events()]
    desk.close()
    server.release()

    assert (verified, forms) == (AuditState(2, heads[-1].hash, None), [False, True])
    assert (changed.problem or "").startswith("rows of config_version that event 1 added were changed")


def test_entries_of_an_earlier_version_go_on_after_the_upgrade(workspaces, monkeypatch):
    """Those that keys held and those that triggers hold verify beside each other, and each counts once."""
    root, upgrade = workspaces.copy("entries"), alembic.command.upgrade
    server = Server(root / "pg", root / "secrets")
    location, admin = server.start(), server.administrator()
    earlier, secrets = Location(location.host, location.port, "entries"), root / "entries_secrets"
    login = {"admin": admin.user, "admin_password": admin.password, "secrets_dir": secrets}
    monkeypatch.setattr(alembic.command, "upgrade", lambda config, _: upgrade(config, "0011"))
    monkeypatch.setattr(schema, "WRITERS", {name: role for name, role in WRITERS.items() if name not in AFTER_0011})
    schema.prepare(earlier, **login)
    monkeypatch.undo()
    desk, ledger = Session(earlier, "desk", secrets), Session(earlier, "ledger", secrets)
    (row,) = desk.add("clean_snapshot", [{"hash": "x", "body": "{}"}])
    entries = [entry(number, "main", f"clean_snapshot:{row['id']}") for number in range(2 * FEW + 2)]
    added, heads = [add_entries(ledger, entries[: FEW + 1])], [Chain(desk).head()]

    schema.prepare(earlier, **login)
    added += [add_entries(ledger, entries[: FEW + 1]), add_entries(ledger, entries[FEW + 1 :])]
    heads.append(Chain(desk).head())
    verified, read = Chain(desk).verify(heads), PgJournal(ledger).entries("main", "manual")
    for session in (desk, ledger):
        session.close()
    server.release()

    assert (added, verified) == ([FEW + 1, 0, FEW + 1], AuditState(5, heads[-1].hash, None))
    assert read == sorted(entries, key=lambda one: one.session)
