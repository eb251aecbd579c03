"""Runs of a System over a golden set, scorers, and the paired comparison of two runs."""
