"""Brokers' own files booked to a desk and told by its tax report: what another program computes of them, to the penny."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.workspaces import twokey
from tests.real.test_cgt_cases import CASES, expected

Copy = Callable[[Path, Path], Path]
# Income that a fund reported and did not pay stands in no row of the broker's table; the other program was given it apart.
REPORTED = (
    '{"kind": "EXCESS_INCOME", "key": "eri", "effective": "2025-06-30", "account": "etoro/unallocated", "instrument": "CNX1",'
    ' "currency": "GBP", "amount": "12.54"}'
)


@pytest.mark.parametrize(
    ("folder", "file", "year", "cash"),
    [
        ("trading212/2024", "inputs/transactions.csv", "2024-25", "1758.05"),
        ("freetrade", "transactions.csv", "2023-24", "8945.12"),
        ("interactive_brokers", "test_basic.csv", "2025-26", "3026.85"),
    ],
)
def test_a_statement_that_was_booked_gives_the_expected_tax_report(
    recorded: Path,
    fresh: Path,
    tmp_path: Path,
    copy: Copy,
    shared: Path,
    folder: str,
    file: str,
    year: str,
    cash: str,
) -> None:
    """Disposals, proceeds, costs, gains and losses of the year through import, books and report; and the cash that is left.

    What was paid in pounds for what is counted in pounds needs no market data; Freetrade's shares of dollars need the fixings.
    """
    root, case = (
        copy(recorded if folder == "freetrade" else fresh, fresh.parent / f"tax-{year}"),
        shared / CASES / folder,
    )
    done = twokey(root, "import", str(case / file), "--account", "etoro", "--by", "ann", "--leave")
    assert (done.code, done.facts["written"]) == (0, True), done.err + done.out
    if folder == "interactive_brokers":
        (tmp_path / "eri.json").write_text(REPORTED, encoding="utf-8")
        added = twokey(
            root, "ledger", "add", str(tmp_path / "eri.json"), "--by", "ann", "--note", "the fund's own report"
        )
        assert added.code == 0, added.err

    report = twokey(root, "tax", "--year", year, "--on", f"20{year[-2:]}-04-05")

    assert report.code == 0, report.err
    told = next(one for one in report.facts["years"] if one["name"] == year)
    pence = {name: f"{Decimal(told[name]):.2f}" for name in ("proceeds", "costs", "gains", "losses")}
    assert {"disposals": str(told["disposals"])} | pence == expected(case)
    books = json.loads((root / "portfolio.json").read_text(encoding="utf-8"))["books"]
    assert {name: Decimal(amount) for name, amount in books[0]["cash"].items()} == {"GBP": Decimal(cash)}
    again = twokey(root, "import", str(case / file), "--account", "etoro", "--by", "ann", "--leave")
    assert (again.code, again.facts["facts"]) == (0, 0)
