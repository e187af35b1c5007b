"""Runs, scores and decisions in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from adapters.postgres.bodies import dump, load
from adapters.postgres.connect import Row, Session
from core.canonical import sha256_text
from core.domain.decision import Approval, Decision, Mandate
from core.domain.facts import Seen
from core.domain.order import OrderLine, Proposal
from core.domain.scores import ScoreSet
from core.domain.slot import BookName, Run, RunId

T = TypeVar("T")


class PgRuns:
    """The runs; opened through the database's function, which keeps the first of a slot and revision."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open_run(self, run: Run) -> Run:
        """Open a run, or give the one that was opened before."""
        slot = run.slot
        body = self._session.call("open_run", run.run_id, slot.book, slot.label, run.revision, dump(run))
        return load(Run, body, of=run.run_id)

    def run(self, run_id: RunId) -> Run | None:
        """Find a run."""
        row = self._session.one("SELECT body FROM run WHERE run_id = %s", (run_id,))
        return None if row is None else load(Run, row["body"], of=run_id)

    def revise_run(self, run: Run, *, by: str, reason: str) -> Run:
        """Open the run of a slot's next revision, which voids the ticket before it; the same revision again gives the first.

        Raises StoreError when that ticket is not there, or a line of it was answered.
        """
        slot = run.slot
        body = self._session.call("revise_run", run.run_id, slot.book, slot.label, run.revision, dump(run), by, reason)
        return load(Run, body, of=run.run_id)

    def newest_run(self, book: BookName, slot: str) -> Run | None:
        """Find the slot's run in its highest revision."""
        query = "SELECT run_id, body FROM run WHERE book = %s AND slot = %s ORDER BY revision DESC LIMIT 1"
        row = self._session.one(query, (book, slot))
        return None if row is None else load(Run, row["body"], of=row["run_id"])

    def unfinished(self, book: BookName, before: str) -> Sequence[Run]:
        """Give the runs of earlier slots that ended in no ticket, oldest first."""
        query = (
            "SELECT run_id, body FROM run r WHERE book = %s AND slot < %s"
            " AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.run_id = r.run_id) ORDER BY slot, revision"
        )
        return [load(Run, row["body"], of=row["run_id"]) for row in self._session.all(query, (book, before))]

    def last_slot(self, book: BookName) -> str | None:
        """Give the label of the book's latest slot that has a run."""
        row = self._session.one("SELECT max(slot) AS slot FROM run WHERE book = %s", (book,))
        return None if row is None else row["slot"]

    def newest_names(self, count: int = 3) -> Sequence[RunId]:
        """Name the runs of the latest slots of all books, the newest first."""
        query = "SELECT run_id FROM run ORDER BY slot DESC, revision DESC, run_id LIMIT %s"
        return [row["run_id"] for row in self._session.all(query, (count,))]


class PgScores:
    """The scores of runs, written by quant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_scores(self, run_id: RunId, scores: ScoreSet) -> ScoreSet:
        """Keep a run's scores and give what is kept."""
        body = dump(scores)
        row = {"run_id": run_id, "hash": sha256_text(body), "body": body}
        added = self._session.add("score_set", [row], once=True)
        return scores if added else self._kept(run_id)

    def scores(self, run_id: RunId) -> ScoreSet | None:
        """Find a run's scores."""
        row = self._session.one("SELECT body, hash FROM score_set WHERE run_id = %s", (run_id,))
        return None if row is None else _hashed(ScoreSet, row, f"the scores of {run_id}")

    def _kept(self, run_id: RunId) -> ScoreSet:
        kept = self.scores(run_id)
        assert kept is not None, "what met a unique key is there"
        return kept


class PgDecisions:
    """Proposals, decisions and approvals, written by the riskguard."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_proposal(self, run_id: RunId, proposal: Proposal) -> Proposal:
        """Keep a run's proposal and give what is kept."""
        body = dump(proposal)
        self._session.add("proposal", [{"run_id": run_id, "hash": sha256_text(body), "body": body}], once=True)
        kept = self.proposal(run_id)
        assert kept is not None, "a proposal was just added, or met a unique key"
        return kept

    def proposal(self, run_id: RunId) -> Proposal | None:
        """Find a run's proposal."""
        row = self._session.one("SELECT body, hash FROM proposal WHERE run_id = %s", (run_id,))
        return None if row is None else _hashed(Proposal, row, f"the proposal of {run_id}")

    def add_decision(
        self, run_id: RunId, decision: Decision, seen: Seen, *, approval: Approval | None, halt: str | None = None
    ) -> Decision:
        """Keep a run's decision with what was seen, its approval and the halt that it makes, and give what is kept."""
        body = dump(decision)
        row = {"run_id": run_id, "kind": decision.kind, "hash": sha256_text(body), "body": body, "facts": dump(seen)}
        with self._session.transaction():
            added = self._session.add("decision", [row], once=True)
            if added and approval is not None:
                self._add_approval(run_id, approval, decision)
            # One step with the decision: set before it, the halt would close a gate of the very run that is cut short.
            if added and halt is not None:
                self._halt_book(run_id, halt)
        kept = self.decision(run_id)
        assert kept is not None, "a decision was just added, or met a unique key"
        return kept[0]

    def decision(self, run_id: RunId) -> tuple[Decision, Seen] | None:
        """Find a run's decision with what was seen."""
        row = self._session.one("SELECT body, hash, facts FROM decision WHERE run_id = %s", (run_id,))
        if row is None:
            return None
        seen = load(Seen, row["facts"], of=f"what was seen for the decision of {run_id}")
        return _hashed(Decision, row, f"the decision of {run_id}"), seen

    def approval(self, run_id: RunId) -> Approval | None:
        """Find a run's approval, its lines included in the decision that it binds."""
        row = self._session.one("SELECT mandate, key_id, signature FROM approval WHERE run_id = %s", (run_id,))
        if row is None:
            return None
        mandate = load(Mandate, row["mandate"], of=f"the approval of {run_id}")
        return Approval(mandate, row["key_id"], row["signature"])

    def approved_lines(self, run_id: RunId) -> tuple[OrderLine, ...]:
        """Give the lines that were approved, in order."""
        query = (
            "SELECT l.body FROM approval_line l JOIN approval a ON a.id = l.approval_id"
            " WHERE a.run_id = %s ORDER BY l.line"
        )
        return tuple(
            load(OrderLine, row["body"], of=f"a line approved for {run_id}")
            for row in self._session.all(query, (run_id,))
        )

    def _halt_book(self, run_id: RunId, reason: str) -> None:
        row = self._session.one("SELECT book FROM run WHERE run_id = %s", (run_id,))
        assert row is not None, "a decision rests on its run"
        self._session.call("halt_trading", row["book"], reason)

    def _add_approval(self, run_id: RunId, approval: Approval, decision: Decision) -> None:
        row = {
            "run_id": run_id,
            "mandate": dump(approval.mandate),
            "key_id": approval.key_id,
            "signature": approval.signature,
        }
        (added,) = self._session.add("approval", [row])
        lines = [
            {"approval_id": added["id"], "line": number, "body": dump(line)}
            for number, line in enumerate(decision.approved, start=1)
        ]
        self._session.add("approval_line", lines)


def _hashed(kind: type[T], row: Row, name: str) -> T:
    return load(kind, row["body"], of=name, digest=row["hash"])
