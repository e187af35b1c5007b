"""Exchange rates: a cross of two reference fixings, as known on a morning, or the reason why there is none."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from core.domain.bars import Fixing
from core.domain.instrument import Currency
from core.domain.market import FxRate
from core.gate import Gate, block, closed
from core.money import rate_of

EURO = "EUR"
ONE = Decimal(1)


def fx_rate(
    fixings: Sequence[Fixing], base: Currency, quote: Currency, *, known_on: date, age_days_max: int
) -> Gate[FxRate]:
    """Give units of `quote` for one `base`, crossed through the euro at the newest fixing known on a day's morning.

    `fixings` stand oldest first. A fixing is published in the afternoon, so one of day d counts from day d + 1. A rate
    older than `age_days_max` calendar days closes the gate but stays in it, for the words of a NO-TRADE ticket.
    """
    if base == quote:
        return Gate(FxRate(base, quote, ONE, known_on, "same currency"))
    fixed = _newest_fixed_before(fixings, {base, quote}, known_on)
    if fixed is None:
        message = f"no day before {known_on.isoformat()} has a fixing of both {base} and {quote}"
        return closed([block("fx", f"{base}{quote}", message)])
    rate = FxRate(base, quote, _cross(fixed, base, quote), fixed[0].day, fixed[0].source)
    age = (known_on - rate.fixed_on).days
    if age <= age_days_max:
        return Gate(rate)
    message = f"the newest {base}{quote} known on {known_on.isoformat()} is of {rate.fixed_on.isoformat()}"
    return Gate(
        rate, (block("fx", f"{base}{quote}", f"{message}: {age} days old; at most {age_days_max} are allowed"),)
    )


def _newest_fixed_before(
    fixings: Sequence[Fixing], currencies: set[Currency], before: date
) -> tuple[Fixing, ...] | None:
    """Walk back from the last day before a day to one on which all the currencies were fixed."""
    wanted = currencies - {EURO}
    of_day: dict[Currency, Fixing] = {}
    day: date | None = None
    for at in range(bisect_left(fixings, before, key=lambda fixing: fixing.day) - 1, -1, -1):
        fixing = fixings[at]
        if fixing.day != day:
            day, of_day = fixing.day, {}
        if fixing.currency in wanted:
            of_day[fixing.currency] = fixing
            if len(of_day) == len(wanted):
                return tuple(of_day.values())
    return None


def _cross(fixed: Sequence[Fixing], base: Currency, quote: Currency) -> Decimal:
    per_eur = {EURO: ONE} | {fixing.currency: fixing.per_eur for fixing in fixed}
    return rate_of(per_eur[quote], per_eur[base])
