"""Any ONNX sentence encoder in a folder: its model, its `tokenizer.json`, and how its tokens become one vector."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.memory_trim import return_free_memory
from assay.adapters.onnx_session import batches_by_length, file_digest, open_session
from assay.records.errors import CannotJudge, ConfigError, Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOLINGS = ("mean", "cls", "last", "model")
_KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids", "position_ids"})


@dataclass(frozen=True)
class _Loaded:
    tokenizer: Any
    session: Any
    inputs: frozenset[str]
    output: int
    """Which output is used: the only matrix per text for `model`, else the token vectors."""
    dimensions: int


class OnnxEmbedder:
    """Texts to unit vectors by a local encoder.

    `pooling` says how: `mean` or `cls` or `last` of the token vectors, or `model` when the model gives a vector per
    text itself. The recipe names the digests of model and tokenizer: another file is another model with another index.
    `sha256` pins the model. Loaded at the first use. Raises ConfigError (`embedder.path`, `embedder.tokenizer`,
    `embedder.inputs`, `embedder.pooling`), CannotJudge (`embedder.weights_digest`) and Unavailable (`embedder.load`).
    """

    def __init__(
        self, model: Path, tokenizer: Path | None = None, *, pooling: str = "mean", max_tokens: int = 512,
        batch_tokens: int = 1024, threads: int = 0, sha256: str = "",
    ) -> None:  # fmt: skip
        if pooling not in POOLINGS:
            raise ConfigError("embedder.pooling", f"the pooling must be one of {', '.join(POOLINGS)}", where="pooling")
        self._model = model
        self._tokenizer = tokenizer or model.with_name("tokenizer.json")
        for path in (self._model, self._tokenizer):
            if not path.is_file():
                raise ConfigError(
                    "embedder.path", "there is no such model file", where=str(path),
                    remedy="name the .onnx file, with its tokenizer.json beside it or named too",
                )  # fmt: skip
        self._pooling, self._max_tokens, self._sha256 = pooling, max_tokens, sha256.lower()
        self._batch_tokens, self._threads = max(batch_tokens, max_tokens), threads
        self._loaded: _Loaded | None = None
        self._digests: tuple[str, str] | None = None
        self._lock = threading.RLock()

    @property
    def recipe(self) -> str:
        model, tokenizer = self._checked()
        return (
            f"onnx.v1(model={model[:16]},tokenizer={tokenizer[:16]},pooling={self._pooling},"
            f"max_tokens={self._max_tokens})"
        )

    @property
    def dimensions(self) -> int:
        return self._load().dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), rows of length 1, in the order given; texts are cut at `max_tokens`."""
        loaded = self._load()
        vectors = np.zeros((len(texts), loaded.dimensions), dtype=np.float32)
        if not texts:
            return vectors
        rows = [encoding.ids for encoding in loaded.tokenizer.encode_batch(list(texts))]
        rows = [ids or [0] for ids in rows]
        for batch in batches_by_length([len(ids) for ids in rows], self._batch_tokens):
            vectors[batch] = self._forward(loaded, [rows[row] for row in batch])
        if len(texts) > 1:
            return_free_memory()
        return vectors

    def _forward(self, loaded: _Loaded, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        longest = max(len(ids) for ids in rows)
        tokens = np.zeros((len(rows), longest), dtype=np.int64)
        mask = np.zeros((len(rows), longest), dtype=np.int64)
        for row, ids in enumerate(rows):
            tokens[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        given = {
            "input_ids": tokens,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(tokens),
            "position_ids": np.tile(np.arange(longest, dtype=np.int64), (len(rows), 1)),
        }
        out = loaded.session.run(None, {name: given[name] for name in loaded.inputs})[loaded.output]
        return _unit(_pooled(np.asarray(out, dtype=np.float32), mask, self._pooling))

    def _checked(self) -> tuple[str, str]:
        """Digests of model and tokenizer as they were when this object first read them."""
        with self._lock:
            if self._digests is None:
                found = file_digest(self._model)
                if self._sha256 and found != self._sha256:
                    raise CannotJudge(
                        "embedder.weights_digest",
                        "the model file is not the one that assay.yaml pins",
                        where=self._model.name,
                        remedy="restore the file, or change its sha256 in assay.yaml and embed again",
                    )
                self._digests = found, file_digest(self._tokenizer)
            return self._digests

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                digests = self._checked()
                if (file_digest(self._model), file_digest(self._tokenizer)) != digests:
                    raise CannotJudge(
                        "embedder.weights_digest",
                        "a model file changed on disk since this process first read it",
                        where=self._model.name,
                        remedy="start again; vectors of the new model are made beside the old ones",
                    )
                tokenizer = _tokenizer(self._tokenizer, self._max_tokens)
                self._loaded = _described(tokenizer, open_session(self._model, self._threads), self._pooling)
                return_free_memory()
            return self._loaded


def _tokenizer(path: Path, max_tokens: int) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        # The library raises plain Exception for a file it cannot read; its message may repeat the file.
        raise ConfigError("embedder.tokenizer", "the file is no tokenizer.json", where=path.name) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _described(tokenizer: Any, session: Any, pooling: str) -> _Loaded:
    """The model's inputs, the output to use, and the width of a vector, found by embedding one word."""
    inputs = frozenset(one.name for one in session.get_inputs())
    if not {"input_ids"} <= inputs <= _KNOWN_INPUTS:
        raise ConfigError(
            "embedder.inputs",
            "the model asks for inputs that a sentence encoder does not have",
            where=", ".join(sorted(inputs - _KNOWN_INPUTS)) or "input_ids is missing",
            remedy="export the encoder for feature extraction",
        )
    wanted = 2 if pooling == "model" else 3
    ranks = [len(one.shape) if one.shape is not None else 0 for one in session.get_outputs()]
    if wanted not in ranks:
        raise ConfigError(
            "embedder.pooling",
            f"the model has no output of {wanted} dimensions, which this pooling needs",
            where=f"pooling: {pooling}",
            remedy="use pooling: model for a model that gives one vector per text, else mean, cls or last",
        )
    output = ranks.index(wanted)
    width = session.get_outputs()[output].shape[-1]
    if not isinstance(width, int):
        raise Unavailable("embedder.load", "the model does not say how wide its vectors are")
    return _Loaded(tokenizer, session, inputs, output, width)


def _pooled(out: NDArray[np.float32], mask: NDArray[np.int64], pooling: str) -> NDArray[np.float32]:
    if pooling == "model":
        return out
    if pooling == "cls":
        first: NDArray[np.float32] = out[:, 0]
        return first
    if pooling == "last":
        last: NDArray[np.float32] = out[np.arange(len(out)), mask.sum(axis=1) - 1]
        return last
    weights = mask[:, :, None].astype(np.float32)
    mean: NDArray[np.float32] = (out * weights).sum(axis=1) / weights.sum(axis=1)
    return mean


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1. Raises Unavailable (`embedder.not_finite`) for a row that has no direction."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths < 1e-12).any():
        raise Unavailable(
            "embedder.not_finite", "the model gave a vector without a direction", remedy="use another export of it"
        )
    unit: NDArray[np.float32] = vectors / lengths
    return unit
