"""Bookings against the engine: whatever is taken in, the checking door comes to the units and cash that were posted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from random import Random
from typing import Any

import pytest

from core.domain.booked import BookedFact, StatementFile
from core.domain.panel import Split
from core.domain.posting import CashFact, Entry, SplitFact
from core.ledger.asked_of_books import Known, Quoted, check_books, question_of
from core.ledger.bookable import cash_key_objections
from core.ledger.booked import body_of, standing_splits
from core.ledger.equity import Rates
from core.ledger.evaluate import evaluate
from core.ledger.post import post_cash, post_split
from core.ledger.question import Account, Ask, QuestionError
from core.ledger.splits import splits_left
from core.ledger.trial import Places
from flows.booking import Booked, BookingDoors, BookingRefused, book_facts, post_booked
from flows.importing import Source, Target, part_facts
from tests.unit.ledger.test_asked_of_books import filled

HASH = "a" * 64
START = datetime(2024, 7, 1, tzinfo=UTC)
TODAY = date(2024, 7, 1)
APART, OTHER = "etoro/unallocated", "isa/unallocated"
PLACES = Places({"main": "GBP", APART: None, OTHER: None}, {}, {"AAA": "USD", "BBB": "USD", "VOD": "GBP"})
LONG_AGO = date(2000, 1, 1)


@dataclass
class Books:
    """Books in memory: facts kept, and entries with when each was recorded."""

    kept: list[BookedFact] = field(default_factory=list)
    posted: list[tuple[Entry, datetime]] = field(default_factory=list)
    now: datetime = START

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else is there."""
        yield

    def keep(self, files: Sequence[StatementFile], facts: Sequence[BookedFact], *, reversed_by: dict[str, str]) -> int:
        """Keep facts."""
        assert not files
        for one in facts:
            assert one.key not in {each.key for each in self.kept}
            evidence = f"booked_fact:{len(self.kept) + 1}"
            self.kept.append(replace(one, evidence=evidence, recorded_at=self.now))
        return len(facts)

    def booked_facts(self, venue: str) -> Sequence[BookedFact]:
        """Give the facts."""
        return list(self.kept)

    def entries_at(self, venue: str) -> Sequence[Entry]:
        """Give the entries."""
        return [entry for entry, _ in self.posted]

    def add_entries(self, entries: Sequence[Entry]) -> int:
        """Add entries, each key once."""
        known = {entry.key for entry, _ in self.posted}
        fresh = [(entry, self.now) for entry in entries if entry.key not in known]
        self.posted += fresh
        return len(fresh)

    def book(self, *facts: dict[str, Any]) -> Booked:
        """Book facts a minute after those before."""
        self.now += timedelta(minutes=1)
        told = [
            BookedFact(
                key=one["key"],
                kind=one["kind"],
                account="etoro",
                book=one.get("account", "main"),
                venue="manual",
                session=date.fromisoformat(one["effective"]),
                body=body_of(one),
                by="ann",
                note="",
            )
            for one in facts
        ]
        # Of a journal booking uses three methods, which are here.
        journal: Any = self
        return book_facts(told, BookingDoors(self, journal), places=PLACES, now=self.now, today=TODAY)

    def post(self, *entries: Entry) -> None:
        """Post what rests on something else than a booked fact, as settling does."""
        self.now += timedelta(minutes=1)
        self.add_entries(entries)
        doors: Any = self
        post_booked(doors)

    def checked(self, as_of: date = TODAY) -> dict[str, Any]:
        """Ask the door, and hold its answer against the postings."""
        known = Known(self.posted, self.kept)
        ask = Ask(as_of=as_of, known_at=self.now, base="GBP", price_days_max=400, rate_days_max=400)
        days = tuple(LONG_AGO + timedelta(days=300 * step) for step in range(40))
        rates = {name: Rates("GBP", days, (Decimal("1.25"),) * len(days)) for name in ("USD", "EUR")}
        market = Quoted("GBP", (), rates, {}, PLACES.currencies)
        accounts = [Account(id=name) for name in PLACES.books]
        answer = evaluate(question_of(known, market, accounts, ask))
        check_books(known, ask, answer)
        return answer

    def held(self, book: str = "main", day: date = TODAY) -> dict[str, Decimal]:
        """Give units and cash of a book, as posted."""
        found: dict[str, Decimal] = {}
        for entry, _ in self.posted:
            for one in entry.postings:
                if entry.book == book and entry.session <= day and one.account in ("units", "cash"):
                    found[one.commodity] = found.get(one.commodity, Decimal(0)) + one.amount
        return {name: number for name, number in found.items() if number}


def told(kind: str, key: str, day: str = "2024-03-01", **fields: Any) -> dict[str, Any]:
    """Give a fact of the book `main` in pounds."""
    own: dict[str, Any] = {"kind": kind, "key": key, "effective": day}
    if kind not in ("SPLIT", "SPIN_OFF", "SYMBOL_CHANGE", "CORRECTION"):
        own["account"] = "main"
        if kind != "TRANSFER":
            own["currency"] = "GBP"
    return own | fields


def opening(key: str, quantity: str, name: str = "VOD", **fields: Any) -> dict[str, Any]:
    """Give units that were there before."""
    return told("OPENING", key, instrument=name, quantity=quantity, cost="50", evidence=HASH, **fields)


def cash(key: str, amount: str = "1000") -> Entry:
    """Give cash that a person paid in."""
    return post_cash(
        CashFact(
            key=key,
            kind="DEPOSIT",
            book="main",
            venue="manual",
            session=date(2024, 1, 2),
            currency="GBP",
            amount=Decimal(amount),
            evidence="cash_movement:1",
        )
    )


def clean_split(units: str, book: str = "main", name: str = "VOD", ratio: str = "2") -> Entry:
    """Give the units that the clean set's split of 4 March brought."""
    day = date(2024, 3, 4)
    fact = SplitFact(
        f"SPLIT-20240304-{name}-{book}-manual",
        book,
        "manual",
        day,
        name,
        Decimal(ratio),
        Decimal(units),
        "clean_snapshot:1",
    )
    return post_split(fact)


def fix(key: str, reverses: str, day: str = "2024-03-01", **fields: Any) -> dict[str, Any]:
    """Take a fact or an entry back."""
    return told("CORRECTION", key, day, reverses=reverses, reason="misread", **fields)


FEE = told("FEE", "f1", amount="2")
REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "more cash than there is": (
        [told("TRANSFER", "t", to=APART, currency="GBP", amount="5000")],
        r"fact 't': amount 5000 GBP is above the 1002 in main",
    ),
    "lots that the method does not take": (
        [
            opening("o", "3"),
            told("SELL", "s", instrument="VOD", quantity="1", amount="9", lots=[{"lot": "o", "quantity": "1"}]),
        ],
        "lots were named, and the method is FIFO",
    ),
    "another name that is held": (
        [
            opening("o", "3", account=APART),
            opening("p", "3", "VODA", account=APART),
            told("SYMBOL_CHANGE", "n", "2024-03-02", instrument="VOD", to="VODA"),
        ],
        "VODA is held already",
    ),
    "cash for no fraction": (
        [opening("o", "3"), told("CASH_IN_LIEU", "c", "2024-03-02", instrument="VOD", kept="3", amount="1")],
        "kept was 3, and 3 are held",
    ),
    "income of nothing": ([told("EXCESS_INCOME", "e", instrument="VOD", amount="1")], "no units of VOD are held"),
    "one instrument in two currencies": (
        [opening("o", "3", "ODD", account=APART), opening("p", "3", "ODD", account=APART, currency="USD")],
        "ODD was told in GBP before, and now in USD",
    ),
    "the key of an entry": ([FEE | {"key": "opening"}], "fact 'opening': there is an entry 'opening' already"),
    "a key that entries may have": ([FEE | {"key": "TICKET-20240301-r1-L1"}], "keys that begin with TICKET-"),
    "a key that is a control": ([FEE | {"key": "a\nb"}], r"key 'a\\nb'"),
    "an entry of a fact": ([FEE, fix("c", "fact f0 in main")], "rests on the fact 'f0'; take that back"),
    "a replacement under the key that is taken back": (
        [fix("c", "f0", replacement=FEE | {"key": "f0"})],
        "replacement: the key 'f0' is taken",
    ),
    "a replacement under the key of its correction": (
        [fix("c", "f0", replacement=FEE | {"key": "c"})],
        "replacement: the key 'c' is taken",
    ),
    "a replacement under a key that stands in another": (
        [fix("c", "f0", replacement=FEE | {"key": "x"}), FEE | {"key": "x"}],
        "the key 'x' is taken",
    ),
    "a split beside one that stands in a correction": (
        [
            told("SPLIT", "s", instrument="VOD", new=2, old=1),
            fix("c", "s", replacement=told("SPLIT", "s2", instrument="VOD", new=3, old=1)),
            told("SPLIT", "s3", instrument="VOD", new=3, old=1),
        ],
        "'s2' tells of a split of VOD on 2024-03-01 already",
    ),
    "an instrument that the book's universe does not know": ([opening("o", "3", "VDO")], "'VDO' in book main"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_engine_could_not_take_is_refused_before_it_is_kept(what: str) -> None:
    """Kept, it would end every answer about the books; the refusal says which fact and why, and nothing is kept."""
    books = Books()
    books.post(cash("opening"))
    books.book(told("FEE", "f0", amount="2"), told("DEPOSIT", "d0", amount="2"))
    facts, words = REFUSED[what]
    with pytest.raises(BookingRefused, match=words):
        books.book(*facts)
    assert len(books.kept) == 2
    assert books.checked()


def test_what_a_later_fact_broke_can_still_be_mended() -> None:
    """A withdrawal leaves less than was moved before it: the engine refuses, and a correction is taken all the same."""
    books = Books()
    books.post(cash("in"))
    books.book(told("TRANSFER", "t", to=APART, currency="GBP", amount="900"))
    spent = replace(filled(4, "buy", "1", "500", name="VOD", quote="GBP"), session=date(2024, 2, 1))
    books.post(spent)
    with pytest.raises(ValueError, match="above the 500"):
        books.checked()
    books.book(fix("c", "t"))
    assert books.checked()


def test_a_day_before_a_fill_that_was_taken_back_is_still_answered() -> None:
    """As of the day before, the fill is not there, and neither is what took it back."""
    books = Books()
    books.post(cash("in"))
    fill = replace(filled(4, "buy", "1", "500", name="VOD", quote="GBP"), session=date(2024, 2, 1))
    books.post(fill)
    books.book(fix("c", fill.key, "2024-02-01"))
    assert books.checked(date(2024, 1, 31))
    assert books.held() == {"GBP": Decimal(1000)}


def test_numbers_of_twelve_decimals_and_great_amounts_lose_no_digit() -> None:
    """A price and units of twelve decimals each, and balances of fifteen digits: what is posted is the exact product."""
    books = Books()
    books.post(cash("in", "99000000000000"))
    for number in range(3):
        books.book(
            told(
                "BUY",
                f"b{number}",
                instrument="VOD",
                quantity="123456.123456789012",
                price="1234.123456789012",
                fee="0.000000000001",
            )
        )
    assert books.checked()
    exact = -3 * (123456123456789012 * 1234123456789012 + 10**12)
    with localcontext(prec=100):
        paid = sum(
            (one.amount for entry, _ in books.posted[1:] for one in entry.postings if one.account == "cash"), Decimal(0)
        )
        assert paid == Decimal(exact).scaleb(-24)


def test_a_split_that_the_clean_set_told_of_one_book_is_booked_for_the_others() -> None:
    """The book follows the clean set, the part in no book the person's fact, and neither is split twice."""
    books = Books()
    books.book(opening("o", "3"), opening("p", "5", account=APART))
    books.post(clean_split("3"))
    books.book(told("SPLIT", "s", "2024-03-04", instrument="VOD", new=2, old=1))
    assert (books.held(), books.held(APART)) == ({"VOD": Decimal(6)}, {"VOD": Decimal(10)})
    assert books.checked()


def test_a_split_booked_first_is_posted_by_it_and_not_again_by_the_clean_set() -> None:
    """Who told of a split first in a book is followed there; the clean set makes up for what it posted itself."""
    books = Books()
    books.book(opening("o", "3.3333"), told("SPLIT", "s", "2024-03-04", instrument="VOD", new=3, old=2))
    found = [Split(date(2024, 3, 4), "VOD", Decimal("1.5")), Split(date(2024, 3, 5), "VOD", Decimal(2))]
    told_of = standing_splits(books.kept)
    assert splits_left(books.entries_at("manual"), found, told_of) == (found[1],)
    assert splits_left([clean_split("1.6")], found, told_of) == tuple(found)
    assert splits_left(books.entries_at("manual"), found, {}) == tuple(found)
    books.book(fix("c", "s"))
    assert standing_splits(books.kept) == {}
    books.book(fix("c2", "o", replacement=told("SPLIT", "s2", "2024-03-05", instrument="VOD", new=2, old=1)))
    assert standing_splits(books.kept).keys() == {("VOD", date(2024, 3, 5))}


def test_a_statement_tells_the_part_in_no_book_of_a_split_that_only_a_book_follows() -> None:
    """Of the book's own statement the split is known; of another part's it is news, and booked there."""
    books = Books()
    books.book(opening("o", "3"), opening("p", "5", account=APART))
    books.post(clean_split("3"))
    row = told("SPLIT", "row", "2024-03-04", instrument="VOD", new=2, old=1)
    journal: Any = books
    for book, is_known in (("main", True), (APART, False)):
        target = Target("etoro", book, PLACES.books[book], {"vod": "VOD"})
        parted = part_facts([row], target, Source("0", "a.csv", "ann", {"row": 7}), journal, now=START)
        assert (len(parted.known), len(parted.facts)) == ((1, 0) if is_known else (0, 1))


def test_a_row_that_is_no_fact_is_left_with_its_line() -> None:
    """A number that the books cannot hold is one row's fault, and no end of the import."""
    journal: Any = Books()
    row = told("DEPOSIT", "row", amount="0.0000000000001")
    target = Target("etoro", "main", "GBP", {})
    parted = part_facts([row], target, Source("0", "a.csv", "ann", {"row": 7}), journal, now=START)
    assert [(one.line, "at most 12 decimals" in one.why) for one in parted.left] == [(7, True)]


def test_the_ratio_of_a_posted_split_is_changed_in_all_books_at_once() -> None:
    """Taken back in one book alone the other would still follow the old one, which is refused; in one file both are right."""
    books = Books()
    books.book(opening("o", "3"), opening("p", "5", account=APART))
    books.post(clean_split("3"), clean_split("5", APART))
    right = told("SPLIT", "s", "2024-03-04", instrument="VOD", new=3, old=1)
    one = fix("c", "SPLIT-20240304-VOD-main-manual", replacement=right)
    with pytest.raises(BookingRefused, match="etoro/unallocated would hold 10 VOD by its postings and 15 by its facts"):
        books.book(one)
    books.book(one, fix("c2", f"SPLIT-20240304-VOD-{APART}-manual"))
    assert (books.held(), books.held(APART)) == ({"VOD": Decimal(9)}, {"VOD": Decimal(15)})
    assert books.checked()


def test_a_row_of_a_file_is_booked_to_one_account_alone() -> None:
    """The same file again under another account's name would book everything twice; the row says where it is."""
    books = Books()
    journal: Any = books
    row, source = told("DEPOSIT", "row", amount="5"), Source("0", "a.csv", "ann", {"row": 7})
    (mine,) = part_facts([row], Target("etoro", APART, None, {}), source, journal, now=START).facts
    book_facts([mine], BookingDoors(books, journal), places=PLACES, now=START, today=TODAY)
    other = part_facts([row], Target("isa", OTHER, None, {}), source, journal, now=START)
    assert [(one.line, "booked to account etoro" in one.why) for one in other.left] == [(7, True)]
    elsewhere = part_facts([row], Target("isa", OTHER, None, {}), replace(source, sha256="1"), journal, now=START)
    assert (len(elsewhere.facts), elsewhere.left) == (1, ())
    books.book(fix("c", mine.key))
    assert part_facts([row], Target("isa", OTHER, None, {}), source, journal, now=START).left == ()


def test_an_entry_that_a_row_of_another_file_told_of_is_not_taken_again() -> None:
    """Two files in one import, each with a deposit of that size on days beside each other: one is known, the other news."""
    books = Books()
    journal: Any = books
    books.post(cash("paid", "5"))
    row, source = told("DEPOSIT", "row", "2024-01-02", amount="5"), Source("0", "a.csv", "ann", {"row": 7})
    target = Target("etoro", "main", "GBP", {})
    assert [one.entry for _, one in part_facts([row], target, source, journal, now=START).known] == ["paid"]
    again = part_facts([row], target, source, journal, now=START, taken={"paid"})
    assert (again.known, len(again.facts)) == ((), 1)


@pytest.mark.parametrize("key", ["f1", "TICKET-20240301-r1-L1", "fact f1 in main", "paid reversed"])
def test_cash_takes_no_key_that_an_entry_or_a_fact_has_or_may_have(key: str) -> None:
    """Two things under one key could not be told apart, and of two entries the second would never be posted."""
    assert cash_key_objections(key, {"f1"})
    assert cash_key_objections("paid", {"f1"}) == ()


# --- random histories -------------------------------------------------------------------------------------------------

NAMES, CURRENCY = ("AAA", "VOD", "ODD"), {"AAA": "USD", "VOD": "GBP", "ODD": "EUR"}
FIRST = date(2024, 1, 2)


class Story:
    """Random facts, fills, cash and splits of the clean set, one after another."""

    def __init__(self, seed: int) -> None:
        self.draw, self.books, self.count, self.refused = Random(seed), Books(), 0, 0

    def go_on(self) -> None:
        """Book or post one thing more, and hold the engine's answer against the postings if it was taken."""
        self.count += 1
        kind = self.draw.choice(("fill", "cash", *["fact"] * 8, "fix", "fix"))
        if kind == "fill":
            self.books.post(
                replace(
                    filled(4, "buy", self.units(), "10", name="VOD", quote="GBP"),
                    key=f"e{self.count}",
                    session=self.day(),
                )
            )
        elif kind == "cash":
            self.books.post(replace(cash(f"e{self.count}"), session=self.day()))
        else:
            told_of = [self.fact() if kind == "fact" else self.fix() for _ in range(self.draw.randint(1, 2))]
            try:
                self.books.book(*told_of)
            except BookingRefused:
                self.refused += 1
                return
        try:
            self.look()
        except QuestionError as error:
            # A fill is what happened, whatever was booked before: what does not go with it any more is taken back.
            assert kind == "fill"
            self.books.book(fix(f"c{self.count}", str(error).split("'")[1]))
            self.look()

    def look(self) -> None:
        """Ask about the end, and about some day."""
        for day in (TODAY, self.day()):
            self.books.checked(day)

    def fact(self) -> dict[str, Any]:
        """Give some fact of some book."""
        self.count += 1
        draw, name, day = self.draw, self.draw.choice(NAMES), str(self.day())
        account = draw.choice((APART, OTHER) if name != "VOD" else ("main", APART, OTHER))
        money = {"currency": "GBP" if account == "main" else CURRENCY[name], "amount": self.units()}
        units = {"instrument": name, "quantity": self.units()}
        to = draw.choice([one for one in ("main", APART, OTHER) if one != account])
        key, own = f"f{self.count}", {"account": account}
        match draw.randrange(14):
            case 0 | 1:
                return told("BUY", key, day, fee="0.1", **units, **money, **own)
            case 2:
                return told("SELL", key, day, fee="0.1", **units, **money, **own)
            case 3:
                return told("TRANSFER", key, day, to=to, **units, **own)
            case 4:
                return told("TRANSFER", key, day, to=to, **money, **own)
            case 5:
                cost = {"cost": self.units(), "currency": CURRENCY[name], "evidence": HASH}
                return told("OPENING", key, day, **units, **own | cost)
            case 6:
                return told("SPLIT", key, day, instrument=name, new=draw.randint(1, 4), old=draw.randint(1, 4))
            case 7:
                ratio = {"new": draw.choice((1, 2, 4)), "old": 1, "cost_share": "0.2"}
                return told("SPIN_OFF", key, day, instrument=name, child=f"{name}-KID", **ratio)
            case 8:
                return told("SYMBOL_CHANGE", key, day, instrument=name, to=draw.choice((f"{name}-NEW", f"{name}-KID")))
            case 9:
                return told("CASH_IN_LIEU", key, day, instrument=name, kept=self.units(), **money, **own)
            case 10:
                return told("EXCESS_INCOME", key, day, instrument=name, **money, **own)
            case 11:
                return told("DIVIDEND", key, day, instrument=name, withheld="0.1", **money, **own)
            case 12:
                return _exchange(key, day)
            case _:
                return told(draw.choice(("DEPOSIT", "WITHDRAW", "FEE", "INTEREST")), key, day, **money | own)

    def fix(self) -> dict[str, Any]:
        """Take some fact or entry back, with another in its place or without."""
        self.count += 1
        standing = [one.key for one in self.books.kept] + [entry.key for entry, _ in self.books.posted]
        standing += [f"f{number}" for number in range(self.count)]
        instead: dict[str, Any] = {"replacement": self.fact()} if self.draw.randrange(2) else {}
        return fix(f"c{self.count}", self.draw.choice(standing), **instead)

    def day(self) -> date:
        """Give a day of a month."""
        return FIRST + timedelta(days=self.draw.randrange(30))

    def units(self) -> str:
        """Give a number, mostly small and sometimes with many decimals."""
        return self.draw.choice(("1", "2", "3", "7.5", "10", "40", "0.333333333333", "12.000000000001"))


def _exchange(key: str, day: str) -> dict[str, Any]:
    amounts = {"from_currency": "GBP", "from_amount": "2", "to_currency": "EUR", "to_amount": "3"}
    return {"kind": "FX", "key": key, "effective": day, "account": APART} | amounts


@pytest.mark.parametrize(
    ("seeds", "steps"), [(12, 40), pytest.param(1000, 60, marks=pytest.mark.soak)], ids=["few", "many"]
)
def test_whatever_was_taken_in_the_engine_comes_to_the_postings(seeds: int, steps: int) -> None:
    """Random facts, corrections, fills and cash: what is refused changes nothing, what is taken is answered for."""
    taken = refused = 0
    for seed in range(seeds):
        story = Story(seed)
        for step in range(steps):
            try:
                story.go_on()
            except (ValueError, ArithmeticError) as error:
                raise AssertionError(f"seed {seed}, step {step}: {error}") from error
        taken, refused = taken + len(story.books.kept), refused + story.refused
    assert min(taken, refused) > seeds * steps // 10
