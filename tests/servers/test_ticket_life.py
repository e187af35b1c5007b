"""The life of a ticket: sent once, answered by people, posted exactly as answered, and stopped by a halt."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.clock import FixedClock
from adapters.files.workspace import Workspace
from adapters.postgres.people import PgPeople
from cli.wiring import Desk
from flows.publish import ticket_json
from servers.refusals import Code
from tests.servers.market import MONDAY, answer_lines, make_manual
from tests.servers.playing import Five
from tests.servers.test_day import TICKET, operator_ticket


def morning(day: date) -> datetime:
    """Give the instant of a day's slot by the shipped policy: 08:00 in London, in summer."""
    return datetime(day.year, day.month, day.day, 7, tzinfo=UTC)


def at(root, day: date, *, hours: int = 0) -> Five:
    """Give the servers at an instant of a day that is today, so that nothing is a rehearsal."""
    return Five(root, on=None, clock=FixedClock(morning(day) + timedelta(hours=hours)))


@pytest.fixture
def manual(fresh):
    """Give a workspace whose book a person trades by hand."""
    root = fresh()
    make_manual(root)
    return root


def test_a_ticket_is_sent_once(five):
    """The channel of files gets the ticket's own bytes; sending again neither sends nor writes."""
    ticket = five.decided()

    sent = five("ticketing.send_ticket", ticket_id=TICKET)
    events = five.events()
    again = five("ticketing.send_ticket", ticket_id=TICKET)

    assert (sent["is_sent"], sent["was_sent"]) == (True, False)
    assert [(one["channel"], one["has_arrived"]) for one in sent["attempts"]] == [("file", True)]
    assert (again["is_sent"], again["was_sent"], again["attempts"]) == (True, True, [])
    assert five.events() == events
    folder = five.root / "tickets"
    assert (folder / f"{TICKET}.md").read_text(encoding="utf-8") == ticket["markdown"]
    assert f'"hash":"{ticket["hash"]}"' in (folder / f"{TICKET}.json").read_text(encoding="utf-8")
    assert five("ticketing.get_ticket_status", ticket_id=TICKET)["steps"] == ["drafted", "issued", "sent"]


def test_the_file_is_what_the_operator_publishes(fresh):
    """A ticket that `twokey run` issued is sent with the very bytes that it wrote."""
    root = fresh()
    issued = operator_ticket(root, MONDAY)
    published = (root / "tickets" / f"{TICKET}.md").read_bytes()
    with Five(root) as five:
        five("ticketing.send_ticket", ticket_id=TICKET)

    assert (root / "tickets" / f"{TICKET}.md").read_bytes() == published
    assert (root / "tickets" / f"{TICKET}.json").read_text(encoding="utf-8") == ticket_json(issued) + "\n"


def test_a_halt_closes_the_gate(five):
    """After a halt the same slot ends in NO-TRADE; halting again for the same reason adds nothing."""
    halted = five("riskguard.halt_trading", book="main", reason_code="DATA_SUSPECT")
    events = five.events()
    again = five("riskguard.halt_trading", book="main", reason_code="DATA_SUSPECT")

    assert (halted["was_halted"], again["was_halted"], five.events()) == (False, True, events)
    ticket = five.decided()
    assert ticket["kind"] == "NO-TRADE"
    assert "DATA_SUSPECT" in ticket["markdown"]


def test_a_halt_of_the_desk_closes_every_book(five):
    """The scope `*` is the whole desk."""
    assert five("riskguard.halt_trading", book="*", reason_code="PERSON_ASKED")["scope"] == "*"
    assert five.decided()["kind"] == "NO-TRADE"


def test_a_book_can_be_halted_while_its_policy_is_broken(five):
    """What cannot be read cannot be decided, but it can be halted."""
    (five.root / "config" / "policy.yml").write_text("version: 2\n", encoding="utf-8")

    assert five("quant.run_scoring", book="main").code == Code.CONFIGURATION
    assert five("riskguard.halt_trading", book="main", reason_code="AGENT_UNSURE")["was_halted"] is False


def test_a_trade_is_not_sent_while_halted(five):
    """A halt between issuing and sending keeps the ticket from the person until a person resumes."""
    five.decided()
    five("riskguard.halt_trading", book="main", reason_code="MARKET_EVENT")
    events = five.events()

    refused = five("ticketing.send_ticket", ticket_id=TICKET)

    assert (refused.code, refused.facts["limit"]) == (Code.HALTED, "no halt")
    assert five.events() == events
    assert not (five.root / "tickets" / f"{TICKET}.md").exists()
    with Desk(Workspace(five.root)) as desk:
        PgPeople(desk.session("person")).resume("main", by="a test", reason="looked at")
    assert five("ticketing.send_ticket", ticket_id=TICKET)["is_sent"] is True


def test_an_agent_reads_what_hinders_a_trade_that_is_out(manual):
    """A halt and the window's end stand above the text, and in how far the ticket is, before anybody asks to send it."""
    with at(manual, MONDAY) as five:
        run_id = five.decided()["run_id"]
        free = five("ticketing.get_ticket_status", ticket_id=TICKET)
        five("riskguard.halt_trading", book="main", reason_code="MARKET_EVENT")
        end = datetime.fromisoformat(free["expires_at"])
    with Five(manual, on=None, clock=FixedClock(end)) as late:
        text = late("ticketing.render_ticket_md", run_id=run_id)
        states = [late(f"ticketing.{tool}", ticket_id=TICKET) for tool in ("get_ticket_status", "receive_confirmation")]

    assert free["hindrances"] == []
    for told in (text, *states):
        assert [one["why"] for one in told["hindrances"]] == ["halted", "expired"]
    assert text["markdown"].startswith("> **HALTED.** Execute nothing more of this ticket: book main is halted since ")


def test_a_trade_that_expired_is_not_sent(manual):
    """At the end of the window nobody may act on it any more; one microsecond before, it is sent."""
    with at(manual, MONDAY) as five:
        five.decided()
        expires = five("ticketing.get_ticket_status", ticket_id=TICKET)["expires_at"]
    end = datetime.fromisoformat(expires)
    with Five(manual, on=None, clock=FixedClock(end)) as late:
        events = late.events()
        refused = late("ticketing.send_ticket", ticket_id=TICKET)
        assert (refused.code, refused.facts["limit"], refused.facts["value"]) == (Code.EXPIRED, expires, expires)
        assert late.events() == events
    with Five(manual, on=None, clock=FixedClock(end - timedelta(microseconds=1))) as in_time:
        assert in_time("ticketing.send_ticket", ticket_id=TICKET)["is_sent"] is True


def test_fills_are_posted_exactly_as_answered(manual):
    """Nothing before an answer, then only the named ticket's answered lines, once."""
    with at(manual, MONDAY) as five:
        assert five.decided()["kind"] == "TRADE"
        assert five("ledger.write_fills", ticket_id=TICKET).code == Code.NOT_CONFIRMED
        waiting = five("ticketing.receive_confirmation", ticket_id=TICKET)
        assert (waiting["progress"], waiting["answered"], waiting["steps"]) == ("waiting", [], ["drafted", "issued"])
    lines = tuple(waiting["waiting"])

    answer_lines(manual, TICKET, lines[:1], at=morning(MONDAY) + timedelta(hours=8))
    with at(manual, MONDAY, hours=9) as five:
        partly = five("ticketing.receive_confirmation", ticket_id=TICKET)
        assert (partly["progress"], partly["answered"]) == ("partly confirmed", [lines[0]])
        # In the evening the window is over, and lines still wait.
        assert partly["steps"] == ["drafted", "issued", "partly confirmed", "expired"]

    answer_lines(manual, TICKET, lines[1:], at=morning(MONDAY) + timedelta(hours=9))
    tuesday = MONDAY + timedelta(days=1)
    with at(manual, tuesday) as five:
        done = five("ticketing.receive_confirmation", ticket_id=TICKET)
        assert (done["progress"], done["waiting"]) == ("confirmed", [])
        assert done["steps"] == ["drafted", "issued", "partly confirmed", "expired", "confirmed"]
        # What was confirmed and nobody posted closes a gate: nothing is bought a second time.
        assert five.decided()["kind"] == "NO-TRADE"

    with at(manual, tuesday, hours=9) as five:
        posted = five("ledger.write_fills", ticket_id=TICKET)
        assert (posted["fills"], posted["waiting"]) == (len(lines), [])
        events = five.events()
        assert five("ledger.write_fills", ticket_id=TICKET)["fills"] == 0
        assert five.events() == events
        held = five("ledger.read_positions", book="main")
        assert held["position_count"] == len(lines)
        assert [(row["lots"], row["currency"], row["cost_base"] != "0") for row in held["positions"]] == [
            (1, "USD", True)
        ] * len(lines)
        assert [(row["currency"], row["amount"]) for row in held["cash_by_currency"]] == [("GBP", held["cash"])]
        assert held["ledger_head"] == posted["ledger_head"]


def test_unanswered_lines_close_the_gate(manual):
    """Until every line of an earlier ticket was answered, the next slot ends in NO-TRADE."""
    with at(manual, MONDAY) as five:
        five.decided()
    with at(manual, MONDAY + timedelta(days=1)) as five:
        ticket = five.decided()
        overdue = five("ticketing.get_ticket_status", ticket_id=TICKET)

    assert ticket["kind"] == "NO-TRADE"
    assert f"{TICKET} line 1" in ticket["markdown"]
    assert (overdue["has_expired"], overdue["is_overdue"]) == (True, False)


def test_the_paper_venue_is_reconciled_and_valued(five):
    """The opened paper book agrees with its venue and is worth its cash; the chain tells who wrote what."""
    compared = five("ledger.reconcile", book="main")
    held = five("ledger.read_positions", book="main")
    result = five("ledger.compute_pnl", book="main")
    told = five("ledger.list_events", after=1)

    assert (compared["venue"], compared["session"], compared["breaks"]) == ("paper", "2024-06-07", [])
    assert (held["cash"], held["equity"], held["as_of"]) == ("10000", "10000", "2024-06-07")
    assert (result["capital"], result["realised"], result["drawdown"]) == ("10000", "0", "0")
    assert (result["realised_fx"], result["unrealised_price"], result["fees"], result["total"]) == ("0", "0", "0", "0")
    assert [window["name"] for window in result["returns"]] == ["1m", "3m", "YTD", "1y", "ITD"]
    assert "before the first flow" in result["returns"][0]["why"][0]
    assert [event["seq"] for event in told["events"]] == list(range(2, told["next_after"] + 1))
    assert {event["role"] for event in told["events"]} <= {"twokey_desk", "twokey_ledger"}
    assert told["next_after"] == told["head"]


def test_without_a_snapshot_nothing_is_reconciled(empty):
    """A venue that said nothing cannot agree."""
    with Five(empty()) as five:
        assert five("ledger.reconcile", book="main").code == Code.NO_SNAPSHOT
        assert five("ledger.compute_pnl", book="main").code == Code.NO_DATA
        held = five("ledger.read_positions", book="main")
        assert (held["cash"], held["equity"], held["as_of"]) == ("0", None, None)
