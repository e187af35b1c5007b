"""Splits: each once for its instrument and day, however a broker tells them, and only at a ratio that is whole."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.statements.opened import RowError
from adapters.statements.splits import whole_ratio
from core.domain.statement import Conversion, Deposit, Interest, Money, Named, StockSplit, overlaps
from tests.unit.statements import samples
from tests.unit.statements.samples import asides, events, statement_of, why

ACME = Named("ACME", "US0000000001")
HEAD, _ = samples.TRADING212.split("\n", 1)
SECOND = "2024-06-10 06:42:25,US0000000001,ACME,Acme"
# As the broker writes a position, with ten decimals at the most.
BEFORE = f'Stock split close,{SECOND},0.9760924,93.66,USD,,,,83.09,"GBP",,,,s1,,\n'
AFTER = f'Stock split open,{SECOND},5.8565544,15.61,USD,,,,83.09,"GBP",,,,s2,,\n'
AGAIN = "the split of a row before, for another account or position, or its other units"


def history(*rows: str) -> str:
    """Give a history of Trading 212."""
    return "\n".join([HEAD, "".join(rows)])


@pytest.mark.parametrize("rows", [(BEFORE, AFTER), (AFTER, BEFORE)])
def test_trading_212_tells_a_split_by_the_position_before_it_and_after_it(rows):
    """Two rows of one second are one event, whichever comes first."""
    assert events(history(*rows)) == [StockSplit(ACME, 6, 1)]
    assert asides(history(*rows)) == {3: AGAIN}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ((BEFORE,), "a split must be two rows of one second"),
        ((BEFORE, AFTER, AFTER), "a split must be two rows of one second"),
        ((BEFORE, AFTER.replace("06:42:25", "06:42:26")), "a split must be two rows of one second"),
        ((BEFORE, AFTER.replace("83.09", "83.08")), "the two rows of the split do not have the same total"),
        ((BEFORE, AFTER.replace("5.8565544", "5.8565545")), "no whole ratio, so a part was paid in cash"),
        ((BEFORE, AFTER.replace("5.8565544", "-5")), "No. of shares was -5; it must be above 0"),
    ],
)
def test_half_a_split_of_trading_212_is_not_guessed_at(rows, reason):
    """Every row of it is told, with the reason."""
    found = why(history(*rows))

    assert len(found) == len(rows)
    assert all(reason in words for words in found.values())


def test_the_newer_history_of_trading_212_is_read():
    """The time is called UTC; a conversion tells both its amounts, and is understood where it cost nothing."""
    head = "Currency conversion from amount,Currency (Currency conversion from amount),Currency conversion to amount,"
    head = HEAD.replace("Action,Time,", "Action,Time (UTC),") + f",{head}Currency (Currency conversion to amount)"
    head += ",Charge amount,Currency (Charge amount)\n"
    free = 'Currency conversion,2026-01-02 10:00:00,,,,,,,,,,,"GBP",,,,f1,,,100,USD,80.50,GBP,,\n'
    costly = 'Currency conversion,2026-01-02 10:00:00,,,,,,,,,,,"GBP",,,,f2,0.15,GBP,100,USD,80.50,GBP,,\n'
    lent = 'Lending interest,2026-01-03 10:00:00,,,,,,,,,,0.07,"GBP",,,,i1,,,,,,,,\n'
    paid = 'Deposit,2026-01-04 10:00:00,,,,,,,,,,50.00,"GBP",,,,d1,,,,,,,58.12,EUR\n'

    assert events(head + free + costly + lent + paid) == [
        Conversion(Money(Decimal(100), "USD"), Money(Decimal("80.50"), "GBP")),
        Interest(Money(Decimal("0.07"), "GBP")),
        Deposit(Money(Decimal("50.00"), "GBP")),
    ]
    assert why(head + free + costly + lent + paid) == {
        3: "a conversion with a fee of 0.15 GBP: which amount holds it is not told",
    }


def test_a_split_of_two_accounts_is_one_in_a_file_and_across_files():
    """Interactive Brokers tells it in each account's statement; it is of the instrument, so no key names an account."""
    other = samples.IBKR_XML.replace('accountId="U1"', 'accountId="U2"')
    both = samples.IBKR_XML.replace(
        "</FlexStatements>", other[other.index("<FlexStatement ") :].split("</FlexStatements>")[0]
    )
    both = both.replace("</FlexQueryResponse>", "</FlexStatements>\n</FlexQueryResponse>", 1)

    first, second = overlaps([statement_of(samples.IBKR_XML), statement_of(other)])

    assert [one.row.kind for one in second.known] == ["split"]
    assert [one.row.kind for one in first.new].count("split") == 1
    assert events(both).count(StockSplit(Named("GCM", "CA0000000002"), 1, 25)) == 1
    assert AGAIN in asides(both).values()


def test_two_ratios_of_one_day_contradict_each_other():
    """Which is right nobody here can know: the second row is told."""
    text = samples.ETORO + (
        "07/02/2024 00:00:01,corp action: Split,ACME/USD 2:1,0.00,-,0.00,1.00,1.00,11,Stocks,0.00\n"
        "07/02/2024 00:00:02,corp action: Split,ACME/USD 3:1,0.00,-,0.00,1.00,1.00,12,Stocks,0.00\n"
        "08/02/2024 00:00:02,corp action: Split,ACME/USD,0.00,-,0.00,1.00,1.00,12,Stocks,0.00\n"
        "08/02/2024 00:00:02,corp action: Split,ACME/USD 3:1,0.00,-,0.00,1.00,1.00,12,CFD,0.00\n"
    )

    found = why(text)

    assert events(text)[-1] == StockSplit(Named("ACME/USD"), 2, 1)
    assert found[11] == "a split of 3 for 1, and a row before says 2 for 1"
    assert [found[line][:18] for line in (12, 13)] == ["a split of 'ACME/U"] * 2


@given(
    units=st.decimals(min_value="0.01", max_value="1e6", places=4),
    times=st.integers(2, 1000),
    is_forward=st.booleans(),
)
def test_a_whole_ratio_is_found_from_the_units_before_and_after(units, times, is_forward):
    """Forward exactly; backward it is the same two positions the other way round."""
    more = units * times

    pair = whole_ratio(units, more, Decimal(0)) if is_forward else whole_ratio(more, units, Decimal(0))

    assert pair == ((times, 1) if is_forward else (1, times))


@pytest.mark.parametrize(
    ("out", "into"), [("7", "3"), ("305", "30"), ("2", "3"), ("5", "5"), ("1", "1001"), ("0", "1"), ("1", "-1")]
)
def test_what_is_no_whole_ratio_is_refused(out, into):
    """A part was paid in cash, or it is no split: another holding would have another ratio."""
    with pytest.raises(RowError, match="a split of"):
        whole_ratio(Decimal(out), Decimal(into), Decimal("0.0001"))
