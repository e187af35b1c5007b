"""Reconciling with a file end to end: what a person says the broker holds opens the gate or closes it, and is kept for good."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.integration.workspaces import (
    DAY,
    ROOT,
    Done,
    Terminal,
    Workspaces,
    as_program,
    change_policy,
    counts,
    desk_of,
    filled,
    make_manual,
    morning,
    superuser,
    the_time_is,
    twokey,
    weekdays,
)
from tests.servers.playing import Five

KEEPS_SERVERS = True
TICKET = f"TICKET-{DAY:%Y%m%d}"
EVENING = morning(DAY) + timedelta(hours=14)
DAYS = weekdays(DAY, 12)
Rows = list[list[str]]


@pytest.fixture(scope="module")
def issued(workspaces: Workspaces) -> Path:
    """Give a manual book with a ticket of five buys, four of them filled, the last one not answered."""
    root = workspaces.copy("files", ("positions_max: 15", "positions_max: 5"))
    make_manual(root)
    with the_time_is(morning(DAY)):
        assert twokey(root, "run").facts["kind"] == "TRADE"
    assert answer(root, *(filled_line(root, number) for number in (1, 2, 3, 4))).code == 0
    return root


@pytest.fixture
def root(workspaces: Workspaces, issued: Path, request: pytest.FixtureRequest) -> Path:
    """Give each test a copy of its own."""
    return workspaces.copy(re.sub(r"\W+", "-", request.node.name), of=issued)


@pytest.fixture
def done(root: Path) -> Path:
    """Give a copy whose last line is answered too: it was not executed."""
    assert answer(root, "5 not executed: closed").code == 0
    return root


def answer(root: Path, *answers: str) -> Done:
    """Answer lines of the ticket in the evening."""
    words = [word for text in answers for word in ("--line", text)]
    quoted = twokey(root, "ticket", "show", TICKET).facts["short_hash"]
    with the_time_is(morning(DAY) + timedelta(hours=11)):
        return twokey(root, "confirm", TICKET, "--hash", quoted, "--by", "ann", *words)


def filled_line(root: Path, number: int) -> str:
    """Say that a line was filled at the decision price."""
    return filled(twokey(root, "ticket", "show", TICKET).facts["ticket"]["lines"][number - 1])


def held(root: Path) -> Rows:
    """Give the rows of a file that says what our books hold."""
    facts = twokey(root, "positions", "--on", str(DAY)).facts
    units = [["position", row["instrument"], row["quantity"], "", "", ""] for row in facts["positions"]]
    return [*units, ["cash", "", facts["cash"], "", "GBP", ""]]


def text_of(rows: Rows, at: datetime = EVENING, account: str = "etoro") -> str:
    """Give a file's text."""
    table = [["kind", "instrument", "quantity", "price", "currency", "broker_id"], *rows]
    return f"# account: {account}\n# as_of: {at.isoformat()}\n" + "".join(",".join(row) + "\n" for row in table)


def reconcile(root: Path, text: str, *, now: datetime | None = None, which: tuple[str, ...] = ()) -> Done:
    """Reconcile with a file of this text, an hour after the evening unless it is another time."""
    path = root / "told.csv"
    path.write_bytes(text.encode())
    with the_time_is(now or EVENING + timedelta(hours=1)):
        return twokey(root, "reconcile", *which, "--snapshot", str(path))


def run(root: Path, day: Any) -> Done:
    """Decide the slot of a day on its morning."""
    with the_time_is(morning(day)):
        return twokey(root, "run")


def program(words: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, with a text on its standard input."""
    return subprocess.run(words, cwd=ROOT, input=given, capture_output=True, text=True, check=False)


def rows_of(root: Path) -> dict[str, int]:
    """Count the rows of every table."""
    with desk_of(root) as desk:
        return counts(desk.session("reader"))


def state(root: Path, book: str = "main") -> tuple[Any, tuple[str, ...]]:
    """Give what the gate looks at: the day compared and the breaks."""
    with desk_of(root) as desk:
        found = desk.journal.reconciliation(book, "manual")
    return found.last_session, found.breaks


# --- agreeing ---------------------------------------------------------------------------------------------------------


def test_books_that_agree_with_the_file_open_the_gate(done):
    """Exit 0, three columns, the file's bytes kept with their hash under the chain; the same file again adds nothing."""
    closed = run(done, DAYS[1])
    text = text_of(held(done))

    compared = reconcile(done, text)
    before = rows_of(done)
    again = reconcile(done, text)

    with desk_of(done) as desk:
        kept = desk.session("reader").one("SELECT account, session, evidence, body FROM account_snapshot")
        stored = desk.session("reader").one("SELECT ledger_head, marks FROM reconciliation")
        problem, current = desk.chain.verify(desk.heads.kept()).problem, desk.clean.current()
    assert [words.partition(";")[0] for words in closed.facts["reasons"]] == ["reconciliation: never reconciled"]
    assert (compared.code, compared.facts["breaks"], compared.facts["books"]) == (0, [], ["main"]), compared.err
    digest = sha256(text.encode()).hexdigest()
    assert kept is not None
    assert (kept["account"], kept["session"], kept["evidence"]) == ("etoro", DAY, digest)
    assert json.loads(kept["body"])["file"]["text"] == text
    assert stored is not None
    assert (stored["marks"], compared.facts["evidence"], problem) == (current, digest, None)
    assert (again.facts, rows_of(done)) == (compared.facts, before)
    assert run(done, DAYS[2]).facts["kind"] in ("TRADE", "HOLD")


def test_the_three_columns_stand_side_by_side(done):
    """Our units at our close, and the venue's at its own price, to the last digit."""
    rows = held(done)
    marks = {line["what"]: line["mark"] for line in reconcile(done, text_of(rows)).facts["lines"]}
    name, units = rows[0][1], Decimal(rows[0][2])
    price = Decimal(marks[name]) + 1
    rows[0][3:5] = [str(price), "USD"]

    later = EVENING + timedelta(minutes=1)
    line = next(one for one in reconcile(done, text_of(rows, later)).facts["lines"] if one["what"] == name)

    worth = {key: Decimal(line[key]) for key in ("ours_value", "theirs_value", "value_difference", "difference")}
    assert worth == {
        "ours_value": units * Decimal(marks[name]),
        "theirs_value": units * price,
        "value_difference": units,
        "difference": Decimal(0),
    }
    assert line["mark_session"] == str(DAY)
    with desk_of(done) as desk:
        panel = desk.clean.panel(desk.clean.current() or "", first=DAY, last=DAY)
    close = panel.close[0, panel.instruments.index(name)]
    assert abs(Decimal(line["mark"]) - Decimal(repr(float(close)))) <= Decimal("0.00005")


def test_people_read_a_table_and_what_is_next(done):
    """As a program, without JSON: a line each, then the breaks, and where it is said what they mean."""
    planted, words = plants(held(done))["unknown position"]
    assert reconcile(done, text_of(planted)).code == 1

    arguments = [word for word in as_program(done, "reconcile") if word != "--json"]
    shown = program(arguments)

    lines = shown.stdout.splitlines()
    assert re.split(r"  +", lines[0]) == [
        *("what", "our books", "venue", "difference", "our mark", "of"),
        *("at our mark", "at its price", "difference", "in"),
    ]
    assert re.split(r"  +", lines[4]) == ["ELSE", "0", "2", "2", "-", "-", "-", "-", "-", "-"]
    assert (shown.returncode, lines[-2]) == (1, words)
    digest = sha256(text_of(planted).encode()).hexdigest()[:12]
    assert lines[-1] == (
        f"1 break against the file {digest} of 2024-02-06T22:00:00.000000Z. No trade ticket until each is explained and"
        " reconciled again; docs/RECONCILING.md says how"
    )


def test_a_later_fill_is_no_break_with_an_older_snapshot(done):
    """What happened on days after the snapshot's does not count against it."""
    text = text_of(held(done))
    assert reconcile(done, text).code == 0
    with the_time_is(morning(DAYS[1])):
        assert twokey(done, "cash", "deposit", "50", "--key", "later", "--by", "p").code == 0

    assert reconcile(done, text).facts["breaks"] == []


# --- breaks -----------------------------------------------------------------------------------------------------------


def plants(rows: Rows) -> dict[str, tuple[Rows, str]]:
    """Give for each kind of break a file's rows that hold it, and the words of it."""
    first, second, *others = rows
    name, units = first[1], first[2]
    more = str(Decimal(units) + Decimal("0.0001"))
    cash = rows[-1][2]
    return {
        "quantity": (
            [["position", name, more, "", "", ""], *rows[1:]],
            f"quantity {name}: our books hold {units}, the venue says {more}",
        ),
        "missing position": (rows[1:], f"missing position {name}: our books hold {units}, the venue says 0"),
        "unknown position": (
            [*rows, ["position", "ELSE", "2", "", "", ""]],
            "unknown position ELSE: our books hold 0, the venue says 2",
        ),
        "price": ([["position", name, units, "0.01", "USD", ""], *rows[1:]], f"price {name}: our mark is "),
        "currency": (
            [["position", name, units, "0.01", "EUR", ""], *rows[1:]],
            f"currency {name}: our universe says USD, the venue says EUR",
        ),
        "duplicate broker id": (
            [[*first[:5], "7"], [*second[:5], "7"], *others],
            "duplicate broker id 7: one row at most may bear it, it stands on line 4, line 5",
        ),
        "cash": (
            [*rows[:-1], ["cash", "", str(Decimal(cash) - 25), "", "GBP", ""]],
            f"cash GBP: our books hold {cash}, the venue says {Decimal(cash) - 25}",
        ),
    }


def test_each_break_closes_the_gate_with_its_words_until_it_is_explained(done):
    """One a day: exit 1, and NO-TRADE in the next slot with exactly those words; the missing fact opens it again."""
    rows = held(done)
    told = {}
    for day, (kind, (planted, words)) in zip(DAYS, plants(rows).items(), strict=False):
        at = morning(day) + timedelta(hours=14)
        compared = reconcile(done, text_of(planted, at), now=at)
        stopped = run(done, DAYS[DAYS.index(day) + 1])
        told[kind] = compared.facts["breaks"]
        assert (compared.code, len(told[kind]), told[kind][0][: len(words)]) == (1, 1, words), compared.out
        assert (stopped.code, stopped.facts["reasons"]) == (3, [f"reconciliation: {told[kind][0]}"])
    last = DAYS[len(told) - 1]

    with the_time_is(morning(last) + timedelta(hours=15)):
        paid = twokey(done, "cash", "withdraw", "25", "--key", "out", "--by", "p", "--note", "seen on the statement")
        still = twokey(done, "ticket", "list").code, state(done)
        proved = twokey(done, "reconcile")

    assert list(told)[-1] == "cash"
    assert (paid.code, still[1]) == (0, (last, tuple(told["cash"])))
    assert (proved.code, proved.facts["breaks"], proved.facts["session"]) == (0, [], str(last))
    assert run(done, DAYS[len(told) + 1]).facts["kind"] in ("TRADE", "HOLD")


def test_a_fill_that_nobody_confirmed_is_an_unknown_position_until_somebody_does(root):
    """The fact is booked, the same snapshot is compared again, and the gate opens; no number was changed."""
    line = twokey(root, "ticket", "show", TICKET).facts["ticket"]["lines"][4]
    rows, price = held(root), Decimal(line["decision_price"])
    fx = Decimal(twokey(root, "ticket", "show", TICKET).facts["ticket"]["fx_rate"])
    cash = Decimal(rows[-1][2]) - (Decimal(line["quantity"]) * price / fx).quantize(Decimal("0.01"))
    text = text_of(
        [
            *rows[:-1],
            ["position", line["instrument"], line["quantity"], "", "", ""],
            ["cash", "", str(cash), "", "GBP", ""],
        ]
    )

    compared = reconcile(root, text)
    stopped = run(root, DAYS[1])
    assert answer(root, filled_line(root, 5)).code == 0
    proved = twokey(root, "reconcile")

    assert [words.partition(":")[0] for words in compared.facts["breaks"]] == [
        f"unknown position {line['instrument']}",
        "cash GBP",
    ]
    reasons = [words for words in stopped.facts["reasons"][1:] if words.startswith("reconciliation: ")]
    assert reasons == [f"reconciliation: {words}" for words in compared.facts["breaks"]]
    assert (proved.code, proved.facts["breaks"]) == (0, []), proved.out
    assert run(root, DAYS[2]).facts["kind"] in ("TRADE", "HOLD")


def test_a_comparison_with_other_tolerances_or_marks_is_kept_anew(done):
    """A break that was one of a price goes, and comes back, with the same snapshot and the same entries."""
    planted, words = plants(held(done))["price"]

    states = []
    for change in (None, ("price_tolerance_bps: 500", "price_tolerance_bps: 10000"), ("bps: 10000", "bps: 500")):
        change_policy(done, *([change] if change else []))
        reconcile(done, text_of(planted))
        states.append([one[: len(words)] for one in state(done)[1]])

    assert states == [[words], [], [words]]


def test_books_of_one_account_are_compared_together(done):
    """By either book or the account: what is over belongs to none; a fact in one book opens the gate of both."""
    policy = (done / "config" / "policy.yml").read_text(encoding="utf-8")
    side = done / "config" / "books" / "side.yml"
    side.parent.mkdir(exist_ok=True)
    side.write_text(policy.replace("book: main", "book: side"), encoding="utf-8")
    paid = twokey(done, "cash", "deposit", "70", "--key", "side", "--by", "p", "--on", str(DAY), "--book", "side")
    rows = held(done)
    both = str(Decimal(rows[-1][2]) + 70)

    alone = reconcile(done, text_of(rows))
    agreed = reconcile(
        done,
        text_of([*rows[:-1], ["cash", "", both, "", "GBP", ""]], EVENING + timedelta(minutes=1)),
        which=("--book", "side"),
    )
    equal = state(done), state(done, "side")
    more = str(Decimal(both) + 5)
    over = reconcile(
        done,
        text_of([*rows[:-1], ["cash", "", more, "", "GBP", ""]], EVENING + timedelta(minutes=2)),
        which=("--account", "etoro"),
    )
    closed = state(done), state(done, "side")
    twokey(done, "cash", "deposit", "5", "--key", "five", "--by", "p", "--on", str(DAY), "--book", "side")
    explained = twokey(done, "reconcile")

    assert paid.code == 0, paid.err
    assert alone.facts["breaks"] == [f"cash GBP: our books hold {both}, the venue says {rows[-1][2]}"]
    assert (agreed.code, agreed.facts["books"]) == (0, ["side", "main"])
    assert equal == ((DAY, ()), (DAY, ()))
    words = f"unallocated GBP: the books of the account hold {both} together, the venue says {more}"
    assert (over.code, over.facts["breaks"], closed) == (1, [words], ((DAY, (words,)), (DAY, (words,))))
    assert (explained.code, state(done), state(done, "side")) == (0, (DAY, ()), (DAY, ()))


# --- refused ----------------------------------------------------------------------------------------------------------


def test_what_does_not_belong_is_refused_and_nothing_is_kept(done):
    """Another account, the future, an older one, other bytes of the same instant, an ancient one, and files that are none."""
    rows = held(done)
    assert reconcile(done, text_of(rows)).code == 0
    before = rows_of(done)

    refused = {
        "the file is of account other; these are the books of account etoro": text_of(
            rows, EVENING + timedelta(minutes=1), "other"
        ),
        "which is to come; it is 2024-02-06T23:00:00.000000Z now": text_of(rows, EVENING + timedelta(hours=2)),
        "another snapshot of 2024-02-06T22:00:00.000000Z is kept already": text_of(
            rows, EVENING - timedelta(seconds=1)
        ),
        "Look at the account again, and write when you did": text_of(rows[1:]),
        "the calendar of the workspace begins on 1998-01-01": text_of(rows, EVENING.replace(year=1990)),
        "line 4, column quantity: was 'x'; write plain digits with a point, as 12.34": text_of(
            [["position", "AAPL", "x", "", "", ""], *rows]
        ),
    }
    told = {words: reconcile(done, text) for words, text in refused.items()}
    absent = twokey(done, "reconcile", "--snapshot", str(done / "nothing.csv"))
    nobody = twokey(done, "reconcile", "--account", "other")

    for words, result in told.items():
        assert (result.code, result.out, words in result.err) == (2, "", True), result.err
        assert result.err.endswith("nothing was kept\n")
    assert (absent.code, "nothing.csv could not be read: No such file or directory" in absent.err) == (2, True)
    assert (nobody.code, "other is no account of config/desk.yml" in nobody.err) == (2, True)
    assert rows_of(done) == before


def test_a_paper_book_takes_no_file(workspaces):
    """Its venue says itself what it holds."""
    root = workspaces.copy("paper-file")
    before = rows_of(root)

    refused = reconcile(root, text_of([["cash", "", "1", "", "GBP", ""]]))

    assert (refused.code, "is at the paper venue, which says itself what it holds" in refused.err) == (2, True)
    assert rows_of(root) == before


# --- typed and piped --------------------------------------------------------------------------------------------------


def typed(root: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Done:
    """Reconcile with what is typed at a terminal, in the evening."""
    monkeypatch.setattr(sys, "stdin", Terminal("".join(line + "\n" for line in lines)))
    with the_time_is(EVENING):
        return twokey(root, "reconcile", *arguments)


def test_what_is_typed_becomes_a_file(done, monkeypatch):
    """A wrong line is told and asked again; what was typed is kept as a file like any other, and compared again later."""
    rows = held(done)
    units = [" ".join(row[1:3]) for row in rows[:-1]]
    lines = ["yesterday", "", "AAPL many", *units, "", "POUNDS 1", f"GBP {rows[-1][2]}", "", "yes"]

    compared = typed(done, lines, monkeypatch)
    again = typed(done, [""], monkeypatch)
    newer = typed(done, ["new", "", "", "GBP 1", "", "no"], monkeypatch)

    assert (compared.code, compared.facts["breaks"], compared.facts["as_of"]) == (0, [], "2024-02-06T22:00:00.000000Z")
    assert "as_of was 'yesterday'; write YYYY-MM-DDTHH:MM:SSZ" in compared.err
    assert "column quantity: was 'many'; write plain digits with a point, as 12.34" in compared.err
    assert "column currency: was 'POUNDS'; write a code of three capital letters, as USD" in compared.err
    assert again.facts == compared.facts
    assert (newer.code, "it was not said to be right; nothing was kept" in newer.err) == (2, True)


def test_an_input_that_ends_keeps_nothing(done, monkeypatch):
    """At any question."""
    before = rows_of(done)

    ended = [
        typed(done, lines, monkeypatch, "--snapshot", "-") for lines in ([], [""], ["", ""], ["", "", "GBP 1", ""])
    ]

    assert [(one.code, "the input ended; nothing was kept" in one.err) for one in ended] == [(2, True)] * 4
    assert rows_of(done) == before


def test_a_program_may_give_the_file_on_its_standard_input(done):
    """As a program: JSON through a pipe."""
    rows = held(done)
    told = {
        "account": "etoro",
        "as_of": EVENING.isoformat(),
        "positions": [{"instrument": row[1], "quantity": row[2]} for row in rows[:-1]],
        "cash": [{"currency": "GBP", "quantity": rows[-1][2]}],
    }

    piped = program(as_program(done, "reconcile", "--snapshot", "-"), json.dumps(told))

    assert (piped.returncode, json.loads(piped.stdout)["breaks"]) == (0, []), piped.stderr


def test_a_file_that_was_kept_and_not_compared_closes_the_gate(done):
    """Cut short between the two: the gate says so, and the same file again brings it to its end."""
    text = text_of(held(done))
    assert reconcile(done, text).code == 0
    later = text_of(held(done), EVENING + timedelta(minutes=5))
    with superuser(done) as connection:
        refuse = "BEGIN RAISE EXCEPTION 'the disk is full'; END"
        connection.execute(f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$")
        connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON reconciliation EXECUTE FUNCTION refuse()")

    failed = reconcile(done, later)
    stopped = run(done, DAYS[1])
    with superuser(done) as connection:
        connection.execute("DROP FUNCTION refuse CASCADE")
    ended = reconcile(done, later)

    words = f"the snapshot file of {DAY} was not compared; run `twokey reconcile`"
    assert (failed.code, "the disk is full" in failed.err) == (1, True)
    assert (stopped.code, stopped.facts["reasons"]) == (3, [f"reconciliation: {words}"])
    assert (ended.code, state(done)) == (0, (DAY, ()))
    assert run(done, DAYS[2]).facts["kind"] in ("TRADE", "HOLD")


def test_an_assistant_gets_the_same_answer(done):
    """The tool compares with the newest file kept, and tells lines and breaks as the command does; it can give none."""
    planted, _ = plants(held(done))["unknown position"]
    told = reconcile(done, text_of(planted)).facts

    with Five(done) as five:
        answer_of_tool = five("ledger.reconcile", book="main")

    assert answer_of_tool["breaks"] == told["breaks"]
    same = ("account", "books", "session", "as_of", "evidence")
    assert {name: answer_of_tool[name] for name in same} == {name: told[name] for name in same}
    columns = ("ours", "theirs", "currency", "mark", "mark_session", "ours_value", "theirs_value")
    assert [[line[name] for name in columns] for line in answer_of_tool["lines"]] == [
        [line[name] for name in columns] for line in told["lines"]
    ]


def test_a_changed_file_is_seen(done):
    """Whoever changes the text behind the triggers is told of, by the next comparison and by the chain."""

    assert reconcile(done, text_of(held(done))).code == 0
    with superuser(done) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE account_snapshot SET body = replace(body, 'account: etoro', 'account: other')")

    compared, verified = twokey(done, "reconcile"), twokey(done, "audit", "verify")

    assert (compared.code, "its file does not have the hash that it was kept with" in compared.err) == (1, True)
    assert verified.code == 1
