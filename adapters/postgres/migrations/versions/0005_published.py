"""Publications: the same clean set may be published again after another one was current."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let a hash stand more than once: each row says that from then on this set was the current one."""
    op.execute("ALTER TABLE clean_snapshot DROP CONSTRAINT clean_snapshot_hash_key")
