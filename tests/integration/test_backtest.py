"""Backtests of a whole workspace: the report, the same again, the trials that are counted, and the look-ahead check."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.integration.test_models import learns
from tests.integration.workspaces import LAST, Workspaces, desk_of, twokey

FIRST = date(2024, 4, 1)
RANGE = ("--from", str(FIRST), "--to", str(LAST - timedelta(days=7)), "--seeds", "40")


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace whose book follows momentum."""
    return workspaces.copy("backtested")


@pytest.fixture(scope="module")
def learning(workspaces: Workspaces) -> Path:
    """Give a workspace whose book learns."""
    made = workspaces.copy("backtested-learning")
    learns(made)
    return made


def report(root: Path) -> tuple[str, str]:
    """Give the page and the Markdown that a backtest left."""
    page, text = (root / "reports" / f"backtest_latest.{kind}" for kind in ("html", "md"))
    return page.read_text(encoding="utf-8"), text.read_text(encoding="utf-8")


def test_a_backtest_tells_its_odds_and_is_the_same_again(root):
    """One page and its Markdown, with every baseline; the same question gives the same bytes, and is one trial."""
    done = twokey(root, "backtest", *RANGE)
    first = report(root)
    again = twokey(root, "backtest", *RANGE)

    assert (done.code, again.code) == (0, 0), done.err
    assert [track["name"] for track in done.facts["tracks"]] == [
        *("momentum of main", "SPY", "equal weight", "momentum"),
    ]
    falls = [row for row in first[1].splitlines() if row.startswith("| Deepest drawdown")]
    told = [f"{float(track['worst_fall']) * 100:.2f} %" for track in done.facts["tracks"]]
    assert falls[0].split(" | ")[1:5] == told
    assert report(root) == first
    assert done.facts["trials"] == again.facts["trials"] == 1
    assert done.facts["is_synthetic"]
    assert "Survivorship" in first[1].splitlines()[0]
    assert "SYNTHETIC" in first[1].splitlines()[0]
    assert "luck" in done.facts["verdict"]


def test_another_question_is_another_trial(root):
    """Who tries often is told how often."""
    before = twokey(root, "backtest", *RANGE).facts["trials"]

    other = twokey(root, "backtest", "--from", str(FIRST + timedelta(days=14)), *RANGE[2:])

    assert other.facts["trials"] == before + 1


def test_a_book_that_learns_is_walked_forward(learning):
    """A model a week, each trained at the close that it is first asked at; none is fitted twice."""
    done = twokey(learning, "backtest", *RANGE)
    kept = sorted((learning / "data" / "models").rglob("*.txt"))
    again = twokey(learning, "backtest", *RANGE)

    assert (done.code, again.code) == (0, 0), done.err
    assert done.facts["tracks"][0]["name"] == "ranker"
    assert len(kept) == 12
    assert sorted((learning / "data" / "models").rglob("*.txt")) == kept
    assert {**again.facts} == {**done.facts}


def test_nothing_in_a_backtest_knows_the_future(learning):
    """Features, labels, members, scores, trades and equity, with the future cut off and with others."""
    done = twokey(learning, "backtest", *RANGE, "--check-lookahead")

    assert (done.code, done.facts["leaks"]) == (0, [])
    assert {"feature", "label", "members", "score", "wanted weight", "equity"} <= set(done.facts["told"])
    assert len(done.facts["cuts"]) >= 3


def test_a_backtest_writes_no_fact_but_its_trial(root):
    """The book that it is of stays as it is: no run, no ticket, no entry."""
    with desk_of(root) as desk:
        reader = desk.session("reader")
        counts = {table: reader.tuples(f"SELECT count(*) FROM {table}")[0][0] for table in ("run", "ticket", "entry")}

    assert counts == {"run": 0, "ticket": 0, "entry": 0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "2024-06-24"), "there are fewer than 3 decisions"),
        (("--from", "2024-04-01", "--to", "2021-01-01"), "there are no bars up to 2021-01-01"),
        (("--from", "2024-04-01", "--seeds", "0"), "at least one seed"),
    ],
)
def test_a_range_that_cannot_be_tested_says_why(root, arguments, words):
    """In one line, with what there is."""
    done = twokey(root, "backtest", *arguments)

    assert (done.code, done.err.count("\n")) == (2, 1)
    assert words in done.err


def test_a_book_that_learns_needs_weeks_before_its_first_decision(learning):
    """How many there are, and what the policy asks for."""
    done = twokey(learning, "backtest", "--from", "2023-10-16")

    assert done.code == 2
    assert "weeks to learn from; the policy asks for 12" in done.err
