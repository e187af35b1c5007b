"""What people decided, halts, configurations and manifests in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from adapters.postgres.bodies import changed
from adapters.postgres.connect import Row, Session
from core.canonical import sha256_text
from core.domain.backup import AcknowledgedLoss
from core.domain.facts import DESK_SCOPE, AuditHead, Halt, LossHead
from core.domain.slot import BookName, RunId, VenueName
from flows.books import StoreError

NO_PEAKS: Mapping[BookName, date] = MappingProxyType({})
NOTHING_FROZEN: Mapping[str, str] = MappingProxyType({})
# How the user ends that the database itself writes to a halt.
RISKGUARD = "_riskguard"
ACTIVE = "SELECT h.* FROM halt h WHERE NOT EXISTS (SELECT 1 FROM resume r WHERE r.halt = h.id)"


class PgPeople:
    """Halts and what people decided; a person's role writes the decisions, any door may halt."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def halts(self, book: BookName) -> Sequence[Halt]:
        """Give the halts of a book and of the desk that nobody lifted."""
        rows = self._session.all(f"{ACTIVE} AND h.scope IN (%s, %s) ORDER BY h.id", (book, DESK_SCOPE))
        return [_halt(row) for row in rows]

    def halt(self, scope: str, reason: str) -> None:
        """Halt a book, or the whole desk (`*`); a halt that stands for the same reason is not set again."""
        self._session.call("halt_trading", scope, reason)

    def decided(self, book: BookName) -> Sequence[RunId]:
        """Give the runs of a book that were decided since its peak last restarted, the newest slot first."""
        query = (
            "SELECT d.run_id FROM decision d JOIN run r ON r.run_id = d.run_id WHERE r.book = %s AND d.event_seq >"
            " coalesce((SELECT max(p.event_seq) FROM peak_restart p WHERE p.book = r.book), 0)"
            " ORDER BY r.slot DESC, r.revision DESC"
        )
        return [row["run_id"] for row in self._session.all(query, (book,))]

    def peak_from(self, book: BookName, up_to: date) -> date | None:
        """Give the session from which the book's peak counts: of the last resume after the kill switch up to a day, or None."""
        query = "SELECT session FROM peak_restart WHERE book = %s AND session <= %s ORDER BY id DESC LIMIT 1"
        row = self._session.one(query, (book, up_to))
        return None if row is None else row["session"]

    def resumed_after(self, book: BookName, *, since: date) -> Sequence[RunId]:
        """Give the runs of the book's slots after a day, decided before a person last lifted a halt of the book."""
        query = (
            "SELECT d.run_id FROM decision d JOIN run r ON r.run_id = d.run_id WHERE r.book = %(book)s"
            " AND r.slot > %(since)s AND d.event_seq <"
            " (SELECT max(s.event_seq) FROM resume s JOIN halt h ON h.id = s.halt WHERE h.scope = %(book)s)"
            " ORDER BY r.slot, r.revision"
        )
        return [row["run_id"] for row in self._session.all(query, {"book": book, "since": since.strftime("%Y%m%d")})]

    def resume(
        self,
        scope: str,
        *,
        by: str,
        reason: str,
        peaks: Mapping[BookName, date] = NO_PEAKS,
        seen: Sequence[Halt] | None = None,
    ) -> int:
        """Lift every halt of a scope, let each named book's peak count from its session, and give how many were lifted.

        `seen` are the halts that the person read, None: all. Raises StoreError, and lifts nothing, where another stands.
        """
        rows = self._session.all(f"{ACTIVE} AND h.scope = %s ORDER BY h.id", (scope,))
        resumed = [{"halt": row["id"], "said_by": by, "reason": reason} for row in rows]
        with self._session.transaction():
            lifted = self._session.add("resume", resumed)
            # The first row holds the chain: from here on nobody halts before this is done.
            late = (
                self._session.all(f"{ACTIVE} AND h.scope = ANY(%s) ORDER BY h.id", ([scope, *peaks],)) if lifted else []
            )
            unread = [row["reason"] for row in late]
            unread += [row["reason"] for row in rows if seen is not None and _halt(row) not in seen]
            if unread:
                raise StoreError(f"halted again meanwhile, nothing was lifted; look at it first: {'; '.join(unread)}")
            if lifted and peaks:
                last = max(row["id"] for row in lifted)
                restarts = [{"resume": last, "book": book, "session": peaks[book]} for book in sorted(peaks)]
                self._session.add("peak_restart", restarts)
        return len(lifted)

    def acknowledge_loss(self, loss: AcknowledgedLoss) -> LossHead:
        """Keep that a person restored an older copy and what that lost; gives the event that says so."""
        row = {
            "backup": loss.backup,
            "last_seq": loss.last.seq,
            "last_hash": loss.last.hash,
            "lost_to": loss.lost_to,
            "said_by": loss.by,
            "reason": loss.reason,
        }
        (added,) = self._session.add("acknowledged_loss", [row])
        event = self._session.one("SELECT seq, hash FROM event WHERE seq = %s", (added["event_seq"],))
        assert event is not None, "a row that was added has its event"
        return LossHead(event["seq"], event["hash"], loss.last.seq)

    def losses(self) -> Sequence[AcknowledgedLoss]:
        """Give every loss that a person acknowledged, oldest first."""
        rows = self._session.all("SELECT * FROM acknowledged_loss ORDER BY id")
        return [
            AcknowledgedLoss(
                backup=row["backup"],
                last=AuditHead(row["last_seq"], row["last_hash"]),
                lost_to=row["lost_to"],
                by=row["said_by"],
                reason=row["reason"],
            )
            for row in rows
        ]

    def phase(self, book: BookName) -> str | None:
        """Give the book's rollout phase, or None when no person ever set one."""
        row = self._session.one("SELECT phase FROM rollout_step WHERE book = %s ORDER BY id DESC LIMIT 1", (book,))
        return None if row is None else row["phase"]

    def set_phase(
        self, book: BookName, phase: str, *, by: str, reason: str, frozen: Mapping[str, str] = NOTHING_FROZEN
    ) -> None:
        """Keep that a person set the book's phase, with the hash of each thing that it freezes, by kind."""
        with self._session.transaction():
            (step,) = self._session.add(
                "rollout_step", [{"book": book, "phase": phase, "said_by": by, "reason": reason}]
            )
            self._freeze(book, frozen, rollout_step=step["id"])

    def open_window(self, book: BookName, *, by: str, reason: str, frozen: Mapping[str, str]) -> None:
        """Keep that a person let a frozen book change, with the hash of each thing that is frozen from now on, by kind."""
        with self._session.transaction():
            (window,) = self._session.add("change_window", [{"book": book, "said_by": by, "reason": reason}])
            self._freeze(book, frozen, change_window=window["id"])

    def frozen(self, book: BookName) -> tuple[str, Mapping[str, str]] | None:
        """Give the book's rollout phase with the hash of each thing frozen in it, by kind, or None before the first phase."""
        step = self._session.one(
            "SELECT phase, event_seq FROM rollout_step WHERE book = %s ORDER BY id DESC LIMIT 1", (book,)
        )
        if step is None:
            return None
        query = (
            "SELECT kind, hash FROM frozen_hash WHERE book = %(book)s AND event_seq ="
            " (SELECT max(event_seq) FROM frozen_hash WHERE book = %(book)s AND event_seq > %(since)s) ORDER BY id"
        )
        rows = self._session.all(query, {"book": book, "since": step["event_seq"]})
        return step["phase"], {row["kind"]: row["hash"] for row in rows}

    def _freeze(self, book: BookName, frozen: Mapping[str, str], **told_by: int) -> None:
        rows = [{"book": book, "kind": kind, "hash": digest, **told_by} for kind, digest in frozen.items()]
        self._session.add("frozen_hash", rows)

    def verifications(self) -> dict[str, date]:
        """Give the day on which each instrument was last looked up at the venue."""
        query = "SELECT instrument, max(verified_on) AS verified_on FROM verification GROUP BY instrument"
        return {row["instrument"]: row["verified_on"] for row in self._session.all(query)}

    def verify_instrument(self, instrument: str, on: date, *, by: str, note: str) -> None:
        """Keep that a person looked an instrument up at the venue."""
        row = {"instrument": instrument, "verified_on": on, "said_by": by, "note": note}
        self._session.add("verification", [row])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everything inside or nothing of it; from the first row kept inside nobody else adds a fact until its end."""
        with self._session.transaction():
            yield

    def move_cash(
        self,
        key: str,
        *,
        book: BookName,
        venue: VenueName,
        session: date,
        amount: Decimal,
        currency: str,
        by: str,
        note: str,
    ) -> bool:
        """Keep that a person paid cash in (positive) or took it out, and say whether it is new: the same again is not.

        Raises StoreError when the key is known and was said otherwise.
        """
        row = {
            "book": book,
            "venue": venue,
            "session": session,
            "currency": currency,
            "amount": amount,
            "said_by": by,
            "note": note,
        }
        if self._session.add("cash_movement", [{"key": key} | row], once=True):
            return True
        kept = self._session.one("SELECT * FROM cash_movement WHERE key = %s", (key,)) or {}
        differing = [f"{name} was {kept[name]}, is {row[name]}" for name in row if kept[name] != row[name]]
        if differing:
            raise StoreError(
                f"cash movement {key} is known already, and said otherwise: {', '.join(differing)}; every movement has a key"
                " of its own"
            )
        return False


class PgConfig:
    """Configurations and clean sets, written by the desk, and manifests, written by ticketing when a run ends."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_config(self, kind: str, digest: str, body: str) -> None:
        """Keep a configuration; a known hash again changes nothing."""
        if self.config(kind, digest) is None:
            self._session.add("config_version", [{"kind": kind, "hash": digest, "body": body}], once=True)

    def config(self, kind: str, digest: str) -> str | None:
        """Find a configuration's text by its hash."""
        query = "SELECT body FROM config_version WHERE kind = %s AND hash = %s"
        row = self._session.one(query, (kind, digest))
        return None if row is None else row["body"]

    def add_snapshot(self, digest: str, body: str) -> None:
        """Keep that a clean set was published; the one that is current already, published again, changes nothing."""
        newest = self._session.one("SELECT hash FROM clean_snapshot ORDER BY id DESC LIMIT 1")
        if newest is None or newest["hash"] != digest:
            self._session.add("clean_snapshot", [{"hash": digest, "body": body}])

    def published(self) -> str | None:
        """Give what was kept of the clean set that was published last."""
        row = self._session.one("SELECT body FROM clean_snapshot ORDER BY id DESC LIMIT 1")
        return None if row is None else row["body"]

    def snapshot_at(self, instant: datetime) -> str | None:
        """Give the clean set that was current at an aware instant, or None before the first."""
        query = "SELECT hash FROM clean_snapshot WHERE recorded_at <= %s ORDER BY id DESC LIMIT 1"
        row = self._session.one(query, (instant,))
        return None if row is None else row["hash"]

    def add_manifest(self, run_id: RunId, body: str) -> None:
        """Keep a run's manifest; that of a run again changes nothing."""
        row = {"run_id": run_id, "hash": sha256_text(body), "body": body}
        self._session.add("manifest", [row], once=True)

    def manifest(self, run_id: RunId) -> str | None:
        """Find a run's manifest."""
        row = self._session.one("SELECT body, hash FROM manifest WHERE run_id = %s", (run_id,))
        if row is not None and sha256_text(row["body"]) != row["hash"]:
            raise changed(f"the manifest of {run_id}", "it does not have the hash that it was kept with")
        return None if row is None else row["body"]


def _halt(row: Row) -> Halt:
    return Halt(row["scope"], row["reason"], row["recorded_at"], is_riskguards=row["role"].endswith(RISKGUARD))
