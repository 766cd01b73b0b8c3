"""The first tables: resources, flag versions, resets and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "resources",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("project", sa.String(256), nullable=False),
        sa.Column("key", sa.String(256), nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("kind", "project", "key"),
    )
    op.create_table(
        "flag_versions",
        sa.Column("environment_id", sa.String(32), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("flag", sa.String(256), primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=True),
    )
    op.create_index("flag_versions_by_flag", "flag_versions", ["environment_id", "flag"])
    op.create_table(
        "resets",
        sa.Column("environment_id", sa.String(32), primary_key=True),
        sa.Column("flag", sa.String(256), primary_key=True),
        sa.Column("metric", sa.String(256), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(256), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(1024), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("before", sa.LargeBinary, nullable=True),
        sa.Column("after", sa.LargeBinary, nullable=True),
    )
