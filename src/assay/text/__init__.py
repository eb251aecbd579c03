"""Sentences, tokens, language and normalisation, always with offsets back to the original."""
