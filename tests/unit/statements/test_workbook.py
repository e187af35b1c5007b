"""Workbooks from outside: what a cell holds becomes text exactly, and what is spoilt or hostile is refused in bounded time."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.statements.opened import CELL_MAX, ROWS_MAX, Record, RowError
from adapters.statements.workbook import Sheet, WorkbookError, exact, sheets_of
from tests.unit.statements.workbooks import FIRST_SHEET, Cell, changed, made, shared

MOMENT = datetime.fromisoformat("2024-01-02T00:10:33")
SMALL = made({"A": [["Name", "Units"], ["one", 0.102626], ["two", 2]]})


def read(content: bytes, rows_max: int = ROWS_MAX, cell_max: int = CELL_MAX) -> tuple[Sheet, ...]:
    """Read with the bounds that statements have."""
    return sheets_of(content, rows_max, cell_max)


def texts(content: bytes) -> list[tuple[str, ...]]:
    """Give the cells of the first sheet."""
    return [row.cells for row in read(content)[0].rows]


def test_each_kind_of_cell_becomes_its_text():
    """Numbers without a mark for thousands, days as they are counted from either year, texts without their edges."""
    rows: list[list[Cell]] = [[" text ", 7, 0.1, 1e-7, 12345678.25, 4.0, True, None, MOMENT, ""]]
    expected = ("text", "7", "0.1", "0.0000001", "12345678.25", "4", "True", "", "2024-01-02 00:10:33")

    for counts_from_1904 in (False, True):
        assert texts(made({"A": rows}, counts_from_1904=counts_from_1904)) == [expected]
    assert read(made({"A": rows}))[0].rows[0].numbers == {1, 2, 3, 4, 5}


def test_texts_may_stand_in_their_cells_or_in_a_part_of_their_own():
    """The second is how spreadsheets save, each text once."""
    rows: list[list[Cell]] = [["one", "two", 3], ["two", " one", "a & b"]]

    assert (
        texts(shared(made({"A": rows}))) == texts(made({"A": rows})) == [("one", "two", "3"), ("two", "one", "a & b")]
    )


def test_a_whole_number_with_a_point_is_the_same_number():
    """A position's name may be kept as a number, and must not change with the program that saved it."""
    content = changed(SMALL, lambda part: part.replace(b"<v>2</v>", b"<v>2.0</v>"))

    assert texts(content) == texts(SMALL)


def test_the_two_ways_to_count_days_are_told_apart_by_the_workbook():
    """The same serial number is another day, 1462 days later, where days are counted from 1904."""
    plain = made({"A": [[MOMENT]]})
    moved = changed(
        plain, lambda part: part.replace(b"<workbookPr/>", b'<workbookPr date1904="1"/>'), "xl/workbook.xml"
    )

    assert texts(moved) == [("2028-01-03 00:10:33",)]


@given(number=st.decimals(min_value="-1e9", max_value="1e9", places=6))
def test_a_number_of_up_to_15_digits_is_read_as_it_was_written(number):
    """Through the double and back: the shortest decimal that is the same double is the one that was told."""
    (row,) = texts(made({"A": [["x", float(number)]]}))

    assert exact(row[1]) == number


def test_the_rest_of_a_calculation_is_no_number_that_was_told():
    """0.1 + 0.2 needs 17 digits; a row that uses such a cell is not understood, and nothing is rounded."""
    told, calculated = str(0.102626).encode(), str(0.1 + 0.2).encode()
    row = texts(changed(SMALL, lambda part: part.replace(told, calculated)))[1]
    record = Record(1, {"Amount": row[1]}, frozenset({"Amount"}))

    assert row == ("one", "0.30000000000000004")
    with pytest.raises(RowError, match=r"Amount: 0\.30000000000000004 has more than 15 digits"):
        record.number("Amount")


def test_a_cell_that_is_a_number_is_read_with_a_point_whatever_texts_have():
    """12.345 in text may be two numbers; in a cell with a number it is one."""
    record = Record(1, {"text": "12.345", "cell": "12.345"}, frozenset({"cell"}))

    assert record.number("cell", "") == Decimal("12.345")
    with pytest.raises(RowError, match="may be"):
        record.number("text", "")


def test_a_formula_and_an_error_forbid_their_row_and_no_other():
    """A formula may show a person another number than the one that was kept beside it."""
    content = made({"A": [["a", "=1+1"], ["b", "#N/A"], ["c", 2]]})

    faults = [row.fault for row in read(content)[0].rows]

    assert faults[0] == "cell 2 holds a formula: a broker writes values; export the statement anew"
    assert faults[1:] == ["cell 2 holds an error instead of a value; export the statement anew", ""]


def test_rows_keep_their_numbers_and_empty_ones_are_left_out():
    """The number is the one that a person sees in the sheet."""
    rows = read(made({"A": [["a"], [], [None], ["b"]], "B": []}))

    assert [(sheet.name, [row.line for row in sheet.rows]) for sheet in rows] == [("A", [1, 4]), ("B", [])]


def test_a_wrong_word_on_the_size_of_a_sheet_loses_no_row():
    """A sheet may say that it ends sooner than it does."""
    content = changed(SMALL, lambda part: part.replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1:A1"'))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b'<dimension ref="A1:A1"' in archive.read(FIRST_SHEET)

    assert texts(content) == [("Name", "Units"), ("one", "0.102626"), ("two", "2")]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b'<row r="2"/><row r="2"/>', "row '2' follows row 2"),
        (b'<row r="3"/><row r="2"/>', "row '2' follows row 3"),
        (b'<row r="0"/>', "row '0' follows row 0"),
        (b'<row r="1048577"/>', "row '1048577' follows row 0; rows go up to 1048576, each once"),
        (b'<row r="99999999999999999999"/>', "row '999999999' follows row 0"),
        (b'<row r="1.0"/>', "row '1.0' follows row 0"),
    ],
)
def test_rows_that_would_be_left_out_are_refused(rows, words):
    """A row under a number that was there, or that no sheet has, would vanish without a word."""
    content = changed(SMALL, lambda part: part.replace(b"<sheetData>", b"<sheetData>" + rows, 1))

    with pytest.raises(WorkbookError) as refused:
        read(content)

    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "name", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml", "docProps/core.xml"]
)
def test_a_document_type_is_refused_in_every_part(name, encoding):
    """Neither a file nor an address is opened, and no entity grows, in whatever encoding it hides."""
    kind = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>'

    def planted(part: bytes) -> bytes:
        text = part.decode().partition("?>")[2] if part.startswith(b"<?xml") else part.decode()
        return f'<?xml version="1.0" encoding="{encoding}"?>{kind}{text}'.encode(encoding)

    with pytest.raises(WorkbookError, match="a document type"):
        read(changed(SMALL, planted, name))


def test_what_unpacks_into_too_much_is_not_unpacked():
    """A third of a megabyte that would become 300: refused by the sizes that are told, before anything is read."""
    content = io.BytesIO(SMALL)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/more.xml", "w") as part:
        for _ in range(300):
            part.write(bytes(1_000_000))
    begun = time.process_time()

    with pytest.raises(WorkbookError, match="it unpacks into more than 256000000 bytes"):
        read(content.getvalue())

    assert time.process_time() - begun < 1


def test_more_parts_than_a_workbook_has_are_refused():
    """However small each is."""
    content = io.BytesIO(SMALL)
    with zipfile.ZipFile(content, "a") as archive:
        for number in range(1_000):
            archive.writestr(f"xl/{number}.xml", "")

    with pytest.raises(WorkbookError, match="or 1000 parts; no statement does"):
        read(content.getvalue())


def test_a_part_that_tells_a_smaller_size_than_it_has_is_refused():
    """No more is unpacked than was told, and what is cut off fails its check sum."""
    with zipfile.ZipFile(io.BytesIO(SMALL)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size.to_bytes(4, "little")
    assert SMALL.count(size) == 2

    with pytest.raises(WorkbookError, match="the workbook cannot be read"):
        read(SMALL.replace(size, (20).to_bytes(4, "little")))


@pytest.mark.parametrize(
    ("rows_max", "cell_max", "words"),
    [(2, 10, "more than 2 rows; export a shorter range"), (3, 7, r"sheet 'A', row 2: a cell of more than 7 letters")],
)
def test_rows_and_letters_are_bounded(rows_max, cell_max, words):
    """The bounds themselves are allowed."""
    assert len(read(SMALL, 3, 8)[0].rows) == 3

    with pytest.raises(WorkbookError, match=words):
        read(SMALL, rows_max, cell_max)


def test_a_cell_far_to_the_right_of_each_row_costs_no_more_than_a_row():
    """A thousand rows of one cell in the last column: read, in bounded time, as rows with nothing in them."""
    rows = b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (line, line) for line in range(4, 1004))
    content = changed(SMALL, lambda part: part.replace(b"</sheetData>", rows + b"</sheetData>"))
    begun = time.process_time()

    assert len(texts(content)) == 3
    assert time.process_time() - begun < 2


def test_nothing_is_printed_for_what_the_library_thinks_of_a_workbook(capsys):
    """It prints where a style is not there; `--json` must be the only thing on stdout."""
    content = changed(SMALL, lambda part: part.replace(b'"Normal" xfId="0"', b'"Normal" xfId="9"'), "xl/styles.xml")

    with pytest.raises(WorkbookError, match="the workbook cannot be read"):
        read(content)

    assert capsys.readouterr() == ("", "")


def test_an_archive_that_is_no_workbook_says_so():
    """A ZIP of statements must be unpacked first."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.csv", "A,B")

    with pytest.raises(WorkbookError, match="it is a ZIP archive and no XLSX workbook; unpack it first"):
        read(content.getvalue())


SHARED = shared(SMALL)
PARTS = ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", "[Content_Types].xml"]
SPOILT = st.sampled_from(
    [b"", b"<", b'"', b"-1", b"9" * 30, b"A1", b"\xff", b'" r="', b"NaN", b"1e999", b"</row>", b'" t="s']
)


@settings(max_examples=300)
@given(name=st.sampled_from(PARTS), at=st.floats(0, 1), cut=st.integers(0, 12), put=SPOILT)
def test_a_workbook_with_a_spoilt_part_is_read_or_refused_in_words(name, at, cut, put):
    """Whatever was cut out and put in: rows, or the one error."""

    def spoil(part: bytes) -> bytes:
        place = int(at * len(part))
        return b"".join([part[:place], put, part[place + cut :]])

    try:
        sheets = read(changed(SHARED, spoil, name))
    except WorkbookError:
        return

    assert all(isinstance(text, str) for sheet in sheets for row in sheet.rows for text in row.cells)


@settings(max_examples=200)
@given(at=st.floats(0, 1), cut=st.integers(0, 12), put=st.binary(max_size=12))
def test_a_spoilt_archive_is_read_or_refused_in_words(at, cut, put):
    """The same for the bytes of the archive itself."""
    place = int(at * len(SMALL))

    try:
        sheets = read(SMALL[:place] + put + SMALL[place + cut :])
    except WorkbookError:
        return

    assert all(isinstance(text, str) for sheet in sheets for row in sheet.rows for text in row.cells)
