"""Revisions: the table that keeps who revised a slot and why, and the function that only a person's role calls."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the table, the function, and the triggers that hold a void ticket unanswered."""
    # the driver reads % as a placeholder
    text = (HERE / "0002_revisions.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
