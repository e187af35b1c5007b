"""Files that somebody spoiled, by chance or on purpose: an answer in words, no crash, no lost row, and in bounded time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.statements import opened as opening
from adapters.statements.facts import door_facts
from adapters.statements.opened import CELL_MAX, StatementError, lines_of, opened
from adapters.statements.registry import importer_of
from tests.unit.statements import samples, wealthsimple_samples
from tests.unit.statements.samples import statement_of

TABLES = (
    *(samples.DEGIRO, samples.ETORO, samples.FREETRADE, samples.SCHWAB, samples.TRADING212),
    *(samples.IBKR_FLEX_CASH, samples.IBKR_FLEX_TRADES),
    *(wealthsimple_samples.ACTIVITIES, wealthsimple_samples.EARLY, wealthsimple_samples.STATEMENT),
)
SECTIONS = (samples.IBKR_HISTORY, samples.IBKR_ACTIVITY)
SPOILT = st.sampled_from(
    [
        "",
        ",",
        '"',
        "-",
        "-1",
        "0",
        "1e9",
        "NaN",
        "9" * 40,
        "1,234",
        "(5)",
        "\n",
        "\x1b[2J",
        "@",
        "Koop 1 @ 1 EUR",
        "é",
        "<",
        "&",
        "'",
    ]
)


@settings(max_examples=300)
@given(
    text=st.sampled_from((*TABLES, *SECTIONS, samples.IBKR_XML)), at=st.floats(0, 1), cut=st.integers(0, 12), put=SPOILT
)
def test_a_spoilt_file_is_read_or_refused_in_words(text, at, cut, put):
    """Whatever was cut out and put in: rows and words, or the one error that a command shows; the facts hold too."""
    place = int(at * len(text))
    changed = text[:place] + put + text[place + cut :]

    try:
        statement = statement_of(changed)
    except StatementError:
        return
    facts, left = door_facts(statement.rows, "a")

    assert len({fact["key"] for fact in facts}) == len(facts)
    assert all(one.why for one in statement.unread)
    assert all(one.why for one in left)


@settings(max_examples=200)
@given(text=st.sampled_from(TABLES), at=st.floats(0, 1), cut=st.integers(0, 12), put=SPOILT)
def test_no_row_of_a_spoilt_table_is_lost(text, at, cut, put):
    """The heading apart, a row is in one of the four places, whatever stands in it."""
    head, body = text.split("\n", 1)
    place = int(at * len(body))
    file = opened("x.csv", f"{head}\n{body[:place]}{put}{body[place + cut :]}".encode())

    try:
        statement = importer_of(file).read(file)
    except StatementError:
        return

    assert statement.row_count == len(list(lines_of(file))) - 1


@given(content=st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(content):
    """No encoding is guessed, no such file is known, and nothing else is raised; the words name the file."""
    with pytest.raises(StatementError, match=r"^x[:]"):
        importer_of(opened("x", content))


@pytest.mark.parametrize(
    ("text", "old", "unit"),
    [
        (samples.DEGIRO, "Koop 1 @ 33,9 USD", "1 "),
        (samples.DEGIRO, "Koop 1 @ 33,9 USD", "Koop 1 "),
        (samples.SCHWAB, "11/01/2023", "1/"),
        (samples.ETORO, "18.43", "1,"),
        (wealthsimple_samples.ACTIVITIES, "ACME: 3 for 1", "A: "),
        (wealthsimple_samples.STATEMENT, "ACME - Acme: A Company", "A - a: "),
        (samples.IBKR_XML, "GCM(CA0000000001) SPLIT 1", "A("),
        (samples.IBKR_FLEX_CASH, "VT(US9220427424) CASH", "V("),
    ],
)
def test_a_long_cell_costs_no_more_than_its_length(text, old, unit):
    """A cell as long as is allowed, made to be tried in many ways, is read as fast as any."""
    changed = text.replace(old, "Koop 1 " + unit * ((CELL_MAX - 200) // len(unit)), 1)
    assert changed != text

    begun = time.process_time()
    statement_of(changed)

    assert time.process_time() - begun < 1


def test_an_attribute_of_xml_has_the_bound_of_a_cell(monkeypatch):
    """One letter more is refused with its line."""
    monkeypatch.setattr(opening, "CELL_MAX", 100)

    with pytest.raises(StatementError, match=r"made up.csv:8: a value of more than 100 letters"):
        statement_of(samples.IBKR_XML.replace('symbol="F1F"', f'symbol="{"F" * 101}"'))
