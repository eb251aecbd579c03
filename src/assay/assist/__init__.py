"""Retrieve, generate, verify each sentence against its citation: a System."""
