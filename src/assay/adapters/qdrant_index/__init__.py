"""Qdrant as an index: sparse vectors of term weights for words, dense ones for meaning, one collection each."""
