"""Vectors in immutable files named by their hash: written whole, merged while small, never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.adapters.embedded_index.codes import COPY, codes_file
from assay.adapters.embedded_index.durable import write_durably
from assay.adapters.embedded_index.mapped import make_copy, map_segments, segment_file
from assay.adapters.embedded_index.rows import RowStore, Segment
from assay.records.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 4096
"""Rows below which a segment is still merged with others."""
MOST_SMALL = 16


class VectorFiles:
    """The vector segments of one index folder; what they hold is looked up in the row store, by content."""

    def __init__(self, folder: Path, rows: RowStore) -> None:
        self._folder = folder
        self._rows = rows

    def add(self, recipe: str, vectors: dict[bytes, NDArray[np.float32]]) -> None:
        """Vectors by content digest, on disk and looked up when this returns; those known already are not written."""
        dimensions = {segment.dimensions for segment in self._rows.segments(recipe)}
        for vector in vectors.values():
            _check(dimensions, vector)
        self.forget_torn(recipe)
        known = self._rows.known_contents(recipe, vectors)
        vectors = {content: vector for content, vector in vectors.items() if content not in known}
        if not vectors:
            self._rows.use_recipe(recipe)
            return
        matrix = np.stack([np.asarray(vector, dtype="<f4") for vector in vectors.values()])
        self._write(recipe, tuple(vectors), matrix, (), searched=True)
        small = [segment for segment in self._rows.segments(recipe) if segment.count < SMALL]
        if len(small) >= MOST_SMALL:
            self._merge(recipe, small, frozenset(), searched=True)

    def forget_torn(self, recipe: str) -> None:
        """Vectors whose file is shorter than it should be, or gone, become missing."""
        _, torn = map_segments(self._folder, self._rows.segments(recipe))
        if torn:
            self._rows.forget_segments(torn)

    def compact(self) -> None:
        """One segment for each recipe, with the vectors of indexed chunks; no other file of vectors remains."""
        for recipe in self._rows.recipes():
            segments = self._rows.segments(recipe)
            unused = self._rows.unused_contents(recipe)
            if len(segments) > 1 or unused:
                self._merge(recipe, segments, unused, searched=recipe == self._rows.state().recipe)
        self._sweep()

    def _merge(self, recipe: str, segments: Sequence[Segment], without: frozenset[bytes], *, searched: bool) -> None:
        matrices, torn = map_segments(self._folder, segments)
        contents: list[bytes] = []
        parts: list[NDArray[np.float32]] = []
        for number, matrix in matrices.items():
            kept = [(content, place) for content, place in self._rows.places(number) if content not in without]
            contents.extend(content for content, _ in kept)
            parts.append(matrix[[place for _, place in kept]])
        gone = [*matrices, *torn]
        if contents:
            self._write(recipe, tuple(contents), np.concatenate(parts), gone, searched=searched)
        else:
            self._rows.forget_segments(gone)
        self._unlink(segments)

    def _write(
        self,
        recipe: str,
        contents: tuple[bytes, ...],
        matrix: NDArray[np.float32],
        gone: Sequence[int],
        *,
        searched: bool,
    ) -> None:
        data = matrix.tobytes()
        name = hashlib.sha256(data).hexdigest()
        path = self._folder / segment_file(name)
        if not path.exists() or path.stat().st_size != len(data):
            write_durably(path, data)
        make_copy(self._folder, name, matrix)
        self._rows.replace_segments(recipe, name, matrix.shape[1], contents, gone, searched=searched)

    def _unlink(self, segments: Sequence[Segment]) -> None:
        """Remove files that no segment of any recipe names any more; snapshots hold links of their own."""
        still = self._rows.segment_names()
        for segment in segments:
            if segment.name not in still:
                (self._folder / segment_file(segment.name)).unlink(missing_ok=True)
                (self._folder / codes_file(segment.name)).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove every file that no segment names: what a crash or a copy made too late has left behind."""
        names = self._rows.segment_names()
        keep = {file(name) for name in names for file in (segment_file, codes_file)}
        for path in self._folder.iterdir():
            if path.name not in keep and path.suffix in (".f32", COPY, ".part"):
                path.unlink(missing_ok=True)


def _check(dimensions: set[int], vector: NDArray[np.float32]) -> None:
    dimensions.add(len(vector) if vector.ndim == 1 else -1)
    if len(dimensions) > 1:
        raise InputError("index.vector_shape", "these vectors have another length than those of the same recipe")
    if not abs(float(np.linalg.norm(vector)) - 1.0) < 1e-2:  # also true for what is not finite
        raise InputError("index.vector_norm", "vectors must be finite and of length 1")
