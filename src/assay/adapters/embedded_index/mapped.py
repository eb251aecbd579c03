"""Vector segments as a search reads them: the float32 file and its small copy, both memory-mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.adapters.embedded_index.codes import FEWEST, Codes, codes_file, map_codes, write_codes
from assay.adapters.embedded_index.rows import Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MappedSegment:
    """`matrix` has shape (count, dimensions); `codes` is None where the segment is small or has no copy."""

    matrix: NDArray[np.float32]
    codes: Codes | None


def segment_file(name: str) -> str:
    return f"{name}.f32"


def map_segments(folder: Path, segments: Sequence[Segment]) -> tuple[dict[int, NDArray[np.float32]], tuple[int, ...]]:
    """Memory-mapped matrices by segment number, and the numbers of those that are torn or gone."""
    matrices: dict[int, NDArray[np.float32]] = {}
    torn: list[int] = []
    for segment in segments:
        path = folder / segment_file(segment.name)
        size = 4 * segment.count * segment.dimensions
        if not path.exists() or path.stat().st_size != size or not size:
            torn.append(segment.segment)
            continue
        matrices[segment.segment] = np.memmap(path, dtype="<f4", mode="r", shape=(segment.count, segment.dimensions))
    return matrices, tuple(torn)


class SegmentMaps:
    """The segments of one folder. A copy is made where there is none, and checked once for each process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies: dict[str, Codes | None] = {}

    def map(self, segments: Sequence[Segment]) -> tuple[dict[int, MappedSegment], tuple[int, ...]]:
        """Segments by number, and the numbers of those that are torn or gone."""
        matrices, torn = map_segments(self._folder, segments)
        names = {segment.segment: segment.name for segment in segments}
        self._copies = {
            names[number]: self._copies.get(names[number]) or self._copy(names[number], matrix)
            for number, matrix in matrices.items()
            if len(matrix) >= FEWEST
        }
        return {n: MappedSegment(matrix, self._copies.get(names[n])) for n, matrix in matrices.items()}, torn

    def _copy(self, name: str, matrix: NDArray[np.float32]) -> Codes | None:
        path = self._folder / codes_file(name)
        found = map_codes(path, name, *matrix.shape)
        if found is not None or name in self._copies:
            return found
        try:
            make_copy(self._folder, name, matrix)
        except OSError:  # a full disk or a folder that may only be read: the float32 file alone gives the same answers
            return None
        return map_codes(path, name, *matrix.shape)


def make_copy(folder: Path, name: str, matrix: NDArray[np.float32]) -> None:
    """Write the small copy of a segment that is large enough to need one. Raises OSError."""
    if len(matrix) < FEWEST:
        return
    path = folder / codes_file(name)
    write_codes(path, name, matrix)
    if not (folder / segment_file(name)).exists():  # compacted away meanwhile: nothing of it may stay
        path.unlink(missing_ok=True)
