"""A day through the five servers: the same ticket as `twokey run`, in the one order that there is."""

from __future__ import annotations

import json
from datetime import date, timedelta

import psycopg
import pytest

from adapters.files.workspace import Workspace
from adapters.postgres.location import Server
from adapters.postgres.runs import PgRuns
from adapters.slot_time import When
from cli.wiring import Desk, when
from core.domain.ticket import IssuedTicket
from flows.daily import run_day
from flows.revise import Asked, revise_day
from servers.refusals import Code
from tests.servers.market import AS_OF, MONDAY
from tests.servers.playing import Five

RUN, TICKET = "RUN-20240610-r1", "TICKET-20240610"


def operator_ticket(root, day: date) -> IssuedTicket:
    """Decide a day's slot as `twokey run --on DAY` does."""
    with Desk(Workspace(root)) as desk:
        configuration = desk.configuration("main")
        moment: When = when(configuration, day)
        return run_day(day, configuration.setup, configuration.texts, desk.day_doors(moment))


def test_the_servers_and_the_operator_issue_the_same_ticket(fresh):
    """The decision bytes do not know through which door they came."""
    operated = operator_ticket(fresh(), MONDAY)
    with Five(fresh()) as five:
        played = five.decided()

    assert operated.ticket.kind == played["kind"] == "TRADE"
    assert played["hash"] == operated.ticket.hash
    assert played["ticket_id"] == operated.ticket.ticket_id
    assert (played["is_rehearsal"], played["is_synthetic"], played["is_cut"]) == (True, True, False)


def test_each_step_says_what_it_came_to(five):
    """Scores, proposal, decision, explanation and ticket tell of the same run."""
    scored = five("quant.run_scoring", book="main")
    proposed = five("riskguard.build_target_portfolio", run_id=RUN)
    decided = five("riskguard.approve_trades", run_id=RUN)
    explained = five("riskguard.explain_decision", run_id=RUN)

    assert (scored["run_id"], scored["gate"], scored["as_of"]) == (RUN, "open", AS_OF.isoformat())
    assert [row["rank"] for row in scored["top"]] == list(range(1, 31))
    assert (proposed["gate"], proposed["equity"], proposed["hold_reason"]) == ("open", "10000", None)
    assert decided["kind"] == explained["kind"] == "TRADE"
    assert decided["is_signed"] is True
    assert decided["approved"] == proposed["lines"] == explained["approved"]
    assert decided["approved_count"] == proposed["line_count"] == explained["paging"]["rows"] > 5
    assert {gate["state"] for gate in explained["gates"]} == {"open"}
    assert explained["looked_at"]["cash"] == "10000"
    assert explained["looked_at"]["is_synthetic"] is True


def test_doing_it_again_writes_nothing(five):
    """Every step, done once more, gives the same and adds no event."""
    first, events = five.decided(), five.events()

    assert five.decided().facts == first.facts
    assert five.events() == events


def test_after_a_revision_the_servers_find_the_live_one(five):
    """A person let the slot be decided again: the day's run is the revision's, and scoring it again opens none."""
    five.decided()
    with Desk(Workspace(five.root)) as desk:
        configuration = desk.configuration("main")
        doors = desk.day_doors(when(configuration, MONDAY))
        asked, book = Asked("Ada", "the bars came late"), PgRuns(desk.session("person"))
        revised = revise_day(MONDAY, configuration.setup, configuration.texts, asked=asked, doors=doors, book=book)
    events = five.events()

    assert revised.ticket.revision == 2
    assert five("quant.run_scoring", book="main")["run_id"] == "RUN-20240610-r2"
    assert five.events() == events


def test_steps_out_of_order_are_refused_and_write_nothing(five):
    """Each step names the one that comes first."""
    before = five.events()

    assert five("riskguard.build_target_portfolio", run_id=RUN).code == Code.NO_SUCH_RUN
    assert five("riskguard.approve_trades", run_id=RUN).code == Code.NO_SUCH_RUN
    assert five("ticketing.render_ticket_md", run_id=RUN).code == Code.NO_SUCH_RUN
    assert five("ticketing.send_ticket", ticket_id=TICKET).code == Code.NO_SUCH_TICKET
    assert five("ticketing.receive_confirmation", ticket_id=TICKET).code == Code.NO_SUCH_TICKET
    assert five("ledger.write_fills", ticket_id=TICKET).code == Code.NO_SUCH_TICKET
    assert five.events() == before

    five("quant.run_scoring", book="main")
    scored = five.events()

    assert five("riskguard.approve_trades", run_id=RUN).code == Code.NOT_PROPOSED
    assert five("riskguard.explain_decision", run_id=RUN).code == Code.NOT_DECIDED
    assert five("ticketing.render_ticket_md", run_id=RUN).code == Code.NOT_DECIDED
    assert five("ticketing.send_ticket", ticket_id=TICKET).code == Code.NO_SUCH_TICKET
    assert five.events() == scored

    five("riskguard.build_target_portfolio", run_id=RUN)
    proposed = five.events()

    assert five("ticketing.render_ticket_md", run_id=RUN).code == Code.NOT_DECIDED
    assert five.events() == proposed


def test_a_run_that_was_not_scored_goes_no_further(five):
    """A run that the operator opened and did not score is refused NOT_SCORED by the riskguard."""
    with Desk(Workspace(five.root)) as desk:
        setup = desk.configuration("main").setup
        run = setup.run_of(MONDAY, today=MONDAY + timedelta(days=1), snapshot=desk.clean.current())
        PgRuns(desk.session("desk")).open_run(run)
    before = five.events()

    assert five("riskguard.build_target_portfolio", run_id=RUN).code == Code.NOT_SCORED
    assert five("riskguard.approve_trades", run_id=RUN).code == Code.NOT_SCORED
    assert five.events() == before


def test_without_data_the_slot_ends_in_no_trade(empty):
    """Nothing was ingested: the gates say so, the ticket is NO-TRADE, and it can be sent."""
    with Five(empty()) as five:
        scored = five("quant.run_scoring", book="main")
        assert (scored["gate"], scored["ranked"], scored["snapshot"]) == ("closed", 0, "none")
        assert "no market data was ingested" in scored["findings"][0]["message"]

        proposed = five("riskguard.build_target_portfolio", run_id=scored["run_id"])
        assert (proposed["gate"], proposed["lines"]) == ("closed", [])

        decided = five("riskguard.approve_trades", run_id=scored["run_id"])
        assert (decided["kind"], decided["is_signed"], decided["approved_count"]) == ("NO-TRADE", False, 0)

        ticket = five("ticketing.render_ticket_md", run_id=scored["run_id"])
        assert ticket["kind"] == "NO-TRADE"
        assert "no market data was ingested" in ticket["markdown"]
        assert five("ticketing.send_ticket", ticket_id=ticket["ticket_id"])["is_sent"] is True
        assert five("ticketing.receive_confirmation", ticket_id=ticket["ticket_id"])["progress"] == "nothing to confirm"
        assert five("ledger.write_fills", ticket_id=ticket["ticket_id"])["fills"] == 0


@pytest.mark.parametrize("day", [date(2024, 6, 8), date(2999, 1, 4)])
def test_a_day_without_a_slot_is_refused(fresh, day):
    """A weekend has no slot, and of a day that has not come nothing is known."""
    with Five(fresh(), on=day) as five:
        before = five.events()
        assert five("quant.run_scoring", book="main").code == Code.NO_SLOT
        assert five.events() == before


def test_slots_go_forward(fresh):
    """A slot before one that has a run is refused; the later one stands."""
    root = fresh()
    with Five(root) as five:
        five("quant.run_scoring", book="main")
    with Five(root, on=MONDAY - timedelta(days=3)) as earlier:
        before = earlier.events()
        refused = earlier("quant.run_scoring", book="main")
        assert (refused.code, refused.facts["limit"], refused.facts["value"]) == ("SLOT_PASSED", "20240610", "20240607")
        assert earlier.events() == before


def test_a_book_that_is_not_served_is_refused(five):
    """A server serves the book that its operator named, and no run, ticket or halt of another."""
    assert five("market_data.list_universe", book="other").code == Code.NO_SUCH_BOOK
    assert five("quant.run_scoring", book="other").code == Code.NO_SUCH_BOOK
    assert five("riskguard.halt_trading", book="other", reason_code="AGENT_UNSURE").code == Code.NO_SUCH_BOOK
    assert five("ledger.read_positions", book="other").code == Code.NO_SUCH_BOOK


def test_the_strategy_has_nothing_to_train(five):
    """Momentum learns nothing, and no job is made."""
    before = five.events()
    refused = five("quant.run_training", book="main")

    assert (refused.code, refused.facts["value"]) == (Code.NO_TRAINABLE_STRATEGY, "momentum")
    assert five.events() == before


def test_each_writing_call_keeps_the_audit_head(five):
    """The head kept outside the database is the chain's own after a run, so that later truncation is seen."""
    five.decided()
    with Desk(Workspace(five.root)) as desk:
        kept, head = desk.heads.kept(), desk.chain.head()

    assert kept[-1] == head


def test_a_connection_that_broke_is_made_anew(five):
    """The call that meets a dead connection is refused; the next one has a new connection."""
    assert five("ledger.read_positions", book="main")["cash"] == "10000"
    server = Server(Workspace(five.root).postgres, Workspace(five.root).secrets)
    location, administrator = server.start(), server.administrator()
    login = psycopg.conninfo.make_conninfo(host=location.host, port=location.port, dbname=location.database)
    with psycopg.connect(login, user=administrator.user, password=administrator.password) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'twokey_ledger'")
    server.release()

    assert five("ledger.read_positions", book="main").code == Code.DATABASE
    assert five("ledger.read_positions", book="main")["cash"] == "10000"


def test_every_call_is_logged_without_numbers(five):
    """The log of a server holds one canonical line a call: tool, references, outcome and duration."""
    five("quant.run_scoring", book="main")
    five("quant.get_job", job_id="JOB-0123456789ab-1")

    lines = (five.root / "logs" / "mcp-quant.jsonl").read_text(encoding="utf-8").splitlines()
    calls = [json.loads(line) for line in lines]

    assert [(call["tool"], call["outcome"]) for call in calls] == [("run_scoring", "OK"), ("get_job", "NO_SUCH_JOB")]
    assert [call["arguments"] for call in calls] == [{"book": "main"}, {"job_id": "JOB-0123456789ab-1"}]
    assert all(set(call) == {"at", "tool", "outcome", "arguments", "ms"} for call in calls)
