"""Every file of brokers in the catalogue: a table file -> rows understood / aside / not understood / facts, and no row lost."""

from __future__ import annotations

import csv
import json
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.statements import generic
from adapters.statements.facts import door_facts
from adapters.statements.opened import StatementError, open_statement
from adapters.statements.registry import importer_of
from core.domain.statement import Statement, overlaps
from core.ledger.question import read_question
from tests.unit.ledger.asking import question

FOLDER = "data/brokers"


@dataclass(frozen=True)
class Stated:
    """What stands in a file, as it was counted when this was written: `left` are notes on what no fact holds."""

    broker: str
    rows: int
    understood: int
    aside: int
    unread: int
    facts: int
    left: int

    def __str__(self) -> str:
        """Give a line of the table."""
        counts = (self.rows, self.understood, self.aside, self.unread, self.facts, self.left)
        return f"{self.broker:<11}" + "".join(f"{count:>7}" for count in counts)


FILES = {
    "cgt_cases/freetrade/transactions.csv": Stated("freetrade", 17, 17, 0, 0, 18, 2),
    "cgt_cases/interactive_brokers/test_basic.csv": Stated("ibkr", 19, 10, 7, 2, 8, 0),
    "cgt_cases/schwab/2023/transactions.csv": Stated("schwab", 7, 7, 0, 0, 7, 0),
    "cgt_cases/trading212/2024/inputs/transactions.csv": Stated("trading212", 7, 7, 0, 0, 7, 1),
    "export_to_ghostfolio_samples/degiro-export.csv": Stated("degiro", 74, 56, 7, 11, 34, 7),
    "export_to_ghostfolio_samples/etoro-export.csv": Stated("etoro", 28, 23, 2, 3, 17, 1),
    "export_to_ghostfolio_samples/ibkr-dividends-export.csv": Stated("ibkr", 11, 11, 0, 0, 7, 0),
    "export_to_ghostfolio_samples/ibkr-trades-export.csv": Stated("ibkr", 11, 8, 0, 3, 8, 0),
    "export_to_ghostfolio_samples/schwab-export.csv": Stated("schwab", 120, 106, 1, 13, 103, 3),
    "export_to_ghostfolio_samples/trading212-export.csv": Stated("trading212", 13, 9, 0, 4, 9, 3),
    "ibkr_flex/TestForCoding.xml": Stated("ibkr", 20, 7, 5, 8, 7, 0),
    "ibkr_flex/testIBFlexStatementFile01.xml": Stated("ibkr", 41, 22, 16, 3, 20, 2),
    "ibkr_flex/testIBFlexStatementFile02.xml": Stated("ibkr", 13, 13, 0, 0, 12, 0),
    "ibkr_flex/testIBFlexStatementFile07.xml": Stated("ibkr", 1, 1, 0, 0, 1, 0),
    "ibkr_flex/testIBFlexStatementFile08.xml": Stated("ibkr", 3, 3, 0, 0, 2, 0),
    "ibkr_flex/testIBFlexStatementFile09.xml": Stated("ibkr", 2, 1, 0, 1, 1, 0),
    "ibkr_flex/testIBFlexStatementFile10.xml": Stated("ibkr", 2, 2, 0, 0, 2, 0),
    "ibkr_flex/testIBFlexStatementFile12.xml": Stated("ibkr", 18, 14, 0, 4, 7, 2),
    "ibkr_flex/testIBFlexStatementFile14.xml": Stated("ibkr", 733, 10, 723, 0, 10, 0),
    "ibkr_flex/testIBFlexStatementFile16.xml": Stated("ibkr", 2, 2, 0, 0, 2, 0),
    "ibkr_flex/testIBFlexStatementFile18.xml": Stated("ibkr", 9405, 12, 9393, 0, 10, 0),
    "ibkr_flex/testIBFlexStatementFile20.xml": Stated("ibkr", 17, 3, 14, 0, 1, 0),
    "ibkr_flex/testIBFlexStatementFile23.xml": Stated("ibkr", 3, 2, 0, 1, 1, 1),
    "ibkr_flex/testIBFlexStatementFile26.xml": Stated("ibkr", 4, 4, 0, 0, 4, 0),
    "ibkr_flex/testIBFlexStatementFile28.xml": Stated("ibkr", 3, 2, 0, 1, 2, 0),
}
# Of brokers that have no importer: read by a column map, or not at all.
OTHERS = {
    "export_to_ghostfolio_samples/coinbase-export.csv",
    "export_to_ghostfolio_samples/cryptocom-export.csv",
    "export_to_ghostfolio_samples/delta-export.csv",
    "export_to_ghostfolio_samples/parqet-export.csv",
    "wealthsimple_pdf_text/DepotStatement01.txt",
}
PARQET = """\
broker: parqet
delimiter: ";"
decimal_mark: ","
day_form: "%d.%m.%Y"
amount_holds_fee: false
dividend_holds_tax: true
columns:
  day: date
  kind: type
  amount: amount
  currency: currency
  instrument: holdingname
  quantity: shares
  isin: identifier
  price: price
  fee: fee
  withheld: tax
kinds:
  Buy: buy
  Sell: sell
  Dividend: dividend
"""
COINBASE = """\
broker: coinbase
delimiter: ","
decimal_mark: "."
day_form: "%Y-%m-%d %H:%M:%S UTC"
amount_holds_fee: false
dividend_holds_tax: false
columns:
  day: Timestamp
  kind: Transaction Type
  amount: Subtotal
  currency: Price Currency
  instrument: Asset
  quantity: Quantity Transacted
  price: Price at Transaction
  fee: Fees and/or Spread
  id: ID
kinds:
  Buy: buy
"""


def read(path: Path) -> Statement:
    """Read a file with the importer that knows it."""
    file = open_statement(path)
    return importer_of(file).read(file)


def counted(path: Path) -> int:
    """Count a file's rows without the importers: lines of a table but its headings, elements below a section of XML."""
    if path.suffix == ".xml":
        statements = ElementTree.parse(path).getroot().iter("FlexStatement")
        return sum(len(section) for statement in statements for section in statement)
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if any(row)]
    is_in_sections = rows[0][:2] == ["Statement", "Header"]
    return sum(row[1] != "Header" for row in rows) if is_in_sections else len(rows) - 1


def test_the_table_names_every_file_of_the_catalogue(shared):
    """A file that is added there is either read here or named as not read."""
    folder = shared / FOLDER
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    assert {name for name in found if not name.endswith("expected_output.txt")} == {*FILES, *OTHERS}


def test_each_file_gives_what_is_stated_and_every_row_is_accounted_for(shared, capsys):
    """The numbers written above, the sum of the four places, and a count that no importer had a hand in."""
    found, counts = {}, {}
    for name in FILES:
        statement = read(shared / FOLDER / name)
        facts, left = door_facts(statement.rows, "a")
        sizes = (len(statement.rows), len(statement.asides), len(statement.unread), len(facts), len(left))
        found[name] = Stated(statement.broker, sum(sizes[:3]) + len(statement.repeated), *sizes)
        counts[name] = counted(shared / FOLDER / name)
    with capsys.disabled():
        head = "broker        rows underst  aside  unread facts   left"
        sys.stdout.write("\n".join(["", f"{'file':<52} {head}", *(f"{n:<52} {one}" for n, one in found.items()), ""]))

    assert found == FILES
    assert {name: one.rows for name, one in found.items()} == counts


@pytest.mark.parametrize("name", FILES)
def test_the_checking_door_takes_every_fact(shared, name):
    """Each is well formed: kinds, amounts above zero, days, currencies and keys of their own."""
    facts, _ = door_facts(read(shared / FOLDER / name).rows, "a")
    accounts = sorted({one["account"] for one in facts if "account" in one})

    asked = read_question(json.dumps(question(facts, accounts=[{"id": account} for account in accounts])))

    assert len({one.key for one in asked.facts}) == len(facts)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_comes_again_brings_nothing_new(shared, name):
    """Every key is found again, and no key is told otherwise."""
    statement = read(shared / FOLDER / name)

    first, second = overlaps([statement, statement])

    assert (len(first.new), len(second.new), len(second.known)) == (len(statement.rows), 0, len(statement.rows))
    assert (first.known, second.conflicts) == ((), ())


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_a_file_of_another_broker_is_refused_and_not_read_as_something_else(shared, name):
    """The words point to the list of what is read, and to the column map."""
    with pytest.raises(StatementError, match=r"see docs/IMPORTERS.md .* or give a column map with --map"):
        read(shared / FOLDER / name)


@pytest.mark.parametrize(
    ("name", "column_map", "understood", "unread"),
    [("parqet-export.csv", PARQET, 25, [20, 25]), ("coinbase-export.csv", COINBASE, 1, [2, 3, 4, 5, 6, 7, 9])],
)
def test_other_tables_are_read_by_a_column_map(shared, tmp_path, name, column_map, understood, unread):
    """Two more exports: tax on a sale has no place; Coinbase's one purchase stands twice, in euros and in dollars."""
    path = shared / FOLDER / "export_to_ghostfolio_samples" / name
    (tmp_path / "map.yml").write_text(column_map, encoding="utf-8")

    statement = generic.read(open_statement(path), generic.read_map(tmp_path / "map.yml"))

    assert (len(statement.rows), [one.line for one in statement.unread]) == (understood, unread)
    assert statement.row_count == counted(path)
