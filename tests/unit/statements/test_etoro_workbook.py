"""eToro's workbook: each event once, one sheet held against the other, and no row of any sheet lost."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.statements.facts import door_facts
from adapters.statements.opened import StatementError, opened
from adapters.statements.registry import importer_of
from core.domain.statement import (
    Deposit,
    Dividend,
    Fee,
    Money,
    Named,
    Statement,
    StockSplit,
    Trade,
    Withdrawal,
    overlaps,
)
from tests.unit.statements import etoro_sheets as sheets
from tests.unit.statements import samples
from tests.unit.statements.etoro_sheets import CLOSED, PAID, ROWS, Row, statement, with_cell
from tests.unit.statements.samples import events
from tests.unit.statements.workbooks import SHARED_STRINGS, Cell, changed, shared

ACME = Named("ACME/USD")
CLOSING, OPENING, DIVIDEND = 4, 1, 3
CELLS: list[Cell] = ["", None, "-", -1, 0, 1e300, 0.1 + 0.2, "1,234", "NaN", True, "=1+1", "#N/A", "'", 12, "Dividend"]
SPOILT = st.sampled_from(
    [*CELLS, datetime.fromisoformat("2024-01-03T15:30:00"), "Position closed", "corp action: Split"]
)


def read(content: bytes) -> Statement:
    """Read a workbook with the importer that knows it."""
    file = opened("made up.xlsx", content)
    importer = importer_of(file)
    assert importer.form == "account statement, XLSX"
    return importer.read(file)


def why(content: bytes) -> list[tuple[int, str]]:
    """Give the rows that are not understood, but for the contract and the price without a number."""
    return [
        (one.line, one.why) for one in read(content).unread if "contract" not in one.why and "no number" not in one.why
    ]


def dollars(amount: str) -> Money:
    """Give an amount of dollars."""
    return Money(Decimal(amount), "USD")


def as_date(cell: Cell) -> datetime:
    """Give eToro's text of a day, or of a moment, as a date."""
    day, _, time = str(cell).partition(" ")
    return datetime.fromisoformat("-".join(reversed(day.split("/"))) + f"T{time or '00:00:00'}")


def as_csv(rows: Sequence[Row]) -> str:
    """Give the account activity as the CSV that eToro makes of it."""
    text = io.StringIO()
    csv.writer(text).writerows([sheets.ACTIVITY, *rows])
    return text.getvalue()


def test_each_event_is_taken_once_and_a_dividend_has_its_tax():
    """The closed positions and the dividends give no event of their own; a split of two positions is one."""
    assert [one.row.event for one in read(statement()).rows] == [
        Deposit(dollars("1000")),
        Trade("BUY", ACME, Decimal(4), dollars("200")),
        Dividend(ACME, dollars("0.85"), dollars("0.15")),
        Trade("SELL", ACME, Decimal(1), dollars("90.5")),
        StockSplit(ACME, 2, 1),
        Trade("SELL", ACME, Decimal(6), dollars("1150")),
        Fee(dollars("1"), ACME),
        Withdrawal(dollars("500.25")),
    ]


def test_every_row_of_every_sheet_is_in_one_place():
    """Aside: a split told again, a summary, and what the other sheets confirm; not understood: a contract, and no number."""
    found = read(statement(others={"Financial Summary": [["Name", "Amount"], ["Fees", -1]], "Notes": [["a note"]]}))

    assert [(one.line, one.what) for one in found.asides] == [
        (8, "the split of a row before, for another account or position, or its other units"),
        *((line, "sheet Closed Positions: what the account activity tells in a row of its own") for line in (2, 3, 4)),
        (2, "sheet Dividends: what the account activity tells in a row of its own"),
        *((line, "the sheet Account Summary") for line in (1, 2, 3)),
        *((line, "the sheet Financial Summary") for line in (1, 2)),
    ]
    assert [(one.line, one.why) for one in found.unread] == [
        (1, "the sheet 'Notes' is not known; eToro's own are in English where it is set so"),
        (4, "Amount: '(no number)' is no number"),
        (11, "Asset type was 'CFD': a contract with the broker, no units that the ledger could hold"),
    ]
    assert found.row_count == len(ROWS) + len(CLOSED) + len(PAID) + 3 + 2 + 1


def test_the_facts_hold_the_dividend_before_tax_and_the_fee_of_the_trade():
    """The commission belongs to the trade of its position; the split is of all accounts."""
    facts, left = door_facts(read(statement()).rows, "a")

    told = {fact["kind"]: fact for fact in facts}
    assert left == ()
    assert (told["DIVIDEND"]["amount"], told["DIVIDEND"]["withheld"]) == ("1.00", "0.15")
    assert [(fact["quantity"], fact["fee"]) for fact in facts if fact["kind"] in ("BUY", "SELL")] == [
        ("4", "1"),
        ("6", "0"),
        ("1", "0"),
    ]
    assert "account" not in told["SPLIT"]


@pytest.mark.parametrize(
    ("cell", "value", "words"),
    [
        (4, 1.5, "closed 1 units and here 1.5"),
        (3, 900.5, "50 with a profit of 40.5 and here 900.5"),
        (0, "06/02/2024 15:30:01", "closed 06/02/2024 15:30:00 and here 06/02/2024 15:30:01"),
    ],
)
def test_a_closing_that_the_closed_positions_tell_otherwise_is_understood_in_neither(cell, value, words):
    """Units, what it came to, and the moment; both rows say the same, each with the place of the other."""
    assert why(statement(with_cell(ROWS, CLOSING, cell, value))) == [
        (2, f"sheet Closed Positions: {words}, of position 21"),
        (6, f"{words}, of position 21 (sheet Closed Positions, row 2)"),
    ]


@pytest.mark.parametrize(
    ("cell", "value", "words"),
    [
        (3, 100, "opened for 150 and here for 100"),
        (0, "03/01/2024 15:30:01", "opened 03/01/2024 15:30:00 and here 03/01/2024 15:30:01"),
    ],
)
def test_an_opening_is_held_against_what_was_closed_of_it(cell, value, words):
    """A part of a position may be closed alone; more than was opened may not."""
    assert why(statement(with_cell(ROWS, OPENING, cell, value))) == [
        (3, f"{words}, of position 11 (sheet Closed Positions, row 3)"),
        (3, f"sheet Closed Positions: {words}, of position 11"),
    ]


def test_units_that_change_without_a_split_are_seen():
    """For the same amount there must be the same units, unless a split of the position is told."""
    opened_for_150 = with_cell(ROWS, OPENING, 3, 150)
    without_split = [row for row in opened_for_150 if row[1] != "corp action: Split"]

    assert why(statement(opened_for_150)) == []
    assert [words for _, words in why(statement(without_split))] == [
        "opened 6 units and here 4, with no split told, of position 11 (sheet Closed Positions, row 3)",
        "sheet Closed Positions: opened 6 units and here 4, with no split told, of position 11",
    ]


def test_what_only_one_sheet_tells_is_not_understood():
    """A closing, or a dividend, without its other half; the words say what to do."""
    right = "the account activity does not tell it; export the whole range in one file"

    assert why(statement(closed=CLOSED[1:])) == [(6, "the sheet Closed Positions tells no such closing of position 21")]
    assert why(statement(paid=[])) == [(5, "the sheet Dividends tells no dividend of 0.85 for position 11 on this day")]
    assert why(statement([row for row in ROWS if row[1] not in ("Position closed", "Dividend")])) == [
        (line, f"sheet {sheet}: {right}")
        for line, sheet in ((2, "Closed Positions"), (2, "Dividends"), (3, "Closed Positions"), (4, "Closed Positions"))
    ]


def test_a_dividend_is_matched_by_position_day_and_amount():
    """A cent of rounding is allowed, another day, position or amount is not; two equal ones need two rows."""
    twice = [*ROWS[: DIVIDEND + 1], *ROWS[DIVIDEND:]]

    assert why(statement(paid=with_cell(PAID, 0, 2, 0.8451))) == []
    for cell, value in ((0, "06/02/2024"), (2, 0.83), (5, 12)):
        assert [line for line, _ in why(statement(paid=with_cell(PAID, 0, cell, value)))] == [2, 5]
    assert [line for line, _ in why(statement(twice))] == [6]
    assert read(statement(twice, paid=[*PAID, *PAID])).duplicates == 1


def test_a_position_may_be_closed_in_parts_under_its_own_name():
    """Each closing is held against the row of its moment, whatever the order of the rows is, and each row is taken once."""
    parts = [[cell if place else 21 for place, cell in enumerate(row)] for row in CLOSED[1::-1]]
    closings = [with_cell(ROWS, row, 8, "21")[row] for row in (CLOSING, CLOSING + 3)]

    assert why(statement(closings, closed=parts, paid=[])) == []
    assert [line for line, _ in why(statement([*closings, closings[0]], closed=parts, paid=[]))] == [4]


def test_a_dividend_without_tax_has_none():
    """Zero is no tax of zero: the row is the same as in a file without the sheet."""
    found = read(statement(paid=with_cell(PAID, 0, 4, 0)))

    assert [one.key for one in found.rows] == [one.key for one in read(statement(paid=None)).rows]


def test_a_file_of_before_there_was_a_sheet_of_dividends_is_read_without_their_tax():
    """As the CSV is; an empty sheet of that name is a sheet that tells no dividend."""
    assert Dividend(ACME, dollars("0.85")) in [one.row.event for one in read(statement(paid=None)).rows]


def test_the_same_activity_has_the_same_keys_in_csv_and_in_a_workbook_but_for_the_tax():
    """Numbers in cells or in text are the same content, so a file in the other form brings nothing twice."""
    text = opened("a.csv", as_csv(ROWS).encode())
    of_csv, of_workbook = importer_of(text).read(text), read(statement())

    _, second = overlaps([of_csv, of_workbook])

    assert [one.row.kind for one in second.new] == ["dividend"]
    assert second.conflicts == ()
    assert [one.key for one in read(statement(paid=None)).rows] == [one.key for one in of_csv.rows]


def test_a_longer_export_brings_only_its_new_rows():
    """Neither an earlier row before them nor a position that was closed since changes a key."""
    half = statement(ROWS[:4], closed=[])

    first, second = overlaps([read(half), read(statement())])

    assert (len(first.new), len(second.known), len(second.new)) == (3, 3, 5)


def test_dates_in_cells_are_those_in_text():
    """A person who saves the file anew makes dates of the texts; the rows are known again."""

    def dated(rows: Sequence[Row], *places: int) -> list[list[Cell]]:
        return [[as_date(cell) if place in places else cell for place, cell in enumerate(row)] for row in rows]

    anew = read(statement(dated(ROWS, 0), dated(CLOSED, 5, 6), dated(PAID, 0)))

    assert [one.key for one in anew.rows] == [one.key for one in read(statement()).rows]


def test_sheets_are_known_by_their_columns_whatever_their_names_are():
    """Spanish names, as eToro gives them with that language."""
    named = statement(names=("Actividad de la cuenta", "Posiciones cerradas", "Dividendos"))

    assert [one.key for one in read(named).rows] == [one.key for one in read(statement()).rows]


def test_a_row_with_a_formula_is_not_understood():
    """In the activity, and in the sheets beside it, whose row then confirms nothing."""
    words = "cell 4 holds a formula: a broker writes values; export the statement anew"

    assert why(statement(with_cell(ROWS, 0, 3, "=500+500"))) == [(2, words)]
    assert why(statement(closed=with_cell(CLOSED, 0, 3, "=25+25"))) == [
        (2, f"sheet Closed Positions: {words}"),
        (6, "the sheet Closed Positions tells no such closing of position 21"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (statement(closed=None), "no sheet 'Closed Positions' to check the trades against; export the statement whole"),
        (
            statement(paid=None, others={"Dividends": [["Date of Payment", "Net dividends (EUR)"]]}),
            "the sheet Dividends has no column 'Net Dividend Received \\(USD\\)'; export the statement in English",
        ),
        (
            statement(others={"Account Summary": [["Currency", "EUR"]]}),
            "the account is kept in 'EUR'; only accounts in USD are read",
        ),
    ],
)
def test_a_statement_that_cannot_be_checked_is_refused(content, words):
    """Without what confirms it, or in another currency than its columns are read in."""
    with pytest.raises(StatementError, match=f"made up.xlsx: {words}"):
        read(content)


@settings(max_examples=60, deadline=None)
@given(sheet=st.integers(0, 2), row=st.integers(0, 10), cell=st.integers(0, 10), put=SPOILT)
def test_no_row_of_a_spoilt_workbook_is_lost(sheet, row, cell, put):
    """Whatever stands in a cell: each row that holds something is in one place, and the facts hold too."""
    tables: list[list[list[Cell]]] = [ROWS, CLOSED, PAID]
    row, cell = row % len(tables[sheet]), cell % len(tables[sheet][0])
    tables[sheet] = with_cell(tables[sheet], row, cell, put)

    rows, closed, paid = tables
    found = read(statement(rows, closed, paid))
    facts, _ = door_facts(found.rows, "a")

    assert found.row_count == len(ROWS) + len(CLOSED) + len(PAID) + 3
    assert len({fact["key"] for fact in facts}) == len(facts)
    assert all(one.why for one in found.unread)


def test_a_workbook_that_nobody_knows_is_named_by_its_sheets():
    """What stands in them is not shown, only where one would look."""
    with pytest.raises(
        StatementError, match="no importer knows a file that begins with: the sheet Account Summary, the sheet "
    ):
        read(changed(shared(statement()), lambda part: part.replace(b"Realized Equity Change", b"?"), SHARED_STRINGS))


@pytest.mark.parametrize(
    ("units", "read_as"), [("0.337209", "0.337209"), ("2,5", "2.5"), ("1.234", "1.234"), ("1,234.5", "1234.5")]
)
def test_units_have_a_point_or_one_certain_comma(units, read_as):
    """eToro writes units with a point even where amounts have a comma; a comma counts where it can mean one thing only."""
    found = events(samples.ETORO.replace("18.43,0.102626", f'18.43,"{units}"'))
    trade = next(event for event in found if isinstance(event, Trade))

    assert trade.quantity == Decimal(read_as)
