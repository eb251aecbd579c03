"""Puts this folder on the import path, so that tests in every room can use the helpers that stand here."""
