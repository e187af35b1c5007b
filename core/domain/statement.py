"""Statements: what a broker's own file says happened, row by row, before anybody books it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from core.canonical import sha256_of


@dataclass(frozen=True)
class Money:
    """An amount of one currency; what is paid by the account is below zero only where a kind says so."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Named:
    """An instrument as a broker names it: its symbol or name, and its ISIN, empty where the file tells none."""

    name: str
    isin: str = ""


@dataclass(frozen=True)
class Trade:
    """Units bought or sold for an amount before the fees; `price` is as told, in a currency that may be another."""

    kind: ClassVar[str] = "trade"
    side: Literal["BUY", "SELL"]
    instrument: Named
    quantity: Decimal
    amount: Money
    fees: tuple[Money, ...] = ()
    price: Money | None = None
    multiplier: Decimal = Decimal(1)


@dataclass(frozen=True)
class Gift:
    """Units that the broker gave, and what they were worth on that day."""

    kind: ClassVar[str] = "gift"
    instrument: Named
    quantity: Decimal
    worth: Money


@dataclass(frozen=True)
class Dividend:
    """A dividend as it was paid, below zero where one is taken back, and the tax withheld if the same row tells it.

    `paid` is after the tax where `withheld` stands, else what the row tells: other rows may take tax from it.
    """

    kind: ClassVar[str] = "dividend"
    instrument: Named
    paid: Money
    withheld: Money | None = None


@dataclass(frozen=True)
class Withholding:
    """Tax withheld in a row of its own, below zero where it is given back; on interest where no instrument stands."""

    kind: ClassVar[str] = "withholding"
    instrument: Named | None
    withheld: Money


@dataclass(frozen=True)
class Interest:
    """Interest received, below zero where it was paid."""

    kind: ClassVar[str] = "interest"
    received: Money


@dataclass(frozen=True)
class Fee:
    """A fee of no trade, below zero where it is given back."""

    kind: ClassVar[str] = "fee"
    taken: Money
    instrument: Named | None = None


@dataclass(frozen=True)
class Conversion:
    """One currency exchanged for another, both amounts in one row."""

    kind: ClassVar[str] = "fx"
    gave: Money
    got: Money
    fees: tuple[Money, ...] = ()


@dataclass(frozen=True)
class ConversionLeg:
    """One side of a conversion whose other side stands in another row; below zero where it was given."""

    kind: ClassVar[str] = "fx leg"
    moved: Money


@dataclass(frozen=True)
class Deposit:
    """Cash that came from outside."""

    kind: ClassVar[str] = "deposit"
    amount: Money


@dataclass(frozen=True)
class Withdrawal:
    """Cash that went outside, as a positive amount."""

    kind: ClassVar[str] = "withdraw"
    amount: Money


@dataclass(frozen=True)
class CashTransfer:
    """Cash between the account and another of the same owner; below zero where it went out."""

    kind: ClassVar[str] = "transfer"
    moved: Money


@dataclass(frozen=True)
class UnitsTransfer:
    """Units moved in kind; below zero where they went out."""

    kind: ClassVar[str] = "transfer in kind"
    instrument: Named
    quantity: Decimal


@dataclass(frozen=True)
class StockSplit:
    """A split told with its ratio: `new` units for each `old`."""

    kind: ClassVar[str] = "split"
    instrument: Named
    new: int
    old: int


Event = (
    Trade
    | Gift
    | Dividend
    | Withholding
    | Interest
    | Fee
    | Conversion
    | ConversionLeg
    | Deposit
    | Withdrawal
    | CashTransfer
    | UnitsTransfer
    | StockSplit
)


@dataclass(frozen=True)
class StatementRow:
    """One understood row: its line in the file, its day, the event, and the broker's own name for it, if any.

    `account`, `moment` (the time as the file writes it) and `order` (the broker's name for what several rows belong to: a
    trade and its fee) are empty where the file tells none.
    """

    line: int
    day: date
    event: Event
    account: str = ""
    moment: str = ""
    broker_id: str = ""
    order: str = ""

    @property
    def kind(self) -> str:
        """The kind of the event, in one word or two."""
        return self.event.kind


@dataclass(frozen=True)
class NotUnderstood:
    """A row that nobody here can read as an event: its line, what stands there, and why it was not understood."""

    line: int
    text: str
    why: str


@dataclass(frozen=True)
class Aside:
    """A row that tells no event of its own, such as a total or a balance: its line and what it is."""

    line: int
    what: str


@dataclass(frozen=True)
class KeyedRow:
    """A row with the key by which it is known again in any other file of the same broker; `ordinal` counts equal rows."""

    key: str
    ordinal: int
    row: StatementRow


@dataclass(frozen=True)
class Statement:
    """One file, whole: every row of it is in exactly one of `rows`, `repeated`, `unread` and `asides`.

    `repeated` holds rows with a broker's id that stood in the file before, with the same content.
    """

    broker: str
    rows: tuple[KeyedRow, ...]
    repeated: tuple[StatementRow, ...]
    unread: tuple[NotUnderstood, ...]
    asides: tuple[Aside, ...]

    @property
    def row_count(self) -> int:
        """How many rows the file has, headings apart."""
        return len(self.rows) + len(self.repeated) + len(self.unread) + len(self.asides)

    @property
    def duplicates(self) -> int:
        """How many rows are equal to one before them; they are kept, for the broker's file says that it happened twice."""
        return sum(one.ordinal > 1 for one in self.rows)

    @property
    def kinds(self) -> dict[str, int]:
        """How many rows of each kind were understood, by the kind's name."""
        return dict(sorted(Counter(one.row.kind for one in self.rows).items()))

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day of the understood rows; None where there are none."""
        days = [one.row.day for one in self.rows]
        return (min(days), max(days)) if days else None

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies of the understood rows."""
        return tuple(sorted({money.currency for one in self.rows for money in moneys(one.row.event)}))


def make_statement(
    broker: str, rows: Sequence[StatementRow], *, unread: Iterable[NotUnderstood], asides: Iterable[Aside]
) -> Statement:
    """Give the rows of a file their keys.

    A key is the broker's id where there is one, with the kind of row, for an order and its tax may share an id. Else it is
    the content (account, day, moment, event) and the ordinal among equal rows of the file: two equal rows are two events,
    and the same two in another file have the same two keys. A broker's id that comes again with the same content is one
    event told twice; with other content it is not understood.
    """
    keyed: list[KeyedRow] = []
    repeated: list[StatementRow] = []
    conflicts: list[NotUnderstood] = []
    seen: Counter[str] = Counter()
    by_id: dict[str, StatementRow] = {}
    for row in rows:
        content = _content(row)
        if not row.broker_id:
            seen[content] += 1
            keyed.append(KeyedRow(sha256_of([broker, content, seen[content]]), seen[content], row))
            continue
        name = sha256_of([broker, row.account, _sort(row), row.broker_id])
        first = by_id.setdefault(name, row)
        if first is row:
            keyed.append(KeyedRow(name, 1, row))
        elif _content(first) == content:
            repeated.append(row)
        else:
            conflicts.append(_conflict(row, f"in line {first.line}"))
    ordered = sorted([*unread, *conflicts], key=lambda one: one.line)
    return Statement(broker, tuple(keyed), tuple(repeated), tuple(ordered), tuple(asides))


@dataclass(frozen=True)
class Overlap:
    """What of a file is new after the files before it: the rows to take, those taken already, and those told otherwise."""

    new: tuple[KeyedRow, ...]
    known: tuple[KeyedRow, ...]
    conflicts: tuple[NotUnderstood, ...]


def overlaps(statements: Sequence[Statement]) -> Iterator[Overlap]:
    """Go through files in order and give for each what is new in it; the same key with other content is a conflict."""
    taken: dict[str, str] = {}
    for statement in statements:
        new, known, conflicts = [], [], []
        for one in statement.rows:
            content = _content(one.row)
            if one.key not in taken:
                new.append(one)
            elif taken[one.key] == content:
                known.append(one)
            else:
                conflicts.append(_conflict(one.row, "in a file before"))
        taken.update((one.key, _content(one.row)) for one in new)
        yield Overlap(tuple(new), tuple(known), tuple(conflicts))


def moneys(event: Event) -> Iterator[Money]:
    """Give every amount of an event, fees and taxes too; the price of a unit is none."""
    match event:
        case Trade():
            yield from (event.amount, *event.fees)
        case Conversion():
            yield from (event.gave, event.got, *event.fees)
        case Dividend():
            yield from (event.paid, *([event.withheld] if event.withheld else []))
        case Gift():
            yield event.worth
        case Withholding():
            yield event.withheld
        case Interest():
            yield event.received
        case Fee():
            yield event.taken
        case ConversionLeg() | CashTransfer():
            yield event.moved
        case Deposit() | Withdrawal():
            yield event.amount
        case UnitsTransfer() | StockSplit():
            return


def _content(row: StatementRow) -> str:
    """Give the hash of what a row says, wherever it stands."""
    return sha256_of([_sort(row), replace(row, line=0)])


def _sort(row: StatementRow) -> str:
    return row.event.side if isinstance(row.event, Trade) else row.kind


def _conflict(row: StatementRow, where: str) -> NotUnderstood:
    why = f"the broker's id {row.broker_id!r} stands {where} with other content; which is right nobody here can know"
    return NotUnderstood(row.line, f"{row.kind} of {row.day.isoformat()}", why)
