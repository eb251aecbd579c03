"""Results of other evaluation tools, read into Assay's own samples: one reader per format."""
