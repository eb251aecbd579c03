"""The recogniser of names that a user stated a model for."""

from __future__ import annotations

from assay.ports.reading import Recognizer


def recognisers(model: str) -> tuple[Recognizer, ...]:
    """One by a spaCy model, or none where none is stated. Raises ConfigError without the extra or the model."""
    if not model:
        return ()
    from assay.adapters.spacy_names import SpacyNames

    return (SpacyNames(model),)
