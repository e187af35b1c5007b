"""The figures of a book as `positions` and `pnl` print them: a tree for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from core.audit.books import Books, cash_node, mark_node, position_node
from core.audit.market import Market, policy_number, rate_node
from core.audit.tree import Node, derived, fact
from core.canonical import plain
from core.domain.facts import Worth
from core.domain.instrument import InstrumentId
from core.domain.market import FxRate
from core.domain.posting import Entry
from core.ledger.equity import Curve, Rates, extend_curve, worth_of
from core.ledger.positions import ProfitAndLoss, open_lots, profit_and_loss
from core.money import to_pence

ZERO = Decimal(0)
RESULTS = {
    "capital": "what was paid in, less what was taken out",
    "realised": "what the lots that were sold brought, fees taken off, less what they cost (FIFO, fees included)",
    "income": "dividends and other income, after the tax withheld",
}


@dataclass(frozen=True, eq=False)
class BookKept:
    """A book valued on a day, as the reports print it, and what that was made of.

    `marks` holds each holding's last close in the units held now, with its session; `fx` the rate that values them, None
    where nothing is held.
    """

    name: str
    books: Books
    market: Market
    as_of: date | None
    values: Mapping[InstrumentId, Decimal]
    result: ProfitAndLoss
    worth: Worth
    cash: Decimal
    units: Mapping[InstrumentId, Decimal]
    marks: Mapping[InstrumentId, tuple[date, Decimal]]
    fx: FxRate | None
    rates: Rates


class BookFigures:
    """What can be asked of a book: names with their values, and the tree of each."""

    def __init__(self, kept: BookKept) -> None:
        """Answer for a book as it was valued."""
        self._kept, self._books, self._market = kept, kept.books, kept.market

    def names(self) -> Mapping[str, Any]:
        """Give every name with its value, as the reports print it."""
        return {name: plain(value) for name, (value, _) in self._figures().items()}

    def tree(self, name: str) -> Node:
        """Give the tree of a name; raises KeyError for one that the book does not have."""
        return self._figures()[name][1]()

    def _figures(self) -> dict[str, tuple[Decimal, Callable[[], Node]]]:
        kept, found = self._kept, dict[str, tuple[Decimal, Callable[[], Node]]]()
        found["cash"] = (kept.cash, self._cash)
        for name in kept.units:
            found[f"position {name}"] = (kept.units[name], partial(self._position, name))
            found[f"position {name} value"] = (kept.values[name], partial(self._value, name))
        found["equity"] = (kept.worth.equity, self._equity)
        for part in RESULTS:
            found[f"pnl {part}"] = (getattr(kept.result, part), partial(self._result, part))
        found["pnl unrealised"] = (kept.result.unrealised, self._unrealised)
        found["drawdown"] = (kept.worth.drawdown, self._drawdown)
        return found

    def _called(self, figure: str) -> str:
        return f"{self._kept.name} {figure}, closes of {self._kept.as_of}"

    def _cash(self) -> Node:
        return cash_node(self._books, self._kept.cash)

    def _position(self, name: InstrumentId) -> Node:
        return position_node(self._books, name, self._kept.units[name])

    def _mark(self, name: InstrumentId) -> Node:
        session, price = self._kept.marks[name]
        return mark_node(self._market, self._books, name, kept=price, session=session)

    def _rate(self) -> Node:
        if self._kept.fx is None:
            return fact("exchange rate", None, *self._market.rows, rule="nothing is held that would need one")
        return rate_node(self._market, self._kept.fx, known_on=self._kept.fx.fixed_on + timedelta(days=1))

    def _value(self, name: InstrumentId) -> Node:
        under = [self._position(name), self._mark(name), self._rate()]
        return derived(
            self._called(f"value of {name}"),
            self._kept.values[name],
            "units x mark / rate, to the penny",
            under,
            compute=lambda units, price, fx: to_pence(fx.to_base(units * price)),
        )

    def _holdings(self) -> list[Node]:
        """Give, for each holding, its units and its mark; then the rate, where anything is held."""
        pairs = [node for name in self._kept.units for node in (self._position(name), self._mark(name))]
        return [*pairs, self._rate()] if pairs else []

    def _equity(self) -> Node:
        rule = "cash, and units x mark / rate of every holding; holdings together rounded to the penny"
        under = [self._cash(), *self._holdings()]
        return derived(
            self._called("equity"),
            self._kept.worth.equity,
            rule,
            under,
            compute=lambda cash, *held: cash + _value_of(*held),
        )

    def _result(self, part: str) -> Node:
        books = self._books

        def again(*_: Entry) -> Decimal:
            # In effective order: what is sold is matched with what was bought before.
            lots, _realised = open_lots(books.entries)
            nothing = dict.fromkeys((lot.instrument for lot in lots), ZERO)
            value: Decimal = getattr(profit_and_loss(books.entries, nothing, base=books.base), part)
            return value

        name = self._called(f"pnl {part}")
        return derived(name, getattr(self._kept.result, part), RESULTS[part], books.nodes, compute=again)

    def _unrealised(self) -> Node:
        books, held = self._books, self._holdings()

        def again(*values: Any) -> Decimal:
            lots, _ = open_lots(books.entries)
            return _value_of(*values[: len(held)]) - sum((lot.cost for lot in lots), ZERO)

        rule = "what the holdings are worth, less what the lots that are left cost (FIFO, fees included)"
        name = self._called("pnl unrealised")
        return derived(name, self._kept.result.unrealised, rule, [*held, *books.nodes], compute=again)

    def _drawdown(self) -> Node:
        kept, market = self._kept, self._market
        panel = market.panel
        assert panel is not None, "a book is valued with bars"

        def again(*_: object) -> Decimal:
            return worth_of(extend_curve(Curve(), self._books.entries, panel, rates=kept.rates)).drawdown

        text = f"{len(panel.sessions)} sessions, content {panel.content_hash()[:12]}"
        bars = fact(f"bars of clean set {panel.snapshot[:12]}", None, *market.rows, *market.files, text=text)
        limit = policy_number(market, "limits.drawdown_max")
        rule = f"the flow-free index of {kept.as_of} over its highest, of {kept.worth.peak_session}, less one"
        under = [*self._books.nodes, bars, limit]
        return derived(self._called("drawdown"), kept.worth.drawdown, rule, under, compute=again)


def _value_of(*held: Any) -> Decimal:
    """Give the worth of holdings, told as units, mark, units, mark, ... and the rate."""
    if not held:
        return ZERO
    *pairs, fx = held
    value = sum((units * price for units, price in zip(pairs[::2], pairs[1::2], strict=True)), ZERO)
    return to_pence(fx.to_base(value))
