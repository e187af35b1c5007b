"""The settings of what is fetched: shipped, nothing is; a mistake is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings_sources import parse_sources
from core.settings_text import SettingsError

ROOT = Path(__file__).parents[2]


def test_the_shipped_settings_fetch_nothing():
    """A demo and a workspace that is fed from archives never go over the network."""
    shipped = parse_sources((ROOT / "config/sources.yml").read_text(encoding="utf-8"), "sources.yml")

    assert shipped.fetch == ()
    assert shipped.stooq.address == "https://stooq.com"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fetch: []", "fetch: [bloomberg]", "fetch[1] was bloomberg; it must be"),
        ("fetch: []", "fetch: [ecb, ecb]", "a list of stooq, yahoo and ecb, each at most once"),
        ("fetch: []", "fetches: []", "fetches is unknown; did you mean fetch?"),
        ("https://stooq.com", "stooq.com", "an address without a / at its end"),
        ("https://stooq.com", "https://stooq.com/", "an address without a / at its end"),
        ("concurrency: 2", "concurrency: 200", "stooq.concurrency was 200; it must be a whole number from 1 to 16"),
        ("tries: 4\n  pause_milliseconds: 500", "pause_milliseconds: 500", "stooq.tries is missing"),
    ],
)
def test_a_mistake_in_the_settings_is_refused_with_file_and_line(old, new, words):
    """Unknown keys, addresses that are none, numbers out of bounds."""
    text = (ROOT / "config/sources.yml").read_text(encoding="utf-8")
    assert old in text

    with pytest.raises(SettingsError) as refused:
        parse_sources(text.replace(old, new, 1), "config/sources.yml")

    assert any(one.startswith("config/sources.yml:") and words in one for one in refused.value.problems)
