"""Losses: the table that keeps what a person gave up by restoring an older copy of the database."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the table and its triggers."""
    # the driver reads % as a placeholder
    text = (HERE / "0007_acknowledged_loss.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
