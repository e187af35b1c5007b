"""Small nouns for tests: a book of pounds that trades dollars, decided on a Monday morning as of the Friday before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from core.calendar import Calendar
from core.domain.bars import Basis, Fixing
from core.domain.case import Case
from core.domain.confirmation import Executed, Fill
from core.domain.decision import Decision
from core.domain.facts import AuditState, ReconciliationState, Standing, Worth
from core.domain.frame import Frame
from core.domain.holdings import Holdings, Position
from core.domain.instrument import Universe
from core.domain.market import FxRate, Mark, Prices
from core.domain.order import OrderLine, Proposal, Side, Target, TargetWeight
from core.domain.panel import Dividend, Panel
from core.domain.posting import CashFact
from core.domain.scores import Scores, ranked_scores
from core.domain.slot import AsOf, Run, Slot, Window
from core.domain.strategy import Ranking
from core.domain.ticket import IssuedTicket, Seal, Ticket, TicketLine
from core.ledger.equity import Rates
from core.quant.parameters import RankerParameters
from core.settings import Policy, StrategySettings
from tests.unit.market_data.making import universe
from tests.unit.shipped import policy

ZERO = Decimal(0)
AS_OF, DAY = date(2024, 6, 7), date(2024, 6, 10)
NOW = datetime(2024, 6, 10, 7, tzinfo=UTC)
WINDOW = Window(DAY, NOW.replace(hour=13, minute=35), NOW.replace(hour=14, minute=30))
CONFIRM_BY = WINDOW.closes_at + timedelta(hours=24)
HEAD = "2:ENTRY-2"
BASIS = Basis("split-adjusted", AS_OF)
ABCD = universe("AAA", "BBB", "CCC", "DDD", "SPY")
_CLOSED = (date(2024, 5, 27), date(2024, 6, 19))
_DAYS = tuple(date(2024, 5, 27) + timedelta(days=days) for days in range(26))
SESSIONS = tuple(day for day in _DAYS if day.weekday() < 5 and day not in _CLOSED)
CALENDAR = Calendar(
    name="XNYS",
    timezone="America/New_York",
    first=_DAYS[0],
    last=_DAYS[-1],
    sessions=SESSIONS,
    opens=tuple(datetime.combine(day, time(13, 30), UTC) for day in SESSIONS),
    closes=tuple(datetime.combine(day, time(20), UTC) for day in SESSIONS),
)
SHIPPED = policy()
# Momentum over three sessions without the last one, so that four sessions are enough, and four places. Prices may leap.
SHORT = policy(
    ("  jump_max: 1.4", "  jump_max: 100"),
    ("news_jump_max: 2.25", "news_jump_max: 100"),
    ("price_move_max: 0.40", "price_move_max: 100"),
    ("lookback_sessions: 252", "lookback_sessions: 3"),
    ("skip_sessions: 21", "skip_sessions: 1"),
    ("positions_max: 15", "positions_max: 4"),
)


def ruled(within: Policy = SHIPPED, **changes: Any) -> Policy:
    """Give a policy with numbers changed: `ruled(limits={"weight_max": "0.2"})`; a text stands for its decimal."""
    sections = {
        name: getattr(within, name).model_copy(update=_typed(getattr(within, name), change))
        for name, change in changes.items()
        if isinstance(change, dict)
    }
    return within.model_copy(update=_typed(within, changes) | sections)


def learning(within: Policy = SHIPPED, **changes: int | Decimal | str) -> Policy:
    """Give a policy whose strategy is the ranker, with its usual parameters and changes of them."""
    usual: dict[str, Any] = {
        field.name: Decimal(repr(field.default)) if isinstance(field.default, float) else field.default
        for field in fields(RankerParameters)
    }
    settings = StrategySettings(name="ranker", parameters=usual | {"features": "weekly"} | changes)
    return within.model_copy(update={"strategy": settings})


def _typed(section: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Decimal(value) if isinstance(getattr(section, name), Decimal) else value
        for name, value in changes.items()
    }


def fx(rate: str = "1.25") -> FxRate:
    """Give dollars for one pound; a rate of 1 is of one currency."""
    return FxRate("GBP", "GBP" if rate == "1" else "USD", Decimal(rate), AS_OF, "ecb")


def prices(marks: Mapping[str, str], *, rate: str = "1.25", session: date = AS_OF) -> Prices:
    """Give marks in dollars at the close of a session, and the rate."""
    return Prices(tuple(Mark(name, session, Decimal(price), str(BASIS)) for name, price in marks.items()), fx(rate))


# At the rate of 1.25 a unit of each is worth 100, 40, 20 and 8 pounds.
PRICES = prices({"AAA": "125", "BBB": "50", "CCC": "25", "DDD": "10"})


def holdings(units: Mapping[str, str] | None = None, cash: str = "0", head: str = HEAD) -> Holdings:
    """Give units held by instrument, and cash in pounds."""
    rows = tuple(Position(name, Decimal(quantity)) for name, quantity in sorted((units or {}).items()))
    return Holdings(rows, Decimal(cash), head)


def line(side: Side, instrument: str, quantity: str, **changes: Any) -> OrderLine:
    """Give an order line at the mark of `PRICES`, free of costs, with anything else changed."""
    price = Decimal(changes.get("price", PRICES.by_instrument()[instrument].price))
    quote = Decimal(quantity) * price
    fields: dict[str, Any] = {
        "line": 1,
        "effect": "open" if side == "buy" else "close",
        "order_type": "market",
        "limit_price": None,
        "stop_price": None,
        "worst_price": price * (Decimal("1.02") if side == "buy" else Decimal("0.98")),
        "time_in_force": "window",
        "notional": PRICES.fx.to_base(quote).quantize(Decimal("0.01")),
        "notional_quote": quote.quantize(Decimal("0.01")),
        "cost": ZERO,
    }
    decimals: dict[str, Any] = {
        name: Decimal(value) if isinstance(value, str) else value for name, value in changes.items()
    }
    fields |= {"price": price, **decimals}
    return OrderLine(instrument=instrument, side=side, quantity=Decimal(quantity), **fields)


def target(**weights: str) -> Target:
    """Give target weights, in the order in which they are named."""
    return Target(tuple(TargetWeight(name, Decimal(weight), "wanted") for name, weight in weights.items()))


def proposal(*lines: OrderLine, **changes: Any) -> Proposal:
    """Give a proposal of these lines for a book of 10,000 pounds."""
    numbered = tuple(replace(one, line=number) for number, one in enumerate(lines, start=1))
    whole = Proposal(Decimal(10_000), Target(()), numbered, (), None if lines else "tiny deltas", HEAD)
    return replace(whole, **changes)


def past(count: int = 64, *, closes: Mapping[str, Sequence[float]] | None = None, volume: float = 1e6) -> Panel:
    """Give bars of sessions up to as-of that end with the marks of `PRICES`, each moving a little and on its own.

    Some may close as they are told, in their last sessions.
    """
    days = np.arange(count)
    series = {
        mark.instrument: float(mark.price) * (1 + 0.001 * np.sin((days - days[-1]) * (1.7 + 0.6 * at)))
        for at, mark in enumerate(PRICES.marks)
    }
    for name, told in (closes or {}).items():
        series[name][count - len(told) :] = told
    sessions = tuple(day.astype(object) for day in np.busday_offset(np.datetime64(AS_OF, "D"), days - days[-1]))
    bars = panel(series, last=AS_OF, sessions=sessions)
    return replace(bars, volume=np.full_like(bars.close, volume))


@cache
def usual_past() -> Panel:
    """Give the bars that stand behind a case."""
    return past()


def case(*lines: OrderLine, **changes: Any) -> Case:
    """Give the case of these lines for a book that holds nothing but 10,000 pounds."""
    whole = Case(
        proposal=proposal(*lines),
        holdings=holdings(cash="10000"),
        prices=PRICES,
        universe=ABCD,
        as_of=AS_OF,
        venue="paper",
        capital_fraction=Decimal(1),
        panel=usual_past(),
    )
    return replace(whole, **changes)


def ranking(*names: str) -> Scores:
    """Give scores that rank instruments in the order named."""
    return ranked_scores("momentum", AS_OF, Ranking({name: float(-at) for at, name in enumerate(names)}))


def run(**changes: Any) -> Run:
    """Give the run of Monday's slot of the main book."""
    whole = Run(
        run_id="RUN-20240610-r1",
        slot=Slot("main", DAY, NOW),
        revision=1,
        as_of=AsOf(NOW, AS_OF),
        window=WINDOW,
        is_rehearsal=False,
        policy_hash="p" * 64,
        universe_hash="u" * 64,
        snapshot="s" * 64,
    )
    return replace(whole, **changes)


def frame(bound_by: Policy = SHIPPED, *, lists: Universe = ABCD, **changes: Any) -> Frame:
    """Give the frame of a run, with the run changed."""
    return Frame(run(**changes), bound_by, lists, CALENDAR)


def closed_day(bound_by: Policy = SHIPPED) -> Frame:
    """Give the frame of Monday's run on an exchange that is closed that day: there is no window."""
    others = [row for row, day in enumerate(SESSIONS) if day != DAY]
    opens, closes = (tuple(instants[row] for row in others) for instants in (CALENDAR.opens, CALENDAR.closes))
    calendar = replace(CALENDAR, sessions=tuple(SESSIONS[row] for row in others), opens=opens, closes=closes)
    return replace(frame(bound_by, window=None), calendar=calendar)


def standing(**changes: Any) -> Standing:
    """Give facts that open every standing gate: a book that held and was reconciled on Friday."""
    whole = Standing(
        now=NOW,
        audit=AuditState(7, "a" * 64, None),
        halts=(),
        policy_hash="p" * 64,
        universe_hash="u" * 64,
        unanswered=(),
        reconciliation=ReconciliationState(AS_OF, (), has_fills=True),
        holdings=holdings(cash="10000"),
        capital_fraction=Decimal(1),
    )
    return replace(whole, **changes)


def worth(drawdown: str = "0", equity: str = "10000") -> Worth:
    """Give a book's worth after a fall (a number <= 0)."""
    return Worth(Decimal(equity), Decimal(drawdown), date(2024, 3, 1))


def decision(*lines: OrderLine, **changes: Any) -> Decision:
    """Give a decision to trade these lines, or to hold when there are none."""
    whole = Decision("TRADE" if lines else "HOLD", () if lines else ("no rebalance due",), (), lines, (), ())
    return replace(whole, **changes)


def panel(closes: Mapping[str, Sequence[float]], *, last: date = AS_OF, **changes: Any) -> Panel:
    """Give a panel of flat bars that ends with a session; `opens` may differ, NaN is an absent bar."""
    names = tuple(sorted(closes))
    close = np.array([closes[name] for name in names], dtype=np.float64).T
    days = changes.pop("sessions", SESSIONS)
    stop = days.index(last) + 1
    opens = changes.pop("opens", closes)
    whole = Panel(
        sessions=np.array(days[stop - len(close) : stop], dtype="datetime64[D]"),
        instruments=names,
        open=np.array([opens[name] for name in names], dtype=np.float64).T,
        high=close.copy(),
        low=close.copy(),
        close=close,
        adj_close=changes.pop("adj_close", close.copy()),
        volume=np.full_like(close, 1e6),
        basis=(BASIS,) * len(names),
        provider=("yahoo",) * len(names),
        knowledge="assumed",
        snapshot="s" * 64,
    )
    return replace(whole, **changes)


def dividends(*rows: tuple[date, str, str]) -> tuple[Dividend, ...]:
    """Give dividends from ex-date, instrument and amount a unit."""
    return tuple(Dividend(session, name, Decimal(amount)) for session, name, amount in rows)


def fixings(days: Iterable[date], *, gbp: str = "0.8", usd: str = "1") -> tuple[Fixing, ...]:
    """Give the same fixings on some days; a pound is worth 1.25 dollars unless said."""
    return tuple(Fixing(day, name, Decimal(value)) for day in days for name, value in (("GBP", gbp), ("USD", usd)))


def rates(by_day: Mapping[date, str] | None = None) -> Rates:
    """Give dollars for one pound by day; 1.25 on every day unless said."""
    told = by_day or {date(2024, 1, 1): "1.25"}
    return Rates("GBP", tuple(told), tuple(Decimal(rate) for rate in told.values()))


def ticket_line(number: int, side: Side, instrument: str, quantity: str, **changes: Any) -> TicketLine:
    """Give a line of a ticket at the mark of `PRICES`."""
    wanted = line(side, instrument, quantity)
    whole = TicketLine(
        line=number,
        instrument=instrument,
        search_name=instrument,
        is_verified=False,
        side=side,
        effect=wanted.effect,
        quantity=wanted.quantity,
        currency="USD",
        value=wanted.notional,
        value_quote=wanted.notional_quote,
        order_type="market",
        limit_price=None,
        stop_price=None,
        decision_price=wanted.price,
        worst_price=wanted.worst_price,
        expected_cost=ZERO,
        expected_cash_after=Decimal(9000),
    )
    return replace(whole, **changes)


def ticket(*lines: TicketLine, **changes: Any) -> Ticket:
    """Give a ticket of these lines for a person to execute, or one that says to hold when there are none."""
    whole = Ticket(
        ticket_id="TICKET-20240610",
        kind="TRADE" if lines else "HOLD",
        book="main",
        account="etoro",
        venue="manual",
        slot="20240610",
        revision=1,
        day=DAY,
        as_of=AS_OF,
        base="GBP",
        window=WINDOW,
        expires_at=WINDOW.closes_at,
        confirm_by=CONFIRM_BY,
        reasons=() if lines else ("no rebalance due",),
        gates=(),
        lines=lines,
        refused=(),
        left_undone=(),
        notes=(),
        equity=Decimal(10_000),
        cash=Decimal(10_000),
        fx="1.25 USD for 1 GBP, fixed 2024-06-07 (ecb)",
        fx_rate=Decimal("1.25"),
        basis=str(BASIS),
        knowledge="recorded",
        policy_hash="p" * 64,
        universe_hash="u" * 64,
        is_synthetic=False,
        is_rehearsal=False,
    )
    return replace(whole, **changes)


def issued(of: Ticket, **changes: Any) -> IssuedTicket:
    """Give a ticket with its seal."""
    seal = Seal("RUN-20240610-r1", "a" * 64, 7, NOW, "n" * 32, "k" * 16, "00" * 64)
    return IssuedTicket(of, replace(seal, **changes))


def executed(number: int, quantity: str, price: str, **changes: Any) -> Executed:
    """Give the answer that a line was filled, free of fees, at the rate of 1.25."""
    whole = Executed(number, Decimal(quantity), Decimal(price), ZERO, Decimal("1.25"), is_partial=False)
    return replace(whole, **changes)


def fill(side: Side, instrument: str, quantity: str, price: str, **changes: Any) -> Fill:
    """Give a fill at the rate of 1.25, free of fees; its key tells it from others of its session."""
    session = changes.get("session", DAY)
    whole = Fill(
        key=f"{session}-{side}-{instrument}-{quantity}",
        book="main",
        venue="paper",
        evidence="venue_report:1",
        instrument=instrument,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        quote="USD",
        base="GBP",
        fx_rate=Decimal("1.25"),
        fee=ZERO,
        session=session,
    )
    decimals: dict[str, Any] = {
        name: Decimal(value) if name in ("fee", "fx_rate") else value for name, value in changes.items()
    }
    return replace(whole, **decimals)


def cash_fact(kind: Any, amount: str, **changes: Any) -> CashFact:
    """Give cash in pounds that came or went."""
    session = changes.get("session", AS_OF)
    whole = CashFact(
        key=f"{session}-{kind}-{amount}",
        kind=kind,
        book="main",
        venue="paper",
        session=session,
        currency="GBP",
        amount=Decimal(amount),
        evidence="cash_movement:1",
    )
    decimals: dict[str, Any] = {
        name: Decimal(value) if name == "withheld" else value for name, value in changes.items()
    }
    return replace(whole, **decimals)
