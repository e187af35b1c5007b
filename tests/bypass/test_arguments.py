"""Abused arguments: whatever is said to a tool or in an answer beside plain references and numbers is refused at the door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.confirmation import Confirmation, Executed
from core.domain.ticket import IssuedTicket
from core.ticketing.answers import AnswerError, parse_answer
from flows.books import StoreError
from flows.confirm import Refusal, confirm
from servers.refusals import Code
from tests.bypass.stages import BY, FEE, FEW, RATE, Stage, staged
from tests.integration.workspaces import DAY, Workspaces, make_manual, morning
from tests.servers.playing import SERVERS, Five

KEEPS_SERVERS = True
RUN, TICKET = f"RUN-{DAY:%Y%m%d}-r1", f"TICKET-{DAY:%Y%m%d}"
GOLDEN = Path(__file__).resolve().parents[1] / "servers" / "golden"
# What a tool takes, by the name of the argument.
GOOD: dict[str, Any] = {
    "book": "main",
    "run_id": RUN,
    "ticket_id": TICKET,
    "job_id": "JOB-0123456789ab-1",
    "reason_code": "AGENT_UNSURE",
    "instruments": ["AAPL"],
    "first": "2024-01-02",
    "last": "2024-01-05",
    "page": 1,
    "after": 0,
}
ABUSES: dict[str, Any] = {
    "a number with an exponent": "1e3",
    "a float": 1e3,
    "a float that is whole": 1.0,
    "full-width digits": "\uff12\uff10\uff12\uff14\uff10\uff12\uff10\uff16",
    "a homoglyph": "m\u0430in",
    "a bidi mark": "main\u202e",
    "a zero-width space": "main\u200b",
    "a NUL": "main\x00",
    "a line break behind": f"{RUN}\n",
    "a line break before": f"\n{TICKET}",
    "blanks": " main ",
    "nothing": "",
    "SQL": "main'; DROP TABLE ticket; --",
    "SQL that is always true": "' OR '1'='1",
    "a template": "{{ 7 * 7 }}",
    "another template": "${jndi:ldap://127.0.0.1/a}",
    "a path": "../../secrets/riskguard/ed25519.pem",
    "an absolute path": "/etc/passwd",
    "five megabytes": "m" * 5_000_000,
    "a list": ["main", "other"],
    "an object": {"$ne": 1},
    "yes": True,
    "a negative number": -1,
    "a huge number": 10**400,
    "a lone surrogate written out": "\\ud800",
    "another case": "MaIn",
    "a wildcard": "main*",
    "a percent sign": "%",
}
# Reading five megabytes takes time: one tool of each server is enough, for its arguments are read as the others' are.
LARGE = (
    "market_data.list_universe",
    "quant.get_job",
    "riskguard.halt_trading",
    "ticketing.send_ticket",
    "ledger.write_fills",
)
# What no tool takes beside references.
UNKNOWN: dict[str, Any] = {
    "quantity": "5",
    "price": "1.00",
    "limit": "1000000",
    "limit_price": "1",
    "force": True,
    "bypass": True,
    "recipient": "me@example.org",
    "channel": "slack",
    "approved": True,
    "signature": "00" * 64,
    "policy": {"drawdown_max": 1},
    "by": "a person",
    "on": "2024-02-06",
    "revision": 2,
    "__proto__": {},
    "Book": "main",
    "book\u200b": "main",
    "": 1,
}


def tools() -> dict[str, dict[str, Any]]:
    """Give each tool's schema by `SERVER.TOOL`, as the golden files have them."""
    found: dict[str, dict[str, Any]] = {}
    for server in SERVERS:
        listed = json.loads((GOLDEN / f"{server}.json").read_text(encoding="utf-8"))["tools"]
        found |= {f"{server}.{tool['name']}": tool["inputSchema"] for tool in listed}
    return found


TOOLS = tools()


@pytest.fixture(scope="module")
def stage(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a book that a person trades, whose ticket waits for answers."""
    root = workspaces.copy("argued", FEW)
    make_manual(root)
    with staged(root) as stage:
        assert stage.day(DAY).ticket.kind == "TRADE"
        yield stage
        assert stage.judge() == ""


@pytest.fixture(scope="module")
def five(stage: Stage) -> Iterator[Five]:
    """Give the five servers, called in memory."""
    with stage.five(DAY) as five:
        yield five


@pytest.fixture(scope="module")
def issued(stage: Stage) -> IssuedTicket:
    """Give the ticket that waits."""
    found = stage.desk.confirm_doors.tickets.ticket(TICKET)
    assert found is not None
    return found.issued


def arguments_of(tool: str) -> dict[str, Any]:
    """Give good arguments of a tool."""
    return {name: GOOD[name] for name in TOOLS[tool]["properties"] if name in GOOD}


def test_the_abuses_are_tried_on_every_tool():
    """Each tool there is stands here with arguments that it takes: a new one is tried too."""
    assert len(TOOLS) >= 20
    assert all(set(TOOLS[tool].get("required", ())) <= arguments_of(tool).keys() for tool in TOOLS)


# Good arguments would start work, or halt the book for all the others.
@pytest.mark.parametrize("tool", sorted(TOOLS.keys() - {"quant.run_backtest", "riskguard.halt_trading"}))
def test_good_arguments_are_taken(five, tool):
    """The twin: the same call with plain references passes the door."""
    assert five(tool, **arguments_of(tool)).code != Code.BAD_ARGUMENT


@pytest.mark.parametrize("name", ABUSES)
def test_abused_references(stage, five, name):
    """Every argument of every tool, one at a time: refused as no reference, and nothing is written."""
    head = stage.desk.chain.head()
    answers = {
        f"{tool} {argument}": five(tool, **(arguments_of(tool) | {argument: ABUSES[name]})).code
        for tool in TOOLS
        for argument in arguments_of(tool)
        if name != "five megabytes" or tool in LARGE
    }

    assert len(answers) >= (5 if name == "five megabytes" else 25)
    assert {what: code for what, code in answers.items() if code != Code.BAD_ARGUMENT} == {}
    assert stage.desk.chain.head() == head


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_arguments(stage, five, name):
    """Whatever else is said to any tool is refused with all of it, and nothing is written."""
    head = stage.desk.chain.head()
    answers = {tool: five(tool, **(arguments_of(tool) | {name: UNKNOWN[name]})).code for tool in TOOLS}

    assert {tool: code for tool, code in answers.items() if code != Code.BAD_ARGUMENT} == {}
    assert stage.desk.chain.head() == head


# --- what people answer -----------------------------------------------------------------------------------------------

ANSWERS = (
    "1 filled price=1e3 fee=0",
    "1 filled price=\uff11\uff10 fee=0",
    "1 filled price=NaN fee=0",
    "1 filled price=Infinity fee=0",
    "1 filled price=-5 fee=0",
    "1 filled price=+5 fee=0",
    "1 filled price=0x10 fee=0",
    "1 filled price=1_000 fee=0",
    "1 filled price=1,5 fee=0",
    "1 filled price=5 fee=0 fee=0",
    "1 filled price=5 fee=0 force=1",
    "1 filled price=5",
    "1 filled",
    "\uff11 filled price=5 fee=0",
    "1 fill\u0435d price=5 fee=0",
    "1 filled price=5\u202e fee=0",
    "1\x00 filled price=5 fee=0",
    "01 filled price=5 fee=0",
    "0 filled price=5 fee=0",
    "-1 filled price=5 fee=0",
    "99 filled price=5 fee=0",
    "1e0 filled price=5 fee=0",
    "1 partial price=5 fee=0",
    "1 not executed:",
    "1; DROP TABLE ticket",
    "{{ 1 }} filled price=5 fee=0",
    "1 filled price=../../x fee=0",
    "1 filled price=" + "9" * 100 + " fee=0",
    "1 " + " " * 5_000_000 + "filled price=5 fee=0",
    "",
)


@pytest.mark.parametrize("text", ANSWERS, ids=lambda text: repr(text[:40]))
def test_abused_answers(issued, text):
    """An answer is read strictly or not at all."""
    with pytest.raises(AnswerError):
        parse_answer(text, issued.ticket)


def test_a_plain_answer_is_read(issued):
    """The twin."""
    answer = parse_answer("1 filled quantity=1 price=5.5 fee=0", issued.ticket)

    assert isinstance(answer, Executed)
    assert (answer.line, answer.price) == (1, Decimal("5.5"))


def told(issued: IssuedTicket, **changes: Any) -> Confirmation:
    """Give the answer of a person who executed line 1 as decided, changed."""
    line = issued.ticket.lines[0]
    answer = Executed(1, line.quantity, line.decision_price, FEE, RATE, is_partial=False)
    whole = {name: value for name, value in changes.items() if name in Confirmation.__dataclass_fields__}
    answer = replace(answer, **{name: value for name, value in changes.items() if name not in whole})
    at = morning(DAY) + timedelta(hours=11)
    said = Confirmation(TICKET, 1, issued.ticket.short_hash, BY, "terminal", at, (answer,))
    return replace(said, **whole)


NO_ANSWER: dict[str, dict[str, Any]] = {
    "no number of units": {"quantity": Decimal("NaN")},
    "endless units": {"quantity": Decimal("Infinity")},
    "no unit": {"quantity": Decimal(0)},
    "units below none": {"quantity": Decimal(-1)},
    "a thousand times the units": {"quantity": Decimal("1E+6")},
    "less than a unit's step": {"quantity": Decimal("1E-12")},
    "no price": {"price": Decimal(0)},
    "a price below none": {"price": Decimal(-1)},
    "no number of a price": {"price": Decimal("sNaN")},
    "ten times the price": {"price": Decimal(10_000)},
    "a fee below none": {"fee": Decimal(-1)},
    "no rate": {"fx_rate": Decimal(0)},
    "a rate turned round": {"fx_rate": Decimal("0.1")},
    "a part that is the whole": {"is_partial": True},
    "a line that is not there": {"line": 99},
    "a line of no number": {"line": 0},
    "another hash": {"short_hash": "00000000"},
    "the hash in full width": {"short_hash": "\uff10" * 8},
    "no hash": {"short_hash": ""},
    "another ticket": {"ticket_id": "TICKET-20240207"},
    "a ticket named by SQL": {"ticket_id": "' OR '1'='1"},
    "the next revision": {"revision": 2},
    "no revision": {"revision": 0},
    "no answers": {"answers": ()},
}


@pytest.mark.parametrize("name", NO_ANSWER)
def test_abused_confirmations(stage, issued, name):
    """What no person can have meant is refused whole, and nothing of it is kept."""
    head = stage.desk.chain.head()
    policy = stage.desk.configuration("main").setup.policy

    with pytest.raises((Refusal, StoreError)):
        confirm(told(issued, **NO_ANSWER[name]), policy, stage.desk.confirm_doors)

    assert stage.desk.chain.head() == head


def test_the_same_line_twice_in_one_answer(stage, issued):
    """One line, one answer, also within one word of a person."""
    said = told(issued)

    with pytest.raises(Refusal, match="answered twice"):
        confirm(
            replace(said, answers=said.answers * 2),
            stage.desk.configuration("main").setup.policy,
            stage.desk.confirm_doors,
        )


def test_an_honest_confirmation_is_kept(stage, issued):
    """The twin of them all, last: the same words, unchanged, are kept and posted."""
    left = confirm(told(issued), stage.desk.configuration("main").setup.policy, stage.desk.confirm_doors)

    assert (len(left.waiting), left.is_late) == (len(issued.ticket.lines) - 1, False)
    assert stage.post() == 1
    assert stage.judge() == ""
