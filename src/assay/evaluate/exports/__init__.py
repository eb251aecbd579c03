"""Runs, comparisons and decisions in the forms that other tools read: JUnit, Markdown, JSON, Inspect's log, numbers."""
