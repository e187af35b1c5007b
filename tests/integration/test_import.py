"""`twokey import`: statements are booked once, whole, with their file; what the books know is not booked again."""

from __future__ import annotations

import re
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.postgres.booked import PgFacts
from flows.booking import VENUE
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
from tests.unit.statements import etoro_sheets, samples

# Every row of it is a fact: its tax is in the currency of the dividend.
KEEPS_SERVERS = True
ALL = samples.FREETRADE.replace("5.0,,USD,0.00,0.21", "5.0,,GBP,0.00,0.21")
UNDERSTOOD = "\n".join(line for line in ALL.splitlines() if "TAX_PAPER" not in line) + "\n"
# The statement's days lie in the spring; it is imported in the summer.
SUMMER = morning(DAY.replace(month=6))
MAP = """\
broker: small bank
delimiter: ";"
decimal_mark: "."
day_form: "%Y-%m-%d"
amount_holds_fee: true
dividend_holds_tax: true
columns: {day: day, kind: kind, amount: amount, currency: currency, instrument: name, quantity: units, price: price}
kinds: {buy: buy, sell: sell, deposit: deposit, dividend: dividend}
"""
HEAD = "day;kind;name;units;price;amount;currency\n"


@pytest.fixture(scope="module")
def manual(workspaces: Workspaces) -> Path:
    """Give a book at a manual venue with 10,000 and no trade."""
    root = workspaces.copy("to-import")
    make_manual(root)
    return root


@pytest.fixture
def root(workspaces: Workspaces, manual: Path, request: pytest.FixtureRequest) -> Path:
    """Give each test a copy of its own."""
    return workspaces.copy(re.sub(r"\W+", "-", request.node.name), of=manual)


def imported(root: Path, text: str, *words: str, name: str = "statement.csv") -> Done:
    """Import a file to the account, on a day of that summer."""
    path = root / name
    path.write_text(text, encoding="utf-8")
    with the_time_is(SUMMER):
        return twokey(root, "import", str(path), "--account", "etoro", "--by", "ann", *words)


def table(root: Path, *rows: str) -> tuple[str, ...]:
    """Give the words that import rows of a small bank to the book `main`."""
    (root / "map.yml").write_text(MAP, encoding="utf-8")
    return HEAD + "".join(f"{row}\n" for row in rows), "--map", str(root / "map.yml"), "--book", "main"


def held(root: Path, book: str) -> dict[str, Decimal]:
    """Give the units and the cash of a book."""
    found: dict[str, Decimal] = {}
    with desk_of(root) as desk:
        for entry in desk.journal.entries(book, VENUE):
            for one in entry.postings:
                if one.account in ("units", "cash"):
                    found[one.commodity] = found.get(one.commodity, Decimal(0)) + one.amount
    return {name: number for name, number in found.items() if number}


def test_a_statement_is_booked_with_its_file_and_a_second_time_nothing_is_new(root: Path) -> None:
    """Units and cash are the statement's own sums; the bytes of the file are kept; again changes no row."""
    done = imported(root, UNDERSTOOD)
    assert (done.code, done.facts["written"], done.facts["facts"]) == (0, True, 7), done.err
    # 200 paid in; 102.50 spent, 59 and 0.93 and 0.10 got; a free share worth 11.04 given and held.
    wanted = {"ACME": Decimal(5), "FREE": Decimal(1), "GBP": Decimal("157.53")}
    assert held(root, "etoro/unallocated") == wanted
    assert held(root, "main") == {"GBP": Decimal(10000)}
    digest = sha256(UNDERSTOOD.encode()).hexdigest()
    with desk_of(root) as desk:
        kept = PgFacts(desk.session("reader")).file(digest)
        assert kept is not None
        assert (kept.content, kept.account, kept.broker) == (UNDERSTOOD.encode(), "etoro", "freetrade")
        assert desk.chain.verify(desk.heads.kept()).problem is None
        before = counts(desk.session("reader"))
    again = imported(root, UNDERSTOOD)
    assert (again.code, again.facts["facts"], again.facts["known"]) == (0, 0, 7)
    with desk_of(root) as desk:
        assert counts(desk.session("reader")) == before
    facts = twokey(root, "ledger", "facts").facts["facts"]
    assert {one["statement"] for one in facts} == {digest}
    assert facts[0]["note"] == "line 2 of statement.csv"


def test_a_longer_export_books_what_is_new_in_it(root: Path) -> None:
    """The first rows again and one more: one fact."""
    lines = UNDERSTOOD.splitlines(keepends=True)
    assert imported(root, "".join(lines[:-1])).code == 0
    done = imported(root, UNDERSTOOD, name="longer.csv")
    assert (done.code, done.facts["facts"], done.facts["known"]) == (0, 1, 6)


def test_a_row_that_is_not_understood_stops_the_whole_unless_it_is_left(root: Path) -> None:
    """Nothing is booked and exit 1, with the line and the reason; with --leave the rest is booked."""
    done = imported(root, ALL)
    assert (done.code, done.facts["written"]) == (1, False)
    assert [one["line"] for one in done.facts["files"][0]["not_understood"]] == [8]
    assert held(root, "etoro/unallocated") == {}
    left = imported(root, ALL, "--leave")
    assert (left.code, left.facts["written"], left.facts["facts"]) == (0, True, 7)


FLEX = """\
<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="2">
<FlexStatement accountId="U1" fromDate="2024-01-01" toDate="2024-01-31"><CashTransactions>
<CashTransaction accountId="U1" currency="GBP" fxRateToBase="1" dateTime="2024-01-10" amount="100"
 type="Deposits &amp; Withdrawals" transactionID="1" levelOfDetail="DETAIL"/></CashTransactions></FlexStatement>
<FlexStatement accountId="U2" fromDate="2024-01-01" toDate="2024-01-31"><CashTransactions>
<CashTransaction accountId="U2" currency="GBP" fxRateToBase="1" dateTime="2024-01-10" amount="7"
 type="Deposits &amp; Withdrawals" transactionID="2" levelOfDetail="DETAIL"/></CashTransactions></FlexStatement>
</FlexStatements></FlexQueryResponse>
"""


def test_a_file_of_several_accounts_is_booked_one_account_after_another(root: Path) -> None:
    """Without --of it is refused with the accounts; with it only that account's rows are booked, from the same file."""
    one = "  - name: etoro\n"
    change_desk(root, (one, "  - {name: isa, venue_name: Bank, currency: GBP, taxable: false, lots: FIFO}\n" + one))
    refused = imported(root, FLEX, name="flex.xml")
    assert (refused.code, "tells of accounts U1, U2" in refused.err) == (2, True), refused.err
    assert imported(root, FLEX, "--of", "U1", name="flex.xml").code == 0
    other = imported(root, FLEX, "--of", "U2", "--account", "isa", name="flex.xml")
    assert other.code == 0, other.err + other.out
    assert (held(root, "etoro/unallocated"), held(root, "isa/unallocated")) == (
        {"GBP": Decimal(100)},
        {"GBP": Decimal(7)},
    )
    wrong = imported(root, FLEX, "--of", "U3", name="flex.xml")
    assert (wrong.code, "--of was U3" in wrong.err) == (2, True)


def test_a_workbook_is_booked_and_kept_byte_for_byte(root: Path) -> None:
    """eToro's XLSX: 1,000 in, 200 spent, 90.50 and 1,150 got, 0.85 paid, 1 charged, 500.25 out; all units bought were sold."""
    content = etoro_sheets.statement()
    (root / "etoro.xlsx").write_bytes(content)
    with the_time_is(SUMMER):
        done = twokey(root, "import", str(root / "etoro.xlsx"), "--account", "etoro", "--by", "ann", "--leave")
    assert (done.code, done.facts["written"]) == (0, True), done.err + done.out
    with desk_of(root) as desk:
        kept = PgFacts(desk.session("reader")).file(sha256(content).hexdigest())
    assert kept is not None
    assert kept.content == content
    assert held(root, "etoro/unallocated") == {"USD": Decimal("1540.10")}


def test_a_preview_writes_no_row(root: Path) -> None:
    """It shows the entries, and nothing is in the database."""
    with desk_of(root) as desk:
        before = counts(desk.session("reader"))
    done = imported(root, UNDERSTOOD, "--preview")
    assert (done.code, done.facts["written"], len(done.facts["entries"])) == (0, False, 7)
    with desk_of(root) as desk:
        assert counts(desk.session("reader")) == before


def test_cash_that_a_person_moved_is_not_booked_again_from_the_statement(root: Path) -> None:
    """The deposit of the day before stands in the books; the statement's row of it is known, another deposit is new."""
    text, *words = table(root, f"{DAY - ONE_DAY};deposit;;;;10000;GBP", f"{DAY};deposit;;;;50;GBP")
    done = imported(root, text, *words)
    assert (done.code, done.facts["facts"]) == (0, 1), done.err + done.out
    known = done.facts["files"][0]["known_from_elsewhere"]
    assert [(one["line"], one["entry"], one["cash_difference"]) for one in known] == [(2, "opening", "0")]
    assert held(root, "main") == {"GBP": Decimal(10050)}
    assert imported(root, text, *words).facts["facts"] == 0


def test_a_book_takes_its_own_currency_and_instruments_it_knows(root: Path) -> None:
    """A dollar in a book of pounds and a name that nobody knows are left with the reason; --names says which it is."""
    rows = (f"{DAY};buy;Apple Inc;2;10;-20;GBP", f"{DAY};dividend;AAPL;;;3;USD")
    text, *words = table(root, *rows)
    done = imported(root, text, *words)
    assert (done.code, done.facts["written"]) == (1, False)
    why = [one["why"] for one in done.facts["files"][0]["left"]]
    assert why[0].startswith("'Apple Inc' is no name of an instrument in config/universe.csv")
    assert why[1].startswith("USD, and book main counts in GBP alone")
    (root / "names.csv").write_text("name,instrument\nApple Inc,AAPL\n", encoding="utf-8")
    done = imported(root, text, *words, "--names", str(root / "names.csv"), "--leave")
    assert (done.code, held(root, "main")) == (0, {"GBP": Decimal(9980), "AAPL": Decimal(2)}), done.err


def test_a_sale_of_what_was_never_bought_is_refused_whole(root: Path) -> None:
    """A statement that begins later than the account sells what nobody told of: an opening is asked for."""
    text, *words = table(root, f"{DAY};deposit;;;;50;GBP", f"{DAY};sell;AAPL;-2;10;20;GBP")
    done = imported(root, text, *words)
    assert done.code == 2
    assert f"book main would hold -2 AAPL on {DAY}; book what brought the units first: an OPENING" in done.err
    assert held(root, "main") == {"GBP": Decimal(10000)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--book", "other"),
            "other is no book of account etoro that a person executes for; there are etoro/unallocated, main",
        ),
        (("--account", "isa"), "isa is no account of config/desk.yml; there are etoro"),
        (("--names", "nowhere.csv"), "nowhere.csv could not be read"),
    ],
)
def test_a_wrong_word_is_told_with_what_there_is(root: Path, words: tuple[str, ...], said: str) -> None:
    """The message names what there is."""
    done = imported(root, UNDERSTOOD, *words)
    assert (done.code, said in done.err) == (2, True), done.err
