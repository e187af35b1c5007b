"""Snapshot files: what is read, and of each mistake where it stands and what would be right."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.venue import SnapshotFile, StatedCash, StatedPosition
from core.ledger.snapshot_text import BYTES_MAX, ROWS_MAX, SnapshotError, parse_snapshot, snapshot_csv

CSV = """# account: etoro
# as_of: 2024-02-06T22:30:00+01:00
kind,instrument,quantity,price,currency,broker_id

position,AAPL,1.5,189.25,USD,1001
position,MSFT,2,,,
cash,,-12.50,,GBP,
"""
JSON: dict[str, Any] = {
    "account": "etoro",
    "as_of": "2024-02-06T21:30:00Z",
    "positions": [
        {"instrument": "AAPL", "quantity": "1.5", "price": "189.25", "currency": "USD", "broker_id": "1001"},
        {"instrument": "MSFT", "quantity": "2", "price": None},
    ],
    "cash": [{"currency": "GBP", "quantity": "-12.50"}],
}
HEAD = "kind,instrument,quantity,price,currency,broker_id"
PLAIN = "write plain digits with a point, as 12.34"
CODE = "write a code of three capital letters, as USD"
INSTANT = "write YYYY-MM-DDTHH:MM:SSZ, Z for UTC or an offset such as +01:00"
AT = datetime(2024, 2, 6, 21, 30, tzinfo=UTC)


def problems(content: str | bytes) -> list[str]:
    """Give what is wrong with a file."""
    with pytest.raises(SnapshotError) as told:
        parse_snapshot(content.encode() if isinstance(content, str) else content)
    return list(told.value.problems)


def changed(old: str, new: str) -> list[str]:
    """Give what is wrong with the CSV file once a piece of it was replaced."""
    assert CSV.count(old) == 1, old
    return problems(CSV.replace(old, new))


def test_a_csv_file_is_read_to_the_last_digit():
    """Positions with and without price, cash that is owed, the instant in UTC, and the file's own bytes."""
    assert parse_snapshot(CSV.encode()) == SnapshotFile(
        "etoro",
        AT,
        (
            StatedPosition("line 5", "AAPL", Decimal("1.5"), Decimal("189.25"), "USD", "1001"),
            StatedPosition("line 6", "MSFT", Decimal(2)),
        ),
        (StatedCash("line 7", "GBP", Decimal("-12.50")),),
        sha256(CSV.encode()).hexdigest(),
        CSV,
    )


def test_a_file_from_a_spreadsheet_is_read_too():
    """With a mark of byte order, carriage returns, and commas behind what stands above the table; its hash is of the bytes."""
    content = b"\xef\xbb\xbf" + CSV.replace("# account: etoro", "# account: etoro,,,,,").replace("\n", "\r\n").encode()

    file = parse_snapshot(content)

    assert (file.account, len(file.positions), file.text.encode()) == ("etoro", 2, content)
    assert file.sha256 == sha256(content).hexdigest()


def test_json_tells_the_same():
    """Numbers as texts or bare; a key that is null is one that is left out."""
    bare = json.dumps(JSON).replace('"1.5"', "1.5").replace('"-12.50"', "-12.50").replace('"1001"', "1001")

    texts, numbers, table = (parse_snapshot(text.encode()) for text in (json.dumps(JSON), bare, CSV))

    assert texts.positions == numbers.positions
    assert texts.cash == numbers.cash
    assert [(one.instrument, one.quantity, one.price, one.broker_id) for one in texts.positions] == [
        (one.instrument, one.quantity, one.price, one.broker_id) for one in table.positions
    ]
    assert (texts.account, texts.as_of, texts.positions[0].place) == ("etoro", AT, "positions[0]")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("189.25", "1,89", f"line 5: 7 cells were found; write 6: {HEAD}"),
        ("189.25", "1.8.9", f"line 5, column price: was '1.8.9'; {PLAIN}"),
        ("189.25", "1e5", f"line 5, column price: was '1e5'; {PLAIN}"),
        ("189.25", "-1", "line 5, column price: was -1; it must be positive, or left out where there is none"),
        ("189.25", "\u0661", f"line 5, column price: was '\u0661'; {PLAIN}"),
        (
            "1001",
            "<b>",
            "line 5, column broker_id: was '<b>'; write letters, digits and . _ : / # - alone",
        ),
        (",1.5,", ",1234567890123,", f"line 5, column quantity: was '1234567890123'; {PLAIN}"),
        (",1.5,", ",,", f"line 5, column quantity: was ''; {PLAIN}"),
        (",1.5,", ",0.0,", "line 5, column quantity: was 0; leave a row out of which nothing is held"),
        ("AAPL", "", "line 5, column instrument: was ''; write the symbol of config/universe.csv, as AAPL"),
        ("USD", "usd", f"line 5, column currency: was 'usd'; {CODE}"),
        ("USD", "", f"line 5, column currency: was ''; {CODE}"),
        (
            "1001",
            "10 01",
            "line 5, column broker_id: was '10 01'; write letters, digits and . _ : / # - alone",
        ),
        ("GBP,", "GBX,", f"line 7, column currency: was 'GBX'; {CODE}"),
        ("GBP,", "GBP,7", "line 7, column broker_id: was '7'; leave it empty in a row of cash"),
        (
            "GBP,\n",
            "GBP,\ncash,,1,,GBP,\n",
            "line 8, column currency: GBP stands in line 7 too; write one row of cash a currency",
        ),
        ("cash", "money", "line 7, column kind: was 'money'; write position or cash"),
        ("cash,,-12.50,,GBP,", "", "no row of cash was found; write one for each currency, of 0 where there is none"),
        ("# account: etoro\n", "", "account was ''; write the name of the account in config/desk.yml, as etoro"),
        ("+01:00", "", f"as_of was '2024-02-06T22:30:00'; {INSTANT}"),
        ("2024-02-06T22:30:00", "0001-01-01T00:00:00", f"as_of was '0001-01-01T00:00:00+01:00'; {INSTANT}"),
        (
            "# as_of",
            "# asof",
            "line 2: was '# asof: 2024-02-06T22:30:00+01:00'; write `# account: NAME` and `# as_of: INSTANT`, each once",
        ),
        (
            "kind,",
            "type,",
            f"line 3: the table's first line was 'type,instrument,quantity,price,currency,broker_id'; it must be {HEAD}",
        ),
        ("MSFT", '"MSFT', "line 6: unexpected end of data; write one row a line, cells separated by commas"),
    ],
)
def test_a_mistake_is_told_with_its_place(old, new, words):
    """Line, column, what was found, and what would be right."""
    assert words in changed(old, new)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cash": None}, "key cash: a list of rows with quantity, currency is needed"),
        ({"more": 1}, "key 'more' is unknown; the keys are account, as_of, positions and cash"),
        ({"positions": [7]}, f"positions[0]: write an object with keys of {HEAD[5:].replace(',', ', ')} and no other"),
        (
            {"cash": [{"currency": "GBP", "amount": "1"}]},
            "cash[0]: write an object with keys of quantity, currency and no other",
        ),
        (
            {"positions": [{"instrument": ["A"], "quantity": "1"}]},
            "positions[0], column instrument: write a text or a number",
        ),
        (
            {"positions": [{"instrument": "A", "quantity": True}]},
            "positions[0], column quantity: write a text or a number",
        ),
        ({"as_of": 5}, f"as_of was '5'; {INSTANT}"),
    ],
)
def test_a_mistake_in_json_is_told_with_its_place(change, words):
    """The list and the number of the row stand for the line."""
    assert words in problems(json.dumps(JSON | change))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty; docs/RECONCILING.md has its form"),
        (b"\xef\xbb\xbf \n", "the file is empty; docs/RECONCILING.md has its form"),
        (b"# account: etoro\n\xff\xfe", "line 2: byte 18 is no UTF-8; save the file as UTF-8"),
        (b"x" * (BYTES_MAX + 1), f"the file has {BYTES_MAX + 1} bytes; at most {BYTES_MAX} are read"),
        (
            b'{"account": "a",\n nonsense}',
            "line 2, character 2: Expecting property name enclosed in double quotes; this is no JSON",
        ),
        (b'{"account": "a", "account": "b"}', "key 'account' stands twice in one object; write it once"),
        (b'{"cash": [{"currency": "GBP", "quantity": NaN}]}', f"NaN is no number; {PLAIN}"),
        (b'{"cash": ' + b"[" * 200_000 + b"}", "lists stand in lists too deep"),
        (b"# account: etoro\n", f"the table is missing; its first line is {HEAD}"),
    ],
)
def test_what_is_no_such_file_is_told(content, words):
    """Nothing, other bytes, too much of it, and JSON that is none."""
    assert words in problems(content)


def test_all_mistakes_are_told_at_once_and_the_first_of_them_in_words():
    """A person puts them right in one go."""
    rows = [f"position,A{at},x,,," for at in range(30)]

    with pytest.raises(SnapshotError) as told:
        parse_snapshot(CSV.replace("cash,", "\n".join([*rows, "cash,"])).encode())

    assert len(told.value.problems) == 30
    assert str(told.value).splitlines()[-1] == "and 10 more"


def test_a_file_of_too_many_rows_is_refused():
    """The most is read, one more is not."""
    most = [["position", f"A{at}", "1", "", "", ""] for at in range(ROWS_MAX - 1)] + [["cash", "", "1", "", "GBP", ""]]

    assert len(parse_snapshot(snapshot_csv("a", "2024-02-06T21:30:00Z", most).encode()).positions) == ROWS_MAX - 1
    assert problems(snapshot_csv("a", "2024-02-06T21:30:00Z", [most[0], *most])) == [
        f"line {ROWS_MAX + 4}: at most {ROWS_MAX} rows are read"
    ]


@settings(max_examples=300)
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.text('{}[]",:#\n\r a1.', max_size=80).map(str.encode)
)
def test_whatever_stands_in_a_file_is_read_or_told(content):
    """No other error than ours."""
    with contextlib.suppress(SnapshotError):
        assert parse_snapshot(content).text.encode() == content
