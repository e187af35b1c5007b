"""The tables of the house, the chain, and the functions that all roles may call."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

HERE = Path(__file__).parent


def upgrade() -> None:
    """Make tables, functions and triggers."""
    for name in ("0001_tables.sql", "0001_chain.sql"):
        # the driver reads % as a placeholder
        op.get_bind().exec_driver_sql((HERE / name).read_text(encoding="utf-8").replace("%", "%%"))
