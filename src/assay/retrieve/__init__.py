"""Lexical and dense ranking, fused, filtered by scope, packed into passages."""
