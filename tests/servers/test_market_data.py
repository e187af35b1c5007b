"""Market data: what is shown, what is not, and where it comes from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from adapters.files.workspace import Workspace
from cli.wiring import Desk
from servers.refusals import Code
from tests.servers.market import AS_OF, FIRST, LAST, MONDAY
from tests.servers.playing import Five


@pytest.fixture(scope="module")
def shown(prepared, shelf):
    """Give the servers over one workspace that these tests only read."""
    from tests.servers.conftest import copied

    with Five(copied(prepared, shelf / "shown")) as servers:
        yield servers


def test_prices_are_the_clean_set_s(shown):
    """Every number is the clean set's, as a text; the provenance says what it is."""
    prices = shown(
        "market_data.get_prices", book="main", instruments=["MSFT", "AAPL"], first="2024-06-05", last="2024-06-06"
    )

    with Desk(Workspace(shown.root)) as desk:
        snapshot = desk.clean.current()
        assert snapshot is not None
        panel = desk.clean.panel(snapshot)
    assert [(bar["session"], bar["instrument"]) for bar in prices["bars"]] == [
        ("2024-06-05", "AAPL"),
        ("2024-06-05", "MSFT"),
        ("2024-06-06", "AAPL"),
        ("2024-06-06", "MSFT"),
    ]
    row, column = panel.row(date(2024, 6, 5)), panel.column("AAPL")
    assert float(prices["bars"][0]["close"]) == panel.close[row, column]
    assert prices["provenance"] == {
        "as_of": AS_OF.isoformat(),
        "basis": [f"split-adjusted as of {LAST}"],
        "knowledge": "assumed",
        "snapshot": snapshot,
        "is_synthetic": True,
    }


def test_nothing_after_as_of_is_shown(shown):
    """A range that goes on is cut at as-of, although the clean set holds more; one that begins later is refused."""
    prices = shown("market_data.get_prices", book="main", instruments=["SPY"], first="2024-06-03", last="2024-06-28")
    returns = shown("market_data.get_returns", book="main", instruments=["SPY"], first="2024-06-03", last="2024-06-28")
    later = shown(
        "market_data.get_prices", book="main", instruments=["SPY"], first=MONDAY.isoformat(), last="2024-06-28"
    )

    assert max(bar["session"] for bar in prices["bars"]) == AS_OF.isoformat()
    assert max(row["session"] for row in returns["returns"]) == AS_OF.isoformat()
    assert (later.code, later.facts["limit"]) == (Code.BAD_ARGUMENT, AS_OF.isoformat())


def test_returns_multiply_up_to_the_whole(shown):
    """The first return begins at the close before the range, and all of them make the range's."""
    answer = shown("market_data.get_returns", book="main", instruments=["SPY"], first="2024-06-03", last="2024-06-07")

    product = Decimal(1)
    for row in answer["returns"]:
        product *= 1 + Decimal(row["value"])
    (whole,) = answer["over_range"]
    assert len(answer["returns"]) == 5
    assert (whole["first"], whole["last"]) == ("2024-05-31", "2024-06-07")
    assert abs(product - 1 - Decimal(whole["value"])) < Decimal("1e-8")


def test_long_answers_come_in_pages(shown):
    """The pages of a range are disjoint and hold all of it; a page beyond the last is refused."""
    asked = {"book": "main", "instruments": ["AAPL", "MSFT", "SPY"], "first": "2024-03-01", "last": "2024-06-07"}
    first = shown("market_data.get_prices", **asked)
    pages = [shown("market_data.get_prices", **asked, page=page) for page in range(1, first["paging"]["pages"] + 1)]
    seen = [(bar["session"], bar["instrument"]) for page in pages for bar in page["bars"]]

    assert len(pages) > 2
    assert len(seen) == len(set(seen)) == first["paging"]["rows"]
    beyond = shown("market_data.get_prices", **asked, page=len(pages) + 1)
    assert (beyond.code, beyond.facts["limit"]) == (Code.NO_SUCH_PAGE, str(len(pages)))


def test_an_unknown_instrument_is_refused(shown):
    """All unknown ones are named."""
    refused = shown(
        "market_data.get_prices",
        book="main",
        instruments=["SPY", "ZZZZ", "YYYY"],
        first="2024-06-05",
        last="2024-06-06",
    )

    assert refused.code == Code.NO_SUCH_INSTRUMENT
    assert "YYYY, ZZZZ" in refused.facts["message"]


def test_the_quality_report_judges_what_a_run_would(shown):
    """The report is of as-of, with each check's number."""
    report = shown("market_data.data_quality_report", book="main")

    assert report["has_passed"] is True
    assert "coverage" in {check["check"] for check in report["checks"]}
    assert report["provenance"]["as_of"] == AS_OF.isoformat()


def test_stale_data_fails_the_report(prepared, shelf):
    """A day after the data ended, the benchmark's bar is missing."""
    from tests.servers.conftest import copied

    with Five(copied(prepared, shelf / "stale"), on=date(2024, 7, 3)) as late:
        report = late("market_data.data_quality_report", book="main")
        scored = late("quant.run_scoring", book="main")

    assert report["has_passed"] is False
    assert scored["gate"] == "closed"


def test_the_universe_is_listed_whole(shown):
    """Every instrument stands on one page."""
    first = shown("market_data.list_universe", book="main")
    pages = [
        shown("market_data.list_universe", book="main", page=page) for page in range(1, first["paging"]["pages"] + 1)
    ]
    names = [row["instrument"] for page in pages for row in page["instruments"]]

    assert names == sorted(set(names))
    assert len(names) == first["paging"]["rows"] > 100


def test_without_data_there_is_none(empty):
    """Nothing ingested is NO_DATA, not an empty answer."""
    with Five(empty()) as five:
        asked = {"book": "main", "instruments": ["SPY"], "first": FIRST.isoformat(), "last": AS_OF.isoformat()}
        assert five("market_data.get_prices", **asked).code == Code.NO_DATA
        assert five("market_data.get_returns", **asked).code == Code.NO_DATA
        assert five("market_data.data_quality_report", book="main").code == Code.NO_DATA
        assert five("market_data.list_universe", book="main")["paging"]["rows"] > 100


def test_market_data_writes_nothing(shown):
    """Its role could not: it may insert nowhere and call no function that writes."""
    from adapters.postgres.rights import CALLERS, WRITERS

    assert "market_data" not in WRITERS.values()
    assert all("market_data" not in callers for callers in CALLERS.values())
