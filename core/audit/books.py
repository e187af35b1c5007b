"""Under the figures of a book: its entries, each posted again from its evidence, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from core.audit.tree import KeptRow, Node, derived, fact
from core.canonical import plain_decimal
from core.domain.confirmation import Fill
from core.domain.holdings import Holdings, Position
from core.domain.instrument import InstrumentId
from core.domain.panel import Split
from core.domain.posting import CashFact, Entry, LedgerAccount, SplitFact
from core.ledger.positions import holdings_of
from core.ledger.post import post_cash, post_fill, post_split
from core.ledger.splits import splits_due


@dataclass(frozen=True)
class SplitTold:
    """A split that a clean set tells of, with the entries that were recorded before its units were posted."""

    split: Split
    before: tuple[Entry, ...]
    step: Decimal


Evidence = Fill | CashFact | SplitFact | SplitTold


@dataclass(frozen=True)
class Booked:
    """An entry with its rows, and what it rests on: the row, and what that says where an entry can be posted of it."""

    entry: Entry
    rows: tuple[KeptRow, ...]
    evidence_rows: tuple[KeptRow, ...]
    evidence: Evidence | None


@dataclass(frozen=True)
class Books:
    """A book's entries in effective order, as far as a figure counts them, in its base currency."""

    booked: tuple[Booked, ...]
    base: str
    ledger_head: str

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Give the entries."""
        return tuple(one.entry for one in self.booked)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Give the node of each entry, made once."""
        return tuple(map(entry_node, self.booked))

    def moving(self, account: LedgerAccount, commodity: str) -> list[Node]:
        """Give the nodes of the entries that move a commodity in an account."""
        return [
            node for node, one in zip(self.nodes, self.booked, strict=True) if _moves(one.entry, account, commodity)
        ]


def entry_node(booked: Booked) -> Node:
    """Give an entry, posted again from its evidence where that says all of it."""
    entry, evidence = booked.entry, booked.evidence
    name = f"entry {entry.key} of {entry.session}"
    under = fact(
        f"what entry {entry.key} rests on", evidence, *booked.evidence_rows, text=_evidence_text(entry, evidence)
    )
    if evidence is None:
        # Its evidence says something in words of its own; that it is as it was kept is what can be told.
        rule = f"{entry.kind}, booked from {entry.evidence.replace(':', ' ')}"
        return Node(name, entry, entry_text(entry), rule, (under,), booked.rows)
    rule = f"{entry.kind}, posted from {entry.evidence.replace(':', ' ')}: each commodity sums to zero"
    return derived(
        name, entry, rule, [under], compute=lambda one: post_again(entry, one), origins=booked.rows, text=entry_text
    )


def post_again(entry: Entry, evidence: Evidence) -> Entry:
    """Post what an entry rests on once more; raises ValueError when nothing is due of it."""
    match evidence:
        case Fill():
            return post_fill(evidence)
        case CashFact():
            return post_cash(evidence)
        case SplitFact():
            return post_split(evidence)
        case SplitTold(split=split, before=before, step=step):
            due = splits_due(before, (split,), step=step, book=entry.book, venue=entry.venue, evidence=entry.evidence)
            if not due:
                raise ValueError(f"{split} leaves nothing to post after {len(before)} entries")
            return post_split(due[0])


def entry_text(entry: Entry) -> str:
    """Give an entry's postings in one line, which tells everything that it moves."""
    legs = ", ".join(f"{one.account} {one.commodity} {plain_decimal(one.amount)}" for one in entry.postings)
    return f"{entry.kind} on {entry.session}: {legs}"


def cash_node(books: Books, kept: Decimal | None, *, origins: Sequence[KeptRow] = ()) -> Node:
    """Give the cash of a book as the sum of what its entries move."""
    rule = f"the sum of the cash postings in {books.base} of {len(books.booked)} entries"
    name = f"cash {books.base} at ledger head {books.ledger_head}"
    return derived(
        name,
        kept,
        rule,
        books.moving("cash", books.base),
        compute=lambda *entries: _held(books, entries).cash,
        origins=origins,
    )


def position_node(books: Books, instrument: InstrumentId, kept: Decimal, *, origins: Sequence[KeptRow] = ()) -> Node:
    """Give the units of an instrument as the sum of what entries move."""
    under = books.moving("units", instrument)
    name, rule = (
        f"units of {instrument} at ledger head {books.ledger_head}",
        f"the sum of the unit postings in {instrument}",
    )
    return derived(
        name,
        kept,
        rule,
        under,
        compute=lambda *entries: _held(books, entries).quantities().get(instrument, Decimal(0)),
        origins=origins,
    )


def holdings_node(books: Books, kept: Holdings, *, origins: Sequence[KeptRow] = ()) -> Node:
    """Give positions and cash together, of which a plan starts."""
    cash = cash_node(books, kept.cash)
    positions = [position_node(books, row.instrument, row.quantity) for row in kept.positions]
    names = [row.instrument for row in kept.positions]

    def gather(money: Decimal, *units: Decimal) -> Holdings:
        rows = tuple(Position(name, quantity) for name, quantity in zip(names, units, strict=True))
        return Holdings(rows, money, books.ledger_head)

    rule = "units of each instrument, and cash"
    return derived(
        f"holdings at {books.ledger_head}",
        kept,
        rule,
        [cash, *positions],
        compute=gather,
        origins=origins,
        text=holdings_text,
    )


def holdings_text(holdings: Holdings) -> str:
    """Give holdings in one line."""
    units = [f"{row.instrument} {plain_decimal(row.quantity)}" for row in holdings.positions]
    return ", ".join([*units, f"cash {plain_decimal(holdings.cash)}"])


def _held(books: Books, entries: Sequence[Entry]) -> Holdings:
    return holdings_of(entries, base=books.base, ledger_head=books.ledger_head)


def _moves(entry: Entry, account: LedgerAccount, commodity: str) -> bool:
    return any((one.account, one.commodity) == (account, commodity) for one in entry.postings)


def _evidence_text(entry: Entry, evidence: Evidence | None) -> str:
    match evidence:
        case Fill() as fill:
            number, price, rate = (plain_decimal(one) for one in (fill.quantity, fill.price, fill.fx_rate))
            fee = f"fee {plain_decimal(fill.fee)} {fill.base}"
            return f"{fill.side} {number} {fill.instrument} at {price} {fill.quote}, rate {rate}, {fee}"
        case CashFact() as cash:
            withheld = f", {plain_decimal(cash.withheld)} withheld" if cash.withheld else ""
            return f"{cash.kind} {plain_decimal(cash.amount)} {cash.currency}{withheld}"
        case SplitFact() as split:
            return f"split {plain_decimal(split.ratio)} of {split.instrument}: {plain_decimal(split.units)} units came"
        case SplitTold() as told:
            return f"split {plain_decimal(told.split.ratio)} of {told.split.instrument} on {told.split.session}"
        case None:
            return entry.evidence.replace(":", " ")
