"""Models: what was trained, and a person's word on which of it is used."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make the two tables with their triggers."""
    # the driver reads % as a placeholder
    text = (HERE / "0010_models.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
