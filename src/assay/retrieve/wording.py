"""The words of a chunk as the engines see them: what is searched beside the text, and what the embedder reads."""

from __future__ import annotations

from assay.records.documents import Chunk


def names_over(chunk: Chunk) -> tuple[str, ...]:
    """Title and heading path, outermost first, each name once."""
    names = (" ".join(name.split()) for name in (chunk.title, *chunk.heading_path))
    return tuple(dict.fromkeys(name for name in names if name))


def embedding_text(chunk: Chunk) -> str:
    """What is embedded: the names over a chunk, one a line, except one that the text opens with, then its text."""
    opening = chunk.text[:400].lstrip("# \n").casefold()
    names = [name for name in names_over(chunk) if not opening.startswith(name.casefold())]
    return "\n".join((*names, chunk.text))
