"""Bulk: what the database does for each row of a statement is done once a statement, or by a column's default."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Let defaults fill the columns that a trigger filled, and the statement's triggers hold what keys held row by row."""
    # the driver reads % as a placeholder
    text = (HERE / "0009_bulk.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
