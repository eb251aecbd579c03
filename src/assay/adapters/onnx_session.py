"""What every encoder on onnxruntime shares: a session that keeps memory flat, batches by length, digests of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assay.records.errors import Unavailable


def open_session(model: Path, threads: int) -> Any:
    """An inference session on the processor; `threads` 0 means one per core. Raises Unavailable (`embedder.load`)."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as failures

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # An arena keeps the largest batch for ever: 739 MB against 230 MB after batches of 32 passages.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except (failures.Fail, failures.InvalidProtobuf, failures.InvalidGraph, failures.NoSuchFile) as error:
        raise Unavailable(
            "embedder.load", "the file is no model that onnxruntime can read", where=model.name
        ) from error


def batches_by_length(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Rows grouped by length, so that little is padded; at most `batch_tokens` padded tokens a group."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > batch_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def file_digest(path: Path) -> str:
    """SHA-256, 64 hex digits. Raises Unavailable (`embedder.load`)."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unavailable("embedder.load", "a model file cannot be read", where=path.name) from error
