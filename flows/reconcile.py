"""Reconciling an account: its books together, what a file or the venue says of it, and the value at independent prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.canonical import instant_text
from core.domain.bars import Fixing
from core.domain.holdings import Position
from core.domain.market import Mark
from core.domain.posting import Entry
from core.domain.venue import AccountSnapshot, SnapshotFile
from core.ledger.equity import rates_of
from core.ledger.reconcile import Comparison, Independent
from core.ledger.splits import ratios_of
from core.settings import Policy
from flows.books import StoreError
from flows.settle import SettleDoors, account_entries, compare_and_keep, post_unposted
from flows.setup import BookSetup
from flows.value import REACH, NothingToValue, last_close

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class Reconciled:
    """An account as it was compared: with which snapshot, for which books, and at the closes of which clean set, if any."""

    snapshot: AccountSnapshot
    books: tuple[str, ...]
    comparison: Comparison
    marks: str | None


class SnapshotRefused(ValueError):
    """A snapshot file does not belong here or comes too late; says why. Nothing was kept of it."""


def take_snapshot(file: SnapshotFile, books: Sequence[BookSetup], doors: SettleDoors, *, now: datetime) -> Reconciled:
    """Keep a snapshot file of an account for each of its books, compare them with it, and keep the comparison.

    The newest file again is kept once and compared anew. Raises SnapshotRefused for a file of another account, from the
    future, not newer than the newest, or for a paper venue.
    """
    objection = _objection(file, books, doors, now=now)
    if objection is not None:
        raise SnapshotRefused(objection)
    # Whatever can fail is read before anything is kept.
    _independent(file, books, doors)
    doors.venue.add_snapshot(*(_snapshot(file, one.policy) for one in books))
    done = reconcile(books, doors)
    if done is None or done.snapshot.file != file:
        raise StoreError(
            "a newer snapshot came at the same time, and the books were compared with that; look at it again"
        )
    return done


def reconcile(books: Sequence[BookSetup], doors: SettleDoors) -> Reconciled | None:
    """Post what is unposted, compare the books of an account with its newest snapshot, and keep the comparison.

    None where there is no snapshot. With a file, each price is held against our own close of the newest session that was
    complete when the account was looked at.
    """
    policies = [one.policy for one in books]
    # The snapshots first, for the reason that settling gives.
    snapshots = dict(filter(None, (_newest(policy, doors) for policy in policies)))
    for policy in policies:
        post_unposted(policy, doors)
    if not snapshots:
        return None
    newest = max(snapshots.values(), key=lambda one: (one.session, instant_text(one.file.as_of) if one.file else ""))
    of_it = {
        number: one for number, one in snapshots.items() if one.file == newest.file and one.session == newest.session
    }
    marks = doors.clean.current() if newest.file else None
    given = _independent(newest.file, books, doors) if newest.file else None
    found = compare_and_keep(of_it, policies, doors, independent=given, marks=marks)
    return Reconciled(newest, tuple(policy.book for policy in policies), found, marks)


def _objection(file: SnapshotFile, books: Sequence[BookSetup], doors: SettleDoors, *, now: datetime) -> str | None:
    policy, calendar = books[0].policy, books[0].calendar
    if policy.execution.venue == "paper":
        return f"book {policy.book} is at the paper venue, which says itself what it holds; leave --snapshot out"
    if file.account != policy.account:
        return f"the file is of account {file.account}; these are the books of account {policy.account}"
    if file.as_of > now:
        return f"as_of was {instant_text(file.as_of)}, which is to come; it is {instant_text(now)} now"
    if file.as_of.date() <= calendar.first:
        return f"as_of was {instant_text(file.as_of)}; the calendar of the workspace begins on {calendar.first}"
    for one in books:
        found = _newest(one.policy, doors)
        newest = found[1] if found else None
        if newest is None or newest.file == file:
            continue
        if newest.file is not None and newest.file.as_of >= file.as_of:
            seen = instant_text(newest.file.as_of)
            return (
                f"as_of was {instant_text(file.as_of)}; another snapshot of {seen} is kept already. Look at the account"
                " again, and write when you did"
            )
        if newest.session > _day(file, one.policy):
            return f"as_of was {instant_text(file.as_of)}; another snapshot of {newest.session} is kept already"
    return None


def _independent(file: SnapshotFile, books: Sequence[BookSetup], doors: SettleDoors) -> Independent:
    """Read what neither our books nor the venue told: currencies, closes and rates; what there is none of is left out."""
    universe, base = books[0].universe.by_id(), books[0].policy.base_currency
    snapshot = doors.clean.current()
    currencies = {name: row.currency for name, row in universe.items()}
    if snapshot is None:
        return Independent(currencies, {}, {base: ONE})
    session = books[0].calendar.last_completed(file.as_of)
    entries = account_entries(_day(file, books[0].policy), [one.policy for one in books], doors)
    named = {row.instrument for row in file.positions} | {
        one.instrument for of in entries for one in of if one.instrument
    }
    needed = named & currencies.keys()
    money = {currencies[name] for name in needed} | {row.currency for row in file.cash} | {base}
    rates = _rates(doors.clean.fixings(snapshot), base, money, session=session)
    return Independent(currencies, _marks(needed, snapshot, entries, doors=doors, on=session), rates)


def _marks(
    names: Iterable[str], snapshot: str, entries: Sequence[Sequence[Entry]], *, doors: SettleDoors, on: date
) -> dict[str, Mark]:
    panel = doors.clean.panel(snapshot, first=on - REACH, last=on)
    ratios = {name: found for of in entries for name, found in ratios_of(of).items()}
    marks = {}
    for name in sorted(names):
        try:
            session, price = last_close(panel, name, ratios)
        except NothingToValue:
            continue
        column = panel.column(name)
        basis = panel.basis[column] if column is not None else None
        marks[name] = Mark(name, session, price, basis.kind if basis else "")
    return marks


def _rates(fixings: Sequence[Fixing], base: str, money: Iterable[str], *, session: date) -> dict[str, Decimal]:
    rates = {}
    for currency in sorted(money):
        try:
            rates[currency] = rates_of(fixings, base, currency, within=(session - REACH, session)).on(session)
        except ValueError:
            continue
    return rates


def _newest(policy: Policy, doors: SettleDoors) -> tuple[int, AccountSnapshot] | None:
    return doors.venue.last_snapshot(policy.book, policy.execution.venue)


def _day(file: SnapshotFile, policy: Policy) -> date:
    """Give the day of a file where the book is run: entries of that day count, later ones do not."""
    return file.as_of.astimezone(ZoneInfo(policy.schedule.timezone)).date()


def _snapshot(file: SnapshotFile, policy: Policy) -> AccountSnapshot:
    units: dict[str, Decimal] = {}
    for row in file.positions:
        units[row.instrument] = units.get(row.instrument, ZERO) + row.quantity
    cash = sum((row.amount for row in file.cash if row.currency == policy.base_currency), ZERO)
    return AccountSnapshot(
        account=policy.account,
        book=policy.book,
        venue=policy.execution.venue,
        session=_day(file, policy),
        positions=tuple(Position(name, units[name]) for name in sorted(units) if units[name] != 0),
        cash=cash,
        file=file,
    )
