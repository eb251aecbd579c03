"""What Alembic runs to migrate: the steps go through the connection, and the transaction, that `migrate.py` opened."""

from __future__ import annotations

from alembic import context

from assay.adapters.sql.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
