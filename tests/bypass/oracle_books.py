"""The oracle's part on answers and books: a fill has its evidence, answers fit their lines, and every entry balances."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.bypass.oracle import Facts, Row

PENNY = Decimal("0.01")
EVIDENCE = ("confirmation_line", "venue_report", "cash_movement", "clean_snapshot", "booked_fact")
USED_ONCE = EVIDENCE[:3]
# What each kind of entry may rest on; what people book themselves may be of any kind.
RESTS_ON = {
    "BUY": {"confirmation_line", "venue_report", "booked_fact"},
    "SELL": {"confirmation_line", "venue_report", "booked_fact"},
    "DEPOSIT": {"cash_movement", "venue_report", "booked_fact"},
    "WITHDRAW": {"cash_movement", "venue_report", "booked_fact"},
    "DIVIDEND": {"venue_report", "booked_fact"},
    "SPLIT": {"venue_report", "clean_snapshot", "booked_fact"},
}
PEOPLE = {"terminal", "slack", "web", "python"}


def book_violations(facts: Facts) -> Iterator[str]:
    """Give what is wrong with answers, entries and postings, and with what people are said to have said."""
    yield from _answers(facts)
    yield from _reports(facts)
    yield from _entries(facts)
    yield from _fills(facts)
    yield from _units(facts)
    yield from _words_of_people(facts)


def _answers(facts: Facts) -> Iterator[str]:
    """A line is answered once, by a person of a live trade for real, in a confirmation of its own ticket."""
    tickets, lines = _by_id(facts, "ticket"), _by_id(facts, "ticket_line")
    said = _by_id(facts, "confirmation")
    voids = {row["voids"]: row["event_seq"] for row in facts.tables["revision"]}
    for answer in facts.tables["confirmation_line"]:
        line, whole = lines.get(answer["ticket_line"]), said.get(answer["confirmation"])
        ticket = tickets.get(line["ticket"]) if line else None
        name = f"answer {answer['id']}"
        if line is None or ticket is None or whole is None:
            yield f"{name} is of no line, no ticket, or no confirmation"
            continue
        if whole["ticket"] != ticket["id"]:
            yield f"{name} is of a confirmation of another ticket"
        if ticket["venue"] == "paper" or ticket["is_rehearsal"] or ticket["kind"] != "TRADE":
            yield f"{name}: a person answered {ticket['ticket_id']}, which nobody can have executed"
        if voids.get(ticket["id"], answer["event_seq"]) < answer["event_seq"]:
            yield f"{name}: {ticket['ticket_id']} r{ticket['revision']} was void before it was answered"
        if whole["channel"] not in PEOPLE or not whole["said_by"].strip():
            yield f"{name}: {whole['said_by']!r} by {whole['channel']} is no person"
        if json.loads(answer["body"]).get("line") != line["line"]:
            yield f"{name} speaks of another line than its own"
    told = [row["ticket_line"] for name in ("confirmation_line", "venue_report") for row in facts.tables[name]]
    yield from (f"line {one} is answered {n} times" for one, n in Counter(told).items() if one is not None and n > 1)


def _reports(facts: Facts) -> Iterator[str]:
    """A venue reports of lines of its own live tickets alone."""
    tickets, lines = _by_id(facts, "ticket"), _by_id(facts, "ticket_line")
    voids = {row["voids"]: row["event_seq"] for row in facts.tables["revision"]}
    for report in facts.tables["venue_report"]:
        if (report["kind"] == "execution") != (report["ticket_line"] is not None):
            yield f"report {report['key']} is an {report['kind']} of line {report['ticket_line']}"
        line = lines.get(report["ticket_line"])
        ticket = tickets.get(line["ticket"]) if line else None
        if report["ticket_line"] is None:
            continue
        if ticket is None or (report["book"], report["venue"]) != (ticket["book"], ticket["venue"]):
            yield f"report {report['key']} is of another book's or venue's ticket"
        elif voids.get(ticket["id"], report["event_seq"]) < report["event_seq"]:
            yield f"report {report['key']}: {ticket['ticket_id']} r{ticket['revision']} was void before it"


def _entries(facts: Facts) -> Iterator[str]:
    """Every entry rests on one piece of evidence that is there, of a kind that fits; each commodity sums to zero."""
    postings = facts.by("posting", "entry")
    known = {name: {row["id"] for row in facts.read(f"SELECT id FROM {name}")} for name in EVIDENCE}
    used: Counter[tuple[str, int]] = Counter()
    for entry in facts.tables["entry"]:
        rests = [(name, entry[name]) for name in EVIDENCE if entry[name] is not None]
        if len(rests) != 1 or rests[0][1] not in known[rests[0][0]]:
            yield (
                f"entry {entry['key']} rests on no evidence" if not rests else f"entry {entry['key']} rests on {rests}"
            )
        elif rests[0][0] not in RESTS_ON.get(entry["kind"], {"booked_fact"}):
            yield f"entry {entry['key']} is a {entry['kind']} and rests on a {rests[0][0]}"
        used.update(rest for rest in rests if rest[0] in USED_ONCE)
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for posting in postings.get(entry["id"], ()):
            sums[posting["commodity"]] += posting["amount"]
        if not sums:
            yield f"entry {entry['key']} has no posting"
        yield from (f"entry {entry['key']} does not balance: {name} {total}" for name, total in sums.items() if total)
    ids = _by_id(facts, "entry")
    yield from (f"posting {row['id']} is of no entry" for row in facts.tables["posting"] if row["entry"] not in ids)
    yield from (f"{name} {number} is posted {count} times" for (name, number), count in used.items() if count > 1)


def _fills(facts: Facts) -> Iterator[str]:
    """A fill posts exactly what was answered: the units, their price at the rate, and the fee; cash as it was moved."""
    tickets, lines, answers = _by_id(facts, "ticket"), _by_id(facts, "ticket_line"), _by_id(facts, "confirmation_line")
    reports, moved = _by_id(facts, "venue_report"), _by_id(facts, "cash_movement")
    postings = facts.by("posting", "entry")
    for entry in facts.tables["entry"]:
        told = answers.get(entry["confirmation_line"]) or reports.get(entry["venue_report"])
        line = lines.get(told["ticket_line"]) if told else None
        cash = sum((row["amount"] for row in postings.get(entry["id"], ()) if row["account"] == "cash"), Decimal(0))
        if entry["cash_movement"] in moved and cash != moved[entry["cash_movement"]]["amount"]:
            yield f"entry {entry['key']} moves {cash}; a person said {moved[entry['cash_movement']]['amount']}"
        if told is None or entry["kind"] not in ("BUY", "SELL"):
            continue
        if line is None or line["ticket"] not in tickets:
            yield f"fill {entry['key']} is of no ticket's line"
            continue
        units = [
            (row["commodity"], row["amount"]) for row in postings.get(entry["id"], ()) if row["account"] == "units"
        ]
        body = json.loads(told["body"])
        for words in _differs(entry, tickets[line["ticket"]], json.loads(line["body"]), body.get("answer", body)):
            yield f"fill {entry['key']} {words}"
        yield from (
            f"fill {entry['key']} {words}" for words in _amounts(line, body.get("answer", body), units, cash=cash)
        )


def _differs(entry: Row, ticket: Row, line: dict[str, Any], answer: dict[str, Any]) -> Iterator[str]:
    if (entry["book"], entry["venue"]) != (ticket["book"], ticket["venue"]):
        yield f"is of {entry['book']} at {entry['venue']}; its ticket is of {ticket['book']} at {ticket['venue']}"
    if (entry["instrument"], entry["kind"]) != (line["instrument"], line["side"].upper()):
        yield f"is a {entry['kind']} of {entry['instrument']}; its line is a {line['side']} of {line['instrument']}"
    if "quantity" not in answer:
        yield "rests on an answer that says that nothing was executed"


def _amounts(line: Row, answer: dict[str, Any], units: list[tuple[str, Decimal]], *, cash: Decimal) -> Iterator[str]:
    if "quantity" not in answer:
        return
    shown = json.loads(line["body"])
    sign = 1 if shown["side"] == "buy" else -1
    if units != [(shown["instrument"], sign * Decimal(answer["quantity"]))]:
        yield f"moves {units}; answered was {answer['quantity']} of {shown['instrument']}"
    pieces = answer.get("parts") or [answer]
    worth = sum(Decimal(one["quantity"]) * Decimal(one["price"]) / Decimal(one["fx_rate"]) for one in pieces)
    fee = sum(Decimal(one["fee"]) for one in pieces)
    if abs(-sign * worth - fee - cash) > PENNY:
        yield f"moves cash by {cash}; what was answered is worth {worth} with a fee of {fee}"


def _units(facts: Facts) -> Iterator[str]:
    """No book holds fewer units than none."""
    entries, held = _by_id(facts, "entry"), defaultdict[tuple[str, str, str], Decimal](Decimal)
    for row in facts.tables["posting"]:
        entry = entries.get(row["entry"])
        if entry is not None and row["account"] == "units":
            held[entry["book"], entry["venue"], row["commodity"]] += row["amount"]
    yield from (
        f"{book} holds {units} of {name} at {venue}" for (book, venue, name), units in held.items() if units < 0
    )


def _words_of_people(facts: Facts) -> Iterator[str]:
    """Whatever only a person decides carries a name and a reason; what is resumed was halted, and once."""
    halts = {row["id"] for row in facts.tables["halt"]}
    for row in facts.tables["resume"]:
        if row["halt"] not in halts:
            yield f"resume {row['id']} is of no halt"
    for name in ("resume", "rollout_step", "revision"):
        for row in facts.tables[name]:
            if not row["said_by"].strip() or not row["reason"].strip():
                yield f"{name} {row['id']} names no person or no reason"
    lifted = Counter(row["halt"] for row in facts.tables["resume"])
    yield from (f"halt {halt} is resumed {count} times" for halt, count in lifted.items() if count > 1)


def _by_id(facts: Facts, table: str) -> dict[int, Row]:
    return {row["id"]: row for row in facts.tables[table]}
