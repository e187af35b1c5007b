"""Wealthsimple's monthly statement (CSV): what moved the cash of one account, with units in the words of a description.

The columns and words are those that public importers and their tests read. The file names no account: its name does.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Literal

from adapters.statements import wealthsimple
from adapters.statements.checked import agrees, positive
from adapters.statements.opened import Opened, Record, RowError, day_of, first_row, number_of, read_table
from core.domain.statement import (
    Aside,
    ConversionLeg,
    Dividend,
    Event,
    Fee,
    Interest,
    Money,
    Named,
    Statement,
    StatementRow,
    Trade,
    UnitsTransfer,
    Withholding,
)

BROKER = wealthsimple.BROKER
_COLUMNS = {"date", "transaction", "description", "amount", "balance", "currency"}
_WORDS_MAX = 300
_NAME = r"(?P<symbol>[A-Z0-9][A-Z0-9.]{0,19})(?: - [^:]+(?::[^:]+)*?)?: "
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TRADE = re.compile(
    _NAME + r"(?P<verb>Bought|Sold) (?P<units>[0-9][0-9.,]*) shares?(?: at \$(?P<price>[0-9][0-9.,]*) per share)?"
    rf"(?: \(executed at (?P<day>{_DAY})\))?(?:, FX Rate: (?P<rate>[0-9]+\.[0-9]+))?"
)
_PAID = re.compile(_NAME + r"Cash dividend distribution.*")
_TAX = re.compile(_NAME + r"Non[- ]resident tax withheld.*")
_IN_KIND = re.compile(
    _NAME + r"Transfer of (?P<units>[0-9][0-9.,]*) (?:shares?|[A-Z0-9]+) (?P<way>into|out of) the account.*"
)
_LENDING = ("LOAN", "RECALL")
_SIDES: dict[str, Literal["BUY", "SELL"]] = {"BUY": "BUY", "SELL": "SELL"}
_VERBS = {"BUY": "Bought", "SELL": "Sold"}
_INTEREST = ("INT", "FPLINT")
_CASH = ("DIV", "NRT", "FEE", *_INTEREST)
_ACTIONS = ("STKDIV", "STKDIS", "STKREORG", "ROC", "NCDIS")
_OPTIONS = ("BUYTOOPEN", "BUYTOCLOSE", "SELLTOOPEN", "SELLTOCLOSE")


def recognises(file: Opened) -> bool:
    """Say whether the first row is this statement's heading."""
    return set(first_row(file)) == _COLUMNS


def read(file: Opened) -> Statement:
    """Read the statement; raises StatementError where the file as a whole cannot be read."""
    return read_table(file, _row, BROKER)


def _row(record: Record) -> StatementRow | Aside:
    day, code, words = record.day("date", "%Y-%m-%d"), record.needed("transaction"), record.get("description")
    if len(words) > _WORDS_MAX:
        raise RowError(f"its words are {len(words)} letters; they may be {_WORDS_MAX}")
    if code in _LENDING:
        # The symbol stands under currency here.
        if record.number("amount"):
            raise RowError(f"{code} with an amount of {record.get('amount')}: lending moves no cash")
        return Aside(record.line, "units lent to others or given back: the account owns them all the same")
    if code in _SIDES:
        traded, trade = _trade(record, _SIDES[code], words)
        return StatementRow(record.line, traded or day, trade)
    event = _event(record, code, words)
    return event if isinstance(event, Aside) else StatementRow(record.line, day, event)


def _event(record: Record, code: str, words: str) -> Event | Aside:
    if code in _ACTIONS:
        raise RowError(f"{code}: it changes units or their cost, and the row does not tell how; book it by hand")
    if code in _OPTIONS:
        raise RowError(f"{code}: an option: the row does not tell how many units a contract has")
    money = record.money("amount", "currency")
    taken = Money(-money.amount, money.currency)
    if code in _CASH and money.amount == 0:
        return Aside(record.line, f"{code}: it moves nothing")
    if code == "DIV":
        return Dividend(_named(_PAID, words), money)
    if code == "NRT":
        return Withholding(_named(_TAX, words), taken)
    if code in _INTEREST:
        return Interest(money)
    if code == "FEE":
        return Fee(taken)
    if code == "FXCONVERSION":
        return ConversionLeg(money)
    moved = _IN_KIND.fullmatch(words)
    if moved is not None:
        units = positive(number_of(moved["units"], "units"), "units")
        return UnitsTransfer(Named(moved["symbol"]), units if moved["way"] == "into" else -units)
    found = wealthsimple.movement(code, money)
    if found is None:
        raise RowError(f"transaction {code!r} of {money.amount} is not known")
    return found


def _trade(record: Record, side: Literal["BUY", "SELL"], words: str) -> tuple[date | None, Trade]:
    """Read a trade, and the day on which it was made where the words tell it; the row's own is that of the booking."""
    found = _TRADE.fullmatch(words)
    if found is None or found["verb"] != _VERBS[side]:
        right = f"it must be as `XEQT - A fund: {_VERBS[side]} 1.5000 shares at $30.00 per share`"
        raise RowError(f"description was {words!r}; {right}")
    money, units = record.money("amount", "currency"), positive(number_of(found["units"], "units"), "units")
    amount = Money(positive(money.amount if side == "SELL" else -money.amount, f"amount of a {side}"), money.currency)
    price = None
    if found["price"] is not None:
        told = number_of(found["price"], "the price")
        rates = {Decimal(1), number_of(found["rate"], "FX Rate") if found["rate"] else Decimal(1)}
        fitting = [rate for rate in sorted(rates) if agrees(amount.amount, units * told * rate)]
        if not fitting:
            raise RowError(f"{units} units at {told} are {units * told}, and the amount is {amount.amount}")
        # At a rate, the price is in a currency that the row does not name.
        price = Money(told, amount.currency) if fitting[0] == 1 or not found["rate"] else None
    day = day_of(found["day"], "%Y-%m-%d", "executed at") if found["day"] else None
    return day, Trade(side, Named(found["symbol"]), units, amount, (), price)


def _named(form: re.Pattern[str], words: str) -> Named:
    found = form.fullmatch(words)
    if found is None:
        raise RowError(f"description was {words!r}: it does not begin with the symbol that it is of")
    return Named(found["symbol"])
