"""Wealthsimple's activities export (CSV): trades, dividends, cash, conversions and transfers of several accounts.

The columns and words are those that public importers and their tests read (of 2024 to 2026, under three headings that differ in
how they name the day and in whether they have a time and a description). `currency` is that of the row's amounts: a trade that
was converted tells its price in it too. A consolidation is two rows: the old units out, the new ones in.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Literal

from adapters.statements.checked import before_fees, check_product, positive
from adapters.statements.opened import (
    Collected,
    Opened,
    Record,
    RowError,
    first_row,
    lines_of,
    named_columns,
    readable,
    record_of,
)
from adapters.statements.splits import Splits, whole_ratio
from core.domain.statement import (
    Aside,
    CashTransfer,
    ConversionLeg,
    Deposit,
    Dividend,
    Event,
    Fee,
    Interest,
    Money,
    Named,
    Statement,
    StatementRow,
    StockSplit,
    Trade,
    UnitsTransfer,
    Withdrawal,
    Withholding,
)

BROKER = "wealthsimple"
_COLUMNS = {"account_id", "activity_type", "activity_sub_type", "symbol", "currency", "quantity", "net_cash_amount"}
_DAYS = ("transaction_date", "effective_date")
_FOOT = re.compile(r"(?:As of|Exported on) [0-9]{4}-[0-9]{2}-[0-9]{2}.*")
_SIDES: dict[str, Literal["BUY", "SELL"]] = {"BUY": "BUY", "DRIP": "BUY", "SELL": "SELL"}
_OPTIONS = ("BTO", "BTC", "STO", "STC")
_INTEREST = ("Interest", "InterestCharged")
_TAXES = ("Tax", "NonResidentTax")
_CASH = ("Dividend", "Fee", *_INTEREST, *_TAXES)
_UNITS = ("SecurityTransfer", "InternalSecurityTransfer")
_COST = ("ReturnOfCapital", "NonCashDistribution", "StockDividend", "OptionExercise", "ListingSwap")
# Between accounts of the same owner, and to or from outside. Both forms of the broker's files use these codes.
_OWN = ("TRANSFER", "TRFIN", "TRFOUT", "TRFINTF", "TRFOUTTF")
_OUTSIDE = (
    *("EFT", "EFTOUT", "E_TRFIN", "E_TRFOUT", "AFT_IN", "AFT_OUT", "P2P_IN", "P2P_OUT", "SPEND"),
    *("CONT", "CONTRIBUTION", "DEP", "DEPOSIT", "GRANT", "WD", "WDL", "WITHDRAWAL"),
)
_RATIO = re.compile(r"\S+: (?P<new>[1-9][0-9]{0,3}) for (?P<old>[1-9][0-9]{0,3})")
# Units are told with four decimals; a consolidation of a part of one is off by no more.
_UNITS_LEAST = Decimal("0.0001")
_HALVES = 2


def recognises(file: Opened) -> bool:
    """Say whether the first row is this export's heading."""
    names = set(first_row(file))
    return names >= _COLUMNS and any(day in names for day in _DAYS)


def read(file: Opened) -> Statement:
    """Read the export; raises StatementError where the file as a whole cannot be read."""
    rows = list(lines_of(file))
    names, collected = named_columns(rows[0][1]), Collected()
    actions = _Actions(_consolidations(readable(file)))
    for line, cells in rows[1:]:
        if len(cells) == 1 and _FOOT.fullmatch(cells[0]):
            collected.asides.append(Aside(line, "when the file was made"))
        else:
            collected.add(line, cells, partial(_read_cells, actions, line, cells, names))
    return collected.statement(BROKER)


def movement(code: str, money: Money) -> Event | None:
    """Give what moves cash alone: from or to outside, or another account of the same owner; None for any other code."""
    if code in _OWN and money.amount:
        return CashTransfer(money)
    if code not in _OUTSIDE or not money.amount:
        return None
    return Deposit(money) if money.amount > 0 else Withdrawal(Money(-money.amount, money.currency))


class _Actions:
    """The company actions of a file."""

    def __init__(self, consolidations: Mapping[int, Sequence[Decimal]]) -> None:
        self._consolidations = consolidations
        self._splits = Splits()

    def row(self, record: Record, day: date) -> StatementRow | Aside:
        """Read a split or a part of a consolidation; any other is told without what the ledger needs. Raises RowError."""
        code, named = record.get("activity_sub_type"), Named(record.needed("symbol"))
        moved = self._consolidations.get(record.line, ())
        told = _RATIO.fullmatch(record.get("description"))
        if code == "CONSOLIDATION":
            if len(moved) != _HALVES:
                raise RowError(
                    f"a consolidation in {len(moved)} rows; it must be the old units out and the new ones in"
                )
            return self._splits.row(
                record.line, day, StockSplit(named, *whole_ratio(-min(moved), max(moved), _UNITS_LEAST))
            )
        if code == "SPLIT" and told is not None:
            return self._splits.row(record.line, day, StockSplit(named, int(told["new"]), int(told["old"])))
        raise RowError(f"{code}: a company action, told without its ratio; book it by hand")


def _read_cells(actions: _Actions, line: int, cells: Sequence[str], names: Sequence[str]) -> StatementRow | Aside:
    record = record_of(line, cells, names)
    day = _day(record)
    if record.needed("activity_type") == "CorporateAction":
        return actions.row(record, day)
    moment = " ".join(filter(None, (day.isoformat(), record.get("effective_time"))))
    account, event = record.needed("account_id"), _event(record)
    return event if isinstance(event, Aside) else StatementRow(line, day, event, account=account, moment=moment)


def _day(record: Record) -> date:
    return record.day(next((name for name in _DAYS if record.get(name)), _DAYS[0]), "%Y-%m-%d")


def _event(record: Record) -> Event | Aside:
    kind, code = record.needed("activity_type"), record.get("activity_sub_type")
    if kind == "Trade":
        return _trade(record, code)
    if record.number_or_zero("commission"):
        raise RowError(f"commission is {record.get('commission')} on {kind}, which has no place for it")
    symbol = record.get("symbol")
    if kind in _UNITS:
        return _transfer(record)
    if kind in _COST and symbol:
        raise RowError(f"{kind}: it changes units or their cost, and the row does not tell how; book it by hand")
    money = record.money("net_cash_amount", "currency")
    taken = Money(-money.amount, money.currency)
    if kind in _CASH and money.amount == 0:
        return Aside(record.line, f"{kind}: it moves nothing")
    if kind == "Dividend":
        return Dividend(Named(record.needed("symbol")), money)
    if kind in _INTEREST:
        return Interest(money)
    if kind in _TAXES:
        if not symbol:
            raise RowError("tax that does not say on which dividend it is; book it with that dividend")
        return Withholding(Named(symbol), taken)
    if kind in ("Fee", "ListingSwap"):
        return Fee(taken, Named(symbol) if symbol else None)
    if kind == "FxExchange":
        return ConversionLeg(money)
    found = movement(code, money) if kind == "MoneyMovement" else None
    if found is None:
        raise RowError(f"activity_type {kind!r} with activity_sub_type {code!r} of {money.amount} is not known")
    return found


def _trade(record: Record, code: str) -> Trade:
    side = _SIDES.get(code)
    if side is None:
        why = "an option: the row does not tell how many units a contract has" if code in _OPTIONS else "not known"
        raise RowError(f"activity_sub_type of a trade was {code!r}: {why}")
    quantity, net = record.number("quantity"), record.money("net_cash_amount", "currency")
    if side == "BUY" and quantity < 0:
        raise RowError(f"a BUY of {quantity} units: the signs contradict each other")
    total = Money(positive(net.amount if side == "SELL" else -net.amount, f"net_cash_amount of a {side}"), net.currency)
    fee = record.number_or_zero("commission")
    fees = (Money(positive(fee, "commission"), net.currency),) if fee else ()
    amount = before_fees(total, fees, side)
    price, units = Money(record.number("unit_price"), net.currency), positive(abs(quantity), "quantity")
    product = units * price.amount
    check_product(units, price.amount, amount.amount)
    if fee and abs(product - amount.amount) > abs(product - total.amount):
        raise RowError(f"{units} units at {price.amount} are {total.amount} without the commission of {fee}")
    return Trade(side, Named(record.needed("symbol")), units, amount, fees, price)


def _transfer(record: Record) -> UnitsTransfer:
    """Read units moved in kind; what stands as an amount is what they were worth, and no cash."""
    quantity, words = record.number("quantity"), record.get("description")
    if quantity == 0 or (" out of " in words and quantity > 0) or (" into " in words and quantity < 0):
        raise RowError(f"{quantity} units moved, and the description is {words!r}: they contradict each other")
    return UnitsTransfer(Named(record.needed("symbol")), quantity)


def _consolidations(records: Iterable[Record]) -> dict[int, Sequence[Decimal]]:
    """Give for each row of a consolidation the units that it moves in its account; unreadable rows are left out."""
    pairs: dict[tuple[str, ...], list[tuple[int, Decimal]]] = {}
    for record in records:
        if (record.get("activity_type"), record.get("activity_sub_type")) != ("CorporateAction", "CONSOLIDATION"):
            continue
        key = (record.get("account_id"), *(record.get(name) for name in _DAYS), record.get("symbol"))
        with contextlib.suppress(RowError):
            pairs.setdefault(key, []).append((record.line, record.number("quantity")))
    return {line: [units for _, units in pair] for pair in pairs.values() for line, _ in pair}
