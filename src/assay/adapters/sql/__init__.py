"""The stores on SQLAlchemy Core: SQLite by default, PostgreSQL with the same code."""
