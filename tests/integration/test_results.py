"""Results through the command line: what a book, an account or the desk holds, made and returned, and the tax on it."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.files.configuration import read_scope
from cli.main import main
from core.canonical import instant_text
from core.ledger.positions import open_lots
from flows.results import Moment, drawdown_of, results_of
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Workspaces,
    change_desk,
    change_policy,
    desk_of,
    filled,
    make_manual,
    morning,
    superuser,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True
D = Decimal
LAST = date(2024, 3, 1)
FIVE_LINES = ("positions_max: 15", "positions_max: 5")
REST = "etoro/unallocated"
HASH = "b" * 64


def results(root: Path, command: str, *words: str, on: date = LAST) -> Any:
    """Give what a command on results prints, as of a day."""
    done = twokey(root, command, *words, "--as-of", str(on))
    assert done.code == 0, done.err
    return done.facts


def sums(root: Path, book: str, venue: str, up_to: date) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Sum a book's postings: units by instrument, cash by currency."""
    found: dict[str, dict[str, Decimal]] = {"units": {}, "cash": {}}
    with desk_of(root) as desk:
        rows = desk.session("reader").all(
            "SELECT p.account, p.commodity, sum(p.amount) AS amount FROM entry e JOIN posting p ON p.entry = e.id"
            " WHERE e.book = %s AND e.venue = %s AND e.session <= %s AND p.account IN ('units', 'cash') GROUP BY 1, 2",
            (book, venue, up_to),
        )
    for row in rows:
        found[row["account"]] |= {row["commodity"]: row["amount"]} if row["amount"] else {}
    return found["units"], found["cash"]


@pytest.fixture(scope="module")
def traded(workspaces: Workspaces) -> Path:
    """Give a book on paper that traded for four weeks."""
    root = workspaces.copy("traded", *BUSY, FIVE_LINES, ("hold_rank_multiple: 2", "hold_rank_multiple: 1"))
    done = twokey(root, "simulate", "--from", str(DAY), "--to", str(LAST))
    assert done.code == 0, done.err
    return root


def test_positions_are_those_of_the_postings_with_their_lots(traded):
    """Units and cash of the engine and of the journal; the lots of each position are its units and its cost."""
    found = results(traded, "positions", "--lots")
    units, cash = sums(traded, "main", "paper", LAST)

    assert {row["instrument"]: D(row["quantity"]) for row in found["positions"]} == units
    assert {row["currency"]: D(row["amount"]) for row in found["cash_by_currency"]} == cash == {"GBP": D(found["cash"])}
    for row in found["positions"]:
        lots = [lot for lot in found["lots"] if lot["instrument"] == row["instrument"]]
        assert (len(lots), sum(D(lot["quantity"]) for lot in lots)) == (row["lots"], D(row["quantity"]))
        assert abs(sum(D(lot["cost_base"]) for lot in lots) - D(row["cost_base"])) <= D("0.005")
        assert (row["currency"], row["price_date"]) == ("USD", str(LAST))
    worth = sum(D(row["value"]) for row in found["positions"]) + D(found["cash"])
    assert abs(worth - D(found["equity"])) <= D("0.05")


def test_results_add_up_to_what_the_last_ticket_looked_at(traded):
    """Realised, unrealised and income are the equity less the capital, and the equity is the one of the curve of gates."""
    found = results(traded, "pnl")

    made = [D(found[name]) for name in ("realised", "unrealised", "income")]
    assert sum(made) - D(found["fees"]) == D(found["total"]) == D(found["equity"]) - D(found["capital"])
    assert D(found["realised"]) != 0
    for name in ("realised", "unrealised"):
        assert sum(D(part) for part in found["split"][name].values()) == D(found[name])
    with desk_of(traded) as desk:
        scope, _ = read_scope(desk.workspace, {}, book="main")
        asked = results_of(scope, desk.result_doors, Moment(LAST, morning(LAST)))
        _, realised = open_lots(asked.entries)
    worth = drawdown_of(asked)
    assert worth is not None
    assert (D(found["equity"]), D(found["drawdown"])) == (worth.equity, worth.drawdown)
    # The journal's own figure keeps four decimals of a part of a lot.
    assert abs(D(found["realised"]) - realised) <= D("0.01")


def test_returns_stand_next_to_the_benchmark(traded):
    """The index of the curve ends at the time-weighted return; a month is the benchmark's too; a year says why not."""
    found = results(traded, "returns", "--since", "2024-02-15")

    whole, since = found["windows"]["ITD"], found["windows"]["since"]
    assert D(found["curve"][-1]["index"]) - 1 == D(whole["time_weighted"])
    assert D(found["curve"][-1]["value"]).quantize(D("0.01")) == D(results(traded, "pnl")["equity"])
    assert (since["from"], since["to"], since["days"]) == ("2024-02-15", str(LAST), 15)
    assert abs(D(since["modified_dietz"]) - D(since["time_weighted"])) < D("0.0001")
    assert D(since["benchmark"]) == benchmark_by_hand(traded, date(2024, 2, 15))
    assert "before the first flow" in found["windows"]["1y"]["not_computable"]
    assert (found["benchmark"], found["risk"]["drawdown"]["depth"][0]) == ("SPY", "-")
    assert "365" in found["risk"]["calmar"]["not_computable"]


def benchmark_by_hand(root: Path, first: date) -> Decimal:
    """Give what the benchmark's adjusted close made since a day, in pounds."""
    with desk_of(root) as desk:
        snapshot = desk.clean.current() or ""
        panel = desk.clean.panel(snapshot, first=first, last=LAST, instruments=["SPY"])
        per_eur = {(one.currency, one.day): one.per_eur for one in desk.clean.fixings(snapshot)}
    closes = [D(repr(float(panel.adj_close[row, 0]))) for row in (0, -1)]
    rates = [(per_eur["USD", day] / per_eur.get(("GBP", day), D(1))).quantize(D("0.000001")) for day in (first, LAST)]
    return ((closes[1] / rates[1]) / (closes[0] / rates[0]) - 1).quantize(D("0.0000000001"))


def test_the_day_before_the_first_fact_holds_nothing(traded):
    """No fact counts there, and nothing that is not there has a return."""
    before = DAY - timedelta(days=20)

    assert results(traded, "positions", on=before)["positions"] == []
    assert results(traded, "pnl", on=before)["equity"] == "0"
    assert "no money" in results(traded, "returns", on=before)["windows"]["not_computable"]


@pytest.mark.parametrize("command", ["positions", "pnl", "returns"])
def test_a_book_that_had_nothing_by_then_is_said_to(traded, workspaces, capsys, command):
    """No table of nothing: since when it has something, that nothing was booked, or that it was not known yet."""
    before = DAY - timedelta(days=20)
    with desk_of(traded) as desk:
        entries = desk.result_doors.facts.known(["main"], "paper").entries
    known = instant_text(min(at for _, at in entries) - timedelta(milliseconds=1))
    asked: list[tuple[Path, tuple[str, ...]]] = [
        (traded, ("--as-of", str(before))),
        (workspaces.copy(f"nothing-{command}"), ("--as-of", str(before))),
        (traded, ("--as-of", str(LAST), "--known-at", known)),
    ]

    codes = [main([command, "-w", str(root), *words]) for root, words in asked]

    assert codes == [0, 0, 0]
    late, never, unknown = capsys.readouterr().out.splitlines()
    assert late == f"book main had nothing by {before}: its first entry is of {min(one.session for one, _ in entries)}"
    assert never == f"book main had nothing by {before}: nothing was booked in it yet"
    assert unknown.startswith(f"book main had nothing by {LAST}, as it was known at {known[:19]}")
    assert unknown.endswith(": what was booked by then became known later")


def test_another_method_moves_results_between_realised_and_unrealised_alone(traded, workspaces):
    """The broker's view is a line of the policy; what was made in all does not hang on it."""
    root = workspaces.copy("highest-first", of=traded)
    change_policy(root, ("  lots: FIFO", "  lots: HIFO"))

    fifo, hifo = results(traded, "pnl"), results(root, "pnl")

    assert results(root, "positions")["lot_methods"] == {"main": "HIFO"}
    assert (fifo["total"], fifo["income"]) == (hifo["total"], hifo["income"])
    assert D(fifo["realised"]) >= D(hifo["realised"])


def test_a_book_on_paper_is_taxed_for_practice_only(traded):
    """Nobody is asked for it by mistake; by name it is shown, marked, and written."""
    refused = twokey(traded, "tax")
    found = results(traded, "tax", "--book", "main", "--year", "2023-24")

    assert (refused.code, "nothing to report" in refused.err) == (2, True)
    [year] = found["years"]
    assert (year["name"], year["disposals"]) == ("2023-24", len(found["disposals"]))
    # Each figure of a year is rounded for itself, as the pages ask for it.
    for made in (D(year["proceeds"]) - D(year["costs"]), D(year["gains"]) - D(year["losses"])):
        assert abs(D(year["net"]) - made) <= D("0.02")
    assert year["provisional"] == sum(one["is_provisional"] for one in found["disposals"]) > 0
    text = Path(found["report"]).read_text()
    assert text.startswith("# UK capital gains of 2023-24, book main")
    assert "PRACTICE" in text
    assert found["report"].endswith("reports/tax-2023-24-main.md")


# --- what a person executes -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def confirmed(workspaces: Workspaces) -> Path:
    """Give a book at a manual venue with five confirmed fills and a deposit of 10,000."""
    root = workspaces.copy("confirmed-results", FIVE_LINES)
    make_manual(root)
    with the_time_is(morning(DAY)):
        assert twokey(root, "run").facts["kind"] == "TRADE"
    ticket = twokey(root, "ticket", "show", f"TICKET-{DAY:%Y%m%d}").facts
    lines = [word for line in ticket["ticket"]["lines"] for word in ("--line", filled(line, fee="1.00"))]
    with the_time_is(morning(DAY) + timedelta(hours=11)):
        done = twokey(
            root, "confirm", ticket["ticket"]["ticket_id"], "--hash", ticket["short_hash"], "--by", "ann", *lines
        )
    assert done.facts["posted"] == 5, done.err
    return root


@pytest.fixture
def root(workspaces: Workspaces, confirmed: Path, request: pytest.FixtureRequest) -> Path:
    """Give each test a copy of its own."""
    return workspaces.copy(re.sub(r"\W+", "-", request.node.name), of=confirmed)


def book(root: Path, *facts: dict[str, Any]) -> None:
    """Book facts on the last day."""
    path = root / "facts.json"
    path.write_text(json.dumps(list(facts)), encoding="utf-8")
    with the_time_is(morning(LAST)):
        done = twokey(root, "ledger", "add", str(path), "--by", "ann", "--note", "as the broker says")
    assert done.code == 0, done.err


def fact(kind: str, key: str, day: date = DAY, **fields: Any) -> dict[str, Any]:
    """Give a fact of the part of the account that is in no book."""
    own: dict[str, Any] = {"kind": kind, "key": key, "effective": str(day)}
    return own | ({} if kind in ("CORRECTION", "SPLIT") else {"account": REST}) | fields


def test_fees_and_what_was_paid_are_the_cost_of_a_confirmed_fill(root):
    """What is gone from the cash is the cost in pounds, to the penny, and nothing is realised."""
    held, result = results(root, "positions", on=DAY), results(root, "pnl", on=DAY)

    assert sum(D(row["cost_base"]) for row in held["positions"]) == D(10000) - D(held["cash"])
    assert (result["realised"], result["fees"], result["capital"]) == ("0", "0", "10000")
    assert D(result["total"]) == D(held["equity"]) - 10000


def test_an_account_is_its_books_and_what_is_in_none(root):
    """Dollars that are in no book have a rate with its day and source; the desk is the account; its parts add up to it."""
    before = results(root, "pnl", "--account", "etoro")
    book(
        root,
        fact("DEPOSIT", "d", currency="USD", amount="1000"),
        fact("BUY", "b", instrument="AAPL", quantity="2", amount="300", currency="USD", fee="1"),
        fact("OPENING", "o", instrument="MSFT", quantity="1", cost="250", currency="GBP", evidence=HASH),
        fact("DIVIDEND", "v", LAST, instrument="AAPL", currency="USD", amount="10", withheld="1.5"),
        fact("TRANSFER", "t", LAST, to="main", instrument="AAPL", quantity="1"),
    )

    rest, main = (results(root, "positions", "--book", name) for name in (REST, "main"))
    account, desk = (results(root, "pnl", *words) for words in (("--account", "etoro"), ("--desk",)))

    assert [(row["instrument"], row["quantity"], row["currency"]) for row in rest["positions"]] == [
        ("AAPL", "1", "USD"),
        ("MSFT", "1", "USD"),
    ]
    assert "AAPL" in {row["instrument"] for row in main["positions"]}
    [dollars] = rest["cash_by_currency"]
    assert (dollars["currency"], dollars["amount"], dollars["rate_date"]) == ("USD", "707.5", str(LAST))
    assert dollars["rate_source"]
    assert D(dollars["value"]) == (D("707.5") * D(dollars["rate"])).quantize(D("0.01"))
    assert {name: account[name] for name in ("total", "equity", "split")} == {
        name: desk[name] for name in ("total", "equity", "split")
    }
    parts = [results(root, "pnl", "--book", name) for name in (REST, "main")]
    for name in ("equity", "capital", "realised", "income", "total"):
        assert abs(D(account[name]) - sum(D(part[name]) for part in parts)) <= D("0.02"), name
    assert D(account["income"]) > D(before["income"])
    units, cash = sums(root, REST, "manual", LAST)
    assert (units, cash) == ({"AAPL": D(1), "MSFT": D(1)}, {"USD": D("707.5")})


def test_a_correction_counts_from_when_it_was_known(root):
    """A fill that never was: gone now, and still there as it was known before."""
    line = results(root, "positions", "--lots", on=DAY)["lots"][0]
    with superuser(root) as database:
        row = database.execute("SELECT max(recorded_at) AS at FROM entry").fetchone()
    assert row is not None
    then = row["at"].astimezone(UTC)
    book(root, fact("CORRECTION", "never", reverses=line["lot"], reason="the order was never sent"))
    known = instant_text(then + timedelta(microseconds=1)) if then.microsecond else instant_text(then)

    # The database's own clock says when a fact was recorded: any instant after it will do for the machine's.
    with the_time_is(datetime(2040, 1, 1, tzinfo=UTC)):
        now, before = results(root, "positions"), results(root, "positions", "--known-at", known)

    assert line["instrument"] not in {row["instrument"] for row in now["positions"]}
    assert line["instrument"] in {row["instrument"] for row in before["positions"]}
    assert D(now["cash"]) - D(before["cash"]) == D(line["cost_base"])


def test_the_report_matches_over_all_taxable_accounts(root):
    """Sold in no book, bought back in the book within 30 days: one class of shares, and an ISA would stand outside."""
    name = results(root, "positions", on=DAY)["positions"][0]["instrument"]
    book(
        root,
        fact("OPENING", "o", DAY - ONE_DAY, instrument=name, quantity="5", cost="100", currency="GBP", evidence=HASH),
        fact("SELL", "s", DAY - ONE_DAY, instrument=name, quantity="0.5", amount="60", currency="GBP", fee="1"),
    )

    found = results(root, "tax", "--year", "2023-24", on=date(2024, 4, 30))

    [sold] = found["disposals"]
    lot = next(row for row in results(root, "positions", "--lots", on=DAY)["lots"] if row["instrument"] == name)
    [match] = sold["matches"]
    assert (match["rule"], match["acquired"], sold["proceeds"], sold["is_provisional"]) == (
        "30 days",
        str(DAY),
        "60",
        False,
    )
    cost = D(lot["cost_base"]) * D("0.5") / D(lot["quantity"])
    assert abs(D(sold["costs"]) - cost - 1) <= D("0.01")
    assert found["books"] == ["main", REST]
    change_desk(root, ("    taxable: true", "    taxable: false"))
    refused = twokey(root, "tax")
    assert (refused.code, "no account is taxable" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pnl", "--account", "isa"), "config/desk.yml has no account isa; it lists etoro"),
        (("pnl", "--book", "nobody"), "nobody"),
        (("positions", "--known-at", "2099-01-01T00:00:00Z"), "is to come; nobody knows yet"),
        (("returns", "--known-at", "2020-01-01T00:00:00Z"), "no market data was known at 2020-01-01"),
        (("tax", "--book", "main", "--as-of", "2000-01-01"), ""),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(confirmed, words, message):
    """An account or book that is not there, an instant to come or before everything; a day before everything is empty."""
    done = twokey(confirmed, *words)

    assert (done.code == 0) is (message == ""), done.err
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_report_in_another_currency_is_refused(root):
    """The UK's pages are in pounds."""
    change_desk(root, ("    currency: GBP", "    currency: EUR"))
    change_policy(root, ("base_currency: GBP", "base_currency: EUR"))

    done = twokey(root, "tax")

    assert (done.code, "in GBP; the desk counts in EUR" in done.err) == (2, True)
