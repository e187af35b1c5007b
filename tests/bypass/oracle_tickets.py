"""The oracle's part on tickets: what a trade rests on, when it was issued, where it went."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.pipeline import PIPELINE

if TYPE_CHECKING:
    from tests.bypass.oracle import Facts, Row

PENNY = Decimal("0.01")
# A ticket line's field, and what the approved order line calls it.
SAME = {
    "instrument": "instrument",
    "side": "side",
    "effect": "effect",
    "quantity": "quantity",
    "value": "notional",
    "value_quote": "notional_quote",
    "order_type": "order_type",
    "limit_price": "limit_price",
    "stop_price": "stop_price",
    "decision_price": "price",
    "worst_price": "worst_price",
    "expected_cost": "cost",
}
# Company's actions stand first on a day, in this order; everything else as it was recorded.
ACTIONS = ("SYMBOL_CHANGE", "SPLIT", "SPIN_OFF")
CHANNELS_OF_REHEARSALS = {"file"}


def ticket_violations(facts: Facts) -> Iterator[str]:
    """Give what is wrong with tickets and their lines, approvals, gates, steps and deliveries."""
    yield from _slots(facts)
    yield from _lines_without_ticket(facts)
    for row in facts.tables["ticket"]:
        name, body = f"{row['ticket_id']} r{row['revision']}", json.loads(row["body"])
        for words in (
            *_body(row, body),
            *_lines(facts, row, body),
            *(_trade(facts, row, body) if "TRADE" in (row["kind"], body["kind"]) else ()),
            *_life(facts, row),
        ):
            yield f"{name}: {words}"


def digest(text: str) -> str:
    """Give a text's SHA-256."""
    return sha256(text.encode()).hexdigest()


def stood(halts: list[Row], resumes: list[Row], books: set[str], *, at: int) -> list[str]:
    """Give the reasons of the halts that stood when an event came."""
    lifted = {row["halt"] for row in resumes if row["event_seq"] < at}
    return [
        row["reason"] for row in halts if row["scope"] in books and row["event_seq"] < at and row["id"] not in lifted
    ]


def _slots(facts: Facts) -> Iterator[str]:
    """A slot has one live ticket; every revision after the first was a person's, and voids the one before."""
    voided, by_run = {row["voids"] for row in facts.tables["revision"]}, facts.by("revision", "run_id")
    tickets = {row["id"]: row for row in facts.tables["ticket"]}
    live = Counter((row["book"], row["slot"]) for row in tickets.values() if row["id"] not in voided)
    yield from (f"slot {slot} of {book} has {count} live tickets" for (book, slot), count in live.items() if count > 1)
    for row in tickets.values():
        said = by_run.get(row["run_id"], [])
        before = tickets.get(said[0]["voids"]) if said else None
        older = (row["book"], row["slot"], row["revision"] - 1)
        if row["revision"] > 1 and (before is None or (before["book"], before["slot"], before["revision"]) != older):
            yield f"{row['ticket_id']} r{row['revision']}: no person revised the ticket before it"


def _lines_without_ticket(facts: Facts) -> Iterator[str]:
    """A line's row has its ticket, and what is approved is used once."""
    tickets = {row["id"] for row in facts.tables["ticket"]}
    for row in facts.tables["ticket_line"]:
        if row["ticket"] not in tickets:
            yield f"ticket line {row['id']} is of no ticket"
    used = Counter(row["approval_line"] for row in facts.tables["ticket_line"])
    yield from (f"approved line {line} is used {count} times" for line, count in used.items() if count > 1)


def _body(row: Row, body: dict[str, Any]) -> Iterator[str]:
    """The row says what its body says, and the hash is the body's."""
    if digest(row["body"]) != row["hash"]:
        yield "its hash is not that of its body"
    for name in ("ticket_id", "book", "slot", "revision", "kind", "venue", "is_rehearsal"):
        if body.get(name) != row[name]:
            yield f"its row says {name} {row[name]}, its body {body.get(name)}"
    if row["kind"] != "TRADE" and not body["reasons"]:
        yield f"it is {row['kind']} and gives no reason"
    if (row["kind"] == "TRADE") != bool(body["lines"]):
        yield f"it is {row['kind']} and shows {len(body['lines'])} lines"


def _lines(facts: Facts, row: Row, body: dict[str, Any]) -> Iterator[str]:
    """Each line rests on the approved line of its own number and run, says what that says, and is the one shown."""
    approved = {line["id"]: line for line in facts.tables["approval_line"]}
    approvals = {one["id"]: one for one in facts.tables["approval"]}
    held = facts.by("ticket_line", "ticket").get(row["id"], [])
    if [line["line"] for line in held] != list(range(1, len(body["lines"]) + 1)):
        yield f"it shows {len(body['lines'])} lines and holds those numbered {[line['line'] for line in held]}"
    for line in held:
        rests, shown = approved.get(line["approval_line"]), json.loads(line["body"])
        approval = approvals.get(rests["approval_id"]) if rests else None
        if rests is None or approval is None:
            yield f"line {line['line']} rests on no approval"
            continue
        if (approval["run_id"], rests["line"]) != (row["run_id"], line["line"]):
            yield f"line {line['line']} rests on line {rests['line']} approved for {approval['run_id']}"
        wanted = json.loads(rests["body"])
        yield from (
            f"line {line['line']}: {said} is {shown.get(said)}, approved was {wanted.get(name)}"
            for said, name in SAME.items()
            if said not in shown or name not in wanted or shown[said] != wanted[name]
        )
        if line["line"] > len(body["lines"]) or shown != body["lines"][line["line"] - 1]:
            yield f"line {line['line']} is not the one that its body shows"


def _trade(facts: Facts, row: Row, body: dict[str, Any]) -> Iterator[str]:
    """A trade has one approval that verifies and binds it, open gates, no halt, a phase with capital, and possible lines."""
    approvals = facts.by("approval", "run_id").get(row["run_id"], [])
    if len(approvals) != 1:
        yield f"it has {len(approvals)} approvals"
    for approval in approvals:
        yield from _approval(facts, row, body, approval)
    yield from _moment(facts, row, body)
    numbers = [line["instrument"] for line in body["lines"]]
    yield from (f"{name} stands on {count} lines" for name, count in Counter(numbers).items() if count > 1)
    for line in body["lines"]:
        yield from (f"line {line['line']}: {words}" for words in _possible(line, body["fx_rate"]))
    sides = [line["side"] for line in body["lines"]]
    if sides != sorted(sides, reverse=True):
        yield "a buy stands before a sale"


def _approval(facts: Facts, row: Row, body: dict[str, Any], approval: Row) -> Iterator[str]:
    mandate, seal = _told(approval["mandate"]), _told(row["seal"])
    if not _verifies(facts, approval):
        yield f"its approval is not signed by key {approval['key_id']} as it was trusted"
    if seal.get("issued_at", "~") >= mandate.get("expires_at", ""):
        yield f"it was issued at {seal.get('issued_at')}; its approval expired at {mandate.get('expires_at')}"
    for name in ("key_id", "signature"):
        if seal.get(name) != approval[name]:
            yield f"its seal's {name} is not its approval's"
    if (seal.get("run_id"), seal.get("nonce")) != (row["run_id"], mandate.get("nonce")):
        yield "its seal is of another run or approval"
    hashes = {event["seq"]: event["hash"] for event in facts.events}
    if hashes.get(seal.get("audit_seq")) != seal.get("audit_head") or seal.get("audit_seq", 0) < approval["event_seq"]:
        yield "its seal's audit head is no event after its approval"
    for name, wanted in _bound(facts, row, body, approval).items():
        if mandate.get(name) != wanted:
            yield f"its approval binds {name} {mandate.get(name)}; it is {wanted}"
    # Of approvals that a trade was made of: what was only copied, and gave nothing, did no harm.
    trades = {one["run_id"] for one in facts.tables["ticket"] if one["kind"] == "TRADE"}
    used = [one for one in facts.tables["approval"] if one["run_id"] in trades]
    nonces = [_told(one["mandate"]).get("nonce") for one in used]
    if nonces.count(mandate.get("nonce")) > 1:
        yield "the nonce of its approval was used for another trade too"
    yield from _approved(facts, row, approval)


def _approved(facts: Facts, row: Row, approval: Row) -> Iterator[str]:
    """What is approved is what the signed decision says, and each of it was proposed."""
    lines = [json.loads(line["body"]) for line in facts.by("approval_line", "approval_id").get(approval["id"], [])]
    held = facts.by("ticket_line", "ticket").get(row["id"], [])
    if len(held) != len(lines):
        yield f"it holds {len(held)} lines; {len(lines)} were approved for it"
    decided = _only(facts, "decision", row["run_id"])
    if decided is None or json.loads(decided["body"])["approved"] != lines:
        yield "what is approved for it is not what the decision says"
    proposed = _only(facts, "proposal", row["run_id"])
    wanted = json.loads(proposed["body"])["lines"] if proposed else []
    yield from (f"approved line {line['line']} was never proposed" for line in lines if line not in wanted)


def _bound(facts: Facts, row: Row, body: dict[str, Any], approval: Row) -> dict[str, Any]:
    """Give what the mandate must say of this ticket, each value taken from where it stands."""
    run, decided, proposed = (_only(facts, name, row["run_id"]) for name in ("run", "decision", "proposal"))
    opened = json.loads(run["body"]) if run else {}
    decision_hash = digest(decided["body"]) if decided else None
    parts = [row["book"], row["slot"], row["revision"], decision_hash]
    return {
        "proposal_hash": digest(proposed["body"]) if proposed else None,
        "decision_hash": decision_hash,
        "policy_hash": opened.get("policy_hash") if body["policy_hash"] == opened.get("policy_hash") else None,
        "universe_hash": opened.get("universe_hash") if body["universe_hash"] == opened.get("universe_hash") else None,
        "book": row["book"],
        "slot": row["slot"],
        "revision": row["revision"],
        "kind": row["kind"],
        "as_of": body["as_of"] if opened.get("as_of", {}).get("session") == body["as_of"] else None,
        "ledger_head": _ledger_head(facts, row),
        "expires_at": (opened.get("window") or {}).get("closes_at"),
        "nonce": digest(json.dumps(parts, separators=(",", ":"), ensure_ascii=False))[:32],
    }


def _ledger_head(facts: Facts, row: Row) -> str:
    """Name the last entry that the book had when the ticket was issued, with how many there were."""
    mine = [
        (
            (one["session"], ACTIONS.index(one["kind"]) if one["kind"] in ACTIONS else len(ACTIONS), one["id"]),
            one["key"],
        )
        for one in facts.tables["entry"]
        if (one["book"], one["venue"]) == (row["book"], row["venue"]) and one["event_seq"] < row["event_seq"]
    ]
    return f"{len(mine)}:{max(mine)[1]}" if mine else "none"


def _moment(facts: Facts, row: Row, body: dict[str, Any]) -> Iterator[str]:
    """At the moment of its issue no halt stood, every gate was open, no earlier line waited, and the phase had capital."""
    at, tables = row["event_seq"], facts.tables
    for reason in stood(tables["halt"], tables["resume"], {row["book"], "*"}, at=at):
        yield f"it was issued while trading was halted: {reason}"
    decided = _only(facts, "decision", row["run_id"])
    gates = {gate["gate"]: gate["state"] for gate in (json.loads(decided["body"])["gates"] if decided else ())}
    shown = {gate["gate"]: gate["state"] for gate in body["gates"]}
    for name in (stage.name for stage in PIPELINE):
        if (gates.get(name), shown.get(name)) != ("open", "open"):
            yield f"gate {name} was {gates.get(name)} in its decision and {shown.get(name)} on it"
    if decided is None or decided["kind"] != "TRADE":
        yield "its decision is no TRADE"
    steps = [step["phase"] for step in tables["rollout_step"] if step["book"] == row["book"] and step["event_seq"] < at]
    if row["venue"] != "paper" and (steps[-1:] or ["0"])[0] in ("0", "A"):
        yield f"it trades at {row['venue']} in a phase without capital"
    decided_at = decided["event_seq"] if decided else at
    yield from _waiting(facts, row, at=decided_at)


def _waiting(facts: Facts, row: Row, *, at: int) -> Iterator[str]:
    """No line of an earlier live trade of the book at its venue waited for an answer when it was decided."""
    voids = {one["voids"]: one["event_seq"] for one in facts.tables["revision"]}
    lines = facts.by("ticket_line", "ticket")
    for old in facts.tables["ticket"]:
        # Each venue has books of its own: what waits at one is not held at another.
        is_earlier = (old["book"], old["venue"]) == (row["book"], row["venue"]) and old["slot"] < row["slot"]
        is_asked = old["kind"] == "TRADE" and not (old["venue"] != "paper" and old["is_rehearsal"])
        if not (is_earlier and is_asked) or old["event_seq"] > at or voids.get(old["id"], at) < at:
            continue
        waiting = [str(line["line"]) for line in lines.get(old["id"], []) if not answered(facts, line["id"], at=at)]
        if waiting:
            yield f"it was decided while {old['ticket_id']} waited for answers to line {', '.join(waiting)}"


def answered(facts: Facts, line: int, *, at: int) -> bool:
    """Say whether a ticket's line was answered, by a person or a venue, before an event."""
    return any(
        one["event_seq"] < at
        for name in ("confirmation_line", "venue_report")
        for one in facts.by(name, "ticket_line").get(line, ())
    )


def _possible(line: dict[str, Any], fx_rate: str | None) -> Iterator[str]:
    """Units, prices and values are plain decimals above zero that fit together, and no line leaves cash below zero."""
    told = ("quantity", "value", "value_quote", "decision_price", "worst_price", "expected_cost", "expected_cash_after")
    numbers: dict[str, Decimal] = {}
    for name in told:
        text = str(line.get(name))
        try:
            numbers[name] = Decimal(text)
        except InvalidOperation:
            yield f"{name} is {text!r}"
            return
        if not text.isascii() or "e" in text.lower() or not numbers[name].is_finite():
            yield f"{name} is {text!r}, no plain decimal"
            return
    zero = Decimal(0)
    if min(numbers[name] for name in told[:5]) <= zero or min(numbers[name] for name in told[5:]) < zero:
        yield f"a number of it is below what it can be: {', '.join(f'{name} {numbers[name]}' for name in told)}"
    if abs(numbers["quantity"] * numbers["decision_price"] - numbers["value_quote"]) > PENNY:
        yield f"{numbers['quantity']} at {numbers['decision_price']} are not {numbers['value_quote']}"
    if fx_rate is not None and abs(numbers["value_quote"] / Decimal(fx_rate) - numbers["value"]) > 2 * PENNY:
        yield f"{numbers['value_quote']} at the rate {fx_rate} are not {numbers['value']}"
    is_better = numbers["worst_price"] < numbers["decision_price"]
    if is_better == (line["side"] == "buy") and numbers["worst_price"] != numbers["decision_price"]:
        yield f"the worst price of a {line['side']} is {numbers['worst_price']}, decided was {numbers['decision_price']}"


def _life(facts: Facts, row: Row) -> Iterator[str]:
    """Steps are taken when they are true: confirmed when all lines are answered, sent when it went out, and nothing dead is."""
    steps = [(step["step"], step["event_seq"]) for step in facts.by("ticket_step", "ticket").get(row["id"], [])]
    lines = facts.by("ticket_line", "ticket").get(row["id"], [])
    out = [one for one in facts.by("delivery", "ticket").get(row["id"], []) if one["outcome"].startswith("delivered")]
    names = [name for name, _ in steps]
    if names.count("issued") != 1:
        yield f"it was issued {names.count('issued')} times"
    for name, at in steps:
        done = [answered(facts, line["id"], at=at) for line in lines]
        if name == "confirmed" and not (done and all(done)):
            yield f"it was confirmed with {done.count(False)} of {len(done)} lines unanswered"
        if name == "partly confirmed" and not any(done):
            yield "it was partly confirmed without an answer"
        if name == "sent" and not any(one["event_seq"] < at for one in out):
            yield "it was sent and never delivered"
        if name == "sent" and {"void", "expired"} & {other for other, when in steps if when < at}:
            yield "it was sent when it was dead"
    for one in out:
        if row["is_rehearsal"] and one["channel"] not in CHANNELS_OF_REHEARSALS:
            yield f"a rehearsal was delivered by {one['channel']}"
        halted = stood(facts.tables["halt"], facts.tables["resume"], {row["book"], "*"}, at=one["event_seq"])
        if row["kind"] == "TRADE" and halted:
            yield f"it was delivered while trading was halted: {halted[0]}"


def _verifies(facts: Facts, approval: Row) -> bool:
    public = facts.keys.get(approval["key_id"])
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public or ""))
        key.verify(bytes.fromhex(approval["signature"]), approval["mandate"].encode())
    except (InvalidSignature, ValueError):
        return False
    # A key is named by the first half of its SHA-256.
    return str(approval["key_id"]) == sha256(bytes.fromhex(public or "")).hexdigest()[:16]


def _told(text: str) -> dict[str, Any]:
    """Give what a text says; nothing when it says nothing."""
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _only(facts: Facts, table: str, run_id: str) -> Row | None:
    found = facts.by(table, "run_id").get(run_id, [])
    return found[0] if len(found) == 1 else None
