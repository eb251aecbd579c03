"""Models that Assay trains itself, small and kept as plain data."""
