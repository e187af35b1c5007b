"""A made-up account statement of eToro as a workbook: its sheets under the columns that the catalogue of data lists.

The columns are those of eToro's XLSX as public importers read them; every row is invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.unit.statements.workbooks import Cell, made

ACTIVITY = (
    *("Date", "Type", "Details", "Amount", "Units / Contracts", "Realized Equity Change", "Realized Equity", "Balance"),
    *("Position ID", "Asset type", "NWA"),
)
POSITIONS = (
    *("Position ID", "Action", "Long / Short", "Amount", "Units / Contracts", "Open Date", "Close Date", "Leverage"),
    *("Spread Fees (USD)", "Market Spread (USD)", "Profit(USD)", "Profit(EUR)", "FX rate at open (USD)"),
    *("FX rate at close (USD)", "Open Rate", "Close Rate", "Take profit rate", "Stop loss rate"),
    *("Overnight Fees and Dividends", "Copied From", "Type", "ISIN", "Notes"),
)
DIVIDENDS = (
    *("Date of Payment", "Instrument Name", "Net Dividend Received (USD)", "Withholding Tax Rate (%)"),
    *("Withholding Tax Amount (USD)", "Position ID", "Type", "ISIN"),
)
SUMMARY: list[list[Cell]] = [["Account Summary", None], ["Username", "nobody"], ["Currency", "USD"]]
Row = Sequence[Cell]

ROWS: list[list[Cell]] = [
    ["02/01/2024 09:00:00", "Deposit", "-", 1000, "-", 1000, "1,000.00", 1000, "-", None, 0],
    ["03/01/2024 15:30:00", "Open Position", "ACME/USD", 200, 4, 0, 1000, 800, "11", "Stocks", 0],
    ["04/01/2024 15:30:00", "Open Position", "FUND/EUR", "(no number)", 1.5, 0, 1000, 800, "12", "ETF", 0],
    ["05/02/2024 00:10:33", "Dividend", "ACME/USD", 0.85, "-", 0.85, 1000.85, 800.85, "11", "Stocks", 0],
    ["06/02/2024 15:30:00", "Position closed", "ACME/USD", 90.5, 1, 40.5, 1041.35, 891.35, "21", "Stocks", 0],
    ["07/02/2024 00:00:01", "corp action: Split", "ACME/USD 2:1", 0, "-", 0, 1041.35, 891.35, "11", "Stocks", 0],
    ["07/02/2024 00:00:02", "corp action: Split", "ACME/USD 2:1", 0, "-", 0, 1041.35, 891.35, "13", "Stocks", 0],
    ["08/02/2024 15:30:00", "Position closed", "ACME/USD", "1,150.00", 6, 1000, 2041.35, 2041.35, "11", "Stocks", 0],
    ["08/02/2024 15:30:00", "Commission", "ACME/USD", -1, "-", -1, 2040.35, 2040.35, "11", "Stocks", 0],
    ["09/02/2024 15:30:00", "Position closed", "GOLD", 60, 0.5, 10, 2050.35, 2100.35, "14", "CFD", 0],
    ["10/02/2024 15:30:00", "Withdraw Request", "-", "(500.25)", "-", "(500.25)", 1550.1, 1600.1, "-", None, 0],
]
CLOSED: list[list[Cell]] = [
    [21, "Buy Acme", "Long", 50, 1, "03/01/2024 15:30:00", "06/02/2024 15:30:00", 1, 0, 0, 40.5],
    [11, "Buy Acme", "Long", 150, 6, "03/01/2024 15:30:00", "08/02/2024 15:30:00", 1, 0, 0, 1000],
    [14, "Sell Gold", "Short", 50, 0.5, "05/01/2024 15:30:00", "09/02/2024 15:30:00", 20, 0, 0, 10],
]
PAID: list[list[Cell]] = [["05/02/2024", "Acme", 0.85, "15%", 0.15, 11, "Stocks", "US0000000001"]]


def statement(
    rows: Iterable[Row] = ROWS,
    closed: Iterable[Row] | None = CLOSED,
    paid: Iterable[Row] | None = PAID,
    others: Mapping[str, Iterable[Row]] | None = None,
    names: tuple[str, str, str] = ("Account Activity", "Closed Positions", "Dividends"),
) -> bytes:
    """Give the workbook; without a sheet where its rows are None."""
    sheets: dict[str, Iterable[Row]] = {"Account Summary": SUMMARY}
    if closed is not None:
        sheets[names[1]] = [POSITIONS, *closed]
    sheets[names[0]] = [ACTIVITY, *rows]
    if paid is not None:
        sheets[names[2]] = [DIVIDENDS, *paid]
    return made(sheets | dict(others or {}))


def with_cell(rows: Sequence[Row], row: int, cell: int, value: Cell) -> list[list[Cell]]:
    """Give the rows with one cell changed."""
    changed = [list(one) for one in rows]
    changed[row][cell] = value
    return changed
