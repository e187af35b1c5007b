"""Settling a paper book: in any order of bars and settlements, our books and the venue's snapshots agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from core.domain.venue import AccountSnapshot, Break
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, counts, desk_of, end_bars, fill, look, twokey

KEEPS_SERVERS = True


def test_no_snapshot_is_taken_before_the_bars_of_its_session(workspaces: Workspaces):
    """A week without bars, then all of them at once: the fills of that week are no break with what the venue said."""
    root, late = workspaces.copy("early", *BUSY), DAY + timedelta(days=8)
    end_bars(root, DAY)
    assert [twokey(root, "run", "--on", str(DAY + number * ONE_DAY)).code for number in (0, 1)] == [0, 0]
    with desk_of(root) as desk:
        before = counts(desk.session("reader"))

    stale = twokey(root, "run", "--on", str(late))
    with desk_of(root) as desk:
        during = counts(desk.session("reader"))
    fill(root)
    settled = twokey(root, "settle", "--on", str(late))
    after = twokey(root, "run", "--on", str(late + ONE_DAY))

    assert [reason.partition(":")[0] for reason in stale.facts["reasons"]][:1] == ["data"]
    assert during["account_snapshot"] == before["account_snapshot"]
    assert (settled.code, settled.facts["breaks"], settled.facts["reports"] > 0) == (0, [], True)
    assert (after.code, after.facts["reasons"]) == (0, [])
    assert look(root)["problem"] is None


def test_settling_again_reports_and_posts_nothing(workspaces: Workspaces):
    """Also for a slot that the run settled already; each session that was reported has its snapshot."""
    root = workspaces.copy("again", *BUSY)
    for number in range(3):
        twokey(root, "run", "--on", str(DAY + number * ONE_DAY))
    before = look(root)
    with desk_of(root) as desk:
        reader = desk.session("reader")
        reported = reader.all("SELECT DISTINCT session FROM venue_report ORDER BY session")
        assert reader.all("SELECT session FROM account_snapshot ORDER BY session") == reported
    assert len(reported) == 3

    again = [twokey(root, "settle", "--on", str(DAY + 2 * ONE_DAY)) for _ in range(2)]

    nothing = {"breaks": [], "entries": 0, "reports": 0, "stamps": ["SYNTHETIC", "REHEARSAL"]}
    of = {"slot": str(DAY + 2 * ONE_DAY), "as_of": str(DAY + ONE_DAY)}
    assert [done.facts for done in again] == [nothing | of] * 2
    assert look(root) == before


def test_of_two_comparisons_the_one_that_knew_more_counts(workspaces: Workspaces):
    """An older comparison that is stored late, by a slower process, does not bring its break back."""
    root = workspaces.copy("compared")
    with desk_of(root) as desk:
        snapshot = AccountSnapshot("etoro", "main", "paper", DAY, (), Decimal(5))
        desk.venue.add_snapshot(snapshot)
        found = desk.venue.last_snapshot("main", "paper")
        assert found is not None
        for head, breaks in (("11:later", ()), ("9:older", (Break("cash", "GBP", Decimal(1), Decimal(5)),))):
            desk.journal.add_reconciliation({found[0]: snapshot}, head=head, breaks=breaks)
        state = desk.journal.reconciliation("main", "paper")

    assert (state.last_session, state.breaks) == (DAY, ())


def test_cash_that_a_person_moves_on_a_paper_book_is_no_break(workspaces: Workspaces):
    """Paid in and taken out between slots: the venue books it on its day, and a day that it has closed takes no more."""
    root, words = workspaces.copy("moved", *BUSY), ("--by", "ann", "--note", "a test")
    twokey(root, "run", "--on", str(DAY))
    before = twokey(root, "positions", "--on", str(DAY)).facts["cash"]

    paid = twokey(root, "cash", "deposit", "500", "--key", "in", "--on", str(DAY), *words)
    taken = twokey(root, "cash", "withdraw", "123.45", "--key", "out", "--on", str(DAY), *words)
    too_much = twokey(root, "cash", "withdraw", "99999", "--key", "much", "--on", str(DAY), *words)
    to_come = twokey(root, "cash", "deposit", "1", "--key", "late", "--on", "2999-01-01", *words)
    days = [twokey(root, "run", "--on", str(DAY + number * ONE_DAY)) for number in (1, 2)]
    closed = twokey(root, "cash", "deposit", "1", "--key", "old", "--on", str(DAY), *words)

    assert (paid.code, taken.code) == (0, 0), paid.err + taken.err
    assert Decimal(before) == 10000
    assert (too_much.code, "the amount was 99999 GBP; on 2024-02-06 there is 10376.55 GBP" in too_much.err) == (2, True)
    assert (to_come.code, "the day was 2999-01-01, which is to come; today is" in to_come.err) == (2, True)
    assert [day.facts["reasons"] for day in days] == [[], []]
    assert twokey(root, "reconcile").facts["breaks"] == []
    assert (closed.code, "the paper venue has closed its books of 2024-02-07" in closed.err) == (2, True)
    assert look(root)["problem"] is None
