"""LanceDB as an index: BM25, vectors and access filters in tables on disk or on an S3-compatible store."""
