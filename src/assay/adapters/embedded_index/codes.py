"""A small copy of a file of vectors, one byte a number, that finds candidates fast and bounds its own error."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.adapters.embedded_index.durable import write_durably

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 1024
"""Vectors below which a segment has no copy: its float32 rows are scanned in a fraction of a millisecond anyway."""
COPY = ".i8"
_MAGIC = b"assay-i8"
_VERSION = 1
_HEADER = struct.Struct("<8sIIII32s")
_BLOCK = 8192
_LARGEST = 127


@dataclass(frozen=True)
class Codes:
    """Row i of a segment is about `scale[i] * codes[i]`, and off by a vector of length `error[i]` at most.

    Shapes: codes (count, dimensions) int8, scale and error (count,) float32; all memory-mapped.
    """

    codes: NDArray[np.int8]
    scale: NDArray[np.float32]
    error: NDArray[np.float32]

    def products(self, query: CodedQuery, out: NDArray[np.float32]) -> None:
        """Write the approximate inner product of every row with the query into `out`.

        |true - approximate| <= error[i] * |query| + (|row i| + error[i]) * query.error, by Cauchy and Schwarz.
        """
        import simsimd

        # One thread: the library lets go of Python's lock, so two searches use two cores; its own threads are OpenMP's,
        # which do not survive a fork. Its `out` argument is not used: in 6.5.16 each such call gives away a reference
        # to None that it does not have, and Python 3.11 ends the process when they are used up.
        found = simsimd.cdist(query.code, self.codes, metric="dot", out_dtype="f32")
        np.multiply(np.asarray(found)[0], self.scale, out=out)
        out *= query.scale


@dataclass(frozen=True)
class CodedQuery:
    """A query is about `scale * code` (shape (1, dimensions), int8), and off by a vector of length `error`."""

    code: NDArray[np.int8]
    scale: np.float32
    error: float

    @staticmethod
    def of(vector: NDArray[np.float32]) -> CodedQuery:
        scale, code = _coded(vector[None, :])
        return CodedQuery(code, scale[0], float(np.linalg.norm(vector - scale[0] * code[0])))


def codes_file(name: str) -> str:
    return f"{name}{COPY}"


def write_codes(path: Path, name: str, matrix: NDArray[np.float32]) -> None:
    """The copy of the segment `name`; whole or absent. Raises OSError."""
    data = _body(matrix)
    count, dimensions = matrix.shape
    header = _HEADER.pack(_MAGIC, _VERSION, count, dimensions, zlib.crc32(data), bytes.fromhex(name))
    write_durably(path, header + data)


def map_codes(path: Path, name: str, count: int, dimensions: int) -> Codes | None:
    """The copy at `path`; None when it is absent, torn, damaged or of another segment. Reads it once to know."""
    size = _HEADER.size + count * dimensions + 8 * count
    if not path.exists() or path.stat().st_size != size:
        return None
    whole = np.memmap(path, dtype=np.uint8, mode="r")
    stated = _HEADER.unpack(whole[: _HEADER.size].tobytes())
    body = whole[_HEADER.size :]
    if stated != (_MAGIC, _VERSION, count, dimensions, zlib.crc32(body.data), bytes.fromhex(name)):
        return None
    codes, scale, error = np.split(body, [count * dimensions, count * (dimensions + 4)])
    return Codes(codes.view(np.int8).reshape(count, dimensions), scale.view("<f4"), error.view("<f4"))


def _body(matrix: NDArray[np.float32]) -> bytes:
    """All codes, then all scales, then all errors, which are rounded up."""
    codes: list[bytes] = []
    scales: list[NDArray[np.float32]] = []
    errors: list[NDArray[np.float32]] = []
    for start in range(0, len(matrix), _BLOCK):
        block = np.asarray(matrix[start : start + _BLOCK], dtype=np.float32)
        scale, code = _coded(block)
        codes.append(code.tobytes())
        scales.append(scale)
        away = np.linalg.norm(block.astype(np.float64) - scale[:, None].astype(np.float64) * code, axis=1)
        errors.append(np.nextafter(away.astype(np.float32), np.float32(np.inf)))
    return b"".join([*codes, *(part.astype("<f4").tobytes() for part in (*scales, *errors))])


def _coded(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """(scale, codes) of each row: the largest number of a row becomes 127."""
    scale = (np.abs(rows).max(axis=1) / _LARGEST).astype(np.float32)
    scale[scale == 0] = 1.0
    return scale, np.rint(rows / scale[:, None]).astype(np.int8)
