"""Rollout: what a phase freezes, when that may change, what a person attests, and what a person put back."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the four tables with their triggers."""
    # the driver reads % as a placeholder
    text = (HERE / "0013_rollout.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
