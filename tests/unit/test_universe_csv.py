"""A universe written as CSV is read back as the same one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from core.domain.instrument import Period, Universe
from core.universe_csv import universe_csv
from core.universe_text import parse_universe, universe_hash

SHIPPED = Path("config/universe.csv")


def test_the_shipped_universe_comes_back_byte_for_byte():
    """What `twokey init` puts there is written in the same form."""
    text = SHIPPED.read_text(encoding="utf-8")

    assert universe_csv(parse_universe(text, "here")) == text


def test_periods_verifications_and_notes_come_back():
    """One that left and came back, with notes that CSV has to quote."""
    shipped = parse_universe(SHIPPED.read_text(encoding="utf-8"), "here")
    first = replace(
        shipped.instruments[0],
        periods=(Period(date(2016, 1, 1), date(2017, 6, 30)), Period(date(2019, 1, 1))),
        verified_on=date(2024, 6, 7),
        notes='said "so", twice; and, with commas',
        is_tradable_as_underlying=False,
    )
    universe = Universe((first, *shipped.instruments[1:]))

    again = parse_universe(universe_csv(universe), "here")

    assert again == universe
    assert universe_hash(again) == universe_hash(universe)
