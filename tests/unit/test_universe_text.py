"""The universe as text: what the shipped table holds, and what is refused in which words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.bodies import dump, load
from core.domain.instrument import CALENDARS, Instrument, Period, Universe
from core.universe_text import COLUMNS, CURRENCIES, DATED, UniverseError, parse_universe, universe_hash

SHIPPED = (Path(__file__).parents[2] / "config" / "universe.csv").read_text(encoding="utf-8")
HEADER = ",".join(COLUMNS)
AAPL = "AAPL,AAPL.US,AAPL,AAPL,NASDAQ,USD,equity,yes,2026-01-05,2016-03-14,2027-12-31,Information Technology,seen"
BRK = "BRK-B,BRK-B.US,BRK-B,BRK.B,NYSE,USD,equity,yes,,2016-03-14,,Financials,"
SPY = 'SPY,SPY.US,SPY,SPY,ARCA,USD,etf,no,,2016-03-14,,,"a fund, never bought"'


def table(*rows: str) -> str:
    """Give a table of these rows under the right header."""
    return "\n".join((HEADER, *rows)) + "\n"


def problems(text: str) -> tuple[str, ...]:
    """Give what is said about a table that must be refused."""
    with pytest.raises(UniverseError) as refused:
        parse_universe(text, "u.csv")
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def with_cell(column: str, cell: str, row: str = AAPL) -> str:
    """Give a row with one cell replaced; the rows used with it quote nothing."""
    cells = row.split(",")
    cells[COLUMNS.index(column)] = cell
    return ",".join(cells)


def test_a_row_becomes_an_instrument_with_typed_fields():
    """Every column has its place, and blank cells become nothing."""
    universe = parse_universe(table(AAPL, BRK, SPY), "u.csv")

    assert universe.instruments[0] == Instrument(
        id="AAPL",
        stooq_symbol="AAPL.US",
        yahoo_symbol="AAPL",
        etoro_search_name="AAPL",
        exchange="NASDAQ",
        currency="USD",
        kind="equity",
        is_tradable_as_underlying=True,
        verified_on=date(2026, 1, 5),
        periods=(Period(date(2016, 3, 14), date(2027, 12, 31)),),
        sector="Information Technology",
        notes="seen",
    )
    assert (universe.instruments[1].etoro_search_name, universe.instruments[1].verified_on) == ("BRK.B", None)
    assert (universe.instruments[2].is_tradable_as_underlying, universe.instruments[2].valid_to) == (False, None)
    assert universe.instruments[2].notes == "a fund, never bought"


def test_rows_columns_and_line_ends_may_come_in_any_form():
    """A spreadsheet's byte order mark, line ends, column order, row order and blank lines change nothing."""
    universe = parse_universe(table(AAPL, BRK), "u.csv")
    columns = [line.split(",") for line in (HEADER, AAPL, BRK)]
    turned = "\n".join(",".join(reversed(cells)) for cells in columns)

    assert parse_universe(table(BRK, AAPL), "u.csv") == universe
    assert parse_universe("\ufeff" + table(AAPL, "", BRK).replace("\n", "\r\n"), "u.csv") == universe
    assert parse_universe(table(AAPL, BRK).replace("\n", "\r"), "u.csv") == universe
    assert parse_universe(table(AAPL, BRK).rstrip("\n"), "u.csv") == universe
    assert parse_universe(turned, "u.csv") == universe


A_DAY = "it must be a date as YYYY-MM-DD, such as 2016-03-14"


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("internal_symbol", "aapl", "was 'aapl'; it must be capital letters and digits, such as AAPL or BRK-B"),
        ("internal_symbol", "", "was blank; it must be capital letters and digits, such as AAPL or BRK-B"),
        ("internal_symbol", "A PL", "was 'A PL'; it must be capital letters and digits, such as AAPL or BRK-B"),
        ("internal_symbol", "-A", "was '-A'; it must be capital letters and digits, such as AAPL or BRK-B"),
        ("internal_symbol", "../X", "was '../X'; it must be capital letters and digits, such as AAPL or BRK-B"),
        ("stooq_symbol", "", "was blank; it must be Stooq's symbol in capitals, such as AAPL.US"),
        ("yahoo_symbol", "aapl", "was 'aapl'; it must be Yahoo's symbol in capitals, such as AAPL, BRK-B or EURUSD=X"),
        ("etoro_search_name", "", "was blank; it must be the name that eToro's search finds, such as AAPL or BRK.B"),
        ("etoro_search_name", "a|b", "was 'a|b'; it must be the name that eToro's search finds, such as AAPL or BRK.B"),
        ("exchange", "NASDQ", "was 'NASDQ'; it must be one of ARCA, CBOE, CME, CRYPTO, FX, NASDAQ, NYSE"),
        ("exchange", "", "was blank; it must be one of ARCA, CBOE, CME, CRYPTO, FX, NASDAQ, NYSE"),
        ("currency", "GBP", "was 'GBP'; NASDAQ trades in USD"),
        ("currency", "XAU", "was 'XAU'; it must be a currency of ISO 4217 in capitals, such as USD"),
        ("instrument_type", "stock", "was 'stock'; it must be one of equity, etf, index, fx, crypto, future"),
        ("tradable_as_underlying", "true", "was 'true'; it must be yes or no"),
        ("tradable_as_underlying", "", "was blank; it must be yes or no"),
        ("verified_on", "soon", "was 'soon'; it must be blank, or a date as YYYY-MM-DD"),
        ("valid_from", "", f"was blank; {A_DAY}"),
        ("valid_from", "14/03/2016", f"was '14/03/2016'; {A_DAY}"),
        ("valid_from", "20160314", f"was '20160314'; {A_DAY}"),
        ("valid_from", "2016-W11-1", f"was '2016-W11-1'; {A_DAY}"),
        ("valid_from", "2023-02-29", f"was '2023-02-29'; {A_DAY}"),
        ("valid_to", "2016-13-01", "was '2016-13-01'; it must be blank, or a date as YYYY-MM-DD"),
        ("valid_to", "2016-03-13", "was '2016-03-13'; it must not be before valid_from (2016-03-14)"),
        ("sector", "Tech", "was 'Tech'; it must be one of Communication Services, Consumer Discretionary,"),
        ("sector", "", "was ''; an equity needs one of Communication Services, Consumer Discretionary,"),
        ("notes", "x" * 301, "it must be one line of at most 300 characters"),
        ("notes", '"two\nlines"', r"was 'two\nlines'; it must be one line of at most 300 characters"),
        ("exchange", " NYSE", "was ' NYSE'; it must be written without spaces around it"),
    ],
)
def test_a_wrong_cell_is_told_with_line_column_and_remedy(column, cell, message):
    """The other rows are right, and one message names the cell."""
    (told,) = problems(table(BRK, with_cell(column, cell), SPY))

    assert told.startswith(f"u.csv:3: {column} was ")
    assert message in told


def test_a_fund_has_no_sector():
    """The sector is that of a company."""
    assert problems(table(with_cell("instrument_type", "etf"))) == (
        "u.csv:2: sector was 'Information Technology'; the sector of an etf is left blank",
    )


def test_an_index_cannot_be_tradable():
    """Nobody holds a number."""
    row = with_cell("instrument_type", "index", with_cell("sector", ""))

    assert problems(table(row)) == (
        "u.csv:2: tradable_as_underlying was 'yes'; an index is a number and cannot be held; it must be no",
    )


def test_a_row_may_end_on_the_day_it_begins():
    """Both ends of a validity are included."""
    universe = parse_universe(table(with_cell("valid_to", "2016-03-14")), "u.csv")

    assert universe.instruments[0].is_valid_on(date(2016, 3, 14))


@pytest.mark.parametrize("column", COLUMNS[1:4])
def test_no_name_stands_for_two_instruments(column):
    """A source's symbol that stands for two instruments would mix them."""
    twice = with_cell(column, AAPL.split(",")[COLUMNS.index(column)], BRK)

    (told,) = problems(table(AAPL, twice))

    assert told.startswith(f"u.csv:3: {column} AAPL")
    assert told.endswith("stands on line 2 already; each instrument needs its own")


def dated(first: str, last: str, row: str = AAPL, **cells: str) -> str:
    """Give a row with another validity, and with other cells."""
    for column, cell in {"valid_from": first, "valid_to": last, **cells}.items():
        row = with_cell(column, cell, row)
    return row


def test_an_instrument_may_leave_and_come_back():
    """Its rows make one instrument, in any order of the file: who was there then, and who was not."""
    back = dated("2021-03-22", "", verified_on="2026-02-01", notes="came back")
    left = dated("2016-03-14", "2018-06-29", verified_on="2018-01-05", notes="left")

    universe = parse_universe(table(back, BRK, left), "u.csv")

    apple = universe.by_id()["AAPL"]
    assert apple.periods == (Period(date(2016, 3, 14), date(2018, 6, 29)), Period(date(2021, 3, 22)))
    assert (apple.valid_from, apple.valid_to, apple.verified_on) == (date(2016, 3, 14), None, date(2026, 2, 1))
    assert apple.notes == "left; came back"
    there = {
        str(day): [row.id for row in universe.valid_on(day)]
        for day in (date(2018, 6, 29), date(2018, 6, 30), date(2021, 3, 21), date(2021, 3, 22))
    }
    assert there == {
        "2018-06-29": ["AAPL", "BRK-B"],
        "2018-06-30": ["BRK-B"],
        "2021-03-21": ["BRK-B"],
        "2021-03-22": ["AAPL", "BRK-B"],
    }
    assert universe_hash(parse_universe(table(left, back, BRK), "u.csv")) == universe_hash(universe)
    assert load(Universe, dump(universe)) == universe


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (("2016-03-14", ""), ("2020-01-02", ""), "line 2 and has no valid_to, and by line 3 from 2020-01-02"),
        (("2016-03-14", "2020-01-02"), ("2020-01-02", ""), "line 2 up to 2020-01-02, and by line 3 from 2020-01-02"),
        (("2020-01-02", ""), ("2016-03-14", "2020-01-02"), "line 3 up to 2020-01-02, and by line 2 from 2020-01-02"),
        (("2016-03-14", ""), ("2016-03-14", ""), "line 2 and has no valid_to, and by line 3 from 2016-03-14"),
    ],
)
def test_periods_of_one_instrument_do_not_overlap(first, second, message):
    """Neither by a day nor wholly; the later line of the file is told. To the day before is allowed."""
    (told,) = problems(table(dated(*first), dated(*second)))

    assert told == f"u.csv:3: AAPL counts by {message}; periods of one instrument must not overlap"
    parse_universe(table(dated("2016-03-14", "2020-01-01"), dated("2020-01-02", "")), "u.csv")


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("stooq_symbol", "APPL.US"),
        ("yahoo_symbol", "APPL"),
        ("etoro_search_name", "Apple"),
        ("exchange", "NYSE"),
        ("tradable_as_underlying", "no"),
        ("sector", "Energy"),
    ],
)
def test_rows_of_one_instrument_agree_in_all_but_their_dates(column, cell):
    """An id never changes its meaning; what differs is told with both lines."""
    (told,) = problems(table(dated("2016-03-14", "2018-06-29"), dated("2021-03-22", "", **{column: cell})))

    assert told.startswith(f"u.csv:3: {column} was {cell!r}; rows of AAPL may differ in {', '.join(DATED)} only")
    assert told.endswith(f"and line 2 says {AAPL.split(',')[COLUMNS.index(column)]!r}")


EURUSD = "EURUSD,EURUSD,EURUSD=X,EURUSD,FX,USD,fx,no,,2016-03-14,,,"
BTC = "BTC-USD,BTC.V,BTC-USD,BTC,CRYPTO,USD,crypto,yes,,2016-03-14,,,"
ES = "ES,ES.F,ES=F,SPX500 Future,CME,USD,future,no,,2016-03-14,,,"
VIX = "VIX,VI.C,^VIX,VIX,CBOE,USD,index,no,,2016-03-14,,,"


def test_pairs_coins_futures_and_indices_are_read():
    """Each under the symbols that sources use, on the calendar of its exchange; pairs and coins in any currency."""
    yen = "USDJPY,USDJPY,JPY=X,USDJPY,FX,JPY,fx,no,,2016-03-14,,,"

    universe = parse_universe(table(EURUSD, BTC, ES, VIX, yen), "u.csv")

    assert [(row.id, row.kind, row.calendar, row.currency) for row in universe.instruments] == [
        ("BTC-USD", "crypto", "24/7", "USD"),
        ("ES", "future", "XNYS", "USD"),
        ("EURUSD", "fx", "24/5", "USD"),
        ("USDJPY", "fx", "24/5", "JPY"),
        ("VIX", "index", "XNYS", "USD"),
    ]
    assert set(CALENDARS) == {"ARCA", "CBOE", "CME", "CRYPTO", "FX", "NASDAQ", "NYSE"}
    assert {len(code) for code in CURRENCIES} == {3}
    assert {"USD", "GBP", "EUR", "CAD", "JPY", "CNY"} <= CURRENCIES


@pytest.mark.parametrize(
    ("row", "column", "cell", "message"),
    [
        (EURUSD, "currency", "GBP", "internal_symbol was 'EURUSD'; a pair quoted in GBP is named by both currencies,"),
        (EURUSD, "internal_symbol", "XXXUSD", "internal_symbol was 'XXXUSD'; a pair quoted in USD is named by both"),
        (EURUSD, "tradable_as_underlying", "yes", "a pair is a rate between two currencies and cannot be held"),
        (EURUSD, "exchange", "NYSE", "instrument_type was 'fx'; NYSE lists one of equity, etf, index"),
        (EURUSD, "sector", "Energy", "the sector of an fx is left blank"),
        (EURUSD, "currency", "EURO", "it must be a currency of ISO 4217"),
        (BTC, "currency", "EUR", "internal_symbol was 'BTC-USD'; a coin quoted in EUR is named so, such as BTC-EUR"),
        (BTC, "exchange", "FX", "instrument_type was 'crypto'; FX lists fx"),
        (ES, "tradable_as_underlying", "yes", "a future is a contract on something else"),
        (ES, "currency", "EUR", "currency was 'EUR'; CME trades in USD"),
        (ES, "exchange", "NASDAQ", "instrument_type was 'future'; NASDAQ lists one of equity, etf, index"),
        (ES, "yahoo_symbol", "ES=", "it must be Yahoo's symbol in capitals"),
        (VIX, "yahoo_symbol", "^^VIX", "it must be Yahoo's symbol in capitals"),
        (VIX, "instrument_type", "equity", "instrument_type was 'equity'; CBOE lists one of etf, index, future"),
    ],
)
def test_each_kind_has_its_exchange_its_currency_and_its_name(row, column, cell, message):
    """What cannot stand together is told, with what would be right."""
    assert any(message in told for told in problems(table(with_cell(column, cell, row))))


def test_a_header_is_held_to_the_columns():
    """A misspelt column is told with the nearest known one; a missing and a doubled one too."""
    header = HEADER.replace("sector", "sectr").replace("notes", "currency")

    assert problems(f"{header}\n{with_cell('notes', 'USD')}\n") == (
        "u.csv:1: column currency stands 2 times; keep one",
        "u.csv:1: column 'sectr' is unknown; did you mean sector?",
        "u.csv:1: column sector is missing",
        "u.csv:1: column notes is missing",
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_lines():
    """Header, short rows, cells and duplicates are told together."""
    text = table(with_cell("exchange", "X", with_cell("currency", "Y")), "only,three,cells", BRK, BRK)

    told = problems(text.replace("notes", "note", 1))

    lines = [message.split(": ")[0] for message in told]
    assert lines == ["u.csv:1"] * 2 + ["u.csv:2"] * 2 + ["u.csv:3", "u.csv:5"]
    assert "u.csv:3: found 3 cells; the header has 13 columns" in told


def test_lines_are_counted_in_the_file_and_not_in_the_table():
    """Blank lines and line ends inside quotes count, as in an editor."""
    two_lines = with_cell("notes", '"two\nlines"')

    told = problems(table(two_lines, "", with_cell("exchange", "X", BRK)))

    assert [message.split(": ")[0] for message in told] == ["u.csv:2", "u.csv:5"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "u.csv:1: the file is empty; its first line must be internal_symbol,"),
        ("\n\n", "u.csv:1: the file is empty; its first line must be internal_symbol,"),
        (HEADER, "u.csv:1: the table has a header and no rows; it must list instruments"),
        (table(AAPL, 'X,"open'), "u.csv:3: this is not CSV: unexpected end of data"),
    ],
)
def test_what_is_no_table_is_refused_in_words(text, message):
    """An empty or broken file is told with its line."""
    (told,) = problems(text)

    assert told.startswith(message)


@given(st.text(max_size=200))
def test_no_text_ends_in_anything_but_a_universe_error(text):
    """Arbitrary text never ends in another error."""
    with pytest.raises(UniverseError):
        parse_universe(text, "u.csv")


def test_the_hash_is_of_the_rows_alone():
    """The order of the file does not count; every cell does."""
    known = universe_hash(parse_universe(table(AAPL, BRK), "u.csv"))
    others = {
        universe_hash(parse_universe(table(with_cell(column, cell), BRK), "u.csv"))
        for column, cell in (("verified_on", ""), ("valid_to", ""), ("exchange", "NYSE"), ("notes", ""))
    }

    assert universe_hash(parse_universe(table(BRK, AAPL), "u.csv")) == known
    assert len(others) == 4
    assert known not in others


def test_the_shipped_universe_is_a_hundred_equities_and_two_benchmarks():
    """In the order of the ids, nobody has verified a row yet, and nothing that may be bought is a fund."""
    universe = parse_universe(SHIPPED, "universe.csv")
    funds = [row.id for row in universe.instruments if row.kind == "etf"]

    assert isinstance(universe, Universe)
    assert [line.split(",")[0] for line in SHIPPED.splitlines()[1:]] == [row.id for row in universe.instruments]
    assert len(universe.instruments) == 102
    assert funds == ["QQQ", "SPY"]
    assert [row.id for row in universe.instruments if not row.is_tradable_as_underlying] == funds
    assert {row.verified_on for row in universe.instruments} == {None}
    assert universe.by_id()["BRK-B"].etoro_search_name == "BRK.B"
