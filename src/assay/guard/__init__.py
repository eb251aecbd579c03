"""Wrappers that turn a System into a safer System."""
