"""How a ticket's values are written: the same on Markdown, HTML and PDF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.canonical import plain_decimal
from core.domain.hindrance import Hindrance
from core.domain.ticket import IssuedTicket, Ticket, TicketLine, Weighed
from core.ticketing.hindrances import clock_words

US = ZoneInfo("America/New_York")


def money(amount: Decimal | None) -> str:
    """Give an amount with two decimals and thousands apart; a dash for none."""
    return "-" if amount is None else f"{amount:,.2f}"


def percent(share: Decimal) -> str:
    """Give a share as per cent with two decimals."""
    return f"{100 * share:.2f} %"


def in_us(at: datetime) -> str:
    """Give an instant as New York wall-clock time with its zone."""
    return at.astimezone(US).strftime("%a %d %b %H:%M %Z")


def score_words(weighed: Weighed) -> str:
    """Give a score with four decimals; a dash for none."""
    return "-" if weighed.score is None else f"{weighed.score:.4f}"


def moved(weighed: Weighed, strategy: str) -> str:
    """Give what moved a score most; the score of a strategy that learns nothing is one number of its own."""
    told = [f"{name} {'+' if value > 0 else ''}{plain_decimal(value)}" for name, value in weighed.moved_by]
    return ", ".join(told) or ("-" if weighed.score is None else f"{strategy} alone")


def notes_of(ticket: Ticket) -> tuple[str, ...]:
    """Give the notes that the why does not tell already."""
    told = ticket.why.anomalies if ticket.why else ()
    return tuple(note for note in ticket.notes if note not in told)


def slippage_words(line: TicketLine) -> str:
    """Give how far the price may be from the decision price, in brackets; nothing on a ticket that never told it."""
    return "".join(line.skip_if.partition("(")[1:])


def confirm_words(ticket: Ticket, *, most: int | None = None) -> str:
    """Give the command that a person confirms with, to be filled in: each line of the ticket as if it was filled.

    With `most`, so many lines, and words that say how it goes on.
    """
    answers = [
        f'--line "{line.line} filled {"quantity=UNITS " * line.is_by_value}price=PRICE fee=FEE{_rate(line, ticket)}"'
        for line in ticket.lines
    ]
    command = " \\\n  ".join(
        (f"twokey confirm {ticket.ticket_id} --hash {ticket.short_hash} --by NAME", *answers[:most])
    )
    return (
        command
        if answers[:most] == answers
        else f"{command} and so on, one --line for each of the {len(answers)} lines"
    )


def other_answers_words(ticket: Ticket) -> str:
    """Say what stands in the command for a line that was not wholly filled, and in which currencies."""
    priced = " or ".join(dict.fromkeys(line.currency for line in ticket.lines))
    units = "UNITS is what the venue shows as filled, " if any(line.is_by_value for line in ticket.lines) else ""
    rate = next((rate for line in ticket.lines if (rate := _rate(line, ticket))), "")
    foreign = " or ".join(dict.fromkeys(line.currency for line in ticket.lines if _rate(line, ticket)))
    told = f", RATE the {foreign} for 1 {ticket.base} that the venue converted at" if rate else ""
    otherwise = (
        f" Where it shows none, leave fx=RATE out: {plain_decimal(ticket.fx_rate)} is booked, and the cash may differ by it."
        if rate and ticket.fx_rate is not None
        else ""
    )
    return (
        f"{units}PRICE is of one unit in {priced}, FEE what the venue charged in {ticket.base}, or 0{told}.{otherwise}"
        f' Where only a part of line N was filled write "N partial quantity=UNITS price=PRICE fee=FEE{rate}",'
        ' where nothing was, "N not executed: REASON".'
    )


def banners_of(ticket: Ticket, void: str = "", hindered: Sequence[Hindrance] = ()) -> tuple[str, ...]:
    """Give what must be read before anything else; `void` says who made the ticket void, and why."""
    said = (
        (void != "", f"VOID. {void} Do not execute anything of it."),
        (ticket.is_synthetic, "SYNTHETIC market data. Nothing on this ticket is a real price."),
        (ticket.is_rehearsal, f"REHEARSAL for {ticket.day}. Do not execute anything."),
        (
            ticket.venue == "paper" and ticket.kind == "TRADE",
            "PAPER venue. The simulated venue fills this ticket by itself; there is nothing for you to execute.",
        ),
    )
    now = tuple(f"{one.head}. {one.words}" for one in hindered)
    return now + tuple(words for is_so, words in said if is_so)


def facts_of(ticket: Ticket) -> tuple[tuple[str, str], ...]:
    """Give what stands at the head of a ticket, by name."""
    good = ticket.last_good
    last = "none yet" if good is None else f"{good.ticket_id}{_revised(good.revision)}, {good.short_hash}, all answered"
    facts = [
        ("Date", ticket.day.isoformat()),
        ("Book, account, venue", f"{ticket.book}, {ticket.account}, {ticket.venue}"),
        ("Decided on closes of", ticket.as_of.isoformat()),
        ("Equity, cash", f"{money(ticket.equity)}, {money(ticket.cash)} {ticket.base}"),
        ("Prices", ticket.basis),
        ("Known", ticket.knowledge),
        ("Exchange rate", ticket.fx or "not available"),
        ("Expires", clock_words(ticket.expires_at)),
        ("Last good ticket", last),
    ]
    if ticket.lines:
        facts.insert(8, ("Confirm by", clock_words(ticket.confirm_by)))
    if ticket.voids:
        facts.append(("Voids", f"revision {ticket.voids}: do not execute it"))
    return tuple(facts)


def sealed_of(issued: IssuedTicket) -> tuple[str, ...]:
    """Give the footer: the whole hash, and what binds the ticket to its run and its approval."""
    ticket, seal = issued.ticket, issued.seal
    signed = "no approval: nothing was approved"
    if seal.signature:
        signed = f"approved with key {seal.key_id}, nonce {seal.nonce}, signature {seal.signature}"
    return (
        f"hash {ticket.hash}",
        f"policy {ticket.policy_hash[:16]} universe {ticket.universe_hash[:16]} run {seal.run_id}",
        f"audit head {seal.audit_seq} {seal.audit_head}",
        f"issued {clock_words(seal.issued_at)}, {signed}",
    )


def _rate(line: TicketLine, ticket: Ticket) -> str:
    """Give the field for the venue's exchange rate, where a line is in another currency or the ticket names none."""
    return " fx=RATE" if line.currency != ticket.base or ticket.fx_rate is None else ""


def _revised(revision: int) -> str:
    return f" revision {revision}" if revision > 1 else ""


FILTERS: dict[str, Callable[..., str]] = {
    "money": money,
    "percent": percent,
    "uk": clock_words,
    "us": in_us,
    "plain": plain_decimal,
    "moved": moved,
    "score": score_words,
    "confirm_words": confirm_words,
    "other_answers": other_answers_words,
}
