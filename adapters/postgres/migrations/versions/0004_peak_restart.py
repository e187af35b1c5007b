"""Peaks: the table that keeps from which session a book's peak counts after a person resumed."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the table and its triggers."""
    # the driver reads % as a placeholder
    text = (HERE / "0004_peak_restart.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
