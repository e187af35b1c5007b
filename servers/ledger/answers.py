"""What the ledger tools answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.canonical import instant_text
from servers.answers import WORDS_LENGTH_MAX, Answer, Number, first_of, paged, words

if TYPE_CHECKING:
    from core.domain.facts import Worth
    from core.domain.holdings import Holdings
    from core.ledger.figures import Balance as FoundBalance
    from core.ledger.figures import Holding
    from core.ledger.reconcile import Compared
    from flows.reconcile import Reconciled as AccountReconciled
    from flows.results import Results

EVENTS_A_PAGE = 50
ROWS_MAX = 150
POSITIONS_A_PAGE, CURRENCIES_MAX = 50, 12
NO_MARKET = "no market data was ingested"
LINES_MAX = 30


class Held(Answer):
    """Units of an instrument in so many lots, their cost in `currency`, and cost and value in the base; null: unknown."""

    instrument: str
    quantity: Number
    lots: int | None
    currency: str | None
    cost: Number | None
    cost_base: Number | None
    value: Number | None
    price_date: date | None


class Balance(Answer):
    """Cash in a currency, its worth in the base, and the rate with its day and source."""

    currency: str
    amount: Number
    value: Number | None
    rate: Number | None
    rate_date: date | None
    rate_source: str | None


class Positions(Answer):
    """A book's positions, a page at a time, and cash; values at the closes of `as_of`, null before any bars were ingested."""

    book: str
    venue: str
    base: str
    as_of: date | None
    cash: Number
    cash_by_currency: tuple[Balance, ...]
    equity: Number | None
    not_computable: str | None
    warnings: tuple[str, ...]
    positions: tuple[Held, ...]
    page: int
    pages: int
    position_count: int
    ledger_head: str


class Posted(Answer):
    """What was posted of a ticket: new fills, and its lines that still wait for an answer."""

    ticket_id: str
    fills: int
    waiting: tuple[int, ...]
    ledger_head: str


class Window(Answer):
    """Returns from the end of one day to the end of another, as fractions; null where not computable, `why` says why.

    `xirr` is a rate a year; `benchmark` is the policy's benchmark in the base currency, dividends reinvested.
    """

    name: str
    first: date | None
    last: date | None
    time_weighted: Number | None
    modified_dietz: Number | None
    xirr: Number | None
    benchmark: Number | None
    why: tuple[str, ...]


class Result(Answer):
    """Where a book made and lost money, in the base currency; drawdown is a fraction <= 0.

    total = realised + unrealised + income - fees = equity - capital. Realised and unrealised are price and fx together,
    income is gross less withheld.
    """

    book: str
    base: str
    as_of: date | None
    capital: Number
    realised: Number
    realised_price: Number
    realised_fx: Number
    unrealised: Number | None
    unrealised_price: Number | None
    unrealised_fx: Number | None
    income: Number
    gross: Number
    withheld: Number
    fees: Number
    total: Number | None
    equity: Number | None
    drawdown: Number | None
    not_computable: str | None
    warnings: tuple[str, ...]
    returns: tuple[Window, ...]


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


def positions_of(
    holdings: Holdings, found: Results | None, *, book: str, venue: str, base: str, page: int
) -> Positions:
    """Give holdings with lots, costs and values; without any market data units and cash alone."""
    from core.ledger.figures import balances_told, figures_of, holdings_told
    from flows.results import warnings_of

    equity: Decimal | None = None
    missing: str | None = NO_MARKET
    cash: list[Balance] = []
    warnings: tuple[str, ...] = ()
    rows = [_unvalued(row.instrument, row.quantity) for row in holdings.positions]
    if found is not None:
        told = figures_of(found.answer["pnl"])
        equity, missing = told.equity, told.missing
        rows = [_held(one) for one in holdings_told(found.answer)]
        cash = [_balance(one) for one in balances_told(found.answer)]
        warnings = warnings_of(found)
    shown, paging = paged(rows, page, POSITIONS_A_PAGE)
    return Positions(
        book=book,
        venue=venue,
        base=base,
        as_of=found.session if found else None,
        cash=holdings.cash,
        cash_by_currency=tuple(cash[:CURRENCIES_MAX]),
        equity=equity,
        not_computable=missing[:WORDS_LENGTH_MAX] if missing else None,
        warnings=words(warnings),
        positions=tuple(shown),
        page=paging.page,
        pages=paging.pages,
        position_count=paging.rows,
        ledger_head=holdings.ledger_head,
    )


def result_of(found: Results, worth: Worth | None, *, book: str) -> Result:
    """Give a book's result and its returns."""
    from core.ledger.figures import figures_of, not_computed
    from flows.results import warnings_of

    told, windows = figures_of(found.answer["pnl"]), found.answer["returns"]["windows"]
    benchmark = found.answer["benchmark"]
    listed = {} if not_computed(windows) else windows
    figures = (
        *("capital", "realised", "realised_price", "realised_fx", "unrealised", "unrealised_price", "unrealised_fx"),
        *("income", "gross", "withheld", "fees", "total", "equity"),
    )
    return Result(
        book=book,
        base=found.scope.base,
        as_of=found.session,
        drawdown=worth.drawdown if worth else None,
        not_computable=told.missing[:WORDS_LENGTH_MAX] if told.missing else None,
        warnings=words(warnings_of(found)),
        returns=tuple(_window(name, one, benchmark.get(name)) for name, one in listed.items()),
        **{name: getattr(told, name) for name in figures},
    )


def _unvalued(instrument: str, quantity: Decimal) -> Held:
    nothing = dict.fromkeys(("lots", "currency", "cost", "cost_base", "value", "price_date"))
    return Held.model_validate({"instrument": instrument, "quantity": quantity} | nothing)


def _held(one: Holding) -> Held:
    return Held(
        instrument=one.instrument,
        quantity=one.quantity,
        lots=one.lots,
        currency=one.currency,
        cost=one.cost,
        cost_base=one.cost_base,
        value=one.value,
        price_date=one.price_date,
    )


def _balance(one: FoundBalance) -> Balance:
    return Balance(
        currency=one.currency,
        amount=one.amount,
        value=one.value,
        rate=one.rate,
        rate_date=one.rate_date,
        rate_source=one.rate_source,
    )


def _window(name: str, told: Mapping[str, Any], benchmark: Any) -> Window:
    from core.ledger.figures import not_computed

    figures = {one: told.get(one) for one in ("time_weighted", "modified_dietz", "xirr")} | {"benchmark": benchmark}
    whys = [not_computed(told), *(not_computed(one) for one in figures.values())]
    return Window(
        name=name,
        first=told.get("from"),
        last=told.get("to"),
        why=words([one for one in dict.fromkeys(whys) if one is not None]),
        **{one: figure if isinstance(figure, Decimal) else None for one, figure in figures.items()},
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
