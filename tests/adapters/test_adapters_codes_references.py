"""A scan of one-byte copies leaves the interpreter as it found it, however often it is done."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from assay.adapters.embedded_index.codes import FEWEST, CodedQuery, map_codes, write_codes


def test_scans_do_not_use_up_references_to_none(tmp_path: Path) -> None:
    """The library returns None without taking a reference when it is given a place to write to: after as many searches
    as there are references, some fifty thousand, the process would end."""
    rows = np.random.default_rng(1).normal(size=(FEWEST, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    name = "ab" * 32
    write_codes(tmp_path / "copy", name, rows)
    codes = map_codes(tmp_path / "copy", name, FEWEST, 16)
    assert codes is not None
    query = CodedQuery.of(rows[0])
    out = np.empty(FEWEST, dtype=np.float32)
    codes.products(query, out)
    before = sys.getrefcount(None)
    for _ in range(500):
        codes.products(query, out)
    assert abs(sys.getrefcount(None) - before) < 100
    assert int(out.argmax()) == 0
