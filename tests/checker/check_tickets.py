"""An independent checker of tickets: it reads what a person would read and says, in sentences, what is wrong.

It shares no code with Twokey and needs nothing but the standard library. Of the recorded market, the reference rates, universe
and policy it keeps a paper account, and holds every ticket to it: kind, window, rate, worth, prices, units, limits, hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.checker.account import BPS, ZERO, Line, Statement, World, rounded, worst_of

NEW_YORK, LONDON = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")
EXCHANGE_OPENS, MILLIONTH = time(9, 30), Decimal("0.000001")
STANDING = "audit halt calendar configuration data fx confirmations reconciliation"
GATES = f"{STANDING} model scores marks drawdown daily_loss proposal review ticket"
PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", re.ASCII)
FALL = re.compile(r"drawdown is (?P<fall>[0-9.]+) since (?P<peak>[0-9-]+)")
LOSS = re.compile(r"the book lost (?P<loss>[0-9.]+) in the session of (?P<session>[0-9-]+)")


@dataclass(frozen=True)
class Case:
    """One ticket with what the checker knows on its morning."""

    ticket: Mapping[str, Any]
    lines: tuple[Line, ...]
    day: date
    as_of: date
    rate: Decimal
    fixed_on: date
    equity: Decimal
    statement: Statement
    world: World

    @property
    def is_open(self) -> bool:
        """Say whether the exchange has a session on the ticket's day."""
        return self.day in self.world.sessions

    @property
    def is_due(self) -> bool:
        """Say whether trades may be proposed: daily, on the week's first session, or until the first fill."""
        if self.world.policy["schedule"]["rebalance"] == "daily":
            return self.is_open
        monday = self.day - timedelta(days=self.day.weekday())
        of_week = [day for day in self.world.sessions if monday <= day <= self.day]
        return self.is_open and (of_week == [self.day] or not self.statement.has_fills)

    @property
    def order_step(self) -> Decimal:
        """Give what an order's units are a multiple of."""
        step = self.world.number("sizing", "quantity_step")
        return max(step, Decimal(1)) if self.world.policy["sizing"]["fractions"] == "whole_units" else step

    def held(self, symbol: str) -> Decimal:
        """Give the units held of a symbol."""
        return self.statement.units.get(symbol, ZERO)

    def close(self, symbol: str) -> Decimal | None:
        """Give the close of as-of."""
        return self.world.price(self.world.closes, symbol, self.as_of)

    def value(self, symbol: str, quantity: Decimal) -> Decimal:
        """Give units at the close of as-of in pounds, unrounded; nothing where there is no close."""
        return quantity * (self.close(symbol) or ZERO) / self.rate

    def cost(self, value: Decimal) -> Decimal:
        """Give the expected cost of a trade of a value."""
        names = ("slippage_bps", "spread_bps", "fx_fee_bps", "commission")
        slippage, spread, conversion, commission = (self.world.number("costs", name) for name in names)
        return rounded(value * (slippage + spread / 2 + conversion) * BPS, 2) + commission


# --- what is asked of each ticket -------------------------------------------------------------------------------------


def wrong_times(case: Case) -> Iterator[str]:
    """The window is counted from the exchange's open, whatever summer time says in either country."""
    ticket, policy = case.ticket, case.world.policy
    opens = datetime.combine(case.day, EXCHANGE_OPENS, NEW_YORK).astimezone(UTC)
    ends = datetime.combine(case.day, time.fromisoformat(policy["schedule"]["run_until"]), LONDON).astimezone(UTC)
    window = None
    if case.is_open:
        first, ends = (
            opens + timedelta(minutes=policy["execution"][f"window_{name}_minutes"]) for name in ("opens", "closes")
        )
        window = {"session": case.day.isoformat(), "opens_at": _instant(first), "closes_at": _instant(ends)}
    by = ends + timedelta(hours=policy["execution"]["confirm_within_hours"])
    told, right = (ticket["window"], ticket["expires_at"], ticket["confirm_by"]), (window, _instant(ends), _instant(by))
    if told != right:
        yield f"window, expiry and deadline are {told}, they should be {right}"


def wrong_rate(case: Case) -> Iterator[str]:
    """The rate is the last fixing before the slot's day."""
    words = f"{_plain(case.rate)} USD for 1 GBP, fixed {case.fixed_on} (ecb)"
    if case.ticket["fx_rate"] != _plain(case.rate) or case.ticket["fx"] != words:
        yield f"the rate is {case.ticket['fx_rate']} ({case.ticket['fx']}), it should be {words}"


def wrong_worth(case: Case) -> Iterator[str]:
    """Cash, and equity where the ticket tells it, are those of the checker's own statement."""
    cash, equity = _number(case.ticket["cash"]), case.ticket["equity"]
    if cash != case.statement.cash:
        yield f"the cash is {cash}, the statement has {case.statement.cash}"
    # Positions are counted where they are bought: a sale that the venue skips leaves one too many through no ticket.
    if case.statement.cash < 0:
        yield f"the account owes {-case.statement.cash}; it may owe nothing"
    if (equity is not None or case.ticket["kind"] != "NO-TRADE") and _number(equity) != case.equity:
        yield f"the equity is {equity}, the statement has {case.equity}"


def wrong_kind(case: Case) -> Iterator[str]:
    """The kind follows from the day, the week, the fall so far and the lines."""
    kind, reasons = case.ticket["kind"], case.ticket["reasons"]
    if case.statement.is_stopped:
        if kind != "NO-TRADE":
            yield f"the kind is {kind} after a fall of {rounded(case.statement.fall, 4)} and no resume"
        yield from _wrong_stop(case)
    elif kind == "NO-TRADE":
        yield f"the kind is NO-TRADE for {reasons}; nothing that the statement knows closes a gate"
    elif not case.is_open and (kind, reasons) != ("HOLD", ["exchange closed"]):
        yield f"the kind is {kind} {reasons}; the exchange is closed on {case.day}"
    elif case.is_open and not case.is_due and (kind, reasons) != ("HOLD", ["no rebalance due"]):
        yield f"the kind is {kind} {reasons}; no rebalance is due on {case.day}"
    elif case.is_due and kind == "HOLD" and not re.match("tiny deltas: |nothing can be done within", reasons[0]):
        yield f"the kind is HOLD {reasons}, which is no reason on a day for rebalancing"
    if (kind == "TRADE") != bool(case.lines) or (kind == "TRADE") == bool(reasons):
        yield f"the kind is {kind} with {len(case.lines)} lines and reasons {reasons}"


def wrong_gates(case: Case) -> Iterator[str]:
    """Every gate is told, in order; one is closed if and only if the ticket is NO-TRADE, and its words are the reasons."""
    gates, kind = case.ticket["gates"], case.ticket["kind"]
    if " ".join(gate["gate"] for gate in gates) != GATES:
        yield f"the gates told are {[gate['gate'] for gate in gates]}"
    shut = [gate for gate in gates if gate["state"] != "open"]
    said = [f"{gate['gate']}: {message}" for gate in shut if gate["state"] == "closed" for message in gate["messages"]]
    if bool(shut) != (kind == "NO-TRADE") or (kind == "NO-TRADE" and said != case.ticket["reasons"]):
        yield f"the gates that are not open say {said}, on a {kind} ticket"


def wrong_order(case: Case) -> Iterator[str]:
    """Lines count from one, sells stand before buys, and an instrument has one line."""
    sides, names = [line.side for line in case.lines], [line.instrument for line in case.lines]
    if [line.number for line in case.lines] != list(range(1, len(sides) + 1)):
        yield f"the lines are numbered {[line.number for line in case.lines]}"
    if sides != sorted(sides, reverse=True) or not set(sides) <= {"buy", "sell"}:
        yield f"the sides stand in the order {sides}; sells come first"
    if len(names) != len(set(names)):
        yield f"an instrument has two lines: {names}"


def wrong_prices(case: Case) -> Iterator[str]:
    """The decision price is the close of as-of; the worst price and the names follow from policy and universe."""
    for line in case.lines:
        row, told = case.world.universe.get(line.instrument, {}), line.told
        if line.price != case.close(line.instrument):
            yield f"line {line.number}: the price is {line.price}, {line.instrument} closed at {case.close(line.instrument)}"
        skip = case.world.number("execution", "skip_above_bps") * BPS
        if line.worst != worst_of(line.side, line.price, skip):
            yield f"line {line.number}: the worst price {line.worst} is not {skip} from {line.price}"
        wanted = {
            "search_name": row.get("etoro_search_name"),
            "currency": row.get("currency"),
            "is_verified": bool(row.get("verified_on")),
            "effect": "open" if line.side == "buy" else "close",
            "order_type": "market",
            "limit_price": None,
            "stop_price": None,
        }
        off = {name: told[name] for name, value in wanted.items() if told[name] != value}
        if off:
            yield f"line {line.number}: the words {off} do not belong to a {line.side} of {line.instrument}"


def wrong_values(case: Case) -> Iterator[str]:
    """Value is units x price / rate, cost the policy's, and the cash column runs from the cash, all to the penny."""
    cash = _number(case.ticket["cash"])
    for line in case.lines:
        quote = line.quantity * line.price
        for name, told, right in (
            ("value", line.value, rounded(quote / case.rate, 2)),
            ("value in dollars", _number(line.told["value_quote"]), rounded(quote, 2)),
            ("cost", line.cost, case.cost(line.value)),
        ):
            if told != right:
                yield f"line {line.number}: the {name} is {told}, it should be {right}"
        cash -= line.sign * line.value + line.cost
        if line.cash_after != cash:
            yield f"line {line.number}: the cash after it is {line.cash_after}, it should be {cash}"


def wrong_lines(case: Case) -> Iterator[str]:
    """Long only, positive whole steps, the underlying only, nothing banned, no weight or order outside its limits."""
    step, least = case.order_step, case.world.number("limits", "order_value_min")
    for line in case.lines:
        where, held = f"line {line.number} ({line.side} {line.instrument})", case.held(line.instrument)
        is_whole = line.side == "sell" and line.quantity == held
        if line.side == "sell" and line.quantity > held:
            yield f"{where}: sells short, {held} are held"
        if line.quantity <= 0 or (line.quantity % step and not is_whole):
            yield f"{where}: the quantity {line.quantity} is no positive number of steps of {step}"
        if line.value < least and not is_whole:
            yield f"{where}: the order value {line.value} is below {least}"
        if line.side == "buy":
            yield from (f"{where}: {words}" for words in _wrong_buy(line, case))


def wrong_whole(case: Case) -> Iterator[str]:
    """Positions, turnover and cash stay within the policy once every line is done."""
    limits, lines = case.world.policy["limits"], case.lines
    after = dict(case.statement.units)
    for line in lines:
        after[line.instrument] = after.get(line.instrument, ZERO) + line.sign * line.quantity
    count = sum(1 for quantity in after.values() if quantity > 0)
    if count > limits["positions_max"] and any(line.side == "buy" and not case.held(line.instrument) for line in lines):
        yield f"the positions would be {count}; at most {limits['positions_max']} are allowed"
    turnover = sum((line.value for line in lines), ZERO) / 2 / case.equity
    if turnover > case.world.number("limits", "turnover_max"):
        yield f"the turnover is {rounded(turnover, 4)}; at most {limits['turnover_max']} is allowed"
    costs = sum((case.cost(line.value) for line in lines), ZERO)
    cash = case.statement.cash - sum((line.sign * line.value for line in lines), ZERO) - costs
    buffer = case.world.number("limits", "cash_buffer_min") * (case.equity - costs)
    if any(line.side == "buy" for line in lines) and cash < buffer:
        yield f"the cash buffer is {rounded(buffer, 2)}, and {cash} would be left"


Check = Callable[[Case], Iterator[str]]
OF_THE_TICKET: tuple[Check, ...] = (wrong_times, wrong_rate, wrong_worth, wrong_kind, wrong_gates)
OF_ITS_LINES: tuple[Check, ...] = (wrong_order, wrong_prices, wrong_values, wrong_lines, wrong_whole)
CHECKS = OF_THE_TICKET + OF_ITS_LINES


def _wrong_stop(case: Case) -> Iterator[str]:
    told = [reason.partition(": ")[0] for reason in case.ticket["reasons"]]
    wanted = ["halt"] if case.statement.was_stopped else []
    wanted += ["drawdown"] if case.statement.has_fallen else []
    wanted += ["daily_loss"] if case.statement.has_lost else []
    if told != wanted:
        yield f"the kind is for {told}; closed should be {wanted}"
    for reason in case.ticket["reasons"]:
        found = FALL.search(reason) if reason.startswith("drawdown") else None
        is_ours = found and abs(Decimal(found["fall"]) - case.statement.fall) <= MILLIONTH
        if found and not (is_ours and found["peak"] == str(case.statement.peak[1])):
            yield f"the fall is told as {found[0]}, the statement has {case.statement.fall} since {case.statement.peak[1]}"
        lost = LOSS.search(reason) if reason.startswith("daily_loss") else None
        if lost and (
            abs(Decimal(lost["loss"]) - case.statement.loss) > MILLIONTH or lost["session"] != str(case.as_of)
        ):
            yield f"the loss is told as {lost[0]}, the statement has {case.statement.loss} in the session of {case.as_of}"


def _wrong_buy(line: Line, case: Case) -> Iterator[str]:
    row, limit = case.world.universe.get(line.instrument, {}), case.world.number("limits", "weight_max")
    if row.get("tradable_as_underlying") != "yes" or not is_valid(row, case.as_of):
        yield "is not tradable as the underlying"
    if line.instrument in case.world.policy["limits"]["no_buy"]:
        yield "is on the no-buy list"
    weight = case.value(line.instrument, case.held(line.instrument) + line.quantity) / case.equity
    if weight > limit:
        yield f"the weight would be {rounded(weight, 4)}; at most {limit} is allowed"
    # What was wanted was cut down to a step.
    least = case.value(line.instrument, case.order_step) + Decimal("0.05")
    tiny = case.world.number("sizing", "tiny_delta") * case.equity - least
    if line.value < tiny and not any(f" {line.instrument}: " in item for item in case.ticket["left_undone"]):
        yield f"the tiny delta {line.value} is below {rounded(tiny, 2)}, and no budget cut it"


# --- reading the files ------------------------------------------------------------------------------------------------


def check(
    texts: Mapping[str, str], world: World, first: date, last: date, *, checks: Sequence[Check] = CHECKS
) -> list[str]:
    """Check the ticket files, texts by file name, of all weekdays from `first` to `last`; give every violation."""
    found: list[str] = []
    by_day: dict[date, list[tuple[str, dict[str, Any]]]] = {}
    for name, text in sorted(texts.items()):
        try:
            document: dict[str, Any] = json.loads(text)
            by_day.setdefault(date.fromisoformat(document["ticket"]["day"]), []).append((name, document))
            found += [f"{name}: {words}" for words in _wrong_bytes(text, document)]
        except (ValueError, KeyError, TypeError) as error:
            found.append(f"{name}: it cannot be read: {error!r}")
    statement = Statement(world)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    weekdays = [day for day in days if day.weekday() < 5]
    for day in sorted({*weekdays, *by_day}):
        of_day = by_day.get(day, [])
        if len(of_day) != (day in weekdays):
            found.append(f"{day}: the day has {len(of_day)} live tickets: {[name for name, _ in of_day]}")
        for name, document in of_day[:1]:
            found += [f"{name}: {words}" for words in _wrong_ticket(name, document["ticket"], statement, checks)]
    return found


def check_one(name: str, text: str, statement: Statement, *, checks: Sequence[Check] = CHECKS) -> list[str]:
    """Check one ticket file against the account as it stood on its morning, which lives on; give every violation."""
    try:
        document: dict[str, Any] = json.loads(text)
        found = list(_wrong_bytes(text, document))
        return [*found, *_wrong_ticket(name, document["ticket"], statement, checks)]
    except (ValueError, KeyError, TypeError) as error:
        return [f"it cannot be read: {error!r}"]


def _wrong_ticket(name: str, ticket: Mapping[str, Any], statement: Statement, checks: Sequence[Check]) -> Iterator[str]:
    world, day = statement.world, date.fromisoformat(ticket["day"])
    as_of = world.sessions[bisect_left(world.sessions, day) - 1]
    statement.forward(as_of)
    fixed_on, rate = world.fixed_before(day)
    try:
        lines = tuple(_line(told) for told in ticket["lines"])
        case = Case(ticket, lines, day, as_of, rate, fixed_on, statement.worth(as_of, rate), statement, world)
        for wrong in (lambda case: _wrong_head(name, case), *checks):
            yield from wrong(case)
    except (ValueError, KeyError, TypeError, IndexError, ArithmeticError) as error:
        yield f"it cannot be read: {error!r}"
        return
    statement.was_stopped = statement.is_stopped
    if lines:
        statement.waiting.append((day, lines))


def _wrong_head(name: str, case: Case) -> Iterator[str]:
    policy, label = case.world.policy, case.day.strftime("%Y%m%d")
    wanted = {
        "ticket_id": f"TICKET-{label}",
        "slot": label,
        "as_of": case.as_of.isoformat(),
        "base": policy["base_currency"],
        "book": policy["book"],
        "account": policy["account"],
        "venue": policy["execution"]["venue"],
        "is_synthetic": False,
    }
    off = {key: case.ticket[key] for key, value in wanted.items() if case.ticket[key] != value}
    if off or name != f"TICKET-{label}.json":
        yield f"the head has {off}, it should have {[wanted[key] for key in off]}"


def _wrong_bytes(text: str, document: dict[str, Any]) -> Iterator[str]:
    if text != _canonical(document) + "\n":
        yield "the file is not canonical JSON"
    digest = hashlib.sha256(_canonical(document["ticket"]).encode()).hexdigest()
    if document["hash"] != digest or document["short_hash"] != digest[:8]:
        yield f"the hash is {document['hash']} ({document['short_hash']}), the ticket's bytes have {digest}"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _line(told: Mapping[str, Any]) -> Line:
    names = ("quantity", "decision_price", "worst_price", "value", "expected_cost", "expected_cash_after")
    quantity, price, worst, value, cost, cash = (_number(told[name]) for name in names)
    return Line(told["line"], told["instrument"], told["side"], quantity, price, worst, value, cost, cash, told)


def _number(text: Any) -> Decimal:
    if not isinstance(text, str) or not PLAIN_NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no plain number")
    return Decimal(text)


def _plain(number: Decimal) -> str:
    return f"{number:f}".rstrip("0").rstrip(".")


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_valid(row: Mapping[str, str], day: date) -> bool:
    """Say whether a row of the universe counts on a day."""
    first, last = row.get("valid_from", ""), row.get("valid_to", "")
    return bool(first) and first <= day.isoformat() and (not last or day.isoformat() <= last)
