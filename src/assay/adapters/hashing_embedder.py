"""A deterministic embedder without a model: words hashed to dimensions. For tests and for machines without weights."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Texts to unit vectors by the hashing trick (Weinberger et al., 2009): texts that share words are close."""

    def __init__(self, dimensions: int = 64) -> None:
        if dimensions < 2:
            raise ValueError(f"dimensions must be 2 or more, not {dimensions}")
        self._dimensions = dimensions
        self.embedded = 0
        """How many texts were really embedded, for tests of caches."""

    @property
    def recipe(self) -> str:
        return f"hashing.v1(dimensions={self._dimensions})"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), rows of length 1; a text without words gets the first axis."""
        vectors = np.zeros((len(texts), self._dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower()):
                digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
                sign = 1.0 if digest[0] & 1 else -1.0
                vectors[row, int.from_bytes(digest[1:], "big") % self._dimensions] += sign
            norm = float(np.linalg.norm(vectors[row]))
            if norm == 0.0:
                vectors[row, 0] = norm = 1.0
            vectors[row] /= norm
        self.embedded += len(texts)
        return vectors
