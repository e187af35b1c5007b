"""Plans: the order lines that lead from holdings to the target, within budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.groups import Group
from core.domain.holdings import Holdings
from core.domain.instrument import InstrumentId
from core.domain.market import Mark, Prices
from core.domain.order import OrderLine, Proposal, Side, Target
from core.domain.rollout import share_in_phase
from core.money import BPS, WEIGHT_STEP, floor_to, to_pence, to_tick
from core.riskguard.clusters import Ground
from core.settings import Policy

ZERO = Decimal(0)
TURNOVER = "turnover limit"


def plan_trades(
    target: Target,
    holdings: Holdings,
    prices: Prices,
    *,
    policy: Policy,
    capital_fraction: Decimal,
    ground: Ground | None = None,
) -> Proposal:
    """Give the lines that lead towards the target, the most valuable first, as far as the budgets go.

    Exits come first, the worst ranked first (before all what has no rank, by name); then trims, the largest first; then
    buys, the best ranked first. The turnover limit is spent in this order: the first trade that it cuts is its last, so that
    nothing jumps the queue. Cash above the buffer, the rollout phase's share of the capital, the number of positions and of
    orders, the largest order, the caps of sectors and clusters and what is usually traded bind the buys. What a budget does not
    reach, what comes to less than the smallest order and what may not be bought is left undone and told. A holding without a
    score is held as it is: only what a cap leaves no place for is sold. Quantities are cut to the policy's step once, at
    `sized`; everything else is exact to the penny. Raises ValueError when a holding has no mark.
    """
    found = plan_with_wishes(target, holdings, prices, policy=policy, capital_fraction=capital_fraction, ground=ground)
    return found[0]


def plan_with_wishes(
    target: Target,
    holdings: Holdings,
    prices: Prices,
    *,
    policy: Policy,
    capital_fraction: Decimal,
    ground: Ground | None = None,
) -> tuple[Proposal, tuple[Wish, ...]]:
    """Give the plan as `plan_trades` does, with what each of its lines was wanted for and how much of that a budget allowed."""
    equity = equity_of(holdings, prices)
    if equity <= 0:
        raise ValueError(f"equity was {equity} {policy.base_currency}; there is nothing to invest")
    still = {row.instrument for row in target.weights if row.is_unscored}
    wanted = {name: weight for name, weight in target.by_instrument().items() if weight > 0 or name in still}
    held = holdings.quantities()
    groups = () if ground is None else ground.groups({*wanted, *held}, policy)
    plan = _Plan(policy, prices, equity, holdings, capital_fraction, groups, ground)
    unnamed = sorted(held.keys() - target.by_instrument().keys())
    for name in [*unnamed, *(row.instrument for row in reversed(target.weights))]:
        if name in held and name not in wanted:
            plan.sell_all(name)
    # Of what is held as it is the weight was cut to a step, which is no reason to trade.
    trims = {name: wanted[name] + (WEIGHT_STEP if name in still else ZERO) for name in held.keys() & wanted.keys()}
    for name in sorted(trims, key=lambda name: (-plan.excess(name, trims[name]), name)):
        plan.trim(name, trims[name])
    for row in target.weights:
        if row.instrument not in still:
            plan.buy(row.instrument, row.weight)
    undone, reason = tuple(plan.left_undone), plan.hold_reason()
    proposal = Proposal(equity, target, tuple(plan.lines), undone, reason, holdings.ledger_head)
    return proposal, tuple(plan.wishes)


def hold_still(reason: str, holdings: Holdings, prices: Prices) -> Proposal:
    """Give the proposal of a slot in which nothing is due: no target, no lines, and the reason."""
    return Proposal(equity_of(holdings, prices), Target(()), (), (), reason, holdings.ledger_head)


def equity_of(holdings: Holdings, prices: Prices) -> Decimal:
    """Give cash plus positions at marks, in the base currency, to the penny; raises ValueError when a mark is missing."""
    value = sum((prices.value_of(row.instrument, row.quantity) for row in holdings.positions), ZERO)
    return holdings.cash + to_pence(value)


def expected_cost(notional: Decimal, policy: Policy, *, crosses_currency: bool) -> Decimal:
    """Give the expected cost of a trade in the base currency: slippage, half the spread, currency fee, commission."""
    return to_pence(notional * _cost_share(policy, crosses_currency=crosses_currency)) + policy.costs.commission


def worst_price(side: Side, price: Decimal, policy: Policy) -> Decimal:
    """Give the worst price accepted: above it a buy is skipped, below it a sale.

    A price that an order may name, rounded inwards so that it is never beyond what the policy allows; the decision price
    itself where the rounding would pass it.
    """
    skip = policy.execution.skip_above_bps * BPS
    if side == "buy":
        return max(price, to_tick(price * (1 + skip), up=False))
    return min(price, to_tick(price * (1 - skip), up=True))


def sized(value: Decimal, price: Decimal, rate: Decimal, policy: Policy) -> Decimal:
    """Give the units that a value in the base currency buys: the one place where a quantity is rounded.

    Down, to the step of the policy's orders, a penny inside the budget; `rate` is units of the price's currency for one of
    the base.
    """
    inside = max(ZERO, value - Decimal("0.02"))
    return floor_to(inside * rate / price, policy.sizing.order_step)


def _cost_share(policy: Policy, *, crosses_currency: bool) -> Decimal:
    costs = policy.costs
    return (costs.slippage_bps + costs.spread_bps / 2 + (costs.fx_fee_bps if crosses_currency else ZERO)) * BPS


@dataclass(frozen=True)
class Wish:
    """A value to trade: which line it is for, all of it, and how much of it a budget allows.

    With `closes`, the position is sold whole, whatever its value comes to in steps.
    """

    what: str
    value: Decimal
    within: Decimal
    budget: str
    closes: bool = False


@dataclass
class _Plan:
    """The plan as it grows: lines so far, and what is left of the budgets."""

    policy: Policy
    prices: Prices
    equity: Decimal
    holdings: Holdings
    capital_fraction: Decimal
    groups: tuple[Group, ...] = ()
    ground: Ground | None = None
    lines: list[OrderLine] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    left_undone: list[str] = field(default_factory=list)
    tiny: int = 0

    def __post_init__(self) -> None:
        self.marks = self.prices.by_instrument()
        self.turnover_left = 2 * self.policy.limits.turnover_max * self.equity
        buffer = self.policy.limits.cash_buffer_min * self.equity
        self.spendable = self.holdings.cash - buffer
        self.capital_left = self.capital_fraction * self.equity - (self.equity - self.holdings.cash)
        # A pilot's weights are a part of the full ones, and so is what counts as nothing beside them.
        self.tiny_share = share_in_phase(self.policy.sizing.tiny_delta, self.capital_fraction)
        self.units = self.holdings.quantities()

    def sell_all(self, name: InstrumentId) -> None:
        """Close a position whole, as far as the turnover budget goes."""
        self._sell(name, self._worth(name), why="exit")

    def trim(self, name: InstrumentId, weight: Decimal) -> None:
        """Sell down to the wanted weight, unless the difference is tiny."""
        over = self.excess(name, weight)
        if over > 0 and not self._is_tiny(over):
            self._sell(name, over, why="trim")

    def excess(self, name: InstrumentId, weight: Decimal) -> Decimal:
        """Give how much more is held than a weight comes to; negative where it is less."""
        return self._worth(name) - weight * self.equity

    def buy(self, name: InstrumentId, weight: Decimal) -> None:
        """Buy up to the wanted weight, as far as every budget goes; nothing of what stands on the no-buy list."""
        short = -self.excess(name, weight)
        if short <= 0 or self._is_tiny(short):
            return
        hindrance = self._hindrance(name)
        if hindrance is not None:
            self.left_undone.append(f"buy {name}: {to_pence(short)} is left, for {hindrance}")
            return
        left, budget = self._tightest_budget(name)
        within = min(short, left)
        line = self._line(name, "buy", self._sized(name, within))
        self._add(line, Wish(f"buy {name}", short, within, budget))

    def hold_reason(self) -> str | None:
        """Say why there is nothing to do, or None when there are lines."""
        if self.lines:
            return None
        if self.left_undone:
            return "nothing can be done within the limits: " + "; ".join(self.left_undone)
        return f"tiny deltas: {self.tiny} below {plain_decimal(self.tiny_share)} of equity, none above"

    def _sell(self, name: InstrumentId, value: Decimal, *, why: str) -> None:
        # By its value to the penny, as it will be counted: rounded up, it could pass the budget that its worth fits in.
        closes = why == "exit" and to_pence(value) <= self.turnover_left
        within = value if closes else min(value, self.turnover_left)
        held = self.units[name]
        line = self._line(name, "sell", held if closes else min(held, self._sized(name, within)))
        self._add(line, Wish(f"{why} {name}", value, within, TURNOVER, closes))

    def _hindrance(self, name: InstrumentId) -> str | None:
        count, most = len(self.units), self.policy.limits.positions_max
        if name in self.policy.limits.no_buy:
            return "it stands on the no-buy list"
        if len(self.lines) >= self.policy.limits.trades_max:
            return f"there are {len(self.lines)} of at most {self.policy.limits.trades_max} orders"
        is_full = name not in self.units and count >= most
        return f"the book still holds {count} of at most {most} positions" if is_full else None

    def _tightest_budget(self, name: InstrumentId) -> tuple[Decimal, str]:
        share = _cost_share(self.policy, crosses_currency=self._crosses_currency()) + self._fx_buffer()
        affordable = (self.spendable - self.policy.costs.commission) / (1 + share)
        left, budget = min(
            (affordable, "cash above the buffer"),
            (self.turnover_left, TURNOVER),
            (self.capital_left, "capital of the rollout phase"),
            (self.policy.limits.order_value_max, "largest order"),
            *self._tradable(name),
            *(
                (self._room(group), f"cap {group.limit} of {group.name}")
                for group in self.groups
                if name in group.members
            ),
            key=lambda pair: pair[0],
        )
        return max(ZERO, left), budget

    def _tradable(self, name: InstrumentId) -> Iterator[tuple[Decimal, str]]:
        if self.ground is not None:
            most = self.policy.limits.value_traded_share_max * self.ground.value_traded(name)
            yield self.prices.fx.to_base(most), "share of what is usually traded"

    def _room(self, group: Group) -> Decimal:
        held = {name: self._worth(name) for name in group.members & self.units.keys()}
        return group.weight_max * self.equity - group.value_of(held)

    def _fx_buffer(self) -> Decimal:
        return self.policy.sizing.fx_buffer_bps * BPS if self._crosses_currency() else ZERO

    def _add(self, line: OrderLine, wish: Wish) -> None:
        """Take a line that is worth an order, and tell what stays undone of the wish that it is for."""
        least, step = self.policy.limits.order_value_min, self.policy.sizing.order_step
        is_worth_it = line.quantity > 0 and (wish.closes or line.notional >= least)
        if is_worth_it:
            self._take(line)
            self.wishes.append(wish)
        value = to_pence(wish.value)
        if wish.within < wish.value:
            # The first trade that the turnover limit cuts is its last: what a step left over is for nobody behind it.
            self.turnover_left = ZERO if wish.budget == TURNOVER else self.turnover_left
            left = to_pence(wish.value - wish.within) if is_worth_it else value
            self.left_undone.append(f"{wish.what}: {left} of {value} is beyond the {wish.budget}")
        elif not is_worth_it:
            self.left_undone.append(
                f"{wish.what}: {value} comes to {line.notional} in steps of {plain_decimal(step)};"
                f" the smallest order is {plain_decimal(least)}"
            )

    def _take(self, line: OrderLine) -> None:
        self.lines.append(line)
        self.turnover_left -= line.notional
        before = self._worth(line.instrument)
        signed = line.quantity if line.side == "buy" else -line.quantity
        self.units[line.instrument] = self.units.get(line.instrument, ZERO) + signed
        if not self.units[line.instrument]:
            del self.units[line.instrument]
        self.capital_left += before - self._worth(line.instrument)
        if line.side == "buy":
            self.spendable -= line.notional * (1 + self._fx_buffer()) + line.cost
        elif self.policy.sizing.buys_from == "sale_proceeds":
            self.spendable += line.notional - line.cost
        else:
            self.spendable -= line.cost

    def _line(self, name: InstrumentId, side: Side, quantity: Decimal) -> OrderLine:
        price = self._mark(name).price
        quote = quantity * price
        notional = to_pence(self.prices.fx.to_base(quote))
        worst = worst_price(side, price, self.policy)
        is_limit = self.policy.execution.order_style == "limit"
        return OrderLine(
            line=len(self.lines) + 1,
            instrument=name,
            side=side,
            effect="close" if side == "sell" else "open",
            quantity=quantity,
            order_type="limit" if is_limit else "market",
            price=price,
            limit_price=worst if is_limit else None,
            stop_price=None,
            worst_price=worst,
            time_in_force="window",
            notional=notional,
            notional_quote=to_pence(quote),
            cost=expected_cost(notional, self.policy, crosses_currency=self._crosses_currency()),
        )

    def _sized(self, name: InstrumentId, value: Decimal) -> Decimal:
        return sized(value, self._mark(name).price, self.prices.fx.rate, self.policy)

    def _is_tiny(self, delta: Decimal) -> bool:
        is_tiny = delta < self.tiny_share * self.equity
        self.tiny += is_tiny
        return is_tiny

    def _crosses_currency(self) -> bool:
        return self.prices.fx.base != self.prices.fx.quote

    def _worth(self, name: InstrumentId) -> Decimal:
        """Value what is held of an instrument once the lines so far are done."""
        return self.prices.fx.to_base(self.units[name] * self._mark(name).price) if name in self.units else ZERO

    def _mark(self, name: InstrumentId) -> Mark:
        mark = self.marks.get(name)
        if mark is None:
            raise ValueError(f"wanted {name} has no mark")
        return mark
