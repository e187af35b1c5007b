"""Wealthsimple's two forms: each kind of row, what is left with the reason, splits once, and keys that last."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest

from adapters.statements.facts import door_facts
from core.domain.statement import (
    CashTransfer,
    ConversionLeg,
    Deposit,
    Dividend,
    Fee,
    Interest,
    Money,
    Named,
    StockSplit,
    Trade,
    UnitsTransfer,
    Withdrawal,
    Withholding,
    overlaps,
)
from tests.unit.statements.samples import asides, events, statement_of, why
from tests.unit.statements.wealthsimple_samples import ACTIVITIES, EARLY, STATEMENT

D = Decimal
ACME = Named("ACME")


def cad(amount: str) -> Money:
    """Give an amount of Canadian dollars."""
    return Money(D(amount), "CAD")


def usd(amount: str) -> Money:
    """Give an amount of US dollars."""
    return Money(D(amount), "USD")


def test_the_activities_of_several_accounts_are_read():
    """The commission is taken out of the amount; units transferred move no cash; a consolidation of two accounts is one."""
    assert events(ACTIVITIES) == [
        Deposit(cad("5000")),
        Trade("BUY", ACME, D(10), cad("400.00"), (cad("1.25"),), cad("40.00")),
        Trade("SELL", ACME, D(2), cad("82.25"), (), cad("41.1234567891")),
        Dividend(ACME, cad("4.21")),
        Trade("BUY", ACME, D("0.1053"), cad("4.21"), (), cad("39.98")),
        Dividend(ACME, cad("4.21")),
        Interest(usd("0.014999")),
        ConversionLeg(cad("-137.00")),
        ConversionLeg(usd("100.00")),
        Withholding(Named("US"), usd("2.15")),
        UnitsTransfer(Named("XSB"), D(363)),
        Fee(cad("9.00")),
        CashTransfer(cad("-500")),
        StockSplit(Named("OLD"), 1, 10),
        StockSplit(ACME, 3, 1),
        Fee(cad("9.75")),
    ]
    assert {one.row.account for one in statement_of(ACTIVITIES).rows} == {"AA1CAD", "BB2USD", ""}


def test_what_the_activities_do_not_tell_is_not_guessed():
    """Tax without its dividend, a company action without its ratio or cost, an option, and kinds that are not known."""
    assert why(ACTIVITIES) == {
        12: "tax that does not say on which dividend it is; book it with that dividend",
        21: "SUBDIVISION: a company action, told without its ratio; book it by hand",
        22: "ReturnOfCapital: it changes units or their cost, and the row does not tell how; book it by hand",
        23: "ListingSwap: it changes units or their cost, and the row does not tell how; book it by hand",
        25: "activity_sub_type of a trade was 'STO': an option: the row does not tell how many units a contract has",
        26: "activity_type 'BonusPayment' with activity_sub_type '-' of 25 is not known",
    }
    again = "the split of a row before, for another account or position, or its other units"
    assert asides(ACTIVITIES) == {
        17: again,
        18: again,
        19: again,
        27: "Dividend: it moves nothing",
        28: "when the file was made",
    }


def test_the_facts_of_the_activities_pair_the_sides_and_split_all_accounts():
    """The two sides of a conversion are of one second; a split names no account."""
    facts, left = door_facts(statement_of(ACTIVITIES).rows, "a")

    told = {fact["kind"]: fact for fact in facts}
    assert (told["FX"]["from_amount"], told["FX"]["to_amount"], told["FX"]["account"]) == ("137.00", "100.00", "AA1CAD")
    assert "account" not in told["SPLIT"]
    assert [one.line for one in left] == [11, 13, 15]


def test_two_conversions_of_one_day_are_told_apart_by_their_seconds():
    """Without a time, four sides of one day could be two pairs in two ways, and are left to a person."""
    sides = [line for line in ACTIVITIES.splitlines() if "FxExchange" in line]
    later = [line.replace("12:00:00", "12:00:01") for line in sides]
    head = ACTIVITIES.split("\n", 1)[0]

    def told(lines: list[str]) -> tuple[int, int]:
        facts, left = door_facts(statement_of("\n".join([head, *lines])).rows, "a")
        return len(facts), len(left)

    assert told([*sides, *later]) == (2, 0)
    assert told([*sides, *sides]) == (0, 4)


def test_the_earlier_export_is_read_too():
    """Its heading tells no time and no description, and a sale may tell its units above zero."""
    assert events(EARLY) == [
        Trade("BUY", ACME, D(10), usd("1500"), (), usd("150.0")),
        Trade("SELL", ACME, D(5), usd("800"), (), usd("160.0")),
        Withdrawal(cad("300")),
    ]


def test_the_monthly_statement_is_read_from_its_words():
    """Units stand in a description; at a rate the price is in a currency that no column names."""
    assert events(STATEMENT) == [
        Deposit(cad("1000")),
        Trade("BUY", ACME, D(10), cad("560")),
        Trade("SELL", Named("FUND.A"), D("1.5"), cad("60.03"), (), cad("40.02")),
        Trade("BUY", ACME, D(1), cad("56")),
        Interest(cad("0.01")),
        Dividend(ACME, cad("0.4")),
        Withholding(ACME, cad("0.06")),
        UnitsTransfer(Named("COIN"), D("0.0036")),
        CashTransfer(cad("-100")),
        Fee(cad("9")),
        Withdrawal(cad("10")),
    ]
    lent = "units lent to others or given back: the account owns them all the same"
    assert asides(STATEMENT) == {6: lent, 7: lent}


def test_what_the_monthly_statement_does_not_tell_is_not_guessed():
    """Coins are told in other words, with a fee of which nobody knows whether the amount holds it."""
    found = why(STATEMENT)

    assert list(found) == [11, 15, 16, 17, 19]
    assert "it does not begin with the symbol that it is of" in found[11]
    assert "it must be as `XEQT - A fund: Bought 1.5000 shares at $30.00 per share`" in found[15]
    assert found[16] == "STKDIS: it changes units or their cost, and the row does not tell how; book it by hand"
    assert "how many units a contract has" in found[17]
    assert found[19] == "transaction 'CASHBACK' of 1.0 is not known"


@pytest.mark.parametrize(
    ("old", "new", "event"),
    [
        ("0.0036 COIN into the", "0.0036 COIN out of the", UnitsTransfer(Named("COIN"), D("-0.0036"))),
        ('"0.4"', '"0.0"', None),
    ],
)
def test_units_may_go_out_and_a_row_may_move_nothing(old, new, event):
    """Out is below zero; a dividend of nothing is aside."""
    changed = STATEMENT.replace(old, new)

    assert (event in events(changed)) is (event is not None)
    assert list(asides(changed)) == [6, 7] + [9] * (event is None)


def test_a_trade_has_the_day_on_which_it_was_made():
    """The row of a monthly statement stands under the day of its booking, and tells the other in its words."""
    days = [one.row.day for one in statement_of(STATEMENT).rows][1:3]

    assert days == [date(2025, 4, 2), date(2025, 4, 4)]


@pytest.mark.parametrize(
    ("text", "old", "new", "reason"),
    [
        (ACTIVITIES, "10,40.00,1.25,-401.25", "10,40.00,1.25,-400.00", "are 400.00 without the commission of 1.25"),
        (ACTIVITIES, "10,40.00,1.25", "10,4.00,1.25", "10 units at 4.00 are 40.00"),
        (ACTIVITIES, "CAD,10,40.00", "CAD,-10,40.00", "a BUY of -10 units: the signs contradict each other"),
        (ACTIVITIES, "0,82.25", "0,-82.25", "net_cash_amount of a SELL was -82.25; it must be above 0"),
        (ACTIVITIES, "CAD,4.21,,,4.21", "CAD,4.21,,1,4.21", "commission is 1 on Dividend, which has no place for it"),
        (ACTIVITIES, "CAD,363,", "CAD,-363,", "-363 units moved, and the description is 'Transfer of 363 shares into"),
        (
            ACTIVITIES,
            "shares into the",
            "shares out of the",
            "363 units moved, and the description is 'Transfer of 363",
        ),
        (ACTIVITIES, ",,30,,,", ",,31,,,", "no whole ratio, so a part was paid in cash"),
        (ACTIVITIES, ",,3.3333,,,", ",,33.3333,,,", "no whole ratio"),
        (ACTIVITIES, ",,3.3333,,,", ",,1.6667,,,", "a split of 1 for 20, and a row before says 1 for 10"),
        (ACTIVITIES, ",,3.3333,,,", ",,-3.3333,,,", "a split of 33.333 units into -3.3333; both must be above 0"),
        (ACTIVITIES, "ACME: 3 for 1", "ACME: three for one", "SPLIT: a company action, told without its ratio"),
        (ACTIVITIES, "AA1CAD,TFSA,Fee", ",TFSA,Fee", "account_id is empty"),
        (ACTIVITIES, "MoneyMovement,EFT", "MoneyMovement,MAGIC", "with activity_sub_type 'MAGIC' of 5000 is not known"),
        (STATEMENT, "at $40.02", "at $4.002", "1.5000 units at 4.002 are 6.0030000, and the amount is 60.03"),
        (STATEMENT, "Sold 1.5000", "Bought 1.5000", "it must be as `XEQT - A fund: Sold 1.5000 shares"),
        (STATEMENT, '"0.0","444.03","FUND.A"', '"1.0","444.03","FUND.A"', "LOAN with an amount of 1.0"),
        (STATEMENT, "Subscription", "S" * 400, "its words are"),
        (STATEMENT, '"-560.0"', '"560.0"', "amount of a BUY was -560.0; it must be above 0"),
    ],
)
def test_a_row_that_contradicts_itself_is_not_understood(text, old, new, reason):
    """Each fault becomes words, and no row is lost."""
    changed = text.replace(old, new, 1)
    assert changed != text

    found = [words for words in why(changed).values() if reason in words]

    assert found, why(changed)
    assert statement_of(changed).row_count == statement_of(text).row_count


@pytest.mark.parametrize("text", [ACTIVITIES, EARLY, STATEMENT])
def test_no_row_is_lost(text):
    """Rows understood, not understood and aside are all that a plain count finds."""
    found = statement_of(text)

    lines = (
        [one.row.line for one in found.rows] + [one.line for one in found.unread] + [one.line for one in found.asides]
    )
    assert sorted(lines) == list(range(2, len(list(csv.reader(io.StringIO(text)))) + 1))


@pytest.mark.parametrize("text", [ACTIVITIES, STATEMENT])
def test_a_longer_export_brings_only_its_new_rows(text):
    """Whatever was added before or after; equal rows stay two, and a balance is no part of a key."""
    lines = text.splitlines(keepends=True)
    short = "".join([lines[0], *lines[3:10]]).replace('"444.0', '"9444.0')

    first, second = overlaps([statement_of(short), statement_of(text)])

    assert (second.conflicts, len(second.known)) == ((), len(first.new))
    assert len(first.new) + len(second.new) == len(statement_of(text).rows)
    assert statement_of(ACTIVITIES).duplicates == 1
