"""The language of a text, by py3langid's character statistics."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

_SAMPLE_CHARS = 600
"""Enough for .99 of sentences; the walk over its bytes is the cost (4 ms for 2,000 characters, 1 ms for 600)."""
_MIN_LETTERS = 20
"""Below this the model is wrong too often: short text gets no tag."""
_MIN_LETTERS_DENSE = 6
"""The same for scripts in which one character stands for a syllable or a word."""
_DENSE = 0x2E80
_MIN_PROBABILITY = 0.85
_LOADING = threading.Lock()
_LOADED: list[Any] = []
"""The model, once for a process: every workspace that is open in it asks the same one."""


@dataclass
class Py3LangId:
    """A LanguageIdentifier. The model (a second of CPU, about 30 MB) is loaded with the first text in a process."""

    min_probability: float = _MIN_PROBABILITY

    def identify(self, text: str) -> str:
        """BCP 47 primary tag of the text's first 600 characters; empty when it is short or the model unsure."""
        sample = text[:_SAMPLE_CHARS]
        letters = sum(map(str.isalpha, sample))
        if letters < _MIN_LETTERS and sum(c.isalpha() and ord(c) >= _DENSE for c in sample) < _MIN_LETTERS_DENSE:
            return ""
        language, probability = _model().classify(sample)
        return str(language) if probability >= self.min_probability else ""


def _model() -> Any:
    with _LOADING:
        if not _LOADED:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
            # Languages with a two-letter tag: their rarer relatives (wuu and yue beside zh, pcm beside en) take
            # probability from short texts and are not what anybody here writes documents in.
            model.set_languages([label for label in model.labels if len(label) == 2])
            _LOADED.append(model)
        return _LOADED[0]
