"""Prices and rates of a question: the newest at or before a day, not older than allowed, and followed through splits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from core.ledger.question import Ask, Fact, Price, QuestionError, Rate, SpinOff, Split, SymbolChange
from core.money import share_of

ONE = Decimal(1)
Key = TypeVar("Key")


class NoQuote(ValueError):
    """There is no price or no rate to value with; says of what and when."""


@dataclass(frozen=True)
class Quote:
    """A price or a rate with the day and the source that it is from."""

    value: Decimal
    day: date
    source: str
    currency: str = ""


_Series = tuple[list[date], list[Quote]]


class Quotes:
    """Every price and rate of a question, each with the days on which it counts."""

    def __init__(self, prices: Sequence[Price], rates: Sequence[Rate], facts: Iterable[Fact], ask: Ask) -> None:
        self._ask = ask
        self._prices = _by_name((one.instrument, Quote(one.price, one.date, "prices", one.currency)) for one in prices)
        self._rates = _by_name(((one.from_currency, one.to_currency), _quote(one)) for one in rates)
        self._currencies = sorted({name for pair in self._rates for name in pair})
        changes = list(facts)
        self._splits = [one for one in changes if isinstance(one, Split)]
        self._spun = [one for one in changes if isinstance(one, SpinOff)]
        self._renamed = {one.to: one for one in changes if isinstance(one, SymbolChange)}
        self.price_days = sorted({one.date for one in prices})

    def price(self, instrument: str, day: date) -> Quote:
        """Give an instrument's price on a day, in units of that day; raises NoQuote."""
        found = _newest(self._prices.get(instrument), day)
        if found is not None and found.day == day:
            return found
        oldest = day - timedelta(days=self._ask.price_days_max)
        if found is not None and found.day >= oldest:
            self._refuse_spun(instrument, found.day, day)
            return Quote(self._followed(found, instrument, day), found.day, found.source, found.currency)
        renamed = self._renamed.get(instrument)
        if renamed is not None and oldest < renamed.effective <= day:
            before = self.price(renamed.instrument, renamed.effective - timedelta(days=1))
            if before.day >= oldest:
                self._refuse_spun(instrument, before.day, day)
                return Quote(self._followed(before, instrument, day), before.day, before.source, before.currency)
        last = f"the newest is of {found.day}" if found else "there is none before"
        raise NoQuote(f"no price of {instrument} from {oldest} to {day}; {last}")

    def rate(self, currency: str, into: str, day: date) -> Quote:
        """Give what one unit of a currency was worth in another on a day, over a third if need be; raises NoQuote."""
        if currency == into:
            return Quote(ONE, day, "same currency")
        found = self._direct(currency, into, day)
        if found is not None:
            return found
        for middle in self._currencies:
            first, second = self._direct(currency, middle, day), self._direct(middle, into, day)
            if first is not None and second is not None:
                source = f"{first.source} over {middle}"
                return Quote(share_of(first.value * second.value, ONE, ONE), min(first.day, second.day), source)
        oldest = day - timedelta(days=self._ask.rate_days_max)
        raise NoQuote(f"no rate from {currency} to {into} from {oldest} to {day}; give one of fx")

    def _direct(self, currency: str, into: str, day: date) -> Quote | None:
        oldest = day - timedelta(days=self._ask.rate_days_max)
        told = _newest(self._rates.get((currency, into)), day)
        turned = _newest(self._rates.get((into, currency)), day)
        if told is not None and told.day >= oldest and (turned is None or told.day >= turned.day):
            return told
        if turned is not None and turned.day >= oldest:
            return Quote(share_of(ONE, ONE, turned.value), turned.day, f"{turned.source}, turned round")
        return None

    def _followed(self, found: Quote, instrument: str, day: date) -> Decimal:
        """Turn a price of before a split into one of after it: a split changes no value."""
        value = found.value
        for split in self._splits:
            if split.instrument == instrument and found.day < split.effective <= day:
                value = share_of(value, Decimal(split.old), Decimal(split.new))
        return value

    def _refuse_spun(self, instrument: str, of: date, day: date) -> None:
        for one in self._spun:
            if one.instrument == instrument and of < one.effective <= day:
                raise NoQuote(f"the newest price of {instrument} is of {of}, before the spin-off of {one.effective}")


def check_quotes(quotes: Sequence[Price], rates: Sequence[Rate]) -> None:
    """Refuse two prices or two rates of one day that differ, and an instrument quoted in two currencies."""
    seen: dict[tuple[object, ...], Decimal] = {}
    currencies: dict[str, str] = {}
    told = [(("price of", one.instrument, one.date), one.price) for one in quotes]
    told += [(("rate of", f"{one.from_currency} to {one.to_currency}", one.date), one.rate) for one in rates]
    for name, value in told:
        if seen.setdefault(name, value) != value:
            raise QuestionError(f"{name[0]} {name[1]} on {name[2]}: {seen[name]} and {value}; there is one a day")
    for price in quotes:
        if currencies.setdefault(price.instrument, price.currency) != price.currency:
            raise QuestionError(
                f"price of {price.instrument} on {price.date}: the currency was {price.currency}; "
                f"others are in {currencies[price.instrument]}, and an instrument has one"
            )


def _quote(rate: Rate) -> Quote:
    return Quote(rate.rate, rate.date, rate.source)


def _by_name(rows: Iterable[tuple[Key, Quote]]) -> dict[Key, _Series]:
    found: dict[Key, list[Quote]] = {}
    for name, quote in rows:
        found.setdefault(name, []).append(quote)
    return {name: _series(quotes) for name, quotes in found.items()}


def _series(quotes: list[Quote]) -> _Series:
    """Give quotes by day, with their days beside them: a search in plain days is the quickest."""
    quotes.sort(key=lambda one: one.day)
    return [one.day for one in quotes], quotes


def _newest(series: _Series | None, day: date) -> Quote | None:
    if series is None:
        return None
    at = bisect_right(series[0], day)
    return series[1][at - 1] if at else None
