"""Looking things up for a decision: bars, rates, standing facts, worth; what cannot be looked up is said, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from core.domain.bars import Fixing
from core.domain.facts import Standing, Unread, Worth
from core.domain.frame import Frame
from core.domain.freeze import FREEZING, NO_HASH, Freeze, FrozenHash
from core.domain.holdings import GENESIS_HEAD, Holdings
from core.domain.instrument import Universe
from core.domain.others import BookHeld, DeskView, OtherLine
from core.domain.panel import Panel
from core.domain.posting import Entry
from core.domain.slot import AsOf, BookName, Run, VenueName
from core.ledger.equity import Curve, extend_curve, rates_of, worth_of
from core.ledger.positions import holdings_of
from core.settings import Policy
from flows.books import AuditChain, HeadKeeper, Journal, PersonBook, StoreError, TicketBook
from flows.ports import CleanSet, SourceError
from flows.setup import NO_SNAPSHOT, BookSetup

T = TypeVar("T")
DEFAULT_PHASE: dict[VenueName, str] = {"paper": "A", "manual": "0"}


@dataclass(frozen=True)
class StandingBooks:
    """Where the standing facts are read."""

    chain: AuditChain
    heads: HeadKeeper
    people: PersonBook
    tickets: TicketBook
    journal: Journal
    # Gives the hash of the code that runs; asked only where it is frozen.
    code: Callable[[], str]


@dataclass
class CurveCache:
    """The equity curves computed so far in this process, so that a range of slots does not begin anew each day."""

    curves: dict[tuple[BookName, VenueName, str], Curve] = field(default_factory=dict)


def read_standing(
    frame: Frame, setup: BookSetup, books: StandingBooks, *, now: datetime, model: str | None = None
) -> Standing:
    """Read every fact that the standing gates judge; `model` is the hash of the model that the run was scored with."""
    book, slot, venue = frame.run.slot.book, frame.run.slot.label, setup.policy.execution.venue
    fraction = _looked_up(lambda: capital_fraction(setup.policy, books.people))
    peak_from = _looked_up(lambda: books.people.peak_from(book, frame.run.as_of.session))
    unanswered = _looked_up(lambda: tuple(books.tickets.unanswered(book, slot, venue=venue)))
    unread = next((fact for fact in (fraction, peak_from) if isinstance(fact, Unread)), None)
    return Standing(
        now=now,
        audit=_looked_up(lambda: books.chain.verify_on(books.heads.kept())),
        # A phase or a resume that cannot be read is a reason not to trade, as a halt that cannot be read is.
        halts=unread if unread is not None else _looked_up(lambda: tuple(books.people.halts(book))),
        policy_hash=setup.policy.hash,
        universe_hash=setup.universe_hash,
        unanswered=unanswered,
        reconciliation=_looked_up(lambda: books.journal.reconciliation(book, venue)),
        holdings=_looked_up(lambda: holdings_in(books.journal, setup.policy)),
        capital_fraction=Decimal(0) if isinstance(fraction, Unread) else fraction,
        peak_from=None if isinstance(peak_from, Unread) else peak_from,
        unposted=_looked_up(lambda: unposted_in(books.journal, setup.policy)),
        others=_looked_up(
            lambda: tuple(books.tickets.lines_beside(book, slot, venue=venue, also_open=unanswered != ()))
        ),
        desk=_looked_up(lambda: read_desk(setup, books.journal, books.tickets, run=frame.run)),
        freeze=_looked_up(lambda: read_freeze(setup, books.people, model=model, code=books.code)),
    )


def read_freeze(setup: BookSetup, people: PersonBook, *, model: str | None, code: Callable[[], str]) -> Freeze | None:
    """Read what the book's rollout phase froze, beside what stands now; None before the first phase."""
    kept = people.frozen(setup.policy.book)
    if kept is None:
        return None
    phase, frozen = kept
    if phase not in FREEZING:
        return Freeze(phase)
    now = hashes_now(setup, model=model, code=code())
    return Freeze(phase, tuple(FrozenHash(kind, digest, now.get(kind, NO_HASH)) for kind, digest in frozen.items()))


def hashes_now(setup: BookSetup, *, model: str | None, code: str) -> dict[str, str]:
    """Give the hash of each thing that a phase can freeze of a book, as it stands now."""
    desk = NO_HASH if setup.desk is None else setup.desk.hash
    return {
        "policy": setup.policy.hash,
        "universe": setup.universe_hash,
        "desk": desk,
        "model": model or NO_HASH,
        "code": code,
    }


def read_desk(setup: BookSetup, journal: Journal, tickets: TicketBook, *, run: Run) -> DeskView | None:
    """Read what the desk's other books hold at the book's venue, by what was booked up to as-of and what they may yet buy.

    A purchase on a ticket of the run's day counts whether answered or not: what is booked of it is booked after as-of.
    """
    if setup.desk is None:
        return None
    venue, held = setup.policy.execution.venue, []
    for name in setup.desk.books:
        entries = tuple(row for row in journal.entries(name, venue) if row.session <= run.as_of.session)
        ordered = tuple(row for row in tickets.lines_of_other(name, run.slot.label, venue=venue) if row.side == "buy")
        if entries or ordered:
            held.append(_book_held(name, entries, ordered, base=setup.policy.base_currency))
    return DeskView(setup.desk.gross_max, setup.desk.weight_max, tuple(held))


def _book_held(book: BookName, entries: Sequence[Entry], ordered: Sequence[OtherLine], *, base: str) -> BookHeld:
    """Count what is ordered as bought; an open sale may be skipped, so what it sells stays."""
    booked = holdings_of(entries, base=base)
    units, cash = {row.instrument: row.quantity for row in booked.positions}, booked.cash
    for line in ordered:
        units[line.instrument] = units.get(line.instrument, Decimal(0)) + line.quantity
        cash -= line.notional + line.cost
    return BookHeld(book, tuple(sorted(units.items())), cash)


def holdings_in(journal: Journal, policy: Policy) -> Holdings:
    """Read a book's holdings with the ledger head that they stand at."""
    entries = journal.entries(policy.book, policy.execution.venue)
    return holdings_of(entries, base=policy.base_currency, ledger_head=ledger_head(entries))


def unposted_in(journal: Journal, policy: Policy) -> tuple[str, ...]:
    """Name the fills, cash and splits of a book that are known and that no entry rests on yet."""
    book, venue = policy.book, policy.execution.venue
    return (
        *(f"{row.ticket_id} line {row.answer.line}" for row in journal.unposted_executions(book, venue)),
        *(f"{row.kind.lower()} {row.key}" for row in journal.unposted_cash(book, venue, base=policy.base_currency)),
        *(f"split {row.key}" for row in journal.unposted_splits(book, venue)),
    )


def entries_since(journal: Journal, policy: Policy, head: str) -> tuple[Entry, ...]:
    """Give the entries of a book that were recorded after a ledger head."""
    book, venue = policy.book, policy.execution.venue
    count = 0 if head == GENESIS_HEAD else int(head.partition(":")[0])
    known = {entry.key for entry in journal.entries(book, venue, first=count)}
    return tuple(entry for entry in journal.entries(book, venue) if entry.key not in known)


def ledger_head(entries: Sequence[Entry]) -> str:
    """Name the last of a book's entries, with how many there are."""
    return f"{len(entries)}:{entries[-1].key}" if entries else GENESIS_HEAD


def read_panel(frame: Frame, clean: CleanSet, *, sessions: int) -> Panel | Unread:
    """Read the run's panel: at most so many sessions, ending with as-of; where they have no bar, as `bars_of` gives them."""
    if frame.run.snapshot == NO_SNAPSHOT:
        return Unread("no market data was ingested; run `twokey ingest`")
    try:
        known = bars_of(clean, frame.run.snapshot, frame.run.as_of, first=_sessions_before(frame, sessions))
        return known.window(frame.run.as_of.session, sessions)
    except SourceError as error:
        return Unread(str(error))


def bars_of(clean: CleanSet, snapshot: str, as_of: AsOf, *, first: date) -> Panel:
    """Give the bars from a session to as-of, as they were known; where there are none, those of the newest session before.

    Who judges them can say how old the newest bars are. Raises SourceError.
    """
    known = clean.panel(snapshot, first=first, last=as_of.session, known_at=as_of.at)
    if len(known.sessions):
        return known
    return clean.panel(snapshot, last=as_of.session, known_at=as_of.at).window(as_of.session, 1)


def read_fixings(frame: Frame, clean: CleanSet) -> tuple[Fixing, ...] | Unread:
    """Read the run's fixings."""
    if frame.run.snapshot == NO_SNAPSHOT:
        return Unread("no market data was ingested; run `twokey ingest`")
    try:
        return tuple(clean.fixings(frame.run.snapshot))
    except SourceError as error:
        return Unread(str(error))


def read_worth(
    frame: Frame, clean: CleanSet, journal: Journal, *, since: date | None, cache: CurveCache | None = None
) -> Worth | Unread:
    """Compute the book's equity up to as-of, and its drawdown from the highest since a session, or of all."""
    try:
        entries = journal.entries(frame.policy.book, frame.policy.execution.venue)
        return worth_of(curve_of(frame, clean, entries, cache=cache), since=since)
    except (ValueError, SourceError, StoreError) as error:
        return Unread(str(error))
    except ArithmeticError as error:
        # The gate that needs it is closed, and the slot still ends in its one ticket.
        return Unread(f"a rate or a close is no number to count with ({type(error).__name__})")


def curve_of(frame: Frame, clean: CleanSet, entries: Sequence[Entry], *, cache: CurveCache | None = None) -> Curve:
    """Compute the book's equity curve up to as-of; raises ValueError when a holding cannot be valued."""
    policy, run = frame.policy, frame.run
    if not entries or run.snapshot == NO_SNAPSHOT:
        return Curve()
    key = (policy.book, policy.execution.venue, run.snapshot)
    before = cache.curves.get(key, Curve()) if cache else Curve()
    if before.points and any(entry.session <= before.points[-1].session for entry in entries[before.entry_count :]):
        before = Curve()  # a late entry changes the past: the curve is built anew from the book's first day
    first = before.points[-1].session if before.points else entries[0].session
    panel = clean.panel(run.snapshot, first=first, last=run.as_of.session, known_at=run.as_of.at)
    quote = quote_of(frame.universe, policy)
    rates = rates_of(clean.fixings(run.snapshot), policy.base_currency, quote, within=(first, run.as_of.session))
    curve = extend_curve(before, entries, panel, rates=rates)
    if cache is not None:
        cache.curves[key] = curve
    return curve


def capital_fraction(policy: Policy, people: PersonBook) -> Decimal:
    """Give the share of capital that the book's rollout phase allows; phase A allows none of a real venue's."""
    return fraction_in(people.phase(policy.book) or DEFAULT_PHASE[policy.execution.venue], policy)


def fraction_in(phase: str, policy: Policy) -> Decimal:
    """Give the share of capital that a phase allows the policy's book."""
    rollout = policy.rollout
    # The shadow and the dry run trade no real money, whatever a policy's numbers say: nothing is frozen in them.
    if phase in ("0", "A") and policy.execution.venue != "paper":
        return Decimal(0)
    return {"0": rollout.phase_0, "A": rollout.phase_a, "B": rollout.phase_b, "C": rollout.phase_c}[phase]


def quote_of(universe: Universe, policy: Policy) -> str:
    """Give the currency that the book's instruments are traded in; the base currency when there are none."""
    quotes = {row.currency for row in universe.instruments if row.is_tradable_as_underlying}
    return min(quotes) if quotes else policy.base_currency


def _looked_up(read: Callable[[], T]) -> T | Unread:
    try:
        return read()
    except StoreError as error:
        return Unread(str(error))


def _sessions_before(frame: Frame, count: int) -> date:
    sessions = frame.calendar.sessions
    last = sessions.index(frame.run.as_of.session)
    return sessions[max(0, last - count + 1)]
