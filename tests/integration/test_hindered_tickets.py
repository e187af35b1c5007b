"""A trade that is out and not to be executed any more: halted, of a phase taken back, expired; and who shows it says so."""

from __future__ import annotations

import contextlib
import io
import json
import re
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.people import PgPeople
from cli import wiring
from cli.commands import people
from cli.main import main
from core.domain.hindrance import Hindrance
from flows.books import StoreError
from tests.integration.workspaces import (
    DAY,
    ONE_DAY,
    Workspaces,
    by_person,
    desk_of,
    make_manual,
    morning,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True
TICKET = f"TICKET-{DAY:%Y%m%d}"
FIVE_LINES = ("positions_max: 15", "positions_max: 5")
NOON = morning(DAY) + timedelta(hours=4)


@pytest.fixture(scope="module")
def issued(workspaces: Workspaces) -> Path:
    """Give a book at a manual venue whose ticket of five buys waits for a person; the server is stopped."""
    root = workspaces.copy("hindered", FIVE_LINES)
    make_manual(root)
    with the_time_is(morning(DAY)):
        assert twokey(root, "run").facts["hindrances"] == []
    return root


@pytest.fixture
def root(workspaces: Workspaces, issued: Path, request: pytest.FixtureRequest) -> Path:
    """Give each test a copy of its own."""
    return workspaces.copy(re.sub(r"\W+", "-", request.node.name), of=issued)


def words(*arguments: str, at: datetime = NOON) -> tuple[str, str]:
    """Give what a command says to a person at an instant, on stdout and on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with the_time_is(at), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main([*arguments]) == 0, err.getvalue()
    return out.getvalue(), err.getvalue()


def facts(root: Path, *arguments: str, at: datetime = NOON) -> Any:
    """Give what a command says to a program at an instant."""
    with the_time_is(at):
        return twokey(root, *arguments).facts


def next_of(told: str) -> str:
    """Give what a run says is next."""
    return next(line for line in told.splitlines() if line.startswith("Next: "))


def shown(root: Path, *, at: datetime = NOON) -> list[str]:
    """Give the heads that stand above the ticket, the same for who runs again and who shows it."""
    ran, show = (
        facts(root, "run", at=at)["hindrances"],
        facts(root, "ticket", "show", TICKET, at=at).get("hindrances", []),
    )
    assert ran == show
    return [one["why"] for one in ran]


def test_a_halt_reaches_the_ticket_that_is_out(root):
    """Who halts is told of it, and who shows it reads of the halt first, in every form; its own bytes are as they were."""
    before = json.loads((root / "tickets" / f"{TICKET}.json").read_text(encoding="utf-8"))
    with the_time_is(NOON):
        halted = twokey(root, "halt", "broker under attack")
    ran, _ = words("run", "-w", str(root))
    show, _ = words("ticket", "show", "-w", str(root), TICKET)
    forms = {
        form: words("ticket", "show", "-w", str(root), TICKET, "--as", form) for form in ("md", "json", "html", "pdf")
    }

    (told,) = halted.facts["tickets"]
    assert (halted.code, told["ticket_id"], told["waiting"]) == (0, TICKET, [1, 2, 3, 4, 5])
    assert "execute nothing more of it. Confirm what was executed already" in told["words"]
    assert f"twokey confirm {TICKET} --hash {before['short_hash']} -w {root} --by NAME" in told["words"]
    for text in (ran, show, forms["md"][0], (root / "tickets" / f"{TICKET}.md").read_text(encoding="utf-8")):
        assert text.startswith("> **HALTED.** Execute nothing more of this ticket: the whole desk is halted since ")
    assert "(broker under attack)" in show
    assert next_of(ran).startswith("Next: execute nothing more of it (HALTED, see above); `twokey confirm ")
    file = json.loads((root / "tickets" / f"{TICKET}.json").read_text(encoding="utf-8"))
    assert file.pop("hindrances") == json.loads(forms["json"][0])["hindrances"]
    assert file == before
    for form in ("html", "pdf"):
        path, warned = forms[form]
        assert Path(path.strip()).is_file()
        assert warned.startswith("HALTED. Execute nothing more")
    assert "HALTED. Execute nothing more" in Path(forms["html"][0].strip()).read_text(encoding="utf-8")


def test_what_was_done_is_confirmed_under_a_halt_and_then_nothing_is_left(root):
    """Facts are facts; a ticket of which every line is answered says that instead, and a halt names it no more."""
    quoted = facts(root, "ticket", "show", TICKET)["short_hash"]
    facts(root, "halt", "--book", "main", "it smells")
    answers = [word for number in range(1, 6) for word in ("--line", f"{number} not executed: halted")]
    with the_time_is(NOON):
        done = twokey(root, "confirm", TICKET, "--hash", quoted, "--by", "ann", *answers)
    again = facts(root, "halt", "--book", "main", "it still smells")

    assert (done.code, done.facts["kept"]) == (0, 5), done.err
    assert shown(root) == ["answered"]
    assert next_of(words("run", "-w", str(root))[0]) == (
        "Next: nothing to do: every line is answered, and the next slot decides again"
    )
    assert (again["tickets"], again["not_looked"]) == ([], None)


def test_a_halt_that_is_lifted_hinders_no_more(root):
    """The files of the ticket are as they were, byte for byte, once they are written again."""
    files = [root / "tickets" / f"{TICKET}.{form}" for form in ("md", "json")]
    before = [file.read_bytes() for file in files]
    facts(root, "halt", "a smell")
    assert shown(root) == ["halted"]
    assert [file.read_bytes() for file in files] != before

    assert by_person(root, "resume", "--by", "ann", typed="desk\nthe drains\n").code == 0

    assert shown(root) == []
    assert [file.read_bytes() for file in files] == before


def test_a_phase_that_was_taken_back_reaches_the_ticket(root):
    """What it was approved for may not be used any more."""
    advanced = by_person(root, "rollout", "advance", "A", "--by", "ann", "--reason", "too early")

    assert advanced.code == 0, advanced.err
    assert shown(root) == ["phase"]
    ran, _ = words("run", "-w", str(root))
    assert ran.startswith(
        "> **PHASE.** Execute nothing more of this ticket: it was approved for 1 of the capital, and phase A"
    )
    assert next_of(ran).startswith("Next: execute nothing more of it (PHASE, see above); ")


def test_a_policy_that_cannot_be_read_is_no_free_hand(root):
    """Nobody knows what the book may use now; the ticket can be shown all the same."""
    (root / "config" / "policy.yml").write_text("version: 2\n", encoding="utf-8")

    told = facts(root, "ticket", "show", TICKET)

    assert [one["why"] for one in told["hindrances"]] == ["unread"]


def test_a_ticket_whose_window_has_closed_says_so(root):
    """To the microsecond, also where a run names the day, and whatever else hinders it."""
    end = datetime.fromisoformat(facts(root, "ticket", "show", TICKET)["ticket"]["expires_at"])
    in_time = end - timedelta(microseconds=1)

    assert shown(root, at=in_time) == []
    assert shown(root, at=end) == ["expired"]
    late, _ = words("run", "-w", str(root), "--on", str(DAY), at=end + ONE_DAY)
    assert late.startswith("> **EXPIRED.** Execute nothing more of this ticket: its window closed on ")
    assert "inside the window, then" not in next_of(late)
    facts(root, "halt", "a smell", at=end)
    assert shown(root, at=end) == ["halted", "expired"]
    assert facts(root, "halt", "another smell", at=end)["tickets"] == []


def test_a_halt_stands_though_nobody_can_look_what_it_reaches(root, monkeypatch):
    """It is written before anything is looked at; what could not be looked at is said."""
    stood = []

    def broken(*_: Any, **__: Any) -> Any:
        # Another session sees it: it is written and committed.
        with desk_of(root) as desk:
            stood.append([halt.reason for halt in PgPeople(desk.session("reader")).halts("main")])
        raise StoreError("the ticket cannot be read")

    monkeypatch.setattr(people, "open_tickets", broken)
    told, _ = words("halt", "-w", str(root), "a smell")
    again = facts(root, "halt", "a smell")

    assert told.splitlines() == [
        "the whole desk is halted: a smell",
        "could not look which tickets wait (the ticket cannot be read): execute nothing more of any ticket",
    ]
    assert (again["tickets"], again["not_looked"]) == ([], "the ticket cannot be read")
    assert stood == [["a smell"]] * 2
    assert shown(root) == ["halted"]


def test_a_halt_of_the_desk_names_a_ticket_whose_book_has_no_policy_any_more(root):
    """Whoever removed it did not call the ticket back."""
    kept = root / "config/policy.yml"
    kept.rename(root / "config/gone.yml")

    told, _ = words("halt", "-w", str(root), "fire")

    assert f"{TICKET} of book main is out, line 1, 2, 3, 4, 5 without an answer, its window closes on" in told


def test_a_run_published_while_something_hinders_it_keeps_the_hashes_of_its_files_without(root, monkeypatch):
    """What stands above a file comes and goes; the manifest is for good."""
    found = Hindrance("halted", "Execute nothing.", limit="no halt", value="a smell")
    with monkeypatch.context() as patch:
        patch.setattr(wiring, "hindrances_shown", lambda *_, **__: (found,))
        with the_time_is(morning(DAY) + ONE_DAY):
            run = twokey(root, "run").facts
    path = root / run["ticket_path"]
    hindered = path.read_text(encoding="utf-8")
    with the_time_is(morning(DAY) + ONE_DAY):
        twokey(root, "run")
    plain = path.read_text(encoding="utf-8")

    manifest = json.loads((root / "runs" / run["run_id"] / "manifest.json").read_text(encoding="utf-8"))
    assert hindered == f"> **HALTED.** Execute nothing.\n\n{plain}"
    assert manifest["files"][f"tickets/{path.name}"] == sha256(plain.encode()).hexdigest()


def test_what_is_next_names_the_workspace_where_it_was_named(root, monkeypatch):
    """What was typed must be typed again; the environment holds for the next command too."""
    monkeypatch.setenv("TWOKEY_WORKSPACE", str(root))
    by_environment, _ = words("run")
    typed, _ = words("run", "-w", str(root))
    quoted = facts(root, "ticket", "show", TICKET)["short_hash"]

    assert (
        next_of(by_environment)
        == f"Next: execute it inside the window, then `twokey confirm {TICKET} --hash {quoted} ...`"
    )
    assert next_of(typed) == (
        f"Next: execute it inside the window, then `twokey confirm {TICKET} --hash {quoted} -w {root} ...`"
    )


def test_resuming_where_nothing_is_to_be_lifted_says_so_before_anything_is_typed(root):
    """A book under a halt of the desk is not free, nor the desk while a book is halted; nobody is asked for a word."""

    def refused(*scope: str) -> str:
        done = by_person(root, "resume", *scope, "--by", "ann", typed="main\nwhy\n")
        assert (done.code, done.out, "Type the name" in done.err) == (2, "", False)
        return done.err

    free = refused("--book", "main"), refused()
    facts(root, "halt", "rain")
    under = refused("--book", "main")
    by_person(root, "resume", "--by", "ann", typed="desk\ndry\n")
    facts(root, "halt", "--book", "main", "it fell")
    over = refused()

    assert (
        refused("--book", "mian")
        == "twokey: there is no book mian; there are main, and * for all; nothing was lifted\n"
    )
    assert free == (
        "twokey: main has no halt, and nothing else halts it; nothing was lifted\n",
        "twokey: the desk has no halt, and nothing else halts any book; nothing was lifted\n",
    )
    assert under.startswith("twokey: main has no halt of its own; the whole desk is halted since ")
    assert under.endswith(f" (rain): `twokey resume -w {root} --by NAME`; nothing was lifted\n")
    assert over.startswith("twokey: the desk has no halt of its own; book main is halted since ")
    assert over.endswith(f" (it fell): `twokey resume -w {root} --book main --by NAME`; nothing was lifted\n")
