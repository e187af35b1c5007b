"""Snapshot files: an account may be looked at several times a day, and a comparison names the marks that it rests on."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Let snapshots differ by their file, and keep a comparison anew when anything that it compared is new.

    What a paper venue says stays once a session and once a ledger head: it is computed, and two at a time compute the same.
    """
    op.execute("ALTER TABLE account_snapshot ADD COLUMN evidence TEXT")
    op.execute("ALTER TABLE account_snapshot DROP CONSTRAINT account_snapshot_account_book_venue_session_key")
    op.execute(
        "ALTER TABLE account_snapshot ADD CONSTRAINT account_snapshot_account_book_venue_session_evidence_key"
        " UNIQUE NULLS NOT DISTINCT (account, book, venue, session, evidence)"
    )
    op.execute("ALTER TABLE reconciliation ADD COLUMN marks TEXT")
    op.execute("ALTER TABLE reconciliation DROP CONSTRAINT reconciliation_snapshot_ledger_head_key")
    op.execute(
        "CREATE UNIQUE INDEX reconciliation_of_paper_once ON reconciliation (snapshot, ledger_head) WHERE venue = 'paper'"
    )
