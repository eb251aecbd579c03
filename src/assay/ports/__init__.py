"""Protocols for everything that has more than one implementation, about ten lines each."""
