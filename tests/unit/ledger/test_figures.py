"""Figures in pence that add up, a benchmark's return in the base, and the UK's report of what was matched."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.render.tax import PRACTICE, tax_markdown
from core.ledger.benchmark import Benchmark, benchmark_returns
from core.ledger.equity import Rates
from core.ledger.evaluate import evaluate
from core.ledger.figures import figures_of
from core.ledger.question import read_question
from core.ledger.tax_report import tax_report, year_name
from tests.unit.ledger.asking import price, question, trade

D = Decimal
AMOUNTS = st.decimals(min_value="-5000", max_value="5000", places=7)


@given(*[AMOUNTS] * 8)
def test_what_is_shown_adds_up_to_the_penny(price_made, fx_made, open_price, open_fx, gross, withheld, fees, flows):
    """Each figure is rounded for itself, and the sum of them is the rounded whole."""
    total = price_made + fx_made + open_price + open_fx + gross - withheld - fees
    pnl: dict[str, Any] = {
        "realised": {"price": price_made, "fx": fx_made, "total": price_made + fx_made},
        "income": {"gross": gross, "withheld": withheld, "net": gross - withheld},
        "unrealised": {"price": open_price, "fx": open_fx, "total": open_price + open_fx},
        "fees": fees,
        "flows": flows,
        "value": flows + total,
        "total": total,
    }

    shown = figures_of(pnl)

    assert shown.unrealised is not None
    assert shown.equity is not None
    assert shown.realised + shown.unrealised + shown.income - shown.fees == shown.total
    assert abs(shown.equity - flows - total) <= D("0.005")
    assert abs(shown.realised - price_made - fx_made) <= D("0.005")
    # What rounding the others leaves is in it: at most half a penny of each.
    assert abs(shown.unrealised - open_price - open_fx) <= D("0.035")


def test_what_has_no_value_says_why_and_the_rest_stands():
    """Without a price of something held there is no equity, and what was realised is known all the same."""
    missing = {"not_computable": "no price of X"}
    pnl = {"realised": {"price": D(3), "fx": D(-1), "total": D(2)}, "income": {"gross": D(5), "withheld": D(1)}}

    shown = figures_of(pnl | {"fees": D(0), "flows": D(100), "value": missing, "unrealised": missing, "total": missing})

    assert (shown.realised, shown.income, shown.capital) == (D(2), D(4), D(100))
    assert (shown.unrealised, shown.equity, shown.total, shown.missing) == (None, None, None, "no price of X")


def test_a_benchmark_returns_what_its_price_and_its_rate_make():
    """200 to 230 is 15 %; the pound rose from 1.20 to 1.25 dollars: 1.15 x 1.20 / 1.25 is 1.104."""
    days = (date(2024, 1, 2), date(2024, 1, 31))
    bench = Benchmark("SPY", days, (D(200), D(230)), Rates("GBP", days, (D("1.20"), D("1.25"))))
    windows: dict[str, dict[str, Any]] = {
        "ITD": {"from": date(2024, 1, 2), "to": date(2024, 2, 2)},
        "1m": {"from": date(2024, 1, 20), "to": date(2024, 1, 31)},
        "1y": {"not_computable": "it begins before the first flow"},
    }

    found = benchmark_returns(windows, bench)

    assert found == {
        "ITD": D("0.104"),
        "1m": {"not_computable": "no close of SPY from 2024-01-13 to 2024-01-20; the newest is of 2024-01-02"},
    }


BOUGHT_BACK = [
    trade("BUY", "2024-01-10", "100", "1000", key="first"),
    trade("SELL", "2024-04-04", "60", "720.004", fee="5", key="sold"),
    trade("BUY", "2024-04-20", "20", "230", key="back"),
    trade("SELL", "2024-05-01", "10", "100", key="late"),
]


def reported(year: str | None = None, as_of: str = "2024-05-10", **fields: Any) -> Any:
    """Report what the door makes of a purchase, a sale of which a part is bought back, and another sale."""

    asked = question(BOUGHT_BACK, "UK", prices=[price(as_of, "11")], as_of=as_of)
    answer = evaluate(read_question(json.dumps(asked)))
    own: dict[str, Any] = {"title": "the desk", "is_real": True, "as_of": date.fromisoformat(as_of), "books": ["main"]}
    return tax_report(answer["tax"], year=year, **(own | fields))


def test_a_report_has_what_the_capital_gains_pages_ask_for():
    """20 of the 60 are matched with those bought back, 40 with the pool; the year ends on 5 April."""
    report = reported("2023-24")

    [year] = report.years
    assert (year.name, year.disposals, year.provisional) == ("2023-24", 1, 0)
    assert (year.proceeds, year.costs, year.gains, year.losses) == (D("720.00"), D("635.00"), D("85.00"), D("0.00"))
    [sold] = report.disposals
    assert [(one.rule, one.quantity, one.cost) for one in sold.matches] == [
        ("30 days", 20, D("230.00")),
        ("section 104", 40, D("400.00")),
    ]
    assert [(one.instrument, one.quantity, one.cost) for one in report.pools] == [("X", 50, D("500.00"))]


def test_a_young_disposal_is_marked_in_the_text_too():
    """Units sold nine days ago may still be bought back."""
    text = tax_markdown(reported())

    assert "| 2024-05-01 | X | 10 | 100.00 | 100.00 | 0.00 | provisional | 10 section 104 at 100.00 |" in text
    assert "## 2023-24" in text
    assert "## 2024-25" in text
    assert "| X | 50 | 500.00 |" in text
    assert PRACTICE not in text
    assert PRACTICE in tax_markdown(reported(is_real=False))


def test_a_year_without_disposals_says_so():
    """Nothing of another year is shown; the pools stay."""
    text = tax_markdown(reported("2019-20"))

    assert "No disposals." in text
    assert "2024-05-01" not in text
    assert "| X | 50 | 500.00 |" in text


@pytest.mark.parametrize(("told", "name"), [("2023/2024", "2023-24"), ("1999/2000", "1999-00")])
def test_a_tax_year_is_named_as_people_do(told, name):
    """The engine's name of it in the short form."""
    assert year_name(told) == name
