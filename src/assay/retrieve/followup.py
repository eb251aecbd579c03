"""A follow-up question with the turns it leans on: each earlier turn counts half as much as the one after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def weighted_turns(text: str, history: Sequence[str], turns: int) -> tuple[tuple[str, int], ...]:
    """The question and at most `turns` of the turns before it, newest first, with whole weights that halve.

    On mtrag-un-pooled (338 of 377 questions have a history) nDCG@10 of the hybrid was .821 without history, .866 with
    the last turn put before the question, .880 with weights and one turn, .900 with weights and three.
    """
    earlier = [turn for turn in reversed(history) if turn.strip()][: max(turns, 0)]
    return tuple((turn, 1 << (len(earlier) - age)) for age, turn in enumerate((text, *earlier)))


def weighted_text(turns: Sequence[tuple[str, int]]) -> str:
    """For engines that count words: every turn as often as its weight says, so that only its words count more."""
    return "\n".join(text for text, weight in turns for _ in range(weight))


def weighted_vector(vectors: NDArray[np.float32], weights: Sequence[int]) -> NDArray[np.float32]:
    """Rows of shape (turns, dimensions) to one unit vector; the first row alone when they cancel out."""
    mean = np.asarray(weights, dtype=np.float32) @ vectors
    length = float(np.linalg.norm(mean))
    combined: NDArray[np.float32] = mean / length if length > 1e-6 else vectors[0]
    return combined
