"""What makes an issued trade not to be executed now: judged in one place for all that show a ticket, or send it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from core.canonical import instant_text, plain_decimal
from core.domain.facts import DESK_SCOPE, Halt, Unread
from core.domain.hindrance import Hindrance, Share
from core.domain.ticket import Ticket

# The clock that the head of a ticket is written in.
CLOCK = ZoneInfo("Europe/London")
NOTHING_MORE = "Execute nothing more of this ticket"
CONFIRM = "Confirm what was executed already, and the other lines as not executed."


def hindrances(
    ticket: Ticket,
    *,
    waiting: Collection[int],
    halts: Sequence[Halt],
    share: Share | Unread | None,
    now: datetime,
) -> tuple[Hindrance, ...]:
    """Give all that makes a trade not to be executed now, none where it is; `waiting` are its lines without an answer.

    `share` is None where nobody executes it by hand. A ticket of which every line is answered says that alone: nothing is left
    that could be executed.
    """
    if ticket.kind != "TRADE":
        return ()
    if not waiting:
        words = "Every line is answered; nothing is left to do."
        return (Hindrance("answered", words, limit="a line that waits", value="none"),)
    found = (halted(halts), beyond_share(share), expired(ticket, waiting, now))
    return tuple(one for one in found if one is not None)


def is_executed_by_hand(ticket: Ticket) -> bool:
    """Say whether a person is asked to execute the ticket: a trade at a real venue, on its own day."""
    return ticket.kind == "TRADE" and ticket.venue != "paper" and not ticket.is_rehearsal


def halted(halts: Sequence[Halt]) -> Hindrance | None:
    """Trading is halted: whose halt it is, since when, and why."""
    if not halts:
        return None
    told = "; ".join(
        f"{scope_words(halt.scope)} is halted since {clock_words(halt.at)} ({_line(halt.reason)})" for halt in halts
    )
    value = "; ".join(f"{halt.scope}: {halt.reason}" for halt in halts)
    return Hindrance("halted", f"{NOTHING_MORE}: {told}. {CONFIRM}", limit="no halt", value=value)


def beyond_share(share: Share | Unread | None) -> Hindrance | None:
    """The rollout phase that stands now allows less of the capital than the ticket was approved for, or nobody can say."""
    if share is None:
        return None
    if isinstance(share, Unread):
        told = f"what share of the capital the book may use now could not be looked up ({_line(share.why)})"
        return Hindrance(
            "unread", f"{NOTHING_MORE} until it can be said: {told}.", limit="a known share", value=share.why
        )
    if share.allowed >= share.approved:
        return None
    approved, allowed = plain_decimal(share.approved), plain_decimal(share.allowed)
    told = (
        f"it was approved for {approved} of the capital, and phase {share.phase}, which stands now, may use {allowed}"
    )
    return Hindrance("phase", f"{NOTHING_MORE}: {told}. {CONFIRM}", limit=allowed, value=approved)


def expired(ticket: Ticket, waiting: Collection[int], now: datetime) -> Hindrance | None:
    """The window has closed, at its very end already."""
    if now < ticket.expires_at:
        return None
    told = f"its window closed on {clock_words(ticket.expires_at)}"
    lines = f"line {', '.join(map(str, waiting))}: what was executed inside the window, or not executed"
    limit, value = instant_text(ticket.expires_at), instant_text(now)
    return Hindrance("expired", f"{NOTHING_MORE}: {told}. Answer what waits, {lines}.", limit=limit, value=value)


def scope_words(scope: str) -> str:
    """Say whose a halt is."""
    return "the whole desk" if scope == DESK_SCOPE else f"book {scope}"


def clock_words(at: datetime) -> str:
    """Give an instant as the head of a ticket does."""
    return at.astimezone(CLOCK).strftime("%a %d %b %Y %H:%M %Z")


def _line(words: str) -> str:
    """Give words in one line: on a page a second would stand outside of the banner."""
    return " ".join(words.split())
