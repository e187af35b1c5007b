"""What the rollout of a book is judged by, as the database has it, and what people attest."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from adapters.postgres.bodies import load
from adapters.postgres.connect import Row, Session
from core.calendar import run_until
from core.domain.decision import Decision
from core.domain.instrument import Universe
from core.domain.rollout import Attested, PhaseFacts, SlotFacts
from core.domain.slot import BookName, Run, VenueName
from core.domain.ticket import Seal, Ticket
from core.settings import Policy
from core.settings_text import SettingsError, parse_policy
from core.ticketing.draft import is_unfinished

# Of a phase that lasts for years the newest slots are enough to say how it goes.
SLOTS_MAX = 250
_SLOTS = """
SELECT r.run_id, r.slot, r.body AS run, t.id AS ticket, t.venue, t.body, t.hash, t.seal, d.body AS decision,
    m.id IS NOT NULL AS has_files, u.body AS universe, p.body AS policy,
    (SELECT jsonb_array_length(s.body::jsonb -> 'scores' -> 'ranked') FROM score_set s
        WHERE s.run_id = r.run_id AND jsonb_typeof(s.body::jsonb -> 'scores') = 'object') AS scored,
    (SELECT string_agg(v.said_by || ': ' || v.reason, '; ' ORDER BY v.id) FROM revision v JOIN ticket o ON o.id = v.voids
        WHERE o.book = r.book AND o.slot = r.slot AND o.venue = ANY(%(venues)s)) AS revised,
    (SELECT count(*) FROM ticket_line l WHERE l.ticket = t.id
        AND NOT EXISTS (SELECT 1 FROM confirmation_line c WHERE c.ticket_line = l.id)
        AND NOT EXISTS (SELECT 1 FROM venue_report v WHERE v.ticket_line = l.id)) AS unanswered
FROM run r LEFT JOIN ticket t ON t.run_id = r.run_id LEFT JOIN decision d ON d.run_id = r.run_id
    LEFT JOIN manifest m ON m.run_id = r.run_id
    LEFT JOIN config_version u ON u.kind = 'universe' AND u.hash = r.body::jsonb ->> 'universe_hash'
    LEFT JOIN config_version p ON p.kind = 'policy' AND p.hash = r.body::jsonb ->> 'policy_hash'
WHERE r.book = %(book)s AND r.event_seq > %(after)s AND r.event_seq < %(before)s
    AND (t.id IS NULL OR t.venue = ANY(%(venues)s))
ORDER BY r.slot DESC, r.revision DESC LIMIT %(most)s
"""
NEVER = 2**62


class PgRollout:
    """Reads what the phases of a book came to, and keeps what a person attests."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def stay(
        self, policy: Policy, phase: str, *, begins_in: Mapping[VenueName, str], venues: Sequence[VenueName]
    ) -> PhaseFacts | None:
        """Give the last stay in a phase of a policy's book, or None where it was never in it.

        Only what was decided for one of the `venues`, and compared with it, is of the stay. `begins_in` is the phase that a
        book is in before a person ever set one, by the venue that it decides for: until then what was decided on paper is of
        one stay and what was decided for a broker of another, whatever the policy says today.
        """
        within = self._bounds(policy, phase, begins_in=begins_in, venues=venues)
        if within is None:
            return None
        rows = _newest(self._session.all(_SLOTS, within), policy, within["venues"])
        waits = self._waits([row["ticket"] for row in rows if row["ticket"] is not None])
        compared = self._session.all(
            "SELECT venue, session, jsonb_array_length(breaks::jsonb) AS breaks FROM reconciliation WHERE book = %(book)s"
            " AND venue = ANY(%(venues)s) AND event_seq > %(after)s AND event_seq < %(before)s ORDER BY id",
            within,
        )
        windows = self._session.one(
            "SELECT count(*) AS n FROM change_window WHERE book = %(book)s AND event_seq > %(after)s"
            " AND event_seq < %(before)s",
            within,
        )
        return PhaseFacts(
            phase=phase,
            slots=tuple(_slot(row, waits.get(row["ticket"], []), policy) for row in reversed(rows)),
            comparisons=tuple((row["venue"], row["session"], row["breaks"]) for row in compared),
            windows=windows["n"] if windows else 0,
        )

    def attested(self, book: BookName) -> dict[str, Attested]:
        """Give the newest word on each item of a book."""
        rows = self._session.all(
            "SELECT DISTINCT ON (item) item, holds, sha256, name, said_by, note FROM attestation WHERE book = %s"
            " ORDER BY item, id DESC",
            (book,),
        )
        return {
            row["item"]: Attested(
                book, row["item"], row["holds"], row["sha256"], row["name"], row["said_by"], row["note"]
            )
            for row in rows
        }

    def attest(self, said: Attested, content: bytes) -> None:
        """Keep a person's word on an item, with the file whole; raises ValueError where it is not the one that is named."""
        if sha256(content).hexdigest() != said.sha256:
            raise ValueError(f"the file {said.name} is not the one with the SHA-256 {said.sha256}")
        row = {"book": said.book, "item": said.item, "holds": said.holds, "sha256": said.sha256, "name": said.name}
        row |= {"content": b64encode(content).decode(), "said_by": said.by, "note": said.note}
        self._session.add("attestation", [row])

    def _bounds(
        self, policy: Policy, phase: str, *, begins_in: Mapping[VenueName, str], venues: Sequence[VenueName]
    ) -> dict[str, Any] | None:
        """Give the events between which a stay lies, and those of the venues whose tickets are of it."""
        book = policy.book
        steps = self._session.all("SELECT phase, event_seq FROM rollout_step WHERE book = %s ORDER BY id", (book,))
        marks = [0, *(row["event_seq"] for row in steps), NEVER]
        found = [number for number, row in enumerate(steps, start=1) if row["phase"] == phase]
        stay = found[-1] if found else 0
        after, before, venues = marks[stay], marks[stay + 1], list(venues)
        if not found:
            rows = self._session.all(
                "SELECT DISTINCT venue FROM ticket WHERE book = %s AND event_seq < %s", (book, before)
            )
            seen = {row["venue"] for row in rows} | (set() if steps else {policy.execution.venue})
            venues = [venue for venue in venues if venue in seen and begins_in[venue] == phase]
        if not venues:
            return None
        return {"book": book, "venues": venues, "after": after, "before": before, "most": SLOTS_MAX}

    def _waits(self, tickets: Sequence[int]) -> dict[int, list[Row]]:
        rows = self._session.all(
            "SELECT ticket, said_at, is_late FROM confirmation WHERE ticket = ANY(%s) ORDER BY id", (list(tickets),)
        )
        found: dict[int, list[Row]] = {}
        for row in rows:
            found.setdefault(row["ticket"], []).append(row)
        return found


def _newest(rows: Sequence[Row], policy: Policy, venues: Sequence[VenueName]) -> list[Row]:
    """Give the newest run of each slot among those for the venues; one without a ticket was for the venue of its policy."""
    found: dict[str, Row] = {}
    for row in rows:
        if (row["venue"] or _policy(row["policy"], policy).execution.venue) in venues:
            found.setdefault(row["slot"], row)
    return list(found.values())


def _slot(row: Row, answers: Sequence[Row], policy: Policy) -> SlotFacts:
    run = load(Run, row["run"], of=row["run_id"])
    until = run_until(_policy(row["policy"], policy), run.slot.day)
    made_of = (run.policy_hash, run.universe_hash)
    if row["ticket"] is None:
        return SlotFacts(run.slot.label, run.slot.at, until, is_real=not run.is_rehearsal, made_of=made_of)
    ticket = load(Ticket, row["body"], of=f"the ticket of {row['run_id']}", digest=row["hash"])
    issued_at = load(Seal, row["seal"], of=f"the seal of {row['run_id']}").issued_at
    decision = None if row["decision"] is None else load(Decision, row["decision"], of=f"decision of {row['run_id']}")
    return SlotFacts(
        label=run.slot.label,
        at=run.slot.at,
        until=until,
        is_real=not (run.is_rehearsal or ticket.is_synthetic),
        kind=ticket.kind,
        issued_at=issued_at,
        closed=tuple(report.gate for report in ticket.gates if report.state == "closed"),
        codes=tuple(one.code for item in (decision.refused if decision else ()) for one in item.objections),
        defects=tuple(_defects(ticket, decision, row["revised"])),
        scored=row["scored"],
        offered=_offered(row["universe"], run, policy.data.benchmark) if row["universe"] is not None else None,
        has_files=row["has_files"],
        waits=tuple(round((answer["said_at"] - issued_at).total_seconds()) for answer in answers),
        late=sum(answer["is_late"] for answer in answers),
        unanswered=row["unanswered"],
        made_of=made_of,
    )


def _defects(ticket: Ticket, decision: Decision | None, revised: str | None) -> list[str]:
    defects = [f"revised by {revised}"] if revised is not None else []
    if is_unfinished(ticket):
        defects.append("its run was not finished")
    elif decision is not None and decision.kind != ticket.kind:
        defects.append(f"decided {decision.kind}, issued {ticket.kind}: {'; '.join(ticket.reasons)}")
    return defects


def _offered(text: str, run: Run, benchmark: str) -> int:
    rows = _universe(text).valid_on(run.as_of.session)
    return sum(row.is_tradable_as_underlying and row.id != benchmark for row in rows)


def _policy(text: str | None, now: Policy) -> Policy:
    """Give the policy that a run was decided with; the one that stands now where that is not kept or of another version."""
    try:
        return now if text is None else parse_policy(text, "a policy that was kept")
    except SettingsError:
        return now


@lru_cache(maxsize=8)
def _universe(text: str) -> Universe:
    return load(Universe, text, of="a universe that was kept")
