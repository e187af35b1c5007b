"""The kill switch and a person's resume: the peak counts anew, another fall closes again, and every run replays."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adapters.postgres.people import PgPeople
from adapters.postgres.rights import CALLERS, Role
from cli.terminal import ask
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Done, Terminal, Workspaces, desk_of, look, twokey

FELL, FELL_AGAIN = DAY + ONE_DAY, DAY + 6 * ONE_DAY

KEEPS_SERVERS = True


def crash(root: Path, *falls: tuple[date, float]) -> None:
    """Let every price be so many times what it was, from a session on."""
    with desk_of(root) as desk:
        snapshot = desk.clean.current() or ""
        panel, fixings = desk.clean.panel(snapshot), desk.clean.fixings(snapshot)
        factor = np.ones((len(panel.sessions), 1))
        for day, part in falls:
            factor[panel.sessions >= np.datetime64(day)] *= part
        prices = {name: getattr(panel, name) * factor for name in ("open", "high", "low", "close", "adj_close")}
        desk.clean.publish(replace(panel, **prices), fixings, made_of={})


def run(root: Path, days: int) -> Done:
    """Decide the slot so many days after the first."""
    return twokey(root, "run", "--on", str(DAY + days * ONE_DAY))


def closed(done: Done) -> list[str]:
    """Name the gates that closed."""
    return [reason.partition(":")[0] for reason in done.facts["reasons"]]


def test_a_resume_restarts_the_peak_and_another_fall_closes_again(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """Down by a fifth: closed. Resumed: open, and the ticket says since when. Down again from there: closed. All replay."""
    root = workspaces.copy("resumed", *BUSY)
    crash(root, (FELL, 0.6), (FELL_AGAIN, 0.6))

    def resume() -> Done:
        monkeypatch.setattr(sys, "stdin", Terminal("main\nlooked at every holding\n"))
        return twokey(root, "resume", "--book", "main", "--by", "ann")

    bought = [run(root, days) for days in (0, 1)]
    twokey(root, "halt", "--book", "main", "a smell")
    other = resume()
    fallen = run(root, 2)
    resumed = resume()
    free = [run(root, days) for days in (3, 6)]
    again = run(root, 7)

    note = f"the peak counts from {FELL}, when a person resumed after the kill switch"
    assert [done.facts["reasons"] for done in (*bought, *free)] == [[]] * 4
    assert (other.facts["lifted"], other.facts["peaks"]) == (1, {})
    assert closed(fallen) == ["drawdown", "daily_loss"]
    assert resumed.facts == {"scope": "main", "lifted": 1, "peaks": {"main": str(FELL)}}
    assert note in twokey(root, "ticket", "show", free[0].facts["ticket_id"]).facts["ticket"]["notes"]
    assert closed(again) == ["drawdown", "daily_loss"]
    assert f"({note})" in again.facts["reasons"][0]
    for done in (*bought, fallen, *free, again):
        replayed = twokey(root, "replay", done.facts["run_id"])
        assert replayed.code == 0, replayed.out + replayed.err
    with desk_of(root) as desk:
        kept = desk.session("reader").all(
            "SELECT p.book, p.session, r.said_by, r.reason FROM peak_restart p JOIN resume r ON r.id = p.resume"
        )
    assert kept == [{"book": "main", "session": FELL, "said_by": "ann", "reason": "looked at every holding"}]
    assert look(root)["problem"] is None


def test_who_lifts_another_halt_reads_of_the_fall_beneath_it(workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch):
    """The kill switch halts by itself while the desk is down for maintenance: lifting that one does not forgive the fall."""
    root = workspaces.copy("beneath", *BUSY)
    crash(root, (FELL, 0.6))

    def resume(scope: str, name: str) -> Done:
        monkeypatch.setattr(sys, "stdin", Terminal(f"{name}\nthe machine is back\n"))
        return twokey(root, "resume", "--book", scope, "--by", "ann")

    for days in (0, 1):
        run(root, days)
    twokey(root, "halt", "--book", "*", "maintenance of the machine")
    fallen, next_day = run(root, 2), run(root, 3)
    desk = resume("*", "desk")
    still = run(root, 6)
    book = resume("main", "main")

    assert closed(fallen) == ["halt", "drawdown", "daily_loss"]
    assert closed(next_day) == ["halt", "halt", "drawdown"]
    assert (desk.facts["lifted"], desk.facts["peaks"]) == (1, {})
    assert closed(still)[0] == "halt"
    assert "the kill switch is at" in still.facts["reasons"][0]
    assert "maintenance of the machine" in desk.err
    assert "the kill switch is at" not in desk.err
    assert "the kill switch is at" in book.err
    assert (book.facts["lifted"], book.facts["peaks"]) == (1, {"main": str(DAY + 3 * ONE_DAY)})


def test_a_days_loss_halts_the_book_until_a_person_resumes_and_keeps_its_peak(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """Down by an eighth in one session: closed and halted; the day after still halted. Resumed: open, and no peak moved."""
    root = workspaces.copy("lost", *BUSY)
    crash(root, (FELL, 0.75))

    before = [run(root, days) for days in (0, 1)]
    fallen, halted = run(root, 2), run(root, 3)
    monkeypatch.setattr(sys, "stdin", Terminal("main\nan index fell, not the data\n"))
    resumed = twokey(root, "resume", "--book", "main", "--by", "ann")
    free = run(root, 6)

    (reason,) = fallen.facts["reasons"]
    assert [closed(done) for done in (*before, fallen, halted, free)] == [[], [], ["daily_loss"], ["halt"], []]
    assert f"in the session of {FELL}, the daily-loss breaker is at 0.1; a person must look and resume" in reason
    assert halted.facts["reasons"] == [f"halt: halted (main): {reason.removeprefix('daily_loss: ')}"]
    assert (resumed.facts["lifted"], resumed.facts["peaks"]) == (1, {})
    assert twokey(root, "replay", fallen.facts["run_id"]).code == 0


def test_a_loss_that_a_person_resumed_after_halts_no_second_time(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """The slot is revised, of the same session: open, with a note, and the next one too; unless the loss has grown."""
    root = workspaces.copy("lost twice", *BUSY)
    crash(root, (FELL, 0.75))

    def resume() -> Done:
        monkeypatch.setattr(sys, "stdin", Terminal("main\nan index fell, not the data\n"))
        return twokey(root, "resume", "--book", "main", "--by", "ann")

    def revised(why: str) -> Done:
        on = str(DAY + 2 * ONE_DAY)
        return twokey(root, "run", "--on", on, "--revise", "--by", "ann", "--reason", why)

    for days in (0, 1):
        run(root, days)
    twokey(root, "halt", "--book", "main", "a smell")
    early = resume()
    fallen = run(root, 2)
    halted = revised("to see")
    resumed = resume()
    free = revised("resumed")
    notes = twokey(root, "ticket", "show", free.facts["ticket_id"]).facts["ticket"]["notes"]
    crash(root, (FELL, 0.97))
    larger = revised("other bars")

    assert (early.facts["lifted"], resumed.facts["lifted"]) == (1, 1)
    assert [closed(done) for done in (fallen, halted, free, larger)] == [
        ["daily_loss"],
        ["halt", "daily_loss"],
        [],
        ["daily_loss"],
    ]
    assert any(words.endswith(f"in the session of {FELL}, which a person resumed after") for words in notes)
    for done in (fallen, halted, free, larger):
        assert twokey(root, "replay", done.facts["run_id"]).code == 0


def test_every_door_that_decides_or_writes_may_halt_at_once(workspaces: Workspaces):
    """Each role's own connection, for a book and for the desk; the rows name the role, and the next slot trades nothing."""
    root, doors = workspaces.copy("doors"), CALLERS["halt_trading(text, text)"]
    with desk_of(root) as desk:
        for role in doors:
            PgPeople(desk.session(role)).halt("main", f"seen by {role}")
        desk.heads.keep(desk.chain.head())

    done = run(root, 0)

    assert len(doors) == 7
    assert closed(done) == ["halt"] * len(doors)
    assert [f"halt: halted (main): seen by {role}" for role in doors] == done.facts["reasons"]


def test_a_halt_that_stands_is_not_set_again(workspaces: Workspaces):
    """Two who see the same at one moment make one halt; another reason, another scope, and one after a resume are more."""
    root = workspaces.copy("doors-again")
    asked: tuple[tuple[Role, str, str], ...] = (
        ("riskguard", "main", "a smell"),
        ("person", "main", "a smell"),
        ("ledger", "main", "a noise"),
        ("person", "*", "a smell"),
    )
    with desk_of(root) as desk:
        for role, scope, reason in asked:
            PgPeople(desk.session(role)).halt(scope, reason)
        people = PgPeople(desk.session("person"))
        stood = [(halt.scope, halt.reason) for halt in people.halts("main")]
        people.resume("main", by="ann", reason="aired")
        people.halt("main", "a smell")
        stands = [(halt.scope, halt.reason) for halt in people.halts("main")]

    assert stood == [("main", "a smell"), ("main", "a noise"), ("*", "a smell")]
    assert stands == [("*", "a smell"), ("main", "a smell")]


def test_a_halt_without_words_halts_and_a_resume_names_a_person(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """To halt is never refused for its words; to go on is a person's word."""
    root = workspaces.copy("wordless", *BUSY)

    halted = twokey(root, "halt", "--book", "main", "  ")
    monkeypatch.setattr(sys, "stdin", Terminal("main\nit was nothing\n"))
    nobody = twokey(root, "resume", "--book", "main", "--by", " ")
    stopped = run(root, 0)

    assert (halted.code, halted.facts["reason"]) == (0, "no reason given")
    assert nobody.code == 2
    assert "--by was blank" in nobody.err
    assert stopped.facts["reasons"] == ["halt: halted (main): no reason given"]


def test_a_halt_that_comes_while_a_person_types_is_not_lifted_unread(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """The day's run falls to the kill switch in that moment: nothing is lifted, and the next time the person reads both."""
    root = workspaces.copy("typing", *BUSY)
    crash(root, (FELL, 0.6))

    def slow(question: str) -> str | None:
        if question.startswith("Why"):
            fallen.append(run(root, 2))
        return ask(question)

    fallen: list[Done] = []
    for days in (0, 1):
        run(root, days)
    twokey(root, "halt", "--book", "main", "maintenance")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", Terminal("main\nthe machine is back\n"))
        patch.setattr("cli.commands.people.ask", slow)
        unread = twokey(root, "resume", "--book", "main", "--by", "ann")
    monkeypatch.setattr(sys, "stdin", Terminal("main\nlooked at every holding\n"))
    read = twokey(root, "resume", "--book", "main", "--by", "ann")

    assert closed(fallen[0]) == ["halt", "drawdown", "daily_loss"]
    assert unread.code == 2
    assert "halted again meanwhile, nothing was lifted; look at it first: drawdown is " in unread.err
    assert "maintenance" in read.err
    assert "the kill switch is at" in read.err
    assert (read.facts["lifted"], read.facts["peaks"]) == (2, {"main": str(FELL)})


def test_words_are_no_halt_of_the_kill_switch(workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch):
    """Whoever writes as the kill switch does keeps it from nothing: it halts the book by itself."""
    root = workspaces.copy("words", *BUSY)
    crash(root, (FELL, 0.6))
    for days in (0, 1):
        run(root, days)
    for scope in ("*", "main"):
        twokey(root, "halt", "--book", scope, "the kill switch is at 0.2 in another book")

    run(root, 2)
    run(root, 3)

    with desk_of(root) as desk:
        halts = PgPeople(desk.session("reader")).halts("main")
    assert [(halt.scope, halt.is_riskguards) for halt in halts] == [("*", False), ("main", False), ("main", True)]
