"""Examples with a planted signal for the tests of this room."""

from __future__ import annotations

import numpy as np

from assay.retrieve.features import FEATURES
from assay.train.examples import Example


def planted(
    count: int, *, signal: str | None = "coverage", against: bool = False, seed: int = 0, slices: tuple[str, ...] = ()
) -> tuple[Example, ...]:
    """Questions with ten candidates, one of which is right at a random rank; `signal` is high on it, and low with
    `against`. Every three questions share a cluster."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        features = rng.normal(0, 0.1, size=(10, len(FEATURES)))
        features[:, FEATURES.index("fused")] = np.linspace(1.0, 0.5, 10)
        right = int(rng.integers(0, 10))
        if signal:
            features[right, FEATURES.index(signal)] += -1.0 if against else 1.0
        rows = np.zeros(10, dtype=bool)
        rows[right] = True
        documents = tuple(f"q{number}-d{row}" for row in range(10))
        grades = {documents[right]: 1}
        made.append(Example(f"q{number}", slices, f"c{number // 3}", features, documents, ((1, rows),), grades))
    return tuple(made)
