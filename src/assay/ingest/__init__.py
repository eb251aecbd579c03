"""Files to parsed documents, chunks and an index that follows them."""
