"""Parsers: bytes of one source file to plain readable text with exact block offsets."""
