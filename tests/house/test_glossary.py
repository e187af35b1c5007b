"""The glossary is law: one meaning a term, and no term is lost."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.house.tree import ROOT

# May go up with a new noun, never down without a decision file.
TERMS_MIN = 66
ROW = re.compile(r"^\| (?P<term>[^|]+?) \| (?P<meaning>[^|]+?) \|$", re.MULTILINE)


def terms(glossary: str) -> list[str]:
    """List the terms of a glossary; one row may hold several, parted by `/`."""
    rows = [match["term"] for match in ROW.finditer(glossary) if match["term"] not in ("term", "---")]
    return [term for row in rows for term in row.split(" / ")]


def twice(glossary: str) -> list[str]:
    """List the terms that have two meanings."""
    return [term for term, count in Counter(terms(glossary)).items() if count > 1]


def _glossary() -> str:
    return (ROOT / "docs" / "GLOSSARY.md").read_text(encoding="utf-8")


def test_no_term_is_lost():
    """The glossary holds at least the terms it had."""
    assert len(terms(_glossary())) >= TERMS_MIN


def test_each_term_has_one_meaning():
    """No term stands in two rows."""
    assert twice(_glossary()) == []


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("| term | meaning |\n|---|---|\n| bar | one |\n| lot | two |", []),
        ("| bar | one |\n| bar | two |", ["bar"]),
        ("| bar / lot | one |\n| lot | two |", ["lot"]),
    ],
)
def test_sees_a_term_with_two_meanings(rows, found):
    """A second row for a term is found, in a shared row too."""
    assert twice(rows) == found
