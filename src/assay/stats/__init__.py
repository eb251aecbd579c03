"""Intervals, paired differences, tests and power; numpy only."""
