"""PostgreSQL with pgvector as an index: sparse vectors of term weights for words, HNSW or an exact scan for meaning."""
