"""Rows of every fact table, added the ordinary way: each by its writer, through the connection of its role.

What a row rests on is taken from what the same writer added before, and a transaction that was given up gives nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from adapters.postgres.connect import Row, Session
from adapters.postgres.people import PgConfig, PgPeople
from adapters.postgres.rights import Role
from core.canonical import sha256_text
from core.domain.backup import AcknowledgedLoss
from core.domain.facts import AuditHead

# What makes a text, a number or an instant look different where it is written and where it is read.
TEXTS: tuple[str, ...] = (
    *("", " ", "plain", "two\nlines", "tab\t", 'a "quote"', "it's", "back\\slash", "\\u0000", "é", "e\u0301", "\u2028"),
    *("日本", "🗝", "%s", "$1", "null", "x" * 3000, "-- no comment", "{}", "\x7f\x01"),
)
NUMBERS = ("0", "1", "1.0", "1.50", "-0.00000001", "1E+20", "1E-20", "99999999999999999999.999999999999", "-250.5")
DAYS = (date(1, 1, 1), date(1999, 12, 31), date(2024, 2, 29), date(9999, 12, 31))
# An approved line's fields, and how a ticket's line calls them where it does otherwise.
SAID = {"notional": "value", "notional_quote": "value_quote", "price": "decision_price", "cost": "expected_cost"}
FIELDS: tuple[str, ...] = (
    *("instrument", "side", "effect", "quantity", "notional", "notional_quote", "order_type", "limit_price"),
    *("stop_price", "price", "worst_price", "cost"),
)


class GivenUp(Exception):
    """A transaction was given up on purpose."""


@dataclass
class Planter:
    """Somebody who adds rows with connections and random choices of their own; names differ between planters."""

    name: str
    sessions: Mapping[Role, Session]
    draw: Random
    shared: str = "shared"
    _number: int = 0
    _stock: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    _fresh: list[tuple[str, Any]] = field(default_factory=list)

    def plant(self, role: Role) -> None:
        """Add one random fact of a role, with the rows that belong to it."""
        story = self.draw.choice(STORIES[role])
        while not story(self):
            story = self.draw.choice(STORIES[role])
        self._keep()

    def plant_together(self, role: Role, facts: int, *, is_given_up: bool) -> None:
        """Add random facts of a role in one transaction, which may be given up at its end."""
        kept, self._fresh = self._fresh, []
        with contextlib.suppress(GivenUp), self.sessions[role].transaction():
            for _ in range(facts):
                while not self.draw.choice(STORIES[role])(self):
                    pass
            if is_given_up:
                self._fresh = []
                raise GivenUp
        self._fresh = kept + self._fresh
        self._keep()

    def key(self) -> str:
        """Give a name that nothing had before."""
        self._number += 1
        return f"{self.name}-{self._number}"

    def text(self) -> str:
        """Give a text, seldom a tame one."""
        return self.draw.choice(TEXTS)

    def number(self) -> Decimal:
        """Give a number, seldom a tame one."""
        return Decimal(self.draw.choice(NUMBERS))

    def day(self) -> date:
        """Give a day."""
        return self.draw.choice(DAYS)

    def add(self, role: Role, table: str, *rows: Mapping[str, Any], once: bool = False) -> list[Row]:
        """Add rows as a role."""
        return self.sessions[role].add(table, rows, once=once)

    def give(self, kind: str, value: Any) -> None:
        """Say what later rows may rest on, once this is committed."""
        self._fresh.append((kind, value))

    def take(self, kind: str) -> Any:
        """Take something to rest on that nothing rests on yet; None where there is none."""
        stock = self._stock[kind]
        return stock.pop(self.draw.randrange(len(stock))) if stock else None

    def _keep(self) -> None:
        for kind, value in self._fresh:
            self._stock[kind].append(value)
        self._fresh = []


Story = Callable[[Planter], bool]


# --- desk -------------------------------------------------------------------------------------------------------------


def config(planter: Planter) -> bool:
    """A configuration; every third is one that another writer may keep too, or has kept."""
    shared = planter.draw.random() < 0.3
    digest = f"{planter.shared}-{planter.draw.randrange(3)}" if shared else planter.key()
    PgConfig(planter.sessions["desk"]).add_config("policy", digest, planter.text())
    return True


def clean_set(planter: Planter) -> bool:
    """A clean set that was published, often enough the one that is current already."""
    (row,) = planter.add("desk", "clean_snapshot", {"hash": planter.key(), "body": planter.text()})
    PgConfig(planter.sessions["desk"]).add_snapshot(row["hash"], "the current one again, which adds nothing")
    planter.give("clean_snapshot", row["id"])
    return True


def run(planter: Planter) -> bool:
    """A run, opened twice: the second time changes nothing."""
    run_id = planter.key()
    for body in ("{}", "another"):
        planter.sessions["desk"].call("open_run", run_id, planter.name, run_id, 1, body)
    for of in ("score_set", "proposal", "decision"):
        planter.give(of, run_id)
    return True


def venue_report(planter: Planter) -> bool:
    """One to three reports in one statement, and the same again."""
    rows = [
        {"key": planter.key(), "book": planter.name, "venue": "paper", "kind": "cash", "session": planter.day()}
        | {"ticket_line": None, "body": planter.text()}
        for _ in range(planter.draw.randint(1, 3))
    ]
    for row in planter.add("desk", "venue_report", *rows, once=True):
        planter.give("evidence", ("venue_report", row["id"]))
    planter.add("desk", "venue_report", *rows, once=True)
    return True


def snapshot(planter: Planter) -> bool:
    """What an account holds, from a file or none."""
    row = {"account": planter.name, "book": planter.key(), "venue": "manual", "session": planter.day()}
    evidence = planter.draw.choice((None, sha256_text(planter.key())))
    (added,) = planter.add("desk", "account_snapshot", row | {"body": planter.text(), "evidence": evidence}, once=True)
    planter.give("snapshot", added["id"])
    return True


# --- quant and riskguard ----------------------------------------------------------------------------------------------


def job(planter: Planter) -> bool:
    """Three jobs in one statement, of which another writer may have added some."""
    names = [planter.key(), *(f"{planter.shared}-{number}" for number in planter.draw.sample(range(6), 2))]
    rows = [{"job_id": name, "kind": "training", "body": planter.text()} for name in names]
    added = planter.add("quant", "job", *rows, once=True)
    planter.give("job", added[0]["job_id"])
    return True


def job_step(planter: Planter) -> bool:
    """All steps of a job at once."""
    job_id = planter.take("job")
    if job_id is None:
        return False
    rows = [{"job_id": job_id, "state": state, "body": planter.text()} for state in ("running", "done")]
    planter.add("quant", "job_step", *rows)
    return True


def model(planter: Planter) -> bool:
    """A model and its twin of another session, then the first again."""
    body, book = planter.text(), planter.key()
    row = {"book": book, "as_of": planter.day(), "hash": sha256_text(body), "card": planter.text(), "body": body}
    planter.add("quant", "model", row, row | {"hash": sha256_text(book)}, once=True)
    planter.add("quant", "model", row, once=True)
    return True


def trial(planter: Planter) -> bool:
    """A backtest that was run."""
    days = {"first": planter.day(), "last": planter.day(), "sessions": planter.draw.randrange(3000)}
    row = {"asked": planter.key(), "strategy": planter.text(), "sharpe": planter.number()} | days
    planter.add("quant", "trial", row, once=True)
    return True


def pin(planter: Planter) -> bool:
    """A model that is pinned, and set free."""
    said = {"book": planter.name, "said_by": planter.text(), "reason": planter.text()}
    planter.add("person", "model_pin", said | {"hash": planter.text()}, said | {"hash": None})
    return True


def score_set(planter: Planter) -> bool:
    """A run's scores."""
    return _of_run(planter, "quant", "score_set")


def proposal(planter: Planter) -> bool:
    """A run's proposal."""
    return _of_run(planter, "riskguard", "proposal")


def _of_run(planter: Planter, role: Role, table: str) -> bool:
    run_id = planter.take(table)
    if run_id is None:
        return False
    body = planter.text()
    planter.add(role, table, {"run_id": run_id, "hash": sha256_text(body), "body": body}, once=True)
    return True


def decision(planter: Planter) -> bool:
    """A decision with its approval and lines in one transaction, or one that approves nothing."""
    run_id = planter.take("decision")
    if run_id is None:
        return False
    lines = [dict.fromkeys(FIELDS, f"{number}") for number in range(planter.draw.randint(0, 3))]
    body, ids = planter.text(), []
    row = {"run_id": run_id, "kind": "approved", "hash": sha256_text(body), "body": body, "facts": "{}"}
    with planter.sessions["riskguard"].transaction():
        planter.add("riskguard", "decision", row, once=True)
        if lines:
            signed = {"run_id": run_id, "mandate": planter.text(), "key_id": "k", "signature": planter.text()}
            (approval,) = planter.add("riskguard", "approval", signed)
            rows = [
                {"approval_id": approval["id"], "line": number, "body": json.dumps(line)}
                for number, line in enumerate(lines, start=1)
            ]
            ids = [row["id"] for row in planter.add("riskguard", "approval_line", *rows)]
    planter.give("ticket", (run_id, lines, ids))
    return True


# --- ticketing and confirm --------------------------------------------------------------------------------------------


def ticket(planter: Planter) -> bool:
    """The ticket of a decision with its lines and first step, in one transaction; some will be revised, others answered."""
    decided = planter.take("ticket")
    if decided is None:
        return False
    run_id, approved, ids = decided
    lines = [{SAID.get(name, name): value for name, value in line.items()} for line in approved]
    row = {"ticket_id": f"T-{run_id}", "book": planter.name, "slot": run_id, "revision": 1, "venue": "manual"}
    row |= {"kind": "TRADE" if lines else "HOLD", "is_rehearsal": False}
    body = json.dumps(row | {"lines": lines})
    with planter.sessions["ticketing"].transaction():
        (added,) = planter.add(
            "ticketing",
            "ticket",
            row | {"run_id": run_id, "hash": sha256_text(body), "body": body, "seal": planter.text()},
        )
        answered = [
            {"ticket": added["id"], "line": number, "approval_line": ids[number - 1], "body": json.dumps(line)}
            for number, line in enumerate(lines, start=1)
        ]
        kept = planter.add("ticketing", "ticket_line", *answered)
        steps = [{"ticket": added["id"], "step": step, "body": "{}"} for step in ("drafted", "issued")]
        planter.add("ticketing", "ticket_step", *steps)
    if planter.draw.random() < 0.3:
        planter.give("revision", run_id)
    elif kept:
        planter.give("confirmation", (added["id"], [line["id"] for line in kept]))
    planter.give("manifest", run_id)
    planter.give("delivery", added["id"])
    return True


def delivery(planter: Planter) -> bool:
    """An attempt to deliver, and the step, taken twice."""
    number = planter.take("delivery")
    if number is None:
        return False
    outcome = f"delivered: {planter.text()}"
    planter.add("ticketing", "delivery", {"ticket": number, "channel": "file", "outcome": outcome, "body": "{}"})
    for _ in range(2):
        planter.add("ticketing", "ticket_step", {"ticket": number, "step": "sent", "body": "{}"}, once=True)
    return True


def manifest(planter: Planter) -> bool:
    """What a run was made of."""
    run_id = planter.take("manifest")
    if run_id is None:
        return False
    PgConfig(planter.sessions["ticketing"]).add_manifest(run_id, planter.text())
    return True


def confirmation(planter: Planter) -> bool:
    """A person's answers to all lines of a ticket, in one transaction."""
    waiting = planter.take("confirmation")
    if waiting is None:
        return False
    zone = timedelta(hours=planter.draw.randint(-12, 12))
    at = datetime(2024, 2, 6, 9, 30, 1, planter.draw.randrange(1_000_000), UTC) + zone
    row = {"ticket": waiting[0], "said_by": planter.text(), "channel": "terminal", "said_at": at, "is_late": False}
    with planter.sessions["confirm"].transaction():
        (added,) = planter.add("confirm", "confirmation", row | {"body": planter.text()})
        answers = [
            {"confirmation": added["id"], "ticket_line": line, "outcome": "filled", "body": planter.text()}
            for line in waiting[1]
        ]
        kept = planter.add("confirm", "confirmation_line", *answers)
    for answer in kept:
        planter.give("evidence", ("confirmation_line", answer["id"]))
    return True


# --- ledger -----------------------------------------------------------------------------------------------------------


def entry(planter: Planter) -> bool:
    """A fact of the journal with its postings in one transaction, resting on evidence of any kind."""
    kind, number = planter.take("evidence") or ("clean_snapshot", planter.take("clean_snapshot"))
    if number is None:
        return False
    row = {"key": planter.key(), "kind": "DEPOSIT", "book": planter.name, "venue": "manual", "session": planter.day()}
    row |= {"instrument": planter.draw.choice((None, planter.text())), kind: number}
    with planter.sessions["ledger"].transaction():
        (added,) = planter.add("ledger", "entry", row, once=True)
        postings = [
            {"entry": added["id"], "line": line, "account": planter.text(), "commodity": "GBP"}
            | {"amount": planter.number()}
            for line in range(1, planter.draw.randint(2, 4))
        ]
        planter.add("ledger", "posting", *postings)
    return True


def reconciliation(planter: Planter) -> bool:
    """A comparison with a snapshot."""
    number = planter.take("snapshot")
    if number is None:
        return False
    row = {"snapshot": number, "book": planter.name, "venue": "manual", "session": planter.day(), "breaks": "[]"}
    row |= {"ledger_head": planter.text(), "marks": planter.draw.choice((None, planter.text()))}
    planter.add("ledger", "reconciliation", row, once=True)
    return True


# --- a person, and who may halt ---------------------------------------------------------------------------------------


def cash(planter: Planter) -> bool:
    """Cash that came or went."""
    row = {"key": planter.key(), "book": planter.name, "venue": "manual", "session": planter.day(), "currency": "GBP"}
    row |= {"amount": planter.number(), "said_by": planter.text(), "note": planter.text()}
    (added,) = planter.add("person", "cash_movement", row, once=True)
    planter.give("evidence", ("cash_movement", added["id"]))
    return True


def resume(planter: Planter) -> bool:
    """A halt and its lifting, with the peak that counts from then on."""
    scope, people = planter.key(), PgPeople(planter.sessions["person"])
    people.halt(scope, planter.text())
    people.resume(scope, by=planter.text(), reason=planter.text(), peaks={scope: planter.day()})
    return True


def rollout(planter: Planter) -> bool:
    """A phase of a book."""
    PgPeople(planter.sessions["person"]).set_phase(planter.name, planter.text(), by="p", reason=planter.text())
    return True


def frozen(planter: Planter) -> bool:
    """A change window of a book with what it froze, in one transaction."""
    named = {"book": planter.name}
    with planter.sessions["person"].transaction():
        (window,) = planter.add("person", "change_window", named | {"said_by": "p", "reason": planter.text()})
        rows = [{"change_window": window["id"], "kind": kind, "hash": planter.text()} for kind in ("policy", "code")]
        planter.add("person", "frozen_hash", *(named | row for row in rows))
    return True


def attested(planter: Planter) -> bool:
    """What a person checked, with the file that shows it."""
    row = {"book": planter.name, "item": planter.text(), "holds": planter.draw.random() < 0.5, "sha256": planter.key()}
    row |= {"name": planter.text(), "content": "eA==", "said_by": "p", "note": planter.text()}
    planter.add("person", "attestation", row)
    return True


def restored(planter: Planter) -> bool:
    """A configuration that a person put back."""
    row = {"book": planter.name, "kind": "policy", "hash": planter.text(), "replaced": planter.text()}
    planter.add("person", "config_restore", row | {"said_by": "p", "reason": planter.text()})
    return True


def verified(planter: Planter) -> bool:
    """An instrument that was looked up."""
    PgPeople(planter.sessions["person"]).verify_instrument(planter.text(), planter.day(), by="p", note=planter.text())
    return True


def loss(planter: Planter) -> bool:
    """A loss that somebody acknowledged, of no consequence without a line outside."""
    lost = AcknowledgedLoss(planter.key(), AuditHead(planter.draw.randrange(5), planter.text()), 9, "p", "because")
    PgPeople(planter.sessions["person"]).acknowledge_loss(lost)
    return True


def booked(planter: Planter) -> bool:
    """A statement with two facts read from it, then the reversal of one of them; the file again adds nothing."""
    named = {"account": planter.name, "said_by": planter.text()}
    file = named | {"sha256": sha256_text(planter.key()), "broker": "b", "form": "csv", "name": planter.text()}
    for content in ("eA==", "another"):
        planter.add("person", "statement_file", file | {"content": content}, once=True)
    fact = named | {"kind": "FEE", "book": planter.name, "venue": "manual", "session": planter.day()}
    fact |= {"body": planter.text(), "note": planter.text()}
    read = [fact | {"key": planter.key(), "statement": file["sha256"], "reverses": None} for _ in range(2)]
    kept = planter.add("person", "booked_fact", *read, once=True)
    typed = fact | {"key": planter.key(), "statement": None, "reverses": kept[0]["key"]}
    kept += planter.add("person", "booked_fact", typed, once=True)
    for row in kept:
        planter.give("evidence", ("booked_fact", row["id"]))
    return True


def revision(planter: Planter) -> bool:
    """The next revision of a ticket that nobody answered."""
    run_id = planter.take("revision")
    if run_id is None:
        return False
    again = (planter.key(), planter.name, run_id, 2, "{}", planter.text(), planter.text())
    planter.sessions["person"].call("revise_run", *again)
    return True


def halt(role: Role) -> Story:
    """A halt, which any of these may set."""

    def story(planter: Planter) -> bool:
        PgPeople(planter.sessions[role]).halt(planter.name, planter.text())
        return True

    return story


STORIES: dict[Role, tuple[Story, ...]] = {
    "desk": (config, clean_set, run, run, venue_report, snapshot),
    "quant": (job, job_step, model, trial, score_set, score_set, halt("quant")),
    "riskguard": (proposal, decision, decision, halt("riskguard")),
    "ticketing": (ticket, ticket, delivery, manifest, halt("ticketing")),
    "confirm": (confirmation, confirmation, confirmation, halt("confirm")),
    "ledger": (entry, entry, entry, reconciliation, halt("ledger")),
    "person": (
        cash,
        cash,
        booked,
        resume,
        rollout,
        frozen,
        attested,
        restored,
        verified,
        pin,
        loss,
        revision,
        revision,
    ),
}


@contextlib.contextmanager
def planters(sessions: Callable[[], Mapping[Role, Session]], count: int, seed: int) -> Iterator[list[Planter]]:
    """Give so many planters with connections of their own, closed at the end."""
    made = [Planter(f"P{number}", sessions(), Random(f"{seed}-{number}")) for number in range(count)]
    yield made
    for planter in made:
        for session in planter.sessions.values():
            session.close()
