"""Settling: what venues and people reported becomes entries, and our books are compared with the venue's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from core.domain.bars import Fixing
from core.domain.booked import unallocated_of
from core.domain.frame import Frame
from core.domain.holdings import GENESIS_HEAD
from core.domain.panel import Panel
from core.domain.posting import Entry, SplitFact
from core.domain.slot import VenueName
from core.domain.ticket import IssuedTicket, Ticket
from core.domain.venue import AccountSnapshot, Break, CashReport, ExecutionReport, SplitReport, VenueReport
from core.ledger.booked import standing_splits
from core.ledger.equity import Rates, rates_of
from core.ledger.post import post_cash, post_fill, post_split
from core.ledger.reconcile import Comparison, Independent, compare, ours_of, strictest
from core.ledger.splits import splits_due, splits_in, splits_left
from core.money import SHARE_STEP
from core.settings import Policy
from core.ticketing.confirm import fill_of
from flows.booking import VENUE, post_booked
from flows.books import Execution, Journal, StoreError, TicketBook, VenueBook
from flows.look import ledger_head, quote_of
from flows.ports import CleanSet
from flows.setup import NO_SNAPSHOT


class SimulatedVenue(Protocol):
    """A venue that is simulated over a panel: it answers tickets, splits, pays dividends and says what the account holds."""

    def opening(self, session: date) -> CashReport:
        """Give the report of the opening cash."""
        ...

    def executions(
        self, reports: Sequence[VenueReport], tickets: Sequence[Ticket], up_to: date
    ) -> tuple[ExecutionReport, ...]:
        """Answer every line of the tickets whose execution session is complete, with the cash that the reports leave."""
        ...

    def splits(self, reports: Sequence[VenueReport], after: date, up_to: date) -> tuple[SplitReport, ...]:
        """Split what is held in raw units."""
        ...

    def dividends(self, reports: Sequence[VenueReport], after: date, up_to: date) -> tuple[CashReport, ...]:
        """Pay the dividends due."""
        ...

    def snapshot(self, reports: Sequence[VenueReport], session: date) -> AccountSnapshot:
        """Say what the account holds at the close of a session."""
        ...


class Waiting(TicketBook, Protocol):
    """Tickets, and those that wait for a venue."""

    def awaiting_venue(self, book: str, venue: str) -> Sequence[IssuedTicket]:
        """Give the live trades of a venue that still have a line without any answer, oldest first."""
        ...


MakeVenue = Callable[[Policy, Panel, Rates], SimulatedVenue]


@dataclass(frozen=True)
class SettleDoors:
    """What settling may use: the venue's reports (desk), the journal (ledger), tickets and bars to read."""

    venue: VenueBook
    journal: Journal
    tickets: Waiting
    clean: CleanSet
    make_venue: MakeVenue


@dataclass(frozen=True)
class Settled:
    """What a settlement did: new reports, new entries, and the breaks found."""

    reports: int
    entries: int
    breaks: tuple[Break, ...]


def settle(frame: Frame, doors: SettleDoors) -> Settled:
    """Let a paper venue report what is due, post everything unposted, and reconcile a paper book.

    Of a holding at another venue the splits that the clean set tells of are posted: a broker makes them without a report.
    Doing it again posts nothing more. Bars after as-of are not read.
    """
    policy = frame.policy
    if policy.execution.venue != "paper":
        return Settled(0, post_unposted(policy, doors) + _post_splits(frame, doors), ())
    reports = _paper_reports(frame, doors) if frame.run.snapshot != NO_SNAPSHOT else 0
    entries, breaks = _post_and_compare(policy, doors)
    return Settled(reports, entries, breaks)


def post_unposted(policy: Policy, doors: SettleDoors) -> int:
    """Post every execution, split and cash movement of a book at its venue that no entry rests on yet.

    What people booked at that venue is posted with it: a company's action follows the units that became known with a fill.
    """
    return _post(unposted_entries(policy, doors), policy.execution.venue, doors)


def post_answers(ticket: Ticket, doors: SettleDoors) -> int:
    """Post the executions of one ticket that no entry rests on yet, and what people booked, as `post_unposted` does.

    At the ticket's own venue: its book may trade at another by now, and what happened at the broker is on the books of all
    that look at it there.
    """
    executions = doors.journal.unposted_executions(ticket.book, ticket.venue)
    entries = [_entry_of(one, doors.tickets) for one in executions if one.ticket_id == ticket.ticket_id]
    return _post(entries, ticket.venue, doors)


def unposted_entries(policy: Policy, doors: SettleDoors) -> list[Entry]:
    """Give the entries of everything of a book at its venue that no entry rests on yet."""
    book, venue = policy.book, policy.execution.venue
    cash = doors.journal.unposted_cash(book, venue, base=policy.base_currency)
    splits = doors.journal.unposted_splits(book, venue)
    executions = doors.journal.unposted_executions(book, venue)
    return [
        *(post_cash(fact) for fact in cash),
        *(post_split(fact) for fact in splits),
        *(_entry_of(execution, doors.tickets) for execution in executions),
    ]


def _post(entries: Sequence[Entry], venue: VenueName, doors: SettleDoors) -> int:
    posted = doors.journal.add_entries(entries)
    return posted + (post_booked(doors.journal) if venue == VENUE else 0)


def compare_and_keep(
    snapshots: Mapping[int, AccountSnapshot],
    policies: Sequence[Policy],
    doors: SettleDoors,
    *,
    independent: Independent | None = None,
    marks: str | None = None,
) -> Comparison:
    """Compare what the books of an account hold together with its newest snapshot (one a book, by id), and keep it.

    Entries of days after the snapshot's do not count.
    """
    snapshot = next(iter(snapshots.values()))
    books = account_entries(snapshot.session, policies, doors)
    ours = ours_of(books, base=policies[0].base_currency)
    tolerances = strictest([policy.reconciliation for policy in policies])
    found = compare(ours, snapshot, tolerances, independent)
    doors.journal.add_reconciliation(snapshots, head=_head_of(books), breaks=found.breaks, marks=marks)
    return found


def account_entries(session: date, policies: Sequence[Policy], doors: SettleDoors) -> list[list[Entry]]:
    """Give the entries of an account up to a day: of each of its books, and of the part that is in no book, if any."""
    books = [entries_up_to(session, policy, doors) for policy in policies]
    first, apart = policies[0], unallocated_of(policies[0].account)
    rest = doors.journal.entries(apart, first.execution.venue) if apart != first.book else ()
    alone = [entry for entry in rest if entry.session <= session]
    return [*books, alone] if alone else books


def entries_up_to(session: date, policy: Policy, doors: SettleDoors) -> list[Entry]:
    """Give a book's entries up to a day, in effective order."""
    entries = doors.journal.entries(policy.book, policy.execution.venue)
    return [entry for entry in entries if entry.session <= session]


def _post_and_compare(policy: Policy, doors: SettleDoors) -> tuple[int, tuple[Break, ...]]:
    # The snapshot first: all that it tells of was reported before it, and stands in our books once that is posted. Read
    # the other way round, a settlement at the same time would look like a break.
    found = doors.venue.last_snapshot(policy.book, policy.execution.venue)
    posted = post_unposted(policy, doors)
    return posted, compare_and_keep(dict([found]), [policy], doors).breaks if found else ()


def _head_of(books: Sequence[Sequence[Entry]]) -> str:
    """Name the last entry of each book, with how many there are in all: more entries are a later head."""
    if len(books) == 1:
        return ledger_head(books[0])
    heads = [ledger_head(entries) for entries in books]
    return f"{sum(map(len, books))}:{' '.join(heads)}" if any(books) else GENESIS_HEAD


def _paper_reports(frame: Frame, doors: SettleDoors) -> int:
    policy, as_of, before = frame.policy, frame.run.as_of.session, frame.run.snapshot
    # In this order: what another settlement reports meanwhile is then still awaited here, or known here, never neither.
    tickets = [issued.ticket for issued in doors.tickets.awaiting_venue(policy.book, "paper")]
    found = doors.venue.last_snapshot(policy.book, "paper")
    known = list(doors.venue.reports(policy.book, "paper"))
    last = found[1] if found else None
    after = last.session if last else as_of
    panel = doors.clean.panel(before, first=after, last=as_of)
    venue = doors.make_venue(policy, panel, _rates(doors.clean.fixings(before), frame, within=(after, as_of)))
    fresh: list[VenueReport] = [] if known else [venue.opening(as_of)]
    moved = _movements(policy, doors.journal, up_to=as_of)
    fresh.extend(venue.executions([*known, *moved, *fresh], tickets, as_of))
    fresh.extend(venue.splits([*known, *fresh], after, as_of))
    fresh.extend(venue.dividends([*known, *fresh], after, as_of))
    # A settlement that was cut short before its snapshot has told some of them already.
    told = {report.key for report in known}
    fresh = [report for report in fresh if report.key not in told]
    added = doors.venue.add_reports(policy.book, "paper", fresh)
    reports = [*known, *moved, *fresh]
    # A snapshot is for good: none is taken before the session's bars say what the venue did in it.
    if panel.row(as_of) is not None and _is_due(last, reports, frame):
        doors.venue.add_snapshot(venue.snapshot(reports, as_of))
    return added


def _movements(policy: Policy, journal: Journal, *, up_to: date) -> list[CashReport]:
    """Give the cash that people moved as the paper venue books it: its reports hold none, for the person's fact is kept."""
    facts = journal.cash_movements(policy.book, "paper")
    return [
        CashReport(fact.key, "DEPOSIT" if fact.kind == "DEPOSIT" else "WITHDRAW", fact.session, fact.amount)
        for fact in facts
        if fact.session <= up_to
    ]


def _post_splits(frame: Frame, doors: SettleDoors) -> int:
    """Post what a book, and what its account holds outside of books, lack of the splits since their first entry."""
    policy = frame.policy
    if frame.run.snapshot == NO_SNAPSHOT:
        return 0
    told = standing_splits(doors.journal.booked_facts(VENUE)) if policy.execution.venue == VENUE else {}
    parts = {policy.book: policy.sizing.quantity_step, unallocated_of(policy.account): SHARE_STEP}
    due = [fact for book, step in parts.items() for fact in _splits_due(frame, doors, book, step=step, told=told)]
    return doors.journal.add_entries([post_split(fact) for fact in due])


def _splits_due(
    frame: Frame, doors: SettleDoors, book: str, *, step: Decimal, told: Collection[tuple[str, date]]
) -> Sequence[SplitFact]:
    """Give what one book lacks; on adjusted bars there is nothing, and what a person told is posted by that."""
    venue, as_of, snapshot = frame.policy.execution.venue, frame.run.as_of.session, frame.run.snapshot
    entries = doors.journal.entries(book, venue)
    if not entries or entries[0].session >= as_of:
        return ()
    first = entries[0].session
    splits = splits_left(entries, splits_in(doors.clean.panel(snapshot, first=first, last=as_of), first, as_of), told)
    if not splits:
        return ()
    evidence = doors.journal.evidence_of(snapshot)
    return splits_due(entries, splits, step=step, book=book, venue=venue, evidence=evidence)


def _is_due(last: AccountSnapshot | None, reports: Sequence[VenueReport], frame: Frame) -> bool:
    if last is None or any(report.session > last.session for report in reports):
        return True
    age = (frame.run.as_of.session - last.session).days
    return age >= frame.policy.reconciliation.required_every_days - 2


def _rates(fixings: Sequence[Fixing], frame: Frame, *, within: tuple[date, date]) -> Rates:
    return rates_of(fixings, frame.policy.base_currency, quote_of(frame.universe, frame.policy), within=within)


def _entry_of(execution: Execution, tickets: TicketBook) -> Entry:
    standing = tickets.ticket(execution.ticket_id)
    if standing is None or standing.issued.ticket.revision != execution.revision:
        raise StoreError(
            f"{execution.evidence} answers {execution.ticket_id} revision {execution.revision}, not a live one"
        )
    key = f"{execution.ticket_id}-r{execution.revision}-L{execution.answer.line}"
    return post_fill(fill_of(execution.answer, standing.issued.ticket, key=key, evidence=execution.evidence))
