"""The figures of a book as `positions` and `pnl` print them: a tree for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from core.audit.books import Books, cash_node, position_node
from core.audit.market import Market, close_node, policy_number, rate_node
from core.audit.tree import Node, derived, fact
from core.canonical import plain, plain_decimal, sha256_of
from core.domain.facts import Worth
from core.domain.instrument import InstrumentId
from core.domain.market import FxRate
from core.domain.panel import Panel
from core.domain.posting import Entry
from core.ledger.asked_of_books import Known, Quoted, question_of
from core.ledger.equity import Curve, Rates, extend_curve, rates_of, worth_of
from core.ledger.evaluate import evaluate
from core.ledger.figures import Holding, balances_told, figures_of, holdings_told
from core.ledger.question import Account, Ask
from core.money import to_pence

Answer = Mapping[str, Any]
Marked = tuple[InstrumentId, date]
# A figure of `pnl`: where it stands in the result, and what it is.
RESULTS: dict[str, tuple[str, str]] = {
    "capital": ("capital", "what was paid in or brought, less what was taken out"),
    "realised": ("realised", "what is gone brought, fees taken off, less what it cost, fees included"),
    "realised price": ("realised_price", "realised, less what the exchange rate made of it"),
    "realised fx": ("realised_fx", "what the exchange rate made of what is gone"),
    "unrealised": ("unrealised", "what is held is worth, less what it cost, fees included"),
    "unrealised price": ("unrealised_price", "unrealised, less what the exchange rate made of it"),
    "unrealised fx": ("unrealised_fx", "what the exchange rate made of what is held"),
    "income": ("income", "dividends and interest, after the tax withheld"),
    "income gross": ("gross", "dividends and interest, before the tax withheld"),
    "income withheld": ("withheld", "the tax withheld from dividends and interest"),
    "fees": ("fees", "fees of no trade"),
    "total": ("total", "equity less capital: realised + unrealised + income - fees"),
}
# Those that hang on what holdings are worth; the others are made of entries and rates alone.
AT_MARKS = ("unrealised", "unrealised price", "unrealised fx", "total")


@dataclass(frozen=True, eq=False)
class BookKept:
    """A book's results as the reports print them, and what they were made of.

    `books` are its entries that counted; `known` and `quoted` what the ledger's engine was asked of all books that hang
    together, `answer` what it said. `panels` are those of the holdings, that of the exchange first; `curve_rates` turn
    what the book trades in into its base.
    """

    name: str
    session: date | None
    books: Books
    market: Market
    known: Known
    quoted: Quoted
    accounts: Sequence[Account]
    ask: Ask
    answer: Answer
    worth: Worth | None
    panels: tuple[Panel, ...]
    curve_rates: Rates


class BookFigures:
    """What can be asked of a book: names with their values, and the tree of each."""

    def __init__(self, kept: BookKept) -> None:
        """Answer for a book's results."""
        self._kept, self._books = kept, kept.books
        self._held = holdings_told(kept.answer)
        self._closes: dict[Marked, Node] = {}

    def names(self) -> Mapping[str, Any]:
        """Give every name with its value, as the reports print it."""
        return {name: plain(value) for name, (value, _) in self._figures().items()}

    def tree(self, name: str) -> Node:
        """Give the tree of a name; raises KeyError for one that the book does not have."""
        value, make = self._figures()[name]
        return replace(make(value), name=f"{self._kept.name} {name}, closes of {self._kept.session}")

    def _figures(self) -> dict[str, tuple[Any, Callable[[Any], Node]]]:
        kept, found = self._kept, dict[str, tuple[Any, Callable[[Any], Node]]]()
        balances = {one.currency: one.amount for one in balances_told(kept.answer)}
        found["cash"] = (balances.get(kept.ask.base, Decimal(0)), partial(self._cash, kept.ask.base))
        for currency in balances:
            found[f"cash {currency}"] = (balances[currency], partial(self._cash, currency))
        for one in self._held:
            found[f"position {one.instrument}"] = (one.quantity, partial(self._position, one.instrument))
            found[f"position {one.instrument} value"] = (one.value, partial(self._value, one))
            rule = "what the lots that are left cost at the rates of their days, fees included, to the penny"
            pick = partial(_cost_of, instrument=one.instrument)
            found[f"position {one.instrument} cost"] = (one.cost_base, partial(self._asked, rule, pick, ()))
        figures = figures_of(kept.answer["pnl"])
        rule = "cash, and units x close of every holding, at the rates of the day, to the penny"
        found["equity"] = (
            figures.equity,
            partial(self._asked, rule, partial(_of_result, field="equity"), self._marked),
        )
        for name, (field, rule) in RESULTS.items():
            pick = partial(_of_result, field=field)
            marked = self._marked if name in AT_MARKS else ()
            found[f"pnl {name}"] = (getattr(figures, field), partial(self._asked, rule, pick, marked))
        if kept.worth is not None:
            found["drawdown"] = (kept.worth.drawdown, self._drawdown)
        return found

    def _cash(self, currency: str, value: Decimal) -> Node:
        return cash_node(replace(self._books, base=currency), value)

    def _position(self, name: InstrumentId, value: Decimal) -> Node:
        return position_node(self._books, name, value)

    def _value(self, held: Holding, value: Decimal | None) -> Node:
        """Give what a position is worth: its units at its close and the newest rate."""
        under, rule = [self._position(held.instrument, held.quantity)], "units x close, to the penny"
        if held.price_date is None or value is None:
            return replace(under[0], faults=(f"{held.instrument} has no value: {held.missing}",))
        under.append(self._mark(held.instrument, held.price_date))
        if held.currency != self._kept.ask.base:
            under.append(self._rates_of(held.currency))
            rule = "units x close / rate, to the penny"

        def again(units: Decimal, price: Decimal, *rates: Rates) -> Decimal:
            worth = units * price
            return to_pence(worth / rates[0].on(self._kept.ask.as_of) if rates else worth)

        return derived("value", value, rule, under, compute=again)

    def _asked(self, rule: str, pick: Callable[[Answer], Any], marked: Sequence[Marked], value: Any) -> Node:
        """Give a figure of the ledger's engine, which is asked again of what stands under it."""
        marks, rates = [self._mark(*one) for one in marked], self._rates

        def again(*values: Any) -> Any:
            closes, others = dict(zip(marked, values[: len(marks)], strict=True)), values[len(marks) :]
            return pick(self._answer_again(closes, others[: len(rates)], others[len(rates) :]))

        return derived("figure", value, rule, [*marks, *rates, *self._books.nodes], compute=again)

    def _answer_again(
        self, closes: Mapping[Marked, Decimal], rates: Sequence[Rates], entries: Sequence[Entry]
    ) -> Answer:
        """Ask the ledger's engine again: of entries posted again, closes cleaned again and rates crossed again."""
        kept = self._kept
        mine = {entry.key: entry for entry in entries}
        known = replace(kept.known, entries=[(mine.get(one.key, one), at) for one, at in kept.known.entries])
        quoted = replace(
            kept.quoted,
            prices=[
                one.model_copy(update={"price": closes.get((one.instrument, one.date), one.price)})
                for one in kept.quoted.prices
            ],
            rates=dict(zip(sorted(kept.quoted.rates), rates, strict=True)),
        )
        return evaluate(question_of(known, quoted, kept.accounts, kept.ask))

    @cached_property
    def _marked(self) -> list[Marked]:
        """Give what holdings are valued at: each instrument with the day of its close."""
        return [(one.instrument, one.price_date) for one in self._held if one.price_date is not None]

    def _mark(self, name: InstrumentId, session: date) -> Node:
        if (name, session) not in self._closes:
            self._closes[name, session] = close_node(self._on(name), name, session)
        return self._closes[name, session]

    @cached_property
    def _rates(self) -> list[Node]:
        return [self._rates_of(currency) for currency in sorted(self._kept.quoted.rates)]

    def _on(self, name: InstrumentId) -> Market:
        """Give the market with the panel of the calendar on whose days an instrument has bars."""
        panel = next((one for one in self._kept.panels if one.column(name) is not None), self._kept.market.panel)
        return replace(self._kept.market, panel=panel)

    def _rates_of(self, currency: str) -> Node:
        """Give the rates of a currency of all days that count, the newest of them down to its fixings."""
        kept, market = self._kept, self._kept.market
        rates = kept.quoted.rates[currency]
        fixings = fact(
            f"fixings of clean set {self._snapshot}",
            market.fixings,
            *market.rows,
            *market.files,
            text=f"{len(market.fixings)} fixings",
        )
        newest = [day for day in rates.days if day <= kept.ask.as_of][-1:]
        under = [fixings, *(self._newest(currency, day) for day in newest)]

        def again(told: Any, *_: FxRate) -> Rates:
            every = rates_of(told, kept.ask.base, currency)
            wanted = set(rates.days)
            pairs = [(day, rate) for day, rate in zip(every.days, every.rates, strict=True) if day in wanted]
            return Rates(kept.ask.base, tuple(day for day, _ in pairs), tuple(rate for _, rate in pairs))

        name, rule = f"rates of {currency} for one {kept.ask.base}", "the fixings of each day crossed through the euro"
        return derived(name, rates, rule, under, compute=again, origins=market.rows, text=_rates_text)

    def _newest(self, currency: str, day: date) -> Node:
        kept, rates = self._kept, self._kept.quoted.rates[currency]
        source = next((one.source for one in kept.market.fixings if one.day == day), "ecb")
        rate = FxRate(kept.ask.base, currency, rates.on(day), day, source)
        return rate_node(kept.market, rate, known_on=day + timedelta(days=1))

    @property
    def _snapshot(self) -> str:
        panel = self._kept.market.panel
        return "of nothing" if panel is None else panel.snapshot[:12]

    def _drawdown(self, value: Decimal) -> Node:
        kept, panel = self._kept, self._kept.panels[0]
        peak = kept.worth.peak_session if kept.worth is not None else None
        text = f"{len(panel.sessions)} sessions, content {panel.content_hash()[:12]}"
        bars = fact(f"bars of clean set {self._snapshot}", panel, *kept.market.rows, *kept.market.files, text=text)
        limit = policy_number(kept.market, "limits.drawdown_max")

        def again(bars: Panel, _: object, *entries: Entry) -> Decimal:
            return worth_of(extend_curve(Curve(), entries, bars, rates=kept.curve_rates)).drawdown

        rule = f"the flow-free index of {kept.session} over its highest, of {peak}, less one"
        return derived("drawdown", value, rule, [bars, limit, *self._books.nodes], compute=again)


def _cost_of(answer: Answer, *, instrument: InstrumentId) -> Decimal:
    held: dict[str, Holding] = {one.instrument: one for one in holdings_told(answer)}
    return held[instrument].cost_base


def _of_result(answer: Answer, *, field: str) -> Any:
    return getattr(figures_of(answer["pnl"]), field)


def _rates_text(rates: Rates) -> str:
    told = sha256_of([[day, rate] for day, rate in zip(rates.days, rates.rates, strict=True)])
    last = f"{plain_decimal(rates.rates[-1])} of {rates.days[-1]}, " if rates.days else ""
    return f"{last}{len(rates.days)} days, sha256 {told}"
