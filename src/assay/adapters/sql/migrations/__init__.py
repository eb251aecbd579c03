"""Alembic migrations, run by `migrate.py` and shipped inside the package."""
