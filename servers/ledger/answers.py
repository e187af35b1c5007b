"""What the ledger tools answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.canonical import instant_text
from servers.answers import WORDS_LENGTH_MAX, Answer, Number, first_of

if TYPE_CHECKING:
    from core.domain.holdings import Holdings
    from core.ledger.reconcile import Compared
    from flows.reconcile import Reconciled as AccountReconciled
    from flows.value import Valuation

EVENTS_A_PAGE = 50
ROWS_MAX = 150
LINES_MAX = 30


class Held(Answer):
    """Units of an instrument, and their value in the base currency; null where nothing values them."""

    instrument: str
    quantity: Number
    value: Number | None


class Positions(Answer):
    """A book's positions and cash; values at the closes of `as_of`, null before any bars were ingested."""

    book: str
    venue: str
    base: str
    as_of: date | None
    cash: Number
    equity: Number | None
    positions: tuple[Held, ...]
    position_count: int
    ledger_head: str


class Posted(Answer):
    """What was posted of a ticket: new fills, and its lines that still wait for an answer."""

    ticket_id: str
    fills: int
    waiting: tuple[int, ...]
    ledger_head: str


class Result(Answer):
    """Where a book made and lost money, in the base currency; drawdown is a fraction <= 0."""

    book: str
    base: str
    as_of: date | None
    capital: Number
    realised: Number
    unrealised: Number
    income: Number
    equity: Number
    drawdown: Number


class Happened(Answer):
    """An event of the audit chain: which role added how many rows of what, and the hashes that chain it."""

    seq: int
    at: str
    role: str
    kind: str
    subject: str
    rows: int | None
    hash: str


class Events(Answer):
    """Events after a number, oldest first; `next_after` gives those that follow."""

    events: tuple[Happened, ...]
    page: int
    next_after: int
    head: int


class Line(Answer):
    """A position or cash: our books', the venue's, both valued in `currency` (at our mark and its price); null: no price."""

    what: str
    ours: Number
    theirs: Number
    currency: str | None
    mark: Number | None
    mark_session: date | None
    ours_value: Number | None
    theirs_value: Number | None


class Reconciled(Answer):
    """A comparison of an account's books with the newest snapshot of it; no breaks means that they agree.

    `as_of` and `evidence` (SHA-256) are of the file that a person gave, null where the venue reports itself.
    """

    account: str
    book: str
    books: tuple[str, ...]
    venue: str
    session: date
    as_of: str | None
    evidence: str | None
    lines: tuple[Line, ...]
    line_count: int
    breaks: tuple[str, ...]
    break_count: int


def positions_of(holdings: Holdings, valued: Valuation | None, *, book: str, venue: str, base: str) -> Positions:
    """Give holdings, valued if they can be."""
    values: Mapping[str, Decimal] = valued.values if valued else {}
    return Positions(
        book=book,
        venue=venue,
        base=base,
        as_of=valued.as_of if valued else None,
        cash=holdings.cash,
        equity=holdings.cash + sum(values.values(), Decimal(0)) if valued else None,
        positions=first_of(
            holdings.positions,
            ROWS_MAX,
            lambda row: Held(instrument=row.instrument, quantity=row.quantity, value=values.get(row.instrument)),
        ),
        position_count=len(holdings.positions),
        ledger_head=holdings.ledger_head,
    )


def result_of(valued: Valuation, *, book: str, base: str) -> Result:
    """Give a book's result."""
    return Result(
        book=book,
        base=base,
        as_of=valued.as_of,
        capital=valued.result.capital,
        realised=valued.result.realised,
        unrealised=valued.result.unrealised,
        income=valued.result.income,
        equity=valued.worth.equity,
        drawdown=valued.worth.drawdown,
    )


def events_of(rows: Sequence[Mapping[str, Any]], *, page: int, after: int, head: int) -> Events:
    """Give a page of events."""
    return Events(
        events=tuple(_happened(row) for row in rows),
        page=page,
        next_after=rows[-1]["seq"] if rows else after,
        head=head,
    )


def reconciled(done: AccountReconciled, *, book: str) -> Reconciled:
    """Give a comparison."""
    snapshot, found = done.snapshot, done.comparison
    return Reconciled(
        account=snapshot.account,
        book=book,
        books=done.books,
        venue=snapshot.venue,
        session=snapshot.session,
        as_of=instant_text(snapshot.file.as_of) if snapshot.file else None,
        evidence=snapshot.file.sha256 if snapshot.file else None,
        lines=first_of(found.lines, LINES_MAX, _line),
        line_count=len(found.lines),
        breaks=first_of(found.breaks, ROWS_MAX // 3, lambda one: str(one)[:WORDS_LENGTH_MAX]),
        break_count=len(found.breaks),
    )


def _line(line: Compared) -> Line:
    return Line(
        what=f"cash {line.subject}" if line.is_cash else line.subject,
        ours=line.ours,
        theirs=line.theirs,
        currency=line.currency,
        mark=line.mark.price if line.mark else None,
        mark_session=line.mark.session if line.mark else None,
        ours_value=line.ours_value,
        theirs_value=line.theirs_value,
    )


def _happened(row: Mapping[str, Any]) -> Happened:
    body = row["body"] if isinstance(row["body"], dict) else {}
    return Happened(
        seq=row["seq"],
        at=row["at"],
        role=row["role"],
        kind=row["kind"],
        subject=row["subject"],
        rows=body.get("rows"),
        hash=row["hash"],
    )
