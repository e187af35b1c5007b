"""The UK's share matching at the checking door, against what the tax office publishes, and against its own law.

The manuals print whole pounds and round as they go; here every figure is exact, and the printed one stands beside it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.ledger.question import QuestionError
from tests.unit.ledger.asking import answer_to, fact, rate, trade

D = Decimal


def opening(effective: str, quantity: str, cost: str, **fields: Any) -> dict[str, Any]:
    """Give units of X held before the first fact."""
    own = {"instrument": "X", "quantity": quantity, "cost": cost, "currency": "GBP", "evidence": "0" * 64}
    return fact("OPENING", effective, "opening", **(own | fields))


def tax_of(facts: list[dict[str, Any]], **ask: Any) -> dict[str, Any]:
    """Give the tax of an answer; purchases and sales of one day get keys of their own."""
    for number, one in enumerate(facts):
        one["key"] += f"-{number}"
    found: dict[str, Any] = answer_to(facts, "UK", **ask)["tax"]
    return found


def matched(disposal: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Give what a disposal was identified with: rule, units, cost."""
    return [(one["rule"], one["quantity"], one["cost"]) for one in disposal["matches"]]


def gains(tax: dict[str, Any]) -> list[str]:
    """Give the gain of each disposal, in order."""
    return [one["gain"] for one in tax["disposals"]]


@pytest.mark.parametrize(
    ("held", "sold_on", "sold", "bought_on", "bought", "in_window"),
    [
        # CG51560 example 1: sold on 1 July 2011, bought back on 31 July, the thirtieth day.
        ("1000", "2011-07-01", "1000", "2011-07-31", "1000", 1000),
        # CG51560 example 2: 1,700 of 2,500 sold on 27 March 2012, 500 bought on 30 March, in the next tax year's shadow.
        ("2500", "2012-03-27", "1700", "2012-03-30", "500", 500),
        # CG51560 example 3: sold on 28 February 2009, bought on 31 March, the thirty-first day.
        ("10000", "2009-02-28", "2000", "2009-03-31", "3000", 0),
    ],
)
def test_cg51560_the_thirtieth_day_is_inside_and_the_next_is_not(held, sold_on, sold, bought_on, bought, in_window):
    """HMRC, Capital Gains Manual CG51560, examples 1 to 3: how many shares each rule takes."""
    facts = [
        opening("2005-01-04", held, held),
        trade("SELL", sold_on, sold, sold),
        trade("BUY", bought_on, bought, bought),
    ]

    rules = {one["rule"]: D(one["quantity"]) for one in tax_of(facts)["disposals"][0]["matches"]}

    assert rules.get("30 days", 0) == in_window
    assert rules.get("section 104", 0) == D(sold) - in_window


def test_cg51590_example_1_a_bed_and_breakfast_and_then_a_part_disposal():
    """HMRC, CG51590 example 1: gains of £60 and £4,444, 300 shares left at £444.

    2,000 of April's purchase cost 6,790: 6,850 - 6,790 = 60. Pool 2,500 at 3,700: 2,200 take 3,256; 7,700 - 3,256 = 4,444.
    """
    facts = [
        *(trade("BUY", "2006-04-15", "1000", "1300"), trade("BUY", "2006-08-04", "1000", "1450")),
        *(trade("BUY", "2007-01-19", "500", "950"), trade("SELL", "2010-03-16", "2000", "6850")),
        *(trade("BUY", "2010-04-07", "2000", "6790"), trade("SELL", "2010-12-10", "2200", "7700")),
    ]

    tax = tax_of(facts)

    assert gains(tax) == ["60", "4444"]
    assert matched(tax["disposals"][1]) == [("section 104", "2200", "3256")]
    assert tax["pools"] == [{"instrument": "X", "quantity": "300", "cost": "444"}]
    assert [year["tax_year"] for year in tax["years"]] == ["2009/2010", "2010/2011"]


def test_cg51590_example_2_a_rights_issue_joins_the_pool():
    """HMRC, CG51590 example 2: 7,500 of 24,000 at £6,160 cost £1,925, gain £1,075.

    The manual prints £4,236 as the cost that is left; 6,160 - 1,925 is 4,235, which is what stands here.
    """
    facts = [
        *(trade("BUY", "2008-08-17", "10000", "2500"), trade("BUY", "2009-04-01", "10000", "2600")),
        *(trade("BUY", "2009-10-08", "4000", "1060"), trade("SELL", "2012-12-10", "7500", "3000")),
    ]

    tax = tax_of(facts)

    assert (gains(tax), tax["pools"][0]["quantity"], tax["pools"][0]["cost"]) == (["1075"], "16500", "4235")


def test_cg51590_example_3_a_holding_with_its_value_of_march_1982():
    """HMRC, CG51590 example 3: 16,500 of 21,500 at £83,500 cost £64,081, gain £50,594; £19,419 is left.

    83,500 x 16,500 / 21,500 = 64,081.395348837209.
    """
    facts = [
        *(trade("BUY", "1982-03-31", "7500", "21000"), trade("BUY", "1988-02-06", "4000", "16500")),
        *(trade("BUY", "1993-07-28", "4000", "17000"), trade("BUY", "2005-03-31", "6000", "29000")),
        trade("SELL", "2013-06-13", "16500", "114675"),
    ]

    tax = tax_of(facts)

    assert matched(tax["disposals"][0]) == [("section 104", "16500", "64081.395348837209")]
    assert (gains(tax), tax["pools"][0]["cost"]) == (["50593.604651162791"], "19418.604651162791")


def test_cg51590_example_4_two_rights_issues():
    """HMRC, CG51590 example 4: 20,000 of 45,000 at £33,600 cost £14,934 (14,933.33), gain £24,066; £18,666 is left."""
    facts = [
        *(trade("BUY", "1997-09-24", "15000", "6750"), trade("BUY", "2001-01-30", "9000", "3600")),
        *(trade("BUY", "2004-06-14", "12000", "13800"), trade("BUY", "2005-11-26", "9000", "9450")),
        trade("SELL", "2010-02-23", "20000", "39000"),
    ]

    tax = tax_of(facts)

    assert gains(tax) == ["24066.666666666667"]
    assert (tax["pools"][0]["quantity"], tax["pools"][0]["cost"]) == ("25000", "18666.666666666667")


def test_hs284_example_2_500_of_4000_are_bought_back():
    """HMRC, HS284 example 2: of 4,000 sold for £6,000, 500 are matched with £850, a loss of £100; 3,500 with the pool."""
    facts = [
        *(opening("2023-04-06", "9500", "9500"), trade("SELL", "2023-08-30", "4000", "6000")),
        trade("BUY", "2023-09-11", "500", "850"),
    ]

    disposal = tax_of(facts)["disposals"][0]

    assert matched(disposal) == [("30 days", "500", "850"), ("section 104", "3500", "3500")]
    assert D(disposal["proceeds"]) * 500 / 4000 - D(disposal["matches"][0]["cost"]) == -100


def test_hs284_example_3_costs_of_dealing_belong_to_the_cost():
    """HMRC, helpsheet HS284 example 3 (2024): gains of £329 and £300; 400 shares left at £1,674.

    6,280 x 700 / 1,500 = 2,930.666666666667; 3,360 - 2,930.67 - 100. Half of 3,349.33 is 1,674.666666666666.
    """
    facts = [
        *(trade("BUY", "2015-04-01", "1000", "4000", fee="150"), trade("BUY", "2018-09-01", "500", "2050", fee="80")),
        trade("SELL", "2023-05-01", "700", "3360", fee="100"),
        trade("SELL", "2024-02-01", "400", "2080", fee="105"),
    ]

    tax = tax_of(facts)

    assert gains(tax) == ["329.333333333333", "300.333333333334"]
    assert tax["pools"] == [{"instrument": "X", "quantity": "400", "cost": "1674.666666666667"}]
    year = {"tax_year": "2023/2024", "disposals": 2, "provisional": 0, "proceeds": "5440", "costs": "4810.33"}
    assert tax["years"] == [year | {"gains": "629.67", "losses": "0", "net": "629.67"}]


def test_crypto22251_the_pool_alone():
    """HMRC, Cryptoassets Manual CRYPTO22251: gain £258,000, 100 tokens left at £84,000."""
    facts = [
        *(opening("2021-01-01", "100", "1000"), trade("BUY", "2021-09-18", "50", "125000")),
        trade("SELL", "2021-12-01", "50", "300000"),
    ]

    tax = tax_of(facts)

    assert (gains(tax), tax["pools"][0]["quantity"], tax["pools"][0]["cost"]) == (["258000"], "100", "84000")


def test_crypto22252_the_same_day_and_its_surplus():
    """HMRC, CRYPTO22252: gain £462 (462.50); 100 tokens and £62 (62.50) join the pool, 5,100 at £562 (562.50)."""
    facts = [
        *(opening("2021-01-01", "5000", "500"), trade("SELL", "2021-06-23", "1000", "800")),
        *(trade("BUY", "2021-06-23", "1600", "1000"), trade("SELL", "2021-06-23", "500", "600")),
    ]

    tax = tax_of(facts)

    assert matched(tax["disposals"][0]) == [("same day", "1500", "937.5")]
    assert (gains(tax), tax["pools"][0]["quantity"], tax["pools"][0]["cost"]) == (["462.5"], "5100", "562.5")


def test_crypto22253_the_30_days_take_the_earliest_purchase_for_the_earliest_sale():
    """HMRC, CRYPTO22253: gains £165 and £20; 2,200 tokens left at £1,060; 1 May is the 31st day after 31 March."""
    facts = [
        *(opening("2021-01-01", "2000", "1000"), trade("SELL", "2021-03-31", "1000", "400")),
        *(trade("SELL", "2021-04-20", "500", "150"), trade("BUY", "2021-04-21", "700", "175")),
        *(trade("BUY", "2021-04-28", "500", "100"), trade("BUY", "2021-05-01", "500", "150")),
    ]

    tax = tax_of(facts)

    assert matched(tax["disposals"][0]) == [("30 days", "700", "175"), ("30 days", "300", "60")]
    assert matched(tax["disposals"][1]) == [("30 days", "200", "40"), ("30 days", "300", "90")]
    assert (gains(tax), tax["pools"][0]["quantity"], tax["pools"][0]["cost"]) == (["165", "20"], "2200", "1060")


def test_crypto22254_the_same_day_and_the_pool():
    """HMRC, CRYPTO22254: gain £79 (79.50), 7,500 tokens left at £937 (937.50)."""
    day = "2022-01-31"
    facts = [
        *(opening("2021-01-01", "8000", "1000"), trade("SELL", day, "5000", "500"), trade("BUY", day, "4000", "320")),
        *(trade("BUY", day, "1000", "75"), trade("BUY", day, "1000", "70"), trade("SELL", day, "2000", "142")),
        trade("BUY", day, "500", "35"),
    ]

    tax = tax_of(facts)

    assert matched(tax["disposals"][0]) == [("same day", "6500", "500"), ("section 104", "500", "62.5")]
    assert (gains(tax), tax["pools"][0]["quantity"], tax["pools"][0]["cost"]) == (["79.5"], "7500", "937.5")


def test_crypto22255_the_30_days_and_the_pool():
    """HMRC, CRYPTO22255: gain £92,500, 10,500 tokens left at £150,000."""
    facts = [
        *(opening("2021-01-01", "14000", "200000"), trade("SELL", "2021-08-30", "4000", "160000")),
        trade("BUY", "2021-09-11", "500", "17500"),
    ]

    tax = tax_of(facts)

    assert matched(tax["disposals"][0]) == [("30 days", "500", "17500"), ("section 104", "3500", "50000")]
    assert (gains(tax), tax["pools"][0]["quantity"], tax["pools"][0]["cost"]) == (["92500"], "10500", "150000")


def test_crypto22256_all_three_rules():
    """HMRC, CRYPTO22256: gains £15,000 and £10,000, then a loss from a pool of 110,000 at £345,000.

    31 July: 45,000 and 20,000 / 50,000 of 225,000. 7 August: 345,000 x 100,000 / 110,000 = 313,636.363636363636.
    """
    facts = [
        *(opening("2021-01-01", "100000", "300000"), trade("BUY", "2021-07-31", "10000", "45000")),
        *(trade("SELL", "2021-07-31", "30000", "150000"), trade("SELL", "2021-08-05", "20000", "100000")),
        *(trade("BUY", "2021-08-06", "50000", "225000"), trade("SELL", "2021-08-07", "100000", "150000")),
    ]

    tax = tax_of(facts)

    assert matched(tax["disposals"][0]) == [("same day", "10000", "45000"), ("30 days", "20000", "90000")]
    assert gains(tax) == ["15000", "10000", "-163636.363636363636"]
    assert (tax["pools"][0]["quantity"], tax["pools"][0]["cost"]) == ("10000", "31363.636363636364")
    assert (tax["years"][0]["gains"], tax["years"][0]["losses"]) == ("25000", "163636.36")


def test_crypto22257_tokens_for_tokens_go_through_two_pools_at_once():
    """HMRC, CRYPTO22257: gains £280 + £267 + £18, losses £120 + £1,417; 99,730 of token G left at £298,890.

    Each exchange disposes of one at what is received, and acquires the other at what is given.
    """
    exchanges = [
        *(
            ("2021-08-31", "G", "1000", "3200", "H", "10000", "3200"),
            ("2021-08-31", "H", "5000", "1920", "G", "600", "1700"),
        ),
        *(
            ("2021-08-31", "G", "550", "1650", "H", "5000", "1760"),
            ("2021-09-04", "H", "2000", "558", "G", "180", "560"),
        ),
        *(
            ("2021-09-16", "G", "400", "1080", "H", "4000", "1080"),
            ("2021-10-27", "H", "12000", "2430", "G", "900", "2400"),
        ),
    ]
    facts = [opening("2021-01-01", "100000", "300000", instrument="G")]
    for day, given, units, received, got, more, cost in exchanges:
        facts.append(trade("SELL", day, units, received, instrument=given))
        facts.append(trade("BUY", day, more, cost, instrument=got))

    tax = tax_of(facts)

    # H on 31 August: 1,920 less a third of 4,960. On 4 September 2,000 at 270 each 1,000 of 16 September: 558 - 540.
    # On 27 October the 12,000 left: 10,000 at two thirds of 4,960 and 2,000 at 540: 2,430 - 3,846.67.
    rounded = [(one["instrument"], one["date"][5:], round(D(one["gain"]))) for one in tax["disposals"]]
    assert rounded == [
        *(("G", "08-31", 280), ("H", "08-31", 267), ("H", "09-04", 18), ("G", "09-16", -120), ("H", "10-27", -1417)),
    ]
    assert tax["pools"] == [{"instrument": "G", "quantity": "99730", "cost": "298890"}]


def test_a_disposal_is_provisional_until_the_thirtieth_day_has_passed():
    """A purchase of the next 30 days would change it; after them nothing does."""
    facts = [opening("2024-01-01", "10", "100"), trade("SELL", "2024-02-01", "5", "60")]

    young = answer_to(facts, "UK", as_of="2024-03-01")["tax"]
    old = answer_to(facts, "UK", as_of="2024-03-02")["tax"]

    assert [tax["disposals"][0]["provisional"] for tax in (young, old)] == [True, False]
    assert young["years"][0]["provisional"] == 1


def test_all_taxable_accounts_are_one_and_an_isa_is_none():
    """A purchase in another account within 30 days is matched; one in an ISA is not there."""
    facts = [opening("2024-01-01", "10", "100"), trade("SELL", "2024-02-01", "5", "60")]
    bought = trade("BUY", "2024-02-10", "5", "70", account="b")

    one = answer_to([*facts, bought], "UK", accounts=[{"id": "a"}, {"id": "b"}])["tax"]
    other = answer_to([*facts, bought], "UK", accounts=[{"id": "a"}, {"id": "b", "taxable": False}])["tax"]

    assert (gains(one), gains(other)) == (["-10"], ["10"])


def test_a_split_and_another_name_do_not_break_the_window():
    """Sold 5 before a split of three for one and a new name; 15 bought after both are those 5."""
    facts = [
        *(opening("2024-01-01", "10", "100"), trade("SELL", "2024-02-01", "5", "60")),
        fact("SPLIT", "2024-02-05", "split", instrument="X", new=3, old=1),
        fact("SYMBOL_CHANGE", "2024-02-06", "name", instrument="X", to="Y"),
        trade("BUY", "2024-02-10", "15", "75", instrument="Y"),
    ]

    tax = answer_to(facts, "UK")["tax"]

    assert matched(tax["disposals"][0]) == [("30 days", "5", "75")]
    assert tax["pools"] == [{"instrument": "Y", "quantity": "30", "cost": "100"}]


def test_a_spin_off_moves_cost_between_pools_and_reported_income_adds_to_it():
    """A fifth of 100 goes to the child's pool; 7 of income reported and not paid join the parent's."""
    facts = [
        opening("2024-01-01", "10", "100"),
        fact("SPIN_OFF", "2024-02-05", "spin", instrument="X", child="Y", new=1, old=2, cost_share="0.2"),
        fact("EXCESS_INCOME", "2024-02-06", "eri", instrument="X", currency="GBP", amount="7"),
        trade("SELL", "2024-02-07", "5", "60"),
    ]

    tax = answer_to(facts, "UK")["tax"]

    assert gains(tax) == ["16.5"]
    assert [(one["instrument"], one["quantity"], one["cost"]) for one in tax["pools"]] == [
        ("X", "5", "43.5"),
        ("Y", "5", "20"),
    ]


def test_a_foreign_share_is_told_in_pounds_at_the_rate_of_each_day():
    """$100 at 0.8 bought, $120 less $2 at 0.7 sold: 84 - 1.40 - 80 = 2.60, though $18 were made."""
    facts = [
        trade("BUY", "2024-01-10", "5", "100", currency="USD"),
        trade("SELL", "2024-06-10", "5", "120", currency="USD", fee="2"),
    ]

    tax = answer_to(facts, "UK", fx=[rate("2024-01-10", "0.8"), rate("2024-06-10", "0.7")])["tax"]

    assert (gains(tax), tax["disposals"][0]["fees"], tax["pools"]) == (["2.6"], "1.4", [])


def test_units_that_leave_a_taxable_account_for_an_isa_are_refused():
    """In law that is a disposal; the words say what to book."""
    facts = [
        opening("2024-01-01", "10", "100"),
        fact("TRANSFER", "2024-02-01", "t", to="b", instrument="X", quantity="5"),
    ]

    with pytest.raises(QuestionError, match="fact 't': units moved between a taxable account and one that is not"):
        answer_to(facts, "UK", accounts=[{"id": "a"}, {"id": "b", "taxable": False}])


def test_the_tax_is_told_in_pounds_and_no_other_money():
    """The words name the base that was asked for."""
    with pytest.raises(QuestionError, match="ask, base: it was USD; the method UK is told in GBP"):
        answer_to([], "UK", base="USD")


def test_what_a_split_cannot_divide_leaves_no_dust_in_the_pool():
    """One for three of 20 is 6.666666666667 to a broker and 20 / 3 to the law; when all is sold nothing is left of either."""
    facts = [
        *(trade("BUY", "2024-01-10", "20", "100"), fact("SPLIT", "2024-02-12", "s", instrument="X", new=1, old=3)),
        fact("CASH_IN_LIEU", "2024-02-12", "c", instrument="X", kept="6", currency="GBP", amount="11"),
        trade("SELL", "2024-03-12", "6", "130"),
    ]

    tax = answer_to(facts, "UK")["tax"]

    assert (tax["pools"], [one["quantity"] for one in tax["disposals"]]) == ([], ["0.666666666667", "6"])
    assert sum(D(one["cost"]) for one in tax["disposals"]) == 100


def test_the_tax_year_ends_on_the_fifth_of_april():
    """A sale on the fifth belongs to the year before, and one on the sixth to the next."""
    facts = [
        opening("2024-01-01", "10", "100"),
        trade("SELL", "2024-04-05", "5", "60"),
        trade("SELL", "2024-04-06", "5", "60"),
    ]

    assert [one["tax_year"] for one in tax_of(facts)["disposals"]] == ["2023/2024", "2024/2025"]
