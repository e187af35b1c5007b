"""A ticket holds what was approved, the whole of it and nothing else: held by triggers."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the functions and triggers."""
    # the driver reads % as a placeholder
    text = (HERE / "0003_ticket_lines.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
