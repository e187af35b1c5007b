"""Keys: two equal rows are two events, the same row in another file is the same event, and a contradiction is told."""

from __future__ import annotations

from core.domain.statement import overlaps
from tests.unit.statements import samples
from tests.unit.statements.samples import statement_of, why

HEAD, *ROWS = samples.SCHWAB.splitlines()


def schwab(*rows: str) -> str:
    """Give a file with these rows."""
    return "\n".join([HEAD, *rows]) + "\n"


def test_equal_rows_of_one_file_are_kept_and_counted():
    """The broker took its fee twice that day."""
    statement = statement_of(samples.SCHWAB)

    assert statement.duplicates == 1
    assert len({one.key for one in statement.rows}) == len(statement.rows)


def test_a_file_that_comes_again_brings_nothing_new():
    """In the same order or turned round: keys do not depend on lines."""
    first, turned = statement_of(schwab(*ROWS)), statement_of(schwab(*reversed(ROWS)))

    of_first, of_again, of_turned = overlaps([first, first, turned])

    assert (len(of_first.new), len(of_again.new), len(of_turned.new)) == (len(first.rows), 0, 0)
    assert (len(of_again.known), of_again.conflicts) == (len(first.rows), ())


def test_an_overlapping_file_brings_only_what_is_new():
    """Rows 1 to 6, then 4 to 11: the two equal fees are in both and stay two."""
    early, late = statement_of(schwab(*ROWS[:6])), statement_of(schwab(*ROWS[3:]))

    _, second = overlaps([early, late])
    whole = {one.key for one in statement_of(schwab(*ROWS)).rows}

    assert [one.row.line for one in second.known] == [2, 3, 4]
    assert {one.key for one in (*early.rows, *second.new)} == whole


def test_a_file_with_one_equal_row_more_brings_that_one():
    """The third fee of the day is new, whatever line it stands in."""
    fee = ROWS[3]

    _, second = overlaps([statement_of(schwab(fee, fee)), statement_of(schwab(fee, fee, fee))])

    assert [one.ordinal for one in second.new] == [3]


def test_how_a_number_is_written_makes_no_other_row():
    """Zeros at the end and the marks of thousands change no key."""
    plain, grouped = "10/18/2023,Wire Sent,,W,,,,-$100000.00", '10/18/2023,Wire Sent,,W,,,,"-$100,000.0"'

    assert statement_of(schwab(plain)).rows[0].key == statement_of(schwab(grouped)).rows[0].key


def test_a_brokers_id_told_twice_is_one_event():
    """The same id with the same content is no second purchase; the row is accounted for."""
    head, *rows = samples.FREETRADE.splitlines()
    statement = statement_of("\n".join([head, *rows, rows[0]]) + "\n")

    assert ([one.line for one in statement.repeated], statement.duplicates) == ([9], 0)
    assert len(statement.rows) == len(statement_of(samples.FREETRADE).rows)


def test_a_brokers_id_with_other_content_is_a_conflict_in_one_file():
    """Neither replaces the other."""
    head, *rows = samples.FREETRADE.splitlines()
    other = rows[0].replace("2024-03-04", "2024-03-05")

    assert why("\n".join([head, rows[0], other]) + "\n") == {
        3: "the broker's id 'A1' stands in line 2 with other content; which is right nobody here can know"
    }


def test_a_brokers_id_with_other_content_is_a_conflict_between_files():
    """The file before is kept as it is."""
    changed = samples.FREETRADE.replace("2024-03-04T10", "2024-03-03T10")

    _, second = overlaps([statement_of(samples.FREETRADE), statement_of(changed)])

    assert [one.line for one in second.conflicts] == [2]
    assert "in a file before with other content" in second.conflicts[0].why
    assert second.new == ()


def test_a_purchase_and_a_sale_may_share_an_id():
    """Some brokers number the order book's sides alike."""
    head, *rows = samples.FREETRADE.splitlines()
    sale = rows[1].replace(",A2,", ",A1,")

    assert len(statement_of("\n".join([head, rows[0], sale]) + "\n").rows) == 2


def test_a_statement_tells_its_days_and_currencies():
    """Those of the rows that are understood; none where there are none."""
    statement, empty = statement_of(samples.TRADING212), statement_of(f"{HEAD}\n")

    assert [day.isoformat() for day in statement.days or ()] == ["2024-01-01", "2024-05-26"]
    assert statement.currencies == ("GBP", "USD")
    assert (empty.days, empty.currencies, empty.row_count) == (None, (), 0)


def test_equal_rows_of_two_accounts_are_two_events():
    """A Flex statement holds several accounts; a fee that both paid on one day is no duplicate."""
    row = '<CashTransaction accountId="U1" type="Other Fees" currency="EUR" amount="-1" dateTime="20220504" />'
    both = f"{row}\n{row.replace('U1', 'U2')}\n</CashTransactions>"

    statement = statement_of(samples.IBKR_XML.replace("</CashTransactions>", both))

    fees = [one for one in statement.rows if one.row.kind == "fee"]
    assert ([one.row.account for one in fees], [one.ordinal for one in fees]) == (["U1", "U2"], [1, 1])
