"""Booking facts on a real database: all or nothing, once, posted after a crash, refused with the reason, taken back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.booked import PgFacts
from adapters.postgres.journal import PgJournal
from core.domain.posting import Entry
from flows.booking import VENUE, post_booked
from flows.books import StoreError
from tests.integration.workspaces import (
    DAY,
    ONE_DAY,
    Done,
    Workspaces,
    change_desk,
    counts,
    desk_of,
    make_manual,
    morning,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True
HASH = "a" * 64
BEFORE = str(DAY - ONE_DAY)
OPENING = {
    "kind": "OPENING",
    "key": "o1",
    "effective": BEFORE,
    "account": "main",
    "instrument": "AAPL",
    "quantity": "3",
    "cost": "300",
    "currency": "GBP",
    "evidence": HASH,
}
FEE = {"kind": "FEE", "key": "f1", "effective": BEFORE, "account": "main", "currency": "GBP", "amount": "2.50"}


@pytest.fixture(scope="module")
def manual(workspaces: Workspaces) -> Path:
    """Give a book at a manual venue with 10,000 and no trade."""
    root = workspaces.copy("to-book")
    make_manual(root)
    return root


@pytest.fixture
def root(workspaces: Workspaces, manual: Path, request: pytest.FixtureRequest) -> Path:
    """Give each test a copy of its own."""
    return workspaces.copy(re.sub(r"\W+", "-", request.node.name), of=manual)


def add(root: Path, *facts: dict[str, Any], words: tuple[str, ...] = ()) -> Done:
    """Book facts on the day of the ticket."""
    path = root / "facts.json"
    path.write_text(json.dumps(list(facts)), encoding="utf-8")
    with the_time_is(morning(DAY)):
        return twokey(root, "ledger", "add", str(path), "--by", "ann", "--note", "moved from elsewhere", *words)


def entries(root: Path, book: str = "main") -> list[Entry]:
    """Give a book's entries."""
    with desk_of(root) as desk:
        return list(desk.journal.entries(book, VENUE))


def held(root: Path, book: str = "main") -> tuple[dict[str, Decimal], Decimal]:
    """Give what a book holds: units, and cash in pounds."""
    units: dict[str, Decimal] = {}
    cash = Decimal(0)
    for entry in entries(root, book):
        for one in entry.postings:
            if one.account == "units":
                units[one.commodity] = units.get(one.commodity, Decimal(0)) + one.amount
            cash += one.amount if (one.account, one.commodity) == ("cash", "GBP") else 0
    return {name: number for name, number in units.items() if number}, cash


def test_facts_are_kept_and_posted_and_the_same_again_changes_nothing(root: Path) -> None:
    """Units and cash move, each entry rests on its fact, the head is kept outside, and a second time nothing is new."""
    done = add(root, OPENING, FEE)
    assert (done.code, done.facts["posted"], done.facts["known"]) == (0, 2, 0), done.err
    assert held(root) == ({"AAPL": Decimal(3)}, Decimal("9997.50"))
    again = add(root, OPENING, FEE)
    assert (again.code, again.facts["posted"], again.facts["known"]) == (0, 0, 2)
    with desk_of(root) as desk:
        assert desk.chain.verify(desk.heads.kept()).problem is None
    listed = twokey(root, "ledger", "facts").facts["facts"]
    assert [(one["key"], one["by"], one["fact"]["kind"]) for one in listed] == [
        ("o1", "ann", "OPENING"),
        ("f1", "ann", "FEE"),
    ]


def test_a_preview_shows_the_entries_and_writes_no_row(root: Path) -> None:
    """Nothing is in the database after a preview, and it tells what would be."""
    with desk_of(root) as desk:
        before = counts(desk.session("reader"))
    done = add(root, OPENING, words=("--preview",))
    assert (done.code, done.facts["written"]) == (0, False)
    assert done.facts["entries"][0]["moves"] == "3 AAPL"
    with desk_of(root) as desk:
        assert counts(desk.session("reader")) == before


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a key that tells another thing": ([FEE | {"amount": "3"}], r"fact 'f1' is told otherwise by ann"),
    "no such book": ([FEE | {"key": "x", "account": "isa"}], r"'isa' is no book; there are etoro/unallocated, main"),
    "a day to come": ([FEE | {"key": "x", "effective": "2031-01-01"}], "effective was 2031-01-01, which is to come"),
    "a currency that the book does not hold": (
        [FEE | {"key": "x", "currency": "USD"}],
        "USD in book main, which counts in GBP",
    ),
    "a float": ([FEE | {"key": "x", "amount": 2.5}], r'the number 2.5 stands there bare; write it as text, as "2.5"'),
    "a whole number": ([FEE | {"key": "x", "amount": 2}], r"fact 'x': .*amount.*write it as text"),
    "a field that nobody knows": ([FEE | {"key": "x", "price": "1"}], r"fact 'x': .*price"),
    "no key": ([{"kind": "FEE"}], "fact number 1: key was None"),
    "an instrument that nobody knows": (
        [OPENING | {"instrument": "APPL"}],
        "'APPL' in book main, and config/universe.csv has no",
    ),
    "a correction of nothing": (
        [{"kind": "CORRECTION", "key": "c", "effective": BEFORE, "reverses": "none", "reason": "?"}],
        "there is no fact and no entry 'none'",
    ),
    "units that are not there": (
        [FEE | {"key": "y"}, {**OPENING, "kind": "TRANSFER", "key": "t", "to": "etoro/unallocated"}],
        "fact 't': ",
    ),
    "a sale of more than is held": (
        [
            FEE | {"key": "y"},
            {"kind": "SELL", "key": "s", "effective": BEFORE, "account": "main", "instrument": "AAPL"}
            | {"quantity": "1", "amount": "9", "currency": "GBP"},
        ],
        f"book main would hold -1 AAPL on {BEFORE}; book what brought the units first",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_booked_is_refused_in_words_and_keeps_nothing(root: Path, what: str) -> None:
    """The refusal names fact, field and what would be right; not one fact of the file is kept."""
    facts, words = REFUSED[what]
    if what.startswith("a key"):
        assert add(root, FEE).code == 0
    with desk_of(root) as desk:
        before = counts(desk.session("reader"))
    done = add(root, *facts)
    assert done.code == 2
    assert re.search(words, done.err), done.err
    with desk_of(root) as desk:
        assert counts(desk.session("reader")) == before


def test_a_key_that_tells_another_thing_leaves_an_alert_that_the_doctor_shows(root: Path) -> None:
    """Whoever looks after the desk hears of it for a week, not only who typed; other refusals leave none."""
    assert add(root, FEE).code == 0
    assert add(root, FEE | {"key": "x", "amount": "bad"}).code == 2
    assert not (root / "logs" / "alerts.jsonl").exists()
    assert add(root, FEE | {"amount": "3"}).code == 2
    told = {}
    for days in (6, 8):
        with the_time_is(morning(DAY + days * ONE_DAY)):
            checks = twokey(root, "doctor").facts["checks"]
        told[days] = next((one["state"], one["says"]) for one in checks if one["check"] == "alerts")
    assert told[6][0] == "wrong"
    assert "ann tried to book: fact 'f1' is told otherwise by ann" in told[6][1]
    assert told[8] == ("ok", "none in the last 7 days")


def test_facts_that_a_crash_left_unposted_are_posted_by_the_next_run(root: Path) -> None:
    """Kept and not posted: the next run posts them before it looks at the book, and the same file again finds them known."""
    path = root / "facts.json"
    path.write_text(json.dumps(FEE), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PgJournal, "add_entries", _cut_short)
        with pytest.raises(_CutError), the_time_is(morning(DAY)):
            twokey(root, "ledger", "add", str(path), "--by", "ann", "--note", "a fee")
    assert held(root)[1] == 10000
    with the_time_is(morning(DAY)):
        twokey(root, "run")
    assert held(root)[1] == Decimal("9997.50")
    assert add(root, FEE).facts["known"] == 1


class _CutError(BaseException):
    """The end of a process, as a test can make it."""


def _cut_short(*_: object) -> int:
    raise _CutError


def test_a_correction_takes_back_a_cash_movement_and_a_fact(root: Path) -> None:
    """What a person mistook is taken back by its key, in entries of its own, and a second correction is refused."""
    assert add(root, FEE).code == 0
    right = FEE | {"key": "f2", "amount": "3.50"}
    fix = {"kind": "CORRECTION", "key": "c1", "effective": BEFORE, "reverses": "f1", "reason": "typed wrongly"}
    assert add(root, fix | {"replacement": right}).code == 0
    assert held(root)[1] == Decimal("9996.50")
    done = add(
        root, {"kind": "CORRECTION", "key": "c2", "effective": BEFORE, "reverses": "opening", "reason": "never paid"}
    )
    assert done.code == 0, done.err
    assert held(root)[1] == Decimal("-3.50")
    again = add(root, fix | {"key": "c3"})
    assert (again.code, "'c1' took 'f1' back already" in again.err) == (2, True)
    assert [one["taken_back_by"] for one in twokey(root, "ledger", "facts").facts["facts"]] == ["c1", None, None]


def test_the_database_holds_that_a_fact_is_taken_back_once(root: Path) -> None:
    """Whatever was looked at before: who comes second hears who came first, and nothing of theirs is kept."""
    assert add(root, FEE).code == 0
    fix = {"kind": "CORRECTION", "effective": BEFORE, "reverses": "f1", "reason": "no fee"}
    assert add(root, fix | {"key": "c1"}).code == 0
    with desk_of(root) as desk:
        facts = PgFacts(desk.session("person"))
        (again,) = [one for one in desk.journal.booked_facts(VENUE) if one.key == "c1"]
        with pytest.raises(StoreError, match="f1 was taken back by c1 already"):
            facts.keep([], [replace(again, key="c2")], reversed_by={"c2": "f1"})
    assert held(root)[1] == 10000


def test_a_transfer_reaches_the_other_part_of_the_account(root: Path) -> None:
    """Units and cash leave the book and are found in the part of the account that is in no book."""
    there = {"kind": "TRANSFER", "effective": BEFORE, "account": "main", "to": "etoro/unallocated"}
    done = add(
        root,
        OPENING,
        there | {"key": "t1", "instrument": "AAPL", "quantity": "1"},
        there | {"key": "t2", "currency": "GBP", "amount": "1000"},
    )
    assert done.code == 0, done.err
    assert held(root) == ({"AAPL": Decimal(2)}, Decimal(9000))
    assert held(root, "etoro/unallocated") == ({"AAPL": Decimal(1)}, Decimal(1000))


def test_a_break_is_gone_once_a_fact_explains_it(root: Path) -> None:
    """The broker holds three units that our books lack: a break, until a person books the opening; then none."""
    seen = morning(DAY) + timedelta(hours=1)
    path = snapshot(root, seen, cash="10000")
    with the_time_is(seen + timedelta(hours=1)):
        found = twokey(root, "reconcile", "--snapshot", str(path))
        assert (found.code, len(found.facts["breaks"])) == (1, 1), found.err
    assert add(root, OPENING).code == 0
    with the_time_is(seen + timedelta(hours=1)):
        again = twokey(root, "reconcile")
        assert (again.code, again.facts["breaks"]) == (0, []), again.err


def test_a_fact_booked_to_a_day_that_was_compared_asks_for_another_comparison(root: Path) -> None:
    """The comparison was of other books; compared again it counts, and a fact of a later day changes nothing."""
    seen = morning(DAY) + timedelta(hours=1)
    path = snapshot(root, seen, cash="10000")
    later = seen + timedelta(hours=1)
    assert add(root, OPENING).code == 0
    with the_time_is(later):
        assert twokey(root, "reconcile", "--snapshot", str(path)).code == 0

    def breaks() -> tuple[str, ...]:
        with desk_of(root) as desk:
            return desk.journal.reconciliation("main", VENUE).breaks

    assert breaks() == ()
    tiny = FEE | {"amount": "0.01"}
    assert add(root, tiny, tiny | {"key": "f2", "account": "etoro/unallocated", "amount": "0.001"}).code == 0
    (told,) = breaks()
    assert told.startswith("fact f1 in main, the first of 2, was booked after the books of")
    with the_time_is(later):
        assert twokey(root, "reconcile").code == 0
    assert breaks() == ()


def test_an_account_is_its_books_and_the_part_that_is_in_none(root: Path) -> None:
    """What was moved out of the book is still in the account: nothing is missing there."""
    seen = morning(DAY) + timedelta(hours=1)
    path = snapshot(root, seen, cash="10000")
    there = {"kind": "TRANSFER", "effective": BEFORE, "account": "main", "to": "etoro/unallocated"}
    part = there | {"key": "t1", "instrument": "AAPL", "quantity": "1"}
    assert add(root, OPENING, part, there | {"key": "t2", "currency": "GBP", "amount": "9"}).code == 0
    with the_time_is(seen + timedelta(hours=1)):
        done = twokey(root, "reconcile", "--snapshot", str(path))
    assert (done.code, done.facts["breaks"]) == (0, []), done.err


def test_an_account_without_a_book_is_reconciled_by_what_was_booked_to_it(root: Path) -> None:
    """An account of the desk that no book trades in: its own part is compared, in its own currency, and keeps its breaks."""
    one = "  - name: etoro\n    # The venue's name as people write it.\n"
    assert one in (root / "config" / "desk.yml").read_text(encoding="utf-8")
    other = "  - {name: isa, venue_name: Bank, currency: USD, taxable: false, lots: FIFO}\n"
    change_desk(root, (one, other + one))
    units = OPENING | {"account": "isa/unallocated", "currency": "USD"}
    cash = {
        "kind": "DEPOSIT",
        "key": "d",
        "effective": BEFORE,
        "account": "isa/unallocated",
        "currency": "USD",
        "amount": "7",
    }
    assert add(root, units, cash).code == 0
    seen = morning(DAY) + timedelta(hours=1)
    path = snapshot(root, seen, cash="5", account="isa", currency="USD")
    with the_time_is(seen + timedelta(hours=1)):
        found = twokey(root, "reconcile", "--account", "isa", "--snapshot", str(path))
        assert (found.code, len(found.facts["breaks"])) == (1, 1), found.err
        assert "cash" in found.facts["breaks"][0]
        fee = {
            "kind": "FEE",
            "key": "f",
            "effective": BEFORE,
            "account": "isa/unallocated",
            "currency": "USD",
            "amount": "2",
        }
        assert add(root, fee).code == 0
        again = twokey(root, "reconcile", "--account", "isa")
        assert (again.code, again.facts["breaks"]) == (0, []), again.err
        wrong = twokey(root, "reconcile", "--account", "ira")
        assert (wrong.code, "ira is no account of config/desk.yml; there are isa, etoro" in wrong.err) == (2, True)


def snapshot(root: Path, seen: datetime, *, cash: str, account: str = "etoro", currency: str = "GBP") -> Path:
    """Write what the broker says: three units of AAPL, and cash."""
    path = root / "snapshot.json"
    told = {
        "account": account,
        "as_of": f"{seen:%Y-%m-%dT%H:%M:%SZ}",
        "positions": [{"instrument": "AAPL", "quantity": "3"}],
        "cash": [{"currency": currency, "quantity": cash}],
    }
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def test_a_run_counts_what_was_opened_as_held_and_as_no_gain(root: Path) -> None:
    """Units that were there before are in the ticket's book: equity holds their worth, and no fall or gain comes of them."""
    assert add(root, OPENING).code == 0
    with the_time_is(morning(DAY)):
        done = twokey(root, "run")
        assert done.facts["kind"] == "TRADE", done.out
        ticket = twokey(root, "ticket", "show", done.facts["ticket_id"]).facts["ticket"]
        value = Decimal(twokey(root, "positions", "--as-of", BEFORE).facts["equity"])
        result = twokey(root, "pnl").facts
    assert 10000 < value < 11000
    assert Decimal(ticket["equity"]) == value
    assert Decimal(result["drawdown"]) == 0
    assert Decimal(result["capital"]) == 10300


def test_posting_again_posts_nothing_more(root: Path) -> None:
    """What is posted is not posted twice, whoever looks."""
    assert add(root, OPENING, FEE).code == 0
    with desk_of(root) as desk:
        assert post_booked(desk.journal) == 0
