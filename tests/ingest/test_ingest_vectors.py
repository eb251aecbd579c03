"""Vectors in the background: shortest first, stored batch by batch, never twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from ingest_fakes import Fuse, Lab, PowerCut
from numpy.typing import NDArray

from assay.ingest.vectors import embed_missing, embedding_text
from assay.records.access import Scope


@dataclass
class Lengths:
    """An embedder whose vectors tell the length of the text."""

    recipe: str = "lengths.v1"
    dimensions: int = 2
    seen: list[str] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen += texts
        angles = np.array([len(text) / 1000 for text in texts], dtype=np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    for number in range(1, 8):
        lab.tree.write(f"/docs/{number}.md", f"# Title {number}\n\n" + "word " * number)
    lab.ingest().sync(["/docs"])
    return lab


def test_every_chunk_gets_a_vector_shortest_first(lab: Lab) -> None:
    """The order is the index's, so that most chunks have one soon."""
    embedder = Lengths()
    assert embed_missing(lab.catalog, lab.index, embedder, batch=3) == 7
    assert embedder.seen == sorted(embedder.seen, key=len)
    assert lab.index.head().vectors == 7
    assert lab.index.head().dense(embedder.embed(["x"])[0], Scope(), 1)
    assert embed_missing(lab.catalog, lab.index, embedder, batch=3) == 0


def test_an_interruption_loses_at_most_one_batch(lab: Lab) -> None:
    """What was stored is not embedded again."""
    index = Fuse(blow_at=3).wrap(lab.index)  # one call asks what is missing, then one a batch
    with pytest.raises(PowerCut):
        embed_missing(lab.catalog, index, Lengths(), batch=2)
    assert lab.index.head().vectors == 2
    again = Lengths()
    embed_missing(lab.catalog, lab.index, again, batch=2)
    assert len(again.seen) == 5


def test_a_stop_ends_between_batches_and_progress_counts(lab: Lab) -> None:
    """Progress tells how many of how many are made."""
    told: list[tuple[int, int]] = []
    embed_missing(
        lab.catalog,
        lab.index,
        Lengths(),
        batch=3,
        stop=lambda: bool(told),
        progress=lambda n, of, _: told.append((n, of)),
    )
    assert told == [(3, 7)]


def test_what_is_embedded_is_title_heading_path_and_text(lab: Lab) -> None:
    """A title that is the first heading too stands there once."""
    (chunk,) = lab.catalog.chunks_of("docs/2.md")
    assert embedding_text(chunk) == "Title 2\nword word"
    lab.tree.write("/docs/2.md", "---\ntitle: T\n---\n# A\n\n## B\n\ntext")
    lab.ingest().sync(["/docs"])
    (chunk,) = lab.catalog.chunks_of("docs/2.md")
    assert embedding_text(chunk) == "T\nA > B\ntext"
