"""Approvals: what a signature binds, and whether one still holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from core.canonical import canonical_json, sha256_of
from core.domain.decision import Approval, Decision, Mandate
from core.domain.order import Proposal
from core.domain.posting import Entry
from core.domain.slot import Run

Verify = Callable[[str, bytes, bytes], bool]


def mandate_of(decision: Decision, proposal: Proposal, run: Run, *, ledger_head: str) -> Mandate:
    """Bind a decision to its proposal, policy, book, slot, revision, as-of, ledger head, kind and expiry.

    The nonce comes from book, slot, revision and decision, so that the same decision has one approval. It expires when the
    execution window closes; raises ValueError for a run without one.
    """
    if run.window is None:
        raise ValueError(f"{run.run_id} has no execution window; there is nothing to approve")
    decision_hash = sha256_of(decision)
    return Mandate(
        proposal_hash=sha256_of(proposal),
        decision_hash=decision_hash,
        policy_hash=run.policy_hash,
        universe_hash=run.universe_hash,
        book=run.slot.book,
        slot=run.slot.label,
        revision=run.revision,
        kind=decision.kind,
        as_of=run.as_of.session,
        ledger_head=ledger_head,
        expires_at=run.window.closes_at,
        nonce=sha256_of([run.slot.book, run.slot.label, run.revision, decision_hash])[:32],
    )


def signed_bytes(mandate: Mandate) -> bytes:
    """Give the canonical bytes that are signed."""
    return canonical_json(mandate).encode()


def void_reasons(
    approval: Approval, expected: Mandate, *, now: datetime, verify: Verify, booked: Sequence[Entry] = ()
) -> tuple[str, ...]:
    """Say everything that makes an approval void: a wrong signature, its expiry, or a bound value that has moved.

    `expected` is the mandate made again from what is true now; `verify` takes key id, bytes and signature. `booked` are the
    entries since the approval's ledger head: where the books moved, they are told.
    """
    reasons = []
    if not verify(approval.key_id, signed_bytes(approval.mandate), _signature_bytes(approval)):
        reasons.append(f"approval signature does not verify with key {approval.key_id}")
    if now >= approval.mandate.expires_at:
        # Without the instant that it is: the reason is part of a ticket's hash.
        reasons.append(f"approval expired at {approval.mandate.expires_at:%Y-%m-%d %H:%M UTC}")
    for name in Mandate.__dataclass_fields__:
        was, now_is = getattr(approval.mandate, name), getattr(expected, name)
        if was != now_is:
            what = f": {', '.join(map(_entry_words, booked))}" if name == "ledger_head" and booked else ""
            reasons.append(f"{name.replace('_', ' ')} moved from {was} to {now_is} after the approval{what}")
    return tuple(reasons)


def _entry_words(entry: Entry) -> str:
    return f"{entry.kind.lower()} {entry.key}"


def _signature_bytes(approval: Approval) -> bytes:
    try:
        return bytes.fromhex(approval.signature)
    except ValueError:
        # Text that is no hex is no signature either; it must void the approval, not stop the ticket that would say so.
        return b""
