"""Checks of the universe: each finds what it is for as of a day, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from core.domain.instrument import Period, Universe
from core.settings import Policy
from core.universe_check import BarsHeld, UniverseCheck, UniverseFacts, check_universe, unreadable
from tests.unit.making import ruled
from tests.unit.market_data.making import instrument
from tests.unit.shipped import policy

DAY = date(2024, 6, 10)
SHIPPED = policy()
SPY = instrument("SPY", kind="etf", is_tradable_as_underlying=False, sector="")
AAA, BBB = instrument("AAA"), instrument("BBB")
HELD = {name: BarsHeld("yahoo", DAY) for name in ("AAA", "BBB", "SPY")}


def checked(
    *rows: Any, bound_by: Policy = SHIPPED, within: int | None = None, bars: Any = HELD
) -> dict[str, UniverseCheck]:
    """Give the checks of a universe by name."""
    universe = Universe(tuple(sorted(rows or (AAA, BBB, SPY), key=lambda row: row.id)))
    facts = UniverseFacts(DAY, within, bars)
    return {one.check: one for one in check_universe(universe, bound_by, facts)}


def found(checks: dict[str, UniverseCheck]) -> dict[str, tuple[str, ...]]:
    """Give the instruments of each check that found any."""
    return {name: one.instruments for name, one in checks.items() if one.instruments}


def test_a_sound_universe_blocks_nowhere():
    """On paper an unverified row is a warning, and a benchmark that is never bought a note."""
    checks = checked()

    assert found(checks) == {"verified": ("AAA", "BBB"), "tradable": ("SPY",)}
    assert [one.severity for one in checks.values() if not one.has_passed] == ["warn", "note"]
    assert not any(one.blocks for one in checks.values())


def test_a_real_venue_and_a_person_who_asks_want_every_row_verified():
    """What may be bought there was looked up; what is not tradable need not be."""
    manual = SHIPPED.model_copy(update={"execution": SHIPPED.execution.model_copy(update={"venue": "manual"})})

    assert checked(bound_by=manual)["verified"].blocks
    assert checked(within=30)["verified"].blocks
    assert "verified_within" not in checked(bound_by=manual)


@pytest.mark.parametrize(("age", "blocks"), [(30, False), (31, True)])
def test_a_verification_holds_so_many_days_and_no_longer(age, blocks):
    """The edge is allowed."""
    seen = [replace(row, verified_on=DAY - timedelta(days=days)) for row, days in ((AAA, age), (BBB, 1))]

    check = checked(*seen, SPY, within=30)["verified_within"]

    assert (check.blocks, check.instruments) == (blocks, ("AAA",) if blocks else ())


def test_the_benchmark_must_count_that_day():
    """One that is not listed, and one that has ended, block; so does a ban that names nobody."""
    ended = replace(SPY, periods=(Period(date(2007, 1, 1), DAY - timedelta(days=1)),))
    banned = ruled(limits={"no_buy": ("AAAA",)})

    assert checked(AAA, BBB, ended)["benchmarks"].detail == "SPY: each is the benchmark and does not count that day"
    assert checked(AAA, BBB)["benchmarks"].detail == "data.benchmark names SPY, which the universe does not list"
    assert "limits.no_buy names AAAA" in checked(bound_by=banned)["benchmarks"].detail
    assert checked(AAA, BBB, ended)["benchmarks"].blocks
    assert checked(AAA, BBB, ended)["membership"].instruments == ("SPY",)


def test_what_may_be_bought_is_in_one_currency():
    """The odd one out is named; what is never bought may be quoted in anything."""
    coin = instrument("BTC-EUR", exchange="CRYPTO", kind="crypto", currency="EUR", sector="")

    check = checked(AAA, BBB, SPY, coin)["currency"]

    assert (check.instruments, check.blocks) == (("BTC-EUR",), True)
    assert "(EUR, USD)" in check.detail
    assert checked(AAA, BBB, SPY, replace(coin, is_tradable_as_underlying=False))["currency"].has_passed


def test_every_row_that_counts_has_bars_of_the_expected_provider():
    """Without any it blocks, with another provider's it warns; a row that does not count that day is not missed."""
    gone = instrument("CCC", valid_to=DAY - timedelta(days=1))
    bars = {"AAA": BarsHeld("stooq", DAY), "SPY": BarsHeld("yahoo", DAY)}

    checks = checked(AAA, BBB, gone, SPY, bars=bars)

    assert (checks["bars"].instruments, checks["bars"].blocks) == (("BBB",), True)
    assert (checks["source"].instruments, checks["source"].blocks) == (("AAA",), False)
    assert checked(bars=None)["bars"].instruments == ("AAA", "BBB", "SPY")


def test_a_table_that_cannot_be_read_blocks_with_its_problems():
    """They stand where the instruments stand."""
    check = unreadable(["u.csv:2: a", "u.csv:3: b"])

    assert (check.blocks, check.instruments, check.detail) == (
        True,
        ("u.csv:2: a", "u.csv:3: b"),
        "2 mistakes in the table",
    )


def test_long_lists_are_cut_in_words_alone():
    """All are in the list, twelve in the sentence."""
    rows = [instrument(f"A{number:02}") for number in range(14)]

    check = checked(*rows, SPY, bars={"SPY": HELD["SPY"]})["bars"]

    assert len(check.instruments) == 14
    assert check.detail.startswith("A00, A01,")
    assert "A11 and 2 more: each has no bar from yahoo, stooq in the clean set" in check.detail
