"""Booked facts: what a person books from a statement or by hand, and the files that it was read from."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the two tables with their triggers, and let entries rest on a booked fact."""
    # the driver reads % as a placeholder
    text = (HERE / "0008_booked_facts.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
