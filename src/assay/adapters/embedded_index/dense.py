"""The nearest vectors inside a scope: a scan of one-byte copies that keeps every possible winner, then the exact score.

The copies bound their own error, so that what is left out of the second look cannot be among the best: the result is
that of a full float32 scan, whatever the filter. Only the rounding of float32 sums is left to chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.embedded_index.allowed import Allowance, AllowedRows
from assay.adapters.embedded_index.codes import CodedQuery
from assay.adapters.embedded_index.mapped import MappedSegment
from assay.records.access import Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NARROW = 0.05
"""Share of all vectors below which the allowed ones are fetched one by one: 1 % of 100,000 costs .4 ms so, and a scan
of all copies 3 ms."""
_GATHER_BELOW = 0.25
"""Copying single rows out of a segment costs about four times what scanning them in place does."""
_LONGEST = 1.01
"""Vectors of this length still count as unit vectors when they are added."""
_ROUNDING = 1e-5
"""More than what float32 sums over a few thousand numbers of at most 1 can be off."""


class DenseRows:
    """All rows that have a vector, in the order of segments and of places in them."""

    def __init__(
        self,
        segment: NDArray[np.int32],
        place: NDArray[np.int32],
        segments: Mapping[int, MappedSegment],
        allowed: AllowedRows,
    ) -> None:
        """`segment` and `place` are by row; `segment` is -1 where a row has no vector."""
        self._segment, self._place = segment, place
        self._segments = dict(segments)
        self._allowed = allowed
        self._base: dict[int, int] = {}
        self._length = 0
        for number, mapped in self._segments.items():
            self._base[number] = self._length
            self._length += len(mapped.matrix)
        self._error = np.zeros(self._length, dtype=np.float32)
        for number, mapped in self._segments.items():
            if mapped.codes is not None:
                self._error[self._here(number)] = mapped.codes.error
        base = np.full(max(self._base, default=0) + 2, -1, dtype=np.int64)  # the last one stands for -1
        for number, start in self._base.items():
            base[number] = start
        position = np.where(base[segment] >= 0, base[segment] + place, -1)
        order = np.argsort(position, kind="stable")
        self._rows = order[np.searchsorted(position[order], 0) :].astype(np.int32)
        self._positions = position[self._rows]
        self._access = allowed.access[self._rows]
        self._in_place = len(self._rows) == self._length and bool((self._positions == np.arange(self._length)).all())

    def best(
        self, vector: NDArray[np.float32], scope: Scope, limit: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """At least the `limit` best rows with their inner products, in no order; fewer when fewer are allowed."""
        allowance = self._allowed.of(scope)
        if allowance.chunks < _NARROW * len(self._rows):
            rows = self._allowed.rows(allowance)
            rows = rows[self._segment[rows] >= 0]
        else:
            rows = self._possible(vector, allowance, limit)
        return rows, self._exact(rows, vector)

    def _possible(self, vector: NDArray[np.float32], allowance: Allowance, limit: int) -> NDArray[np.int32]:
        """Every allowed row whose score may be among the best `limit`."""
        score, error = self._scanned(vector)
        rows, positions = self._rows, self._positions
        if not allowance.everything:
            mine = self._allowed.of_lists(allowance)[self._access]
            rows, positions = rows[mine], positions[mine]
        if len(rows) <= limit:
            return rows
        if not (self._in_place and allowance.everything):
            score, error = score[positions], error[positions]
        least = np.partition(score - error, len(rows) - limit)[len(rows) - limit]
        possible: NDArray[np.int32] = rows[score + error >= least]
        return possible

    def _scanned(self, vector: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(score, how far it may be off) of every place of every segment."""
        score = np.empty(self._length, dtype=np.float32)
        length = float(np.linalg.norm(vector))

        query = CodedQuery.of(vector)
        for number, mapped in self._segments.items():
            if mapped.codes is None:
                np.matmul(mapped.matrix, vector, out=score[self._here(number)])
            else:
                mapped.codes.products(query, score[self._here(number)])
        error = self._error * np.float32(length + query.error)
        error += np.float32(_LONGEST * query.error + _ROUNDING * max(length, 1.0))
        return score, error

    def _here(self, number: int) -> slice:
        """The places of a segment among those of all."""
        return slice(self._base[number], self._base[number] + len(self._segments[number].matrix))

    def _exact(self, rows: NDArray[np.int32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        score = np.empty(len(rows), dtype=np.float32)
        segment = self._segment[rows]
        for number in np.unique(segment):
            here = np.flatnonzero(segment == number)
            score[here] = _products(self._segments[int(number)].matrix, self._place[rows[here]], vector)
        return score


def _products(matrix: NDArray[np.float32], places: NDArray[np.int32], vector: NDArray[np.float32]) -> Any:
    if len(places) < _GATHER_BELOW * len(matrix):
        return matrix[places] @ vector
    return (matrix @ vector)[places]
