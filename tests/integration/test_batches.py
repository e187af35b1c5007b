"""Batches of entries on a real server: many at once are all there or none, count once, and come back as they went in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.chain import Chain
from adapters.postgres.entries import BATCH, EVIDENCE_KINDS, FEW
from adapters.postgres.journal import PgJournal
from cli.wiring import Desk
from core.domain.posting import Entry, Posting
from flows.books import StoreError
from tests.integration.workspaces import DAY, Workspaces, desk_of, superuser

# More than one statement takes, and more values than one takes as arguments.
MANY = BATCH + 5


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace with nothing in its books, whose server is stopped."""
    return workspaces.copy("batches")


@pytest.fixture
def desk(root: Path) -> Iterator[Desk]:
    """Give the workspace, open."""
    with desk_of(root) as desk:
        yield desk


def entry(number: int, book: str, evidence: str) -> Entry:
    """Give an entry; the amounts differ in their digits, and texts hold what other formats would need to escape."""
    units, price = Decimal(number + 1).scaleb(-(number % 7)), Decimal("12.50") * (number + 1)
    name = ("ABC", 'A,"B"\\C', "Ä\tB\nC", "(NULL)", "\\N", "", " x ")[number % 7]
    postings = (
        Posting("units", name, units),
        Posting("trade", name, -units),
        Posting("trade", "GBP", price),
        Posting("cash", "GBP", -price),
    )
    day = DAY + timedelta(days=(number * 7919) % 50)
    return Entry(f"{book}:{number}", "BUY", book, "manual", day, name, evidence, postings)


def evidence(desk: Desk) -> str:
    """Name a published clean set, which any number of entries may rest on."""
    (row,) = desk.session("desk").add("clean_snapshot", [{"hash": "of a batch", "body": "{}"}])
    return f"clean_snapshot:{row['id']}"


def events(desk: Desk) -> int:
    """Give the number of the last event."""
    return Chain(desk.session("reader")).head().seq


def test_a_batch_of_many_comes_back_as_it_went_in_and_counts_once(desk):
    """Those known already are left out, of two with one key the first counts; every statement is one event."""
    rests_on = evidence(desk)
    entries = [entry(number, "many", rests_on) for number in range(MANY)]
    again = replace(entries[7], session=DAY, postings=())
    journal = PgJournal(desk.session("ledger"))
    assert journal.add_entries(entries[:3]) == 3
    before = events(desk)

    added = journal.add_entries([*entries, again])

    read = journal.entries("many", "manual")
    assert (added, events(desk) - before) == (MANY - 3, 4)
    assert read == sorted(entries, key=lambda one: one.session)
    written = [(str(posting.amount), posting.commodity) for one in read[:50] for posting in one.postings]
    assert written == [(format(p.amount, "f"), p.commodity) for one in read[:50] for p in one.postings]
    assert journal.add_entries(entries) == 0
    assert (journal.entries("many", "manual"), events(desk) - before) == (read, 4)
    assert PgJournal(desk.session("reader")).entries("many", "manual") == read
    desk.heads.keep(desk.chain.head())
    assert desk.chain.verify(desk.heads.kept()).problem is None


def test_a_batch_is_there_as_a_whole_or_not_at_all(desk):
    """The last entry of the second statement rests on evidence that is not there."""
    rests_on = evidence(desk)
    entries = [entry(number, "none", rests_on) for number in range(MANY)]
    before = events(desk)

    with pytest.raises(StoreError, match="clean_snapshot"):
        PgJournal(desk.session("ledger")).add_entries(
            [*entries[:-1], replace(entries[-1], evidence="clean_snapshot:99999")]
        )

    assert (PgJournal(desk.session("ledger")).entries("none", "manual"), events(desk)) == ([], before)


def test_entries_that_come_later_take_their_place_among_those_read_before(desk):
    """Late facts and splits stand where their day puts them, and what was recorded first can still be asked for."""
    rests_on = evidence(desk)
    journal = PgJournal(desk.session("ledger"))
    first = [entry(number, "late", rests_on) for number in range(20)]
    late = [entry(20, "late", rests_on), replace(entry(21, "late", rests_on), kind="SPLIT")]
    journal.add_entries(first)
    early = journal.entries("late", "manual")
    journal.add_entries(late)

    whole = journal.entries("late", "manual")

    assert whole == sorted([*first, *late], key=lambda one: (one.session, one.kind != "SPLIT"))
    assert journal.entries("late", "manual", first=20) == early
    assert whole == PgJournal(desk.session("reader")).entries("late", "manual")


@pytest.mark.parametrize("kind", EVIDENCE_KINDS)
def test_entries_rest_on_evidence_that_is_there(desk, root, kind):
    """One among many is refused, however they come, and for the owner too."""
    rests_on, before = evidence(desk), events(desk)
    many = [entry(number, "lost", rests_on) for number in range(FEW + 1)]
    lost = replace(entry(FEW + 1, "lost", rests_on), evidence=f"{kind}:99999")
    words = f"an entry rests on {kind} 99999, which is not there"
    statement = (
        f"INSERT INTO entry (key, kind, book, venue, session, {kind})"
        " VALUES ('lost', 'BUY', 'lost', 'manual', '2020-01-02', 99999)"
    )

    for entries in ([*many, lost], [lost]):
        with pytest.raises(StoreError, match=words):
            PgJournal(desk.session("ledger")).add_entries(entries)
    with superuser(root) as connection, pytest.raises(psycopg.errors.ForeignKeyViolation, match=words):
        connection.execute(statement.encode())

    assert events(desk) == before


def test_of_two_entries_on_one_movement_the_first_counts(desk):
    """Among many that are new otherwise, in one call and in a later one."""
    movement = {"key": "paid", "book": "twice", "venue": "manual", "session": DAY, "currency": "GBP", "amount": "5"}
    (row,) = desk.session("person").add("cash_movement", [{**movement, "said_by": "p", "note": ""}])
    rests_on, journal = evidence(desk), PgJournal(desk.session("ledger"))
    first, second, third = (
        replace(entry(number, "twice", rests_on), evidence=f"cash_movement:{row['id']}") for number in range(3)
    )
    many = [entry(number, "twice", rests_on) for number in range(3, 2 * FEW + 5)]

    assert journal.add_entries([first, second, *many[: FEW + 1]]) == FEW + 2
    assert journal.add_entries([third, *many]) == len(many) - FEW - 1
    assert {one.key for one in journal.entries("twice", "manual")} == {one.key for one in (first, *many)}
