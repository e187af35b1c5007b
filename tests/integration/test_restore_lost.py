"""What is left of what a restore gave up: files of lost tickets say so and stand aside, and every loss stays named."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Done,
    Terminal,
    Workspaces,
    desk_of,
    morning,
    the_time_is,
    twokey,
)

NEXT = DAY + ONE_DAY


def give_up(root: Path, monkeypatch: pytest.MonkeyPatch, reason: str) -> Done:
    """Restore the newest backup as a person who gives up what came after it."""
    with desk_of(root) as desk:
        desk.make_database_anew()
        standing = desk.backup_doors.dumps.head()
        newest = max([standing.seq if standing else 0, *(head.seq for head in desk.heads.kept())])
        lost = newest - desk.backups.shelved().good[-1].content.head.seq
    typed = "".join(f"{line}\n" for line in (root.name, f"lose {lost} events", reason))
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    return twokey(root, "restore", "--latest", "--by", "ann")


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace with a decided day, a backup of it, and a second decided day."""
    root = workspaces.copy("losing", *BUSY)
    first = twokey(root, "run", "--on", str(DAY))
    assert (first.code, twokey(root, "backup").code) == (0, 0), first.err
    second = twokey(root, "run", "--on", str(NEXT))
    assert (second.code, second.facts["kind"]) == (0, "TRADE"), second.err
    return root


def test_the_files_of_a_lost_ticket_stand_aside_and_say_so(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """Ticket, page, trades, signals and manifest; the day before stays, is the latest again, and the books are as restored."""
    struck = workspaces.copy("ghosts", of=root)
    twokey(struck, "settle", "--on", str(NEXT + ONE_DAY))
    ticket = f"TICKET-{NEXT:%Y%m%d}"
    page = Path(twokey(struck, "ticket", "show", ticket, "--as", "html").facts["path"])
    kept = {path: path.read_bytes() for path in (struck / "tickets").glob(f"TICKET-{DAY:%Y%m%d}*")}
    before = (struck / "portfolio.json").read_text()
    moved = [f"tickets/{ticket}.md", f"tickets/{ticket}.json", f"tickets/{page.name}", f"trades/approved_{NEXT}.json"]
    moved += [f"trades/proposed_{NEXT}.json", f"signals/{NEXT}.csv", "signals/latest.csv"]
    moved += [f"runs/RUN-{NEXT:%Y%m%d}-r1/manifest.json"]

    restored = give_up(struck, monkeypatch, "the disk died")

    assert restored.code == 0, restored.err
    assert restored.facts["lost_tickets"] == [ticket]
    assert sorted(restored.facts["moved_aside"]) == sorted(moved)
    folder = struck / restored.facts["moved_to"]
    there = [name for name in moved if (struck / name).exists()]
    assert there == ["signals/latest.csv"]
    assert (folder / moved[0]).read_text().startswith("> **LOST.** It was lost in the restore of ")
    assert "ann: the disk died. Do not execute anything of it." in (folder / moved[0]).read_text()
    assert all("ann: the disk died" in json.loads((folder / name).read_text())["lost"] for name in (moved[1], moved[3]))
    assert {path: path.read_bytes() for path in kept} == kept
    assert (struck / "signals/latest.csv").read_bytes() == (struck / f"signals/{DAY}.csv").read_bytes()
    portfolio = (struck / "portfolio.json").read_text()
    assert portfolio != before
    assert twokey(struck, "audit", "verify").code == 0
    again = twokey(struck, "run", "--on", str(NEXT))
    assert (again.code, (struck / f"tickets/{ticket}.md").exists()) == (0, True)


def test_a_restore_that_loses_nothing_moves_nothing(workspaces: Workspaces, root: Path):
    """The newest backup, the database gone: every file stays, also a person's copy, and a folder where none belongs."""
    whole = workspaces.copy("whole", of=root)
    assert twokey(whole, "backup").code == 0
    copy = whole / f"tickets/TICKET-{DAY:%Y%m%d} copy.json"
    shutil.copy(whole / f"tickets/TICKET-{DAY:%Y%m%d}.json", copy)
    before = {path: path.read_bytes() for path in (whole / "tickets").iterdir()}
    (whole / "tickets/TICKET-20240101.md").mkdir()
    shutil.rmtree(whole / "pg")

    restored = twokey(whole, "restore", "--latest")

    assert (restored.code, restored.facts["lost_tickets"], restored.facts["moved_to"]) == (0, [], None), restored.err
    assert {path: path.read_bytes() for path in (whole / "tickets").iterdir() if path.is_file()} == before
    assert not (whole / "lost").exists()


def test_a_lost_file_that_cannot_be_moved_is_told_and_the_restore_ends_with_1(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """It may still be executed by somebody: the rest is put right, and nobody takes the end for a good one."""
    struck = workspaces.copy("stuck", of=root)
    (struck / "lost").write_text("a file where the folder should be", encoding="utf-8")

    restored = give_up(struck, monkeypatch, "the disk died")

    assert (restored.code, restored.facts["problem"]) == (1, None), restored.err
    assert f"tickets/TICKET-{NEXT:%Y%m%d}.md is lost and could not be moved aside" in " ".join(
        restored.facts["files_left"]
    )


def test_a_ticket_whose_revision_is_lost_is_written_live_again(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """The revision and the word VOID on the older one are both given up: the file of the id is the older one's again."""
    revised = workspaces.copy("unrevised", of=root)
    ticket = f"TICKET-{NEXT:%Y%m%d}"
    before = {name: (revised / name).read_bytes() for name in (f"tickets/{ticket}.md", f"trades/approved_{NEXT}.json")}
    assert twokey(revised, "backup").code == 0
    with the_time_is(morning(NEXT)):
        again = twokey(revised, "run", "--revise", "--by", "ann", "--reason", "a bar was wrong")
    assert (again.code, (revised / f"tickets/{ticket}-r1.md").exists()) == (0, True), again.err

    restored = give_up(revised, monkeypatch, "the disk died")

    assert (restored.code, restored.facts["lost_tickets"]) == (0, [ticket]), restored.err
    assert not (revised / f"tickets/{ticket}-r1.md").exists()
    assert (revised / f"trades/approved_{NEXT}.json").read_bytes() == before[f"trades/approved_{NEXT}.json"]
    assert "VOID" not in (revised / f"tickets/{ticket}.md").read_text()
    assert tickets_row(revised)[0] == "ok"


def test_a_second_restore_of_the_same_backup_names_the_first_loss_too(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """The chain that kept the first person's word is given up with the second restore, once put aside and once gone."""
    twice = workspaces.copy("twice", of=root)
    done = [give_up(twice, monkeypatch, "the disk died")]
    assert twokey(twice, "run", "--on", str(NEXT)).code == 0
    done.append(give_up(twice, monkeypatch, "again"))
    shutil.rmtree(twice / "pg")
    done.append(give_up(twice, monkeypatch, "and again"))

    verified = twokey(twice, "audit", "verify")

    assert [one.code for one in done] == [0, 0, 0], done[-1].err
    assert verified.code == 0
    assert [loss["reason"] for loss in verified.facts["losses"]] == ["the disk died", "again", "and again"]
    assert twokey(twice, "run", "--on", str(NEXT)).facts["reasons"] == []


def test_the_doctor_names_files_of_a_ticket_that_the_database_does_not_keep(workspaces: Workspaces, root: Path):
    """A restore that was killed before it moved them, or files that somebody put there."""
    put = workspaces.copy("put-there", of=root)
    before = tickets_row(put)
    shutil.copyfile(put / f"tickets/TICKET-{DAY:%Y%m%d}.md", put / "tickets/TICKET-20240301.md")

    assert before == ("ok", "every file is of a ticket as the database keeps it")
    state, says = tickets_row(put)
    assert (state, says.startswith("files of TICKET-20240301 are not as the database keeps it")) == ("wrong", True)


def tickets_row(root: Path) -> tuple[str, str]:
    """Give what the doctor says of the files of tickets."""
    (one,) = [one for one in twokey(root, "doctor").facts["checks"] if one["check"] == "tickets"]
    return one["state"], one["says"]


def test_a_word_for_a_person_names_the_lost_tickets(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Without `--json`."""
    from cli.main import main

    told = workspaces.copy("told", of=root)
    with desk_of(told) as desk:
        lost = desk.chain.head().seq - desk.backups.shelved().good[-1].content.head.seq
    monkeypatch.setattr(sys, "stdin", Terminal(f"told\nlose {lost} events\nthe disk died\n"))

    code = main(["restore", "-w", str(told), "--latest", "--by", "ann"])

    words = capsys.readouterr().out
    assert (code, f"lost: TICKET-{NEXT:%Y%m%d}; do not execute anything of it" in words) == (0, True)
