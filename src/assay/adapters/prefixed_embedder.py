"""Encoders that tell questions from passages by a prefix: one side of such a model, under the recipe of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.ports.index import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PrefixedEmbedder:
    """An embedder that puts `prefix` before every text. `sides` names both prefixes of the model: the recipe holds
    them, because vectors made with other prefixes cannot be compared."""

    def __init__(self, inner: Embedder, prefix: str, sides: tuple[str, str]) -> None:
        self._inner = inner
        self._prefix = prefix
        self._sides = sides

    @property
    def recipe(self) -> str:
        if not any(self._sides):
            return self._inner.recipe
        question, passage = self._sides
        return f"{self._inner.recipe} questions={question!r} passages={passage!r}"

    @property
    def dimensions(self) -> int:
        return self._inner.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), rows of length 1, in the order given."""
        return self._inner.embed([self._prefix + text for text in texts] if self._prefix else texts)
