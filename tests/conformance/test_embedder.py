"""What every embedder must do: the fake, the cache around one, and the default model."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.adapters.embedding_cache import CachedEmbedder
from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.minilm import embedder as minilm
from assay.adapters.minilm.embedder import MiniLmEmbedder
from assay.adapters.onnx_session import batches_by_length
from assay.ports.index import Embedder
from assay.records.errors import CannotJudge, Unavailable

SHORT = "The cat sits on the mat."


@pytest.fixture(scope="module")
def model() -> MiniLmEmbedder:
    """Loaded once: the check of the weights and the session take half a second."""
    return MiniLmEmbedder(threads=1)


@pytest.fixture(params=["hashing", "cached", "minilm"])
def embedder(request: pytest.FixtureRequest, tmp_path: Path, model: MiniLmEmbedder) -> Embedder:
    if request.param == "minilm":
        return model
    plain = HashingEmbedder(32)
    return plain if request.param == "hashing" else CachedEmbedder(plain, tmp_path / "cache.sqlite")


def test_rows_are_unit_vectors_in_the_order_given(embedder: Embedder) -> None:
    """Shape, type and length are as the port promises, also for empty and hostile texts."""
    texts = [SHORT, "", "a" * 3000, "数据库 ภาษา \x00 \u200b", "word " * 900, "Invoices are due in 30 days.", SHORT]
    vectors = embedder.embed(texts)
    assert vectors.shape == (len(texts), embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert np.array_equal(vectors[0], vectors[-1])


def test_a_vector_does_not_depend_on_its_company(embedder: Embedder) -> None:
    """Alone, in a batch and in another order a text gives the same vector."""
    texts = [SHORT, "Invoices are due in 30 days.", "x", "A longer sentence about databases and indexes. " * 8]
    together = embedder.embed(texts)
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    turned = embedder.embed(texts[::-1])[::-1]
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(together, turned, atol=1e-5)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    """An empty batch is an empty matrix of the right width."""
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_the_recipe_is_stable(embedder: Embedder) -> None:
    """Reading the recipe loads nothing and changes nothing."""
    before = embedder.recipe
    embedder.embed([SHORT])
    assert embedder.recipe == before
    assert before


def test_minilm_finds_the_paraphrase(model: MiniLmEmbedder) -> None:
    """Known answers: paraphrases are near, strangers are far, case does not matter."""
    cat, feline, invoice, upper = model.embed(
        [SHORT, "A feline rests on a rug.", "Invoices are due in 30 days.", SHORT.upper()]
    )
    assert float(cat @ feline) > 0.5
    assert float(cat @ invoice) < 0.2
    assert float(cat @ upper) > 0.9999


def test_minilm_is_loaded_late_and_names_its_digests() -> None:
    """Making an embedder costs nothing; its recipe names weights, vocabulary and length."""
    lazy = MiniLmEmbedder(max_tokens=128)
    assert lazy._loaded is None
    assert minilm.WEIGHTS_SHA256[:12] in lazy.recipe
    assert minilm.VOCAB_SHA256[:12] in lazy.recipe
    assert "max_tokens=128" in lazy.recipe
    assert lazy.recipe != MiniLmEmbedder().recipe


def test_the_vocabulary_is_the_one_its_notice_describes() -> None:
    """30,522 entries, with the digest that code and notice state."""
    data = minilm.VOCAB.read_bytes()
    assert len(data.decode().splitlines()) == 30522
    assert hashlib.sha256(data).hexdigest() == minilm.VOCAB_SHA256
    assert minilm.VOCAB_SHA256 in (minilm.VOCAB.parent / "NOTICE-vocab.txt").read_text()


def test_a_model_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    """Weights are checked before use: another file cannot be judged, none at all is unavailable."""
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(CannotJudge) as changed:
        minilm._check_digest(tmp_path / "model.onnx", minilm.WEIGHTS_SHA256)
    assert changed.value.code == "embedder.weights_digest"
    with pytest.raises(Unavailable) as absent:
        minilm._check_digest(tmp_path / "absent.onnx", minilm.WEIGHTS_SHA256)
    assert absent.value.code == "embedder.load"


@pytest.mark.parametrize("max_tokens", [0, 7, 513])
def test_a_length_the_model_has_no_positions_for_is_refused(max_tokens: int) -> None:
    """`max_tokens` must be 8 to 512."""
    with pytest.raises(ValueError, match="max_tokens"):
        MiniLmEmbedder(max_tokens=max_tokens)


def test_batches_hold_every_row_once_and_stay_small() -> None:
    """Rows are grouped by length; a padded batch never exceeds its budget unless one text does alone."""
    lengths = [5, 256, 9, 256, 3, 100, 100, 100, 100, 7]
    batches = list(batches_by_length(lengths, 384))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[row] for row in batch) <= 384 for batch in batches)


def test_the_cache_embeds_nothing_twice(tmp_path: Path) -> None:
    """Known texts come from the file, across processes; a text repeated in one call is embedded once."""
    first = HashingEmbedder(16)
    vectors = CachedEmbedder(first, tmp_path / "c.sqlite").embed(["a", "b", "a"])
    assert first.embedded == 2
    second = HashingEmbedder(16)
    again = CachedEmbedder(second, tmp_path / "c.sqlite").embed(["b", "a", "a"])
    assert second.embedded == 0
    assert np.array_equal(again, vectors[[1, 0, 0]])


def test_the_cache_keeps_recipes_apart_and_no_text(tmp_path: Path) -> None:
    """Another recipe is embedded again, and what was embedded cannot be read from the file."""
    path = tmp_path / "c.sqlite"
    secret = "the launch code is swordfish"
    CachedEmbedder(HashingEmbedder(16), path).embed([secret])
    other = HashingEmbedder(8)
    assert CachedEmbedder(other, path).embed([secret]).shape == (1, 8)
    assert other.embedded == 1
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"swordfish" not in kept


def test_a_damaged_cache_entry_is_made_again(tmp_path: Path) -> None:
    """A row of the wrong length is never handed out as a vector."""
    path = tmp_path / "c.sqlite"
    CachedEmbedder(HashingEmbedder(16), path).embed(["a"])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE vectors SET vector = x'00ff'")
    plain = HashingEmbedder(16)
    assert np.array_equal(CachedEmbedder(plain, path).embed(["a"]), HashingEmbedder(16).embed(["a"]))
    assert plain.embedded == 1


def test_a_cache_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """The error says what to do and names no content."""
    path = tmp_path / "c.sqlite"
    path.write_bytes(b"\x00garbage" * 1000)
    with pytest.raises(Unavailable) as caught:
        CachedEmbedder(HashingEmbedder(16), path)
    assert caught.value.code == "embedder.cache"


class Counted:
    """An embedder that fails on the second call."""

    recipe = "failing.v1"
    dimensions = 4
    calls = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls += 1
        if self.calls > 1:
            raise Unavailable("embedder.load", "gone")
        return np.tile(np.float32([1, 0, 0, 0]), (len(texts), 1))


def test_a_failing_embedder_fails_through_the_cache(tmp_path: Path) -> None:
    """The cache answers what it knows and passes on the error for the rest."""
    cached = CachedEmbedder(Counted(), tmp_path / "c.sqlite")
    cached.embed(["known"])
    assert math.isclose(float(cached.embed(["known"])[0, 0]), 1.0)
    with pytest.raises(Unavailable):
        cached.embed(["known", "new"])
