"""Vectors after a sync: shortest first, stored batch by batch, never twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from ingest_fakes import Fuse, Lab, PowerCut
from numpy.typing import NDArray

from assay.records.access import Scope
from assay.retrieve.backfill import embed_missing


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
    assert embed_missing(lab.index, lab.catalog, embedder, batch=3) == 7
    assert embedder.seen == sorted(embedder.seen, key=len)
    assert lab.index.head().vectors == 7
    assert lab.index.head().dense(embedder.embed(["x"])[0], Scope(), 1)
    assert embed_missing(lab.index, lab.catalog, embedder, batch=3) == 0


def test_an_interruption_loses_at_most_one_batch(lab: Lab) -> None:
    """What was stored is not embedded again."""
    index = Fuse(blow_at=3).wrap(lab.index)  # one call asks what is missing, then one a batch
    with pytest.raises(PowerCut):
        embed_missing(index, lab.catalog, Lengths(), batch=2)
    assert lab.index.head().vectors == 2
    again = Lengths()
    embed_missing(lab.index, lab.catalog, again, batch=2)
    assert len(again.seen) == 5
