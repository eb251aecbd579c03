"""Connectors: where documents come from besides this machine's files."""
