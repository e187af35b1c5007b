"""Asking why: what a figure rests on is read, row by row and file by file, and handed to the tree that computes it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from core.audit.books import Booked, Books, Evidence, SplitTold
from core.audit.market import Market, RawTelling
from core.audit.reports import BookFigures, BookKept
from core.audit.tickets import TicketFigures
from core.audit.traced import Kept, Page
from core.audit.tree import KeptFile, KeptRow
from core.domain.bars import Parsed
from core.domain.decision import Decision
from core.domain.facts import Seen, Unread
from core.domain.frame import Frame
from core.domain.instrument import InstrumentId
from core.domain.order import OrderLine, Proposal
from core.domain.panel import Panel
from core.domain.posting import CashFact, Entry, SplitFact
from core.domain.scores import ScoreSet
from core.domain.slot import RunId
from core.domain.ticket import IssuedTicket, Ticket, TicketLine
from core.ledger.equity import rates_of
from core.money import SHARE_STEP
from core.riskguard.approval import signed_bytes
from core.ticketing.confirm import fill_of
from core.ticketing.why import Told
from flows.books import DecisionBook, Execution, Journal, ModelBook, RunBook, ScoreBook, TicketBook, Verifier
from flows.decide import NotReady, scored_gates
from flows.look import ledger_head, quote_of, read_fixings, read_panel
from flows.ports import CleanSet, Parser, RawStore, SourceError
from flows.replay import entry_count, ticket_again
from flows.results import Moment, ResultDoors, Scope, accounts_of, drawdown_of, results_of
from flows.setup import NO_SNAPSHOT, BookSetup
from flows.value import NothingToValue


@dataclass(frozen=True)
class FactRow:
    """A row of a fact table: where it is kept, and its columns."""

    kept: KeptRow
    columns: Mapping[str, Any]


class FactRows(Protocol):
    """Reads the rows of any fact table, with the event that added each and what is wrong with either."""

    def rows(self, table: str, column: str, values: Sequence[object]) -> Sequence[FactRow]:
        """Give the rows of a table whose column has one of some values, oldest first."""
        ...

    def event(self, seq: int) -> KeptRow | None:
        """Find an event by its number."""
        ...

    def approved_lines(self, run_id: RunId) -> Sequence[OrderLine]:
        """Give the lines that were approved, in order."""
        ...

    def ticket_lines(self, run_id: RunId) -> Sequence[TicketLine]:
        """Give the lines of the ticket that a run ended in as they were written beside it, in order."""
        ...

    def evidence(self, references: Sequence[str], *, base: str) -> Mapping[str, Execution | CashFact | SplitFact]:
        """Give what evidence says, by its name as entries have it, as far as an entry is posted of that alone."""
        ...


class Sourced(CleanSet, Protocol):
    """Clean sets that tell which raw files they were made of."""

    def made_of(self, snapshot: str) -> Mapping[str, str]:
        """Give the SHA-256 of each raw file that a set was made of, by path."""
        ...


@dataclass(frozen=True)
class WhyDoors:
    """What asking may use: it reads everything and writes nothing.

    `page` gives the text of a published file by its path in the workspace, or None where there is none. Who only wants the
    names of figures reads no raw file (`reads_files`).
    """

    facts: FactRows
    runs: RunBook
    scores: ScoreBook
    models: ModelBook
    decisions: DecisionBook
    tickets: TicketBook
    journal: Journal
    clean: Sourced
    raw: RawStore
    parser: Parser
    verifier: Verifier
    page: Callable[[str], str | None]
    reads_files: bool = True


def ticket_why(run_id: RunId, setup: BookSetup, doors: WhyDoors) -> TicketFigures:
    """Give the figures of the ticket that a run ended in; `setup` is the one that the run names by its hashes.

    Raises NotReady when the run ended in no ticket.
    """
    run, stored = doors.runs.run(run_id), doors.decisions.decision(run_id)
    scores, issued = doors.scores.scores(run_id), doors.tickets.ticket_of(run_id)
    if run is None or stored is None or scores is None or issued is None:
        raise NotReady(f"{run_id} did not end in a ticket; there is nothing to ask")
    decision, seen = stored
    gates = scored_gates(scores)
    frame, proposal, approval = setup.frame(run), doors.decisions.proposal(run_id), doors.decisions.approval(run_id)
    panel = read_panel(frame, doors.clean, sessions=setup.strategy.sessions_needed)
    fixings = read_fixings(frame, doors.clean)
    held = seen.standing.holdings
    entries: Sequence[Entry] = ()
    if not isinstance(held, Unread):
        count = entry_count(held.ledger_head)
        entries = doors.journal.entries(frame.policy.book, frame.policy.execution.venue, first=count)
    names = {row.instrument for row in (() if isinstance(held, Unread) else held.positions)}
    names |= {row.instrument for row in (proposal.target.weights if proposal is not None else ())}
    market = _market(frame, setup, doors, panel=panel, names=names)
    curve_panel = _curve_panel(frame, entries, doors) if entries else None
    quote, within = quote_of(frame.universe, frame.policy), (entries[0].session, run.as_of.session) if entries else None
    kept = Kept(
        issued=issued,
        frame=frame,
        decision=decision,
        seen=seen,
        proposal=proposal,
        model=None if scores.model is None else doors.models.model(scores.model),
        model_gate=gates["model"],
        score_gate=gates["scores"],
        approval=approval,
        signature_verifies=approval is not None
        and doors.verifier.verify(approval.key_id, signed_bytes(approval.mandate), bytes.fromhex(approval.signature)),
        approved=tuple(doors.facts.approved_lines(run_id)),
        written=tuple(doors.facts.ticket_lines(run_id)),
        market=market,
        panel=panel,
        fixings=fixings,
        books=None if isinstance(held, Unread) else _books(entries, setup, doors, head=held.ledger_head),
        curve_panel=curve_panel,
        rates=None
        if isinstance(fixings, Unread) or within is None
        else rates_of(fixings, frame.policy.base_currency, quote, within=within),
        rows=_rows_of_run(run_id, issued, doors) | _rows_of_lines(run_id, doors) | _rows_of_model(scores.model, doors),
        page=_page(issued, doors),
        redraft=partial(_redraft, scores=scores, issued=issued, frame=frame),
    )
    return TicketFigures(kept)


def book_why(scope: Scope, setup: BookSetup, moment: Moment, *, doors: WhyDoors, results: ResultDoors) -> BookFigures:
    """Give the figures of one book as the reports print them; raises NothingToValue and BooksDiffer as those do."""
    found = results_of(scope, results, moment)
    (name,), snapshot = scope.asked, doors.clean.current()
    if snapshot is None:
        raise NothingToValue("no market data was ingested; run `twokey ingest`")
    base, panels = setup.policy.base_currency, found.market.panels
    held = {posting.commodity for entry in found.entries for posting in entry.postings if posting.account == "units"}
    policy_row, _ = _configuration(setup, doors)
    market = Market(
        panel=panels[0] if panels else None,
        fixings=found.market.fixings,
        tellings=_tellings(snapshot, doors, setup, names=held),
        files=_files(snapshot, doors),
        row=_first(doors.facts.rows("clean_snapshot", "hash", [snapshot])),
        universe=setup.universe,
        policy=setup.policy,
        policy_row=policy_row,
        sessions=setup.calendar.sessions,
        known_at=None,
    )
    kept = BookKept(
        name=name,
        session=found.session,
        books=_books(found.entries, setup, doors, head=ledger_head(found.entries)),
        market=market,
        known=found.known,
        quoted=found.quoted,
        accounts=accounts_of(scope),
        ask=found.ask,
        answer=found.answer,
        worth=drawdown_of(found),
        panels=panels,
        curve_rates=rates_of(found.market.fixings, base, scope.quote),
    )
    return BookFigures(kept)


def _page(issued: IssuedTicket, doors: WhyDoors) -> Page | None:
    path = f"tickets/{issued.ticket.ticket_id}.json"
    text = doors.page(path)
    return None if text is None else Page(path, text)


def _redraft(
    decision: Decision, seen: Seen, proposal: Proposal | None, *, scores: ScoreSet, issued: IssuedTicket, frame: Frame
) -> Ticket:
    return ticket_again(Told(scores, proposal, decision, seen), issued=issued.ticket, frame=frame)


# --- rows -------------------------------------------------------------------------------------------------------------


def _first(rows: Sequence[FactRow]) -> KeptRow | None:
    return rows[0].kept if rows else None


def _rows_of_run(run_id: RunId, issued: IssuedTicket, doors: WhyDoors) -> dict[str, tuple[KeptRow, ...]]:
    tables = ("run", "score_set", "proposal", "decision", "approval", "ticket")
    rows = {table: tuple(row.kept for row in doors.facts.rows(table, "run_id", [run_id])) for table in tables}
    ticket, event = issued.ticket, doors.facts.event(issued.seal.audit_seq)
    hashes = {"policy": ticket.policy_hash, "universe": ticket.universe_hash}
    found = doors.facts.rows("config_version", "hash", list(hashes.values()))
    for kind, digest in hashes.items():
        rows[kind] = tuple(row.kept for row in found if (row.columns["kind"], row.columns["hash"]) == (kind, digest))
    rows["event"] = () if event is None else (event,)
    return rows


def _rows_of_model(digest: str | None, doors: WhyDoors) -> dict[str, tuple[KeptRow, ...]]:
    found = () if digest is None else doors.facts.rows("model", "hash", [digest])
    return {"model": tuple(row.kept for row in found)}


def _rows_of_lines(run_id: RunId, doors: WhyDoors) -> dict[str, tuple[KeptRow, ...]]:
    rows: dict[str, tuple[KeptRow, ...]] = {}
    for above, below, column in (("approval", "approval_line", "approval_id"), ("ticket", "ticket_line", "ticket")):
        numbers = [row.kept.row for row in doors.facts.rows(above, "run_id", [run_id])]
        found = doors.facts.rows(below, column, numbers)
        rows |= {f"{below} {row.columns['line']}": (row.kept,) for row in found}
    return rows


def _configuration(setup: BookSetup, doors: WhyDoors) -> tuple[KeptRow | None, KeptRow | None]:
    hashes = [setup.policy.hash, setup.universe_hash]
    found = doors.facts.rows("config_version", "hash", hashes)
    kinds = {row.columns["kind"]: row.kept for row in found}
    return kinds.get("policy"), kinds.get("universe")


def _books(entries: Sequence[Entry], setup: BookSetup, doors: WhyDoors, *, head: str) -> Books:
    base = setup.policy.base_currency
    rows = {row.columns["key"]: row for row in doors.facts.rows("entry", "key", [entry.key for entry in entries])}
    numbers = [row.kept.row for row in rows.values()]
    postings: dict[int, list[KeptRow]] = {}
    for row in doors.facts.rows("posting", "entry", numbers):
        postings.setdefault(row.columns["entry"], []).append(row.kept)
    references = [entry.evidence for entry in entries]
    told, kept = doors.facts.evidence(references, base=base), _evidence_rows(references, doors)
    recorded = sorted((rows[entry.key].kept.row, entry) for entry in entries if entry.key in rows)
    booked = []
    for entry in entries:
        own = rows.get(entry.key)
        before = tuple(one for number, one in recorded if own is not None and number < own.kept.row)
        booked.append(
            Booked(
                entry,
                () if own is None else (own.kept, *postings.get(own.kept.row, ())),
                kept.get(entry.evidence, ()),
                _evidence(entry, told.get(entry.evidence), doors, setup=setup, before=before),
            )
        )
    return Books(tuple(booked), base, head)


def _evidence_rows(references: Sequence[str], doors: WhyDoors) -> dict[str, tuple[KeptRow, ...]]:
    """Give the row of each piece of evidence; of a person's answer also the confirmation, which says who gave it."""
    ids: dict[str, set[int]] = {}
    for reference in references:
        table, _, number = reference.partition(":")
        ids.setdefault(table, set()).add(int(number))
    found: dict[str, tuple[KeptRow, ...]] = {}
    for table, numbers in ids.items():
        rows = doors.facts.rows(table, "id", sorted(numbers))
        above: dict[int, KeptRow] = {}
        if table == "confirmation_line":
            confirmations = sorted({row.columns["confirmation"] for row in rows})
            above = {row.kept.row: row.kept for row in doors.facts.rows("confirmation", "id", confirmations)}
        for row in rows:
            spoken = above.get(row.columns.get("confirmation", 0))
            found[f"{table}:{row.kept.row}"] = (row.kept,) if spoken is None else (row.kept, spoken)
    return found


def _evidence(
    entry: Entry,
    told: Execution | CashFact | SplitFact | None,
    doors: WhyDoors,
    *,
    setup: BookSetup,
    before: tuple[Entry, ...],
) -> Evidence | None:
    if isinstance(told, Execution):
        standing = doors.tickets.ticket(told.ticket_id)
        if standing is None or standing.issued.ticket.revision != told.revision:
            return None
        return fill_of(told.answer, standing.issued.ticket, key=entry.key, evidence=entry.evidence)
    if told is None and entry.kind == "SPLIT" and entry.evidence.startswith("clean_snapshot:"):
        return _split_told(entry, doors, before=before, setup=setup)
    return told


def _split_told(entry: Entry, doors: WhyDoors, *, before: tuple[Entry, ...], setup: BookSetup) -> SplitTold | None:
    rows = doors.facts.rows("clean_snapshot", "id", [int(entry.evidence.partition(":")[2])])
    if not rows:
        return None
    panel = doors.clean.panel(rows[0].columns["hash"], first=entry.session, last=entry.session)
    found = [split for split in panel.splits if (split.session, split.instrument) == (entry.session, entry.instrument)]
    # What is in no book is split to the last of twelve decimals, as settling does it.
    step = setup.policy.sizing.quantity_step if entry.book == setup.policy.book else SHARE_STEP
    return SplitTold(found[0], before, step) if found else None


# --- files ------------------------------------------------------------------------------------------------------------


def _market(
    frame: Frame, setup: BookSetup, doors: WhyDoors, *, panel: Panel | Unread, names: set[InstrumentId]
) -> Market:
    snapshot = frame.run.snapshot
    fixings = read_fixings(frame, doors.clean)
    policy_row, _ = _configuration(setup, doors)
    is_there = not isinstance(panel, Unread)
    return Market(
        panel=None if isinstance(panel, Unread) else panel,
        fixings=() if isinstance(fixings, Unread) else fixings,
        tellings=_tellings(snapshot, doors, setup, names=names) if is_there else (),
        files=_files(snapshot, doors) if is_there else (),
        row=None if snapshot == NO_SNAPSHOT else _first(doors.facts.rows("clean_snapshot", "hash", [snapshot])),
        universe=frame.universe,
        policy=frame.policy,
        policy_row=policy_row,
        sessions=frame.calendar.sessions,
        known_at=frame.run.as_of.at,
    )


def _curve_panel(frame: Frame, entries: Sequence[Entry], doors: WhyDoors) -> Panel | None:
    run = frame.run
    if run.snapshot == NO_SNAPSHOT:
        return None
    return doors.clean.panel(run.snapshot, first=entries[0].session, last=run.as_of.session, known_at=run.as_of.at)


def _files(snapshot: str, doors: WhyDoors) -> tuple[KeptFile, ...]:
    """Give every raw file that a clean set was made of; that its bytes are those is looked at where one is read."""
    records = {record.path: record for record in doors.raw.records()}
    return tuple(
        KeptFile(path, sha256, records[path].provider if path in records else "unknown", "whole")
        for path, sha256 in sorted(doors.clean.made_of(snapshot).items())
    )


def _tellings(snapshot: str, doors: WhyDoors, setup: BookSetup, *, names: set[InstrumentId]) -> tuple[RawTelling, ...]:
    """Read the raw files of a clean set that may tell of some instruments, oldest first: those of many symbols, and theirs."""
    if not doors.reads_files:
        return ()
    made_of, rows = doors.clean.made_of(snapshot), setup.universe.by_id()
    own = [rows[name] for name in names if name in rows]
    symbols = {name.lower() for row in own for name in (row.yahoo_symbol, row.stooq_symbol)}
    known = {record.path for record in doors.raw.records()}
    found = [
        RawTelling(path, made_of[path], "unknown", Parsed(), f"{path} is not in the raw store any more")
        for path in sorted(made_of.keys() - known)
    ]
    for record in doors.raw.records():
        if record.path not in made_of or (record.symbol or "").lower() not in {"", *symbols}:
            continue
        parsed, problem = Parsed(), None
        try:
            parsed = doors.parser.parse(record, doors.raw.read(record))
        except SourceError as error:
            problem = str(error)
        if record.sha256 != made_of[record.path]:
            problem = f"{record.path} has another SHA-256 than the one that the clean set was made of"
        found.append(RawTelling(record.path, made_of[record.path], record.provider, parsed, problem))
    return tuple(found)
