"""A ticket's life: a step is one of seven, follows only what it may follow, and rests on what it says."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the function and the trigger."""
    # the driver reads % as a placeholder
    text = (HERE / "0014_ticket_life.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
