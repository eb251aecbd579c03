"""The default index: tantivy for words, an exact scan of memory-mapped vectors for meaning, immutable snapshots."""
