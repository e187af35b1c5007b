"""Killed with -9 at every moment of every command that writes to the books: what was acknowledged is there, and once.

A moment is just before and just after each statement that adds rows, each end of a transaction, each file put in its place and
each sync, as the command itself reaches them; they are counted, not listed.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.forking import KILLED, Forker, forking
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Workspaces,
    counts,
    desk_of,
    filled,
    held,
    look,
    make_manual,
    morning,
    said,
    the_time_is,
    twokey,
    weekdays,
)

SEED = 20240207
MANY_LINES = (("positions_max: 15", "positions_max: 24"), ("turnover_max: 0.30", "turnover_max: 1"))
TICKET = f"TICKET-{DAY:%Y%m%d}"
EVENING = timedelta(hours=11)
# Behind each border in a suite of every day, at every moment in the soak.
EVERY = (2, pytest.param(1, marks=pytest.mark.soak))
MAP = """\
broker: small bank
delimiter: ";"
decimal_mark: "."
day_form: "%Y-%m-%d"
amount_holds_fee: true
dividend_holds_tax: true
columns: {day: day, kind: kind, amount: amount, currency: currency, id: id, instrument: name, quantity: units}
kinds: {deposit: deposit}
"""
HEAD = "day;kind;name;units;amount;currency;id"
COLUMNS = "kind,instrument,quantity,price,currency,broker_id"


@pytest.fixture(scope="module")
def forker(workspaces: Workspaces) -> Iterator[Forker]:
    """Give the process that runs and kills commands."""
    with forking(workspaces) as forker:
        yield forker


@pytest.fixture(scope="module")
def asked(workspaces: Workspaces) -> Path:
    """Give a book with cash and a ticket of 24 lines that waits for a person; its server is stopped."""
    root = workspaces.copy("asked", *MANY_LINES)
    make_manual(root)
    add_a_book(root)
    with the_time_is(morning(DAY)):
        assert len(ticket_of(root, twokey(root, "run").facts["ticket_id"])["ticket"]["lines"]) == 24
    return root


def add_a_book(root: Path) -> None:
    """Write the policy of a second book, which halts may name."""
    (root / "config" / "books").mkdir(exist_ok=True)
    policy = (root / "config" / "policy.yml").read_text().replace("book: main", "book: other", 1)
    (root / "config" / "books" / "other.yml").write_text(policy)


def ticket_of(root: Path, ticket_id: str) -> Any:
    """Show a ticket as it stands."""
    return twokey(root, "ticket", "show", ticket_id).facts


def rows_of(root: Path) -> dict[str, int]:
    """Count the rows of every table."""
    with desk_of(root) as desk:
        return counts(desk.session("reader"))


def problem_of(root: Path) -> str | None:
    """Say what the audit chain finds wrong."""
    with desk_of(root) as desk:
        return desk.chain.verify(desk.heads.kept()).problem


# --- every moment -----------------------------------------------------------------------------------------------------


@contextmanager
def struck(workspaces: Workspaces, of: Path, name: str) -> Iterator[Path]:
    """Give a copy whose server is held, and hold at the end that its chain verifies."""
    root = workspaces.copy(name, of=of)
    with held(root):
        yield root
        assert problem_of(root) is None
    workspaces.drop(root)


@dataclass(frozen=True)
class Victim:
    """A command by its number, the instant of its clock, the rows that it adds, and what a day later finishes its work."""

    words: Callable[[int], tuple[str, ...]]
    at: datetime
    added: dict[str, int]
    finish: tuple[str, ...] = ()


def at_every_moment(forker: Forker, root: Path, victim: Victim, step: int) -> int:
    """Kill a command at a moment, another like it a step later and so on, until one lives; gives how many died.

    Moments come in pairs: every second one is behind a border, which is before the next. After each kill the rows are those
    of before or those that it adds, table by table; given again all are there, and once.
    """
    number, is_alive, before = 0, False, rows_of(root)
    while not is_alive:
        number += 1
        words = victim.words(number)
        first = forker.run(root, *words, at=victim.at, kill_at=number * step)
        is_alive, grown = first.done.code == 0, growth(before, rows_of(root))
        again = forker.run(root, *words, at=victim.at)
        finished = [forker.run(root, *victim.finish, at=victim.at)] if victim.finish else []
        there = rows_of(root)
        before, after = there, growth(before, there)

        assert is_alive or first.done.code == KILLED, first.done.err
        assert all(rows == victim.added.get(table) for table, rows in grown.items()), (number, grown)
        assert not is_alive or grown == victim.added, grown
        assert again.done.code == 0 or "was answered before" in again.done.err, again.done.err
        assert [one.done.err for one in finished if one.done.code] == []
        assert after == victim.added, (number, after)
    return number - 1


def growth(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Give how many rows came to each table of facts that any came to."""
    # A ticket's steps follow from its answers, however many came before: they are held to be legal where they are asked for.
    apart = ("event", "ticket_step")
    return {name: after[name] - before[name] for name in after if after[name] != before[name] and name not in apart}


@pytest.mark.parametrize("step", EVERY, ids=("borders", "moments"))
def test_cash_killed_at_every_moment_is_kept_once(workspaces, forker, asked, step):
    """The fact or nothing of it; the same words again make it whole, and no pound is there twice."""
    added = {"cash_movement": 1, "entry": 1, "posting": 2}
    with struck(workspaces, asked, f"cash-killed-{step}") as root:
        died = at_every_moment(
            forker, root, Victim(lambda number: paid(f"K-{number}", number, DAY), morning(DAY), added), step
        )
        cash = twokey(root, "positions", "--on", str(DAY)).facts["cash"]

    assert died >= 8 // step
    assert Decimal(cash) == 10000 + sum(range(1, died + 2))


def paid(key: str, amount: int, day: date) -> tuple[str, ...]:
    """Give the words that pay cash in."""
    return ("cash", "deposit", str(amount), "--key", key, "--by", "p", "--on", str(day))


@pytest.mark.parametrize("step", EVERY, ids=("borders", "moments"))
def test_a_halt_killed_at_every_moment_holds_or_was_never_said(workspaces, forker, asked, step):
    """Whole or not at all; given again it stands once."""
    with struck(workspaces, asked, f"halt-killed-{step}") as root:
        victim = Victim(lambda number: ("halt", "--book", "other", f"the {number}."), morning(DAY), {"halt": 1})
        died = at_every_moment(forker, root, victim, step)

    assert died >= 4 // step


@pytest.mark.parametrize("step", EVERY, ids=("borders", "moments"))
def test_an_answer_killed_at_every_moment_is_there_whole_and_posted_once(workspaces, forker, asked, step):
    """Given again it is taken, or told that the line was answered; the next settlement posts what was not."""
    added = {"confirmation": 1, "confirmation_line": 1, "entry": 1, "posting": 6}
    with struck(workspaces, asked, f"answer-killed-{step}") as root:
        ticket = ticket_of(root, TICKET)
        settle = ("settle", "--on", str(DAY))
        assert twokey(root, *settle).code == 0
        victim = Victim(lambda number: answered(ticket, [number]), morning(DAY) + EVENING, added, finish=settle)
        died = at_every_moment(forker, root, victim, step)
        steps = twokey(root, "ticket", "show", TICKET).facts["steps"]

    assert died >= 12 // step
    assert len(set(steps)) == len(steps)
    assert {"issued", "partly confirmed"} <= set(steps)


def answered(ticket: Any, numbers: list[int]) -> tuple[str, ...]:
    """Give the words that say that lines were filled at their decision prices."""
    lines = {line["line"]: line for line in ticket["ticket"]["lines"]}
    said = [f"{filled(lines[number])} acknowledged: seen" for number in numbers]
    words = ("confirm", ticket["ticket"]["ticket_id"], "--hash", ticket["short_hash"], "--by", "p")
    return (*words, *(word for text in said for word in ("--line", text)))


@pytest.mark.parametrize("step", EVERY, ids=("borders", "moments"))
def test_a_reconciliation_killed_at_every_moment_goes_on(workspaces, forker, asked, step):
    """The file is kept and compared, once for each book of the account, whenever it was cut short."""
    added = {"account_snapshot": 2, "reconciliation": 2}
    with struck(workspaces, asked, f"compared-killed-{step}") as root:
        victim = Victim(lambda number: told(root, DAY, number), morning(DAY + ONE_DAY), added)
        died = at_every_moment(forker, root, victim, step)

    assert died >= 8 // step


def told(root: Path, day: date, number: int, *, of: Path | None = None) -> tuple[str, ...]:
    """Write a file that says what the books (those of another workspace, if named) hold, and give the words to compare it.

    It is of so many minutes into the evening.
    """
    path, facts = root / f"told-{day}-{number}.csv", twokey(of or root, "positions", "--on", str(day)).facts
    at = morning(day) + EVENING + timedelta(minutes=number)
    units = [f"position,{row['instrument']},{row['quantity']},,," for row in facts["positions"]]
    rows = "\n".join([COLUMNS, *units, f"cash,,{facts['cash']},,GBP,"])
    path.write_text(f"# account: etoro\n# as_of: {at.isoformat()}\n{rows}\n")
    return ("reconcile", "--snapshot", str(path))


@pytest.mark.parametrize("step", EVERY, ids=("borders", "moments"))
def test_an_import_killed_at_every_moment_goes_on(workspaces, forker, asked, step):
    """The file with all of its facts or nothing; imported again, what was kept is posted, and no row is booked twice."""
    added = {"statement_file": 1, "booked_fact": 2, "entry": 2, "posting": 4}
    with struck(workspaces, asked, f"imported-killed-{step}") as root:
        victim = Victim(lambda number: imported(root, DAY, number), morning(DAY), added)
        died = at_every_moment(forker, root, victim, step)
        cash = twokey(root, "positions", "--on", str(DAY)).facts["cash"]

    assert died >= 10 // step
    assert Decimal(cash) == 10000 + sum(range(1, died + 2)) + died + 1


def imported(root: Path, day: date, number: int) -> tuple[str, ...]:
    """Write a statement of two deposits, of so many pounds and of one, and give the words that import it."""
    (root / "map.yml").write_text(MAP)
    path = root / f"statement-{day}-{number}.csv"
    path.write_text(f"{HEAD}\n{day};deposit;;;{number};GBP;{number}\n{day};deposit;;;1;GBP;x{number}\n")
    return ("import", str(path), "--map", str(root / "map.yml"), "--account", "etoro", "--book", "main", "--by", "p")


# --- random moments ---------------------------------------------------------------------------------------------------


@dataclass
class Twins:
    """Two workspaces that are told the same: in one nobody is killed, in the other every command is, and given again."""

    forker: Forker
    calm: Path
    hurt: Path
    draw: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)

    def do(self, words: Callable[[Path], tuple[str, ...]], at: datetime) -> Any:
        """Do a command in both, killed in one at a moment or after a time, with its server up or down; give what it said."""
        spared, server = self.forker.run(self.calm, *words(self.calm), at=at), held(self.hurt)
        told = words(self.hurt)
        if self.draw.random() < 0.75:
            server.start()
        kill: dict[str, float] = {"kill_after": self.draw.uniform(0, spared.seconds)}
        if self.draw.random() < 0.5:
            kill = {"kill_at": self.draw.randint(1, max(1, spared.moments))}
        first = self.forker.run(self.hurt, *told, at=at, **kill)
        self.kills[told[0]] += first.done.code == KILLED
        self.answers[told[0]] += first.done.code != KILLED
        again = self.forker.run(self.hurt, *told, at=at)
        server.release()

        assert spared.done.code in (0, 3), spared.done.err
        assert first.done.code in (KILLED, spared.done.code), first.done.err
        is_known = "was answered before" in again.done.err
        assert is_known or again.done.code == spared.done.code, again.done.err
        if told[0] == "run":
            assert said(again.done.out) == said(spared.done.out)
        return spared.done.facts


@pytest.fixture(scope="module")
def desk_of_three(workspaces: Workspaces) -> Path:
    """Give a workspace with a book that a person executes, one that only halts name, and one on paper."""
    root = workspaces.copy("three", *BUSY, ("positions_max: 15", "positions_max: 9"))
    paper = (root / "config" / "policy.yml").read_text().replace("book: main", "book: paper", 1)
    make_manual(root)
    add_a_book(root)
    (root / "config" / "books" / "paper.yml").write_text(paper)
    return root


@pytest.mark.parametrize("kills", [20, pytest.param(500, marks=pytest.mark.soak)])
def test_kills_at_random_lose_nothing_and_double_nothing(workspaces, forker, desk_of_three, capsys, kills):
    """Days of a desk: two books decide, a person answers, pays in, halts, reconciles; both workspaces end alike."""
    calm, hurt = (workspaces.copy(f"{name}-{kills}", of=desk_of_three) for name in ("calm", "hurt"))
    twins = Twins(forker, calm, hurt, random.Random(SEED))
    days = iter(weekdays(DAY, 100))
    with held(calm):
        while sum(twins.kills.values()) < kills:
            live_a_day(twins, next(days))
        with held(hurt):
            for root in (calm, hurt):
                assert twokey(root, "settle", "--on", str(DAY)).code == 0
            seen = [like(root) for root in (calm, hurt)]

    assert seen[1] == seen[0]
    assert seen[1]["problem"] is None
    assert (
        min(twins.kills[name] for name in ("run", "confirm", "cash", "halt", "import", "reconcile", "settle"))
        >= kills // 40
    )
    with capsys.disabled():
        by_command = ", ".join(f"{count} {name}" for name, count in sorted(twins.kills.items()))
        sys.stdout.write(
            f"\nkilled with -9 at random: {sum(twins.kills.values())} commands (seed {SEED}): {by_command};"
            f" {sum(twins.answers.values())} ended first; nothing lost, nothing twice\n"
        )
    assert twokey(hurt, "replay", f"RUN-{DAY:%Y%m%d}-r1").code == 0
    for root in (calm, hurt):
        workspaces.drop(root)


def live_a_day(twins: Twins, day: date) -> None:
    """Let both books decide, a person answer every line, pay in, halt a book and reconcile, and the paper book settle."""
    at, evening = morning(day), morning(day) + EVENING
    issued = twins.do(lambda root: ("run",), at)
    twins.do(lambda root: paid(f"{day}", 100, day), at)
    twins.do(lambda root: imported(root, day, int(f"{day:%m%d}")), at)
    lines = ticket_of(twins.calm, issued["ticket_id"])["waiting"]
    for start in range(0, len(lines), 3):
        # The answers are the same in both: so are the tickets.
        words = answered(ticket_of(twins.calm, issued["ticket_id"]), lines[start : start + 3])
        twins.do(partial(same, words), evening)
    twins.do(lambda root: ("halt", "--book", "other", f"of {day}"), evening)
    # What a killed answer left unposted stands in no position yet; the broker knows of it.
    twins.do(lambda root: told(root, day, 1, of=twins.calm), evening + timedelta(hours=1))
    twins.do(lambda root: ("run", "--book", "paper", "--on", str(day)), evening)
    (after,) = weekdays(day + ONE_DAY, 1)
    twins.do(lambda root: ("settle", "--book", "paper", "--on", str(after)), morning(after) + EVENING)


def same(words: tuple[str, ...], root: Path) -> tuple[str, ...]:
    """Give the same words for either workspace."""
    return words


def like(root: Path) -> dict[str, Any]:
    """Give what two workspaces have in common: all but how many statements it took, and the steps of tickets.

    A step that was due while an answer was killed is taken by the next that looks at the ticket, or passed over by a later.
    """
    seen = look(root)
    del seen["rows"]["event"], seen["rows"]["ticket_step"]
    return seen
