"""Approvals: what a signature binds, and everything that makes one void."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from adapters.keys import FileSigner, FileVerifier, make_key
from core.canonical import canonical_json, sha256_of
from core.domain.decision import Approval, Mandate
from core.ledger.post import post_cash, post_fill
from core.riskguard.approval import mandate_of, signed_bytes, void_reasons
from tests.unit.making import AS_OF, NOW, WINDOW, cash_fact, decision, fill, line, proposal, run

LINE = line("buy", "AAA", "1")
MANDATE = mandate_of(decision(LINE), proposal(LINE), run(), ledger_head="2:ENTRY-2")


@pytest.fixture
def keys(tmp_path):
    """Give a signer with a key of its own, and who verifies it."""
    make_key(tmp_path / "key.pem", tmp_path / "public")
    return FileSigner(tmp_path / "key.pem"), FileVerifier(tmp_path / "public")


def signed(mandate: Mandate, signer: FileSigner) -> Approval:
    """Sign a mandate."""
    return Approval(mandate, signer.key_id, signer.sign(signed_bytes(mandate)).hex())


def test_a_mandate_binds_everything_that_an_approval_is_for():
    """Hashes of proposal and decision, the run's configuration, the books, the kind, and the window's close."""
    wanted = Mandate(
        proposal_hash=sha256_of(proposal(LINE)),
        decision_hash=sha256_of(decision(LINE)),
        policy_hash="p" * 64,
        universe_hash="u" * 64,
        book="main",
        slot="20240610",
        revision=1,
        kind="TRADE",
        as_of=AS_OF,
        ledger_head="2:ENTRY-2",
        expires_at=WINDOW.closes_at,
        nonce=sha256_of(["main", "20240610", 1, sha256_of(decision(LINE))])[:32],
    )

    assert wanted == MANDATE


@pytest.mark.parametrize(
    "other",
    [
        mandate_of(decision(LINE), proposal(LINE), run(revision=2), ledger_head="2:ENTRY-2"),
        mandate_of(decision(LINE, notes=("x",)), proposal(LINE), run(), ledger_head="2:ENTRY-2"),
        mandate_of(decision(LINE), proposal(LINE), run(slot=replace(run().slot, book="b")), ledger_head="2:ENTRY-2"),
    ],
    ids=["revision", "decision", "book"],
)
def test_another_decision_has_another_nonce(other):
    """The nonce comes from book, slot, revision and decision."""
    assert other.nonce != MANDATE.nonce


def test_the_same_decision_on_other_books_has_the_same_nonce():
    """One decision has one approval, whatever the ledger head was when it was signed."""
    assert mandate_of(decision(LINE), proposal(LINE), run(), ledger_head="other").nonce == MANDATE.nonce


def test_a_run_without_a_window_has_nothing_to_approve():
    """Without a window there is no instant at which it would expire."""
    with pytest.raises(ValueError, match="RUN-20240610-r1 has no execution window"):
        mandate_of(decision(LINE), proposal(LINE), run(window=None), ledger_head="none")


def test_signed_bytes_are_the_canonical_text():
    """What is signed is what anybody can compute again."""
    assert signed_bytes(MANDATE) == canonical_json(MANDATE).encode()


def test_a_signed_mandate_that_still_holds_has_no_reason_to_be_void(keys):
    """A microsecond before its expiry it is as good as before."""
    signer, verifier = keys
    last = WINDOW.closes_at - timedelta(microseconds=1)

    assert void_reasons(signed(MANDATE, signer), MANDATE, now=last, verify=verifier.verify) == ()


def test_an_approval_is_void_at_the_instant_that_it_expires(keys):
    """Expiry is not a moment of grace."""
    signer, verifier = keys

    reasons = void_reasons(signed(MANDATE, signer), MANDATE, now=WINDOW.closes_at, verify=verifier.verify)

    assert reasons == ("approval expired at 2024-06-10 14:30 UTC",)


MOVED: dict[str, Any] = {
    "proposal_hash": "x",
    "decision_hash": "x",
    "policy_hash": "x",
    "universe_hash": "x",
    "book": "other",
    "slot": "20240611",
    "revision": 2,
    "kind": "HOLD",
    "as_of": date(2024, 6, 6),
    "ledger_head": "3:ENTRY-3",
    "expires_at": WINDOW.closes_at + timedelta(minutes=1),
    "nonce": "x",
}


@pytest.mark.parametrize("name", Mandate.__dataclass_fields__)
def test_a_bound_value_that_moved_voids_the_approval_by_name(name, keys):
    """Each field of the mandate is compared with what is true now."""
    signer, verifier = keys
    now_true = replace(MANDATE, **{name: MOVED[name]})

    reasons = void_reasons(signed(MANDATE, signer), now_true, now=NOW, verify=verifier.verify)

    was = getattr(MANDATE, name)
    assert reasons == (f"{name.replace('_', ' ')} moved from {was} to {MOVED[name]} after the approval",)


def test_books_that_moved_say_what_was_booked(keys):
    """The fill and the cash that came since are named, so that a person knows what to look at."""
    signer, verifier = keys
    now_true = replace(MANDATE, ledger_head="4:ENTRY-4")
    booked = (
        post_fill(fill("buy", "AAA", "1", "5", key="TICKET-1-L2")),
        post_cash(cash_fact("WITHDRAW", "9", key="rent")),
    )

    reasons = void_reasons(signed(MANDATE, signer), now_true, now=NOW, verify=verifier.verify, booked=booked)

    told = ", ".join(f"{entry.kind.lower()} {entry.key}" for entry in booked)
    assert reasons == (f"ledger head moved from 2:ENTRY-2 to 4:ENTRY-4 after the approval: {told}",)
    assert told == "buy TICKET-1-L2, withdraw rent"


@pytest.mark.parametrize("name", Mandate.__dataclass_fields__)
def test_a_mandate_changed_after_signing_does_not_verify(name, keys):
    """Whoever edits a stored mandate to fit what is true now loses the signature."""
    signer, verifier = keys
    edited = replace(MANDATE, **{name: MOVED[name]})
    forged = replace(signed(MANDATE, signer), mandate=edited)

    reasons = void_reasons(forged, edited, now=NOW, verify=verifier.verify)

    assert reasons == (f"approval signature does not verify with key {signer.key_id}",)


@pytest.mark.parametrize("signature", ["00" * 64, "", "00", "no hex at all"])
def test_a_signature_that_is_none_voids_the_approval(signature, keys):
    """Whatever stands in its place is told as a reason, and never stops the ticket that says so."""
    signer, verifier = keys
    forged = replace(signed(MANDATE, signer), signature=signature)

    reasons = void_reasons(forged, MANDATE, now=NOW, verify=verifier.verify)

    assert reasons == (f"approval signature does not verify with key {signer.key_id}",)


def test_a_key_that_nobody_published_verifies_nothing(keys, tmp_path):
    """A key of one's own signs well and is known to nobody."""
    _, verifier = keys
    make_key(tmp_path / "own.pem", tmp_path / "elsewhere")
    stranger = FileSigner(tmp_path / "own.pem")

    reasons = void_reasons(signed(MANDATE, stranger), MANDATE, now=NOW, verify=verifier.verify)

    assert reasons == (f"approval signature does not verify with key {stranger.key_id}",)


def test_every_reason_is_told_at_once():
    """A wrong signature, the expiry and two moved values are four reasons."""
    approval = Approval(MANDATE, "k", "00")
    now_true = replace(MANDATE, revision=2, ledger_head="3:ENTRY-3")

    reasons = void_reasons(approval, now_true, now=WINDOW.closes_at, verify=lambda key, content, sign: False)

    assert len(reasons) == 4


def test_verifying_is_given_the_key_the_bytes_and_the_signature():
    """No other bytes than those of the approval's own mandate are verified."""
    asked = []

    def verify(key_id: str, content: bytes, signature: bytes) -> bool:
        asked.append((key_id, content, signature))
        return True

    void_reasons(Approval(MANDATE, "k" * 16, "ab" * 64), replace(MANDATE, revision=2), now=NOW, verify=verify)

    assert asked == [("k" * 16, signed_bytes(MANDATE), b"\xab" * 64)]
