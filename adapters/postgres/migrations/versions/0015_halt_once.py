"""A halt that stands is not set again, whoever asks at the same moment."""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"

HERE = Path(__file__).parent


def upgrade() -> None:
    """Write the function anew."""
    op.get_bind().exec_driver_sql((HERE / "0015_halt_once.sql").read_text(encoding="utf-8"))
