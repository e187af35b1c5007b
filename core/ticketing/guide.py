"""The guide of a trade ticket: what to do line by line, in sentences that leave nothing to judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.canonical import plain_decimal
from core.domain.case import ZERO, cash_effect
from core.domain.frame import Frame
from core.domain.instrument import Instrument, InstrumentId
from core.domain.order import OrderLine, Side
from core.domain.rollout import share_in_phase
from core.domain.slot import Window
from core.domain.ticket import Guide, SetBy
from core.money import BPS, to_pence
from core.settings import Policy

WHOLE = Decimal(1)
# What London is ahead of New York but for the weeks in which only one of the two has changed its clocks.
USUAL_HOURS_APART = timedelta(hours=5)
USUAL_SESSION = timedelta(hours=6, minutes=30)


def guide_of(
    lines: Sequence[OrderLine],
    frame: Frame,
    *,
    held: Mapping[InstrumentId, Decimal],
    cash: Decimal,
    equity: Decimal,
    capital_fraction: Decimal = WHOLE,
    left_undone: Sequence[str] = (),
) -> Guide | None:
    """Give the guide of a ticket's lines; None where there is no window to execute them in, which no ticket is shown with."""
    if frame.run.window is None:
        return None
    floor = cash_floor(equity, frame)
    return Guide(
        hours=hours_of(frame.run.window, frame),
        before=_before(lines, frame, held=held, cash=cash),
        blocked=_blocked(frame, floor),
        after=_after(lines, frame, cash=cash, capital_fraction=capital_fraction, is_left=bool(left_undone)),
        cash_floor=floor,
    )


def cash_floor(equity: Decimal, frame: Frame) -> Decimal:
    """Give what free cash may not fall below: the policy's buffer, to the penny."""
    return to_pence(frame.policy.limits.cash_buffer_min * equity)


def hours_of(window: Window, frame: Frame) -> tuple[str, ...]:
    """Tell the window on the clocks of the desk and of the exchange, and say where either is not what one is used to."""
    home, there = frame.policy.schedule.timezone, frame.calendar.timezone
    spans = [_span(window, zone) for zone in dict.fromkeys((home, there, "UTC"))]
    told = [f"{_day_words(window.session)}, {_first_then(spans)}."]
    apart = _offset(window.opens_at, home) - _offset(window.opens_at, there)
    if (home, there) == ("Europe/London", "America/New_York") and apart != USUAL_HOURS_APART:
        hours = apart // timedelta(hours=1)
        told.append(
            f"New York is {hours} hours behind London on this day, not 5 as in most of the year:"
            " the two change their clocks on different days. Go by the times above."
        )
    opens, closes = frame.calendar.open_of(window.session), frame.calendar.close_of(window.session)
    if closes - opens < USUAL_SESSION:
        told.append(f"The exchange closes early on this day, at {_clock(closes, home)} in {_place(home)}.")
    return tuple(told)


def do_words(line: OrderLine, row: Instrument, *, held: Decimal, base: str, set_by: SetBy) -> str:
    """Say what to do for a line: which button, what, how much, and at which price.

    A sale is of units, never of the position: an account may hold units of the same for another book.
    """
    units, quote = plain_decimal(line.quantity), f"{line.notional_quote:,.2f} {row.currency}"
    value = quote if row.currency == base else f"{quote} ({line.notional:,.2f} {base})"
    if line.side == "sell":
        whole = (
            "that is all that this book holds" if line.quantity == held else f"this book holds {plain_decimal(held)}"
        )
        what = f"Sell {units} units of {row.etoro_search_name}, about {value}; {whole}."
    elif set_by == "units":
        what = f"Buy {units} units of {row.etoro_search_name}, about {value}."
    else:
        what = f"Buy {row.etoro_search_name} for {value}, which is about {units} units."
    return " ".join((what, _order_words(line, row.currency), _exit_words(line, row.currency)))


def set_by(side: Side, frame: Frame) -> SetBy:
    """Say what a line is set by at the venue: a sale by its units, and a buy too where the policy trades whole ones."""
    return "units" if side == "sell" or frame.policy.sizing.order_step % 1 == 0 else "value"


def skip_words(line: OrderLine, currency: str, *, skip_bps: Decimal) -> str:
    """Say beyond which price a line is left, and what slippage from the decision price that allows."""
    side, far = ("above", "over") if line.side == "buy" else ("below", "under")
    share = f"{plain_decimal(100 * skip_bps * BPS)} % {far} {plain_decimal(line.price)}"
    return f"the price is {side} {plain_decimal(line.worst_price)} {currency} ({share})"


def fail_words(lines: Sequence[OrderLine], at: int, *, cash: Decimal, floor: Decimal) -> str:
    """Say what becomes of the other lines where the line at a place fails: which buys its cash would have paid for."""
    line, is_last = lines[at], at == len(lines) - 1
    go_on = "That was the last line." if is_last else f"Go on with line {at + 2}."
    if line.side == "buy":
        return f"Leave it, its cash stays in the account. {go_on}"
    skipped = without_sale(lines, at, cash=cash, floor=floor)
    if not skipped:
        return f"Leave it: no other line needs its cash. {go_on}"
    names = ", ".join(f"{number} (buy {lines[number - 1].instrument})" for number in skipped)
    what, it = ("line", "it") if len(skipped) == 1 else ("lines", "them")
    return f"Skip {what} {names}: what this sale brings pays for {it}. {go_on}"


def without_sale(lines: Sequence[OrderLine], at: int, *, cash: Decimal, floor: Decimal) -> tuple[int, ...]:
    """Give the numbers of the buys that the cash does not reach for where one sale brings nothing.

    Lines are done in order, and a buy that would leave less than the floor (or than was planned, where that is less) is
    skipped; its cash is there for the next.
    """
    planned, left, skipped = cash, cash, []
    for place, line in enumerate(lines):
        planned += cash_effect(line)
        if place == at:
            continue
        after = left + cash_effect(line)
        if line.side == "buy" and after < min(floor, planned):
            skipped.append(place + 1)
        else:
            left = after
    return tuple(skipped)


def _before(
    lines: Sequence[OrderLine], frame: Frame, *, held: Mapping[InstrumentId, Decimal], cash: Decimal
) -> tuple[str, ...]:
    policy, rows = frame.policy, frame.universe.by_id()
    sold = [
        f"{plain_decimal(held.get(line.instrument, ZERO))} {rows[line.instrument].etoro_search_name}"
        for line in lines
        if line.side == "sell"
    ]
    checks = [
        "Today is the day above and the time is inside the window.",
        "The short hash above is the one that you were sent, and no newer revision of this ticket has reached you.",
        f"You are logged in to the account {policy.account}. This book's cash is about {cash:,.2f} {policy.base_currency};"
        f" the account may hold more.{_cash_words(lines, policy)}",
    ]
    if sold:
        checks.append(f"The account holds what is to be sold: {', '.join(sold)}, or more.")
    checks.append("Each instrument is offered as the share itself: no CFD, no leverage (x1).")
    if set_by("buy", frame) == "units":
        checks.append("A buy is set by its units, and so is a sale; the values are for checking.")
    else:
        checks.append("A buy is set by its value, a sale by its units; the other number is for checking.")
    return (*checks, *_exit_checks(lines))


def _cash_words(lines: Sequence[OrderLine], policy: Policy) -> str:
    """Say with how little free cash nothing is bought; nothing where the sales pay for all.

    The amount is what the lines take of the cash, as what is expected after the last of them says; where the policy buys from
    settled cash, no sale is counted in it. The buffer beyond it is there for what prices and small differences take.
    """
    is_settled, sides = policy.sizing.buys_from == "settled", {line.side for line in lines}
    needed = _settled_needed(lines) if is_settled else -sum((cash_effect(line) for line in lines), ZERO)
    if needed <= ZERO:
        return ""
    what, then = "what the buys take, costs paid", "do nothing, and confirm every line as not executed"
    if "sell" in sides:
        what = "what the buys take beyond what the sales bring, costs paid"
        then = "do the sales and no buy, and confirm the buys as not executed"
        if is_settled:
            what = "what the buys take and all costs; what the sales bring is not counted"
    return f" If its free cash is less than {needed:,.2f} {policy.base_currency} ({what}), {then}."


def _settled_needed(lines: Sequence[OrderLine]) -> Decimal:
    """Give what all buys and all costs take, whatever the sales bring; nothing where nothing is bought."""
    bought = sum((line.notional for line in lines if line.side == "buy"), ZERO)
    return bought + sum((line.cost for line in lines), ZERO) if bought else ZERO


def _exit_checks(lines: Sequence[OrderLine]) -> tuple[str, ...]:
    """Say which stops are set and that every other is taken out, line by line where they differ."""
    given = [number for number, line in enumerate(lines, start=1) if line.stop_price is not None]
    bare = [number for number, line in enumerate(lines, start=1) if line.stop_price is None]
    none = "set no stop and no target, and take out any that is filled in for you: the strategy gives none."
    if not given:
        return (none.capitalize(),)
    names = f"{_lines_words(given)} name{'s' if len(given) == 1 else ''}"
    told = f"Set the stop that {names} and no other, no target; take out whatever else is filled in for you."
    return (told, f"For {_lines_words(bare)} {none}") if bare else (told,)


def _lines_words(numbers: Sequence[int]) -> str:
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(str(number) for number in numbers)}"


def _blocked(frame: Frame, floor: Decimal) -> tuple[str, ...]:
    return (
        "An instrument cannot be found, cannot be traded now, is offered as a CFD only, or the free cash does not pay for it:"
        " skip the line and confirm it as not executed, with that reason.",
        "The price is beyond the line's limit: skip the line and confirm it as not executed. Do not wait for a better one.",
        "Only a part is filled: leave the rest, cancel what is still open, and confirm the part as partial.",
        "A sale fails: do what its line says of the buys. If more than one fails, or one is filled only in part, look at the"
        f" free cash before each buy, and skip the buy if it would leave less than {floor:,.2f} {frame.policy.base_currency}.",
        "The window closes before you are done: stop, cancel what is still open, and confirm the lines left as not executed.",
        "Anything else is unclear: stop, execute nothing more, and confirm what was done.",
    )


def _after(
    lines: Sequence[OrderLine], frame: Frame, *, cash: Decimal, capital_fraction: Decimal, is_left: bool
) -> tuple[str, ...]:
    left = cash + sum((cash_effect(line) for line in lines), ZERO)
    tiny = plain_decimal(100 * share_in_phase(frame.policy.sizing.tiny_delta, capital_fraction))
    larger = ' Larger ones are left where a limit was reached: see "Left undone".' if is_left else ""
    return (
        "Each line shows as filled at the venue, once, on the right side, with leverage x1, and no order is still open.",
        f"This book's cash is about {left:,.2f} {frame.policy.base_currency} if every line was done; the account may hold"
        " more.",
        f"Nothing else was traded. What this ticket does not name stays as it is: differences of less than {tiny} % of equity"
        f" are left on purpose.{larger}",
    )


def _order_words(line: OrderLine, currency: str) -> str:
    if line.limit_price is not None:
        return f"Limit order at {plain_decimal(line.limit_price)} {currency}."
    return "Market order."


def _exit_words(line: OrderLine, currency: str) -> str:
    if line.stop_price is None:
        return "No stop, no target."
    return f"Stop at {plain_decimal(line.stop_price)} {currency}, no target."


def _span(window: Window, zone: str) -> str:
    return f"{_clock(window.opens_at, zone)} to {_clock(window.closes_at, zone)} in {_place(zone)}"


def _first_then(spans: Sequence[str]) -> str:
    return spans[0] if len(spans) == 1 else f"{spans[0]}; that is {' and '.join(spans[1:])}"


def _clock(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def _offset(at: datetime, zone: str) -> timedelta:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC) - at


def _place(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


def _day_words(day: date) -> str:
    return datetime.combine(day, datetime.min.time(), UTC).strftime("%A %d %B %Y").replace(" 0", " ")
