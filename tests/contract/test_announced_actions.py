"""Announced actions as they are read: a person's file, and what providers tell of days to come."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from adapters.sources.formats.registry import FormatParser
from core.domain.bars import Announcement, Parsed
from tests.unit.market_data.files import AT, record


def announced(*rows: str) -> Parsed:
    """Read rows of announced actions, received on 2026-04-01 at 06:30 UTC."""
    content = "\n".join(["internal_symbol,ex_date,split_ratio,dividend,known_at", *rows])
    return FormatParser().parse(record("announced_actions.csv", "announced_actions_csv", "person"), content.encode())


def test_an_announcement_is_known_since_what_the_row_says_and_never_later_than_it_came():
    """A day counts to its end, an instant as it is, an empty cell as the receipt; what is not told stays untold."""
    told = announced(
        "A,2026-05-01,7,,2026-03-02",
        "B,2026-05-01,,0,2026-03-02T15:00:00-05:00",
        "C,20260501,1,2,",
        "D,2026-05-01,2,,2027-01-01",
    )

    assert told.unread == ()
    assert [(one.split_ratio, one.dividend) for one in told.announced] == [(7, None), (None, 0), (1, 2), (2, None)]
    assert {(one.source, one.session) for one in told.announced} == {("person", date(2026, 5, 1))}
    assert [one.known_at for one in told.announced] == [
        datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 2, 20, tzinfo=UTC),
        AT,
        AT,
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("A,2026-05-01,,,", "split_ratio and dividend were empty; one of them must be told"),
        ("A,2026-05-01,0,,", "split_ratio was 0; it must be above 0, such as 7 for 7:1 (1 takes a split back)"),
        ("A,2026-05-01,,-1,", "dividend was -1; it must be 0 or more (0 takes a dividend back)"),
        ("A,2026-05-01,7:1,,", "split_ratio was '7:1'; it must be a number"),
        ("A,May 2026,7,,", "ex_date was 'May 2026'; it must be a day such as 2024-06-11"),
        (",2026-05-01,7,,", "internal_symbol was empty"),
        (
            "A,2026-05-01,7,,2026-03-02T15:00:00",
            "known_at was '2026-03-02T15:00:00'; it must be a day such as 2015-06-23",
        ),
    ],
)
def test_a_row_of_announced_actions_that_cannot_be_read_is_told_by_its_line(row, words):
    """The others count."""
    parsed = announced(row, "B,2026-05-01,2,,")

    assert [one.symbol for one in parsed.announced] == ["B"]
    (told,) = parsed.unread
    assert told.startswith(f"announced_actions.csv line 2: {words}")


def test_what_a_provider_tells_of_a_day_to_come_is_announced():
    """Of the day of receipt too, on whose morning it may be news; older rows are history."""
    rows = ("AAPL,2026-03-31,0.25,0.0", "AAPL,2026-04-01,0.0,4.0", "MSFT,2026-05-20,0.5,0")

    content = "\n".join(["symbol,date,dividend,split_ratio", *rows])
    parsed = FormatParser().parse(record("actions.csv", "yahoo_actions_csv"), content.encode())

    assert len(parsed.actions) == 3
    assert parsed.announced == (
        Announcement("yahoo", "AAPL", date(2026, 4, 1), AT, Decimal("4.0"), None),
        Announcement("yahoo", "MSFT", date(2026, 5, 20), AT, None, Decimal("0.5")),
    )
