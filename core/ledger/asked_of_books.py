"""What the books ask the checking door: their entries and booked facts as its facts, with closes and rates of the day.

The door's account is the book (or the part of an account that belongs to none). A fill that the broker converted is a trade
paid in the base that says what it was worth in the instrument's currency: its cost is what was paid, to the penny. Units
follow a split by its ratio; what the broker's step cut off is cash in lieu of nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil
from typing import Any

from core.canonical import plain_decimal
from core.domain.booked import BookedFact
from core.domain.instrument import InstrumentId
from core.domain.posting import Entry, effective_order, standing_entries
from core.ledger import question as asked
from core.ledger.booked import DIGITS, fact_of
from core.ledger.equity import Rates
from core.ledger.question import AnyFact, Ask, Method, Price, Question, QuestionError, Rate
from core.money import share_of, split_ratio

ZERO = Decimal(0)
BOOKED = "booked_fact:"
_WHOLE_MAX, _DENOMINATOR_MAX = 1_000_000, 1000
_Split = tuple[InstrumentId, date]
_Where = tuple[str, str, str]
_InInstrument = asked.Buy | asked.Sell | asked.CashInLieu | asked.Opening | asked.ExcessIncome


class BooksDiffer(ValueError):
    """The facts of the books come to other units or cash than their postings; says of which book, of what, and by how much."""


@dataclass(frozen=True)
class Known:
    """What the books of one world know: their entries, each with the instant it was recorded, and the facts booked."""

    entries: Sequence[tuple[Entry, datetime]]
    booked: Sequence[BookedFact] = ()

    def counted(self, ask: Ask) -> list[tuple[Entry, datetime]]:
        """Give the entries that were known at a moment and count by a day, in effective order."""
        mine = [one for one in self.entries if one[1] <= ask.known_at and one[0].session <= ask.as_of]
        return sorted(mine, key=lambda one: effective_order(one[0]))


@dataclass(frozen=True)
class Quoted:
    """What the market said: closes, rates of each currency for one unit of the base, splits, and instruments' currencies."""

    base: str
    prices: Sequence[Price] = ()
    rates: Mapping[str, Rates] = field(default_factory=dict)
    splits: Mapping[_Split, Decimal] = field(default_factory=dict)
    currencies: Mapping[InstrumentId, str] = field(default_factory=dict)
    source: str = "ecb"


def question_of(
    known: Known, quoted: Quoted, accounts: Sequence[asked.Account], ask: Ask, *, method: Method = "FIFO"
) -> Question:
    """Turn what the books know into a question to the checking door.

    Company actions count for all accounts of the question. Entries that rest on a booked fact are told by the fact itself.
    Raises QuestionError where a booked trade is in another currency than its instrument and the day has no rate.
    """
    with localcontext(prec=DIGITS):
        counted = [entry for entry, _ in known.counted(ask)]
        at = {entry.key: recorded for entry, recorded in known.entries}
        # Of later days too: what was taken back must be there for the correction that names it. The door leaves both out.
        facts = [part for entry, recorded in known.entries for part in _facts_of(entry, recorded)]
        currencies = {one.instrument: one.quote for one in facts if isinstance(one, asked.Buy)}
        split = {entry.key for entry, _ in known.entries if entry.kind == "SPLIT"}
        told = [one for one in (_without_split(fact_of(one), split) for one in known.booked) if one is not None]
        found = _Splits(quoted, currencies | dict(quoted.currencies), _told_splits(told, ask))
        facts += found.of(standing_entries(counted), at)
        facts += [_in_quote(fact, quoted) for fact in told]
    return Question.model_construct(
        accounts=tuple(accounts),
        method=method,
        facts=tuple(facts),
        prices=tuple(quoted.prices),
        fx=tuple(one for currency, rates in quoted.rates.items() for one in _rates(currency, rates, quoted.source)),
        ask=ask,
    )


def check_books(known: Known, ask: Ask, answer: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Hold the answer of the door against the postings: units and cash of each book that was asked for; raises BooksDiffer."""
    sums = posted_sums([entry for entry, _ in known.counted(ask)])
    scope = ask.accounts or sorted({book for book, _, _ in sums})
    posted = {where: amount for where, amount in sums.items() if where[0] in scope and amount}
    told = {(row["account"], "units", row["instrument"]): row["quantity"] for row in answer["positions"]}
    told |= {(row["account"], "cash", row["currency"]): row["amount"] for row in answer["cash"]}
    off = [
        f"book {book} holds {plain_decimal(posted.get(where, ZERO))} {name} by its postings and"
        f" {plain_decimal(told.get(where, ZERO))} by its facts"
        for where in sorted(posted.keys() | told.keys())
        if posted.get(where, ZERO) != told.get(where, ZERO)
        for book, _, name in [where]
    ]
    if off:
        raise BooksDiffer(
            f"as of {ask.as_of}: {'; '.join(off)}; after a split or a late fact run `twokey settle --book NAME` of each book"
            " of the account, and book a split of what is in no book (docs/BOOKING.md); if that changes nothing `twokey audit"
            " verify`"
        )


def posted_sums(entries: Iterable[Entry]) -> dict[_Where, Decimal]:
    """Sum units and cash by book, exactly."""
    sums: dict[_Where, Decimal] = {}
    with localcontext(prec=DIGITS):
        for entry in entries:
            for posting in entry.postings:
                if posting.account in ("units", "cash"):
                    where = entry.book, posting.account, posting.commodity
                    sums[where] = sums.get(where, ZERO) + posting.amount
    return sums


# --- entries as facts -------------------------------------------------------------------------------------------------


def _facts_of(entry: Entry, at: datetime) -> Iterator[AnyFact]:
    if entry.evidence.startswith(BOOKED):
        return
    what: dict[str, Any] = {"key": entry.key, "effective": entry.session, "recorded": at, "account": entry.book}
    sums: dict[tuple[str, str], Decimal] = {}
    for posting in entry.postings:
        sums[posting.account, posting.commodity] = sums.get((posting.account, posting.commodity), ZERO) + posting.amount
    cash = next((name for account, name in sums if account == "cash"), "")
    match entry.kind:
        case "BUY" | "SELL":
            yield _fill(entry, what, sums, base=cash)
        case "DEPOSIT":
            yield asked.Deposit(kind="DEPOSIT", currency=cash, amount=sums["cash", cash], **what)
        case "WITHDRAW":
            yield asked.Withdraw(kind="WITHDRAW", currency=cash, amount=-sums["cash", cash], **what)
        case "DIVIDEND":
            paid: dict[str, Any] = {
                "currency": cash,
                "amount": -sums["dividend", cash],
                "withheld": sums["withholding", cash],
            }
            if entry.instrument is None:
                yield asked.Interest(kind="INTEREST", **paid, **what)
            else:
                yield asked.Dividend(kind="DIVIDEND", instrument=entry.instrument, **paid, **what)
        case "SPLIT":
            pass
        case _:
            raise ValueError(
                f"entry {entry.key} is a {entry.kind} and rests on {entry.evidence}; only a booked fact says that"
            )


def _fill(
    entry: Entry, what: dict[str, Any], sums: Mapping[tuple[str, str], Decimal], *, base: str
) -> asked.Buy | asked.Sell:
    """Give a fill as a trade in what it was paid in, with what it was worth in the instrument's currency."""
    quote = next((name for account, name in sums if account == "trade" and name != entry.instrument), base)
    trade: dict[str, Any] = {
        "instrument": entry.instrument,
        "quantity": abs(sums["units", entry.instrument or ""]),
        "currency": base,
        "amount": abs(sums["trade" if quote == base else "conversion", base]),
        "fee": sums.get(("fee", base), ZERO),
    }
    if quote != base:
        trade |= {"quote_currency": quote, "quote_amount": abs(sums["trade", quote])}
    if entry.kind == "BUY":
        return asked.Buy(kind="BUY", **trade, **what)
    return asked.Sell(kind="SELL", **trade, **what)


# --- booked facts in the currency of what they trade ------------------------------------------------------------------


def _without_split(fact: AnyFact, split: Collection[str]) -> AnyFact | None:
    """Leave out that an entry of a split was taken back: the split is told by the entries that stand."""
    return fact.replacement if isinstance(fact, asked.Correction) and fact.reverses in split else fact


def _in_quote(fact: AnyFact, quoted: Quoted) -> AnyFact:
    """Give a booked fact that was told in another currency with its worth in its instrument's, at the rate of the day."""
    if isinstance(fact, asked.Correction):
        new = fact.replacement
        return fact if new is None else fact.model_copy(update={"replacement": _in_quote(new, quoted)})
    currency = quoted.currencies.get(fact.instrument or "") if isinstance(fact, _InInstrument) else None
    if not isinstance(fact, _InInstrument) or currency is None or currency == fact.currency:
        return fact
    day = (fact.acquired if isinstance(fact, asked.Opening) else None) or fact.effective
    numbers = _rate_on(quoted, currency, day, fact), _rate_on(quoted, fact.currency, day, fact)
    match fact:
        case asked.Opening():
            return fact.model_copy(update={"currency": currency, "cost": share_of(fact.cost or ZERO, *numbers)})
        case asked.ExcessIncome():
            return fact.model_copy(update={"currency": currency, "amount": share_of(fact.amount, *numbers)})
        case _ if fact.quote_currency is not None:
            return fact
        case _:
            amount = fact.amount if isinstance(fact, asked.CashInLieu) else fact.consideration
            worth = share_of(amount, *numbers)
            return fact.model_copy(update={"quote_currency": currency, "quote_amount": worth})


def _rate_on(quoted: Quoted, currency: str, day: date, fact: asked.Fact) -> Decimal:
    if currency == quoted.base:
        return Decimal(1)
    try:
        return quoted.rates.get(currency, Rates(quoted.base, (), ())).on(day)
    except ValueError as error:
        words = f"{error} from {quoted.base} to {currency}; ingest the fixings of that time"
        raise QuestionError(f"fact {fact.key!r}: {words}") from error


# --- splits -----------------------------------------------------------------------------------------------------------


def _told_splits(told: Iterable[AnyFact], ask: Ask) -> dict[_Split, Fraction]:
    """Give the ratio of each split that a person told of, as it was known."""
    known = [one for one in told if one.recorded <= ask.known_at]
    gone = {one.reverses for one in known if isinstance(one, asked.Correction)}
    inner = [one.replacement if isinstance(one, asked.Correction) else one for one in known]
    return {
        (one.instrument, one.effective): Fraction(one.new, one.old)
        for one in inner
        if isinstance(one, asked.Split) and one.key not in gone
    }


@dataclass(frozen=True)
class _Splits:
    """The splits that books posted as the clean set told them; `told` are those that a person booked, for all books."""

    quoted: Quoted
    currencies: Mapping[InstrumentId, str]
    told: Mapping[_Split, Fraction]

    def of(self, entries: Sequence[Entry], at: Mapping[str, datetime]) -> Iterator[AnyFact]:
        """Give each, once for all books, and what a book's step cut off as cash in lieu of nothing."""
        books: dict[_Split, dict[str, list[Entry]]] = {}
        for entry in entries:
            if entry.kind == "SPLIT" and entry.instrument and not entry.evidence.startswith(BOOKED):
                books.setdefault((entry.instrument, entry.session), {}).setdefault(entry.book, []).append(entry)
        for where, posted in books.items():
            before = {book: _units_before(entries, found[0]) for book, found in posted.items()}
            after = {
                book: before[book] + sum((_units(one, where[0]) for one in found), ZERO)
                for book, found in posted.items()
            }
            made = [(before[book], after[book]) for book in posted]
            known = {book: min(at[one.key] for one in found) for book, found in posted.items()}
            new, old = self._ratio(where, made).as_integer_ratio()
            what: dict[str, Any] = {"instrument": where[0], "effective": where[1]}
            key = f"SPLIT-{where[1]:%Y%m%d}-{where[0]}"
            if where not in self.told:
                yield asked.Split(kind="SPLIT", key=key, recorded=min(known.values()), new=new, old=old, **what)
            for book, left in after.items():
                over = share_of(before[book], Decimal(new), Decimal(old)) - left if before[book] > 0 else ZERO
                # No step is a unit or more: what lacks more follows another ratio, or is still to be posted.
                if ZERO < over < 1:
                    own: dict[str, Any] = {
                        "key": f"{key} left over in {book}",
                        "recorded": known[book],
                        "account": book,
                    }
                    money: dict[str, Any] = {"kept": left, "currency": self.currencies[where[0]], "amount": ZERO}
                    yield asked.CashInLieu(kind="CASH_IN_LIEU", **own, **money, **what)

    def _ratio(self, where: _Split, made: Sequence[tuple[Decimal, Decimal]]) -> Fraction:
        """Give what a person told, else what the clean set did, else the simplest."""
        if where in self.told:
            return self.told[where]
        stated = self.quoted.splits.get(where)
        return (split_ratio(stated) if stated is not None else _simplest(made)).limit_denominator(_WHOLE_MAX)


def _units_before(entries: Iterable[Entry], split: Entry) -> Decimal:
    """Give what a book held before a split of its day."""
    moment = effective_order(split)
    mine = (one for one in entries if one.book == split.book and effective_order(one) < moment)
    return sum((_units(one, split.instrument or "") for one in mine), ZERO)


def _units(entry: Entry, name: InstrumentId) -> Decimal:
    return sum((one.amount for one in entry.postings if (one.account, one.commodity) == ("units", name)), ZERO)


def _simplest(made: Sequence[tuple[Decimal, Decimal]]) -> Fraction:
    """Find the simplest ratio that makes of each book's units those that it has, the cut to the broker's step aside."""
    least, below = Fraction(0), None
    for before, after in made:
        if before > 0:
            step = Fraction(1, 10 ** max(0, -int(after.as_tuple().exponent)))
            least = max(least, Fraction(after) / Fraction(before))
            most = (Fraction(after) + step) / Fraction(before)
            below = most if below is None else min(below, most)
    for old in range(1, _DENOMINATOR_MAX + 1):
        new = max(1, ceil(least * old))
        if below is not None and Fraction(new, old) < below:
            return Fraction(new, old)
    return least.limit_denominator(_DENOMINATOR_MAX) if least > 0 else Fraction(1)


def _rates(currency: str, rates: Rates, source: str) -> Iterator[Rate]:
    for day, rate in zip(rates.days, rates.rates, strict=True):
        yield Rate.model_construct(date=day, from_currency=rates.base, to_currency=currency, rate=rate, source=source)
