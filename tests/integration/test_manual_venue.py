"""A person's path end to end: a ticket is executed by hand, answered line by line, posted to the penny; and the stops."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.holdings import Position
from core.domain.venue import AccountSnapshot
from tests.integration.workspaces import (
    DAY,
    ONE_DAY,
    ROOT,
    Done,
    Terminal,
    Workspaces,
    as_program,
    by_person,
    change_policy,
    counts,
    desk_of,
    end_bars,
    filled,
    held,
    make_manual,
    morning,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True
TICKET = f"TICKET-{DAY:%Y%m%d}"
FIVE_LINES = ("positions_max: 15", "positions_max: 5")
CASH, PENNY, RATE = Decimal(10000), Decimal("0.01"), Decimal("0.000001")


@pytest.fixture(scope="module")
def issued(workspaces: Workspaces) -> Path:
    """Give a book at a manual venue whose ticket of five buys waits for a person; the server is stopped."""
    root = workspaces.copy("issued", FIVE_LINES)
    make_manual(root)
    done = run(root)
    assert (done.code, done.facts["kind"]) == (0, "TRADE"), done.out + done.err
    return root


@pytest.fixture
def root(workspaces: Workspaces, issued: Path, request: pytest.FixtureRequest) -> Path:
    """Give each test a copy of its own."""
    return workspaces.copy(re.sub(r"\W+", "-", request.node.name), of=issued)


def run(root: Path, days: int = 0) -> Done:
    """Decide the slot so many days after the ticket's, on its morning."""
    with the_time_is(morning(DAY + days * ONE_DAY)):
        return twokey(root, "run")


def show(root: Path, ticket_id: str = TICKET) -> Any:
    """Show a ticket as it stands."""
    return twokey(root, "ticket", "show", ticket_id).facts


def confirm(root: Path, *answers: str, at: datetime | None = None, **changes: str) -> Done:
    """Answer lines of the ticket, in the evening of its day unless another instant is given."""
    ticket_id = changes.get("ticket_id", TICKET)
    quoted = changes.get("short_hash") or show(root, ticket_id)["short_hash"]
    lines = [word for answer in answers for word in ("--line", answer)]
    with the_time_is(at or morning(DAY) + timedelta(hours=11)):
        return twokey(root, "confirm", ticket_id, "--hash", quoted, "--by", "ann", *lines)


def rows(root: Path) -> dict[str, int]:
    """Count the rows of every table."""
    with desk_of(root) as desk:
        return counts(desk.session("reader"))


def pence(number: Decimal) -> Decimal:
    """Round to the penny."""
    return number.quantize(PENNY, rounding=ROUND_HALF_EVEN)


def test_a_ticket_for_a_person_is_no_rehearsal_and_says_what_is_next(root):
    """Run on its own day, it asks for execution and answers; run again, it is the same."""
    with the_time_is(morning(DAY) + timedelta(hours=1)):
        again = twokey(root, "run")
    ticket = show(root)

    assert (again.facts["kind"], again.facts["is_rehearsal"]) == ("TRADE", False)
    assert again.facts["hash"] == ticket["hash"]
    assert [line["side"] for line in ticket["ticket"]["lines"]] == ["buy"] * 5
    assert all(line["is_verified"] for line in ticket["ticket"]["lines"])
    assert (ticket["waiting"], ticket["answered"], ticket["steps"]) == ([1, 2, 3, 4, 5], [], ["drafted", "issued"])


def test_several_fills_of_a_line_are_one_answer_and_the_slippage_is_shown(root):
    """Two pieces at two prices: one entry of their exact sum, and how much worse than decided, on the ticket's page."""
    line = show(root)["ticket"]["lines"][0]
    units, price = Decimal(line["quantity"]), Decimal(line["decision_price"])
    half = (units / 2).quantize(Decimal("0.0001"))
    prices = [(price * Decimal(more)).quantize(Decimal("0.0001")) for more in ("1.01", "1.005")]
    pieces = list(zip((half, units - half), prices, ("0.10", "0.20"), strict=True))
    told = " + ".join(f"quantity={q} price={p} fee={fee}" for q, p, fee in pieces)

    assert confirm(root, f"{line['line']} filled {told}").code == 0
    fill = show(root)["fills"][0]
    assert (fill["quantity"], fill["fee"], fill["fills"]) == (line["quantity"], "0.3", 2)
    assert Decimal("74") < Decimal(fill["slippage_bps"]) < Decimal("76")
    [posted] = postings(root).values()
    assert ("trade", "USD", pence(sum((q * p for q, p, _ in pieces), Decimal(0)))) in posted


def test_a_book_at_a_real_venue_begins_in_the_shadow(workspaces):
    """Before a person sets a phase, no share of the capital may be used."""
    root = workspaces.copy("shadow", FIVE_LINES, ("  venue: paper", "  venue: manual"))
    twokey(root, "cash", "deposit", "10000", "--key", "opening", "--by", "p", "--on", str(DAY - ONE_DAY))

    assert (run(root).code, run(root).facts["kind"], show(root)["ticket"]["lines"]) == (0, "HOLD", [])


def test_a_rehearsal_at_a_real_venue_can_not_be_answered_and_blocks_nothing(workspaces):
    """What is decided for another day than today was never executed by anybody."""
    root = workspaces.copy("rehearsed", FIVE_LINES)
    make_manual(root)
    rehearsed = twokey(root, "run", "--on", str(DAY))

    refused = confirm(root, filled(show(root)["ticket"]["lines"][0]))

    assert (rehearsed.facts["kind"], rehearsed.facts["is_rehearsal"]) == ("TRADE", True)
    assert (refused.code, "is a rehearsal; nothing of it can have been executed" in refused.err) == (2, True)
    assert run(root, days=1).facts["kind"] == "TRADE"


def test_the_next_slot_waits_until_every_line_is_answered(root):
    """Unanswered lines close a gate, which names them; those that were answered are not named."""
    confirm(root, *(f"{number} not executed: closed" for number in (1, 2, 4)))

    waiting = run(root, days=1)
    answered = confirm(root, "3 not executed: closed", "5 not executed: closed")
    free = run(root, days=2)

    assert (waiting.code, waiting.facts["kind"]) == (3, "NO-TRADE")
    assert waiting.facts["reasons"] == [f"confirmations: 2 unanswered: {TICKET} line 3, {TICKET} line 5"]
    assert answered.facts == {"kept": 2, "posted": 0, "waiting": [], "is_late": False}
    assert (free.code, free.facts["kind"]) == (0, "TRADE")


def test_fills_are_posted_exactly_and_valued_to_the_penny(root):
    """Filled, filled in part at another rate, not executed: positions, cash and profit as reckoned by hand."""
    ticket = show(root)["ticket"]
    first, second = ticket["lines"][0], ticket["lines"][1]
    paid = [Decimal(first["decision_price"]) + Decimal("0.37"), Decimal(second["decision_price"])]
    units = [Decimal(first["quantity"]), Decimal("1.2345")]
    rates, fees = [Decimal(ticket["fx_rate"]), Decimal("1.25")], [Decimal("7.13"), Decimal("0.40")]

    done = confirm(
        root,
        f"1 filled quantity={units[0]} price={paid[0]} fee=7.13",
        f"2 partial quantity=1.2345 price={paid[1]} fee=0.40 fx=1.25 note: half at most",
        "3 not executed: price beyond the limit",
    )

    quoted = [pence(quantity * price) for quantity, price in zip(units, paid, strict=True)]
    spent = [pence(quantity * price / rate) for quantity, price, rate in zip(units, paid, rates, strict=True)]
    assert done.facts == {"kept": 3, "posted": 2, "waiting": [4, 5], "is_late": False}
    names = [first["instrument"], second["instrument"]]
    assert postings(root) == {
        f"{TICKET}-r1-L{number + 1}": [
            ("units", names[number], units[number]),
            ("trade", names[number], -units[number]),
            ("trade", "USD", quoted[number]),
            ("conversion", "USD", -quoted[number]),
            ("conversion", "GBP", spent[number]),
            ("cash", "GBP", -spent[number]),
            ("fee", "GBP", fees[number]),
            ("cash", "GBP", -fees[number]),
        ]
        for number in (0, 1)
    }
    cash = CASH - sum(spent) - sum(fees)
    exact = [units[number] * close_of(root, names[number]) / rate_of(root) for number in (0, 1)]
    worth, whole = [pence(one) for one in exact], pence(sum(exact, Decimal(0)))
    held, result = twokey(root, "positions", "--on", str(DAY)).facts, twokey(root, "pnl", "--on", str(DAY)).facts
    assert Decimal(held["cash"]) == cash
    assert [
        (row["instrument"], Decimal(row["quantity"]), Decimal(row["value"])) for row in held["positions"]
    ] == sorted(zip(names, units, worth, strict=True))
    assert Decimal(held["equity"]) == Decimal(result["equity"]) == cash + whole
    assert {name: Decimal(result[name]) for name in ("capital", "realised", "income", "unrealised")} == {
        "capital": CASH,
        "realised": 0,
        "income": 0,
        "unrealised": whole - sum(spent) - sum(fees),
    }


def test_fills_are_valued_before_the_bars_of_their_day_are_there(root):
    """In the evening of the ticket the newest closes are those before it: the fills count, at these closes."""
    end_bars(root, DAY - ONE_DAY)
    lines = show(root)["ticket"]["lines"]
    confirm(root, *(filled(line, fee="1.00") for line in lines))

    held, result = twokey(root, "positions", "--on", str(DAY)).facts, twokey(root, "pnl", "--on", str(DAY)).facts

    # Bought at the decision prices, which are these closes: only the fees and pennies of rounding are gone.
    assert (held["as_of"], len(held["positions"])) == (str(DAY - ONE_DAY), 5)
    assert abs(Decimal(held["equity"]) - (CASH - 5)) <= Decimal("0.05")
    parts = [Decimal(result[name]) for name in ("capital", "realised", "unrealised", "income")]
    assert Decimal(held["equity"]) == Decimal(result["equity"]) == sum(parts)


def test_a_book_without_bars_says_what_is_missing(root):
    """Nothing that could be valued is an answer with exit 2, not a crash."""
    confirm(root, filled(show(root)["ticket"]["lines"][0]))
    end_bars(root, DAY - timedelta(days=60))

    done = twokey(root, "positions", "--on", str(DAY))

    assert (done.code, "has no close in the bars of that time; run `twokey ingest`" in done.err) == (2, True)


def test_a_sale_realises_what_was_made_on_it(root):
    """Bought, compared with the broker, sold at the next slot: first in, first out, fees on both sides."""
    lines = show(root)["ticket"]["lines"]
    assert confirm(root, *(filled(line, fee="1.00") for line in lines)).facts["posted"] == 5
    import_snapshot(root)
    assert twokey(root, "reconcile").facts["breaks"] == []
    no_more, one = ("no_buy: []", f"no_buy: [{lines[0]['instrument']}]"), ("positions_max: 5", "positions_max: 1")
    change_policy(root, no_more, ("hold_rank_multiple: 2", "hold_rank_multiple: 1"), one)
    assert by_person(root, "rollout", "change-window", "--by", "p", "--reason", "sell").code == 0

    decided = run(root, days=1)
    sales = [line for line in show(root, decided.facts["ticket_id"])["ticket"]["lines"] if line["side"] == "sell"]
    before = Decimal(twokey(root, "positions", "--on", str(DAY + ONE_DAY)).facts["cash"])
    sold = confirm(
        root,
        *(filled(line, fee="0.50") for line in sales),
        ticket_id=decided.facts["ticket_id"],
        at=morning(DAY + ONE_DAY) + timedelta(hours=11),
    )

    fx = Decimal(show(root, decided.facts["ticket_id"])["ticket"]["fx_rate"])
    rate = Decimal(show(root)["ticket"]["fx_rate"])
    bought = {line["instrument"]: line for line in lines}
    made = proceeds = Decimal(0)
    for sale in sales:
        line, units = bought[sale["instrument"]], Decimal(sale["quantity"])
        whole = pence(Decimal(line["quantity"]) * Decimal(line["decision_price"]) / rate) + 1
        cost = whole if units == Decimal(line["quantity"]) else whole * units / Decimal(line["quantity"])
        got = pence(units * Decimal(sale["decision_price"]) / fx) - Decimal("0.50")
        proceeds, made = proceeds + got, made + got - cost
    after = twokey(root, "positions", "--on", str(DAY + ONE_DAY)).facts
    assert (sold.code, sold.facts["posted"], len(sales) >= 2) == (0, len(sales), True), sold.err
    assert Decimal(after["cash"]) == before + proceeds
    assert Decimal(twokey(root, "pnl", "--on", str(DAY + ONE_DAY)).facts["realised"]) == pence(made)


WRONG = {
    "over-fill": "1 partial quantity=99999 price={price} fee=0",
    "nothing filled": "1 partial quantity=0 price={price} fee=0",
    "whole as partial": "1 partial quantity={quantity} price={price} fee=0",
    "a value above the order's": "1 filled quantity=9{quantity} price={price} fee=0",
    "a digit too many": "1 filled quantity={quantity} price=1{price} fee=0",
    "no such line": "6 filled quantity={quantity} price={price} fee=0",
    "no units of a buy by value": "1 filled price={price} fee=0",
    "no reason": "1 not executed:",
    "no price": "1 filled quantity={quantity} fee=0",
    "negative fee": "1 filled quantity={quantity} price={price} fee=-1",
    "twice": "2 not executed: the same line again",
    "words": "all done",
    "an exponent": "1 filled quantity={quantity} price=1e2 fee=0",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_is_refused_with_all_that_came_with_it(issued, wrong):
    """Exit 2, what would be right on stderr, and not a row more than before, also of the answer that was right."""
    with held(issued):
        line, before = show(issued)["ticket"]["lines"][0], rows(issued)
        answer = WRONG[wrong].format(price=line["decision_price"], quantity=line["quantity"])

        done = confirm(issued, "2 not executed: closed", answer)

        assert (done.code, done.out, done.err[:8]) == (2, "", "twokey: ")
        assert rows(issued) == before


def test_an_answer_to_another_ticket_is_refused(issued):
    """It must quote the hash of the ticket that the person had before them, and there must be one."""
    before = rows(issued)

    wrong = confirm(issued, "1 not executed: closed", short_hash="0000dead")
    absent = twokey(issued, "confirm", "TICKET-20990101", "--hash", "0000dead", "--by", "p", "--line", "1 filled")
    silent = twokey(issued, "confirm", TICKET, "--hash", "0000dead", "--by", "p")

    assert [one.code for one in (wrong, absent, silent)] == [2, 2, 2]
    assert "the answer quotes '0000dead'; the ticket's short hash is" in wrong.err
    assert "there is no ticket TICKET-20990101" in absent.err
    assert "no answer was given" in silent.err
    assert rows(issued) == before


def test_a_line_is_answered_once(root):
    """The second answer is refused, whatever it says, with everything in it."""
    line = show(root)["ticket"]["lines"][0]
    assert confirm(root, filled(line)).code == 0
    before = rows(root)

    again = confirm(root, filled(line), "2 not executed: closed")

    assert (again.code, "line 1 was answered before" in again.err) == (2, True)
    assert rows(root) == before


def test_answers_come_from_a_file_too(root, tmp_path):
    """One a line; empty lines and remarks are passed over."""
    file = tmp_path / "answers.txt"
    file.write_text("# what was done\n\n1 not executed: closed\n  2 not executed: closed\n")

    with the_time_is(morning(DAY)):
        done = twokey(root, "confirm", TICKET, "--hash", show(root)["short_hash"], "--by", "p", "--file", str(file))

    assert (done.code, done.facts["kept"], show(root)["answered"]) == (0, 2, [1, 2])


@pytest.mark.parametrize(("seconds", "is_late"), [(0, False), (1, True)])
def test_an_answer_after_the_deadline_is_late_and_still_taken(root, seconds, is_late):
    """At the deadline it is in time, a second later it is late: marked so, kept, posted, and the next slot is free of it."""
    deadline = datetime.fromisoformat(show(root)["ticket"]["confirm_by"]).astimezone(UTC)
    lines = show(root)["ticket"]["lines"]

    done = confirm(root, *(filled(line) for line in lines), at=deadline + timedelta(seconds=seconds))

    with desk_of(root) as desk:
        stored = desk.session("reader").one("SELECT is_late FROM confirmation")
    assert (done.code, done.facts["is_late"], done.facts["posted"]) == (0, is_late, 5)
    assert stored == {"is_late": is_late}
    assert not [reason for reason in run(root, days=2).facts["reasons"] if reason.startswith("confirmations")]


def import_snapshot(root: Path, *, more_units: str = "0") -> None:
    """Keep a snapshot of the broker's account as our books stand, or with some units more of the first position."""
    held = twokey(root, "positions", "--on", str(DAY)).facts
    positions = [Position(row["instrument"], Decimal(row["quantity"])) for row in held["positions"]]
    positions[0] = Position(positions[0].instrument, positions[0].quantity + Decimal(more_units))
    with desk_of(root) as desk:
        snapshot = AccountSnapshot("etoro", "main", "manual", DAY, tuple(positions), Decimal(held["cash"]))
        desk.venue.add_snapshot(snapshot)


def test_after_a_first_fill_the_next_slot_wants_a_comparison(root):
    """Books that nobody compared with the broker's are not traded on."""
    confirm(root, *(filled(line) for line in show(root)["ticket"]["lines"]))

    uncompared = run(root, days=1)
    import_snapshot(root)
    compared = twokey(root, "reconcile")

    assert uncompared.facts["reasons"] == [
        "reconciliation: never reconciled; at most 7 days are allowed: `twokey reconcile` compares it"
    ]
    assert (compared.code, compared.facts["breaks"]) == (0, [])
    assert run(root, days=2).facts["kind"] in ("TRADE", "HOLD")


def test_a_break_is_named_and_stops_trading(root):
    """The smallest quantity that the broker can hold more of."""
    lines = show(root)["ticket"]["lines"]
    confirm(root, *(filled(line) for line in lines))
    import_snapshot(root, more_units="0.0001")

    compared = twokey(root, "reconcile")
    stopped = run(root, days=1)

    assert compared.code == 1
    assert [
        re.match(r"quantity [A-Z-]+: our books hold", sentence) is not None for sentence in compared.facts["breaks"]
    ]
    assert stopped.facts["reasons"] == [f"reconciliation: {sentence}" for sentence in compared.facts["breaks"]]


def test_what_nobody_looked_up_is_refused(workspaces):
    """No line passes before a person verified it at the venue; then exactly those that were verified."""
    root = workspaces.copy("unverified", FIVE_LINES)
    make_manual(root, verified=False)

    nothing = run(root)
    names = re.findall(r"buy ([A-Z.-]+): UNVERIFIED", "\n".join(nothing.facts["reasons"]))
    for name in names[1:]:
        with the_time_is(morning(DAY)):
            assert twokey(root, "universe", "verify", name, "--by", "p").code == 0
    assert by_person(root, "rollout", "change-window", "--by", "p", "--reason", "looked up").code == 0
    some = run(root, days=1)

    assert (nothing.code, nothing.facts["kind"], len(names)) == (3, "NO-TRADE", 5)
    ticket = show(root, some.facts["ticket_id"])["ticket"]
    bought = {line["instrument"] for line in ticket["lines"]}
    told = {row["instrument"]: row for row in ticket["why"]["weights"]}
    assert (some.code, some.facts["kind"], ticket["refused"]) == (0, "TRADE", [])
    assert bought <= set(names[1:])
    assert f"`twokey universe verify {names[0]} --by NAME`" in str(told[names[0]])
    assert (twokey(root, "universe", "verify", "NOPE", "--by", "p").code, len(bought) >= 3) == (2, True)


@pytest.mark.parametrize("scope", [("--book", "main"), ()])
def test_a_halt_stops_the_next_slot_until_a_person_resumes(workspaces, root, scope, monkeypatch):
    """For the book, or for the whole desk."""
    confirm(root, *(f"{number} not executed: closed" for number in range(1, 6)))
    halted = twokey(root, "halt", *scope, "it smells")

    stopped = run(root, days=1)
    monkeypatch.setattr(sys, "stdin", Terminal(f"{'main' if scope else 'desk'}\nit was the drains\n"))
    resumed = twokey(root, "resume", *scope, "--by", "ann")

    name = "main" if scope else "*"
    assert halted.facts == {"scope": name, "reason": "it smells", "tickets": [], "not_looked": None}
    assert (stopped.code, stopped.facts["reasons"]) == (3, [f"halt: halted ({name}): it smells"])
    assert (resumed.code, resumed.facts) == (0, {"scope": name, "lifted": 1, "peaks": {}})
    assert run(root, days=2).facts["kind"] == "TRADE"


@pytest.mark.parametrize("typed", ["", "desk\n", "desk\n  \n", "Desk\nwhy\n", "main\nwhy\n", "yes\nwhy\n"])
def test_resuming_wants_the_name_and_a_reason(root, typed):
    """Anything else, or the end of the input, lifts nothing."""
    twokey(root, "halt", "why")
    before = rows(root)

    done = by_person(root, "resume", "--by", "p", typed=typed)

    assert (done.code, "nothing was lifted" in done.err, "Type the name" in done.err) == (2, True, True)
    assert rows(root) == before


def test_resume_is_refused_without_a_terminal(root):
    """As a program: a pipe with the right words in it is no person."""
    twokey(root, "halt", "why")
    resume = as_program(root, "resume", "--by", "p")

    done = subprocess.run(resume, cwd=ROOT, input="desk\nfine\n", capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "twokey: resume asks a person: run it at a terminal\n"
    assert rows(root)["resume"] == 0


def test_resume_works_at_a_terminal_and_prints_one_object(root):
    """As a program under a pseudo-terminal, with stdout going elsewhere: the questions do not get into the answer."""
    twokey(root, "halt", "why")
    typing, terminal = pty.openpty()
    resume = as_program(root, "resume", "--by", "ann")

    process = subprocess.Popen(resume, cwd=ROOT, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, text=True)
    os.close(terminal)
    os.write(typing, b"desk\nlooked at it\n")
    out, _ = process.communicate()
    os.close(typing)

    with desk_of(root) as desk:
        kept = desk.session("reader").one("SELECT said_by, reason FROM resume")
    assert (process.returncode, json.loads(out)) == (0, {"lifted": 1, "scope": "*", "peaks": {}})
    assert kept == {"said_by": "ann", "reason": "looked at it"}


def postings(root: Path) -> dict[str, list[tuple[str, str, Decimal]]]:
    """Give the journal's lines by entry, without the deposit."""
    with desk_of(root) as desk:
        found = desk.session("reader").all(
            "SELECT e.key, p.account, p.commodity, p.amount FROM posting p JOIN entry e ON e.id = p.entry"
            " WHERE e.kind <> 'DEPOSIT' ORDER BY e.key, p.line"
        )
    lines: dict[str, list[tuple[str, str, Decimal]]] = {}
    for row in found:
        lines.setdefault(row["key"], []).append((row["account"], row["commodity"], row["amount"]))
    return lines


def close_of(root: Path, instrument: str) -> Decimal:
    """Give the close of the ticket's day, to four decimals."""
    with desk_of(root) as desk:
        panel = desk.clean.panel(desk.clean.current() or "", first=DAY, last=DAY)
    return Decimal(repr(float(panel.close[0, panel.instruments.index(instrument)]))).quantize(Decimal("0.0001"))


def rate_of(root: Path) -> Decimal:
    """Give the dollars for a pound of the ticket's day, crossed through the euro."""
    with desk_of(root) as desk:
        fixed = {one.currency: one.per_eur for one in desk.clean.fixings(desk.clean.current() or "") if one.day == DAY}
    return (fixed["USD"] / fixed["GBP"]).quantize(RATE, rounding=ROUND_HALF_EVEN)
