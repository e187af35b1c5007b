"""What a research backtest trades by and on: the policy's numbers as floats, and a market as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Days, Floats
from core.domain.instrument import InstrumentId
from core.domain.panel import Dividend, Panel, Split
from core.settings import Policy

Marks = NDArray[np.bool_]
# Prices have four decimals and wanted weights six, as in money; an order is sized two pennies inside its budget.
PRICE_DECIMALS = 4
WEIGHT_STEP = 1e-6
ORDER_MARGIN = 0.02
BPS = 1e-4
# How weights are shared, as the kernel reads it.
EQUALLY, BY_VOLATILITY, BY_SCORE = range(3)
SHARINGS = {"equal": EQUALLY, "inverse_volatility": BY_VOLATILITY, "score_proportional": BY_SCORE}


@dataclass(frozen=True)
class Trading:
    """The numbers that a book trades by; fractions of equity, money in the base currency, costs in basis points.

    A name that is not in the policy serves research alone. `replacements_max`: at most so many holdings that left the rank
    are given up at one decision, the worst first (None: all). `kill_switch`: at `drawdown_max` the book trades no more, for
    nobody resumes it. `unpriced`: what a holding without a close on a decision day does: `stop` trades nothing that day, as
    the daily flow; `hold` keeps it at its last close and trades the others. `weight_step`, `order_margin` and
    `quantity_step` may be 0: nothing is cut then.
    """

    positions_max: int
    hold_rank_multiple: int
    weight_max: float
    cash_buffer_min: float
    turnover_max: float
    tiny_delta: float
    order_value_min: float
    quantity_step: float
    buys_from: Literal["settled", "sale_proceeds"]
    risk_off: Literal["cash_allowed", "always_invested"]
    skip_above_bps: float
    slippage_bps: float
    spread_bps: float
    fx_fee_bps: float
    commission: float
    dividend_withholding: float
    drawdown_max: float
    no_buy: tuple[InstrumentId, ...] = ()
    capital_fraction: float = 1.0
    kill_switch: bool = True
    unpriced: Literal["stop", "hold"] = "stop"
    replacements_max: int | None = None
    is_buffer_spent: bool = False
    weight_step: float = WEIGHT_STEP
    order_margin: float = ORDER_MARGIN
    weights: Literal["equal", "inverse_volatility", "score_proportional"] = "equal"
    volatility_sessions: int = 63
    regime_exposure: float = 1.0
    fx_buffer_bps: float = 0.0
    whole_units: bool = False
    order_value_max: float = np.inf
    sector_weight_max: float = 1.0
    correlation_max: float = 1.0
    correlation_sessions: int = 63
    cluster_weight_max: float = 1.0


def trading_of(policy: Policy, *, hold_rank_multiple: int) -> Trading:
    """Give the numbers of a policy, with the full capital of the dry run; everything else as the daily flow does."""
    limits, sizing, costs = policy.limits, policy.sizing, policy.costs
    return Trading(
        positions_max=limits.positions_max,
        hold_rank_multiple=hold_rank_multiple,
        weight_max=float(limits.weight_max),
        cash_buffer_min=float(limits.cash_buffer_min),
        turnover_max=float(limits.turnover_max),
        tiny_delta=float(sizing.tiny_delta),
        order_value_min=float(limits.order_value_min),
        quantity_step=float(sizing.quantity_step),
        buys_from=sizing.buys_from,
        risk_off=policy.risk_off,
        skip_above_bps=float(policy.execution.skip_above_bps),
        slippage_bps=float(costs.slippage_bps),
        spread_bps=float(costs.spread_bps),
        fx_fee_bps=float(costs.fx_fee_bps),
        commission=float(costs.commission),
        dividend_withholding=float(costs.dividend_withholding),
        drawdown_max=float(limits.drawdown_max),
        no_buy=limits.no_buy,
        capital_fraction=float(policy.rollout.phase_a),
        weights=sizing.weights,
        volatility_sessions=sizing.volatility_sessions,
        regime_exposure=float(sizing.regime_exposure),
        fx_buffer_bps=float(sizing.fx_buffer_bps),
        whole_units=sizing.fractions == "whole_units",
        order_value_max=float(limits.order_value_max),
        sector_weight_max=float(limits.sector_weight_max),
        correlation_max=float(limits.correlation_max),
        correlation_sessions=limits.correlation_sessions,
        cluster_weight_max=float(limits.cluster_weight_max),
    )


class Events(NamedTuple):
    """What happens to instruments on ex-dates, in the order of the rows: the row, the column, and the amount or ratio."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Floats


NO_EVENTS = Events(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True, eq=False)
class Market:
    """Prices, actions and rates of some instruments, in the order of their ids: what a book could trade on.

    `opens`, `closes` and `members` (may it be bought and ranked that day) are of shape (sessions, instruments), NaN where
    there is no bar. `rate_on` is the rate fixed on a session or last before it, `rate_before` the one before the session
    began; both in units of the instruments' currency for one of the base, of shape (sessions,). `totals` are total-return
    closes, by which instruments move alike and how much (None: the closes are these); `sectors` one an instrument, "" or
    none at all where it has none.
    """

    sessions: Days
    instruments: tuple[InstrumentId, ...]
    opens: Floats
    closes: Floats
    members: Marks
    rate_before: Floats
    rate_on: Floats
    dividends: Events = NO_EVENTS
    splits: Events = NO_EVENTS
    crosses_currency: bool = False
    totals: Floats | None = None
    sectors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold the shapes, and that equal ranks fall to the first id as in the daily flow."""
        shape = (len(self.sessions), len(self.instruments))
        found = {name: getattr(self, name).shape for name in ("opens", "closes", "members", "rate_before", "rate_on")}
        wrong = {name: has for name, has in found.items() if has != (shape[:1] if name.startswith("rate") else shape)}
        if wrong:
            raise ValueError(f"a market of {shape[0]} sessions and {shape[1]} instruments came with {wrong}")
        if list(self.instruments) != sorted(set(self.instruments)):
            raise ValueError("a market lists each instrument once, in the order of the ids")

    @cached_property
    def by_instrument(self) -> tuple[Floats, Floats]:
        """Opens and closes of shape (instruments, sessions)."""
        return np.ascontiguousarray(self.opens.T), np.ascontiguousarray(self.closes.T)

    @cached_property
    def buyable(self) -> Marks:
        """Who is a member and has a close, of shape (sessions, instruments)."""
        return self.members & ~np.isnan(self.closes)


def market_of(
    panel: Panel,
    instruments: Sequence[InstrumentId],
    members: Marks,
    *,
    rates: tuple[Sequence[date], Sequence[Decimal]] | None,
    sectors: Mapping[InstrumentId, str] | None = None,
) -> Market:
    """Give the market of some instruments of a panel; `members` is of shape (sessions, instruments).

    `rates` are days, oldest first, and the rate fixed on each; None where the instruments are in the base currency. Before
    the first of them a rate is NaN. `sectors` are those that are capped; what is not named has none.

    Raises ValueError when the panel lacks an instrument.
    """
    place = {name: at for at, name in enumerate(panel.instruments)}
    missing = [name for name in instruments if name not in place]
    if missing:
        raise ValueError(f"the panel holds no bars of {', '.join(missing)}")
    columns = np.array([place[name] for name in instruments], dtype=np.int64)
    raw = {name for name in instruments if (basis := panel.basis[place[name]]) is not None and basis.kind == "raw"}
    before, on = _rates_at(panel.sessions, rates)
    return Market(
        sessions=panel.sessions,
        instruments=tuple(instruments),
        opens=np.ascontiguousarray(np.round(panel.open[:, columns], PRICE_DECIMALS)),
        closes=np.ascontiguousarray(np.round(panel.close[:, columns], PRICE_DECIMALS)),
        members=np.ascontiguousarray(members, dtype=np.bool_),
        rate_before=before,
        rate_on=on,
        dividends=_events(panel, instruments, panel.dividends),
        splits=_events(panel, instruments, [one for one in panel.splits if one.instrument in raw]),
        crosses_currency=rates is not None,
        totals=np.ascontiguousarray(panel.adj_close[:, columns]),
        sectors=tuple((sectors or {}).get(name, "") for name in instruments),
    )


class Rules(NamedTuple):
    """The numbers of `Trading` as the kernel reads them: fractions, never basis points, and how many ranks it looks at."""

    positions_max: int
    rank_max: int
    replacements_max: int
    ranks_needed: int
    sharing: int
    weight_max: float
    weight_step: float
    invested_max: float
    capital_fraction: float
    cash_buffer: float
    turnover_max: float
    tiny_delta: float
    order_value_min: float
    order_margin: float
    quantity_step: float
    fills_all: bool
    spends_proceeds: bool
    skips_above: float
    slip: float
    fx_fee: float
    commission: float
    withheld: float
    drawdown_max: float
    holds_unpriced: bool
    order_step: float
    order_value_max: float
    fx_buffer: float
    sector_max: float
    cluster_max: float


class MarketArrays(NamedTuple):
    """The arrays of `Market` as the kernel reads them.

    Prices are (N, T), an instrument's sessions side by side, for a book looks at few instruments often. Rates are (2, T),
    before and on a session; events (3, E) by their rows (row, column, 1 for a split) with amounts (E,); the no-buy list (N,).
    """

    opens: Any
    closes: Any
    rates: Any
    events: Any
    event_amounts: Any
    no_buy: Any


def rules_of(trading: Trading, market: Market) -> Rules:
    """Give the numbers as the kernel reads them."""
    rank_max = trading.hold_rank_multiple * trading.positions_max
    banned = sum(name in trading.no_buy for name in market.instruments)
    replacements = trading.positions_max if trading.replacements_max is None else trading.replacements_max
    found = Rules(
        positions_max=trading.positions_max,
        rank_max=rank_max,
        replacements_max=replacements,
        ranks_needed=min(len(market.instruments), max(rank_max, trading.positions_max + banned)),
        sharing=SHARINGS[trading.weights],
        weight_max=trading.weight_max,
        weight_step=trading.weight_step,
        invested_max=trading.capital_fraction * (1.0 - trading.cash_buffer_min) * trading.regime_exposure,
        capital_fraction=trading.capital_fraction,
        cash_buffer=0.0 if trading.is_buffer_spent else trading.cash_buffer_min,
        turnover_max=trading.turnover_max,
        tiny_delta=trading.tiny_delta,
        order_value_min=trading.order_value_min,
        order_margin=trading.order_margin,
        quantity_step=trading.quantity_step,
        fills_all=trading.risk_off == "always_invested",
        spends_proceeds=trading.buys_from == "sale_proceeds",
        skips_above=trading.skip_above_bps * BPS,
        slip=(trading.slippage_bps + trading.spread_bps / 2) * BPS,
        fx_fee=trading.fx_fee_bps * BPS if market.crosses_currency else 0.0,
        commission=trading.commission,
        withheld=trading.dividend_withholding,
        drawdown_max=trading.drawdown_max if trading.kill_switch else np.inf,
        holds_unpriced=trading.unpriced == "hold",
        order_step=max(1.0, trading.quantity_step) if trading.whole_units else trading.quantity_step,
        order_value_max=trading.order_value_max,
        fx_buffer=trading.fx_buffer_bps * BPS if market.crosses_currency else 0.0,
        sector_max=trading.sector_weight_max if any(market.sectors) else 1.0,
        cluster_max=trading.cluster_weight_max,
    )
    # A whole number where a fraction stands would be another type, and the kernel compiled again for it.
    whole = Rules._fields.index("weight_max")
    told: list[Any] = [*found[:whole], *(one if isinstance(one, bool) else float(one) for one in found[whole:])]
    return Rules(*told)


def arrays_of(market: Market, trading: Trading) -> MarketArrays:
    """Give the arrays as the kernel reads them."""
    told = (market.splits, market.dividends)
    events = np.concatenate([[*one[:2], np.full(len(one.rows), one is market.splits)] for one in told], axis=1)
    amounts = np.concatenate([one.values for one in told])
    # Of one day, splits come first: a dividend is told in the units of its ex-date.
    order = np.argsort(events[0], kind="stable")
    return MarketArrays(
        *market.by_instrument,
        np.stack([market.rate_before, market.rate_on]),
        np.ascontiguousarray(events[:, order], dtype=np.int64),
        amounts[order],
        np.array([name in trading.no_buy for name in market.instruments], dtype=np.bool_),
    )


def _rates_at(sessions: Days, rates: tuple[Sequence[date], Sequence[Decimal]] | None) -> tuple[Floats, Floats]:
    if rates is None:
        return np.ones(len(sessions)), np.ones(len(sessions))
    days = np.array(rates[0], dtype="datetime64[D]")
    # The first number stands for what was fixed before the first day: nothing.
    numbers = np.array([np.nan, *(float(rate) for rate in rates[1])])
    return numbers[np.searchsorted(days, sessions, "left")], numbers[np.searchsorted(days, sessions, "right")]


def _events(panel: Panel, instruments: Sequence[InstrumentId], told: Sequence[Dividend] | Sequence[Split]) -> Events:
    """Give what happens in sessions of the panel, in their order."""
    place = {name: at for at, name in enumerate(instruments)}
    found = [(panel.row(one.session), place.get(one.instrument), _number(one)) for one in told]
    known = sorted((row, column, number) for row, column, number in found if row is not None and column is not None)
    rows, columns, values = zip(*known, strict=True) if known else ((), (), ())
    return Events(np.array(rows, np.int64), np.array(columns, np.int64), np.array(values, np.float64))


def _number(one: Dividend | Split) -> float:
    return float(one.amount if isinstance(one, Dividend) else one.ratio)
