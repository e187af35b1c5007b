"""Two years of slots on the recorded market: every ticket against an independent checker, and books that always balance."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.files.warm import WarmCleanSet
from cli.commands.trading import stored_setup
from flows.replay import replay
from tests.checker.account import Statement, World
from tests.checker.check_tickets import CHECKS, Case, check
from tests.checker.derive_plan import wrong_plan
from tests.checker.limits import LIMITS
from tests.checker.mutations import MUTATIONS, Mutation, lied
from tests.integration.workspaces import desk_of, twokey
from tests.real.conftest import Copy
from tests.real.market import world_of

pytestmark = [pytest.mark.shared, pytest.mark.slow]

FIRST, LAST = date(2023, 1, 2), date(2024, 12, 31)
# Weekdays on which New York was closed: ten holidays a year.
SLOTS, HOLIDAYS = 522, 20
# The first build, and what August 2024 did to the book: two mornings beyond the kill switch, a halt without end.
BUILD, KILLED = date(2023, 1, 3), date(2024, 8, 6)
BEYOND = [KILLED, date(2024, 8, 8)]
ALL_CHECKS = (*CHECKS, *LIMITS, wrong_plan)
ROW = re.compile(r"^\| (\d+) \| \*\*(BUY|SELL)\*\* \| (\S+)[^|]*\| (\S+) \| (\S+) \| (\S+) \| [^|]*\| (\S+) \|", re.M)


@dataclass(frozen=True)
class TwoYears:
    """The simulated workspace: where it is, what the simulation said, its ticket files, and the world around it."""

    root: Path
    facts: dict[str, Any]
    texts: dict[str, str]
    world: World

    def tickets(self) -> dict[date, dict[str, Any]]:
        """Give the decision bytes of every ticket by its day, oldest first."""
        tickets = [json.loads(self.texts[name])["ticket"] for name in sorted(self.texts)]
        return {date.fromisoformat(ticket["day"]): ticket for ticket in tickets}


@pytest.fixture(scope="module")
def two_years(place: Path, recorded: Path, copy: Copy, shared: Path) -> TwoYears:
    """Simulate the two years once."""
    root = copy(recorded, place / "two-years")
    done = twokey(root, "simulate", "--from", FIRST.isoformat(), "--to", LAST.isoformat())
    assert done.code == 0, done.err
    texts = {path.name: path.read_text(encoding="utf-8") for path in (root / "tickets").glob("*.json")}
    return TwoYears(root, done.facts, texts, world_of(shared, root / "config", range(2021, 2025)))


def test_every_weekday_ends_in_one_live_ticket(two_years):
    """522 slots, of which 20 are New York holidays; as many tickets in the database as files, of the same hashes."""
    tickets, open_days = two_years.tickets(), set(two_years.world.sessions)
    weekdays = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    weekdays = [day for day in weekdays if day.weekday() < 5]
    with desk_of(two_years.root) as desk:
        rows = desk.session("reader").all("SELECT slot, revision, hash FROM ticket ORDER BY slot")

    assert list(tickets) == weekdays
    assert (len(weekdays), sum(day not in open_days for day in weekdays)) == (SLOTS, HOLIDAYS)
    assert two_years.facts["slots"] == SLOTS
    assert two_years.facts["kinds"] == Counter(ticket["kind"] for ticket in tickets.values())
    hashes = [json.loads(two_years.texts[name])["hash"] for name in sorted(two_years.texts)]
    assert [(row["slot"], row["revision"], row["hash"]) for row in rows] == [
        (f"{day:%Y%m%d}", 1, digest) for day, digest in zip(weekdays, hashes, strict=True)
    ]


def test_the_checker_finds_nothing(two_years):
    """Every ticket follows from the recorded market, the fixings and the policy, to the penny and to the line."""
    assert check(two_years.texts, two_years.world, FIRST, LAST, checks=ALL_CHECKS) == []


def test_a_ticket_reads_as_its_file_says(two_years):
    """The table that a person acts on holds the same units, values and prices as the decision bytes."""
    lines = 0
    for ticket in two_years.tickets().values():
        page = (two_years.root / f"tickets/{ticket['ticket_id']}.md").read_text(encoding="utf-8")
        fields = ("side", "search_name", "quantity", "value", "value_quote", "decision_price")
        wanted = [tuple(str(line[name]) for name in ("line", *fields)) for line in ticket["lines"]]
        assert [_plain(row) for row in ROW.findall(page)] == wanted
        lines += len(wanted)

    assert lines == two_years.facts["lines"] > 200


def test_the_kill_switch_falls_and_stays_down(two_years):
    """The book falls more than 20 % from its highest of July 2024; from then on every slot is NO-TRADE, holidays too."""
    tickets = two_years.tickets()
    stopped = [day for day, ticket in tickets.items() if ticket["kind"] == "NO-TRADE"]
    closed = {day: [gate["gate"] for gate in tickets[day]["gates"] if gate["state"] == "closed"] for day in stopped}

    assert stopped == [day for day in tickets if day >= KILLED]
    assert closed[KILLED] == ["drawdown"]
    assert [day for day in stopped if "drawdown" in closed[day]] == BEYOND
    assert all("halt" in closed[day] for day in stopped if day != KILLED)
    (reason,) = tickets[KILLED]["reasons"]
    assert re.match(r"drawdown: drawdown is 0\.2\d+ since 2024-07-10, the kill switch is at 0\.2;", reason)
    with desk_of(two_years.root) as desk:
        halts = desk.session("reader").all("SELECT scope, reason, role FROM halt")
    assert [(halt["scope"], halt["role"]) for halt in halts] == [("main", "twokey_riskguard")]
    assert reason == f"drawdown: {halts[0]['reason']}"


def test_the_books_balance_every_day(two_years):
    """Each entry sums to zero a commodity; cash and units equal the venue's snapshot at each of them; no break is found."""
    with desk_of(two_years.root) as desk:
        reader = desk.session("reader")
        postings = reader.all(
            "SELECT e.id, e.session, p.account, p.commodity, p.amount FROM posting p JOIN entry e ON e.id = p.entry"
            " ORDER BY e.session, e.id, p.line"
        )
        snapshots = reader.all("SELECT session, body FROM account_snapshot ORDER BY session")
        compared = reader.all("SELECT session, breaks FROM reconciliation ORDER BY session")
    sums: Counter[tuple[int, str]] = Counter()
    for row in postings:
        sums[row["id"], row["commodity"]] += row["amount"]

    assert len(sums) > 500
    assert set(sums.values()) == {0}
    for row in snapshots:
        told = json.loads(row["body"])
        ours = _books([one for one in postings if one["session"] <= row["session"]])
        assert ours == (
            Decimal(told["cash"]),
            {one["instrument"]: Decimal(one["quantity"]) for one in told["positions"]},
        )
    assert {row["breaks"] for row in compared} == {"[]"}
    assert {row["session"] for row in compared} == {row["session"] for row in snapshots}
    as_ofs = [date.fromisoformat(ticket["as_of"]) for ticket in two_years.tickets().values()]
    last_seen = [max(row["session"] for row in snapshots if row["session"] <= as_of) for as_of in as_ofs]
    assert max(as_of - seen for as_of, seen in zip(as_ofs, last_seen, strict=True)) <= timedelta(days=7)


def test_the_books_end_as_the_checkers_statement_does(two_years):
    """What `twokey positions` says is what fills at the open, costs and dividends come to when somebody else adds them."""
    statement = Statement(two_years.world)

    def keep(case: Case) -> Iterator[str]:
        nonlocal statement
        statement = case.statement
        yield from ()

    check(two_years.texts, two_years.world, FIRST, LAST, checks=(keep,))
    facts = twokey(two_years.root, "positions", "--on", str(statement.last)).facts

    assert Decimal(facts["cash"]) == statement.cash
    assert {row["instrument"]: Decimal(row["quantity"]) for row in facts["positions"]} == statement.units
    assert facts["as_of"] == str(statement.last)


def test_the_chain_verifies(two_years):
    """Every event and every row tied to one is as it was written."""
    done = twokey(two_years.root, "audit", "verify")

    assert (done.code, done.facts["problem"]) == (0, None)
    assert done.facts["events"] > 4000


def test_runs_replay_to_the_same_bytes(two_years):
    """Each ninth slot, the first build, a holiday and the days of the kill switch are computed again from what was stored."""
    days = [*list(two_years.tickets())[::9], BUILD, *BEYOND]
    differing = []
    with desk_of(two_years.root) as desk:
        doors = replace(desk.replay_doors, clean=WarmCleanSet(desk.clean))
        for day in sorted(set(days)):
            run_id = f"RUN-{day:%Y%m%d}-r1"
            compared = replay(run_id, stored_setup(run_id, desk), doors)
            differing += [(run_id, one.stage) for one in compared if not one.is_equal]

    assert differing == []


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_checker_objects_to_a_lie(two_years, mutation, seed):
    """A ticket that was changed, all that follows from the change made to fit, is seen by the check that is meant."""
    day = _picked(mutation, two_years, seed)
    name = f"TICKET-{day:%Y%m%d}.json"
    texts = lied(two_years.texts, name, mutation, two_years.world, seed=seed)

    found = check(_until(day, texts), two_years.world, FIRST, day, checks=ALL_CHECKS)

    assert texts[name] != two_years.texts[name]
    assert any(words.startswith(name) and re.search(mutation.words, words) for words in found), found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_quiet_lie_shows_in_the_next_statement(two_years, seed):
    """Fewer units, everything else made to fit: without deriving the plan, the checker still misses cash the morning after."""
    mutation = next(one for one in MUTATIONS if one.name == "a quantity and all that follows")
    name = f"TICKET-{BUILD:%Y%m%d}.json"
    texts = lied(two_years.texts, name, mutation, two_years.world, seed=seed)

    found = check(_until(BUILD + timedelta(days=1), texts), two_years.world, FIRST, BUILD + timedelta(days=1))

    assert [words for words in found if words.startswith(name)] == []
    assert re.match(r"TICKET-20230104\.json: the cash is ", found[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('{"hash":"', '{"hash":"0'), "the hash is"),
        (lambda text: re.sub('"short_hash":".', '"short_hash":"x', text), "the hash is"),
        (lambda text: text.replace('"revision":1', '"revision":2'), "the hash is"),
        (lambda text: text.replace(",", ", "), "not canonical"),
        (lambda text: text.rstrip("\n"), "not canonical"),
        (lambda text: text[:-9], "cannot be read"),
    ],
)
def test_the_checker_reads_the_bytes(two_years, change, words):
    """A hash that does not fit, another byte, half a file: each is seen."""
    name = f"TICKET-{BUILD:%Y%m%d}.json"
    texts = {**two_years.texts, name: change(two_years.texts[name])}

    found = check(_until(BUILD, texts), two_years.world, FIRST, BUILD)

    assert any(one.startswith(name) and words in one for one in found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda texts: texts.pop("TICKET-20230103.json"), "2023-01-03: the day has 0 live tickets"),
        (
            lambda texts: texts.update({"TICKET-20230103b.json": texts["TICKET-20230103.json"]}),
            "the day has 2 live tickets",
        ),
        (lambda texts: _move(texts, "2023-01-07"), "2023-01-07: the day has 1 live tickets"),
    ],
)
def test_the_checker_counts_the_slots(two_years, change, words):
    """A slot without a ticket, with two, and a ticket without a slot are seen."""
    texts = dict(two_years.texts)
    change(texts)

    found = check(_until(date(2023, 1, 9), texts), two_years.world, FIRST, date(2023, 1, 9))

    assert any(words in one for one in found)


def test_the_checker_knows_the_no_buy_list(two_years):
    """What the policy bans is not bought, whoever wrote the ticket."""
    limits = two_years.world.policy["limits"] | {"no_buy": ["XOM"]}
    world = replace(two_years.world, policy=two_years.world.policy | {"limits": limits})

    found = check(_until(BUILD, two_years.texts), world, FIRST, BUILD)

    assert found == ["TICKET-20230103.json: line 1 (buy XOM): is on the no-buy list"]


def _picked(mutation: Mutation, two_years: TwoYears, seed: int) -> date:
    """Pick a ticket that can tell the lie: early ones, so that little stands before them."""
    tickets = {day: ticket for day, ticket in two_years.tickets().items() if IS_FIT[mutation.on](ticket)}
    return list(tickets)[:12][5 * seed % min(len(tickets), 12)]


def _until(day: date, texts: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name[7:15] <= f"{day:%Y%m%d}"}


def _is_trade(*sides: str) -> Callable[[dict[str, Any]], bool]:
    return lambda ticket: bool(ticket["lines"]) and {line["side"] for line in ticket["lines"]} >= set(sides)


def _says(*reasons: str) -> Callable[[dict[str, Any]], bool]:
    return lambda ticket: [reason.partition(":")[0] for reason in ticket["reasons"]] == list(reasons)


IS_FIT: dict[str, Callable[[dict[str, Any]], bool]] = {
    "build": lambda ticket: ticket["day"] == BUILD.isoformat(),
    "trade": _is_trade(),
    "buys": _is_trade("buy"),
    "sells": _is_trade("sell"),
    "mixed": _is_trade("buy", "sell"),
    "idle": _says("no rebalance due"),
    "closed": _says("exchange closed"),
    "stopped": _says("halt"),
    "stopping": _says("drawdown"),
}


def _books(postings: list[dict[str, Any]]) -> tuple[Decimal, dict[str, Decimal]]:
    cash = sum((row["amount"] for row in postings if (row["account"], row["commodity"]) == ("cash", "GBP")), Decimal(0))
    units: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in postings:
        if row["account"] == "units":
            units[row["commodity"]] += row["amount"]
    return cash, {name: quantity for name, quantity in units.items() if quantity}


def _plain(row: tuple[str, ...]) -> tuple[str, ...]:
    """Give a row of the page as the file writes it: amounts without thousands apart and without closing zeros."""
    number, side, name, quantity, value, quote, price = row
    amounts = (f"{Decimal(amount.replace(',', '')):f}".rstrip("0").rstrip(".") for amount in (value, quote))
    return (number, side.lower(), name, quantity, *amounts, price)


def _move(texts: dict[str, str], day: str) -> None:
    document = json.loads(texts["TICKET-20230106.json"])
    document["ticket"]["day"] = day
    texts[f"TICKET-{day.replace('-', '')}.json"] = json.dumps(document)
