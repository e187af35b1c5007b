"""What the ledger's benchmark computes on: fills of a hundred instruments over ten years, as each reader wants them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from core.domain.confirmation import Fill
from core.domain.posting import Entry
from core.ledger.post import post_fill

SEED = 20240206
INSTRUMENTS, DAYS, UNITS_MOST = 100, 3650, 3000
FIRST = date(2011, 1, 3)
KNOWN_AT = datetime(2030, 1, 1, tzinfo=UTC)
# A commission of a cent a unit: the cost of a unit ends after two decimals, whoever computes it.
COMMISSION = 1


class Row(NamedTuple):
    """A fill: whole units, a price in cents, and the commission in it."""

    number: int
    day: date
    instrument: str
    is_buy: bool
    units: int
    cents: int

    @property
    def key(self) -> str:
        """What tells it from others."""
        return f"F{self.number:07}"

    @property
    def side(self) -> str:
        """BUY or SELL."""
        return "BUY" if self.is_buy else "SELL"


def rows(count: int, instruments: int = INSTRUMENTS) -> list[Row]:
    """Give so many fills in order of days, as many sales as purchases, and no sale of what is not held."""
    dice = Random(SEED)
    days = sorted(dice.randrange(DAYS) for _ in range(count))
    held = [0] * instruments
    found = []
    for number, day in enumerate(days):
        at, units = dice.randrange(instruments), dice.randint(1, 200)
        is_buy = not held[at] or (held[at] <= UNITS_MOST and dice.random() < 0.5)
        units = units if is_buy else min(units, held[at])
        held[at] += units if is_buy else -units
        cents = round((20 + at) * 100 * (1 + dice.gauss(0, 0.02)))
        found.append(Row(number, FIRST + timedelta(days=day), f"S{at:03}", is_buy, units, cents))
    return found


def cents(amount: int) -> Decimal:
    """Give an amount of cents as money."""
    return Decimal(amount).scaleb(-2)


def entry(row: Row) -> Entry:
    """Give a fill as the books post it."""
    fill = Fill(
        key=row.key,
        book="main",
        venue="manual",
        evidence="bench",
        instrument=row.instrument,
        side="buy" if row.is_buy else "sell",
        quantity=Decimal(row.units),
        price=cents(row.cents),
        quote="GBP",
        base="GBP",
        fx_rate=Decimal(1),
        fee=cents(row.units * COMMISSION),
        session=row.day,
    )
    return post_fill(fill)


def question(found: Sequence[Row], method: str, prices: Sequence[dict[str, str]] = ()) -> str:
    """Give fills as a question to the checking door."""
    facts: list[dict[str, Any]] = [
        {
            "kind": row.side,
            "key": row.key,
            "effective": row.day.isoformat(),
            "recorded": "2025-01-01T00:00:00Z",
            "seq": row.number,
            "account": "a",
            "instrument": row.instrument,
            "quantity": str(row.units),
            "price": str(cents(row.cents)),
            "fee": str(cents(row.units * COMMISSION)),
            "currency": "GBP",
        }
        for row in found
    ]
    last = FIRST + timedelta(days=DAYS)
    ask = {"as_of": last.isoformat(), "known_at": KNOWN_AT.isoformat(), "base": "GBP"}
    asked = {"accounts": [{"id": "a"}], "method": method, "facts": facts, "prices": list(prices), "ask": ask}
    return json.dumps(asked)


def write_beancount(found: Sequence[Row], path: Path) -> None:
    """Write fills as beancount reads them: booked FIFO, the commission in the price of a unit, gains against income."""
    names = sorted({row.instrument for row in found})
    opened = "\n".join(f"2010-01-01 open Assets:Broker:{name}" for name in names)
    head = f'option "booking_method" "FIFO"\n2010-01-01 open Assets:Cash\n2010-01-01 open Income:Gains\n{opened}\n'
    path.write_text(head + "\n".join(_beancount(found)) + "\n", encoding="utf-8")


def _beancount(found: Sequence[Row]) -> Iterator[str]:
    for row in found:
        name = f"X{row.instrument}"
        account = f"Assets:Broker:{row.instrument}"
        if row.is_buy:
            cost = cents(row.cents + COMMISSION)
            legs = f"  {account}  {row.units} {name} {{{cost} GBP}}\n  Assets:Cash"
        else:
            got = cents((row.cents - COMMISSION) * row.units)
            legs = f"  {account}  -{row.units} {name} {{}}\n  Assets:Cash  {got} GBP\n  Income:Gains"
        yield f'{row.day} * "{row.key}"\n{legs}\n'


def write_ledger(found: Sequence[Row], path: Path) -> None:
    """Write fills as ledger and hledger read them: they tell positions, and match no lots."""
    lines = (
        f"{row.day} {row.key}\n    Assets:Broker:{row.instrument}  {row.units if row.is_buy else -row.units}"
        f' "X{row.instrument}" @ {cents(row.cents + (COMMISSION if row.is_buy else -COMMISSION))} GBP\n    Assets:Cash\n'
        for row in found
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
