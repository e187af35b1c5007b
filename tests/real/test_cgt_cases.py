"""Brokers' own files through importer and checking door: what another program computes from them, to the penny."""

from __future__ import annotations

import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.statements.facts import door_facts
from adapters.statements.opened import open_statement
from adapters.statements.registry import importer_of
from core.domain.statement import Statement
from tests.unit.ledger.asking import answer_to, fact, rate

D = Decimal
CASES = "data/brokers/cgt_cases"
RATES = "data/fx/ecb/eurofxref-hist.zip"


def imported(path: Path) -> tuple[Statement, list[dict[str, Any]]]:
    """Read a broker's file with the importer that knows it; gives the statement and its facts, all of account `a`."""
    file = open_statement(path)
    statement = importer_of(file).read(file)
    facts, _ = door_facts(statement.rows, "a")
    return statement, [one | {"account": "a"} for one in facts]


def expected(folder: Path) -> dict[str, str]:
    """Read the figures of the capital gains that the other program printed."""
    text = (folder / "expected_output.txt").read_text(encoding="utf-8")
    found = re.search(
        r"Disposals: +(?P<disposals>\d+)\n.*?proceeds: +£(?P<proceeds>[\d,.]+)\n.*?costs: +£(?P<costs>[\d,.]+)\n"
        r" +Gain: +£(?P<gains>[\d,.]+)\n +Loss: +£(?P<losses>[\d,.]+)\n",
        text,
    )
    assert found is not None, text
    return {name: value.replace(",", "") for name, value in found.groupdict().items()}


def year_of(answer: dict[str, Any], tax_year: str) -> dict[str, str]:
    """Give the same figures of one tax year of an answer."""
    year = next(one for one in answer["tax"]["years"] if one["tax_year"] == tax_year)
    pence = {name: f"{D(year[name]):.2f}" for name in ("proceeds", "costs", "gains", "losses")}
    return {"disposals": str(year["disposals"])} | pence


def test_trading_212_equals_the_expected_file_to_the_penny(shared):
    """Disposals, proceeds, costs and gain of 2024/2025, and the cash that is left."""
    folder = shared / CASES / "trading212" / "2024"
    statement, facts = imported(folder / "inputs" / "transactions.csv")

    answer = answer_to(facts, "UK")

    assert statement.unread == ()
    assert year_of(answer, "2024/2025") == expected(folder)
    assert (answer["tax"]["pools"], answer["cash"][0]["amount"]) == ([], "1758.05")


def test_freetrade_equals_the_expected_file_to_the_penny(shared):
    """Disposals, proceeds, costs and gain of 2023/2024, the units that are left, and the cash.

    The costs of what is left are the totals that were paid (139.80 + 139.79 for GOOGL); the other program prints up to two
    pence less, for it multiplies rounded prices. The cash is the sum of the rows; the expected file prints 8,946.79, more
    by 0.93 and 0.74, the two dividends once again.
    """
    folder = shared / CASES / "freetrade"
    statement, facts = imported(folder / "transactions.csv")

    answer = answer_to(facts, "UK")

    assert statement.unread == ()
    assert year_of(answer, "2023/2024") == expected(folder)
    assert [(one["instrument"], one["quantity"], one["cost"]) for one in answer["tax"]["pools"]] == [
        ("GOOGL", "0.13949006", "279.59"),
        ("NDAQ", "2.12181972", "279.59"),
        ("TSLA", "1.45003568", "944.88"),
    ]
    assert answer["cash"][0]["amount"] == "8945.12"


def test_interactive_brokers_equals_the_expected_file_to_the_penny(shared):
    """Disposals, proceeds, costs and loss of 2025/2026, the pool, and the cash.

    The expected file counts £12.54 of excess reported income of CNX1, which stands in no row of the broker's table and is
    added here as the fact that it is. Its balance is £3,027.40: ours and the two rows that are not understood, £0.55 that
    foreign cash gained on paper and what a conversion left in the base currency.
    """
    folder = shared / CASES / "interactive_brokers"
    statement, facts = imported(folder / "test_basic.csv")
    facts.append(fact("EXCESS_INCOME", "2025-06-30", "eri", instrument="CNX1", currency="GBP", amount="12.54"))

    answer = answer_to(facts, "UK")

    assert [one.line for one in statement.unread] == [13, 16]
    assert year_of(answer, "2025/2026") == expected(folder)
    assert answer["tax"]["pools"] == [{"instrument": "CNX1", "quantity": "2", "cost": "2007.77"}]
    assert D(answer["cash"][0]["amount"]) == D("3027.40") - D("0.55")


def test_schwab_differs_from_the_expected_file_by_its_rates_alone(shared):
    """The file is in dollars, and was made with the tax office's monthly rates, which the catalogue does not hold.

    In dollars, which need no rate, its cash is the expected file's. In pounds, at the European Central Bank's rates of each
    day, the gain is £13,757.48 and not £15,342.18: between £240,000 bought and sold within the year, every hundredth of a
    rate is over a thousand pounds.
    """
    folder = shared / CASES / "schwab" / "2023"
    statement, facts = imported(folder / "transactions.csv")
    with zipfile.ZipFile(shared / RATES) as archive:
        head, *lines = io.TextIOWrapper(archive.open(archive.namelist()[0])).read().splitlines()
    columns = head.split(",")
    days = {one["effective"] for one in facts}
    rows = [dict(zip(columns, line.split(","), strict=False)) for line in lines]
    told = [row for row in rows if row["Date"] in days]
    fx = [rate(row["Date"], row[name], "EUR", name) for row in told for name in ("USD", "GBP")]

    dollars, pounds = answer_to(facts, base="USD"), answer_to(facts, "UK", fx=fx)

    assert (statement.unread, dollars["cash"][0]["amount"]) == ((), "1019826.86")
    assert "Charles Schwab: 1019826.86 (USD)" in (folder / "expected_output.txt").read_text(encoding="utf-8")
    figures = {"disposals": "3", "losses": "0.00"}
    assert expected(folder) == figures | {"proceeds": "248082.51", "costs": "232740.33", "gains": "15342.18"}
    assert year_of(pounds, "2023/2024") == figures | {
        "proceeds": "248286.56",
        "costs": "234529.08",
        "gains": "13757.48",
    }
