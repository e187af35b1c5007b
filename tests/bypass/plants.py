"""Violations to plant: each a name, the stage it is planted on, the statements that do it, and words that the oracle says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# The last trade of a stage, its first line, its run, and the one approval of it.
TICKET = "(SELECT max(id) FROM ticket WHERE kind = 'TRADE')"
LINE = f"(SELECT min(id) FROM ticket_line WHERE ticket = {TICKET})"
RUN = f"(SELECT run_id FROM ticket WHERE id = {TICKET})"
FIRST = "(SELECT min(id) FROM ticket WHERE kind = 'TRADE')"
FILL = "(SELECT min(id) FROM entry WHERE kind = 'BUY')"
SLOT_EVENT = f"(SELECT event_seq FROM ticket WHERE id = {TICKET})"
MANDATE = {
    "proposal_hash": '"0"',
    "decision_hash": '"0"',
    "policy_hash": '"0"',
    "universe_hash": '"0"',
    "book": '"other"',
    "slot": '"20200101"',
    "revision": "9",
    "kind": '"HOLD"',
    "as_of": '"2020-01-01"',
    "ledger_head": '"none of it"',
    "expires_at": '"2099-01-01T00:00:00.000000Z"',
    "nonce": '"0"',
}


@dataclass(frozen=True)
class Plant:
    """One violation: its name, where it is planted, how, and what must be said of it."""

    name: str
    stage: Literal["by hand", "on paper"]
    statements: tuple[str, ...]
    words: str


def set_in(table: str, column: str, pattern: str, to: str, *, where: str) -> str:
    """Write the statement that replaces the first match of a pattern in a text."""
    return f"UPDATE {table} SET {column} = regexp_replace({column}, $p${pattern}$p$, $p${to}$p$) WHERE {where}"


def shown(field: str, value: str, words: str) -> Plant:
    """Change a field of the first line, a buy, that the body of the trade by hand shows."""
    statement = set_in("ticket", "body", f'"{field}":"[^"]*"', f'"{field}":{value}', where=f"id = {TICKET}")
    return hand(f"a line shows {field} {value}", words, statement)


def paper(name: str, words: str, *statements: str) -> Plant:
    """Plant on the paper book."""
    return Plant(name, "on paper", statements, words)


def hand(name: str, words: str, *statements: str) -> Plant:
    """Plant on the book that a person trades."""
    return Plant(name, "by hand", statements, words)


_MINE = f"id = {TICKET}"
_OF_RUN = f"run_id = {RUN}"
_APPROVED = f"(SELECT approval_line FROM ticket_line WHERE id = {LINE})"
_LOOSE = "ALTER TABLE ticket_line DROP CONSTRAINT ticket_line_approval_line_key"
_COPY = (
    "INSERT INTO ticket (event_seq, recorded_at, ticket_id, book, slot, revision, kind, venue, is_rehearsal, run_id, hash,"
    f" body, seal) SELECT event_seq, recorded_at, ticket_id, book, slot, 7, kind, venue, is_rehearsal, 'RUN-X', hash,"
    f" body, seal FROM ticket WHERE {_MINE}"
)
_STEP = f"INSERT INTO ticket_step (event_seq, recorded_at, ticket, step, body) SELECT 10000, now(), {TICKET}"
_SENT = f"INSERT INTO delivery (event_seq, recorded_at, ticket, channel, outcome, body) SELECT 9000, now(), {TICKET}"
_SAID = (
    "INSERT INTO confirmation (event_seq, recorded_at, ticket, said_by, channel, said_at, is_late, body)"
    " SELECT 9000, now(), {}, '{}', '{}', now(), false, '{{}}'"
)
_ANSWER = (
    "INSERT INTO confirmation_line (event_seq, recorded_at, confirmation, ticket_line, outcome, body)"
    " SELECT 9001, now(), (SELECT max(id) FROM confirmation), {}, 'filled', '{{\"line\":{}}}'"
)
_HALT = "INSERT INTO halt (event_seq, recorded_at, scope, reason, role) SELECT {}, now(), '{}', 'stop', 'twokey_person'"
_RESUME = "INSERT INTO resume (event_seq, recorded_at, halt, said_by, reason) SELECT"
_POSTING = "INSERT INTO posting (event_seq, recorded_at, entry, line, account, commodity, amount) SELECT 9000, now()"

ON_TICKETS = (
    paper(
        "a line on no approval",
        "line 1 rests on no approval",
        f"UPDATE ticket_line SET approval_line = 1000000 WHERE id = {LINE}",
    ),
    paper(
        "a line on another run's approval",
        "line 1 rests on line 1 approved for RUN-",
        _LOOSE,
        f"UPDATE ticket_line SET approval_line = (SELECT min(id) FROM approval_line) WHERE id = {LINE}",
    ),
    paper(
        "an approved line used twice",
        "is used 2 times",
        _LOOSE,
        f"UPDATE ticket_line SET approval_line = (SELECT min(id) FROM approval_line) WHERE id = {LINE}",
    ),
    paper("a line of no ticket", "is of no ticket", f"UPDATE ticket_line SET ticket = 1000000 WHERE id = {LINE}"),
    paper(
        "a changed line",
        "line 1: quantity is 999, approved was",
        set_in("ticket_line", "body", '"quantity":"[^"]*"', '"quantity":"999"', where=f"id = {LINE}"),
    ),
    paper(
        "a line that is not the one shown",
        "line 1 is not the one that its body shows",
        set_in("ticket_line", "body", '"search_name":"[^"]*"', '"search_name":"other"', where=f"id = {LINE}"),
    ),
    paper(
        "a line more",
        "and holds those numbered [1, ",
        "INSERT INTO ticket_line (event_seq, recorded_at, ticket, line, approval_line, body)"
        f" SELECT event_seq, recorded_at, ticket, 99, 1000000, body FROM ticket_line WHERE id = {LINE}",
    ),
    paper("a line less", "were approved for it", f"DELETE FROM ticket_line WHERE id = {LINE}"),
    paper(
        "a hash of something else", "its hash is not that of its body", f"UPDATE ticket SET hash = 'x' WHERE {_MINE}"
    ),
    paper(
        "a row of another kind",
        "its row says kind HOLD, its body TRADE",
        f"UPDATE ticket SET kind = 'HOLD' WHERE {_MINE}",
    ),
    paper(
        "a NO-TRADE without a reason",
        "it is NO-TRADE and gives no reason",
        set_in("ticket", "body", r'"reasons":\[[^]]*\]', '"reasons":[]', where="kind = 'NO-TRADE'"),
    ),
    paper(
        "a NO-TRADE with lines",
        "it is NO-TRADE and shows 1 lines",
        set_in("ticket", "body", r'"lines":\[\]', '"lines":[{}]', where="kind = 'NO-TRADE'"),
    ),
    paper("a second live ticket", "has 2 live tickets", _COPY),
    paper("a revision that nobody asked for", "r7: no person revised the ticket before it", _COPY),
    paper("a revision without its word", "r2: no person revised the ticket before it", "DELETE FROM revision"),
    shown("quantity", '"-1"', "a number of it is below what it can be"),
    shown("quantity", '"0"', "a number of it is below what it can be"),
    shown("quantity", '"NaN"', "quantity is 'NaN', no plain decimal"),
    shown("quantity", '"1e3"', "quantity is '1e3', no plain decimal"),
    shown("quantity", '"\uff11"', "quantity is '\uff11', no plain decimal"),
    shown("quantity", '"many"', "quantity is 'many'"),
    shown("quantity", "null", "quantity is 'None'"),
    shown("value_quote", '"7"', "are not 7"),
    shown("value", '"7"', "are not 7"),
    shown("worst_price", '"0.01"', "the worst price of a buy is 0.01"),
    shown("expected_cash_after", '"-1"', "a number of it is below what it can be"),
    paper(
        "one instrument on two lines",
        "stands on 2 lines",
        set_in("ticket", "body", r'"lines":\[(\{[^}]*\})', r'"lines":[\1,\1', where=_MINE),
    ),
    hand(
        "a sale behind a buy",
        "a buy stands before a sale",
        set_in(
            "ticket",
            "body",
            r'"lines":\[(\{[^}]*)"side":"buy"([^}]*\})',
            r'"lines":[\1"side":"buy"\2,\1"side":"sell"\2',
            where=_MINE,
        ),
    ),
)
ON_APPROVALS = (
    paper(
        "a signature of something else",
        "its approval is not signed by key",
        f"UPDATE approval SET signature = repeat('0', 128) WHERE {_OF_RUN}",
    ),
    paper(
        "a signature that is no hex", "is not signed by key", f"UPDATE approval SET signature = 'yes' WHERE {_OF_RUN}"
    ),
    paper(
        "a key that nobody trusted",
        "is not signed by key planted",
        f"UPDATE approval SET key_id = 'planted' WHERE {_OF_RUN}",
    ),
    paper("no approval", "it has 0 approvals", f"DELETE FROM approval WHERE {_OF_RUN}"),
    *(
        paper(
            f"an approval that binds another {name}",
            f"its approval binds {name} ",
            set_in("approval", "mandate", f'"{name}":("[^"]*"|[0-9]+)', f'"{name}":{value}', where=_OF_RUN),
        )
        for name, value in MANDATE.items()
    ),
    paper(
        "an approval that was over",
        "its approval expired at 2020",
        set_in("approval", "mandate", '"expires_at":"....', '"expires_at":"2020', where=_OF_RUN),
    ),
    paper("another proposal", "binds proposal_hash", f"UPDATE proposal SET body = body || ' ' WHERE {_OF_RUN}"),
    paper("another decision", "binds decision_hash", f"UPDATE decision SET body = body || ' ' WHERE {_OF_RUN}"),
    paper(
        "another run", "binds policy_hash", set_in("run", "body", '"policy_hash":"', '"policy_hash":"x', where=_OF_RUN)
    ),
    paper(
        "a fill between approval and ticket",
        "binds ledger_head",
        "INSERT INTO entry (event_seq, recorded_at, key, kind, book, venue, session, cash_movement)"
        f" SELECT event_seq - 1, now(), 'late', 'DEPOSIT', book, venue, '2024-03-01', 1 FROM ticket WHERE {_MINE}",
    ),
    *(
        paper(
            f"a seal with another {name}",
            words,
            set_in("ticket", "seal", f'"{name}":("[^"]*"|[0-9]+)', f'"{name}":{value}', where=_MINE),
        )
        for name, value, words in (
            ("signature", '"0"', "its seal's signature is not its approval's"),
            ("key_id", '"0"', "its seal's key_id is not its approval's"),
            ("nonce", '"0"', "its seal is of another run or approval"),
            ("run_id", '"RUN-X"', "its seal is of another run or approval"),
            ("audit_head", '"0"', "its seal's audit head is no event after its approval"),
            ("audit_seq", "1", "its seal's audit head is no event after its approval"),
            ("issued_at", '"2999-01-01T00:00:00.000000Z"', "it was issued at 2999"),
        )
    ),
    paper(
        "a nonce that stands twice",
        "the nonce of its approval was used for another trade too",
        "INSERT INTO approval (event_seq, recorded_at, run_id, mandate, key_id, signature)"
        f" SELECT event_seq, recorded_at, 'RUN-X', mandate, key_id, signature FROM approval WHERE {_OF_RUN}",
        _COPY,
    ),
    paper(
        "an approved line that was not decided",
        "what is approved for it is not what the decision says",
        set_in("approval_line", "body", '"quantity":"[^"]*"', '"quantity":"999"', where=f"id = {_APPROVED}"),
    ),
    paper(
        "an approved line that was not proposed",
        "approved line 1 was never proposed",
        set_in("approval_line", "body", '"quantity":"[^"]*"', '"quantity":"999"', where=f"id = {_APPROVED}"),
    ),
)
AT_THE_MOMENT = (
    paper(
        "a trade while the book was halted",
        "it was issued while trading was halted: stop",
        _HALT.format(f"{SLOT_EVENT} - 1", "main"),
    ),
    paper(
        "a trade while the desk was halted",
        "it was issued while trading was halted: stop",
        _HALT.format(f"{SLOT_EVENT} - 1", "*"),
    ),
    paper(
        "a trade before the resume",
        "it was issued while trading was halted: stop",
        _HALT.format(f"{SLOT_EVENT} - 1", "main"),
        f"{_RESUME} 9000, now(), (SELECT max(id) FROM halt), 'p', 'r'",
    ),
    paper(
        "a closed gate",
        "gate audit was closed in its decision and open on it",
        set_in("decision", "body", '("gate":"audit","messages":[^]]*],"state":)"open"', r'\1"closed"', where=_OF_RUN),
    ),
    paper(
        "a gate that was left out",
        "gate audit was open in its decision and None on it",
        set_in("ticket", "body", '"gate":"audit"', '"gate":"other"', where=_MINE),
    ),
    paper(
        "a decision of another kind", "its decision is no TRADE", f"UPDATE decision SET kind = 'HOLD' WHERE {_OF_RUN}"
    ),
    paper(
        "a trade over lines that waited",
        "waited for answers to line",
        "DELETE FROM venue_report WHERE ticket_line IS NOT NULL",
    ),
    hand("a trade in no phase", "it trades at manual in a phase without capital", "DELETE FROM rollout_step"),
    hand("a trade in phase A", "it trades at manual in a phase without capital", "UPDATE rollout_step SET phase = 'A'"),
    hand("a trade before its phase", "in a phase without capital", "UPDATE rollout_step SET event_seq = 9000"),
    paper(
        "a ticket that was never issued", "it was issued 0 times", f"DELETE FROM ticket_step WHERE ticket = {TICKET}"
    ),
    paper("confirmed without answers", "it was confirmed with", f"{_STEP}, 'confirmed', '{{}}'"),
    paper("partly confirmed without an answer", "without an answer", f"{_STEP}, 'partly confirmed', '{{}}'"),
    paper("sent and not delivered", "it was sent and never delivered", f"{_STEP}, 'sent', '{{}}'"),
    paper(
        "sent when void",
        "it was sent when it was dead",
        f"{_STEP.replace('10000', '9999')}, 'void', '{{}}'",
        f"{_STEP}, 'sent', '{{}}'",
    ),
    paper(
        "a rehearsal by a channel of people",
        "a rehearsal was delivered by slack",
        f"{_SENT}, 'slack', 'delivered: there', '{{}}'",
    ),
    paper(
        "delivered while halted",
        "it was delivered while trading was halted: stop",
        _HALT.format("8000", "main"),
        f"{_SENT}, 'file', 'delivered: there', '{{}}'",
    ),
)
ON_ANSWERS = (
    paper(
        "a person answers for paper",
        "which nobody can have executed",
        _SAID.format(TICKET, "p", "terminal"),
        _ANSWER.format(LINE, 1),
    ),
    hand("a machine answers", "by mcp is no person", "UPDATE confirmation SET channel = 'mcp'"),
    hand("nobody answers", "'' by terminal is no person", "UPDATE confirmation SET said_by = ''"),
    hand(
        "a word for another ticket",
        "is of a confirmation of another ticket",
        "UPDATE confirmation SET ticket = 1000000",
    ),
    hand(
        "an answer of no line",
        "is of no line, no ticket, or no confirmation",
        "UPDATE confirmation_line SET ticket_line = -id",
    ),
    hand(
        "an answer to another line",
        "speaks of another line",
        "UPDATE confirmation_line SET body = replace(body, '\"line\":1', '\"line\":2')",
    ),
    hand(
        "an answer to a void ticket",
        "was void before it was answered",
        "INSERT INTO revision (event_seq, recorded_at, run_id, voids, said_by, reason)"
        f" SELECT 1, now(), 'RUN-X', {TICKET}, 'p', 'r'",
    ),
    paper(
        "a line answered by two",
        "is answered 2 times",
        _SAID.format(FIRST, "p", "terminal"),
        _ANSWER.format("(SELECT min(ticket_line) FROM venue_report)", 1),
    ),
    paper(
        "a report of a void ticket",
        "was void before it",
        "UPDATE revision SET event_seq = 1, voids = (SELECT ticket FROM ticket_line WHERE id = "
        "(SELECT min(ticket_line) FROM venue_report))",
    ),
    paper(
        "a report of another book",
        "is of another book's or venue's ticket",
        "UPDATE venue_report SET book = 'other' WHERE ticket_line IS NOT NULL",
    ),
    paper("an execution of no line", "is an execution of line None", "UPDATE venue_report SET ticket_line = NULL"),
)
ON_BOOKS = (
    paper(
        "a fill on nothing",
        "rests on no evidence",
        "ALTER TABLE entry DROP CONSTRAINT entry_rests_on_one_evidence",
        f"UPDATE entry SET venue_report = NULL WHERE id = {FILL}",
    ),
    paper(
        "a fill on what is not there",
        "rests on [('venue_report', 1000000)]",
        f"UPDATE entry SET venue_report = 1000000 WHERE id = {FILL}",
    ),
    hand(
        "a fill on a payment",
        "is a BUY and rests on a cash_movement",
        "DROP INDEX entry_cash_movement_key",
        f"UPDATE entry SET confirmation_line = NULL, cash_movement = 1 WHERE id = {FILL}",
    ),
    hand(
        "a payment posted twice",
        "cash_movement 1 is posted 2 times",
        "DROP INDEX entry_cash_movement_key",
        f"UPDATE entry SET confirmation_line = NULL, cash_movement = 1 WHERE id = {FILL}",
    ),
    paper(
        "an entry that does not balance",
        "does not balance",
        f"UPDATE posting SET amount = amount + 1 WHERE entry = {FILL} AND account = 'cash'",
    ),
    paper("an entry without postings", "has no posting", f"DELETE FROM posting WHERE entry = {FILL}"),
    paper("a posting of no entry", "is of no entry", f"{_POSTING}, 1000000, 1, 'cash', 'GBP', 1"),
    paper(
        "more units than answered",
        "answered was",
        f"UPDATE posting SET amount = amount * 2 WHERE entry = {FILL} AND account IN ('units', 'trade') AND commodity <> 'USD'",
    ),
    paper(
        "cheaper than answered",
        "moves cash by",
        f"UPDATE posting SET amount = 0 WHERE entry = {FILL} AND commodity = 'GBP'",
    ),
    paper(
        "a fill of another instrument",
        "its line is a buy of",
        f"UPDATE entry SET instrument = 'OTHER' WHERE id = {FILL}",
    ),
    paper("a sale for a purchase", "is a SELL of", f"UPDATE entry SET kind = 'SELL' WHERE id = {FILL}"),
    paper(
        "a fill of another book",
        "is of other at paper; its ticket is of main at paper",
        f"UPDATE entry SET book = 'other' WHERE id = {FILL}",
    ),
    hand(
        "a fill of what was not executed",
        "says that nothing was executed",
        'UPDATE confirmation_line SET body = \'{"line":1,"reason":"no"}\'',
    ),
    hand("another payment than was said", "a person said", "UPDATE cash_movement SET amount = 1"),
    paper("units below none", "holds -", f"UPDATE posting SET amount = -amount WHERE entry = {FILL}"),
    paper("a resume of no halt", "is of no halt", "UPDATE resume SET halt = 1000000"),
    paper("a resume by nobody", "names no person or no reason", "UPDATE resume SET said_by = ' '"),
    hand("a phase without a reason", "names no person or no reason", "UPDATE rollout_step SET reason = ''"),
    paper(
        "a halt resumed twice",
        "is resumed 2 times",
        "ALTER TABLE resume DROP CONSTRAINT resume_halt_key",
        f"{_RESUME} event_seq, now(), halt, said_by, reason FROM resume",
    ),
)
ON_THE_CHAIN = (
    paper("an event that is gone", "where event 5 belongs", "DELETE FROM event WHERE seq = 5"),
    paper(
        "an event that was changed",
        "event 5 does not have the hash of its bytes",
        "UPDATE event SET bytes = bytes || ' ' WHERE seq = 5",
    ),
    paper(
        "an event rewritten with its hash",
        "event 6 does not follow the one before it",
        "UPDATE event SET bytes = bytes || ' ', hash = encode(sha256(convert_to(bytes || ' ', 'UTF8')), 'hex') WHERE seq = 5",
    ),
    paper("a row that was changed", "the rows of halt are not those that event", "UPDATE halt SET reason = 'nothing'"),
    paper("a row that is gone", "the rows of halt are not those that event", "DELETE FROM resume", "DELETE FROM halt"),
    paper(
        "a row that no event added",
        "rows of halt name event 9000, which did not add them",
        _HALT.format("9000", "main"),
    ),
    paper(
        "a row that nobody may write",
        "postgres added to halt, which is not its to write",
        "SET LOCAL session_replication_role = origin",
        "INSERT INTO halt (scope, reason, role) VALUES ('main', 'r', 'person')",
    ),
)
PLANTS = (*ON_TICKETS, *ON_APPROVALS, *AT_THE_MOMENT, *ON_ANSWERS, *ON_BOOKS, *ON_THE_CHAIN)
# Beside a planted row, one that is as much of a violation as nothing is.
HONEST = (
    paper("a halt of another book", "", _HALT.format(f"{SLOT_EVENT} - 1", "other")),
    paper("a halt after the trade", "", _HALT.format("9000", "main")),
)
