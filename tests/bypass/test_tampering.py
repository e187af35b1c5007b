"""Tampering after the approval: whatever is changed, and however consistently, no trade comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.keys import FileVerifier
from tests.bypass.attempts import Change, Hand, attempt
from tests.bypass.plants import MANDATE
from tests.bypass.stages import Stage, staged
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces

KEEPS_SERVERS = True
RUN = f"RUN-{DAY + ONE_DAY:%Y%m%d}-r1"
MINE = f"approval_id = (SELECT id FROM approval WHERE run_id = '{RUN}')"
Lines = list[dict[str, Any]]
# Another value for each field of an approved order line.
LINE = {
    "line": 7,
    "instrument": "SPY",
    "side": "other side",
    "effect": "other effect",
    "quantity": "999",
    "order_type": "limit",
    "price": "1",
    "limit_price": "1",
    "stop_price": "1",
    "worst_price": "999999",
    "time_in_force": "day",
    "notional": "1",
    "notional_quote": "1",
    "cost": "0.01",
    "group": 1,
    "parent": 1,
}
OTHER = {"sell": "buy", "buy": "sell", "open": "close", "close": "open"}


@pytest.fixture(scope="module")
def stage(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a paper book with a day behind it, and the next day's run approved and not issued."""
    root = workspaces.copy("tampered", *BUSY)
    with staged(root) as stage:
        assert stage.day(DAY).ticket.kind == "TRADE"
        assert stage.decided(DAY + ONE_DAY) == RUN
        assert len(stage.rows(f"SELECT 1 FROM approval_line WHERE {MINE}")) >= 2
        yield stage
        # Every attempt was undone: what they were made on is as it was, and still becomes a trade.
        assert stage.judge() == ""
        assert stage.day(DAY + ONE_DAY).ticket.kind == "TRADE"
        assert stage.judge() == ""


def field(name: str, value: Any) -> Change:
    """Change a field of the first approved line, in the decision, its hash, and the approved line."""

    def change(hand: Hand) -> None:
        lines: Lines = hand.body("decision")["approved"]
        was = lines[0][name]
        lines[0][name] = OTHER[was] if name in ("side", "effect") else value
        hand.approve(lines)

    return change


def lines_as(reshaped: Callable[[Lines], Lines]) -> Change:
    """Reshape the approved lines, everywhere that they stand."""
    return lambda hand: hand.approve(reshaped(hand.body("decision")["approved"]))


def numbered(lines: Lines) -> Lines:
    """Number lines anew, as an honest list is."""
    return [line | {"line": number} for number, line in enumerate(lines, start=1)]


def exchanged(lines: Lines, name: str) -> Lines:
    """Exchange a field of the first and the last line."""
    first, last = lines[0] | {name: lines[-1][name]}, lines[-1] | {name: lines[0][name]}
    return [first, *lines[1:-1], last]


def mandate(name: str, value: Any) -> Change:
    """Change a field of what was signed."""
    return lambda hand: hand.write_mandate(hand.body("approval", "mandate") | {name: value})


def signed(reshaped: Callable[[str], str]) -> Change:
    """Change the signature."""
    return lambda hand: hand.run(
        "UPDATE approval SET signature = %s WHERE run_id = %s", reshaped(hand.row("approval")["signature"]), RUN
    )


def of(table: str, *path: str, value: Any) -> Change:
    """Change a value in what the run's row of a table says, and the row's hash with it."""

    def change(hand: Hand) -> None:
        body = hand.body(table)
        inner = body
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
        if table == "run":
            hand.run("UPDATE run SET body = %s WHERE run_id = %s", json.dumps(body), RUN)
        else:
            hand.write(table, body)

    return change


RESHAPED: dict[str, Change] = {
    "a line appended": lines_as(lambda lines: numbered([*lines, lines[-1] | {"instrument": "SPY"}])),
    "a line doubled": lines_as(lambda lines: numbered([lines[0], *lines])),
    "a line left out": lines_as(lambda lines: numbered(lines[1:])),
    "the last line left out": lines_as(lambda lines: lines[:-1]),
    "lines reordered": lines_as(lambda lines: numbered(lines[::-1])),
    "quantities exchanged": lines_as(lambda lines: exchanged(lines, "quantity")),
    "instruments exchanged": lines_as(lambda lines: exchanged(lines, "instrument")),
    "sides exchanged": lines_as(lambda lines: exchanged(lines, "side")),
    "only one line kept": lines_as(lambda lines: lines[:1]),
    "a line halved in two": lines_as(lambda lines: numbered([lines[0], *lines[:1], *lines[1:]])),
}
SIGNATURES: dict[str, Change] = {
    "its first byte changed": signed(lambda text: f"{(int(text[:2], 16) ^ 1):02x}{text[2:]}"),
    "its last byte changed": signed(lambda text: f"{text[:-2]}{(int(text[-2:], 16) ^ 1):02x}"),
    "its halves exchanged": signed(lambda text: text[64:] + text[:64]),
    "cut short": signed(lambda text: text[:-2]),
    "made longer": signed(lambda text: text + "00"),
    "of zeros": signed(lambda text: "0" * 128),
    "empty": signed(lambda text: ""),
    "no hex": signed(lambda text: "signed, honestly"),
    "of full-width digits": signed(lambda text: "\uff11" * 128),
    "with a NUL written out": signed(lambda text: text[:-4] + "\\x00"),
}
ROWS: dict[str, Change] = {
    "the proposal's equity": of("proposal", "equity", value="1000000"),
    "the proposal's ledger head": of("proposal", "ledger_head", value="none"),
    "the proposal's target": of("proposal", "target", value={"weights": []}),
    "the proposal's lines": of("proposal", "lines", value=[]),
    "what the plan left undone": of("proposal", "left_undone", value=["nothing"]),
    "the decision's reasons": of("decision", "reasons", value=["because"]),
    "the decision's gates": of("decision", "gates", value=[]),
    "the decision's kind": of("decision", "kind", value="HOLD"),
    "the decision's notes": of("decision", "notes", value=["a note"]),
    "the run's policy": of("run", "policy_hash", value="0" * 64),
    "the run's universe": of("run", "universe_hash", value="0" * 64),
    "the run's window": of("run", "window", "closes_at", value="2099-01-01T00:00:00.000000Z"),
    "the run's as-of": of("run", "as_of", "session", value="2024-01-02"),
    "the run's revision": of("run", "revision", value=2),
    "the run's book": of("run", "slot", "book", value="other"),
    "the approval gone": lambda hand: hand.run("DELETE FROM approval WHERE run_id = %s", RUN),
    "the proposal gone": lambda hand: hand.run("DELETE FROM proposal WHERE run_id = %s", RUN),
    "the approved lines gone": lambda hand: hand.run(f"DELETE FROM approval_line WHERE {MINE}"),
    "the approved line alone": lambda hand: hand.run(
        f"UPDATE approval_line SET body = replace(body, 'quantity\":\"', 'quantity\":\"9') WHERE {MINE}"
    ),
    "the decision's hash": lambda hand: hand.run("UPDATE decision SET hash = 'x' WHERE run_id = %s", RUN),
    "the decision's bytes": lambda hand: hand.run("UPDATE decision SET body = body || ' ' WHERE run_id = %s", RUN),
    "the mandate's bytes": lambda hand: hand.run("UPDATE approval SET mandate = 'x' || mandate WHERE run_id = %s", RUN),
}


def test_what_nobody_changed_becomes_the_ticket(stage):
    """The twin of every attempt here: the same way, with nothing changed, ends in the trade that was approved."""
    ended = attempt(stage, RUN)

    assert (ended.kind, ended.violations) == ("TRADE", "")


@pytest.mark.parametrize("name", LINE)
def test_a_changed_field_of_an_approved_line(stage, name):
    """Changed in the decision, in its hash and in the approved line alike: the signature is of something else."""
    ended = attempt(stage, RUN, field(name, LINE[name]))

    assert ended.is_harmless(), ended


@pytest.mark.parametrize("name", RESHAPED)
def test_reshaped_lines(stage, name):
    """Lines that are honest one by one are not the list that was approved."""
    ended = attempt(stage, RUN, RESHAPED[name])

    assert ended.is_harmless(), ended


@pytest.mark.parametrize("name", MANDATE)
def test_a_changed_field_of_the_mandate(stage, name):
    """What was signed says something else now."""
    ended = attempt(stage, RUN, mandate(name, json.loads(MANDATE[name])))

    assert ended.is_harmless(), ended
    assert "approval signature does not verify" in ended.why or ended.kind == "refused"


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_changed_signature(stage, name):
    """No other text is the signature."""
    ended = attempt(stage, RUN, SIGNATURES[name])

    assert ended.is_harmless(), ended
    assert "approval signature does not verify" in ended.why


@pytest.mark.parametrize("name", ROWS)
def test_a_changed_row(stage, name):
    """What the approval rests on and was changed, with its own hash made anew or not."""
    ended = attempt(stage, RUN, ROWS[name])

    assert ended.is_harmless(), ended


@pytest.mark.parametrize("name", ["signature", "key_id", *MANDATE])
def test_each_byte_of_each_field(stage, name):
    """Every byte of a field, changed by one bit: none of it verifies; the bytes as they were do."""
    row = stage.superuser.execute("SELECT * FROM approval WHERE run_id = %s", (RUN,)).fetchone()
    assert row is not None
    key_id, mandate_bytes, signature = row["key_id"].encode(), row["mandate"].encode(), bytes.fromhex(row["signature"])
    verifier = FileVerifier(stage.root / "config" / "keys")
    content = {"signature": signature, "key_id": key_id}.get(name, mandate_bytes)
    first = content.index(f'"{name}"'.encode()) if name in MANDATE else 0
    told = json.dumps(json.loads(mandate_bytes)[name]).encode() if name in MANDATE else content
    last = first + (len(name) + 3 + len(told) if name in MANDATE else len(content))

    verified = []
    for at in range(first, last):
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        parts = {"signature": (key_id, mandate_bytes, changed), "key_id": (changed, mandate_bytes, signature)}
        by, over, with_signature = parts.get(name, (key_id, changed, signature))
        verified.append(verifier.verify(by.decode(), over, with_signature))

    assert len(verified) >= 16 or name in ("revision", "book", "kind", "slot")
    assert not any(verified)
    assert verifier.verify(key_id.decode(), mandate_bytes, signature)
