"""Returns, curve and risk at the checking door, against what the field's own texts print, and against their definitions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.ledger.asking import answer_to, fact, price, trade

D = Decimal


def cash(day: str, amount: str) -> dict[str, Any]:
    """Give a deposit, or below zero a withdrawal."""
    kind = "WITHDRAW" if amount.startswith("-") else "DEPOSIT"
    return fact(kind, day, f"{kind}-{day}", currency="GBP", amount=amount.lstrip("-"))


def unit(day: str, cost: str) -> list[dict[str, Any]]:
    """Give the deposit for one unit of X and its purchase."""
    return [cash(day, cost), trade("BUY", day, "1", cost)]


def windows(facts: list[dict[str, Any]], **ask: Any) -> dict[str, Any]:
    """Give the windows of an answer; prices hold for a year here, so that few are needed."""
    found: dict[str, Any] = answer_to(facts, **({"price_days_max": 400} | ask))["returns"]["windows"]
    return found


def paid(flows: list[tuple[str, str]], end: str) -> dict[str, Any]:
    """Give the window since the first of dated flows of a pot that is worth something at the last day."""
    facts = [cash(day, amount) for day, amount in flows]
    left = D(end) - sum(D(amount) for _, amount in flows[:-1])
    facts.append(fact("INTEREST", flows[0][0], "gain", currency="GBP", amount=str(left)))
    found: dict[str, Any] = windows(facts[:-2] + facts[-1:], as_of=flows[-1][0])["ITD"]
    return found


@pytest.mark.parametrize(
    ("flows", "end", "rate", "digits"),
    [
        # Microsoft Support, XIRR: -10,000, 2,750, 4,250, 3,250, 2,750 give 0.373362535 (to 1e-8, as it says of itself).
        (
            [
                *(("2008-01-01", "10000"), ("2008-03-01", "-2750"), ("2008-10-30", "-4250")),
                *(("2009-02-15", "-3250"), ("2009-04-01", "")),
            ],
            *("2750", "0.373362535", 8),
        ),
        # docs.rs/xirr, "as found in spreadsheet applications like LibreOffice Calc": 0.1635371584432641.
        (
            [("2015-06-11", "1000"), ("2015-07-21", "9000"), ("2015-10-17", "3000"), ("2018-06-10", "")],
            *("20000", "0.1635371584", 10),
        ),
        # Apache OpenOffice, How Tos, Calc: XIRR function: -2,750, 1,000, 2,000 return approximately 0.124.
        ([("2008-02-05", "2750"), ("2008-07-05", "-1000"), ("2009-01-05", "")], "2000", "0.124", 3),
        # A year of 365 days at ten per cent.
        ([("2025-01-01", "1000"), ("2026-01-01", "")], "1100", "0.1", 10),
    ],
)
def test_xirr_is_that_of_spreadsheets(flows, end, rate, digits):
    """365 days a year, from the first flow; what is paid in is lent to the pot."""
    assert abs(D(paid(flows, end)["xirr"]) - D(rate)) < D(10) ** -digits


def test_time_and_money_weighted_returns_of_two_shares():
    """CFA Institute, level I, rates of return: a share for $100, a second for $120, both sold for $130, $2 paid a year on each.

    Holding periods: 122 / 100 and 264 / 240, so 22 % and 10 %, 15.84 % a year by time. By money 100 (1 + r)^2 + 118 (1 + r)
    = 264, so r = (-118 + sqrt(118^2 + 4 x 100 x 264)) / 200 - 1 = 13.86 %.
    """
    facts = [
        *unit("2021-01-01", "100"),
        fact("DIVIDEND", "2022-01-01", "first", instrument="X", currency="GBP", amount="2"),
        *(cash("2022-01-01", "118"), trade("BUY", "2022-01-01", "1", "120")),
        fact("DIVIDEND", "2023-01-01", "second", instrument="X", currency="GBP", amount="4"),
        *(trade("SELL", "2023-01-01", "2", "260"), cash("2023-01-01", "-264")),
    ]
    prices = [price("2021-01-01", "100"), price("2022-01-01", "120"), price("2023-01-01", "130")]

    whole = windows(facts, prices=prices, as_of="2023-01-01", flow_timing="end")["ITD"]

    assert (whole["days"], whole["time_weighted"]) == (730, "0.342")
    assert (whole["time_weighted_a_year"][:6], whole["xirr"][:6]) == ("0.1584", "0.1386")


def test_modified_dietz_of_a_month_with_four_flows():
    """CFA Institute, level III, GIPS composite returns: 585.60 to 602.34 with four flows is 2.45 %, over 591.237 on average.

    602.34 - 585.60 - (-15.05 + 19.82 + 16.42 - 18.96) = 14.51; the weights are (31 - 5) / 31 and so on.
    """
    flows = [("2021-10-05", "-15.05"), ("2021-10-09", "19.82"), ("2021-10-15", "16.42"), ("2021-10-24", "-18.96")]
    facts = [*unit("2021-09-30", "585.60"), *(cash(day, amount) for day, amount in flows)]
    prices = [price("2021-09-30", "585.60"), price("2021-10-31", "600.11")]
    ask = {"prices": prices, "as_of": "2021-10-31", "since": "2021-09-30", "flow_timing": "end", "large_flow": "0.10"}

    month = windows(facts, **ask)["since"]

    # -15.05 x 26 + 19.82 x 22 + 16.42 x 16 - 18.96 x 7 = 174.74.
    exact = D("14.51") / (D("585.60") + D("174.74") / 31)
    assert (month["days"], month["modified_dietz"][:6]) == (31, "0.0245")
    assert abs(D(month["modified_dietz"]) - exact) < D("1e-10")


def test_modified_dietz_of_two_years_with_a_flow_in_their_middle():
    """Wikipedia, "Modified Dietz method": 100 becomes 300 in two years with 50 paid in half-way, which is 120 %."""
    facts = [*unit("2021-01-01", "100"), cash("2022-01-01", "50")]
    prices = [price("2021-01-01", "100"), price("2023-01-01", "250")]
    ask = {"prices": prices, "as_of": "2023-01-01", "flow_timing": "end", "large_flow": "9"}

    assert windows(facts, **ask)["ITD"]["modified_dietz"] == "1.2"


@pytest.mark.parametrize(("large", "dietz"), [("0.49", "0.58"), ("0.5", "0.5661764706")])
def test_a_large_flow_cuts_the_period_and_an_equal_one_does_not(large, dietz):
    """100 grow to 120 before 60 come in, half of it; those 180 become 237: 1.2 x 237 / 180 - 1 is 58 %.

    The GIPS standards' question 5084: the portfolio is valued at a large flow, and the returns of the parts are linked. In
    one piece the 60 were there for six days of ten: (237 - 160) / (100 + 60 x 0.6) = 0.5661764706.
    """
    facts = [*unit("2021-01-01", "100"), cash("2021-01-05", "60")]
    prices = [price("2021-01-01", "100"), price("2021-01-05", "120"), price("2021-01-11", "177")]
    ask = {"prices": prices, "as_of": "2021-01-11", "flow_timing": "end", "large_flow": large}

    whole = windows(facts, **ask)["ITD"]

    assert (whole["time_weighted"], whole["modified_dietz"]) == ("0.58", dietz)


def test_modified_dietz_of_a_month_with_a_redemption_and_its_quarter():
    """A question to candidates (The Analyst Space, 83116): $50 million to $51.5 million, $500,000 redeemed on 15 March 2003.

    March is 4.02 %: 2,000,000 / (50,000,000 - 500,000 x 16 / 31). With 2.3 % of January and -1.0 % of February the quarter
    is 5.35 %: 1.023 x 0.99 x 1.0402 - 1.
    """
    # 1,012.77 stand for the 50 million of the end of February, a hundredth of it for the redemption.
    redeemed, end = D("10.1277"), D("1012.77") * D("1.03")
    facts = [*unit("2002-12-31", "1000"), cash("2003-03-15", str(-redeemed))]
    marks = [
        ("2002-12-31", "1000"),
        ("2003-01-31", "1023"),
        ("2003-02-28", "1012.77"),
        ("2003-03-31", str(end + redeemed)),
    ]
    prices = [price(day, value) for day, value in marks]
    ask = {"prices": prices, "as_of": "2003-03-31", "flow_timing": "end"}

    march = windows(facts, since="2003-02-28", **ask)["since"]["modified_dietz"]
    january = windows(facts, **(ask | {"as_of": "2003-01-31"}))["ITD"]["modified_dietz"]
    february = windows(facts, since="2003-01-31", **(ask | {"as_of": "2003-02-28"}))["since"]["modified_dietz"]

    assert (january, february, march[:6]) == ("0.023", "-0.01", "0.0402")
    assert f"{(1 + D(january)) * (1 + D(february)) * (1 + D(march)) - 1:.4f}" == "0.0535"


@pytest.mark.parametrize(("timing", "weighted"), [("start", "0.1"), ("end", "0"), ("mixed", "0.1")])
def test_money_works_on_its_first_day_unless_flows_are_at_the_end(timing, weighted):
    """100 come in and buy a unit that closes at 110: that gain is of the first day, or of no day."""
    ask = {"prices": [price("2021-01-04", "110"), price("2021-01-05", "110")], "as_of": "2021-01-05"}

    assert windows(unit("2021-01-04", "100"), flow_timing=timing, **ask)["ITD"]["time_weighted"] == weighted


def test_a_flow_of_the_day_at_whose_end_a_window_begins_is_in_its_first_value():
    """100 and 100 more on the first of January; a year from its end on 200 are 220, a tenth by money too."""
    facts = [cash("2020-12-01", "100"), cash("2021-01-01", "100")]
    facts.append(fact("INTEREST", "2021-06-01", "i", currency="GBP", amount="20"))

    year = windows(facts, as_of="2022-01-01", since="2021-01-01")["since"]

    assert (year["xirr"], year["time_weighted"]) == ("0.1", "0.1")


def test_each_window_begins_at_the_end_of_its_day():
    """A month, three and twelve before as-of, clipped to the month's end; the last day of the year before; the first flow."""
    facts = unit("2023-01-02", "100")
    found = windows(
        facts, prices=[price("2023-01-02", "100")], as_of="2024-03-31", price_days_max=400, since="2024-01-15"
    )
    long = windows(unit("2020-01-01", "100"), prices=[price("2024-03-31", "1")], as_of="2024-03-31")

    begins = {name: window["from"] for name, window in found.items() if "from" in window}
    assert begins == {
        "1m": "2024-02-29",
        "3m": "2023-12-31",
        "YTD": "2023-12-31",
        "1y": "2023-03-31",
        "ITD": "2023-01-01",
        "since": "2024-01-15",
    }
    assert "no price of X" in long["1m"]["time_weighted"]["not_computable"]


@pytest.mark.parametrize(
    ("facts", "ask", "name", "reason"),
    [
        (unit("2024-01-10", "100"), {}, "1y", "it begins at the end of 2023-02-01, before the first flow"),
        (unit("2024-01-10", "100"), {"since": "2024-02-01"}, "since", "not before as-of"),
    ],
)
def test_a_window_without_money_is_not_computable(facts, ask, name, reason):
    """It says when it would begin, and why that is no window."""
    found = windows(facts, prices=[price("2024-01-10", "100")], as_of="2024-02-01", **ask)

    assert reason in found[name]["not_computable"]


def test_no_wild_number_is_told():
    """A rate of several solutions, of none, of one way only, and a period below a year: each says why.

    100 in, 230 out, 132 in, then nothing left: 10 % and 20 % both solve it.
    """
    several = paid([("2021-01-01", "100"), ("2022-01-01", "-230"), ("2023-01-01", "132"), ("2023-01-02", "")], "0")
    lost = paid([("2021-01-01", "100"), ("2022-01-01", "")], "0")
    doubled = paid([("2024-01-01", "100"), ("2024-01-03", "")], "200")

    assert several["xirr"]["not_computable"].startswith("2 rates make the flows worth nothing, near")
    assert lost["xirr"] == {"not_computable": "a rate needs money that goes in and money that comes out"}
    assert "no rate from -99.99 % to 10,000 %" in doubled["xirr"]["not_computable"]
    assert "the period has 3 days" in doubled["time_weighted_a_year"]["not_computable"]


def test_more_cannot_be_lost_than_there_was():
    """100 become -20 with borrowed money: a return below -100 % is no return."""
    facts = [*unit("2021-01-01", "100"), trade("BUY", "2021-01-01", "1", "100", key="borrowed")]
    prices = [price("2021-01-01", "100"), price("2021-02-01", "40")]

    whole = windows(facts, prices=prices, as_of="2021-02-01")["ITD"]

    assert "120.00 were lost of 100.00; no more than all can be lost" in whole["time_weighted"]["not_computable"]


def test_the_curve_and_its_fall_are_not_moved_by_flows():
    """The index goes 1, 1.2, 0.9, 1.2 while half of the money leaves on the way; the fall of a quarter has its days."""
    facts = [*unit("2021-01-01", "100"), cash("2021-01-01", "0.000001") | {"key": "dust"}, cash("2021-01-03", "1000")]
    facts.append(cash("2021-01-04", "-1000"))
    marks = [("2021-01-01", "100"), ("2021-01-02", "120"), ("2021-01-05", "90"), ("2021-01-06", "120")]
    prices = [price(day, value) for day, value in marks]

    found = answer_to(facts, prices=prices, as_of="2021-01-06")["returns"]

    assert [row["value"] for row in found["curve"]][-1] == "120.000001"
    assert {row["date"]: row["index"][:4] for row in found["curve"]} == {
        "2020-12-31": "1",
        "2021-01-01": "1",
        "2021-01-02": "1.19",
        "2021-01-03": "1.19",
        "2021-01-04": "1.19",
        "2021-01-05": "0.90",
        "2021-01-06": "1.19",
    }
    fall = found["risk"]["drawdown"]
    assert (fall["depth"][:6], fall["peak"], fall["trough"]) == ("-0.249", "2021-01-02", "2021-01-05")
    assert fall["recovered"] == "2021-01-06"


def test_risk_by_its_definitions():
    """Returns of 10 %, -10 %, 20 %, four periods a year, 4 % free of risk, so 1 % a period.

    Mean 1/15; deviations from it squared add to 7/150, so the variance of the sample is 7/300. Volatility: root of 4 x 7/300.
    Sharpe: (1/15 - 0.01) x 2 over the root of 7/300. Sortino: the same over 0.11 / root 3.
    """
    marks = [("2021-01-01", "100"), ("2021-04-01", "110"), ("2021-07-01", "99"), ("2021-10-01", "118.8")]
    prices = [price(day, value) for day, value in marks]
    ask: dict[str, Any] = {"periods_per_year": 4, "risk_free": "0.04", "returns_min": 3, "flow_timing": "end"}

    risk = answer_to(unit("2021-01-01", "100"), prices=prices, as_of="2021-10-01", **ask)["returns"]["risk"]

    excess = D(1) / 15 - D("0.01")
    assert risk["returns"] == 3
    assert abs(D(risk["volatility"]) - (D(28) / 300).sqrt()) < D("1e-9")
    assert abs(D(risk["sharpe"]) - excess * 2 / (D(7) / 300).sqrt()) < D("1e-9")
    assert abs(D(risk["sortino"]) - excess * 2 / (D("0.11") / D(3).sqrt())) < D("1e-9")
    assert "the period has 273 days" in risk["calmar"]["not_computable"]


def test_calmar_is_the_return_a_year_over_the_deepest_fall():
    """In 365 days 100 fall to 80 and rise to 110: ten per cent over twenty."""
    prices = [price("2021-01-01", "100"), price("2021-07-01", "80"), price("2022-01-01", "110")]

    risk = answer_to(unit("2021-01-01", "100"), prices=prices, as_of="2022-01-01", flow_timing="end")["returns"]["risk"]

    assert risk["calmar"] == "0.5"
    assert "there are 2 returns; returns_min asks for 20" in risk["sharpe"]["not_computable"]


def test_units_that_come_in_kind_come_at_their_value_and_not_at_their_cost():
    """An opening that cost 50 and is worth 100 has made nothing yet; from 100 to 110 it returns a tenth."""
    own = {"instrument": "X", "quantity": "1", "cost": "50", "currency": "GBP", "evidence": "0" * 64}
    prices = [price("2021-01-04", "100"), price("2021-01-05", "110")]

    found = answer_to([fact("OPENING", "2021-01-04", "o", **own)], prices=prices, as_of="2021-01-05")

    assert found["returns"]["windows"]["ITD"]["time_weighted"] == "0.1"
    assert (found["pnl"]["flows"], found["pnl"]["total"]) == ("50", "60")


def test_without_a_flow_there_is_no_return():
    """Nothing came in; the answer says so."""
    assert answer_to([])["returns"]["windows"] == {"not_computable": "no money came in or went out"}
