"""Brokers' own files through the checking door: what another program computes from them, to the penny.

The fourth case of the catalogue (Schwab) is in dollars and was made with monthly rates of the tax office that the
catalogue does not hold: without them its pounds cannot be computed, and it is left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.unit.ledger.asking import answer_to, fact, trade

D = Decimal
CASES = "data/brokers/cgt_cases"


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a broker's table with numbered rows; IBKR's begins after its summary."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if any(line.startswith("Transaction History,") for line in lines):
        lines = [line for line in lines if line.startswith("Transaction History,")]
    for number, row in enumerate(csv.DictReader(lines)):
        yield row | {"key": f"row {number}"}


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


def pounds(kind: str, row: dict[str, str], day: str, amount: str, **fields: str) -> dict[str, Any]:
    """Give a fact of cash in pounds."""
    return fact(kind, day, row["key"], currency="GBP", amount=amount, **fields)


def trading212(row: dict[str, str]) -> dict[str, Any]:
    """Read a row: the total is what was paid or received, the conversion fee in it."""
    day, total = row["Time"][:10], row["Total"]
    if row["Action"].endswith(("buy", "sell")):
        is_sale = row["Action"].endswith("sell")
        fee = row["Currency conversion fee"]
        amount = str(D(total) + D(fee) if is_sale else D(total) - D(fee))
        own = {"instrument": row["Ticker"], "key": row["key"], "fee": fee}
        return trade("SELL" if is_sale else "BUY", day, row["No. of shares"], amount, **own)
    if row["Action"].startswith("Dividend"):
        return pounds("DIVIDEND", row, day, total, instrument=row["Ticker"])
    kinds = {"Deposit": "DEPOSIT", "Withdrawal": "WITHDRAW"}
    return pounds(kinds.get(row["Action"], "INTEREST"), row, day, total.lstrip("-"))


def freetrade(row: dict[str, str]) -> dict[str, Any]:
    """Read a row: the total holds the conversion fee; a free share cost what it was worth."""
    day, total = row["Timestamp"][:10], row["Total Amount"]
    if row["Type"].endswith("ORDER"):
        fee = D(row["FX Fee Amount"] or 0)
        is_sale = row["Buy / Sell"] == "SELL"
        amount = str(D(total) + fee if is_sale else D(total) - fee)
        own = {"instrument": row["Ticker"], "key": row["key"], "fee": str(fee)}
        return trade("SELL" if is_sale else "BUY", day, row["Quantity"], amount, **own)
    if row["Type"] == "DIVIDEND":
        return pounds("DIVIDEND", row, day, total, instrument=row["Ticker"])
    return pounds("DEPOSIT" if row["Type"] == "TOP_UP" else "INTEREST", row, day, total)


def interactive(row: dict[str, str]) -> dict[str, Any] | None:
    """Read a trade; the rest of the table moves no share."""
    if row["Transaction Type"] not in ("Buy", "Sell"):
        return None
    own = {"instrument": row["Symbol"], "key": row["key"], "fee": row["Commission"].lstrip("-")}
    amount = row["Gross Amount "].lstrip("-")
    return trade(row["Transaction Type"].upper(), row["Date"], row["Quantity"].lstrip("-"), amount, **own)


def test_trading_212_equals_the_expected_file_to_the_penny(shared):
    """Disposals, proceeds, costs and gain of 2024/2025, and the cash that is left."""
    folder = shared / CASES / "trading212" / "2024"
    facts = [trading212(row) for row in rows(folder / "inputs" / "transactions.csv")]

    answer = answer_to(facts, "UK")

    assert year_of(answer, "2024/2025") == expected(folder)
    assert (answer["tax"]["pools"], answer["cash"][0]["amount"]) == ([], "1758.05")


def test_freetrade_equals_the_expected_file_to_the_penny(shared):
    """Disposals, proceeds, costs and gain of 2023/2024, the units that are left, and the cash.

    The costs of what is left are the totals that were paid (139.80 + 139.79 for GOOGL); the other program prints up to two
    pence less, for it multiplies rounded prices. The free share of 11.04 was given, so its cash came with it. The cash is
    the sum of the rows; the expected file prints 8,946.79, more by 0.93 and 0.74, the two dividends once again.
    """
    folder = shared / CASES / "freetrade"
    facts = [freetrade(row) for row in rows(folder / "transactions.csv")]
    facts.append(fact("DEPOSIT", "2021-12-13", "free share", currency="GBP", amount="11.04"))

    answer = answer_to(facts, "UK")

    assert year_of(answer, "2023/2024") == expected(folder)
    assert [(one["instrument"], one["quantity"], one["cost"]) for one in answer["tax"]["pools"]] == [
        ("GOOGL", "0.13949006", "279.59"),
        ("NDAQ", "2.12181972", "279.59"),
        ("TSLA", "1.45003568", "944.88"),
    ]
    assert answer["cash"][0]["amount"] == "8945.12"


def test_interactive_brokers_equals_the_expected_file_to_the_penny(shared):
    """Disposals, proceeds, costs and loss of 2025/2026, and the pool.

    The expected file counts £12.54 of excess reported income of CNX1, which stands in no row of the broker's table and is
    added here as the fact that it is.
    """
    folder = shared / CASES / "interactive_brokers"
    read = [interactive(row) for row in rows(folder / "test_basic.csv")]
    facts = [one for one in read if one is not None]
    facts.append(fact("EXCESS_INCOME", "2025-06-30", "eri", instrument="CNX1", currency="GBP", amount="12.54"))

    answer = answer_to(facts, "UK")

    assert year_of(answer, "2025/2026") == expected(folder)
    assert answer["tax"]["pools"] == [{"instrument": "CNX1", "quantity": "2", "cost": "2007.77"}]
