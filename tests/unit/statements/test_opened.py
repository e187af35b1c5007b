"""Files from outside: bounded, decoded without guessing, refused with the place and what would be right."""

from __future__ import annotations

import pytest

from adapters.statements import opened as opening
from adapters.statements.opened import StatementError, lines_of, open_statement, opened
from adapters.statements.registry import importer_of
from tests.unit.statements import samples
from tests.unit.statements.samples import statement_of, why
from tests.unit.statements.workbooks import made

DOCTYPE = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_same_rows_come_from_each_encoding_that_is_certain(encoding):
    """UTF-8 with or without its mark, and UTF-16 with it, give the same rows with the same keys."""
    file = opened("x.csv", samples.SCHWAB.encode(encoding))

    assert importer_of(file).read(file) == statement_of(samples.SCHWAB)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "x.csv: it is empty"),
        (b" \r\n\n", "x.csv: it is empty"),
        (b"A,B\n1,\xe9\n", "x.csv:2: byte 6 is no UTF-8; save the file as UTF-8"),
        (b"\xff\xfeA", "x.csv:1: byte 2 is no UTF-16"),
        (b"A,B\n1,\0\n", "x.csv:2: a zero byte; this is no text"),
        (b"PK\x03\x04...", "x.csv: the workbook cannot be read (BadZipFile); export it anew"),
        (b"\xd0\xcf\x11\xe0", "x.csv: it is an XLS workbook, or one with a password; save it as XLSX without"),
        (b"\x1f\x8b...", "x.csv: it is compressed by gzip; unpack it first"),
        (b"%PDF-1.7", "x.csv: it is a PDF; export the statement as CSV or XML"),
    ],
)
def test_what_is_no_text_is_refused(content, words):
    """The place is named, and what would be right."""
    with pytest.raises(StatementError) as refused:
        opened("x.csv", content)

    assert str(refused.value).startswith(words)


def test_a_workbook_without_a_row_is_empty():
    """It is no statement of nothing."""
    with pytest.raises(StatementError, match=r"x.xlsx: it is empty"):
        opened("x.xlsx", made({"A": [], "B": [[None]]}))


def test_a_file_is_read_up_to_its_bound_only(tmp_path, monkeypatch):
    """The bound itself is allowed; one byte more is refused, and no more than that is read."""
    monkeypatch.setattr(opening, "FILE_MAX", 10)
    (tmp_path / "at").write_bytes(b"0123456789")
    (tmp_path / "above").write_bytes(b"0123456789" * 1000)

    assert open_statement(tmp_path / "at").text == "0123456789"
    with pytest.raises(StatementError, match="more than 10 bytes"):
        open_statement(tmp_path / "above")


def test_a_file_that_is_not_there_is_named(tmp_path):
    """A folder is no file either."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(StatementError, match="name a file that a broker exported"):
            open_statement(path)


def test_rows_have_their_bound(monkeypatch):
    """One row more than the bound is refused with its line."""
    monkeypatch.setattr(opening, "ROWS_MAX", 3)

    assert len(list(lines_of(opened("x", b"a\n\n1\n2\n")))) == 3
    with pytest.raises(StatementError, match="x:5: more than 3 rows"):
        list(lines_of(opened("x", b"a\n\n1\n2\n3\n")))


@pytest.mark.parametrize("text", ['a,b\n1,"open\n', 'a,b\n1,"x"y\n', 'a,b\n1,"' + "x" * 2_500 + '"\n'])
def test_a_quote_that_is_not_closed_refuses_the_file(text):
    """Where a row ends nobody knows then; the line is named."""
    with pytest.raises(StatementError, match=r"x:2: .*a quote is not closed"):
        list(lines_of(opened("x", text.encode())))


def test_a_row_knows_the_line_at_which_it_begins():
    """A cell over two lines and empty lines do not move the lines that are told."""
    rows = list(lines_of(opened("x", b'a,b\r\n\r\n1,"two\r\nlines"\r\n3,4\r\n')))

    assert [line for line, _ in rows] == [1, 3, 5]


@pytest.mark.parametrize("row", ["11/01/2023,Credit Interest,,X,,,", "11/01/2023,Credit Interest,,X,,,,$1.00,more"])
def test_a_row_with_other_cells_than_the_heading_is_not_understood(row):
    """One too few, or something beyond the last column; empty cells at the end do no harm."""
    head = samples.SCHWAB.splitlines()[0]

    assert "the heading has 8" in why(f"{head}\n{row}\n")[2]
    assert why(f"{head}\n11/01/2023,Credit Interest,,X,,,,$1.00,,\n") == {}
    assert why(f"{head},\n11/01/2023,Credit Interest,,X,,,,$1.00\n") == {}


def test_xml_with_a_document_type_is_refused_before_anything_is_unfolded():
    """Entities are how a small file becomes a large one, or reads another file."""
    with pytest.raises(StatementError, match=r"made up.csv:1: a document type \(<!DOCTYPE>\) or entity"):
        statement_of(DOCTYPE + samples.IBKR_XML.replace('symbol="F1F"', 'symbol="&b;"'))


@pytest.mark.parametrize(
    "text", [samples.IBKR_XML[:-30], samples.IBKR_XML.replace("</Trades>", ""), "<FlexQueryResponse>&x;"]
)
def test_xml_that_is_cut_off_is_refused(text):
    """The whole file, for what is missing nobody knows."""
    with pytest.raises(StatementError, match="the file is cut off or was edited"):
        statement_of(text)


def test_xml_of_many_floors_is_refused():
    """No statement is nested so deep."""
    with pytest.raises(StatementError, match="more elements than a statement has"):
        statement_of("<FlexQueryResponse>" + "<a>" * 100 + "</a>" * 100 + "</FlexQueryResponse>")
