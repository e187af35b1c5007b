"""Forged, foreign, expired and void approvals: signed by nobody, by another, for something else, or true no longer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.clock import FixedClock
from adapters.keys import FileSigner, FileVerifier
from core.canonical import canonical_json
from flows.books import StoreError, Verifier
from flows.issue import IssueDoors
from tests.bypass.attempts import Change, Ended, Hand, attempt
from tests.bypass.stages import Stage, staged
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces

KEEPS_SERVERS = True
RUN, BEFORE = f"RUN-{DAY + ONE_DAY:%Y%m%d}-r1", f"RUN-{DAY:%Y%m%d}-r1"
Mandate = dict[str, Any]


@pytest.fixture(scope="module")
def stage(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a paper book with a day behind it, and the next day's run approved and not issued."""
    root = workspaces.copy("forged", *BUSY)
    with staged(root) as stage:
        assert stage.day(DAY).ticket.kind == "TRADE"
        assert stage.decided(DAY + ONE_DAY) == RUN
        yield stage
        assert stage.judge() == ""
        assert stage.day(DAY + ONE_DAY).ticket.kind == "TRADE"
        assert stage.judge() == ""


def public_of(key: Ed25519PrivateKey) -> bytes:
    """Give a key's public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def signed_by(key: Callable[[bytes], bytes], told: Callable[[Mandate], Any], *, key_id: str | None = None) -> Change:
    """Sign what is told of the mandate with a key, and put it in the approval's place."""

    def change(hand: Hand) -> None:
        mandate = hand.body("approval", "mandate")
        signature = key(canonical_json(told(mandate)).encode()).hex()
        hand.write_mandate(mandate, signature=signature, key_id=key_id)

    return change


# --- forged -----------------------------------------------------------------------------------------------------------

FOREIGN_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FORGED: dict[str, Change] = {
    "by a key that nobody knows": signed_by(FOREIGN_KEY.sign, lambda mandate: mandate, key_id="0" * 16),
    "by a key under the name of ours": signed_by(FOREIGN_KEY.sign, lambda mandate: mandate),
    "by a key named as a path": signed_by(FOREIGN_KEY.sign, lambda mandate: mandate, key_id="../../secrets/x"),
    "by a key named by nothing": lambda hand: hand.run("UPDATE approval SET key_id = '' WHERE run_id = %s", RUN),
    "by a key named in capitals": lambda hand: hand.run(
        "UPDATE approval SET key_id = upper(key_id) || 'G' WHERE run_id = %s", RUN
    ),
    "by a key named with a star": lambda hand: hand.run("UPDATE approval SET key_id = '*' WHERE run_id = %s", RUN),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_signature(stage, name):
    """What another key signs is not approved, whatever it is called."""
    ended = attempt(stage, RUN, FORGED[name])

    assert ended.is_harmless(), ended
    assert "approval signature does not verify" in ended.why


# --- signed by our key, for something else ----------------------------------------------------------------------------

ELSE: dict[str, Callable[[Mandate], Mandate]] = {
    "another proposal": lambda mandate: mandate | {"proposal_hash": "0" * 64},
    "another decision": lambda mandate: mandate | {"decision_hash": "0" * 64},
    "another policy": lambda mandate: mandate | {"policy_hash": "0" * 64},
    "another universe": lambda mandate: mandate | {"universe_hash": "0" * 64},
    "another book": lambda mandate: mandate | {"book": "other"},
    "a later slot": lambda mandate: mandate | {"slot": "20240208"},
    "the slot before": lambda mandate: mandate | {"slot": "20240206"},
    "the next revision": lambda mandate: mandate | {"revision": 2},
    "no trade": lambda mandate: mandate | {"kind": "NO-TRADE"},
    "another as-of": lambda mandate: mandate | {"as_of": "2024-02-05"},
    "an empty ledger": lambda mandate: mandate | {"ledger_head": "none"},
    "a ledger of other entries": lambda mandate: mandate | {"ledger_head": "1:other"},
    "another nonce": lambda mandate: mandate | {"nonce": "0" * 32},
    "a later end": lambda mandate: mandate | {"expires_at": "2024-02-08T21:00:00.000000Z"},
    "an end that has passed": lambda mandate: mandate | {"expires_at": "2024-02-07T08:00:00.000000Z"},
}


@pytest.mark.parametrize("name", ELSE)
def test_a_true_signature_of_something_else(stage, name):
    """Our own key signed it, and it is not for this: every value that an approval binds holds by itself."""
    signer = FileSigner(stage.desk.workspace.private_key)

    def change(hand: Hand) -> None:
        mandate = ELSE[name](hand.body("approval", "mandate"))
        hand.write_mandate(mandate, signature=signer.sign(canonical_json(mandate).encode()).hex())

    ended = attempt(stage, RUN, change)

    assert ended.is_harmless(), ended
    assert "after the approval" in ended.why or "expired" in ended.why


FOREIGN: dict[str, str] = {
    "the slot before's": "UPDATE approval a SET (mandate, key_id, signature) = (SELECT mandate, key_id, signature FROM approval"
    f" WHERE run_id = '{BEFORE}') WHERE run_id = '{RUN}'",
    "the slot before's mandate": "UPDATE approval a SET mandate = (SELECT mandate FROM approval"
    f" WHERE run_id = '{BEFORE}') WHERE run_id = '{RUN}'",
    "the slot before's signature": "UPDATE approval a SET signature = (SELECT signature FROM approval"
    f" WHERE run_id = '{BEFORE}') WHERE run_id = '{RUN}'",
    "the slot before's lines": "UPDATE approval_line l SET body = (SELECT o.body FROM approval_line o JOIN approval a"
    f" ON a.id = o.approval_id WHERE a.run_id = '{BEFORE}' AND o.line = 1) WHERE l.line = 1 AND l.approval_id ="
    f" (SELECT id FROM approval WHERE run_id = '{RUN}')",
    "the slot before's decision": "UPDATE decision d SET (body, hash) = (SELECT body, hash FROM decision"
    f" WHERE run_id = '{BEFORE}') WHERE run_id = '{RUN}'",
    "the slot before's proposal": "UPDATE proposal p SET (body, hash) = (SELECT body, hash FROM proposal"
    f" WHERE run_id = '{BEFORE}') WHERE run_id = '{RUN}'",
    "the slot before's run": f"UPDATE run r SET body = (SELECT body FROM run WHERE run_id = '{BEFORE}') WHERE run_id = '{RUN}'",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_another_slot_was_approved_with(stage, name):
    """Honest, signed by our key, and another slot's."""
    ended = attempt(stage, RUN, lambda hand: hand.run(FOREIGN[name]))

    assert ended.is_harmless(), ended


# --- expired ----------------------------------------------------------------------------------------------------------


def at(moment: datetime) -> Callable[[IssueDoors], IssueDoors]:
    """Let the ticket be asked for at a moment."""
    return lambda doors: replace(doors, clock=FixedClock(moment))


def end_of(stage: Stage) -> datetime:
    """Give the end of the run's window."""
    ((row),) = stage.rows(f"SELECT mandate::jsonb ->> 'expires_at' AS at FROM approval WHERE run_id = '{RUN}'")
    return datetime.fromisoformat(row["at"])


@pytest.mark.parametrize(
    "late",
    [timedelta(0), timedelta(microseconds=1), timedelta(minutes=1), timedelta(days=1), timedelta(days=365)],
    ids=str,
)
def test_an_approval_that_expired(stage, late):
    """From the end of the window on, to the microsecond, no ticket comes of it."""
    ended = attempt(stage, RUN, doors=at(end_of(stage) + late))

    assert ended.is_harmless(), ended
    assert "approval expired at" in ended.why


def test_an_approval_in_its_last_microsecond(stage):
    """The twin: one microsecond before, it holds."""
    ended = attempt(stage, RUN, doors=at(end_of(stage) - timedelta(microseconds=1)))

    assert (ended.kind, ended.violations) == ("TRADE", "")


# --- moved ------------------------------------------------------------------------------------------------------------

_CASH = (
    "INSERT INTO cash_movement (key, book, venue, session, currency, amount, said_by, note)"
    " VALUES ('k', 'main', 'paper', '2024-02-07', 'GBP', 5, 'p', '')"
)
_BOOKED = (
    "INSERT INTO booked_fact (key, kind, account, book, venue, session, body, said_by, note)"
    " VALUES ('k', 'fill', 'a', 'main', 'paper', '2024-02-07', '{}', 'p', '')"
)
_POSTED = (
    "INSERT INTO entry (key, kind, book, venue, session, {0}) SELECT 'late', '{1}', 'main', 'paper', '2024-02-07',"
    " (SELECT max(id) FROM {0})"
)
_LINES = (
    "INSERT INTO posting (entry, line, account, commodity, amount) SELECT (SELECT max(id) FROM entry), n, a, 'GBP', m"
    " FROM (VALUES (1, 'cash', 5), (2, 'capital', -5)) v (n, a, m)"
)
MOVED: dict[str, tuple[str, ...]] = {
    "a halt of the book": ("SELECT halt_trading('main', 'stop')",),
    "a halt of the desk": ("SELECT halt_trading('*', 'stop')",),
    "two halts, one of them lifted": (
        "SELECT halt_trading('main', 'stop')",
        "INSERT INTO resume (halt, said_by, reason) SELECT max(id), 'p', 'r' FROM halt",
        "SELECT halt_trading('main', 'stop again')",
    ),
    "a payment that nobody posted": (_CASH,),
    "a payment": (_CASH, _POSTED.format("cash_movement", "DEPOSIT"), _LINES),
    "a fill": (_BOOKED, _POSTED.format("booked_fact", "BUY"), _LINES),
    "a phase without capital": (
        "INSERT INTO rollout_step (book, phase, said_by, reason) VALUES ('main', '0', 'p', 'r')",
    ),
    "a break": (
        "INSERT INTO account_snapshot (account, book, venue, session, body)"
        " VALUES ('a', 'main', 'paper', '2024-02-06', '{}')",
        "INSERT INTO reconciliation (snapshot, book, venue, session, ledger_head, breaks)"
        " SELECT max(id), 'main', 'paper', '2024-02-06', '9:k', '[\"AAPL differs\"]' FROM account_snapshot",
    ),
    "a smaller phase": ("INSERT INTO rollout_step (book, phase, said_by, reason) VALUES ('main', 'B', 'p', 'r')",),
}


@dataclass(frozen=True)
class Blind:
    """A door that fails at one question and is otherwise the honest one."""

    honest: Any
    asked: str
    fails: Callable[..., Any]

    def __getattr__(self, name: str) -> Any:
        """Give what the honest one has, but for one question."""
        return self.fails if name == self.asked else getattr(self.honest, name)


@pytest.mark.parametrize("name", MOVED)
def test_what_moved_since_the_approval(stage, name):
    """Whatever the approval binds and has moved makes it void, and the ticket says what."""
    ended = attempt(stage, RUN, lambda hand: _do(hand, MOVED[name]))

    assert ended.is_harmless(), ended
    assert "after the approval" in ended.why


def test_an_answer_that_is_gone_since_the_approval(stage):
    """Lines of an earlier ticket that wait for their answers again: what is held nobody can say, so nothing is traded."""
    ended = attempt(stage, RUN, lambda hand: hand.run("DELETE FROM venue_report WHERE ticket_line IS NOT NULL"))

    assert ended.kind == "NO-TRADE", ended
    assert f"nobody answered, as was found after the approval: TICKET-{DAY:%Y%m%d} line 1, " in ended.why


@pytest.mark.parametrize("asked", ["reconciliation", "unanswered"])
def test_what_cannot_be_read_again_voids_the_approval(stage, asked):
    """A look that fails is no look: the ticket says what could not be looked up."""

    def gone(*_: Any, **__: Any) -> Any:
        raise StoreError("the table is gone")

    def doors(honest: IssueDoors) -> IssueDoors:
        if asked == "unanswered":
            return replace(honest, tickets=Blind(honest.tickets, asked, gone))
        return replace(honest, journal=Blind(honest.journal, asked, gone))

    ended = attempt(stage, RUN, doors=doors)

    assert ended.is_harmless(), ended
    assert "could not be looked up: the table is gone" in ended.why


STILL: dict[str, tuple[str, ...]] = {
    "a halt of another book": ("SELECT halt_trading('other', 'stop')",),
    "a halt that was lifted": MOVED["two halts, one of them lifted"][:2],
    "the phase that it was": (
        "INSERT INTO rollout_step (book, phase, said_by, reason) VALUES ('main', 'A', 'p', 'r')",
    ),
    "another book's phase": (
        "INSERT INTO rollout_step (book, phase, said_by, reason) VALUES ('other', '0', 'p', 'r')",
    ),
}


@pytest.mark.parametrize("name", STILL)
def test_what_an_approval_does_not_bind(stage, name):
    """The twins: what is another's, or was taken back, voids nothing."""
    ended = attempt(stage, RUN, lambda hand: _do(hand, STILL[name]))

    assert (ended.kind, ended.violations) == ("TRADE", "")


@dataclass(frozen=True)
class Meanwhile:
    """Verifies as the keys do, and lets something happen meanwhile: after all else was looked at."""

    keys: Verifier
    happens: Callable[[], None]

    def verify(self, key_id: str, content: bytes, signature: bytes) -> bool:
        """Let it happen, then say what the keys say."""
        self.happens()
        return self.keys.verify(key_id, content, signature)


@pytest.mark.parametrize("name", MOVED)
def test_what_moves_while_the_ticket_is_made(stage, name):
    """Between the look at what an approval binds and the row of the ticket nothing passes unseen."""
    done: list[str] = []

    def doors(honest: IssueDoors) -> IssueDoors:
        def happens() -> None:
            if not done:
                done.append(name)
                _do(Hand(stage.superuser, RUN), MOVED[name])
                stage.superuser.execute("SET LOCAL session_replication_role = origin")

        return replace(honest, verifier=Meanwhile(honest.verifier, happens))

    ended = attempt(stage, RUN, doors=doors)

    assert done == [name]
    assert ended.is_harmless(), ended


EDITS = {"policy": ("drawdown_max: 0.20", "drawdown_max: 0.19"), "universe": ("AAPL,AAPL,NASDAQ", "AAPL,APPL,NASDAQ")}


@pytest.mark.parametrize("name", EDITS)
def test_a_configuration_edited_since(stage, name):
    """An edited policy or universe voids what was approved under the old one."""
    path = stage.root / "config" / {"policy": "policy.yml", "universe": "universe.csv"}[name]
    honest = path.read_text(encoding="utf-8")
    try:
        path.write_text(honest.replace(*EDITS[name], 1), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != honest
        ended = attempt(stage, RUN)
    finally:
        path.write_text(honest, encoding="utf-8")

    assert ended.is_harmless(), ended
    assert f"{name} hash moved from" in ended.why


# --- the keys ---------------------------------------------------------------------------------------------------------


def _with_keys(stage: Stage, arranged: Callable[[Any], None]) -> Ended:
    folder = stage.root / "config" / "keys-tried"
    shutil.copytree(stage.root / "config" / "keys", folder)
    try:
        arranged(folder)
        return attempt(stage, RUN, doors=lambda doors: replace(doors, verifier=FileVerifier(folder)))
    finally:
        shutil.rmtree(folder)


def _only(folder: Any) -> Any:
    (path,) = folder.glob("*.pub")
    return path


KEYS: dict[str, Callable[[Any], None]] = {
    "no key": lambda folder: _only(folder).unlink(),
    "an empty file": lambda folder: _only(folder).write_text(""),
    "another key under the name of ours": lambda folder: _only(folder).write_text(public_of(FOREIGN_KEY).hex()),
    "ours under another name": lambda folder: _only(folder).rename(folder / "other.pub"),
    "a file of words": lambda folder: _only(folder).write_text("a key, honestly"),
    "a key cut short": lambda folder: _only(folder).write_text(_only(folder).read_text()[:32]),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_that_verify_nothing(stage, name):
    """A key that is gone, cut or exchanged is no reason to believe a signature."""
    ended = _with_keys(stage, KEYS[name])

    assert ended.is_harmless(), ended


def test_a_key_more_beside_ours(stage):
    """The twin: another key beside ours takes nothing from it."""
    ended = _with_keys(stage, lambda folder: (folder / "more.pub").write_text(public_of(FOREIGN_KEY).hex()))

    assert (ended.kind, ended.violations) == ("TRADE", "")


def _do(hand: Hand, statements: tuple[str, ...]) -> None:
    hand.connection.execute("SET LOCAL session_replication_role = origin")
    for statement in statements:
        hand.connection.execute(statement.encode())
