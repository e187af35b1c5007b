"""Settling a paper book: in any order of bars and settlements, our books and the venue's snapshots agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from core.domain.venue import AccountSnapshot, Break
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, counts, desk_of, end_bars, fill, look, twokey


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

    assert [done.facts for done in again] == [{"breaks": [], "entries": 0, "reports": 0}] * 2
    assert look(root) == before


def test_of_two_comparisons_the_one_that_knew_more_counts(workspaces: Workspaces):
    """An older comparison that is stored late, by a slower process, does not bring its break back."""
    root = workspaces.copy("compared")
    with desk_of(root) as desk:
        snapshot = AccountSnapshot("etoro", "main", "paper", DAY, (), Decimal(5))
        desk.venue.add_snapshot(snapshot)
        found = desk.venue.last_snapshot("main", "paper")
        assert found is not None
        for head, breaks in (("11:later", ()), ("9:older", (Break("cash", "etoro", Decimal(1), Decimal(5)),))):
            desk.journal.add_reconciliation(found[0], snapshot, head=head, breaks=breaks)
        state = desk.journal.reconciliation("main", "paper")

    assert (state.last_session, state.breaks) == (DAY, ())
