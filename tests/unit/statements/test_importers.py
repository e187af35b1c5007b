"""Each importer: what it makes of each kind of row, what it leaves with the reason, and that no row is lost."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from decimal import Decimal

import pytest

from adapters.statements.opened import StatementError, opened
from adapters.statements.registry import IMPORTERS, importer_of
from core.domain.statement import (
    CashTransfer,
    Conversion,
    ConversionLeg,
    Deposit,
    Dividend,
    Fee,
    Gift,
    Interest,
    Money,
    Named,
    StockSplit,
    Trade,
    UnitsTransfer,
    Withdrawal,
    Withholding,
)
from tests.unit.statements import etoro_sheets, samples, wealthsimple_samples
from tests.unit.statements.samples import asides, events, statement_of, why

D = Decimal
TABLES = {
    "freetrade": samples.FREETRADE,
    "trading212": samples.TRADING212,
    "etoro": samples.ETORO,
    "degiro": samples.DEGIRO,
    "schwab": samples.SCHWAB,
    "ibkr": samples.IBKR_FLEX_TRADES,
}


def money(amount: str, currency: str) -> Money:
    """Give an amount of a currency."""
    return Money(D(amount), currency)


def test_freetrade_takes_the_fees_out_of_the_total():
    """A purchase's total holds fee and stamp duty, a sale's is after the fee; a free share is a gift at its worth."""
    acme = Named("ACME", "US0000000001")

    assert events(samples.FREETRADE) == [
        Trade("BUY", acme, D(10), money("100", "GBP"), (money("1", "GBP"), money("1.5", "GBP")), money("10", "GBP")),
        Trade("SELL", acme, D(5), money("60", "GBP"), (money("1", "GBP"),), money("12", "GBP")),
        Dividend(acme, money("0.93", "GBP"), money("0.21", "USD")),
        Gift(Named("FREE", "US0000000002"), D(1), money("11.04", "GBP")),
        Interest(money("0.1", "GBP")),
        Deposit(money("200", "GBP")),
    ]
    assert why(samples.FREETRADE) == {8: "Type 'TAX_PAPER' is not known"}


def test_trading_212_checks_the_total_at_the_rate_and_knows_pence():
    """The price in dollars or pence comes to the total in pounds; tax on interest that is given back is below zero."""
    acme = Named("ACME", "US0000000001")

    assert events(samples.TRADING212) == [
        Deposit(money("3000", "GBP")),
        Trade("BUY", acme, D(10), money("1000", "GBP"), (money("2", "GBP"),), money("125", "USD")),
        Trade("SELL", Named("PENNY", "GB0000000001"), D(100), money("250", "GBP"), (), money("250", "GBX")),
        Dividend(acme, money("0.11", "GBP"), money("0.02", "USD")),
        Withholding(None, money("-0.75", "GBP")),
        Withdrawal(money("20", "GBP")),
    ]
    assert why(samples.TRADING212) == {8: "Action 'Card cashback' is not known"}


def test_etoro_takes_no_contract_for_units_and_no_fee_twice():
    """A CFD is no purchase; a fee that changed no equity was taken from what was withdrawn."""
    acme = Named("ACME/USD")

    assert events(samples.ETORO) == [
        Dividend(acme, money("0.17", "USD")),
        Dividend(acme, money("0.17", "USD")),
        Withdrawal(money("1000.11", "USD")),
        Trade("SELL", acme, D("0.102626"), money("18.43", "USD")),
        Trade("BUY", acme, D("0.337209"), money("1049.88", "USD")),
        Fee(money("0.10", "USD")),
    ]
    assert list(why(samples.ETORO)) == [8]
    assert asides(samples.ETORO) == {5: "Withdrawal Conversion Fee: it changed nothing of the account"}


def test_degiro_reads_words_in_several_languages_and_mends_a_broken_order_name():
    """A number with two meanings is the one that comes to the amount; a trade's fee has the trade's order."""
    acme = Named("ACME CORP", "US0000000001")

    assert events(samples.DEGIRO) == [
        Deposit(money("27.80", "EUR")),
        Dividend(acme, money("0.44", "USD")),
        Withholding(acme, money("0.07", "USD")),
        ConversionLeg(money("33.90", "USD")),
        ConversionLeg(money("-31.91", "EUR")),
        Fee(money("1.00", "EUR"), acme),
        Trade("BUY", acme, D(1), money("33.90", "USD"), (), money("33.9", "USD")),
        Trade("BUY", Named("FUND A", "IE0000000001"), D(6), money("298.71", "EUR"), (), money("49.785", "EUR")),
        Trade("SELL", Named("PENNY", "GB0000000001"), D(4), money("19.84", "GBP"), (), money("496", "GBX")),
    ]
    assert {one.row.order for one in statement_of(samples.DEGIRO).rows[3:7]} == {"5925d76b-b017"}
    assert list(why(samples.DEGIRO)) == [13, 14]
    assert list(asides(samples.DEGIRO)) == [3, 7]


def test_schwab_takes_the_day_that_counts_and_leaves_company_actions():
    """Of two days the one after `as of`; a split without its ratio is not understood."""
    statement = statement_of(samples.SCHWAB)

    assert events(samples.SCHWAB) == [
        Trade("BUY", Named("SPY"), D("1.6531"), money("694.48", "USD"), (), money("420.10", "USD")),
        Dividend(Named("SPY"), money("694.48", "USD")),
        Trade("SELL", Named("FUND"), D("1000.5"), money("8004", "USD"), (money("10", "USD"),), money("8", "USD")),
        Fee(money("26.58", "USD")),
        Fee(money("26.58", "USD")),
        Withholding(Named("IBN"), money("1.30", "USD")),
        UnitsTransfer(Named("FUND"), D(-877)),
        Withdrawal(money("100000", "USD")),
        Interest(money("1.63", "USD")),
    ]
    assert statement.rows[-1].row.day == date(2024, 8, 15)
    assert list(why(samples.SCHWAB)) == [10]
    assert asides(samples.SCHWAB) == {12: "the total of all rows"}


def test_schwab_tells_an_internal_transfer_from_a_deposit():
    """What moved between accounts at the broker came from no outside."""
    head, *_ = samples.SCHWAB.splitlines()

    assert events(
        f"{head}\n11/07/2023,Internal Transfer,,TO US,,,,$7.06\n11/07/2023,MoneyLink Transfer,,IN,,,,$7.06\n"
    ) == [
        CashTransfer(money("7.06", "USD")),
        Deposit(money("7.06", "USD")),
    ]


def test_ibkr_history_is_in_the_base_currency_and_leaves_what_moves_no_money():
    """The summary names the currency; what foreign cash gained on paper is no event."""
    vt = Named("VT", "US9220427424")

    assert events(samples.IBKR_HISTORY) == [
        Dividend(vt, money("20", "GBP")),
        Withholding(vt, money("3", "GBP")),
        Trade("SELL", Named("CNX1"), D(2), money("2002", "GBP"), (money("3", "GBP"),)),
        Trade("BUY", Named("CNX1"), D(4), money("4000", "GBP"), (money("3", "GBP"),)),
        Withholding(None, money("3.9", "GBP")),
        Deposit(money("5000", "GBP")),
    ]
    assert list(why(samples.IBKR_HISTORY)) == [8]
    assert list(asides(samples.IBKR_HISTORY)) == [2, 4]


def test_ibkr_history_without_its_base_currency_is_refused():
    """Without it no amount has a currency."""
    with pytest.raises(StatementError, match="no row names the base currency; export the statement whole"):
        statement_of(samples.IBKR_HISTORY.replace("Base Currency", "Starting Cash"))


def test_ibkr_activity_statement_is_read_section_by_section():
    """Orders, a conversion with its fee's currency in the heading, cash; sums and parts of orders are aside."""
    acme = Named("ACME", "US0000000001")

    assert events(samples.IBKR_ACTIVITY) == [
        Trade("BUY", Named("ACME"), D(1000), money("190000", "USD"), (money("1", "USD"),), money("190", "USD")),
        Trade("SELL", Named("SHOP"), D(20), money("3000", "EUR"), (money("4", "EUR"),), money("150", "EUR")),
        Conversion(money("1000", "EUR"), money("1080", "USD"), (money("2", "USD"),)),
        Deposit(money("20000", "USD")),
        Withdrawal(money("500", "USD")),
        Dividend(acme, money("15", "USD")),
        Withholding(acme, money("2.25", "USD")),
        Interest(money("-0.73", "USD")),
        Fee(money("11", "EUR")),
        StockSplit(acme, 10, 1),
        StockSplit(Named("OLD", "US0000000003"), 1, 20),
    ]
    assert list(asides(samples.IBKR_ACTIVITY)) == [2, 3, 5, 9, 10, 17, 20, 28, 31, 34]
    assert why(samples.IBKR_ACTIVITY) == {
        11: "Asset Category was 'Equity and Index Options': the row does not tell how many units a contract has",
        23: "tax that names neither an instrument with its ISIN nor interest",
        33: "a company action that is no split of stocks; book it by hand",
    }


def test_ibkr_flex_tables_are_known_by_their_columns():
    """Trades, and cash; a conversion that does not name both currencies is not understood."""
    trades, cash = events(samples.IBKR_FLEX_TRADES), events(samples.IBKR_FLEX_CASH)

    named = Named("CH0000000001", "CH0000000001")
    assert trades == [
        Trade("BUY", named, D(7), money("1978.9", "CHF"), (money("5", "CHF"),), money("282.7", "CHF")),
    ]
    vt = Named("VT", "US9220427424")
    assert cash == [Dividend(vt, money("137.23", "USD")), Withholding(vt, money("20.58", "USD"))]
    assert (list(why(samples.IBKR_FLEX_TRADES)), list(why(samples.IBKR_FLEX_CASH))) == ([3], [4])


def test_ibkr_flex_statement_holds_trades_conversions_splits_and_cash():
    """Taxes belong to the fees; an option's amount is for all its units; two rows of a split are one."""
    f1f, sgn = Named("F1F", "DE0000000001"), Named("SGN", "US0000000003")
    fees = (money("2.4444", "EUR"), money("1", "EUR"))
    option = (money("3.5", "USD"),), money("0.53", "USD"), D(100)

    assert events(samples.IBKR_XML) == [
        Trade("BUY", f1f, D(450), money("2444.4", "EUR"), fees, money("5.432", "EUR")),
        Conversion(money("133", "EUR"), money("140.9268", "USD"), (money("1.8", "EUR"),)),
        Trade("SELL", Named("ORCL P50"), D(1), money("53", "USD"), *option),
        StockSplit(Named("GCM", "CA0000000002"), 1, 25),
        Dividend(sgn, money("10.56", "USD")),
        Withholding(sgn, money("1.58", "USD")),
        Withdrawal(money("100", "EUR")),
    ]
    assert [one.row.day for one in statement_of(samples.IBKR_XML).rows][3:5] == [date(2013, 6, 17), date(2020, 8, 18)]


def test_ibkr_flex_statement_says_why_it_leaves_a_row():
    """A trade taken back, a future, a merger, and a sum of cash without its parts."""
    assert list(why(samples.IBKR_XML)) == [10, 13, 18, 23]
    assert list(asides(samples.IBKR_XML)) == [5, 9, 17]


@pytest.mark.parametrize("broker", list(TABLES))
def test_no_row_of_a_table_is_lost(broker):
    """Rows understood, repeated, not understood and aside are all rows that a plain count finds."""
    statement = statement_of(TABLES[broker])

    count = sum(any(row) for row in csv.reader(io.StringIO(TABLES[broker]))) - 1
    lines = [one.row.line for one in statement.rows] + [one.line for one in statement.repeated]
    lines += [one.line for one in statement.unread] + [one.line for one in statement.asides]
    assert (statement.broker, statement.row_count) == (broker, count)
    assert sorted(lines) == list(range(2, count + 2))


@pytest.mark.parametrize(
    ("text", "old", "new", "reason"),
    [
        (samples.FREETRADE, "GBP,102.50,BUY", "GBP,1025.00,BUY", "10.00000000 units at 10.00 are 100.0000000000"),
        (samples.FREETRADE, "GBP,102.50,BUY", "GBP,102.50,SHORT", "Buy / Sell was 'SHORT'; it must be BUY or SELL"),
        (samples.FREETRADE, "10.00000000,A1", "-10,A1", "Quantity was -10; it must be above 0"),
        (
            samples.TRADING212,
            '1002.00,"GBP"',
            '1002.00,"pounds"',
            "Currency (Total) was 'pounds'; it must be a currency",
        ),
        (samples.TRADING212, 'o1,2.00,"GBP"', 'o1,2.00,"USD"', "the fee is in USD and the total in GBP"),
        (samples.TRADING212, "1.25,,", "12.5,,", "units times price are 1250.0000000000"),
        (samples.ETORO, "18.43,0.102626", '"1,843",0.102626', "Amount: '1,843' may be 1843 or 1.843"),
        (
            samples.ETORO,
            "09/01/2024 15:30:40",
            "2024-01-09 15:30:40",
            "Date was '2024-01-09 15:30:40'; it must be a day",
        ),
        (samples.SCHWAB, "-$694.48", "$694.48", "Amount of a BUY was -694.48; it must be above 0"),
        (
            samples.SCHWAB,
            "INTEREST,,,,$1.63",
            "INTEREST,,,$1.00,$1.63",
            "on Credit Interest, which has no place for it",
        ),
        (samples.TRADING212, '"",w1,,', '"",w1,1.00,"GBP"', "a fee on a row of kind 'Withdrawal', which has no place"),
        (samples.IBKR_HISTORY, "-3.0,1999.0", "-3.0,2005.0", "do not come to the net amount 2005.0"),
        (samples.IBKR_ACTIVITY, "0,0,C;P", "0,0,C;Ca", "a trade taken back: find that trade"),
        (samples.IBKR_ACTIVITY, "USD,EUR.USD,", "USD,EUR.CHF,", "it must be two currencies, as EUR.USD"),
        (samples.IBKR_ACTIVITY, "150,150,3000", "150,150,-3000", "the signs contradict each other"),
        (samples.IBKR_ACTIVITY, "Data,Order,Stocks,EUR", "Data,Lot,Stocks,EUR", "DataDiscriminator was 'Lot'; export"),
        (samples.IBKR_ACTIVITY, "US0000000003)", "US0000000003", "half of a split whose other half does not stand"),
        (samples.IBKR_ACTIVITY, "Data,Stocks,USD,2024-06-10", "Data,Bonds,USD,2024-06-10", "no split of stocks"),
        (samples.IBKR_ACTIVITY, '",900,0,0,', '",900,0,0,Ca', "a split taken back: look it up at the broker"),
        (samples.IBKR_ACTIVITY, "Corporate Actions,Header", "Corporate Events,Header", "cells and the heading has 0"),
        (samples.IBKR_XML, 'tradePrice="5.432"', 'tradePrice="54.32"', "450 units at 54.32 are 24444.00"),
        (
            samples.IBKR_XML,
            'tradeDate="20221202" d',
            'tradeDate="02/12/2022" d',
            "tradeDate was '02/12/2022'; it must be",
        ),
        (samples.IBKR_XML, 'dateTime="20200818;2', 'dateTime="18-AUG-20;2', "choose the date form yyyyMMdd"),
        (samples.IBKR_XML, 'quantity="450"', 'quantity="-450"', "the signs contradict each other"),
        (samples.IBKR_XML, 'symbol="EUR.USD"', 'symbol="EUR.CHF"', "it must be two currencies, as EUR.USD"),
        (samples.IBKR_XML, 'quantity="480"', 'quantity="-480"', "half of a split whose other half does not stand"),
        (samples.IBKR_XML, "<CashReportCurrency ", "<NewThing ", "NewThing is no kind of row that is known"),
    ],
)
def test_a_row_that_contradicts_itself_is_not_understood(text, old, new, reason):
    """Nothing is mended by guessing: each fault becomes words, and the other rows are read as before."""
    before, changed = statement_of(text), text.replace(old, new, 1)
    assert changed != text

    found = [words for words in why(changed).values() if reason in words]

    assert found, why(changed)
    assert statement_of(changed).row_count == before.row_count


def test_each_importer_knows_its_own_files_only():
    """Every sample is known by one importer, and by no other."""
    texts = [*TABLES.values(), samples.IBKR_FLEX_CASH, samples.IBKR_HISTORY, samples.IBKR_ACTIVITY, samples.IBKR_XML]
    texts += [wealthsimple_samples.ACTIVITIES, wealthsimple_samples.EARLY, wealthsimple_samples.STATEMENT]
    files = [opened("made up.csv", text.encode()) for text in texts]

    known = [importer_of(file) for file in (*files, opened("made up.xlsx", etoro_sheets.statement()))]

    assert set(known) == set(IMPORTERS)


def test_a_file_that_nobody_knows_says_what_would_help():
    """The words show how the file begins, and where the known files are listed."""
    with pytest.raises(
        StatementError, match=re.escape("made up.csv: no importer knows a file that begins with: A, B;")
    ):
        statement_of("A,B\n1,2\n")
