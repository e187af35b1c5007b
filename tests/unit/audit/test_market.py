"""Under a price and a rate: the close is cleaned again of raw bars, the rate crossed again from raw fixings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.audit.market import Market, RawTelling, close_node, policy_number, rate_node
from core.audit.tree import KeptFile, KeptRow, Node, leaves_of, verdict_of
from core.domain.bars import Basis, Parsed
from core.domain.market import FxRate
from core.market_data.clean import clean_bars, clean_fixings
from tests.unit.market_data.making import SESSIONS, every_session, fixing, parsed, rules, universe
from tests.unit.shipped import policy

POLICY = policy()
LAST = SESSIONS[-1]
AT = datetime(2026, 3, 14, tzinfo=UTC)
ROW = KeptRow("clean_snapshot", 1, 1, "a" * 64, "role desk", AT)
POLICY_ROW = KeptRow("config_version", 2, 3, "b" * 64, "role desk", AT)
AB = universe("AAA", "BBB")
DAY = date(2026, 3, 12)
FIXINGS = (fixing(DAY, "GBP", "0.8"), fixing(DAY, "USD", "1.2"))


def market(*told: Parsed, **changes):
    """Give the market that raw files make, each file with its path and hash."""
    bars = [one for one in told if one.bars is not None]
    panel = clean_bars(bars, AB, rules(), sessions=SESSIONS).value if bars else None
    tellings = tuple(RawTelling(f"raw/{at}", f"{at}" * 64, "yahoo", one) for at, one in enumerate(told))
    whole = Market(
        panel=panel,
        fixings=clean_fixings(told, {"GBP", "USD"}, is_synthetic=False),
        tellings=tellings,
        files=tuple(KeptFile(one.path, one.sha256, "yahoo", "whole") for one in tellings),
        row=ROW,
        universe=AB,
        policy=POLICY,
        policy_row=POLICY_ROW,
        sessions=SESSIONS,
        known_at=None,
    )
    return replace(whole, **changes)


def file_of(node: Node) -> KeptFile:
    """Give the file that a leaf rests on."""
    (one,) = node.origins
    assert isinstance(one, KeptFile)
    return one


FIRST = parsed(every_session("AAA", "BBB", close=10.0), file="main/first.parquet")
AGAIN = parsed([("AAA", LAST, 10.5)], file="main/second.parquet")


def test_a_close_is_cleaned_again_of_every_file_that_tells_of_its_instrument():
    """Of a day told twice the newest file counts; the file that tells the session is shown first, in its own numbers."""
    node = close_node(market(FIRST, AGAIN), "AAA", LAST)

    assert verdict_of(node).problems == ()
    assert (node.text, node.again) == ("10.5", "10.5")
    files = [file_of(leaf).path for leaf in leaves_of(node)]
    assert sorted(files) == ["raw/0", "raw/1"]
    assert "close 10.5" in next(leaf.text for leaf in leaves_of(node) if file_of(leaf).path == "raw/1")
    assert file_of(node.under[0]).piece == f"symbol AAA, session {LAST}"


def test_a_close_that_the_raw_files_do_not_tell_is_told():
    """A clean set that says another close than its raw files is seen, and so is a file that is gone."""
    honest = market(FIRST, AGAIN)

    without = close_node(replace(honest, tellings=honest.tellings[:1]), "AAA", LAST)
    nothing = close_node(replace(honest, tellings=()), "AAA", LAST)

    assert verdict_of(without).problems == (f"close of AAA on {LAST}: it is 10.5, computed again it is 10",)
    assert "no raw file tells of it" in " ".join(verdict_of(nothing).problems)


def test_a_file_that_is_not_as_it_was_stored_is_told_for_all_that_may_rest_on_it():
    """What cannot be read any more may have told of the instrument: it stands under the close with what is wrong."""
    honest = market(FIRST, AGAIN)
    broken = replace(honest.tellings[1], parsed=Parsed(), problem="raw/1: its SHA-256 was 11 and is 22")

    node = close_node(replace(honest, tellings=(honest.tellings[0], broken)), "AAA", LAST)

    assert "AAA in raw/1: raw/1: its SHA-256 was 11 and is 22" in verdict_of(node).problems


def test_an_instrument_without_a_bar_is_told():
    """What the universe or the clean set lacks has no close, and says so."""
    unknown, blind = close_node(market(FIRST), "ZZZ", LAST), close_node(market(), "AAA", LAST)

    assert "there is no bar of ZZZ" in verdict_of(unknown).problems[0]
    assert "there is no bar of AAA" in verdict_of(blind).problems[0]


def test_a_rate_is_crossed_again_of_the_fixings_of_its_day():
    """1.2 dollars and 0.8 pounds for a euro are 1.5 dollars for a pound, each fixing with its file and day."""
    told = Parsed(fixings=FIXINGS)
    rate = FxRate("GBP", "USD", Decimal("1.5"), DAY, "ecb")

    node = rate_node(market(FIRST, told), rate, known_on=DAY + timedelta(days=1))
    off = rate_node(market(FIRST, told), replace(rate, rate=Decimal("1.6")), known_on=DAY + timedelta(days=1))

    assert verdict_of(node).problems == ()
    assert [under.text for under in node.under] == ["0.8", "1.2"]
    assert {file_of(leaf).piece for leaf in leaves_of(node)} == {f"GBP on {DAY}", f"USD on {DAY}"}
    assert verdict_of(off).problems == (f"GBPUSD fixed {DAY}: it is 1.6, computed again it is 1.5",)


def test_a_fixing_that_no_file_tells_any_more_is_told():
    """A rate of the clean set that stands in no raw file has no fact under it."""
    whole = market(FIRST, Parsed(fixings=FIXINGS))
    bare = replace(whole, tellings=whole.tellings[:1])

    node = rate_node(bare, FxRate("GBP", "USD", Decimal("1.5"), DAY, "ecb"), known_on=DAY + timedelta(days=1))

    assert any("raw fixings of GBP: what it rests on is not there" in one for one in verdict_of(node).problems)


def test_one_currency_needs_no_fixing():
    """A book that trades in its base has a rate of one, from the policy."""
    node = rate_node(market(FIRST), FxRate("GBP", "GBP", Decimal(1), DAY, "same currency"), known_on=DAY)

    assert (node.text, verdict_of(node).problems) == ("1", ())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("limits.turnover_max", POLICY.limits.turnover_max),
        ("strategy.parameters", POLICY.strategy.parameters),
        ("risk_off", POLICY.risk_off),
    ],
)
def test_a_number_of_the_policy_is_named_with_the_hash_of_the_policy(key, value):
    """Whose number it is stands beside it; a policy that was not kept is told."""
    node = policy_number(market(FIRST), key)
    lost = policy_number(market(FIRST, policy_row=None), key)

    assert (node.value, node.name) == (value, f"policy {POLICY.hash[:8]} {key}")
    assert verdict_of(node).problems == ()
    assert verdict_of(lost).problems != ()


def test_bars_of_two_bases_are_cleaned_as_they_were():
    """Of two series the split-adjusted one counts, also when only one instrument is cleaned again."""
    raw = parsed(every_session("AAA", close=20.0), basis=Basis("raw"), file="other/raw.parquet")

    node = close_node(market(FIRST, raw), "AAA", LAST)

    assert (node.text, verdict_of(node).problems) == ("10", ())
