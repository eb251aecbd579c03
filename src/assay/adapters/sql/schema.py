"""Every table in one place. A record stands whole as JSON in `record`; columns beside it are there for queries.

All times are ISO 8601 UTC text with microseconds, so that their order as text is their order in time.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

REVISION = "0003"
"""The newest file in `migrations/versions`; a test holds both together."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sources = Table(
    "sources",
    metadata,
    Column("source_uri", Text, primary_key=True),
    Column("source", Text, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("doc_id", Text, primary_key=True),
    Column("source_uri", Text, nullable=False, index=True),
    Column("access", Text, nullable=False),
    Column("pending", Boolean, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

removals = Table("removals", metadata, Column("doc_id", Text, primary_key=True))

chunks = Table(
    "chunks",
    metadata,
    Column("chunk_id", Text, primary_key=True),
    Column("doc_id", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("record", Text, nullable=False),
    Index(None, "doc_id", "current", "ordinal"),
    Index(None, "current", "chunk_id"),
)

golden = Table(
    "golden",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", String(64), nullable=False),
    Column("created_at", Text, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("name", "version"),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("created_at", Text, nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("record", Text, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("run_id", Text, ForeignKey(runs.c.run_id), nullable=False),
    Column("case_id", Text, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("run_id", "case_id", "repeat"),
)

bundles = Table(
    "bundles",
    metadata,
    Column("bundle_id", String(64), primary_key=True),
    Column("app", Text, nullable=False, index=True),
    Column("created_at", Text, nullable=False),
    Column("record", Text, nullable=False),
)

pointers = Table(
    "pointers",
    metadata,
    Column("app", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("bundle_id", String(64), nullable=False),
)

release_events = Table(
    "release_events",
    metadata,
    Column("app", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("record", Text, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("candidate_bundle", Text, nullable=False, index=True),
    Column("created_at", Text, nullable=False),
    Column("record", Text, nullable=False),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("app", Text, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

traces = Table(
    "traces",
    metadata,
    Column("trace_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("at", Text, nullable=False, index=True),
    Column("record", Text, nullable=False),
    Index(None, "tenant", "at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("feedback_id", Text, primary_key=True),
    Column("trace_id", Text, nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("record", Text, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("key_sha256", String(64), nullable=False, unique=True),
    Column("created_at", Text, nullable=False),
    Column("record", Text, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("doc_id", Text, primary_key=True),
    Column("valid_from", Text, primary_key=True),
    Column("valid_to", Text, nullable=False),
    Column("text_sha256", String(64), nullable=False),
    Column("record", Text, nullable=False),
    Index(None, "doc_id", "text_sha256"),
)
"""Every version of a document that was ever current; `valid_to` is empty for the one that is."""

certificates = Table(
    "certificates",
    metadata,
    Column("certificate_id", String(64), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("record", Text, nullable=False),
    Index(None, "kind", "created_at"),
)

models = Table(
    "models",
    metadata,
    Column("model_id", String(64), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("record", Text, nullable=False),
    Index(None, "kind", "name", "created_at"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("erasure_id", Text, primary_key=True),
    Column("state", Text, nullable=False, index=True),
    Column("created_at", Text, nullable=False),
    Column("record", Text, nullable=False),
)
"""The journal of erasures: what is planned is written here first, so that a crash in the middle is gone on from."""

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("kind", "subject", "key"),
)
"""Facts that are written once: judgements, labels, judge cards, looks."""

cached = Table(
    "cached",
    metadata,
    Column("key", Text, primary_key=True),
    Column("record", Text, nullable=False),
)

revision_table = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own table, which says where a database stands; read and first written without importing Alembic."""
