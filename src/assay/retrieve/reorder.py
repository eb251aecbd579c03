"""A new order for what was found, and nothing but an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assay.records.retrieval import Ranked


def reordered(checked: Sequence[Ranked], proposed: Sequence[Ranked]) -> list[Ranked]:
    """The checked candidates in the proposed order, with the stages that were proposed.

    What was not checked is left out, what the proposal forgot follows at the end, and a chunk is always the checked
    one: a reranker is a model, and no model may widen access. The fused scores are dealt out again from the best, so
    that they fall with the rank and keep their unit for whoever reads them.
    """
    known = {item.chunk.chunk_id: item for item in checked}
    stages = {item.chunk.chunk_id: item.stages for item in reversed(proposed)}
    order = list(dict.fromkeys(item.chunk.chunk_id for item in proposed if item.chunk.chunk_id in known))
    order.extend(chunk_id for chunk_id in known if chunk_id not in stages)
    scores = sorted((item.score for item in checked), reverse=True)
    return [
        replace(known[chunk_id], score=score, stages=stages.get(chunk_id, known[chunk_id].stages))
        for chunk_id, score in zip(order, scores, strict=True)
    ]
