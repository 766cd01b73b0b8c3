"""The metadata tables: one row per resource, its document as JSON, its place in columns."""

import sqlalchemy as sa

metadata = sa.MetaData()

# One row per project, flag, metric, flag's experiments or token. `project` is "" for what belongs to none.
resources = sa.Table(
    "resources",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("project", sa.String(256), nullable=False),
    sa.Column("key", sa.String(256), nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("kind", "project", "key"),
)

# One row per version of a flag in an environment, as its SDKs got it; no document where it was deleted.
flag_versions = sa.Table(
    "flag_versions",
    metadata,
    sa.Column("environment_id", sa.String(32), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("flag", sa.String(256), primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=True),
)
sa.Index("flag_versions_by_flag", flag_versions.c.environment_id, flag_versions.c.flag)

# One row per reset of an experiment's results; the latest counts.
resets = sa.Table(
    "resets",
    metadata,
    sa.Column("environment_id", sa.String(32), primary_key=True),
    sa.Column("flag", sa.String(256), primary_key=True),
    sa.Column("metric", sa.String(256), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

# One row per change: who, when, what, and the documents before and after.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(256), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("target", sa.String(1024), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("before", sa.LargeBinary, nullable=True),
    sa.Column("after", sa.LargeBinary, nullable=True),
)
sa.Index("audit_by_time", audit.c.at_ms)

# One row per browser that is signed in; the cookie's value is kept as a digest only.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("actor", sa.String(256), nullable=False),
    sa.Column("proof", sa.String(64), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("used_ms", sa.BigInteger, nullable=False),
)
