"""Trials: the backtests that were run, so that they can be counted."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the table with its triggers."""
    # the driver reads % as a placeholder
    text = (HERE / "0011_trials.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
