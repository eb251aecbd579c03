"""OpenSearch as an index: term weights in rank features for words, HNSW or an exact script for meaning."""
