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
    index = Fuse(blow_at=4).wrap(lab.index)  # one call asks what is searched, one what is missing, then one a batch
    with pytest.raises(PowerCut):
        embed_missing(index, lab.catalog, Lengths(), batch=2)
    assert lab.index.head().vectors == 2
    again = Lengths()
    embed_missing(lab.index, lab.catalog, again, batch=2)
    assert len(again.seen) == 5


@dataclass
class Turned(Lengths):
    """Another model: other vectors under another name."""

    recipe: str = "turned.v1"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return -super().embed(texts)[:, ::-1]


def test_while_another_model_takes_over_the_index_is_searched_with_the_first(lab: Lab) -> None:
    """Its vectors are made beside the others and take over at once, when no chunk lacks one."""
    embed_missing(lab.index, lab.catalog, Lengths())
    seen: list[tuple[str, int]] = []
    embed_missing(
        lab.index, lab.catalog, Turned(), batch=2,
        progress=lambda *_: seen.append((lab.index.head().embedder, lab.index.head().vectors)),
    )  # fmt: skip
    assert set(seen) == {("lengths.v1", 7)}
    assert (lab.index.head().embedder, lab.index.head().vectors) == ("turned.v1", 7)


def test_a_take_over_that_is_stopped_changes_nothing(lab: Lab) -> None:
    """Half of the new vectors are no index; the next call goes on."""
    embed_missing(lab.index, lab.catalog, Lengths())
    stops = iter([False, False, True])
    assert embed_missing(lab.index, lab.catalog, Turned(), batch=2, stop=lambda: next(stops)) == 0
    assert (lab.index.head().embedder, lab.index.head().vectors) == ("lengths.v1", 7)
    assert embed_missing(lab.index, lab.catalog, Turned(), batch=2) == 7
    assert lab.index.head().embedder == "turned.v1"


def test_going_back_to_a_model_whose_vectors_are_still_there_takes_next_to_no_embedding(lab: Lab) -> None:
    """The first model's vectors stand beside the second's until they are compacted away."""
    embed_missing(lab.index, lab.catalog, Lengths())
    embed_missing(lab.index, lab.catalog, Turned())
    again = Lengths()
    assert embed_missing(lab.index, lab.catalog, again) == 0
    assert len(again.seen) <= 1
    assert (lab.index.head().embedder, lab.index.head().vectors) == ("lengths.v1", 7)
