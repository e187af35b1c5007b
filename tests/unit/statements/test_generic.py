"""The column map: a person says how a broker writes, and the same checks hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from adapters.statements.generic import ColumnMap, read, read_map
from adapters.statements.opened import StatementError, opened
from core.domain.statement import Deposit, Dividend, Money, Named, Statement, Trade

D = Decimal
MAP = """\
broker: small bank
delimiter: ";"
decimal_mark: ","
day_form: "%d.%m.%Y"
amount_holds_fee: true
dividend_holds_tax: true
columns:
  day: Tag
  kind: Art
  amount: Betrag
  currency: Währung
  instrument: Name
  quantity: Stück
  price: Kurs
  fee: Gebühr
  withheld: Steuer
kinds:
  Kauf: buy
  Verkauf: sell
  Ertrag: dividend
  Einzahlung: deposit
"""
TABLE = """\
Tag;Art;Name;Stück;Kurs;Betrag;Gebühr;Steuer;Währung
02.01.2024;Einzahlung;;;;1.000,00;;;EUR
03.01.2024;Kauf;ACME;10;50,00;-501,50;1,50;;EUR
04.01.2024;Verkauf;ACME;-4;60,00;239,00;1,00;;EUR
05.01.2024;Ertrag;ACME;;;9,60;;2,48;EUR
06.01.2024;Zinsen;;;;1,00;;;EUR
07.01.2024;Kauf;ACME;10;5,00;-501,50;1,50;;EUR
"""


@pytest.fixture
def mapped(tmp_path: Path) -> ColumnMap:
    """Give the map as it is read from a file."""
    path = tmp_path / "bank.yml"
    path.write_text(MAP, encoding="utf-8")
    return read_map(path)


def table(told: ColumnMap, text: str = TABLE) -> Statement:
    """Read a table by a map."""
    return read(opened("bank.csv", text.encode()), told)


def test_reads_a_table_by_its_map(mapped):
    """Marks, days and words are the broker's; a kind without an entry and a wrong price are not understood."""
    statement = table(mapped)

    acme = Named("ACME")
    assert [one.row.event for one in statement.rows] == [
        Deposit(Money(D(1000), "EUR")),
        Trade("BUY", acme, D(10), Money(D(500), "EUR"), (Money(D("1.5"), "EUR"),), Money(D(50), "EUR")),
        Trade("SELL", acme, D(4), Money(D(240), "EUR"), (Money(D(1), "EUR"),), Money(D(60), "EUR")),
        Dividend(acme, Money(D("7.12"), "EUR"), Money(D("2.48"), "EUR")),
    ]
    assert [(one.line, one.why[:40]) for one in statement.unread] == [
        (6, "Art 'Zinsen' is none of the map's kinds"),
        (7, "10 units at 5.00 are 50.00, and the amou"),
    ]


@pytest.mark.parametrize(("old", "new"), [("1,00;;EUR", "1,00;3,00;EUR"), ("9,60;;2,48", "9,60;0,10;2,48")])
def test_a_tax_on_a_sale_or_a_fee_on_a_dividend_is_not_lost(mapped, old, new):
    """The kind has no place for it, so the row is not understood."""
    assert TABLE.count(old) >= 1

    (found,) = [one.why for one in table(mapped, TABLE.replace(old, new)).unread if "no place for it" in one.why]

    assert found.startswith(("Steuer is 3,00 on a row of kind sell", "Gebühr is 0,10 on a row of kind dividend"))


def test_the_map_says_whether_fees_and_taxes_are_in_the_amounts(tmp_path):
    """The same table means other things under another map."""
    path = tmp_path / "bank.yml"
    path.write_text(MAP.replace("fee: true", "fee: false").replace("tax: true", "tax: false"), encoding="utf-8")

    bought, _, paid = [one.row.event for one in table(read_map(path)).rows][1:]

    assert isinstance(bought, Trade)
    assert isinstance(paid, Dividend)
    assert (bought.amount.amount, paid.paid.amount) == (D("501.5"), D("9.6"))


def test_a_map_that_names_another_column_is_refused(mapped):
    """The words name the column and what stands there."""
    with pytest.raises(StatementError, match=r"bank.csv: no column 'Steuer', which the map names; its columns are"):
        table(mapped, TABLE.replace("Steuer", "Tax"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Kauf: buy", "Kauf: acquire", "bank.yml:18: "),
        ("broker: small bank\n", "", "broker"),
        ("amount_holds_fee: true", "amount_holds_fee: perhaps", "bank.yml:5: "),
        ("  fee: Gebühr", "  fees: Gebühr", "bank.yml:15: "),
        ("kinds:", "kinds: &a", "bank.yml:17: "),
        ("%d.%m.%Y", "%d.%m", "tells no whole day; write it as %d.%m.%Y"),
        ("%d.%m.%Y", "%d.%d.%Y", "tells no whole day"),
        ("%d.%m.%Y", "%d.%m.%Q", "tells no whole day"),
    ],
)
def test_a_wrong_map_is_refused_with_its_line(tmp_path, old, new, words):
    """Unknown keys, wrong values, what is missing, and anchors, which could unfold without end."""
    path = tmp_path / "bank.yml"
    path.write_text(MAP.replace(old, new), encoding="utf-8")
    with pytest.raises(StatementError) as refused:
        read_map(path)

    assert words in str(refused.value)


def test_a_map_is_a_screen_of_text(tmp_path):
    """What is larger is no map."""
    path = tmp_path / "bank.yml"
    path.write_text(MAP + "# " + "x" * 20_000, encoding="utf-8")

    with pytest.raises(StatementError, match="a column map is a screen of text"):
        read_map(path)
