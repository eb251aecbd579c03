"""The words of a chunk as the engines see them: what is searched beside the text, and what the embedder reads."""

from __future__ import annotations

from assay.records.documents import Chunk


def headline(chunk: Chunk) -> str:
    """Title and heading path, each name once and none that the text opens with anyway; one a line."""
    opening = chunk.text[:400].lstrip("# \n").casefold()
    names: list[str] = []
    for name in (chunk.title, *chunk.heading_path):
        tidy = " ".join(name.split())
        if tidy and tidy not in names and not opening.startswith(tidy.casefold()):
            names.append(tidy)
    return "\n".join(names)


def embedding_text(chunk: Chunk) -> str:
    """What is embedded for a chunk: its headline, then its text."""
    head = headline(chunk)
    return f"{head}\n{chunk.text}" if head else chunk.text
