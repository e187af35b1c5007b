"""Delivering: what is kept of each attempt, and that only an arrival counts as sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.channels.file import FileChannel
from adapters.clock import FixedClock
from core.domain.facts import Halt
from core.domain.ticket import IssuedTicket, Seal, Ticket
from flows.books import TicketStanding
from flows.deliver import ChannelError, DeliverDoors, Delivery, Message, Undeliverable, deliver, receive
from flows.hindered import HinderDoors
from tests.unit.making import issued, ruled, ticket, ticket_line

NOW = datetime(2024, 6, 10, 7, tzinfo=UTC)
HOLD = Ticket(
    ticket_id="TICKET-20240610",
    kind="HOLD",
    book="main",
    account="etoro",
    venue="paper",
    slot="20240610",
    revision=1,
    day=date(2024, 6, 10),
    as_of=date(2024, 6, 7),
    base="GBP",
    window=None,
    expires_at=NOW,
    confirm_by=NOW,
    reasons=("no rebalance due",),
    gates=(),
    lines=(),
    refused=(),
    left_undone=(),
    notes=(),
    equity=None,
    cash=None,
    fx=None,
    fx_rate=None,
    basis="raw",
    knowledge="recorded",
    policy_hash="0" * 64,
    universe_hash="0" * 64,
    is_synthetic=False,
    is_rehearsal=False,
)
SEAL = Seal("RUN-20240610-r1", "0" * 64, 1, NOW, None, None, None)


@dataclass
class OneTicket:
    """A book of one ticket, which remembers its deliveries and steps."""

    issued: IssuedTicket
    steps: list[str] = field(default_factory=list)
    deliveries: list[tuple[str, str]] = field(default_factory=list)
    waiting: tuple[int, ...] = ()
    answered: tuple[int, ...] = ()

    def ticket(self, ticket_id: str) -> TicketStanding | None:
        """Give the ticket as it stands."""
        known = ticket_id == self.issued.ticket.ticket_id
        return TicketStanding(self.issued, tuple(self.steps), self.answered, self.waiting) if known else None

    def add_step(self, ticket_id: str, step: str, *, detail: str) -> None:
        """Remember a step."""
        self.steps.append(step)

    def add_delivery(self, ticket_id: str, channel: str, *, outcome: str) -> None:
        """Remember an attempt."""
        self.deliveries.append((channel, outcome))


@dataclass
class Pigeon:
    """A channel that may lose its way."""

    name: str = "pigeon"
    takes_rehearsals: bool = False
    is_lost: bool = False

    def deliver(self, message: Message) -> str:
        """Fly."""
        if self.is_lost:
            raise ChannelError("it never came back")
        return "the loft"


class Nobody:
    """People who halted nothing, or what they are told to have; the book is in phase C unless told."""

    def __init__(self, *halts: Halt, phase: str = "C") -> None:
        self._halts, self._phase = halts, phase

    def halts(self, book: str) -> tuple[Halt, ...]:
        """Give the halts."""
        return self._halts

    def phase(self, book: str) -> str:
        """Give the phase."""
        return self._phase

    def decision(self, run_id: str) -> Any:
        """Give a decision that met the whole capital."""
        return None, SimpleNamespace(standing=SimpleNamespace(capital_fraction=Decimal(1)))


def doors(tickets: OneTicket, *channels: Any, people: Any = None, now: datetime = NOW) -> DeliverDoors:
    """Give doors over fakes."""
    book: Any = tickets
    who: Any = people or Nobody()
    hinder = HinderDoors(who, who, lambda name: ruled(execution={"venue": "manual"}))
    return DeliverDoors(book, hinder, channels, lambda issued: "# words\n", FixedClock(now))


def test_an_attempt_that_failed_is_kept_and_tried_again():
    """Without an arrival the ticket is not sent; the next call tries once more, and then never again."""
    tickets, pigeon = OneTicket(IssuedTicket(HOLD, SEAL)), Pigeon(is_lost=True)

    lost = deliver(HOLD.ticket_id, doors(tickets, pigeon))
    pigeon.is_lost = False
    found = deliver(HOLD.ticket_id, doors(tickets, pigeon))
    again = deliver(HOLD.ticket_id, doors(tickets, pigeon))

    assert (lost.is_sent, lost.deliveries) == (
        False,
        (Delivery("pigeon", has_arrived=False, words="it never came back"),),
    )
    assert (found.is_sent, again.is_sent, again.was_sent) == (True, True, True)
    assert tickets.deliveries == [("pigeon", "failed: it never came back"), ("pigeon", "delivered: the loft")]
    assert tickets.steps == ["sent"]


def test_a_rehearsal_goes_only_where_nobody_takes_it_for_real():
    """A channel that takes none is not asked."""
    tickets = OneTicket(IssuedTicket(replace(HOLD, is_rehearsal=True), SEAL))

    done = deliver(HOLD.ticket_id, doors(tickets, Pigeon(), Pigeon(name="cage", takes_rehearsals=True)))

    assert [(one.channel, one.has_arrived) for one in done.deliveries] == [("pigeon", False), ("cage", True)]
    assert tickets.deliveries[0] == ("pigeon", "failed: a rehearsal; this channel takes none")


@pytest.mark.parametrize(
    ("people", "why", "says"),
    [
        (Nobody(), "expired", "its window closed on"),
        (Nobody(Halt("*", "rain", NOW)), "halted", "the whole desk is halted since"),
        (Nobody(phase="A"), "phase", "it was approved for 1 of the capital, and phase A, which stands now, may use 0"),
    ],
)
def test_a_trade_that_nobody_may_execute_is_not_sent(people, why, says):
    """Whatever would stand above it where it is shown keeps it from being sent; the first of it is named."""
    trade = ticket(ticket_line(1, "buy", "AAA", "2"))
    book, pigeon = OneTicket(issued(trade), waiting=(1,)), Pigeon()
    before, after = trade.expires_at - timedelta(microseconds=1), trade.expires_at

    with pytest.raises(Undeliverable, match=f"{trade.ticket_id} is not sent: .*{says}") as refused:
        deliver(trade.ticket_id, doors(book, pigeon, people=people, now=after if why == "expired" else before))

    assert (refused.value.why, book.steps, book.deliveries) == (why, [], [])
    assert deliver(trade.ticket_id, doors(book, pigeon, now=before)).is_sent


def test_a_trade_that_was_sent_is_judged_again_and_never_sent_again():
    """Whoever asks after the halt must not take it for a good one; wholly answered, it went out and that is all."""
    trade = ticket(ticket_line(1, "buy", "AAA", "2"))
    pigeon, now = Pigeon(), trade.expires_at - timedelta(microseconds=1)
    waits = OneTicket(issued(trade), waiting=(1,), steps=["sent"])
    done = OneTicket(issued(trade), answered=(1,), steps=["sent", "confirmed"])

    with pytest.raises(Undeliverable, match="was sent before and is not sent again: Execute nothing more") as refused:
        deliver(trade.ticket_id, doors(waits, pigeon, people=Nobody(Halt("*", "rain", NOW)), now=now))
    again = [deliver(trade.ticket_id, doors(book, pigeon, now=now)) for book in (waits, done)]

    assert refused.value.why == "halted"
    assert [(one.was_sent, one.deliveries) for one in again] == [(True, ())] * 2
    assert (waits.deliveries, done.deliveries) == ([], [])


@pytest.mark.parametrize("change", [{"venue": "paper"}, {"is_rehearsal": True}])
def test_what_nobody_executes_by_hand_is_sent_whatever_the_phase_and_not_under_a_halt(change):
    """Which share of the capital a person may use says nothing of a simulated venue, or of a rehearsal."""
    trade = ticket(ticket_line(1, "buy", "AAA", "2"), **change)
    halted, taken_back = Nobody(Halt("*", "rain", NOW)), Nobody(phase="A")
    channel, now = Pigeon(takes_rehearsals=True), trade.expires_at - timedelta(microseconds=1)

    with pytest.raises(Undeliverable, match="the whole desk is halted"):
        deliver(trade.ticket_id, doors(OneTicket(issued(trade), waiting=(1,)), channel, people=halted, now=now))
    book = OneTicket(issued(trade), waiting=(1,))

    assert deliver(trade.ticket_id, doors(book, channel, people=taken_back, now=now)).is_sent


def test_a_ticket_that_is_not_there_cannot_be_sent():
    """Neither sending nor receiving knows it."""
    tickets: Any = OneTicket(IssuedTicket(HOLD, SEAL))

    with pytest.raises(ValueError, match="there is no ticket TICKET-20240611"):
        deliver("TICKET-20240611", doors(tickets))
    with pytest.raises(ValueError, match="there is no ticket TICKET-20240611"):
        receive("TICKET-20240611", tickets, now=NOW)


def test_the_file_channel_says_what_it_could_not_write(tmp_path):
    """An error of the system becomes one of the channel, in its words."""

    def write(path: Path, content: bytes) -> None:
        path.write_bytes(content)

    message = Message(IssuedTicket(HOLD, SEAL), "# words\n", "{}\n")

    assert FileChannel(tmp_path, write).deliver(message) == "tickets/TICKET-20240610.md and .json"
    assert (tmp_path / "TICKET-20240610.md").read_text(encoding="utf-8") == "# words\n"
    assert (tmp_path / "TICKET-20240610.json").read_text(encoding="utf-8") == "{}\n"
    with pytest.raises(ChannelError, match="TICKET-20240610 could not be written: No such file"):
        FileChannel(tmp_path / "nowhere", write).deliver(message)
