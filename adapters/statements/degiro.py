"""DEGIRO's account overview (CSV), whose columns and words come in the customer's language: trades, fees, dividends, cash.

Its conversions are told side by side, each in a row; a trade's fee is a row of its own with the same order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Literal

from adapters.statements.checked import PENCE, agrees, positive
from adapters.statements.numbers import UNKNOWN, readings
from adapters.statements.opened import (
    Collected,
    Opened,
    Record,
    RowError,
    first_row,
    lines_of,
    named_columns,
    record_of,
    shown,
)
from core.domain.statement import (
    Aside,
    CashTransfer,
    ConversionLeg,
    Deposit,
    Dividend,
    Event,
    Fee,
    Money,
    Named,
    Statement,
    StatementRow,
    Trade,
    Withholding,
)

BROKER = "degiro"
# The columns by their place, for their names change with the language.
_DAY, _TIME, _PRODUCT, _ISIN, _WORDS, _CURRENCY, _AMOUNT, _ORDER = 0, 1, 3, 4, 5, 7, 8, 11
_WIDTH = 12
# The longest that DEGIRO writes is half of it; what may be cut in many ways is kept short.
_WORDS_MAX = 300
_TRADE = re.compile(
    r"(?P<verb>\w+) (?P<quantity>[0-9][0-9., \u00a0]*?)(?: [^@]*?)? ?@ ?(?P<price>[0-9][0-9.,]*) (?P<quote>[A-Z]{3})"
    r"(?: \([A-Z0-9]{12}\))?"
)
_BUYS = ("Koop", "Compra", "Achat", "Buy", "Kauf", "Acquisto")
_SELLS = ("Verkoop", "Venta", "Venda", "Vente", "Sell", "Verkauf", "Vendita")
_FEES = re.compile(
    r"DEGIRO Transactiekosten en/of kosten van derden|DEGIRO Transaction and/or third party fees"
    r"|Comissões de transação DEGIRO e/ou taxas de terceiros|Frais DEGIRO de courtage et/ou de parties tierces"
    r"|(?:DEGIRO Aansluitingskosten|Giro Exchange Connection Fee) [0-9]{4}.*|DEGIRO Corporate Action Kosten"
)
_DIVIDENDS = ("Dividend", "Dividende", "Dividendo")
_TAXES = ("Dividendbelasting", "Impôts sur dividende", "Dividend Tax")
_CONVERSIONS = (
    *(
        "Valuta Creditering",
        "Valuta Debitering",
        "FX Credit",
        "FX Debit",
        "Levantamento de divisa",
        "Crédito de divisa",
    ),
    *("Ingreso Cambio de Divisa", "Retirada Cambio de Divisa"),
)
_DEPOSITS = ("iDEAL Deposit", "Ingreso", "Deposit")
_SWEEP = "Degiro Cash Sweep Transfer"
_RESERVED = "Reservation iDEAL / Sofort Deposit"
_MIRRORED = re.compile(r"Overboeking (?:van|naar) uw geldrekening bij flatexDEGIRO Bank:? .*")


def recognises(file: Opened) -> bool:
    """Say whether the first row has this overview's columns: ISIN fifth, and two amounts whose columns have no name."""
    row = first_row(file)
    return (
        len(row) == _WIDTH and row[_ISIN] == "ISIN" and row[_AMOUNT] == row[_AMOUNT + 2] == "" and row[_CURRENCY] != ""
    )


def read(file: Opened) -> Statement:
    """Read the overview; raises StatementError where the file as a whole cannot be read."""
    rows = list(lines_of(file))
    names, collected = named_columns([f"column {number}" for number in range(_WIDTH)]), Collected()
    for number, (line, cells) in enumerate(rows[1:], start=1):
        rest = _rest_of_order(rows[number + 1][1]) if number + 1 < len(rows) else ""
        if _rest_of_order(cells) and number > 1:
            collected.asides.append(Aside(line, "the rest of the order's name in the row before"))
            continue
        whole = [*cells[:_ORDER], cells[_ORDER] + rest, *cells[_ORDER + 1 :]] if rest and len(cells) > _ORDER else cells
        collected.add(line, whole, partial(_row, line, whole, names))
    return collected.statement(BROKER)


def _rest_of_order(cells: Sequence[str]) -> str:
    """Give the end of an order's name that was broken into a row of its own; empty for any other row."""
    return cells[_ORDER] if len(cells) == _WIDTH and not any(cells[:_ORDER]) else ""


def _row(line: int, cells: Sequence[str], names: Sequence[str]) -> StatementRow | Aside:
    record = record_of(line, cells, names)
    day = record.day(f"column {_DAY}", "%d-%m-%Y")
    event = _event(record.line, cells)
    if isinstance(event, Aside):
        return event
    return StatementRow(record.line, day, event, moment=cells[_TIME], order=cells[_ORDER])


def _event(line: int, cells: Sequence[str]) -> Event | Aside:
    words = cells[_WORDS]
    if len(words) > _WORDS_MAX:
        raise RowError(f"its words are {len(words)} letters; they may be {_WORDS_MAX}")
    if words == _RESERVED:
        return Aside(line, "an amount reserved ahead of a deposit, or given back when it came")
    if _MIRRORED.fullmatch(words) and not cells[_AMOUNT]:
        return Aside(line, "says in words what the sweep beside it moves")
    trade = _TRADE.fullmatch(words)
    if trade is not None and trade["verb"] in (*_BUYS, *_SELLS):
        return _trade(trade, cells)
    moved = _money(cells)
    taken = Money(-moved.amount, moved.currency)
    if _FEES.fullmatch(words):
        return Fee(taken, Named(cells[_PRODUCT], cells[_ISIN]) if cells[_PRODUCT] else None)
    if words in _DIVIDENDS:
        return Dividend(_named(cells), moved)
    if words in _TAXES:
        return Withholding(_named(cells), taken)
    if words in _CONVERSIONS:
        return ConversionLeg(moved)
    if words == _SWEEP:
        return CashTransfer(moved)
    if words in _DEPOSITS:
        positive(moved.amount, "the amount of a deposit")
        return Deposit(moved)
    raise RowError(f"{words!r} is no kind of row that is known")


def _trade(found: re.Match[str], cells: Sequence[str]) -> Trade:
    """Read a trade; of two meanings of a number the one that comes to the row's amount is meant, if it is the only one."""
    side: Literal["BUY", "SELL"] = "BUY" if found["verb"] in _BUYS else "SELL"
    moved = _money(cells)
    amount = -moved.amount if side == "BUY" else moved.amount
    if amount <= 0:
        raise RowError(f"a {side} that moves {moved.amount} {moved.currency}; no price was paid")
    parts = _parts(found["quote"], moved.currency)
    pairs = [
        (quantity, price)
        for quantity, price in product(readings(found["quantity"]), readings(found["price"]))
        if quantity > 0 and agrees(amount, quantity * price / parts)
    ]
    if len(pairs) != 1:
        why = "no reading of the two comes to it" if not pairs else "more than one reading of the two comes to it"
        raise RowError(f"{found['quantity']} units at {found['price']} for {amount} {moved.currency}: {why}")
    ((quantity, price),) = pairs
    total = Money(amount, moved.currency)
    return Trade(side, _named(cells), quantity, total, (), Money(price, found["quote"]))


def _parts(quote: str, currency: str) -> Decimal:
    """Give how many units of the price make one of the amount; raises RowError where a rate would be needed."""
    if quote == currency:
        return Decimal(1)
    if (quote, currency) == ("GBX", "GBP"):
        return PENCE
    raise RowError(f"the price is in {quote} and the amount in {currency}, and the row tells no rate")


def _named(cells: Sequence[str]) -> Named:
    if not cells[_PRODUCT]:
        raise RowError(f"no product is named ({shown(cells)})")
    return Named(cells[_PRODUCT], cells[_ISIN])


def _money(cells: Sequence[str]) -> Money:
    record = Record(0, {"the amount": cells[_AMOUNT], "the currency": cells[_CURRENCY]})
    return Money(record.number("the amount", UNKNOWN), record.currency("the currency"))
