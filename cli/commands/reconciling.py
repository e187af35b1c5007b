"""`reconcile`: the books of an account beside what the venue or a file says of it, and the value at our own closes."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.clock import SystemClock
from adapters.files.workspace import Workspace
from cli.main import UsageError
from cli.output import emit, table
from cli.terminal import ask, is_terminal
from cli.wiring import Desk
from core.canonical import instant_text, plain_decimal
from core.domain.booked import unallocated_of
from core.domain.venue import SnapshotFile
from core.ledger.reconcile import Compared
from core.ledger.snapshot_text import BYTES_MAX, SnapshotError, parse_snapshot, snapshot_csv
from core.money import to_pence
from core.settings import Policy
from core.settings_text import parse_desk
from flows import reconcile as reconciling
from flows.booking import VENUE
from flows.reconcile import Reconciled, SnapshotRefused
from flows.settle import SettleDoors
from flows.setup import BookSetup

# Where a row stands in the file that is being made says nothing to who types it.
PLACE = re.compile(r"^line [0-9]+(, |: )")
ENDED = "the input ended; nothing was kept"
HEAD = ("what", "our books", "venue", "difference", "our mark", "of", "at our mark", "at its price", "difference", "in")


def reconcile(arguments: argparse.Namespace) -> int:
    """Compare an account with a file, what is typed, or the newest snapshot kept; exit 1 when there is a break."""
    clock = SystemClock()
    with Desk(Workspace(arguments.workspace)) as desk:
        books = desk.account(arguments.book) if arguments.account is None else _books_of(arguments.account, desk)
        policy, doors = books[0].policy, desk.settle_doors(desk.clean)
        try:
            file = _file(arguments.snapshot, policy, doors, now=clock.now())
            if file is None:
                done = reconciling.reconcile(books, doors)
            else:
                done = reconciling.take_snapshot(file, books, doors, now=clock.now())
        except (SnapshotError, SnapshotRefused) as error:
            raise UsageError(f"{error}\nnothing was kept") from error
        if done is None:
            words = "" if policy.execution.venue == "paper" else "; give one with --snapshot FILE (docs/RECONCILING.md)"
            raise UsageError(f"{policy.execution.venue} gave no snapshot of book {policy.book} yet{words}")
        desk.heads.keep(desk.chain.head())
    emit(arguments, _facts(done, policy), _words(done))
    return 1 if done.comparison.breaks else 0


def _books_of(account: str, desk: Desk) -> tuple[BookSetup, ...]:
    """Give the books of an account, at a venue that people execute at before those on paper.

    Where there is none but what was booked to the part that is in no book, that part stands for the account, under the rules
    of the policy of `main`.
    """
    setups = [desk.configuration(name).setup for name in desk.workspace.books()]
    mine = [one for one in setups if one.policy.account == account]
    if executed := [one for one in mine if one.policy.execution.venue == VENUE]:
        return desk.account(executed[0].policy.book)
    apart = unallocated_of(account)
    if mine and not desk.journal.entries(apart, VENUE):
        return desk.account(mine[0].policy.book)
    whole = parse_desk(desk.workspace.text(desk.workspace.config / "desk.yml"), "config/desk.yml")
    found = next((one for one in whole.accounts if one.name == account), None)
    if found is None:
        known = ", ".join(one.name for one in whole.accounts)
        raise UsageError(f"{account} is no account of config/desk.yml; there are {known}")
    execution = setups[0].policy.execution.model_copy(update={"venue": VENUE})
    named = {"book": apart, "account": account, "base_currency": found.currency, "execution": execution}
    return (replace(setups[0], policy=setups[0].policy.model_copy(update=named)),)


def _file(source: str | None, policy: Policy, doors: SettleDoors, *, now: datetime) -> SnapshotFile | None:
    """Read the snapshot file that is meant, or give None where the newest kept is."""
    if source is None:
        if policy.execution.venue == "paper" or not is_terminal():
            return None
        found = doors.venue.last_snapshot(policy.book, policy.execution.venue)
        again = (
            f"A snapshot of {found[1].session} is kept. Enter compares with it again, new takes another: "
            if found
            else ""
        )
        return None if found and ask(again) != "new" else _typed(policy, now)
    if source == "-" and is_terminal():
        return _typed(policy, now)
    try:
        if source == "-":
            return parse_snapshot(sys.stdin.buffer.read(BYTES_MAX + 1))
        with Path(source).open("rb") as opened:
            return parse_snapshot(opened.read(BYTES_MAX + 1))
    except OSError as error:
        raise UsageError(f"{source} could not be read: {error.strerror}") from error


# --- typed ------------------------------------------------------------------------------------------------------------


def _typed(policy: Policy, now: datetime) -> SnapshotFile:
    """Ask for everything that the account holds, a line each, and for a last yes; what is typed becomes a file."""
    print(f"What does {policy.account} hold? What you leave out is not there. Decimals with a point.", file=sys.stderr)
    none = ["cash", "", "0", "", policy.base_currency, ""]
    as_of = ""
    while not as_of:
        typed = _asked("When did you look (YYYY-MM-DDTHH:MM:SSZ; Enter: now)? ") or instant_text(now)
        as_of = typed if _is_right(policy, typed, [none]) else ""
    rows: list[list[str]] = []
    while line := _asked("Position: SYMBOL UNITS [PRICE CURRENCY [BROKER_ID]] (Enter: no more): "):
        words = line.split()
        row = ["position", *words, *[""] * (5 - len(words))]
        rows += [row] if _is_right(policy, as_of, [row, none]) else []
    cash: list[list[str]] = []
    while (line := _asked("Cash: CURRENCY AMOUNT (Enter: no more): ")) or not cash:
        currency, _, amount = line.partition(" ")
        row = ["cash", "", amount.strip(), "", currency, ""]
        cash += [row] if _is_right(policy, as_of, [*cash, row]) else []
    if (
        _asked(f"{len(rows)} positions and cash in {len(cash)} currencies. Type yes if that is all and right: ")
        != "yes"
    ):
        raise UsageError("it was not said to be right; nothing was kept")
    return parse_snapshot(snapshot_csv(policy.account, as_of, [*rows, *cash]).encode())


def _asked(question: str) -> str:
    answer = ask(question)
    if answer is None:
        raise UsageError(ENDED)
    return answer


def _is_right(policy: Policy, as_of: str, rows: Sequence[Sequence[str]]) -> bool:
    """Say whether rows can be read, and tell what is wrong with them if not."""
    try:
        parse_snapshot(snapshot_csv(policy.account, as_of, rows).encode())
    except SnapshotError as error:
        print("\n".join(PLACE.sub("", words) for words in error.problems), file=sys.stderr)
        return False
    return True


# --- shown ------------------------------------------------------------------------------------------------------------


def _facts(done: Reconciled, policy: Policy) -> dict[str, Any]:
    file = done.snapshot.file
    return {
        "account": policy.account,
        "book": policy.book,
        "books": done.books,
        "venue": policy.execution.venue,
        "session": done.snapshot.session,
        "as_of": file.as_of if file else None,
        "evidence": file.sha256 if file else None,
        "marks": done.marks,
        "lines": [
            {
                "what": line.subject,
                "is_cash": line.is_cash,
                "ours": line.ours,
                "theirs": line.theirs,
                "difference": line.difference,
                "currency": line.currency,
                "mark": line.mark.price if line.mark else None,
                "mark_session": line.mark.session if line.mark else None,
                "ours_value": line.ours_value,
                "theirs_value": line.theirs_value,
                "value_difference": line.value_difference,
            }
            for line in done.comparison.lines
        ],
        "breaks": [str(item) for item in done.comparison.breaks],
    }


def _words(done: Reconciled) -> str:
    file, breaks = done.snapshot.file, done.comparison.breaks
    of = (
        f"the file {file.sha256[:12]} of {instant_text(file.as_of)}"
        if file
        else f"the snapshot of {done.snapshot.session}"
    )
    shown = table(HEAD, [_row(line) for line in done.comparison.lines])
    if not breaks:
        return f"{shown}\nno break against {of}"
    told = "\n".join(str(item) for item in breaks)
    count = f"{len(breaks)} breaks" if len(breaks) > 1 else "1 break"
    return (
        f"{shown}\n{told}\n{count} against {of}. No trade ticket until each is explained and reconciled again;"
        " docs/RECONCILING.md says how"
    )


def _row(line: Compared) -> tuple[str, ...]:
    return (
        f"cash {line.subject}" if line.is_cash else line.subject,
        plain_decimal(line.ours),
        plain_decimal(line.theirs),
        plain_decimal(line.difference),
        plain_decimal(line.mark.price) if line.mark else "-",
        str(line.mark.session) if line.mark else "-",
        _money(line.ours_value),
        _money(line.theirs_value),
        _money(line.value_difference),
        line.currency or "-",
    )


def _money(amount: Decimal | None) -> str:
    return "-" if amount is None else str(to_pence(amount))
